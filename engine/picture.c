/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a picture says about itself: a text that other programs show ("parameters", in the form
 * that image generators share) and JSON that brings the run back ("limn").
 *
 *   {"schema": 1, "program": "Limn 0.1.0", "model": "…", "model_sha256": "…",
 *    "class_id": 3, "class": "Desert dunes", "width": 256, "height": 128, "tokens": 128,
 *    "seed": "7", "index": 0, "steps": 20, "step": 20, "view": "prediction",
 *    "solver": "euler", "evaluations": 20, "guidance": 2.5, "guidance_power": 0,
 *    "method": "none", "noise": "philox-1" | "torch" | "file", "precision": "bf16",
 *    "backend": "cpu", "device": "…", "pixels_sha256": "…"}
 *
 * What only some solvers have is there with them: "atol", "rtol", "error_norm" with dopri5;
 * "diffusion", "diffusion_norm", "last_step", "last_step_size" with the stochastic ones; "eta" with
 * ddim; "even_spacing" and "v1_clamp" with both solvers of the first version. What is seldom
 * changed is there when it is: "attention_scale", "ori_max_pe_len", "time_shift", and
 * "noise_source": "torch" where noise came from a file and that of the steps did not, "crop_width"
 * and "crop_height" where the picture is only the middle of what was painted, "checkpoint" with the
 * step of the training where the model was one of its checkpoints. A picture that
 * goes on from another run has that run's settings under "from", and the step as "from_step".
 * Missing ones have their defaults.
 *
 * The seed is a text because JSON numbers lose 64-bit integers in many readers.
 */
#include <limits.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "engine_private.h"
#include "fit_png.h"
#include "picture.h"
#include "sha256.h"

#define SCHEMA 1
#define JSON_KEYWORD "limn"
#define TEXT_KEYWORD "parameters"

static const char *class_name(const struct fit_job *job)
{
    const char *name = fit_model_class_name(job->model, job->params.class_id);
    return name ? name : "none";
}

static bool is_cropped(const struct fit_generate_params *p)
{
    return p->crop_width != p->width || p->crop_height != p->height;
}

char *fit_job_describe(const struct fit_job *job)
{
    const struct fit_generate_params *p = &job->params;
    char crop[48] = "", *text = NULL;
    if (is_cropped(p))
        snprintf(crop, sizeof crop, "Crop: %dx%d, ", p->crop_width, p->crop_height);
    int n = asprintf(&text,
                     "%s\nSteps: %d, Sampler: %s, CFG scale: %g, Seed: %llu, Size: %dx%d, %s"
                     "Model: %s, Position method: %s, Version: Limn %s",
                     class_name(job), p->steps, fit_solver_name(p->solver), p->guidance,
                     (unsigned long long)p->seed, p->width, p->height, crop,
                     job->model->info.name, fit_method_name(p->method), FIT_VERSION_STRING);
    return n < 0 ? NULL : text;
}

static void describe_solver(json_t *object, const struct fit_generate_params *p)
{
    json_t *more = NULL;
    switch (p->solver) {
    case FIT_SOLVER_DOPRI5:
        more = json_pack("{s:f, s:f, s:s}", "atol", p->atol, "rtol", p->rtol, "error_norm",
                         fit_error_norm_name(p->error_norm));
        break;
    case FIT_SOLVER_SDE_EULER:
    case FIT_SOLVER_SDE_HEUN:
        more = json_pack("{s:s, s:f, s:s, s:f}", "diffusion", fit_diffusion_name(p->diffusion),
                         "diffusion_norm", p->diffusion_norm, "last_step",
                         fit_last_step_name(p->last_step), "last_step_size", p->last_step_size);
        break;
    case FIT_SOLVER_DDPM:
    case FIT_SOLVER_DDIM:
        more = json_pack("{s:b, s:b}", "even_spacing", p->even_spacing, "v1_clamp", p->v1_clamp);
        if (p->solver == FIT_SOLVER_DDIM)
            json_object_set_new(more, "eta", json_real(p->ddim_eta));
        break;
    default:
        return;
    }
    json_object_update(object, more);
    json_decref(more);
}

static void describe_rare(json_t *object, const struct fit_job *job)
{
    const struct fit_generate_params *p = &job->params;
    if (is_cropped(p)) {
        json_object_set_new(object, "crop_width", json_integer(p->crop_width));
        json_object_set_new(object, "crop_height", json_integer(p->crop_height));
    }
    if (p->attention_scale != FIT_ATTENTION_SCALE_CODE)
        json_object_set_new(object, "attention_scale",
                            json_string(fit_attention_scale_name(p->attention_scale)));
    if (p->ori_max_pe_len != job->model->info.axis_tokens)
        json_object_set_new(object, "ori_max_pe_len", json_integer(p->ori_max_pe_len));
    if (p->time_shift != 1)
        json_object_set_new(object, "time_shift", json_real(p->time_shift));
    if (job->noise && p->noise_source != FIT_NOISE_PHILOX)
        json_object_set_new(object, "noise_source",
                            json_string(fit_noise_source_name(p->noise_source)));
}

/* How many there were to be; where only the run could tell, how many there were. */
static int evaluations_of(const struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    struct fit_sampler_params sampler = job_sampler_params(&job->model->config, &job->params);
    int planned = fit_sampler_times(&sampler, NULL);
    pthread_mutex_lock(&engine->lock);
    int made = job->progress.evaluations;
    pthread_mutex_unlock(&engine->lock);
    return planned ? planned : made;
}

static const char *noise_of(const struct fit_job *job)
{
    if (job->noise)
        return "file";
    return job->params.noise_source == FIT_NOISE_PHILOX ? "philox-1" : "torch";
}

static json_t *describe(const struct fit_job *job)
{
    const struct fit_generate_params *p = &job->params;
    const struct fit_model_info *info = &job->model->info;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)p->seed);
    int tokens = p->width / info->token_pixels * (p->height / info->token_pixels);
    json_t *object = json_pack(
        "{s:i, s:s, s:s, s:s, s:i, s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:s, s:i, s:f, s:f, s:s,"
        " s:s, s:s, s:s, s:s}",
        "schema", SCHEMA, "program", "Limn " FIT_VERSION_STRING, "model", info->name,
        "model_sha256", info->sha256, "class_id", p->class_id, "class", class_name(job),
        "width", p->width, "height", p->height, "tokens", tokens, "seed", seed, "index", p->index,
        "steps", p->steps, "solver", fit_solver_name(p->solver), "evaluations",
        evaluations_of(job), "guidance", p->guidance, "guidance_power",
        p->guidance_power, "method", fit_method_name(p->method), "noise",
        noise_of(job), "precision", fit_precision_name(info->precision),
        /* Not the number of threads: it changes no pixel, and so it changes no byte. */
        "backend", fit_engine_backend(job->model->engine), "device",
        job->model->engine->device->model);
    if (object) {
        describe_solver(object, p);
        describe_rare(object, job);
        if (info->checkpoint_step >= 0)
            json_object_set_new(object, "checkpoint", json_integer(info->checkpoint_step));
    }
    if (object && job->from) {
        json_object_set_new(object, "from_step", json_integer(p->from_step));
        json_object_set_new(object, "from", describe(job->from));
    }
    return object;
}

static char *dump(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(object);
    return text;
}

char *fit_job_describe_json(const struct fit_job *job)
{
    return dump(describe(job));
}

bool fit_picture_write_png(const char *path, const uint8_t *rgba, int width, int height,
                           const char *parameters, const char *json, struct fit_error *error)
{
    struct fit_png_text texts[2];
    int n = 0;
    if (parameters)
        texts[n++] = (struct fit_png_text){TEXT_KEYWORD, parameters};
    if (json)
        texts[n++] = (struct fit_png_text){JSON_KEYWORD, json};
    return fit_png_write(path, rgba, width, height, texts, n, error);
}

bool fit_frame_write_png(const struct fit_frame *frame, const char *path, struct fit_error *error)
{
    static const char *const views[] = {"prediction", "state", "velocity"};
    char hash[65];
    size_t bytes = 4 * (size_t)frame->width * (size_t)frame->height;
    fit_sha256(frame->pixels, bytes, hash);
    json_t *object = describe(frame->job);
    json_object_set_new(object, "step", json_integer(frame->step));
    json_object_set_new(object, "view", json_string(views[frame->view]));
    json_object_set_new(object, "pixels_sha256", json_string(hash));
    char *json = dump(object), *text = fit_job_describe(frame->job);
    bool ok = json && text
                  ? fit_picture_write_png(path, frame->pixels, frame->width, frame->height, text,
                                          json, error)
                  : fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its settings", path);
    free(json);
    free(text);
    return ok;
}

/* ---- reading ---- */

struct reading {
    const json_t *object;
    const char *path;
    struct fit_error *error;
    bool ok;
};

static bool refuse(struct reading *r, const char *field, const char *expected)
{
    return r->ok = fit_fail(r->error, FIT_ERROR_FILE,
                            "%s: its settings cannot be used: %s is not %s", r->path, field,
                            expected);
}

static void read_int(struct reading *r, const char *field, int low, int high, int *out)
{
    const json_t *value = json_object_get(r->object, field);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < low || number > high)
        refuse(r, field, "a possible number");
    else
        *out = (int)number;
}

static void read_real(struct reading *r, const char *field, double low, double high, double *out)
{
    const json_t *value = json_object_get(r->object, field);
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= low && number <= high))
        refuse(r, field, "a possible number");
    else
        *out = number;
}

static const char *read_text(struct reading *r, const char *field)
{
    const char *text = json_string_value(json_object_get(r->object, field));
    if (!text)
        refuse(r, field, "a text");
    return text ? text : "";
}

static void copy_text(struct reading *r, const char *field, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s", read_text(r, field));
}

static void read_seed(struct reading *r, uint64_t *out)
{
    const char *text = read_text(r, "seed");
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (r->ok && (end == text || *end || errno || strchr(text, '-')))
        refuse(r, "seed", "a whole number");
}

/* The fields that need not be there: what they would have to be when they are. */
static void read_rare_real(struct reading *r, const char *field, double low, double high,
                           double *out)
{
    if (json_object_get(r->object, field))
        read_real(r, field, low, high, out);
}

/* Whether the field is there as a text, to be parsed. */
static const char *read_rare_text(struct reading *r, const char *field)
{
    return json_object_get(r->object, field) ? read_text(r, field) : NULL;
}

static void read_solver(struct reading *r, struct fit_generate_params *p)
{
    const char *form = read_rare_text(r, "diffusion"), *last = read_rare_text(r, "last_step");
    const char *norm = read_rare_text(r, "error_norm");
    if (form && !fit_diffusion_parse(form, &p->diffusion))
        refuse(r, "diffusion", "one of this version");
    if (last && !fit_last_step_parse(last, &p->last_step))
        refuse(r, "last_step", "one of this version");
    if (norm && !fit_error_norm_parse(norm, &p->error_norm))
        refuse(r, "error_norm", "one of this version");
    read_rare_real(r, "atol", 0, 1, &p->atol);
    read_rare_real(r, "rtol", 0, 1, &p->rtol);
    read_rare_real(r, "diffusion_norm", 0, 1000, &p->diffusion_norm);
    read_rare_real(r, "last_step_size", 0, 1, &p->last_step_size);
    read_rare_real(r, "eta", 0, 1, &p->ddim_eta);
    p->even_spacing = json_is_true(json_object_get(r->object, "even_spacing"));
    p->v1_clamp = json_is_true(json_object_get(r->object, "v1_clamp"));
}

static void read_rare(struct reading *r, struct fit_generate_params *p)
{
    const char *scale = read_rare_text(r, "attention_scale");
    const char *noise = read_rare_text(r, "noise"), *source = read_rare_text(r, "noise_source");
    if (scale && !fit_attention_scale_parse(scale, &p->attention_scale))
        refuse(r, "attention_scale", "one of this version");
    if (source && !fit_noise_source_parse(source, &p->noise_source))
        refuse(r, "noise_source", "one of this version");
    if (noise && !strcmp(noise, "torch"))
        p->noise_source = FIT_NOISE_TORCH;
    if (json_object_get(r->object, "crop_width") || json_object_get(r->object, "crop_height")) {
        read_int(r, "crop_width", 1, p->width, &p->crop_width);
        read_int(r, "crop_height", 1, p->height, &p->crop_height);
    }
    if (json_object_get(r->object, "ori_max_pe_len"))
        read_int(r, "ori_max_pe_len", 1, FIT_MAX_AXIS, &p->ori_max_pe_len);
    read_rare_real(r, "time_shift", 0.01, 100, &p->time_shift);
}

static void read_params(struct reading *r, struct fit_generate_params *p)
{
    read_int(r, "class_id", FIT_CLASS_NONE, 1 << 20, &p->class_id);
    read_int(r, "width", 1, 1 << 16, &p->width);
    read_int(r, "height", 1, 1 << 16, &p->height);
    read_int(r, "index", 0, 1 << 20, &p->index);
    read_int(r, "steps", 1, 1000, &p->steps);
    read_real(r, "guidance", 1, 30, &p->guidance);
    read_real(r, "guidance_power", 0, 100, &p->guidance_power);
    read_seed(r, &p->seed);
    if (r->ok && !fit_solver_parse(read_text(r, "solver"), &p->solver))
        refuse(r, "solver", "a solver of this version");
    if (r->ok && !fit_method_parse(read_text(r, "method"), &p->method))
        refuse(r, "method", "a position method of this version");
    read_solver(r, p);
    read_rare(r, p);
    if (json_object_get(r->object, "from_step"))
        read_int(r, "from_step", 0, p->steps - 1, &p->from_step);
}

/* A model that was no checkpoint is named by its name alone. */
static void read_checkpoint(struct reading *r, struct fit_settings *out)
{
    int step = -1;
    if (json_object_get(r->object, "checkpoint"))
        read_int(r, "checkpoint", 0, 999999999, &step);
    out->checkpoint_step = step;
}

/* The run before, and how many there are behind that. */
static void read_origins(struct reading *r, struct fit_settings *out)
{
    const json_t *origin = json_object_get(r->object, "from");
    if (!origin)
        return;
    struct reading before = {origin, r->path, r->error, true};
    read_params(&before, &out->origin);
    r->ok = r->ok && before.ok;
    for (; origin; origin = json_object_get(origin, "from"))
        out->n_origins++;
}

static void read_settings(struct reading *r, struct fit_settings *out)
{
    int schema = 0;
    *out = (struct fit_settings){0};
    read_int(r, "schema", 1, INT_MAX, &schema);
    if (r->ok && schema > SCHEMA)
        r->ok = fit_fail(r->error, FIT_ERROR_FILE,
                         "%s: its settings have schema %d, of a later version of this program; "
                         "expected %d",
                         r->path, schema, SCHEMA);
    read_params(r, &out->params);
    read_origins(r, out);
    copy_text(r, "class", out->class_name, sizeof out->class_name);
    copy_text(r, "model", out->model_name, sizeof out->model_name);
    copy_text(r, "model_sha256", out->model_hash, sizeof out->model_hash);
    read_checkpoint(r, out);
    copy_text(r, "backend", out->backend, sizeof out->backend);
}

bool picture_params_read(const json_t *object, const char *path, struct fit_generate_params *out,
                         int *evaluations, struct fit_error *error)
{
    struct reading r = {object, path, error, true};
    *out = (struct fit_generate_params){0};
    read_params(&r, out);
    read_int(&r, "evaluations", 0, 1 << 20, evaluations);
    return r.ok;
}

bool picture_settings_read(const json_t *object, const char *path, struct fit_settings *out,
                           struct fit_error *error)
{
    struct reading r = {object, path, error, true};
    read_settings(&r, out);
    return r.ok;
}

bool fit_settings_read_png(const char *path, struct fit_settings *out, struct fit_error *error)
{
    struct fit_error cause = {0};
    char *text = fit_png_read_text(path, JSON_KEYWORD, &cause);
    if (!text)
        return fit_fail(error, cause.status, "%s", cause.message);
    json_error_t where;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    free(text);
    struct reading r = {object, path, error, true};
    if (json_is_object(object)) {
        read_settings(&r, out);
        copy_text(&r, "pixels_sha256", out->pixels_sha256, sizeof out->pixels_sha256);
    } else {
        r.ok = fit_fail(error, FIT_ERROR_FILE, "%s: its settings are not JSON", path);
    }
    json_decref(object);
    return r.ok;
}
