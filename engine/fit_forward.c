/* SPDX-License-Identifier: Apache-2.0 */
#include "fit_forward.h"

#include <string.h>

#include "layers.h"

enum { N_ITEMS = 7 };

static void list_items(struct fit_scratch_item *items, struct fit_activations *a,
                       const struct fit_config *k, enum fk_dtype type, int tokens)
{
    size_t n = (size_t)tokens, d = (size_t)k->hidden, m = (size_t)k->mlp_hidden;
    size_t typed = n * fk_dtype_size(type), wide = n * sizeof(float);
    const struct fit_scratch_item list[N_ITEMS] = {
        {"residual stream", &a->x, wide * d},
        {"branch", &a->branch, wide * d},
        {"queries, keys and values", &a->qkv.p, typed * 3 * d},
        {"normalised tokens", &a->norm.p, typed * d},
        {"attention", &a->mixed.p, typed * d},
        {"gate of the MLP", &a->gate.p, typed * m},
        {"value of the MLP", &a->value.p, typed * m},
    };
    memcpy(items, list, sizeof list);
}

size_t fit_activations_bytes(const struct fit_config *config, enum fk_dtype type, int tokens)
{
    struct fit_activations none;
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, &none, config, type, tokens);
    return fit_scratch_bytes(items, N_ITEMS);
}

bool fit_activations_reserve(struct fit_activations *a, struct fk_device *device,
                             const struct fit_network *network, int tokens, struct fit_error *e)
{
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, a, &network->config, network->type, tokens);
    a->room = 0;
    if (!fit_scratch_reserve(&a->scratch, device, items, N_ITEMS, e))
        return false;
    a->room = tokens;
    a->type = network->type;
    a->norm.type = a->qkv.type = a->mixed.type = a->gate.type = a->value.type = network->type;
    return true;
}

void fit_activations_finish(struct fit_activations *activations)
{
    fit_scratch_finish(&activations->scratch);
    memset(activations, 0, sizeof *activations);
}

static bool run_block(struct fit_compute *c, const struct fit_pass *pass,
                      struct fit_activations *a, const struct fit_block *block,
                      const float *modulation)
{
    struct fk_ptr branch = fk_f32(a->branch);
    struct fit_attention_buffers attention = {a->norm, a->qkv, a->qkv, a->mixed, NULL};
    struct fit_mlp_buffers mlp = {a->norm, a->gate, a->value, a->gate};
    const float *second = modulation + 3 * pass->config->hidden;
    return fit_attention_forward(c, pass, block, branch, &attention, a->x, modulation) &&
           fit_branch_add(c, pass, a->x, branch, modulation) &&
           fit_mlp_forward(c, pass, block, branch, &mlp, a->x, second) &&
           fit_branch_add(c, pass, a->x, branch, second);
}

bool fit_forward(struct fit_compute *c, const struct fit_network *network,
                 struct fit_activations *a, float *velocity, const float *x,
                 const struct fk_pack *pack, const float *cosine, const float *sine,
                 const struct fit_modulation *modulation, int first_row)
{
    const struct fit_config *k = &network->config;
    int tokens = pack->n_tokens;
    if (first_row < 0 || first_row + pack->n_images > modulation->rows)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT, "modulation row %d of %d images, of %d rows",
                        first_row, pack->n_images, modulation->rows);
    if ((tokens > a->room || a->type != network->type) &&
        !fit_activations_reserve(a, c->device, network, tokens, c->error))
        return false;

    struct fit_pass pass = {k, pack, cosine, sine};
    size_t row = (size_t)first_row, rows = (size_t)modulation->rows, d = (size_t)k->hidden;
    if (!fit_linear_run(c, fk_f32(a->x), fk_f32(x), &network->x_embed, tokens, 0))
        return false;
    for (int i = 0; i < k->depth; i++) {
        const float *m = modulation->block + ((size_t)i * rows + row) * 6 * d;
        if (!run_block(c, &pass, a, &network->block[i], m))
            return false;
    }
    return fit_final_forward(c, &pass, network, velocity, a->branch, a->x,
                             modulation->final + row * 2 * d);
}
