/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.h - from noise to data by evaluating a network: differential equations with fixed and
 * with adaptive steps, stochastic ones, and the ancestral chain of the first version. It knows no
 * model: a callback gives the velocity. One call of fit_sampler_next is one evaluation of the
 * callback, so a run can be shown, cancelled or take turns with others at every evaluation.
 *
 *     fit_sampler_begin -> { fit_sampler_next, look at the new points }* -> fit_sampler_finish
 *
 * A run has `steps` + 1 points: its states at times that are known before it begins. The solvers
 * with fixed steps evaluate the network at every point but the last; the adaptive one steps as it
 * likes and interpolates.
 */
#ifndef FIT_SAMPLER_H
#define FIT_SAMPLER_H

#include "compute.h"
#include "scratch.h"

enum { FIT_SAMPLER_MAX_BUFFERS = 10, FIT_SAMPLER_MAX_STEPS = 100000, FIT_SAMPLER_MAX_NUMBERS = 9 };

/* Writes velocity[n] at (x[n], t), device memory; `evaluation` counts from 0 over the whole run
 * and agrees with fit_sampler_times. For DDPM and DDIM the state is [N][features], the output
 * [N][2 * features]: the noise in x, then how its variance lies between its bounds; t counts the
 * 1000 steps of the training. */
typedef bool fit_velocity_fn(void *user, struct fit_compute *c, float *velocity, const float *x,
                             float t, int evaluation);

/* Writes normal numbers noise[n], device memory; `draw` counts from 0 over the run. */
typedef bool fit_noise_fn(void *user, struct fit_compute *c, float *noise, int draw);

/* As in fit_generate_params, but with every default filled in. */
struct fit_sampler_params {
    enum fit_solver solver;
    int steps;                      /* in [1, FIT_SAMPLER_MAX_STEPS] */
    double atol, rtol;              /* DOPRI5 */
    enum fit_diffusion diffusion;   /* SDE_ */
    double diffusion_norm;          /* SDE_ */
    enum fit_last_step last_step;   /* SDE_ */
    double last_step_size;          /* SDE_ */
    double eta;                     /* DDIM */
    bool even_spacing;              /* DDPM, DDIM */
    int features;                   /* DDPM, DDIM: of a token */
    int first;                      /* the point to begin from, < steps; only with fixed steps */
    fit_noise_fn *noise;            /* SDE_, DDPM, DDIM */
    void *noise_user;
};

struct fit_sampler_kind;

struct fit_sampler {
    struct fit_sampler_params params;
    const struct fit_sampler_kind *kind;
    size_t n;        /* values of the state */
    int step;        /* of the newest point that x has reached */
    bool finished;
    int evaluations; /* made so far */
    int n_known;     /* points that the evaluations so far brought; the last is not among them */
    float *x;        /* [n] the newest finished state */
    double time;     /* of x, in [0, 1] and, for the adaptive solver, beyond */
    float *points;   /* host, owned, [steps + 1]: 0 (noise) to 1 (data) */
    /* the newest evaluation */
    const float *state;    /* where it was made */
    const float *velocity; /* what it gave; both hold until the next evaluation */
    float t;
    int point, n_points;   /* the points that it brought: point .. point + n_points - 1 */

    struct fit_scratch scratch;
    float *buffer[FIT_SAMPLER_MAX_BUFFERS];
    void *own; /* of the kind */
};

/* Refuses what cannot be, naming the field and the reason. */
bool fit_sampler_check(const struct fit_sampler_params *params, struct fit_error *e);

/* The state begins as a copy of noise[n] (device memory), or of what it was at point `first`. */
bool fit_sampler_begin(struct fit_sampler *sampler, struct fit_compute *c,
                       const struct fit_sampler_params *params, const float *noise, size_t n);

/* One evaluation. Afterwards `state`, `velocity` and `t` describe it and `x` is the newest
 * finished state. When the callback fails nothing has changed and it can be tried again. */
bool fit_sampler_next(struct fit_sampler *sampler, struct fit_compute *c,
                      fit_velocity_fn *velocity, void *user);

bool fit_sampler_is_finished(const struct fit_sampler *sampler);

/* Whether every evaluation ends with numbers on the host: nothing is gained by queueing ahead. */
bool fit_sampler_waits(const struct fit_sampler *sampler);

/* Of a point that the newest evaluation brought: its state and where the run expects to end from
 * there, device memory [n] each. The last point is x itself. */
bool fit_sampler_point(const struct fit_sampler *sampler, struct fit_compute *c, int point,
                       float *state, float *prediction);

void fit_sampler_finish(struct fit_sampler *sampler);

/* Where a run is between two evaluations, as host memory holds it: what goes on from there ends in
 * the same bits. The states are x and the buffers, one after another. */
struct fit_sampler_place {
    double number[FIT_SAMPLER_MAX_NUMBERS];
    int n_numbers;
    float *states;   /* owned, [n_values] */
    size_t n_values;
};

/* Copies it out of a sampler that has begun; the caller calls fit_sampler_place_finish. */
bool fit_sampler_keep(const struct fit_sampler *sampler, struct fit_compute *c,
                      struct fit_sampler_place *place);
void fit_sampler_place_finish(struct fit_sampler_place *place);

/* Puts a sampler that has begun with the same parameters there. The place may come from a file:
 * what is no place of such a run is refused. */
bool fit_sampler_restore(struct fit_sampler *sampler, struct fit_compute *c,
                         const struct fit_sampler_place *place);

/* The time of every evaluation of a run; returns how many there are, 0 when they depend on the
 * run. t may be NULL. */
int fit_sampler_times(const struct fit_sampler_params *params, float *t);

/* Device memory of a run with states of n values. */
size_t fit_sampler_bytes(enum fit_solver solver, size_t n);

#endif
