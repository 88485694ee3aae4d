/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - the inner loops of the forward row operations, for fast_rows.c to deal out. A loop
 * works on whole tokens, so results depend on the instruction set but not on how work is split.
 */
#ifndef CPU_ROWS_H
#define CPU_ROWS_H

#include "fk.h"

/* Tokens first .. end-1, all of one image. */
struct span {
    int image, first, end;
};

/* Sizes and tables of qk_norm_rope; its tokens first .. end-1. */
struct heads {
    const float *cosine, *sine;
    int H, D, first, end;
    float epsilon;
};

struct row_loops {
    void (*modulate)(struct fk_ptr y, const float *x, const float *shift, const float *scale,
                     struct span span, int C, float epsilon);
    void (*gate)(float *x, struct fk_ptr y, const float *gate, struct span span, int C);
    void (*rotate)(struct fk_ptr out, struct fk_ptr qkv, struct heads t);
    void (*swiglu)(struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value, size_t first,
                   size_t end);
};

/* With AVX-512 and AVX512_BF16. */
extern const struct row_loops cpu_rows_wide;

#endif
