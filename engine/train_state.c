/* SPDX-License-Identifier: Apache-2.0 */
#include "train_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit_weights.h"
#include "train_memory.h"
#include "train_random.h"
#include "weight_file.h"

static void fill(float *to, const struct fit_tensor_spec *spec, size_t number, uint64_t seed)
{
    double bound = sqrt(6.0 / (double)(spec->dims[0] + spec->dims[1]));
    for (uint64_t i = 0; spec->init != FIT_INIT_ZERO && i < spec->n_values; i += 4) {
        struct fk_philox_counter r =
            train_random(seed, TRAIN_RANDOM_INIT, i, (uint32_t)number);
        float normal[4];
        fk_normal4(normal, train_random_seed(seed, TRAIN_RANDOM_INIT), (uint32_t)number, 1,
                   (int32_t)(i >> 24), (int32_t)(i & 0xffffff) / 4);
        for (uint64_t k = i; k < i + 4 && k < spec->n_values; k++)
            to[k] = spec->init == FIT_INIT_NORMAL
                        ? 0.02f * normal[k - i]
                        : (float)(bound * (2 * train_uniform(r.word[k - i]) - 1));
    }
}

static bool allocate(struct train_state *s, struct fit_error *e)
{
    struct fk_device *d = s->device;
    float **flat[] = {&s->parameter, &s->moment1, &s->moment2, &s->ema, &s->gradient};
    bool ok = (s->norm = d->alloc(d, sizeof *s->norm)) != NULL;
    for (size_t i = 0; ok && i < sizeof flat / sizeof flat[0]; i++)
        ok = (*flat[i] = d->alloc(d, s->total * sizeof(float))) != NULL;
    if (ok && s->bf16)
        ok = (s->working = d->alloc(d, s->total * sizeof(uint16_t))) &&
             (s->ema_working = d->alloc(d, s->total * sizeof(uint16_t)));
    return ok || fit_fail(e, FIT_ERROR_MEMORY, "no memory to train %zu parameters", s->total);
}

/* Replaces the random values by those of a trained model of the same shape. */
static bool load_start(const struct train_state *s, float *host, const struct train_config *config,
                       struct fit_error *e)
{
    const char *path = config->start;
    struct fit_weight_file file;
    struct fit_tensor_spec spec;
    if (!fit_weight_file_open(&file, path, e))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && fit_weights_spec(s->config, i, &spec); i++) {
        const struct fit_tensor *tensor;
        if (config->restart_trained && fit_trained_has(&s->trained, spec.offset))
            continue;
        ok = fit_tensors_require(&file.list, spec.name, spec.n_dims, spec.dims, &tensor, e) &&
             (fit_tensor_to_f32(tensor, host + spec.offset) ||
              fit_fail(e, FIT_ERROR_MODEL, "%s: %s holds %s, not a floating point type", path,
                       spec.name, fit_tensor_type_name(tensor->type)));
    }
    fit_weight_file_close(&file);
    return ok;
}

static bool initialise(struct train_state *s, struct fit_compute *c,
                       const struct train_config *config)
{
    struct fit_tensor_spec spec;
    struct fk_device *d = s->device;
    size_t bytes = s->total * sizeof(float);
    float *host = calloc(s->total, sizeof *host);
    if (!host)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %zu parameters", s->total);
    for (size_t i = 0; i < fit_weights_count(s->config) && fit_weights_spec(s->config, i, &spec);
         i++)
        fill(host + spec.offset, &spec, i, config->seed);
    bool ok = !config->start[0] || load_start(s, host, config, c->error);
    ok = ok && fit_compute_check(c, d->upload(c->queue, s->parameter, host, bytes)) &&
              fit_compute_check(c, d->upload(c->queue, s->ema, host, bytes)) &&
              fit_compute_check(c, d->zero(c->queue, s->moment1, bytes)) &&
              fit_compute_check(c, d->zero(c->queue, s->moment2, bytes)) &&
              fit_compute_check(c, d->zero(c->queue, s->gradient, bytes)) &&
              fit_compute_check(c, d->queue_sync(c->queue));
    free(host);
    return ok;
}

bool train_state_init(struct train_state *s, struct fit_compute *c,
                      const struct train_config *config)
{
    memset(s, 0, sizeof *s);
    s->device = c->device;
    s->config = &config->model;
    s->total = fit_weights_total(&config->model);
    s->bf16 = train_uses_bf16(config, c->device);
    if (!fit_trained_init(&s->trained, s->config, &config->trained, c->error) ||
        !allocate(s, c->error) || !initialise(s, c, config) || !train_state_refresh(s, c) ||
        !train_state_refresh_ema(s, c) ||
        !fit_network_bind_flat(&s->network, s->config, s->parameter, s->working, c->error) ||
        !fit_network_bind_flat(&s->ema_network, s->config, s->ema, s->ema_working, c->error))
        return false;
    fit_network_train_only(&s->network, &s->trained);
    return true;
}

void train_state_finish(struct train_state *s)
{
    struct fk_device *d = s->device;
    if (!d)
        return;
    void *memory[] = {s->parameter, s->moment1, s->moment2, s->ema,
                      s->gradient,  s->working, s->ema_working, s->norm};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        d->free(d, memory[i]);
    fit_network_finish(&s->network);
    fit_network_finish(&s->ema_network);
    fit_trained_finish(&s->trained);
    memset(s, 0, sizeof *s);
}

bool train_state_refresh(struct train_state *s, struct fit_compute *c)
{
    return !s->working ||
           fit_run(c, cast, fk_bf16(s->working), fk_f32(s->parameter), s->total);
}

bool train_state_refresh_ema(struct train_state *s, struct fit_compute *c)
{
    return !s->ema_working ||
           fit_run(c, cast, fk_bf16(s->ema_working), fk_f32(s->ema), s->total);
}

bool train_state_clear_gradient(struct train_state *s, struct fit_compute *c)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->trained.n_spans; i++) {
        const struct fit_span *span = &s->trained.span[i];
        ok = fit_compute_check(c, c->device->zero(c->queue, s->gradient + span->first,
                                                  span->n * sizeof(float)));
    }
    return ok;
}

/* The sum of the squares of the gradient. */
static bool gradient_square(struct train_state *s, struct fit_compute *c, double *sum)
{
    if (!fit_compute_check(c, c->device->zero(c->queue, s->norm, sizeof *sum)))
        return false;
    for (size_t i = 0; i < s->trained.n_spans; i++) {
        const struct fit_span *span = &s->trained.span[i];
        if (!fit_run(c, sum_sq, s->norm, s->gradient + span->first, span->n))
            return false;
    }
    return fit_compute_check(c, c->device->download(c->queue, sum, s->norm, sizeof *sum)) &&
           fit_compute_check(c, c->device->queue_sync(c->queue));
}

static bool step_span(struct train_state *s, struct fit_compute *c, const struct fit_span *span,
                      const struct fk_adamw *settings)
{
    size_t at = span->first;
    return fit_run(c, adamw, s->parameter + at, s->moment1 + at, s->moment2 + at, s->ema + at,
                   s->working ? s->working + at : NULL, s->gradient + at, span->n, settings);
}

/* Names the first tensor whose gradient has a value that is no number. The weights are still those
 * of the step before. */
static bool refuse_gradient(const struct train_state *s, struct fit_compute *c, int64_t step)
{
    struct fit_tensor_spec spec;
    size_t bytes = s->total * sizeof(float);
    float *host = malloc(bytes);
    const char *name = "an unknown tensor";
    bool found = host && s->device->download(c->queue, host, s->gradient, bytes) &&
                 s->device->queue_sync(c->queue);
    for (size_t i = 0; found && i < fit_weights_count(s->config); i++) {
        fit_weights_spec(s->config, i, &spec);
        const float *value = host + spec.offset;
        size_t n = 0;
        while (n < spec.n_values && isfinite(value[n]))
            n++;
        if (n < spec.n_values) {
            name = spec.name;
            break;
        }
    }
    fit_fail(c->error, FIT_ERROR_MODEL,
             "the gradient of step %lld is not finite, first in %s; the last checkpoint is as it "
             "was: resume it with a lower learning rate",
             (long long)step, name);
    free(host);
    return false;
}

bool train_state_update(struct train_state *s, struct fit_compute *c,
                        const struct train_config *config, int64_t step, double learning_rate,
                        double scale, double *norm)
{
    double sum = 0;
    if (!gradient_square(s, c, &sum))
        return false;
    *norm = sqrt(sum) * scale;
    if (!isfinite(sum))
        return refuse_gradient(s, c, step);
    double ramp = (1.0 + (double)step) / (10.0 + (double)step);
    struct fk_adamw settings = {
        .learning_rate = (float)learning_rate,
        .beta1 = (float)config->beta1,
        .beta2 = (float)config->beta2,
        .epsilon = (float)config->epsilon,
        .weight_decay = (float)config->weight_decay,
        .grad_scale = (float)(*norm > config->clip ? scale * config->clip / *norm : scale),
        .ema_decay = (float)(config->ema_ramp ? fmin(config->ema_decay, ramp)
                                              : config->ema_decay),
        .step = (int)step,
    };
    bool ok = true;
    for (size_t i = 0; ok && i < s->trained.n_spans; i++)
        ok = step_span(s, c, &s->trained.span[i], &settings);
    return ok;
}

double train_learning_rate(const struct train_config *config, int64_t step)
{
    const double pi = 3.14159265358979323846;
    double rate = config->learning_rate, from = config->cosine_from * (double)config->steps;
    if (step <= config->warmup)
        return rate * (double)step / (double)config->warmup;
    if ((double)step <= from)
        return rate;
    double part = ((double)step - from) / ((double)config->steps - from);
    return part < 1 ? rate * 0.5 * (1 + cos(pi * part)) : 0;
}
