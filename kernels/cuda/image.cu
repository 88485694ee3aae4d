/* SPDX-License-Identifier: Apache-2.0 */
/* The layouts of latents, tokens and pixels, and eight-bit pictures. Threads follow the memory that
 * is written. */
#include "launch.cuh"

/* Where token element i lies in the latent: token ph * (width/p) + pw, feature c p p + p1 p +
 * p2. */
static __device__ size_t latent_index(size_t i, int channels, int height, int width, int p)
{
    int p2 = (int)(i % p), p1 = (int)(i / p % p), c = (int)(i / ((size_t)p * p) % channels);
    size_t token = i / ((size_t)channels * p * p);
    int across = width / p, column = (int)(token % across) * p + p2;
    size_t down = token / across, b = down / (height / p);
    int row = (int)(down % (height / p)) * p + p1;
    return ((b * channels + c) * height + row) * width + column;
}

static __global__ void patchify_kernel(float *token, const float *latent, int channels, int height,
                                       int width, int p, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        token[i] = latent[latent_index(i, channels, height, width, p)];
}

static __global__ void unpatchify_kernel(float *latent, const float *token, int channels,
                                         int height, int width, int p, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        latent[latent_index(i, channels, height, width, p)] = token[i];
}

static bool patches_ok(struct fk_queue *q, const char *operation, int height, int width, int p)
{
    return (p >= 1 && height % p == 0 && width % p == 0) ||
           cuda_fail(q, "%s: latent is %d x %d, expected multiples of the patch side %d", operation,
                     height, width, p);
}

static bool patchify(struct fk_queue *q, float *token, const float *latent, int B, int channels,
                     int height, int width, int p)
{
    size_t n = (size_t)B * channels * height * width;
    return patches_ok(q, "patchify", height, width, p) &&
           cuda_launch_flat(q, "patchify", patchify_kernel, n, token, latent, channels, height,
                            width, p, n);
}

static bool unpatchify(struct fk_queue *q, float *latent, const float *token, int B, int channels,
                       int height, int width, int p)
{
    size_t n = (size_t)B * channels * height * width;
    return patches_ok(q, "unpatchify", height, width, p) &&
           cuda_launch_flat(q, "unpatchify", unpatchify_kernel, n, latent, token, channels, height,
                            width, p, n);
}

/* Element i of the fine image [B][H*r][W*r][C] in the coarse one [B][H][W][C*r*r]. */
static __device__ size_t coarse_index(size_t i, int width, int C, int r)
{
    int c = (int)(i % C), column = (int)(i / C % ((size_t)width * r));
    size_t line = i / C / ((size_t)width * r); /* of all images: their heights are multiples of r */
    size_t pixel = line / r * width + column / r;
    return (pixel * C + c) * r * r + line % r * r + column % r;
}

static __global__ void shuffle_kernel(float *y, const float *x, int width, int C, int r, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        y[i] = x[coarse_index(i, width, C, r)];
}

static __global__ void unshuffle_kernel(float *y, const float *x, int width, int C, int r,
                                        size_t n)
{
    size_t i = flat_index();
    if (i < n)
        y[coarse_index(i, width, C, r)] = x[i];
}

static bool pixel_shuffle(struct fk_queue *q, float *y, const float *x, int B, int height,
                          int width, int C, int r)
{
    size_t n = (size_t)B * height * width * C * r * r;
    return cuda_launch_flat(q, "pixel_shuffle", shuffle_kernel, n, y, x, width, C, r, n);
}

static bool pixel_unshuffle(struct fk_queue *q, float *y, const float *x, int B, int height,
                            int width, int C, int r)
{
    size_t n = (size_t)B * height * width * C * r * r;
    return cuda_launch_flat(q, "pixel_unshuffle", unshuffle_kernel, n, y, x, width, C, r, n);
}

static __global__ void upsample_kernel(float *y, const float *x, int width, int C, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    int c = (int)(i % C), column = (int)(i / C % (2 * (size_t)width));
    size_t line = i / C / (2 * (size_t)width);
    y[i] = x[(line / 2 * width + column / 2) * C + c];
}

static bool upsample_nearest(struct fk_queue *q, float *y, const float *x, int B, int height,
                             int width, int C)
{
    size_t n = 4 * (size_t)B * height * width * C;
    return cuda_launch_flat(q, "upsample_nearest", upsample_kernel, n, y, x, width, C, n);
}

/* y[b][j][i] = x[b][i][j]: planes are the transpose of pixels. */
static __global__ void transpose_kernel(float *y, const float *x, size_t rows, size_t columns,
                                        size_t n)
{
    size_t at = flat_index();
    if (at >= n)
        return;
    size_t i = at % rows, j = at / rows % columns, b = at / rows / columns;
    y[at] = x[(b * rows + i) * columns + j];
}

static bool transpose(struct fk_queue *q, float *y, const float *x, int B, size_t rows,
                      size_t columns)
{
    size_t n = B * rows * columns;
    return cuda_launch_flat(q, "transpose", transpose_kernel, n, y, x, rows, columns, n);
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

static __global__ void rgba_kernel(uint8_t *rgba, const float *rgb, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    for (int k = 0; k < 3; k++)
        rgba[4 * i + k] = fk_f32_to_byte(rgb[3 * i + k]);
    rgba[4 * i + 3] = 255;
}

static bool rgb_to_rgba8(struct fk_queue *q, uint8_t *rgba, const float *rgb, size_t n)
{
    return cuda_launch_flat(q, "rgb_to_rgba8", rgba_kernel, n, rgba, rgb, n);
}

static __device__ int clamped(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* In double: the thumbnails of all backends are to be equal, and they are small. */
static __global__ void preview_kernel(uint8_t *rgba, const float *latent, const float *matrix,
                                      const float *bias, int channels, int kernel, int height,
                                      int width, size_t pixels)
{
    size_t i = flat_index();
    if (i >= pixels)
        return;
    int row = (int)(i / width), column = (int)(i % width), taps = kernel * kernel;
    double sum[3] = {bias[0], bias[1], bias[2]};
    for (int c = 0; c < channels; c++)
        for (int t = 0; t < taps; t++) {
            int y = clamped(row + t / kernel - kernel / 2, height);
            int x = clamped(column + t % kernel - kernel / 2, width);
            double value = latent[(size_t)c * pixels + (size_t)y * width + x];
            for (int k = 0; k < 3; k++)
                sum[k] += value * matrix[3 * ((size_t)c * taps + t) + k];
        }
    for (int k = 0; k < 3; k++)
        rgba[4 * i + k] = fk_f32_to_byte((float)sum[k]);
    rgba[4 * i + 3] = 255;
}

static bool latent_to_rgba8(struct fk_queue *q, uint8_t *rgba, const float *latent,
                            const float *matrix, const float *bias, int channels, int kernel,
                            int height, int width)
{
    size_t pixels = (size_t)height * width;
    return cuda_launch_flat(q, "latent_to_rgba8", preview_kernel, pixels, rgba, latent, matrix,
                            bias, channels, kernel, height, width, pixels);
}

void cuda_image_install(struct fk_ops *ops)
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
