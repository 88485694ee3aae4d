/* SPDX-License-Identifier: Apache-2.0 */
#include "fit_backward.h"

#include <math.h>

#include "conditioning_backward.h"
#include "layers.h"

/* What the backward of every layer needs. */
struct pass {
    struct fit_pass forward;
    struct fit_train_store *store;
    float *gradient;
};

static struct fit_pass pass_of(const struct fit_network *network, const struct fit_batch *batch)
{
    return (struct fit_pass){&network->config, batch->pack, batch->cosine, batch->sine};
}

static size_t stream_values(const struct fit_pass *pass)
{
    return (size_t)pass->pack->n_tokens * (size_t)pass->config->hidden;
}

static bool copy(struct fit_compute *c, float *to, const float *from, size_t n)
{
    return fit_compute_check(c, c->device->copy(c->queue, to, from, n * sizeof *to));
}

static bool zero(struct fit_compute *c, float *p, size_t n)
{
    return fit_compute_check(c, c->device->zero(c->queue, p, n * sizeof *p));
}

static bool add_branch(struct fit_compute *c, const struct fit_pass *pass, float *out,
                       const float *x, struct fk_ptr branch, const float *modulation)
{
    return copy(c, out, x, stream_values(pass)) && fit_branch_add(c, pass, out, branch, modulation);
}

/* The block reads s->x_attention and leaves its result in `out`. */
static bool block_forward(struct fit_compute *c, const struct fit_pass *pass,
                          const struct fit_block *block, const struct fit_block_store *s,
                          float *out, const float *modulation)
{
    struct fit_attention_buffers attention = {s->norm_attention, s->raw, s->qkv, s->mixed,
                                              s->lse};
    struct fit_mlp_buffers mlp = {s->norm_mlp, s->gate, s->value, s->hidden};
    const float *second = modulation + 3 * pass->config->hidden;
    return fit_attention_forward(c, pass, block, s->attention, &attention, s->x_attention,
                                 modulation) &&
           add_branch(c, pass, s->x_mlp, s->x_attention, s->attention, modulation) &&
           fit_mlp_forward(c, pass, block, s->mlp, &mlp, s->x_mlp, second) &&
           add_branch(c, pass, out, s->x_mlp, s->mlp, second);
}

static bool check_room(struct fit_compute *c, const struct fit_network *network,
                       const struct fit_train_store *store, const struct fk_pack *pack)
{
    if (store->depth != network->config.depth || store->type != network->type ||
        pack->n_tokens > store->tokens || pack->n_images > store->images)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT,
                        "a pack of %d tokens and %d images; %d and %d are reserved",
                        pack->n_tokens, pack->n_images, store->tokens, store->images);
    return true;
}

bool fit_train_forward(struct fit_compute *c, const struct fit_network *network,
                       struct fit_train_store *store, float *velocity,
                       const struct fit_batch *batch)
{
    const struct fit_config *k = &network->config;
    struct fit_pass pass = pass_of(network, batch);
    int rows = batch->pack->n_images;
    size_t row = 6 * (size_t)k->hidden;
    if (!check_room(c, network, store, batch->pack) ||
        !fit_conditioning(c, network, &store->modulation, batch->t, batch->y, rows) ||
        !fit_linear_run(c, fk_f32(store->block[0].x_attention), fk_f32(batch->x),
                        &network->x_embed, batch->pack->n_tokens, 0))
        return false;
    for (int i = 0; i < k->depth; i++) {
        float *out = i + 1 < k->depth ? store->block[i + 1].x_attention : store->x;
        const float *m = store->modulation.block + (size_t)i * (size_t)rows * row;
        if (!block_forward(c, &pass, &network->block[i], &store->block[i], out, m))
            return false;
    }
    return fit_final_forward(c, &pass, network, velocity, store->norm, store->x,
                             store->modulation.final);
}

/* Adds the layer's gradients; dx = dy . weight + beta dx unless dx is NULL. */
static bool linear_backward(struct fit_compute *c, const struct pass *p, float *dx,
                            const float *dy, struct fk_ptr x, const struct fit_linear *layer,
                            float beta)
{
    return fit_linear_backward(c, p->gradient, dx, dy, x, layer, p->forward.pack->n_tokens, beta);
}

/* dx += what flows back through LN(x) (1 + scale) + shift. */
static bool modulate_backward(struct fit_compute *c, const struct pass *p, float *dx,
                              float *dmodulation, const float *dy, const float *x,
                              const float *modulation, int stride)
{
    int d = p->forward.config->hidden;
    return fit_run(c, norm_modulate_bwd, dx, dmodulation + FIT_SHIFT * d,
                   dmodulation + FIT_SCALE * d, fk_f32(dy), x, modulation + FIT_SCALE * d, stride,
                   p->forward.pack, d, FIT_NORM_EPSILON);
}

/* dbranch = what the branch's result receives from the residual stream. */
static bool gate_backward(struct fit_compute *c, const struct pass *p, float *dbranch,
                          float *dmodulation, struct fk_ptr branch, const float *modulation)
{
    int d = p->forward.config->hidden;
    return fit_run(c, gate_residual_bwd, fk_f32(dbranch), dmodulation + FIT_GATE * d,
                   p->store->dx, branch, modulation + FIT_GATE * d, 6 * d, p->forward.pack, d);
}

static bool mlp_backward(struct fit_compute *c, const struct pass *p, const struct fit_block *b,
                         const struct fit_block_store *s, const float *modulation,
                         float *dmodulation)
{
    struct fit_train_store *g = p->store;
    const struct fit_config *k = p->forward.config;
    size_t n = (size_t)p->forward.pack->n_tokens * (size_t)k->mlp_hidden;
    return gate_backward(c, p, g->dnorm, dmodulation, s->mlp, modulation) &&
           linear_backward(c, p, g->dhidden, g->dnorm, s->hidden, &b->down, 0) &&
           fit_run(c, swiglu_bwd, fk_f32(g->dgate), fk_f32(g->dvalue), fk_f32(g->dhidden),
                   s->gate, s->value, n) &&
           linear_backward(c, p, g->dnorm, g->dgate, s->norm_mlp, &b->gate, 0) &&
           linear_backward(c, p, g->dnorm, g->dvalue, s->norm_mlp, &b->value, 1) &&
           modulate_backward(c, p, g->dx, dmodulation, g->dnorm, s->x_mlp, modulation,
                             6 * k->hidden);
}

static bool attention_backward(struct fit_compute *c, const struct pass *p,
                               const struct fit_block *b, const struct fit_block_store *s,
                               const float *modulation, float *dmodulation)
{
    struct fit_train_store *g = p->store;
    const struct fit_config *k = p->forward.config;
    const struct fk_pack *pack = p->forward.pack;
    int width = fit_config_head_width(k);
    struct fk_ptr dqkv = fk_f32(g->dqkv);
    return gate_backward(c, p, g->dnorm, dmodulation, s->attention, modulation) &&
           linear_backward(c, p, g->dmixed, g->dnorm, s->mixed, &b->proj, 0) &&
           fit_run(c, attention_bwd, dqkv, fk_f32(g->dmixed), s->mixed, s->lse, s->qkv, pack,
                   k->heads, width, 1 / sqrtf((float)width)) &&
           fit_run(c, qk_norm_rope_bwd, dqkv, dqkv, s->raw, p->forward.cosine,
                   p->forward.sine, pack->n_tokens, k->heads, width,
                   k->qk_norm ? FIT_NORM_EPSILON : -1) &&
           linear_backward(c, p, g->dnorm, g->dqkv, s->norm_attention, &b->qkv, 0) &&
           modulate_backward(c, p, g->dx, dmodulation, g->dnorm, s->x_attention, modulation,
                             6 * k->hidden);
}

static bool final_backward(struct fit_compute *c, const struct pass *p,
                           const struct fit_network *network, const float *dvelocity)
{
    struct fit_train_store *g = p->store;
    return zero(c, g->dx, stream_values(&p->forward)) &&
           linear_backward(c, p, g->dnorm, dvelocity, fk_f32(g->norm), &network->final, 0) &&
           modulate_backward(c, p, g->dx, g->dfinal, g->dnorm, g->x, g->modulation.final,
                             2 * network->config.hidden);
}

bool fit_backward(struct fit_compute *c, const struct fit_network *network,
                  struct fit_train_store *store, float *gradient, float *dstate,
                  const float *dvelocity, const struct fit_batch *batch)
{
    struct pass p = {pass_of(network, batch), store, gradient};
    const struct fit_config *k = &network->config;
    size_t rows = (size_t)batch->pack->n_images, row = 6 * (size_t)k->hidden;
    if (!check_room(c, network, store, batch->pack) ||
        !zero(c, store->dblock, (size_t)k->depth * rows * row) ||
        !zero(c, store->dfinal, rows * 2 * (size_t)k->hidden) ||
        !final_backward(c, &p, network, dvelocity))
        return false;
    for (int i = k->depth - 1; i >= 0; i--) {
        size_t at = (size_t)i * rows * row;
        const float *m = store->modulation.block + at;
        float *dm = store->dblock + at;
        /* The last block's values are still there; the result, in `norm`, is not needed. */
        if (store->recompute && i + 1 < k->depth &&
            !block_forward(c, &p.forward, &network->block[i], &store->block[i], store->norm, m))
            return false;
        if (!mlp_backward(c, &p, &network->block[i], &store->block[i], m + row / 2, dm + row / 2) ||
            !attention_backward(c, &p, &network->block[i], &store->block[i], m, dm))
            return false;
    }
    return linear_backward(c, &p, dstate, store->dx, fk_f32(batch->x), &network->x_embed, 0) &&
           (!gradient || fit_conditioning_backward(c, network, store, gradient));
}
