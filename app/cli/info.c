/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli info, classes, verify: what a model is, and what made a picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "commands.h"
#include "fit/fit-files.h"
#include "paint.h"

/* ---- info: a model ---- */

static json_t *model_json(const struct session *session)
{
    const struct fit_model_info *i = &session->info;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s,"
        " s:{s:i, s:i, s:i, s:f, s:s}, s:s, s:s}",
        "name", i->name, "description", i->description, "licence", i->licence, "path", i->path,
        "architecture", i->architecture, "parameters", (json_int_t)i->n_parameters, "precision",
        fit_precision_name(i->precision), "classes", i->n_classes, "channels", i->channels,
        "token_pixels", i->token_pixels, "context_tokens", i->context_tokens, "axis_tokens",
        i->axis_tokens, "max_axis_pixels", i->max_axis_pixels, "method",
        fit_method_name(i->method), "defaults", "width", i->default_width, "height",
        i->default_height, "steps", i->default_steps, "guidance", i->default_guidance, "solver",
        fit_solver_name(i->default_solver), "backend", fit_engine_backend(session->engine),
        "device", fit_engine_device(session->engine));
}

static void print_model(const struct session *session)
{
    const struct fit_model_info *i = &session->info;
    const char *notice = fit_engine_notice(session->engine);
    printf("%s: %s\n", i->name, i->description);
    printf("  %-13s %s\n", "folder", i->path);
    printf("  %-13s %s\n", "licence", i->licence);
    printf("  %-13s %s, %.1f million parameters, %s\n", "network", i->architecture,
           1e-6 * (double)i->n_parameters, fit_precision_name(i->precision));
    printf("  %-13s %d\n", "classes", i->n_classes);
    printf("  %-13s %d channels at 1/8 of the size\n", "latent", i->channels);
    printf("  %-13s %dx%d pixels; sides are multiples of that, up to %d\n", "token",
           i->token_pixels, i->token_pixels, i->max_axis_pixels);
    printf("  %-13s up to %d tokens, %d per side, positions %s\n", "trained for",
           i->context_tokens, i->axis_tokens, fit_method_name(i->method));
    printf("  %-13s %dx%d, %d %s steps, guidance %g\n", "default", i->default_width,
           i->default_height, i->default_steps, fit_solver_name(i->default_solver),
           i->default_guidance);
    printf("  %-13s %s: %s%s%s\n", "device", fit_engine_backend(session->engine),
           fit_engine_device(session->engine), *notice ? "; " : "", notice);
}

static int info_model(const struct common *common)
{
    struct session session;
    struct fit_error error = {0};
    if (!session_open(&session, common, &error))
        return fail(&error);
    if (common->json)
        print_json(model_json(&session));
    else
        print_model(&session);
    session_close(&session);
    return EXIT_DONE;
}

/* ---- info: a picture ---- */

static json_t *settings_json(const char *path, const struct fit_settings *s)
{
    const struct fit_generate_params *p = &s->params;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)p->seed);
    json_t *checkpoint = s->checkpoint_step >= 0 ? json_integer(s->checkpoint_step) : NULL;
    json_t *crop = p->crop_width ? json_pack("[i, i]", p->crop_width, p->crop_height) : NULL;
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:o*, s:s, s:i, s:i, s:s, s:f, s:f, s:s, s:s, s:s,"
                     " s:o*, s:s, s:s}",
                     "path", path, "class", s->class_name, "class_id", p->class_id, "width",
                     p->width, "height", p->height, "crop", crop, "seed", seed, "index",
                     p->index, "steps", p->steps, "solver", fit_solver_name(p->solver), "guidance", p->guidance,
                     "guidance_power", p->guidance_power, "method", fit_method_name(p->method),
                     "model", s->model_name, "model_sha256", s->model_hash, "checkpoint",
                     checkpoint, "backend", s->backend, "pixels_sha256", s->pixels_sha256);
}

static void print_settings(const struct fit_settings *s)
{
    const struct fit_generate_params *p = &s->params;
    printf("  %-13s %s", "class", s->class_name);
    if (p->class_id != FIT_CLASS_NONE)
        printf(" (%d)", p->class_id);
    printf("\n  %-13s %dx%d", "size", p->width, p->height);
    if (p->crop_width)
        printf(", cropped to %dx%d", p->crop_width, p->crop_height);
    printf("\n");
    printf("  %-13s %llu, picture %d\n", "seed", (unsigned long long)p->seed, p->index);
    printf("  %-13s %d %s\n", "steps", p->steps, fit_solver_name(p->solver));
    printf("  %-13s %g", "guidance", p->guidance);
    if (p->guidance_power > 0)
        printf(", power %g", p->guidance_power);
    printf("\n  %-13s %s\n", "positions", fit_method_name(p->method));
    printf("  %-13s %s", "model", s->model_name);
    if (s->checkpoint_step >= 0)
        printf(", step %lld of its training", (long long)s->checkpoint_step);
    printf("\n");
    printf("  %-13s %s\n", "backend", s->backend);
}

static int info_picture(const struct common *common, const char *path)
{
    struct fit_settings settings;
    struct fit_error error = {0};
    if (!fit_settings_read_png(path, &settings, &error))
        return fail(&error);
    if (common->json) {
        print_json(settings_json(path, &settings));
    } else {
        printf("%s\n", path);
        print_settings(&settings);
    }
    return EXIT_DONE;
}

static int run_info(int argc, char **argv)
{
    struct common common = {0};
    struct stat status;
    const char *word = NULL;
    int code, n = 0;
    if (!args_parse(&command_info, NULL, 0, &common, argc, argv, &word, 0, 1, &n, &code))
        return code;
    if (n && (stat(word, &status) || !S_ISDIR(status.st_mode)))
        return info_picture(&common, word);
    if (n)
        common.model = word;
    return info_model(&common);
}

const struct command command_info = {
    "info", "[FILE.png|FOLDER] [OPTION...]",
    "Show what a model is, or every setting that made a picture.", run_info};

/* ---- verify ---- */

static bool paint_again(struct session *session, const struct fit_settings *settings,
                        struct fit_job **job, struct fit_frame **frame, struct fit_error *error)
{
    struct fit_generate_params params = settings->params;
    struct fit_job *origin = NULL;
    struct fit_frame *end = NULL;
    if (settings->n_origins > 1)
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "the picture goes on from a run that went on from another; only the first "
                         "can be painted again");
    bool ok = true;
    if (settings->n_origins) {
        struct fit_generate_params before = settings->origin;
        before.no_previews = true;
        ok = fit_generate(session->model, &before, &origin, error) &&
             session_wait(session, origin, "", &end, error);
    }
    params.no_previews = true;
    params.from = origin;
    ok = ok && fit_generate(session->model, &params, job, error) &&
         session_wait(session, *job, "", frame, error);
    fit_frame_unref(&end);
    fit_job_unref(&origin);
    return ok;
}

/* How far the pictures are apart: values that differ, and the largest difference. */
static bool compare_pixels(const char *path, const struct fit_frame *frame, size_t *different,
                           int *most, struct fit_error *error)
{
    int width, height;
    uint8_t *rgb = fit_png_read_rgb(path, &width, &height, error);
    if (!rgb)
        return false;
    bool same_size = width == fit_frame_width(frame) && height == fit_frame_height(frame);
    const uint8_t *rgba = fit_frame_pixels(frame);
    *different = 0;
    *most = 0;
    for (size_t i = 0; same_size && i < 3 * (size_t)width * (size_t)height; i++) {
        int d = abs(rgb[i] - rgba[i / 3 * 4 + i % 3]);
        *different += d != 0;
        *most = d > *most ? d : *most;
    }
    free(rgb);
    return same_size || set_error(error, FIT_ERROR_FILE,
                                  "%.200s: has %dx%d pixels, its settings say %dx%d", path, width,
                                  height, fit_frame_width(frame), fit_frame_height(frame));
}

/* The bundle of a step of the training run that the model in use is of. */
static bool find_step(const struct session *session, int64_t step, char *path, size_t bytes)
{
    struct fit_checkpoints list;
    bool found = false;
    if (!fit_checkpoints_list(session->info.path, &list, NULL))
        return false;
    for (int i = 0; i < list.n && !found; i++)
        found = list.steps[i] == step && fit_checkpoints_path(&list, step, path, bytes);
    fit_checkpoints_finish(&list);
    return found;
}

/* A picture by another checkpoint of the same training is painted again by that one. */
static bool take_checkpoint(struct session *session, const struct common *common,
                            const struct fit_settings *settings, struct fit_error *error)
{
    char path[4096];
    struct fit_model_params params = {
        .path = path, .precision = (enum fit_precision)common->precision};
    struct fit_model *model = NULL;
    if (settings->checkpoint_step < 0 || !strcmp(settings->model_hash, session->info.sha256))
        return true;
    if (find_step(session, settings->checkpoint_step, path, sizeof path)) {
        if (!fit_model_load(session->engine, &params, &model, error))
            return false;
        fit_model_unref(&session->model);
        session->model = model;
        fit_model_info(model, &session->info);
    }
    return !strcmp(settings->model_hash, session->info.sha256) ||
           set_error(error, FIT_ERROR_MODEL,
                     "the picture was painted by step %lld of the training of \"%s\", which is not "
                     "beside the model in use, or not any more: --model names it or its run",
                     (long long)settings->checkpoint_step, settings->model_name);
}

static bool verify(const struct common *common, const char *path, struct session *session,
                   size_t *different, int *most, struct fit_error *error)
{
    struct fit_settings settings;
    struct fit_job *job = NULL;
    struct fit_frame *frame = NULL;
    bool ok = fit_settings_read_png(path, &settings, error) &&
              session_open(session, common, error) &&
              take_checkpoint(session, common, &settings, error) &&
              paint_again(session, &settings, &job, &frame, error) &&
              compare_pixels(path, frame, different, most, error);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    return ok;
}

static int run_verify(int argc, char **argv)
{
    struct common common = {0};
    struct session session = {0};
    struct fit_error error = {0};
    const char *path = NULL;
    size_t different = 0;
    int status, most = 0;
    if (!args_parse(&command_verify, NULL, 0, &common, argc, argv, &path, 1, 1, NULL, &status))
        return status;
    stop_watch();
    bool ok = verify(&common, path, &session, &different, &most, &error);
    session_close(&session);
    if (!ok)
        return fail(&error);
    if (common.json)
        print_json(json_pack("{s:s, s:b, s:I, s:i}", "path", path, "same", different == 0,
                             "different_values", (json_int_t)different, "largest_difference",
                             most));
    else if (different)
        printf("%s: differs in %zu values, by at most %d of 255\n", path, different, most);
    else
        printf("%s: the same, pixel for pixel\n", path);
    return different ? EXIT_DIFFERS : EXIT_DONE;
}

const struct command command_verify = {"verify", "FILE.png [OPTION...]",
                                       "Paint a picture again from its settings and compare.",
                                       run_verify};

/* ---- classes ---- */

static json_t *synonyms_json(const char *synonyms)
{
    json_t *list = json_array();
    for (const char *at = synonyms; *at;) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ",");
        if (n)
            json_array_append_new(list, json_stringn(at, n));
        at += n;
    }
    return list;
}

struct found {
    int id, match;
};

static int better_first(const void *a, const void *b)
{
    const struct found *first = a, *second = b;
    return first->match != second->match ? second->match - first->match : first->id - second->id;
}

static char *folded(const char *text)
{
    char *copy = strdup(text);
    if (copy)
        fit_class_fold(copy);
    return copy;
}

static int match_class(const struct fit_model *model, int id, const char *search)
{
    char *name = folded(fit_model_class_name(model, id));
    char *synonyms = folded(fit_model_class_synonyms(model, id));
    char *of_group = folded(fit_model_class_group(model, id));
    char *code = folded(fit_model_class_code(model, id));
    int match = 0;
    if (name && synonyms && of_group && code)
        match = fit_class_match(&(struct fit_class_words){id, name, synonyms, of_group, code},
                                search);
    free(name);
    free(synonyms);
    free(of_group);
    free(code);
    return match;
}

static void print_class(const struct fit_model *model, int id, bool has_groups)
{
    printf("%4d  %-24s ", id, fit_model_class_name(model, id));
    if (has_groups)
        printf("%-25s ", fit_model_class_group(model, id));
    printf("%s\n", fit_model_class_synonyms(model, id));
}

static json_t *class_json(const struct fit_model *model, int id)
{
    return json_pack("{s:i, s:s, s:o, s:s, s:s}", "id", id, "name",
                     fit_model_class_name(model, id), "synonyms",
                     synonyms_json(fit_model_class_synonyms(model, id)), "group",
                     fit_model_class_group(model, id), "code", fit_model_class_code(model, id));
}

static bool list_classes(const struct session *session, const char *search, bool as_json)
{
    int n = 0, n_classes = session->info.n_classes;
    bool has_groups = false;
    json_t *list = json_array();
    char *text = folded(search ? search : "");
    struct found *found = calloc((size_t)n_classes, sizeof *found);
    for (int id = 0; text && found && id < n_classes; id++) {
        has_groups |= *fit_model_class_group(session->model, id) != '\0';
        found[n] = (struct found){id, match_class(session->model, id, text)};
        n += found[n].match > 0;
    }
    if (n)
        qsort(found, (size_t)n, sizeof *found, better_first);
    for (int i = 0; i < n; i++) {
        if (as_json)
            json_array_append_new(list, class_json(session->model, found[i].id));
        else
            print_class(session->model, found[i].id, has_groups);
    }
    if (as_json)
        print_json(json_incref(list));
    json_decref(list);
    bool ok = text && found;
    free(text);
    free(found);
    return ok;
}

static int run_classes(int argc, char **argv)
{
    struct common common = {0};
    struct session session;
    struct fit_error error = {0};
    const char *search = NULL;
    const struct arg args[] = {
        {"search", "TEXT", "only classes of this number, name, synonym or group, best first", ARG_TEXT, &search,
         .low = 0},
    };
    int status;
    if (!args_parse(&command_classes, args, 1, &common, argc, argv, NULL, 0, 0, NULL, &status))
        return status;
    if (!session_open(&session, &common, &error))
        return fail(&error);
    bool ok = list_classes(&session, search, common.json) ||
              set_error(&error, FIT_ERROR_MEMORY, "no memory for the classes");
    session_close(&session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_classes = {"classes", "[--search TEXT] [OPTION...]",
                                        "List what the model can paint.", run_classes};
