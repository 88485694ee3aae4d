/* SPDX-License-Identifier: Apache-2.0 */
/* decode.h - latents to pictures on the worker, whichever autoencoder the model has. */
#ifndef FIT_DECODE_H
#define FIT_DECODE_H

#include "engine_private.h"

/* latent (host, model space) to rgb [height][width][3] (host, in [-1, 1], unclamped). Fails when
 * the model has no autoencoder. */
bool decode_rgb(struct fit_model *model, const float *latent, int width, int height, float *rgb,
                struct fit_error *error);

/* The same, rounded to RGBA8 as fk.h's rgb_to_rgba8. Without an autoencoder, the colours of the
 * cheap preview, one for each latent pixel; with one, `device_rgba` (device memory, or NULL)
 * receives the same bytes, complete when the call returns. */
bool decode_rgba8(struct fit_model *model, const float *latent, int width, int height,
                  uint8_t *rgba, uint8_t *device_rgba, struct fit_error *error);

/* rgb [height][width][3] (host, in [-1, 1]) to a latent in model space (host). */
bool encode_rgb(struct fit_model *model, const float *rgb, int width, int height, float *latent,
                struct fit_error *error);

/* What a decode allocates on the device, as things stand. */
uint64_t decode_bytes(const struct fit_model *model, int width, int height);

#endif
