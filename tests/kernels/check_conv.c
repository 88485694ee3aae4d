/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

/* The geometries of the decoder and the autoencoder, and the awkward ones: one pixel, one
 * channel, strides with rows left over, padding on one side only, widths that are no multiple
 * of a vector. */
static const struct fk_conv cases[] = {
    {1, 1, 1, 1, 1, 1, 1, 0, 1, 1},     {2, 5, 7, 3, 4, 3, 1, 1, 5, 7},
    {1, 9, 6, 4, 33, 3, 1, 1, 9, 6},    {1, 8, 12, 16, 3, 3, 1, 1, 8, 12},
    {2, 9, 7, 5, 6, 3, 2, 1, 5, 4},     {1, 8, 8, 8, 16, 3, 2, 0, 4, 4},
    {1, 8, 8, 8, 16, 2, 2, 0, 4, 4},    {1, 7, 7, 6, 8, 3, 2, 0, 3, 3},
    {3, 4, 4, 17, 19, 1, 1, 0, 4, 4},   {1, 6, 6, 2, 2, 5, 1, 2, 6, 6},
    {1, 16, 16, 64, 64, 3, 1, 1, 16, 16},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static size_t in_size(const struct fk_conv *v)
{
    return (size_t)v->batch * v->height * v->width * v->in_channels;
}

static size_t out_size(const struct fk_conv *v)
{
    return (size_t)v->batch * v->out_height * v->out_width * v->out_channels;
}

static size_t weight_size(const struct fk_conv *v)
{
    return (size_t)v->out_channels * v->in_channels * v->kernel * v->kernel;
}

/* The definition, one output number at a time: pixel (row, column) of image b, channel o. */
static double convolved(const double *x, const double *w, const struct fk_conv *v, int b, int row,
                        int column, int o)
{
    double sum = 0;
    for (int c = 0; c < v->in_channels; c++)
        for (int ky = 0; ky < v->kernel; ky++)
            for (int kx = 0; kx < v->kernel; kx++) {
                int iy = row * v->stride + ky - v->pad_begin;
                int ix = column * v->stride + kx - v->pad_begin;
                if (iy < 0 || ix < 0 || iy >= v->height || ix >= v->width)
                    continue;
                sum += x[((b * v->height + iy) * v->width + ix) * v->in_channels + c] *
                       w[((o * v->in_channels + c) * v->kernel + ky) * v->kernel + kx];
            }
    return sum;
}

static double *wanted(struct check *c, struct fk_ptr x, struct fk_ptr w, struct fk_ptr bias,
                      const double *old, const struct fk_conv *v)
{
    const double *X = check_values(c, x, in_size(v)), *W = check_values(c, w, weight_size(v));
    const double *add = bias.p ? check_values(c, bias, v->out_channels) : NULL;
    double *want = check_room(c, out_size(v)), *next = want;
    for (int b = 0; b < v->batch; b++)
        for (int row = 0; row < v->out_height; row++)
            for (int column = 0; column < v->out_width; column++)
                for (int o = 0; o < v->out_channels; o++, next++)
                    *next = convolved(X, W, v, b, row, column, o) + (add ? add[o] : 0) +
                            (old ? old[next - want] : 0);
    return want;
}

static void conv_case(struct check *c, const struct fk_conv *v, enum fk_dtype weights, int bias,
                      float beta)
{
    struct fk_ptr x = check_input(c, FK_F32, in_size(v), 1);
    struct fk_ptr w = check_input(c, weights, weight_size(v), 2), add = {0};
    if (bias)
        add = check_input(c, weights, v->out_channels, 3);
    struct fk_ptr y = beta != 0 ? check_input(c, FK_F32, out_size(v), 4)
                                : check_output(c, FK_F32, out_size(v));
    const double *old = beta != 0 ? check_values(c, y, out_size(v)) : NULL;
    const double *want = wanted(c, x, w, add, old, v);
    check_run(c, c->ops->conv2d(c->q, check_f32(y), check_f32(x), w, add, v, beta));
    check_near(c, "y", y, want, out_size(v), FK_TOLERANCE_F32); /* x is never rounded */
}

static void conv_body(struct check *c)
{
    for (int i = 0; i < N_CASES; i++) {
        conv_case(c, &cases[i], FK_F32, 1, 0);
        conv_case(c, &cases[i], FK_F32, 0, 1);
        conv_case(c, &cases[i], FK_BF16, 1, 1);
        conv_case(c, &cases[i], FK_BF16, 0, 0);
    }
}

/* Weights may change, or lie elsewhere, between two calls of one shape. */
static void new_weights_body(struct check *c)
{
    const struct fk_conv *v = &cases[10];
    struct fk_ptr x = check_input(c, FK_F32, in_size(v), 1), none = {0};
    struct fk_ptr w = check_input(c, FK_F32, weight_size(v), 2);
    struct fk_ptr y = check_output(c, FK_F32, out_size(v));
    check_run(c, c->ops->conv2d(c->q, check_f32(y), check_f32(x), w, none, v, 0));
    struct fk_ptr other = check_input(c, FK_F32, weight_size(v), 3);
    check_run(c, c->device->copy(c->q, w.p, other.p, weight_size(v) * sizeof(float)));
    check_run(c, c->ops->conv2d(c->q, check_f32(y), check_f32(x), w, none, v, 0));
    check_near(c, "y", y, wanted(c, x, other, none, NULL, v), out_size(v), FK_TOLERANCE_F32);
}

/* An image of a batch is what it is alone. */
static void alone_body(struct check *c)
{
    struct fk_conv v = {3, 10, 14, 16, 24, 3, 1, 1, 10, 14}, one = v;
    one.batch = 1;
    struct fk_ptr x = check_input(c, FK_F32, in_size(&v), 1), none = {0};
    struct fk_ptr w = check_input(c, FK_F32, weight_size(&v), 2);
    struct fk_ptr all = check_output(c, FK_F32, out_size(&v));
    check_run(c, c->ops->conv2d(c->q, check_f32(all), check_f32(x), w, none, &v, 0));
    for (int b = 0; b < v.batch; b++) {
        struct fk_ptr y = check_output(c, FK_F32, out_size(&one));
        const float *image = check_f32(x) + b * in_size(&one);
        check_run(c, c->ops->conv2d(c->q, check_f32(y), image, w, none, &one, 0));
        check_same(c, "image", y, fk_f32(check_f32(all) + b * out_size(&one)), out_size(&one));
    }
}

static void *threads_body(struct check *c, size_t *bytes)
{
    struct fk_conv v = {1, 33, 29, 32, 32, 3, 1, 1, 33, 29};
    struct fk_ptr x = check_input(c, FK_F32, in_size(&v), 1);
    struct fk_ptr w = check_input(c, FK_F32, weight_size(&v), 2);
    struct fk_ptr bias = check_input(c, FK_F32, v.out_channels, 3);
    struct fk_ptr y = check_output(c, FK_F32, out_size(&v));
    check_run(c, c->ops->conv2d(c->q, check_f32(y), check_f32(x), w, bias, &v, 0));
    *bytes = out_size(&v) * sizeof(float);
    return check_download(c, y.p, *bytes);
}

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_body);
}

CHECK_EACH_DEVICE(conv)
CHECK_EACH_DEVICE(new_weights)
CHECK_EACH_DEVICE(alone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_new_weights),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
