/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoencoder.h - between pictures and latents, for each kind of autoencoder that models use:
 *
 *   limn-f8c8  Limn's own: 8 channels of about zero mean and unit variance
 *   sd-vae     AutoencoderKL of Stable Diffusion (sd-vae-ft-ema, -mse): 4 channels
 *   taesd      Tiny AutoEncoder for the same latents, decoder only
 *
 * All pointers are device memory. Pictures are [B][height][width][3] in [-1, 1], latents
 * [B][channels][height/8][width/8] as the autoencoder itself has them: a model's latent is
 * `scaling_factor` times that. height and width are in pixels and multiples of 8. Buffers between
 * layers belong to the autoencoder, so one object serves one queue at a time.
 */
#ifndef FIT_AUTOENCODER_H
#define FIT_AUTOENCODER_H

#include "compute.h"
#include "safetensors.h"

/* of limn-f8c8; the stride is that of all kinds */
enum { FIT_AUTOENCODER_CHANNELS = 8, FIT_AUTOENCODER_STRIDE = 8 };

struct fit_autoencoder;

struct fit_autoencoder_type {
    const char *name; /* as in model.json */
    int channels, stride;
    double scaling_factor;       /* model-space latent = factor * autoencoder's latent */
    const float (*preview)[3];   /* [channels]: colour in [-1, 1] = latent in model space . matrix;
                                    NULL: to be measured */
    /* Finds every tensor in a file, whichever of its spellings the file has, and checks the shapes;
     * the visitor sees the names and shapes that a bundle has: diffusers' for the SD VAE. */
    bool (*find)(const struct fit_tensor_list *list, const struct fit_tensor_visitor *visitor,
                 struct fit_error *e);
    /* How it is done; called through the functions below, which check sizes. */
    bool (*open)(struct fit_autoencoder **out, struct fk_device *device, struct fk_queue *queue,
                 struct fit_safetensors *file, struct fit_error *e); /* takes what `file` holds */
    void (*close)(struct fit_autoencoder *autoencoder);
    void (*trim)(struct fit_autoencoder *autoencoder);
    bool (*encode)(struct fit_autoencoder *autoencoder, struct fit_compute *c, float *latent,
                   const float *rgb, int batch, int height, int width); /* NULL: cannot */
    bool (*decode)(struct fit_autoencoder *autoencoder, struct fit_compute *c, float *rgb,
                   const float *latent, int batch, int height, int width);
    size_t (*work_bytes)(const struct fit_autoencoder *autoencoder, int batch, int height,
                         int width);
};

/* What every kind begins with. */
struct fit_autoencoder {
    const struct fit_autoencoder_type *type;
    size_t memory_limit; /* bytes that buffers between layers should keep to; 0: what is free */
};

/* NULL when there is no such kind. */
const struct fit_autoencoder_type *fit_autoencoder_type_find(const char *name);
/* The kind of a file of weights by its tensors, or NULL. */
const struct fit_autoencoder_type *fit_autoencoder_type_of(const struct fit_tensor_list *list);

/* Checks and places the weights of an open file, which becomes the autoencoder's whatever the
 * outcome. The device must outlive the autoencoder. */
bool fit_autoencoder_open_type(struct fit_autoencoder **out,
                               const struct fit_autoencoder_type *type, struct fk_device *device,
                               struct fk_queue *queue, struct fit_safetensors *file,
                               struct fit_error *e);
/* From a path; the kind follows from the tensors. */
bool fit_autoencoder_open(struct fit_autoencoder **out, struct fk_device *device,
                          struct fk_queue *queue, const char *path, struct fit_error *e);
void fit_autoencoder_close(struct fit_autoencoder **autoencoder);

/* Frees the buffers; the next call takes them again. NULL is fine. */
void fit_autoencoder_trim(struct fit_autoencoder *autoencoder);

/* The mean where the autoencoder gives a distribution. */
bool fit_autoencoder_encode(struct fit_autoencoder *autoencoder, struct fit_compute *c,
                            float *latent, const float *rgb, int batch, int height, int width);
/* The picture is not clamped. Where memory is short, decoding takes less of it and more time; the
 * picture stays the same up to rounding. */
bool fit_autoencoder_decode(struct fit_autoencoder *autoencoder, struct fit_compute *c,
                            float *rgb, const float *latent, int batch, int height, int width);

/* Bytes of buffers that decoding a picture of that size would take now. */
size_t fit_autoencoder_work_bytes(const struct fit_autoencoder *autoencoder, int batch, int height,
                                  int width);

#endif
