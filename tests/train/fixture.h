/* SPDX-License-Identifier: Apache-2.0 */
/* What the trainer's tests share: a tiny model and autoencoder in a temporary folder. */
#ifndef TRAIN_FIXTURE_H
#define TRAIN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compute.h"
#include "train_config.h"

struct fixture {
    char folder[64], config[96], autoencoder[96];
};

/* Makes the folder, an autoencoder of filled weights and a configuration of a tiny run whose
 * sections end with `extra` (whole top-level YAML lines, may be ""). */
void fixture_init(struct fixture *f, const char *extra);
void fixture_finish(struct fixture *f); /* removes the folder */

/* A device of its own with a compute around it; fails the test when there is none. */
struct bench {
    struct fk_device *device;
    struct fit_compute compute;
    struct fit_error error;
};
void bench_init(struct bench *b);
void bench_finish(struct bench *b);

/* Fails the test with the error's sentence when `ok` is false. */
#define require_ok(ok, e)                                                                          \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            fail_msg("%s", (e).message);                                                           \
    } while (0)

/* x[i] is a hash of (i, k), even in (-s, s). */
void fill(float *x, size_t n, uint32_t k, float s);

/* The convolutions of the autoencoder in file order: a second, plain statement of its graph. */
struct convolution {
    const char *name;
    int out, in, kernel;
};
extern const struct convolution convolutions[];
extern const int n_convolutions;

/* The weight (part 0) or bias (part 1) of convolution i, filled so that a layer keeps the size of
 * what it is given; free() it. */
float *convolution_values(int i, int part);

#endif
