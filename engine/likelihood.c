/* SPDX-License-Identifier: Apache-2.0 */
#include "likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fk_philox.h"

/* ---- along any flow ---------------------------------------------------------------------- */

/* The state that the solver sees: x, then the integral so far of every probe's divergence. */
struct path {
    fit_flow_fn *flow;
    void *user;
    size_t n;
    int probes;
    double divergence[FIT_LIKELIHOOD_MAX_PROBES];
    float change[FIT_LIKELIHOOD_MAX_PROBES];
};

/* The flow backwards, in s = 1 - t. The adaptive solver looks a little beyond the noise, as the
 * reference's does: a time held at 0 there would be a kink in what it interpolates. */
static bool backwards(void *user, struct fit_compute *c, float *velocity, const float *x, float s,
                      int evaluation)
{
    struct path *p = user;
    (void)evaluation;
    if (!p->flow(p->user, c, velocity, p->divergence, x, 1 - s) ||
        !fit_run(c, axpby, velocity, 0.0f, velocity, -1.0f, p->n))
        return false;
    for (int k = 0; k < p->probes; k++)
        p->change[k] = (float)p->divergence[k];
    return fit_compute_check(c, c->device->upload(c->queue, velocity + p->n, p->change,
                                                  (size_t)p->probes * sizeof(float)));
}

static bool follow(struct fit_compute *c, const struct fit_sampler_params *params, struct path *p,
                   const float *start, float *end, int *evaluations)
{
    struct fit_sampler sampler = {0};
    size_t n = p->n + (size_t)p->probes;
    if (!fit_sampler_begin(&sampler, c, params, start, n))
        return false;
    bool ok = true;
    while (ok && !fit_sampler_is_finished(&sampler))
        ok = fit_sampler_next(&sampler, c, backwards, p);
    ok = ok &&
         fit_compute_check(c, c->device->download(c->queue, end, sampler.x, n * sizeof *end)) &&
         fit_compute_check(c, c->device->queue_sync(c->queue));
    *evaluations = sampler.evaluations;
    fit_sampler_finish(&sampler);
    return ok;
}

static void add_up(const struct path *p, const float *end, double *log_density)
{
    double square = 0;
    for (size_t i = 0; i < p->n; i++)
        square += (double)end[i] * end[i];
    for (int k = 0; k < p->probes; k++)
        log_density[k] = -0.5 * square - 0.5 * (double)p->n * log(2 * M_PI) -
                         (double)end[p->n + (size_t)k];
}

bool fit_flow_check(enum fit_solver solver, int probes, struct fit_error *e)
{
    switch (solver) {
    case FIT_SOLVER_EULER:
    case FIT_SOLVER_MIDPOINT:
    case FIT_SOLVER_HEUN:
    case FIT_SOLVER_HEUN3:
    case FIT_SOLVER_RK4:
    case FIT_SOLVER_DOPRI5:
        break;
    default:
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "solver: %s adds noise or is of the first version; a likelihood needs one "
                        "of a differential equation, as heun or dopri5",
                        fit_solver_name(solver));
    }
    return (probes >= 1 && probes <= FIT_LIKELIHOOD_MAX_PROBES) ||
           fit_fail(e, FIT_ERROR_ARGUMENT, "probes: expected 1 to %d, found %d",
                    FIT_LIKELIHOOD_MAX_PROBES, probes);
}

bool fit_flow_log_density(struct fit_compute *c, const struct fit_sampler_params *params,
                          fit_flow_fn *flow, void *user, const float *data, size_t n, int probes,
                          double *log_density, int *evaluations)
{
    if (!fit_flow_check(params->solver, probes, c->error))
        return false;
    struct path p = {.flow = flow, .user = user, .n = n, .probes = probes};
    struct fk_device *d = c->device;
    size_t bytes = (n + (size_t)probes) * sizeof(float);
    float *start = d->alloc(d, bytes), *end = malloc(bytes);
    bool ok = (start && end) ||
              fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a state of %zu values", n);
    ok = ok && fit_compute_check(c, d->zero(c->queue, start, bytes)) &&
         fit_compute_check(c, d->copy(c->queue, start, data, n * sizeof(float))) &&
         follow(c, params, &p, start, end, evaluations);
    if (ok)
        add_up(&p, end, log_density);
    d->free(d, start);
    free(end);
    return ok;
}

/* ---- of a network ------------------------------------------------------------------------ */

static size_t values_of(const struct fit_network_flow *flow)
{
    return (size_t)flow->pack->n_tokens * (size_t)fit_config_features(&flow->network->config);
}

bool fit_network_flow_reserve(struct fit_network_flow *flow, struct fit_compute *c)
{
    size_t bytes = values_of(flow) * sizeof(float);
    struct fit_scratch_item items[] = {{"probe", &flow->probe, bytes},
                                       {"gradient of the state", &flow->dstate, bytes}};
    flow->host = malloc(bytes);
    return (flow->host ||
            fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a state of %zu values",
                     values_of(flow))) &&
           fit_scratch_reserve(&flow->scratch, c->device, items, 2, c->error) &&
           fit_train_store_reserve(&flow->store, c->device, flow->network, flow->pack->n_tokens, 1,
                                   c->error);
}

void fit_network_flow_finish(struct fit_network_flow *flow)
{
    fit_train_store_finish(&flow->store);
    fit_scratch_finish(&flow->scratch);
    free(flow->host);
    flow->host = NULL;
}

/* e . J e, by the product of e and J from the left: what e, as a gradient of the velocity, gives
 * the state. */
static bool project(struct fit_network_flow *flow, struct fit_compute *c,
                    const struct fit_batch *batch, const float *e, double *result)
{
    size_t n = values_of(flow);
    struct fk_device *d = c->device;
    if (!fit_compute_check(c, d->upload(c->queue, flow->probe, e, n * sizeof *e)) ||
        !fit_backward(c, flow->network, &flow->store, NULL, flow->dstate, flow->probe, batch) ||
        !fit_compute_check(c, d->download(c->queue, flow->host, flow->dstate, n * sizeof *e)) ||
        !fit_compute_check(c, d->queue_sync(c->queue)))
        return false;
    *result = 0;
    for (size_t i = 0; i < n; i++)
        *result += (double)e[i] * flow->host[i];
    return true;
}

bool fit_network_flow_evaluate(void *user, struct fit_compute *c, float *velocity,
                               double *divergence, const float *x, float t)
{
    struct fit_network_flow *flow = user;
    const struct fit_batch batch = {x, flow->pack, flow->cosine, flow->sine, &t, &flow->class_id};
    bool ok = fit_train_forward(c, flow->network, &flow->store, velocity, &batch);
    for (int k = 0; ok && k < flow->n_probes; k++)
        ok = project(flow, c, &batch, flow->probes + (size_t)k * values_of(flow), &divergence[k]);
    return ok;
}

void fit_likelihood_probe(float *values, size_t n, uint64_t seed, uint32_t probe, bool gaussian)
{
    for (size_t i = 0; i < n; i += 4) {
        float four[4];
        struct fk_philox_counter r = {{(uint32_t)(i / 4), (uint32_t)(i >> 34), 0, probe}};
        r = fk_philox4x32_10(r, (uint32_t)seed, (uint32_t)(seed >> 32));
        fk_normal4(four, seed, probe, 0, (int32_t)(i >> 34), (int32_t)(i / 4));
        for (size_t k = 0; k < 4 && i + k < n; k++)
            values[i + k] = gaussian ? four[k] : r.word[k] & 1 ? 1.0f : -1.0f;
    }
}
