/* SPDX-License-Identifier: Apache-2.0 */
/* trainer.h - the inside of a training run, shared by the files that step, save and sample it. */
#ifndef FIT_TRAINER_H
#define FIT_TRAINER_H

#include <stdatomic.h>

#include "fit/fit-train.h"
#include "train_loss.h"
#include "train_state.h"

struct fit_trainer {
    struct train_config config;
    char folder[TRAIN_PATH_BYTES];
    char summary[256];
    /* owned */
    char *cache_folder; /* or NULL */
    struct fk_device *device;
    struct fk_queue *queue;
    struct fit_compute compute;
    struct fit_autoencoder *autoencoder;
    struct dataset *data;
    struct train_state state;
    struct train_batch batch;
    struct fit_train_store store;
    float *output, *doutput;     /* device [N][outputs] */
    struct train_loss loss;
    int32_t *order;              /* host: the epoch's order of pictures */
    /* where the run stands */
    int64_t step;
    struct train_cursor cursor;
    double smooth_loss; /* NaN before the first step */
    /* any thread */
    atomic_bool stop;
};

/* Adds the gradient of the built batch, every image weighing `weight`, and its summed loss. */
bool trainer_learn(struct fit_trainer *t, struct train_batch *batch, double weight,
                   double *loss_sum);

/* Pictures that must be ready before step `step` (from 1). */
int trainer_pictures_due(const struct train_config *config, int64_t step);

#endif
