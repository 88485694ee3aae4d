/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices, by their definition. */
#include "cpu.h"

#include <stdlib.h>

static float element(struct fk_ptr x, size_t i)
{
    return x.type == FK_F32 ? ((const float *)x.p)[i]
                            : fk_bf16_to_f32(((const uint16_t *)x.p)[i]);
}

/* With bf16 weights the other factor is rounded to bf16 as well (fk.h). */
static float factor(struct fk_ptr x, size_t i, enum fk_dtype weights)
{
    float value = element(x, i);
    return weights == FK_BF16 ? fk_bf16_to_f32(fk_f32_to_bf16(value)) : value;
}

static void put(struct fk_ptr y, size_t i, double value)
{
    if (y.type == FK_F32)
        ((float *)y.p)[i] = (float)value;
    else
        ((uint16_t *)y.p)[i] = fk_f32_to_bf16((float)value);
}

static bool linear(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, struct fk_ptr w,
                   struct fk_ptr bias, int M, int N, int K, float beta)
{
#pragma omp parallel for num_threads(q->device->caps.n_threads)
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            double sum = bias.p ? element(bias, (size_t)n) : 0;
            for (int k = 0; k < K; k++)
                sum += (double)factor(x, (size_t)m * K + k, w.type) *
                       element(w, (size_t)n * K + k);
            size_t i = (size_t)m * N + n;
            put(y, i, sum + (beta != 0 ? beta * element(y, i) : 0));
        }
    }
    return true;
}

static void input_gradient(struct fk_queue *q, struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr w,
                           int M, int N, int K, float beta)
{
#pragma omp parallel for num_threads(q->device->caps.n_threads)
    for (int m = 0; m < M; m++) {
        for (int k = 0; k < K; k++) {
            double sum = 0;
            for (int n = 0; n < N; n++)
                sum += (double)factor(dy, (size_t)m * N + n, w.type) *
                       element(w, (size_t)n * K + k);
            size_t i = (size_t)m * K + k;
            put(dx, i, sum + (beta != 0 ? beta * element(dx, i) : 0));
        }
    }
}

static bool linear_bwd(struct fk_queue *q, struct fk_ptr dx, float *dw, float *db,
                       struct fk_ptr dy, struct fk_ptr x, struct fk_ptr w, int M, int N, int K,
                       float beta)
{
    if (dx.p)
        input_gradient(q, dx, dy, w, M, N, K, beta);
#pragma omp parallel for num_threads(q->device->caps.n_threads)
    for (int n = 0; n < N; n++) {
        for (int k = 0; k < K; k++) {
            double sum = 0;
            for (int m = 0; m < M; m++)
                sum += (double)factor(dy, (size_t)m * N + n, w.type) *
                       factor(x, (size_t)m * K + k, w.type);
            dw[(size_t)n * K + k] += (float)sum;
        }
        double sum = 0;
        for (int m = 0; db && m < M; m++)
            sum += element(dy, (size_t)m * N + n);
        if (db)
            db[n] += (float)sum;
    }
    return true;
}

void cpu_linear_install(struct fk_ops *ops)
{
    ops->linear = linear;
    ops->linear_bwd = linear_bwd;
}
