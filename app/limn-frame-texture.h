/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-frame-texture.h - the engine's frames as textures of GDK.
 *
 * Where the window is drawn by OpenGL on the card that computes, a frame is copied into one of
 * three textures there (fit-gl.h); what stays, and everything anywhere else, are the frame's pixels
 * in memory. Both are the same bytes, and nothing is ever waited for. Main thread only.
 */
#pragma once

#include <fit/fit.h>
#include <gsk/gsk.h>

G_BEGIN_DECLS

/* The renderer that will draw the textures; NULL when it goes. Only that of OpenGL gains by
 * textures on the card: others would fetch them back. */
void limn_frame_texture_set_renderer (GskRenderer *renderer);

/* The frame's picture. It keeps the frame. */
GdkTexture *limn_frame_texture_new (struct fit_frame *frame);

/* The same picture in memory, where it costs nothing to read and keeps no texture of the card from
 * being used again. Transfer full. */
GdkTexture *limn_frame_texture_dup_in_memory (GdkTexture *texture);

G_END_DECLS
