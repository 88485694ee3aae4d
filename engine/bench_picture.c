/* SPDX-License-Identifier: Apache-2.0 */
/* Whole pictures of a model, as programs paint them: from the call to the last pixel. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { STEPS = 20, CLASS = 3, WAIT_MS = 1000 };

struct studio {
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_model_info info;
    int width, height;
    float *latent, *rgb;
    bool previews;
    size_t peak_bytes;
};

static bool studio_open(struct studio *s, struct bench *b)
{
    const struct fit_bench_params *p = b->params;
    const struct fit_engine_params engine = {
        .backend = p->backend, .n_threads = p->n_threads, .cache_folder = p->cache_folder};
    const struct fit_model_params model = {p->model, p->precision};
    if (!fit_engine_open(&s->engine, &engine, b->error) ||
        !fit_model_load(s->engine, &model, &s->model, b->error))
        return false;
    fit_model_info(s->model, &s->info);
    return true;
}

static void studio_close(struct studio *s)
{
    free(s->latent);
    free(s->rgb);
    if (s->model)
        fit_model_unref(&s->model);
    if (s->engine)
        fit_engine_close(&s->engine);
}

/* Waits for the job's end; its frames are taken, as a window would. */
static bool job_wait(struct studio *s, struct fit_job *job, struct fit_error *error)
{
    struct fit_progress progress = {0};
    while (progress.state <= FIT_JOB_RUNNING) {
        struct fit_event event;
        if (fit_engine_wait_event(s->engine, WAIT_MS, &event))
            fit_job_unref(&event.job);
        struct fit_frame *frame = fit_job_take_frame(job);
        if (frame)
            fit_frame_unref(&frame);
        fit_job_progress(job, &progress);
    }
    s->peak_bytes = progress.peak_bytes;
    fit_job_error(job, error);
    return progress.state == FIT_JOB_DONE;
}

static bool paint_run(void *user, struct bench *b)
{
    struct studio *s = user;
    struct fit_error error = {0};
    struct fit_job *job;
    const struct fit_generate_params params = {.class_id = CLASS % s->info.n_classes,
                                               .width = s->width,
                                               .height = s->height,
                                               .steps = STEPS,
                                               .no_previews = !s->previews};
    if (!fit_generate(s->model, &params, &job, b->error))
        return false;
    bool ok = job_wait(s, job, &error);
    fit_job_unref(&job);
    return ok || fit_fail(b->error, error.status, "%s", error.message);
}

static bool decode_run(void *user, struct bench *b)
{
    struct studio *s = user;
    return fit_model_decode(s->model, s->latent, s->width, s->height, s->rgb, b->error);
}

/* The nearest size to a square of so many tokens. */
static void size_set(struct studio *s, int tokens)
{
    s->width = s->height = s->info.token_pixels * (int)lround(sqrt(tokens));
    fit_canvas_snap(s->model, &s->width, &s->height);
}

static bool measure_pictures(struct studio *s, struct bench *b, int tokens)
{
    for (int previews = 0; previews <= 1; previews++) {
        struct fit_bench_row row = {.part = FIT_BENCH_PICTURE, .tokens = tokens, .error = -1};
        s->previews = previews;
        snprintf(row.name, sizeof row.name, "picture of %dx%d, %d steps%s", s->width, s->height,
                 STEPS, previews ? ", previews" : "");
        if (!bench_time(b, &row, paint_run, s, b->type))
            return false;
        row.bytes = s->peak_bytes;
        if (!bench_emit(b, &row))
            return false;
    }
    return true;
}

static bool measure_decoding(struct studio *s, struct bench *b, int tokens)
{
    struct fit_bench_row row = {.part = FIT_BENCH_AUTOENCODER, .tokens = tokens, .error = -1};
    size_t pixels = (size_t)s->width * (size_t)s->height;
    size_t values = pixels / 64 * (size_t)s->info.channels;
    free(s->latent);
    free(s->rgb);
    s->latent = malloc(values * sizeof *s->latent);
    s->rgb = malloc(3 * pixels * sizeof *s->rgb);
    if (!s->latent || !s->rgb)
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a picture");
    uint64_t hash = bench_hash("state");
    for (size_t i = 0; i < values; i++)
        s->latent[i] = (float)bench_value(hash, i);
    snprintf(row.name, sizeof row.name, "decoding %dx%d", s->width, s->height);
    return bench_time(b, &row, decode_run, s, FK_F32) && bench_emit(b, &row);
}

/* ---- a step's frame, as a window shows it -------------------------------------------------- */

struct reel {
    struct studio *studio;
    struct fit_job *job; /* that has ended */
};

static bool frame_run(void *user, struct bench *b)
{
    struct reel *reel = user;
    struct fit_frame *frame = NULL;
    fit_job_show(reel->job, 0, FIT_VIEW_PREDICTION);
    while (!frame) {
        struct fit_event event;
        if (!fit_engine_wait_event(reel->studio->engine, WAIT_MS, &event))
            continue;
        bool refused = event.type == FIT_EVENT_NOT_SHOWN;
        fit_job_unref(&event.job);
        if (refused) {
            struct fit_error error;
            fit_job_show_error(reel->job, &error);
            return fit_fail(b->error, error.status, "%s", error.message);
        }
        frame = fit_job_take_frame(reel->job);
    }
    fit_frame_unref(&frame);
    return true;
}

static bool measure_frames(struct studio *s, struct bench *b, int tokens)
{
    struct fit_bench_row row = {.part = FIT_BENCH_PREVIEW, .tokens = tokens, .error = -1};
    struct reel reel = {.studio = s};
    struct fit_error error = {0};
    const struct fit_generate_params params = {
        .width = s->width, .height = s->height, .steps = 1, .no_previews = true};
    if (!fit_generate(s->model, &params, &reel.job, b->error))
        return false;
    bool ok = job_wait(s, reel.job, &error) ||
              fit_fail(b->error, error.status, "%s", error.message);
    snprintf(row.name, sizeof row.name, "frame of a step, %dx%d", s->width, s->height);
    ok = ok && bench_time(b, &row, frame_run, &reel, FK_F32) && bench_emit(b, &row);
    fit_job_unref(&reel.job);
    return ok;
}

bool bench_pictures(struct bench *b, unsigned parts)
{
    struct studio s = {0};
    bool ok = studio_open(&s, b);
    for (int i = 0; ok && i < b->params->n_tokens; i++) {
        int tokens = b->params->tokens[i];
        size_set(&s, tokens);
        ok = (!(parts & 1u << FIT_BENCH_PICTURE) || measure_pictures(&s, b, tokens)) &&
             (!(parts & 1u << FIT_BENCH_AUTOENCODER) || measure_decoding(&s, b, tokens)) &&
             (!(parts & 1u << FIT_BENCH_PREVIEW) || measure_frames(&s, b, tokens));
    }
    studio_close(&s);
    return ok;
}
