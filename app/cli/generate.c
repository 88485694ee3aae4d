/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli generate: pictures of one class, size and seed. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "fit/fit-files.h"
#include "paint.h"

struct generate {
    struct common common;
    struct paint paint;
    int count, index;
    const char *noise, *output, *save_latent, *save_steps;

    struct session session;
    struct fit_generate_params params;
    struct fit_array noises;
    float *latents; /* [count][channels][h][w]; NULL unless they are saved */
    size_t values;  /* of one latent */
    bool to_folder;
    char name[128]; /* of the files: class and seed */
    json_t *report;
};

/* ---- noise and latents ---- */

static void latent_dims(const struct generate *g, int dims[3])
{
    dims[0] = g->session.info.channels;
    dims[1] = g->params.height / 8;
    dims[2] = g->params.width / 8;
}

/* One latent, or a batch of at least as many as there are pictures. */
static bool read_noise(struct generate *g, struct fit_error *error)
{
    int want[3];
    const struct fit_array *array = &g->noises;
    if (!g->noise)
        return true;
    if (!fit_npy_read(g->noise, &g->noises, error))
        return false;
    latent_dims(g, want);
    bool batch = array->n_dims == 4;
    bool fits = (batch || (array->n_dims == 3 && g->count == 1)) &&
                !memcmp(array->dims + batch, want, sizeof want) &&
                (!batch || array->dims[0] >= g->count);
    return fits || set_error(error, FIT_ERROR_ARGUMENT,
                             "%.200s: %dx%d pixels need noise of the shape (%d, %d, %d)%s",
                             g->noise, g->params.width, g->params.height, want[0], want[1],
                             want[2], g->count > 1 ? " for every picture, as a batch" : "");
}

static bool keep_latent(struct generate *g, struct fit_job *job, int i, struct fit_error *error)
{
    struct fit_generate_params p;
    fit_job_params(job, &p);
    return !g->latents ||
           fit_job_latent(job, p.steps, FIT_VIEW_STATE, g->latents + (size_t)i * g->values) ||
           set_error(error, FIT_ERROR_MEMORY, "the latent of the last step is not there");
}

static bool write_latents(const struct generate *g, struct fit_error *error)
{
    int dims[4] = {g->count};
    latent_dims(g, dims + 1);
    bool one = g->count == 1;
    return !g->latents ||
           fit_npy_write(g->save_latent, one ? 3 : 4, one ? dims + 1 : dims, g->latents, error);
}

/* ---- files ---- */

static void make_name(struct generate *g)
{
    const char *name = fit_model_class_name(g->session.model, g->params.class_id);
    size_t n = 0;
    for (const char *at = name ? name : "none"; *at && n < 64; at++)
        g->name[n++] = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '-';
    snprintf(g->name + n, sizeof g->name - n, "-%llu", (unsigned long long)g->params.seed);
}

static bool is_folder(const char *path)
{
    struct stat status;
    size_t n = strlen(path);
    return (n && path[n - 1] == '/') || (!stat(path, &status) && S_ISDIR(status.st_mode));
}

static bool prepare_output(struct generate *g, struct fit_error *error)
{
    g->to_folder = g->output ? g->count > 1 || is_folder(g->output) : false;
    if (g->count > 1 && g->output && has_ending(g->output, ".png"))
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "--count %d makes several files: --output names a folder, not %.200s",
                         g->count, g->output);
    if (g->to_folder ? !check_folder(g->output, error)
                     : g->output && !check_output(g->output, error))
        return false;
    if (g->save_latent && !check_output(g->save_latent, error))
        return false;
    return !g->save_steps || check_folder(g->save_steps, error);
}

static bool make_folders(const struct generate *g, struct fit_error *error)
{
    return (!g->to_folder || make_folder(g->output, error)) &&
           (!g->save_steps || make_folder(g->save_steps, error));
}

static void picture_path(const struct generate *g, int i, char *path, size_t bytes)
{
    char file[192];
    bool many = g->count > 1 || g->index > 0;
    if (g->output && !g->to_folder) {
        snprintf(path, bytes, "%s", g->output);
        return;
    }
    snprintf(file, sizeof file, many ? "%s-%d.png" : "%s.png", g->name, g->index + i);
    if (g->to_folder)
        snprintf(path, bytes, "%s%s%s", g->output,
                 g->output[strlen(g->output) - 1] == '/' ? "" : "/", file);
    else
        snprintf(path, bytes, "%s", file);
}

static bool write_steps(struct generate *g, struct fit_job *job, int i, struct fit_error *error)
{
    struct fit_generate_params p;
    char path[4096];
    bool ok = true;
    fit_job_params(job, &p);
    for (int step = 0; g->save_steps && ok && step <= p.steps; step++) {
        struct fit_frame *frame =
            session_show(&g->session, job, step, FIT_VIEW_PREDICTION);
        if (!frame)
            return set_error(error, FIT_ERROR_DEVICE, "step %d cannot be shown", step);
        if (g->count > 1)
            snprintf(path, sizeof path, "%s/%d-step-%03d.png", g->save_steps, g->index + i, step);
        else
            snprintf(path, sizeof path, "%s/step-%03d.png", g->save_steps, step);
        ok = fit_frame_write_png(frame, path, error);
        fit_frame_unref(&frame);
    }
    return ok;
}

/* ---- the run ---- */

static bool write_picture(struct generate *g, struct fit_job *job, struct fit_frame *frame, int i,
                          struct fit_error *error)
{
    char path[4096];
    struct fit_progress progress;
    picture_path(g, i, path, sizeof path);
    if ((i == 0 && !make_folders(g, error)) || !fit_frame_write_png(frame, path, error))
        return false;
    fit_job_progress(job, &progress);
    if (g->common.json) {
        json_t *object = job_json(job);
        json_object_set_new(object, "path", json_string(path));
        json_object_set_new(object, "seconds", json_real(progress.elapsed_s));
        json_array_append_new(g->report, object);
    } else {
        printf("%s\n", path);
        fflush(stdout);
    }
    return write_steps(g, job, i, error) && keep_latent(g, job, i, error);
}

static bool paint_one(struct generate *g, int i, struct fit_error *error)
{
    struct fit_job *job = NULL;
    struct fit_frame *frame = NULL;
    char label[32] = "";
    struct fit_generate_params p = g->params;
    p.index = g->index + i;
    p.noise = g->noises.values ? g->noises.values + (size_t)i * g->values : NULL;
    if (g->count > 1)
        snprintf(label, sizeof label, "%d/%d ", i + 1, g->count);
    if (stop_was_asked())
        return set_error(error, FIT_ERROR_CANCELLED, "stopped after %d of %d pictures", i,
                         g->count);
    if (!fit_generate(g->session.model, &p, &job, error))
        return false;
    if (i == 0)
        session_announce(&g->session, job);
    bool ok = session_wait(&g->session, job, label, &frame, error) &&
              write_picture(g, job, frame, i, error);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    return ok;
}

static bool prepare(struct generate *g, struct fit_error *error)
{
    if (!session_open(&g->session, &g->common, error) ||
        !paint_params(&g->paint, &g->session, &g->params, error))
        return false;
    g->values = (size_t)g->session.info.channels * (size_t)(g->params.width / 8) *
                (size_t)(g->params.height / 8);
    make_name(g);
    if (!prepare_output(g, error) || !read_noise(g, error))
        return false;
    if (!g->save_latent)
        return true;
    g->latents = malloc((size_t)g->count * g->values * sizeof(float) + 1);
    return g->latents || set_error(error, FIT_ERROR_MEMORY, "no memory for %d latents", g->count);
}

static int run(int argc, char **argv)
{
    struct generate g = {.paint = PAINT_DEFAULTS, .count = 1};
    struct fit_error error = {0};
    struct arg args[PAINT_ARGS_MAX];
    const struct arg own[] = {
        {"class", "CLASS", "a class by name, synonym or number, or none (default: 0)", ARG_TEXT,
         &g.paint.class_text, .low = 0},
        {"extrapolation", "M", "how positions stretch (default: auto)", ARG_NAME,
         &g.paint.params.method, .name_of = method_name},
        {"crop", "WxH", "the middle of --size, or of the next size that is possible", ARG_SIZE,
         &g.paint.crop, .low = 0},
        {"count", "N", "pictures of the same seed", ARG_INT, &g.count, .low = 1, .high = 10000},
        {"index", "I", "which picture of the seed is the first (default: 0)", ARG_INT, &g.index,
         .low = 0, .high = 1000000},
        {"noise", "Z.npy", "the noise itself, in place of the seed's", ARG_TEXT, &g.noise,
         .low = 0},
        {"output", "PATH", "FILE.png, or a folder (default: CLASS-SEED.png)", ARG_TEXT, &g.output,
         .low = 0, .letter = 'o'},
        {"save-latent", "Z.npy", "the latents that were decoded", ARG_TEXT, &g.save_latent,
         .low = 0},
        {"save-steps", "DIR", "a picture of what every step expects", ARG_TEXT, &g.save_steps,
         .low = 0},
    };
    int status;
    size_t n_args = paint_args(&g.paint, own, sizeof own / sizeof *own, args);
    if (!args_parse(&command_generate, args, n_args, &g.common, argc, argv,
                    NULL, 0, 0, NULL, &status))
        return status;
    stop_watch();
    g.report = json_array();
    bool ok = prepare(&g, &error);
    int done = 0;
    for (; ok && done < g.count; done += ok)
        ok = paint_one(&g, done, &error);
    ok = ok && write_latents(&g, &error);
    if (g.common.json && (ok || done))
        print_json(json_incref(g.report));
    json_decref(g.report);
    fit_array_finish(&g.noises);
    free(g.latents);
    session_close(&g.session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_generate = {
    "generate", "[OPTION...]", "Paint pictures, and write them as PNG with their settings inside.",
    run};
