/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_loss.h - what a batch costs, and what the network's output has to change for it.
 *
 * Rectified flow: the mean of (v - (x1 - x0))^2 over a picture's values, on the device (flow_loss
 * of fk.h). DDPM: the hybrid loss of ddpm.h, on the host: two exponentials a value are little
 * beside the network. The reference adds a bound for the padding to the latter, which has no
 * gradient; here padding has no part in either.
 */
#ifndef FIT_TRAIN_LOSS_H
#define FIT_TRAIN_LOSS_H

#include "train_batch.h"

struct train_loss {
    struct fk_device *device;
    int outputs;           /* of a token */
    float *segment;        /* device [segments]: losses of a flow */
    float *output, *noise; /* host [N][outputs], [N][F]: of DDPM */
    double sum;            /* of DDPM */
};

bool train_loss_init(struct train_loss *loss, struct fit_compute *c,
                     const struct fit_config *config, int tokens);
void train_loss_finish(struct train_loss *loss);

/* Host memory that a loss takes for batches of so many tokens. */
size_t train_loss_bytes(const struct fit_config *config, int tokens);

/* Of the built batch and the network's output for it (device [N][outputs]). doutput (NULL: not
 * wanted) becomes the gradient of the sum over the pictures, each of which weighs `weight`. */
bool train_loss_run(struct train_loss *loss, struct fit_compute *c, struct train_batch *batch,
                    const float *output, double weight, float *doutput);

/* Waits for it and adds the loss of every picture to *sum. */
bool train_loss_sum(struct train_loss *loss, struct fit_compute *c,
                    const struct train_batch *batch, double *sum);

#endif
