/* SPDX-License-Identifier: Apache-2.0 */
/* latent_encoder.h - pictures into the tokens that a model learns from, one at a time. */
#ifndef FIT_LATENT_ENCODER_H
#define FIT_LATENT_ENCODER_H

#include "autoencoder.h"
#include "fit_config.h"

struct latent_encoder {
    /* borrowed */
    struct fit_autoencoder *autoencoder;
    const struct fit_config *config;
    struct fk_device *device;
    /* owned: of the largest picture seen, host and device staging */
    float *picture, *device_picture, *device_latent, *device_tokens, *host_tokens;
    size_t room; /* tokens */
};

void latent_encoder_init(struct latent_encoder *encoder, struct fit_autoencoder *autoencoder,
                         const struct fit_config *config, struct fk_device *device);
void latent_encoder_finish(struct latent_encoder *encoder);

/* The latent of rgb [16 rows][16 columns][3] in the model's space as bf16 tokens
 * to [rows * columns][F]. */
bool latent_encoder_run(struct latent_encoder *encoder, struct fit_compute *c, uint16_t *to,
                        const uint8_t *rgb, int rows, int columns);

/* What the latents depend on besides the pictures: the hash of the encoder's weights in the file of
 * an autoencoder. A better decoder keeps it. */
bool latent_encoder_hash(char hash[65], const char *path, struct fit_error *e);

#endif
