/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The autoencoder of Limn's own models: 8 channels at an eighth of the size, no normalisation.
 *
 * The graph is two lists of layers; res(x) = x + conv2(silu(conv1(silu(x)))), convolutions are
 * 3 x 3 with zero padding unless the list says 1 x 1.
 *
 * Weights: NAME.weight [out][in][k][k] and NAME.bias [out], for a residual layer NAME.conv1 and
 * NAME.conv2.
 */
#include "autoencoder_types.h"

#include <stdlib.h>
#include <string.h>

#include "scratch.h"

enum kind { UNSHUFFLE, SHUFFLE, CONV, RESIDUAL, SILU };

struct layer {
    enum kind kind;
    const char *name;
    int in, out, kernel, stride;
};

static const struct layer encoder[] = {
    {UNSHUFFLE, NULL, 3, 12, 0, 2},
    {CONV, "encoder.conv_in", 12, 32, 3, 1},
    {SILU, NULL, 32, 32, 0, 1},
    {CONV, "encoder.down1", 32, 64, 3, 2},
    {RESIDUAL, "encoder.res1", 64, 64, 3, 1},
    {SILU, NULL, 64, 64, 0, 1},
    {CONV, "encoder.down2", 64, 96, 3, 2},
    {RESIDUAL, "encoder.res2", 96, 96, 3, 1},
    {SILU, NULL, 96, 96, 0, 1},
    {CONV, "encoder.conv_out", 96, FIT_AUTOENCODER_CHANNELS, 3, 1},
};

static const struct layer decoder[] = {
    {CONV, "decoder.conv_in", FIT_AUTOENCODER_CHANNELS, 128, 3, 1},
    {RESIDUAL, "decoder.res1", 128, 128, 3, 1},
    {RESIDUAL, "decoder.res2", 128, 128, 3, 1},
    {CONV, "decoder.up1", 128, 256, 1, 1},
    {SHUFFLE, NULL, 256, 64, 0, 2},
    {RESIDUAL, "decoder.res3", 64, 64, 3, 1},
    {RESIDUAL, "decoder.res4", 64, 64, 3, 1},
    {CONV, "decoder.up2", 64, 128, 1, 1},
    {SHUFFLE, NULL, 128, 32, 0, 2},
    {RESIDUAL, "decoder.res5", 32, 32, 3, 1},
    {SILU, NULL, 32, 32, 0, 1},
    {CONV, "decoder.conv_out", 32, 12, 3, 1},
    {SHUFFLE, NULL, 12, 3, 0, 2},
};

enum {
    N_ENCODER = sizeof encoder / sizeof encoder[0],
    N_DECODER = sizeof decoder / sizeof decoder[0]
};

/* The convolutions of one layer; a residual layer has two. */
struct weights {
    float *weight[2], *bias[2];
};

struct limn_f8c8 {
    struct fit_autoencoder base;
    /* owned, device memory */
    struct weights encoder[N_ENCODER], decoder[N_DECODER];
    struct fit_scratch scratch; /* of the buffers */
    float *buffer[3];
    /* borrowed */
    struct fk_device *device;
};

/* ---- weights ----------------------------------------------------------------------------- */

/* The tensors of one layer, each with the place for its values; `count` of them. */
struct parts {
    struct {
        char name[96];
        int n_dims;
        float **place;
    } part[4];
    int count;
    uint64_t dims[4];
};

static void parts_of(const struct layer *l, struct weights *weights, struct parts *out)
{
    int convolutions = l->kind == RESIDUAL ? 2 : l->kind == CONV ? 1 : 0;
    uint64_t side = (uint64_t)l->kernel;
    *out = (struct parts){.dims = {(uint64_t)l->out, (uint64_t)l->in, side, side}};
    for (int k = 0; k < 2 * convolutions; k++) {
        const char *which = l->kind == CONV ? "" : k / 2 ? ".conv2" : ".conv1";
        snprintf(out->part[k].name, sizeof out->part[k].name, "%s%s.%s", l->name, which,
                 k % 2 ? "bias" : "weight");
        out->part[k].n_dims = k % 2 ? 1 : 4;
        out->part[k].place = k % 2 ? &weights->bias[k / 2] : &weights->weight[k / 2];
        out->count++;
    }
}

static bool find_layers(const struct fit_tensor_list *list, const struct layer *layers, int n,
                        const struct fit_tensor_visitor *visitor, struct fit_error *e)
{
    struct weights unused;
    struct parts parts;
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        parts_of(&layers[i], &unused, &parts);
        for (int k = 0; ok && k < parts.count; k++) {
            struct fit_tensor_match match = {parts.part[k].name, parts.part[k].n_dims, parts.dims,
                                             NULL};
            ok = fit_tensors_require(list, match.name, match.n_dims, match.dims, &match.found, e) &&
                 visitor->visit(visitor->user, &match);
        }
    }
    return ok;
}

static bool limn_find(const struct fit_tensor_list *list, const struct fit_tensor_visitor *visitor,
                      struct fit_error *e)
{
    return find_layers(list, encoder, N_ENCODER, visitor, e) &&
           find_layers(list, decoder, N_DECODER, visitor, e);
}

static float *read_tensor(struct limn_f8c8 *a, struct fk_queue *queue,
                          const struct fit_safetensors *file, const char *name, int n_dims,
                          const uint64_t *dims, struct fit_error *e)
{
    const struct fit_tensor *tensor;
    if (!fit_safetensors_require(file, name, n_dims, dims, &tensor, e))
        return NULL;
    size_t bytes = (size_t)tensor->n_values * sizeof(float);
    float *host = malloc(bytes), *memory = a->device->alloc(a->device, bytes);
    if (!host || !memory)
        fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for %s", file->path, name);
    else if (!fit_tensor_to_f32(tensor, host))
        fit_fail(e, FIT_ERROR_MODEL, "%s: %s holds %s, not real numbers", file->path, name,
                 fit_tensor_type_name(tensor->type));
    else if (!a->device->upload(queue, memory, host, bytes) || !a->device->queue_sync(queue))
        fit_fail(e, FIT_ERROR_DEVICE, "%s", a->device->queue_error(queue));
    else {
        free(host);
        return memory;
    }
    free(host);
    a->device->free(a->device, memory);
    return NULL;
}

static bool read_layers(struct limn_f8c8 *a, struct fk_queue *queue,
                        const struct fit_safetensors *file, struct weights *weights,
                        const struct layer *layers, int n, struct fit_error *e)
{
    struct parts parts;
    for (int i = 0; i < n; i++) {
        parts_of(&layers[i], &weights[i], &parts);
        for (int k = 0; k < parts.count; k++)
            if (!(*parts.part[k].place = read_tensor(a, queue, file, parts.part[k].name,
                                                     parts.part[k].n_dims, parts.dims, e)))
                return false;
    }
    return true;
}

static void limn_close(struct fit_autoencoder *base);

static bool limn_open(struct fit_autoencoder **out, struct fk_device *device,
                      struct fk_queue *queue, struct fit_safetensors *file, struct fit_error *e)
{
    struct limn_f8c8 *a = calloc(1, sizeof *a);
    bool ok = a != NULL;
    if (ok) {
        a->device = device;
        ok = read_layers(a, queue, file, a->encoder, encoder, N_ENCODER, e) &&
             read_layers(a, queue, file, a->decoder, decoder, N_DECODER, e);
    } else {
        fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for the autoencoder", file->path);
    }
    fit_safetensors_close(file);
    if (ok)
        *out = &a->base;
    else if (a)
        limn_close(&a->base);
    return ok;
}

static void free_layers(struct fk_device *device, struct weights *weights, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            device->free(device, weights[i].weight[k]);
            device->free(device, weights[i].bias[k]);
        }
}

static void limn_trim(struct fit_autoencoder *base)
{
    fit_scratch_finish(&((struct limn_f8c8 *)base)->scratch);
}

static void limn_close(struct fit_autoencoder *base)
{
    struct limn_f8c8 *a = (struct limn_f8c8 *)base;
    free_layers(a->device, a->encoder, N_ENCODER);
    free_layers(a->device, a->decoder, N_DECODER);
    fit_scratch_finish(&a->scratch);
    free(a);
}

/* ---- running ----------------------------------------------------------------------------- */

/* A picture between two layers. */
struct extent {
    int batch, height, width;
};

static struct extent after(struct extent s, const struct layer *l)
{
    if (l->kind == SHUFFLE)
        return (struct extent){s.batch, s.height * l->stride, s.width * l->stride};
    return (struct extent){s.batch, s.height / l->stride, s.width / l->stride};
}

static size_t values(struct extent s, int channels)
{
    return (size_t)s.batch * (size_t)s.height * (size_t)s.width * (size_t)channels;
}

/* Values of the largest picture before, between and after the layers. */
static size_t largest(const struct layer *layers, int n, struct extent s)
{
    size_t most = values(s, layers[0].in);
    for (int i = 0; i < n; i++) {
        s = after(s, &layers[i]);
        size_t own = values(s, layers[i].out);
        most = own > most ? own : most;
    }
    return most;
}

static size_t buffer_values(int batch, int height, int width)
{
    const int stride = FIT_AUTOENCODER_STRIDE;
    size_t in = largest(encoder, N_ENCODER, (struct extent){batch, height, width});
    size_t out = largest(decoder, N_DECODER,
                         (struct extent){batch, height / stride, width / stride});
    return in > out ? in : out;
}

static size_t limn_work_bytes(const struct fit_autoencoder *base, int batch, int height, int width)
{
    (void)base;
    return 3 * buffer_values(batch, height, width) * sizeof(float);
}

static bool reserve(struct limn_f8c8 *a, int batch, int height, int width,
                    struct fit_error *e)
{
    size_t bytes = buffer_values(batch, height, width) * sizeof(float);
    const struct fit_scratch_item items[] = {{"autoencoder x", (void **)&a->buffer[0], bytes},
                                             {"autoencoder y", (void **)&a->buffer[1], bytes},
                                             {"autoencoder z", (void **)&a->buffer[2], bytes}};
    return fit_scratch_bytes(items, 3) <= a->scratch.bytes ||
           fit_scratch_reserve(&a->scratch, a->device, items, 3, e);
}

static bool convolve(struct fit_compute *c, const struct layer *l, const struct weights *w, int k,
                     float *y, const float *x, struct extent s, float beta)
{
    struct extent to = after(s, l);
    struct fk_conv conv = {.batch = s.batch, .height = s.height, .width = s.width,
                           .in_channels = l->in, .out_channels = l->out, .kernel = l->kernel,
                           .stride = l->stride, .pad_begin = l->kernel / 2,
                           .out_height = to.height, .out_width = to.width};
    return fit_run(c, conv2d, y, x, fk_f32(w->weight[k]), fk_f32(w->bias[k]), &conv, beta);
}

static void swap(float **a, float **b)
{
    float *keep = *a;
    *a = *b;
    *b = keep;
}

/* One layer on the picture in x[0]; its result is left there, x[1] and x[2] are free. */
static bool run_layer(struct fit_compute *c, const struct layer *l, const struct weights *w,
                      float *x[3], struct extent s)
{
    struct extent to = after(s, l);
    size_t n = values(s, l->in);
    bool ok = true;
    switch (l->kind) {
    case UNSHUFFLE:
        ok = fit_run(c, pixel_unshuffle, x[1], x[0], s.batch, to.height, to.width, l->in,
                     l->stride);
        swap(&x[0], &x[1]);
        break;
    case SHUFFLE:
        ok = fit_run(c, pixel_shuffle, x[1], x[0], s.batch, s.height, s.width, l->out, l->stride);
        swap(&x[0], &x[1]);
        break;
    case CONV:
        ok = convolve(c, l, w, 0, x[1], x[0], s, 0);
        swap(&x[0], &x[1]);
        break;
    case SILU:
        ok = fit_run(c, silu, fk_f32(x[0]), fk_f32(x[0]), n);
        break;
    case RESIDUAL:
        ok = fit_run(c, silu, fk_f32(x[1]), fk_f32(x[0]), n) &&
             convolve(c, l, w, 0, x[2], x[1], s, 0) &&
             fit_run(c, silu, fk_f32(x[2]), fk_f32(x[2]), n) &&
             convolve(c, l, w, 1, x[0], x[2], s, 1);
        break;
    }
    return ok;
}

static bool run_layers(struct fit_compute *c, const struct layer *layers, int n,
                       const struct weights *weights, float *x[3], struct extent s)
{
    for (int i = 0; i < n; i++) {
        if (!run_layer(c, &layers[i], &weights[i], x, s))
            return false;
        s = after(s, &layers[i]);
    }
    return true;
}

static bool limn_encode(struct fit_autoencoder *base, struct fit_compute *c, float *latent,
                        const float *rgb, int batch, int height, int width)
{
    struct limn_f8c8 *a = (struct limn_f8c8 *)base;
    const int stride = FIT_AUTOENCODER_STRIDE;
    struct extent s = {batch, height, width};
    if (!reserve(a, batch, height, width, c->error))
        return false;
    float *x[3] = {a->buffer[0], a->buffer[1], a->buffer[2]};
    return fit_compute_check(c, c->device->copy(c->queue, x[0], rgb,
                                                values(s, 3) * sizeof(float))) &&
           run_layers(c, encoder, N_ENCODER, a->encoder, x, s) &&
           fit_run(c, pixels_to_planes, latent, x[0], batch, FIT_AUTOENCODER_CHANNELS,
                   height / stride, width / stride);
}

static bool limn_decode(struct fit_autoencoder *base, struct fit_compute *c, float *rgb,
                        const float *latent, int batch, int height, int width)
{
    struct limn_f8c8 *a = (struct limn_f8c8 *)base;
    const int stride = FIT_AUTOENCODER_STRIDE;
    struct extent s = {batch, height / stride, width / stride};
    if (!reserve(a, batch, height, width, c->error))
        return false;
    float *x[3] = {a->buffer[0], a->buffer[1], a->buffer[2]};
    return fit_run(c, planes_to_pixels, x[0], latent, batch, FIT_AUTOENCODER_CHANNELS, s.height,
                   s.width) &&
           run_layers(c, decoder, N_DECODER, a->decoder, x, s) &&
           fit_compute_check(c, c->device->copy(c->queue, rgb, x[0],
                                                values((struct extent){batch, height, width}, 3) *
                                                    sizeof(float)));
}

const struct fit_autoencoder_type fit_limn_f8c8 = {
    .name = "limn-f8c8",
    .channels = FIT_AUTOENCODER_CHANNELS,
    .stride = FIT_AUTOENCODER_STRIDE,
    .scaling_factor = 1,
    .find = limn_find,
    .open = limn_open,
    .close = limn_close,
    .trim = limn_trim,
    .encode = limn_encode,
    .decode = limn_decode,
    .work_bytes = limn_work_bytes,
};
