/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_kind.h - what a family of solvers does behind sampler.h. */
#ifndef FIT_SAMPLER_KIND_H
#define FIT_SAMPLER_KIND_H

#include "sampler.h"

struct fit_sampler_kind {
    bool waits; /* as fit_sampler_waits */
    /* Beyond what holds for all; NULL: nothing. */
    bool (*check)(const struct fit_sampler_params *params, struct fit_error *e);
    /* Fills points[steps + 1]. */
    void (*plan)(const struct fit_sampler_params *params, float *points);
    /* As fit_sampler_times. */
    int (*times)(const struct fit_sampler_params *params, const float *points, float *t);
    /* Makes `own`; the state and the buffers are there. NULL: nothing to make. */
    bool (*begin)(struct fit_sampler *sampler, struct fit_compute *c);
    /* One evaluation by fit_sampler_evaluate, and what follows from it. */
    bool (*next)(struct fit_sampler *sampler, struct fit_compute *c, fit_velocity_fn *velocity,
                 void *user);
    bool (*point)(const struct fit_sampler *sampler, struct fit_compute *c, int point,
                  float *state, float *prediction);
    /* Frees what `own` holds, not `own` itself; NULL: nothing. */
    void (*finish)(void *own);
    /* How far the run is, beyond its states: returns how many numbers it wrote. */
    int (*keep)(const struct fit_sampler *sampler, double *number);
    /* The way back: `own`, step, time, evaluations, n_known and finished. False when no run of this
     * kind can have these numbers; whatever they are, nothing happens but that. */
    bool (*restore)(struct fit_sampler *sampler, const double *number);
};

extern const struct fit_sampler_kind fit_sampler_fixed;
extern const struct fit_sampler_kind fit_sampler_dopri5;
extern const struct fit_sampler_kind fit_sampler_sde;
extern const struct fit_sampler_kind fit_sampler_ddpm;

/* Calls the callback and records the evaluation. */
bool fit_sampler_evaluate(struct fit_sampler *sampler, struct fit_compute *c,
                          fit_velocity_fn *velocity, void *user, float *out, const float *x,
                          float t);

/* A whole number in [0, most], as `keep` wrote it. */
bool fit_sampler_read_count(double number, int most, int *out);

/* points[i] = i / steps */
void fit_sampler_plan_evenly(const struct fit_sampler_params *params, float *points);

/* The point at the newest evaluation: its state, and state + (1 - t) velocity, where a straight
 * path would end. */
bool fit_sampler_point_straight(const struct fit_sampler *sampler, struct fit_compute *c,
                                int point, float *state, float *prediction);

/* to = from, both [n] */
bool fit_sampler_copy(const struct fit_sampler *sampler, struct fit_compute *c, float *to,
                      const float *from);

/* to = from + sum_j weight[j] v[j]; `to` may be `from` and else may be none of the v. */
bool fit_sampler_combine(const struct fit_sampler *sampler, struct fit_compute *c, float *to,
                         const float *from, const double *weight, float *const *v, int n_weights);

#endif
