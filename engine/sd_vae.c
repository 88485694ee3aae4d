/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AutoencoderKL of Stable Diffusion (Rombach et al., arXiv 2112.10752) as published in
 * sd-vae-ft-ema and -mse: widths 128, 256, 512, 512, two residual blocks a level in the encoder
 * and three in the decoder, attention in the middle only.
 *
 * Tensors carry diffusers' names. The names that diffusers gave the attention until 2023, and
 * those of the original CompVis code, with its levels of the decoder in the other order, are read
 * too.
 */
#include <stdlib.h>
#include <string.h>

#include "autoencoder_types.h"
#include "convnet.h"

#define CONV(name_, in_, out_, kernel_)                                                            \
    {.kind = FIT_LAYER_CONV, .name = name_, .in = in_, .out = out_, .kernel = kernel_}
#define RESNET(name_, in_, out_) {.kind = FIT_LAYER_RESNET, .name = name_, .in = in_, .out = out_}
#define DOWN(name_, c_)                                                                            \
    {.kind = FIT_LAYER_DOWN, .name = name_ ".downsamplers.0.conv", .in = c_, .out = c_, .kernel = 3}
#define UP(name_, c_)                                                                              \
    {.kind = FIT_LAYER_UP, .name = name_ ".upsamplers.0.conv", .in = c_, .out = c_, .kernel = 3}
#define MIDDLE(name_)                                                                              \
    RESNET(name_ ".mid_block.resnets.0", 512, 512),                                                \
        {.kind = FIT_LAYER_ATTENTION, .name = name_ ".mid_block.attentions.0", .in = 512,          \
         .out = 512},                                                                              \
        RESNET(name_ ".mid_block.resnets.1", 512, 512)
#define LAST(name_, in_, out_)                                                                     \
    {.kind = FIT_LAYER_NORM_CONV, .name = name_ ".conv_out", .norm = name_ ".conv_norm_out",       \
     .in = in_, .out = out_, .kernel = 3}

enum { CHANNELS = 4, MOMENTS = 2 * CHANNELS };

static const struct fit_layer encoder[] = {
    CONV("encoder.conv_in", 3, 128, 3),
    RESNET("encoder.down_blocks.0.resnets.0", 128, 128),
    RESNET("encoder.down_blocks.0.resnets.1", 128, 128),
    DOWN("encoder.down_blocks.0", 128),
    RESNET("encoder.down_blocks.1.resnets.0", 128, 256),
    RESNET("encoder.down_blocks.1.resnets.1", 256, 256),
    DOWN("encoder.down_blocks.1", 256),
    RESNET("encoder.down_blocks.2.resnets.0", 256, 512),
    RESNET("encoder.down_blocks.2.resnets.1", 512, 512),
    DOWN("encoder.down_blocks.2", 512),
    RESNET("encoder.down_blocks.3.resnets.0", 512, 512),
    RESNET("encoder.down_blocks.3.resnets.1", 512, 512),
    MIDDLE("encoder"),
    LAST("encoder", 512, MOMENTS),
    CONV("quant_conv", MOMENTS, MOMENTS, 1),
};

static const struct fit_layer decoder[] = {
    CONV("post_quant_conv", CHANNELS, CHANNELS, 1),
    CONV("decoder.conv_in", CHANNELS, 512, 3),
    MIDDLE("decoder"),
    RESNET("decoder.up_blocks.0.resnets.0", 512, 512),
    RESNET("decoder.up_blocks.0.resnets.1", 512, 512),
    RESNET("decoder.up_blocks.0.resnets.2", 512, 512),
    UP("decoder.up_blocks.0", 512),
    RESNET("decoder.up_blocks.1.resnets.0", 512, 512),
    RESNET("decoder.up_blocks.1.resnets.1", 512, 512),
    RESNET("decoder.up_blocks.1.resnets.2", 512, 512),
    UP("decoder.up_blocks.1", 512),
    RESNET("decoder.up_blocks.2.resnets.0", 512, 256),
    RESNET("decoder.up_blocks.2.resnets.1", 256, 256),
    RESNET("decoder.up_blocks.2.resnets.2", 256, 256),
    UP("decoder.up_blocks.2", 256),
    RESNET("decoder.up_blocks.3.resnets.0", 256, 128),
    RESNET("decoder.up_blocks.3.resnets.1", 128, 128),
    RESNET("decoder.up_blocks.3.resnets.2", 128, 128),
    LAST("decoder", 128, 3),
};

enum {
    N_ENCODER = sizeof encoder / sizeof *encoder,
    N_DECODER = sizeof decoder / sizeof *decoder
};

struct sd_vae {
    struct fit_autoencoder base;
    struct fit_safetensors file; /* its weights are used where they lie */
    struct fit_convnet encoder, decoder;
    struct fit_scratch scratch;
    float *pixels, *planes; /* a latent or its moments in either order */
};

/* ---- names -------------------------------------------------------------------------------- */

enum spelling { NEW, OLD, COMPVIS, COMPVIS_WHOLE_MODEL };

struct replacement {
    const char *from, *to;
};

static const struct replacement old_names[] = {
    {".to_q.", ".query."},
    {".to_k.", ".key."},
    {".to_v.", ".value."},
    {".to_out.0.", ".proj_attn."},
};

static const struct replacement compvis_names[] = {
    {"down_blocks.", "down."},
    {"up_blocks.0.", "up.3."},
    {"up_blocks.1.", "up.2."},
    {"up_blocks.2.", "up.1."},
    {"up_blocks.3.", "up.0."},
    {"mid_block.resnets.0.", "mid.block_1."},
    {"mid_block.resnets.1.", "mid.block_2."},
    {"mid_block.attentions.0.", "mid.attn_1."},
    {"resnets.", "block."},
    {"downsamplers.0.", "downsample."},
    {"upsamplers.0.", "upsample."},
    {"conv_shortcut.", "nin_shortcut."},
    {"group_norm.", "norm."},
    {"to_q.", "q."},
    {"to_k.", "k."},
    {"to_v.", "v."},
    {"to_out.0.", "proj_out."},
    {"conv_norm_out.", "norm_out."},
};

static void replace(char *name, size_t bytes, const struct replacement *r)
{
    char tail[128];
    char *at = strstr(name, r->from);
    if (!at)
        return;
    snprintf(tail, sizeof tail, "%s", at + strlen(r->from));
    snprintf(at, bytes - (size_t)(at - name), "%s%s", r->to, tail);
}

static void spell(int spelling, const char *name, char *out, size_t bytes)
{
    const struct replacement *list = spelling == OLD ? old_names : compvis_names;
    size_t n = spelling == NEW   ? 0
               : spelling == OLD ? sizeof old_names / sizeof *old_names
                                 : sizeof compvis_names / sizeof *compvis_names;
    snprintf(out, bytes, "%s%s", spelling == COMPVIS_WHOLE_MODEL ? "first_stage_model." : "", name);
    for (size_t i = 0; i < n; i++)
        replace(out, bytes, &list[i]);
}

/* The spelling that the file's attention has. */
static enum spelling spelling_of(const struct fit_tensor_list *list)
{
    char name[128];
    for (int i = OLD; i <= COMPVIS_WHOLE_MODEL; i++) {
        spell(i, "decoder.mid_block.attentions.0.to_q.weight", name, sizeof name);
        if (fit_tensors_find(list, name))
            return i;
    }
    return NEW;
}

static struct fit_convnet_source source_of(struct fit_tensor_list list)
{
    return (struct fit_convnet_source){
        .list = list, .spell = spell, .spelling = (int)spelling_of(&list)};
}

static bool vae_find(const struct fit_tensor_list *list, const struct fit_tensor_visitor *visitor,
                     struct fit_error *e)
{
    const struct fit_convnet_source source = source_of(*list);
    return fit_convnet_find(encoder, N_ENCODER, &source, visitor, e) &&
           fit_convnet_find(decoder, N_DECODER, &source, visitor, e);
}

/* ---- opening ------------------------------------------------------------------------------ */

static void vae_trim(struct fit_autoencoder *base)
{
    fit_scratch_finish(&((struct sd_vae *)base)->scratch);
}

static void vae_close(struct fit_autoencoder *base)
{
    struct sd_vae *vae = (struct sd_vae *)base;
    fit_convnet_close(&vae->encoder);
    fit_convnet_close(&vae->decoder);
    fit_scratch_finish(&vae->scratch);
    fit_safetensors_close(&vae->file);
    free(vae);
}

static bool vae_open(struct fit_autoencoder **out, struct fk_device *device,
                     struct fk_queue *queue, struct fit_safetensors *file, struct fit_error *e)
{
    struct sd_vae *vae = calloc(1, sizeof *vae);
    if (!vae) {
        fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for the autoencoder", file->path);
        fit_safetensors_close(file);
        return false;
    }
    vae->file = *file;
    struct fit_convnet_source source = source_of(fit_safetensors_list(&vae->file));
    source.device = device;
    source.queue = queue;
    bool ok = fit_convnet_open(&vae->encoder, encoder, N_ENCODER, &source, e) &&
              fit_convnet_open(&vae->decoder, decoder, N_DECODER, &source, e);
    if (ok)
        *out = &vae->base;
    else
        vae_close(&vae->base);
    return ok;
}

/* ---- running ------------------------------------------------------------------------------ */

static bool reserve(struct sd_vae *vae, int height, int width, struct fit_error *e)
{
    size_t bytes = (size_t)height * (size_t)width / 64 * MOMENTS * sizeof(float);
    const struct fit_scratch_item items[] = {{"latent", (void **)&vae->pixels, bytes},
                                             {"latent", (void **)&vae->planes, bytes}};
    return fit_scratch_reserve(&vae->scratch, vae->decoder.device, items, 2, e);
}

static bool moments_run(struct sd_vae *vae, struct fit_compute *c, float *moments,
                        const float *rgb, int height, int width)
{
    struct fit_convnet_plan plan;
    fit_convnet_plan_make(&vae->encoder, height, width, vae->base.memory_limit, &plan);
    return fit_convnet_run(&vae->encoder, c, &plan, vae->pixels, rgb, height, width) &&
           fit_run(c, pixels_to_planes, moments, vae->pixels, 1, MOMENTS, height / 8, width / 8);
}

bool fit_sd_vae_moments(struct fit_autoencoder *base, struct fit_compute *c, float *moments,
                        const float *rgb, int height, int width)
{
    struct sd_vae *vae = (struct sd_vae *)base;
    return reserve(vae, height, width, c->error) &&
           moments_run(vae, c, moments, rgb, height, width);
}

static bool vae_encode(struct fit_autoencoder *base, struct fit_compute *c, float *latent,
                       const float *rgb, int batch, int height, int width)
{
    struct sd_vae *vae = (struct sd_vae *)base;
    size_t picture = (size_t)height * (size_t)width * 3;
    size_t values = (size_t)height * (size_t)width / 64 * CHANNELS;
    if (!reserve(vae, height, width, c->error))
        return false;
    for (int b = 0; b < batch; b++)
        if (!moments_run(vae, c, vae->planes, rgb + (size_t)b * picture, height, width) ||
            !fit_compute_check(c, c->device->copy(c->queue, latent + (size_t)b * values,
                                                  vae->planes, values * sizeof(float))))
            return false;
    return true;
}

static bool vae_decode(struct fit_autoencoder *base, struct fit_compute *c, float *rgb,
                       const float *latent, int batch, int height, int width)
{
    struct sd_vae *vae = (struct sd_vae *)base;
    size_t picture = (size_t)height * (size_t)width * 3;
    size_t values = (size_t)height * (size_t)width / 64 * CHANNELS;
    struct fit_convnet_plan plan;
    fit_convnet_plan_make(&vae->decoder, height / 8, width / 8, base->memory_limit, &plan);
    if (!reserve(vae, height, width, c->error))
        return false;
    for (int b = 0; b < batch; b++)
        if (!fit_run(c, planes_to_pixels, vae->pixels, latent + (size_t)b * values, 1, CHANNELS,
                     height / 8, width / 8) ||
            !fit_convnet_run(&vae->decoder, c, &plan, rgb + (size_t)b * picture, vae->pixels,
                             height / 8, width / 8))
            return false;
    return true;
}

static size_t vae_work_bytes(const struct fit_autoencoder *base, int batch, int height, int width)
{
    const struct sd_vae *vae = (const struct sd_vae *)base;
    struct fit_convnet_plan plan;
    (void)batch; /* one picture after another */
    fit_convnet_plan_make(&vae->decoder, height / 8, width / 8, base->memory_limit, &plan);
    return plan.bytes;
}

const float fit_sd_preview[4][3] = {{0.3512f, 0.2297f, 0.3227f},
                                    {0.3250f, 0.4974f, 0.2350f},
                                    {-0.2829f, 0.1762f, 0.2721f},
                                    {-0.2120f, -0.2616f, -0.7177f}};

const struct fit_autoencoder_type fit_sd_vae = {
    .name = "sd-vae",
    .channels = CHANNELS,
    .stride = 8,
    .scaling_factor = 0.18215,
    .preview = fit_sd_preview,
    .find = vae_find,
    .open = vae_open,
    .close = vae_close,
    .trim = vae_trim,
    .encode = vae_encode,
    .decode = vae_decode,
    .work_bytes = vae_work_bytes,
};
