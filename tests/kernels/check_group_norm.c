/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>

static const float epsilon = 1e-6f;

struct shape {
    int batch, height, width, channels, groups;
};

/* One pixel, channels that are no multiple of a vector, the decoder's, and one for the team. */
static const struct shape shapes[] = {
    {1, 1, 1, 4, 2}, {2, 3, 5, 12, 4}, {3, 4, 3, 33, 11}, {1, 5, 7, 128, 32}, {2, 9, 11, 256, 32},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static size_t image_size(const struct shape *s)
{
    return (size_t)s->height * s->width * s->channels;
}

static double group_count(const struct shape *s)
{
    return (double)s->height * s->width * (s->channels / s->groups);
}

/* Two passes: mean, then squared distances. */
static void normalised(double *want, const double *x, const double *weight, const double *bias,
                       const struct shape *s, bool silu)
{
    size_t n = image_size(s);
    int C = s->channels, own = C / s->groups;
    for (int g = 0; g < s->groups; g++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < n; i++)
            mean += (int)(i % C) / own == g ? x[i] / group_count(s) : 0;
        for (size_t i = 0; i < n; i++)
            variance += (int)(i % C) / own == g ? pow(x[i] - mean, 2) / group_count(s) : 0;
        for (size_t i = 0; i < n; i++) {
            int c = (int)(i % C);
            if (c / own != g)
                continue;
            double v = (x[i] - mean) / sqrt(variance + epsilon) * weight[c] + bias[c];
            want[i] = silu ? v / (1 + exp(-v)) : v;
        }
    }
}

static struct fk_group_norm norm_of(const struct shape *s, bool silu)
{
    return (struct fk_group_norm){.batch = s->batch, .channels = s->channels, .groups = s->groups,
                                  .pixels = (size_t)s->height * s->width,
                                  .count = group_count(s), .epsilon = epsilon, .silu = silu};
}

static double *zero_sums(struct check *c, const struct shape *s)
{
    size_t bytes = (size_t)s->batch * s->groups * 2 * sizeof(double);
    double *sum = check_bytes(c, NULL, bytes);
    check_run(c, c->device->zero(c->q, sum, bytes));
    return sum;
}

static void norm_case(struct check *c, const struct shape *s, bool silu)
{
    size_t n = image_size(s), all = s->batch * n;
    struct fk_ptr x = check_input(c, FK_F32, all, 1), y = check_output(c, FK_F32, all);
    struct fk_ptr weight = check_input(c, FK_F32, s->channels, 2);
    struct fk_ptr bias = check_input(c, FK_F32, s->channels, 3);
    const double *X = check_values(c, x, all), *w = check_values(c, weight, s->channels);
    const double *b = check_values(c, bias, s->channels);
    double *want = check_room(c, all), *sum = zero_sums(c, s);
    struct fk_group_norm norm = norm_of(s, silu);
    for (int i = 0; i < s->batch; i++)
        normalised(want + i * n, X + i * n, w, b, s, silu);
    check_run(c, c->ops->group_sums(c->q, sum, check_f32(x), s->batch, s->height, s->width,
                                    s->channels, s->groups));
    check_run(c, c->ops->group_norm(c->q, check_f32(y), check_f32(x), sum, check_f32(weight),
                                    check_f32(bias), &norm));
    check_near(c, "y", y, want, all, FK_TOLERANCE_F32);
    struct fk_ptr place = check_copy(c, x, all);
    check_run(c, c->ops->group_norm(c->q, check_f32(place), check_f32(place), sum,
                                    check_f32(weight), check_f32(bias), &norm));
    check_same(c, "in place", place, y, all);
}

static void norm_body(struct check *c)
{
    for (int i = 0; i < N_SHAPES; i++) {
        norm_case(c, &shapes[i], false);
        norm_case(c, &shapes[i], true);
    }
}

/* Numbers whose mean is a thousand times their spread keep their digits. */
static void offset_body(struct check *c)
{
    const struct shape s = {1, 16, 16, 8, 2};
    size_t n = image_size(&s);
    double *far = check_room(c, n), *want = check_room(c, n), *sum = zero_sums(c, &s);
    for (size_t i = 0; i < n; i++)
        far[i] = 1024 + floor(check_uniform(7, i) * 512) / 512; /* exact in f32 */
    struct fk_ptr x = check_given(c, FK_F32, far, n), y = check_output(c, FK_F32, n);
    struct fk_ptr weight = check_input(c, FK_F32, s.channels, 2);
    struct fk_ptr bias = check_input(c, FK_F32, s.channels, 3);
    struct fk_group_norm norm = norm_of(&s, false);
    normalised(want, far, check_values(c, weight, s.channels), check_values(c, bias, s.channels),
               &s, false);
    check_run(c, c->ops->group_sums(c->q, sum, check_f32(x), 1, s.height, s.width, s.channels,
                                    s.groups));
    check_run(c, c->ops->group_norm(c->q, check_f32(y), check_f32(x), sum, check_f32(weight),
                                    check_f32(bias), &norm));
    /* the mean itself is rounded to f32: 1024 * 2^-24 of a spread of 0.6 */
    check_near(c, "y", y, want, n, 2e-4);
}

/* Strips add up to the sums of the whole, bit for bit. */
static void strips_body(struct check *c)
{
    const struct shape s = {1, 37, 21, 64, 32};
    size_t line = (size_t)s.width * s.channels, bytes = 2 * (size_t)s.groups * sizeof(double);
    struct fk_ptr x = check_input(c, FK_F32, image_size(&s), 1);
    double *whole = zero_sums(c, &s), *strips = zero_sums(c, &s);
    check_run(c, c->ops->group_sums(c->q, whole, check_f32(x), 1, s.height, s.width, s.channels,
                                    s.groups));
    for (int row = 0; row < s.height; row += 10) {
        int rows = s.height - row < 10 ? s.height - row : 10;
        check_run(c, c->ops->group_sums(c->q, strips, check_f32(x) + row * line, 1, rows, s.width,
                                        s.channels, s.groups));
    }
    assert_memory_equal(check_download(c, strips, bytes), check_download(c, whole, bytes), bytes);
}

static void *threads_body(struct check *c, size_t *bytes)
{
    const struct shape s = {2, 33, 17, 64, 32};
    size_t n = s.batch * image_size(&s);
    struct fk_ptr x = check_input(c, FK_F32, n, 1), y = check_output(c, FK_F32, n);
    struct fk_ptr weight = check_input(c, FK_F32, s.channels, 2);
    struct fk_ptr bias = check_input(c, FK_F32, s.channels, 3);
    struct fk_group_norm norm = norm_of(&s, true);
    double *sum = zero_sums(c, &s);
    check_run(c, c->ops->group_sums(c->q, sum, check_f32(x), s.batch, s.height, s.width,
                                    s.channels, s.groups));
    check_run(c, c->ops->group_norm(c->q, check_f32(y), check_f32(x), sum, check_f32(weight),
                                    check_f32(bias), &norm));
    *bytes = n * sizeof(float);
    return check_download(c, y.p, *bytes);
}

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_body);
}

CHECK_EACH_DEVICE(norm)
CHECK_EACH_DEVICE(offset)
CHECK_EACH_DEVICE(strips)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_offset),
        cmocka_unit_test(test_strips),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
