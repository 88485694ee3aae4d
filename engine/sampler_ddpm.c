/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The samplers of the first version: DDPM with learned variance and DDIM. The chain's arithmetic is
 * on the host: a state is small, and the output of the network, two values for each of the state's,
 * lies interleaved by token.
 */
#include <math.h>
#include <stdlib.h>

#include "ddpm.h"
#include "sampler_kind.h"

/* The sampler's buffers */
enum { OUTPUT, AT, NOISE, PREDICTION };

struct own {
    struct fit_ddpm chain;
    float *x, *output, *noise, *prediction; /* host: [n], [2 n], [n], [n] */
};

static bool check(const struct fit_sampler_params *p, struct fit_error *e)
{
    int index[FIT_DDPM_TRAINED_STEPS];
    if (!(p->eta >= 0 && p->eta <= 1))
        return fit_fail(e, FIT_ERROR_ARGUMENT, "eta: expected 0 to 1, found %g", p->eta);
    return fit_ddpm_indices(index, p->steps, p->even_spacing, e);
}

static int times(const struct fit_sampler_params *p, const float *points, float *t)
{
    int index[FIT_DDPM_TRAINED_STEPS], n = p->steps;
    (void)points;
    if (!fit_ddpm_indices(index, n, p->even_spacing, NULL))
        return 0;
    for (int i = 0; t && i < n; i++)
        t[i] = (float)index[n - 1 - i];
    return n;
}

static bool begin(struct fit_sampler *s, struct fit_compute *c)
{
    struct own *own = s->own = calloc(1, sizeof *own);
    size_t bytes = s->n * sizeof(float);
    if (own) {
        own->x = malloc(bytes);
        own->output = malloc(2 * bytes);
        own->noise = malloc(bytes);
        own->prediction = malloc(bytes);
    }
    if (!own || !own->x || !own->output || !own->noise || !own->prediction)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a solver");
    return fit_ddpm_init(&own->chain, s->params.steps, s->params.even_spacing, c->error);
}

static void finish(void *data)
{
    struct own *own = data;
    free(own->x);
    free(own->output);
    free(own->noise);
    free(own->prediction);
    fit_ddpm_finish(&own->chain);
}

static float step_ddpm(const struct fit_ddpm_step *chain, float x, float data, float nu, float z)
{
    return fit_ddpm_mean(chain, x, data) + fit_ddpm_deviation(chain, nu) * z;
}

/* DDIM, equation 12 and, for eta, equation 16. The noise is taken from the data again, as the
 * reference does. */
static float step_ddim(const struct fit_ddpm_step *chain, float x, float data, float eta, float z)
{
    float bar = (float)chain->alpha_bar, before = (float)chain->previous_alpha_bar;
    float epsilon = ((float)sqrt(1 / chain->alpha_bar) * x - data) /
                    (float)sqrt(1 / chain->alpha_bar - 1);
    float sigma = eta * sqrtf((1 - before) / (1 - bar)) * sqrtf(1 - bar / before);
    return data * sqrtf(before) + sqrtf(1 - before - sigma * sigma) * epsilon + sigma * z;
}

static void step_back(const struct fit_sampler *s, struct own *own,
                      const struct fit_ddpm_step *chain, bool noisy)
{
    size_t features = (size_t)s->params.features;
    for (size_t i = 0; i < s->n; i++) {
        const float *token = own->output + i / features * 2 * features;
        float x = own->x[i], z = noisy ? own->noise[i] : 0;
        float data = fit_ddpm_data(chain, x, token[i % features]);
        own->prediction[i] = data;
        own->x[i] = s->params.solver == FIT_SOLVER_DDIM
                        ? step_ddim(chain, x, data, (float)s->params.eta, z)
                        : step_ddpm(chain, x, data, token[features + i % features], z);
    }
}

static bool download(struct fit_sampler *s, struct fit_compute *c, float *host, const float *from,
                     size_t times_n)
{
    return fit_compute_check(c, c->device->download(c->queue, host, from,
                                                    times_n * s->n * sizeof *host));
}

static bool upload(struct fit_sampler *s, struct fit_compute *c, float *to, const float *host)
{
    return fit_compute_check(c, c->device->upload(c->queue, to, host, s->n * sizeof *host));
}

static bool next(struct fit_sampler *s, struct fit_compute *c, fit_velocity_fn *velocity,
                 void *user)
{
    struct own *own = s->own;
    float **b = s->buffer;
    int left = s->params.steps - 1 - s->step;
    const struct fit_ddpm_step *chain = &own->chain.step[left];
    bool noisy = left > 0 && !(s->params.solver == FIT_SOLVER_DDIM && s->params.eta == 0);
    if (!fit_sampler_copy(s, c, b[AT], s->x) ||
        !fit_sampler_evaluate(s, c, velocity, user, b[OUTPUT], b[AT], (float)chain->index) ||
        (noisy && !s->params.noise(s->params.noise_user, c, b[NOISE], s->step)) ||
        (noisy && !download(s, c, own->noise, b[NOISE], 1)) ||
        !download(s, c, own->x, b[AT], 1) || !download(s, c, own->output, b[OUTPUT], 2) ||
        !fit_compute_check(c, c->device->queue_sync(c->queue)))
        return false;
    step_back(s, own, chain, noisy);
    if (!upload(s, c, s->x, own->x) || !upload(s, c, b[PREDICTION], own->prediction) ||
        !fit_compute_check(c, c->device->queue_sync(c->queue)))
        return false;
    s->point = s->step;
    s->n_points = 1;
    s->step++;
    s->time = s->points[s->step];
    s->finished = left == 0;
    return true;
}

static bool point(const struct fit_sampler *s, struct fit_compute *c, int i, float *state,
                  float *prediction)
{
    (void)i;
    return fit_sampler_copy(s, c, state, s->buffer[AT]) &&
           fit_sampler_copy(s, c, prediction, s->buffer[PREDICTION]);
}

static int keep(const struct fit_sampler *s, double *number)
{
    number[0] = s->step;
    return 1;
}

static bool restore(struct fit_sampler *s, const double *number)
{
    int step;
    if (!fit_sampler_read_count(number[0], s->params.steps, &step))
        return false;
    s->finished = step == s->params.steps;
    s->step = s->evaluations = s->n_known = step;
    s->time = s->points[step];
    return true;
}

const struct fit_sampler_kind fit_sampler_ddpm = {
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
