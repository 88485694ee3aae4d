/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>

#include "limn-export.h"

#define MOST_TRIMMED 200 /* at once */
#define LOOK_AGAIN_MS 200 /* after the first of several changes in the folder */

struct _LimnHistory
{
  GObject parent_instance;

  char *folder;
  GFileMonitor *monitor; /* of the folder, or NULL */
  guint look_source;
  GListStore *files;
  GHashTable *hidden;  /* GFile objects that lie in the folder but are off the list */
  GHashTable *starred; /* names without the folder */
  guint count;         /* makes names of one moment differ */
  guint64 limit_bytes; /* 0: none */
  gboolean trash_failed;
};

G_DEFINE_FINAL_TYPE (LimnHistory, limn_history, G_TYPE_OBJECT)

static guint failed_signal, trimmed_signal, starred_signal;

int
limn_history_compare_times (GFile *a, GFile *b)
{
  g_autofree char *first = g_file_get_basename (a), *second = g_file_get_basename (b);

  return strcmp (second, first); /* names begin with the time */
}

static int
compare_names (gconstpointer a, gconstpointer b, gpointer data G_GNUC_UNUSED)
{
  return limn_history_compare_times ((GFile *) a, (GFile *) b);
}

static int
compare_in_array (gconstpointer a, gconstpointer b)
{
  return compare_names (*(GFile *const *) a, *(GFile *const *) b, NULL);
}

/* Whether a name is one that limn_history_add gives. What is being written has another until it is
 * whole, and what somebody else has put there is nothing of ours. */
static gboolean
is_name_of_picture (const char *name)
{
  static const char form[] = "dddddddd-dddddd-dddddd-dddd";
  int i = 0;

  for (; form[i]; i++)
    if (form[i] == 'd' ? !g_ascii_isdigit (name[i]) : name[i] != form[i])
      return FALSE;
  while (g_ascii_isdigit (name[i])) /* after ten thousand pictures */
    i++;
  return g_str_equal (name + i, ".png");
}

/* The pictures in the folder, a set of GFile objects. */
static GHashTable *
dup_files_there (LimnHistory *self)
{
  GHashTable *there = g_hash_table_new_full (g_file_hash, (GEqualFunc) g_file_equal,
                                             g_object_unref, NULL);
  g_autoptr (GDir) folder = g_dir_open (self->folder, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder)))
    if (is_name_of_picture (name))
      g_hash_table_add (there, g_file_new_build_filename (self->folder, name, NULL));
  return there;
}

/* One change of the list, from the first to the last picture that differ. */
static void
replace_files (LimnHistory *self, GPtrArray *wanted)
{
  GListModel *files = G_LIST_MODEL (self->files);
  guint n = g_list_model_get_n_items (files), first = 0, same = 0;

  for (; first < MIN (n, wanted->len); first++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, first);

      if (file != g_ptr_array_index (wanted, first))
        break;
    }
  for (; same < MIN (n, wanted->len) - first; same++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, n - 1 - same);

      if (file != g_ptr_array_index (wanted, wanted->len - 1 - same))
        break;
    }
  if (n - same - first > 0 || wanted->len - same - first > 0)
    g_list_store_splice (self->files, first, n - same - first, wanted->pdata + first,
                         wanted->len - same - first);
}

static gboolean
has_gone (gpointer file, gpointer value G_GNUC_UNUSED, gpointer there)
{
  return !g_hash_table_contains (there, file);
}

/* Makes the list what lies there, but for what is hidden. */
static void
read_folder (LimnHistory *self)
{
  g_autoptr (GHashTable) there = dup_files_there (self);
  g_autoptr (GPtrArray) wanted = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer key;

  g_hash_table_foreach_remove (self->hidden, has_gone, there);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->files)); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (G_LIST_MODEL (self->files), i);

      if (g_hash_table_remove (there, file))
        g_ptr_array_add (wanted, g_steal_pointer (&file));
    }
  g_hash_table_iter_init (&iter, there);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (!g_hash_table_contains (self->hidden, key))
      g_ptr_array_add (wanted, g_object_ref (key));
  g_ptr_array_sort (wanted, compare_in_array);
  replace_files (self, wanted);
}

/* ---- stars ---- */

static char *
dup_stars_path (LimnHistory *self)
{
  return g_build_filename (self->folder, "starred", NULL);
}

static gboolean
is_equal_set (GHashTable *a, GHashTable *b)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, a);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (!g_hash_table_contains (b, key))
      return FALSE;
  return g_hash_table_size (a) == g_hash_table_size (b);
}

/* Another window may have written it; whether there are others than before. */
static gboolean
read_stars (LimnHistory *self)
{
  g_autofree char *path = dup_stars_path (self), *text = NULL;
  g_autoptr (GHashTable) before = self->starred;
  g_auto (GStrv) names = NULL;

  self->starred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (g_file_get_contents (path, &text, NULL, NULL))
    names = g_strsplit (text, "\n", -1);
  for (char **name = names; name && *name; name++)
    if (**name)
      g_hash_table_add (self->starred, g_strdup (*name));
  return !is_equal_set (before, self->starred);
}

static void
write_stars (LimnHistory *self)
{
  g_autofree char *path = dup_stars_path (self);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->starred);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_string_append_printf (text, "%s\n", (char *) name);
  if (!g_file_set_contents (path, text->str, (gssize) text->len, &error))
    g_signal_emit (self, failed_signal, 0, error->message);
}

gboolean
limn_history_is_starred (LimnHistory *self, GFile *file)
{
  g_autofree char *name = g_file_get_basename (file);

  return g_hash_table_contains (self->starred, name);
}

void
limn_history_set_starred (LimnHistory *self, GListModel *files, gboolean starred)
{
  g_return_if_fail (LIMN_IS_HISTORY (self));

  read_stars (self);
  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);
      g_autofree char *name = g_file_get_basename (file);

      if (starred)
        g_hash_table_add (self->starred, g_steal_pointer (&name));
      else
        g_hash_table_remove (self->starred, name);
    }
  write_stars (self);
  g_signal_emit (self, starred_signal, 0);
}

/* ---- what other windows do ---- */

static gboolean
look_again_cb (gpointer data)
{
  LimnHistory *self = data;

  self->look_source = 0;
  read_folder (self);
  if (read_stars (self))
    g_signal_emit (self, starred_signal, 0);
  return G_SOURCE_REMOVE;
}

static void
folder_changed_cb (LimnHistory *self)
{
  if (!self->look_source)
    self->look_source = g_timeout_add (LOOK_AGAIN_MS, look_again_cb, self);
}

/* Where the folder cannot be made or watched, the list follows at the next start. */
static void
watch_folder (LimnHistory *self)
{
  g_autoptr (GFile) folder = g_file_new_for_path (self->folder);

  if (g_mkdir_with_parents (self->folder, 0700))
    return;
  self->monitor = g_file_monitor_directory (folder, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
  if (self->monitor)
    g_signal_connect_object (self->monitor, "changed", G_CALLBACK (folder_changed_cb), self,
                             G_CONNECT_SWAPPED);
}

/* ---- the limit ---- */

static guint64
bytes_of (GFile *file)
{
  GStatBuf status;

  return g_stat (g_file_peek_path (file), &status) == 0 ? (guint64) status.st_size : 0;
}

static guint64
bytes_of_all (LimnHistory *self)
{
  guint64 bytes = 0;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->files)); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (G_LIST_MODEL (self->files), i);

      bytes += bytes_of (file);
    }
  return bytes;
}

static gboolean
to_wastebasket (LimnHistory *self, GFile *file)
{
  g_autoptr (GError) error = NULL;

  if (g_file_trash (file, NULL, &error))
    return TRUE;
  if (!self->trash_failed)
    g_signal_emit (self, failed_signal, 0, error->message);
  self->trash_failed = TRUE;
  return FALSE;
}

/* A tenth more than must go goes, so that this happens seldom, but never so many that the window
 * would wait. The newest picture stays always. */
static void
trim (LimnHistory *self)
{
  guint64 bytes = self->limit_bytes ? bytes_of_all (self) : 0;
  guint n_gone = 0;

  if (bytes <= self->limit_bytes)
    return;
  read_stars (self);
  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (self->files));
       --i > 0 && n_gone < MOST_TRIMMED && bytes > self->limit_bytes - self->limit_bytes / 10;)
    {
      g_autoptr (GFile) oldest = g_list_model_get_item (G_LIST_MODEL (self->files), i);
      guint64 size = bytes_of (oldest);

      if (limn_history_is_starred (self, oldest) || !to_wastebasket (self, oldest))
        continue;
      bytes -= size;
      n_gone++;
      g_list_store_remove (self->files, i);
    }
  if (n_gone)
    g_signal_emit (self, trimmed_signal, 0, n_gone);
}

void
limn_history_set_limit (LimnHistory *self, guint64 bytes)
{
  g_return_if_fail (LIMN_IS_HISTORY (self));

  self->limit_bytes = bytes;
}

/* ---- pictures ---- */

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
  trim (self);
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
  g_hash_table_add (self->hidden, g_object_ref (file));
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
  g_hash_table_remove (self->hidden, file);
  /* It may have been seen in the folder. */
  if (!g_list_store_find_with_equal_func (self->files, file, (GEqualFunc) g_file_equal, NULL))
    g_list_store_insert_sorted (self->files, file, compare_names, NULL);
}

void
limn_history_hide_all (LimnHistory *self, GListModel *files)
{
  g_autoptr (GPtrArray) wanted = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    g_hash_table_add (self->hidden, g_list_model_get_item (files, i));
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->files)); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (G_LIST_MODEL (self->files), i);

      if (!g_hash_table_contains (self->hidden, file))
        g_ptr_array_add (wanted, g_steal_pointer (&file));
    }
  replace_files (self, wanted);
}

void
limn_history_show_all (LimnHistory *self, GListModel *files)
{
  g_autoptr (GPtrArray) wanted = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->files)); i++)
    g_ptr_array_add (wanted, g_list_model_get_item (G_LIST_MODEL (self->files), i));
  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);

      /* What is not hidden is there already, or has gone. */
      if (g_hash_table_remove (self->hidden, file))
        g_ptr_array_add (wanted, g_steal_pointer (&file));
    }
  g_ptr_array_sort (wanted, compare_in_array);
  replace_files (self, wanted);
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

  g_clear_handle_id (&self->look_source, g_source_remove);
  if (self->monitor)
    g_file_monitor_cancel (self->monitor);
  g_clear_object (&self->monitor);
  g_free (self->folder);
  g_object_unref (self->files);
  g_hash_table_unref (self->hidden);
  g_hash_table_unref (self->starred);
  G_OBJECT_CLASS (limn_history_parent_class)->finalize (object);
}

static void
limn_history_class_init (LimnHistoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = limn_history_finalize;
  failed_signal = g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  trimmed_signal = g_signal_new ("trimmed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  starred_signal = g_signal_new ("starred", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 0);
}

static void
limn_history_init (LimnHistory *self)
{
  self->files = g_list_store_new (G_TYPE_FILE);
  self->hidden = g_hash_table_new_full (g_file_hash, (GEqualFunc) g_file_equal, g_object_unref,
                                        NULL);
  self->starred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

LimnHistory *
limn_history_new (const char *folder)
{
  LimnHistory *self = g_object_new (LIMN_TYPE_HISTORY, NULL);

  self->folder = folder ? g_strdup (folder)
                        : g_build_filename (g_get_user_data_dir (), "limn", "history", NULL);
  watch_folder (self); /* first, so that nothing is missed */
  read_folder (self);
  read_stars (self);
  return self;
}
