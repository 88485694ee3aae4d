/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiny.h - a network small enough to check number by number, filled by a rule instead of a file.
 *
 * The reference implementation was run with the same rule; its outputs are the expected numbers of
 * the tests. Width 64, 2 blocks, 2 heads, MLP 170, rank 16, 1000 classes, 16 values a token.
 */
#ifndef TINY_H
#define TINY_H

/* cmocka.h needs these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fit_forward.h"

enum { TINY_ROWS = 12, TINY_COLUMNS = 20, TINY_TOKENS = 240, TINY_FEATURES = 16 };

/* value i of tensor k, in [-scale, scale), exact in float */
float tiny_fill(uint32_t k, uint32_t i, float scale);

struct tiny {
    struct fit_error error;
    struct fit_compute compute;
    struct fit_config config;
    struct fit_network network;
    float *flat;       /* host and device memory are the same on these devices */
    uint16_t *working; /* NULL, or the matrices in bf16 */
};

/* `device` is "reference" or "cpu". Fails the test with the engine's sentence. */
void tiny_open(struct tiny *tiny, const char *device, enum fk_dtype type);

/* The same for the first version: MLP 256, no rank, 32 outputs a token, f32. */
void tiny_open_v1(struct tiny *tiny, const char *device);

/* Between the two: a velocity of 16 values a token, every block with a whole modulation, f32. */
void tiny_open_whole(struct tiny *tiny, const char *device);
void tiny_close(struct tiny *tiny);

/* Fails the running test with the engine's own sentence when ok is false. */
void tiny_require(const struct tiny *tiny, bool ok);

void *tiny_alloc(struct tiny *tiny, size_t bytes);
void tiny_free(struct tiny *tiny, void *p);

/* Images of the given token counts, each the first tokens of a grid of `columns` columns, with
 * their rotary tables. */
struct tiny_pack {
    struct fk_pack fk;
    int32_t *offset;
    float *cosine, *sine;
};
void tiny_pack_build(struct tiny *tiny, struct tiny_pack *pack, const int *tokens, int n, int rows,
                     int columns, enum fit_method method);
void tiny_pack_finish(struct tiny *tiny, struct tiny_pack *pack);

/* A queue of the device "reference", for what needs operations but no network. */
struct tiny_run {
    struct fk_device *device;
    struct fit_compute compute;
    struct fit_error error;
};
void tiny_run_open(struct tiny_run *run);
void tiny_run_close(struct tiny_run *run);

/* |actual - expected| <= tolerance * max(1, |expected|), or the test fails naming `what`. */
void tiny_close_to(const char *what, double actual, double expected, double tolerance);

/* The device that a program is called with: "reference" without one. "card" is "cuda" where there
 * is one; else the program is skipped. */
const char *tiny_device_name(int argc, char **argv);

#endif
