/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: group normalisation, its sums apart from its use so that both may go in strips. */
#include "cpu.h"

#include <math.h>

/* The sums of one row of pixels in each group, written to sum [groups][2]. */
static void row_sums(double *sum, const float *x, int width, int C, int groups)
{
    int own = C / groups;
    for (int g = 0; g < groups; g++) {
        double plain = 0, square = 0;
        for (int column = 0; column < width; column++)
            for (int c = g * own; c < (g + 1) * own; c++) {
                double v = x[(size_t)column * C + c];
                plain += v;
                square += v * v;
            }
        sum[2 * g] = plain;
        sum[2 * g + 1] = square;
    }
}

static bool group_sums(struct fk_queue *q, double *sum, const float *x, int B, int height,
                       int width, int C, int groups)
{
    size_t line = (size_t)width * C, pairs = 2 * (size_t)groups;
    double *row = cpu_scratch(q, 0, (size_t)B * height * pairs * sizeof *row);
    if (!row)
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)B * height * line))
    for (int r = 0; r < B * height; r++)
        row_sums(row + r * pairs, x + r * line, width, C, groups);
    for (int r = 0; r < B * height; r++)
        for (size_t i = 0; i < pairs; i++)
            sum[r / height * pairs + i] += row[r * pairs + i];
    return true;
}

static void normalise(float *y, const float *x, const double *sum, const float *weight,
                      const float *bias, const struct fk_group_norm *norm)
{
    int own = norm->channels / norm->groups;
    for (int c = 0; c < norm->channels; c++) {
        const double *pair = sum + 2 * (c / own);
        double mean = pair[0] / norm->count;
        double variance = fmax(pair[1] / norm->count - mean * mean, 0);
        double v = (x[c] - mean) / sqrt(variance + norm->epsilon) * weight[c] + bias[c];
        y[c] = (float)(norm->silu ? v / (1 + exp(-v)) : v);
    }
}

static bool group_norm(struct fk_queue *q, float *y, const float *x, const double *sum,
                       const float *weight, const float *bias, const struct fk_group_norm *norm)
{
    size_t n = norm->batch * norm->pixels;
#pragma omp parallel for num_threads(cpu_threads(q, n * norm->channels))
    for (size_t i = 0; i < n; i++)
        normalise(y + i * norm->channels, x + i * norm->channels,
                  sum + i / norm->pixels * 2 * norm->groups, weight, bias, norm);
    return true;
}

void cpu_group_norm_install(struct fk_ops *ops)
{
    ops->group_sums = group_sums;
    ops->group_norm = group_norm;
}
