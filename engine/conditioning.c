/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From (time, class) to the modulation of every block (FiTv2 section III):
 *
 *   T = W2 silu(W1 wave(t)),  Y = table[y],  a = silu(T + Y),  G = Wg a
 *   block i: G + Wout_i (Win_i a)          final: Wf a
 *
 * The first version has no G, and W_i a in every block.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit_forward.h"

enum { N_ITEMS = 11 };

static void list_items(struct fit_scratch_item *items, struct fit_modulation *m,
                       const struct fit_config *k, int rows)
{
    size_t n = (size_t)rows, row = n * sizeof(float);
    size_t d = (size_t)k->hidden, depth = (size_t)k->depth;
    size_t shared = k->architecture == FIT_ARCHITECTURE_V2 ? row * 6 * d : 0;
    const struct fit_scratch_item list[N_ITEMS] = {
        {"block modulation", &m->block, depth * row * 6 * d},
        {"final modulation", &m->final, row * 2 * d},
        {"time wave", &m->wave, row * FIT_TIME_WIDTH},
        {"time", &m->time_in, row * d},
        {"time activation", &m->time_act, row * d},
        {"condition", &m->condition, row * d},
        {"condition activation", &m->active, row * d},
        {"low-rank modulation", &m->low, depth * row * (size_t)k->lora_rank},
        {"shared modulation", &m->shared, shared},
        {"times", &m->t, row},
        {"classes", &m->y, n * sizeof(int32_t)},
    };
    memcpy(items, list, sizeof list);
}

size_t fit_modulation_bytes(const struct fit_config *config, int rows)
{
    struct fit_modulation none;
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, &none, config, rows);
    return fit_scratch_bytes(items, N_ITEMS);
}

bool fit_modulation_reserve(struct fit_modulation *modulation, struct fk_device *device,
                            const struct fit_config *config, int rows, struct fit_error *e)
{
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, modulation, config, rows);
    modulation->room = modulation->rows = 0;
    if (!fit_scratch_reserve(&modulation->scratch, device, items, N_ITEMS, e))
        return false;
    modulation->room = rows;
    return true;
}

void fit_modulation_finish(struct fit_modulation *modulation)
{
    fit_scratch_finish(&modulation->scratch);
    memset(modulation, 0, sizeof *modulation);
}

/* FiTv2's reference tells the network min(t, 1): an adaptive solver may look beyond the data. */
static bool upload(struct fit_compute *c, const struct fit_config *k, struct fit_modulation *m,
                   const float *t, const int32_t *y)
{
    int rows = m->rows;
    float *clamped = malloc((size_t)rows * sizeof *clamped);
    if (!clamped)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d times", rows);
    bool ok = true;
    for (int i = 0; i < rows && ok; i++) {
        clamped[i] = fit_config_told_time(k, t[i], 1, false);
        if (y[i] < 0 || y[i] > k->n_classes)
            ok = fit_fail(c->error, FIT_ERROR_ARGUMENT, "class %d is not in 0..%d", (int)y[i],
                          k->n_classes);
    }
    struct fk_device *d = c->device;
    ok = ok &&
         fit_compute_check(c, d->upload(c->queue, m->t, clamped, (size_t)rows * sizeof *t)) &&
         fit_compute_check(c, d->upload(c->queue, m->y, y, (size_t)rows * sizeof *y)) &&
         fit_compute_check(c, d->queue_sync(c->queue));
    free(clamped);
    return ok;
}

static bool linear(struct fit_compute *c, float *y, const float *x, const struct fit_linear *l,
                   int rows, float beta)
{
    return fit_run(c, linear, fk_f32(y), fk_f32(x), l->weight, l->bias, rows, l->out, l->in, beta);
}

static bool silu(struct fit_compute *c, float *y, const float *x, size_t n)
{
    return fit_run(c, silu, fk_f32(y), fk_f32(x), n);
}

/* The modulation of block i: low-rank on top of the shared one, or a matrix of its own. */
static bool modulate_block(struct fit_compute *c, const struct fit_network *network,
                           struct fit_modulation *m, int i)
{
    const struct fit_config *k = &network->config;
    const struct fit_block *b = &network->block[i];
    size_t rows = (size_t)m->rows, n = 6 * rows * (size_t)k->hidden;
    float *block = m->block + (size_t)i * n;
    float *low = m->low + (size_t)i * rows * (size_t)k->lora_rank;
    if (!fit_config_shares_modulation(k))
        return linear(c, block, m->active, &b->lora_out, m->rows, 0);
    return linear(c, low, m->active, &b->lora_in, m->rows, 0) &&
           fit_compute_check(c, c->device->copy(c->queue, block, m->shared, n * sizeof *block)) &&
           linear(c, block, low, &b->lora_out, m->rows, 1);
}

bool fit_conditioning(struct fit_compute *c, const struct fit_network *network,
                      struct fit_modulation *m, const float *t, const int32_t *y, int rows)
{
    const struct fit_config *k = &network->config;
    if (rows < 1)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT, "%d rows of modulation", rows);
    if (rows > m->room && !fit_modulation_reserve(m, c->device, k, rows, c->error))
        return false;
    m->rows = rows;
    size_t d = (size_t)k->hidden, n = (size_t)rows * d;
    if (!upload(c, k, m, t, y) || !fit_run(c, time_embed, m->wave, m->t, rows, FIT_TIME_WIDTH) ||
        !linear(c, m->time_in, m->wave, &network->time_in, rows, 0) ||
        !silu(c, m->time_act, m->time_in, n) ||
        !fit_run(c, embed_rows, m->condition, network->class_table, m->y, rows, k->hidden) ||
        !linear(c, m->condition, m->time_act, &network->time_out, rows, 1) ||
        !silu(c, m->active, m->condition, n) ||
        (fit_config_shares_modulation(k) &&
         !linear(c, m->shared, m->active, &network->global, rows, 0)) ||
        !linear(c, m->final, m->active, &network->final_modulation, rows, 0))
        return false;
    for (int i = 0; i < k->depth; i++)
        if (!modulate_block(c, network, m, i))
            return false;
    return true;
}
