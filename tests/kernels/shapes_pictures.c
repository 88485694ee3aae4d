/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of what works on latents and pictures. Rearrangements are equal: tolerance 0. */
#include "shapes.h"


static size_t pixels(const struct shape *s)
{
    return (size_t)s->batch * (size_t)s->height * (size_t)s->width;
}

static float *output(struct trial *t, size_t n)
{
    return check_f32(check_output(t->c, FK_F32, n));
}

/* ---- tokens and latents: sides that a token divides ---- */

static void try_patchify(struct trial *t)
{
    const struct shape *s = t->s;
    int p = s->side;
    size_t n = pixels(s) * (size_t)(s->channels * p * p);
    const float *latent = trial_floats(t, n);
    float *token = output(t, n);
    TRY(t, patchify, token, latent, s->batch, s->channels, p * s->height, p * s->width, p);
    trial_keep(t, "token", fk_f32(token), n, 0);
}

static void try_unpatchify(struct trial *t)
{
    const struct shape *s = t->s;
    int p = s->side;
    size_t n = pixels(s) * (size_t)(s->channels * p * p);
    const float *token = trial_floats(t, n);
    float *latent = output(t, n);
    TRY(t, unpatchify, latent, token, s->batch, s->channels, p * s->height, p * s->width, p);
    trial_keep(t, "latent", fk_f32(latent), n, 0);
}

/* ---- pictures ---- */

static void try_pixel_shuffle(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = pixels(s) * (size_t)(s->channels * s->side * s->side);
    const float *x = trial_floats(t, n);
    float *y = output(t, n);
    TRY(t, pixel_shuffle, y, x, s->batch, s->height, s->width, s->channels, s->side);
    trial_keep(t, "y", fk_f32(y), n, 0);
}

static void try_pixel_unshuffle(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = pixels(s) * (size_t)(s->channels * s->side * s->side);
    const float *x = trial_floats(t, n);
    float *y = output(t, n);
    TRY(t, pixel_unshuffle, y, x, s->batch, s->height, s->width, s->channels, s->side);
    trial_keep(t, "y", fk_f32(y), n, 0);
}

static void try_upsample_nearest(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = pixels(s) * (size_t)s->channels;
    const float *x = trial_floats(t, n);
    float *y = output(t, 4 * n);
    TRY(t, upsample_nearest, y, x, s->batch, s->height, s->width, s->channels);
    trial_keep(t, "y", fk_f32(y), 4 * n, 0);
}

static void try_planes_to_pixels(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = pixels(s) * (size_t)s->channels;
    const float *x = trial_floats(t, n);
    float *y = output(t, n);
    TRY(t, planes_to_pixels, y, x, s->batch, s->channels, s->height, s->width);
    trial_keep(t, "y", fk_f32(y), n, 0);
}

static void try_pixels_to_planes(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = pixels(s) * (size_t)s->channels;
    const float *x = trial_floats(t, n);
    float *y = output(t, n);
    TRY(t, pixels_to_planes, y, x, s->batch, s->channels, s->height, s->width);
    trial_keep(t, "y", fk_f32(y), n, 0);
}

static void try_relu(struct trial *t)
{
    const float *x = trial_floats(t, t->s->n);
    float *y = output(t, t->s->n);
    TRY(t, relu, y, x, t->s->n);
    trial_keep(t, "y", fk_f32(y), t->s->n, 0);
}

static void try_soft_clamp(struct trial *t)
{
    const float *x = trial_floats(t, t->s->n);
    float *y = output(t, t->s->n);
    TRY(t, soft_clamp, y, x, 0.75f, t->s->n);
    trial_keep_floats(t, "y", y, t->s->n);
}

/* ---- normalisation in groups, and convolution ---- */

static int group_width(const struct shape *s)
{
    return s->groups * s->group_channels;
}

static double *sums_of(struct trial *t, const float *x)
{
    const struct shape *s = t->s;
    size_t bytes = (size_t)(s->batch * s->groups * 2) * sizeof(double);
    double *sum = check_bytes(t->c, NULL, bytes);
    check_run(t->c, t->c->device->zero(t->c->q, sum, bytes));
    TRY(t, group_sums, sum, x, s->batch, s->height, s->width, group_width(s), s->groups);
    return sum;
}

static void try_group_sums(struct trial *t)
{
    const struct shape *s = t->s;
    const float *x = trial_floats(t, pixels(s) * (size_t)group_width(s));
    trial_keep_doubles(t, "sums", sums_of(t, x), (size_t)(s->batch * s->groups * 2));
}

static void try_group_norm(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = pixels(s) * (size_t)group_width(s), area = (size_t)(s->height * s->width);
    struct fk_group_norm norm = {.batch = s->batch, .channels = group_width(s),
                                 .groups = s->groups, .pixels = area,
                                 .count = (double)area * s->group_channels, .epsilon = 1e-6f,
                                 .silu = trial_drawn(t, 0, 1)};
    const float *x = trial_floats(t, n), *weight = trial_floats(t, (size_t)group_width(s));
    const float *bias = trial_floats(t, (size_t)group_width(s));
    float *y = output(t, n);
    const double *sum = sums_of(t, x);
    TRY(t, group_norm, y, x, sum, weight, bias, &norm);
    trial_keep_floats(t, "y", y, n);
}

static void try_conv2d(struct trial *t)
{
    const struct fk_conv *v = &t->s->conv;
    enum fk_dtype type = t->s->type;
    size_t n = (size_t)(v->batch * v->out_height * v->out_width * v->out_channels);
    const float *x = trial_floats(t, (size_t)(v->batch * v->height * v->width * v->in_channels));
    struct fk_ptr w = trial_input(t, type, (size_t)(v->out_channels * v->in_channels * v->kernel *
                                                    v->kernel));
    struct fk_ptr bias = trial_input(t, type, (size_t)v->out_channels), none = {0};
    float *y = output(t, n), *more = trial_floats(t, n);
    TRY(t, conv2d, y, x, w, bias, v, 0);
    TRY(t, conv2d, more, x, w, none, v, 1);
    trial_keep_floats(t, "y", y, n); /* x is never rounded */
    trial_keep_floats(t, "y of beta = 1", more, n);
}

/* ---- colours: a sum rounded elsewhere may fall on the other side of a whole number ---- */

static void try_rgb_to_rgba8(struct trial *t)
{
    size_t n = t->s->n;
    uint8_t *rgba = check_bytes(t->c, NULL, 4 * n);
    TRY(t, rgb_to_rgba8, rgba, trial_floats(t, 3 * n), n);
    trial_keep_bytes(t, "rgba", rgba, 4 * n, 1);
}

static void try_latent_to_rgba8(struct trial *t)
{
    const struct shape *s = t->s;
    int kernel = 1 + 2 * trial_drawn(t, 0, 2);
    size_t area = (size_t)(s->height * s->width);
    const float *latent = trial_floats(t, area * (size_t)s->channels);
    const float *matrix = trial_floats(t, (size_t)(s->channels * kernel * kernel * 3));
    const float *bias = trial_floats(t, 3);
    uint8_t *rgba = check_bytes(t->c, NULL, 4 * area);
    TRY(t, latent_to_rgba8, rgba, latent, matrix, bias, s->channels, kernel, s->height, s->width);
    trial_keep_bytes(t, "rgba", rgba, 4 * area, 1);
}

/* ---- noise: the same bits everywhere ---- */

static void try_randn(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = (size_t)(s->channels * s->height * s->width);
    uint64_t seed = (uint64_t)trial_drawn(t, 0, 1 << 30) << 20;
    int row = trial_drawn(t, -99, 99), column = trial_drawn(t, -99, 99);
    float *y = output(t, n);
    TRY(t, randn, y, seed, (uint32_t)s->groups, s->channels, row, column, s->height, s->width);
    trial_keep(t, "y", fk_f32(y), n, 0);
}

trial_fn *const picture_trials[FK_N_OPS] = {
    [FK_OP_patchify] = try_patchify,
    [FK_OP_unpatchify] = try_unpatchify,
    [FK_OP_pixel_shuffle] = try_pixel_shuffle,
    [FK_OP_pixel_unshuffle] = try_pixel_unshuffle,
    [FK_OP_upsample_nearest] = try_upsample_nearest,
    [FK_OP_planes_to_pixels] = try_planes_to_pixels,
    [FK_OP_pixels_to_planes] = try_pixels_to_planes,
    [FK_OP_relu] = try_relu,
    [FK_OP_soft_clamp] = try_soft_clamp,
    [FK_OP_group_sums] = try_group_sums,
    [FK_OP_group_norm] = try_group_norm,
    [FK_OP_conv2d] = try_conv2d,
    [FK_OP_rgb_to_rgba8] = try_rgb_to_rgba8,
    [FK_OP_latent_to_rgba8] = try_latent_to_rgba8,
    [FK_OP_randn] = try_randn,
};
