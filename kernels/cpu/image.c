/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: the layouts of latents, tokens and pixels, and eight-bit pictures. */
#include "cpu.h"

#include <string.h>

/* Where latent element (b, c, row, column) lies among the tokens: token ph * (width/p) + pw,
 * feature c p p + p1 p + p2 (channel slowest). */
static size_t token_index(size_t b, int c, int row, int column, int channels, int height,
                          int width, int p)
{
    size_t token = (b * (height / p) + row / p) * (width / p) + column / p;
    return (token * channels + c) * p * p + (size_t)(row % p) * p + column % p;
}

static bool patches_ok(struct fk_queue *q, const char *operation, int height, int width, int p)
{
    if (p >= 1 && height % p == 0 && width % p == 0)
        return true;
    return cpu_fail(q, "%s: latent is %d x %d, expected multiples of the patch side %d", operation,
                    height, width, p);
}

static bool patchify(struct fk_queue *q, float *token, const float *latent, int B, int channels,
                     int height, int width, int p)
{
    if (!patches_ok(q, "patchify", height, width, p))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)B * channels * height * width))
    for (int plane = 0; plane < B * channels; plane++) {
        const float *from = latent + (size_t)plane * height * width;
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++)
                token[token_index(plane / channels, plane % channels, row, column, channels,
                                  height, width, p)] = from[(size_t)row * width + column];
    }
    return true;
}

static bool unpatchify(struct fk_queue *q, float *latent, const float *token, int B, int channels,
                       int height, int width, int p)
{
    if (!patches_ok(q, "unpatchify", height, width, p))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)B * channels * height * width))
    for (int plane = 0; plane < B * channels; plane++) {
        float *to = latent + (size_t)plane * height * width;
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++)
                to[(size_t)row * width + column] =
                    token[token_index(plane / channels, plane % channels, row, column, channels,
                                      height, width, p)];
    }
    return true;
}

static bool pixel_shuffle(struct fk_queue *q, float *y, const float *x, int B, int height,
                          int width, int C, int r)
{
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)B * height * width * C * r * r))
    for (int line = 0; line < B * height * r; line++)
        for (int column = 0; column < width * r; column++) {
            const float *coarse = x + ((size_t)(line / r) * width + column / r) * C * r * r;
            float *fine = y + ((size_t)line * width * r + column) * C;
            for (int c = 0; c < C; c++)
                fine[c] = coarse[c * r * r + line % r * r + column % r];
        }
    return true;
}

static bool pixel_unshuffle(struct fk_queue *q, float *y, const float *x, int B, int height,
                            int width, int C, int r)
{
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)B * height * width * C * r * r))
    for (int line = 0; line < B * height * r; line++)
        for (int column = 0; column < width * r; column++) {
            float *coarse = y + ((size_t)(line / r) * width + column / r) * C * r * r;
            const float *fine = x + ((size_t)line * width * r + column) * C;
            for (int c = 0; c < C; c++)
                coarse[c * r * r + line % r * r + column % r] = fine[c];
        }
    return true;
}

static bool upsample_nearest(struct fk_queue *q, float *y, const float *x, int B, int height,
                             int width, int C)
{
    size_t line = (size_t)width * C;
#pragma omp parallel for num_threads(cpu_threads(q, 4 * (size_t)B * height * line))
    for (int row = 0; row < B * height; row++) {
        const float *from = x + row * line;
        float *to = y + row * line * 4;
        for (int column = 0; column < 2 * width; column++)
            memcpy(to + (size_t)column * C, from + (size_t)(column / 2) * C, C * sizeof *to);
        memcpy(to + 2 * line, to, 2 * line * sizeof *to);
    }
    return true;
}

/* y[b][j][i] = x[b][i][j]: planes are the transpose of pixels. */
static bool transpose(struct fk_queue *q, float *y, const float *x, int B, size_t rows,
                      size_t columns)
{
#pragma omp parallel for collapse(2) num_threads(cpu_threads(q, B *rows *columns))
    for (int b = 0; b < B; b++)
        for (size_t j = 0; j < columns; j++)
            for (size_t i = 0; i < rows; i++)
                y[(b * columns + j) * rows + i] = x[(b * rows + i) * columns + j];
    return true;
}

static bool planes_to_pixels(struct fk_queue *q, float *y, const float *x, int B, int channels,
                             int height, int width)
{
    return transpose(q, y, x, B, channels, (size_t)height * width);
}

static bool pixels_to_planes(struct fk_queue *q, float *y, const float *x, int B, int channels,
                             int height, int width)
{
    return transpose(q, y, x, B, (size_t)height * width, channels);
}

static bool rgb_to_rgba8(struct fk_queue *q, uint8_t *rgba, const float *rgb, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, 3 * n))
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++)
            rgba[4 * i + k] = fk_f32_to_byte(rgb[3 * i + k]);
        rgba[4 * i + 3] = 255;
    }
    return true;
}

static int clamped(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* sum[3] += the map of one channel's kernel x kernel pixels around (row, column). */
static void add_channel(double sum[3], const float *plane, const float *matrix, int kernel, int row,
                        int column, int height, int width)
{
    for (int i = 0; i < kernel; i++) {
        for (int j = 0; j < kernel; j++) {
            int y = clamped(row + i - kernel / 2, height);
            int x = clamped(column + j - kernel / 2, width);
            double value = plane[(size_t)y * width + x];
            for (int k = 0; k < 3; k++)
                sum[k] += value * matrix[3 * (i * kernel + j) + k];
        }
    }
}

static bool latent_to_rgba8(struct fk_queue *q, uint8_t *rgba, const float *latent,
                            const float *matrix, const float *bias, int channels, int kernel,
                            int height, int width)
{
    size_t pixels = (size_t)height * width, taps = (size_t)kernel * kernel;
#pragma omp parallel for num_threads(cpu_threads(q, pixels *channels *taps))
    for (size_t i = 0; i < pixels; i++) {
        double sum[3] = {bias[0], bias[1], bias[2]};
        for (int c = 0; c < channels; c++)
            add_channel(sum, latent + (size_t)c * pixels, matrix + 3 * taps * c, kernel,
                        (int)(i / width), (int)(i % width), height, width);
        for (int k = 0; k < 3; k++)
            rgba[4 * i + k] = fk_f32_to_byte((float)sum[k]);
        rgba[4 * i + 3] = 255;
    }
    return true;
}

void cpu_image_install(struct fk_ops *ops)
{
    ops->patchify = patchify;
    ops->unpatchify = unpatchify;
    ops->pixel_shuffle = pixel_shuffle;
    ops->pixel_unshuffle = pixel_unshuffle;
    ops->upsample_nearest = upsample_nearest;
    ops->planes_to_pixels = planes_to_pixels;
    ops->pixels_to_planes = pixels_to_planes;
    ops->rgb_to_rgba8 = rgb_to_rgba8;
    ops->latent_to_rgba8 = latent_to_rgba8;
}
