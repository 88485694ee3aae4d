/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matmul.h - the ways to multiply matrices, of which a device has one: oneDNN's products, or the
 * own ones of product.c. oneDNN splits its products for AVX2 and less by the number of threads, so
 * there the own ones keep the promise that results do not depend on it.
 */
#ifndef CPU_MATMUL_H
#define CPU_MATMUL_H

#include "cpu.h"

/* Weights that stay as they are, and their copy in the order that products read best. */
struct cpu_kept {
    const void *w; /* the original, [N][K] */
    enum fk_dtype type;
    int N, K;
    void (*copied)(void *user, const void *w, size_t bytes); /* may be NULL */
    void *user;
    bool tried; /* to make the copy */
    void *copy; /* owned; NULL before it was tried, or without memory */
    struct cpu_kept *next;
};

/* c[M][N] = a[M][K] . b[K][N] + bias[N] (+ c when `add`). A turned operand lies as [K][M] or
 * [N][K]. */
struct cpu_matmul {
    int M, N, K;
    bool a_turned, b_turned, add;
    const struct cpu_kept *kept; /* of b, or NULL */
};

struct cpu_products {
    bool any_type; /* operands and result have any types; else operands are of one type, f32
                      products give f32, bf16 ones either */
    /* bias is f32; bias.p may be NULL. */
    bool (*multiply)(struct fk_queue *q, struct fk_ptr c, struct fk_ptr a, struct fk_ptr b,
                     struct fk_ptr bias, const struct cpu_matmul *product);
    size_t (*copy_bytes)(const struct cpu_kept *kept); /* 0: w is as good as any copy */
    bool (*copy)(const struct cpu_kept *kept, void *to);
};

/* Compiled like the installers of cpu.h. */
extern const struct cpu_products cpu_products_base, cpu_products_v3;

/* Own products of bf16 with kept weights where the processor has them, the given ones else. Called
 * with the same ones in all of a process. */
const struct cpu_products *cpu_products_bf16(const struct cpu_products *others);

/* The device's way. */
const struct cpu_products *cpu_products(const struct fk_device *device);

/* The copy is made now if it has not been. NULL when these weights were not kept or have none. */
const struct cpu_kept *cpu_kept(struct fk_device *device, struct fk_ptr w, int N, int K);

#endif
