/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli sample: as many pictures as an evaluation needs, in the one file that it reads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "fit/fit-samples.h"
#include "paint.h"

#define MAX_NUM 1000000 /* below the number of pictures that a seed has */
#define REPORT_EVERY 100 /* pictures, where no terminal shows every step */

struct sample {
    struct common common;
    struct paint paint;
    const char *classes, *npz;
    int num;

    struct session session;
    struct fit_generate_params params;
    struct fit_samples *samples;
    int64_t *class_of; /* [num] */
    int64_t resumed;   /* pictures that earlier runs made */
    double started_s;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- which classes ---- */

static int count_names(const char *list)
{
    int n = 1;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

/* Names and numbers separated by commas, in turns. */
static bool list_classes(struct sample *s, struct fit_error *error)
{
    int n = 0, ids[1000];
    char *list = strdup(s->classes), *rest = list, *name;
    bool ok = list && count_names(list) <= (int)(sizeof ids / sizeof *ids);
    if (!ok)
        set_error(error, FIT_ERROR_ARGUMENT, "--classes: more than 1000 names");
    while (ok && (name = strsep(&rest, ",")))
        ok = fit_model_find_class(s->session.model, name + strspn(name, " "), &ids[n++], error);
    for (int i = 0; ok && i < s->num; i++)
        s->class_of[i] = ids[i % n];
    free(list);
    return ok;
}

static bool choose_classes(struct sample *s, struct fit_error *error)
{
    int n_classes = s->session.info.n_classes;
    s->class_of = malloc((size_t)s->num * sizeof *s->class_of);
    if (!s->class_of)
        return set_error(error, FIT_ERROR_MEMORY, "no memory for %d classes", s->num);
    bool random = !strcmp(s->classes, "random");
    if (!random && strcmp(s->classes, "each"))
        return list_classes(s, error);
    for (int i = 0; i < s->num; i++)
        s->class_of[i] = random ? fit_samples_random_class(s->params.seed, i, n_classes)
                                : i % n_classes;
    return true;
}

/* ---- the run ---- */

static bool start_job(struct sample *s, int64_t i, struct fit_job **job, struct fit_error *error)
{
    struct fit_generate_params p = s->params;
    p.class_id = (int)s->class_of[i];
    p.index = (int)i;
    return fit_generate(s->session.model, &p, job, error);
}

/* What all pictures share, from a job that is told at once not to be painted. */
static bool open_samples(struct sample *s, struct fit_error *error)
{
    static const char *const own[] = {"class_id", "class", "index", "evaluations"};
    struct fit_job *job = NULL;
    struct fit_generate_params p;
    if (!start_job(s, 0, &job, error))
        return false;
    fit_job_cancel(job);
    session_announce(&s->session, job);
    fit_job_params(job, &p);
    json_t *settings = job_json(job);
    fit_job_unref(&job);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        json_object_del(settings, own[i]);
    json_object_set_new(settings, "classes", json_string(s->classes));
    char *text = json_dumps(settings, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(settings);
    bool ok = text ? fit_samples_open(&s->samples, s->npz, text, p.width, p.height, error)
                   : set_error(error, FIT_ERROR_MEMORY, "no memory for the settings");
    free(text);
    return ok;
}

static void report_progress(const struct sample *s, int64_t done)
{
    double elapsed = now_s() - s->started_s, each = elapsed / (double)(done - s->resumed);
    long left = lround(each * (double)(s->num - done));
    if (done % REPORT_EVERY == 0 || done == s->num)
        fprintf(stderr, "%lld of %d pictures, %.2f s each, %ld:%02ld:%02ld left\n",
                (long long)done, s->num, each, left / 3600, left / 60 % 60, left % 60);
}

static bool stopped(const struct sample *s, int64_t done, struct fit_error *error)
{
    return set_error(error, FIT_ERROR_CANCELLED,
                     "stopped after %lld of %d pictures; the same command goes on from there",
                     (long long)done, s->num);
}

static bool paint_one(struct sample *s, int64_t i, struct fit_error *error)
{
    struct fit_job *job = NULL;
    struct fit_frame *frame = NULL;
    char label[32];
    snprintf(label, sizeof label, "%lld/%d ", (long long)i + 1, s->num);
    if (stop_was_asked())
        return stopped(s, i, error);
    if (!start_job(s, i, &job, error))
        return false;
    bool ok = session_wait(&s->session, job, label, &frame, error) &&
              fit_samples_add(s->samples, fit_frame_pixels(frame), error);
    if (ok)
        report_progress(s, i + 1);
    else if (error->status == FIT_ERROR_CANCELLED)
        stopped(s, i, error);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    return ok;
}

static bool sample(struct sample *s, struct fit_error *error)
{
    if (!has_ending(s->npz, ".npz"))
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "--npz: expected a name that ends in .npz, found %.200s", s->npz);
    if (!check_output(s->npz, error) || !session_open(&s->session, &s->common, error) ||
        !paint_params(&s->paint, &s->session, &s->params, error) || !choose_classes(s, error) ||
        !open_samples(s, error))
        return false;
    s->started_s = now_s();
    s->resumed = fit_samples_count(s->samples);
    if (s->resumed)
        say("note: %lld of %d pictures are there already", (long long)s->resumed, s->num);
    bool ok = true;
    for (int64_t i = s->resumed; ok && i < s->num; i++)
        ok = paint_one(s, i, error);
    return ok && fit_samples_finish(s->samples, s->class_of, s->num, error);
}

static int run(int argc, char **argv)
{
    struct sample s = {.paint = PAINT_DEFAULTS, .classes = "random"};
    struct fit_error error = {0};
    struct arg args[PAINT_ARGS_MAX];
    const struct arg own[] = {
        {"num", "N", "how many pictures", ARG_INT, &s.num, .low = 1, .high = MAX_NUM,
         .required = true},
        {"npz", "FILE.npz", "where to: arr_0, the pictures, and arr_1, their classes", ARG_TEXT,
         &s.npz, .required = true},
        {"classes", "LIST", "random (default), each in turns, or names separated by commas",
         ARG_TEXT, &s.classes, .low = 0},
        {"extrapolation", "M", "how positions stretch (default: auto)", ARG_NAME,
         &s.paint.params.method, .name_of = method_name},
    };
    int status;
    size_t n_args = paint_args(&s.paint, own, sizeof own / sizeof *own, args);
    if (!args_parse(&command_sample, args, n_args, &s.common, argc, argv, NULL, 0, 0, NULL,
                    &status))
        return status;
    stop_watch();
    bool ok = sample(&s, &error);
    if (ok && s.common.json)
        print_json(json_pack("{s:s, s:i, s:I, s:f}", "path", s.npz, "pictures", s.num, "resumed",
                             (json_int_t)s.resumed, "seconds", now_s() - s.started_s));
    else if (ok)
        printf("%s\n", s.npz);
    fit_samples_close(&s.samples);
    free(s.class_of);
    session_close(&s.session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_sample = {
    "sample", "--num N --npz FILE.npz [OPTION...]",
    "Paint pictures by the thousand into the file that evaluation suites read.", run};
