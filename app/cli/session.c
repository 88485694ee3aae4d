/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"

#define POLL_MS 100
#define MODEL_PATH_BYTES 4096

static volatile sig_atomic_t stop_asked;

bool set_error(struct fit_error *error, enum fit_status status, const char *format, ...)
{
    va_list arguments;
    error->status = status;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- the model ---- */

static bool is_model(const char *path)
{
    char folder[MODEL_PATH_BYTES];
    return fit_model_find(path, folder, sizeof folder);
}

/* A model that comes with the program, by the name of its folder. */
static bool find_bundled(const char *name, char path[MODEL_PATH_BYTES])
{
    static const char *const folders[] = {LIMN_MODELS_INSTALLED, LIMN_MODELS_SOURCE};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        int n = snprintf(path, MODEL_PATH_BYTES, "%s/%s", folders[i], name);
        if (n > 0 && n < MODEL_PATH_BYTES && is_model(path))
            return true;
    }
    return false;
}

/* A folder goes before a bundled model of the same name. NULL when nothing is named and nothing
 * is bundled. */
static const char *find_model(const struct common *common, char path[MODEL_PATH_BYTES])
{
    const char *named = common->model ? common->model : getenv("LIMN_MODEL");
    if (!named || !*named)
        return find_bundled("limn-demo", path) ? path : NULL;
    bool is_name = !strchr(named, '/') && !is_model(named);
    return is_name && find_bundled(named, path) ? path : named;
}

bool session_open(struct session *session, const struct common *common, struct fit_error *error)
{
    char path[MODEL_PATH_BYTES], cache[CACHE_PATH_BYTES];
    *session = (struct session){0};
    struct fit_engine_params engine = {
        .backend = backend_name(common->backend),
        .n_threads = common->threads,
        .cache_folder = cache_folder(&cache),
    };
    struct fit_model_params model = {
        .path = find_model(common, path),
        .precision = (enum fit_precision)common->precision,
    };
    if (!model.path)
        return set_error(error, FIT_ERROR_FILE,
                         "no model: neither --model nor LIMN_MODEL names one, and %s holds none",
                         LIMN_MODELS_INSTALLED);
    if (!fit_engine_open(&session->engine, &engine, error))
        return false;
    if (!fit_model_load(session->engine, &model, &session->model, error)) {
        session_close(session);
        return false;
    }
    fit_model_info(session->model, &session->info);
    return true;
}

void session_close(struct session *session)
{
    fit_model_unref(&session->model);
    fit_engine_close(&session->engine);
}

/* ---- waiting ---- */

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

void stop_watch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool stop_was_asked(void)
{
    return stop_asked;
}

static void show_progress(struct fit_job *job, const char *label)
{
    struct fit_progress progress;
    fit_job_progress(job, &progress);
    int left = (int)(progress.remaining_s + 0.5);
    fprintf(stderr, "\r\033[K%sstep %d of %d", label, progress.step, progress.steps);
    if (progress.remaining_s >= 0)
        fprintf(stderr, ", %d:%02d left", left / 60, left % 60);
    fflush(stderr);
}

static void end_progress(bool terminal)
{
    if (terminal)
        fputs("\r\033[K", stderr);
}

static bool end_state(struct fit_job *job, struct fit_frame **frame, struct fit_error *error)
{
    struct fit_progress progress;
    fit_job_progress(job, &progress);
    if (progress.state == FIT_JOB_DONE) {
        *frame = fit_job_take_frame(job);
        return *frame || set_error(error, FIT_ERROR_DEVICE, "the run ended without a picture");
    }
    if (progress.state == FIT_JOB_CANCELLED)
        return set_error(error, FIT_ERROR_CANCELLED, "stopped after step %d of %d", progress.step,
                         progress.steps);
    fit_job_error(job, error);
    return false;
}

bool session_wait(struct session *session, struct fit_job *job, const char *label,
                  struct fit_frame **frame, struct fit_error *error)
{
    bool terminal = isatty(STDERR_FILENO), ended = false;
    *frame = NULL;
    while (!ended) {
        struct fit_event event;
        if (stop_asked)
            fit_job_cancel(job);
        if (!fit_engine_wait_event(session->engine, POLL_MS, &event))
            continue;
        ended = event.job == job && event.type >= FIT_EVENT_DONE;
        if (terminal && event.type == FIT_EVENT_STEP)
            show_progress(job, label);
        fit_job_unref(&event.job);
    }
    end_progress(terminal);
    return end_state(job, frame, error);
}

struct fit_frame *session_show(struct session *session, struct fit_job *job, int step,
                               enum fit_view view)
{
    struct fit_event event;
    fit_job_show(job, step, view);
    /* The worker answers every request, so this ends; a minute is more than any decode takes. */
    while (fit_engine_wait_event(session->engine, 60000, &event)) {
        struct fit_frame *frame = NULL;
        bool refused = event.job == job && event.type == FIT_EVENT_NOT_SHOWN;
        if (event.job == job && event.type == FIT_EVENT_FRAME)
            frame = fit_job_take_frame(job);
        fit_job_unref(&event.job);
        if (refused)
            return NULL;
        if (frame && fit_frame_step(frame) == step && fit_frame_view(frame) == view)
            return frame;
        fit_frame_unref(&frame);
    }
    return NULL;
}

float *session_encode(struct session *session, const uint8_t *rgb, int width, int height,
                      struct fit_error *error)
{
    size_t n = 3 * (size_t)width * (size_t)height;
    size_t values = (size_t)session->info.channels * (size_t)(height / 8) * (size_t)(width / 8);
    float *values_of_rgb = malloc(n * sizeof *values_of_rgb);
    float *latent = malloc(values * sizeof *latent + 1);
    bool ok = (values_of_rgb && latent) ||
              set_error(error, FIT_ERROR_MEMORY, "no memory for %dx%d pixels", width, height);
    for (size_t i = 0; ok && i < n; i++)
        values_of_rgb[i] = (float)rgb[i] / 127.5f - 1.0f;
    ok = ok && fit_model_encode(session->model, values_of_rgb, width, height, latent, error);
    free(values_of_rgb);
    if (ok)
        return latent;
    free(latent);
    return NULL;
}

void session_announce(const struct session *session, const struct fit_job *job)
{
    struct fit_generate_params p;
    struct fit_canvas canvas;
    const char *name, *notice = fit_engine_notice(session->engine);
    fit_job_params(job, &p);
    fit_canvas_describe(session->model, p.width, p.height, p.method, &canvas);
    name = fit_model_class_name(session->model, p.class_id);
    fprintf(stderr,
            "%s at %dx%d (%dx%d tokens%s), positions %s, %d %s steps, guidance %g, seed %llu\n",
            name ? name : "No class", p.width, p.height, canvas.columns, canvas.rows,
            canvas.trained ? "" : ", beyond the training", fit_method_name(p.method), p.steps,
            fit_solver_name(p.solver), p.guidance, (unsigned long long)p.seed);
    fprintf(stderr, "%s on %s: %s, %s%s%s\n", session->info.name,
            fit_engine_backend(session->engine), fit_engine_device(session->engine),
            fit_precision_name(session->info.precision), *notice ? "; " : "", notice);
}

/* ---- places to write ---- */

static bool can_write_in(const char *folder, const char *path, struct fit_error *error)
{
    struct stat status;
    int cause = 0;
    if (stat(folder, &status) || (S_ISDIR(status.st_mode) && access(folder, W_OK)))
        cause = errno;
    else if (!S_ISDIR(status.st_mode))
        cause = ENOTDIR;
    return !cause || set_error(error, FIT_ERROR_FILE, "%.300s: cannot be written: %s", path,
                               strerror(cause));
}

static bool is_folder(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

/* Whether the folder that holds `path` can take a new name. */
static bool check_parent(const char *path, struct fit_error *error)
{
    char folder[4096];
    size_t length = strlen(path);
    while (length && path[length - 1] == '/')
        length--;
    while (length && path[length - 1] != '/')
        length--;
    if (length >= sizeof folder || !*path)
        return set_error(error, FIT_ERROR_FILE, "the output's path is %s",
                         *path ? "too long" : "empty");
    snprintf(folder, sizeof folder, "%.*s", (int)length, path);
    return can_write_in(length ? folder : ".", path, error);
}

bool check_output(const char *path, struct fit_error *error)
{
    if (is_folder(path))
        return set_error(error, FIT_ERROR_FILE, "%.300s: is a folder, a file is expected", path);
    return check_parent(path, error);
}

bool check_folder(const char *path, struct fit_error *error)
{
    return is_folder(path) ? can_write_in(path, path, error) : check_parent(path, error);
}

bool make_folder(const char *path, struct fit_error *error)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && is_folder(path)))
        return true;
    return set_error(error, FIT_ERROR_FILE, "%.300s: the folder cannot be made: %s", path,
                     strerror(errno));
}

bool has_ending(const char *path, const char *ending)
{
    size_t a = strlen(path), b = strlen(ending);
    return a >= b && !strcasecmp(path + a - b, ending);
}
