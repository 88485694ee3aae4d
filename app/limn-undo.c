/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-undo.h"

#define STEP_MS 600 /* a pause as long as this ends a step */
#define MOST_STEPS 200

struct _LimnUndo
{
  GObject parent_instance;

  /* owned */
  LimnSettings *settings;
  GArray *steps; /* struct fit_generate_params, the oldest first; steps[at] is in force */
  guint at;
  guint step_source; /* a step is being made, or 0 */
  gboolean applying;
};

G_DEFINE_FINAL_TYPE (LimnUndo, limn_undo, G_TYPE_OBJECT)

enum
{
  PROP_CAN_UNDO = 1,
  PROP_CAN_REDO,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
notify (LimnUndo *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_UNDO]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_REDO]);
}

static struct fit_generate_params *
step_at (LimnUndo *self, guint i)
{
  return &g_array_index (self->steps, struct fit_generate_params, i);
}

static gboolean
step_ended_cb (gpointer data)
{
  LimnUndo *self = data;

  self->step_source = 0;
  return G_SOURCE_REMOVE;
}

void
limn_undo_close_step (LimnUndo *self)
{
  g_clear_handle_id (&self->step_source, g_source_remove);
}

/* A new step after the one in force, and none after it. */
static void
begin_step (LimnUndo *self, const struct fit_generate_params *now)
{
  g_array_set_size (self->steps, self->at + 1);
  g_array_append_val (self->steps, *now);
  if (self->steps->len > MOST_STEPS)
    g_array_remove_index (self->steps, 0);
  self->at = self->steps->len - 1;
}

static void
settings_changed_cb (LimnUndo *self)
{
  struct fit_generate_params now;

  if (self->applying)
    return;
  limn_settings_to_params (self->settings, &now);
  if (limn_settings_match (self->settings, step_at (self, self->at), FIT_METHOD_AUTO))
    return; /* what steps do not keep, such as whether the ratio is kept */
  if (self->step_source)
    *step_at (self, self->at) = now;
  else
    begin_step (self, &now);
  limn_undo_close_step (self);
  self->step_source = g_timeout_add (STEP_MS, step_ended_cb, self);
  notify (self);
}

static void
go_to (LimnUndo *self, guint i)
{
  limn_undo_close_step (self);
  self->at = i;
  self->applying = TRUE;
  limn_settings_apply_params (self->settings, step_at (self, i));
  self->applying = FALSE;
  notify (self);
}

gboolean
limn_undo_can_undo (LimnUndo *self)
{
  return self->at > 0;
}

gboolean
limn_undo_can_redo (LimnUndo *self)
{
  return self->at + 1 < self->steps->len;
}

void
limn_undo_back (LimnUndo *self)
{
  g_return_if_fail (LIMN_IS_UNDO (self));

  if (limn_undo_can_undo (self))
    go_to (self, self->at - 1);
}

void
limn_undo_forth (LimnUndo *self)
{
  g_return_if_fail (LIMN_IS_UNDO (self));

  if (limn_undo_can_redo (self))
    go_to (self, self->at + 1);
}

void
limn_undo_forget (LimnUndo *self)
{
  struct fit_generate_params now;

  limn_undo_close_step (self);
  limn_settings_to_params (self->settings, &now);
  g_array_set_size (self->steps, 0);
  g_array_append_val (self->steps, now);
  self->at = 0;
  notify (self);
}

static void
limn_undo_dispose (GObject *object)
{
  LimnUndo *self = LIMN_UNDO (object);

  limn_undo_close_step (self);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (limn_undo_parent_class)->dispose (object);
}

static void
limn_undo_finalize (GObject *object)
{
  g_array_unref (LIMN_UNDO (object)->steps);
  G_OBJECT_CLASS (limn_undo_parent_class)->finalize (object);
}

static void
limn_undo_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LimnUndo *self = LIMN_UNDO (object);

  if (id == PROP_CAN_UNDO)
    g_value_set_boolean (value, limn_undo_can_undo (self));
  else if (id == PROP_CAN_REDO)
    g_value_set_boolean (value, limn_undo_can_redo (self));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
limn_undo_class_init (LimnUndoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = limn_undo_dispose;
  object_class->finalize = limn_undo_finalize;
  object_class->get_property = limn_undo_get_property;

  properties[PROP_CAN_UNDO] = g_param_spec_boolean ("can-undo", NULL, NULL, FALSE, flags);
  properties[PROP_CAN_REDO] = g_param_spec_boolean ("can-redo", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_undo_init (LimnUndo *self)
{
  self->steps = g_array_new (FALSE, FALSE, sizeof (struct fit_generate_params));
}

LimnUndo *
limn_undo_new (LimnSettings *settings)
{
  LimnUndo *self = g_object_new (LIMN_TYPE_UNDO, NULL);

  self->settings = g_object_ref (settings);
  g_signal_connect_object (settings, "notify", G_CALLBACK (settings_changed_cb), self,
                           G_CONNECT_SWAPPED);
  limn_undo_forget (self);
  return self;
}
