/* SPDX-License-Identifier: Apache-2.0 */
/* conditioning_backward.h - from the gradient of the modulation to time, class and their layers. */
#ifndef FIT_CONDITIONING_BACKWARD_H
#define FIT_CONDITIONING_BACKWARD_H

#include "fit_backward.h"

/* Adds the layer's gradients at its places in `gradient`, those of frozen parameters left out (all
 * of them when it is NULL); dx = dy . weight + beta dx unless dx is NULL. */
bool fit_linear_backward(struct fit_compute *c, float *gradient, float *dx, const float *dy,
                         struct fk_ptr x, const struct fit_linear *layer, int rows, float beta);

/* Reads the store's dblock and dfinal. */
bool fit_conditioning_backward(struct fit_compute *c, const struct fit_network *network,
                               struct fit_train_store *store, float *gradient);

#endif
