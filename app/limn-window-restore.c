/* SPDX-License-Identifier: Apache-2.0 */
/* Settings out of pictures: of this program and of others, opened, dropped or pasted. */
#include "limn-window-private.h"

#include <glib/gi18n.h>
#include <string.h>

#include "limn-export.h"
#include "limn-import.h"
#include "limn-restore-sheet.h"

#define MOST_PASTED_BYTES (64 << 20)

/* ---- at once, for pictures of the history ---- */

static void
restored_cb (GObject *source, GAsyncResult *result, gpointer data)
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
  self->chosen_is_branch = settings.n_origins > 0;
  limn_undo_close_step (self->undo);
  limn_settings_apply_params (self->settings, &settings.params);
  limn_undo_close_step (self->undo);
  limn_window_refresh_actions (self);
  if (!limn_settings_can_hold (self->settings, &settings.params))
    limn_window_offer_undo (self,
                            _ ("Settings restored, but for some that only the command line has"));
  else
    limn_window_offer_undo (self, settings.n_origins == 0
                                      ? _ ("Settings restored from the picture")
                                      : _ ("Settings restored, but not those of the run that the "
                                           "picture goes on from"));
}

void
limn_window_restore (LimnWindow *self, GFile *file)
{
  limn_export_read_async (file, restored_cb, g_object_ref (self));
}

/* ---- after a look at them ---- */

typedef struct
{
  LimnWindow *window; /* a reference */
  GFile *file;
  char *reason; /* why it is no picture of this program, or NULL */
} Opened;

static Opened *
opened_new (LimnWindow *window, GFile *file)
{
  Opened *opened = g_new0 (Opened, 1);

  opened->window = g_object_ref (window);
  opened->file = g_object_ref (file);
  return opened;
}

static void
opened_free (Opened *opened)
{
  g_object_unref (opened->window);
  g_object_unref (opened->file);
  g_free (opened->reason);
  g_free (opened);
}

static void
chosen_cb (LimnRestoreSheet *sheet, int choice, Opened *opened)
{
  LimnWindow *self = opened->window;

  (void) sheet;
  limn_undo_close_step (self->undo);
  if (choice == LIMN_RESTORE_VERIFY)
    limn_window_verify (self, opened->file);
  else if (choice == LIMN_RESTORE_GENERATE)
    {
      if (limn_window_is_comparing (self))
        limn_window_leave_compare (self);
      limn_window_generate_as_set (self);
    }
  else
    limn_window_offer_undo (self, _ ("Settings restored from the picture"));
}

static void
free_opened_cb (gpointer data, GClosure *closure)
{
  (void) closure;
  opened_free (data);
}

static void
show_sheet (Opened *opened, LimnRestore *restore)
{
  LimnWindow *self = opened->window;
  LimnRestoreSheet *sheet;

  limn_window_hide_trouble (self);
  limn_undo_close_step (self->undo);
  sheet = limn_restore_sheet_new (GTK_WINDOW (self), self->session, self->settings, restore);
  g_signal_connect_data (sheet, "chosen", G_CALLBACK (chosen_cb), opened, free_opened_cb, 0);
  gtk_window_present (GTK_WINDOW (sheet));
}

/* What of a picture's making is not in the settings here. */
static char *
dup_notes (LimnWindow *self, const struct fit_settings *settings)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  g_autofree char *device = limn_session_dup_device (self->session);
  GString *notes = g_string_new (NULL);

  if (!g_str_equal (settings->model_name, info->name))
    g_string_append_printf (notes, _ ("It was painted by the model “%s”; this is “%s”."),
                            settings->model_name, info->name);
  else if (settings->checkpoint_step >= 0 && !g_str_equal (settings->model_hash, info->sha256))
    {
      char step[24]; /* translations know no macros */

      g_snprintf (step, sizeof step, "%" G_GINT64_FORMAT, settings->checkpoint_step);
      /* Translators: a step of the training that the model comes from */
      g_string_append_printf (notes, _ ("It was painted by step %s of this model’s training."),
                              step);
    }
  if (settings->n_origins > 0)
    g_string_append_printf (notes, "%s%s", notes->len ? "\n" : "",
                            _ ("It goes on from another run, whose settings are not among these."));
  if (!g_str_has_prefix (device, settings->backend))
    {
      g_autofree char *backend = g_strdup_printf (
          _ ("It was painted on “%s”, which may round differently."), settings->backend);

      g_string_append_printf (notes, "%s%s", notes->len ? "\n" : "", backend);
    }
  return g_string_free (notes, FALSE);
}

static void
show_own (Opened *opened, const struct fit_settings *settings)
{
  g_autofree char *notes = dup_notes (opened->window, settings);
  LimnRestore restore = {
    .params = settings->params,
    .said = LIMN_RESTORE_ALL,
    .can_verify = settings->n_origins == 0,
    .notes = notes,
  };

  show_sheet (opened, &restore);
}

/* The engine's sentences begin with the file, which is named already. */
static const char *
after_path (const char *reason, const char *path)
{
  gsize n = path ? strlen (path) : 0;

  return n && strncmp (reason, path, n) == 0 && g_str_has_prefix (reason + n, ": ")
             ? reason + n + strlen (": ")
             : reason;
}

static void
show_foreign (Opened *opened, const struct fit_foreign_settings *foreign)
{
  g_autofree char *ignored = *foreign->ignored
                                 /* Translators: names of settings in another program's picture */
                                 ? g_strdup_printf (_ ("Not used: %s."), foreign->ignored)
                                 : g_strdup ("");
  const char *why = foreign->has_own
                        ? after_path (opened->reason, g_file_peek_path (opened->file))
                        : _ ("Here the settings of other programs give another picture.");
  g_autofree char *notes = g_strdup_printf ("%s%s%s", why, *ignored ? "\n" : "", ignored);
  LimnRestore restore = { .notes = notes };

  restore.params = (struct fit_generate_params){
    .width = foreign->width,
    .height = foreign->height,
    .steps = foreign->steps,
    .seed = foreign->seed,
    .guidance = foreign->guidance,
    .solver = foreign->solver,
  };
  limn_session_snap (opened->window->session, &restore.params.width, &restore.params.height);
  restore.said = (foreign->width ? LIMN_RESTORE_SHAPE : 0) |
                 (foreign->steps ? LIMN_RESTORE_STEPS : 0) |
                 (foreign->has_seed ? LIMN_RESTORE_SEED : 0) |
                 (foreign->guidance > 0 ? LIMN_RESTORE_GUIDANCE : 0);
  if (foreign->has_solver && limn_session_has_solver (opened->window->session, foreign->solver))
    restore.said |= LIMN_RESTORE_SOLVER;
  show_sheet (opened, &restore);
}

static void
foreign_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Opened *opened = data;
  struct fit_foreign_settings foreign;
  g_autofree char *name = NULL, *sentence = NULL;
  const char *reason;

  (void) source;
  if (limn_export_read_foreign_finish (result, &foreign, NULL))
    {
      show_foreign (opened, &foreign);
      return;
    }
  name = g_file_get_basename (opened->file);
  reason = after_path (opened->reason, g_file_peek_path (opened->file));
  /* Translators: a file, and the reason as a sentence */
  sentence = g_strdup_printf (_ ("“%s” holds no settings that can be used here: %s"), name,
                              reason);
  limn_window_show_trouble (opened->window, sentence, FALSE);
  opened_free (opened);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Opened *opened = data;
  LimnWindow *self = opened->window;
  g_autoptr (GError) error = NULL;
  struct fit_settings settings;
  gboolean own = limn_export_read_finish (result, &settings, &error);

  (void) source;
  if (!limn_session_get_info (self->session))
    opened_free (opened);
  else if (own)
    show_own (opened, &settings);
  else
    {
      opened->reason = g_strdup (error->message);
      limn_export_read_foreign_async (opened->file, foreign_cb, opened);
    }
}

void
limn_window_open (LimnWindow *self, GFile *file)
{
  g_autofree char *model = NULL;
  gboolean is_folder, is_weights;

  g_return_if_fail (LIMN_IS_WINDOW (self));

  is_folder
      = g_file_query_file_type (file, G_FILE_QUERY_INFO_NONE, NULL) == G_FILE_TYPE_DIRECTORY;
  is_weights = is_folder || limn_import_is_weights (file);
  model = is_weights ? limn_import_dup_model (file) : NULL;
  if (model)
    limn_session_load (self->session, model);
  else if (is_weights)
    limn_window_import (self, file);
  else if (limn_session_get_state (self->session) == LIMN_SESSION_LOADING)
    g_set_object (&self->to_open, file); /* the model says what the settings mean */
  else
    limn_export_read_async (file, read_cb, opened_new (self, file));
}

void
limn_window_open_waiting (LimnWindow *self)
{
  g_autoptr (GFile) file = g_steal_pointer (&self->to_open);

  if (file)
    limn_window_open (self, file);
}

/* ---- pasting ---- */

static void
pasted_file_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  const GValue *value = gdk_clipboard_read_value_finish (GDK_CLIPBOARD (source), result, NULL);
  GSList *files = value ? g_value_get_boxed (value) : NULL;

  if (files)
    limn_window_open (self, files->data);
}

/* A file for a picture that is none yet: the settings are read as from any other. */
static void
pasted_bytes_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "limn", NULL);
  g_autofree char *path = g_build_filename (folder, "pasted.png", NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;

  if (!bytes)
    return;
  g_mkdir_with_parents (folder, 0700);
  if (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                           (gssize) g_bytes_get_size (bytes), &error))
    limn_window_open (self, file);
  else
    limn_window_show_trouble (self, error->message, FALSE);
}

static void
pasted_stream_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GInputStream) stream
      = gdk_clipboard_read_finish (GDK_CLIPBOARD (source), result, NULL, NULL);

  if (stream)
    g_input_stream_read_bytes_async (stream, MOST_PASTED_BYTES, G_PRIORITY_DEFAULT, NULL,
                                     pasted_bytes_cb, g_object_ref (self));
}

void
limn_window_paste (LimnWindow *self)
{
  static const char *const types[] = { "image/png", NULL };
  GdkClipboard *clipboard = gtk_widget_get_clipboard (GTK_WIDGET (self));
  GdkContentFormats *formats = gdk_clipboard_get_formats (clipboard);

  if (gdk_content_formats_contain_gtype (formats, GDK_TYPE_FILE_LIST))
    gdk_clipboard_read_value_async (clipboard, GDK_TYPE_FILE_LIST, G_PRIORITY_DEFAULT, NULL,
                                    pasted_file_cb, g_object_ref (self));
  else if (gdk_content_formats_contain_mime_type (formats, "image/png"))
    gdk_clipboard_read_async (clipboard, (const char **) types, G_PRIORITY_DEFAULT, NULL,
                              pasted_stream_cb, g_object_ref (self));
  else
    limn_window_toast (self, _ ("There is no picture to paste"));
}
