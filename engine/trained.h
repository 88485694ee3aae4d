/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trained.h - which parameters of a network learn.
 *
 * Post-training for high resolution (FiTv2, arXiv 2410.13925, section III) keeps the large matrices
 * and trains the parameters whose names contain one of a few parts: x_embedder, bias, LN (which is
 * in adaLN_modulation) and final_layer, 14.15 % of FiTv2-XL.
 */
#ifndef FIT_TRAINED_H
#define FIT_TRAINED_H

#include "fit_config.h"

enum { FIT_NAME_PARTS = 8, FIT_NAME_PART_BYTES = 32 };

/* Parts of tensor names; none stands for every tensor. */
struct fit_name_parts {
    int n;
    char part[FIT_NAME_PARTS][FIT_NAME_PART_BYTES];
};

/* Values [first, first + n) of the flat order of fit_weights.h. */
struct fit_span {
    size_t first, n;
};

/* The tensors that learn, neighbours joined; the unused values between tensors may be inside. */
struct fit_trained {
    struct fit_span *span; /* owned, ascending */
    size_t n_spans;
    uint64_t values, all; /* parameters that learn, and of the network */
};

/* A part that is in no name is an error: a misspelling must not freeze what was meant to learn. */
bool fit_trained_init(struct fit_trained *trained, const struct fit_config *config,
                      const struct fit_name_parts *parts, struct fit_error *e);
void fit_trained_finish(struct fit_trained *trained);

/* Whether the tensor at this offset learns. */
bool fit_trained_has(const struct fit_trained *trained, size_t offset);

#endif
