/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and models in and out of the window. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#include "limn-export.h"

static void
toast (LimnWindow *self, const char *title, const char *button, const char *action)
{
  g_autofree char *markup = g_markup_escape_text (title, -1);
  AdwToast *message = adw_toast_new (markup);

  if (button)
    {
      adw_toast_set_button_label (message, button);
      adw_toast_set_action_name (message, action);
    }
  adw_toast_overlay_add_toast (self->toasts, message);
}

void
limn_window_toast (LimnWindow *self, const char *title)
{
  toast (self, title, NULL, NULL);
}

/* ---- out ---- */

static GtkFileFilter *
png_filter (void)
{
  GtkFileFilter *filter = gtk_file_filter_new ();

  gtk_file_filter_set_name (filter, _ ("PNG pictures"));
  gtk_file_filter_add_mime_type (filter, "image/png");
  return filter;
}

static void
remember_folder (LimnWindow *self, GFile *file)
{
  g_autoptr (GFile) folder = g_file_get_parent (file);
  g_autofree char *uri = folder ? g_file_get_uri (folder) : NULL;

  if (uri)
    g_settings_set_string (self->memory, "export-folder", uri);
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) file = limn_export_write_finish (result, &error);
  g_autofree char *name = NULL, *title = NULL;

  (void) source;
  if (!file)
    {
      limn_window_show_trouble (self, error->message, TRUE);
      return;
    }
  limn_window_hide_trouble (self);
  g_set_object (&self->saved, file);
  remember_folder (self, file);
  name = g_file_get_basename (file);
  title = g_strdup_printf (_ ("Saved as “%s”"), name);
  toast (self, title, _ ("Show in Files"), "win.show-in-files");
}

void
limn_window_save_to (LimnWindow *self, GFile *file)
{
  struct fit_frame *frame = self->run ? limn_run_dup_frame (self->run) : NULL;

  if (!frame)
    return;
  limn_export_write_async (frame, file, written_cb, g_object_ref (self));
  fit_frame_unref (&frame);
}

static void
save_response_cb (LimnWindow *self, int response, GtkNativeDialog *dialog)
{
  g_autoptr (GFile) file = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      limn_window_save_to (self, file);
    }
  g_object_unref (dialog);
}

static void
proposed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GFile) file = limn_export_propose_finish (result, NULL);
  g_autoptr (GFile) folder = g_file_get_parent (file);
  g_autoptr (GtkFileFilter) filter = png_filter ();
  g_autofree char *name = g_file_get_basename (file);
  GtkFileChooserNative *dialog = gtk_file_chooser_native_new (
      _ ("Save Picture"), GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), NULL);

  (void) source;
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), filter);
  gtk_file_chooser_set_current_folder (GTK_FILE_CHOOSER (dialog), folder, NULL);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), name);
  g_signal_connect_object (dialog, "response", G_CALLBACK (save_response_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

void
limn_window_save (LimnWindow *self)
{
  const struct fit_generate_params *params;
  g_autofree char *uri = g_settings_get_string (self->memory, "export-folder");
  g_autofree char *folder = *uri ? g_filename_from_uri (uri, NULL, NULL) : NULL;

  if (!self->run)
    return;
  params = limn_run_get_params (self->run);
  limn_export_propose_async (folder ? folder : "",
                             limn_session_get_class_name (self->session, params->class_id),
                             params->seed, proposed_cb, g_object_ref (self));
}

static void
sheet_response_cb (LimnWindow *self, int response, GtkNativeDialog *dialog)
{
  g_autoptr (GFile) file = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
  g_object_unref (dialog);
  path = file ? g_file_get_path (file) : NULL;
  if (!path)
    return;
  if (!limn_compare_view_export (self->comparison, path, &error))
    {
      limn_window_show_trouble (self, error->message, FALSE);
      return;
    }
  g_set_object (&self->saved, file);
  toast (self, _ ("Sheet saved"), _ ("Show in Files"), "win.show-in-files");
}

void
limn_window_export_sheet (LimnWindow *self)
{
  GtkFileChooserNative *dialog = gtk_file_chooser_native_new (
      _ ("Export Sheet"), GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), "comparison.png");
  g_signal_connect_object (dialog, "response", G_CALLBACK (sheet_response_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

void
limn_window_show_saved (LimnWindow *self)
{
  if (self->saved)
    limn_export_show_in_files (self->saved, GTK_WINDOW (self));
}

/* The line that paints the picture on show, or the next one, byte for byte. */
void
limn_window_copy_command (LimnWindow *self)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  struct fit_generate_params params;
  g_autofree char *command = NULL;

  if (!info)
    return;
  if (self->run)
    params = *limn_run_get_params (self->run);
  else
    limn_settings_to_params (self->settings, &params);
  command = limn_export_dup_command (&params, info);
  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), command);
  toast (self, _ ("Command copied"), NULL, NULL);
}

/* ---- in ---- */

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  struct fit_settings settings;

  (void) source;
  if (!limn_export_read_finish (result, &settings, &error))
    {
      limn_window_show_trouble (self, error->message, FALSE);
      return;
    }
  limn_window_hide_trouble (self);
  limn_undo_close_step (self->undo);
  limn_settings_apply_params (self->settings, &settings.params);
  limn_undo_close_step (self->undo);
  toast (self,
         limn_settings_can_hold (self->settings, &settings.params) && settings.n_origins == 0
             ? _ ("Settings restored from the picture")
             : _ ("Settings restored, but for some that only the command line has"),
         _ ("Undo"), "win.undo");
}

void
limn_window_open (LimnWindow *self, GFile *file)
{
  g_autofree char *model = NULL;
  gboolean is_folder
      = g_file_query_file_type (file, G_FILE_QUERY_INFO_NONE, NULL) == G_FILE_TYPE_DIRECTORY;

  g_return_if_fail (LIMN_IS_WINDOW (self));

  model = limn_import_dup_model (file);
  if (model && (is_folder || limn_import_is_weights (file)))
    limn_session_load (self->session, model);
  else if (is_folder || limn_import_is_weights (file))
    limn_window_import (self, file);
  else
    limn_export_read_async (file, read_cb, g_object_ref (self));
}

static void
open_response_cb (LimnWindow *self, int response, GtkNativeDialog *dialog)
{
  g_autoptr (GFile) file = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      limn_window_open (self, file);
    }
  g_object_unref (dialog);
}

static void
verify_response_cb (LimnWindow *self, int response, GtkNativeDialog *dialog)
{
  g_autoptr (GFile) file = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      limn_window_verify (self, file);
    }
  g_object_unref (dialog);
}

static void
choose (LimnWindow *self, const char *title, GtkFileChooserAction action, GtkFileFilter *filter,
        GCallback response)
{
  GtkFileChooserNative *dialog
      = gtk_file_chooser_native_new (title, GTK_WINDOW (self), action, _ ("_Open"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  if (filter)
    gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), filter);
  g_signal_connect_object (dialog, "response", response, self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

void
limn_window_choose_picture (LimnWindow *self)
{
  g_autoptr (GtkFileFilter) filter = png_filter ();

  choose (self, _ ("Restore Settings from a Picture"), GTK_FILE_CHOOSER_ACTION_OPEN, filter,
          G_CALLBACK (open_response_cb));
}

void
limn_window_choose_to_verify (LimnWindow *self)
{
  g_autoptr (GtkFileFilter) filter = png_filter ();

  choose (self, _ ("Verify a Picture"), GTK_FILE_CHOOSER_ACTION_OPEN, filter,
          G_CALLBACK (verify_response_cb));
}

void
limn_window_choose_model (LimnWindow *self)
{
  choose (self, _ ("Choose a Model Folder"), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, NULL,
          G_CALLBACK (open_response_cb));
}

static gboolean
drop_cb (LimnWindow *self, const GValue *value)
{
  GSList *files = g_value_get_boxed (value);

  if (!files)
    return FALSE;
  limn_window_open (self, files->data);
  return TRUE;
}

void
limn_window_add_drop_target (LimnWindow *self)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self->toasts), GTK_EVENT_CONTROLLER (target));
}
