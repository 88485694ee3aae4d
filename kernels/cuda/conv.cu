/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution of pixels [height][width][channels] with zero padding, as products: the inputs of
 * each output pixel side by side, tap by tap, a stretch of pixels at a time. In f32: only weights
 * may be bf16 here (fk.h). */
#include "gemm.h"
#include "launch.cuh"

/* Numbers of such a stretch. */
#define STRETCH ((size_t)32 << 20)

/* w [out][in][taps] as [out][taps][in], the order of the stretched pixels. */
static __global__ void turn_kernel(float *y, struct fk_ptr w, int in, int taps, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    int c = (int)(i % in), t = (int)(i / in % taps);
    size_t o = i / in / taps;
    y[i] = load(w, (o * in + c) * taps + t);
}

/* y [pixel - first][taps][in] of the output pixels from `first` on. */
static __global__ void stretch_kernel(float *y, const float *x, struct fk_conv v,
                                      size_t first, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    int c = (int)(i % v.in_channels), taps = v.kernel * v.kernel;
    int t = (int)(i / v.in_channels % taps);
    size_t pixel = first + i / v.in_channels / taps;
    int column = (int)(pixel % v.out_width), row = (int)(pixel / v.out_width % v.out_height);
    size_t b = pixel / v.out_width / v.out_height;
    int iy = row * v.stride + t / v.kernel - v.pad_begin;
    int ix = column * v.stride + t % v.kernel - v.pad_begin;
    bool there = iy >= 0 && iy < v.height && ix >= 0 && ix < v.width;
    y[i] = there ? x[((b * v.height + iy) * v.width + ix) * v.in_channels + c] : 0.0f;
}

/* The bias as f32, the type of the result. */
static bool wide_bias(struct fk_queue *q, struct fk_ptr *bias, int n)
{
    if (!bias->p || bias->type == FK_F32)
        return true;
    float *wide = static_cast<float *>(cuda_scratch(q, CUDA_GEMM_SLOT, n * sizeof *wide));
    bool ok = wide && cuda_convert(q, fk_f32(wide), *bias, (size_t)n);
    *bias = fk_f32(wide);
    return ok;
}

static bool conv2d(struct fk_queue *q, float *y, const float *x, struct fk_ptr w,
                   struct fk_ptr bias, const struct fk_conv *v, float beta)
{
    int taps = v->kernel * v->kernel, inner = taps * v->in_channels;
    size_t pixels = (size_t)v->batch * v->out_height * v->out_width;
    size_t weights = (size_t)v->out_channels * inner, most = STRETCH / inner;
    size_t at_once = most < 1 ? 1 : most < pixels ? most : pixels;
    float *turned = static_cast<float *>(cuda_scratch(q, 0, weights * sizeof *turned));
    float *stretched =
        static_cast<float *>(cuda_scratch(q, 1, at_once * inner * sizeof *stretched));
    if (!turned || !stretched || !wide_bias(q, &bias, v->out_channels) ||
        !cuda_launch_flat(q, "conv2d", turn_kernel, weights, turned, w, v->in_channels, taps,
                          weights))
        return false;
    for (size_t first = 0; first < pixels; first += at_once) {
        size_t here = pixels - first < at_once ? pixels - first : at_once;
        struct cuda_product p = {};
        p.m = (int)here;
        p.n = v->out_channels;
        p.k = inner;
        p.a = fk_f32(stretched);
        p.b = fk_f32(turned);
        p.c = fk_f32(y + first * v->out_channels);
        p.bias = bias;
        p.beta = beta;
        if (!cuda_launch_flat(q, "conv2d", stretch_kernel, here * inner, stretched, x, *v, first,
                              here * inner) ||
            !cuda_multiply(q, &p))
            return false;
    }
    return true;
}

void cuda_conv_install(struct fk_ops *ops)
{
    ops->conv2d = conv2d;
}
