/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explicit Runge-Kutta methods as Butcher tables (Hairer, Norsett, Wanner, Solving Ordinary
 * Differential Equations I, II.1): stage i is evaluated at x + h sum_j a[i][j] k_j and t + c_i h,
 * the step ends at x + h sum_i b_i k_i.
 */
#include "sampler.h"

#include <stdlib.h>
#include <string.h>

#include "schedule.h"

enum { STAGES = FIT_SAMPLER_MAX_STAGES, N_ITEMS = 2 + STAGES, MAX_STEPS = 100000 };

static const struct method {
    const char *name;
    int stages;
    double a[STAGES][STAGES], b[STAGES], c[STAGES];
} methods[FIT_N_SOLVERS] = {
    [FIT_SOLVER_EULER] = {.name = "euler", .stages = 1, .b = {1}},
    [FIT_SOLVER_MIDPOINT] = {.name = "midpoint",
                             .stages = 2,
                             .a = {{0}, {0.5}},
                             .b = {0, 1},
                             .c = {0, 0.5}},
    [FIT_SOLVER_HEUN] = {.name = "heun",
                         .stages = 2,
                         .a = {{0}, {1}},
                         .b = {0.5, 0.5},
                         .c = {0, 1}},
    [FIT_SOLVER_RK4] = {.name = "rk4",
                        .stages = 4,
                        .a = {{0}, {1.0 / 3}, {-1.0 / 3, 1}, {1, -1, 1}},
                        .b = {0.125, 0.375, 0.375, 0.125},
                        .c = {0, 1.0 / 3, 2.0 / 3, 1}},
};

const char *fit_solver_name(enum fit_solver solver)
{
    return (unsigned)solver < FIT_N_SOLVERS ? methods[solver].name : "unknown";
}

bool fit_solver_parse(const char *name, enum fit_solver *out)
{
    for (int i = 0; i < FIT_N_SOLVERS; i++)
        if (strcmp(name, methods[i].name) == 0) {
            *out = (enum fit_solver)i;
            return true;
        }
    return false;
}

int fit_solver_evaluations(enum fit_solver solver)
{
    return (unsigned)solver < FIT_N_SOLVERS ? methods[solver].stages : 0;
}

/* A stage at the end of a step is evaluated at the next point itself, whatever the rounding. */
static float stage_time(const struct method *m, const float *points, int step, int stage)
{
    float h = points[step + 1] - points[step];
    return m->c[stage] == 1 ? points[step + 1] : points[step] + (float)m->c[stage] * h;
}

int fit_sampler_times(enum fit_solver solver, int steps, float *t)
{
    const struct method *m = &methods[solver];
    if (t) {
        float *points = malloc((size_t)(steps + 1) * sizeof *points);
        if (!points)
            return 0;
        fit_schedule_linear(points, steps);
        for (int i = 0; i < steps * m->stages; i++)
            t[i] = stage_time(m, points, i / m->stages, i % m->stages);
        free(points);
    }
    return steps * m->stages;
}

static int list_items(struct fit_scratch_item *items, struct fit_sampler *s,
                      enum fit_solver solver, size_t n)
{
    size_t bytes = n * sizeof(float);
    int stages = methods[solver].stages;
    items[0] = (struct fit_scratch_item){"state", &s->x, bytes};
    items[1] = (struct fit_scratch_item){"state of a stage", &s->between, bytes};
    for (int i = 0; i < stages; i++)
        items[2 + i] = (struct fit_scratch_item){"velocity of a stage", &s->k[i], bytes};
    return 2 + stages;
}

size_t fit_sampler_bytes(enum fit_solver solver, size_t n)
{
    struct fit_sampler none;
    struct fit_scratch_item items[N_ITEMS];
    int count = list_items(items, &none, solver, n);
    return fit_scratch_bytes(items, (size_t)count);
}

bool fit_sampler_begin(struct fit_sampler *s, struct fit_compute *c, enum fit_solver solver,
                       int steps, const float *noise, size_t n)
{
    memset(s, 0, sizeof *s);
    if ((unsigned)solver >= FIT_N_SOLVERS || steps < 1 || steps > MAX_STEPS)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT, "%d steps; 1..%d are possible", steps,
                        MAX_STEPS);
    s->solver = solver;
    s->steps = steps;
    s->n = n;
    struct fit_scratch_item items[N_ITEMS];
    int count = list_items(items, s, solver, n);
    s->points = malloc((size_t)(steps + 1) * sizeof *s->points);
    if (!s->points)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d steps", steps);
    fit_schedule_linear(s->points, steps);
    if (!fit_scratch_reserve(&s->scratch, c->device, items, (size_t)count, c->error) ||
        !fit_compute_check(c, c->device->copy(c->queue, s->x, noise, n * sizeof *noise))) {
        fit_sampler_finish(s);
        return false;
    }
    return true;
}

/* to = from + h sum_j weight[j] k_j; `to` may be `from`. */
static bool combine(struct fit_sampler *s, struct fit_compute *c, float *to, const float *from,
                    const double *weight, int n_weights, float h)
{
    if (to != from &&
        !fit_compute_check(c, c->device->copy(c->queue, to, from, s->n * sizeof *to)))
        return false;
    for (int j = 0; j < n_weights; j++)
        if (weight[j] != 0 && !fit_run(c, axpby, to, (float)weight[j] * h, s->k[j], 1, s->n))
            return false;
    return true;
}

bool fit_sampler_next(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                      void *user)
{
    const struct method *m = &methods[s->solver];
    if (fit_sampler_is_finished(s))
        return fit_fail(c->error, FIT_ERROR_ARGUMENT, "the run of %d steps is over", s->steps);

    /* The state of a point is kept apart: the step's end overwrites x. */
    int stage = s->stage;
    float h = s->points[s->step + 1] - s->points[s->step];
    float t = stage_time(m, s->points, s->step, stage);
    if (!combine(s, c, s->between, s->x, m->a[stage], stage, h) ||
        !velocity(user, c, s->k[stage], s->between, t, s->step * m->stages + stage))
        return false;
    s->state = s->between;
    s->velocity = s->k[stage];
    s->t = t;
    if (stage + 1 < m->stages) {
        s->stage++;
        return true;
    }
    if (!combine(s, c, s->x, s->x, m->b, m->stages, h))
        return false;
    s->stage = 0;
    s->step++;
    return true;
}

bool fit_sampler_is_finished(const struct fit_sampler *sampler)
{
    return sampler->step == sampler->steps;
}

bool fit_sampler_at_point(const struct fit_sampler *sampler)
{
    return sampler->velocity && sampler->velocity == sampler->k[0];
}

bool fit_sampler_predict(const struct fit_sampler *s, struct fit_compute *c, float *out)
{
    return fit_compute_check(c, c->device->copy(c->queue, out, s->state, s->n * sizeof *out)) &&
           fit_run(c, axpby, out, 1 - s->t, s->velocity, 1, s->n);
}

void fit_sampler_finish(struct fit_sampler *sampler)
{
    fit_scratch_finish(&sampler->scratch);
    free(sampler->points);
    memset(sampler, 0, sizeof *sampler);
}
