/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads that nobody waits for at once: page-locked memory, which the card writes by itself while
 * the queue goes on, and events that say how far it has come. */
#include "cuda.h"

#include <stdlib.h>

struct fk_mark {
    struct cuda_state *state;
    cudaEvent_t event;
};

static struct cuda_state *state_of(struct fk_device *device)
{
    return static_cast<struct cuda_state *>(device->state);
}

static void *landing_new(struct fk_device *device, size_t bytes)
{
    void *landing = NULL;
    if (cuda_enter(state_of(device)) && cudaMallocHost(&landing, bytes ? bytes : 1) == cudaSuccess)
        return landing;
    cudaGetLastError();
    return NULL;
}

static void landing_free(struct fk_device *device, void *landing)
{
    cuda_enter(state_of(device));
    cudaFreeHost(landing);
}

static bool enter(struct fk_queue *q)
{
    return cuda_ok(q, cudaSetDevice(q->state->ordinal), "the GPU");
}

static bool download_later(struct fk_queue *q, void *landing, const void *device_memory,
                           size_t bytes)
{
    return enter(q) && cuda_ok(q,
                               cudaMemcpyAsync(landing, device_memory, bytes,
                                               cudaMemcpyDeviceToHost, q->stream),
                               "download");
}

static struct fk_mark *mark_new(struct fk_device *device)
{
    struct fk_mark *mark = static_cast<struct fk_mark *>(calloc(1, sizeof *mark));
    if (!mark)
        return NULL;
    mark->state = state_of(device);
    if (cuda_enter(mark->state) &&
        cudaEventCreateWithFlags(&mark->event, cudaEventDisableTiming) == cudaSuccess)
        return mark;
    cudaGetLastError();
    free(mark);
    return NULL;
}

static void mark_free(struct fk_mark *mark)
{
    if (!mark)
        return;
    cuda_enter(mark->state);
    cudaEventDestroy(mark->event);
    free(mark);
}

static bool mark_place(struct fk_queue *q, struct fk_mark *mark)
{
    return enter(q) && cuda_ok(q, cudaEventRecord(mark->event, q->stream), "the GPU");
}

static bool mark_wait(struct fk_queue *q, struct fk_mark *mark)
{
    return enter(q) && cuda_ok(q, cudaEventSynchronize(mark->event), "the GPU");
}

void cuda_landing_install(struct cuda_state *state)
{
    struct fk_device *d = &state->device;
    d->landing_new = landing_new;
    d->landing_free = landing_free;
    d->download_later = download_later;
    d->mark_new = mark_new;
    d->mark_free = mark_free;
    d->mark_place = mark_place;
    d->mark_wait = mark_wait;
}
