/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onednn.h - the two things that this backend asks of oneDNN. Compiled products are kept in the
 * queue, for making one costs about as much as a small product; the number kept is bounded, as a
 * trainer meets a new count of tokens in every batch.
 */
#ifndef CPU_ONEDNN_H
#define CPU_ONEDNN_H

#include "matmul.h"

#include <oneapi/dnnl/dnnl.h>

/* Scratch slots that an operation with oneDNN must not use itself. */
enum { ONEDNN_SLOT_WEIGHTS = CPU_SCRATCH_SLOTS - 2, ONEDNN_SLOT_OWN = CPU_SCRATCH_SLOTS - 1 };

/* What weights of that size are best read in. */
bool cpu_onednn_layout(dnnl_memory_desc_t *layout, dnnl_engine_t engine, enum fk_dtype type, int N,
                       int K);

/* As in struct cpu_products. */
size_t cpu_onednn_copy_bytes(const struct cpu_kept *kept);
bool cpu_onednn_copy(const struct cpu_kept *kept, void *to);

/* conv2d of fk.h in f32; bias may be NULL. */
bool cpu_onednn_conv(struct fk_queue *q, float *y, const float *x, const float *w,
                     const float *bias, const struct fk_conv *conv, bool add);

#endif
