/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onednn.h - the two things that this backend asks of oneDNN. Compiled products are kept in the
 * queue, for making one costs about as much as a small product; the number kept is bounded, as a
 * trainer meets a new count of tokens in every batch.
 */
#ifndef CPU_ONEDNN_H
#define CPU_ONEDNN_H

#include "cpu.h"

#include <oneapi/dnnl/dnnl.h>

/* Scratch slots that an operation with oneDNN must not use itself. */
enum { ONEDNN_SLOT_WEIGHTS = CPU_SCRATCH_SLOTS - 2, ONEDNN_SLOT_OWN = CPU_SCRATCH_SLOTS - 1 };

/* c[M][N] = a[M][K] . b[K][N] + bias[N] (+ c when `add`). A turned operand lies as [K][M] or
 * [N][K]. a and b are of one type; f32 products give f32, bf16 ones either. */
struct onednn_matmul {
    int M, N, K;
    bool a_turned, b_turned, add;
    const struct onednn_kept *kept; /* of b, or NULL */
};

/* Weights that stay as they are, and their copy in oneDNN's own order. */
struct onednn_kept {
    const void *w; /* the original */
    enum fk_dtype type;
    int N, K;
    void (*copied)(void *user, const void *w, size_t bytes); /* may be NULL */
    void *user;
    bool tried; /* to make the copy */
    dnnl_memory_desc_t layout;
    void *copy; /* owned; NULL before it was tried, or without memory */
    struct onednn_kept *next;
};

/* The copy is made now if it has not been. NULL when these weights were not kept or have none. */
const struct onednn_kept *cpu_onednn_kept(struct fk_device *device, struct fk_ptr w, int N, int K);

bool cpu_onednn_matmul(struct fk_queue *q, struct fk_ptr c, struct fk_ptr a, struct fk_ptr b,
                       struct fk_ptr bias, const struct onednn_matmul *product);

/* conv2d of fk.h in f32; bias may be NULL. */
bool cpu_onednn_conv(struct fk_queue *q, float *y, const float *x, const float *w,
                     const float *bias, const struct fk_conv *conv, bool add);

#endif
