/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataset.h - the pictures of a training run as latents of any shape.
 *
 * Picture i of the source "scenes" is class i mod n_classes, rendered from a seed and at a shape
 * that are functions of (run seed, i); it is encoded once and kept in the latent cache. The set
 * grows chunk by chunk while training goes on. Pictures set aside for validation have indices from
 * DATASET_VALIDATION on and never enter a batch of training.
 */
#ifndef FIT_DATASET_H
#define FIT_DATASET_H

#include "autoencoder.h"
#include "latent_cache.h"
#include "train_config.h"

#define DATASET_VALIDATION UINT64_C(0x8000000000)

struct dataset;

/* The shape that picture `index` is rendered at. */
void dataset_shape_draw(const struct train_config *config, uint64_t index, int *width,
                        int *height);

/* Autoencoder and configuration are borrowed; `folder` (made when missing) holds the cache. */
bool dataset_open(struct dataset **out, const struct train_config *config,
                  struct fit_autoencoder *autoencoder, const char *folder, struct fit_error *e);
void dataset_close(struct dataset **data);

/* Makes the first `pictures` of the set ready: from the cache, or rendered and encoded. */
bool dataset_grow(struct dataset *data, struct fit_compute *c, int pictures);

int dataset_count(const struct dataset *data); /* pictures ready */
const struct latent_picture *dataset_picture(const struct dataset *data, int i);

/* The validation pictures, ready after the first dataset_grow. */
int dataset_validation_count(const struct dataset *data);
const struct latent_picture *dataset_validation_picture(const struct dataset *data, int i);

/* The order in which epoch `epoch` visits the first n pictures: order [n]. */
void dataset_shuffle(int32_t *order, int n, uint64_t seed, uint64_t epoch);

#endif
