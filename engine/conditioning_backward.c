/* SPDX-License-Identifier: Apache-2.0 */
#include "conditioning_backward.h"

bool fit_linear_backward(struct fit_compute *c, float *gradient, float *dx, const float *dy,
                         struct fk_ptr x, const struct fit_linear *layer, int rows, float beta)
{
    float *dw = !gradient || layer->weight_frozen ? NULL : gradient + layer->weight_at;
    float *db = !gradient || layer->bias_frozen ? NULL : gradient + layer->bias_at;
    return (!dx && !dw && !db) ||
           fit_run(c, linear_bwd, fk_f32(dx), dw, db, fk_f32(dy), x, layer->weight, rows,
                   layer->out, layer->in, beta);
}

/* dactive += of block i, and, where there is a shared modulation, which is part of the block's,
 * dshared += its whole one. */
static bool block_backward(struct fit_compute *c, const struct fit_network *network,
                           struct fit_train_store *s, float *gradient, int i)
{
    const struct fit_config *k = &network->config;
    const struct fit_block *b = &network->block[i];
    int rows = s->modulation.rows;
    size_t n = 6 * (size_t)rows * (size_t)k->hidden;
    const float *dblock = s->dblock + (size_t)i * n;
    const float *low = s->modulation.low + (size_t)i * (size_t)rows * (size_t)k->lora_rank;
    struct fk_ptr active = fk_f32(s->modulation.active);
    if (!fit_config_shares_modulation(k))
        return fit_linear_backward(c, gradient, s->dactive, dblock, active, &b->lora_out, rows, 1);
    return fit_linear_backward(c, gradient, s->dlow, dblock, fk_f32(low), &b->lora_out, rows, 0) &&
           fit_linear_backward(c, gradient, s->dactive, s->dlow, active, &b->lora_in, rows, 1) &&
           fit_run(c, axpby, s->dshared, 1, dblock, i > 0, n);
}

bool fit_conditioning_backward(struct fit_compute *c, const struct fit_network *network,
                               struct fit_train_store *s, float *gradient)
{
    const struct fit_config *k = &network->config;
    const struct fit_modulation *m = &s->modulation;
    int rows = m->rows;
    size_t n = (size_t)rows * (size_t)k->hidden;
    struct fk_ptr active = fk_f32(m->active), dactive = fk_f32(s->dactive);
    struct fk_ptr dtime = fk_f32(s->dtime);
    if (!fit_linear_backward(c, gradient, s->dactive, s->dfinal, active,
                             &network->final_modulation, rows, 0))
        return false;
    for (int i = 0; i < k->depth; i++)
        if (!block_backward(c, network, s, gradient, i))
            return false;
    return (!fit_config_shares_modulation(k) ||
            fit_linear_backward(c, gradient, s->dactive, s->dshared, active, &network->global,
                                rows, 1)) &&
           fit_run(c, silu_bwd, dactive, dactive, fk_f32(m->condition), n) &&
           (network->class_table_frozen ||
            fit_run(c, embed_rows_bwd, gradient + network->class_table_at, s->dactive, m->y, rows,
                    k->hidden)) &&
           fit_linear_backward(c, gradient, s->dtime, s->dactive, fk_f32(m->time_act),
                               &network->time_out, rows, 0) &&
           fit_run(c, silu_bwd, dtime, dtime, fk_f32(m->time_in), n) &&
           fit_linear_backward(c, gradient, NULL, s->dtime, fk_f32(m->wave), &network->time_in,
                               rows, 0);
}
