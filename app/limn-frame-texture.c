/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-frame-texture.h"

#include <epoxy/gl.h>
#include <fit/fit-gl.h>
#include <gsk/gl/gskglrenderer.h>

#define FRAME_KEY "limn-frame"

/* One is drawn, one was drawn and is being let go, one is being filled. */
#define N_SLOTS 3

typedef struct
{
  GdkGLContext *context; /* owned */
  guint texture;
  struct fit_gl_target *target; /* NULL until the texture is accepted */
  gboolean used;                /* by a GdkTexture that is still alive */
  gboolean left;                /* nobody waits for it to become free */
} Slot;

static struct
{
  gboolean drawn_by_gl;
  gboolean refused; /* as long as the window is there: it would be again */
  GdkGLContext *context;
  Slot *slots[N_SLOTS];
} ring;

/* ---- in memory ---- */

static void
release_frame (gpointer data)
{
  struct fit_frame *frame = data;

  fit_frame_unref (&frame);
}

/* The texture borrows the frame's pixels, so nothing is copied. */
static GdkTexture *
new_in_memory (struct fit_frame *frame)
{
  int width = fit_frame_width (frame), height = fit_frame_height (frame);
  gsize stride = 4 * (gsize) width;
  g_autoptr (GBytes) bytes = g_bytes_new_with_free_func (
      fit_frame_pixels (frame), stride * (gsize) height, release_frame, fit_frame_ref (frame));

  return gdk_memory_texture_new (width, height, GDK_MEMORY_R8G8B8A8, bytes, stride);
}

GdkTexture *
limn_frame_texture_dup_in_memory (GdkTexture *texture)
{
  struct fit_frame *frame = g_object_get_data (G_OBJECT (texture), FRAME_KEY);

  return frame ? new_in_memory (frame) : g_object_ref (texture);
}

/* ---- on the card ---- */

/* Makes a context current and returns the one before, a reference. */
static GdkGLContext *
enter (GdkGLContext *context)
{
  GdkGLContext *before = gdk_gl_context_get_current ();

  if (before)
    g_object_ref (before);
  gdk_gl_context_make_current (context);
  return before;
}

static void
leave (GdkGLContext *before)
{
  if (before)
    gdk_gl_context_make_current (before);
  else
    gdk_gl_context_clear_current ();
  g_clear_object (&before);
}

static void
slot_free (Slot *slot)
{
  GdkGLContext *before = enter (slot->context);

  fit_gl_detach (&slot->target);
  glDeleteTextures (1, &slot->texture);
  leave (before);
  g_object_unref (slot->context);
  g_free (slot);
}

static void
slot_released (gpointer data)
{
  Slot *slot = data;

  slot->used = FALSE;
  if (slot->left)
    slot_free (slot);
}

static void
leave_slot (Slot **place)
{
  Slot *slot = *place;

  *place = NULL;
  if (!slot)
    return;
  slot->left = TRUE;
  if (!slot->used)
    slot_free (slot);
}

static void
leave_ring (void)
{
  for (int i = 0; i < N_SLOTS; i++)
    leave_slot (&ring.slots[i]);
  g_clear_object (&ring.context);
}

static void
refuse (const char *sentence)
{
  g_debug ("pictures are uploaded: %s", sentence);
  ring.refused = TRUE;
  leave_ring ();
}

/* Contexts of one display share their textures, so that any window can draw them. */
static gboolean
ensure_context (void)
{
  g_autoptr (GError) error = NULL;

  if (ring.context)
    return TRUE;
  ring.context = gdk_display_create_gl_context (gdk_display_get_default (), &error);
  if (ring.context && gdk_gl_context_realize (ring.context, &error))
    return TRUE;
  refuse (error->message);
  return FALSE;
}

/* The context is current. GDK draws a texture as it is set up here. */
static guint
new_texture (int width, int height)
{
  guint texture;

  glGenTextures (1, &texture);
  glBindTexture (GL_TEXTURE_2D, texture);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
  glTexImage2D (GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
  glBindTexture (GL_TEXTURE_2D, 0);
  return texture;
}

static Slot *
slot_new (struct fit_frame *frame, struct fit_error *error)
{
  Slot *slot = g_new0 (Slot, 1);

  slot->context = g_object_ref (ring.context);
  slot->texture = new_texture (fit_frame_width (frame), fit_frame_height (frame));
  if (fit_gl_attach (&slot->target, frame, slot->texture, error))
    return slot;
  slot_free (slot);
  return NULL;
}

/* A slot for this frame that nobody draws, or NULL. One more is made when there is none, which the
 * frames after this one find. */
static Slot *
find_slot (struct fit_frame *frame, struct fit_error *error)
{
  for (int i = 0; i < N_SLOTS; i++)
    {
      Slot *slot = ring.slots[i];

      if (slot && !slot->used && fit_gl_can_show (slot->target, frame))
        return slot;
    }
  for (int i = 0; i < N_SLOTS; i++)
    {
      Slot *slot = ring.slots[i];

      if (slot && (slot->used || fit_gl_fits (slot->target, frame)))
        continue;
      leave_slot (&ring.slots[i]);
      ring.slots[i] = slot_new (frame, error);
      slot = ring.slots[i];
      return slot && fit_gl_can_show (slot->target, frame) ? slot : NULL;
    }
  return NULL;
}

/* The context is current. NULL where the frame has to be uploaded. */
static GdkTexture *
show_in_slot (struct fit_frame *frame)
{
  struct fit_error error = { 0 };
  Slot *slot = find_slot (frame, &error);

  if (slot && fit_gl_show (slot->target, frame, &error))
    {
      glFlush (); /* the window's own context reads what is queued here */
      slot->used = TRUE;
      return gdk_gl_texture_new (slot->context, slot->texture, fit_frame_width (frame),
                                 fit_frame_height (frame), slot_released, slot);
    }
  if (error.status != FIT_OK)
    refuse (error.message);
  return NULL;
}

static GdkTexture *
new_on_card (struct fit_frame *frame)
{
  g_autoptr (GdkGLContext) context = NULL;
  GdkGLContext *before;
  GdkTexture *texture;

  if (!ensure_context ())
    return NULL;
  context = g_object_ref (ring.context);
  before = enter (context);
  texture = show_in_slot (frame);
  leave (before);
  if (texture)
    g_object_set_data_full (G_OBJECT (texture), FRAME_KEY, fit_frame_ref (frame), release_frame);
  return texture;
}

/* The last picture stays, and would keep a texture for as long. */
static gboolean
is_for_card (struct fit_frame *frame)
{
  return ring.drawn_by_gl && !ring.refused && !fit_frame_is_final (frame) &&
         fit_frame_view (frame) != FIT_VIEW_VELOCITY && fit_gl_is_offered (frame);
}

GdkTexture *
limn_frame_texture_new (struct fit_frame *frame)
{
  GdkTexture *texture = is_for_card (frame) ? new_on_card (frame) : NULL;

  return texture ? texture : new_in_memory (frame);
}

void
limn_frame_texture_set_renderer (GskRenderer *renderer)
{
  ring.drawn_by_gl = renderer && GSK_IS_GL_RENDERER (renderer);
  if (renderer)
    return;
  leave_ring ();
  ring.refused = FALSE;
}
