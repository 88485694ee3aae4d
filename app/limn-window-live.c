/* SPDX-License-Identifier: Apache-2.0 */
/* The shape that is being changed, and the quick pictures that follow it. */
#include "limn-window-private.h"

/* A run that somebody paused is not stopped for it. */
static gboolean
can_follow (LimnWindow *self)
{
  return g_settings_get_boolean (self->memory, "live") && !limn_window_is_comparing (self) &&
         !limn_window_is_paused (self) && limn_session_get_info (self->session);
}

/* The first change of the size, not the grip alone: a click on a handle changes nothing. */
static void
size_changed_cb (LimnWindow *self)
{
  if (!limn_canvas_is_shaping (self->canvas) || limn_live_is_following (self->live) ||
      !can_follow (self))
    return;
  if (self->run)
    limn_run_stop (self->run);
  limn_live_begin (self->live);
}

static void
shaping_cb (LimnWindow *self)
{
  if (limn_canvas_is_shaping (self->canvas) || !limn_live_is_following (self->live))
    return;
  limn_live_end (self->live);
  if (limn_window_would_repeat (self))
    limn_canvas_set_live (self->canvas, NULL);
  else
    limn_window_generate_soon (self);
}

static void
texture_cb (LimnWindow *self)
{
  limn_canvas_set_live (self->canvas, limn_live_get_texture (self->live));
  limn_window_put_off_rest (self);
}

void
limn_window_set_up_live (LimnWindow *self)
{
  self->live = limn_live_new (self->session, self->settings);
  g_signal_connect_object (self->live, "notify::texture", G_CALLBACK (texture_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->settings, "notify::width", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->settings, "notify::height", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->canvas, "notify::shaping", G_CALLBACK (shaping_cb), self,
                           G_CONNECT_SWAPPED);
}
