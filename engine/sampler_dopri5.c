/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dormand & Prince's 5(4) pair (J. R. Dormand, P. J. Prince, "A family of embedded Runge-Kutta
 * formulae", 1980) with the step control that torchdiffeq gives it, because the papers' pictures
 * were made so (every choice below is that program's):
 *
 *  - the first step by Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, II.4;
 *  - the error is the root mean square of E / (atol + rtol max(|y0|, |y1|)) over the whole state;
 *  - no step is cut at t = 1: the last one goes beyond, and the result is the polynomial of
 *    fourth degree through the step (L. F. Shampine, "Some practical Runge-Kutta formulas", 1986);
 *  - stages at the end of a step are evaluated at the float just below it;
 *  - the state and the weights are float, times and ratios double.
 *
 * The norm needs host memory: once a step, three states come down.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sampler_kind.h"

enum { STAGES = 7, MAX_EVALUATIONS = 100000 };

static const double node[STAGES] = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};

/* Row 6 holds the weights of the result too: the last stage of a step is the first of the next. */
static const double stage_weight[STAGES][STAGES] = {
    {0},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
};

static const double error_weight[STAGES] = {
    35.0 / 384 - 1951.0 / 21600,
    0,
    500.0 / 1113 - 22642.0 / 50085,
    125.0 / 192 - 451.0 / 720,
    -2187.0 / 6784 + 12231.0 / 42400,
    11.0 / 84 - 649.0 / 6300,
    -1.0 / 60,
};

static const double middle_weight[STAGES] = {
    0.5 * 6025192743 / 30085553152,    0,
    0.5 * 51252292925 / 65400821598,   -0.5 * 2691868925 / 45128329728,
    0.5 * 187940372067 / 1594534317056, -0.5 * 1776094331 / 19743644256,
    0.5 * 11237099 / 235043384,
};

/* The sampler's buffers: the state of a stage (after the last one, the new state), the state that
 * the step began with, k1 .. k7, and the error, after it the state in the middle of the step. */
enum { STAGE, START, K, SPARE = K + STAGES };

struct own {
    int stage;      /* of the next evaluation; STAGES: the step has ended */
    int begun;      /* evaluations of the search for a first step, two in all */
    bool accepted;  /* the step that has just ended; its buffers wait to be interpolated */
    double t0, dt;  /* the step's */
    double next_dt; /* once it has ended */
    double h0, d1;  /* of the search */
    float *host[3];
};

static int times(const struct fit_sampler_params *params, const float *points, float *t)
{
    (void)params;
    (void)points;
    (void)t;
    return 0;
}

static bool check(const struct fit_sampler_params *params, struct fit_error *e)
{
    if (params->atol > 0 && params->rtol > 0 && isfinite(params->atol) && isfinite(params->rtol))
        return true;
    return fit_fail(e, FIT_ERROR_ARGUMENT, "tolerances %g and %g: both must be above 0",
                    params->atol, params->rtol);
}

static bool begin(struct fit_sampler *s, struct fit_compute *c)
{
    struct own *own = s->own = calloc(1, sizeof *own);
    bool ok = own;
    for (int i = 0; ok && i < 3; i++)
        ok = (own->host[i] = malloc(s->n * sizeof *own->host[i]));
    return (ok || fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a solver")) &&
           fit_sampler_copy(s, c, s->buffer[START], s->x);
}

static void finish(void *data)
{
    struct own *own = data;
    for (int i = 0; i < 3; i++)
        free(own->host[i]);
}

static bool download(struct fit_sampler *s, struct fit_compute *c, float *host, const float *from)
{
    struct fk_device *d = c->device;
    return fit_compute_check(c, d->download(c->queue, host, from, s->n * sizeof *host)) &&
           fit_compute_check(c, d->queue_sync(c->queue));
}

/* Root mean square of v / (atol + rtol max(|a|, |b|)). */
static double norm(const struct fit_sampler *s, const float *v, const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        double scale = s->params.atol + s->params.rtol * fmax(fabsf(a[i]), fabsf(b[i]));
        sum += (v[i] / scale) * (v[i] / scale);
    }
    return sqrt(sum / (double)s->n);
}

static bool combine(struct fit_sampler *s, struct fit_compute *c, float *to, const float *from,
                    const double *weight, int n, double dt)
{
    double scaled[STAGES];
    for (int i = 0; i < n; i++)
        scaled[i] = (float)weight[i] * (float)dt;
    return fit_sampler_combine(s, c, to, from, scaled, s->buffer + K, n);
}

/* ---- the first step ----------------------------------------------------------------------- */

static bool search_first(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                         void *user)
{
    struct own *own = s->own;
    float *y0 = s->buffer[START], *f0 = s->buffer[K];
    if (!fit_sampler_evaluate(s, c, velocity, user, f0, y0, 0) ||
        !download(s, c, own->host[0], y0) || !download(s, c, own->host[1], f0))
        return false;
    double d0 = norm(s, own->host[0], own->host[0], own->host[0]);
    own->d1 = norm(s, own->host[1], own->host[0], own->host[0]);
    own->h0 = d0 < 1e-5 || own->d1 < 1e-5 ? 1e-6 : 0.01 * d0 / own->d1;
    s->point = 0;
    s->n_points = 1;
    own->begun = 1;
    return true;
}

static bool search_second(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                          void *user)
{
    struct own *own = s->own;
    const double one = 1;
    float *probe = s->buffer[STAGE], *f1 = s->buffer[K + 1];
    if (!combine(s, c, probe, s->buffer[START], &one, 1, own->h0) ||
        !fit_sampler_evaluate(s, c, velocity, user, f1, probe, (float)own->h0) ||
        !download(s, c, own->host[0], s->buffer[START]) ||
        !download(s, c, own->host[1], s->buffer[K]) || !download(s, c, own->host[2], f1))
        return false;
    for (size_t i = 0; i < s->n; i++)
        own->host[2][i] -= own->host[1][i];
    double d1 = own->d1, h0 = own->h0;
    double d2 = norm(s, own->host[2], own->host[0], own->host[0]) / h0;
    double h1 = d1 <= 1e-15 && d2 <= 1e-15 ? fmax(1e-6, 1e-3 * h0)
                                           : pow(0.01 / fmax(d1, d2), 1.0 / 5);
    own->dt = fmin(100 * h0, h1);
    own->stage = 1;
    own->begun = 2;
    return true;
}

/* ---- the interpolant ---------------------------------------------------------------------- */

/* Of the state at t0 + u dt on y0, y1, y_mid, k1 and k7; with `slope`, of its derivative. */
static void interpolant(double *weight, double u, double dt, bool slope)
{
    /* coefficients of u, u^2, u^3, u^4 */
    static const double table[5][4] = {
        {0, -11, 18, -8}, {0, -5, 14, -8}, {0, 16, -32, 16}, {1, -4, 5, -2}, {0, 1, -3, 2},
    };
    for (int i = 0; i < 5; i++) {
        double value = 0, power = slope ? 1 : u;
        for (int j = 0; j < 4; j++, power *= u)
            value += (slope ? j + 1 : 1) * table[i][j] * power;
        weight[i] = value * (i >= 3 ? dt : 1) / (slope ? dt : 1);
    }
}

static bool interpolate(const struct fit_sampler *s, struct fit_compute *c, double t, float *state,
                        float *slope)
{
    const struct own *own = s->own;
    double u = (t - own->t0) / own->dt, weight[5];
    float *const *b = s->buffer;
    float *const from[5] = {b[START], b[STAGE], b[SPARE], b[K], b[K + 6]};
    interpolant(weight, u, own->dt, false);
    if (!fit_sampler_combine(s, c, state, b[START], weight, from, 5))
        return false;
    if (!slope)
        return true;
    interpolant(weight, u, own->dt, true);
    return fit_compute_check(c, c->device->zero(c->queue, slope, s->n * sizeof *slope)) &&
           fit_sampler_combine(s, c, slope, slope, weight, from, 5);
}

static bool point(const struct fit_sampler *s, struct fit_compute *c, int i, float *state,
                  float *prediction)
{
    const struct own *own = s->own;
    if (!own->accepted) /* the first point, at the first evaluation */
        return fit_sampler_point_straight(s, c, i, state, prediction);
    double t = s->points[i];
    return interpolate(s, c, t, state, prediction) &&
           fit_run(c, axpby, prediction, 1, state, (float)(1 - t), s->n);
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool accept(struct fit_sampler *s, struct fit_compute *c)
{
    struct own *own = s->own;
    double t1 = own->t0 + own->dt;
    int steps = s->params.steps, last = s->step;
    if (!combine(s, c, s->buffer[SPARE], s->buffer[START], middle_weight, STAGES, own->dt))
        return false;
    bool over = t1 >= 1;
    if (!(over ? interpolate(s, c, 1, s->x, NULL) : fit_sampler_copy(s, c, s->x, s->buffer[STAGE])))
        return false;
    while (last + 1 < steps && s->points[last + 1] <= t1)
        last++;
    s->point = s->step + 1;
    s->n_points = last - s->step;
    s->step = over ? steps : last;
    s->time = over ? 1 : t1;
    s->finished = over;
    own->accepted = true;
    return true;
}

static double next_size(double dt, double ratio)
{
    if (ratio == 0)
        return 10 * dt;
    return dt * fmin(10, fmax(0.9 * pow(ratio, -1.0 / 5), ratio < 1 ? 1 : 0.2));
}

static bool end_step(struct fit_sampler *s, struct fit_compute *c)
{
    struct own *own = s->own;
    float *error = s->buffer[SPARE];
    if (!fit_compute_check(c, c->device->zero(c->queue, error, s->n * sizeof *error)) ||
        !combine(s, c, error, error, error_weight, STAGES, own->dt) ||
        !download(s, c, own->host[0], s->buffer[START]) ||
        !download(s, c, own->host[1], s->buffer[STAGE]) || !download(s, c, own->host[2], error))
        return false;
    double ratio = norm(s, own->host[2], own->host[0], own->host[1]);
    if (!isfinite(ratio))
        return fit_fail(c->error, FIT_ERROR_DEVICE,
                        "the network gave values that are no numbers near t = %.4f", own->t0);
    own->next_dt = next_size(own->dt, ratio);
    own->stage = STAGES;
    return ratio > 1 || accept(s, c);
}

/* What the end of a step left for later, so that its buffers could be looked at. */
static bool start_step(struct fit_sampler *s, struct fit_compute *c)
{
    struct own *own = s->own;
    float **b = s->buffer;
    if (own->accepted) {
        float *start = b[START], *first = b[K];
        b[START] = b[STAGE];
        b[STAGE] = start;
        b[K] = b[K + 6];
        b[K + 6] = first;
        own->t0 += own->dt;
    }
    own->accepted = false;
    own->dt = own->next_dt;
    own->stage = 1;
    if (own->t0 + own->dt > own->t0 && s->evaluations < MAX_EVALUATIONS)
        return true;
    return fit_fail(c->error, FIT_ERROR_ARGUMENT,
                    "the adaptive solver does not come on at t = %.6f after %d evaluations; larger "
                    "tolerances than %g and %g may help",
                    own->t0, s->evaluations, s->params.atol, s->params.rtol);
}

static float stage_time(const struct own *own, int stage)
{
    float end = (float)(own->t0 + own->dt);
    return node[stage] == 1 ? nextafterf(end, end - 1)
                            : (float)own->t0 + (float)node[stage] * (float)own->dt;
}

static bool next(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                 void *user)
{
    struct own *own = s->own;
    if (own->begun < 2)
        return own->begun == 0 ? search_first(s, c, velocity, user)
                               : search_second(s, c, velocity, user);
    if (own->stage == STAGES && !start_step(s, c))
        return false;
    float *state = s->buffer[STAGE];
    int stage = own->stage;
    if (!combine(s, c, state, s->buffer[START], stage_weight[stage], stage, own->dt) ||
        !fit_sampler_evaluate(s, c, velocity, user, s->buffer[K + stage], state,
                              stage_time(own, stage)))
        return false;
    return ++own->stage < STAGES || end_step(s, c);
}

/* ---- leaving and coming back -------------------------------------------------------------- */

static int keep(const struct fit_sampler *s, double *number)
{
    const struct own *own = s->own;
    const double values[] = {own->stage,   own->begun, own->accepted, s->evaluations, own->t0,
                             own->dt, own->next_dt, own->h0, own->d1};
    memcpy(number, values, sizeof values);
    return sizeof values / sizeof *values;
}

/* The numbers that the equation gave; the counts before them are checked. */
static bool is_possible(const struct own *own, int evaluations)
{
    const double reals[] = {own->t0, own->dt, own->next_dt, own->h0, own->d1};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (!(reals[i] >= 0 && isfinite(reals[i])))
            return false;
    if (own->begun < 2)
        return own->stage == 0 && !own->accepted && own->t0 == 0 && evaluations == own->begun &&
               (own->begun == 0 || own->h0 > 0);
    bool ended = own->stage == STAGES;
    return own->stage >= 1 && own->dt > 0 && own->t0 < 1 && (ended ? own->next_dt > 0
                                                                    : !own->accepted);
}

static bool restore(struct fit_sampler *s, const double *number)
{
    struct own *own = s->own;
    int accepted, evaluations, steps = s->params.steps;
    if (!fit_sampler_read_count(number[0], STAGES, &own->stage) ||
        !fit_sampler_read_count(number[1], 2, &own->begun) ||
        !fit_sampler_read_count(number[2], 1, &accepted) ||
        !fit_sampler_read_count(number[3], MAX_EVALUATIONS, &evaluations))
        return false;
    own->accepted = accepted;
    own->t0 = number[4];
    own->dt = number[5];
    own->next_dt = number[6];
    own->h0 = number[7];
    own->d1 = number[8];
    if (!is_possible(own, evaluations))
        return false;
    s->evaluations = evaluations;
    s->time = accepted ? fmin(own->t0 + own->dt, 1) : own->t0;
    s->finished = accepted && own->t0 + own->dt >= 1;
    for (s->step = 0; s->step + 1 < steps && s->points[s->step + 1] <= s->time;)
        s->step++;
    s->n_known = own->begun ? s->step + 1 : 0;
    if (s->finished)
        s->step = steps;
    return true;
}

const struct fit_sampler_kind fit_sampler_dopri5 = {
    .waits = true,
    .check = check,
    .plan = fit_sampler_plan_evenly,
    .times = times,
    .begin = begin,
    .next = next,
    .point = point,
    .finish = finish,
    .keep = keep,
    .restore = restore,
};
