/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_config.h - what a training run is told: one YAML file of sections and scalars.
 *
 * Every key is optional; the defaults are those of `train_config_defaults`. A key that the table
 * in train_config.c does not know is an error, so that a misspelling cannot pass for a default.
 * Relative paths are taken from the folder of the file.
 */
#ifndef FIT_TRAIN_CONFIG_H
#define FIT_TRAIN_CONFIG_H

#include "error.h"
#include "trained.h"

enum {
    TRAIN_MAX_SHAPES = 8,   /* entries of the mix of picture areas */
    TRAIN_MAX_CLASSES = 1000,
    TRAIN_PATH_BYTES = 1024
};

/* How the times of a rectified flow are drawn; those of DDPM are steps of its chain, each as
 * likely. */
enum train_times {
    TRAIN_TIMES_DEFAULT, /* logit-normal, where there is a choice */
    TRAIN_TIMES_LOGIT_NORMAL,
    TRAIN_TIMES_UNIFORM
};

/* One part of the mix: `share` of the pictures have an area of about side x side pixels. */
struct train_shape {
    double share;
    int side;
};

struct train_config {
    char name[64], description[256], licence[64];
    uint64_t seed;
    struct fit_config model; /* its architecture is that of the objective */
    char start[TRAIN_PATH_BYTES]; /* weights to begin from, official names; "": random ones */
    struct fit_name_parts trained; /* parameters whose names contain one of these learn */
    bool restart_trained; /* those begin as in a new network in spite of `start`, as the authors'
                             loader had it */
    char autoencoder[TRAIN_PATH_BYTES];

    /* data, see dataset.h */
    char source[32];              /* "scenes", "pictures" or "latents" */
    char folder[TRAIN_PATH_BYTES]; /* of the last two */
    bool crops, mirrored; /* those are also seen as their middle square, and as in a mirror */
    char cache[TRAIN_PATH_BYTES]; /* folder of encoded pictures; "": in the run's folder */
    int pictures;     /* in the whole set, at most */
    int first;        /* ready before the first step */
    int chunk;        /* made ready at a time */
    int grow_every;   /* optimiser steps between chunks */
    double aspect;    /* scenes: width : height between 1 / aspect and aspect */
    double squares;   /* share of exact squares; the others draw the logarithm of the ratio */
    struct train_shape shape[TRAIN_MAX_SHAPES];
    int n_shapes;
    int validation;   /* pictures set aside for the validation loss */

    /* batch */
    int tokens;       /* budget of one pack, padding included */
    int images;       /* at most so many pictures in one; 0: as the tokens allow */
    bool padded;      /* as the reference's, see train_batch.h */
    int accumulate;   /* packs in one optimiser step */
    bool recompute;   /* activations, instead of keeping them: see fit_backward.h */

    /* recipe */
    double learning_rate, beta1, beta2, epsilon, weight_decay, clip;
    int64_t steps;
    int64_t warmup;
    double cosine_from; /* fraction of the steps after which the rate falls to zero; 1: constant */
    double ema_decay;
    bool ema_ramp;      /* min(decay, (1 + k) / (10 + k)): early averages forget the start */
    double dropout;     /* of the class label */
    enum train_times times;
    enum fit_precision precision;

    /* run */
    double checkpoint_minutes, sheet_minutes, stop_after_minutes; /* 0: never */
    int keep;           /* checkpoints */
    int64_t validate_every, log_every;
    int sheet_steps;
    double sheet_guidance;
};

void train_config_defaults(struct train_config *config);

/* Reads `path` over the defaults and checks every range. model.context_size is that of the
 * largest shape where the file does not say it; model.n_classes is 0, and `pictures` without bound,
 * where it leaves them to the data. */
bool train_config_load(struct train_config *config, const char *path, struct fit_error *e);

/* Text that changes whenever a key changes that decides the numbers of a run (not its length, nor
 * how often it is saved); a checkpoint carries it and a resumed run must match. `text` holds at
 * least 1024 bytes. */
void train_config_identity(const struct train_config *config, char *text, size_t bytes);

#endif
