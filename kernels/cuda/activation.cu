/* SPDX-License-Identifier: Apache-2.0 */
/* SiLU, the gated product of SwiGLU (Shazeer, arXiv 2002.05202), and the two bounds of small
 * decoders. */
#include "launch.cuh"

static __device__ float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* silu'(x) = s + x s (1 - s) with s the sigmoid of x. */
static __device__ float silu_slope(float x)
{
    float s = sigmoid(x);
    return s + x * s * (1.0f - s);
}

template <typename Y, typename G, typename V>
static __global__ void swiglu_kernel(Y *y, const G *gate, const V *value, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    float g = load(gate, i);
    store(y, i, g * sigmoid(g) * load(value, i));
}

static bool swiglu(struct fk_queue *q, struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value,
                   size_t n)
{
    return cuda_typed(y, [&](auto *to) {
        return cuda_typed(gate, value, [&](auto *g, auto *v) {
            auto kernel = swiglu_kernel<std::remove_pointer_t<decltype(to)>,
                                        std::remove_pointer_t<decltype(g)>,
                                        std::remove_pointer_t<decltype(v)>>;
            return cuda_launch_flat(q, "swiglu", kernel, n, to, g, v, n);
        });
    });
}

static __global__ void swiglu_bwd_kernel(struct fk_ptr dgate, struct fk_ptr dvalue,
                                         struct fk_ptr dy, struct fk_ptr gate, struct fk_ptr value,
                                         size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    float g = load(gate, i), v = load(value, i), d = load(dy, i);
    store(dgate, i, d * v * silu_slope(g));
    store(dvalue, i, d * g * sigmoid(g));
}

static bool swiglu_bwd(struct fk_queue *q, struct fk_ptr dgate, struct fk_ptr dvalue,
                       struct fk_ptr dy, struct fk_ptr gate, struct fk_ptr value, size_t n)
{
    return cuda_launch_flat(q, "swiglu_bwd", swiglu_bwd_kernel, n, dgate, dvalue, dy, gate, value,
                            n);
}

static __global__ void silu_kernel(struct fk_ptr y, struct fk_ptr x, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    float v = load(x, i);
    store(y, i, v * sigmoid(v));
}

static bool silu(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n)
{
    return cuda_launch_flat(q, "silu", silu_kernel, n, y, x, n);
}

static __global__ void silu_bwd_kernel(struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr x,
                                       size_t n)
{
    size_t i = flat_index();
    if (i < n)
        store(dx, i, load(dy, i) * silu_slope(load(x, i)));
}

static bool silu_bwd(struct fk_queue *q, struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr x,
                     size_t n)
{
    return cuda_launch_flat(q, "silu_bwd", silu_bwd_kernel, n, dx, dy, x, n);
}

static __global__ void relu_kernel(float *y, const float *x, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        y[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

static bool relu(struct fk_queue *q, float *y, const float *x, size_t n)
{
    return cuda_launch_flat(q, "relu", relu_kernel, n, y, x, n);
}

static __global__ void soft_clamp_kernel(float *y, const float *x, float limit, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        y[i] = limit * tanhf(x[i] / limit);
}

static bool soft_clamp(struct fk_queue *q, float *y, const float *x, float limit, size_t n)
{
    return cuda_launch_flat(q, "soft_clamp", soft_clamp_kernel, n, y, x, limit, n);
}

void cuda_activation_install(struct fk_ops *ops)
{
    ops->swiglu = swiglu;
    ops->swiglu_bwd = swiglu_bwd;
    ops->silu = silu;
    ops->silu_bwd = silu_bwd;
    ops->relu = relu;
    ops->soft_clamp = soft_clamp;
}
