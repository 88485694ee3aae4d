/* SPDX-License-Identifier: Apache-2.0 */
/* Group normalisation, its sums apart from its use so that both may go in strips. */
#include "launch.cuh"

/* A warp sums one group of one row of pixels in double; lane 0 writes the pair. */
static __global__ void row_sums_kernel(double *row, const float *x, int width, int C, int own)
{
    int groups = C / own, r = blockIdx.x / groups, g = blockIdx.x % groups;
    const float *line = x + (size_t)r * width * C + (size_t)g * own;
    double plain = 0, square = 0;
    for (int i = threadIdx.x; i < width * own; i += CUDA_WARP) {
        double v = line[(size_t)(i / own) * C + i % own];
        plain += v;
        square += v * v;
    }
    plain = warp_sum(plain);
    square = warp_sum(square);
    if (threadIdx.x == 0) {
        row[2 * (size_t)blockIdx.x] = plain;
        row[2 * (size_t)blockIdx.x + 1] = square;
    }
}

/* sum [B][2 groups] += the rows of an image, from its first to its last. */
static __global__ void add_rows_kernel(double *sum, const double *row, int height, int pairs,
                                       size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    size_t b = i / pairs;
    double total = sum[i];
    for (int r = 0; r < height; r++)
        total += row[(b * height + r) * pairs + i % pairs];
    sum[i] = total;
}

static bool group_sums(struct fk_queue *q, double *sum, const float *x, int B, int height,
                       int width, int C, int groups)
{
    size_t rows = (size_t)B * height, pairs = 2 * (size_t)groups;
    double *row = static_cast<double *>(cuda_scratch(q, 0, rows * pairs * sizeof *row));
    return row &&
           cuda_launch(q, "group_sums", row_sums_kernel, dim3((unsigned)(rows * groups)),
                       dim3(CUDA_WARP), 0, row, x, width, C, C / groups) &&
           cuda_launch_flat(q, "group_sums", add_rows_kernel, B * pairs, sum, row, height,
                            (int)pairs, B * pairs);
}

static __global__ void group_norm_kernel(float *y, const float *x, const double *sum,
                                         const float *weight, const float *bias,
                                         struct fk_group_norm norm, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    int c = (int)(i % norm.channels), own = norm.channels / norm.groups;
    size_t b = i / norm.channels / norm.pixels;
    const double *pair = sum + (b * norm.groups + c / own) * 2;
    double mean = pair[0] / norm.count;
    double variance = fmax(pair[1] / norm.count - mean * mean, 0.0);
    float rstd = (float)(1.0 / sqrt(variance + norm.epsilon));
    float v = fmaf((float)(x[i] - mean) * rstd, weight[c], bias[c]);
    y[i] = norm.silu ? v / (1.0f + expf(-v)) : v;
}

static bool group_norm(struct fk_queue *q, float *y, const float *x, const double *sum,
                       const float *weight, const float *bias, const struct fk_group_norm *norm)
{
    size_t n = norm->batch * norm->pixels * norm->channels;
    return cuda_launch_flat(q, "group_norm", group_norm_kernel, n, y, x, sum, weight, bias, *norm,
                            n);
}

void cuda_group_norm_install(struct fk_ops *ops)
{
    ops->group_sums = group_sums;
    ops->group_norm = group_norm;
}
