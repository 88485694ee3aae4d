/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams, events, graphs, and the copies that go through them. A stream does its work at once; with
 * FK_SHIM_LATE as late as it may, when somebody waits for it, so that whatever is read or given back
 * too early is wrong here as it would be there.
 */
#include "stream.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <stdlib.h>
#include <unistd.h>
#include <vector>

typedef std::function<void()> work;

struct cuda_shim_graph {
    std::vector<work> pieces;
};

struct cuda_shim_stream {
    cuda_shim_graph *recording;
    bool late;
    std::deque<work> kept;
    size_t n_done; /* of all that was ever submitted */
};

struct cuda_shim_event {
    cuda_shim_stream *stream; /* NULL: recorded nowhere, or on one that is gone */
    size_t behind;            /* of the stream's works, so many */
    std::shared_ptr<double> ms;
};

cudaError_t lost;
std::recursive_mutex one_at_a_time;
static std::set<cuda_shim_stream *> streams;
static std::set<cuda_shim_event *> events;
static std::map<const unsigned char *, size_t> landings; /* page-locked memory */

/* ---- streams ------------------------------------------------------------------------------ */

static void run(const work &piece)
{
    device_works now;
    if (!lost)
        piece();
}

static void run_until(cuda_shim_stream *stream, size_t n)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    while (stream->n_done < n && !stream->kept.empty()) {
        work piece = std::move(stream->kept.front());
        stream->kept.pop_front();
        stream->n_done++;
        run(piece);
    }
}

void streams_finish()
{
    for (cuda_shim_stream *stream : streams)
        run_until(stream, SIZE_MAX);
}

void stream_submit(cudaStream_t stream, work piece)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    if (stream->recording)
        stream->recording->pieces.push_back(std::move(piece));
    else if (stream->late)
        stream->kept.push_back(std::move(piece));
    else
        run(piece);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    (void)flags;
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    *stream = new cuda_shim_stream();
    (*stream)->late = getenv("FK_SHIM_LATE");
    streams.insert(*stream);
    return lost;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority)
{
    (void)priority;
    return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    run_until(stream, SIZE_MAX);
    for (cuda_shim_event *event : events)
        if (event->stream == stream)
            event->stream = NULL;
    streams.erase(stream);
    delete stream;
    return lost;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    if (stream->recording)
        return cudaErrorStreamCaptureUnsupported;
    run_until(stream, SIZE_MAX);
    return lost;
}

/* ---- copies ------------------------------------------------------------------------------- */

/* New memory holds what no download brings. */
cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    *p = lost ? NULL : malloc(bytes);
    if (!*p)
        return cudaErrorMemoryAllocation;
    memset(*p, 0xff, bytes);
    landings[static_cast<unsigned char *>(*p)] = bytes;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *p)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    landings.erase(static_cast<unsigned char *>(p));
    free(p);
    return lost;
}

static bool is_page_locked(const void *p)
{
    const unsigned char *byte = static_cast<const unsigned char *>(p);
    auto after = landings.upper_bound(byte);
    return after != landings.begin() && byte < std::prev(after)->first + std::prev(after)->second;
}

/* Of memory that may be paged out the runtime takes a copy before it returns, and it returns when
 * what goes there is there. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    if (lost)
        return lost;
    if (stream->recording && kind != cudaMemcpyDeviceToDevice)
        return cudaErrorStreamCaptureUnsupported;
    if (kind == cudaMemcpyHostToDevice && stream->late && !is_page_locked(from)) {
        const unsigned char *first = static_cast<const unsigned char *>(from);
        std::vector<unsigned char> own(first, first + bytes);
        stream_submit(stream, [=] { memcpy(to, own.data(), bytes); });
        return cudaSuccess;
    }
    stream_submit(stream, [=] { memmove(to, from, bytes); });
    if (kind == cudaMemcpyDeviceToHost && !is_page_locked(to))
        run_until(stream, SIZE_MAX);
    return lost;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    cuda_shim_stream at_once = {};
    return cudaMemcpyAsync(to, from, bytes, kind, &at_once);
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream)
{
    if (!lost)
        stream_submit(stream, [=] { memset(p, value, bytes); });
    return lost;
}

/* ---- events ------------------------------------------------------------------------------- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    (void)flags;
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    *event = new cuda_shim_event();
    (*event)->ms = std::make_shared<double>(0);
    events.insert(*event);
    return lost;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, 0);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    events.erase(event);
    delete event;
    return lost;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    std::shared_ptr<double> ms = event->ms;
    stream_submit(stream, [ms] { *ms = cuda_shim_clock_ms; });
    event->stream = stream;
    event->behind = stream->n_done + stream->kept.size();
    return lost;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    if (event->stream)
        run_until(event->stream, event->behind);
    return lost;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    const char *wanted = getenv("FK_SHIM_GL");
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    bool waits = event->stream && event->stream->n_done < event->behind &&
                 !event->stream->kept.empty();
    bool busy = event->stream && wanted && !strcmp(wanted, "busy");
    return waits || busy ? cudaErrorNotReady : lost;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begin, cudaEvent_t end)
{
    *ms = (float)(*end->ms - *begin->ms);
    return lost;
}

/* ---- graphs ------------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    (void)mode;
    if (stream->recording)
        return cudaErrorStreamCaptureUnsupported;
    stream->recording = new cuda_shim_graph();
    return lost;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = stream->recording;
    stream->recording = NULL;
    return *graph ? lost : cudaErrorInvalidValue;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, void *nodes, size_t *n)
{
    (void)nodes;
    *n = graph->pieces.size();
    return lost;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned flags)
{
    (void)flags;
    *executable = new cuda_shim_graph(*graph);
    return lost;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream)
{
    {
        std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
        for (const work &piece : executable->pieces)
            stream_submit(stream, piece);
    }
    usleep(100); /* a mutex is not fair: another thread that waits for the device has its turn */
    return lost;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return lost;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable)
{
    delete executable;
    return lost;
}
