/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: the matrix products of linear layers. */
#include "cpu.h"

enum { TILE = 64 };

/* An operand of a product: rounded to bf16 when the weights are in bf16 (fk.h). */
static const float *operand(struct fk_queue *q, int slot, struct fk_ptr x, struct fk_ptr w,
                            size_t n)
{
    return w.type == FK_BF16 ? cpu_floats_rounded(q, slot, x, n) : cpu_floats(q, slot, x, n);
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static bool linear(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, struct fk_ptr w,
                   struct fk_ptr bias, int M, int N, int K, float beta)
{
    const float *X = operand(q, 0, x, w, (size_t)M * K);
    const float *W = cpu_floats(q, 1, w, (size_t)N * K);
    if (!X || !W)
        return false;
#pragma omp parallel for collapse(2) num_threads(cpu_threads(q, (size_t)M * N * K))
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) {
            size_t at = (size_t)m * N + n;
            double sum = dot(X + (size_t)m * K, W + (size_t)n * K, K);
            if (bias.p)
                sum += cpu_get(bias, n);
            if (beta != 0)
                sum += (double)beta * cpu_get(y, at);
            cpu_set(y, at, (float)sum);
        }
    return true;
}

/* sum[i] = the sum over r of a[r * step] * b[r][first + i], with b of `width` columns. */
static void column_sums(double *sum, const float *a, size_t step, const float *b, int width,
                        int first, int n, int rows)
{
    for (int i = 0; i < n; i++)
        sum[i] = 0;
    for (int r = 0; r < rows; r++) {
        double factor = a[(size_t)r * step];
        const float *row = b + (size_t)r * width + first;
        for (int i = 0; i < n; i++)
            sum[i] += factor * row[i];
    }
}

static void input_gradient(struct fk_queue *q, struct fk_ptr dx, const float *DY, const float *W,
                           int M, int N, int K, float beta)
{
#pragma omp parallel for collapse(2) num_threads(cpu_threads(q, (size_t)M * N * K))
    for (int m = 0; m < M; m++)
        for (int first = 0; first < K; first += TILE) {
            double sum[TILE];
            int n = K - first < TILE ? K - first : TILE;
            column_sums(sum, DY + (size_t)m * N, 1, W, K, first, n, N);
            for (int i = 0; i < n; i++) {
                size_t at = (size_t)m * K + first + i;
                double old = beta != 0 ? (double)beta * cpu_get(dx, at) : 0;
                cpu_set(dx, at, (float)(sum[i] + old));
            }
        }
}

static void weight_gradient(struct fk_queue *q, float *dw, const float *DY, const float *X, int M,
                            int N, int K)
{
#pragma omp parallel for collapse(2) num_threads(cpu_threads(q, (size_t)M * N * K))
    for (int row = 0; row < N; row++)
        for (int first = 0; first < K; first += TILE) {
            double sum[TILE];
            int n = K - first < TILE ? K - first : TILE;
            column_sums(sum, DY + row, N, X, K, first, n, M);
            float *to = dw + (size_t)row * K + first;
            for (int i = 0; i < n; i++)
                to[i] = (float)(to[i] + sum[i]);
        }
}

static void bias_gradient(struct fk_queue *q, float *db, struct fk_ptr dy, int M, int N)
{
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)M * N))
    for (int n = 0; n < N; n++) {
        double sum = 0;
        for (int m = 0; m < M; m++)
            sum += cpu_get(dy, (size_t)m * N + n);
        db[n] = (float)(db[n] + sum);
    }
}

static bool linear_bwd(struct fk_queue *q, struct fk_ptr dx, float *dw, float *db,
                       struct fk_ptr dy, struct fk_ptr x, struct fk_ptr w, int M, int N, int K,
                       float beta)
{
    const float *DY = operand(q, 0, dy, w, (size_t)M * N);
    const float *X = dw ? operand(q, 1, x, w, (size_t)M * K) : NULL;
    const float *W = cpu_floats(q, 2, w, (size_t)N * K);
    if (!DY || (dw && !X) || !W)
        return false;
    if (dx.p)
        input_gradient(q, dx, DY, W, M, N, K, beta);
    if (dw)
        weight_gradient(q, dw, DY, X, M, N, K);
    if (db)
        bias_gradient(q, db, dy, M, N);
    return true;
}

void cpu_linear_install(struct fk_ops *ops)
{
    ops->linear = linear;
    ops->linear_bwd = linear_bwd;
}
