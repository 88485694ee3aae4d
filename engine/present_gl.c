/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in textures of OpenGL, by the optional members of the device. */
#include <stdlib.h>

#include "engine_private.h"
#include "fit/fit-gl.h"

/* ---- pictures on the device -------------------------------------------------------------- */

/* An unused one that is large enough, else any unused one; the lock is held. */
static struct device_picture *find_unused(struct device_pictures *pictures, size_t bytes)
{
    struct device_picture *found = NULL;
    for (int i = 0; i < DEVICE_PICTURES; i++) {
        struct device_picture *picture = &pictures->picture[i];
        if (!picture->used && (!found || (found->bytes < bytes && picture->bytes >= bytes)))
            found = picture;
    }
    return found;
}

struct device_picture *device_picture_take(struct fit_engine *engine, size_t bytes)
{
    struct fk_device *device = engine->device;
    struct device_picture *picture = NULL;
    pthread_mutex_lock(&engine->lock);
    if (engine->pictures.n_targets > 0)
        picture = find_unused(&engine->pictures, bytes);
    if (picture)
        picture->used = true;
    pthread_mutex_unlock(&engine->lock);
    if (!picture || picture->bytes >= bytes)
        return picture;
    device->free(device, picture->memory);
    picture->memory = device->alloc(device, bytes);
    picture->bytes = picture->memory ? bytes : 0;
    if (!picture->memory)
        device_picture_release(engine, &picture);
    return picture;
}

void device_picture_release(struct fit_engine *engine, struct device_picture **place)
{
    struct device_picture *picture = *place;
    *place = NULL;
    if (!picture)
        return;
    pthread_mutex_lock(&engine->lock);
    picture->used = false;
    pthread_mutex_unlock(&engine->lock);
}

/* Only the worker begins to use one. */
void device_pictures_trim(struct fit_engine *engine)
{
    for (int i = 0; i < DEVICE_PICTURES; i++) {
        struct device_picture *picture = &engine->pictures.picture[i];
        pthread_mutex_lock(&engine->lock);
        bool used = picture->used;
        pthread_mutex_unlock(&engine->lock);
        if (used)
            continue;
        engine->device->free(engine->device, picture->memory);
        picture->memory = NULL;
        picture->bytes = 0;
    }
}

void device_pictures_finish(struct device_pictures *pictures, struct fk_device *device)
{
    for (int i = 0; i < DEVICE_PICTURES; i++)
        device->free(device, pictures->picture[i].memory);
}

/* ---- targets ----------------------------------------------------------------------------- */

struct fit_gl_target {
    struct fit_engine *engine; /* a reference */
    struct fk_gl_texture *texture;
    int width, height;
    struct device_picture *shown; /* what the last copy reads, or NULL */
};

static void count_target(struct fit_engine *engine, int change)
{
    pthread_mutex_lock(&engine->lock);
    engine->pictures.n_targets += change;
    pthread_mutex_unlock(&engine->lock);
}

bool fit_gl_is_offered(const struct fit_frame *frame)
{
    const struct fk_device *device = frame->engine->device;
    return device->gl_register && device->gl_show && device->gl_is_busy && device->gl_unregister;
}

bool fit_gl_attach(struct fit_gl_target **out, const struct fit_frame *like, unsigned texture,
                   struct fit_error *error)
{
    struct fk_device *device = like->engine->device;
    char message[256] = "";
    *out = NULL;
    if (!fit_gl_is_offered(like))
        return fit_fail(error, FIT_ERROR_DEVICE, "%s writes no textures of OpenGL", device->model);
    struct fit_gl_target *target = calloc(1, sizeof *target);
    if (!target)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for a texture's target");
    target->texture = device->gl_register(device, texture, like->width, like->height, message,
                                          sizeof message);
    if (!target->texture) {
        free(target);
        return fit_fail(error, FIT_ERROR_DEVICE, "%s", message);
    }
    target->engine = fit_engine_ref(like->engine);
    target->width = like->width;
    target->height = like->height;
    count_target(target->engine, 1);
    *out = target;
    return true;
}

bool fit_gl_fits(const struct fit_gl_target *target, const struct fit_frame *frame)
{
    return frame->engine == target->engine && frame->width == target->width &&
           frame->height == target->height;
}

bool fit_gl_can_show(struct fit_gl_target *target, const struct fit_frame *frame)
{
    if (target->engine->device->gl_is_busy(target->texture))
        return false;
    device_picture_release(target->engine, &target->shown);
    return fit_gl_fits(target, frame) && frame->picture;
}

bool fit_gl_show(struct fit_gl_target *target, struct fit_frame *frame, struct fit_error *error)
{
    char message[256] = "";
    if (!fit_gl_can_show(target, frame))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "the frame cannot be shown in this target");
    target->shown = frame->picture;
    frame->picture = NULL;
    return target->engine->device->gl_show(target->texture,
                                           target->shown->memory + frame->picture_offset,
                                           frame->picture_stride, message, sizeof message) ||
           fit_fail(error, FIT_ERROR_DEVICE, "%s", message);
}

void fit_gl_detach(struct fit_gl_target **handle)
{
    struct fit_gl_target *target = *handle;
    *handle = NULL;
    if (!target)
        return;
    target->engine->device->gl_unregister(target->texture);
    device_picture_release(target->engine, &target->shown);
    count_target(target->engine, -1);
    fit_engine_unref(target->engine);
    free(target);
}
