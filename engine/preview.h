/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview.h - the linear map from a latent pixel to a colour that makes cheap previews.
 *
 * It is measured: the least-squares fit of the mean colour of 8 x 8 pixels by the 8 channels of
 * their latent pixel, over a few rendered scenes of every class.
 */
#ifndef FIT_PREVIEW_H
#define FIT_PREVIEW_H

#include "autoencoder.h"

struct preview {
    int channels;
    float matrix[FIT_AUTOENCODER_CHANNELS][3], bias[3]; /* to [-1, 1] */
};

bool preview_measure(struct preview *preview, struct fit_autoencoder *autoencoder,
                     struct fit_compute *c);

#endif
