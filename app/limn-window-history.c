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

void
limn_window_show_earlier (LimnWindow *self, GFile *file)
{
  gtk_menu_button_popdown (self->history_button);
  if (limn_window_is_comparing (self))
    limn_window_leave_compare (self);
  limn_window_restore (self, file);
  g_set_object (&self->chosen, file);
  limn_export_load_async (file, NULL, texture_cb, g_object_ref (self));
}

void
limn_window_toggle_history (LimnWindow *self)
{
  if (gtk_widget_get_mapped (GTK_WIDGET (self->history_view)))
    gtk_menu_button_popdown (self->history_button);
  else
    gtk_menu_button_popup (self->history_button);
}

/* ---- throwing away: the files go when the offer to undo has gone ---- */

static void
toast_dismissed_cb (LimnHistory *history, AdwToast *toast)
{
  GListModel *files = g_object_get_data (G_OBJECT (toast), "files");

  for (guint i = 0; files && i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);

      limn_history_discard (history, file);
    }
  g_object_set_data (G_OBJECT (toast), "files", NULL);
}

/* Several offers may wait for their turn; each is about its own pictures. */
static void
have_back_cb (LimnHistory *history, AdwToast *toast)
{
  limn_history_show_all (history, g_object_get_data (G_OBJECT (toast), "files"));
  g_object_set_data (G_OBJECT (toast), "files", NULL);
}

AdwToast *
limn_window_discard (LimnWindow *self, GListModel *files)
{
  guint n = g_list_model_get_n_items (files);
  g_autofree char *title = g_strdup_printf (
      ngettext ("Picture thrown away", "%u pictures thrown away", n), n);
  AdwToast *toast = adw_toast_new (title);
  GObject *object = G_OBJECT (toast);

  limn_history_hide_all (self->history, files);
  adw_toast_set_button_label (toast, _ ("Undo"));
  g_object_set_data_full (object, "files", g_object_ref (files), g_object_unref);
  /* A window that closes dismisses its toasts after it has let go of the history. */
  g_object_set_data_full (object, "history", g_object_ref (self->history), g_object_unref);
  g_signal_connect_swapped (toast, "button-clicked", G_CALLBACK (have_back_cb), self->history);
  g_signal_connect_swapped (toast, "dismissed", G_CALLBACK (toast_dismissed_cb), self->history);
  g_set_weak_pointer (&self->discarding, toast);
  limn_window_refresh_actions (self);
  limn_window_add_toast (self, toast);
  return toast;
}

gboolean
limn_window_undo_discard (LimnWindow *self)
{
  AdwToast *toast = self->discarding;

  g_clear_weak_pointer (&self->discarding);
  if (!toast || !g_object_get_data (G_OBJECT (toast), "files"))
    return FALSE;
  have_back_cb (self->history, toast);
  adw_toast_dismiss (toast);
  return TRUE;
}

/* ---- saving several ---- */

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) last = NULL;
  guint n = limn_export_copy_finish (result, &last, &error);

  (void) source;
  if (error)
    limn_window_show_trouble (self, error->message, FALSE);
  if (n > 0)
    limn_window_tell_saved (self, last, n);
}

static void
folder_response_cb (LimnWindow *self, int response, GtkFileChooser *dialog)
{
  g_autoptr (GFile) folder = gtk_file_chooser_get_file (dialog);

  if (response == GTK_RESPONSE_ACCEPT && folder)
    limn_window_save_pictures_to (self, g_object_get_data (G_OBJECT (dialog), "files"), folder);
  g_object_unref (dialog);
}

void
limn_window_save_pictures_to (LimnWindow *self, GListModel *files, GFile *folder)
{
  limn_export_copy_async (files, folder, copied_cb, g_object_ref (self));
}

static void
wanted_elsewhere_cb (LimnWindow *self, GListModel *files)
{
  GtkFileChooserNative *dialog = gtk_file_chooser_native_new (
      _ ("Save to a Folder"), GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
      _ ("_Save"), NULL);
  g_autofree char *uri = g_settings_get_string (self->memory, "export-folder");
  g_autoptr (GFile) folder = *uri ? g_file_new_for_uri (uri) : NULL;

  gtk_menu_button_popdown (self->history_button);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  if (folder)
    gtk_file_chooser_set_current_folder (GTK_FILE_CHOOSER (dialog), folder, NULL);
  g_object_set_data_full (G_OBJECT (dialog), "files", g_object_ref (files), g_object_unref);
  g_signal_connect_object (dialog, "response", G_CALLBACK (folder_response_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

static void
failed_cb (LimnWindow *self, const char *sentence)
{
  limn_window_show_trouble (self, sentence, FALSE);
}

static void
limit_changed_cb (LimnWindow *self)
{
  int megabytes = g_settings_get_int (self->memory, "history-megabytes");

  limn_history_set_limit (self->history, (guint64) megabytes * 1000000);
}

static void
trimmed_cb (LimnWindow *self, guint n)
{
  g_autofree char *title = g_strdup_printf (
      ngettext ("To save space, %u old picture went to the wastebasket",
                "To save space, %u old pictures went to the wastebasket", n),
      n);

  limn_window_toast (self, title);
}

void
limn_window_set_up_history (LimnWindow *self)
{
  self->history = limn_history_new (NULL);
  limit_changed_cb (self);
  g_signal_connect_object (self->memory, "changed::history-megabytes",
                           G_CALLBACK (limit_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history, "trimmed", G_CALLBACK (trimmed_cb), self,
                           G_CONNECT_SWAPPED);
  limn_history_view_set_history (self->history_view, self->history, self->memory);
  g_signal_connect_object (self->history, "failed", G_CALLBACK (failed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history_view, "chosen", G_CALLBACK (limn_window_show_earlier),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history_view, "compared", G_CALLBACK (limn_window_compare_kept),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history_view, "wanted-elsewhere",
                           G_CALLBACK (wanted_elsewhere_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->history_view, "unwanted", G_CALLBACK (limn_window_discard), self,
                           G_CONNECT_SWAPPED);
}
