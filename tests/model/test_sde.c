/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stochastic solvers: every step against its formula in double, and the distribution that they
 * end with where it is known.
 */
#include <math.h>
#include <string.h>

#include "sampler.h"
#include "tiny.h"

enum { FEW = 2, MANY = 16384 };

/* ---- the formulas ------------------------------------------------------------------------- */

static double field(double x, double t)
{
    return sin(x) + t * x;
}

static double draw_of(int draw, int i)
{
    return tiny_fill((uint32_t)draw, (uint32_t)i, 2);
}

static bool field_velocity(void *user, struct fit_compute *c, float *v, const float *x, float t,
                           int evaluation)
{
    int *calls = user;
    (void)c;
    assert_int_equal(evaluation, *calls);
    (*calls)++;
    for (int i = 0; i < FEW; i++)
        v[i] = (float)field(x[i], t);
    return true;
}

static bool known_noise(void *user, struct fit_compute *c, float *noise, int draw)
{
    (void)user;
    (void)c;
    for (int i = 0; i < FEW; i++)
        noise[i] = (float)draw_of(draw, i);
    return true;
}

static double width_of(enum fit_diffusion form, double n, double t)
{
    switch (form) {
    case FIT_DIFFUSION_CONSTANT:
        return n;
    case FIT_DIFFUSION_DECREASING:
        return pow(n * cos(M_PI * t) + 1, 2) / 4;
    case FIT_DIFFUSION_INCREASING_DECREASING:
        return n * pow(sin(M_PI * t), 2);
    default:
        return n * (1 - t);
    }
}

static double score(double x, double t)
{
    return (t * field(x, t) - x) / (1 - t);
}

static double drift(const struct fit_sampler_params *p, double x, double t)
{
    return field(x, t) + width_of(p->diffusion, p->diffusion_norm, t) * score(x, t);
}

/* The whole run of one value, as the reference walks it. */
static double expected_end(const struct fit_sampler_params *p, double x, int i)
{
    bool none = p->last_step == FIT_LAST_STEP_NONE;
    double rest = none ? 0 : p->last_step_size;
    int noisy = none ? p->steps : p->steps - 1;
    double dt = (1 - rest) / noisy, t = 1 - rest;
    for (int k = 0; k < noisy; k++) {
        double at = k * dt;
        double spread = sqrt(2 * width_of(p->diffusion, p->diffusion_norm, at)) * sqrt(dt);
        if (p->solver == FIT_SOLVER_SDE_EULER) {
            x = x + dt * drift(p, x, at) + spread * draw_of(k, i);
            continue;
        }
        double noised = x + spread * draw_of(k, i), first = drift(p, noised, at);
        x = noised + dt / 2 * (first + drift(p, noised + dt * first, at + dt));
    }
    switch (p->last_step) {
    case FIT_LAST_STEP_MEAN:
        return x + rest * drift(p, x, t);
    case FIT_LAST_STEP_EULER:
        return x + rest * field(x, t);
    case FIT_LAST_STEP_TWEEDIE:
        return x / t + (1 - t) * (1 - t) / t * score(x, t);
    default:
        return x;
    }
}

static void compare_run(struct tiny_run *run, struct fit_sampler_params *p)
{
    static const float start[FEW] = {0.7f, -1.3f};
    struct fit_sampler s;
    float times[16];
    int calls = 0, n = fit_sampler_times(p, times), points = 0;
    p->noise = known_noise;
    assert_true(fit_sampler_begin(&s, &run->compute, p, start, FEW));
    while (!fit_sampler_is_finished(&s)) {
        assert_true(fit_sampler_next(&s, &run->compute, field_velocity, &calls));
        assert_true(s.t == times[calls - 1]);
        points += s.n_points;
    }
    assert_int_equal(calls, n);
    assert_int_equal(points, p->steps);
    assert_true(s.time == 1);
    for (int i = 0; i < FEW; i++) /* a few dozen roundings of values up to 10 */
        tiny_close_to(fit_diffusion_name(p->diffusion), s.x[i], expected_end(p, start[i], i), 2e-5);
    fit_sampler_finish(&s);
}

static void every_form_and_end(void **state)
{
    (void)state;
    struct tiny_run run;
    tiny_run_open(&run);
    for (int solver = FIT_SOLVER_SDE_EULER; solver <= FIT_SOLVER_SDE_HEUN; solver++)
        for (int form = 0; form < FIT_N_DIFFUSIONS; form++)
            for (int last = 0; last < FIT_N_LAST_STEPS; last++) {
                struct fit_sampler_params p = {
                    .solver = solver,
                    .steps = 5,
                    .diffusion = form,
                    .diffusion_norm = 0.8,
                    .last_step = last,
                    .last_step_size = 0.1,
                };
                bool heun_without = solver == FIT_SOLVER_SDE_HEUN && last == FIT_LAST_STEP_NONE;
                struct fit_error e = {0};
                assert_int_equal(fit_sampler_check(&p, &e),
                                 form != FIT_DIFFUSION_SBDM && !heun_without);
                if (e.status == FIT_OK)
                    compare_run(&run, &p);
                else
                    assert_non_null(strstr(e.message, "infinite"));
            }
    tiny_run_close(&run);
}

static void refusals(void **state)
{
    (void)state;
    const struct fit_sampler_params good = {.solver = FIT_SOLVER_SDE_EULER,
                                            .steps = 4,
                                            .diffusion_norm = 1,
                                            .last_step_size = 0.04};
    struct fit_sampler_params p = good;
    assert_true(fit_sampler_check(&p, NULL));
    p.steps = 1;
    assert_false(fit_sampler_check(&p, NULL));
    p.last_step = FIT_LAST_STEP_NONE;
    assert_true(fit_sampler_check(&p, NULL));
    p = good;
    p.last_step_size = 1;
    assert_false(fit_sampler_check(&p, NULL));
    p = good;
    p.diffusion_norm = 0;
    assert_false(fit_sampler_check(&p, NULL));
    p = good;
    p.diffusion = FIT_N_DIFFUSIONS;
    assert_false(fit_sampler_check(&p, NULL));
}

/* ---- the distribution --------------------------------------------------------------------- */

#define MEAN 1.5
#define SPREAD 0.5

/* Data N(MEAN, SPREAD^2), noise N(0, 1): x_t is normal, and v is the mean of data - noise given
 * x_t. */
static bool gaussian(void *user, struct fit_compute *c, float *v, const float *x, float t,
                     int evaluation)
{
    double s2 = SPREAD * SPREAD, variance = t * t * s2 + (1 - t) * (1 - t);
    (void)user;
    (void)c;
    (void)evaluation;
    for (int i = 0; i < MANY; i++)
        v[i] = (float)(MEAN + (t * s2 - (1 - t)) / variance * (x[i] - t * MEAN));
    return true;
}

static bool fresh_noise(void *user, struct fit_compute *c, float *noise, int draw)
{
    (void)user;
    return fit_run(c, randn, noise, 5, (uint32_t)draw + 1, 1, 0, 0, 1, MANY);
}

/* Of MANY values the mean is known to SPREAD / 128 and the variance to 1.1 % of it (one standard
 * error); 100 steps of first order leave about as much again. */
static void ends_with_the_data(void **state)
{
    (void)state;
    struct tiny_run run;
    tiny_run_open(&run);
    struct fk_device *d = run.device;
    float *start = d->alloc(d, MANY * sizeof *start);
    for (int form = 0; form < FIT_N_DIFFUSIONS; form++) {
        struct fit_sampler_params p = {
            .solver = form % 2 ? FIT_SOLVER_SDE_HEUN : FIT_SOLVER_SDE_EULER,
            .steps = 100,
            .diffusion = form,
            .diffusion_norm = 1,
            .last_step_size = 0.01,
            .noise = fresh_noise,
        };
        struct fit_sampler s;
        if (form == FIT_DIFFUSION_SBDM)
            continue;
        assert_true(fit_run(&run.compute, randn, start, 5, 0, 1, 0, 0, 1, MANY));
        assert_true(fit_sampler_begin(&s, &run.compute, &p, start, MANY));
        while (!fit_sampler_is_finished(&s))
            assert_true(fit_sampler_next(&s, &run.compute, gaussian, NULL));
        double mean = 0, square = 0;
        for (int i = 0; i < MANY; i++) {
            mean += s.x[i] / MANY;
            square += (double)s.x[i] * s.x[i] / MANY;
        }
        double variance = square - mean * mean;
        print_message("%s, %s: mean %.4f, variance %.4f\n", fit_solver_name(p.solver),
                      fit_diffusion_name(form), mean, variance);
        tiny_close_to("mean", mean - MEAN, 0, 5 * SPREAD / 128);
        tiny_close_to("variance", variance / (SPREAD * SPREAD), 1, 0.08);
        fit_sampler_finish(&s);
    }
    d->free(d, start);
    tiny_run_close(&run);
}

static void names(void **state)
{
    (void)state;
    enum fit_diffusion form;
    enum fit_last_step last;
    for (int i = 0; i < FIT_N_DIFFUSIONS; i++)
        assert_true(fit_diffusion_parse(fit_diffusion_name(i), &form) && (int)form == i);
    for (int i = 0; i < FIT_N_LAST_STEPS; i++)
        assert_true(fit_last_step_parse(fit_last_step_name(i), &last) && (int)last == i);
    assert_false(fit_diffusion_parse("vp", &form));
    assert_false(fit_last_step_parse("", &last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_and_end),
        cmocka_unit_test(refusals),
        cmocka_unit_test(ends_with_the_data),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("sde", tests, NULL, NULL);
}
