/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: the norm of gradients and one step of AdamW. */
#include "cpu.h"

#include <math.h>

enum { SUM_BLOCK = 4096 }; /* fixed, so that the order of the sum does not depend on threads */

static bool sum_sq(struct fk_queue *q, double *sum, const float *x, size_t n)
{
    size_t blocks = (n + SUM_BLOCK - 1) / SUM_BLOCK;
    double *partial = cpu_scratch(q, 0, blocks * sizeof *partial);
    if (!partial)
        return n == 0;
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t b = 0; b < blocks; b++) {
        size_t end = (b + 1) * SUM_BLOCK < n ? (b + 1) * SUM_BLOCK : n;
        double s = 0;
        for (size_t i = b * SUM_BLOCK; i < end; i++)
            s += (double)x[i] * x[i];
        partial[b] = s;
    }
    for (size_t b = 0; b < blocks; b++)
        *sum += partial[b];
    return true;
}

/* Decay first, then the moments, then the step with both bias corrections, as PyTorch's AdamW. */
static bool adamw(struct fk_queue *q, float *parameter, float *moment1, float *moment2, float *ema,
                  uint16_t *working, const float *gradient, size_t n,
                  const struct fk_adamw *settings)
{
    const double beta1 = settings->beta1, beta2 = settings->beta2;
    const double rate = settings->learning_rate / (1.0 - pow(beta1, settings->step));
    const double root2 = sqrt(1.0 - pow(beta2, settings->step));
    const double keep = 1.0 - (double)settings->learning_rate * settings->weight_decay;
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++) {
        double g = (double)gradient[i] * settings->grad_scale;
        double m = beta1 * moment1[i] + (1.0 - beta1) * g;
        double v = beta2 * moment2[i] + (1.0 - beta2) * g * g;
        double p = keep * parameter[i] - rate * m / (sqrt(v) / root2 + settings->epsilon);
        moment1[i] = (float)m;
        moment2[i] = (float)v;
        parameter[i] = (float)p;
        if (ema)
            ema[i] = (float)(settings->ema_decay * (double)ema[i] +
                             (1.0 - settings->ema_decay) * p);
        if (working)
            working[i] = fk_f32_to_bf16((float)p);
    }
    return true;
}

void cpu_optim_install(struct fk_ops *ops)
{
    ops->sum_sq = sum_sq;
    ops->adamw = adamw;
}
