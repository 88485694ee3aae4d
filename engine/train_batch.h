/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_batch.h - from pictures to what one pass of the network learns from.
 *
 * x_t = t x1 + (1 - t) x0 with data x1, noise x0 and the velocity x1 - x0 as the target (rectified
 * flow; FiTv2, arXiv 2410.13925, section III). t is logit-normal: u ~ N(0, 1), t = 1 / (1 + e^-u),
 * or uniform. For the chain of the first version, DDPM, t is one of its 1000 steps, each as likely,
 * and x_t = sqrt(a) x1 + sqrt(1 - a) x0 with its alpha_bar a.
 *
 * A batch is packed, one picture behind the other without a gap, or padded as the reference's is:
 * [B][length] tokens, zeros behind each picture's own, noise everywhere, padding that attends to
 * padding only, and a loss masked and divided by the share of true tokens. Both give every picture
 * the gradient that it has alone; the padded one takes longer.
 */
#ifndef FIT_TRAIN_BATCH_H
#define FIT_TRAIN_BATCH_H

#include "dataset.h"
#include "ddpm.h"
#include "fit_backward.h"
#include "pack.h"

/* Where a run stands in its data; with the step this is all the state that draws numbers. */
struct train_cursor {
    int64_t epoch;
    int32_t pictures; /* in this epoch: those that were ready when it began */
    int32_t position; /* next in the epoch's order */
    int64_t packs;    /* drawn so far */
};

/* What the attention keeps apart: the pictures, and in a padded batch what fills them up. */
struct train_segments {
    struct pack_image *images;
    float *t;
    int32_t *y;
    int n;
};

struct train_batch {
    struct pack pack;
    float *x, *target; /* device [N][F]; of DDPM the target is the data */
    float *host, *noise; /* x1 on the host, x0 on the device [N][F]: of a built batch */
    float *t;          /* host [B] */
    int32_t *y;        /* host [B] */
    int n;             /* pictures, B */
    bool padded;       /* every picture takes `length` tokens, those of the longest */
    int length;
    struct train_segments segments; /* of a built batch */
    struct fit_ddpm chain; /* its 1000 steps; none for rectified flow */
    /* owned, besides the above */
    struct fk_device *device;
    const struct latent_picture **pictures;
    struct pack_image *images;
    int room;     /* tokens, and so images or segments */
    int features; /* F */
};

bool train_batch_init(struct train_batch *batch, struct fit_compute *c,
                      const struct fit_config *config, int tokens);
void train_batch_finish(struct train_batch *batch);

/* Writes the order in which the cursor's epoch visits its pictures: a shuffle, rearranged a little
 * so that packs fill the budget exactly where possible (constant shapes are cheaper to compute).
 * It follows from the cursor alone. */
void train_batch_order(int32_t *order, const struct dataset *data,
                       const struct train_config *config, const struct train_cursor *cursor);

/* Takes the next pictures in the order of the epoch until the next one would exceed the budget of
 * tokens, padding included, or of pictures.
 * At the end of an epoch begins the next, with `order` rewritten; what does not fill a last pack
 * is left out of that epoch. */
void train_batch_draw(struct train_batch *batch, const struct dataset *data,
                      const struct train_config *config, struct train_cursor *cursor,
                      int32_t *order);

/* The validation pictures from `first` on that fit the budget, with times spread evenly over the
 * logit-normal's quantiles, or over the chain; returns how many. */
int train_batch_validation(struct train_batch *batch, const struct dataset *data,
                           const struct train_config *config, int first);

/* Lays the drawn pictures out and makes x and target; noise comes from field `stream` of the
 * purpose's seed. */
bool train_batch_build(struct train_batch *batch, struct fit_compute *c,
                       const struct train_config *config, uint64_t noise_seed, uint32_t stream);

/* Between the network and the loss: takes the padding's velocity for its target, so that it has
 * neither loss nor gradient, as under the reference's mask. The mean over pictures is the mean over
 * segments times segments.n / n. Nothing to do in a packed batch. */
bool train_batch_mask(struct train_batch *batch, struct fit_compute *c, const float *velocity);

/* The tokens of picture b without its padding, and where they begin in the batch. */
int train_batch_place(const struct train_batch *batch, int b, int *first);

/* What fit_train_forward reads. */
struct fit_batch train_batch_view(const struct train_batch *batch);

#endif
