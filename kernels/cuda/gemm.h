/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gemm.h - one matrix product, and who computes it: cuBLASLt (gemm_lt.cu) where it has a suitable
 * algorithm, else a kernel of our own (gemm_plain.cu).
 *
 * c[m][n] = sum over k of a(m, k) b(n, k) + bias[n] + beta c[m][n], products summed in f32.
 */
#ifndef FK_CUDA_GEMM_H
#define FK_CUDA_GEMM_H

#include "cuda.h"

struct cuda_product {
    int m, n, k;
    struct fk_ptr a;     /* [m][k], or [k][m] when a_turned; f32 or bf16, as b */
    struct fk_ptr b;     /* [n][k], or [k][n] when b_turned */
    struct fk_ptr c;     /* [m][n], f32 or bf16 */
    struct fk_ptr bias;  /* [n], of c's type; p may be NULL */
    bool a_turned, b_turned;
    float beta;          /* 0 or 1 */
};

/* Queues the product. Scratch: CUDA_GEMM_SLOT. */
bool cuda_multiply(struct fk_queue *q, const struct cuda_product *product);

/* What a queue's products need and learn; NULL when memory is short. */
struct cuda_gemm *cuda_gemm_new(struct cuda_state *state);
void cuda_gemm_free(struct cuda_gemm *gemm);

/* How the queue's last product was computed; false when it was a kernel of our own. */
bool cuda_gemm_told(const struct cuda_gemm *gemm, struct fk_algorithm *algorithm);

/* The library's version, by which its list of proposals may change. */
size_t cuda_gemm_version(void);

/* The library's product: false without an error in *failed when it has no algorithm for this
 * one. */
bool cuda_gemm_lt(struct fk_queue *q, const struct cuda_product *product, bool *failed);

#endif
