/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.h - integrates dx/dt = v(x, t) from noise (t = 0) to data (t = 1) by fixed-step explicit
 * Runge-Kutta methods. It knows no model: a callback gives the velocity. One call of
 * fit_sampler_next is one evaluation of the callback, so a run can be shown, cancelled or take
 * turns with others at every evaluation.
 *
 *     fit_sampler_begin -> { fit_sampler_next, look at the point }* -> fit_sampler_finish
 */
#ifndef FIT_SAMPLER_H
#define FIT_SAMPLER_H

#include "compute.h"
#include "scratch.h"

enum { FIT_SAMPLER_MAX_STAGES = 4 };

/* Writes velocity[n] at (x[n], t), device memory; `evaluation` counts from 0 over the whole run
 * and agrees with fit_sampler_times. */
typedef bool fit_velocity_fn(void *user, struct fit_compute *c, float *velocity, const float *x,
                             float t, int evaluation);

struct fit_sampler {
    enum fit_solver solver;
    int steps;
    size_t n; /* values of the state */
    int step, stage; /* of the next evaluation; step == steps: finished */
    float *x;        /* [n] the state at points[step] */
    float *between;  /* [n] the state of a stage */
    float *k[FIT_SAMPLER_MAX_STAGES]; /* [n] velocities of the stages */
    float *points;   /* host, owned, [steps + 1] */
    struct fit_scratch scratch;
    /* the newest evaluation */
    const float *state;    /* where it was made */
    const float *velocity; /* what it gave; both hold until the next evaluation */
    float t;
};

/* The state begins as a copy of noise[n] (device memory). steps in [1, 100000]. */
bool fit_sampler_begin(struct fit_sampler *sampler, struct fit_compute *c, enum fit_solver solver,
                       int steps, const float *noise, size_t n);

/* One evaluation; after the last stage of a step the state moves on to the next point. Afterwards
 * `state`, `velocity` and `t` describe the evaluation and `x` the newest finished step. */
bool fit_sampler_next(struct fit_sampler *sampler, struct fit_compute *c,
                      fit_velocity_fn *velocity, void *user);

bool fit_sampler_is_finished(const struct fit_sampler *sampler);

/* True when the newest evaluation was the first of its step: its state is the one of that step's
 * point, and its prediction is the one to show. */
bool fit_sampler_at_point(const struct fit_sampler *sampler);

/* out[n] = state + (1 - t) velocity of the newest evaluation: where a straight path would end. */
bool fit_sampler_predict(const struct fit_sampler *sampler, struct fit_compute *c, float *out);

void fit_sampler_finish(struct fit_sampler *sampler);

/* The time of every evaluation of a run; returns how many there are. t may be NULL. */
int fit_sampler_times(enum fit_solver solver, int steps, float *t);

/* Device memory of a run with states of n values. */
size_t fit_sampler_bytes(enum fit_solver solver, size_t n);

#endif
