/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-checkpoints.h"

#include <glib/gi18n.h>
#include <limits.h>
#include <string.h>

#include "limn-error.h"

/* A checkpoint comes or goes as a dozen changes; the folder is read once for all of them. */
#define PAUSE_MS 200

struct _LimnCheckpoints
{
  GObject parent_instance;

  /* owned */
  char *path; /* of the model; NULL: none is followed */
  struct fit_checkpoints list;
  char *trouble;
  GFileMonitor *monitor; /* of list.folder, once something was found there */
  GCancellable *reading; /* the newest look at the folder, or NULL */

  guint pause_source;
};

G_DEFINE_FINAL_TYPE (LimnCheckpoints, limn_checkpoints, G_TYPE_OBJECT)

static guint changed_signal;

/* ---- the list ---- */

static void
list_free (gpointer data)
{
  fit_checkpoints_finish (data);
  g_free (data);
}

static void
read_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  struct fit_checkpoints *list = g_new0 (struct fit_checkpoints, 1);
  struct fit_error error = { 0 };

  (void) source;
  (void) cancellable;
  if (fit_checkpoints_list (data, list, &error))
    {
      g_task_return_pointer (task, list, list_free);
      return;
    }
  g_free (list);
  g_task_return_new_error (task, limn_fit_error_quark (), (int) error.status, "%s", error.message);
}

static gboolean
is_same (const struct fit_checkpoints *a, const struct fit_checkpoints *b)
{
  return a->n == b->n && g_str_equal (a->folder, b->folder) &&
         (a->n == 0 || memcmp (a->steps, b->steps, (gsize) a->n * sizeof *a->steps) == 0);
}

static gboolean
pause_cb (gpointer data)
{
  LimnCheckpoints *self = data;
  g_autofree char *path = g_strdup (self->path);

  self->pause_source = 0;
  limn_checkpoints_follow (self, path);
  return G_SOURCE_REMOVE;
}

static void
folder_changed_cb (LimnCheckpoints *self)
{
  if (!self->pause_source)
    self->pause_source = g_timeout_add (PAUSE_MS, pause_cb, self);
}

static void
watch (LimnCheckpoints *self)
{
  g_autoptr (GFile) folder = g_file_new_for_path (self->list.folder);

  if (self->monitor || self->list.n == 0)
    return;
  /* Without one the list is as old as the model in use. */
  self->monitor = g_file_monitor_directory (folder, G_FILE_MONITOR_NONE, NULL, NULL);
  if (self->monitor)
    g_signal_connect_object (self->monitor, "changed", G_CALLBACK (folder_changed_cb), self,
                             G_CONNECT_SWAPPED);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LimnCheckpoints *self = LIMN_CHECKPOINTS (source);
  g_autoptr (GError) error = NULL;
  struct fit_checkpoints *list = g_task_propagate_pointer (G_TASK (result), &error);
  struct fit_checkpoints none = { 0 };
  gboolean same;

  (void) data;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->reading);
  same = is_same (&self->list, list ? list : &none);
  fit_checkpoints_finish (&self->list);
  self->list = list ? *list : none;
  g_free (list);
  g_free (self->trouble);
  self->trouble = g_strdup (error ? error->message : "");
  watch (self);
  if (!same)
    g_signal_emit (self, changed_signal, 0);
}

static void
stop_reading (LimnCheckpoints *self)
{
  g_clear_handle_id (&self->pause_source, g_source_remove);
  if (self->reading)
    g_cancellable_cancel (self->reading);
  g_clear_object (&self->reading);
}

/* Whatever was known of another model is forgotten. */
static void
forget (LimnCheckpoints *self)
{
  gboolean had_some = self->list.n > 0;

  g_clear_object (&self->monitor);
  g_clear_pointer (&self->trouble, g_free);
  fit_checkpoints_finish (&self->list);
  if (had_some)
    g_signal_emit (self, changed_signal, 0);
}

void
limn_checkpoints_follow (LimnCheckpoints *self, const char *path)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (LIMN_IS_CHECKPOINTS (self));

  stop_reading (self);
  if (g_strcmp0 (path, self->path) != 0)
    {
      g_free (self->path);
      self->path = g_strdup (path);
      forget (self);
    }
  if (!path)
    return;
  self->reading = g_cancellable_new ();
  task = g_task_new (self, self->reading, read_cb, NULL);
  g_task_set_source_tag (task, limn_checkpoints_follow);
  g_task_set_task_data (task, g_strdup (path), g_free);
  g_task_run_in_thread (task, read_thread);
}

guint
limn_checkpoints_get_n (LimnCheckpoints *self)
{
  return (guint) self->list.n;
}

gint64
limn_checkpoints_get_step (LimnCheckpoints *self, guint i)
{
  g_return_val_if_fail (i < (guint) self->list.n, -1);

  return self->list.steps[i];
}

gboolean
limn_checkpoints_has (LimnCheckpoints *self, gint64 step)
{
  for (int i = 0; i < self->list.n; i++)
    if (self->list.steps[i] == step)
      return TRUE;
  return FALSE;
}

const char *
limn_checkpoints_get_trouble (LimnCheckpoints *self)
{
  return self->trouble ? self->trouble : "";
}

static void
limn_checkpoints_dispose (GObject *object)
{
  LimnCheckpoints *self = LIMN_CHECKPOINTS (object);

  stop_reading (self);
  g_clear_object (&self->monitor);
  fit_checkpoints_finish (&self->list);
  g_clear_pointer (&self->trouble, g_free);
  g_clear_pointer (&self->path, g_free);
  G_OBJECT_CLASS (limn_checkpoints_parent_class)->dispose (object);
}

static void
limn_checkpoints_class_init (LimnCheckpointsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = limn_checkpoints_dispose;
  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 0);
}

static void
limn_checkpoints_init (LimnCheckpoints *self)
{
  (void) self;
}

LimnCheckpoints *
limn_checkpoints_new (void)
{
  return g_object_new (LIMN_TYPE_CHECKPOINTS, NULL);
}

/* ---- one of them ---- */

typedef struct
{
  struct fit_engine *engine; /* kept by the model beside */
  struct fit_model *beside;  /* a reference */
  gint64 step;
} Opening;

static void
opening_free (gpointer data)
{
  Opening *opening = data;

  fit_model_unref (&opening->beside);
  g_free (opening);
}

static void
model_free (gpointer data)
{
  struct fit_model *model = data;

  fit_model_unref (&model);
}

/* The folder of the step in the run of the model beside; false when no bundle is there. */
static gboolean
find_step (const Opening *opening, char *path, gsize bytes)
{
  struct fit_model_info info;
  struct fit_checkpoints list;
  gboolean found = FALSE;

  fit_model_info (opening->beside, &info);
  if (!fit_checkpoints_list (info.path, &list, NULL))
    return FALSE;
  for (int i = 0; i < list.n && !found; i++)
    found = list.steps[i] == opening->step &&
            fit_checkpoints_path (&list, opening->step, path, bytes);
  fit_checkpoints_finish (&list);
  return found;
}

static void
open_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Opening *opening = data;
  char path[PATH_MAX], step[24]; /* translations know no macros */
  struct fit_model_params params = { .path = path };
  struct fit_model *model;
  struct fit_error error = { 0 };
  gboolean found = find_step (opening, path, sizeof path);

  (void) source;
  (void) cancellable;
  g_snprintf (step, sizeof step, "%" G_GINT64_FORMAT, opening->step);
  if (found && fit_model_load (opening->engine, &params, &model, &error))
    g_task_return_pointer (task, model, model_free);
  /* It may have been cleared away while it was read. */
  else if (!found || !find_step (opening, path, sizeof path))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                             _ ("Step %s is not there any more: a training run keeps its newest "
                                "checkpoints only."),
                             step);
  else
    g_task_return_new_error (task, limn_fit_error_quark (), (int) error.status, "%s",
                             error.message);
}

void
limn_checkpoint_open_async (struct fit_engine *engine, struct fit_model *beside, gint64 step,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  Opening *opening;
  struct fit_model_info info;

  g_task_set_source_tag (task, limn_checkpoint_open_async);
  if (!engine || !beside)
    {
      g_task_return_new_error (task, limn_fit_error_quark (), FIT_ERROR_MODEL, "%s",
                               _ ("There is no model yet."));
      return;
    }
  opening = g_new0 (Opening, 1);
  opening->engine = engine;
  opening->beside = fit_model_ref (beside);
  opening->step = step;
  g_task_set_task_data (task, opening, opening_free);
  fit_model_info (beside, &info);
  if (info.checkpoint_step == step)
    g_task_return_pointer (task, fit_model_ref (beside), model_free);
  else
    g_task_run_in_thread (task, open_thread);
}

struct fit_model *
limn_checkpoint_open_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
