/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history-index.h"

#include "limn-class.h"
#include "limn-labels.h"
#include "limn-options.h"
#include "limn-settings.h"

typedef struct
{
  gboolean is_readable;
  struct fit_settings settings;
  char *words; /* folded */
  char *seed;
} Known;

struct _LimnHistoryIndex
{
  GObject parent_instance;

  GListModel *files;
  GHashTable *known; /* GFile to Known */
  gboolean is_reading;
};

G_DEFINE_FINAL_TYPE (LimnHistoryIndex, limn_history_index, G_TYPE_OBJECT)

static guint read_signal;

/* ---- reading, on another thread ---- */

static void
known_free (gpointer data)
{
  Known *known = data;

  g_free (known->words);
  g_free (known->seed);
  g_free (known);
}

/* The names of the history begin with the day: "20261125-..." is 2026-11-25. */
static char *
dup_day (GFile *file)
{
  g_autofree char *name = g_file_get_basename (file);

  for (int i = 0; i < 8; i++)
    if (!g_ascii_isdigit (name[i]))
      return g_strdup ("");
  return g_strdup_printf ("%.4s-%.2s-%.2s", name, name + 4, name + 6);
}

static Known *
known_new (GFile *file)
{
  Known *known = g_new0 (Known, 1);
  const struct fit_generate_params *params = &known->settings.params;
  g_autofree char *day = dup_day (file), *words = NULL;
  int width, height;

  known->is_readable
      = g_file_peek_path (file) && fit_settings_read_png (g_file_peek_path (file),
                                                          &known->settings, NULL);
  if (!known->is_readable)
    {
      known->words = g_steal_pointer (&day);
      known->seed = g_strdup ("");
      return known;
    }
  limn_settings_get_shown_size (params, &width, &height);
  words = g_strdup_printf ("%s %dx%d %s %s %s", known->settings.class_name, width, height,
                           fit_method_name (params->method), limn_method_label (params->method),
                           day);
  known->words = limn_class_fold (words);
  known->seed = g_strdup_printf ("%" G_GUINT64_FORMAT, params->seed);
  return known;
}

static void
read_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GPtrArray *files = data;
  GHashTable *found = g_hash_table_new_full (g_file_hash, (GEqualFunc) g_file_equal,
                                             g_object_unref, known_free);

  (void) source;
  (void) cancellable;
  for (guint i = 0; i < files->len; i++)
    {
      GFile *file = g_ptr_array_index (files, i);

      g_hash_table_insert (found, g_object_ref (file), known_new (file));
    }
  g_task_return_pointer (task, found, (GDestroyNotify) g_hash_table_unref);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LimnHistoryIndex *self = LIMN_HISTORY_INDEX (source);
  g_autoptr (GHashTable) found = g_task_propagate_pointer (G_TASK (result), NULL);
  GHashTableIter iter;
  gpointer file, known;

  (void) data;
  self->is_reading = FALSE;
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, &file, &known))
    {
      g_hash_table_iter_steal (&iter);
      g_hash_table_replace (self->known, file, known);
    }
  g_signal_emit (self, read_signal, 0);
  limn_history_index_read (self); /* what came in the meantime */
}

void
limn_history_index_read (LimnHistoryIndex *self)
{
  g_autoptr (GPtrArray) unread = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (LIMN_IS_HISTORY_INDEX (self));

  if (self->is_reading)
    return;
  for (guint i = 0; i < g_list_model_get_n_items (self->files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (self->files, i);

      if (!g_hash_table_contains (self->known, file))
        g_ptr_array_add (unread, g_steal_pointer (&file));
    }
  if (!unread->len)
    return;
  self->is_reading = TRUE;
  task = g_task_new (self, NULL, read_cb, NULL);
  g_task_set_task_data (task, g_steal_pointer (&unread), (GDestroyNotify) g_ptr_array_unref);
  g_task_run_in_thread (task, read_thread);
}

const struct fit_settings *
limn_history_index_get_settings (LimnHistoryIndex *self, GFile *file)
{
  const Known *known = g_hash_table_lookup (self->known, file);

  return known && known->is_readable ? &known->settings : NULL;
}

/* ---- searching ---- */

char **
limn_history_index_dup_terms (const char *text)
{
  g_autoptr (GRegex) size = g_regex_new ("(\\d)\\s*[xX×*]\\s*(?=\\d)", 0, 0, NULL);
  g_autofree char *joined = g_regex_replace (size, text, -1, 0, "\\1x", 0, NULL);
  g_autofree char *folded = limn_class_fold (joined ? joined : text);
  g_auto (GStrv) words = g_strsplit_set (folded, " \t", -1);
  g_autoptr (GStrvBuilder) terms = g_strv_builder_new ();

  for (char **word = words; *word; word++)
    if (**word)
      g_strv_builder_add (terms, *word);
  return g_strv_builder_end (terms);
}

/* Whether a word begins with the term; "vision-ntk" has two. */
static gboolean
has_word (const char *words, const char *term)
{
  for (const char *at = strstr (words, term); at; at = strstr (at + 1, term))
    if (at == words || strchr (" -,(", at[-1]))
      return TRUE;
  return FALSE;
}

static gboolean
has_number (const Known *known, const char *term)
{
  guint64 number = g_ascii_strtoull (term, NULL, 10);
  int width, height;

  if (!known->is_readable)
    return FALSE;
  limn_settings_get_shown_size (&known->settings.params, &width, &height);
  return g_str_has_prefix (known->seed, term) || number == (guint64) width ||
         number == (guint64) height;
}

gboolean
limn_history_index_matches (LimnHistoryIndex *self, GFile *file, char *const *terms)
{
  const Known *known = g_hash_table_lookup (self->known, file);

  for (; *terms; terms++)
    {
      gboolean is_number = strspn (*terms, "0123456789") == strlen (*terms);

      if (!known || !(is_number ? has_number (known, *terms) : has_word (known->words, *terms)))
        return FALSE;
    }
  return TRUE;
}

/* ---- branches ---- */

static gboolean
same_options (const struct fit_generate_params *a, const struct fit_generate_params *b)
{
  g_autofree char *here = limn_options_dup_text (a, 0);
  g_autofree char *there = limn_options_dup_text (b, 0);

  return g_str_equal (here, there);
}

/* Whether a picture is the run that the other one says it goes on from. */
static gboolean
is_origin (const struct fit_settings *picture, const struct fit_settings *branch)
{
  const struct fit_generate_params *a = &picture->params, *b = &branch->origin;

  return picture->n_origins == branch->n_origins - 1 && a->seed == b->seed &&
         a->class_id == b->class_id && a->width == b->width && a->height == b->height &&
         a->steps == b->steps && a->solver == b->solver && a->method == b->method &&
         a->from_step == b->from_step && !(a->guidance < b->guidance) &&
         !(a->guidance > b->guidance) &&
         g_str_equal (picture->model_hash, branch->model_hash) && same_options (a, b);
}

GFile *
limn_history_index_dup_origin (LimnHistoryIndex *self, GFile *file)
{
  const struct fit_settings *branch = limn_history_index_get_settings (self, file);

  if (!branch || !branch->n_origins)
    return NULL;
  for (guint i = 0; i < g_list_model_get_n_items (self->files); i++)
    {
      g_autoptr (GFile) other = g_list_model_get_item (self->files, i);
      const struct fit_settings *settings = limn_history_index_get_settings (self, other);

      if (settings && is_origin (settings, branch))
        return g_steal_pointer (&other);
    }
  return NULL;
}

/* ---- life ---- */

static void
limn_history_index_finalize (GObject *object)
{
  LimnHistoryIndex *self = LIMN_HISTORY_INDEX (object);

  g_object_unref (self->files);
  g_hash_table_unref (self->known);
  G_OBJECT_CLASS (limn_history_index_parent_class)->finalize (object);
}

static void
limn_history_index_class_init (LimnHistoryIndexClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = limn_history_index_finalize;
  read_signal = g_signal_new ("read", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                              NULL, G_TYPE_NONE, 0);
}

static void
limn_history_index_init (LimnHistoryIndex *self)
{
  self->known = g_hash_table_new_full (g_file_hash, (GEqualFunc) g_file_equal, g_object_unref,
                                       known_free);
}

LimnHistoryIndex *
limn_history_index_new (GListModel *files)
{
  LimnHistoryIndex *self = g_object_new (LIMN_TYPE_HISTORY_INDEX, NULL);

  self->files = g_object_ref (files);
  return self;
}
