/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adaptive solver against torchdiffeq 0.2.5 on equations with known right-hand sides, whose
 * numbers were printed by that program, and against exact solutions.
 */
#include <math.h>
#include <string.h>

#include "sampler.h"
#include "tiny.h"

enum { MOST = 3, MAX_POINTS = 9 };

/* dx/dt = x^2 / (1 + t): x(t) = 1 / (1 / x(0) - ln(1 + t)) */
static bool bend(void *user, struct fit_compute *c, float *v, const float *x, float t,
                 int evaluation)
{
    float *latest = user;
    (void)c;
    (void)evaluation;
    *latest = fmaxf(*latest, t);
    for (int i = 0; i < 3; i++)
        v[i] = x[i] * x[i] / (1 + t);
    return true;
}

/* A circle, faster and faster: steps that were fit for its beginning are rejected. */
static bool turn(void *user, struct fit_compute *c, float *v, const float *x, float t,
                 int evaluation)
{
    (void)user;
    (void)c;
    (void)evaluation;
    float speed = 5 + 40 * t * t * t;
    v[0] = x[1] * speed;
    v[1] = -x[0] * speed;
    return true;
}

struct path {
    int evaluations, n_points;
    float state[MAX_POINTS][MOST], prediction[MAX_POINTS][MOST];
};

/* Runs to the end and collects every point. */
static void follow(struct tiny_run *run, struct path *path, fit_velocity_fn *f, void *user,
                   const float *start, size_t n, int steps, double rtol, double atol)
{
    const struct fit_sampler_params params = {
        .solver = FIT_SOLVER_DOPRI5, .steps = steps, .rtol = rtol, .atol = atol};
    struct fit_sampler s;
    path->n_points = 0;
    assert_true(fit_sampler_begin(&s, &run->compute, &params, start, n));
    while (!fit_sampler_is_finished(&s)) {
        assert_true(fit_sampler_next(&s, &run->compute, f, user));
        for (int i = s.point; i < s.point + s.n_points; i++) {
            assert_int_equal(i, path->n_points);
            assert_true(fit_sampler_point(&s, &run->compute, i, path->state[i],
                                          path->prediction[i]));
            path->n_points++;
        }
        assert_true(s.n_points == 0 || s.step == path->n_points - 1 || s.finished);
    }
    memcpy(path->state[steps], s.x, n * sizeof *s.x);
    assert_int_equal(path->n_points, steps);
    assert_true(s.step == steps && s.time == 1);
    path->evaluations = s.evaluations;
    fit_sampler_finish(&s);
}

static const float bent[3] = {0.5f, -2, 0.25f};

/* The states at linspace(0, 1, 6); torchdiffeq's steps ended at 0.0706, 0.4472, 0.9620 and 2.11,
 * so that the last three rows are far inside a step. That program differs from itself in double by
 * 1e-4 here, because its first error estimates are rounding. */
static void bent_path(void **state)
{
    (void)state;
    static const double expected[6][3] = {
        {0.5, -2.0, 0.25},
        {0.550152659, -1.462393641, 0.261939496},
        {0.601132333, -1.204819679, 0.272961348},
        {0.653596878, -1.038900971, 0.283286601},
        {0.708108604, -0.926121175, 0.293064922},
        {0.765198112, -0.844045222, 0.302402437},
    };
    struct tiny_run run;
    struct path path;
    float latest = 0;
    tiny_run_open(&run);
    follow(&run, &path, bend, &latest, bent, 3, 5, 1e-3, 1e-6);
    for (int i = 0; i <= 5; i++)
        for (int j = 0; j < 3; j++)
            tiny_close_to("state", path.state[i][j], expected[i][j], 2e-4);
    assert_in_range(path.evaluations, 20, 32); /* 26 there */
    assert_true(latest > 1.5f); /* no step is cut at 1 */
    tiny_run_close(&run);
}

/* 152 evaluations there, in float and in double, of which 11 steps are rejected; its end is 0.02
 * from the true one, so that agreement to 5e-5 is agreement on every step. */
static void turning_path(void **state)
{
    (void)state;
    static const double expected[4][2] = {
        {1, 0.5},
        {0.270002484, -1.085204720},
        {0.150081068, 1.107641339},
        {-0.443442881, -1.027017355},
    };
    static const float start[2] = {1, 0.5f};
    struct tiny_run run;
    struct path path;
    tiny_run_open(&run);
    follow(&run, &path, turn, NULL, start, 2, 3, 1e-3, 1e-6);
    for (int i = 0; i <= 3; i++)
        for (int j = 0; j < 2; j++)
            tiny_close_to("state", path.state[i][j], expected[i][j], 5e-5);
    assert_int_equal(path.evaluations, 152);
    tiny_run_close(&run);
}

/* An error of every step below the tolerance leaves one of the same size at the end. */
static void error_follows_tolerance(void **state)
{
    (void)state;
    static const double tolerances[] = {1e-2, 1e-3, 1e-4, 1e-5};
    struct tiny_run run;
    struct path path;
    int before = 0;
    tiny_run_open(&run);
    for (int i = 0; i < 4; i++) {
        float latest = 0;
        double worst = 0;
        follow(&run, &path, bend, &latest, bent, 3, 8, tolerances[i], tolerances[i] / 100);
        for (int j = 0; j < 3; j++)
            worst = fmax(worst, fabs(path.state[8][j] - 1 / (1.0 / bent[j] - log(2))));
        print_message("tolerance %g: error %.2g, %d evaluations\n", tolerances[i], worst,
                      path.evaluations);
        /* The interpolant is of one order less than the step, and the last step is long. */
        assert_true(worst < 20 * tolerances[i]);
        assert_true(path.evaluations >= before);
        before = path.evaluations;
    }
    tiny_run_close(&run);
}

static bool straight(void *user, struct fit_compute *c, float *v, const float *x, float t,
                     int evaluation)
{
    (void)c;
    (void)x;
    (void)t;
    (void)evaluation;
    memcpy(v, user, 3 * sizeof *v);
    return true;
}

/* The slope of the interpolant is the velocity: from every point of a straight path the end is in
 * sight. */
static void predictions(void **state)
{
    (void)state;
    float velocity[3] = {0.5f, 3, -1};
    struct tiny_run run;
    struct path path;
    tiny_run_open(&run);
    follow(&run, &path, straight, velocity, bent, 3, 8, 1e-3, 1e-6);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 3; j++) {
            tiny_close_to("state", path.state[i][j], bent[j] + i / 8.0 * velocity[j], 2e-6);
            tiny_close_to("prediction", path.prediction[i][j], bent[j] + velocity[j], 2e-5);
        }
    tiny_run_close(&run);
}

static bool nothing(void *user, struct fit_compute *c, float *v, const float *x, float t,
                    int evaluation)
{
    (void)c;
    (void)x;
    (void)evaluation;
    for (int i = 0; i < 3; i++)
        v[i] = t > *(float *)user ? NAN : 1;
    return true;
}

static void refusals(void **state)
{
    (void)state;
    struct tiny_run run;
    struct fit_sampler s;
    struct fit_sampler_params params = {.solver = FIT_SOLVER_DOPRI5, .steps = 4, .rtol = 1e-3};
    tiny_run_open(&run);
    assert_false(fit_sampler_begin(&s, &run.compute, &params, bent, 3));
    assert_int_equal(run.error.status, FIT_ERROR_ARGUMENT);
    assert_int_equal(fit_sampler_times(&params, NULL), 0);
    assert_int_equal(fit_solver_evaluations(FIT_SOLVER_DOPRI5), 0);

    params.atol = 1e-6;
    float from = 0.1f;
    run.error.status = FIT_OK;
    assert_true(fit_sampler_begin(&s, &run.compute, &params, bent, 3));
    while (fit_sampler_next(&s, &run.compute, nothing, &from))
        ;
    assert_int_equal(run.error.status, FIT_ERROR_DEVICE);
    assert_non_null(strstr(run.error.message, "no numbers"));
    fit_sampler_finish(&s);
    tiny_run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bent_path),   cmocka_unit_test(turning_path),
        cmocka_unit_test(predictions), cmocka_unit_test(error_follows_tolerance),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("dopri5", tests, NULL, NULL);
}
