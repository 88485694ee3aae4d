/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-step-strip.h"

#include <glib/gi18n.h>
#include <math.h>

#define GAP 2
#define LEAP 10 /* steps with Shift or Page Up */

struct _LimnStepStrip
{
  GtkScale parent_instance;

  LimnRun *run;
  GPtrArray *thumbnails; /* GdkTexture by step, NULL while not there */
  gboolean following;    /* the slider follows the run at this moment */
};

G_DEFINE_FINAL_TYPE (LimnStepStrip, limn_step_strip, GTK_TYPE_SCALE)

static int
last_step (LimnStepStrip *self)
{
  return self->run ? limn_run_get_n_steps (self->run) : 0;
}

static void
show_step (LimnStepStrip *self, int step)
{
  int finished;

  if (!self->run)
    return;
  finished = limn_run_get_step (self->run);
  step = CLAMP (step, 0, finished);
  /* At the front of a run one wants to stay at the front. */
  limn_run_show (self->run, step == finished ? LIMN_RUN_LIVE : step, limn_run_get_view (self->run));
}

void
limn_step_strip_move (LimnStepStrip *self, int steps)
{
  if (self->run)
    show_step (self, limn_run_get_shown_step (self->run) + steps);
}

/* A strip that was clicked takes the arrows from then on. */
static gboolean
limn_step_strip_change_value (GtkRange *range, GtkScrollType scroll, double value)
{
  gtk_widget_grab_focus (GTK_WIDGET (range));
  return GTK_RANGE_CLASS (limn_step_strip_parent_class)->change_value (range, scroll, value);
}

static void
limn_step_strip_value_changed (GtkRange *range)
{
  LimnStepStrip *self = LIMN_STEP_STRIP (range);

  if (!self->following)
    show_step (self, (int) lround (gtk_range_get_value (range)));
}

/* ---- following the run ---- */

static const char *
view_name (enum fit_view view)
{
  switch (view)
    {
    case FIT_VIEW_STATE:
      return _ ("state");
    case FIT_VIEW_VELOCITY:
      return _ ("velocity");
    case FIT_VIEW_PREDICTION:
    default:
      return _ ("prediction");
    }
}

static void
changed_cb (LimnStepStrip *self)
{
  g_autofree char *text = NULL;
  int shown = limn_run_get_shown_step (self->run);

  /* Translators: what a slider says, such as "step 17 of 20, prediction" */
  text = g_strdup_printf (_ ("step %d of %d, %s"), shown, last_step (self),
                          view_name (limn_run_get_view (self->run)));
  self->following = TRUE;
  gtk_range_set_range (GTK_RANGE (self), 0, last_step (self));
  gtk_range_set_increments (GTK_RANGE (self), 1, LEAP);
  gtk_range_set_fill_level (GTK_RANGE (self), limn_run_get_step (self->run));
  gtk_range_set_value (GTK_RANGE (self), shown);
  self->following = FALSE;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
                                  -1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
limn_step_strip_set_run (LimnStepStrip *self, LimnRun *run)
{
  g_return_if_fail (LIMN_IS_STEP_STRIP (self));

  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_set_object (&self->run, run);
  g_ptr_array_set_size (self->thumbnails, 0);
  if (!run)
    return;
  g_ptr_array_set_size (self->thumbnails, last_step (self) + 1);
  g_signal_connect_swapped (run, "notify::step", G_CALLBACK (changed_cb), self);
  g_signal_connect_swapped (run, "notify::shown-step", G_CALLBACK (changed_cb), self);
  g_signal_connect_swapped (run, "notify::view", G_CALLBACK (changed_cb), self);
  g_signal_connect_swapped (run, "notify::state", G_CALLBACK (changed_cb), self);
  changed_cb (self);
}

static GdkTexture *
thumbnail (LimnStepStrip *self, int step)
{
  if (!self->thumbnails->pdata[step])
    self->thumbnails->pdata[step] = limn_run_dup_thumbnail (self->run, step);
  return self->thumbnails->pdata[step];
}

/* ---- drawing ---- */

/* The picture covers the slot, as on a film. */
static void
append_covering (GtkSnapshot *snapshot, GdkTexture *texture, const graphene_rect_t *slot)
{
  float scale = fmaxf (slot->size.width / (float) gdk_texture_get_width (texture),
                       slot->size.height / (float) gdk_texture_get_height (texture));
  float width = scale * (float) gdk_texture_get_width (texture);
  float height = scale * (float) gdk_texture_get_height (texture);

  gtk_snapshot_push_clip (snapshot, slot);
  gtk_snapshot_append_texture (
      snapshot, texture,
      &GRAPHENE_RECT_INIT (slot->origin.x + (slot->size.width - width) / 2,
                           slot->origin.y + (slot->size.height - height) / 2, width, height));
  gtk_snapshot_pop (snapshot);
}

static void
draw_film (LimnStepStrip *self, GtkSnapshot *snapshot, float width, float height)
{
  const struct fit_generate_params *params = limn_run_get_params (self->run);
  float natural = height * (float) params->width / (float) params->height;
  int n = last_step (self);
  int count = (int) CLAMP (width / CLAMP (natural, 24, 3 * height), 1, n + 1);
  float slot = width / (float) count;
  GdkRGBA empty;

  gtk_style_context_get_color (gtk_widget_get_style_context (GTK_WIDGET (self)), &empty);
  empty.alpha *= 0.08f;
  for (int i = 0; i < count; i++)
    {
      int step = count == 1 ? n : (int) lround ((double) i * n / (count - 1));
      graphene_rect_t bounds
          = GRAPHENE_RECT_INIT (roundf ((float) i * slot), 0,
                                roundf ((float) (i + 1) * slot) - roundf ((float) i * slot) - GAP,
                                height);
      GdkTexture *texture;

      texture = step <= limn_run_get_step (self->run) ? thumbnail (self, step) : NULL;
      if (texture)
        append_covering (snapshot, texture, &bounds);
      else
        gtk_snapshot_append_color (snapshot, &empty, &bounds);
    }
}

static void
limn_step_strip_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  LimnStepStrip *self = LIMN_STEP_STRIP (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, width, height);
  GskRoundedRect film;

  if (!self->run)
    return;
  gsk_rounded_rect_init_from_rect (&film, &bounds, 6);
  gtk_snapshot_push_rounded_clip (snapshot, &film);
  draw_film (self, snapshot, width, height);
  gtk_snapshot_pop (snapshot);
  GTK_WIDGET_CLASS (limn_step_strip_parent_class)->snapshot (widget, snapshot);
}

/* Shift makes long steps; the other keys are the slider's own. */
static gboolean
key_cb (LimnStepStrip *self, guint keyval, guint code, GdkModifierType state)
{
  (void) code;
  if (!(state & GDK_SHIFT_MASK) || (keyval != GDK_KEY_Left && keyval != GDK_KEY_Right))
    return GDK_EVENT_PROPAGATE;
  limn_step_strip_move (self, keyval == GDK_KEY_Left ? -LEAP : LEAP);
  return GDK_EVENT_STOP;
}

/* ---- widget ---- */

static void
limn_step_strip_finalize (GObject *object)
{
  LimnStepStrip *self = LIMN_STEP_STRIP (object);

  limn_step_strip_set_run (self, NULL);
  g_ptr_array_unref (self->thumbnails);
  G_OBJECT_CLASS (limn_step_strip_parent_class)->finalize (object);
}

static void
limn_step_strip_class_init (LimnStepStripClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = limn_step_strip_finalize;
  GTK_RANGE_CLASS (klass)->change_value = limn_step_strip_change_value;
  GTK_RANGE_CLASS (klass)->value_changed = limn_step_strip_value_changed;
  widget_class->snapshot = limn_step_strip_snapshot;
  gtk_widget_class_set_css_name (widget_class, "strip");
}

static void
thumbnail_free (gpointer data)
{
  if (data)
    g_object_unref (data);
}

static void
limn_step_strip_init (LimnStepStrip *self)
{
  GtkRange *range = GTK_RANGE (self);
  GtkEventController *keys = gtk_event_controller_key_new ();

  self->thumbnails = g_ptr_array_new_with_free_func (thumbnail_free);
  /* Time runs from left to right, whatever way the text goes. */
  gtk_widget_set_direction (GTK_WIDGET (self), GTK_TEXT_DIR_LTR);
  gtk_range_set_adjustment (range, gtk_adjustment_new (0, 0, 1, 1, LEAP, 0));
  gtk_range_set_round_digits (range, 0);
  gtk_range_set_restrict_to_fill_level (range, TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Step"),
                                  -1);
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), keys);
}
