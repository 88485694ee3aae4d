/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that is left after any of its evaluations, kept, and gone on with by another sampler ends
 * in the same bits: every solver, every evaluation. And places that no run can have.
 */
#include <math.h>
#include <stdlib.h>

#include "sampler.h"
#include "tiny.h"

enum { VALUES = 8, STEPS = 5, MANY = 400 };

struct run {
    struct tiny_run on;
    struct fit_sampler sampler;
};

/* For the chain of the first version: noise, then how its variance lies, for each token of two. */
static bool field(void *user, struct fit_compute *c, float *v, const float *x, float t,
                  int evaluation)
{
    const struct run *run = user;
    bool chain = run->sampler.params.features > 0;
    (void)c;
    (void)evaluation;
    for (int i = 0; i < VALUES; i++) {
        float value = sinf(3 * x[i]) + 20 * t * cosf(x[(i + 1) % VALUES]);
        if (chain) {
            v[i / 2 * 4 + i % 2] = sinf(x[i]);
            v[i / 2 * 4 + 2 + i % 2] = cosf(x[i]);
        } else {
            v[i] = value;
        }
    }
    return true;
}

static bool noise(void *user, struct fit_compute *c, float *out, int draw)
{
    (void)user;
    (void)c;
    for (int i = 0; i < VALUES; i++)
        out[i] = tiny_fill((uint32_t)draw, (uint32_t)i, 2);
    return true;
}

static struct fit_sampler_params params_of(enum fit_solver solver)
{
    bool chain = solver == FIT_SOLVER_DDPM || solver == FIT_SOLVER_DDIM;
    return (struct fit_sampler_params){.solver = solver, .steps = STEPS, .atol = 1e-6,
                                       .rtol = 1e-3, .diffusion_norm = 1, .last_step_size = 0.04,
                                       .eta = 0.5, .features = chain ? 2 : 0, .noise = noise};
}

static void open_run(struct run *run, const struct fit_sampler_params *params)
{
    float start[VALUES];
    for (int i = 0; i < VALUES; i++)
        start[i] = tiny_fill(77, (uint32_t)i, 2);
    tiny_run_open(&run->on);
    if (!fit_sampler_begin(&run->sampler, &run->on.compute, params, start, VALUES))
        fail_msg("%s", run->on.error.message);
}

static void close_run(struct run *run)
{
    fit_sampler_finish(&run->sampler);
    tiny_run_close(&run->on);
}

static void go_on(struct run *run, int evaluations)
{
    for (int i = 0; i < evaluations && !fit_sampler_is_finished(&run->sampler); i++)
        if (!fit_sampler_next(&run->sampler, &run->on.compute, field, run))
            fail_msg("%s", run->on.error.message);
}

static void check_same(const struct run *a, const struct run *b)
{
    assert_true(fit_sampler_is_finished(&b->sampler));
    assert_memory_equal(a->sampler.x, b->sampler.x, VALUES * sizeof(float));
    assert_int_equal(a->sampler.evaluations, b->sampler.evaluations);
    assert_int_equal(a->sampler.n_known, b->sampler.n_known);
    assert_int_equal(a->sampler.step, b->sampler.step);
    assert_true(a->sampler.time == b->sampler.time);
}

/* Leaves after `evaluations`, and goes on elsewhere. */
static void leave_and_go_on(const struct run *whole, const struct fit_sampler_params *params,
                            int evaluations)
{
    struct run first, second;
    struct fit_sampler_place place;
    open_run(&first, params);
    open_run(&second, params);
    go_on(&first, evaluations);
    assert_true(fit_sampler_keep(&first.sampler, &first.on.compute, &place));
    if (!fit_sampler_restore(&second.sampler, &second.on.compute, &place))
        fail_msg("%s", second.on.error.message);
    assert_int_equal(first.sampler.step, second.sampler.step);
    assert_int_equal(first.sampler.evaluations, second.sampler.evaluations);
    assert_int_equal(first.sampler.n_known, second.sampler.n_known);
    assert_true(first.sampler.time == second.sampler.time);
    close_run(&first);
    go_on(&second, MANY);
    check_same(whole, &second);
    fit_sampler_place_finish(&place);
    close_run(&second);
}

static void test_every_evaluation(void **state)
{
    (void)state;
    for (int solver = 0; solver < FIT_N_SOLVERS; solver++) {
        struct fit_sampler_params params = params_of((enum fit_solver)solver);
        struct run whole;
        open_run(&whole, &params);
        go_on(&whole, MANY);
        assert_true(fit_sampler_is_finished(&whole.sampler));
        for (int k = 0; k <= whole.sampler.evaluations; k++)
            leave_and_go_on(&whole, &params, k);
        close_run(&whole);
    }
}

/* The adaptive solver's run here has steps that are rejected, so that those are left too. */
static void test_rejections_are_among_them(void **state)
{
    (void)state;
    struct fit_sampler_params params = params_of(FIT_SOLVER_DOPRI5);
    struct run run;
    int steps_taken = 0;
    double last = 0;
    open_run(&run, &params);
    while (!fit_sampler_is_finished(&run.sampler)) {
        go_on(&run, 1);
        steps_taken += run.sampler.time > last;
        last = run.sampler.time;
    }
    assert_true(run.sampler.evaluations > 2 + 6 * steps_taken);
    close_run(&run);
}

static bool restores(const struct fit_sampler_params *params, const struct fit_sampler_place *place)
{
    struct run run;
    open_run(&run, params);
    bool ok = fit_sampler_restore(&run.sampler, &run.on.compute, place);
    if (ok) /* it was possible then, and must lead to an end or an error */
        for (int i = 0; i < MANY && !fit_sampler_is_finished(&run.sampler) &&
                        fit_sampler_next(&run.sampler, &run.on.compute, field, &run);
             i++)
            assert_in_range(run.sampler.point + run.sampler.n_points, 0, STEPS);
    else
        assert_int_equal(run.on.error.status, FIT_ERROR_FILE);
    close_run(&run);
    return ok;
}

/* Whatever the numbers are, nothing happens but a refusal or a run. */
static void test_impossible_places(void **state)
{
    (void)state;
    const double wrong[] = {-1, 0, 0.5, 1, 2, STEPS, STEPS + 1, 1e9, 1e300, -INFINITY, INFINITY, NAN};
    for (int solver = 0; solver < FIT_N_SOLVERS; solver++) {
        struct fit_sampler_params params = params_of((enum fit_solver)solver);
        struct fit_sampler_place place;
        struct run run;
        open_run(&run, &params);
        go_on(&run, 2);
        assert_true(fit_sampler_keep(&run.sampler, &run.on.compute, &place));
        assert_true(restores(&params, &place));
        for (int i = 0; i < place.n_numbers; i++) {
            double right = place.number[i];
            for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++) {
                bool never = !(wrong[j] >= 0 && isfinite(wrong[j]));
                place.number[i] = wrong[j];
                assert_false(restores(&params, &place) && never);
            }
            place.number[i] = right;
        }
        place.n_values--;
        assert_false(restores(&params, &place));
        place.n_values++;
        place.n_numbers--;
        assert_false(restores(&params, &place));
        fit_sampler_place_finish(&place);
        close_run(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_evaluation),
        cmocka_unit_test(test_rejections_are_among_them),
        cmocka_unit_test(test_impossible_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
