/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-run.h"

#include <stdlib.h>

#include "limn-error.h"
#include "limn-frame-texture.h"

struct _LimnRun
{
  GObject parent_instance;

  /* owned */
  struct fit_job *job;
  struct fit_frame *live;  /* the newest picture of the run itself */
  struct fit_frame *shown; /* the decoded picture behind the texture, or NULL */
  GdkTexture *texture;

  struct fit_generate_params params;
  struct fit_progress progress;
  struct fit_error error;
  int wanted_step;
  enum fit_view view;
};

G_DEFINE_FINAL_TYPE (LimnRun, limn_run, G_TYPE_OBJECT)

enum
{
  PROP_STATE = 1,
  PROP_STEP,
  PROP_N_STEPS,
  PROP_T,
  PROP_REMAINING,
  PROP_ERROR,
  PROP_SHOWN_STEP,
  PROP_VIEW,
  PROP_TEXTURE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
notify (LimnRun *self, int prop)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

static void
set_texture (LimnRun *self, GdkTexture *texture, struct fit_frame *frame)
{
  fit_frame_unref (&self->shown);
  self->shown = frame ? fit_frame_ref (frame) : NULL;
  g_set_object (&self->texture, texture);
  notify (self, PROP_TEXTURE);
}

static void
show_frame (LimnRun *self, struct fit_frame *frame)
{
  g_autoptr (GdkTexture) texture = NULL;

  if (frame == self->shown)
    return;
  texture = limn_frame_texture_new (frame);
  set_texture (self, texture, frame);
}

static gboolean
is_wanted (LimnRun *self, struct fit_frame *frame)
{
  if (fit_frame_view (frame) != self->view)
    return FALSE;
  return self->wanted_step == LIMN_RUN_LIVE || fit_frame_step (frame) == self->wanted_step;
}

static void
take_frames (LimnRun *self)
{
  struct fit_frame *frame;

  while ((frame = fit_job_take_frame (self->job)))
    {
      if (fit_frame_view (frame) == FIT_VIEW_PREDICTION &&
          (!self->live || fit_frame_step (frame) >= fit_frame_step (self->live)))
        {
          fit_frame_unref (&self->live);
          self->live = fit_frame_ref (frame);
        }
      if (is_wanted (self, frame))
        show_frame (self, frame);
      fit_frame_unref (&frame);
    }
}

/* The engine sends predictions by itself; other views have to be asked for step by step. */
static void
follow_live_view (LimnRun *self)
{
  if (self->wanted_step == LIMN_RUN_LIVE && self->view != FIT_VIEW_PREDICTION)
    fit_job_show (self->job, self->progress.step, self->view);
}

static void
set_progress (LimnRun *self, const struct fit_progress *progress)
{
  int step = self->progress.step;
  enum fit_job_state state = self->progress.state;

  self->progress = *progress;
  if (self->progress.step != step)
    {
      notify (self, PROP_STEP);
      notify (self, PROP_T);
      if (self->wanted_step == LIMN_RUN_LIVE)
        notify (self, PROP_SHOWN_STEP);
      follow_live_view (self);
    }
  notify (self, PROP_REMAINING);
  if (self->progress.state != state)
    notify (self, PROP_STATE);
}

void
limn_run_handle_event (LimnRun *self, enum fit_event_type type)
{
  struct fit_progress progress;

  g_return_if_fail (LIMN_IS_RUN (self));

  g_object_freeze_notify (G_OBJECT (self));
  if (type == FIT_EVENT_FAILED)
    {
      fit_job_error (self->job, &self->error);
      notify (self, PROP_ERROR);
    }
  if (type == FIT_EVENT_NOT_SHOWN)
    {
      fit_job_show_error (self->job, &self->error);
      notify (self, PROP_ERROR);
    }
  /* In this order: a run that has ended has put down its last picture before. */
  fit_job_progress (self->job, &progress);
  take_frames (self);
  set_progress (self, &progress);
  g_object_thaw_notify (G_OBJECT (self));
}

static void
limn_run_finalize (GObject *object)
{
  LimnRun *self = LIMN_RUN (object);

  fit_job_cancel (self->job);
  fit_frame_unref (&self->live);
  fit_frame_unref (&self->shown);
  g_clear_object (&self->texture);
  fit_job_unref (&self->job);
  G_OBJECT_CLASS (limn_run_parent_class)->finalize (object);
}

static void
limn_run_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LimnRun *self = LIMN_RUN (object);

  switch (id)
    {
    case PROP_STATE:
      g_value_set_int (value, (int) self->progress.state);
      break;
    case PROP_STEP:
      g_value_set_int (value, self->progress.step);
      break;
    case PROP_N_STEPS:
      g_value_set_int (value, self->params.steps);
      break;
    case PROP_T:
      g_value_set_double (value, self->progress.t);
      break;
    case PROP_REMAINING:
      g_value_set_double (value, self->progress.remaining_s);
      break;
    case PROP_ERROR:
      g_value_set_string (value, self->error.message);
      break;
    case PROP_SHOWN_STEP:
      g_value_set_int (value, limn_run_get_shown_step (self));
      break;
    case PROP_VIEW:
      g_value_set_int (value, (int) self->view);
      break;
    case PROP_TEXTURE:
      g_value_set_object (value, self->texture);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static GParamSpec *
int_property (const char *name, int least, int most)
{
  return g_param_spec_int (name, NULL, NULL, least, most, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
limn_run_class_init (LimnRunClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = limn_run_finalize;
  object_class->get_property = limn_run_get_property;

  properties[PROP_STATE] = int_property ("state", FIT_JOB_WAITING, FIT_JOB_CANCELLED);
  properties[PROP_STEP] = int_property ("step", 0, G_MAXINT);
  properties[PROP_N_STEPS] = int_property ("n-steps", 0, G_MAXINT);
  properties[PROP_T] = g_param_spec_double ("t", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_REMAINING]
      = g_param_spec_double ("remaining", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, -1, flags);
  properties[PROP_ERROR] = g_param_spec_string ("error", NULL, NULL, "", flags);
  properties[PROP_SHOWN_STEP] = int_property ("shown-step", 0, G_MAXINT);
  properties[PROP_VIEW] = int_property ("view", FIT_VIEW_PREDICTION, FIT_VIEW_VELOCITY);
  properties[PROP_TEXTURE]
      = g_param_spec_object ("texture", NULL, NULL, GDK_TYPE_TEXTURE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_run_init (LimnRun *self)
{
  self->wanted_step = LIMN_RUN_LIVE;
  self->view = FIT_VIEW_PREDICTION;
}

LimnRun *
limn_run_new (struct fit_job *job)
{
  LimnRun *self = g_object_new (LIMN_TYPE_RUN, NULL);

  self->job = job;
  fit_job_params (job, &self->params);
  fit_job_progress (job, &self->progress);
  return self;
}

gboolean
limn_run_is_active (LimnRun *self)
{
  return limn_run_is_moving (self) || self->progress.state == FIT_JOB_PAUSED;
}

gboolean
limn_run_is_moving (LimnRun *self)
{
  return self->progress.state == FIT_JOB_WAITING || self->progress.state == FIT_JOB_RUNNING;
}

enum fit_job_state
limn_run_get_state (LimnRun *self)
{
  return self->progress.state;
}

int
limn_run_get_step (LimnRun *self)
{
  return self->progress.step;
}

int
limn_run_get_n_steps (LimnRun *self)
{
  return self->params.steps;
}

double
limn_run_get_elapsed (LimnRun *self)
{
  return self->progress.elapsed_s;
}

double
limn_run_get_remaining (LimnRun *self)
{
  return self->progress.remaining_s;
}

const char *
limn_run_get_error (LimnRun *self)
{
  return self->error.message;
}

GError *
limn_run_dup_error (LimnRun *self)
{
  GError *error = NULL;

  if (self->error.status != FIT_OK)
    limn_propagate_fit_error (&error, &self->error);
  return error;
}

struct fit_model *
limn_run_get_model (LimnRun *self)
{
  return fit_job_model (self->job);
}

const struct fit_generate_params *
limn_run_get_params (LimnRun *self)
{
  return &self->params;
}

void
limn_run_go_on_from_shown (LimnRun *self, struct fit_generate_params *params)
{
  int shown = limn_run_get_shown_step (self);

  params->from = self->job;
  /* Nothing has been predicted yet at the step that a run has come to. */
  params->from_step = shown > 0 && shown == self->progress.step ? shown - 1 : shown;
  params->seed = self->params.seed;
  params->index = self->params.index;
  params->width = self->params.width;
  params->height = self->params.height;
  params->crop_width = self->params.crop_width;
  params->crop_height = self->params.crop_height;
  params->steps = self->params.steps;
}

gboolean
limn_run_is_branch (LimnRun *self)
{
  return self->params.from != NULL;
}

void
limn_run_stop (LimnRun *self)
{
  g_return_if_fail (LIMN_IS_RUN (self));

  fit_job_cancel (self->job);
}

void
limn_run_pause (LimnRun *self)
{
  g_return_if_fail (LIMN_IS_RUN (self));

  fit_job_pause (self->job);
}

void
limn_run_resume (LimnRun *self)
{
  g_return_if_fail (LIMN_IS_RUN (self));

  fit_job_resume (self->job);
}

struct fit_job *
limn_run_ref_job (LimnRun *self)
{
  return fit_job_ref (self->job);
}

/* While the decoder works, the prediction's thumbnail stands in for it. */
static void
show_approximately (LimnRun *self, int step)
{
  g_autoptr (GdkTexture) thumbnail = NULL;

  if (self->live && fit_frame_step (self->live) == step)
    {
      show_frame (self, self->live);
      return;
    }
  thumbnail = limn_run_dup_thumbnail (self, step);
  if (thumbnail)
    set_texture (self, thumbnail, NULL);
}

void
limn_run_show (LimnRun *self, int step, enum fit_view view)
{
  g_return_if_fail (LIMN_IS_RUN (self));

  step = CLAMP (step, LIMN_RUN_LIVE, self->progress.step);
  if (step == self->wanted_step && view == self->view)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  self->wanted_step = step;
  if (self->view != view)
    {
      self->view = view;
      notify (self, PROP_VIEW);
    }
  notify (self, PROP_SHOWN_STEP);
  if (view == FIT_VIEW_PREDICTION && step == LIMN_RUN_LIVE && self->live)
    show_frame (self, self->live);
  else if (view == FIT_VIEW_PREDICTION)
    show_approximately (self, limn_run_get_shown_step (self));
  if (step != LIMN_RUN_LIVE && !(self->shown && is_wanted (self, self->shown)))
    fit_job_show (self->job, step, view);
  follow_live_view (self);
  g_object_thaw_notify (G_OBJECT (self));
}

gboolean
limn_run_is_live (LimnRun *self)
{
  return self->wanted_step == LIMN_RUN_LIVE;
}

enum fit_view
limn_run_get_view (LimnRun *self)
{
  return self->view;
}

int
limn_run_get_shown_step (LimnRun *self)
{
  return self->wanted_step == LIMN_RUN_LIVE ? self->progress.step : self->wanted_step;
}

GdkTexture *
limn_run_get_texture (LimnRun *self)
{
  return self->texture;
}

struct fit_frame *
limn_run_dup_frame (LimnRun *self)
{
  return self->shown ? fit_frame_ref (self->shown) : NULL;
}

struct fit_frame *
limn_run_dup_end (LimnRun *self)
{
  return self->live && fit_frame_is_final (self->live) ? fit_frame_ref (self->live) : NULL;
}

char *
limn_run_dup_settings_json (LimnRun *self)
{
  char *text = fit_job_describe_json (self->job);
  char *json = g_strdup (text ? text : "{}");

  free (text);
  return json;
}

GdkTexture *
limn_run_dup_thumbnail (LimnRun *self, int step)
{
  int width = self->params.width / 8, height = self->params.height / 8;
  gsize stride = 4 * (gsize) width, size = stride * (gsize) height;
  g_autofree guint8 *rgba = g_malloc (size);
  g_autoptr (GBytes) bytes = NULL;

  if (!fit_job_thumbnail (self->job, step, rgba))
    return NULL;
  bytes = g_bytes_new_take (g_steal_pointer (&rgba), size);
  return gdk_memory_texture_new (width, height, GDK_MEMORY_R8G8B8A8, bytes, stride);
}
