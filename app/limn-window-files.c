/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and models in and out of the window. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#include "limn-export.h"

void
limn_window_add_toast (LimnWindow *self, AdwToast *toast)
{
  if (limn_window_is_comparing (self))
    limn_compare_view_add_toast (self->comparison, toast);
  else
    adw_toast_overlay_add_toast (self->toasts, toast);
}

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
  limn_window_add_toast (self, message);
}

void
limn_window_toast (LimnWindow *self, const char *title)
{
  toast (self, title, NULL, NULL);
}

void
limn_window_offer_undo (LimnWindow *self, const char *title)
{
  toast (self, title, _ ("Undo"), "win.undo");
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

void
limn_window_tell_saved (LimnWindow *self, GFile *file, guint n)
{
  g_autofree char *name = g_file_get_basename (file);
  g_autofree char *title = n == 1
                               ? g_strdup_printf (_ ("Saved as “%s”"), name)
                               : g_strdup_printf (ngettext ("%u picture saved",
                                                            "%u pictures saved", n),
                                                  n);

  limn_window_hide_trouble (self);
  g_set_object (&self->saved, file);
  remember_folder (self, file);
  toast (self, title, _ ("Show in Files"), "win.show-in-files");
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) file = limn_export_write_finish (result, &error);

  (void) source;
  if (file)
    limn_window_tell_saved (self, file, 1);
  else
    limn_window_show_trouble (self, error->message, TRUE);
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  GFile *to = g_task_get_task_data (G_TASK (result));

  (void) source;
  if (g_task_propagate_boolean (G_TASK (result), &error))
    limn_window_tell_saved (self, to, 1);
  else
    limn_window_show_trouble (self, error->message, TRUE);
}

static void
copy_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (g_file_copy (G_FILE (source), G_FILE (data), G_FILE_COPY_OVERWRITE, cancellable, NULL, NULL,
                   &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* An earlier picture is saved again as it is. */
static void
save_chosen_to (LimnWindow *self, GFile *file)
{
  g_autoptr (GTask) task = g_task_new (self->chosen, NULL, copied_cb, g_object_ref (self));

  g_task_set_source_tag (task, save_chosen_to);
  g_task_set_task_data (task, g_object_ref (file), g_object_unref);
  g_task_run_in_thread (task, copy_thread);
}

void
limn_window_save_to (LimnWindow *self, GFile *file)
{
  struct fit_frame *frame = self->run ? limn_run_dup_frame (self->run) : NULL;

  if (!self->run && self->chosen)
    save_chosen_to (self, file);
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
  struct fit_generate_params params;
  g_autofree char *uri = g_settings_get_string (self->memory, "export-folder");
  g_autofree char *folder = *uri ? g_filename_from_uri (uri, NULL, NULL) : NULL;

  if (self->run)
    params = *limn_run_get_params (self->run);
  else
    limn_settings_to_params (self->settings, &params);
  limn_export_propose_async (folder ? folder : "",
                             limn_session_get_class_name (self->session, params.class_id),
                             params.seed, proposed_cb, g_object_ref (self));
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

/* ---- in ---- */

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
  gtk_widget_add_controller (self->content, GTK_EVENT_CONTROLLER (target));
}
