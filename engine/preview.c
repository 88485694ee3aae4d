/* SPDX-License-Identifier: Apache-2.0 */
#include "preview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/fit-scenes.h"

enum {
    CHANNELS = FIT_AUTOENCODER_CHANNELS,
    TERMS = CHANNELS * PREVIEW_TAPS,
    UNKNOWNS = TERMS + 1, /* and the bias */
    SIDE = 96,
    CELLS = SIDE / FIT_AUTOENCODER_STRIDE,
    PER_CLASS = 4
};

struct normal_equations {
    double left[UNKNOWNS][UNKNOWNS], right[UNKNOWNS][3];
};

static int inside(int i)
{
    return i < 0 ? 0 : i >= CELLS ? CELLS - 1 : i;
}

static void add_cell(struct normal_equations *sum, const float *latent, const float *rgb, int row,
                     int column)
{
    double x[UNKNOWNS], colour[3] = {0};
    const int stride = FIT_AUTOENCODER_STRIDE;
    for (int i = 0; i < TERMS; i++) {
        int y = inside(row + i % PREVIEW_TAPS / PREVIEW_KERNEL - PREVIEW_KERNEL / 2);
        int at = inside(column + i % PREVIEW_KERNEL - PREVIEW_KERNEL / 2);
        x[i] = latent[(i / PREVIEW_TAPS * CELLS + y) * CELLS + at];
    }
    x[TERMS] = 1;
    for (int k = 0; k < stride * stride * 3; k++) {
        int y = row * stride + k / (stride * 3), at = column * stride * 3 + k % (stride * 3);
        colour[k % 3] += rgb[y * SIDE * 3 + at] / (double)(stride * stride);
    }
    for (int i = 0; i < UNKNOWNS; i++) {
        for (int j = 0; j < UNKNOWNS; j++)
            sum->left[i][j] += x[i] * x[j];
        for (int j = 0; j < 3; j++)
            sum->right[i][j] += x[i] * colour[j];
    }
}

/* Cholesky's method in place; a little of the diagonal keeps a degenerate latent solvable. */
static void solve(struct normal_equations *s)
{
    double trace = 0;
    for (int i = 0; i < UNKNOWNS; i++)
        trace += s->left[i][i];
    for (int i = 0; i < UNKNOWNS; i++) {
        s->left[i][i] += 1e-9 * trace + 1e-30;
        for (int j = 0; j <= i; j++) {
            double v = s->left[i][j];
            for (int k = 0; k < j; k++)
                v -= s->left[i][k] * s->left[j][k];
            s->left[i][j] = i == j ? sqrt(v) : v / s->left[j][j];
        }
    }
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < UNKNOWNS; i++) {
            for (int k = 0; k < i; k++)
                s->right[i][c] -= s->left[i][k] * s->right[k][c];
            s->right[i][c] /= s->left[i][i];
        }
        for (int i = UNKNOWNS - 1; i >= 0; i--) {
            for (int k = i + 1; k < UNKNOWNS; k++)
                s->right[i][c] -= s->left[k][i] * s->right[k][c];
            s->right[i][c] /= s->left[i][i];
        }
    }
}

struct staging {
    uint8_t *bytes;
    float *rgb, *latent, *device_rgb, *device_latent;
};

static bool add_scene(struct normal_equations *sum, struct fit_autoencoder *autoencoder,
                      struct fit_compute *c, struct staging *s, int class_id, uint64_t seed)
{
    const size_t pixels = (size_t)SIDE * SIDE * 3, values = (size_t)CHANNELS * CELLS * CELLS;
    struct fk_device *d = c->device;
    if (!fit_scene_render(class_id, seed, SIDE, SIDE, s->bytes))
        return fit_fail(c->error, FIT_ERROR_MEMORY, "a scene could not be rendered");
    for (size_t i = 0; i < pixels; i++)
        s->rgb[i] = (float)s->bytes[i] / 127.5f - 1.0f;
    if (!fit_compute_check(c, d->upload(c->queue, s->device_rgb, s->rgb,
                                        pixels * sizeof(float))) ||
        !fit_autoencoder_encode(autoencoder, c, s->device_latent, s->device_rgb, 1, SIDE, SIDE) ||
        !fit_compute_check(c, d->download(c->queue, s->latent, s->device_latent,
                                          values * sizeof(float))) ||
        !fit_compute_check(c, d->queue_sync(c->queue)))
        return false;
    for (int i = 0; i < CELLS * CELLS; i++)
        add_cell(sum, s->latent, s->rgb, i / CELLS, i % CELLS);
    return true;
}

bool preview_measure(struct preview *preview, struct fit_autoencoder *autoencoder,
                     struct fit_compute *c)
{
    const size_t pixels = (size_t)SIDE * SIDE * 3, values = (size_t)CHANNELS * CELLS * CELLS;
    struct fk_device *d = c->device;
    struct normal_equations sum = {0};
    struct staging s = {
        malloc(pixels), malloc(pixels * sizeof(float)), malloc(values * sizeof(float)),
        d->alloc(d, pixels * sizeof(float)), d->alloc(d, values * sizeof(float))};
    bool ok = s.bytes && s.rgb && s.latent && s.device_rgb && s.device_latent;
    if (!ok)
        fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for the preview's pictures");
    for (int i = 0; ok && i < FIT_SCENE_CLASSES * PER_CLASS; i++)
        ok = add_scene(&sum, autoencoder, c, &s, i % FIT_SCENE_CLASSES, (uint64_t)i);
    free(s.bytes);
    free(s.rgb);
    free(s.latent);
    d->free(d, s.device_rgb);
    d->free(d, s.device_latent);
    if (!ok)
        return false;
    solve(&sum);
    for (int i = 0; i < UNKNOWNS; i++)
        for (int j = 0; j < 3; j++)
            *(i < TERMS ? &preview->matrix[i][j] : &preview->bias[j]) = (float)sum.right[i][j];
    return true;
}
