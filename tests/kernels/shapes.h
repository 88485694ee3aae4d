/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shapes.h - operations on shapes that a generator drew: one trial for each of fk.h, which is run on
 * a device and on the plain reference and then compared.
 */
#ifndef SHAPES_H
#define SHAPES_H

#include "check.h"

enum { MOST_IMAGES = 6, MOST_RESULTS = 5 };

/* What all trials of a round share; each takes of it what it needs. */
struct shape {
    int lengths[MOST_IMAGES], n_images, N; /* a pack, N the sum */
    int H, D, C, K;                        /* heads, their width, any width, an inner one */
    int stride;                            /* of rows of modulation, at least C */
    int table_rows;
    int batch, height, width, channels;    /* of a picture */
    int groups, group_channels, side;      /* of channels; side of a patch, 1..4 */
    struct fk_conv conv;
    size_t n;                              /* of numbers without a shape */
    enum fk_dtype type, other;
    uint32_t stream;                       /* of the numbers */
};

struct result {
    const char *what;
    struct fk_ptr values;
    size_t n;
    double tolerance;
};

/* An operation on one device, and what came of it. */
struct trial {
    struct check *c;
    const struct shape *s;
    bool is_reference;
    uint32_t inputs; /* drawn so far */
    struct result results[MOST_RESULTS];
    int n_results;
};

typedef void trial_fn(struct trial *t);

/* Runs the operation `name` of the trial's device. */
#define TRY(t, name, ...) check_run((t)->c, (t)->c->ops->name((t)->c->q, __VA_ARGS__))

/* n numbers of unit scale, the same on every device. */
struct fk_ptr trial_input(struct trial *t, enum fk_dtype type, size_t n);
float *trial_floats(struct trial *t, size_t n);
/* n numbers to be written in that type. The reference writes them in f32: a tolerance is meant for
 * one rounding of the result, and the second could add as much. */
struct fk_ptr trial_output(struct trial *t, enum fk_dtype type, size_t n);
/* A whole number of low..high, likewise. */
int trial_drawn(struct trial *t, int low, int high);

/* The result is compared with that of the reference within the tolerance; 0 means equal. */
void trial_keep(struct trial *t, const char *what, struct fk_ptr values, size_t n,
                double tolerance);
void trial_keep_floats(struct trial *t, const char *what, const float *values, size_t n);
void trial_keep_doubles(struct trial *t, const char *what, const double *values, size_t n);
/* `steps` of a byte are allowed between the two. */
void trial_keep_bytes(struct trial *t, const char *what, const uint8_t *values, size_t n,
                      int steps);

/* The trials by operation; those of one file are NULL in the other's table. */
extern trial_fn *const token_trials[FK_N_OPS];   /* shapes_tokens.c */
extern trial_fn *const picture_trials[FK_N_OPS]; /* shapes_pictures.c */

#endif
