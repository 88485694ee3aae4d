/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.json, version 1:
 *
 *   {"format": "limn-bundle", "version": 1, "name": "…", "description": "…", "licence": "…",
 *    "architecture": "fitv2" | "fitv1",
 *    "config": {"hidden": 256, "depth": 8, "heads": 4, "mlp_hidden": 682, "lora_rank": 64,
 *               "n_classes": 16, "channels": 8, "patch": 2, "guided_channels": 8,
 *               "qk_norm": true, "context_size": 144, "ori_max_pe_len": 16, "theta": 10000,
 *               "method": "none"},
 *    "transformer": "transformer.safetensors", "transformer_sha256": "…",
 *    "autoencoder": {"type": "limn-f8c8", "downsampling": 8, "scaling_factor": 1,
 *                    "file": "autoencoder.safetensors", "sha256": "…"},
 *    "classes": "classes.txt",
 *    "preview": {"matrix": [[r, g, b], … one row a channel, or nine], "bias": [r, g, b]},
 *    "defaults": {"width": 128, "height": 128, "steps": 20, "guidance": 2.5, "solver": "euler"}}
 *
 * An autoencoder of type "none" has no file. Unknown fields are ignored, so that a later version 1
 * can say more.
 */
#include "bundle.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "run_folder.h"

#define JSON_LIMIT (1u << 20)
#define JSON_NAME "model.json"

/* Where a value is looked for and what is said when it is not there. */
struct reading {
    const char *path;
    struct fit_error *error;
    bool ok;
};

static const char *kind_of(const json_t *value)
{
    static const char *const names[] = {"an object", "a list",  "a text", "a number",
                                        "a number",  "a truth", "a truth", "null"};
    return value ? names[json_typeof(value)] : "nothing";
}

static const json_t *want(struct reading *r, const json_t *object, const char *field, bool fits,
                          const char *expected)
{
    const json_t *value = json_object_get(object, field);
    if (!fits)
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL, "%s/" JSON_NAME ": %s: expected %s, found %s",
                         r->path, field, expected, kind_of(value));
    return value;
}

static const json_t *read_object(struct reading *r, const json_t *object, const char *field)
{
    return want(r, object, field, json_is_object(json_object_get(object, field)), "an object");
}

static void read_text(struct reading *r, const json_t *object, const char *field, char *out,
                      size_t bytes)
{
    const char *text = json_string_value(json_object_get(object, field));
    want(r, object, field, text && strlen(text) < bytes, "a text");
    if (r->ok)
        snprintf(out, bytes, "%s", text);
}

/* A name within the folder: a bundle must not reach for files elsewhere. */
static void read_file_name(struct reading *r, const json_t *object, const char *field, char *out,
                           size_t bytes)
{
    const char *text = json_string_value(json_object_get(object, field));
    bool inside = text && text[0] && text[0] != '.' && !strchr(text, '/') && strlen(text) < bytes;
    want(r, object, field, inside, "the name of a file in the same folder");
    if (r->ok)
        snprintf(out, bytes, "%s", text);
}

/* For people who compare: nothing depends on it. */
static void read_hash(const json_t *object, const char *field, char out[65])
{
    const char *hash = json_string_value(json_object_get(object, field));
    snprintf(out, 65, "%s", hash ? hash : "");
}

static void read_int(struct reading *r, const json_t *object, const char *field, int low, int high,
                     int *out)
{
    const json_t *value = want(r, object, field,
                               json_is_integer(json_object_get(object, field)), "a whole number");
    if (!r->ok)
        return;
    json_int_t number = json_integer_value(value);
    if (number < low || number > high)
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": %s: expected %d to %d, found %lld", r->path, field, low,
                         high, (long long)number);
    else
        *out = (int)number;
}

static void read_number(struct reading *r, const json_t *object, const char *field, double low,
                        double high, double *out)
{
    const json_t *value =
        want(r, object, field, json_is_number(json_object_get(object, field)), "a number");
    if (!r->ok)
        return;
    double number = json_number_value(value);
    if (!(number >= low && number <= high))
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": %s: expected %g to %g, found %g", r->path, field, low,
                         high, number);
    else
        *out = number;
}

static void read_config(struct reading *r, const json_t *root, struct fit_config *config)
{
    const int size = 1 << 16;
    char method[32] = "";
    const json_t *object = read_object(r, root, "config");
    if (!r->ok)
        return;
    bool v1 = config->architecture == FIT_ARCHITECTURE_V1;
    enum fit_architecture architecture = config->architecture;
    fit_config_defaults(config);
    config->architecture = architecture;
    read_int(r, object, "hidden", 1, size, &config->hidden);
    read_int(r, object, "depth", 1, 1024, &config->depth);
    read_int(r, object, "heads", 1, 1024, &config->heads);
    read_int(r, object, "mlp_hidden", 1, 4 * size, &config->mlp_hidden);
    read_int(r, object, "lora_rank", 0, v1 ? 0 : size, &config->lora_rank);
    read_int(r, object, "n_classes", 1, 1000000, &config->n_classes);
    read_int(r, object, "channels", 1, FIT_BUNDLE_MAX_CHANNELS, &config->channels);
    read_int(r, object, "patch", 1, 16, &config->patch);
    read_int(r, object, "guided_channels", 0, FIT_BUNDLE_MAX_CHANNELS, &config->guided_channels);
    read_int(r, object, "context_size", 1, 65536, &config->context_size);
    read_int(r, object, "ori_max_pe_len", 1, FIT_MAX_AXIS, &config->ori_max_pe_len);
    read_number(r, object, "theta", 1, 1e9, &config->theta);
    read_text(r, object, "method", method, sizeof method);
    want(r, object, "qk_norm", json_is_boolean(json_object_get(object, "qk_norm")),
         "true or false");
    if (!r->ok)
        return;
    config->qk_norm = json_is_true(json_object_get(object, "qk_norm"));
    if (!fit_method_parse(method, &config->method))
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": method: \"%s\" is no position method", r->path, method);
    else
        r->ok = fit_config_check(config, r->error);
}

static void read_colour(struct reading *r, const json_t *list, float out[3])
{
    bool fits = json_array_size(list) == 3;
    for (size_t i = 0; fits && i < 3; i++) {
        double value = json_number_value(json_array_get(list, i));
        fits = json_is_number(json_array_get(list, i)) && fabs(value) < 1e3;
        out[i] = (float)value;
    }
    if (!fits)
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": preview: expected lists of 3 numbers", r->path);
}

static void read_preview(struct reading *r, const json_t *root, struct fit_bundle *bundle)
{
    const json_t *object = read_object(r, root, "preview");
    const json_t *matrix = json_object_get(object, "matrix");
    size_t channels = (size_t)bundle->config.channels, rows = json_array_size(matrix);
    bundle->preview_kernel = rows == 9 * channels ? 3 : 1;
    if (r->ok && rows != channels && rows != 9 * channels)
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": preview.matrix: expected %zu or %zu rows, found %zu",
                         r->path, channels, 9 * channels, rows);
    for (size_t i = 0; r->ok && i < rows; i++)
        read_colour(r, json_array_get(matrix, i), bundle->preview_matrix[i]);
    if (r->ok)
        read_colour(r, json_object_get(object, "bias"), bundle->preview_bias);
}

static void read_defaults(struct reading *r, const json_t *root, struct fit_bundle *bundle)
{
    char solver[16] = "";
    const json_t *object = read_object(r, root, "defaults");
    if (!r->ok)
        return;
    int side = bundle->config.patch * bundle->downsampling, most = side * FIT_MAX_AXIS;
    read_int(r, object, "width", side, most, &bundle->default_width);
    read_int(r, object, "height", side, most, &bundle->default_height);
    read_int(r, object, "steps", 1, 1000, &bundle->default_steps);
    read_number(r, object, "guidance", 1, 30, &bundle->default_guidance);
    read_text(r, object, "solver", solver, sizeof solver);
    if (r->ok && (bundle->default_width % side || bundle->default_height % side))
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": defaults: width and height must be multiples of %d",
                         r->path, side);
    if (r->ok && (!fit_solver_parse(solver, &bundle->default_solver) ||
                  !fit_config_has_solver(&bundle->config, bundle->default_solver)))
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": defaults.solver: \"%s\" is no solver for this network",
                         r->path, solver);
}

bool fit_bundle_has_autoencoder(const struct fit_bundle *bundle)
{
    return strcmp(bundle->autoencoder_type, "none") != 0;
}

static void read_autoencoder(struct reading *r, const json_t *root, struct fit_bundle *bundle)
{
    const json_t *object = read_object(r, root, "autoencoder");
    if (!r->ok)
        return;
    read_text(r, object, "type", bundle->autoencoder_type, sizeof bundle->autoencoder_type);
    read_int(r, object, "downsampling", 1, 64, &bundle->downsampling);
    read_number(r, object, "scaling_factor", 1e-3, 1e3, &bundle->scaling_factor);
    if (fit_bundle_has_autoencoder(bundle))
        read_file_name(r, object, "file", bundle->autoencoder, sizeof bundle->autoencoder);
    read_hash(object, "sha256", bundle->autoencoder_sha256);
}

static void read_head(struct reading *r, const json_t *root, struct fit_bundle *bundle)
{
    char architecture[32] = "";
    int version = 0;
    const char *format = json_string_value(json_object_get(root, "format"));
    if (!format || strcmp(format, "limn-bundle")) {
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME ": format: expected \"limn-bundle\", found %s", r->path,
                         format ? format : kind_of(json_object_get(root, "format")));
        return;
    }
    read_int(r, root, "version", 1, FIT_BUNDLE_VERSION, &version);
    read_text(r, root, "architecture", architecture, sizeof architecture);
    if (r->ok && !fit_architecture_parse(architecture, &bundle->config.architecture))
        r->ok = fit_fail(r->error, FIT_ERROR_MODEL,
                         "%s/" JSON_NAME
                         ": architecture: expected \"fitv2\" or \"fitv1\", found \"%s\"",
                         r->path, architecture);
    read_text(r, root, "name", bundle->name, sizeof bundle->name);
    read_text(r, root, "description", bundle->description, sizeof bundle->description);
    read_text(r, root, "licence", bundle->licence, sizeof bundle->licence);
    read_file_name(r, root, "transformer", bundle->transformer, sizeof bundle->transformer);
    read_file_name(r, root, "classes", bundle->classes, sizeof bundle->classes);
    read_hash(root, "transformer_sha256", bundle->transformer_sha256);
}

bool fit_bundle_is_in(const char *folder)
{
    char file[1024 + 16];
    return fit_path_join(file, sizeof file, folder, JSON_NAME) && !access(file, F_OK);
}

bool fit_model_find(const char *path, char *folder, size_t folder_bytes)
{
    struct fit_checkpoints list;
    if (fit_bundle_is_in(path)) {
        int n = snprintf(folder, folder_bytes, "%s", path);
        return n >= 0 && (size_t)n < folder_bytes;
    }
    /* Not from a checkpoint that has gone to one beside it. */
    if (run_step_of_path(path) >= 0 || !fit_checkpoints_list(path, &list, NULL))
        return false;
    bool found =
        list.n > 0 && fit_checkpoints_path(&list, list.steps[list.n - 1], folder, folder_bytes);
    fit_checkpoints_finish(&list);
    return found;
}

bool fit_bundle_read(struct fit_bundle *bundle, const char *path, struct fit_error *error)
{
    char file[1024 + 16], found[1024];
    json_error_t cause;
    *bundle = (struct fit_bundle){0};
    if (fit_model_find(path, found, sizeof found))
        path = found;
    snprintf(bundle->path, sizeof bundle->path, "%s", path);
    if (!fit_path_join(file, sizeof file, path, JSON_NAME))
        return fit_fail(error, FIT_ERROR_FILE, "the path of the model is too long");
    char *text = fit_file_read_text(file, JSON_LIMIT, error);
    if (!text)
        return false;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &cause);
    free(text);
    if (!root)
        return fit_fail(error, FIT_ERROR_MODEL, "%s: line %d: is not JSON: %s", file, cause.line,
                        cause.text);

    struct reading r = {path, error, true};
    read_head(&r, root, bundle);
    if (r.ok)
        read_config(&r, root, &bundle->config);
    if (r.ok)
        read_autoencoder(&r, root, bundle);
    if (r.ok)
        read_preview(&r, root, bundle);
    if (r.ok)
        read_defaults(&r, root, bundle);
    json_decref(root);
    return r.ok;
}

int fit_bundle_preview_rows(const struct fit_bundle *bundle)
{
    return bundle->config.channels * (bundle->preview_kernel == 3 ? 9 : 1);
}

static json_t *colour(const float rgb[3])
{
    return json_pack("[f, f, f]", (double)rgb[0], (double)rgb[1], (double)rgb[2]);
}

static json_t *config_json(const struct fit_config *c)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:i, s:f, s:s}",
                     "hidden", c->hidden, "depth", c->depth, "heads", c->heads, "mlp_hidden",
                     c->mlp_hidden, "lora_rank", c->lora_rank, "n_classes", c->n_classes,
                     "channels", c->channels, "patch", c->patch, "guided_channels",
                     c->guided_channels, "qk_norm", c->qk_norm, "context_size", c->context_size,
                     "ori_max_pe_len", c->ori_max_pe_len, "theta", c->theta, "method",
                     fit_method_name(c->method));
}

static json_t *bundle_json(const struct fit_bundle *b)
{
    json_t *matrix = json_array();
    for (int i = 0; i < fit_bundle_preview_rows(b); i++)
        json_array_append_new(matrix, colour(b->preview_matrix[i]));
    return json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:{s:s, s:i, s:f, s:s*, s:s*}, s:s,"
        " s:{s:o, s:o}, s:{s:i, s:i, s:i, s:f, s:s}}",
        "format", "limn-bundle", "version", FIT_BUNDLE_VERSION, "name", b->name, "description",
        b->description, "licence", b->licence, "architecture",
        fit_architecture_name(b->config.architecture), "config",
        config_json(&b->config), "transformer", b->transformer, "transformer_sha256",
        b->transformer_sha256, "autoencoder", "type", b->autoencoder_type, "downsampling",
        b->downsampling, "scaling_factor", b->scaling_factor, "file",
        fit_bundle_has_autoencoder(b) ? b->autoencoder : NULL, "sha256",
        b->autoencoder_sha256[0] ? b->autoencoder_sha256 : NULL, "classes", b->classes, "preview",
        "matrix", matrix, "bias", colour(b->preview_bias), "defaults", "width", b->default_width,
        "height", b->default_height, "steps", b->default_steps, "guidance", b->default_guidance,
        "solver", fit_solver_name(b->default_solver));
}

bool fit_bundle_write(const struct fit_bundle *bundle, struct fit_error *error)
{
    char file[1024 + 16];
    struct fit_writer writer;
    json_t *root = bundle_json(bundle);
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!text || !fit_path_join(file, sizeof file, bundle->path, JSON_NAME)) {
        free(text);
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for " JSON_NAME, bundle->path);
    }
    bool ok = fit_writer_open(&writer, file, error) &&
              fit_writer_write(&writer, text, strlen(text), error) &&
              fit_writer_write(&writer, "\n", 1, error) && fit_writer_commit(&writer, error);
    free(text);
    return ok;
}

bool fit_bundle_file(const struct fit_bundle *bundle, const char *name, char *out,
                     size_t out_bytes, struct fit_error *error)
{
    if (fit_path_join(out, out_bytes, bundle->path, name))
        return true;
    return fit_fail(error, FIT_ERROR_FILE, "%s: the path of %s is too long", bundle->path, name);
}
