/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: convolution of pixels [height][width][channels] with zero padding. */
#include "cpu.h"

enum { TILE = 64 };

/* w [out][in][k][k] as [k][k][in][out]: the inner loop then runs over neighbours. */
static float *weights_turned(struct fk_queue *q, struct fk_ptr w, const struct fk_conv *conv)
{
    size_t taps = (size_t)conv->kernel * conv->kernel;
    size_t in = conv->in_channels, out = conv->out_channels;
    float *turned = cpu_scratch(q, 0, taps * in * out * sizeof *turned);
    for (size_t o = 0; turned && o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++)
                turned[(t * in + i) * out + o] = cpu_get(w, (o * in + i) * taps + t);
    return turned;
}

/* Adds to sum[0 .. n-1] the output channels `first` .. of the pixel (row, column) of image b. */
static void pixel_add(double *sum, const float *x, const float *w, const struct fk_conv *conv,
                      int b, int row, int column, int first, int n)
{
    int in = conv->in_channels, out = conv->out_channels;
    for (int ky = 0; ky < conv->kernel; ky++)
        for (int kx = 0; kx < conv->kernel; kx++) {
            int iy = row * conv->stride + ky - conv->pad_begin;
            int ix = column * conv->stride + kx - conv->pad_begin;
            if (iy < 0 || iy >= conv->height || ix < 0 || ix >= conv->width)
                continue;
            const float *pixel = x + (((size_t)b * conv->height + iy) * conv->width + ix) * in;
            const float *tap = w + ((size_t)ky * conv->kernel + kx) * in * out + first;
            for (int c = 0; c < in; c++)
                for (int o = 0; o < n; o++)
                    sum[o] += (double)pixel[c] * tap[(size_t)c * out + o];
        }
}

static void pixel_make(float *y, const float *x, const float *w, struct fk_ptr bias,
                       const struct fk_conv *conv, float beta, size_t pixel)
{
    int out = conv->out_channels;
    int column = (int)(pixel % conv->out_width);
    int row = (int)(pixel / conv->out_width % conv->out_height);
    int b = (int)(pixel / conv->out_width / conv->out_height);
    for (int first = 0; first < out; first += TILE) {
        int n = out - first < TILE ? out - first : TILE;
        float *to = y + pixel * out + first;
        double sum[TILE];
        for (int o = 0; o < n; o++)
            sum[o] = (bias.p ? cpu_get(bias, first + o) : 0) +
                     (beta != 0 ? (double)beta * to[o] : 0);
        pixel_add(sum, x, w, conv, b, row, column, first, n);
        for (int o = 0; o < n; o++)
            to[o] = (float)sum[o];
    }
}

static bool conv2d(struct fk_queue *q, float *y, const float *x, struct fk_ptr w,
                   struct fk_ptr bias, const struct fk_conv *conv, float beta)
{
    const float *turned = weights_turned(q, w, conv);
    if (!turned)
        return false;
    size_t pixels = (size_t)conv->batch * conv->out_height * conv->out_width;
    size_t work = pixels * conv->out_channels * conv->in_channels * conv->kernel * conv->kernel;
#pragma omp parallel for num_threads(cpu_threads(q, work))
    for (size_t i = 0; i < pixels; i++)
        pixel_make(y, x, turned, bias, conv, beta, i);
    return true;
}

void cpu_conv_install(struct fk_ops *ops)
{
    ops->conv2d = conv2d;
}
