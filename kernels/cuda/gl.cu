/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of the device in textures of OpenGL. A texture is registered once and mapped for every
 * picture, on a stream of its own: the map orders what GL does with the texture before the copy
 * and the unmap what GL does next after it, both on the card, and no queue of operations ever
 * waits for a window.
 */
#include "cuda.h"

#include <stdio.h>
#include <stdlib.h>

/* As in cuda_gl_interop.h, which wants GL's headers for these two names of integers. */
extern "C" {
cudaError_t cudaGLGetDevices(unsigned *n, int *devices, unsigned most, int list);
cudaError_t cudaGraphicsGLRegisterImage(cudaGraphicsResource_t *resource, unsigned image,
                                        unsigned target, unsigned flags);
}

enum { GL_TEXTURE_2D = 0x0DE1, ALL_DEVICES_OF_CONTEXT = 1, MOST_DEVICES = 16, PIXEL_BYTES = 4 };

struct fk_gl_texture {
    struct cuda_state *state;
    cudaGraphicsResource_t resource;
    cudaStream_t stream;
    cudaEvent_t shown; /* after the copy that was queued last */
    size_t row_bytes, rows;
};

struct answer {
    char *message;
    size_t bytes;
};

/* False, with a sentence, when the runtime reports a failure, which is then forgotten: a texture
 * that cannot be written must not fail the operation that comes next. */
static bool passed(cudaError_t status, const char *what, struct answer answer)
{
    if (status == cudaSuccess)
        return true;
    cudaGetLastError();
    snprintf(answer.message, answer.bytes, "%s: %s", what, cudaGetErrorString(status));
    return false;
}

/* Whether the current GL context draws on this card. */
static bool is_same_card(const struct cuda_state *state, struct answer answer)
{
    unsigned n = 0;
    int devices[MOST_DEVICES];
    if (!passed(cudaGLGetDevices(&n, devices, MOST_DEVICES, ALL_DEVICES_OF_CONTEXT),
                "OpenGL does not draw on a CUDA device", answer))
        return false;
    for (unsigned i = 0; i < n && i < MOST_DEVICES; i++)
        if (devices[i] == state->ordinal)
            return true;
    snprintf(answer.message, answer.bytes,
             "OpenGL draws on another card than %.80s, which computes", state->device.model);
    return false;
}

/* Of the highest priority: a small copy, and somebody is looking. */
static cudaError_t new_stream(cudaStream_t *stream)
{
    int least = 0, greatest = 0;
    cudaError_t status = cudaDeviceGetStreamPriorityRange(&least, &greatest);
    return status == cudaSuccess
               ? cudaStreamCreateWithPriority(stream, cudaStreamNonBlocking, greatest)
               : status;
}

static void gl_unregister(struct fk_gl_texture *t)
{
    if (!t)
        return;
    cudaSetDevice(t->state->ordinal);
    if (t->stream)
        cudaStreamSynchronize(t->stream);
    if (t->resource)
        cudaGraphicsUnregisterResource(t->resource);
    if (t->shown)
        cudaEventDestroy(t->shown);
    if (t->stream)
        cudaStreamDestroy(t->stream);
    cudaGetLastError(); /* with a lost context or device there is nothing left to give back */
    free(t);
}

static struct fk_gl_texture *gl_register(struct fk_device *device, unsigned texture, int width,
                                         int height, char *message, size_t message_bytes)
{
    struct answer answer = {message, message_bytes};
    struct cuda_state *state = static_cast<struct cuda_state *>(device->state);
    struct fk_gl_texture *t = static_cast<struct fk_gl_texture *>(calloc(1, sizeof *t));
    if (!t) {
        snprintf(message, message_bytes, "no memory for a texture");
        return NULL;
    }
    t->state = state;
    t->row_bytes = PIXEL_BYTES * (size_t)width;
    t->rows = (size_t)height;
    if (passed(cudaSetDevice(state->ordinal), "the GPU", answer) && is_same_card(state, answer) &&
        passed(new_stream(&t->stream), "a stream for textures", answer) &&
        passed(cudaEventCreateWithFlags(&t->shown, cudaEventDisableTiming),
               "an event for textures", answer) &&
        passed(cudaGraphicsGLRegisterImage(&t->resource, texture, GL_TEXTURE_2D,
                                           cudaGraphicsRegisterFlagsWriteDiscard),
               "a texture cannot be registered", answer))
        return t;
    gl_unregister(t);
    return NULL;
}

static bool copy_to_mapped(struct fk_gl_texture *t, const void *rgba, size_t stride,
                           struct answer answer)
{
    cudaArray_t array;
    return passed(cudaGraphicsSubResourceGetMappedArray(&array, t->resource, 0, 0),
                  "a mapped texture has no memory", answer) &&
           passed(cudaMemcpy2DToArrayAsync(array, 0, 0, rgba, stride, t->row_bytes, t->rows,
                                           cudaMemcpyDeviceToDevice, t->stream),
                  "a picture cannot be copied to a texture", answer);
}

static bool gl_show(struct fk_gl_texture *t, const void *rgba, size_t stride, char *message,
                    size_t message_bytes)
{
    struct answer answer = {message, message_bytes};
    if (!passed(cudaSetDevice(t->state->ordinal), "the GPU", answer) ||
        !passed(cudaGraphicsMapResources(1, &t->resource, t->stream), "a texture cannot be mapped",
                answer))
        return false;
    bool copied = copy_to_mapped(t, rgba, stride, answer);
    struct answer unmap = copied ? answer : (struct answer){NULL, 0}; /* the first cause is told */
    bool unmapped = passed(cudaGraphicsUnmapResources(1, &t->resource, t->stream),
                           "a texture cannot be unmapped", unmap);
    return copied && unmapped &&
           passed(cudaEventRecord(t->shown, t->stream), "a picture's copy", answer);
}

/* An event that nothing was recorded in is over, and so is one of a lost device. */
static bool gl_is_busy(struct fk_gl_texture *t)
{
    return cudaSetDevice(t->state->ordinal) == cudaSuccess &&
           cudaEventQuery(t->shown) == cudaErrorNotReady;
}

void cuda_gl_install(struct cuda_state *state)
{
    state->device.gl_register = gl_register;
    state->device.gl_show = gl_show;
    state->device.gl_is_busy = gl_is_busy;
    state->device.gl_unregister = gl_unregister;
}
