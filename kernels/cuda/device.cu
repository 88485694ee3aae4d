/* SPDX-License-Identifier: Apache-2.0 */
/* A CUDA card as a device: the runtime's memory, streams and errors in the words of fk.h. */
#include "cuda.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "open.h"
#include "tuning.h"

enum {
    OLDEST_CAPABILITY = 75,
    LANDING_BYTES = 4 << 20 /* a picture of 1024 x 1024 */
};

bool cuda_fail(struct fk_queue *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(q->error, sizeof q->error, format, arguments);
    va_end(arguments);
    return false;
}

bool cuda_ok(struct fk_queue *q, cudaError_t status, const char *what)
{
    return status == cudaSuccess || cuda_fail(q, "%s: %s", what, cudaGetErrorString(status));
}

void *cuda_scratch(struct fk_queue *q, int slot, size_t bytes)
{
    if (q->scratch[slot] && q->scratch_bytes[slot] >= bytes)
        return q->scratch[slot];
    if (q->recording) { /* what is recorded has run before, in the same sizes */
        cuda_fail(q, "scratch memory grew from %zu to %zu bytes while a graph was recorded",
                  q->scratch_bytes[slot], bytes);
        return NULL;
    }
    void *larger = NULL;
    cuda_retire(q->state, q->scratch[slot]);
    q->scratch[slot] = NULL;
    q->scratch_bytes[slot] = 0;
    cudaError_t status = cudaMalloc(&larger, bytes ? bytes : 1);
    if (status != cudaSuccess) {
        cudaGetLastError(); /* an allocation that fails leaves the device whole */
        cuda_fail(q, "%zu bytes of scratch memory: %s", bytes, cudaGetErrorString(status));
        return NULL;
    }
    q->scratch_bytes[slot] = bytes;
    return q->scratch[slot] = larger;
}

static struct cuda_state *state_of(struct fk_device *device)
{
    return static_cast<struct cuda_state *>(device->state);
}

bool cuda_enter(const struct cuda_state *state)
{
    return cudaSetDevice(state->ordinal) == cudaSuccess;
}

static void *alloc(struct fk_device *device, size_t bytes)
{
    void *p = NULL;
    if (!cuda_enter(state_of(device)) || cudaMalloc(&p, bytes ? bytes : 1) != cudaSuccess) {
        cudaGetLastError();
        return NULL;
    }
    return p;
}

static void release(struct fk_device *device, void *p)
{
    cuda_enter(state_of(device));
    cudaFree(p);
}

static bool memory(struct fk_device *device, size_t *free_bytes, size_t *total_bytes)
{
    return cuda_enter(state_of(device)) && cudaMemGetInfo(free_bytes, total_bytes) == cudaSuccess;
}

static void queue_free(struct fk_queue *q)
{
    if (!q)
        return;
    cuda_enter(q->state);
    if (q->stream)
        cudaStreamSynchronize(q->stream);
    for (int slot = 0; slot < CUDA_SCRATCH_SLOTS; slot++)
        cudaFree(q->scratch[slot]);
    cudaFreeHost(q->landing);
    cuda_gemm_free(q->gemm);
    if (q->stream)
        cudaStreamDestroy(q->stream);
    free(q);
}

static struct fk_queue *queue_new(struct fk_device *device)
{
    struct fk_queue *q = static_cast<struct fk_queue *>(calloc(1, sizeof *q));
    if (!q)
        return NULL;
    q->state = state_of(device);
    if (cuda_enter(q->state) &&
        cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking) == cudaSuccess &&
        (q->gemm = cuda_gemm_new(q->state)) != NULL)
        return q;
    queue_free(q);
    return NULL;
}

static bool queue_sync(struct fk_queue *q)
{
    return cuda_enter(q->state) && cuda_ok(q, cudaStreamSynchronize(q->stream), "the GPU");
}

static const char *queue_error(struct fk_queue *q)
{
    return q->error;
}

static bool transfer(struct fk_queue *q, void *to, const void *from, size_t bytes,
                     enum cudaMemcpyKind kind, const char *what)
{
    return cuda_enter(q->state) && cuda_ok(q, cudaMemcpyAsync(to, from, bytes, kind, q->stream), what);
}

/* From memory that may be paged out the runtime takes its copy before it returns. */
static bool upload(struct fk_queue *q, void *device_memory, const void *host, size_t bytes)
{
    return transfer(q, device_memory, host, bytes, cudaMemcpyHostToDevice, "upload");
}

/* Page-locked memory, which the card writes by itself; without it the runtime takes its own way. */
static bool has_landing(struct fk_queue *q)
{
    if (q->landing || !cuda_enter(q->state))
        return q->landing;
    if (cudaMallocHost(&q->landing, LANDING_BYTES) != cudaSuccess) {
        cudaGetLastError();
        q->landing = NULL;
    }
    return q->landing;
}

static bool download(struct fk_queue *q, void *host, const void *device_memory, size_t bytes)
{
    bool lands = bytes <= LANDING_BYTES && has_landing(q);
    void *to = lands ? q->landing : host;
    bool ok = transfer(q, to, device_memory, bytes, cudaMemcpyDeviceToHost, "download") &&
              queue_sync(q);
    if (ok && lands)
        memcpy(host, q->landing, bytes);
    return ok;
}

static bool copy(struct fk_queue *q, void *to, const void *from, size_t bytes)
{
    return transfer(q, to, from, bytes, cudaMemcpyDeviceToDevice, "copy");
}

static bool zero(struct fk_queue *q, void *device_memory, size_t bytes)
{
    return cuda_enter(q->state) &&
           cuda_ok(q, cudaMemsetAsync(device_memory, 0, bytes, q->stream), "zero");
}

static void close_device(struct fk_device *device)
{
    struct cuda_state *state = state_of(device);
    cuda_enter(state);
    cuda_weights_finish(state);
    cuda_graph_finish(state);
    cuda_tuning_finish(state);
    free(state);
}

static void install(struct fk_ops *ops)
{
    cuda_linear_install(ops);
    cuda_attention_install(ops);
    cuda_conv_install(ops);
    cuda_norm_install(ops);
    cuda_rope_install(ops);
    cuda_group_norm_install(ops);
    cuda_activation_install(ops);
    cuda_embed_install(ops);
    cuda_elementwise_install(ops);
    cuda_image_install(ops);
    cuda_random_install(ops);
    cuda_optim_install(ops);
}

static bool linear_told(struct fk_queue *q, struct fk_algorithm *algorithm)
{
    return cuda_gemm_told(q->gemm, algorithm);
}

static void fill(struct cuda_state *state, const struct cudaDeviceProp *properties)
{
    struct fk_device *d = &state->device;
    d->abi = FK_ABI;
    d->name = "cuda";
    snprintf(d->model, sizeof d->model, "%.127s", properties->name);
    const char *tf32 = getenv("FIT_CUDA_TF32");
    d->caps.native_bf16 = state->capability >= 80;
    d->caps.tf32 = state->capability >= 80 && tf32 && !strcmp(tf32, "1");
    snprintf(d->caps.isa, sizeof d->caps.isa, "compute capability %d.%d", properties->major,
             properties->minor);
    d->ops = &state->ops;
    d->state = state;
    d->close = close_device;
    d->alloc = alloc;
    d->free = release;
    d->memory = memory;
    d->queue_new = queue_new;
    d->queue_free = queue_free;
    d->queue_sync = queue_sync;
    d->queue_error = queue_error;
    d->upload = upload;
    d->download = download;
    d->copy = copy;
    d->zero = zero;
    d->linear_told = linear_told;
    cuda_landing_install(state);
    cuda_gl_install(state);
    install(&state->ops);
}

/* The first card that is new enough; -1 with a sentence. */
static int find_card(struct cudaDeviceProp *properties, char *message, size_t message_bytes)
{
    int n = 0;
    cudaError_t status = cudaGetDeviceCount(&n);
    if (status != cudaSuccess || n < 1) {
        snprintf(message, message_bytes, "no CUDA device: %s",
                 status == cudaSuccess ? "none is installed" : cudaGetErrorString(status));
        return -1;
    }
    for (int i = 0; i < n; i++) {
        if (cudaGetDeviceProperties(properties, i) != cudaSuccess)
            continue;
        if (10 * properties->major + properties->minor >= OLDEST_CAPABILITY)
            return i;
        snprintf(message, message_bytes,
                 "%.80s has compute capability %d.%d, expected %d.%d or later", properties->name,
                 properties->major, properties->minor, OLDEST_CAPABILITY / 10,
                 OLDEST_CAPABILITY % 10);
    }
    if (!message[0])
        snprintf(message, message_bytes, "no CUDA device answers");
    return -1;
}

struct fk_device *cuda_device_open(const struct fk_open_params *params, char *message,
                                   size_t message_bytes)
{
    (void)params; /* threads are the processor's */
    struct cudaDeviceProp properties;
    message[0] = '\0';
    int ordinal = find_card(&properties, message, message_bytes);
    if (ordinal < 0)
        return NULL;
    message[0] = '\0';
    struct cuda_state *state = static_cast<struct cuda_state *>(calloc(1, sizeof *state));
    if (state) {
        state->ordinal = ordinal;
        state->capability = 10 * properties.major + properties.minor;
        state->n_processors = properties.multiProcessorCount;
        fill(state, &properties);
        cudaError_t status = cudaSetDevice(ordinal);
        if (status == cudaSuccess && cuda_graph_install(state) && cuda_weights_install(state) &&
            cuda_tuning_install(state)) {
            cuda_attention_try(state, message, message_bytes);
            return &state->device;
        }
        snprintf(message, message_bytes, "%.80s cannot be used: %s", properties.name,
                 status == cudaSuccess ? "no memory" : cudaGetErrorString(status));
        close_device(&state->device);
        return NULL;
    }
    snprintf(message, message_bytes, "no memory for the GPU's device");
    return NULL;
}
