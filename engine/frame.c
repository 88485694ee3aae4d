/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "engine_private.h"

/* What stays (the last picture) would hold its memory for as long, and what is not decoded (the
 * velocity, the squares of the cheap preview) is made on the host. */
static bool is_for_device(const struct fit_frame *frame, const struct fit_model *model)
{
    return model->autoencoder && frame->view != FIT_VIEW_VELOCITY && !frame->final;
}

struct fit_frame *fit_frame_new(struct fit_job *job, int step, enum fit_view view)
{
    size_t bytes = 4 * (size_t)job->params.width * (size_t)job->params.height;
    struct fit_frame *frame = calloc(1, sizeof *frame);
    uint8_t *pixels = malloc(bytes);
    if (!frame || !pixels) {
        free(frame);
        free(pixels);
        return NULL;
    }
    atomic_init(&frame->refs, 1);
    frame->width = job->params.width;
    frame->height = job->params.height;
    frame->step = step;
    frame->view = view;
    frame->final = step == job->params.steps && view != FIT_VIEW_VELOCITY;
    frame->engine = job->model->engine;
    frame->pixels = pixels;
    frame->picture_stride = 4 * (size_t)frame->width;
    if (is_for_device(frame, job->model))
        frame->picture = device_picture_take(frame->engine, bytes);
    return frame;
}

uint8_t *fit_frame_device_pixels(const struct fit_frame *frame)
{
    return frame->picture ? frame->picture->memory : NULL;
}

void fit_frame_crop(struct fit_frame *frame, int width, int height)
{
    size_t left = (size_t)(frame->width - width) / 2, top = (size_t)(frame->height - height) / 2;
    size_t from = 4 * (size_t)frame->width, to = 4 * (size_t)width;
    if (width == frame->width && height == frame->height)
        return;
    /* In place: no row goes where one still to be read lies. */
    for (size_t y = 0; y < (size_t)height; y++)
        memmove(frame->pixels + y * to, frame->pixels + (y + top) * from + 4 * left, to);
    frame->picture_offset = top * from + 4 * left;
    frame->width = width;
    frame->height = height;
}

struct fit_frame *fit_frame_ref(struct fit_frame *frame)
{
    atomic_fetch_add(&frame->refs, 1);
    return frame;
}

void fit_frame_unref(struct fit_frame **handle)
{
    struct fit_frame *frame = *handle;
    *handle = NULL;
    if (!frame || atomic_fetch_sub(&frame->refs, 1) != 1)
        return;
    device_picture_release(frame->engine, &frame->picture);
    if (frame->job)
        fit_job_unref(&frame->job);
    free(frame->pixels);
    free(frame);
}

int fit_frame_width(const struct fit_frame *frame)
{
    return frame->width;
}

int fit_frame_height(const struct fit_frame *frame)
{
    return frame->height;
}

int fit_frame_step(const struct fit_frame *frame)
{
    return frame->step;
}

enum fit_view fit_frame_view(const struct fit_frame *frame)
{
    return frame->view;
}

bool fit_frame_is_final(const struct fit_frame *frame)
{
    return frame->final;
}

const uint8_t *fit_frame_pixels(const struct fit_frame *frame)
{
    return frame->pixels;
}
