/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview.h - the linear map from a latent pixel to a colour that makes cheap previews.
 *
 * It is measured: the least-squares fit of the mean colour of 8 x 8 pixels by the 8 channels of
 * their latent pixel and of its neighbours, over a few rendered scenes of every class. The encoder
 * tells brightness by differences between neighbours: one latent pixel alone explains two fifths of
 * a colour's variance, 3 x 3 of them nine tenths.
 */
#ifndef FIT_PREVIEW_H
#define FIT_PREVIEW_H

#include "autoencoder.h"

enum { PREVIEW_KERNEL = 3, PREVIEW_TAPS = PREVIEW_KERNEL * PREVIEW_KERNEL };

struct preview {
    float matrix[FIT_AUTOENCODER_CHANNELS * PREVIEW_TAPS][3], bias[3]; /* to [-1, 1] */
};

bool preview_measure(struct preview *preview, struct fit_autoencoder *autoencoder,
                     struct fit_compute *c);

#endif
