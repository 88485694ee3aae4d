/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-import.h"

#include <fit/fit-import.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <limits.h>

#include "limn-error.h"

struct _LimnImport
{
  GObject parent_instance;

  /* owned */
  char *path, *name;
  GCancellable *cancellable;

  int percent; /* atomic */

  GMutex mutex; /* of what follows */
  guint64 done_bytes, total_bytes;
  gint64 begun_us, now_us; /* when writing began, and when so much was written */
};

G_DEFINE_FINAL_TYPE (LimnImport, limn_import, G_TYPE_OBJECT)

enum
{
  PROP_FRACTION = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* ---- what a file is ---- */

static gboolean
ends_with (const char *name, const char *const *endings)
{
  g_autofree char *small = g_ascii_strdown (name, -1);

  for (; *endings; endings++)
    if (g_str_has_suffix (small, *endings))
      return TRUE;
  return FALSE;
}

static gboolean
is_weights (const char *name)
{
  static const char *const endings[] = { ".safetensors", ".bin", ".pt", ".pth", ".ckpt", NULL };

  return ends_with (name, endings);
}

static gboolean
is_configuration (const char *name)
{
  static const char *const endings[] = { ".yaml", ".yml", NULL };

  return ends_with (name, endings);
}

static gboolean
is_autoencoder (const char *name)
{
  g_autofree char *small = g_ascii_strdown (name, -1);

  return strstr (small, "vae") || strstr (small, "taesd") || strstr (small, "autoencoder");
}

gboolean
limn_import_is_weights (GFile *file)
{
  g_autofree char *name = g_file_get_basename (file);

  return name && is_weights (name);
}

char *
limn_import_dup_model (GFile *file)
{
  const char *path = g_file_peek_path (file);
  g_autofree char *folder = NULL;
  char model[PATH_MAX];

  if (!path)
    return NULL;
  folder = g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
  /* The folder, not what it means today: a run's newest checkpoint changes. */
  return fit_model_find (folder, model, sizeof model) ? g_steal_pointer (&folder) : NULL;
}

/* ---- what lies beside it ---- */

typedef struct
{
  char *checkpoint, *config, *autoencoder; /* owned; the last two may be NULL */
  goffset bytes;                           /* of the checkpoint */
  int n_configs;
} Parts;

static void
parts_clear (Parts *parts)
{
  g_free (parts->checkpoint);
  g_free (parts->config);
  g_free (parts->autoencoder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parts, parts_clear)

/* Of a folder the largest file is the network. */
static void
look_at (Parts *parts, const char *folder, const char *name, gboolean wants_checkpoint)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GStatBuf status;
  gboolean is_folder;

  if (g_stat (path, &status) != 0)
    return;
  is_folder = S_ISDIR (status.st_mode);
  if (is_autoencoder (name) && (is_folder || is_weights (name)))
    {
      if (!parts->autoencoder)
        parts->autoencoder = g_steal_pointer (&path);
    }
  else if (!is_folder && is_configuration (name))
    {
      parts->n_configs++;
      if (!parts->config)
        parts->config = g_steal_pointer (&path);
    }
  else if (!is_folder && wants_checkpoint && is_weights (name) && status.st_size > parts->bytes)
    {
      g_free (parts->checkpoint);
      parts->checkpoint = g_steal_pointer (&path);
      parts->bytes = status.st_size;
    }
}

static gboolean
find_parts (Parts *parts, const char *path, GError **error)
{
  gboolean given_folder = g_file_test (path, G_FILE_TEST_IS_DIR);
  g_autofree char *folder = given_folder ? g_strdup (path) : g_path_get_dirname (path);
  g_autoptr (GDir) names = g_dir_open (folder, 0, error);
  const char *name;

  if (!names)
    return FALSE;
  if (!given_folder)
    parts->checkpoint = g_strdup (path);
  while ((name = g_dir_read_name (names)))
    look_at (parts, folder, name, given_folder);
  /* Of several configurations nobody knows which is meant. */
  if (parts->n_configs > 1)
    g_clear_pointer (&parts->config, g_free);
  if (parts->checkpoint)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
               _ ("%s: holds neither a model (“model.json”) nor weights (“.safetensors”, “.bin”, "
                  "“.pt”)."),
               path);
  return FALSE;
}

/* ---- importing ---- */

static char *
dup_output (const char *name)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "limn", "models", NULL);
  char *output = g_build_filename (folder, name, NULL);

  g_mkdir_with_parents (folder, 0700);
  for (int i = 2; g_file_test (output, G_FILE_TEST_EXISTS); i++)
    {
      g_autofree char *numbered = g_strdup_printf ("%s-%d", name, i);

      g_free (output);
      output = g_build_filename (folder, numbered, NULL);
    }
  return output;
}

typedef struct
{
  LimnImport *import; /* borrowed from the task */
  gboolean complete;  /* all that is needed is there */
} Watch;

static gboolean
notify_cb (gpointer data)
{
  g_object_notify_by_pspec (data, properties[PROP_FRACTION]);
  return G_SOURCE_REMOVE;
}

static void
keep_progress (LimnImport *self, guint64 done, guint64 total)
{
  g_mutex_lock (&self->mutex);
  self->now_us = g_get_monotonic_time ();
  if (!self->begun_us)
    self->begun_us = self->now_us;
  self->done_bytes = done;
  self->total_bytes = total;
  g_mutex_unlock (&self->mutex);
}

/* On the importing thread. The first call comes when everything has been checked. */
static bool
progress_cb (void *data, uint64_t done, uint64_t total)
{
  Watch *watch = data;
  int percent = total > 0 ? (int) (100 * done / total) : 0;

  keep_progress (watch->import, done, total);
  if (percent != g_atomic_int_get (&watch->import->percent))
    {
      g_atomic_int_set (&watch->import->percent, percent);
      g_idle_add_full (G_PRIORITY_DEFAULT, notify_cb, g_object_ref (watch->import),
                       g_object_unref);
    }
  return watch->complete && !g_cancellable_is_cancelled (watch->import->cancellable);
}

static void
return_failure (GTask *task, const Watch *watch, const struct fit_error *failure)
{
  GError *error = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;
  if (failure->status == FIT_ERROR_CANCELLED && !watch->complete)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                             _ ("%s: its autoencoder is missing. Put the SD VAE or TAESD beside "
                                "it, as “vae.safetensors” or in a folder “vae”."),
                             watch->import->path);
  else
    {
      limn_propagate_fit_error (&error, failure);
      g_task_return_error (task, error);
    }
}

static void
import_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  LimnImport *self = source;
  g_auto (Parts) parts = { NULL };
  g_autofree char *output = dup_output (self->name);
  struct fit_error failure = { 0 };
  GError *error = NULL;
  Watch watch = { .import = self };
  struct fit_import_params params = { .progress = progress_cb, .progress_data = &watch };

  (void) data;
  (void) cancellable;
  if (!find_parts (&parts, self->path, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  watch.complete = parts.autoencoder != NULL;
  params.checkpoint = parts.checkpoint;
  params.config = parts.config;
  params.autoencoder = parts.autoencoder;
  params.name = self->name;
  params.output = output;
  params.imagenet = g_file_test (LIMN_IMAGENET_INSTALLED, G_FILE_TEST_EXISTS)
                        ? LIMN_IMAGENET_INSTALLED
                        : LIMN_IMAGENET_SOURCE;
  if (fit_import (&params, &failure))
    g_task_return_pointer (task, g_steal_pointer (&output), g_free);
  else
    return_failure (task, &watch, &failure);
}

void
limn_import_start (LimnImport *self, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (LIMN_IS_IMPORT (self));

  task = g_task_new (self, self->cancellable, callback, data);
  g_task_set_source_tag (task, limn_import_start);
  g_task_run_in_thread (task, import_thread);
}

char *
limn_import_finish (LimnImport *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
limn_import_cancel (LimnImport *self)
{
  g_return_if_fail (LIMN_IS_IMPORT (self));

  g_cancellable_cancel (self->cancellable);
}

double
limn_import_get_fraction (LimnImport *self)
{
  return g_atomic_int_get (&self->percent) / 100.0;
}

void
limn_import_get_progress (LimnImport *self, guint64 *done_bytes, guint64 *total_bytes,
                          gint64 *elapsed_us)
{
  g_mutex_lock (&self->mutex);
  *done_bytes = self->done_bytes;
  *total_bytes = self->total_bytes;
  *elapsed_us = self->now_us - self->begun_us;
  g_mutex_unlock (&self->mutex);
}

const char *
limn_import_get_name (LimnImport *self)
{
  return self->name;
}

/* ---- object ---- */

static void
limn_import_finalize (GObject *object)
{
  LimnImport *self = LIMN_IMPORT (object);

  g_free (self->path);
  g_free (self->name);
  g_object_unref (self->cancellable);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (limn_import_parent_class)->finalize (object);
}

static void
limn_import_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_FRACTION)
    g_value_set_double (value, limn_import_get_fraction (LIMN_IMPORT (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
limn_import_class_init (LimnImportClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = limn_import_finalize;
  object_class->get_property = limn_import_get_property;

  properties[PROP_FRACTION] = g_param_spec_double ("fraction", NULL, NULL, 0, 1, 0,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_import_init (LimnImport *self)
{
  self->cancellable = g_cancellable_new ();
  g_mutex_init (&self->mutex);
}

LimnImport *
limn_import_new (GFile *file)
{
  LimnImport *self = g_object_new (LIMN_TYPE_IMPORT, NULL);
  char *ending;

  self->path = g_file_get_path (file);
  self->name = g_file_get_basename (file);
  ending = strrchr (self->name, '.');
  if (ending && ending != self->name && is_weights (self->name))
    *ending = '\0';
  return self;
}
