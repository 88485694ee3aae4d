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
  /* Somebody may have chosen another one, or begun to paint. */
  if (texture && g_task_get_task_data (G_TASK (result)) == self->chosen &&
      !limn_window_is_busy (self))
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
  limn_window_restore (self, file);
  g_set_object (&self->chosen, file);
  limn_export_load_async (file, NULL, texture_cb, g_object_ref (self));
}

/* ---- throwing away: the file goes when the offer to undo has gone ---- */

static void
toast_dismissed_cb (LimnHistory *history, AdwToast *toast)
{
  GFile *file = g_object_get_data (G_OBJECT (toast), "file");

  if (file)
    limn_history_discard (history, file);
  g_object_set_data (G_OBJECT (toast), "file", NULL);
}

/* Several offers may wait for their turn; each is about its own picture. */
static void
have_back_cb (LimnHistory *history, AdwToast *toast)
{
  limn_history_show (history, g_object_get_data (G_OBJECT (toast), "file"));
  g_object_set_data (G_OBJECT (toast), "file", NULL);
}

AdwToast *
limn_window_discard (LimnWindow *self, GFile *file)
{
  AdwToast *toast = adw_toast_new (_ ("Picture thrown away"));
  GObject *object = G_OBJECT (toast);

  limn_history_hide (self->history, file);
  adw_toast_set_button_label (toast, _ ("Undo"));
  g_object_set_data_full (object, "file", g_object_ref (file), g_object_unref);
  /* A window that closes dismisses its toasts after it has let go of the history. */
  g_object_set_data_full (object, "history", g_object_ref (self->history), g_object_unref);
  g_signal_connect_swapped (toast, "button-clicked", G_CALLBACK (have_back_cb), self->history);
  g_signal_connect_swapped (toast, "dismissed", G_CALLBACK (toast_dismissed_cb), self->history);
  g_set_weak_pointer (&self->discarding, toast);
  limn_window_refresh_actions (self);
  adw_toast_overlay_add_toast (self->toasts, toast);
  return toast;
}

gboolean
limn_window_undo_discard (LimnWindow *self)
{
  AdwToast *toast = self->discarding;

  g_clear_weak_pointer (&self->discarding);
  if (!toast || !g_object_get_data (G_OBJECT (toast), "file"))
    return FALSE;
  have_back_cb (self->history, toast);
  adw_toast_dismiss (toast);
  return TRUE;
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
  g_signal_connect_object (self->history_view, "unwanted", G_CALLBACK (limn_window_discard), self,
                           G_CONNECT_SWAPPED);
}
