/* SPDX-License-Identifier: Apache-2.0 */
#include "resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 8 bits of the value and 2 for sums beyond it leave so many for the weights. */
enum { PRECISION = 32 - 8 - 2 };

/* The weights of one axis: output i is the sum of weight[i * room + k] * input[first[i] + k]. */
struct weights {
    int *first, *count;
    int32_t *weight;
    int room;
};

static double box(double x)
{
    return x > -0.5 && x <= 0.5;
}

static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static void weights_finish(struct weights *w)
{
    free(w->first);
    free(w->count);
    free(w->weight);
}

/* The order of the operations and the roundings are Pillow's. */
static bool weights_init(struct weights *w, int in, int out, enum resample_filter filter)
{
    double scale = (double)in / out, filter_scale = scale < 1 ? 1 : scale;
    double support = (filter == RESAMPLE_BOX ? 0.5 : 2.0) * filter_scale;
    double (*value)(double) = filter == RESAMPLE_BOX ? box : bicubic;
    w->room = (int)ceil(support) * 2 + 1;
    w->first = malloc((size_t)out * sizeof *w->first);
    w->count = malloc((size_t)out * sizeof *w->count);
    w->weight = malloc((size_t)out * (size_t)w->room * sizeof *w->weight);
    double *exact = malloc((size_t)w->room * sizeof *exact);
    bool ok = w->first && w->count && w->weight && exact;
    for (int i = 0; ok && i < out; i++) {
        double center = (i + 0.5) * scale, sum = 0, inverse = 1.0 / filter_scale;
        int from = (int)(center - support + 0.5), to = (int)(center + support + 0.5);
        from = from < 0 ? 0 : from;
        to = to > in ? in : to;
        for (int k = 0; k < to - from; k++) {
            exact[k] = value((k + from - center + 0.5) * inverse);
            sum += exact[k];
        }
        for (int k = 0; k < to - from; k++) {
            double x = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << PRECISION);
            w->weight[(size_t)i * (size_t)w->room + (size_t)k] =
                (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
        }
        w->first[i] = from;
        w->count[i] = to - from;
    }
    free(exact);
    return ok;
}

static uint8_t rounded(int32_t sum)
{
    int32_t value = sum >> PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row of three interleaved colours. */
static void resample_row(uint8_t *out, const uint8_t *in, const struct weights *w, int width)
{
    for (int x = 0; x < width; x++, out += 3) {
        const int32_t *weight = w->weight + (size_t)x * (size_t)w->room;
        const uint8_t *from = in + 3 * (size_t)w->first[x];
        int32_t sum[3] = {1 << (PRECISION - 1), 1 << (PRECISION - 1), 1 << (PRECISION - 1)};
        for (int k = 0; k < w->count[x]; k++, from += 3)
            for (int c = 0; c < 3; c++)
                sum[c] += from[c] * weight[k];
        for (int c = 0; c < 3; c++)
            out[c] = rounded(sum[c]);
    }
}

/* One output row out of the rows of `in`, each of n values. */
static void resample_column(uint8_t *out, const uint8_t *in, const int32_t *weight, int count,
                            size_t n, int32_t *sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = 1 << (PRECISION - 1);
    for (int k = 0; k < count; k++)
        for (size_t i = 0; i < n; i++)
            sum[i] += in[(size_t)k * n + i] * weight[k];
    for (size_t i = 0; i < n; i++)
        out[i] = rounded(sum[i]);
}

static bool both_passes(struct image *out, const struct image *in, const struct weights *across,
                        const struct weights *down, uint8_t *middle, int32_t *sum)
{
    size_t n = 3 * (size_t)out->width;
    const uint8_t *rows = in->rgb;
    if (in->width != out->width) {
        for (int y = 0; y < in->height; y++)
            resample_row(middle + (size_t)y * n, in->rgb + 3 * (size_t)y * (size_t)in->width,
                         across, out->width);
        rows = middle;
    }
    if (in->height == out->height) {
        memcpy(out->rgb, rows, n * (size_t)out->height);
        return true;
    }
    for (int y = 0; y < out->height; y++)
        resample_column(out->rgb + (size_t)y * n, rows + (size_t)down->first[y] * n,
                        down->weight + (size_t)y * (size_t)down->room, down->count[y], n, sum);
    return true;
}

bool resample(struct image *out, const struct image *in, enum resample_filter filter,
              const char *path, struct fit_error *e)
{
    struct weights across = {0}, down = {0};
    size_t n = 3 * (size_t)out->width;
    uint8_t *middle = malloc(n * (size_t)in->height);
    int32_t *sum = malloc(n * sizeof *sum);
    out->rgb = malloc(n * (size_t)out->height);
    bool ok = middle && sum && out->rgb && weights_init(&across, in->width, out->width, filter) &&
              weights_init(&down, in->height, out->height, filter) &&
              both_passes(out, in, &across, &down, middle, sum);
    weights_finish(&across);
    weights_finish(&down);
    free(middle);
    free(sum);
    if (ok)
        return true;
    free(out->rgb);
    out->rgb = NULL;
    return fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory to resample %dx%d pixels", path, in->width,
                    in->height);
}
