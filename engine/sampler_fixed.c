/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explicit Runge-Kutta methods with equal steps, as Butcher tables (Hairer, Norsett, Wanner,
 * Solving Ordinary Differential Equations I, II.1): stage i is evaluated at x + h sum_j a[i][j] k_j
 * and t + c_i h, the step ends at x + h sum_i b_i k_i.
 */
#include <stdlib.h>

#include "sampler_kind.h"

enum { STAGES = 4 };

static const struct method {
    int stages;
    double a[STAGES][STAGES], b[STAGES], c[STAGES];
} methods[FIT_N_SOLVERS] = {
    [FIT_SOLVER_EULER] = {.stages = 1, .b = {1}},
    [FIT_SOLVER_MIDPOINT] = {.stages = 2, .a = {{0}, {0.5}}, .b = {0, 1}, .c = {0, 0.5}},
    [FIT_SOLVER_HEUN] = {.stages = 2, .a = {{0}, {1}}, .b = {0.5, 0.5}, .c = {0, 1}},
    [FIT_SOLVER_HEUN3] = {.stages = 3,
                          .a = {{0}, {1.0 / 3}, {0, 2.0 / 3}},
                          .b = {0.25, 0, 0.75},
                          .c = {0, 1.0 / 3, 2.0 / 3}},
    [FIT_SOLVER_RK4] = {.stages = 4,
                        .a = {{0}, {1.0 / 3}, {-1.0 / 3, 1}, {1, -1, 1}},
                        .b = {0.125, 0.375, 0.375, 0.125},
                        .c = {0, 1.0 / 3, 2.0 / 3, 1}},
};

struct own {
    int stage; /* of the next evaluation */
};

/* A stage at the end of a step is evaluated at the next point itself, whatever the rounding. */
static float stage_time(const struct method *m, const float *points, int step, int stage)
{
    float h = points[step + 1] - points[step];
    return m->c[stage] == 1 ? points[step + 1] : points[step] + (float)m->c[stage] * h;
}

static int times(const struct fit_sampler_params *params, const float *points, float *t)
{
    const struct method *m = &methods[params->solver];
    int n = params->steps * m->stages;
    for (int i = 0; t && i < n; i++)
        t[i] = stage_time(m, points, i / m->stages, i % m->stages);
    return n;
}

static bool begin(struct fit_sampler *s, struct fit_compute *c)
{
    s->own = calloc(1, sizeof(struct own));
    return s->own || fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a solver");
}

static bool combine(struct fit_sampler *s, struct fit_compute *c, float *to, const double *weight,
                    int n, float h)
{
    double scaled[STAGES];
    for (int i = 0; i < n; i++)
        scaled[i] = (float)weight[i] * h;
    return fit_sampler_combine(s, c, to, s->x, scaled, s->buffer + 1, n);
}

/* The state of a stage is kept apart from x: the step's end overwrites that. */
static bool next(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                 void *user)
{
    const struct method *m = &methods[s->params.solver];
    struct own *own = s->own;
    float **k = s->buffer + 1, *between = s->buffer[0];
    int stage = own->stage;
    float h = s->points[s->step + 1] - s->points[s->step];
    if (!combine(s, c, between, m->a[stage], stage, h) ||
        !fit_sampler_evaluate(s, c, velocity, user, k[stage], between,
                              stage_time(m, s->points, s->step, stage)))
        return false;
    s->point = s->step;
    s->n_points = stage == 0;
    if (stage + 1 < m->stages) {
        own->stage++;
        return true;
    }
    if (!combine(s, c, s->x, m->b, m->stages, h))
        return false;
    own->stage = 0;
    s->step++;
    s->time = s->points[s->step];
    s->finished = s->step == s->params.steps;
    return true;
}

static int keep(const struct fit_sampler *s, double *number)
{
    const struct own *own = s->own;
    number[0] = s->step;
    number[1] = own->stage;
    return 2;
}

static bool restore(struct fit_sampler *s, const double *number)
{
    struct own *own = s->own;
    int stages = methods[s->params.solver].stages, step, stage;
    if (!fit_sampler_read_count(number[0], s->params.steps, &step) ||
        !fit_sampler_read_count(number[1], stages - 1, &stage))
        return false;
    s->finished = step == s->params.steps;
    if (s->finished && stage)
        return false;
    s->step = step;
    s->time = s->points[step];
    s->evaluations = step * stages + stage;
    s->n_known = step + (stage > 0);
    own->stage = stage;
    return true;
}

const struct fit_sampler_kind fit_sampler_fixed = {
    .plan = fit_sampler_plan_evenly,
    .times = times,
    .begin = begin,
    .next = next,
    .point = fit_sampler_point_straight,
    .keep = keep,
    .restore = restore,
};
