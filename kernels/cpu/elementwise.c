/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: sums of vectors, conversion, guidance, the loss of flow matching. */
#include "cpu.h"

#include <string.h>

static bool axpby(struct fk_queue *q, float *y, float a, const float *x, float b, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++) /* with b == 0, y may be memory never written before */
        y[i] = b == 0 ? a * x[i] : (float)((double)a * x[i] + (double)b * y[i]);
    return true;
}

static bool cast(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n)
{
    if (y.type == x.type) {
        memmove(y.p, x.p, n * fk_dtype_size(x.type));
        return true;
    }
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++)
        cpu_set(y, i, cpu_get(x, i));
    return true;
}

static bool cfg_combine(struct fk_queue *q, float *v, const float *cond, const float *uncond,
                        float weight, int guided, int N, int F)
{
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * F))
    for (int n = 0; n < N; n++)
        for (int f = 0; f < F; f++) {
            size_t i = (size_t)n * F + f;
            double c = cond[i], u = uncond[i];
            v[i] = f < guided ? (float)(u + weight * (c - u)) : cond[i];
        }
    return true;
}

static bool flow_loss(struct fk_queue *q, float *loss, float *dv, const float *v,
                      const float *target, const struct fk_pack *pack, int F)
{
    int B = pack->n_images;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)pack->n_tokens * F))
    for (int b = 0; b < B; b++) {
        size_t first = (size_t)pack->offset[b] * F, end = (size_t)pack->offset[b + 1] * F;
        double sum = 0, count = (double)(end - first);
        for (size_t i = first; i < end; i++) {
            double error = (double)v[i] - target[i];
            sum += error * error;
            if (dv)
                dv[i] = (float)(2.0 * error / (count * B));
        }
        loss[b] = end > first ? (float)(sum / count) : 0;
    }
    return true;
}

void cpu_elementwise_install(struct fk_ops *ops)
{
    ops->axpby = axpby;
    ops->cast = cast;
    ops->cfg_combine = cfg_combine;
    ops->flow_loss = flow_loss;
}
