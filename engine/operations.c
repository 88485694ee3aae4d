/* SPDX-License-Identifier: Apache-2.0 */
/* Single operations that a program waits for: a velocity, a decode, an encode. */
#include <stdlib.h>
#include <string.h>

#include "ddpm.h"
#include "decode.h"
#include "engine_private.h"
#include "guidance.h"
#include "rope.h"

static bool check_size(const struct fit_model *model, int width, int height,
                       struct fit_error *error)
{
    int w = width, h = height;
    fit_canvas_snap(model, &w, &h);
    if (w == width && h == height)
        return true;
    return fit_fail(error, FIT_ERROR_ARGUMENT,
                    "size %dx%d is not possible; the nearest is %dx%d", width, height, w, h);
}

/* ---- velocity ---- */

struct velocity {
    struct fit_model *model;
    const struct fit_velocity_params *params;
    const float *latent;
    float *out;

    struct fit_compute c;
    struct fit_activations activations;
    struct fit_modulation modulation;
    struct fit_scratch scratch;
    int32_t *offset;
    float *cosine, *sine, *x, *v, *guided_x, *guided_v, *planes;
    int rows, columns, tokens, images; /* tokens of one image; images of the pack */
};

static bool velocity_reserve(struct velocity *r, struct fit_error *error)
{
    const struct fit_config *config = &r->model->config;
    size_t batch = (size_t)r->params->batch, tokens = (size_t)(r->tokens * r->images);
    size_t values = batch * (size_t)r->tokens * (size_t)fit_config_features(config);
    size_t outputs = batch * (size_t)r->tokens * (size_t)fit_config_outputs(config);
    size_t table = tokens * (size_t)fit_config_head_width(config) / 2;
    struct fit_scratch_item items[] = {
        {"offsets", (void **)&r->offset, (size_t)(r->images + 1) * sizeof(int32_t)},
        {"cosine", (void **)&r->cosine, table * sizeof(float)},
        {"sine", (void **)&r->sine, table * sizeof(float)},
        {"state", (void **)&r->x, values * sizeof(float)},
        {"velocity", (void **)&r->v, outputs * sizeof(float)},
        {"guided state", (void **)&r->guided_x, 2 * values * sizeof(float)},
        {"guided velocity", (void **)&r->guided_v, 2 * outputs * sizeof(float)},
        {"latent", (void **)&r->planes, values * sizeof(float)},
    };
    return fit_scratch_reserve(&r->scratch, r->c.device, items, sizeof items / sizeof items[0],
                               error);
}

static bool velocity_place(struct velocity *r, struct fit_error *error)
{
    struct fit_config config = fit_config_with_positions(
        &r->model->config, r->params->attention_scale, r->params->ori_max_pe_len);
    struct fk_device *device = r->c.device;
    size_t n = (size_t)r->tokens * (size_t)fit_config_head_width(&config) / 2;
    float *table = malloc(2 * n * sizeof *table);
    int32_t *offset = malloc((size_t)(r->images + 1) * sizeof *offset);
    bool ok = table && offset &&
              fit_rope_table(table, table + n, &config, r->params->method, r->rows, r->columns);
    if (!ok)
        fit_fail(error, FIT_ERROR_MEMORY, "no memory for positions of %d tokens", r->tokens);
    for (int i = 0; ok && i <= r->images; i++)
        offset[i] = i * r->tokens;
    for (int i = 0; ok && i < r->images; i++)
        ok = device->upload(r->c.queue, r->cosine + (size_t)i * n, table, n * sizeof *table) &&
             device->upload(r->c.queue, r->sine + (size_t)i * n, table + n, n * sizeof *table);
    ok = ok && device->upload(r->c.queue, r->offset, offset,
                              (size_t)(r->images + 1) * sizeof *offset) &&
         device->queue_sync(r->c.queue);
    free(table);
    free(offset);
    return fit_compute_check(&r->c, ok);
}

static bool velocity_condition(struct velocity *r, struct fit_error *error)
{
    const struct fit_velocity_params *p = r->params;
    float t = fit_config_told_time(&r->model->config, (float)p->t, 1, p->v1_clamp);
    int32_t *y = malloc((size_t)p->batch * sizeof *y);
    if (!y)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for %d classes", p->batch);
    for (int i = 0; i < p->batch; i++)
        y[i] = p->class_id == FIT_CLASS_NONE ? r->model->config.n_classes : p->class_id;
    bool ok = fit_guided_conditioning(&r->c, &r->model->network, &r->modulation, &t, 1, y,
                                      p->batch, p->guidance);
    free(y);
    return ok;
}

/* Of the first version's outputs the noise, the first half of every token, takes the place of v;
 * the host does it, because no operation of a device needs to. */
static bool velocity_keep_noise(struct velocity *r)
{
    const struct fit_config *config = &r->model->config;
    size_t features = (size_t)fit_config_features(config),
           wide = (size_t)fit_config_outputs(config);
    size_t tokens = (size_t)(r->params->batch * r->tokens);
    struct fk_device *d = r->c.device;
    if (wide == features)
        return true;
    float *host = malloc(tokens * wide * sizeof *host);
    if (!host)
        return fit_fail(r->c.error, FIT_ERROR_MEMORY, "no memory for %zu tokens", tokens);
    bool ok = d->download(r->c.queue, host, r->v, tokens * wide * sizeof *host) &&
              d->queue_sync(r->c.queue);
    for (size_t i = 1; ok && i < tokens; i++)
        memmove(host + i * features, host + i * wide, features * sizeof *host);
    ok = ok && d->upload(r->c.queue, r->v, host, tokens * features * sizeof *host) &&
         d->queue_sync(r->c.queue);
    free(host);
    return fit_compute_check(&r->c, ok);
}

static bool velocity_run(struct velocity *r)
{
    const struct fit_velocity_params *p = r->params;
    const struct fit_config *config = &r->model->config;
    int h = r->rows * config->patch, w = r->columns * config->patch;
    size_t bytes = (size_t)(p->batch * r->tokens) * (size_t)fit_config_features(config) *
                   sizeof(float);
    struct fk_pack pack = {r->images, r->images * r->tokens, r->tokens, r->offset};
    struct fit_guided guided = {
        .network = &r->model->network,
        .activations = &r->activations,
        .modulation = &r->modulation,
        .pack = &pack,
        .cosine = r->cosine,
        .sine = r->sine,
        .scale = p->guidance,
        .power = p->guidance_power,
        .x = r->guided_x,
        .v = r->guided_v,
    };
    return fit_compute_check(&r->c, r->c.device->upload(r->c.queue, r->planes, r->latent,
                                                        bytes)) &&
           fit_run(&r->c, patchify, r->x, r->planes, p->batch, config->channels, h, w,
                   config->patch) &&
           fit_guided_velocity(&guided, &r->c, r->v, r->x, (float)p->t, 0) &&
           velocity_keep_noise(r) &&
           fit_run(&r->c, unpatchify, r->planes, r->v, p->batch, config->channels, h, w,
                   config->patch) &&
           fit_compute_check(&r->c, r->c.device->download(r->c.queue, r->out, r->planes, bytes));
}

static bool velocity_work(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct velocity *r = data;
    fit_compute_init(&r->c, engine->device, engine->queue, error);
    bool ok = velocity_reserve(r, error) && velocity_place(r, error) &&
              velocity_condition(r, error) && velocity_run(r);
    fit_modulation_finish(&r->modulation);
    fit_activations_finish(&r->activations);
    fit_scratch_finish(&r->scratch);
    return ok;
}

bool fit_model_velocity(struct fit_model *model, const struct fit_velocity_params *params,
                        const float *latent, float *velocity, struct fit_error *error)
{
    struct fit_velocity_params p = *params;
    if (p.guidance == 0 || p.class_id == FIT_CLASS_NONE)
        p.guidance = 1;
    if (!check_size(model, p.width, p.height, error))
        return false;
    if (p.class_id < FIT_CLASS_NONE || p.class_id >= model->info.n_classes)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "class %d does not exist; this model has 0 to %d, or none", p.class_id,
                        model->info.n_classes - 1);
    bool v1 = model->config.architecture == FIT_ARCHITECTURE_V1;
    int latest = v1 ? FIT_DDPM_TRAINED_STEPS - 1 : 1;
    if (p.batch < 1 || p.batch > 4096)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "batch: expected 1 to 4096, found %d", p.batch);
    if (!(p.t >= 0 && p.t <= latest))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "time: expected 0 to %d, found %g", latest, p.t);
    if (p.ori_max_pe_len < 0 || p.ori_max_pe_len > FIT_MAX_AXIS ||
        (unsigned)p.attention_scale >= FIT_N_ATTENTION_SCALES)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "expected positions from 1 to %d tokens, found %d with attention scale %d",
                        FIT_MAX_AXIS, p.ori_max_pe_len, (int)p.attention_scale);
    int side = model->info.token_pixels;
    struct velocity request = {
        .model = model,
        .params = &p,
        .latent = latent,
        .out = velocity,
        .rows = p.height / side,
        .columns = p.width / side,
        .tokens = p.height / side * (p.width / side),
        .images = p.batch * (fit_guided_is_plain(p.guidance) ? 1 : 2),
    };
    return fit_engine_call(model->engine, velocity_work, &request, error);
}

/* ---- decode and encode ---- */

struct passage {
    struct fit_model *model;
    const float *in;
    float *out;
    int width, height;
};

static bool decode_work(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct passage *p = data;
    (void)engine;
    return decode_rgb(p->model, p->in, p->width, p->height, p->out, error);
}

static bool encode_work(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct passage *p = data;
    (void)engine;
    return encode_rgb(p->model, p->in, p->width, p->height, p->out, error);
}

bool fit_model_decode(struct fit_model *model, const float *latent, int width, int height,
                      float *rgb, struct fit_error *error)
{
    struct passage p = {model, latent, rgb, width, height};
    return check_size(model, width, height, error) &&
           fit_engine_call(model->engine, decode_work, &p, error);
}

bool fit_model_encode(struct fit_model *model, const float *rgb, int width, int height,
                      float *latent, struct fit_error *error)
{
    struct passage p = {model, rgb, latent, width, height};
    return check_size(model, width, height, error) &&
           fit_engine_call(model->engine, encode_work, &p, error);
}
