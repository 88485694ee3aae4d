/* SPDX-License-Identifier: Apache-2.0 */
/*
 * likelihood.h - the density that a flow gives to data: the instantaneous change of variables (Chen
 * et al., arXiv 1806.07366) with Hutchinson's estimator of the divergence (Grathwohl et al.,
 * FFJORD, arXiv 1810.01367), as the reference implementation's likelihood mode.
 *
 *   dx/dt = v(x, t) from noise x0 ~ N(0, I) at t = 0 to data x1 at t = 1:
 *   ln p(x1) = ln N(x0; 0, I) - integral over t of div v(x(t), t)
 *
 * div v, the trace of the Jacobian J, is estimated by e . J e with random e of unit covariance. One
 * such probe e is kept over the whole path.
 */
#ifndef FIT_LIKELIHOOD_H
#define FIT_LIKELIHOOD_H

#include "fit_backward.h"
#include "sampler.h"

enum { FIT_LIKELIHOOD_MAX_PROBES = 256 };

/* velocity[n] (device memory) at (x[n], t), and e . J e there of every probe in divergence [probes]
 * (host). */
typedef bool fit_flow_fn(void *user, struct fit_compute *c, float *velocity, double *divergence,
                         const float *x, float t);

/* Refuses solvers that add noise, and numbers of probes out of range. */
bool fit_flow_check(enum fit_solver solver, int probes, struct fit_error *e);

/* Follows the flow from data[n] (device memory) back to the noise, and writes ln p(data) in nats by
 * the divergences of every probe, [probes]. The solver is one of a differential equation; it runs
 * in 1 - t. dopri5's error is that of the state and of all probes together, as in the reference.
 * *evaluations receives how often the flow was asked. */
bool fit_flow_log_density(struct fit_compute *c, const struct fit_sampler_params *params,
                          fit_flow_fn *flow, void *user, const float *data, size_t n, int probes,
                          double *log_density, int *evaluations);

/* The flow of a network for one image, not guided. Device memory but for the probes. */
struct fit_network_flow {
    const struct fit_network *network; /* borrowed, as all up to `class_id` */
    const struct fk_pack *pack;        /* of one image */
    const float *cosine, *sine;        /* [N][D/2] */
    const float *probes;               /* host, [n_probes][N * F] */
    int n_probes;
    int32_t class_id;
    /* owned */
    struct fit_train_store store;
    float *probe, *dstate; /* [N][F] */
    float *host;           /* [N * F] */
    struct fit_scratch scratch;
};

/* The fields up to class_id are set. */
bool fit_network_flow_reserve(struct fit_network_flow *flow, struct fit_compute *c);
void fit_network_flow_finish(struct fit_network_flow *flow);

/* A fit_flow_fn; `user` is a struct fit_network_flow. */
bool fit_network_flow_evaluate(void *user, struct fit_compute *c, float *velocity,
                               double *divergence, const float *x, float t);

/* Probe number `probe` of a seed, n values: signs, or normal numbers. */
void fit_likelihood_probe(float *values, size_t n, uint64_t seed, uint32_t probe, bool gaussian);

#endif
