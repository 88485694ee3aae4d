/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stochastic solvers of dx = (v + w s) dt + sqrt(2 w) dW, whose states have the same distributions
 * at every t as those of dx = v dt for any w(t) >= 0 (SiT, arXiv 2401.08740, section 2.4). The
 * score follows from the velocity of the straight path: s = (t v - x) / (1 - t).
 *
 * Steps are equal up to t = 1 - last_step_size; from there one step without noise goes to t = 1
 * (it is the last of `steps`). At its beginning Tweedie's mean of the data,
 * (x + (1 - t)^2 s) / t, is x + (1 - t) v, and so the same as a step along v.
 */
#include <math.h>
#include <stdlib.h>

#include "sampler_kind.h"
#include "schedule.h"

/* The sampler's buffers: where the velocity is asked for, the velocity, the noise; for Heun also
 * the state at the end of the step and the velocity there. */
enum { AT, VELOCITY, NOISE, END, END_VELOCITY };

struct own {
    bool at_end; /* the next evaluation is Heun's second */
    int drawn;   /* draws of noise so far */
};

static bool has_last_step(const struct fit_sampler_params *params)
{
    return params->last_step != FIT_LAST_STEP_NONE;
}

static bool check(const struct fit_sampler_params *p, struct fit_error *e)
{
    if ((unsigned)p->diffusion >= FIT_N_DIFFUSIONS || (unsigned)p->last_step >= FIT_N_LAST_STEPS)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "diffusion %d or last step %d does not exist",
                        (int)p->diffusion, (int)p->last_step);
    if (p->diffusion == FIT_DIFFUSION_SBDM)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "diffusion: sbdm is infinite at t = 0, where these runs begin; sigma, "
                        "linear, constant, decreasing and increasing-decreasing are finite");
    if (!(p->diffusion_norm > 0 && p->diffusion_norm <= 1000))
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "diffusion norm: expected a number above 0 up to 1000, found %g",
                        p->diffusion_norm);
    if (has_last_step(p) && !(p->last_step_size > 0 && p->last_step_size < 1))
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "last step size: expected a number between 0 and 1, found %g",
                        p->last_step_size);
    if (has_last_step(p) && p->steps < 2)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "steps: a stochastic run needs 2, the last of them without noise");
    if (!has_last_step(p) && p->solver == FIT_SOLVER_SDE_HEUN)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "last step: sde-heun needs one: without it it would ask for the score at "
                        "t = 1, which is infinite");
    return true;
}

static void plan(const struct fit_sampler_params *p, float *points)
{
    if (!has_last_step(p)) {
        fit_schedule_linear(points, p->steps, 1);
        return;
    }
    fit_schedule_linear(points, p->steps - 1, (float)(1 - p->last_step_size));
    points[p->steps] = 1;
}

/* Equal for all steps, as the reference has it, not the distance of two rounded points. */
static float width(const float *points)
{
    return points[1] - points[0];
}

static bool is_last(const struct fit_sampler_params *p, int step)
{
    return has_last_step(p) && step == p->steps - 1;
}

static int times(const struct fit_sampler_params *p, const float *points, float *t)
{
    int n = 0;
    for (int i = 0; i < p->steps; i++) {
        if (t)
            t[n] = points[i];
        n++;
        if (p->solver != FIT_SOLVER_SDE_HEUN || is_last(p, i))
            continue;
        if (t)
            t[n] = points[i] + width(points);
        n++;
    }
    return n;
}

static double diffusion(const struct fit_sampler_params *p, double t)
{
    double n = p->diffusion_norm;
    switch (p->diffusion) {
    case FIT_DIFFUSION_CONSTANT:
        return n;
    case FIT_DIFFUSION_DECREASING:
        return 0.25 * (n * cos(M_PI * t) + 1) * (n * cos(M_PI * t) + 1);
    case FIT_DIFFUSION_INCREASING_DECREASING:
        return n * sin(M_PI * t) * sin(M_PI * t);
    default: /* sigma and linear; the others are refused */
        return n * (1 - t);
    }
}

/* The drift v + w s as a sum: of_x x + of_v v. */
struct drift {
    double of_x, of_v;
};

static struct drift drift(const struct fit_sampler_params *p, double t)
{
    double share = diffusion(p, t) / (1 - t);
    return (struct drift){-share, 1 + share * t};
}

static bool begin(struct fit_sampler *s, struct fit_compute *c)
{
    s->own = calloc(1, sizeof(struct own));
    return s->own || fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a solver");
}

static bool draw(struct fit_sampler *s, struct fit_compute *c)
{
    struct own *own = s->own;
    if (own->drawn > s->step)
        return true;
    if (!s->params.noise(s->params.noise_user, c, s->buffer[NOISE], s->step))
        return false;
    own->drawn = s->step + 1;
    return true;
}

static bool end_step(struct fit_sampler *s)
{
    s->step++;
    s->time = s->points[s->step];
    s->finished = s->step == s->params.steps;
    return true;
}

/* x = of_x at + of_v velocity + of_noise noise */
static bool advance(struct fit_sampler *s, struct fit_compute *c, double of_x, double of_v,
                    double of_noise)
{
    float *const *b = s->buffer;
    const double weight[3] = {of_x - 1, of_v, of_noise};
    return fit_sampler_combine(s, c, s->x, b[AT], weight, b, 3) && end_step(s);
}

static bool next_last(struct fit_sampler *s, struct fit_compute *c)
{
    double left = s->params.last_step_size;
    struct drift d = drift(&s->params, s->t);
    if (s->params.last_step != FIT_LAST_STEP_MEAN)
        d = (struct drift){0, 1};
    return advance(s, c, 1 + left * d.of_x, left * d.of_v, 0);
}

static bool next_euler(struct fit_sampler *s, struct fit_compute *c)
{
    double h = width(s->points), w = diffusion(&s->params, s->t);
    struct drift d = drift(&s->params, s->t);
    return draw(s, c) && advance(s, c, 1 + h * d.of_x, h * d.of_v, sqrt(2 * w) * sqrt(h));
}

/* Noise first: both evaluations of the step see the noisy state. */
static bool add_noise(struct fit_sampler *s, struct fit_compute *c)
{
    double spread = sqrt(2 * diffusion(&s->params, s->points[s->step]) * width(s->points));
    return draw(s, c) &&
           fit_sampler_combine(s, c, s->buffer[AT], s->x, &spread, s->buffer + NOISE, 1);
}

static bool next_heun_second(struct fit_sampler *s, struct fit_compute *c,
                             fit_velocity_fn *velocity, void *user)
{
    struct own *own = s->own;
    float *const *b = s->buffer;
    double h = width(s->points);
    float t = s->points[s->step], end = t + width(s->points);
    struct drift first = drift(&s->params, t), second = drift(&s->params, end);
    const double to_end[2] = {h * first.of_x, h * first.of_v};
    const double rest[2] = {h / 2 * second.of_x, h / 2 * second.of_v};
    if (!fit_sampler_combine(s, c, b[END], b[AT], to_end, b, 2) ||
        !fit_sampler_evaluate(s, c, velocity, user, b[END_VELOCITY], b[END], end))
        return false;
    own->at_end = false;
    const double half[2] = {h / 2 * first.of_x, h / 2 * first.of_v};
    return fit_sampler_combine(s, c, s->x, b[AT], half, b, 2) &&
           fit_sampler_combine(s, c, s->x, s->x, rest, b + END, 2) && end_step(s);
}

static bool next(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                 void *user)
{
    struct own *own = s->own;
    if (own->at_end)
        return next_heun_second(s, c, velocity, user);
    bool last = is_last(&s->params, s->step);
    bool heun = s->params.solver == FIT_SOLVER_SDE_HEUN && !last;
    if (!(heun ? add_noise(s, c) : fit_sampler_copy(s, c, s->buffer[AT], s->x)) ||
        !fit_sampler_evaluate(s, c, velocity, user, s->buffer[VELOCITY], s->buffer[AT],
                              s->points[s->step]))
        return false;
    s->point = s->step;
    s->n_points = 1;
    own->at_end = heun;
    return heun || (last ? next_last(s, c) : next_euler(s, c));
}

static int keep(const struct fit_sampler *s, double *number)
{
    const struct own *own = s->own;
    number[0] = s->step;
    number[1] = own->at_end;
    number[2] = own->drawn;
    return 3;
}

static bool restore(struct fit_sampler *s, const double *number)
{
    const struct fit_sampler_params *p = &s->params;
    struct own *own = s->own;
    bool heun = p->solver == FIT_SOLVER_SDE_HEUN;
    int step, at_end, drawn;
    if (!fit_sampler_read_count(number[0], p->steps, &step) ||
        !fit_sampler_read_count(number[1], 1, &at_end) ||
        !fit_sampler_read_count(number[2], p->steps, &drawn))
        return false;
    s->finished = step == p->steps;
    if (at_end && (!heun || s->finished || is_last(p, step)))
        return false;
    s->step = step;
    s->time = s->points[step];
    /* Heun's last step has one evaluation. */
    s->evaluations = heun ? 2 * step + at_end - s->finished : step;
    s->n_known = step + at_end;
    own->at_end = at_end;
    own->drawn = drawn;
    return true;
}

const struct fit_sampler_kind fit_sampler_sde = {
    .check = check,
    .plan = plan,
    .times = times,
    .begin = begin,
    .next = next,
    .point = fit_sampler_point_straight,
    .keep = keep,
    .restore = restore,
};
