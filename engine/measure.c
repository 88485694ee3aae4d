/* SPDX-License-Identifier: Apache-2.0 */
#include "fit/fit-measure.h"

#include <math.h>
#include <stdlib.h>

#include "engine_private.h"
#include "fk_philox.h"
#include "likelihood.h"
#include "pack.h"
#include "rope.h"

/* ---- loss -------------------------------------------------------------------------------- */

/* The normal quantile by bisection: a measurement needs it a few dozen times. */
static double normal_quantile(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / sqrt(2.0)) < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

double fit_loss_time(double p)
{
    return 1 / (1 + exp(-normal_quantile(p)));
}

/* The noise of one picture, [channels][rows][columns] latent pixels, as randn of fk.h. */
static void fill_noise(float *noise, uint64_t seed, uint32_t stream, int channels, int rows,
                       int columns)
{
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < rows; y++, noise += columns)
            for (int x = 0; x < columns; x += 4) {
                float four[4];
                fk_normal4(four, seed, stream, (uint32_t)c, y, fk_normal_column4(x));
                for (int i = 0; i < 4 && x + i < columns; i++)
                    noise[x + i] = four[i];
            }
}

static double squared_distance(const float *v, const float *data, const float *noise, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = v[i] - ((double)data[i] - noise[i]);
        sum += d * d;
    }
    return sum;
}

bool fit_model_loss(struct fit_model *model, const struct fit_velocity_params *p,
                    const float *latent, uint64_t seed, double *loss, struct fit_error *error)
{
    const struct fit_config *config = &model->config;
    if (config->architecture == FIT_ARCHITECTURE_V1)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "a model of the first version predicts noise, no velocity");
    if (p->batch < 1 || p->width < 1 || p->height < 1)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "%d pictures of %dx%d have no loss", p->batch,
                        p->width, p->height);
    int side = model->info.token_pixels / config->patch; /* of a latent pixel */
    int rows = p->height / side, columns = p->width / side;
    size_t n = (size_t)config->channels * (size_t)rows * (size_t)columns;
    size_t all = n * (size_t)p->batch;
    float *noise = malloc(3 * all * sizeof *noise);
    if (!noise)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for states of %zu values", all);
    float *state = noise + all, *velocity = state + all;
    for (int b = 0; b < p->batch; b++)
        fill_noise(noise + (size_t)b * n, seed, (uint32_t)b, config->channels, rows, columns);
    for (size_t i = 0; i < all; i++)
        state[i] = (float)(p->t * latent[i] + (1 - p->t) * noise[i]);
    bool ok = fit_model_velocity(model, p, state, velocity, error);
    for (size_t b = 0; ok && b < (size_t)p->batch; b++)
        loss[b] = squared_distance(velocity + b * n, latent + b * n, noise + b * n, n) / (double)n;
    free(noise);
    return ok;
}

/* ---- likelihood -------------------------------------------------------------------------- */

struct likelihood {
    struct fit_model *model;
    struct fit_likelihood_params params; /* with the defaults filled in */
    const float *latent;
    struct fit_likelihood *out;

    struct fit_compute c;
    struct pack pack;
    struct fit_network_flow flow;
    struct fit_scratch scratch;
    float *planes, *x; /* device */
    float *probes;     /* host */
    double *densities; /* [probes] */
    int rows, columns; /* tokens */
    size_t n;
};

static bool likelihood_reserve(struct likelihood *r)
{
    struct fit_scratch_item items[] = {{"latent", &r->planes, r->n * sizeof(float)},
                                       {"state", &r->x, r->n * sizeof(float)}};
    size_t probes = (size_t)r->params.probes;
    r->probes = malloc(probes * r->n * sizeof *r->probes);
    r->densities = malloc(probes * sizeof *r->densities);
    if (!r->probes || !r->densities)
        return fit_fail(r->c.error, FIT_ERROR_MEMORY, "no memory for %zu probes of %zu values",
                        probes, r->n);
    for (size_t k = 0; k < probes; k++)
        fit_likelihood_probe(r->probes + k * r->n, r->n, r->params.seed, (uint32_t)k,
                             r->params.gaussian);
    return fit_scratch_reserve(&r->scratch, r->c.device, items, 2, r->c.error);
}

/* The picture alone in a pack, at the positions that the method gives it. */
static bool likelihood_place(struct likelihood *r)
{
    const struct pack_image image = {r->rows, r->columns};
    struct fit_config config = fit_config_with_positions(
        &r->model->config, r->params.attention_scale, r->params.ori_max_pe_len);
    int class_id = r->params.class_id;
    config.method = fit_rope_method(&config, r->params.method, r->rows, r->columns);
    if (!pack_build(&r->pack, &r->c, &config, &image, 1))
        return false;
    r->flow = (struct fit_network_flow){
        .network = &r->model->network,
        .pack = &r->pack.fk,
        .cosine = r->pack.cosine,
        .sine = r->pack.sine,
        .probes = r->probes,
        .n_probes = r->params.probes,
        .class_id = class_id == FIT_CLASS_NONE ? config.n_classes : class_id,
    };
    int patch = config.patch;
    return fit_network_flow_reserve(&r->flow, &r->c) &&
           fit_compute_check(&r->c, r->c.device->upload(r->c.queue, r->planes, r->latent,
                                                        r->n * sizeof(float))) &&
           fit_run(&r->c, patchify, r->x, r->planes, 1, config.channels, r->rows * patch,
                   r->columns * patch, patch);
}

static void likelihood_report(const struct likelihood *r, int evaluations)
{
    double sum = 0, square = 0, probes = r->params.probes;
    for (int k = 0; k < r->params.probes; k++)
        sum += r->densities[k];
    double mean = sum / probes;
    for (int k = 0; k < r->params.probes; k++)
        square += (r->densities[k] - mean) * (r->densities[k] - mean);
    *r->out = (struct fit_likelihood){
        .log_density = mean,
        .standard_error = probes > 1 ? sqrt(square / (probes * (probes - 1))) : 0,
        .bits_per_dimension = -mean / ((double)r->n * log(2)),
        .dimensions = (int)r->n,
        .evaluations = evaluations,
    };
}

static bool likelihood_work(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct likelihood *r = data;
    const struct fit_sampler_params solver = {.solver = r->params.solver, .steps = r->params.steps,
                                              .atol = r->params.atol, .rtol = r->params.rtol};
    int evaluations = 0;
    fit_compute_init(&r->c, engine->device, engine->queue, error);
    bool ok = likelihood_reserve(r) && likelihood_place(r) &&
              fit_flow_log_density(&r->c, &solver, fit_network_flow_evaluate, &r->flow, r->x, r->n,
                                   r->params.probes, r->densities, &evaluations);
    if (ok)
        likelihood_report(r, evaluations);
    fit_network_flow_finish(&r->flow);
    pack_finish(&r->pack);
    fit_scratch_finish(&r->scratch);
    free(r->probes);
    free(r->densities);
    return ok;
}

static bool check_likelihood(const struct fit_model *model, const struct fit_likelihood_params *p,
                             struct fit_error *error)
{
    int width = p->width, height = p->height;
    if (model->config.architecture == FIT_ARCHITECTURE_V1)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "a model of the first version predicts noise, no velocity");
    fit_canvas_snap(model, &width, &height);
    if (width != p->width || height != p->height)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "size %dx%d is not possible; the nearest is %dx%d", p->width, p->height,
                        width, height);
    if (p->class_id < FIT_CLASS_NONE || p->class_id >= model->info.n_classes)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "class %d does not exist; this model has 0 to %d, or none", p->class_id,
                        model->info.n_classes - 1);
    if ((unsigned)p->method >= FIT_N_METHODS ||
        (unsigned)p->attention_scale >= FIT_N_ATTENTION_SCALES || p->ori_max_pe_len < 0 ||
        p->ori_max_pe_len > FIT_MAX_AXIS)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "method %d with positions from %d tokens does not exist", (int)p->method,
                        p->ori_max_pe_len);
    return fit_flow_check(p->solver, p->probes, error);
}

bool fit_model_likelihood(struct fit_model *model, const struct fit_likelihood_params *params,
                          const float *latent, struct fit_likelihood *out, struct fit_error *error)
{
    struct likelihood r = {.model = model, .params = *params, .latent = latent, .out = out};
    struct fit_likelihood_params *p = &r.params;
    p->steps = p->steps ? p->steps : 20;
    p->probes = p->probes ? p->probes : 1;
    p->atol = p->atol > 0 ? p->atol : 1e-6;
    p->rtol = p->rtol > 0 ? p->rtol : 1e-3;
    if (!check_likelihood(model, p, error))
        return false;
    r.rows = p->height / model->info.token_pixels;
    r.columns = p->width / model->info.token_pixels;
    r.n = (size_t)(r.rows * r.columns) * (size_t)fit_config_features(&model->config);
    return fit_engine_call(model->engine, likelihood_work, &r, error);
}
