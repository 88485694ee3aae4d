/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - what the parts of the benchmark have in common. */
#ifndef FIT_BENCH_H
#define FIT_BENCH_H

#include "compute.h"
#include "fit/fit-bench.h"
#include "fit_config.h"
#include "fit_weights.h"

struct bench {
    struct fit_bench_params *params;
    struct fit_error *error;
    struct fk_device *device;
    struct fk_queue *queue;
    struct fit_compute compute;
    struct fit_config config;
    enum fk_dtype type;  /* of the blocks' matrices */
    double peak[2];      /* operations a second, by enum fk_dtype; 0: not measured */
    size_t used_bytes;   /* of the device's memory when it was opened */
};

/* One run of what is measured. */
typedef bool bench_fn(void *user, struct bench *bench);

/* Runs until the row's time is over; fills its runs, percentiles and floor. The floor is that of
 * products of the given type. */
bool bench_time(struct bench *bench, struct fit_bench_row *row, bench_fn *run, void *user,
                enum fk_dtype type);
/* Fills the percentiles of n times, which it sorts. */
void bench_percentiles(struct fit_bench_row *row, double *seconds, int n);
double bench_now(void);
/* Bytes of a card's memory that were taken since the device was opened; 0 elsewhere. */
size_t bench_device_bytes(const struct bench *bench);
/* The shares of products, attention and the rest in a few runs, and how many operations they queue;
 * leaves all 0 on a device whose operations run later than they are queued. */
bool bench_shares(struct bench *bench, struct fit_bench_row *row, bench_fn *run, void *user);
/* Of a product of that type: the device's, which may compute f32 as tf32. */
double bench_tolerance(const struct bench *bench, enum fk_dtype type);
/* Hands the row over. */
bool bench_emit(struct bench *bench, const struct fit_bench_row *row);

/* Values of the tensor in that type on the device; the caller frees them. NULL without memory. */
void *bench_values(struct bench *bench, const char *name, size_t n, double deviation,
                   enum fk_dtype type);
/* Value i of the tensor by that name, of deviation 1. */
double bench_value(uint64_t name_hash, uint64_t i);
uint64_t bench_hash(const char *name);

/* The parts; each measures for every number of tokens it is given. */
bool bench_peaks(struct bench *bench, bool emit);
bool bench_gemm(struct bench *bench, int tokens);
bool bench_attention(struct bench *bench, int tokens);

struct bench_network; /* a network of made-up weights */
bool bench_network_new(struct bench_network **out, struct bench *bench);
void bench_network_free(struct bench_network *network, struct bench *bench);
bool bench_block(struct bench *bench, struct bench_network *network, int tokens);
bool bench_evaluation(struct bench *bench, struct bench_network *network, int tokens);
bool bench_sampling(struct bench *bench, struct bench_network *network, int tokens);
bool bench_train(struct bench *bench, int tokens);
bool bench_colours(struct bench *bench, int tokens);
bool bench_interop(struct bench *bench, struct bench_network *network, int tokens);

/* The most nearly square grid of so many tokens. */
int bench_rows(int tokens);

/* Evaluations of the network one after another on a thread of their own, with the bench's queue. */
struct bench_sampling;
bool bench_sampling_begin(struct bench_sampling **out, struct bench *bench,
                          struct bench_network *network, int tokens);
/* After at least one; NULL is fine. False when one failed. */
bool bench_sampling_end(struct bench_sampling **sampling, struct fit_error *error);

/* The parts that need a model. */
bool bench_pictures(struct bench *bench, unsigned parts);

#endif
