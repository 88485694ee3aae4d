/* SPDX-License-Identifier: Apache-2.0 */
#include "recorded.h"

#include <stdlib.h>
#include <string.h>

enum { N_ITEMS = 6 };

bool fit_recorded_is_possible(const struct fk_device *device)
{
    return device->graph_begin && device->graph_end && device->graph_launch && device->graph_free;
}

static void list_items(struct fit_scratch_item *items, struct fit_recorded *r,
                       const struct fit_config *k, int images, int tokens, int most_rows)
{
    size_t n = (size_t)tokens, rows = (size_t)images, wide = sizeof(float);
    size_t hidden = (size_t)k->hidden, depth = (size_t)k->depth;
    const struct fit_scratch_item list[N_ITEMS] = {
        {"recorded state", &r->x, n * (size_t)fit_config_features(k) * wide},
        {"recorded velocity", &r->velocity, n * (size_t)fit_config_outputs(k) * wide},
        {"recorded modulation", &r->block, depth * rows * 6 * hidden * wide},
        {"recorded final modulation", &r->final, rows * 2 * hidden * wide},
        {"recorded rows", &r->row, (depth + 1) * rows * sizeof(int32_t)},
        {"lists of rows", &r->lists, (depth + 1) * (size_t)most_rows * sizeof(int32_t)},
    };
    memcpy(items, list, sizeof list);
}

size_t fit_recorded_bytes(const struct fit_config *config, int images, int tokens, int rows)
{
    struct fit_recorded none;
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, &none, config, images, tokens, rows);
    return fit_scratch_bytes(items, N_ITEMS);
}

bool fit_recorded_init(struct fit_recorded *r, struct fk_device *device,
                       const struct fit_config *config, int images, int tokens, int rows,
                       struct fit_error *error)
{
    struct fit_scratch_item items[N_ITEMS];
    *r = (struct fit_recorded){.most_rows = rows};
    list_items(items, r, config, images, tokens, rows);
    return fit_scratch_reserve(&r->scratch, device, items, N_ITEMS, error);
}

static void forget_graph(struct fit_recorded *r)
{
    if (r->graph)
        r->scratch.device->graph_free(r->graph);
    r->graph = NULL;
    r->evaluations = 0;
}

void fit_recorded_finish(struct fit_recorded *r)
{
    forget_graph(r);
    fit_scratch_finish(&r->scratch);
    memset(r, 0, sizeof *r);
}

/* Of each evaluation the row of every block and image, by its number in the modulation
 * [depth][rows][6 hidden]; the final layer's are numbered anew. */
static bool send_lists(struct fit_recorded *r, struct fit_compute *c, int depth, int rows,
                       int images)
{
    size_t n = 0, bytes = (size_t)(depth + 1) * (size_t)rows * sizeof(int32_t);
    int32_t *list = malloc(bytes);
    if (!list)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for the rows of evaluations");
    for (int first = 0; first < rows; first += images)
        for (int i = 0; i <= depth; i++)
            for (int b = 0; b < images; b++)
                list[n++] = (i < depth ? i * rows : 0) + first + b;
    bool ok = fit_compute_check(c, c->device->upload(c->queue, r->lists, list, bytes));
    free(list);
    r->listed_rows = ok ? rows : 0;
    return ok;
}

/* The list for the rows from `first_row` on. */
static bool place_rows(struct fit_recorded *r, struct fit_compute *c, int depth, int rows,
                       int images, int first_row)
{
    size_t n = (size_t)(depth + 1) * (size_t)images;
    const int32_t *list = r->lists + (size_t)(first_row / images) * n;
    return (r->listed_rows == rows || send_lists(r, c, depth, rows, images)) &&
           fit_compute_check(c, c->device->copy(c->queue, r->row, list, n * sizeof *list));
}

/* What is recorded. */
static bool evaluate(struct fit_recorded *r, struct fit_compute *c,
                     const struct fit_network *network, struct fit_activations *activations,
                     const struct fk_pack *pack, const float *cosine, const float *sine,
                     const struct fit_modulation *m)
{
    const struct fit_config *k = &network->config;
    int images = pack->n_images;
    const struct fit_modulation own = {.rows = images, .block = r->block, .final = r->final};
    return fit_run(c, embed_rows, r->block, fk_f32(m->block), r->row, k->depth * images,
                   6 * k->hidden) &&
           fit_run(c, embed_rows, r->final, fk_f32(m->final), r->row + k->depth * images, images,
                   2 * k->hidden) &&
           fit_forward(c, network, activations, r->velocity, r->x, pack, cosine, sine, &own, 0);
}

static bool record(struct fit_recorded *r, struct fit_compute *c,
                   const struct fit_network *network, struct fit_activations *activations,
                   const struct fk_pack *pack, const float *cosine, const float *sine,
                   const struct fit_modulation *m)
{
    struct fk_device *d = c->device;
    if (!d->graph_begin(c->queue)) {
        r->refused = true;
        return evaluate(r, c, network, activations, pack, cosine, sine, m);
    }
    bool ok = evaluate(r, c, network, activations, pack, cosine, sine, m);
    r->graph = d->graph_end(c->queue);
    if (!ok) {
        forget_graph(r);
        return false;
    }
    if (r->graph)
        return fit_compute_check(c, d->graph_launch(r->graph));
    r->refused = true;
    return evaluate(r, c, network, activations, pack, cosine, sine, m);
}

static bool run(struct fit_recorded *r, struct fit_compute *c, const struct fit_network *network,
                struct fit_activations *activations, const struct fk_pack *pack,
                const float *cosine, const float *sine, const struct fit_modulation *m)
{
    if (r->source != m->block || r->source_rows != m->rows)
        forget_graph(r);
    r->source = m->block;
    r->source_rows = m->rows;
    r->evaluations++;
    if (r->graph)
        return fit_compute_check(c, c->device->graph_launch(r->graph));
    return r->evaluations == 2 && !r->refused
               ? record(r, c, network, activations, pack, cosine, sine, m)
               : evaluate(r, c, network, activations, pack, cosine, sine, m);
}

bool fit_recorded_forward(struct fit_recorded *r, struct fit_compute *c,
                          const struct fit_network *network, struct fit_activations *activations,
                          float *velocity, const float *x, const struct fk_pack *pack,
                          const float *cosine, const float *sine,
                          const struct fit_modulation *m, int first_row)
{
    const struct fit_config *k = &network->config;
    size_t n = (size_t)pack->n_tokens;
    size_t in = n * (size_t)fit_config_features(k) * sizeof *x;
    size_t out = n * (size_t)fit_config_outputs(k) * sizeof *velocity;
    struct fk_device *d = c->device;
    if (first_row < 0 || first_row + pack->n_images > m->rows || m->rows > r->most_rows ||
        first_row % pack->n_images || m->rows % pack->n_images)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT,
                        "modulation row %d of %d images, of %d rows with room for %d", first_row,
                        pack->n_images, m->rows, r->most_rows);
    return place_rows(r, c, k->depth, m->rows, pack->n_images, first_row) &&
           fit_compute_check(c, d->copy(c->queue, r->x, x, in)) &&
           run(r, c, network, activations, pack, cosine, sine, m) &&
           fit_compute_check(c, d->copy(c->queue, velocity, r->velocity, out));
}
