/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of parameters. Every layer is a weight followed by its bias; the class table is a
 * weight alone. The order is that of the official state dict.
 */
#include "fit_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16 };

/* A size by the name it has in the configuration, times a small number. */
enum size { WIDTH, FEATURES, OUTPUTS, TIME, CLASSES, RANK, MLP };

struct layer {
    const char *name;
    enum size out, in;
    int out_times;
    enum fit_init init;
    bool keep_f32, has_bias;
};

static const struct layer head[] = {
    {"x_embedder.proj", WIDTH, FEATURES, 1, FIT_INIT_XAVIER, true, true},
    {"t_embedder.mlp.0", WIDTH, TIME, 1, FIT_INIT_NORMAL, true, true},
    {"t_embedder.mlp.2", WIDTH, WIDTH, 1, FIT_INIT_NORMAL, true, true},
    {"y_embedder.embedding_table", CLASSES, WIDTH, 1, FIT_INIT_NORMAL, true, false},
    {"global_adaLN_modulation.1", WIDTH, WIDTH, 6, FIT_INIT_ZERO, false, true},
};

static const struct layer block[] = {
    {"attn.qkv", WIDTH, WIDTH, 3, FIT_INIT_XAVIER, false, true},
    {"attn.proj", WIDTH, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"mlp.fc1_g", MLP, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"mlp.fc1_x", MLP, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"mlp.fc2", WIDTH, MLP, 1, FIT_INIT_XAVIER, false, true},
    {"adaLN_modulation.1", RANK, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"adaLN_modulation.2", WIDTH, RANK, 6, FIT_INIT_ZERO, false, true},
};

/* A network whose blocks share no modulation has the head without its last layer, and this in place
 * of the last two of a block. */
static const struct layer block_whole[] = {
    {"attn.qkv", WIDTH, WIDTH, 3, FIT_INIT_XAVIER, false, true},
    {"attn.proj", WIDTH, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"mlp.fc1_g", MLP, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"mlp.fc1_x", MLP, WIDTH, 1, FIT_INIT_XAVIER, false, true},
    {"mlp.fc2", WIDTH, MLP, 1, FIT_INIT_XAVIER, false, true},
    {"adaLN_modulation.1", WIDTH, WIDTH, 6, FIT_INIT_ZERO, false, true},
};

static const struct layer tail[] = {
    {"final_layer.linear", OUTPUTS, WIDTH, 1, FIT_INIT_ZERO, true, true},
    {"final_layer.adaLN_modulation.1", WIDTH, WIDTH, 2, FIT_INIT_ZERO, false, true},
};

/* The lists of one kind of modulation, and how many tensors they name. */
struct layout {
    const struct layer *block;
    int n_head, n_block, n_tail;
    size_t head_tensors, block_tensors, tail_tensors;
};

static const struct layout shared_modulation = {block, 5, 7, 2, 9, 14, 4};
static const struct layout whole_modulation = {block_whole, 4, 6, 2, 7, 12, 4};

static const struct layout *layout_of(const struct fit_config *config)
{
    return fit_config_shares_modulation(config) ? &shared_modulation : &whole_modulation;
}

static uint64_t size_of(const struct fit_config *k, enum size size)
{
    switch (size) {
    case WIDTH:
        return (uint64_t)k->hidden;
    case FEATURES:
        return (uint64_t)fit_config_features(k);
    case OUTPUTS:
        return (uint64_t)fit_config_outputs(k);
    case TIME:
        return FIT_TIME_WIDTH;
    case CLASSES:
        return (uint64_t)k->n_classes + 1;
    case RANK:
        return (uint64_t)k->lora_rank;
    case MLP:
        return (uint64_t)k->mlp_hidden;
    }
    return 0;
}

static uint64_t aligned(uint64_t values)
{
    return (values + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void describe(struct fit_tensor_spec *out, const struct fit_config *k, const struct layer *l,
                     bool is_bias)
{
    uint64_t rows = size_of(k, l->out) * (uint64_t)l->out_times;
    out->n_dims = is_bias ? 1 : 2;
    out->dims[0] = rows;
    out->dims[1] = is_bias ? 1 : size_of(k, l->in);
    out->n_values = out->dims[0] * out->dims[1];
    out->init = is_bias ? FIT_INIT_ZERO : l->init;
    out->keep_f32 = is_bias || l->keep_f32;
}

/* Values of layers[0..n), or of the first `stop` tensors of them; the tensor there in *out. */
static uint64_t walk(const struct fit_config *k, const struct layer *layers, int n, size_t stop,
                     struct fit_tensor_spec *out, const struct layer **found)
{
    uint64_t at = 0;
    size_t i = 0;
    for (int l = 0; l < n; l++)
        for (int bias = 0; bias <= layers[l].has_bias; bias++, i++) {
            describe(out, k, &layers[l], bias);
            *found = &layers[l];
            if (i == stop)
                return at;
            at += aligned(out->n_values);
        }
    return at;
}

static uint64_t all(const struct fit_config *k, const struct layer *layers, int n)
{
    struct fit_tensor_spec spec;
    const struct layer *found;
    return walk(k, layers, n, SIZE_MAX, &spec, &found);
}

size_t fit_weights_count(const struct fit_config *config)
{
    const struct layout *l = layout_of(config);
    return l->head_tensors + l->block_tensors * (size_t)config->depth + l->tail_tensors;
}

bool fit_weights_spec(const struct fit_config *config, size_t i, struct fit_tensor_spec *out)
{
    if (i >= fit_weights_count(config))
        return false;
    const struct layer *found;
    const struct layout *l = layout_of(config);
    char prefix[32] = "";
    if (i < l->head_tensors) {
        out->offset = walk(config, head, l->n_head, i, out, &found);
    } else {
        size_t j = i - l->head_tensors, depth = (size_t)config->depth;
        size_t b = j / l->block_tensors < depth ? j / l->block_tensors : depth;
        uint64_t before = all(config, head, l->n_head) + b * all(config, l->block, l->n_block);
        j -= b * l->block_tensors;
        if (b < depth) {
            snprintf(prefix, sizeof prefix, "blocks.%zu.", b);
            out->offset = before + walk(config, l->block, l->n_block, j, out, &found);
        } else {
            out->offset = before + walk(config, tail, l->n_tail, j, out, &found);
        }
    }
    snprintf(out->name, sizeof out->name, "%s%s.%s", prefix, found->name,
             out->n_dims == 1 ? "bias" : "weight");
    return true;
}

size_t fit_weights_total(const struct fit_config *config)
{
    const struct layout *l = layout_of(config);
    return all(config, head, l->n_head) +
           (size_t)config->depth * all(config, l->block, l->n_block) + all(config, tail, l->n_tail);
}

/* ---- binding ------------------------------------------------------------------------------ */

struct binder {
    const struct fit_config *config;
    struct fk_ptr (*tensor)(void *user, size_t i);
    void *user;
    struct fit_error *error;
    size_t next;
    bool ok;
};

static struct fk_ptr take(struct binder *b, struct fit_tensor_spec *spec)
{
    if (!fit_weights_spec(b->config, b->next, spec))
        b->ok = false;
    struct fk_ptr place = b->tensor(b->user, b->next++);
    if (!place.p && b->ok)
        b->ok = fit_fail(b->error, FIT_ERROR_MODEL, "the tensor %s is missing", spec->name);
    return place;
}

static struct fit_linear take_linear(struct binder *b)
{
    struct fit_tensor_spec weight, bias;
    struct fit_linear l = {0};
    l.weight = take(b, &weight);
    l.bias = take(b, &bias);
    l.out = (int)weight.dims[0];
    l.in = (int)weight.dims[1];
    l.weight_at = weight.offset;
    l.bias_at = bias.offset;
    return l;
}

bool fit_network_bind(struct fit_network *network, const struct fit_config *config,
                      struct fk_ptr (*tensor)(void *user, size_t i), void *user,
                      struct fit_error *e)
{
    memset(network, 0, sizeof *network);
    if (!fit_config_check(config, e))
        return false;
    network->config = *config;
    network->block = calloc((size_t)config->depth, sizeof *network->block);
    if (!network->block)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d blocks", config->depth);

    struct binder b = {.config = config, .tensor = tensor, .user = user, .error = e, .ok = true};
    struct fit_tensor_spec table;
    network->x_embed = take_linear(&b);
    network->time_in = take_linear(&b);
    network->time_out = take_linear(&b);
    network->class_table = take(&b, &table);
    network->class_table_at = table.offset;
    bool shares = fit_config_shares_modulation(config);
    if (shares)
        network->global = take_linear(&b);
    for (int i = 0; i < config->depth; i++) {
        struct fit_block *to = &network->block[i];
        to->qkv = take_linear(&b);
        to->proj = take_linear(&b);
        to->gate = take_linear(&b);
        to->value = take_linear(&b);
        to->down = take_linear(&b);
        if (shares)
            to->lora_in = take_linear(&b);
        to->lora_out = take_linear(&b);
    }
    network->final = take_linear(&b);
    network->final_modulation = take_linear(&b);
    network->type = network->block[0].qkv.weight.type;
    if (!b.ok)
        fit_network_finish(network);
    return b.ok;
}

struct flat {
    const struct fit_config *config;
    const float *values;
    const uint16_t *working;
};

static struct fk_ptr flat_tensor(void *user, size_t i)
{
    const struct flat *flat = user;
    struct fit_tensor_spec spec;
    if (!fit_weights_spec(flat->config, i, &spec))
        return fk_f32(NULL);
    return flat->working && !spec.keep_f32 ? fk_bf16(flat->working + spec.offset)
                                           : fk_f32(flat->values + spec.offset);
}

bool fit_network_bind_flat(struct fit_network *network, const struct fit_config *config,
                           const float *flat, const uint16_t *working, struct fit_error *e)
{
    struct flat user = {config, flat, working};
    return fit_network_bind(network, config, flat_tensor, &user, e);
}

typedef void visit_linear(struct fit_network *n, struct fit_linear *l, const void *user);

/* Calls `visit` with every linear layer; those that an architecture lacks have no weights. */
static void each_linear(struct fit_network *n, visit_linear *visit, const void *user)
{
    visit(n, &n->x_embed, user);
    visit(n, &n->time_in, user);
    visit(n, &n->time_out, user);
    visit(n, &n->global, user);
    for (int i = 0; i < n->config.depth; i++) {
        struct fit_block *b = &n->block[i];
        struct fit_linear *const all[] = {&b->qkv,  &b->proj,    &b->gate,    &b->value,
                                                &b->down, &b->lora_in, &b->lora_out};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            visit(n, all[k], user);
    }
    visit(n, &n->final, user);
    visit(n, &n->final_modulation, user);
}

static void freeze(struct fit_network *n, struct fit_linear *l, const void *trained)
{
    (void)n;
    l->weight_frozen = !fit_trained_has(trained, l->weight_at);
    l->bias_frozen = !fit_trained_has(trained, l->bias_at);
}

void fit_network_train_only(struct fit_network *network, const struct fit_trained *trained)
{
    each_linear(network, freeze, trained);
    network->class_table_frozen = !fit_trained_has(trained, network->class_table_at);
}

static void on_copied(void *user, const void *w, size_t bytes)
{
    struct fit_network *n = user;
    atomic_fetch_add(&n->copied_bytes, bytes);
    atomic_fetch_sub(&n->to_copy_bytes, bytes);
    if (n->copied)
        n->copied(n->copied_user, w, bytes);
}

static void keep(struct fit_network *n, struct fit_linear *l, const void *user)
{
    (void)user;
    struct fk_ptr w = l->weight;
    if (w.p && n->kept_on->weights_keep(n->kept_on, w, l->out, l->in, on_copied, n))
        atomic_fetch_add(&n->to_copy_bytes,
                         (size_t)l->out * (size_t)l->in * fk_dtype_size(w.type));
}

static void forget(struct fit_network *n, struct fit_linear *l, const void *user)
{
    (void)user;
    if (l->weight.p)
        n->kept_on->weights_forget(n->kept_on, l->weight.p);
}

void fit_network_keep(struct fit_network *network, struct fk_device *device,
                      void (*copied)(void *user, const void *w, size_t bytes), void *user)
{
    if (!device->weights_keep || !device->weights_forget)
        return;
    network->kept_on = device;
    network->copied = copied;
    network->copied_user = user;
    each_linear(network, keep, NULL);
}

void fit_network_forget(struct fit_network *network)
{
    if (network->kept_on)
        each_linear(network, forget, NULL);
    network->kept_on = NULL;
    atomic_store(&network->copied_bytes, 0);
    atomic_store(&network->to_copy_bytes, 0);
}

void fit_network_finish(struct fit_network *network)
{
    fit_network_forget(network);
    free(network->block);
    memset(network, 0, sizeof *network);
}
