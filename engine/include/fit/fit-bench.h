/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-bench.h - how fast this device runs FiTv2, and what bounds it.
 *
 * A part of the benchmark gives rows. A row is a time (median and percentiles over many runs), the
 * arithmetic behind it, and how far its result lies from the plain reference: a time without a
 * right result is worth nothing. Rows of one call share a device and its measured peak.
 *
 * Networks are made of numbers anyone can make again, so that no file is needed and other programs
 * can be measured with the same weights: value i of the tensor called NAME is
 *
 *     z = fnv1a64(NAME) + (i + 1) * 0x9E3779B97F4A7C15
 *     z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9
 *     z = (z ^ z >> 27) * 0x94D049BB133111EB
 *     z = z ^ z >> 31
 *     value = ((z >> 40) / 2^23 - 1) * sqrt(3) * deviation
 *
 * with 64-bit wrap-around. The deviation is 1 / sqrt(columns) of a matrix, 0.3 / sqrt(columns) of
 * the modulations (names with "adaLN_modulation"), 1 of the class table and of the state, which is
 * called "state" and lies as [tokens][features], and 0.02 of vectors.
 */
#ifndef FIT_FIT_BENCH_H
#define FIT_FIT_BENCH_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fit_bench_part {
    FIT_BENCH_PEAKS,      /* the fastest product of each type */
    FIT_BENCH_GEMM,       /* the products of a block */
    FIT_BENCH_ATTENTION,
    FIT_BENCH_BLOCK,
    FIT_BENCH_EVALUATION, /* with guidance, at t = 0.5, class 3, scale 1.5; and its conditioning */
    FIT_BENCH_SAMPLING,   /* noise to latent: 20 Euler steps with guidance */
    FIT_BENCH_TRAIN,      /* forward, backward and optimiser step of packs */
    FIT_BENCH_PICTURE,     /* of a model: seed to pixels, 20 steps, without and with previews */
    FIT_BENCH_AUTOENCODER, /* of a model: latent to pixels */
    FIT_BENCH_PREVIEW,     /* latent to colours; of a model also a step's frame */
    FIT_BENCH_INTEROP,     /* a picture into a texture, and by the host; see fit_bench_gl */
    FIT_N_BENCH_PARTS
};

FIT_API const char *fit_bench_part_name(enum fit_bench_part part);
/* "demo", "n", "t", "s", "m", "b", "xl": NULL after the last. */
FIT_API const char *fit_bench_shape_name(int i);

struct fit_bench_row {
    enum fit_bench_part part;
    char name[96];
    enum fit_precision precision;
    int tokens;                     /* of one image; 0 where that means nothing */
    int runs;                       /* behind the percentiles */
    double median_s, p5_s, p95_s, p99_s;
    double flops;                   /* of one run; 0 where nobody counts them */
    double floor_s;                 /* flops at the measured peak; 0: no peak of that type */
    double gemm, attention, rest;   /* shares of the time; 0, 0, 0 where they were not taken */
    double cpu_s;                   /* processor time of a run: of the whole process where that
                                       computes, else of queueing it alone */
    int operations;                 /* that a run queues: on a card kernels and copies of the
                                       recorded evaluation; 0 where nobody counts them */
    size_t bytes;                   /* of buffers, without weights */
    size_t device_bytes;            /* of a card's memory, taken since the device was opened; also
                                       by others on that card. 0 elsewhere */
    double moved_bytes;             /* read and written by a run; 0 where nobody counts them */
    double error;                   /* relative distance (L2) from the reference; < 0: not taken */
    double tolerance;               /* that a right result keeps; of f32 that of tf32 where the
                                       device was told to use it */
    char algorithm[64];             /* of a product: the library's choice; "" where there is none */
    double waves;                   /* how often its blocks fill the card, as the library foresees;
                                       0 where it does not say */
    const float *values;            /* of an evaluation: its velocity [tokens][features], which
                                       lives during the call; else NULL */
    int n_features;
};

/* What a program with OpenGL lends to FIT_BENCH_INTEROP, for contexts without a display: called on
 * the thread of fit_bench_run. Textures are GL_TEXTURE_2D with GL_RGBA8 storage, pictures
 * [height][width][4]. */
struct fit_bench_gl {
    bool (*next)(void *user); /* the first or next context, which becomes current; false after the
                                 last */
    unsigned (*texture_new)(void *user, int width, int height);
    void (*texture_free)(void *user, unsigned texture);
    void (*upload)(void *user, unsigned texture, int width, int height, const uint8_t *rgba);
    void (*download)(void *user, unsigned texture, uint8_t *rgba);
    void (*finish)(void *user); /* waits for all of it */
    void *user;
};

struct fit_bench_params {
    const char *backend; /* as in fit_engine_params */
    int n_threads;
    const char *shape;   /* of fit_bench_shape_name */
    enum fit_precision precision; /* AUTO: as a model would be loaded */
    const int *tokens;   /* [n_tokens], each 1..65536 */
    int n_tokens;
    const char *model;   /* bundle folder for pictures; NULL: these parts are left out */
    const struct fit_bench_gl *gl; /* NULL: no interop */
    const char *cache_folder; /* as in fit_engine_params */
    double seconds;      /* that a row may take, about; at least five runs whatever it says, or
                            three that take over a second */
    /* Called with every row; false stops the benchmark with FIT_ERROR_CANCELLED. */
    bool (*row)(void *user, const struct fit_bench_row *row);
    void *user;
    char device[256];    /* out: what was measured */
};

/* Measures the parts whose bits are set (1 << FIT_BENCH_PEAKS and so on). *blocks*. */
FIT_API bool fit_bench_run(struct fit_bench_params *params, unsigned parts,
                           struct fit_error *error);

#ifdef __cplusplus
}
#endif

#endif
