/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs as programs see them: checked before they are queued, watched while they run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "noise.h"
#include "rope.h"

#define MIB (1024.0 * 1024.0)

/* ---- checking a request ---- */

static void fill(double *value, double otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void fill_defaults(const struct fit_model *model, struct fit_generate_params *p)
{
    const struct fit_model_info *info = &model->info;
    if (!p->width && !p->height) {
        p->width = info->default_width;
        p->height = info->default_height;
    }
    if (!p->crop_width && !p->crop_height) {
        p->crop_width = p->width;
        p->crop_height = p->height;
    }
    if (!p->steps)
        p->steps = info->default_steps;
    /* Euler is 0, and so also what somebody says who says nothing. */
    if (p->solver == FIT_SOLVER_EULER && !fit_model_has_solver(model, p->solver))
        p->solver = info->default_solver;
    if (!p->ori_max_pe_len)
        p->ori_max_pe_len = info->axis_tokens;
    fill(&p->guidance, info->default_guidance);
    fill(&p->time_shift, 1);
    fill(&p->atol, 1e-6);
    fill(&p->rtol, 1e-3);
    fill(&p->diffusion_norm, 1);
    fill(&p->last_step_size, 0.04);
    if (p->class_id == FIT_CLASS_NONE)
        p->guidance = 1; /* nothing to guide towards */
}

static bool check_size(const struct fit_model *model, int width, int height,
                       struct fit_error *error)
{
    int w = width, h = height;
    fit_canvas_snap(model, &w, &h);
    if (w == width && h == height)
        return true;
    return fit_fail(error, FIT_ERROR_ARGUMENT,
                    "size %dx%d is not possible: sides are multiples of %d from %d to %d; the "
                    "nearest is %dx%d",
                    width, height, model->info.token_pixels, model->info.token_pixels,
                    model->info.max_axis_pixels, w, h);
}

static bool check_crop(const struct fit_generate_params *p, struct fit_error *error)
{
    if (p->crop_width >= 1 && p->crop_width <= p->width && p->crop_height >= 1 &&
        p->crop_height <= p->height)
        return true;
    return fit_fail(error, FIT_ERROR_ARGUMENT,
                    "crop %dx%d is not possible: expected 1x1 to %dx%d, the size of the picture",
                    p->crop_width, p->crop_height, p->width, p->height);
}

struct fit_sampler_params job_sampler_params(const struct fit_config *config,
                                             const struct fit_generate_params *p)
{
    return (struct fit_sampler_params){
        .solver = p->solver,
        .steps = p->steps,
        .atol = p->atol,
        .rtol = p->rtol,
        .diffusion = p->diffusion,
        .diffusion_norm = p->diffusion_norm,
        .last_step = p->last_step,
        .last_step_size = p->last_step_size,
        .eta = p->ddim_eta,
        .even_spacing = p->even_spacing,
        .first = p->from ? p->from_step : 0,
        .features = fit_config_features(config),
    };
}

/* What the solver is, what it can do for this model, and its own settings. */
static bool check_solver(const struct fit_model *model, const struct fit_generate_params *p,
                         struct fit_error *error)
{
    bool v1 = model->config.architecture == FIT_ARCHITECTURE_V1;
    struct fit_sampler_params sampler = job_sampler_params(&model->config, p);
    if ((unsigned)p->solver < FIT_N_SOLVERS && !fit_model_has_solver(model, p->solver))
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "solver: %s is not for a %s model; expected %s",
                        fit_solver_name(p->solver), model->info.architecture,
                        v1 ? "ddpm or ddim" : "a solver that follows a velocity");
    if (!fit_sampler_check(&sampler, error))
        return false;
    if ((unsigned)p->error_norm >= FIT_N_ERROR_NORMS)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "error norm %d does not exist",
                        (int)p->error_norm);
    if (!(p->time_shift >= 0.01 && p->time_shift <= 100))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "time shift: expected 0.01 to 100, found %g",
                        p->time_shift);
    if (v1 && p->time_shift != 1)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "time shift: a model of the first version has none");
    if (v1 && p->guidance_power != 0)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "guidance power: a model of the first version has none");
    return true;
}

static bool check_noise_source(const struct fit_generate_params *p, struct fit_error *error)
{
    int most = p->noise_source == FIT_NOISE_TORCH ? FIT_NOISE_MAX_TORCH_INDEX
                                                  : FIT_NOISE_MAX_INDEX;
    if ((unsigned)p->noise_source >= FIT_N_NOISE_SOURCES)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "noise source %d does not exist",
                        (int)p->noise_source);
    if (p->index < 0 || p->index > most)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "index: expected 0 to %d with noise from %s, found %d", most,
                        fit_noise_source_name(p->noise_source), p->index);
    return true;
}

static bool check_positions(const struct fit_generate_params *p, struct fit_error *error)
{
    if ((unsigned)p->method >= FIT_N_METHODS)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "position method %d does not exist",
                        (int)p->method);
    if ((unsigned)p->attention_scale >= FIT_N_ATTENTION_SCALES)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "attention scale %d does not exist",
                        (int)p->attention_scale);
    if (p->ori_max_pe_len < 1 || p->ori_max_pe_len > FIT_MAX_AXIS)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "reference length of positions: expected 1 to %d tokens, found %d",
                        FIT_MAX_AXIS, p->ori_max_pe_len);
    return true;
}

static bool check_values(const struct fit_model *model, const struct fit_generate_params *p,
                         struct fit_error *error)
{
    if (p->class_id < FIT_CLASS_NONE || p->class_id >= model->info.n_classes)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "class %d does not exist; this model has 0 to %d, or none", p->class_id,
                        model->info.n_classes - 1);
    if (p->steps < 1 || p->steps > 1000)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "steps: expected 1 to 1000, found %d",
                        p->steps);
    if (!(p->guidance >= 1 && p->guidance <= 30))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "guidance: expected 1 to 30, found %g",
                        p->guidance);
    if (!(p->guidance_power >= 0 && p->guidance_power <= 100))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "guidance power: expected 0 to 100, found %g",
                        p->guidance_power);
    return check_solver(model, p, error) && check_noise_source(p, error) &&
           check_positions(p, error);
}

/* What a run may take: one that needs it gets the memory of copies that only save time. False where
 * the device does not tell. */
static bool free_memory(const struct fit_model *model, uint64_t *out)
{
    struct fk_device *device = model->engine->device;
    size_t free_bytes, total;
    if (!device->memory(device, &free_bytes, &total))
        return false;
    *out = free_bytes + atomic_load(&model->network.copied_bytes);
    return true;
}

bool fit_canvas_for_memory(const struct fit_model *model, const struct fit_generate_params *params,
                           int *width, int *height)
{
    struct fit_generate_params p = *params;
    uint64_t free_bytes;
    fill_defaults(model, &p);
    fit_canvas_snap(model, &p.width, &p.height);
    int side = model->info.token_pixels;
    double ratio = (double)p.width / p.height;
    bool known = free_memory(model, &free_bytes);
    /* In steps that show: beside what is forecast, other programs want memory too. */
    for (int tokens = p.width / side * (p.height / side) / 4 * 3; tokens > 0;
         tokens = tokens / 4 * 3) {
        fit_canvas_for_ratio(model, ratio, tokens, &p.width, &p.height);
        if (!known || fit_run_bytes(model, &p) <= free_bytes / 10 * 9) {
            *width = p.width;
            *height = p.height;
            return true;
        }
    }
    return false;
}

static bool check_memory(const struct fit_model *model, const struct fit_generate_params *p,
                         struct fit_error *error)
{
    uint64_t free_bytes, needed = fit_run_bytes(model, p);
    if (!free_memory(model, &free_bytes) || needed <= free_bytes)
        return true;
    int w, h;
    char smaller[64] = "";
    if (fit_canvas_for_memory(model, p, &w, &h))
        snprintf(smaller, sizeof smaller, "; %dx%d would fit", w, h);
    return fit_fail(error, FIT_ERROR_MEMORY,
                    "size %dx%d needs about %.0f MB of memory, %.0f MB are free%s", p->width,
                    p->height, (double)needed / MIB, (double)free_bytes / MIB, smaller);
}

static bool check_noise(const float *noise, size_t n, struct fit_error *error)
{
    for (size_t i = 0; noise && i < n; i++)
        if (!isfinite(noise[i]))
            return fit_fail(error, FIT_ERROR_ARGUMENT, "noise: value %zu is no number", i);
    return true;
}

/* The same weights may have been read once more, by another engine. */
static bool is_same_model(const struct fit_model *a, const struct fit_model *b)
{
    return a == b || (*a->info.sha256 && strcmp(a->info.sha256, b->info.sha256) == 0);
}

/* That the run to go on from is like this one and has come so far. */
static bool check_from(const struct fit_model *model, const struct fit_generate_params *p,
                       struct fit_error *error)
{
    const struct fit_job *from = p->from;
    if (!from)
        return true;
    if (!is_same_model(from->model, model))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "a run goes on only with its own model");
    if (from->params.width != p->width || from->params.height != p->height)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "size %dx%d: a run goes on only with its own size, %dx%d", p->width,
                        p->height, from->params.width, from->params.height);
    if (from->params.steps != p->steps)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "steps: a run goes on only with its own number, %d, found %d",
                        from->params.steps, p->steps);
    pthread_mutex_lock(&from->model->engine->lock);
    int finished = from->trajectory.n - 1;
    pthread_mutex_unlock(&from->model->engine->lock);
    int last = finished < p->steps ? finished : p->steps - 1;
    return (p->from_step >= 0 && p->from_step <= last) ||
           fit_fail(error, FIT_ERROR_ARGUMENT, "step to go on from: expected 0 to %d, found %d",
                    last, p->from_step);
}

static size_t latent_values(const struct fit_model *model, int width, int height)
{
    int side = model->info.token_pixels / model->config.patch;
    return (size_t)(width / side) * (size_t)(height / side) * (size_t)model->config.channels;
}

static bool check(const struct fit_model *model, const struct fit_generate_params *p,
                  struct fit_error *error)
{
    if (!check_size(model, p->width, p->height, error) || !check_crop(p, error) ||
        !check_values(model, p, error) || !check_memory(model, p, error))
        return false;
    size_t values = latent_values(model, p->width, p->height);
    if (!check_noise(p->noise, values, error))
        return false;
    if (p->noise_source == FIT_NOISE_TORCH && values % FIT_TORCH_RANDOM_BLOCK != 0)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "noise source: torch gives images in blocks of %d values; this size has "
                        "%zu",
                        FIT_TORCH_RANDOM_BLOCK, values);
    return true;
}

/* ---- life ---- */

static bool copy_noise(struct fit_job *job, const float *noise, size_t n, struct fit_error *error)
{
    if (!noise)
        return true;
    job->noise = malloc(n * sizeof *noise);
    if (!job->noise)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for the noise");
    memcpy(job->noise, noise, n * sizeof *noise);
    return true;
}

struct fit_job *job_new(struct fit_model *model, const struct fit_generate_params *params,
                        struct fit_error *error)
{
    struct fit_generate_params p = *params;
    fill_defaults(model, &p);
    if (!check(model, &p, error))
        return NULL;
    struct fit_config positions =
        fit_config_with_positions(&model->config, p.attention_scale, p.ori_max_pe_len);
    p.method = fit_rope_method(&positions, p.method, p.height / model->info.token_pixels,
                               p.width / model->info.token_pixels);

    struct fit_job *job = calloc(1, sizeof *job);
    if (!job) {
        fit_fail(error, FIT_ERROR_MEMORY, "no memory for a job");
        return NULL;
    }
    atomic_init(&job->refs, 1);
    atomic_init(&job->cancel, false);
    job->model = fit_model_ref(model);
    job->started_s = fit_now_s();
    job->live_step = -1;
    if (!copy_noise(job, p.noise, latent_values(model, p.width, p.height), error)) {
        fit_job_unref(&job);
        return NULL;
    }
    p.noise = NULL;
    job->from = p.from ? fit_job_ref(p.from) : NULL;
    p.from_step = p.from ? p.from_step : 0;
    job->params = p;
    job->progress.steps = p.steps;
    job->progress.remaining_s = -1;
    return job;
}

bool fit_generate(struct fit_model *model, const struct fit_generate_params *params,
                  struct fit_job **out, struct fit_error *error)
{
    struct fit_generate_params p = *params;
    *out = NULL;
    fill_defaults(model, &p);
    if (!check_from(model, &p, error))
        return false;
    *out = job_new(model, &p, error);
    if (*out)
        fit_engine_add_job(model->engine, *out);
    return *out;
}

struct fit_job *fit_job_ref(struct fit_job *job)
{
    atomic_fetch_add(&job->refs, 1);
    return job;
}

void fit_job_unref(struct fit_job **handle)
{
    struct fit_job *job = *handle;
    *handle = NULL;
    if (!job || atomic_fetch_sub(&job->refs, 1) != 1)
        return;
    fit_frame_unref(&job->live);
    fit_frame_unref(&job->shown);
    trajectory_finish(&job->trajectory);
    fit_sampler_place_finish(&job->place.sampler);
    free(job->noise);
    fit_job_unref(&job->from);
    fit_model_unref(&job->model);
    free(job);
}

void fit_job_cancel(struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    atomic_store(&job->cancel, true);
    pthread_mutex_lock(&engine->lock);
    fit_engine_unpark(engine, job);
    pthread_mutex_unlock(&engine->lock);
}

void fit_job_pause(struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    pthread_mutex_lock(&engine->lock);
    job->pause_wanted = true;
    pthread_mutex_unlock(&engine->lock);
}

void fit_job_resume(struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    pthread_mutex_lock(&engine->lock);
    job->pause_wanted = false;
    bool goes_on = fit_engine_unpark(engine, job);
    pthread_mutex_unlock(&engine->lock);
    if (goes_on)
        fit_engine_post(engine, job, FIT_EVENT_STEP);
}

/* ---- watching ---- */

void fit_job_progress(struct fit_job *job, struct fit_progress *out)
{
    pthread_mutex_lock(&job->model->engine->lock);
    *out = job->progress;
    pthread_mutex_unlock(&job->model->engine->lock);
}

void fit_job_error(struct fit_job *job, struct fit_error *out)
{
    pthread_mutex_lock(&job->model->engine->lock);
    *out = job->error;
    pthread_mutex_unlock(&job->model->engine->lock);
}

void fit_job_show_error(struct fit_job *job, struct fit_error *out)
{
    pthread_mutex_lock(&job->model->engine->lock);
    *out = job->show_error;
    pthread_mutex_unlock(&job->model->engine->lock);
}

void fit_job_params(const struct fit_job *job, struct fit_generate_params *out)
{
    *out = job->params;
}

struct fit_model *fit_job_model(const struct fit_job *job)
{
    return job->model;
}

void fit_job_show(struct fit_job *job, int step, enum fit_view view)
{
    struct fit_engine *engine = job->model->engine;
    pthread_mutex_lock(&engine->lock);
    job->show_step = step < 0 ? 0 : step;
    job->show_view = view;
    bool queued = job->show_wanted;
    job->show_wanted = true;
    if (!queued && !engine->closing)
        fit_engine_add_show(engine, job);
    pthread_mutex_unlock(&engine->lock);
}

struct fit_frame *fit_job_take_frame(struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    pthread_mutex_lock(&engine->lock);
    struct fit_frame **place = job->shown ? &job->shown : &job->live, *frame = *place;
    *place = NULL;
    pthread_mutex_unlock(&engine->lock);
    if (frame)
        frame->job = fit_job_ref(job);
    return frame;
}

bool fit_job_thumbnail(struct fit_job *job, int step, uint8_t *rgba)
{
    struct fit_engine *engine = job->model->engine;
    const struct trajectory *trajectory = &job->trajectory;
    pthread_mutex_lock(&engine->lock);
    bool found = step >= 0 && step < trajectory->n;
    size_t bytes = 4 * trajectory->pixels;
    if (found)
        memcpy(rgba, trajectory->thumbnail + (size_t)step * bytes, bytes);
    pthread_mutex_unlock(&engine->lock);
    return found;
}

bool fit_job_latent(struct fit_job *job, int step, enum fit_view view, float *latent)
{
    struct fit_engine *engine = job->model->engine;
    const struct trajectory *trajectory = &job->trajectory;
    pthread_mutex_lock(&engine->lock);
    bool found = step >= 0 && step < trajectory->n;
    const float *from = view == FIT_VIEW_STATE ? trajectory->state : trajectory->prediction;
    if (found)
        memcpy(latent, from + (size_t)step * trajectory->values,
               trajectory->values * sizeof *latent);
    pthread_mutex_unlock(&engine->lock);
    return found;
}
