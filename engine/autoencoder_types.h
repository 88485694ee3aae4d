/* SPDX-License-Identifier: Apache-2.0 */
/* autoencoder_types.h - the kinds of autoencoder, each in a file of its name. */
#ifndef FIT_AUTOENCODER_TYPES_H
#define FIT_AUTOENCODER_TYPES_H

#include "autoencoder.h"

extern const struct fit_autoencoder_type fit_limn_f8c8, fit_sd_vae, fit_taesd;

/* Colours of Stable Diffusion's latents in model space, as ComfyUI measured them. */
extern const float fit_sd_preview[4][3];

/* moments [8][height/8][width/8] of one picture: means, then logarithms of variances. */
bool fit_sd_vae_moments(struct fit_autoencoder *autoencoder, struct fit_compute *c, float *moments,
                        const float *rgb, int height, int width);

#endif
