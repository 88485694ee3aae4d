/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-session-private.h"

#include <glib/gi18n.h>

#include "limn-checkpoints.h"
#include "limn-class.h"
#include "limn-error.h"

G_DEFINE_FINAL_TYPE (LimnSession, limn_session, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (LimnSessionState, limn_session_state,
                    G_DEFINE_ENUM_VALUE (LIMN_SESSION_LOADING, "loading"),
                    G_DEFINE_ENUM_VALUE (LIMN_SESSION_NO_MODEL, "no-model"),
                    G_DEFINE_ENUM_VALUE (LIMN_SESSION_READY, "ready"))

enum
{
  PROP_STATE = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

void
limn_session_set_state (LimnSession *self, LimnSessionState state)
{
  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

/* ---- events ---- */

static void
waker_unref (gpointer data)
{
  LimnWaker *waker = data;

  if (g_atomic_ref_count_dec (&waker->refs))
    g_free (waker);
}

static void
learn_speed (LimnSession *self, LimnRun *run)
{
  const struct fit_generate_params *params = limn_run_get_params (run);
  double elapsed = limn_run_get_elapsed (run);
  int passes = fit_solver_evaluations (params->solver) * params->steps;
  struct fit_canvas canvas;

  if (!self->model || elapsed <= 0)
    return;
  fit_canvas_describe (self->model, params->width, params->height, params->method, &canvas);
  self->flops_per_second
      = (double) canvas.flops * passes * (params->guidance > 1 ? 2 : 1) / elapsed;
}

static gboolean
drain_cb (gpointer data)
{
  LimnWaker *waker = data;
  LimnSession *self = waker->session;
  struct fit_event event;

  if (!self)
    return G_SOURCE_REMOVE;
  g_object_ref (self);
  while (self->engine && fit_engine_next_event (self->engine, &event))
    {
      LimnRun *run = g_hash_table_lookup (self->runs, event.job);

      if (run)
        {
          g_object_ref (run);
          limn_run_handle_event (run, event.type);
          /* Runs that take turns say nothing of the speed of one. */
          if (event.type == FIT_EVENT_DONE && !limn_run_get_params (run)->group)
            learn_speed (self, run);
          g_object_unref (run);
        }
      fit_job_unref (&event.job);
    }
  g_object_unref (self);
  return G_SOURCE_REMOVE;
}

/* Input comes before pictures, so the source waits behind the window's events. */
void
limn_session_wake (void *data)
{
  LimnWaker *waker = data;

  g_atomic_ref_count_inc (&waker->refs);
  g_idle_add_full (G_PRIORITY_DEFAULT + 10, drain_cb, waker, waker_unref);
}

static void
run_gone_cb (gpointer data, GObject *run)
{
  GHashTable *runs = data;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, runs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (value == run)
      g_hash_table_iter_remove (&iter);
  g_hash_table_unref (runs);
}

void
limn_session_close (LimnSession *self)
{
  g_return_if_fail (LIMN_IS_SESSION (self));

  while (self->loading)
    g_main_context_iteration (NULL, TRUE);
  fit_model_unref (&self->model);
  if (self->engine)
    fit_engine_close (&self->engine);
  limn_recovery_finish (self->recovery);
}

/* ---- object ---- */

static void
limn_session_finalize (GObject *object)
{
  LimnSession *self = LIMN_SESSION (object);

  limn_session_close (self);
  self->waker->session = NULL;
  waker_unref (self->waker);
  g_clear_object (&self->classes);
  g_clear_object (&self->recovery);
  g_hash_table_remove_all (self->runs);
  g_hash_table_unref (self->runs);
  g_free (self->message);
  g_free (self->path);
  G_OBJECT_CLASS (limn_session_parent_class)->finalize (object);
}

static void
limn_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LimnSession *self = LIMN_SESSION (object);

  if (id == PROP_STATE)
    g_value_set_enum (value, (int) self->state);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
limn_session_class_init (LimnSessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = limn_session_finalize;
  object_class->get_property = limn_session_get_property;

  properties[PROP_STATE]
      = g_param_spec_enum ("state", NULL, NULL, LIMN_TYPE_SESSION_STATE, LIMN_SESSION_NO_MODEL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_session_init (LimnSession *self)
{
  self->waker = g_new0 (LimnWaker, 1);
  g_atomic_ref_count_init (&self->waker->refs);
  self->waker->session = self;
  self->classes = g_list_store_new (LIMN_TYPE_CLASS);
  self->runs = g_hash_table_new (NULL, NULL);
  self->recovery = limn_recovery_new (NULL);
  self->state = LIMN_SESSION_NO_MODEL;
}

LimnSession *
limn_session_new (void)
{
  return g_object_new (LIMN_TYPE_SESSION, NULL);
}

LimnSessionState
limn_session_get_state (LimnSession *self)
{
  return self->state;
}

const char *
limn_session_get_path (LimnSession *self)
{
  return self->path;
}

const char *
limn_session_get_message (LimnSession *self)
{
  return self->message ? self->message : "";
}

const struct fit_model_info *
limn_session_get_info (LimnSession *self)
{
  return self->model ? &self->info : NULL;
}

char *
limn_session_dup_device (LimnSession *self)
{
  if (!self->engine)
    return g_strdup ("");
  return g_strdup_printf ("%s · %s", fit_engine_backend (self->engine),
                          fit_engine_device (self->engine));
}

const char *
limn_session_get_notice (LimnSession *self)
{
  return self->engine ? fit_engine_notice (self->engine) : "";
}

GListModel *
limn_session_get_classes (LimnSession *self)
{
  return G_LIST_MODEL (self->classes);
}

const char *
limn_session_get_class_name (LimnSession *self, int class_id)
{
  const char *name = NULL;

  if (class_id == FIT_CLASS_NONE)
    return _ ("No Class");
  if (self->model)
    name = fit_model_class_name (self->model, class_id);
  return name ? name : "";
}

gboolean
limn_session_describe (LimnSession *self, int width, int height, enum fit_method method,
                       struct fit_canvas *canvas)
{
  if (!self->model)
    return FALSE;
  fit_canvas_cover (self->model, &width, &height);
  fit_canvas_describe (self->model, width, height, method, canvas);
  return TRUE;
}

gboolean
limn_session_has_solver (LimnSession *self, enum fit_solver solver)
{
  return self->model && fit_model_has_solver (self->model, solver);
}

gboolean
limn_session_find_smaller (LimnSession *self, const struct fit_generate_params *params, int *width,
                           int *height)
{
  return self->model && self->engine && fit_canvas_for_memory (self->model, params, width, height);
}

void
limn_session_snap (LimnSession *self, int *width, int *height)
{
  if (self->model)
    fit_canvas_snap (self->model, width, height);
}

void
limn_session_fit_ratio (LimnSession *self, double ratio, int tokens, int *width, int *height)
{
  if (self->model)
    fit_canvas_for_ratio (self->model, ratio, tokens > 0 ? tokens : self->info.context_tokens,
                          width, height);
}

/* The run of a job that the engine has taken; its reference is taken over. */
static LimnRun *
adopt (LimnSession *self, struct fit_job *job)
{
  LimnRun *run = limn_run_new (job);

  g_hash_table_insert (self->runs, job, run);
  g_object_weak_ref (G_OBJECT (run), run_gone_cb, g_hash_table_ref (self->runs));
  return run;
}

LimnRun *
limn_session_start (LimnSession *self, const struct fit_generate_params *params, GError **error)
{
  return limn_session_start_on (self, self->model, params, error);
}

LimnRun *
limn_session_start_on (LimnSession *self, struct fit_model *model,
                       const struct fit_generate_params *params, GError **error)
{
  struct fit_error failure = { 0 };
  struct fit_job *job;

  if (!model || !self->engine)
    {
      g_set_error_literal (error, limn_fit_error_quark (), FIT_ERROR_MODEL,
                           _ ("There is no model yet."));
      return NULL;
    }
  if (!fit_generate (model, params, &job, &failure))
    {
      limn_propagate_fit_error (error, &failure);
      return NULL;
    }
  return adopt (self, job);
}

void
limn_session_open_checkpoint_async (LimnSession *self, gint64 step, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer data)
{
  limn_checkpoint_open_async (self->engine, self->model, step, cancellable, callback, data);
}

LimnRun *
limn_session_continue (LimnSession *self, LimnRun *run, GError **error)
{
  struct fit_error failure = { 0 };
  struct fit_job *old = limn_run_ref_job (run), *job;

  fit_job_continue (old, &job, &failure);
  fit_job_unref (&old);
  if (job)
    return adopt (self, job);
  limn_propagate_fit_error (error, &failure);
  return NULL;
}

LimnRun *
limn_session_recover (LimnSession *self, GError **error)
{
  const char *path = limn_recovery_get_path (self->recovery);
  struct fit_error failure = { 0 };
  struct fit_job *job;

  g_return_val_if_fail (self->model, NULL);

  if (fit_job_read (self->model, path, FALSE, &job, &failure))
    return adopt (self, job);
  limn_propagate_fit_error (error, &failure);
  return NULL;
}

LimnRecovery *
limn_session_get_recovery (LimnSession *self)
{
  return self->recovery;
}

LimnRun *
limn_session_generate (LimnSession *self, LimnSettings *settings, GError **error)
{
  struct fit_generate_params params;

  limn_settings_to_params (settings, &params);
  return limn_session_start (self, &params, error);
}

double
limn_session_forecast (LimnSession *self, LimnSettings *settings)
{
  struct fit_generate_params params;
  struct fit_canvas canvas;
  int passes;

  if (!self->model || self->flops_per_second <= 0)
    return 0;
  limn_settings_to_params (settings, &params);
  fit_canvas_describe (self->model, params.width, params.height, params.method, &canvas);
  passes = fit_solver_evaluations (params.solver) * params.steps;
  if (params.guidance > 1 && params.class_id != FIT_CLASS_NONE)
    passes *= 2;
  return (double) canvas.flops * passes / self->flops_per_second;
}
