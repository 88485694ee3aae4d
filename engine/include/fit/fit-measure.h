/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-measure.h - how well a model knows pictures.
 *
 * Every function *blocks*.
 */
#ifndef FIT_FIT_MEASURE_H
#define FIT_FIT_MEASURE_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The time below which training draws the share `p`, in (0, 1), of its times: 1 / (1 + e^-u) with u
 * the normal distribution's p-quantile. Times (i + 1/2) / n of the way through measure n pictures
 * as training would. */
FIT_API double fit_loss_time(double p);

/* The flow-matching loss that training lowers, of every latent of the batch: with data x1 =
 * latent[b] [channels][height/8][width/8] and noise x0 = that of picture b of `seed`, the mean of
 * (v - (x1 - x0))^2 over the values, where v is the velocity at t x1 + (1 - t) x0. loss [batch]. The
 * same seed and time give the same state, whatever the method of positions, so that methods and
 * models can be compared on few pictures. Models of the first version have no velocity and are
 * refused. */
FIT_API bool fit_model_loss(struct fit_model *model, const struct fit_velocity_params *params,
                            const float *latent, uint64_t seed, double *loss,
                            struct fit_error *error);

#ifdef __cplusplus
}
#endif

#endif
