/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of the steps that a run has made, from its trajectory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "engine_private.h"

void run_put_frame(struct fit_job *job, struct fit_frame **place, struct fit_frame *frame)
{
    struct fit_engine *engine = job->model->engine;
    fit_frame_crop(frame, job->params.crop_width, job->params.crop_height);
    pthread_mutex_lock(&engine->lock);
    struct fit_frame *old = *place;
    *place = frame;
    if (job->progress.first_prediction_s == 0)
        job->progress.first_prediction_s = fit_now_s() - job->started_s;
    pthread_mutex_unlock(&engine->lock);
    fit_frame_unref(&old);
    fit_engine_post(engine, job, FIT_EVENT_FRAME);
}

/* ||v|| per latent pixel, the largest white; v = (prediction - state) / (1 - t) up to a factor
 * that is the same for all pixels. */
static void draw_velocity(const struct fit_job *job, const float *state, const float *prediction,
                          struct fit_frame *frame)
{
    int scale = job->model->info.token_pixels / job->model->config.patch;
    int w = frame->width / scale, h = frame->height / scale, channels = job->model->config.channels;
    float most = 0;
    float *norm = calloc((size_t)w * (size_t)h, sizeof *norm);
    for (int i = 0; norm && i < w * h; i++) {
        for (int c = 0; c < channels; c++) {
            float d = prediction[c * w * h + i] - state[c * w * h + i];
            norm[i] += d * d;
        }
        norm[i] = sqrtf(norm[i]);
        most = fmaxf(most, norm[i]);
    }
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            float v = norm && most > 0 ? norm[y / scale * w + x / scale] / most : 0;
            uint8_t *pixel = frame->pixels + 4 * ((size_t)y * (size_t)frame->width + (size_t)x);
            memset(pixel, (int)(255 * v), 3);
            pixel[3] = 255;
        }
    }
    free(norm);
}

/* Copies a point of the trajectory; the lock is held. */
static bool copy_point(const struct trajectory *trajectory, int at, float **state,
                       float **prediction)
{
    size_t bytes = trajectory->values * sizeof(float);
    *state = at >= 0 ? malloc(bytes) : NULL;
    *prediction = at >= 0 ? malloc(bytes) : NULL;
    if (!*state || !*prediction)
        return false;
    memcpy(*state, trajectory->state + (size_t)at * trajectory->values, bytes);
    memcpy(*prediction, trajectory->prediction + (size_t)at * trajectory->values, bytes);
    return true;
}

/* Copies the point that is asked for; the newest one stands for a step still to come. */
static bool take_request(struct fit_job *job, int *step, enum fit_view *view, float **state,
                         float **prediction)
{
    struct fit_engine *engine = job->model->engine;
    const struct trajectory *trajectory = &job->trajectory;
    pthread_mutex_lock(&engine->lock);
    job->show_wanted = false;
    *step = job->show_step < trajectory->n ? job->show_step : trajectory->n - 1;
    *view = job->show_view;
    /* At the end there is no velocity any more: the last one that moved the state is shown. */
    int at = *view == FIT_VIEW_VELOCITY && *step == job->params.steps ? *step - 1 : *step;
    bool found = copy_point(trajectory, at, state, prediction);
    pthread_mutex_unlock(&engine->lock);
    return found;
}

static bool draw(const struct fit_job *job, const float *state, const float *prediction,
                 struct fit_frame *frame, struct fit_error *error)
{
    if (frame->view == FIT_VIEW_VELOCITY) {
        draw_velocity(job, state, prediction, frame);
        return true;
    }
    return decode_rgba8(job->model, frame->view == FIT_VIEW_STATE ? state : prediction,
                        frame->width, frame->height, frame->pixels,
                        fit_frame_device_pixels(frame), error);
}

static void refuse_request(struct fit_job *job, struct fit_error *error)
{
    struct fit_engine *engine = job->model->engine;
    if (error->status == FIT_OK)
        fit_fail(error, FIT_ERROR_MEMORY, "no memory to show this step");
    pthread_mutex_lock(&engine->lock);
    job->show_error = *error;
    pthread_mutex_unlock(&engine->lock);
    fit_engine_post(engine, job, FIT_EVENT_NOT_SHOWN);
}

void run_show(struct fit_job *job)
{
    int step;
    enum fit_view view;
    float *state = NULL, *prediction = NULL;
    struct fit_error error = {0};
    struct fit_frame *frame = NULL;
    if (take_request(job, &step, &view, &state, &prediction))
        frame = fit_frame_new(job, step, view);
    if (frame && !draw(job, state, prediction, frame, &error))
        fit_frame_unref(&frame);
    if (frame)
        run_put_frame(job, &job->shown, frame);
    else
        refuse_request(job, &error);
    free(state);
    free(prediction);
}

void run_show_newest(struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    float *state = NULL, *prediction = NULL;
    struct fit_error error = {0};
    struct fit_frame *frame = NULL;
    pthread_mutex_lock(&engine->lock);
    int newest = job->trajectory.n - 1;
    bool copied = newest > job->live_step && !job->params.no_previews &&
                  copy_point(&job->trajectory, newest, &state, &prediction);
    pthread_mutex_unlock(&engine->lock);
    if (copied)
        frame = fit_frame_new(job, newest, FIT_VIEW_PREDICTION);
    if (frame && !draw(job, state, prediction, frame, &error))
        fit_frame_unref(&frame);
    if (frame) {
        job->live_step = newest;
        run_put_frame(job, &job->live, frame);
    }
    free(state);
    free(prediction);
}
