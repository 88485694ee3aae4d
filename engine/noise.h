/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise.h - the normal numbers of a run: its first state and, for stochastic solvers, what each
 * step adds.
 *
 * PHILOX. A value is randn's (fk_philox.h) at its place in the latent, so that a larger picture of
 * the same seed keeps what was there. The stream is index for the first state of image `index` and
 * (k + 1) 2^21 + index for draw k of its run; index is below 2^21 and k below 2^11 - 1.
 *
 * TORCH. What the reference draws on a CPU for a batch of index + 1 images, of which this is the
 * last, in its layout: [N][F] for an image, [F][N] in the first version. A draw is for the batch
 * and, when guided, for the batch twice, as there.
 */
#ifndef FIT_NOISE_H
#define FIT_NOISE_H

#include "compute.h"
#include "fit_config.h"
#include "torch_random.h"

enum { FIT_NOISE_MAX_INDEX = 1 << 20, FIT_NOISE_MAX_TORCH_INDEX = 1023 };

struct fit_noise {
    const struct fit_config *config; /* borrowed */
    enum fit_noise_source source;
    uint64_t seed;
    int index;
    bool guided;
    int rows, columns; /* tokens */
    float *latent;     /* device memory, borrowed: room for one latent */
    struct fit_torch_random torch;
    float *drawn, *tokens; /* host, owned, for TORCH: one image as drawn and as tokens */
};

/* Every field up to `latent` is the caller's to have set. */
bool fit_noise_begin(struct fit_noise *noise, struct fit_error *e);
void fit_noise_finish(struct fit_noise *noise);

/* tokens [N][F], device memory. Before any draw. */
bool fit_noise_start(struct fit_noise *noise, struct fit_compute *c, float *tokens);

/* A fit_noise_fn; `user` is a struct fit_noise. Draws come in order. */
bool fit_noise_draw(void *user, struct fit_compute *c, float *tokens, int draw);

#endif
