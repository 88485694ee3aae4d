/* SPDX-License-Identifier: Apache-2.0 */
#include "layers.h"

#include <math.h>

bool fit_linear_run(struct fit_compute *c, struct fk_ptr y, struct fk_ptr x,
                    const struct fit_linear *layer, int rows, float beta)
{
    return fit_run(c, linear, y, x, layer->weight, layer->bias, rows, layer->out, layer->in, beta);
}

static bool modulate(struct fit_compute *c, const struct fit_pass *pass, struct fk_ptr norm,
                     const float *x, const float *modulation, int stride)
{
    int d = pass->config->hidden;
    return fit_run(c, norm_modulate, norm, x, modulation + FIT_SHIFT * d,
                   modulation + FIT_SCALE * d, stride, pass->pack, d, FIT_NORM_EPSILON);
}

bool fit_attention_forward(struct fit_compute *c, const struct fit_pass *pass,
                           const struct fit_block *block, struct fk_ptr branch,
                           const struct fit_attention_buffers *b, const float *x,
                           const float *modulation)
{
    const struct fit_config *k = pass->config;
    int tokens = pass->pack->n_tokens, width = fit_config_head_width(k);
    return modulate(c, pass, b->norm, x, modulation, 6 * k->hidden) &&
           fit_linear_run(c, b->raw, b->norm, &block->qkv, tokens, 0) &&
           fit_run(c, qk_norm_rope, b->qkv, b->raw, pass->cosine, pass->sine, tokens, k->heads,
                   width, k->qk_norm ? FIT_NORM_EPSILON : -1) &&
           fit_run(c, attention, b->mixed, b->lse, b->qkv, pass->pack, k->heads, width,
                   1 / sqrtf((float)width)) &&
           fit_linear_run(c, branch, b->mixed, &block->proj, tokens, 0);
}

bool fit_mlp_forward(struct fit_compute *c, const struct fit_pass *pass,
                     const struct fit_block *block, struct fk_ptr branch,
                     const struct fit_mlp_buffers *b, const float *x, const float *modulation)
{
    const struct fit_config *k = pass->config;
    int tokens = pass->pack->n_tokens;
    return modulate(c, pass, b->norm, x, modulation, 6 * k->hidden) &&
           fit_linear_run(c, b->gate, b->norm, &block->gate, tokens, 0) &&
           fit_linear_run(c, b->value, b->norm, &block->value, tokens, 0) &&
           fit_run(c, swiglu, b->hidden, b->gate, b->value,
                   (size_t)tokens * (size_t)k->mlp_hidden) &&
           fit_linear_run(c, branch, b->hidden, &block->down, tokens, 0);
}

bool fit_branch_add(struct fit_compute *c, const struct fit_pass *pass, float *x,
                    struct fk_ptr branch, const float *modulation)
{
    int d = pass->config->hidden;
    return fit_run(c, gate_residual, x, branch, modulation + FIT_GATE * d, 6 * d, pass->pack, d);
}

bool fit_final_forward(struct fit_compute *c, const struct fit_pass *pass,
                       const struct fit_network *network, float *velocity, float *norm,
                       const float *x, const float *modulation)
{
    return modulate(c, pass, fk_f32(norm), x, modulation, 2 * pass->config->hidden) &&
           fit_linear_run(c, fk_f32(velocity), fk_f32(norm), &network->final,
                          pass->pack->n_tokens, 0);
}
