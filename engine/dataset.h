/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataset.h - the pictures of a training run as latents of any shape.
 *
 * Three sources (data.source) stand behind one interface:
 *
 *   scenes    pictures drawn from a seed: picture i is class i mod n_classes
 *   pictures  a folder with a subfolder for each class, any size: prepared as the reference does
 *             (picture_prepare.h), encoded, kept by content (latent_store.h)
 *   latents   the reference's own latent data set (latent_file.h)
 *
 * The set grows group by group while training goes on, in an order that follows from the seed and
 * the names alone. What cannot be read is told by name and left out. Pictures set aside for
 * validation never enter a batch of training.
 */
#ifndef FIT_DATASET_H
#define FIT_DATASET_H

#include "autoencoder.h"
#include "labels.h"
#include "latent_cache.h"
#include "train_config.h"

#define DATASET_VALIDATION UINT64_C(0x8000000000) /* scenes: where its pictures begin */

struct dataset;

/* What a set tells while it is made; any of it may be NULL. */
struct dataset_watch {
    void *user;
    void (*notice)(void *user, const char *sentence);       /* something was left out */
    void (*progress)(void *user, int ready, int wanted);    /* pictures, while it grows */
};

/* The shape that scene `index` is rendered at. */
void dataset_shape_draw(const struct train_config *config, uint64_t index, int *width,
                        int *height);

/* Finds what there is, reading names only; fills in what the configuration leaves to the data
 * (model.n_classes, pictures). Autoencoder and configuration are borrowed; `folder` (made when
 * something is first written) holds the cache. */
bool dataset_open(struct dataset **out, struct train_config *config,
                  struct fit_autoencoder *autoencoder, const char *folder,
                  const struct dataset_watch *watch, struct fit_error *e);
void dataset_close(struct dataset **data);

/* Makes the first `pictures` of the set ready, or all when there are fewer: from the cache, or
 * encoded now. Fails when not a single one can be read. */
bool dataset_grow(struct dataset *data, struct fit_compute *c, int pictures);

int dataset_count(const struct dataset *data);   /* pictures ready */
int dataset_skipped(const struct dataset *data); /* pictures left out so far */

/* How picture i is seen in an epoch: whole or its middle square, as it is or mirrored, each by a
 * chance of one half that follows from the seed. */
const struct latent_picture *dataset_picture(const struct dataset *data, int64_t epoch, int i);

/* The validation pictures, ready after the first dataset_grow. */
int dataset_validation_count(const struct dataset *data);
const struct latent_picture *dataset_validation_picture(const struct dataset *data, int i);

const struct fit_labels *dataset_classes(const struct dataset *data);

/* Text that is another for another set of pictures; "" where the configuration says it all. */
const char *dataset_identity(const struct dataset *data);

/* The order in which epoch `epoch` visits the first n pictures: order [n]. */
void dataset_shuffle(int32_t *order, int n, uint64_t seed, uint64_t epoch);

#endif
