/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-gl.h - frames in textures of OpenGL, without the way through the program's own memory.
 *
 * Where the device offers it (a card of NVIDIA that also draws the window) a program makes a few
 * textures, attaches each to a *target* once, and shows frame after frame in them. Everything here
 * may be refused, and nothing is lost then: every frame has its pixels too, equal to the byte.
 *
 *     if (!target && fit_gl_is_offered(frame))
 *         fit_gl_attach(&target, frame, texture, &error);
 *     if (target && fit_gl_can_show(target, frame))
 *         shown = fit_gl_show(target, frame, &error);
 *     if (!shown)
 *         upload(fit_frame_pixels(frame));
 *
 * Frames are kept on the device from the first target on, and some only: not the last of a run, not
 * the velocity, and none while many are held by the program. So the frame that a target is attached
 * for is never shown in it, and can_show is asked for each.
 *
 * Threads: all of it on the thread whose current GL context has the textures. Nothing waits for
 * the device but fit_gl_detach.
 */
#ifndef FIT_FIT_GL_H
#define FIT_FIT_GL_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fit_gl_target;

/* Whether the frame's device can write textures at all; those of one context may be refused. */
FIT_API bool fit_gl_is_offered(const struct fit_frame *frame);

/* Makes a texture a target for frames of the same engine and size as `like`. The texture is a
 * GL_TEXTURE_2D with GL_RGBA8 storage of that size, and keeps its storage until it is detached.
 * The target holds a reference to the engine. Fails with FIT_ERROR_DEVICE when the context is of
 * another card or of a kind that cannot share: the same context will refuse again. */
FIT_API bool fit_gl_attach(struct fit_gl_target **out, const struct fit_frame *like,
                           unsigned texture, struct fit_error *error);

/* Whether the frame is of the target's engine and size. */
FIT_API bool fit_gl_fits(const struct fit_gl_target *target, const struct fit_frame *frame);

/* Whether this frame can be shown in this target now: it fits, lies on the device,
 * was not shown before, and what the target showed last has arrived. */
FIT_API bool fit_gl_can_show(struct fit_gl_target *target, const struct fit_frame *frame);

/* The texture becomes the frame, row 0 first, for the GL commands that follow; the frame's copy on
 * the device is given up. Nothing may be drawing from the texture. Fails with FIT_ERROR_DEVICE:
 * the texture is then of no use, and the frame's pixels are as good as before. */
FIT_API bool fit_gl_show(struct fit_gl_target *target, struct fit_frame *frame,
                         struct fit_error *error);

/* Lets go of the texture, which stays the caller's; before the texture is deleted. A lost context
 * is no error. *blocks* until a copy under way has ended. NULL is fine. */
FIT_API void fit_gl_detach(struct fit_gl_target **target);

#ifdef __cplusplus
}
#endif

#endif
