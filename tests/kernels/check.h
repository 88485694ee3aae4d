/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - what the tests of the kernels share: devices, guarded memory, deterministic numbers,
 * comparison by the tolerances of fk.h, and gradients against finite differences.
 *
 * A test is a function of one open device; `check_each_device` runs it on "reference", on "cpu"
 * and, where one answers, on "cuda":
 *
 *     static void product_is_right(struct check *c)
 *     {
 *         struct fk_ptr x = check_input(c, FK_F32, M * K, 1);
 *         struct fk_ptr w = check_input(c, FK_BF16, N * K, 2);
 *         struct fk_ptr y = check_output(c, FK_F32, M * N);
 *         check_run(c, c->ops->linear(c->q, y, x, w, (struct fk_ptr){0}, M, N, K, 0));
 *         const double *X = check_values(c, x, M * K), *W = check_values(c, w, N * K);
 *         double *want = check_room(c, M * N);
 *         ... the plain formula in double, from X and W ...
 *         check_near(c, "y", y, want, M * N, FK_TOLERANCE_BF16);
 *     }
 *     static void test_product(void **state) { check_each_device(product_is_right); }
 *
 * FIT_TEST_BACKEND=cuda tests that backend alone, which must answer; with FIT_TEST_BACKEND=card the
 * program is skipped where it does not.
 *
 * Everything that a check hands out (device memory, host rooms) is freed with it. Each block of
 * device memory lies between guard bytes that are verified whenever the block is read and at the
 * end. Failures abort the cmocka test with a sentence that names the device.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fk.h"

struct check_block;

struct check {
    const char *backend;       /* as it was opened: "reference", "cpu", "cuda" */
    struct fk_device *device;
    const struct fk_ops *ops;  /* device->ops */
    struct fk_queue *q;
    struct check_block *blocks;
};

/* Opens a backend with n_threads (0: all), or returns NULL when it does not answer. The CPU ones
 * must answer: failing to open them fails the test. */
struct check *check_open(const char *backend, int n_threads);
void check_close(struct check **c);

/* Runs `body` on every backend that answers, with two threads. */
void check_each_device(void (*body)(struct check *c));

/* The cmocka test test_NAME of the function NAME_body. */
#define CHECK_EACH_DEVICE(name)                                                                    \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        check_each_device(name##_body);                                                            \
    }

/* Runs `body` on "reference" and on "cpu" with 1, 2 and 3 threads. It returns results in host
 * memory that the check owns (check_download) and their size; they must not differ in a bit. */
void check_each_thread_count(void *(*body)(struct check *c, size_t *bytes));

/* ---- numbers: pure functions of (stream, index) ---- */

/* Uniform in [-1, 1). */
double check_uniform(uint32_t stream, size_t i);

/* ---- memory of the device ---- */

/* n numbers of unit scale (uniform, zero mean, rms 1), rounded to the type. */
struct fk_ptr check_input(struct check *c, enum fk_dtype type, size_t n, uint32_t stream);
/* n given numbers, rounded to the type. */
struct fk_ptr check_given(struct check *c, enum fk_dtype type, const double *values, size_t n);
struct fk_ptr check_zeros(struct check *c, enum fk_dtype type, size_t n);
/* n elements that hold NaN until something is written. */
struct fk_ptr check_output(struct check *c, enum fk_dtype type, size_t n);
/* `bytes` of guarded memory: a copy of `host`, or 0xff when host is NULL. */
void *check_bytes(struct check *c, const void *host, size_t bytes);
/* Images of the given lengths laid end to end. */
struct fk_pack check_pack(struct check *c, const int *lengths, int n_images);

/* The pointer of an f32 block: check_input(...) of FK_F32 as float *. */
static inline float *check_f32(struct fk_ptr x)
{
    return (float *)x.p;
}

/* A second block with the same contents (for operations that work in place). */
struct fk_ptr check_copy(struct check *c, struct fk_ptr x, size_t n);

/* ---- results ---- */

/* Fails with queue_error when `ok` is false; waits for the queue. */
#define check_run(c, ok) check_run_at(c, ok, #ok, __FILE__, __LINE__)
void check_run_at(struct check *c, bool ok, const char *call, const char *file, int line);

/* The numbers of a block, as doubles that live as long as the check. Verifies the guards. */
double *check_values(struct check *c, struct fk_ptr x, size_t n);
/* The bytes of a block in host memory, likewise. */
void *check_download(struct check *c, const void *device_memory, size_t bytes);
/* n zeroed doubles of host memory that live as long as the check. */
double *check_room(struct check *c, size_t n);

/* |got - want| <= tolerance * max(1, rms(want)) for every element; NaN never passes. */
void check_near(struct check *c, const char *what, struct fk_ptr got, const double *want, size_t n,
                double tolerance);
/* Bit for bit. */
void check_same(struct check *c, const char *what, struct fk_ptr got, struct fk_ptr want,
                size_t n);
/* FK_TOLERANCE_F32 when all types are f32, else FK_TOLERANCE_BF16. */
double check_tolerance(enum fk_dtype a, enum fk_dtype b);

/* ---- gradients ---- */

/* A scalar of the operation's inputs: runs the forward operation on c and returns
 * check_project(...) of its output. Must leave the inputs as they are. */
typedef double (*check_loss)(struct check *c, void *data);

/* The sum of weight_i * y_i with weight_i = check_uniform(stream, i): the gradient of this loss
 * with respect to y is the block check_project_gradient. */
double check_project(struct check *c, struct fk_ptr y, size_t n, uint32_t stream);
struct fk_ptr check_project_gradient(struct check *c, enum fk_dtype type, size_t n,
                                     uint32_t stream);

/* Compares `gradient` (of n elements) of `loss` with respect to the f32 block `input` against
 * central differences along several random directions u of unit rms:
 * |(loss(x + h u) - loss(x - h u)) / 2h - <gradient, u>| <= tolerance * |gradient|_2.
 * `step` is h. With outputs of unit scale, f32 rounding of the forward gives about 2^-24 / h of
 * relative error and the third derivative h^2 / 6: h = 1e-2 and a tolerance of 2e-3 leave room
 * for both. */
void check_gradient(struct check *c, const char *what, struct fk_ptr gradient, struct fk_ptr input,
                    size_t n, check_loss loss, void *data, double step, double tolerance);

#endif
