/* SPDX-License-Identifier: Apache-2.0 */
/* Group normalisation eight channels at a time. Sums are in double, for a variance as the
 * difference of two large numbers needs the digits; each row of pixels is summed by one thread. */
#include "cpu.h"
#include "lanes.h"

#include <math.h>

enum { SLOT_ROWS, SLOT_COEFFICIENTS, PIECE = 64 };

typedef double wide __attribute__((vector_size(64)));

/* sum[c] and square[c] of a row of `width` pixels. */
static void channel_sums(double *sum, double *square, const float *x, int width, int C)
{
    LANES_EACH(c, left, 0, C, {
        wide plain = {0}, squares = {0};
        for (int column = 0; column < width; column++) {
            wide v = __builtin_convertvector(lanes_load_f32(x, (size_t)column * C + c, left),
                                             wide);
            plain += v;
            squares += v * v;
        }
        memcpy(sum + c, &plain, (size_t)left * sizeof *sum);
        memcpy(square + c, &squares, (size_t)left * sizeof *square);
    });
}

/* row [groups][2]; room for 2 C doubles follows it. */
static void row_sums(double *row, const float *x, int width, int C, int groups)
{
    double *sum = row + 2 * groups, *square = sum + C;
    int own = C / groups;
    channel_sums(sum, square, x, width, C);
    for (int g = 0; g < groups; g++) {
        row[2 * g] = row[2 * g + 1] = 0;
        for (int c = g * own; c < (g + 1) * own; c++) {
            row[2 * g] += sum[c];
            row[2 * g + 1] += square[c];
        }
    }
}

static bool group_sums(struct fk_queue *q, double *sum, const float *x, int B, int height,
                       int width, int C, int groups)
{
    size_t line = (size_t)width * C, pairs = 2 * (size_t)groups, room = pairs + 2 * (size_t)C;
    double *rows = cpu_scratch(q, SLOT_ROWS, (size_t)B * height * room * sizeof *rows);
    if (!rows)
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)B * height * line))
    for (int r = 0; r < B * height; r++)
        row_sums(rows + r * room, x + r * line, width, C, groups);
    for (int r = 0; r < B * height; r++)
        for (size_t i = 0; i < pairs; i++)
            sum[r / height * pairs + i] += rows[r * room + i];
    return true;
}

/* What a number of channel c goes through: (x - mean[c]) * slope[c] + bias[c]. */
static void coefficients_make(float *mean, float *slope, const double *sum, const float *weight,
                              const struct fk_group_norm *norm)
{
    int own = norm->channels / norm->groups;
    for (int c = 0; c < norm->channels; c++) {
        const double *pair = sum + 2 * (c / own);
        double m = pair[0] / norm->count, variance = fmax(pair[1] / norm->count - m * m, 0);
        mean[c] = (float)m;
        slope[c] = (float)(weight[c] / sqrt(variance + norm->epsilon));
    }
}

static void normalise(float *y, const float *x, const float *mean, const float *slope,
                      const float *bias, size_t pixels, int C, bool silu)
{
    for (size_t i = 0; i < pixels; i++)
        LANES_EACH(c, left, 0, C, {
            lanes v = (lanes_load_f32(x, i * C + c, left) - lanes_load_f32(mean, c, left)) *
                          lanes_load_f32(slope, c, left) +
                      lanes_load_f32(bias, c, left);
            if (silu)
                v *= lanes_sigmoid(v);
            lanes_store_f32(y, i * C + c, left, v);
        });
}

static bool group_norm(struct fk_queue *q, float *y, const float *x, const double *sum,
                       const float *weight, const float *bias, const struct fk_group_norm *norm)
{
    int C = norm->channels, B = norm->batch;
    size_t image = norm->pixels * C, pieces = (norm->pixels + PIECE - 1) / PIECE;
    float *mean = cpu_scratch(q, SLOT_COEFFICIENTS, 2 * (size_t)B * C * sizeof *mean);
    if (!mean)
        return false;
    float *slope = mean + (size_t)B * C;
    for (int b = 0; b < B; b++)
        coefficients_make(mean + (size_t)b * C, slope + (size_t)b * C,
                          sum + (size_t)b * 2 * norm->groups, weight, norm);
#pragma omp parallel for num_threads(cpu_threads(q, B *image))
    for (size_t k = 0; k < B * pieces; k++) {
        size_t b = k / pieces, first = k % pieces * PIECE, left = norm->pixels - first;
        size_t at = b * image + first * C;
        normalise(y + at, x + at, mean + b * C, slope + b * C, bias, left < PIECE ? left : PIECE,
                  C, norm->silu);
    }
    return true;
}

void LANES_VARIANT(cpu_fast_group_norm_install)(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)caps;
    ops->group_sums = group_sums;
    ops->group_norm = group_norm;
}
