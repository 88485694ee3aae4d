/* SPDX-License-Identifier: Apache-2.0 */
/* Operations recorded once and launched as one: hundreds of launches cost the processor one call,
 * and the card no gaps. */
#include "retired.h"

#include <new>
#include <stdlib.h>

struct fk_graph {
    struct fk_queue *q;
    cudaGraphExec_t executable;
};

struct cuda_retired {
    struct cuda_retired *next;
    void *memory;
};

void cuda_retire(struct fk_queue *q, void *memory)
{
    struct cuda_retired *r =
        q->n_graphs && memory ? static_cast<struct cuda_retired *>(malloc(sizeof *r)) : NULL;
    if (!r) {
        cudaFree(memory); /* waits for what runs */
        return;
    }
    r->memory = memory;
    r->next = q->retired;
    q->retired = r;
}

void cuda_retired_free(struct fk_queue *q)
{
    while (q->retired) {
        struct cuda_retired *next = q->retired->next;
        cudaFree(q->retired->memory);
        free(q->retired);
        q->retired = next;
    }
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
              cuda_ok(q, cudaGraphInstantiate(&graph->executable, recorded, 0), "recording");
    if (recorded)
        cudaGraphDestroy(recorded);
    if (!ok) {
        free(graph);
        return NULL;
    }
    graph->q = q;
    q->n_graphs++;
    return graph;
}

static bool graph_launch(struct fk_graph *graph)
{
    return cuda_ok(graph->q, cudaGraphLaunch(graph->executable, graph->q->stream), "graph");
}

static void graph_free(struct fk_graph *graph)
{
    if (!graph)
        return;
    cudaStreamSynchronize(graph->q->stream);
    cudaGraphExecDestroy(graph->executable);
    if (--graph->q->n_graphs == 0)
        cuda_retired_free(graph->q);
    free(graph);
}

void cuda_graph_install(struct fk_device *device)
{
    device->graph_begin = graph_begin;
    device->graph_end = graph_end;
    device->graph_launch = graph_launch;
    device->graph_free = graph_free;
}
