/* SPDX-License-Identifier: Apache-2.0 */
/* The table of solvers, and what all of them share. */
#include "sampler.h"

#include <stdlib.h>
#include <string.h>

#include "sampler_kind.h"
#include "schedule.h"

static const struct solver {
    const char *name;
    const struct fit_sampler_kind *kind;
    int evaluations; /* in a step */
    int buffers;
    int first; /* the first buffer holds so many states */
} solvers[FIT_N_SOLVERS] = {
    [FIT_SOLVER_EULER] = {"euler", &fit_sampler_fixed, 1, 2, 1},
    [FIT_SOLVER_MIDPOINT] = {"midpoint", &fit_sampler_fixed, 2, 3, 1},
    [FIT_SOLVER_HEUN] = {"heun", &fit_sampler_fixed, 2, 3, 1},
    [FIT_SOLVER_RK4] = {"rk4", &fit_sampler_fixed, 4, 5, 1},
    [FIT_SOLVER_HEUN3] = {"heun3", &fit_sampler_fixed, 3, 4, 1},
    [FIT_SOLVER_DOPRI5] = {"dopri5", &fit_sampler_dopri5, 0, 10, 1},
    [FIT_SOLVER_SDE_EULER] = {"sde-euler", &fit_sampler_sde, 1, 3, 1},
    [FIT_SOLVER_SDE_HEUN] = {"sde-heun", &fit_sampler_sde, 2, 5, 1},
    [FIT_SOLVER_DDPM] = {"ddpm", &fit_sampler_ddpm, 1, 4, 2},
    [FIT_SOLVER_DDIM] = {"ddim", &fit_sampler_ddpm, 1, 4, 2},
};

const char *fit_solver_name(enum fit_solver solver)
{
    return (unsigned)solver < FIT_N_SOLVERS ? solvers[solver].name : "unknown";
}

bool fit_solver_parse(const char *name, enum fit_solver *out)
{
    for (int i = 0; i < FIT_N_SOLVERS; i++)
        if (strcmp(name, solvers[i].name) == 0) {
            *out = (enum fit_solver)i;
            return true;
        }
    return false;
}

int fit_solver_evaluations(enum fit_solver solver)
{
    return (unsigned)solver < FIT_N_SOLVERS ? solvers[solver].evaluations : 0;
}

bool fit_sampler_check(const struct fit_sampler_params *params, struct fit_error *e)
{
    if ((unsigned)params->solver >= FIT_N_SOLVERS)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "solver %d does not exist", (int)params->solver);
    if (params->steps < 1 || params->steps > FIT_SAMPLER_MAX_STEPS)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%d steps; 1..%d are possible", params->steps,
                        FIT_SAMPLER_MAX_STEPS);
    const struct fit_sampler_kind *kind = solvers[params->solver].kind;
    if (params->first && kind != &fit_sampler_fixed)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "solver: %s cannot go on from another run; expected one with fixed steps",
                        solvers[params->solver].name);
    if (params->first < 0 || params->first >= params->steps)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "first step: expected 0 to %d, found %d",
                        params->steps - 1, params->first);
    return !kind->check || kind->check(params, e);
}

void fit_sampler_plan_evenly(const struct fit_sampler_params *params, float *points)
{
    fit_schedule_linear(points, params->steps, 1);
}

int fit_sampler_times(const struct fit_sampler_params *params, float *t)
{
    const struct fit_sampler_kind *kind = solvers[params->solver].kind;
    float *points = malloc((size_t)(params->steps + 1) * sizeof *points);
    if (!points)
        return 0;
    kind->plan(params, points);
    int n = kind->times(params, points, t);
    free(points);
    return n;
}

static size_t state_values(const struct fit_sampler *s, int buffer)
{
    return buffer == 0 ? (size_t)solvers[s->params.solver].first * s->n : s->n;
}

/* What no evaluation has written yet holds nothing of the memory's earlier life. */
static bool clear_buffers(struct fit_sampler *s, struct fit_compute *c)
{
    for (int i = 0; i < solvers[s->params.solver].buffers; i++)
        if (!fit_compute_check(c, c->device->zero(c->queue, s->buffer[i],
                                                  state_values(s, i) * sizeof(float))))
            return false;
    return true;
}

static int list_items(struct fit_scratch_item *items, struct fit_sampler *s,
                      enum fit_solver solver, size_t n)
{
    const struct solver *row = &solvers[solver];
    size_t bytes = n * sizeof(float);
    items[0] = (struct fit_scratch_item){"state", &s->x, bytes};
    for (int i = 0; i < row->buffers; i++)
        items[1 + i] = (struct fit_scratch_item){"stages of a solver", &s->buffer[i],
                                                 i == 0 ? (size_t)row->first * bytes : bytes};
    return 1 + row->buffers;
}

size_t fit_sampler_bytes(enum fit_solver solver, size_t n)
{
    struct fit_sampler none;
    struct fit_scratch_item items[1 + FIT_SAMPLER_MAX_BUFFERS];
    int count = list_items(items, &none, solver, n);
    return fit_scratch_bytes(items, (size_t)count);
}

bool fit_sampler_begin(struct fit_sampler *s, struct fit_compute *c,
                       const struct fit_sampler_params *params, const float *noise, size_t n)
{
    memset(s, 0, sizeof *s);
    if (!fit_sampler_check(params, c->error))
        return false;
    s->params = *params;
    s->kind = solvers[params->solver].kind;
    s->n = n;
    struct fit_scratch_item items[1 + FIT_SAMPLER_MAX_BUFFERS];
    int count = list_items(items, s, params->solver, n);
    s->points = malloc((size_t)(params->steps + 1) * sizeof *s->points);
    bool ok = s->points || fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d steps",
                                    params->steps);
    if (ok) {
        s->kind->plan(params, s->points);
        s->step = params->first;
        s->time = s->points[s->step];
        s->evaluations = params->first * solvers[params->solver].evaluations;
        s->n_known = params->first;
    }
    ok = ok && fit_scratch_reserve(&s->scratch, c->device, items, (size_t)count, c->error) &&
         clear_buffers(s, c) && fit_sampler_copy(s, c, s->x, noise) &&
         (!s->kind->begin || s->kind->begin(s, c));
    if (!ok)
        fit_sampler_finish(s);
    return ok;
}

bool fit_sampler_next(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                      void *user)
{
    if (s->finished)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT, "the run of %d steps is over",
                        s->params.steps);
    s->n_points = 0;
    if (!s->kind->next(s, c, velocity, user))
        return false;
    if (s->n_points)
        s->n_known = s->point + s->n_points;
    return true;
}

bool fit_sampler_is_finished(const struct fit_sampler *sampler)
{
    return sampler->finished;
}

bool fit_sampler_waits(const struct fit_sampler *sampler)
{
    return sampler->kind->waits;
}

bool fit_sampler_point(const struct fit_sampler *s, struct fit_compute *c, int point, float *state,
                       float *prediction)
{
    return s->kind->point(s, c, point, state, prediction);
}

void fit_sampler_finish(struct fit_sampler *sampler)
{
    if (sampler->own && sampler->kind->finish)
        sampler->kind->finish(sampler->own);
    free(sampler->own);
    fit_scratch_finish(&sampler->scratch);
    free(sampler->points);
    memset(sampler, 0, sizeof *sampler);
}

/* ---- leaving and coming back -------------------------------------------------------------- */

/* Of x and all buffers. */
static size_t all_values(const struct fit_sampler *s)
{
    size_t n = s->n;
    for (int i = 0; i < solvers[s->params.solver].buffers; i++)
        n += state_values(s, i);
    return n;
}

bool fit_sampler_keep(const struct fit_sampler *s, struct fit_compute *c,
                      struct fit_sampler_place *place)
{
    struct fk_device *d = c->device;
    *place = (struct fit_sampler_place){.n_values = all_values(s)};
    place->n_numbers = s->kind->keep(s, place->number);
    float *to = place->states = malloc(place->n_values * sizeof *to);
    if (!to)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory to keep where the run is");
    bool ok = fit_compute_check(c, d->download(c->queue, to, s->x, s->n * sizeof *to));
    to += s->n;
    for (int i = 0; ok && i < solvers[s->params.solver].buffers; i++) {
        size_t n = state_values(s, i);
        ok = fit_compute_check(c, d->download(c->queue, to, s->buffer[i], n * sizeof *to));
        to += n;
    }
    ok = ok && fit_compute_check(c, d->queue_sync(c->queue));
    if (!ok)
        fit_sampler_place_finish(place);
    return ok;
}

void fit_sampler_place_finish(struct fit_sampler_place *place)
{
    free(place->states);
    *place = (struct fit_sampler_place){0};
}

bool fit_sampler_restore(struct fit_sampler *s, struct fit_compute *c,
                         const struct fit_sampler_place *place)
{
    struct fk_device *d = c->device;
    double number[FIT_SAMPLER_MAX_NUMBERS];
    if (place->n_numbers != s->kind->keep(s, number) || place->n_values != all_values(s) ||
        !s->kind->restore(s, place->number))
        return fit_fail(c->error, FIT_ERROR_FILE,
                        "what was kept is no place in a run of %d steps of %s", s->params.steps,
                        solvers[s->params.solver].name);
    const float *from = place->states;
    bool ok = fit_compute_check(c, d->upload(c->queue, s->x, from, s->n * sizeof *from));
    from += s->n;
    for (int i = 0; ok && i < solvers[s->params.solver].buffers; i++) {
        size_t n = state_values(s, i);
        ok = fit_compute_check(c, d->upload(c->queue, s->buffer[i], from, n * sizeof *from));
        from += n;
    }
    return ok && fit_compute_check(c, d->queue_sync(c->queue));
}

/* ---- for the kinds ------------------------------------------------------------------------ */

bool fit_sampler_evaluate(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                          void *user, float *out, const float *x, float t)
{
    if (!velocity(user, c, out, x, t, s->evaluations))
        return false;
    s->evaluations++;
    s->state = x;
    s->velocity = out;
    s->t = t;
    return true;
}

bool fit_sampler_read_count(double number, int most, int *out)
{
    if (!(number >= 0 && number <= most) || number != (int)number)
        return false;
    *out = (int)number;
    return true;
}

bool fit_sampler_copy(const struct fit_sampler *s, struct fit_compute *c, float *to,
                      const float *from)
{
    return fit_compute_check(c, c->device->copy(c->queue, to, from, s->n * sizeof *to));
}

bool fit_sampler_combine(const struct fit_sampler *s, struct fit_compute *c, float *to,
                         const float *from, const double *weight, float *const *v, int n_weights)
{
    if (to != from && !fit_sampler_copy(s, c, to, from))
        return false;
    for (int j = 0; j < n_weights; j++)
        if (weight[j] != 0 && !fit_run(c, axpby, to, (float)weight[j], v[j], 1, s->n))
            return false;
    return true;
}

bool fit_sampler_point_straight(const struct fit_sampler *s, struct fit_compute *c, int point,
                                float *state, float *prediction)
{
    (void)point;
    return fit_sampler_copy(s, c, state, s->state) &&
           fit_sampler_copy(s, c, prediction, s->state) &&
           fit_run(c, axpby, prediction, 1 - s->t, s->velocity, 1, s->n);
}
