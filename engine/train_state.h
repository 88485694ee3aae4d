/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_state.h - everything that one optimiser step reads and writes.
 *
 * Master weights, moments, running average and gradient are flat f32 buffers in the order and with
 * the alignment of fit_weights.h. With bf16 products the network reads its large matrices from a
 * bf16 copy that the optimiser refreshes, and all else from the masters.
 */
#ifndef FIT_TRAIN_STATE_H
#define FIT_TRAIN_STATE_H

#include "compute.h"
#include "fit_forward.h"
#include "train_config.h"

struct train_state {
    size_t total; /* values in each flat buffer */
    bool bf16;
    float *parameter, *moment1, *moment2, *ema, *gradient; /* device, [total] */
    uint16_t *working, *ema_working;                       /* device, [total], NULL without bf16 */
    double *norm;                                          /* device, one value */
    struct fit_network network, ema_network;
    struct fit_trained trained; /* what the optimiser steps and the gradient's norm see */
    /* borrowed */
    struct fk_device *device;
    const struct fit_config *config;
};

/* Allocates, and initialises every tensor as its specification says or from config->start. */
bool train_state_init(struct train_state *state, struct fit_compute *c,
                      const struct train_config *config);
void train_state_finish(struct train_state *state);

/* Refreshes the bf16 copies after the masters were replaced. */
bool train_state_refresh(struct train_state *state, struct fit_compute *c);

/* Refreshes the bf16 copy of the average, which only sampling and validation read. */
bool train_state_refresh_ema(struct train_state *state, struct fit_compute *c);

bool train_state_clear_gradient(struct train_state *state, struct fit_compute *c);

/* One AdamW step (number `step` from 1) at `learning_rate` with the gradient times `scale`, further
 * scaled down to a norm of at most config->clip. *norm receives the norm before that. */
bool train_state_update(struct train_state *state, struct fit_compute *c,
                        const struct train_config *config, int64_t step, double learning_rate,
                        double scale, double *norm);

/* The rate of step `step` (from 1): linear warm-up, constant, cosine to zero from
 * cosine_from * steps on. */
double train_learning_rate(const struct train_config *config, int64_t step);

#endif
