/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-live.h"

#define STEPS 6

/* Like runs that take turns, one of these says nothing of the speed of a whole run. */
#define GROUP G_MAXUINT32

struct _LimnLive
{
  GObject parent_instance;

  /* owned */
  LimnSession *session;
  LimnSettings *settings;
  LimnRun *run; /* of the newest size, or one that is being stopped for it; NULL when none is */
  GdkTexture *texture;

  int width, height; /* followed last */
  gboolean following;
  gboolean waiting; /* the size has changed since the run began */
};

G_DEFINE_FINAL_TYPE (LimnLive, limn_live, G_TYPE_OBJECT)

enum
{
  PROP_TEXTURE = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
texture_cb (LimnLive *self)
{
  GdkTexture *texture = limn_run_get_texture (self->run);

  if (self->waiting || !texture)
    return;
  g_set_object (&self->texture, texture);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TEXTURE]);
}

static void
drop_run (LimnLive *self)
{
  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_clear_object (&self->run);
}

/* A size beyond the trained one is painted smaller, in its ratio. */
static void
get_params (LimnLive *self, struct fit_generate_params *params)
{
  struct fit_canvas canvas;

  limn_settings_to_params (self->settings, params);
  limn_session_describe (self->session, params->width, params->height, params->method, &canvas);
  if (!canvas.within_tokens)
    {
      limn_session_fit_ratio (self->session, (double) params->width / params->height, 0,
                              &params->width, &params->height);
      params->crop_width = params->crop_height = 0;
    }
  params->steps = STEPS;
  params->solver = FIT_SOLVER_EULER;
  params->guidance = 1;
  params->group = GROUP;
}

static void start (LimnLive *self);

static void
state_cb (LimnLive *self)
{
  if (limn_run_is_active (self->run))
    return;
  texture_cb (self); /* the word of a quick run's last picture may come after that of its end */
  drop_run (self);
  if (self->waiting)
    start (self);
}

/* A size that cannot be painted is said when the whole run is asked for. */
static void
start (LimnLive *self)
{
  struct fit_generate_params params;

  self->waiting = FALSE;
  if (!limn_session_has_solver (self->session, FIT_SOLVER_EULER))
    return;
  get_params (self, &params);
  self->run = limn_session_start (self->session, &params, NULL);
  if (!self->run)
    return;
  g_signal_connect_swapped (self->run, "notify::texture", G_CALLBACK (texture_cb), self);
  g_signal_connect_swapped (self->run, "notify::state", G_CALLBACK (state_cb), self);
}

/* Both sides of one change come here one after the other. */
static void
size_changed_cb (LimnLive *self)
{
  int width = limn_settings_get_width (self->settings);
  int height = limn_settings_get_height (self->settings);

  if (!self->following || (width == self->width && height == self->height))
    return;
  self->width = width;
  self->height = height;
  self->waiting = TRUE;
  if (self->run)
    limn_run_stop (self->run);
  else
    start (self);
}

void
limn_live_begin (LimnLive *self)
{
  g_return_if_fail (LIMN_IS_LIVE (self));

  self->following = TRUE;
  self->width = self->height = 0;
  size_changed_cb (self);
}

void
limn_live_end (LimnLive *self)
{
  g_return_if_fail (LIMN_IS_LIVE (self));

  self->following = self->waiting = FALSE;
  drop_run (self); /* which stops it */
}

gboolean
limn_live_is_following (LimnLive *self)
{
  return self->following;
}

gboolean
limn_live_is_painting (LimnLive *self)
{
  return self->run != NULL;
}

GdkTexture *
limn_live_get_texture (LimnLive *self)
{
  return self->texture;
}

static void
limn_live_dispose (GObject *object)
{
  LimnLive *self = LIMN_LIVE (object);

  drop_run (self);
  g_clear_object (&self->texture);
  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (limn_live_parent_class)->dispose (object);
}

static void
limn_live_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_TEXTURE)
    g_value_set_object (value, LIMN_LIVE (object)->texture);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
limn_live_class_init (LimnLiveClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = limn_live_dispose;
  object_class->get_property = limn_live_get_property;

  properties[PROP_TEXTURE]
      = g_param_spec_object ("texture", NULL, NULL, GDK_TYPE_TEXTURE,
                             G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_live_init (LimnLive *self)
{
  (void) self;
}

LimnLive *
limn_live_new (LimnSession *session, LimnSettings *settings)
{
  LimnLive *self = g_object_new (LIMN_TYPE_LIVE, NULL);

  self->session = g_object_ref (session);
  self->settings = g_object_ref (settings);
  g_signal_connect_object (settings, "notify::width", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::height", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  return self;
}
