/* SPDX-License-Identifier: Apache-2.0 */
/* From tensors of a file to the weights of layers. */
#include "convnet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_BYTES = 128,
    MOST_OWNED_PER_LAYER = 2 * FIT_LAYER_PARTS,
    STRIP_VALUES = 3 << 20 /* small beside a picture, large beside the cost of a call */
};

enum part_kind { PART_NORM, PART_CONV, PART_LINEAR };

struct loading {
    struct fit_convnet *net; /* NULL: tensors are found, not placed */
    const struct fit_convnet_source *source;
    const struct fit_tensor_visitor *visitor; /* may be NULL */
    struct fit_error *e;
};

/* ---- one tensor --------------------------------------------------------------------------- */

static void join(char full[NAME_BYTES], const char *name, const char *tail)
{
    if (snprintf(full, NAME_BYTES, "%s.%s", name, tail) >= NAME_BYTES)
        full[0] = '\0'; /* a name that no file has: it will be reported as missing */
}

/* found_dims: those of the file, where they may be more than n_dims, with ones behind. */
static bool find(const struct loading *load, const char *name, int n_dims, const uint64_t *dims,
                 int found_dims, const struct fit_tensor **tensor)
{
    char spelled[NAME_BYTES];
    const struct fit_tensor_visitor *visitor = load->visitor;
    load->source->spell(load->source->spelling, name, spelled, sizeof spelled);
    if (!fit_tensors_require(&load->source->list, spelled, found_dims, dims, tensor, load->e))
        return false;
    struct fit_tensor_match match = {name, n_dims, dims, *tensor};
    return !visitor || visitor->visit(visitor->user, &match);
}

static bool find_part(const struct loading *load, const char *name, const char *tail, int n_dims,
                      const uint64_t *dims, const struct fit_tensor **tensor)
{
    char full[NAME_BYTES];
    join(full, name, tail);
    return find(load, full, n_dims, dims, n_dims, tensor);
}

/* A square matrix [n][n], or the same numbers as a 1 x 1 convolution [n][n][1][1]. */
static bool find_matrix(const struct loading *load, const char *name, uint64_t n,
                        const struct fit_tensor **tensor)
{
    const uint64_t dims[] = {n, n, 1, 1};
    char full[NAME_BYTES], spelled[NAME_BYTES];
    join(full, name, "weight");
    load->source->spell(load->source->spelling, full, spelled, sizeof spelled);
    const struct fit_tensor *found = fit_tensors_find(&load->source->list, spelled);
    return find(load, full, 2, dims, found && found->n_dims == 4 ? 4 : 2, tensor);
}

static void *own(const struct loading *load, size_t bytes)
{
    struct fit_convnet *net = load->net;
    void *memory = net->device->alloc(net->device, bytes);
    if (memory)
        net->owned[net->n_owned++] = memory;
    else
        fit_fail(load->e, FIT_ERROR_MEMORY, "%s: no memory for its weights",
                 load->source->list.path);
    return memory;
}

/* A NaN in a weight makes every picture black without a word; say it at once. */
static bool convert(const struct loading *load, const struct fit_tensor *tensor, float *host)
{
    const char *path = load->source->list.path;
    if (!fit_tensor_to_f32(tensor, host))
        return fit_fail(load->e, FIT_ERROR_MODEL, "%s: tensor %s: expected floats, found %s", path,
                        tensor->name, fit_tensor_type_name(tensor->type));
    for (uint64_t i = 0; i < tensor->n_values; i++)
        if (!isfinite(host[i]))
            return fit_fail(load->e, FIT_ERROR_MODEL,
                            "%s: tensor %s holds a value that is no number", path, tensor->name);
    return true;
}

/* The numbers of n tensors end to end in device memory of their own. */
static bool place_joined(const struct loading *load, const struct fit_tensor *const *tensors,
                         int n, float **out)
{
    if (!load->net)
        return true;
    struct fk_device *device = load->net->device;
    struct fk_queue *queue = load->source->queue;
    size_t values = 0, at = 0;
    for (int i = 0; i < n; i++)
        values += tensors[i]->n_values;
    float *host = malloc(values * sizeof *host), *memory = own(load, values * sizeof *host);
    bool ok = host && memory;
    for (int i = 0; ok && i < n; at += tensors[i]->n_values, i++)
        ok = convert(load, tensors[i], host + at);
    if (ok && (!device->upload(queue, memory, host, values * sizeof *host) ||
               !device->queue_sync(queue)))
        ok = fit_fail(load->e, FIT_ERROR_DEVICE, "%s", device->queue_error(queue));
    if (!host)
        fit_fail(load->e, FIT_ERROR_MEMORY, "%s: no memory for its weights",
                 load->source->list.path);
    free(host);
    *out = memory;
    return ok;
}

/* Where it lies when the device can read that, else a copy. */
static bool place(const struct loading *load, const struct fit_tensor *tensor, float **out)
{
    if (!load->net)
        return true;
    if (load->net->device->caps.host_memory && tensor->type == FIT_TENSOR_F32 &&
        (uintptr_t)tensor->data % sizeof(float) == 0) {
        *out = (float *)tensor->data;
        return true;
    }
    return place_joined(load, &tensor, 1, out);
}

/* ---- parts of layers ---------------------------------------------------------------------- */

static bool read_part(const struct loading *load, struct fit_weight_pair *pair, const char *name,
                      enum part_kind kind, int out, int in, int kernel, bool no_bias)
{
    const uint64_t n = (uint64_t)out, side = (uint64_t)kernel;
    const uint64_t dims[] = {n, (uint64_t)in, side, side};
    const struct fit_tensor *weight, *bias;
    bool found = kind == PART_LINEAR ? find_matrix(load, name, n, &weight)
                                     : find_part(load, name, "weight",
                                                 kind == PART_NORM ? 1 : 4, dims, &weight);
    if (!found || !place(load, weight, &pair->weight))
        return false;
    return no_bias || (find_part(load, name, "bias", 1, dims, &bias) &&
                       place(load, bias, &pair->bias));
}

/* The three projections as one matrix [3 C][C], for one product instead of three. */
static bool read_projections(const struct loading *load, struct fit_weight_pair *pair,
                             const char *name, int channels)
{
    static const char *const part[] = {"to_q", "to_k", "to_v"};
    const struct fit_tensor *weight[3], *bias[3];
    const uint64_t n = (uint64_t)channels;
    char full[NAME_BYTES];
    for (int i = 0; i < 3; i++) {
        join(full, name, part[i]);
        if (!find_matrix(load, full, n, &weight[i]) ||
            !find_part(load, full, "bias", 1, &n, &bias[i]))
            return false;
    }
    return place_joined(load, weight, 3, &pair->weight) &&
           place_joined(load, bias, 3, &pair->bias);
}

static bool read_named(const struct loading *load, struct fit_weight_pair *pair,
                       const struct fit_layer *l, const char *tail, enum part_kind kind, int in,
                       int kernel)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", l->name, tail);
    return read_part(load, pair, name, kind, kind == PART_NORM ? in : l->out, in, kernel, false);
}

static bool read_resnet(const struct loading *load, struct fit_weight_pair *part,
                        const struct fit_layer *l)
{
    return read_named(load, &part[0], l, "norm1", PART_NORM, l->in, 0) &&
           read_named(load, &part[1], l, "conv1", PART_CONV, l->in, 3) &&
           read_named(load, &part[2], l, "norm2", PART_NORM, l->out, 0) &&
           read_named(load, &part[3], l, "conv2", PART_CONV, l->out, 3) &&
           (l->in == l->out ||
            read_named(load, &part[4], l, "conv_shortcut", PART_CONV, l->in, 1));
}

static bool read_attention(const struct loading *load, struct fit_weight_pair *part,
                           const struct fit_layer *l)
{
    return read_named(load, &part[0], l, "group_norm", PART_NORM, l->in, 0) &&
           read_projections(load, &part[1], l->name, l->in) &&
           read_named(load, &part[2], l, "to_out.0", PART_LINEAR, l->in, 0);
}

static bool read_layer(const struct loading *load, const struct fit_layer *l,
                       struct fit_weight_pair *part)
{
    switch (l->kind) {
    case FIT_LAYER_RESNET:
        return read_resnet(load, part, l);
    case FIT_LAYER_ATTENTION:
        return read_attention(load, part, l);
    case FIT_LAYER_NORM_CONV:
        return read_part(load, &part[0], l->norm, PART_NORM, l->in, 1, 1, false) &&
               read_part(load, &part[1], l->name, PART_CONV, l->out, l->in, l->kernel, false);
    case FIT_LAYER_BLOCK:
        return read_named(load, &part[0], l, "conv.0", PART_CONV, l->in, 3) &&
               read_named(load, &part[1], l, "conv.2", PART_CONV, l->in, 3) &&
               read_named(load, &part[2], l, "conv.4", PART_CONV, l->in, 3);
    case FIT_LAYER_RELU:
    case FIT_LAYER_SOFT_CLAMP:
        return true;
    case FIT_LAYER_CONV:
    case FIT_LAYER_DOWN:
    case FIT_LAYER_UP:
        break;
    }
    return read_part(load, &part[0], l->name, PART_CONV, l->out, l->in, l->kernel, l->no_bias);
}

/* ---- the network -------------------------------------------------------------------------- */

static bool reserve(struct fit_convnet *net, struct fit_error *e)
{
    struct fk_device *d = net->device;
    size_t sums = (size_t)net->n_norms * FIT_CONVNET_GROUPS * 2 * sizeof *net->sums;
    net->weights = calloc((size_t)net->n_layers, sizeof *net->weights);
    net->owned = calloc((size_t)net->n_layers * MOST_OWNED_PER_LAYER, sizeof *net->owned);
    net->sums = d->alloc(d, sums);
    net->offset = d->alloc(d, 2 * sizeof *net->offset);
    return (net->weights && net->owned && net->sums && net->offset) ||
           fit_fail(e, FIT_ERROR_MEMORY, "no memory for the autoencoder");
}

bool fit_convnet_find(const struct fit_layer *layers, int n_layers,
                      const struct fit_convnet_source *source,
                      const struct fit_tensor_visitor *visitor, struct fit_error *e)
{
    const struct loading load = {.source = source, .visitor = visitor, .e = e};
    struct fit_weight_pair unused[FIT_LAYER_PARTS];
    bool ok = true;
    for (int i = 0; ok && i < n_layers; i++)
        ok = read_layer(&load, &layers[i], unused);
    return ok;
}

bool fit_convnet_open(struct fit_convnet *net, const struct fit_layer *layers, int n_layers,
                      const struct fit_convnet_source *source, struct fit_error *e)
{
    *net = (struct fit_convnet){.device = source->device, .layers = layers, .n_layers = n_layers,
                                .strip_values = STRIP_VALUES};
    net->n_norms = fit_convnet_norms_before(net, n_layers);
    const struct loading load = {.net = net, .source = source, .e = e};
    bool ok = reserve(net, e);
    for (int i = 0; ok && i < n_layers; i++)
        ok = read_layer(&load, &layers[i], net->weights[i].part);
    if (!ok)
        fit_convnet_close(net);
    return ok;
}

void fit_convnet_close(struct fit_convnet *net)
{
    struct fk_device *d = net->device;
    if (!d)
        return;
    for (size_t i = 0; i < net->n_owned; i++)
        d->free(d, net->owned[i]);
    fit_convnet_work_finish(net);
    d->free(d, net->sums);
    d->free(d, net->offset);
    free(net->weights);
    free(net->owned);
    memset(net, 0, sizeof *net);
}
