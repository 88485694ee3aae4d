/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-export.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>

#include "limn-error.h"
#include "limn-options.h"

/* ---- a name ---- */

typedef struct
{
  char *folder, *class_name;
  guint64 seed;
} Proposal;

static void
proposal_free (gpointer data)
{
  Proposal *proposal = data;

  g_free (proposal->folder);
  g_free (proposal->class_name);
  g_free (proposal);
}

/* "Hot-air balloons" -> "hot-air-balloons": a name that every file system and shell takes. */
static char *
dup_slug (const char *name)
{
  g_autofree char *ascii = g_str_to_ascii (name, "C");
  g_autoptr (GString) slug = g_string_new (NULL);

  for (const char *p = ascii; *p; p++)
    {
      if (g_ascii_isalnum (*p))
        g_string_append_c (slug, g_ascii_tolower (*p));
      else if (slug->len && slug->str[slug->len - 1] != '-')
        g_string_append_c (slug, '-');
    }
  if (slug->len && slug->str[slug->len - 1] == '-')
    g_string_truncate (slug, slug->len - 1);
  return g_string_free (g_steal_pointer (&slug), FALSE);
}

static char *
dup_folder (const char *wanted)
{
  const char *pictures;

  if (*wanted)
    return g_strdup (wanted);
  pictures = g_get_user_special_dir (G_USER_DIRECTORY_PICTURES);
  if (pictures)
    return g_build_filename (pictures, "Limn", NULL);
  return g_build_filename (g_get_home_dir (), "Pictures", "Limn", NULL);
}

static guint64
largest_number (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint64 largest = 0;
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".png") && strchr (name, '-'))
      {
        guint64 number = g_ascii_strtoull (name, NULL, 10);

        if (number < 1000000)
          largest = MAX (largest, number);
      }
  return largest;
}

static char *
dup_name (guint64 number, const char *class_name, guint64 seed)
{
  g_autofree char *slug = dup_slug (class_name);

  return g_strdup_printf ("%04" G_GUINT64_FORMAT "-%s-%" G_GUINT64_FORMAT ".png", number, slug,
                          seed);
}

static void
propose_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Proposal *proposal = data;
  g_autofree char *folder = dup_folder (proposal->folder);
  g_autofree char *name = NULL;

  (void) source;
  (void) cancellable;
  /* Without the folder the dialogue still opens, somewhere else. */
  g_mkdir_with_parents (folder, 0755);
  name = dup_name (largest_number (folder) + 1, proposal->class_name, proposal->seed);
  g_task_return_pointer (task, g_file_new_build_filename (folder, name, NULL), g_object_unref);
}

void
limn_export_propose_async (const char *folder, const char *class_name, guint64 seed,
                           GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  Proposal *proposal = g_new0 (Proposal, 1);

  proposal->folder = g_strdup (folder);
  proposal->class_name = g_strdup (class_name);
  proposal->seed = seed;
  g_task_set_task_data (task, proposal, proposal_free);
  g_task_run_in_thread (task, propose_thread);
}

GFile *
limn_export_propose_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- writing ---- */

typedef struct
{
  struct fit_frame *frame;
  GFile *file;
} Writing;

static void
writing_free (gpointer data)
{
  Writing *writing = data;

  fit_frame_unref (&writing->frame);
  g_object_unref (writing->file);
  g_free (writing);
}

/* The path of a file, or NULL after answering the task with the reason. */
static const char *
path_of (GTask *task, GFile *file)
{
  const char *path = g_file_peek_path (file);
  g_autofree char *name = NULL;

  if (path)
    return path;
  name = g_file_get_parse_name (file);
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           _ ("“%s” is not on a disk of this computer."), name);
  return NULL;
}

static void
return_fit_error (GTask *task, const struct fit_error *from)
{
  GError *error = NULL;

  limn_propagate_fit_error (&error, from);
  g_task_return_error (task, error);
}

static void
write_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Writing *writing = data;
  struct fit_error error = { 0 };
  const char *path = path_of (task, writing->file);

  (void) source;
  (void) cancellable;
  if (!path)
    return;
  if (fit_frame_write_png (writing->frame, path, &error))
    g_task_return_pointer (task, g_object_ref (writing->file), g_object_unref);
  else
    return_fit_error (task, &error);
}

void
limn_export_write_async (struct fit_frame *frame, GFile *file, GAsyncReadyCallback callback,
                         gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  Writing *writing = g_new0 (Writing, 1);

  writing->frame = fit_frame_ref (frame);
  writing->file = g_object_ref (file);
  g_task_set_task_data (task, writing, writing_free);
  g_task_run_in_thread (task, write_thread);
}

GFile *
limn_export_write_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- copying ---- */

typedef struct
{
  GPtrArray *files;
  GFile *folder;
  GFile *last; /* of those that were copied, or NULL */
  guint n;
} Copying;

static void
copying_free (gpointer data)
{
  Copying *copying = data;

  g_ptr_array_unref (copying->files);
  g_object_unref (copying->folder);
  g_clear_object (&copying->last);
  g_free (copying);
}

static gboolean
copy_one (Copying *copying, GFile *file, guint64 number, GError **error)
{
  struct fit_settings settings = { 0 };
  const char *path = g_file_peek_path (file);
  g_autofree char *name = NULL;
  g_autoptr (GFile) to = NULL;

  /* A picture without settings is copied all the same. */
  if (!path || !fit_settings_read_png (path, &settings, NULL))
    settings = (struct fit_settings){ .class_name = "picture" };
  name = dup_name (number, settings.class_name, settings.params.seed);
  to = g_file_get_child (copying->folder, name);
  /* The name is free; to overwrite is to write elsewhere first and to rename. */
  if (!g_file_copy (file, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, error))
    return FALSE;
  g_set_object (&copying->last, to);
  copying->n++;
  return TRUE;
}

static void
copy_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Copying *copying = data;
  GError *error = NULL;
  const char *path = path_of (task, copying->folder);
  guint64 number;

  (void) source;
  (void) cancellable;
  if (!path)
    return;
  number = largest_number (path);
  for (guint i = 0; i < copying->files->len && !error; i++)
    copy_one (copying, g_ptr_array_index (copying->files, i), ++number, &error);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
limn_export_copy_async (GListModel *files, GFile *folder, GAsyncReadyCallback callback,
                        gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  Copying *copying = g_new0 (Copying, 1);
  guint n = g_list_model_get_n_items (files);

  copying->files = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = n; i-- > 0;) /* the oldest gets the lowest number */
    g_ptr_array_add (copying->files, g_list_model_get_item (files, i));
  copying->folder = g_object_ref (folder);
  g_task_set_task_data (task, copying, copying_free);
  g_task_run_in_thread (task, copy_thread);
}

guint
limn_export_copy_finish (GAsyncResult *result, GFile **last, GError **error)
{
  Copying *copying = g_task_get_task_data (G_TASK (result));

  g_task_propagate_boolean (G_TASK (result), error);
  *last = g_steal_pointer (&copying->last);
  return copying->n;
}

/* ---- reading ---- */

static void
load_thread (GTask *task, gpointer source G_GNUC_UNUSED, gpointer data,
             GCancellable *cancellable G_GNUC_UNUSED)
{
  GError *error = NULL;
  GdkTexture *texture = gdk_texture_new_from_file (data, &error);

  if (texture)
    g_task_return_pointer (task, texture, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* Runs `work` on a thread, the file being the task's data. */
static void
run_on_file (GFile *file, gpointer source, GTaskThreadFunc work, GAsyncReadyCallback callback,
             gpointer data)
{
  g_autoptr (GTask) task = g_task_new (source, NULL, callback, data);

  g_task_set_task_data (task, g_object_ref (file), g_object_unref);
  g_task_run_in_thread (task, work);
}

/* Copies what a task found, of `bytes` bytes. */
static gboolean
take_found (GAsyncResult *result, gpointer to, gsize bytes, GError **error)
{
  g_autofree gpointer found = g_task_propagate_pointer (G_TASK (result), error);

  if (found)
    memcpy (to, found, bytes);
  return found != NULL;
}

void
limn_export_load_async (GFile *file, gpointer source, GAsyncReadyCallback callback, gpointer data)
{
  run_on_file (file, source, load_thread, callback, data);
}

GdkTexture *
limn_export_load_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

guint8 *
limn_export_dup_rgba (GdkTexture *texture)
{
  gsize stride = 4 * (gsize) gdk_texture_get_width (texture);
  gsize pixels = stride / 4 * (gsize) gdk_texture_get_height (texture);
  guint8 *rgba = g_malloc (4 * pixels);

  gdk_texture_download (texture, rgba, stride);
  for (gsize i = 0; i < pixels; i++)
    {
      /* cairo's order: blue first on little-endian machines */
      guint8 blue = rgba[4 * i];

      rgba[4 * i] = rgba[4 * i + 2];
      rgba[4 * i + 2] = blue;
    }
  return rgba;
}

static void
read_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  struct fit_settings settings;
  struct fit_error error = { 0 };
  const char *path = path_of (task, data);

  (void) source;
  (void) cancellable;
  if (!path)
    return;
  if (fit_settings_read_png (path, &settings, &error))
    g_task_return_pointer (task, g_memdup2 (&settings, sizeof settings), g_free);
  else
    return_fit_error (task, &error);
}

void
limn_export_read_async (GFile *file, GAsyncReadyCallback callback, gpointer data)
{
  run_on_file (file, NULL, read_thread, callback, data);
}

gboolean
limn_export_read_finish (GAsyncResult *result, struct fit_settings *settings, GError **error)
{
  return take_found (result, settings, sizeof *settings, error);
}

static void
read_foreign_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  struct fit_foreign_settings settings;
  struct fit_error error = { 0 };
  const char *path = path_of (task, data);

  (void) source;
  (void) cancellable;
  if (!path)
    return;
  if (fit_foreign_settings_read_png (path, &settings, &error))
    g_task_return_pointer (task, g_memdup2 (&settings, sizeof settings), g_free);
  else
    return_fit_error (task, &error);
}

void
limn_export_read_foreign_async (GFile *file, GAsyncReadyCallback callback, gpointer data)
{
  run_on_file (file, NULL, read_foreign_thread, callback, data);
}

gboolean
limn_export_read_foreign_finish (GAsyncResult *result, struct fit_foreign_settings *settings,
                                 GError **error)
{
  return take_found (result, settings, sizeof *settings, error);
}

/* ---- the file manager ---- */

static void
shown_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GFile) file = data;
  g_autoptr (GVariant) answer
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);

  if (!answer)
    {
      /* No file manager that selects: open the folder. */
      g_autoptr (GFile) folder = g_file_get_parent (file);
      g_autofree char *uri = folder ? g_file_get_uri (folder) : NULL;

      if (uri)
        g_app_info_launch_default_for_uri_async (uri, NULL, NULL, NULL, NULL);
    }
}

char *
limn_export_dup_command (const struct fit_generate_params *params,
                         const struct fit_model_info *info)
{
  g_autofree char *model = g_shell_quote (info->path);
  g_autofree char *class = params->class_id == FIT_CLASS_NONE
                               ? g_strdup ("none")
                               : g_strdup_printf ("%d", params->class_id);
  gboolean cropped = params->crop_width > 0 && (params->crop_width != params->width ||
                                                params->crop_height != params->height);
  g_autofree char *crop = cropped ? g_strdup_printf (" --crop %dx%d", params->crop_width,
                                                     params->crop_height)
                                  : g_strdup ("");
  g_autofree char *options = limn_options_dup_text (params, info->axis_tokens);
  char guidance[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_dtostr (guidance, sizeof guidance, params->guidance);
  return g_strdup_printf ("limn-cli generate --model %s --precision %s --class %s --size %dx%d%s "
                          "--seed %" G_GUINT64_FORMAT " --steps %d --solver %s "
                          "--guidance %s --extrapolation %s%s%s --output picture.png",
                          model, fit_precision_name (info->precision), class, params->width,
                          params->height, crop, params->seed, params->steps,
                          fit_solver_name (params->solver), guidance,
                          fit_method_name (params->method), *options ? " " : "", options);
}

void
limn_export_show_in_files (GFile *file, GtkWindow *window)
{
  GApplication *application = G_APPLICATION (gtk_window_get_application (window));
  GDBusConnection *bus = application ? g_application_get_dbus_connection (application) : NULL;
  g_autofree char *uri = g_file_get_uri (file);
  const char *const uris[] = { uri, NULL };

  if (bus)
    g_dbus_connection_call (bus, "org.freedesktop.FileManager1", "/org/freedesktop/FileManager1",
                            "org.freedesktop.FileManager1", "ShowItems",
                            g_variant_new ("(^ass)", uris, ""), NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                            NULL, shown_cb, g_object_ref (file));
}
