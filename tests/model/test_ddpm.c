/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of the first version: its tables against numbers printed by the reference, its steps
 * against the formulas in double, and the distribution that it ends with where that is known; the
 * loss of its training where it is known, and its gradient against differences.
 */
#include <math.h>
#include <string.h>

#include "ddpm.h"
#include "sampler.h"
#include "tiny.h"

enum { FEATURES = 4, VALUES = 8192 };

static void tables(void **state)
{
    (void)state;
    struct fit_ddpm chain;
    assert_true(fit_ddpm_init(&chain, 250, false, NULL));
    const struct fit_ddpm_step *s = chain.step;
    tiny_close_to("beta 0", s[0].beta / 1.0e-4, 1, 1e-8);
    tiny_close_to("beta 1", s[1].beta / 5.99065564e-4, 1, 1e-8);
    tiny_close_to("beta 2", s[2].beta / 9.17602993e-4, 1, 1e-8);
    tiny_close_to("beta 249", s[249].beta / 7.751934e-2, 1, 1e-7);
    tiny_close_to("low 0", s[0].low, -9.36462816, 1e-9);
    tiny_close_to("low 1", s[1].low, -9.36462816, 1e-9);
    tiny_close_to("low 2", s[2].low, -7.83177586, 1e-9);
    tiny_close_to("high 0", s[0].high, -9.21034037, 1e-9);
    tiny_close_to("high 1", s[1].high, -7.42013951, 1e-9);
    tiny_close_to("high 2", s[2].high, -6.99374573, 1e-9);
    assert_true(s[0].previous_alpha_bar == 1);
    fit_ddpm_finish(&chain);
}

/* Which of the 1000 steps are walked. */
static void indices(void **state)
{
    (void)state;
    int index[FIT_DDPM_TRAINED_STEPS];
    assert_true(fit_ddpm_indices(index, 250, false, NULL));
    for (int i = 1; i < 250; i++) {
        bool longer = i == 42 || i == 125 || i == 208;
        assert_int_equal(index[i] - index[i - 1], longer ? 5 : 4);
    }
    assert_int_equal(index[0], 0);
    assert_int_equal(index[249], 999);
    assert_true(fit_ddpm_indices(index, 1000, false, NULL));
    assert_int_equal(index[517], 517);
    assert_true(fit_ddpm_indices(index, 1, false, NULL));
    assert_int_equal(index[0], 0);
    assert_true(fit_ddpm_indices(index, 50, true, NULL)); /* "ddim50" */
    assert_int_equal(index[1], 20);
    assert_int_equal(index[49], 980);
    assert_false(fit_ddpm_indices(index, 999, true, NULL));
    assert_false(fit_ddpm_indices(index, 1001, false, NULL));
    assert_false(fit_ddpm_indices(index, 0, false, NULL));
}

static double alpha_bar(int index)
{
    double product = 1;
    for (int i = 0; i <= index; i++)
        product *= 1 - (1e-4 + (2e-2 - 1e-4) * i / 999);
    return product;
}

static double noise_of(double x, int index)
{
    return sin(x + index / 300.0);
}

static double share_of(double x)
{
    return tanh(x);
}

static double draw_of(int draw, size_t i)
{
    return tiny_fill((uint32_t)draw, (uint32_t)i, 2);
}

/* [N][FEATURES] -> [N][2 FEATURES] */
static bool network(void *user, struct fit_compute *c, float *out, const float *x, float t,
                    int evaluation)
{
    (void)c;
    (void)evaluation;
    for (size_t i = 0; i < *(size_t *)user; i++) {
        float *token = out + i / FEATURES * 2 * FEATURES;
        token[i % FEATURES] = (float)noise_of(x[i], (int)t);
        token[FEATURES + i % FEATURES] = (float)share_of(x[i]);
    }
    return true;
}

static bool known_noise(void *user, struct fit_compute *c, float *noise, int draw)
{
    (void)c;
    for (size_t i = 0; i < *(size_t *)user; i++)
        noise[i] = (float)draw_of(draw, i);
    return true;
}

/* One value through the chain 0, 333, 666, 999, backwards. */
static double expected_end(const struct fit_sampler_params *p, double x, size_t i)
{
    static const int index[4] = {0, 333, 666, 999};
    for (int k = 3; k >= 0; k--) {
        double bar = alpha_bar(index[k]), before = k ? alpha_bar(index[k - 1]) : 1;
        double beta = 1 - bar / before, z = k ? draw_of(3 - k, i) : 0;
        double epsilon = noise_of(x, index[k]), nu = share_of(x);
        double data = (x - sqrt(1 - bar) * epsilon) / sqrt(bar);
        if (p->solver == FIT_SOLVER_DDIM) {
            double sigma = p->eta * sqrt((1 - before) / (1 - bar)) * sqrt(1 - bar / before);
            x = sqrt(before) * data + sqrt(1 - before - sigma * sigma) * epsilon + sigma * z;
            continue;
        }
        double low = log(beta * (1 - before) / (1 - bar)), high = log(beta);
        double mean = beta * sqrt(before) / (1 - bar) * data +
                      (1 - before) * sqrt(1 - beta) / (1 - bar) * x;
        x = mean + (k ? exp(((nu + 1) / 2 * high + (1 - nu) / 2 * low) / 2) * z : 0);
    }
    return x;
}

static void steps_follow_the_formulas(void **state)
{
    (void)state;
    static const struct {
        enum fit_solver solver;
        double eta;
    } cases[] = {{FIT_SOLVER_DDPM, 0}, {FIT_SOLVER_DDIM, 0}, {FIT_SOLVER_DDIM, 0.7},
                 {FIT_SOLVER_DDIM, 1}};
    size_t n = 2 * FEATURES;
    struct tiny_run run;
    tiny_run_open(&run);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const struct fit_sampler_params p = {.solver = cases[c].solver,
                                             .steps = 4,
                                             .eta = cases[c].eta,
                                             .features = FEATURES,
                                             .noise = known_noise,
                                             .noise_user = &n};
        float start[2 * FEATURES], times[4], at[2 * FEATURES], seen[2 * FEATURES];
        struct fit_sampler s;
        for (size_t i = 0; i < n; i++)
            start[i] = tiny_fill(77, (uint32_t)i, 2);
        assert_int_equal(fit_sampler_times(&p, times), 4);
        assert_true(fit_sampler_begin(&s, &run.compute, &p, start, n));
        for (int k = 0; k < 4; k++) {
            assert_true(fit_sampler_next(&s, &run.compute, network, &n));
            assert_true(s.t == times[k] && s.t == 333.0f * (float)(3 - k));
            assert_true(s.point == k && s.n_points == 1);
            assert_true(fit_sampler_point(&s, &run.compute, k, at, seen));
            double bar = alpha_bar((int)s.t);
            for (size_t i = 0; i < n; i++)
                tiny_close_to("data", seen[i] * sqrt(bar),
                              at[i] - sqrt(1 - bar) * noise_of(at[i], (int)s.t), 1e-5);
        }
        assert_true(fit_sampler_is_finished(&s));
        for (size_t i = 0; i < n; i++) /* the first step divides by sqrt(alpha_bar) = 0.006 */
            tiny_close_to("end", s.x[i], expected_end(&p, start[i], i), 5e-5);
        fit_sampler_finish(&s);
    }
    tiny_run_close(&run);
}

/* ---- the distribution --------------------------------------------------------------------- */

#define MEAN 0.8
#define SPREAD 0.6

/* The mean of the noise in x, for data N(MEAN, SPREAD^2); the variance in the middle. */
static bool gaussian(void *user, struct fit_compute *c, float *out, const float *x, float t,
                     int evaluation)
{
    double bar = alpha_bar((int)t), variance = bar * SPREAD * SPREAD + 1 - bar;
    (void)user;
    (void)c;
    (void)evaluation;
    for (int i = 0; i < VALUES; i++) {
        float *token = out + i / FEATURES * 2 * FEATURES;
        token[i % FEATURES] = (float)(sqrt(1 - bar) / variance * (x[i] - sqrt(bar) * MEAN));
        token[FEATURES + i % FEATURES] = 0;
    }
    return true;
}

static bool fresh_noise(void *user, struct fit_compute *c, float *noise, int draw)
{
    (void)user;
    return fit_run(c, randn, noise, 9, (uint32_t)draw + 1, 1, 0, 0, 1, VALUES);
}

/* Of VALUES values the mean is known to SPREAD / 90 and the variance to 1.6 % (one standard
 * error); 100 steps leave a per cent. */
static void ends_with_the_data(void **state)
{
    (void)state;
    struct tiny_run run;
    tiny_run_open(&run);
    struct fk_device *d = run.device;
    float *start = d->alloc(d, VALUES * sizeof *start);
    for (int solver = FIT_SOLVER_DDPM; solver <= FIT_SOLVER_DDIM; solver++) {
        const struct fit_sampler_params p = {
            .solver = solver, .steps = 100, .features = FEATURES, .noise = fresh_noise};
        struct fit_sampler s;
        double mean = 0, square = 0;
        assert_true(fit_run(&run.compute, randn, start, 9, 0, 1, 0, 0, 1, VALUES));
        assert_true(fit_sampler_begin(&s, &run.compute, &p, start, VALUES));
        while (!fit_sampler_is_finished(&s))
            assert_true(fit_sampler_next(&s, &run.compute, gaussian, NULL));
        for (int i = 0; i < VALUES; i++) {
            mean += s.x[i] / VALUES;
            square += (double)s.x[i] * s.x[i] / VALUES;
        }
        double variance = square - mean * mean;
        print_message("%s: mean %.4f, variance %.4f\n", fit_solver_name(solver), mean, variance);
        tiny_close_to("mean", mean - MEAN, 0, 5 * SPREAD / 90);
        tiny_close_to("variance", variance / (SPREAD * SPREAD), 1, 0.1);
        fit_sampler_finish(&s);
    }
    d->free(d, start);
    tiny_run_close(&run);
}

/* ---- the loss ----------------------------------------------------------------------------- */

/* A network that knows the noise has no error; at the true variance no divergence is left, at the
 * largest one the formula's. */
static void loss_of_the_truth(void **state)
{
    (void)state;
    struct fit_ddpm chain;
    float noise[FEATURES], data[FEATURES] = {0}, output[2 * FEATURES];
    assert_true(fit_ddpm_init(&chain, FIT_DDPM_TRAINED_STEPS, false, NULL));
    for (int index = 1; index < FIT_DDPM_TRAINED_STEPS; index += 499) {
        const struct fit_ddpm_step *s = &chain.step[index];
        double ratio = s->high - s->low;
        for (int i = 0; i < FEATURES; i++) {
            output[i] = noise[i] = tiny_fill(5, (uint32_t)i, 2);
            output[FEATURES + i] = -1;
        }
        tiny_close_to("true variance",
                      fit_ddpm_loss(s, output, data, noise, 1, FEATURES, 1, NULL), 0, 1e-12);
        for (int i = 0; i < FEATURES; i++)
            output[FEATURES + i] = 1;
        tiny_close_to("largest variance",
                      fit_ddpm_loss(s, output, data, noise, 1, FEATURES, 1, NULL) * M_LN2,
                      0.5 * (ratio - 1 + exp(-ratio)), 1e-9);
        for (int i = 0; i < FEATURES; i++) /* an error of 1 beside the bound of its own */
            output[i] = noise[i] + 1;
        double apart = s->beta * sqrt(s->previous_alpha_bar) / sqrt(1 - s->alpha_bar) /
                       sqrt(s->alpha_bar);
        tiny_close_to("an error",
                      fit_ddpm_loss(s, output, data, noise, 1, FEATURES, 1, NULL),
                      1 + 0.5 * (ratio - 1 + exp(-ratio) + apart * apart / s->beta) / M_LN2, 1e-6);
    }
    fit_ddpm_finish(&chain);
}

/* At the data a value is an interval of the normal distribution around what the network sees. */
static void loss_at_the_data(void **state)
{
    (void)state;
    struct fit_ddpm chain;
    assert_true(fit_ddpm_init(&chain, FIT_DDPM_TRAINED_STEPS, false, NULL));
    const float data[3] = {0.25f, -1.5f, 1.5f}, noise[3] = {0};
    const float output[6] = {0, 0, 0, 1, 1, 1}; /* no error, deviation sqrt(1e-4) */
    double reach = 1 / 255.0 / 0.01, inside = erf(reach / sqrt(2)), half = (1 + inside) / 2;
    /* The reference's approximation of the distribution is good to 2e-4. */
    tiny_close_to("interval",
                  fit_ddpm_loss(&chain.step[0], output, data, noise, 1, 3, 1, NULL) * 3 * M_LN2,
                  -log(inside) - 2 * log(half), 2e-3);
    fit_ddpm_finish(&chain);
}

/* The noise's gradient is that of the squares alone: the bound takes it for a constant. */
static void loss_has_its_gradient(void **state)
{
    (void)state;
    enum { TOKENS = 6, N = TOKENS * FEATURES };
    static const int index[] = {0, 1, 37, 500, 999};
    const double weight = 0.7, epsilon = 1.0 / 64;
    struct fit_ddpm chain;
    float data[N], noise[N], output[2 * N], gradient[2 * N], moved[2 * N];
    assert_true(fit_ddpm_init(&chain, FIT_DDPM_TRAINED_STEPS, false, NULL));
    for (uint32_t i = 0; i < N; i++) {
        data[i] = tiny_fill(1, i, 2); /* a half lies beyond +-1 */
        noise[i] = tiny_fill(2, i, 2);
    }
    for (uint32_t i = 0; i < 2 * N; i++)
        output[i] = i / FEATURES % 2 ? tiny_fill(3, i, 1.5f)
                                     : noise[i / FEATURES / 2 * FEATURES + i % FEATURES] +
                                           tiny_fill(4, i, 0.5f);
    for (size_t k = 0; k < sizeof index / sizeof *index; k++) {
        const struct fit_ddpm_step *s = &chain.step[index[k]];
        double loss = fit_ddpm_loss(s, output, data, noise, TOKENS, FEATURES, weight, gradient);
        assert_true(isfinite(loss) && loss > 0);
        for (int i = 0; i < 2 * N; i++) {
            double losses[2];
            int of_noise = i / FEATURES % 2 == 0;
            int at = i / FEATURES / 2 * FEATURES + i % FEATURES;
            for (int side = 0; side < 2; side++) {
                memcpy(moved, output, sizeof moved);
                moved[i] += (float)(side ? epsilon : -epsilon);
                losses[side] = fit_ddpm_loss(s, moved, data, noise, TOKENS, FEATURES, 1, NULL);
            }
            double slope = of_noise ? 2.0 * (output[i] - noise[at]) / N
                                    : (losses[1] - losses[0]) / (2 * epsilon);
            tiny_close_to("slope", gradient[i] * N, weight * slope * N, 1e-3);
        }
        memcpy(moved, output, sizeof moved); /* the gradient may take the output's place */
        fit_ddpm_loss(s, moved, data, noise, TOKENS, FEATURES, weight, moved);
        assert_memory_equal(moved, gradient, sizeof moved);
    }
    fit_ddpm_finish(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(indices),
        cmocka_unit_test(steps_follow_the_formulas),
        cmocka_unit_test(ends_with_the_data),
        cmocka_unit_test(loss_of_the_truth),
        cmocka_unit_test(loss_at_the_data),
        cmocka_unit_test(loss_has_its_gradient),
    };
    return cmocka_run_group_tests_name("ddpm", tests, NULL, NULL);
}
