/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoencoder.h - the demo model's convolutional autoencoder "limn-f8c8": 8 x 8 pixels become one
 * latent pixel of 8 channels, each of about zero mean and unit variance.
 *
 * All pointers are device memory. Pictures are [B][height][width][3] in [-1, 1], latents
 * [B][8][height/8][width/8]; height and width are in pixels and multiples of 8. Buffers between
 * layers belong to the autoencoder and grow to the largest picture seen, so one object serves one
 * queue at a time.
 */
#ifndef FIT_AUTOENCODER_H
#define FIT_AUTOENCODER_H

#include "compute.h"
#include "safetensors.h"

enum { FIT_AUTOENCODER_CHANNELS = 8, FIT_AUTOENCODER_STRIDE = 8 };

struct fit_autoencoder;

/* Reads and checks the weights. The device must outlive the autoencoder. */
bool fit_autoencoder_open(struct fit_autoencoder **out, struct fk_device *device,
                          struct fk_queue *queue, const char *path, struct fit_error *e);
void fit_autoencoder_close(struct fit_autoencoder **autoencoder);

bool fit_autoencoder_encode(struct fit_autoencoder *autoencoder, struct fit_compute *c,
                            float *latent, const float *rgb, int batch, int height, int width);
/* The picture is not clamped. */
bool fit_autoencoder_decode(struct fit_autoencoder *autoencoder, struct fit_compute *c,
                            float *rgb, const float *latent, int batch, int height, int width);

/* Bytes of the buffers between layers that a picture of that size takes. */
size_t fit_autoencoder_work_bytes(int batch, int height, int width);

#endif
