/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that were painted before, and the way back to them. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#include "limn-export.h"

/* Every picture that was painted to its end, if people want that. */
void
limn_window_remember_picture (LimnWindow *self)
{
  struct fit_frame *frame = limn_run_dup_end (self->run);

  if (frame && g_settings_get_boolean (self->memory, "keep-history"))
    limn_history_add (self->history, frame);
  fit_frame_unref (&frame);
}

static void
texture_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GdkTexture) texture = limn_export_load_finish (result);

  (void) source;
  if (texture && !limn_window_is_busy (self))
    {
      limn_window_set_run (self, NULL);
      limn_canvas_show_still (self->canvas, texture);
    }
}

/* The picture at once, and its settings. */
static void
chosen_cb (LimnWindow *self, GFile *file)
{
  gtk_menu_button_popdown (self->history_button);
  if (limn_window_is_comparing (self))
    limn_window_leave_compare (self);
  limn_window_open (self, file);
  limn_export_load_async (file, NULL, texture_cb, g_object_ref (self));
}

/* ---- throwing away: the file goes when the offer to undo has gone ---- */

static void
toast_dismissed_cb (LimnWindow *self, AdwToast *toast)
{
  GFile *file = g_object_get_data (G_OBJECT (toast), "file");

  if (file)
    limn_history_discard (self->history, file);
  if (self->discarded == toast)
    self->discarded = NULL;
}

void
limn_window_undo_discard (LimnWindow *self)
{
  GFile *file = self->discarded ? g_object_get_data (G_OBJECT (self->discarded), "file") : NULL;

  if (!file)
    return;
  limn_history_show (self->history, file);
  g_object_set_data (G_OBJECT (self->discarded), "file", NULL);
  adw_toast_dismiss (self->discarded);
}

static void
unwanted_cb (LimnWindow *self, GFile *file)
{
  AdwToast *toast = adw_toast_new (_ ("Picture thrown away"));

  limn_history_hide (self->history, file);
  g_object_set_data_full (G_OBJECT (toast), "file", g_object_ref (file), g_object_unref);
  adw_toast_set_button_label (toast, _ ("Undo"));
  adw_toast_set_action_name (toast, "win.undo-discard");
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (toast_dismissed_cb), self,
                           G_CONNECT_SWAPPED);
  self->discarded = toast;
  adw_toast_overlay_add_toast (self->toasts, toast);
}

static void
failed_cb (LimnWindow *self, const char *sentence)
{
  limn_window_show_trouble (self, sentence, FALSE);
}

void
limn_window_set_up_history (LimnWindow *self)
{
  self->history = limn_history_new (NULL);
  limn_history_view_set_history (self->history_view, self->history);
  g_signal_connect_object (self->history, "failed", G_CALLBACK (failed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history_view, "chosen", G_CALLBACK (chosen_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history_view, "unwanted", G_CALLBACK (unwanted_cb), self,
                           G_CONNECT_SWAPPED);
}
