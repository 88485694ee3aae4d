/* SPDX-License-Identifier: Apache-2.0 */
/* The model in use and the device that it runs on: loading, changing, resting. */
#include "limn-session-private.h"

#include <glib/gi18n.h>

#include "limn-class.h"
#include "limn-error.h"

typedef struct
{
  struct fit_engine *engine;     /* opened here when it was NULL */
  struct fit_engine *old_engine; /* closed here when the other has a model; or NULL */
  const char *backend;           /* what to open; NULL: the best */
  struct fit_model *model;
  char *path;
  LimnWaker *waker;
} Load;

static void
load_free (gpointer data)
{
  Load *load = data;

  fit_model_unref (&load->model);
  g_free (load->path);
  g_free (load);
}

static void
load_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Load *load = data;
  g_autofree char *cache = g_build_filename (g_get_user_cache_dir (), "limn", NULL);
  struct fit_engine_params engine_params = {
    .backend = load->backend,
    .wake = limn_session_wake,
    .wake_data = load->waker,
    .background = true,
    .cache_folder = cache,
  };
  struct fit_model_params model_params = { .path = load->path };
  struct fit_error error = { 0 };

  (void) source;
  (void) cancellable;
  if ((load->engine || fit_engine_open (&load->engine, &engine_params, &error)) &&
      fit_model_load (load->engine, &model_params, &load->model, &error))
    {
      fit_engine_close (&load->old_engine);
      g_task_return_boolean (task, TRUE);
      return;
    }
  if (load->old_engine)
    {
      fit_engine_close (&load->engine);
      load->engine = g_steal_pointer (&load->old_engine);
    }
  g_task_return_new_error (task, limn_fit_error_quark (), (int) error.status, "%s", error.message);
}

static void
fill_classes (LimnSession *self)
{
  g_autoptr (GPtrArray) classes = g_ptr_array_new_with_free_func (g_object_unref);

  for (int id = 0; id < self->info.n_classes; id++)
    g_ptr_array_add (classes, limn_class_new (id, fit_model_class_name (self->model, id),
                                              fit_model_class_synonyms (self->model, id),
                                              fit_model_class_group (self->model, id),
                                              fit_model_class_code (self->model, id)));
  g_ptr_array_add (classes, limn_class_new (FIT_CLASS_NONE, _ ("No Class"),
                                            _ ("Whatever comes to the model"), "", ""));
  g_list_store_splice (self->classes, 0, g_list_model_get_n_items (G_LIST_MODEL (self->classes)),
                       classes->pdata, classes->len);
}

/* The reference is taken over. */
static void
take_model (LimnSession *self, struct fit_model *model)
{
  fit_model_unref (&self->model);
  self->model = model;
  self->flops_per_second = 0;
  fit_model_info (model, &self->info);
  fill_classes (self);
}

static void
load_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LimnSession *self = LIMN_SESSION (source);
  Load *load = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  (void) data;
  self->loading = FALSE;
  self->engine = load->engine;
  g_clear_pointer (&self->message, g_free);
  if (g_task_propagate_boolean (G_TASK (result), &error))
    {
      take_model (self, g_steal_pointer (&load->model));
      g_free (self->path);
      self->path = g_steal_pointer (&load->path);
    }
  else
    self->message = g_strdup (error->message);
  limn_session_set_state (self, self->model ? LIMN_SESSION_READY : LIMN_SESSION_NO_MODEL);
}

static Load *
load_new (LimnSession *self, const char *path)
{
  Load *load = g_new0 (Load, 1);

  load->path = g_strdup (path);
  load->waker = self->waker;
  return load;
}

/* Takes over the load. */
static void
begin_load (LimnSession *self, Load *load)
{
  g_autoptr (GTask) task = NULL;

  self->loading = TRUE;
  limn_session_set_state (self, LIMN_SESSION_LOADING);
  task = g_task_new (self, NULL, load_done_cb, NULL);
  g_task_set_source_tag (task, begin_load);
  g_task_set_task_data (task, load, load_free);
  g_task_run_in_thread (task, load_thread);
}

void
limn_session_load (LimnSession *self, const char *path)
{
  Load *load;

  g_return_if_fail (LIMN_IS_SESSION (self));

  if (self->loading)
    return;
  load = load_new (self, path);
  load->engine = self->engine;
  begin_load (self, load);
}

void
limn_session_move_to_processor (LimnSession *self)
{
  Load *load;

  g_return_if_fail (LIMN_IS_SESSION (self));
  g_return_if_fail (self->model);

  if (self->loading)
    return;
  load = load_new (self, self->info.path);
  load->backend = "cpu";
  /* Whoever asks for something meanwhile finds no engine. */
  load->old_engine = g_steal_pointer (&self->engine);
  begin_load (self, load);
}

void
limn_session_use (LimnSession *self, struct fit_model *model)
{
  if (model == self->model || self->loading)
    return;
  take_model (self, fit_model_ref (model));
  g_free (self->path);
  self->path = g_strdup (self->info.path);
  g_clear_pointer (&self->message, g_free);
  limn_session_set_state (self, LIMN_SESSION_READY);
}

/* ---- the device ---- */

gboolean
limn_session_is_on_processor (LimnSession *self)
{
  return !self->engine || g_str_equal (fit_engine_backend (self->engine), "cpu") ||
         g_str_equal (fit_engine_backend (self->engine), "reference");
}

gboolean
limn_session_has_lost_device (LimnSession *self)
{
  return self->engine && !fit_engine_answers (self->engine);
}

/* That a run has begun meanwhile, or the engine is closed, is as well. */
static void
rest_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  struct fit_error error = { 0 };

  (void) source;
  (void) cancellable;
  g_task_return_boolean (task, fit_model_trim (data, &error));
}

static void
unref_model (gpointer data)
{
  struct fit_model *model = data;

  fit_model_unref (&model);
}

void
limn_session_rest (LimnSession *self)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (LIMN_IS_SESSION (self));

  if (!self->model)
    return;
  task = g_task_new (self, NULL, NULL, NULL);
  g_task_set_source_tag (task, limn_session_rest);
  g_task_set_task_data (task, fit_model_ref (self->model), unref_model);
  g_task_run_in_thread (task, rest_thread);
}
