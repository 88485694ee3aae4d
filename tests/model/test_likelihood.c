/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Likelihood: the integral against densities that are known, the divergence of the network against
 * its Jacobian by differences of the implementation in double precision, both together against a
 * path followed in double.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "double_reference.h"
#include "likelihood.h"
#include "tiny.h"

enum { ROWS = 2, COLUMNS = 3, TOKENS = ROWS * COLUMNS, N = TOKENS * TINY_FEATURES, CLASS = 7 };

static const char *device_name;

/* ---- a flow to a Gaussian ---- */

/* Data N(mean, deviation^2) in every value. With x_t = t x1 + (1 - t) x0 the velocity is
 * E[x1 - x0 | x_t], linear in x_t. */
struct gaussian {
    double mean, deviation;
    size_t n;
    int probes;
};

static bool gaussian_flow(void *user, struct fit_compute *c, float *velocity, double *divergence,
                          const float *x, float at)
{
    const struct gaussian *g = user;
    double t = at, square = g->deviation * g->deviation;
    double slope = (t * square - (1 - t)) / (t * t * square + (1 - t) * (1 - t));
    (void)c;
    for (size_t i = 0; i < g->n; i++)
        velocity[i] = (float)(g->mean + slope * (x[i] - t * g->mean));
    for (int k = 0; k < g->probes; k++)
        divergence[k] = slope * (double)g->n;
    return true;
}

static void gaussian_case(double mean, double deviation, enum fit_solver solver, int steps,
                          double tolerance)
{
    enum { VALUES = 60, PROBES = 2 };
    struct tiny tiny;
    struct gaussian g = {mean, deviation, VALUES, PROBES};
    const struct fit_sampler_params params = {
        .solver = solver, .steps = steps, .atol = 1e-6, .rtol = 1e-5};
    double density[PROBES], exact = 0;
    int evaluations;
    tiny_open(&tiny, device_name, FK_F32);
    float *data = tiny_alloc(&tiny, VALUES * sizeof *data);
    for (int i = 0; i < VALUES; i++) {
        data[i] = (float)(mean + deviation * tiny_fill(5, (uint32_t)i, 2));
        exact -= 0.5 * pow((data[i] - mean) / deviation, 2) + log(deviation) + 0.5 * log(2 * M_PI);
    }
    tiny_require(&tiny, fit_flow_log_density(&tiny.compute, &params, gaussian_flow, &g, data,
                                             VALUES, PROBES, density, &evaluations));
    assert_true(evaluations >= steps || solver == FIT_SOLVER_DOPRI5);
    for (int k = 0; k < PROBES; k++)
        tiny_close_to(fit_solver_name(solver), density[k], exact, tolerance);
    tiny_free(&tiny, data);
    tiny_close(&tiny);
}

/* Errors of the solver's order: those of heun fall with the square of the step. */
static void known_density(void **state)
{
    (void)state;
    gaussian_case(0.5, 0.3, FIT_SOLVER_RK4, 64, 1e-5);
    gaussian_case(-2, 1.7, FIT_SOLVER_RK4, 64, 1e-5);
    gaussian_case(0.5, 0.3, FIT_SOLVER_HEUN, 256, 1e-3);
    gaussian_case(0.5, 0.3, FIT_SOLVER_DOPRI5, 4, 1e-4);
}

static void refusals(void **state)
{
    (void)state;
    struct fit_error e = {0};
    assert_false(fit_flow_check(FIT_SOLVER_SDE_HEUN, 1, &e));
    assert_non_null(strstr(e.message, "sde-heun"));
    assert_false(fit_flow_check(FIT_SOLVER_DDIM, 1, &e));
    assert_false(fit_flow_check(FIT_SOLVER_EULER, 0, &e));
    assert_false(fit_flow_check(FIT_SOLVER_EULER, FIT_LIKELIHOOD_MAX_PROBES + 1, &e));
    assert_true(fit_flow_check(FIT_SOLVER_EULER, FIT_LIKELIHOOD_MAX_PROBES, &e));
}

/* ---- the network ---- */

struct setting {
    struct tiny tiny;
    struct tiny_pack pack;
    struct fit_network_flow flow;
    float *x, *velocity, *probes;
};

/* With the unit vectors as probes, or with `n` random ones. */
static void open_setting(struct setting *s, int n, bool unit, bool gaussian)
{
    const int tokens = TOKENS;
    memset(s, 0, sizeof *s);
    tiny_open(&s->tiny, device_name, FK_F32);
    tiny_pack_build(&s->tiny, &s->pack, &tokens, 1, ROWS, COLUMNS, FIT_METHOD_NONE);
    s->x = tiny_alloc(&s->tiny, N * sizeof *s->x);
    s->velocity = tiny_alloc(&s->tiny, N * sizeof *s->velocity);
    s->probes = calloc((size_t)n * N, sizeof *s->probes);
    assert_non_null(s->probes);
    for (int i = 0; i < N; i++)
        s->x[i] = tiny_fill(1000, (uint32_t)i, 2);
    for (int k = 0; k < n; k++)
        if (unit)
            s->probes[k * N + k] = 1;
        else
            fit_likelihood_probe(s->probes + k * N, N, 3, (uint32_t)k, gaussian);
    s->flow = (struct fit_network_flow){&s->tiny.network, &s->pack.fk, s->pack.cosine,
                                        s->pack.sine, s->probes, n, CLASS,
                                        .probe = NULL};
    tiny_require(&s->tiny, fit_network_flow_reserve(&s->flow, &s->tiny.compute));
}

static void close_setting(struct setting *s)
{
    fit_network_flow_finish(&s->flow);
    tiny_pack_finish(&s->tiny, &s->pack);
    tiny_free(&s->tiny, s->x);
    tiny_free(&s->tiny, s->velocity);
    free(s->probes);
    tiny_close(&s->tiny);
}

static bool read_flat(void *data, const char *name, size_t n, double *values)
{
    const struct tiny *tiny = data;
    struct fit_tensor_spec spec;
    size_t k = 0;
    while (fit_weights_spec(&tiny->config, k, &spec) && strcmp(spec.name, name))
        k++;
    if (k == fit_weights_count(&tiny->config) || spec.n_values != n)
        return false;
    for (size_t i = 0; i < n; i++)
        values[i] = tiny->flat[spec.offset + i];
    return true;
}

static void exact_velocity(struct tiny *tiny, const double *x, double t, double *v)
{
    const struct reference_model model = {64, 2, 2, 170, 16, 4, 1000, read_flat, tiny};
    const struct reference_positions positions = {REFERENCE_NORMAL, true, 16};
    assert_true(reference_tokens(&model, &positions, ROWS, COLUMNS, TOKENS, x, t, CLASS, v));
}

/* The diagonal of the Jacobian by central differences; its error is of the order of the step's
 * square, and nothing of rounding is left in double. Returns the sum. */
static double exact_diagonal(struct tiny *tiny, const double *x, double t, double *diagonal)
{
    const double step = 1e-4;
    double moved[N], v[2][N], sum = 0;
    memcpy(moved, x, sizeof moved);
    for (int i = 0; i < N; i++) {
        for (int side = 0; side < 2; side++) {
            moved[i] = x[i] + (side ? step : -step);
            exact_velocity(tiny, moved, t, v[side]);
        }
        moved[i] = x[i];
        diagonal[i] = (v[1][i] - v[0][i]) / (2 * step);
        sum += diagonal[i];
    }
    return sum;
}

static void exact_divergence(void **state)
{
    struct setting s;
    double x[N], diagonal[N], estimate[N], size = 0;
    (void)state;
    open_setting(&s, N, true, false);
    for (int i = 0; i < N; i++)
        x[i] = s.x[i];
    exact_diagonal(&s.tiny, x, (double)0.3f, diagonal);
    tiny_require(&s.tiny, fit_network_flow_evaluate(&s.flow, &s.tiny.compute, s.velocity, estimate,
                                                    s.x, 0.3f));
    for (int i = 0; i < N; i++)
        size = fmax(size, fabs(diagonal[i]));
    assert_true(size > 0.05);
    for (int i = 0; i < N; i++)
        tiny_close_to("an entry of the diagonal", estimate[i], diagonal[i], 2e-5);
    close_setting(&s);
}

/* The mean of the probes is the divergence within what its own spread allows. */
static void hutchinson_case(bool gaussian)
{
    enum { PROBES = FIT_LIKELIHOOD_MAX_PROBES };
    struct setting s;
    double x[N], diagonal[N], estimate[PROBES], mean = 0, square = 0;
    open_setting(&s, PROBES, false, gaussian);
    for (int i = 0; i < N; i++)
        x[i] = s.x[i];
    double exact = exact_diagonal(&s.tiny, x, (double)0.3f, diagonal);
    tiny_require(&s.tiny, fit_network_flow_evaluate(&s.flow, &s.tiny.compute, s.velocity, estimate,
                                                    s.x, 0.3f));
    for (int k = 0; k < PROBES; k++)
        mean += estimate[k] / PROBES;
    for (int k = 0; k < PROBES; k++)
        square += pow(estimate[k] - mean, 2);
    double error = sqrt(square / PROBES / (PROBES - 1));
    if (!(error > 0 && fabs(mean - exact) < 4 * error))
        fail_msg("%s probes: %g, exact %g, standard error %g", gaussian ? "normal" : "sign", mean,
                 exact, error);
    close_setting(&s);
}

static void hutchinson(void **state)
{
    (void)state;
    hutchinson_case(false);
    hutchinson_case(true);
}

/* Euler's path in double, with the exact divergence. The unit vectors' integrals add up to it, so
 * the sum of the N densities is N times that of the noise less the integral. */
static void whole_path(void **state)
{
    enum { STEPS = 4 };
    struct setting s;
    double x[N], v[N], diagonal[N], density[N], integral = 0, square = 0, sum = 0;
    const struct fit_sampler_params params = {.solver = FIT_SOLVER_EULER, .steps = STEPS};
    int evaluations;
    (void)state;
    open_setting(&s, N, true, false);
    for (int i = 0; i < N; i++)
        x[i] = s.x[i];
    for (int k = 0; k < STEPS; k++) {
        double t = 1 - (double)k / STEPS;
        integral += exact_diagonal(&s.tiny, x, t, diagonal) / STEPS;
        exact_velocity(&s.tiny, x, t, v);
        for (int i = 0; i < N; i++)
            x[i] -= v[i] / STEPS;
    }
    for (int i = 0; i < N; i++)
        square += x[i] * x[i];
    tiny_require(&s.tiny, fit_flow_log_density(&s.tiny.compute, &params, fit_network_flow_evaluate,
                                               &s.flow, s.x, N, N, density, &evaluations));
    assert_int_equal(evaluations, STEPS);
    for (int i = 0; i < N; i++)
        sum += density[i];
    double noise = -0.5 * square - 0.5 * N * log(2 * M_PI);
    tiny_close_to("ln p", sum - (N - 1) * noise, noise - integral, 2e-4);
    close_setting(&s);
}

int main(int argc, char **argv)
{
    device_name = tiny_device_name(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_density), cmocka_unit_test(refusals),
        cmocka_unit_test(exact_divergence), cmocka_unit_test(hutchinson),
        cmocka_unit_test(whole_path),
    };
    return cmocka_run_group_tests_name("likelihood", tests, NULL, NULL);
}
