/* SPDX-License-Identifier: Apache-2.0 */
/* What a training pass keeps, in one allocation: a few buffers of gradients and, for every block,
 * all that its backward reads, or its input alone. */
#include <stdlib.h>
#include <string.h>

#include "fit_backward.h"

enum { SHARED_ITEMS = 15, BLOCK_ITEMS = 13 };

/* Sizes that the items are multiples of. */
struct sizes {
    size_t stream, hidden, heads;      /* bytes of [N][hidden], [N][mlp_hidden], [N][H] f32 */
    size_t typed_stream, typed_hidden; /* the first two in the network's type */
    size_t row, low;                   /* bytes of [B][hidden] and [B][lora_rank] f32 */
    size_t depth;
};

static struct sizes sizes_of(const struct fit_config *k, enum fk_dtype type, int tokens, int images)
{
    size_t n = (size_t)tokens, b = (size_t)images * sizeof(float), item = fk_dtype_size(type);
    size_t d = (size_t)k->hidden, m = (size_t)k->mlp_hidden;
    return (struct sizes){
        .stream = n * d * sizeof(float),
        .hidden = n * m * sizeof(float),
        .heads = n * (size_t)k->heads * sizeof(float),
        .typed_stream = n * d * item,
        .typed_hidden = n * m * item,
        .row = b * d,
        .low = b * (size_t)k->lora_rank,
        .depth = (size_t)k->depth,
    };
}

static void list_shared(struct fit_scratch_item *items, struct fit_train_store *s,
                        const struct sizes *z)
{
    const struct fit_scratch_item list[SHARED_ITEMS] = {
        {"last residual stream", &s->x, z->stream},
        {"final norm", &s->norm, z->stream},
        {"gradient of the stream", &s->dx, z->stream},
        {"gradient of a norm", &s->dnorm, z->stream},
        {"gradient of the attention", &s->dmixed, z->stream},
        {"gradient of queries, keys and values", &s->dqkv, 3 * z->stream},
        {"gradient of the MLP", &s->dhidden, z->hidden},
        {"gradient of the gate", &s->dgate, z->hidden},
        {"gradient of the value", &s->dvalue, z->hidden},
        {"gradient of the modulation", &s->dblock, 6 * z->depth * z->row},
        {"gradient of the final modulation", &s->dfinal, 2 * z->row},
        {"gradient of the low rank", &s->dlow, z->low},
        {"gradient of the shared modulation", &s->dshared, 6 * z->row},
        {"gradient of the condition", &s->dactive, z->row},
        {"gradient of the time", &s->dtime, z->row},
    };
    memcpy(items, list, sizeof list);
}

static void list_block(struct fit_scratch_item *items, struct fit_block_store *b,
                       const struct sizes *z)
{
    const struct fit_scratch_item list[BLOCK_ITEMS] = {
        {"stream before attention", &b->x_attention, z->stream},
        {"stream before the MLP", &b->x_mlp, z->stream},
        {"queries, keys and values", &b->raw.p, 3 * z->typed_stream},
        {"log of the softmax's sums", &b->lse, z->heads},
        {"attention's norm", &b->norm_attention.p, z->typed_stream},
        {"MLP's norm", &b->norm_mlp.p, z->typed_stream},
        {"rotated queries and keys", &b->qkv.p, 3 * z->typed_stream},
        {"attention", &b->mixed.p, z->typed_stream},
        {"attention's branch", &b->attention.p, z->typed_stream},
        {"MLP's branch", &b->mlp.p, z->typed_stream},
        {"gate", &b->gate.p, z->typed_hidden},
        {"value", &b->value.p, z->typed_hidden},
        {"MLP's hidden values", &b->hidden.p, z->typed_hidden},
    };
    memcpy(items, list, sizeof list);
}

/* A block's input, and where the block has buffers of its own the others too. Returns how many. */
static size_t list_blocks(struct fit_scratch_item *items, struct fit_block_store *block,
                          const struct sizes *z, bool recompute)
{
    size_t n = 0;
    for (size_t i = 0; i < z->depth; i++) {
        list_block(items + n, &block[i], z);
        n += recompute && i ? 1 : BLOCK_ITEMS;
    }
    return n;
}

/* All blocks but for their inputs use the first one's buffers. */
static void share_buffers(struct fit_block_store *block, size_t depth)
{
    for (size_t i = 1; i < depth; i++) {
        float *input = block[i].x_attention;
        block[i] = block[0];
        block[i].x_attention = input;
    }
}

static void set_types(struct fit_block_store *b, enum fk_dtype type)
{
    b->norm_attention.type = b->norm_mlp.type = b->mixed.type = type;
    b->raw.type = b->qkv.type = type;
    b->attention.type = b->mlp.type = type;
    b->gate.type = b->value.type = b->hidden.type = type;
}

size_t fit_train_store_bytes(const struct fit_config *config, enum fk_dtype type, int tokens,
                             int images, bool recompute)
{
    struct sizes z = sizes_of(config, type, tokens, images);
    struct fit_train_store store;
    struct fit_block_store block;
    struct fit_scratch_item items[SHARED_ITEMS], block_items[BLOCK_ITEMS];
    list_shared(items, &store, &z);
    list_block(block_items, &block, &z);
    size_t full = recompute ? 1 : z.depth;
    return fit_scratch_bytes(items, SHARED_ITEMS) +
           full * fit_scratch_bytes(block_items, BLOCK_ITEMS) +
           (z.depth - full) * fit_scratch_bytes(block_items, 1) +
           fit_modulation_bytes(config, images);
}

bool fit_train_store_reserve(struct fit_train_store *s, struct fk_device *device,
                             const struct fit_network *network, int tokens, int images,
                             struct fit_error *e)
{
    fit_train_store_finish(s);
    const struct fit_config *k = &network->config;
    size_t depth = (size_t)k->depth;
    struct sizes z = sizes_of(k, network->type, tokens, images);
    struct fit_scratch_item *items = malloc((SHARED_ITEMS + depth * BLOCK_ITEMS) * sizeof *items);
    s->block = calloc(depth, sizeof *s->block);
    bool ok = items && s->block;
    if (!ok) {
        fit_fail(e, FIT_ERROR_MEMORY, "no memory for the layout of %d blocks", k->depth);
    } else {
        list_shared(items, s, &z);
        size_t n = SHARED_ITEMS + list_blocks(items + SHARED_ITEMS, s->block, &z, s->recompute);
        for (size_t i = 0; i < depth; i++)
            set_types(&s->block[i], network->type);
        ok = fit_scratch_reserve(&s->scratch, device, items, n, e) &&
             fit_modulation_reserve(&s->modulation, device, k, images, e);
        if (ok && s->recompute)
            share_buffers(s->block, depth);
    }
    free(items);
    if (!ok) {
        fit_train_store_finish(s);
        return false;
    }
    s->type = network->type;
    s->depth = k->depth;
    s->tokens = tokens;
    s->images = images;
    return true;
}

void fit_train_store_finish(struct fit_train_store *store)
{
    fit_modulation_finish(&store->modulation);
    fit_scratch_finish(&store->scratch);
    free(store->block);
    *store = (struct fit_train_store){.recompute = store->recompute};
}
