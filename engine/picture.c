/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a picture says about itself: a text that other programs show ("parameters", in the form
 * that image generators share) and JSON that brings the run back ("limn").
 *
 *   {"schema": 1, "program": "Limn 0.1.0", "model": "…", "model_sha256": "…",
 *    "class_id": 3, "class": "Desert dunes", "width": 256, "height": 128, "tokens": 128,
 *    "seed": "7", "index": 0, "steps": 20, "step": 20, "view": "prediction",
 *    "solver": "euler", "evaluations": 20, "guidance": 2.5, "guidance_power": 0,
 *    "method": "none", "noise": "philox-1" | "file", "precision": "bf16", "backend": "cpu",
 *    "device": "…", "pixels_sha256": "…"}
 *
 * The seed is a text because JSON numbers lose 64-bit integers in many readers.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "engine_private.h"
#include "fit_png.h"

#define SCHEMA 1
#define JSON_KEYWORD "limn"
#define TEXT_KEYWORD "parameters"

static const char *class_name(const struct fit_job *job)
{
    const char *name = fit_model_class_name(job->model, job->params.class_id);
    return name ? name : "none";
}

char *fit_job_describe(const struct fit_job *job)
{
    const struct fit_generate_params *p = &job->params;
    char *text = NULL;
    int n = asprintf(&text,
                     "%s\nSteps: %d, Sampler: %s, CFG scale: %g, Seed: %llu, Size: %dx%d, "
                     "Model: %s, Position method: %s, Version: Limn %s",
                     class_name(job), p->steps, fit_solver_name(p->solver), p->guidance,
                     (unsigned long long)p->seed, p->width, p->height, job->model->info.name,
                     fit_method_name(p->method), FIT_VERSION_STRING);
    return n < 0 ? NULL : text;
}

static json_t *describe(const struct fit_job *job)
{
    const struct fit_generate_params *p = &job->params;
    const struct fit_model_info *info = &job->model->info;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)p->seed);
    int tokens = p->width / info->token_pixels * (p->height / info->token_pixels);
    return json_pack(
        "{s:i, s:s, s:s, s:s, s:i, s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:s, s:i, s:f, s:f, s:s,"
        " s:s, s:s, s:s, s:s}",
        "schema", SCHEMA, "program", "Limn " FIT_VERSION_STRING, "model", info->name,
        "model_sha256", model_hash(job->model), "class_id", p->class_id, "class", class_name(job),
        "width", p->width, "height", p->height, "tokens", tokens, "seed", seed, "index", p->index,
        "steps", p->steps, "solver", fit_solver_name(p->solver), "evaluations",
        p->steps * fit_solver_evaluations(p->solver), "guidance", p->guidance, "guidance_power",
        p->guidance_power, "method", fit_method_name(p->method), "noise",
        job->noise ? "file" : "philox-1", "precision", fit_precision_name(info->precision),
        /* Not the number of threads: it changes no pixel, and so it changes no byte. */
        "backend", fit_engine_backend(job->model->engine), "device",
        job->model->engine->device->model);
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

static bool read_settings(struct reading *r, struct fit_settings *out)
{
    struct fit_generate_params *p = &out->params;
    int schema = 0;
    *out = (struct fit_settings){0};
    read_int(r, "schema", 1, SCHEMA, &schema);
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
    copy_text(r, "class", out->class_name, sizeof out->class_name);
    copy_text(r, "model", out->model_name, sizeof out->model_name);
    copy_text(r, "model_sha256", out->model_hash, sizeof out->model_hash);
    copy_text(r, "backend", out->backend, sizeof out->backend);
    copy_text(r, "pixels_sha256", out->pixels_sha256, sizeof out->pixels_sha256);
    return r->ok;
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
    bool ok = json_is_object(object)
                  ? read_settings(&r, out)
                  : fit_fail(error, FIT_ERROR_FILE, "%s: its settings are not JSON", path);
    json_decref(object);
    return ok;
}
