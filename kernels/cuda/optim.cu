/* SPDX-License-Identifier: Apache-2.0 */
/* The norm of gradients and one step of AdamW. */
#include "launch.cuh"

enum { SUM_BLOCK = 256, SUM_EACH = 16 };

/* partial[block] = the sum over its SUM_BLOCK * SUM_EACH numbers. */
static __global__ void squares_kernel(double *partial, const float *x, size_t n)
{
    int thread = threadIdx.x;
    size_t first = (size_t)blockIdx.x * SUM_BLOCK * SUM_EACH + thread;
    double sum = 0;
    for (int k = 0; k < SUM_EACH; k++) {
        size_t i = first + (size_t)k * SUM_BLOCK;
        if (i < n)
            sum += (double)x[i] * x[i];
    }
    sum = block_sum<SUM_BLOCK>(sum);
    if (thread == 0)
        partial[blockIdx.x] = sum;
}

/* *sum += partial[0..n): strided threads, then a tree. */
static __global__ void partials_kernel(double *sum, const double *partial, unsigned n)
{
    int thread = threadIdx.x;
    double own = 0;
    for (unsigned i = thread; i < n; i += SUM_BLOCK)
        own += partial[i];
    own = block_sum<SUM_BLOCK>(own);
    if (thread == 0)
        *sum += own;
}

static bool sum_sq(struct fk_queue *q, double *sum, const float *x, size_t n)
{
    unsigned blocks = cuda_blocks(n, SUM_BLOCK * SUM_EACH);
    if (!n)
        return true;
    double *partial = static_cast<double *>(cuda_scratch(q, 0, blocks * sizeof *partial));
    return partial &&
           cuda_launch(q, "sum_sq", squares_kernel, dim3(blocks), dim3(SUM_BLOCK), 0, partial, x,
                       n) &&
           cuda_launch(q, "sum_sq", partials_kernel, dim3(1), dim3(SUM_BLOCK), 0, sum, partial,
                       blocks);
}

/* The constants of a step, worked out once in double. */
struct adamw_step {
    float beta1, beta2, rate, root2, keep, epsilon, grad_scale, ema_decay;
};

/* Decay first, then the moments, then the step with both bias corrections, as PyTorch's AdamW. */
static __global__ void adamw_kernel(float *parameter, float *moment1, float *moment2, float *ema,
                                    uint16_t *working, const float *gradient, size_t n,
                                    struct adamw_step s)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    float g = gradient[i] * s.grad_scale;
    float m = fmaf(s.beta1, moment1[i], (1.0f - s.beta1) * g);
    float v = fmaf(s.beta2, moment2[i], (1.0f - s.beta2) * g * g);
    float p = s.keep * parameter[i] - s.rate * m / (sqrtf(v) / s.root2 + s.epsilon);
    moment1[i] = m;
    moment2[i] = v;
    parameter[i] = p;
    if (ema)
        ema[i] = fmaf(s.ema_decay, ema[i] - p, p);
    if (working)
        working[i] = to_bf16_bits(p);
}

static bool adamw(struct fk_queue *q, float *parameter, float *moment1, float *moment2, float *ema,
                  uint16_t *working, const float *gradient, size_t n,
                  const struct fk_adamw *settings)
{
    struct adamw_step s = {
        settings->beta1,
        settings->beta2,
        (float)(settings->learning_rate / (1.0 - pow(settings->beta1, settings->step))),
        (float)sqrt(1.0 - pow(settings->beta2, settings->step)),
        (float)(1.0 - (double)settings->learning_rate * settings->weight_decay),
        settings->epsilon,
        settings->grad_scale,
        settings->ema_decay,
    };
    return cuda_launch_flat(q, "adamw", adamw_kernel, n, parameter, moment1, moment2, ema, working,
                            gradient, n, s);
}

void cuda_optim_install(struct fk_ops *ops)
{
    ops->sum_sq = sum_sq;
    ops->adamw = adamw;
}
