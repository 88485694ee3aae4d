/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: SiLU, the gated product of SwiGLU (Shazeer, arXiv 2002.05202), and the two bounds of
 * small decoders. */
#include "cpu.h"

#include <math.h>

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* silu'(x) = s + x s (1 - s) with s the sigmoid of x. */
static double silu_slope(double x)
{
    double s = sigmoid(x);
    return s + x * s * (1.0 - s);
}

static bool swiglu(struct fk_queue *q, struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value,
                   size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++) {
        double g = cpu_get(gate, i);
        cpu_set(y, i, (float)(g * sigmoid(g) * cpu_get(value, i)));
    }
    return true;
}

static bool swiglu_bwd(struct fk_queue *q, struct fk_ptr dgate, struct fk_ptr dvalue,
                       struct fk_ptr dy, struct fk_ptr gate, struct fk_ptr value, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++) {
        double g = cpu_get(gate, i), v = cpu_get(value, i), d = cpu_get(dy, i);
        cpu_set(dgate, i, (float)(d * v * silu_slope(g)));
        cpu_set(dvalue, i, (float)(d * g * sigmoid(g)));
    }
    return true;
}

static bool silu(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++) {
        double v = cpu_get(x, i);
        cpu_set(y, i, (float)(v * sigmoid(v)));
    }
    return true;
}

static bool silu_bwd(struct fk_queue *q, struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr x,
                     size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++)
        cpu_set(dx, i, (float)(cpu_get(dy, i) * silu_slope(cpu_get(x, i))));
    return true;
}

static bool relu(struct fk_queue *q, float *y, const float *x, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0.0f ? x[i] : 0.0f;
    return true;
}

static bool soft_clamp(struct fk_queue *q, float *y, const float *x, float limit, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(limit * tanh((double)x[i] / limit));
    return true;
}

void cpu_activation_install(struct fk_ops *ops)
{
    ops->swiglu = swiglu;
    ops->swiglu_bwd = swiglu_bwd;
    ops->silu = silu;
    ops->silu_bwd = silu_bwd;
    ops->relu = relu;
    ops->soft_clamp = soft_clamp;
}
