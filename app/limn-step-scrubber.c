/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-step-scrubber.h"

#include <glib/gi18n.h>

#include "limn-step-strip.h"

#define PLAY_MS 120 /* from step to step at speed 1 */
#define SLOWEST -3  /* an eighth */
#define FASTEST 3   /* eight times */

struct _LimnStepScrubber
{
  GtkWidget parent_instance;

  LimnRun *run;
  guint play_source;
  int speed; /* a power of two */
  gboolean following; /* the view's buttons follow the run at this moment */

  GtkWidget *content, *play, *loop, *strip, *label, *live, *finish;
  GtkWidget *prediction, *state, *velocity;
};

G_DEFINE_FINAL_TYPE (LimnStepScrubber, limn_step_scrubber, GTK_TYPE_WIDGET)

static GtkWidget *
view_button (LimnStepScrubber *self, enum fit_view view)
{
  switch (view)
    {
    case FIT_VIEW_STATE:
      return self->state;
    case FIT_VIEW_VELOCITY:
      return self->velocity;
    case FIT_VIEW_PREDICTION:
    default:
      return self->prediction;
    }
}

static enum fit_view
chosen_view (LimnStepScrubber *self)
{
  if (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->state)))
    return FIT_VIEW_STATE;
  if (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->velocity)))
    return FIT_VIEW_VELOCITY;
  return FIT_VIEW_PREDICTION;
}

/* ---- playing ---- */

static void
set_playing (LimnStepScrubber *self, gboolean playing)
{
  const char *label = playing ? _ ("Pause") : _ ("Play the Steps");

  gtk_button_set_icon_name (GTK_BUTTON (self->play), playing ? "media-playback-pause-symbolic"
                                                             : "media-playback-start-symbolic");
  gtk_widget_set_tooltip_text (self->play, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->play), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label, -1);
  if (!playing)
    g_clear_handle_id (&self->play_source, g_source_remove);
}

/* The end of a run that is over begins it again; one that moves is waited for. */
static gboolean
can_loop (LimnStepScrubber *self)
{
  return gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->loop)) &&
         !limn_run_is_moving (self->run);
}

static gboolean
play_cb (gpointer data)
{
  LimnStepScrubber *self = data;

  if (limn_run_is_live (self->run))
    limn_run_show (self->run, 0, limn_run_get_view (self->run));
  else
    limn_step_strip_move (LIMN_STEP_STRIP (self->strip), 1);
  if (!limn_run_is_live (self->run) || can_loop (self))
    return G_SOURCE_CONTINUE;
  self->play_source = 0;
  set_playing (self, FALSE);
  return G_SOURCE_REMOVE;
}

static void
start_clock (LimnStepScrubber *self)
{
  guint ms = self->speed < 0 ? PLAY_MS << -self->speed : PLAY_MS >> self->speed;

  g_clear_handle_id (&self->play_source, g_source_remove);
  self->play_source = g_timeout_add (ms, play_cb, self);
}

void
limn_step_scrubber_toggle_play (LimnStepScrubber *self)
{
  g_return_if_fail (LIMN_IS_STEP_SCRUBBER (self));

  if (!self->run)
    return;
  if (self->play_source)
    {
      set_playing (self, FALSE);
      return;
    }
  if (limn_run_is_live (self->run))
    limn_run_show (self->run, 0, limn_run_get_view (self->run));
  start_clock (self);
  set_playing (self, TRUE);
}

/* ---- following the run ---- */

/* "12 / 20", and the speed where it is another than 1. */
static char *
dup_place (LimnStepScrubber *self)
{
  int step = limn_run_get_shown_step (self->run), n_steps = limn_run_get_n_steps (self->run);

  if (self->speed > 0)
    return g_strdup_printf ("%d / %d · ×%d", step, n_steps, 1 << self->speed);
  if (self->speed < 0)
    return g_strdup_printf ("%d / %d · ×1/%d", step, n_steps, 1 << -self->speed);
  return g_strdup_printf ("%d / %d", step, n_steps);
}

static void
changed_cb (LimnStepScrubber *self)
{
  g_autofree char *text = dup_place (self);

  gtk_label_set_text (GTK_LABEL (self->label), text);
  gtk_widget_set_visible (self->live,
                          limn_run_is_active (self->run) && !limn_run_is_live (self->run));
  gtk_widget_set_visible (self->finish, !limn_run_is_moving (self->run) &&
                                            limn_run_get_shown_step (self->run) <
                                                limn_run_get_n_steps (self->run));
  self->following = TRUE;
  gtk_toggle_button_set_active (
      GTK_TOGGLE_BUTTON (view_button (self, limn_run_get_view (self->run))), TRUE);
  self->following = FALSE;
}

void
limn_step_scrubber_change_speed (LimnStepScrubber *self, int direction)
{
  g_return_if_fail (LIMN_IS_STEP_SCRUBBER (self));

  self->speed = CLAMP (self->speed + direction, SLOWEST, FASTEST);
  if (self->play_source)
    start_clock (self);
  if (self->run)
    changed_cb (self);
}

void
limn_step_scrubber_toggle_loop (LimnStepScrubber *self)
{
  GtkToggleButton *loop;

  g_return_if_fail (LIMN_IS_STEP_SCRUBBER (self));

  loop = GTK_TOGGLE_BUTTON (self->loop);
  gtk_toggle_button_set_active (loop, !gtk_toggle_button_get_active (loop));
}

void
limn_step_scrubber_set_run (LimnStepScrubber *self, LimnRun *run)
{
  g_return_if_fail (LIMN_IS_STEP_SCRUBBER (self));

  set_playing (self, FALSE);
  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_set_object (&self->run, run);
  limn_step_strip_set_run (LIMN_STEP_STRIP (self->strip), run);
  if (!run)
    return;
  /* A person who watches the state wants the state of the next run as well. */
  limn_run_show (run, LIMN_RUN_LIVE, chosen_view (self));
  g_signal_connect_swapped (run, "notify::step", G_CALLBACK (changed_cb), self);
  g_signal_connect_swapped (run, "notify::shown-step", G_CALLBACK (changed_cb), self);
  g_signal_connect_swapped (run, "notify::state", G_CALLBACK (changed_cb), self);
  g_signal_connect_swapped (run, "notify::view", G_CALLBACK (changed_cb), self);
  changed_cb (self);
}

static void
view_toggled_cb (LimnStepScrubber *self, GtkToggleButton *button)
{
  if (!self->following && gtk_toggle_button_get_active (button))
    limn_step_scrubber_set_view (self, chosen_view (self));
}

void
limn_step_scrubber_set_view (LimnStepScrubber *self, enum fit_view view)
{
  int step;

  g_return_if_fail (LIMN_IS_STEP_SCRUBBER (self));

  if (!self->run)
    return;
  step = limn_run_is_live (self->run) ? LIMN_RUN_LIVE : limn_run_get_shown_step (self->run);
  limn_run_show (self->run, step, view);
}

static void
live_cb (LimnStepScrubber *self)
{
  limn_run_show (self->run, LIMN_RUN_LIVE, limn_run_get_view (self->run));
}

/* ---- widget ---- */

static void
limn_step_scrubber_dispose (GObject *object)
{
  LimnStepScrubber *self = LIMN_STEP_SCRUBBER (object);

  if (self->content)
    limn_step_scrubber_set_run (self, NULL);
  g_clear_pointer (&self->content, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_step_scrubber_parent_class)->dispose (object);
}

static void
limn_step_scrubber_class_init (LimnStepScrubberClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_step_scrubber_dispose;
  g_type_ensure (LIMN_TYPE_STEP_STRIP);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-step-scrubber.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, content);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, play);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, loop);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, strip);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, label);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, live);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, finish);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, prediction);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, state);
  gtk_widget_class_bind_template_child (widget_class, LimnStepScrubber, velocity);
  gtk_widget_class_bind_template_callback (widget_class, limn_step_scrubber_toggle_play);
  gtk_widget_class_bind_template_callback (widget_class, view_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, live_cb);
}

static void
limn_step_scrubber_init (LimnStepScrubber *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
