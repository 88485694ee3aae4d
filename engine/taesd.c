/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder of TAESD (Tiny AutoEncoder for Stable Diffusion, madebyollin/taesd): an eighteenth
 * of the work of the SD VAE's for nearly the same picture. It takes latents in model space, so its
 * scaling factor is 1, and was trained to give [0, 1].
 *
 * Tensors are numbered as in its own file; in diffusers' copy they begin with "decoder.layers." and
 * count from 0, for there the clamp is not a layer.
 */
#include <stdlib.h>
#include <string.h>

#include "autoencoder_types.h"
#include "convnet.h"

enum { CHANNELS = 4, WIDTH = 64 };

#define CONV(name_, in_, out_)                                                                     \
    {.kind = FIT_LAYER_CONV, .name = name_, .in = in_, .out = out_, .kernel = 3}
#define BLOCK(name_) {.kind = FIT_LAYER_BLOCK, .name = name_, .in = WIDTH, .out = WIDTH}
#define UP(name_)                                                                                  \
    {.kind = FIT_LAYER_UP, .name = name_, .in = WIDTH, .out = WIDTH, .kernel = 3, .no_bias = true}

static const struct fit_layer decoder[] = {
    {.kind = FIT_LAYER_SOFT_CLAMP, .in = CHANNELS, .out = CHANNELS},
    CONV("1", CHANNELS, WIDTH),
    {.kind = FIT_LAYER_RELU, .in = WIDTH, .out = WIDTH},
    BLOCK("3"), BLOCK("4"), BLOCK("5"), UP("7"),
    BLOCK("8"), BLOCK("9"), BLOCK("10"), UP("12"),
    BLOCK("13"), BLOCK("14"), BLOCK("15"), UP("17"),
    BLOCK("18"),
    CONV("19", WIDTH, 3),
};
enum { N_DECODER = sizeof decoder / sizeof *decoder };

struct taesd {
    struct fit_autoencoder base;
    struct fit_safetensors file;
    struct fit_convnet decoder;
    struct fit_weight_pair last; /* owned */
    struct fit_scratch scratch;
    float *pixels; /* the latent, channels last */
};

enum spelling { OWN, DIFFUSERS };

static void spell(int spelling, const char *name, char *out, size_t bytes)
{
    char *rest;
    long number = strtol(name, &rest, 10);
    if (spelling == DIFFUSERS)
        snprintf(out, bytes, "decoder.layers.%ld%s", number - 1, rest);
    else
        snprintf(out, bytes, "%s", name);
}

static struct fit_convnet_source source_of(struct fit_tensor_list list)
{
    bool diffusers = fit_tensors_find(&list, "decoder.layers.0.weight") != NULL;
    return (struct fit_convnet_source){
        .list = list, .spell = spell, .spelling = diffusers ? DIFFUSERS : OWN};
}

static bool taesd_find(const struct fit_tensor_list *list,
                       const struct fit_tensor_visitor *visitor, struct fit_error *e)
{
    const struct fit_convnet_source source = source_of(*list);
    return fit_convnet_find(decoder, N_DECODER, &source, visitor, e);
}

static void taesd_trim(struct fit_autoencoder *base)
{
    fit_scratch_finish(&((struct taesd *)base)->scratch);
}

static void taesd_close(struct fit_autoencoder *base)
{
    struct taesd *t = (struct taesd *)base;
    struct fk_device *d = t->decoder.device;
    if (d) {
        d->free(d, t->last.weight);
        d->free(d, t->last.bias);
    }
    fit_convnet_close(&t->decoder);
    fit_scratch_finish(&t->scratch);
    fit_safetensors_close(&t->file);
    free(t);
}

static bool last_part(struct taesd *t, struct fk_queue *queue, const float *from, float **to,
                      size_t n, float add, struct fit_error *e)
{
    struct fk_device *d = t->decoder.device;
    size_t bytes = n * sizeof(float);
    float *host = malloc(bytes);
    *to = d->alloc(d, bytes);
    bool ok = host && *to;
    if (!ok)
        fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for its weights", t->file.path);
    if (ok && (!d->download(queue, host, from, bytes) || !d->queue_sync(queue)))
        ok = fit_fail(e, FIT_ERROR_DEVICE, "%s", d->queue_error(queue));
    for (size_t i = 0; ok && i < n; i++)
        host[i] = 2 * host[i] + add;
    if (ok && (!d->upload(queue, *to, host, bytes) || !d->queue_sync(queue)))
        ok = fit_fail(e, FIT_ERROR_DEVICE, "%s", d->queue_error(queue));
    free(host);
    return ok;
}

/* Colours y in [0, 1] become 2 y - 1: the last convolution says them so from the start. */
static bool scale_last(struct taesd *t, struct fk_queue *queue, struct fit_error *e)
{
    struct fit_weight_pair *last = &t->decoder.weights[N_DECODER - 1].part[0];
    if (!last_part(t, queue, last->weight, &t->last.weight, 3 * WIDTH * 9, 0, e) ||
        !last_part(t, queue, last->bias, &t->last.bias, 3, -1, e))
        return false;
    *last = t->last;
    return true;
}

static bool taesd_open(struct fit_autoencoder **out, struct fk_device *device,
                       struct fk_queue *queue, struct fit_safetensors *file, struct fit_error *e)
{
    struct taesd *t = calloc(1, sizeof *t);
    if (!t) {
        fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for the autoencoder", file->path);
        fit_safetensors_close(file);
        return false;
    }
    t->file = *file;
    struct fit_convnet_source source = source_of(fit_safetensors_list(&t->file));
    source.device = device;
    source.queue = queue;
    bool ok = fit_convnet_open(&t->decoder, decoder, N_DECODER, &source, e) &&
              scale_last(t, queue, e);
    if (ok)
        *out = &t->base;
    else
        taesd_close(&t->base);
    return ok;
}

static bool taesd_decode(struct fit_autoencoder *base, struct fit_compute *c, float *rgb,
                         const float *latent, int batch, int height, int width)
{
    struct taesd *t = (struct taesd *)base;
    size_t picture = (size_t)height * (size_t)width * 3;
    size_t values = (size_t)height * (size_t)width / 64 * CHANNELS;
    const struct fit_scratch_item item = {"latent", (void **)&t->pixels, values * sizeof(float)};
    struct fit_convnet_plan plan;
    fit_convnet_plan_make(&t->decoder, height / 8, width / 8, base->memory_limit, &plan);
    if (!fit_scratch_reserve(&t->scratch, t->decoder.device, &item, 1, c->error))
        return false;
    for (int b = 0; b < batch; b++)
        if (!fit_run(c, planes_to_pixels, t->pixels, latent + (size_t)b * values, 1, CHANNELS,
                     height / 8, width / 8) ||
            !fit_convnet_run(&t->decoder, c, &plan, rgb + (size_t)b * picture, t->pixels,
                             height / 8, width / 8))
            return false;
    return true;
}

static size_t taesd_work_bytes(const struct fit_autoencoder *base, int batch, int height,
                               int width)
{
    const struct taesd *t = (const struct taesd *)base;
    struct fit_convnet_plan plan;
    (void)batch; /* one picture after another */
    fit_convnet_plan_make(&t->decoder, height / 8, width / 8, base->memory_limit, &plan);
    return plan.bytes;
}

const struct fit_autoencoder_type fit_taesd = {
    .name = "taesd", .channels = CHANNELS, .stride = 8, .scaling_factor = 1,
    .preview = fit_sd_preview,
    .find = taesd_find, .open = taesd_open, .close = taesd_close, .trim = taesd_trim,
    .decode = taesd_decode,
    .work_bytes = taesd_work_bytes,
};
