/* SPDX-License-Identifier: Apache-2.0 */
/* The distance between sets of features where it is known, and the features of a latent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/fit-measure.h"

enum { WIDTH = 5, N = 240, CORNERS = 1 << WIDTH };

static double distance(const float *a, int n_a, const float *b, int n_b, int width)
{
    struct fit_error e = {0};
    double found = -1;
    if (!fit_frechet_distance(a, n_a, b, n_b, width, &found, &e))
        fail_msg("%s", e.message);
    return found;
}

static void close_to(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%.12g, expected %.12g within %g", found, expected, tolerance);
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Values that depend on each other, so that the covariance is full. */
static void fill(float x[N][WIDTH], uint32_t seed)
{
    for (int k = 0; k < N; k++)
        for (int i = 0; i < WIDTH; i++)
            x[k][i] = (float)next(&seed) / (1 << 24) + (i ? 0.6f * x[k][i - 1] : 0) + (float)i;
}

/* The corners of a box of half sides `side` around `middle`: a diagonal covariance that is
 * known. */
static void fill_box(float x[CORNERS][WIDTH], const double *middle, const double *side)
{
    for (int k = 0; k < CORNERS; k++)
        for (int i = 0; i < WIDTH; i++)
            x[k][i] = (float)(middle[i] + (k >> i & 1 ? side[i] : -side[i]));
}

static void test_known(void **state)
{
    static const double middle_a[WIDTH] = {0, 1, -2, 0.5, 3}, middle_b[WIDTH] = {1, 1, 2, 0.5, 3};
    static const double side_a[WIDTH] = {1, 2, 0.5, 1, 0}, side_b[WIDTH] = {1, 0.5, 0.5, 3, 0};
    float a[CORNERS][WIDTH], b[CORNERS][WIDTH];
    double expected = 0, unbiased = sqrt(CORNERS / (CORNERS - 1.0));
    (void)state;
    fill_box(a, middle_a, side_a);
    fill_box(b, middle_b, side_b);
    for (int i = 0; i < WIDTH; i++) /* of independent values it adds up */
        expected += pow(middle_a[i] - middle_b[i], 2) +
                    pow((side_a[i] - side_b[i]) * unbiased, 2);
    close_to(distance(a[0], CORNERS, b[0], CORNERS, WIDTH), expected, 1e-6);
}

/* Of one feature: the means' difference and that of the deviations. */
static void test_one_feature(void **state)
{
    static const float a[4] = {-1, 1, -1, 1}, b[3] = {2, 4, 6};
    (void)state;
    close_to(distance(a, 4, b, 3, 1), 16 + pow(sqrt(4.0 / 3) - 2, 2), 1e-12);
}

static void test_same_and_symmetric(void **state)
{
    static float a[N][WIDTH], b[N][WIDTH];
    (void)state;
    fill(a, 1);
    fill(b, 2);
    for (int k = 0; k < N; k++)
        b[k][2] *= 1.5f;
    double there = distance(a[0], N, b[0], N, WIDTH), back = distance(b[0], N, a[0], N, WIDTH);
    assert_true(there > 0.1);
    close_to(back, there, 1e-9 * there);
    close_to(distance(a[0], N, a[0], N, WIDTH), 0, 1e-9);
    memcpy(b, a, sizeof b); /* and in any order */
    memcpy(b[0], a[7], sizeof b[0]);
    memcpy(b[7], a[0], sizeof b[0]);
    close_to(distance(a[0], N, b[0], N, WIDTH), 0, 1e-9);
}

/* A turn of both sets changes nothing: the covariances do not commute with one another. */
static void test_turned(void **state)
{
    static float a[N][WIDTH], b[N][WIDTH];
    static const double cosine = 0.6, sine = 0.8;
    (void)state;
    fill(a, 3);
    fill(b, 4);
    for (int k = 0; k < N; k++)
        b[k][0] = 2 * b[k][0] - b[k][3];
    double before = distance(a[0], N, b[0], N, WIDTH);
    for (int k = 0; k < 2 * N; k++) {
        float *x = k < N ? a[k] : b[k - N], kept = x[1];
        x[1] = (float)(cosine * x[1] - sine * x[4]);
        x[4] = (float)(sine * kept + cosine * x[4]);
    }
    assert_true(before > 0.1);
    close_to(distance(a[0], N, b[0], N, WIDTH), before, 1e-5 * before);
}

/* Fewer pictures than features leave directions without any variance. */
static void test_few(void **state)
{
    static float a[N][WIDTH], b[N][WIDTH];
    (void)state;
    fill(a, 5);
    fill(b, 6);
    double found = distance(a[0], 2, b[0], 3, WIDTH);
    assert_true(isfinite(found) && found > 0);
}

static void refuse(const float *a, int n_a, const float *b, int n_b, int width, const char *reason)
{
    struct fit_error e = {0};
    double found;
    assert_false(fit_frechet_distance(a, n_a, b, n_b, width, &found, &e));
    assert_int_equal(e.status, FIT_ERROR_ARGUMENT);
    if (!strstr(e.message, reason))
        fail_msg("not \"%s\": %s", reason, e.message);
}

static void test_refusals(void **state)
{
    float a[N][WIDTH];
    (void)state;
    fill(a, 7);
    refuse(a[0], 1, a[0], N, WIDTH, "found 1 with 5");
    refuse(a[0], N, a[0], -4, WIDTH, "found -4");
    refuse(a[0], N, a[0], N, 0, "with 0");
    refuse(a[0], N, a[0], N, 513, "with 513");
    refuse(a[0], N, a[0], INT32_MAX, WIDTH, "found 2147483647");
    a[3][2] = NAN;
    refuse(a[0], N, a[0], N, WIDTH, "numbered 2 of picture 3");
    a[3][2] = INFINITY;
    refuse(a[0], N, a[0], N, WIDTH, "is not finite");
}

/* Quarters of an odd shape: the middle row and column belong to the second half. */
static void test_features(void **state)
{
    enum { ROWS = 3, COLUMNS = 5 };
    float latent[2][ROWS][COLUMNS], features[2][FIT_LATENT_FEATURES];
    (void)state;
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLUMNS; x++) {
            int right = x >= 2, below = y >= 1;
            latent[0][y][x] = (float)(10 * below + right);
            latent[1][y][x] = y == 0 && x == 1 ? 4 : 2;
        }
    fit_latent_features(&latent[0][0][0], 2, ROWS, COLUMNS, features[0]);
    static const float expected[2][FIT_LATENT_FEATURES] = {{0, 0, 1, 0, 10, 0, 11, 0},
                                                           {3, 1, 2, 0, 2, 0, 2, 0}};
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < FIT_LATENT_FEATURES; i++)
            close_to(features[c][i], expected[c][i], 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_one_feature),
        cmocka_unit_test(test_same_and_symmetric),
        cmocka_unit_test(test_turned),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_features),
    };
    return cmocka_run_group_tests_name("frechet", tests, NULL, NULL);
}
