/* SPDX-License-Identifier: Apache-2.0 */
/* Two-dimensional convolution, by its definition. */
#include "cpu.h"

static float get(struct fk_ptr x, size_t i)
{
    return x.type == FK_F32 ? ((const float *)x.p)[i]
                            : fk_bf16_to_f32(((const uint16_t *)x.p)[i]);
}

static double at_pixel(const float *x, struct fk_ptr w, const struct fk_conv *c, int row, int col,
                       int o)
{
    double sum = 0;
    for (int i = 0; i < c->kernel; i++) {
        for (int j = 0; j < c->kernel; j++) {
            int y_in = row * c->stride - c->pad_begin + i, x_in = col * c->stride - c->pad_begin + j;
            if (y_in < 0 || y_in >= c->height || x_in < 0 || x_in >= c->width)
                continue;
            const float *pixel = x + ((size_t)y_in * c->width + x_in) * c->in_channels;
            for (int k = 0; k < c->in_channels; k++)
                sum += (double)pixel[k] *
                       get(w, (((size_t)o * c->in_channels + k) * c->kernel + i) * c->kernel + j);
        }
    }
    return sum;
}

static bool conv2d(struct fk_queue *q, float *y, const float *x, struct fk_ptr w,
                   struct fk_ptr bias, const struct fk_conv *c, float beta)
{
    size_t in_image = (size_t)c->height * c->width * c->in_channels;
    int rows = c->batch * c->out_height;
#pragma omp parallel for num_threads(q->device->caps.n_threads)
    for (int r = 0; r < rows; r++) {
        const float *image = x + (size_t)(r / c->out_height) * in_image;
        for (int col = 0; col < c->out_width; col++) {
            float *out = y + ((size_t)r * c->out_width + col) * c->out_channels;
            for (int o = 0; o < c->out_channels; o++) {
                double sum = (bias.p ? get(bias, (size_t)o) : 0) +
                             at_pixel(image, w, c, r % c->out_height, col, o);
                out[o] = (float)(sum + (beta != 0 ? beta * out[o] : 0));
            }
        }
    }
    return true;
}

void cpu_conv_install(struct fk_ops *ops)
{
    ops->conv2d = conv2d;
}
