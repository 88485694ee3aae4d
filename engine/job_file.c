/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that was left, as a file: safetensors with
 *
 *   state, prediction  F32 [n][C][h][w]   the points made so far
 *   thumbnail          U8  [n][h][w][4]   small pictures of the predictions
 *   solver.number      F64 [k]            how far the solver is (sampler_kind.h)
 *   solver.state       F32 [values]       and its states
 *   noise.random       I32 [625]          torch's generator and how much of it is used, with torch
 *   noise              F32 [C][h][w]      what the run began with, where that came from a file
 *
 * and, as metadata, "format" "limn-run-1", "settings" as pictures carry them (picture.c), with
 * those of the runs before, and "progress", how far the run was for people to see.
 *
 * A reader believes the file nothing: the settings pass the checks of a new run, every shape
 * follows from them, and the sampler refuses what is no place of such a run.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "safetensors.h"

#define FORMAT "limn-run-1"

enum { N_RANDOM = FIT_TORCH_RANDOM_WORDS + 1, MAX_TENSORS = 7, MAX_ORIGINS = 64 };

static size_t latent_pixels(const struct fit_job *job)
{
    int side = job->model->info.token_pixels / job->model->config.patch;
    return (size_t)(job->params.width / side) * (size_t)(job->params.height / side);
}

static struct fit_tensor tensor(const char *name, enum fit_tensor_type type, const void *data,
                                int n_dims, const uint64_t *dims)
{
    struct fit_tensor t = {.name = name, .type = type, .n_dims = n_dims, .n_values = 1,
                           .data = data};
    for (int i = 0; i < n_dims; i++) {
        t.dims[i] = dims[i];
        t.n_values *= dims[i];
    }
    t.bytes = t.n_values * fit_tensor_type_size(type);
    return t;
}

/* ---- writing ---- */

static char *describe_progress(struct fit_job *job)
{
    struct fit_progress p;
    fit_job_progress(job, &p);
    json_t *object = json_pack("{s:i, s:i, s:f, s:f}", "step", p.step, "evaluations", p.evaluations,
                               "t", p.t, "elapsed_s", p.elapsed_s);
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(object);
    return text;
}

static bool write_tensors(struct fit_job *job, const struct run_place *place, int n,
                          const char *path, struct fit_error *error)
{
    const struct trajectory *steps = &job->trajectory;
    const struct fit_sampler_place *solver = &place->sampler;
    int side = job->model->info.token_pixels / job->model->config.patch, n_tensors = 5;
    uint64_t points = (uint64_t)n, channels = (uint64_t)job->model->config.channels;
    uint64_t height = (uint64_t)(job->params.height / side);
    uint64_t width = (uint64_t)(job->params.width / side);
    const uint64_t latents[] = {points, channels, height, width};
    const uint64_t pictures[] = {points, height, width, 4};
    const uint64_t numbers = (uint64_t)solver->n_numbers, values = solver->n_values;
    const uint64_t random = N_RANDOM;
    struct fit_tensor tensors[MAX_TENSORS] = {
        tensor("state", FIT_TENSOR_F32, steps->state, 4, latents),
        tensor("prediction", FIT_TENSOR_F32, steps->prediction, 4, latents),
        tensor("thumbnail", FIT_TENSOR_U8, steps->thumbnail, 4, pictures),
        tensor("solver.number", FIT_TENSOR_F64, solver->number, 1, &numbers),
        tensor("solver.state", FIT_TENSOR_F32, solver->states, 1, &values),
    };
    int32_t generator[N_RANDOM];
    if (job->params.noise_source == FIT_NOISE_TORCH) {
        memcpy(generator, place->random.word, sizeof place->random.word);
        generator[N_RANDOM - 1] = place->random.used;
        tensors[n_tensors++] = tensor("noise.random", FIT_TENSOR_I32, generator, 1, &random);
    }
    if (job->noise)
        tensors[n_tensors++] = tensor("noise", FIT_TENSOR_F32, job->noise, 3, latents + 1);
    char *settings = fit_job_describe_json(job), *progress = describe_progress(job);
    const char *const metadata[] = {"format", FORMAT, "settings", settings, "progress", progress,
                                    NULL};
    bool ok = settings && progress
                  ? fit_safetensors_write(path, tensors, (size_t)n_tensors, metadata, error)
                  : fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its settings", path);
    free(settings);
    free(progress);
    return ok;
}

/* The settings of the runs before are all that is written of them. */
static bool check_origins(const struct fit_job *job, struct fit_error *error)
{
    int n = 0;
    for (const struct fit_job *from = job->from; from; from = from->from)
        if (from->noise || ++n > MAX_ORIGINS)
            return fit_fail(error, FIT_ERROR_ARGUMENT,
                            from->noise ? "a run that goes on from one with noise from a file "
                                          "cannot be kept"
                                        : "a run with more than %d runs before it cannot be kept",
                            MAX_ORIGINS);
    return true;
}

bool fit_job_write(struct fit_job *job, const char *path, struct fit_error *error)
{
    struct run_place place;
    int n;
    if (!check_origins(job, error) || !job_keep(job, &place, &n, error))
        return false;
    bool ok = write_tensors(job, &place, n, path, error);
    fit_sampler_place_finish(&place.sampler);
    return ok;
}

/* ---- reading ---- */

static json_t *read_json(const struct fit_safetensors *file, const char *key,
                         struct fit_error *error)
{
    const char *text = fit_safetensors_metadata(file, key);
    json_t *object = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(object))
        return object;
    json_decref(object);
    fit_fail(error, FIT_ERROR_FILE, "%s: its %s are not JSON", file->path, key);
    return NULL;
}

static bool check_format(const struct fit_safetensors *file, struct fit_error *error)
{
    const char *format = fit_safetensors_metadata(file, "format");
    return (format && !strcmp(format, FORMAT)) ||
           fit_fail(error, FIT_ERROR_FILE, "%s: is no run that was left: expected the format %s, "
                    "found %.40s", file->path, FORMAT, format ? format : "none");
}

static bool read_progress(const struct fit_safetensors *file, int steps, struct fit_progress *out,
                          struct fit_error *error)
{
    json_t *object = read_json(file, "progress", error);
    struct fit_progress p = {.state = FIT_JOB_PAUSED, .steps = steps, .remaining_s = -1};
    if (!object)
        return false;
    bool ok = !json_unpack(object, "{s:i, s:i, s:F, s:F}", "step", &p.step, "evaluations",
                           &p.evaluations, "t", &p.t, "elapsed_s", &p.elapsed_s) &&
              p.step >= 0 && p.step <= steps && p.evaluations >= 0 && p.t >= 0 && p.t <= 1 &&
              p.elapsed_s >= 0 && isfinite(p.elapsed_s);
    json_decref(object);
    *out = p;
    return ok || fit_fail(error, FIT_ERROR_FILE, "%s: its progress is not possible", file->path);
}

bool fit_settings_read_run(const char *path, struct fit_settings *out,
                           struct fit_progress *progress, struct fit_error *error)
{
    struct fit_safetensors file;
    if (!fit_safetensors_open(&file, path, error))
        return false;
    json_t *settings = check_format(&file, error) ? read_json(&file, "settings", error) : NULL;
    bool ok = settings && picture_settings_read(settings, path, out, error) &&
              read_progress(&file, out->params.steps, progress, error);
    json_decref(settings);
    fit_safetensors_close(&file);
    return ok;
}

/* The run of these settings, not queued, with the runs before it. */
static struct fit_job *make_job(struct fit_model *model, const json_t *settings, const char *path,
                                int depth, struct fit_error *error)
{
    struct fit_generate_params params;
    const json_t *before = json_object_get(settings, "from");
    int evaluations;
    if (!picture_params_read(settings, path, &params, &evaluations, error))
        return NULL;
    if (before && depth == MAX_ORIGINS) {
        fit_fail(error, FIT_ERROR_FILE, "%s: more than %d runs before it", path, MAX_ORIGINS);
        return NULL;
    }
    struct fit_job *from = NULL;
    if (before && !(from = make_job(model, before, path, depth + 1, error)))
        return NULL;
    params.from = from;
    struct fit_job *job = job_new(model, &params, error);
    fit_job_unref(&from);
    if (job)
        job->progress.evaluations = evaluations;
    return job;
}

static bool check_model(const struct fit_model *model, const json_t *settings, const char *path,
                        struct fit_error *error)
{
    struct fit_settings found;
    if (!picture_settings_read(settings, path, &found, error))
        return false;
    return !strcmp(found.model_hash, model->info.sha256) ||
           fit_fail(error, FIT_ERROR_MODEL, "%s: was begun with another model: expected %s, found "
                    "%s", path, model->info.name, found.model_name);
}

/* Copies the values of a tensor of exactly that type and shape; numbers must be numbers. */
static bool read_tensor(const struct fit_safetensors *file, const char *name,
                        enum fit_tensor_type type, int n_dims, const uint64_t *dims, void *out,
                        struct fit_error *error)
{
    const struct fit_tensor *t;
    if (!fit_safetensors_require(file, name, n_dims, dims, &t, error))
        return false;
    if (t->type != type || t->n_dims != n_dims)
        return fit_fail(error, FIT_ERROR_FILE, "%s: %s: expected %s, found %s", file->path, name,
                        fit_tensor_type_name(type), fit_tensor_type_name(t->type));
    if (t->bytes)
        memcpy(out, t->data, (size_t)t->bytes);
    for (uint64_t i = 0; i < t->n_values; i++)
        if ((type == FIT_TENSOR_F32 && !isfinite(((const float *)out)[i])) ||
            (type == FIT_TENSOR_F64 && !isfinite(((const double *)out)[i])))
            return fit_fail(error, FIT_ERROR_FILE, "%s: %s: value %llu is no number", file->path,
                            name, (unsigned long long)i);
    return true;
}

static bool read_steps(struct fit_job *job, const struct fit_safetensors *file,
                       struct fit_error *error)
{
    struct trajectory *steps = &job->trajectory;
    const struct fit_tensor *state = fit_safetensors_find(file, "state");
    int side = job->model->info.token_pixels / job->model->config.patch;
    int room = job->params.steps + 1;
    uint64_t n = state && state->n_dims == 4 ? state->dims[0] : 0;
    uint64_t height = (uint64_t)(job->params.height / side);
    uint64_t width = (uint64_t)(job->params.width / side);
    const uint64_t latents[] = {n, (uint64_t)job->model->config.channels, height, width};
    const uint64_t pictures[] = {n, height, width, 4};
    size_t pixels = latent_pixels(job);
    if (n > (uint64_t)room)
        return fit_fail(error, FIT_ERROR_FILE, "%s: state: expected at most %d points, found %llu",
                        file->path, room, (unsigned long long)n);
    if (!trajectory_init(steps, room, pixels * (size_t)job->model->config.channels, pixels, error))
        return false;
    steps->n = (int)n;
    return read_tensor(file, "state", FIT_TENSOR_F32, 4, latents, steps->state, error) &&
           read_tensor(file, "prediction", FIT_TENSOR_F32, 4, latents, steps->prediction, error) &&
           read_tensor(file, "thumbnail", FIT_TENSOR_U8, 4, pictures, steps->thumbnail, error);
}

static bool read_random(const struct fit_job *job, const struct fit_safetensors *file,
                        struct fit_torch_random *out, struct fit_error *error)
{
    int32_t generator[N_RANDOM];
    const uint64_t n = N_RANDOM;
    if (job->params.noise_source != FIT_NOISE_TORCH)
        return true;
    if (!read_tensor(file, "noise.random", FIT_TENSOR_I32, 1, &n, generator, error))
        return false;
    memcpy(out->word, generator, sizeof out->word);
    out->used = generator[N_RANDOM - 1];
    return (out->used >= 0 && out->used <= FIT_TORCH_RANDOM_WORDS) ||
           fit_fail(error, FIT_ERROR_FILE, "%s: noise.random: expected 0 to %d used, found %d",
                    file->path, FIT_TORCH_RANDOM_WORDS, out->used);
}

/* How many numbers and values a solver has is the sampler's to know; here they only have bounds. */
static bool read_place(const struct fit_job *job, const struct fit_safetensors *file,
                       struct run_place *place, struct fit_error *error)
{
    struct fit_sampler_place *solver = &place->sampler;
    const struct fit_tensor *numbers = fit_safetensors_find(file, "solver.number");
    const struct fit_tensor *values = fit_safetensors_find(file, "solver.state");
    uint64_t n_numbers = numbers ? numbers->n_values : 0, n_values = values ? values->n_values : 0;
    *place = (struct run_place){0};
    if (n_numbers < 1 || n_numbers > FIT_SAMPLER_MAX_NUMBERS || n_values < 1)
        return fit_fail(error, FIT_ERROR_FILE, "%s: where its solver was is missing", file->path);
    solver->n_numbers = (int)n_numbers;
    solver->n_values = (size_t)n_values;
    solver->states = malloc(solver->n_values * sizeof(float));
    if (!solver->states)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its states", file->path);
    return read_tensor(file, "solver.number", FIT_TENSOR_F64, 1, &n_numbers, solver->number,
                       error) &&
           read_tensor(file, "solver.state", FIT_TENSOR_F32, 1, &n_values, solver->states, error) &&
           read_random(job, file, &place->random, error);
}

/* The noise that a run began with, where its settings say that it came from a file. */
static bool read_noise(struct fit_job *job, const struct fit_safetensors *file,
                       const json_t *settings, struct fit_error *error)
{
    const char *from = json_string_value(json_object_get(settings, "noise"));
    int side = job->model->info.token_pixels / job->model->config.patch;
    const uint64_t latent[] = {(uint64_t)job->model->config.channels,
                               (uint64_t)(job->params.height / side),
                               (uint64_t)(job->params.width / side)};
    if (!from || strcmp(from, "file"))
        return true;
    job->noise = malloc(job->trajectory.values * sizeof *job->noise);
    if (!job->noise)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its noise", file->path);
    return read_tensor(file, "noise", FIT_TENSOR_F32, 3, latent, job->noise, error);
}

bool fit_job_read(struct fit_model *model, const char *path, bool paused, struct fit_job **out,
                  struct fit_error *error)
{
    struct fit_safetensors file;
    *out = NULL;
    if (!fit_safetensors_open(&file, path, error))
        return false;
    struct run_place place = {0};
    struct fit_progress progress;
    struct fit_job *job = NULL;
    json_t *settings = check_format(&file, error) ? read_json(&file, "settings", error) : NULL;
    bool ok = settings && check_model(model, settings, path, error) &&
              (job = make_job(model, settings, path, 0, error)) &&
              read_progress(&file, job->params.steps, &progress, error) &&
              read_steps(job, &file, error) && read_noise(job, &file, settings, error) &&
              read_place(job, &file, &place, error);
    json_decref(settings);
    fit_safetensors_close(&file);
    if (!ok) {
        fit_sampler_place_finish(&place.sampler);
        fit_job_unref(&job);
        return false;
    }
    job->pause_wanted = paused;
    job_go_on(job, &place, &progress);
    *out = job;
    return true;
}
