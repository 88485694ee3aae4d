/* SPDX-License-Identifier: Apache-2.0 */
/* Operations recorded once and launched as one: hundreds of launches cost the processor one call,
 * and the card no gaps. */
#include "cuda.h"

#include <mutex>
#include <new>
#include <stdlib.h>
#include <vector>

struct fk_graph {
    struct fk_queue *q;
    cudaGraphExec_t executable;
    size_t pieces; /* of work */
};

/* Memory that operations were recorded with must outlive their graphs. */
struct cuda_graphs {
    std::mutex lock;
    int n;
    std::vector<void *> retired;
};

void cuda_retire(struct cuda_state *state, void *memory)
{
    struct cuda_graphs *g = state->graphs;
    std::lock_guard<std::mutex> hold(g->lock);
    if (!g->n) {
        cudaFree(memory); /* waits for what runs */
        return;
    }
    try {
        if (memory)
            g->retired.push_back(memory);
    } catch (const std::bad_alloc &) { /* lost until the program ends, but never used too late */
    }
}

static void count_graphs(struct cuda_state *state, int change)
{
    struct cuda_graphs *g = state->graphs;
    std::lock_guard<std::mutex> hold(g->lock);
    g->n += change;
    if (g->n)
        return;
    for (void *memory : g->retired)
        cudaFree(memory);
    g->retired.clear();
}

static bool graph_begin(struct fk_queue *q)
{
    q->recording = cudaSetDevice(q->state->ordinal) == cudaSuccess &&
                   cuda_ok(q, cudaStreamBeginCapture(q->stream, cudaStreamCaptureModeThreadLocal),
                           "recording");
    return q->recording;
}

static struct fk_graph *graph_end(struct fk_queue *q)
{
    cudaGraph_t recorded = NULL;
    struct fk_graph *graph = static_cast<struct fk_graph *>(calloc(1, sizeof *graph));
    q->recording = false;
    bool ok = cuda_ok(q, cudaStreamEndCapture(q->stream, &recorded), "recording") &&
              (graph || cuda_fail(q, "no memory for a graph")) &&
              cuda_ok(q, cudaGraphGetNodes(recorded, NULL, &graph->pieces), "recording") &&
              cuda_ok(q, cudaGraphInstantiate(&graph->executable, recorded, 0), "recording");
    if (recorded)
        cudaGraphDestroy(recorded);
    if (!ok) {
        free(graph);
        return NULL;
    }
    graph->q = q;
    count_graphs(q->state, 1);
    return graph;
}

static bool graph_launch(struct fk_graph *graph)
{
    return cuda_ok(graph->q, cudaGraphLaunch(graph->executable, graph->q->stream), "graph");
}

static int graph_size(const struct fk_graph *graph)
{
    return (int)graph->pieces;
}

static void graph_free(struct fk_graph *graph)
{
    if (!graph)
        return;
    cudaStreamSynchronize(graph->q->stream);
    cudaGraphExecDestroy(graph->executable);
    count_graphs(graph->q->state, -1);
    free(graph);
}

bool cuda_graph_install(struct cuda_state *state)
{
    state->graphs = new (std::nothrow) cuda_graphs();
    state->device.graph_begin = graph_begin;
    state->device.graph_end = graph_end;
    state->device.graph_launch = graph_launch;
    state->device.graph_free = graph_free;
    state->device.graph_size = graph_size;
    return state->graphs != NULL;
}

void cuda_graph_finish(struct cuda_state *state)
{
    delete state->graphs;
}
