/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <string.h>

enum { N_IMAGES = 3 };
static const int lengths[N_IMAGES] = {7, 1, 150}; /* the last is summed in parts */
static const float epsilon = 1e-6f;

/* h = 1e-2 and this tolerance: see check_gradient. */
static const double step = 1e-2, slope_tolerance = 2e-3;

static int image_of(int n)
{
    int b = 0;
    for (int end = lengths[0]; n >= end; end += lengths[b])
        b++;
    return b;
}

static void normalise(double *row, int n, double eps)
{
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++)
        mean += row[i] / n;
    for (int i = 0; i < n; i++)
        variance += (row[i] - mean) * (row[i] - mean) / n;
    for (int i = 0; i < n; i++)
        row[i] = (row[i] - mean) / sqrt(variance + eps);
}

/* One set of inputs of norm_modulate or gate_residual. */
struct rows {
    struct fk_pack pack;
    int C, stride;
    struct fk_ptr x, shift, scale; /* shift and scale: [B][stride] */
};

static struct rows rows_make(struct check *c, int C)
{
    struct rows r = {.pack = check_pack(c, lengths, N_IMAGES), .C = C, .stride = 6 * C};
    r.x = check_input(c, FK_F32, (size_t)r.pack.n_tokens * C, 1);
    r.shift = check_input(c, FK_F32, (size_t)N_IMAGES * r.stride, 2);
    r.scale = check_input(c, FK_F32, (size_t)N_IMAGES * r.stride, 3);
    return r;
}

static void modulate_case(struct check *c, int C, enum fk_dtype type)
{
    struct rows r = rows_make(c, C);
    size_t n = (size_t)r.pack.n_tokens * C;
    struct fk_ptr y = check_output(c, type, n);
    check_run(c, c->ops->norm_modulate(c->q, y, check_f32(r.x), check_f32(r.shift),
                                       check_f32(r.scale), r.stride, &r.pack, C, epsilon));
    double *want = check_values(c, r.x, n);
    const double *shift = check_values(c, r.shift, (size_t)N_IMAGES * r.stride);
    const double *scale = check_values(c, r.scale, (size_t)N_IMAGES * r.stride);
    for (int t = 0; t < r.pack.n_tokens; t++) {
        normalise(want + (size_t)t * C, C, epsilon);
        for (int i = 0; i < C; i++) {
            size_t at = (size_t)image_of(t) * r.stride + i;
            want[(size_t)t * C + i] = want[(size_t)t * C + i] * (1 + scale[at]) + shift[at];
        }
    }
    check_near(c, "norm_modulate", y, want, n, check_tolerance(type, FK_F32));
}

static void modulate_body(struct check *c)
{
    const int widths[] = {2, 37, 64, 256};
    for (size_t i = 0; i < 4; i++) {
        modulate_case(c, widths[i], FK_F32);
        modulate_case(c, widths[i], FK_BF16);
    }
}

/* A constant row has variance 0: epsilon must keep the result finite, and it is then shift. */
static void constant_row_body(struct check *c)
{
    enum { C = 64 };
    const int one = 1;
    double values[C];
    for (int i = 0; i < C; i++)
        values[i] = 3;
    struct fk_pack pack = check_pack(c, &one, 1);
    struct fk_ptr x = check_given(c, FK_F32, values, C), y = check_output(c, FK_F32, C);
    struct fk_ptr shift = check_input(c, FK_F32, C, 2), scale = check_input(c, FK_F32, C, 3);
    check_run(c, c->ops->norm_modulate(c->q, y, check_f32(x), check_f32(shift), check_f32(scale),
                                       C, &pack, C, epsilon));
    check_near(c, "shift", y, check_values(c, shift, C), C, FK_TOLERANCE_F32);
}

/* The three gradients by the plain formula, on top of what the outputs held before. */
static void modulate_bwd_case(struct check *c, int C, enum fk_dtype type)
{
    struct rows r = rows_make(c, C);
    size_t n = (size_t)r.pack.n_tokens * C, m = (size_t)N_IMAGES * r.stride;
    struct fk_ptr dy = check_input(c, type, n, 4), dx = check_input(c, FK_F32, n, 5);
    struct fk_ptr dshift = check_input(c, FK_F32, m, 6), dscale = check_input(c, FK_F32, m, 7);
    double *want_dx = check_values(c, dx, n), *want_dshift = check_values(c, dshift, m);
    double *want_dscale = check_values(c, dscale, m), *normal = check_values(c, r.x, n);
    const double *g = check_values(c, dy, n), *scale = check_values(c, r.scale, m);
    const double *x = check_values(c, r.x, n);
    for (int t = 0; t < r.pack.n_tokens; t++) {
        size_t first = (size_t)t * C, image = (size_t)image_of(t) * r.stride;
        normalise(normal + first, C, epsilon);
        double sum = 0, dot = 0, mean = 0, variance = 0;
        for (int i = 0; i < C; i++) {
            want_dshift[image + i] += g[first + i];
            want_dscale[image + i] += g[first + i] * normal[first + i];
            sum += g[first + i] * (1 + scale[image + i]);
            dot += g[first + i] * (1 + scale[image + i]) * normal[first + i];
            mean += x[first + i] / C;
        }
        for (int i = 0; i < C; i++)
            variance += (x[first + i] - mean) * (x[first + i] - mean) / C;
        for (int i = 0; i < C; i++)
            want_dx[first + i] += (g[first + i] * (1 + scale[image + i]) - sum / C -
                                   normal[first + i] * dot / C) /
                                  sqrt(variance + epsilon);
    }
    check_run(c, c->ops->norm_modulate_bwd(c->q, check_f32(dx), check_f32(dshift),
                                           check_f32(dscale), dy, check_f32(r.x),
                                           check_f32(r.scale), r.stride, &r.pack, C, epsilon));
    check_near(c, "dx", dx, want_dx, n, FK_TOLERANCE_F32);
    check_near(c, "dshift", dshift, want_dshift, m, FK_TOLERANCE_F32);
    check_near(c, "dscale", dscale, want_dscale, m, FK_TOLERANCE_F32);
}

static void modulate_bwd_body(struct check *c)
{
    const int widths[] = {5, 64, 256};
    for (size_t i = 0; i < 3; i++) {
        modulate_bwd_case(c, widths[i], FK_F32);
        modulate_bwd_case(c, widths[i], FK_BF16);
    }
}

static double modulate_loss(struct check *c, void *data)
{
    struct rows *r = data;
    size_t n = (size_t)r->pack.n_tokens * r->C;
    struct fk_ptr y = check_output(c, FK_F32, n);
    check_run(c, c->ops->norm_modulate(c->q, y, check_f32(r->x), check_f32(r->shift),
                                       check_f32(r->scale), r->stride, &r->pack, r->C, epsilon));
    return check_project(c, y, n, 9);
}

static void modulate_slope_body(struct check *c)
{
    struct rows r = rows_make(c, 24);
    size_t n = (size_t)r.pack.n_tokens * r.C, m = (size_t)N_IMAGES * r.stride;
    struct fk_ptr dy = check_project_gradient(c, FK_F32, n, 9), dx = check_zeros(c, FK_F32, n);
    struct fk_ptr dshift = check_zeros(c, FK_F32, m), dscale = check_zeros(c, FK_F32, m);
    check_run(c, c->ops->norm_modulate_bwd(c->q, check_f32(dx), check_f32(dshift),
                                           check_f32(dscale), dy, check_f32(r.x),
                                           check_f32(r.scale), r.stride, &r.pack, r.C, epsilon));
    check_gradient(c, "x", dx, r.x, n, modulate_loss, &r, step, slope_tolerance);
    check_gradient(c, "shift", dshift, r.shift, m, modulate_loss, &r, step, slope_tolerance);
    check_gradient(c, "scale", dscale, r.scale, m, modulate_loss, &r, step, slope_tolerance);
}

static void gate_case(struct check *c, int C, enum fk_dtype type)
{
    struct rows r = rows_make(c, C);
    size_t n = (size_t)r.pack.n_tokens * C, m = (size_t)N_IMAGES * r.stride;
    struct fk_ptr y = check_input(c, type, n, 4), dy = check_output(c, type, n);
    struct fk_ptr dx = check_input(c, FK_F32, n, 5), dgate = check_input(c, FK_F32, m, 6);
    double *want_x = check_values(c, r.x, n), *want_dgate = check_values(c, dgate, m);
    double *want_dy = check_values(c, dx, n);
    const double *Y = check_values(c, y, n), *gate = check_values(c, r.scale, m);
    for (int t = 0; t < r.pack.n_tokens; t++)
        for (int i = 0; i < C; i++) {
            size_t at = (size_t)t * C + i, column = (size_t)image_of(t) * r.stride + i;
            want_x[at] += gate[column] * Y[at];
            want_dgate[column] += want_dy[at] * Y[at];
            want_dy[at] *= gate[column];
        }
    check_run(c, c->ops->gate_residual(c->q, check_f32(r.x), y, check_f32(r.scale), r.stride,
                                       &r.pack, C));
    check_run(c, c->ops->gate_residual_bwd(c->q, dy, check_f32(dgate), check_f32(dx), y,
                                           check_f32(r.scale), r.stride, &r.pack, C));
    check_near(c, "x", r.x, want_x, n, FK_TOLERANCE_F32);
    check_near(c, "dgate", dgate, want_dgate, m, FK_TOLERANCE_F32);
    check_near(c, "dy", dy, want_dy, n, check_tolerance(type, FK_F32));
}

static void gate_body(struct check *c)
{
    const int widths[] = {3, 64, 250};
    for (size_t i = 0; i < 3; i++) {
        gate_case(c, widths[i], FK_F32);
        gate_case(c, widths[i], FK_BF16);
    }
}

struct gated {
    struct rows r;
    struct fk_ptr y;
};

static double gate_loss(struct check *c, void *data)
{
    struct gated *g = data;
    size_t n = (size_t)g->r.pack.n_tokens * g->r.C;
    struct fk_ptr x = check_copy(c, g->r.x, n);
    check_run(c, c->ops->gate_residual(c->q, check_f32(x), g->y, check_f32(g->r.scale),
                                       g->r.stride, &g->r.pack, g->r.C));
    return check_project(c, x, n, 9);
}

static void gate_slope_body(struct check *c)
{
    struct gated g = {.r = rows_make(c, 24)};
    size_t n = (size_t)g.r.pack.n_tokens * g.r.C, m = (size_t)N_IMAGES * g.r.stride;
    g.y = check_input(c, FK_F32, n, 4);
    struct fk_ptr dx = check_project_gradient(c, FK_F32, n, 9), dy = check_output(c, FK_F32, n);
    struct fk_ptr dgate = check_zeros(c, FK_F32, m);
    check_run(c, c->ops->gate_residual_bwd(c->q, dy, check_f32(dgate), check_f32(dx), g.y,
                                           check_f32(g.r.scale), g.r.stride, &g.r.pack, g.r.C));
    check_gradient(c, "y", dy, g.y, n, gate_loss, &g, step, slope_tolerance);
    check_gradient(c, "gate", dgate, g.r.scale, m, gate_loss, &g, step, slope_tolerance);
}

/* One set of inputs of qk_norm_rope. */
struct heads {
    int N, H, D;
    float epsilon;
    struct fk_ptr qkv, cosine, sine;
};

static struct heads heads_make(struct check *c, int N, int H, int D, float eps,
                               enum fk_dtype type)
{
    size_t pairs = (size_t)N * (D / 2);
    double *cosine = check_room(c, pairs), *sine = check_room(c, pairs);
    for (size_t i = 0; i < pairs; i++) {
        cosine[i] = 1.1 * cos(40 * check_uniform(12, i)); /* 1.1: tables carry a scale */
        sine[i] = 1.1 * sin(40 * check_uniform(12, i));
    }
    return (struct heads){N,
                          H,
                          D,
                          eps,
                          check_input(c, type, (size_t)N * 3 * H * D, 11),
                          check_given(c, FK_F32, cosine, pairs),
                          check_given(c, FK_F32, sine, pairs)};
}

static bool heads_run(struct check *c, const struct heads *h, struct fk_ptr out)
{
    return c->ops->qk_norm_rope(c->q, out, h->qkv, check_f32(h->cosine), check_f32(h->sine), h->N,
                                h->H, h->D, h->epsilon);
}

static void rope_expected(struct check *c, const struct heads *h, double *want)
{
    const double *cosine = check_values(c, h->cosine, (size_t)h->N * (h->D / 2));
    const double *sine = check_values(c, h->sine, (size_t)h->N * (h->D / 2));
    for (int n = 0; n < h->N; n++)
        for (int head = 0; head < 2 * h->H; head++) {
            double *row = want + ((size_t)n * 3 * h->H + head) * h->D;
            if (h->epsilon >= 0)
                normalise(row, h->D, h->epsilon);
            for (int j = 0; j < h->D / 2; j++) {
                size_t at = (size_t)n * (h->D / 2) + j;
                double a = row[2 * j], b = row[2 * j + 1];
                row[2 * j] = a * cosine[at] - b * sine[at];
                row[2 * j + 1] = b * cosine[at] + a * sine[at];
            }
        }
}

static void rope_case(struct check *c, int N, int H, int D, float eps, enum fk_dtype in,
                      enum fk_dtype out)
{
    struct heads h = heads_make(c, N, H, D, eps, in);
    size_t n = (size_t)N * 3 * H * D;
    struct fk_ptr y = check_output(c, out, n);
    check_run(c, heads_run(c, &h, y));
    double *want = check_values(c, h.qkv, n);
    rope_expected(c, &h, want);
    check_near(c, "qk_norm_rope", y, want, n, check_tolerance(in, out));
    if (in != out)
        return;
    check_run(c, heads_run(c, &h, h.qkv));
    check_same(c, "in place", h.qkv, y, n);
}

static void rope_body(struct check *c)
{
    rope_case(c, 5, 2, 6, epsilon, FK_F32, FK_F32);
    rope_case(c, 9, 3, 64, epsilon, FK_F32, FK_BF16);
    rope_case(c, 9, 2, 72, epsilon, FK_BF16, FK_BF16);
    rope_case(c, 4, 1, 256, epsilon, FK_BF16, FK_F32);
    rope_case(c, 7, 2, 72, -1, FK_F32, FK_F32);
    rope_case(c, 7, 2, 64, -1, FK_BF16, FK_BF16);
}

static double rope_loss(struct check *c, void *data)
{
    const struct heads *h = data;
    size_t n = (size_t)h->N * 3 * h->H * h->D;
    struct fk_ptr y = check_output(c, FK_F32, n);
    check_run(c, heads_run(c, h, y));
    return check_project(c, y, n, 9);
}

static void rope_slope_case(struct check *c, int D, float eps)
{
    struct heads h = heads_make(c, 5, 2, D, eps, FK_F32);
    size_t n = (size_t)h.N * 3 * h.H * D;
    struct fk_ptr d = check_project_gradient(c, FK_F32, n, 9), dqkv = check_output(c, FK_F32, n);
    check_run(c, c->ops->qk_norm_rope_bwd(c->q, dqkv, d, h.qkv, check_f32(h.cosine),
                                          check_f32(h.sine), h.N, h.H, D, eps));
    check_gradient(c, "qkv", dqkv, h.qkv, n, rope_loss, &h, step, slope_tolerance);
    check_run(c, c->ops->qk_norm_rope_bwd(c->q, d, d, h.qkv, check_f32(h.cosine),
                                          check_f32(h.sine), h.N, h.H, D, eps));
    check_same(c, "in place", d, dqkv, n);
}

static void rope_slope_body(struct check *c)
{
    rope_slope_case(c, 18, epsilon);
    rope_slope_case(c, 64, epsilon);
    rope_slope_case(c, 72, -1);
}

/* bf16 rounds only what goes in and out: the f32 result of the same rounded numbers is near. */
static void rope_bwd_bf16_body(struct check *c)
{
    struct heads h = heads_make(c, 9, 2, 64, epsilon, FK_BF16);
    size_t n = (size_t)h.N * 3 * h.H * h.D;
    struct fk_ptr d = check_input(c, FK_BF16, n, 13), dqkv = check_output(c, FK_BF16, n);
    struct fk_ptr wide_qkv = check_given(c, FK_F32, check_values(c, h.qkv, n), n);
    struct fk_ptr wide_d = check_given(c, FK_F32, check_values(c, d, n), n);
    struct fk_ptr want = check_output(c, FK_F32, n);
    check_run(c, c->ops->qk_norm_rope_bwd(c->q, dqkv, d, h.qkv, check_f32(h.cosine),
                                          check_f32(h.sine), h.N, h.H, h.D, epsilon));
    check_run(c, c->ops->qk_norm_rope_bwd(c->q, want, wide_d, wide_qkv, check_f32(h.cosine),
                                          check_f32(h.sine), h.N, h.H, h.D, epsilon));
    check_near(c, "dqkv", dqkv, check_values(c, want, n), n, FK_TOLERANCE_BF16);
}

static void refusal_body(struct check *c)
{
    struct heads h = heads_make(c, 1, 1, 258, epsilon, FK_F32);
    struct fk_ptr y = check_output(c, FK_F32, 3 * 258);
    assert_false(heads_run(c, &h, y));
    assert_non_null(strstr(c->device->queue_error(c->q), "258"));
}

/* An image's rows do not depend on what else is in the pack. */
static void pack_body(struct check *c)
{
    enum { C = 72 };
    struct rows r = rows_make(c, C);
    size_t n = (size_t)r.pack.n_tokens * C, m = (size_t)N_IMAGES * r.stride;
    struct fk_ptr y = check_output(c, FK_F32, n), dy = check_input(c, FK_F32, n, 4);
    struct fk_ptr dx = check_zeros(c, FK_F32, n), alone = check_output(c, FK_F32, n);
    struct fk_ptr dshift = check_zeros(c, FK_F32, m), dscale = check_zeros(c, FK_F32, m);
    struct fk_ptr dx1 = check_zeros(c, FK_F32, n);
    struct fk_ptr dshift1 = check_zeros(c, FK_F32, m), dscale1 = check_zeros(c, FK_F32, m);
    check_run(c, c->ops->norm_modulate(c->q, y, check_f32(r.x), check_f32(r.shift),
                                       check_f32(r.scale), r.stride, &r.pack, C, epsilon));
    check_run(c, c->ops->norm_modulate_bwd(c->q, check_f32(dx), check_f32(dshift),
                                           check_f32(dscale), dy, check_f32(r.x),
                                           check_f32(r.scale), r.stride, &r.pack, C, epsilon));
    for (int b = 0, first = 0; b < N_IMAGES; first += lengths[b++]) {
        struct fk_pack one = check_pack(c, &lengths[b], 1);
        size_t at = (size_t)first * C, image = (size_t)b * r.stride;
        check_run(c, c->ops->norm_modulate(c->q, fk_f32(check_f32(alone) + at),
                                           check_f32(r.x) + at, check_f32(r.shift) + image,
                                           check_f32(r.scale) + image, r.stride, &one, C,
                                           epsilon));
        check_run(c, c->ops->norm_modulate_bwd(
                         c->q, check_f32(dx1) + at, check_f32(dshift1) + image,
                         check_f32(dscale1) + image, fk_f32(check_f32(dy) + at),
                         check_f32(r.x) + at, check_f32(r.scale) + image, r.stride, &one, C,
                         epsilon));
    }
    check_same(c, "norm_modulate", alone, y, n);
    check_same(c, "dx", dx1, dx, n);
    check_same(c, "dshift", dshift1, dshift, m);
    check_same(c, "dscale", dscale1, dscale, m);
}

/* Large enough for a team of threads; reductions over tokens are the interesting part. */
static void *threads_body(struct check *c, size_t *bytes)
{
    enum { C = 256, IMAGES = 3, STRIDE = C };
    const int long_images[IMAGES] = {150, 33, 260};
    struct fk_pack pack = check_pack(c, long_images, IMAGES);
    size_t n = (size_t)pack.n_tokens * C, m = IMAGES * STRIDE;
    struct fk_ptr x = check_input(c, FK_F32, n, 1), dy = check_input(c, FK_F32, n, 2);
    struct fk_ptr scale = check_input(c, FK_F32, m, 3), all = check_zeros(c, FK_F32, 2 * n + 3 * m);
    float *out = check_f32(all);
    check_run(c, c->ops->norm_modulate_bwd(c->q, out, out + 2 * n, out + 2 * n + m, dy,
                                           check_f32(x), check_f32(scale), STRIDE, &pack, C,
                                           epsilon));
    check_run(c, c->ops->gate_residual_bwd(c->q, fk_f32(out + n), out + 2 * n + 2 * m,
                                           check_f32(dy), x, check_f32(scale), STRIDE, &pack, C));
    *bytes = (2 * n + 3 * m) * sizeof(float);
    return check_download(c, out, *bytes);
}

CHECK_EACH_DEVICE(modulate)
CHECK_EACH_DEVICE(constant_row)
CHECK_EACH_DEVICE(modulate_bwd)
CHECK_EACH_DEVICE(modulate_slope)
CHECK_EACH_DEVICE(gate)
CHECK_EACH_DEVICE(gate_slope)
CHECK_EACH_DEVICE(rope)
CHECK_EACH_DEVICE(rope_slope)
CHECK_EACH_DEVICE(rope_bwd_bf16)
CHECK_EACH_DEVICE(refusal)
CHECK_EACH_DEVICE(pack)

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modulate),       cmocka_unit_test(test_constant_row),
        cmocka_unit_test(test_modulate_bwd),   cmocka_unit_test(test_modulate_slope),
        cmocka_unit_test(test_gate),           cmocka_unit_test(test_gate_slope),
        cmocka_unit_test(test_rope),           cmocka_unit_test(test_rope_slope),
        cmocka_unit_test(test_rope_bwd_bf16),  cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_pack),           cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
