/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-step-strip.h"

#include <glib/gi18n.h>
#include <math.h>

#define HEIGHT 40
#define GAP 2
#define LEAP 10 /* steps with Shift or Page Up */

struct _LimnStepStrip
{
  GtkWidget parent_instance;

  LimnRun *run;
  GPtrArray *thumbnails; /* GdkTexture by step, NULL while not there */
};

G_DEFINE_FINAL_TYPE (LimnStepStrip, limn_step_strip, GTK_TYPE_WIDGET)

/* ---- steps and places ---- */

static int
last_step (LimnStepStrip *self)
{
  return self->run ? limn_run_get_n_steps (self->run) : 0;
}

static double
place_of_step (LimnStepStrip *self, int step)
{
  double width = gtk_widget_get_width (GTK_WIDGET (self));

  return (step + 0.5) / (last_step (self) + 1) * width;
}

static int
step_at_place (LimnStepStrip *self, double x)
{
  double width = gtk_widget_get_width (GTK_WIDGET (self));

  return (int) floor (x / width * (last_step (self) + 1));
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
  gtk_accessible_update_property (
      GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_VALUE_MIN, 0.0,
      GTK_ACCESSIBLE_PROPERTY_VALUE_MAX, (double) last_step (self),
      GTK_ACCESSIBLE_PROPERTY_VALUE_NOW, (double) shown, GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
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
  int n = last_step (self) + 1;
  int count = (int) CLAMP (width / CLAMP (natural, 24, 3 * height), 1, n);
  float slot = width / (float) count;
  GdkRGBA empty;

  gtk_style_context_get_color (gtk_widget_get_style_context (GTK_WIDGET (self)), &empty);
  empty.alpha *= 0.08f;
  for (int i = 0; i < count; i++)
    {
      int step = count == 1 ? n - 1 : (int) lround ((i + 0.5) * n / count - 0.5);
      graphene_rect_t bounds
          = GRAPHENE_RECT_INIT (roundf ((float) i * slot), 0,
                                roundf ((float) (i + 1) * slot) - roundf ((float) i * slot) - GAP,
                                height);
      GdkTexture *texture;

      /* The last slot stands for the end of the run. */
      if (i == count - 1)
        step = n - 1;
      texture = step <= limn_run_get_step (self->run) ? thumbnail (self, step) : NULL;
      if (texture)
        append_covering (snapshot, texture, &bounds);
      else
        gtk_snapshot_append_color (snapshot, &empty, &bounds);
    }
}

static void
draw_playhead (LimnStepStrip *self, GtkSnapshot *snapshot, float height)
{
  GtkStyleContext *style = gtk_widget_get_style_context (GTK_WIDGET (self));
  float x = (float) round (place_of_step (self, limn_run_get_shown_step (self->run)));
  GdkRGBA accent = { 0.2f, 0.5f, 0.9f, 1 };
  const GdkRGBA halo = { 1, 1, 1, 0.9f };
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (x - 4, -3, 8, height + 6);
  GskRoundedRect knob;

  gtk_style_context_lookup_color (style, "accent_bg_color", &accent);
  gsk_rounded_rect_init_from_rect (&knob, &bounds, 4);
  gtk_snapshot_push_rounded_clip (snapshot, &knob);
  gtk_snapshot_append_color (snapshot, &halo, &bounds);
  gtk_snapshot_pop (snapshot);
  bounds = GRAPHENE_RECT_INIT (x - 2, -1, 4, height + 2);
  gsk_rounded_rect_init_from_rect (&knob, &bounds, 2);
  gtk_snapshot_push_rounded_clip (snapshot, &knob);
  gtk_snapshot_append_color (snapshot, &accent, &bounds);
  gtk_snapshot_pop (snapshot);
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
  draw_playhead (self, snapshot, height);
}

static void
limn_step_strip_measure (GtkWidget *widget, GtkOrientation orientation, int for_size,
                         int *minimum, int *natural, int *minimum_baseline, int *natural_baseline)
{
  (void) widget;
  (void) for_size;
  *minimum = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : 100;
  *natural = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : 400;
  *minimum_baseline = *natural_baseline = -1;
}

/* ---- input ---- */

static void
drag_begin_cb (GtkGestureDrag *gesture, double x, double y, LimnStepStrip *self)
{
  (void) gesture;
  (void) y;
  gtk_widget_grab_focus (GTK_WIDGET (self));
  show_step (self, step_at_place (self, x));
}

static void
drag_update_cb (GtkGestureDrag *gesture, double dx, double dy, LimnStepStrip *self)
{
  double x = 0, y = 0;

  (void) dy;
  gtk_gesture_drag_get_start_point (gesture, &x, &y);
  show_step (self, step_at_place (self, x + dx));
}

static gboolean
scroll_cb (LimnStepStrip *self, double dx, double dy)
{
  double most = fabs (dx) > fabs (dy) ? dx : dy;

  limn_step_strip_move (self, most > 0 ? 1 : -1);
  return GDK_EVENT_STOP;
}

static gboolean
key_cb (LimnStepStrip *self, guint keyval, guint code, GdkModifierType state)
{
  int step = state & GDK_SHIFT_MASK ? LEAP : 1;

  (void) code;
  if (state & (GDK_CONTROL_MASK | GDK_ALT_MASK))
    return GDK_EVENT_PROPAGATE;
  switch (keyval)
    {
    case GDK_KEY_Left:
    case GDK_KEY_Down:
      limn_step_strip_move (self, -step);
      return GDK_EVENT_STOP;
    case GDK_KEY_Right:
    case GDK_KEY_Up:
      limn_step_strip_move (self, step);
      return GDK_EVENT_STOP;
    case GDK_KEY_Page_Down:
      limn_step_strip_move (self, -LEAP);
      return GDK_EVENT_STOP;
    case GDK_KEY_Page_Up:
      limn_step_strip_move (self, LEAP);
      return GDK_EVENT_STOP;
    case GDK_KEY_Home:
      show_step (self, 0);
      return GDK_EVENT_STOP;
    case GDK_KEY_End:
      show_step (self, G_MAXINT);
      return GDK_EVENT_STOP;
    default:
      return GDK_EVENT_PROPAGATE;
    }
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
  widget_class->snapshot = limn_step_strip_snapshot;
  widget_class->measure = limn_step_strip_measure;
  gtk_widget_class_set_css_name (widget_class, "strip");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_SLIDER);
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
  GtkWidget *widget = GTK_WIDGET (self);
  GtkGesture *drag = gtk_gesture_drag_new ();
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkEventController *scroll = gtk_event_controller_scroll_new (
      GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES | GTK_EVENT_CONTROLLER_SCROLL_DISCRETE);

  self->thumbnails = g_ptr_array_new_with_free_func (thumbnail_free);
  gtk_widget_set_focusable (widget, TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Step"),
                                  -1);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (drag_begin_cb), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (drag_update_cb), self);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_cb), self);
  g_signal_connect_swapped (scroll, "scroll", G_CALLBACK (scroll_cb), self);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (widget, keys);
  gtk_widget_add_controller (widget, scroll);
}
