/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli compare: the same noise painted with several methods, on one labelled sheet. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "lettering.h"
#include "lists.h"
#include "paint.h"

#define GAP 8
#define PAPER 250
#define INK 40
#define MAX_SIDE 16384
#define TITLE_LETTERS 64 /* that a sheet of narrow pictures still has room for */

struct compare {
    struct common common;
    struct paint paint;
    const char *methods, *output;

    struct session session;
    struct fit_generate_params params;
    enum fit_method method[FIT_N_METHODS];
    char label[FIT_N_METHODS][96];
    int n;

    struct picture sheet;
    int columns, rows, cell_width, cell_height, scale, head;
    char title[256];
    json_t *settings; /* of the first picture, with the list of all methods */
    char *text;       /* the "parameters" of the first picture */
};

/* ---- the sheet ---- */

/* About as wide as high, whatever the shape of the pictures. */
static bool lay_out(struct compare *c, struct fit_error *error)
{
    int width = c->params.width, height = c->params.height, longest = 0;
    c->scale = width < 256 ? 1 : width < 1024 ? 2 : 4;
    for (int i = 0; i < c->n; i++) {
        int n = (int)strlen(fit_method_name(c->method[i]));
        longest = n > longest ? n : longest;
    }
    int label = longest * LETTER_WIDTH * c->scale;
    c->cell_width = (width > label ? width : label) + GAP;
    c->cell_height = height + LETTER_HEIGHT * c->scale + 2 * GAP;
    c->columns = (int)lround(sqrt((double)c->n * c->cell_height / c->cell_width));
    c->columns = c->columns < 1 ? 1 : c->columns > c->n ? c->n : c->columns;
    c->rows = (c->n + c->columns - 1) / c->columns;
    c->head = LETTER_HEIGHT * c->scale + 2 * GAP;
    int title = TITLE_LETTERS * LETTER_WIDTH * c->scale, across = c->columns * c->cell_width;
    c->sheet.width = GAP + (across > title ? across : title);
    c->sheet.height = c->rows * c->cell_height + c->head;
    if (c->sheet.width > MAX_SIDE || c->sheet.height > MAX_SIDE)
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "%d pictures of %dx%d make a sheet of %dx%d, more than %d a side", c->n,
                         width, height, c->sheet.width, c->sheet.height, MAX_SIDE);
    size_t bytes = 4 * (size_t)c->sheet.width * (size_t)c->sheet.height;
    c->sheet.rgba = malloc(bytes);
    if (!c->sheet.rgba)
        return set_error(error, FIT_ERROR_MEMORY, "no memory for a sheet of %dx%d pixels",
                         c->sheet.width, c->sheet.height);
    memset(c->sheet.rgba, PAPER, bytes);
    return true;
}

static void place(struct compare *c, int i, const struct fit_frame *frame)
{
    int left = GAP + i % c->columns * c->cell_width;
    int top = c->head + i / c->columns * c->cell_height;
    int width = fit_frame_width(frame), height = fit_frame_height(frame);
    const uint8_t *from = fit_frame_pixels(frame);
    for (int y = 0; y < height; y++)
        memcpy(c->sheet.rgba + 4 * ((size_t)(top + y) * (size_t)c->sheet.width + (size_t)left),
               from + 4 * (size_t)y * (size_t)width, 4 * (size_t)width);
    letters_draw(&c->sheet, left, top + height + GAP / 2, c->scale, INK, c->label[i]);
}

/* ---- painting ---- */

static void describe_first(struct compare *c, const struct fit_job *job)
{
    struct fit_generate_params p;
    fit_job_params(job, &p);
    c->text = fit_job_describe(job);
    c->settings = job_json(job);
    json_object_set_new(c->settings, "pixels_sha256", json_string(""));
    json_object_set_new(c->settings, "methods", json_array());
    const char *name = fit_model_class_name(c->session.model, p.class_id);
    snprintf(c->title, sizeof c->title, "%s  %dx%d  %d %s steps  guidance %g  seed %llu",
             name ? name : "No class", p.width, p.height, p.steps, fit_solver_name(p.solver),
             p.guidance, (unsigned long long)p.seed);
    letters_draw(&c->sheet, GAP, GAP, c->scale, INK, c->title);
    session_announce(&c->session, job);
}

static void label_method(struct compare *c, int i, const struct fit_job *job)
{
    struct fit_generate_params p;
    fit_job_params(job, &p);
    const char *asked = fit_method_name(c->method[i]), *used = fit_method_name(p.method);
    if (strcmp(asked, used))
        snprintf(c->label[i], sizeof c->label[i], "%s: %s", asked, used);
    else
        snprintf(c->label[i], sizeof c->label[i], "%s", used);
    json_array_append_new(json_object_get(c->settings, "methods"), json_string(used));
}

static bool paint_method(struct compare *c, int i, struct fit_error *error)
{
    struct fit_generate_params p = c->params;
    struct fit_job *job = NULL;
    struct fit_frame *frame = NULL;
    char label[128];
    p.method = c->method[i];
    snprintf(label, sizeof label, "%d/%d %s ", i + 1, c->n, fit_method_name(p.method));
    if (stop_was_asked())
        return set_error(error, FIT_ERROR_CANCELLED, "stopped after %d of %d methods", i, c->n);
    if (!fit_generate(c->session.model, &p, &job, error))
        return false;
    if (i == 0)
        describe_first(c, job);
    label_method(c, i, job);
    bool ok = session_wait(&c->session, job, label, &frame, error);
    if (ok)
        place(c, i, frame);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    return ok;
}

static bool write_sheet(struct compare *c, struct fit_error *error)
{
    char *json = json_dumps(c->settings, JSON_COMPACT | JSON_REAL_PRECISION(17));
    bool ok = (json && c->text)
                  ? fit_picture_write_png(c->output, c->sheet.rgba, c->sheet.width,
                                          c->sheet.height, c->text, json, error)
                  : set_error(error, FIT_ERROR_MEMORY, "no memory for the settings");
    free(json);
    return ok;
}

static bool compare(struct compare *c, struct fit_error *error)
{
    if (!list_methods(c->methods, c->method, &c->n, error) || !check_output(c->output, error) ||
        !session_open(&c->session, &c->common, error) ||
        !paint_params(&c->paint, &c->session, &c->params, error))
        return false;
    int width = c->params.width, height = c->params.height;
    fit_canvas_snap(c->session.model, &width, &height);
    if (width != c->params.width || height != c->params.height)
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "size %dx%d is not possible; the nearest is %dx%d", c->params.width,
                         c->params.height, width, height);
    bool ok = lay_out(c, error);
    for (int i = 0; ok && i < c->n; i++)
        ok = paint_method(c, i, error);
    return ok && write_sheet(c, error);
}

static int run(int argc, char **argv)
{
    struct compare c = {.paint = PAINT_DEFAULTS, .methods = "all"};
    struct fit_error error = {0};
    struct arg args[PAINT_ARGS_MAX];
    const struct arg own[] = {
        {"class", "CLASS", "a class by name, synonym or number, or none (default: 0)", ARG_TEXT,
         &c.paint.class_text, .low = 0},
        {"methods", "LIST", "all (default), or names of methods separated by commas", ARG_TEXT,
         &c.methods, .low = 0},
        {"output", "SHEET.png", "the contact sheet", ARG_TEXT, &c.output, .required = true, .letter = 'o'},
    };
    int status;
    size_t n_args = paint_args(&c.paint, own, sizeof own / sizeof *own, args);
    if (!args_parse(&command_compare, args, n_args, &c.common, argc, argv,
                    NULL, 0, 0, NULL, &status))
        return status;
    stop_watch();
    bool ok = compare(&c, &error);
    if (ok && c.common.json) {
        json_object_set_new(c.settings, "path", json_string(c.output));
        json_object_del(c.settings, "pixels_sha256");
        print_json(json_incref(c.settings));
    } else if (ok) {
        printf("%s\n", c.output);
    }
    json_decref(c.settings);
    free(c.text);
    free(c.sheet.rgba);
    session_close(&c.session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_compare = {
    "compare", "--output SHEET.png [--methods all|M,M...] [OPTION...]",
    "Paint the same noise with every method of stretching positions, side by side.", run};
