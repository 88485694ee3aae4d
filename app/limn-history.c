/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>

#include "limn-export.h"

struct _LimnHistory
{
  GObject parent_instance;

  char *folder;
  GListStore *files;
  guint count; /* makes names of one moment differ */
};

G_DEFINE_FINAL_TYPE (LimnHistory, limn_history, G_TYPE_OBJECT)

static guint failed_signal;

static int
compare_names (gconstpointer a, gconstpointer b, gpointer data G_GNUC_UNUSED)
{
  g_autofree char *first = g_file_get_basename (G_FILE ((gpointer) a));
  g_autofree char *second = g_file_get_basename (G_FILE ((gpointer) b));

  return strcmp (second, first); /* names begin with the time: the newest first */
}

static void
read_folder (LimnHistory *self)
{
  g_autoptr (GDir) folder = g_dir_open (self->folder, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder)))
    if (g_str_has_suffix (name, ".png"))
      {
        g_autofree char *path = g_build_filename (self->folder, name, NULL);
        g_autoptr (GFile) file = g_file_new_for_path (path);

        g_list_store_append (self->files, file);
      }
  g_list_store_sort (self->files, compare_names, NULL);
}

static void
forget_oldest (LimnHistory *self)
{
  guint n;

  while ((n = g_list_model_get_n_items (G_LIST_MODEL (self->files))) > LIMN_HISTORY_MOST)
    {
      g_autoptr (GFile) oldest = g_list_model_get_item (G_LIST_MODEL (self->files), n - 1);

      g_list_store_remove (self->files, n - 1);
      g_unlink (g_file_peek_path (oldest));
    }
}

static void
written_cb (GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnHistory) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) file = limn_export_write_finish (result, &error);

  if (!file)
    {
      g_signal_emit (self, failed_signal, 0, error->message);
      return;
    }
  limn_history_show (self, file);
  forget_oldest (self);
}

void
limn_history_add (LimnHistory *self, struct fit_frame *frame)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *moment = g_date_time_format (now, "%Y%m%d-%H%M%S");
  g_autofree char *name = g_strdup_printf ("%s-%06d-%04u.png", moment,
                                           g_date_time_get_microsecond (now), self->count++);
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);

  g_return_if_fail (LIMN_IS_HISTORY (self));

  if (g_mkdir_with_parents (self->folder, 0700))
    {
      /* Translators: a folder, and the system's reason */
      g_autofree char *sentence = g_strdup_printf (_ ("%s: cannot be made: %s"), self->folder,
                                                   g_strerror (errno));

      g_signal_emit (self, failed_signal, 0, sentence);
      return;
    }
  limn_export_write_async (frame, file, written_cb, g_object_ref (self));
}

void
limn_history_hide (LimnHistory *self, GFile *file)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->files)); i++)
    {
      g_autoptr (GFile) item = g_list_model_get_item (G_LIST_MODEL (self->files), i);

      if (g_file_equal (item, file))
        {
          g_list_store_remove (self->files, i);
          return;
        }
    }
}

void
limn_history_show (LimnHistory *self, GFile *file)
{
  g_list_store_insert_sorted (self->files, file, compare_names, NULL);
}

void
limn_history_discard (LimnHistory *self, GFile *file)
{
  limn_history_hide (self, file);
  /* Where there is no wastebasket, as on some file systems, the file goes at once. */
  if (!g_file_trash (file, NULL, NULL))
    g_file_delete (file, NULL, NULL);
}

GListModel *
limn_history_get_files (LimnHistory *self)
{
  return G_LIST_MODEL (self->files);
}

static void
limn_history_finalize (GObject *object)
{
  LimnHistory *self = LIMN_HISTORY (object);

  g_free (self->folder);
  g_object_unref (self->files);
  G_OBJECT_CLASS (limn_history_parent_class)->finalize (object);
}

static void
limn_history_class_init (LimnHistoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = limn_history_finalize;
  failed_signal = g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
limn_history_init (LimnHistory *self)
{
  self->files = g_list_store_new (G_TYPE_FILE);
}

LimnHistory *
limn_history_new (const char *folder)
{
  LimnHistory *self = g_object_new (LIMN_TYPE_HISTORY, NULL);

  self->folder = folder ? g_strdup (folder)
                        : g_build_filename (g_get_user_data_dir (), "limn", "history", NULL);
  read_folder (self);
  return self;
}
