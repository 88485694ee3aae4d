/* SPDX-License-Identifier: Apache-2.0 */
/* The solvers on equations with known answers, and the weight of guidance over time. */
#include <math.h>
#include <string.h>

#include "guidance.h"
#include "sampler.h"
#include "schedule.h"
#include "tiny.h"

enum { VALUES = 3 };

/* dx/dt = x^2 / (1 + t): 1 / x(1) = 1 / x(0) - ln 2. Neither linear nor free of t, so that every
 * coefficient of a method counts. */
static bool bend(void *user, struct fit_compute *c, float *velocity, const float *x, float t,
                  int evaluation)
{
    (void)c;
    int *calls = user;
    assert_int_equal(evaluation, *calls);
    (*calls)++;
    for (int i = 0; i < VALUES; i++)
        velocity[i] = x[i] * x[i] / (1 + t);
    return true;
}

static double error_after(struct tiny_run *run, enum fit_solver solver, int steps)
{
    static const float start[VALUES] = {1, -2, 0.5f};
    const struct fit_sampler_params params = {.solver = solver, .steps = steps};
    struct fit_sampler s;
    int calls = 0;
    assert_true(fit_sampler_begin(&s, &run->compute, &params, start, VALUES));
    while (!fit_sampler_is_finished(&s))
        assert_true(fit_sampler_next(&s, &run->compute, bend, &calls));
    assert_int_equal(calls, steps * fit_solver_evaluations(solver));
    double error = 0;
    for (int i = 0; i < VALUES; i++)
        error = fmax(error, fabs(s.x[i] - 1 / (1.0 / start[i] - log(2))));
    fit_sampler_finish(&s);
    return error;
}

/* Twice the steps divide the error by 2^order. At these steps the next term of the error takes up
 * to 0.1 of an order, and rounding, 1e-6 of an error of 1e-5, another 0.1. */
static void order_of_convergence(void **state)
{
    (void)state;
    static const struct {
        enum fit_solver solver;
        int steps;
        double order;
    } cases[] = {{FIT_SOLVER_EULER, 64, 1},
                 {FIT_SOLVER_MIDPOINT, 32, 2},
                 {FIT_SOLVER_HEUN, 32, 2},
                 {FIT_SOLVER_HEUN3, 16, 3},
                 {FIT_SOLVER_RK4, 8, 4}};
    struct tiny_run run;
    tiny_run_open(&run);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double coarse = error_after(&run, cases[i].solver, cases[i].steps);
        double fine = error_after(&run, cases[i].solver, 2 * cases[i].steps);
        print_message("%s: order %.3f\n", fit_solver_name(cases[i].solver), log2(coarse / fine));
        tiny_close_to("order", log2(coarse / fine) - cases[i].order, 0, 0.25);
    }
    tiny_run_close(&run);
}

/* A straight path: every solver with fixed steps ends at the data, which every prediction is. */
static bool straight(void *user, struct fit_compute *c, float *velocity, const float *x, float t,
                     int evaluation)
{
    (void)c;
    (void)x;
    (void)t;
    (void)evaluation;
    memcpy(velocity, user, VALUES * sizeof *velocity);
    return true;
}

static void prediction_of_a_straight_path(void **state)
{
    (void)state;
    static const float start[VALUES] = {1, -2, 0.5f};
    float velocity[VALUES] = {0.5f, 3, -1}, seen[VALUES];
    struct tiny_run run;
    tiny_run_open(&run);
    for (int solver = 0; solver < FIT_SOLVER_DOPRI5; solver++) {
        const struct fit_sampler_params params = {.solver = solver, .steps = 7};
        struct fit_sampler s;
        float times[32], at[VALUES];
        int n = fit_sampler_times(&params, times), points = 0;
        assert_true(fit_sampler_begin(&s, &run.compute, &params, start, VALUES));
        for (int i = 0; i < n; i++) {
            int step = s.step;
            assert_true(fit_sampler_next(&s, &run.compute, straight, velocity));
            assert_true(s.t == times[i]);
            assert_int_equal(s.n_points, i % fit_solver_evaluations(solver) == 0);
            if (s.n_points == 0)
                continue;
            assert_true(s.t == s.points[step]);
            assert_int_equal(s.point, points++);
            assert_true(fit_sampler_point(&s, &run.compute, s.point, at, seen));
            for (int j = 0; j < VALUES; j++) {
                tiny_close_to("state", at[j], start[j] + s.t * velocity[j], 1e-6);
                tiny_close_to("prediction", seen[j], start[j] + velocity[j], 1e-6);
            }
        }
        assert_int_equal(points, 7);
        assert_true(fit_sampler_is_finished(&s));
        assert_false(fit_sampler_next(&s, &run.compute, straight, velocity));
        fit_sampler_finish(&s);
    }
    tiny_run_close(&run);
}

static bool refuse(void *user, struct fit_compute *c, float *velocity, const float *x, float t,
                   int evaluation)
{
    int *left = user;
    return (*left)-- > 0 && straight((float[VALUES]){1, 1, 1}, c, velocity, x, t, evaluation);
}

/* An evaluation that fails changes nothing: the run can go on from there. */
static void failure_keeps_the_state(void **state)
{
    (void)state;
    static const float start[VALUES] = {0, 0, 0};
    struct tiny_run run;
    struct fit_sampler s;
    int left = 3;
    tiny_run_open(&run);
    const struct fit_sampler_params params = {.solver = FIT_SOLVER_HEUN, .steps = 4};
    assert_true(fit_sampler_begin(&s, &run.compute, &params, start, VALUES));
    while (fit_sampler_next(&s, &run.compute, refuse, &left))
        ;
    assert_int_equal(s.step, 1);
    assert_int_equal(s.evaluations, 3);
    tiny_close_to("state", s.x[0], 0.25, 1e-6);
    left = 1000;
    while (!fit_sampler_is_finished(&s))
        assert_true(fit_sampler_next(&s, &run.compute, refuse, &left));
    tiny_close_to("end", s.x[0], 1, 1e-6);
    fit_sampler_finish(&s);
    tiny_run_close(&run);
}

static void impossible_steps_are_refused(void **state)
{
    (void)state;
    struct tiny_run run;
    struct fit_sampler s;
    const float start = 0;
    tiny_run_open(&run);
    const struct fit_sampler_params params = {.solver = FIT_SOLVER_EULER};
    assert_false(fit_sampler_begin(&s, &run.compute, &params, &start, 1));
    assert_int_equal(run.error.status, FIT_ERROR_ARGUMENT);
    tiny_run_close(&run);
}

/* Points of torch.linspace(0, 1, n) in float, by their bits. */
static void points_are_linspace(void **state)
{
    (void)state;
    float points[51];
    fit_schedule_linear(points, 10, 1);
    assert_true(points[3] == 0x1.333334p-2f && points[7] == 0x1.666666p-1f && points[10] == 1);
    fit_schedule_linear(points, 50, 1);
    for (int i = 0; i <= 50; i++)
        tiny_close_to("point", points[i], i / 50.0, 6e-8);
    fit_schedule_linear(points, 1, 1);
    assert_true(points[0] == 0 && points[1] == 1);
}

static void names_of_solvers(void **state)
{
    (void)state;
    for (int i = 0; i < FIT_N_SOLVERS; i++) {
        enum fit_solver solver;
        assert_true(fit_solver_parse(fit_solver_name(i), &solver));
        assert_int_equal(solver, i);
    }
    enum fit_solver solver;
    assert_false(fit_solver_parse("plms", &solver));
}

/* Values printed by the reference for w = 1.5. */
static void guidance_over_time(void **state)
{
    (void)state;
    static const double quarters[2][5] = {{1.5, 1.427, 1.25, 1.073, 1},
                                          {1.5, 1.114, 1.005, 1.000, 1}};
    for (int i = 0; i < 5; i++) {
        float t = (float)i / 4;
        tiny_close_to("constant", fit_guidance_weight(1.5, 0, t), 1.5, 0);
        tiny_close_to("power 1", fit_guidance_weight(1.5, 1, t), quarters[0][i], 5e-4);
        tiny_close_to("power 4", fit_guidance_weight(1.5, 4, t), quarters[1][i], 5e-4);
    }
    tiny_close_to("beyond the end", fit_guidance_weight(4, 2, 1.5f), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_convergence),
        cmocka_unit_test(prediction_of_a_straight_path),
        cmocka_unit_test(failure_keeps_the_state),
        cmocka_unit_test(impossible_steps_are_refused),
        cmocka_unit_test(points_are_linspace),
        cmocka_unit_test(names_of_solvers),
        cmocka_unit_test(guidance_over_time),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
