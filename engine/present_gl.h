/* SPDX-License-Identifier: Apache-2.0 */
/*
 * present_gl.h - the few pictures that stay on the device beside the pixels of their frames, for
 * those who show them from there. Memory for them is taken by the worker when the first target of
 * fit-gl.h is there, used again, and freed with the engine.
 */
#ifndef FIT_PRESENT_GL_H
#define FIT_PRESENT_GL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fk_device;
struct fit_engine;

/* Three that textures are being made of, one that waits to be taken and one in the making. */
enum { DEVICE_PICTURES = 5 };

struct device_picture {
    uint8_t *memory; /* of the device */
    size_t bytes;
    bool used;
};

/* lock: of the engine; the memory is the worker's as long as nobody uses it */
struct device_pictures {
    int n_targets;
    struct device_picture picture[DEVICE_PICTURES];
};

/* Worker: memory for a picture, or NULL while nobody shows any, all are used or memory is short. */
struct device_picture *device_picture_take(struct fit_engine *engine, size_t bytes);
/* Any thread, without the lock. The place is set to NULL, and may hold it already. */
void device_picture_release(struct fit_engine *engine, struct device_picture **picture);
/* Worker: frees the memory of those that nobody uses. */
void device_pictures_trim(struct fit_engine *engine);
/* After the worker. */
void device_pictures_finish(struct device_pictures *pictures, struct fk_device *device);

#endif
