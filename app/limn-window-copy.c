/* SPDX-License-Identifier: Apache-2.0 */
/* What the window puts on the clipboard. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#include "limn-export.h"
#include "limn-frame-texture.h"

/* ---- words ---- */

/* The line that paints the picture on show, or the next one, byte for byte; NULL without a
 * model. */
static char *
dup_command (LimnWindow *self)
{
  const struct fit_model_info *in_use = limn_session_get_info (self->session);
  struct fit_model_info info;
  struct fit_generate_params params;

  if (!in_use)
    return NULL;
  info = *in_use;
  if (self->run)
    {
      fit_model_info (limn_run_get_model (self->run), &info);
      params = *limn_run_get_params (self->run);
    }
  else
    limn_settings_to_params (self->settings, &params);
  return limn_export_dup_command (&params, &info);
}

void
limn_window_copy_command (LimnWindow *self)
{
  g_autofree char *command = dup_command (self);

  if (!command)
    return;
  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), command);
  limn_window_toast (self, _ ("Command copied"));
}

/* "Ocean sunset · 256 × 128 · seed 7" */
static char *
dup_line (const char *class_name, const struct fit_generate_params *params)
{
  char seed[24]; /* translations know no macros */
  int width, height;

  g_snprintf (seed, sizeof seed, "%" G_GUINT64_FORMAT, params->seed);
  limn_settings_get_shown_size (params, &width, &height);
  return g_strdup_printf (_ ("%s · %d × %d · seed %s"), class_name, width, height, seed);
}

/* ---- the picture: as pixels, as a PNG with its settings, as words, and as the file it is ---- */

typedef struct
{
  LimnWindow *window;         /* a reference */
  GdkContentProvider *before; /* what the clipboard had in the meantime */
  GdkTexture *texture;
  char *text; /* or NULL */
  GFile *file;
} Copy;

static void
copy_free (Copy *copy)
{
  g_object_unref (copy->window);
  g_object_unref (copy->before);
  g_object_unref (copy->texture);
  g_object_unref (copy->file);
  g_free (copy->text);
  g_free (copy);
}

/* The clipboard takes the first that answers: words are words, not the file's name. */
static GdkContentProvider *
content_new (Copy *copy, GBytes *png, gboolean with_file)
{
  GdkContentProvider *parts[4];
  gsize n = 0;

  if (png)
    parts[n++] = gdk_content_provider_new_for_bytes ("image/png", png);
  parts[n++] = gdk_content_provider_new_typed (GDK_TYPE_TEXTURE, copy->texture);
  if (copy->text)
    parts[n++] = gdk_content_provider_new_typed (G_TYPE_STRING, copy->text);
  if (with_file)
    {
      GdkFileList *files = gdk_file_list_new_from_array (&copy->file, 1);

      parts[n++] = gdk_content_provider_new_typed (GDK_TYPE_FILE_LIST, files);
      g_boxed_free (GDK_TYPE_FILE_LIST, files);
    }
  return gdk_content_provider_new_union (parts, n);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Copy *copy = data;
  GdkClipboard *clipboard = gtk_widget_get_clipboard (GTK_WIDGET (copy->window));
  char *bytes = NULL;
  gsize n = 0;

  /* Somebody may have copied something else meanwhile. */
  if (g_file_load_contents_finish (G_FILE (source), result, &bytes, &n, NULL, NULL) &&
      gdk_clipboard_get_content (clipboard) == copy->before)
    {
      g_autoptr (GBytes) png = g_bytes_new_take (g_steal_pointer (&bytes), n);
      g_autoptr (GdkContentProvider) content = content_new (copy, png, TRUE);

      gdk_clipboard_set_content (clipboard, content);
    }
  g_free (bytes);
  copy_free (copy);
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GFile) file = limn_export_write_finish (result, NULL);

  (void) source;
  if (file)
    g_file_load_contents_async (file, NULL, read_cb, data);
  else
    copy_free (data); /* the pixels and the words are there */
}

static void
settings_read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Copy *copy = data;
  struct fit_settings settings;

  (void) source;
  if (limn_export_read_finish (result, &settings, NULL))
    copy->text = dup_line (settings.class_name, &settings.params);
  g_file_load_contents_async (copy->file, NULL, read_cb, copy);
}

/* A file for a picture that is none yet; the next copy takes its place. */
static GFile *
new_file (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "limn", NULL);

  g_mkdir_with_parents (folder, 0700);
  return g_file_new_build_filename (folder, "copied.png", NULL);
}

/* Of a run: its command, or where it is a branch, which has none, its class and seed. */
static char *
dup_text (LimnWindow *self)
{
  const struct fit_generate_params *params;

  if (!self->run)
    return NULL;
  if (!limn_run_is_branch (self->run))
    return dup_command (self);
  params = limn_run_get_params (self->run);
  return dup_line (limn_session_get_class_name (self->session, params->class_id), params);
}

void
limn_window_copy_picture (LimnWindow *self)
{
  GdkTexture *texture = limn_canvas_get_texture (self->canvas);
  struct fit_frame *frame = self->run ? limn_run_dup_frame (self->run) : NULL;
  Copy *copy;

  if (!texture)
    return;
  copy = g_new0 (Copy, 1);
  copy->window = g_object_ref (self);
  copy->texture = limn_frame_texture_dup_in_memory (texture);
  copy->text = dup_text (self);
  copy->file = !self->run && self->chosen ? g_object_ref (self->chosen) : new_file ();
  /* At once what needs no disk. */
  copy->before = content_new (copy, NULL, FALSE);
  gdk_clipboard_set_content (gtk_widget_get_clipboard (GTK_WIDGET (self)), copy->before);
  if (frame)
    limn_export_write_async (frame, copy->file, written_cb, copy);
  else if (!self->run && self->chosen)
    limn_export_read_async (copy->file, settings_read_cb, copy);
  else
    copy_free (copy);
  fit_frame_unref (&frame);
}
