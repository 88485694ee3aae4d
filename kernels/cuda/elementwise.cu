/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of vectors, conversion, guidance, the loss of flow matching. */
#include "launch.cuh"

static __global__ void axpby_kernel(float *y, float a, const float *x, float b, size_t n)
{
    size_t i = flat_index();
    if (i < n) /* with b == 0, y may be memory never written before */
        y[i] = b == 0.0f ? a * x[i] : fmaf(a, x[i], b * y[i]);
}

static bool axpby(struct fk_queue *q, float *y, float a, const float *x, float b, size_t n)
{
    return cuda_launch_flat(q, "axpby", axpby_kernel, n, y, a, x, b, n);
}

template <typename Y, typename X> static __global__ void cast_kernel(Y *y, const X *x, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        store(y, i, load(x, i));
}

bool cuda_convert(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n)
{
    if (y.type == x.type)
        return cuda_ok(q, cudaMemcpyAsync(y.p, x.p, n * fk_dtype_size(x.type),
                                          cudaMemcpyDeviceToDevice, q->stream), "copy");
    return cuda_typed(y, x, [&](auto *to, auto *from) {
        return cuda_launch_flat(q, "cast", cast_kernel<std::remove_pointer_t<decltype(to)>,
                                                       std::remove_pointer_t<decltype(from)>>,
                                n, to, from, n);
    });
}

static __global__ void cfg_kernel(float *v, const float *cond, const float *uncond, float weight,
                                  int guided, int F, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    float c = cond[i], u = uncond[i];
    v[i] = (int)(i % F) < guided ? fmaf(weight, c - u, u) : c;
}

static bool cfg_combine(struct fk_queue *q, float *v, const float *cond, const float *uncond,
                        float weight, int guided, int N, int F)
{
    size_t n = (size_t)N * F;
    return cuda_launch_flat(q, "cfg_combine", cfg_kernel, n, v, cond, uncond, weight, guided, F, n);
}

enum { LOSS_BLOCK = 256 };

/* A block sums one image: threads over a fixed stride, then a tree. */
static __global__ void loss_kernel(float *loss, float *dv, const float *v, const float *target,
                                   const int32_t *offset, int B, int F)
{
    int b = blockIdx.x, thread = threadIdx.x;
    size_t first = (size_t)offset[b] * F, end = (size_t)offset[b + 1] * F;
    double sum = 0, count = (double)(end - first);
    for (size_t i = first + thread; i < end; i += LOSS_BLOCK) {
        float error = v[i] - target[i];
        sum += (double)error * error;
        if (dv)
            dv[i] = (float)(2.0 * error / (count * B));
    }
    sum = block_sum<LOSS_BLOCK>(sum);
    if (thread == 0)
        loss[b] = end > first ? (float)(sum / count) : 0.0f;
}

static bool flow_loss(struct fk_queue *q, float *loss, float *dv, const float *v,
                      const float *target, const struct fk_pack *pack, int F)
{
    return cuda_launch(q, "flow_loss", loss_kernel, dim3((unsigned)pack->n_images),
                       dim3(LOSS_BLOCK), 0, loss, dv, v, target, pack->offset, pack->n_images, F);
}

void cuda_elementwise_install(struct fk_ops *ops)
{
    ops->axpby = axpby;
    ops->cast = cuda_convert;
    ops->cfg_combine = cfg_combine;
    ops->flow_loss = flow_loss;
}
