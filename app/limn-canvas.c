/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-canvas-private.h"

#include <glib/gi18n.h>
#include <math.h>

#include "limn-frame-texture.h"

#define MARGIN 44          /* application pixels around a fitted picture, room for the handles */
#define LARGEST_FIT 4      /* a small picture is not blown up further than this by itself */
#define REFIT_MS 180

G_DEFINE_FINAL_TYPE (LimnCanvas, limn_canvas, GTK_TYPE_WIDGET)

enum
{
  PROP_ZOOM = 1,
  PROP_SHAPING,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* ---- where things are ---- */

static gboolean
has_shape_of_picture (LimnCanvas *self)
{
  return self->texture && self->picture_width == limn_settings_get_width (self->settings) &&
         self->picture_height == limn_settings_get_height (self->settings);
}

/* A picture gets all the room. A shape that is still being found leaves room for the trained area,
 * to be seen against it. */
static double
fitting_scale (LimnCanvas *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  const struct fit_model_info *info = limn_session_get_info (self->session);
  double largest = LARGEST_FIT / (double) gtk_widget_get_scale_factor (widget);
  double width = limn_settings_get_width (self->settings);
  double height = limn_settings_get_height (self->settings);
  double trained_width, trained_height;

  if (info && !has_shape_of_picture (self))
    {
      limn_geometry_trained_area ((int) width, (int) height, info->context_tokens,
                                  info->token_pixels, &trained_width, &trained_height);
      width = fmax (width, trained_width);
      height = fmax (height, trained_height);
    }
  return limn_geometry_fit_scale (gtk_widget_get_width (widget), gtk_widget_get_height (widget),
                                  width, height, MARGIN, largest);
}

double
limn_canvas_get_scale (LimnCanvas *self)
{
  if (self->zoom > 0)
    return self->zoom / gtk_widget_get_scale_factor (GTK_WIDGET (self));
  return self->fit_scale;
}

LimnRect
limn_canvas_place (LimnCanvas *self)
{
  return limn_geometry_place (gtk_widget_get_width (GTK_WIDGET (self)),
                              gtk_widget_get_height (GTK_WIDGET (self)),
                              limn_settings_get_width (self->settings),
                              limn_settings_get_height (self->settings),
                              limn_canvas_get_scale (self), self->pan_x, self->pan_y);
}

void
limn_canvas_get_frame (LimnCanvas *self, graphene_rect_t *frame)
{
  LimnRect rect = limn_canvas_place (self);

  graphene_rect_init (frame, (float) rect.x, (float) rect.y, (float) rect.width,
                      (float) rect.height);
}

gboolean
limn_canvas_is_open (LimnCanvas *self)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  GtkWidget *focus = root ? gtk_root_get_focus (root) : NULL;

  return self->dragged != LIMN_HANDLE_NONE || !has_shape_of_picture (self) ||
         self->pointer_inside || focus == self->axes[0] || focus == self->axes[1];
}

gboolean
limn_canvas_is_shaping (LimnCanvas *self)
{
  return self->dragged != LIMN_HANDLE_NONE || self->key_held;
}

void
limn_canvas_set_held (LimnCanvas *self, LimnHandle dragged, gboolean key_held)
{
  gboolean before = limn_canvas_is_shaping (self);

  self->dragged = dragged;
  self->key_held = key_held;
  if (limn_canvas_is_shaping (self) != before)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SHAPING]);
}

void
limn_canvas_place_changed (LimnCanvas *self)
{
  LimnRect rect = limn_canvas_place (self);

  self->pan_x = limn_geometry_clamp_pan (self->pan_x, rect.width);
  self->pan_y = limn_geometry_clamp_pan (self->pan_y, rect.height);
  gtk_widget_queue_allocate (GTK_WIDGET (self));
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
refit_cb (double value, gpointer data)
{
  LimnCanvas *self = data;

  self->fit_scale = value;
  limn_canvas_place_changed (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ZOOM]);
}

void
limn_canvas_refit (LimnCanvas *self, gboolean gently)
{
  double target = fitting_scale (self);

  /* Every frame of a run comes here. */
  if (adw_animation_get_state (self->refit) == ADW_ANIMATION_PLAYING &&
      adw_timed_animation_get_value_to (ADW_TIMED_ANIMATION (self->refit)) == target)
    return;
  adw_animation_pause (self->refit);
  if (!gently || fabs (target - self->fit_scale) < 1e-6)
    {
      refit_cb (target, self);
      return;
    }
  adw_timed_animation_set_value_from (ADW_TIMED_ANIMATION (self->refit), self->fit_scale);
  adw_timed_animation_set_value_to (ADW_TIMED_ANIMATION (self->refit), target);
  adw_animation_play (self->refit);
}

/* ---- what assistive technology hears ---- */

static void
describe_axis (LimnCanvas *self, int axis, int pixels)
{
  int unit = limn_settings_get_token_pixels (self->settings), patches = (pixels + unit - 1) / unit;
  g_autofree char *length = g_strdup_printf (ngettext ("%d pixel", "%d pixels", pixels), pixels);
  g_autofree char *count
      = g_strdup_printf (ngettext ("%d patch", "%d patches", patches), patches);
  /* Translators: a length, such as "320 pixels, 20 patches" */
  g_autofree char *text = g_strdup_printf (_ ("%s, %s"), length, count);

  self->following = TRUE;
  gtk_range_set_range (GTK_RANGE (self->axes[axis]), unit,
                       limn_settings_get_largest_side (self->settings));
  gtk_range_set_increments (GTK_RANGE (self->axes[axis]), unit, LIMN_COARSE * unit);
  gtk_range_set_value (GTK_RANGE (self->axes[axis]), pixels);
  self->following = FALSE;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->axes[axis]),
                                  GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text, -1);
}

/* Assistive technology moved a slider. */
static void
axis_changed_cb (GtkRange *range, LimnCanvas *self)
{
  double pixels = gtk_range_get_value (range);

  if (self->following || !self->settings)
    return;
  if (GTK_WIDGET (range) == self->axes[0])
    limn_settings_set_width (self->settings, pixels);
  else
    limn_settings_set_height (self->settings, pixels);
}

static void
describe_picture (LimnCanvas *self)
{
  const struct fit_generate_params *params;
  g_autofree char *text = NULL;
  char seed[24]; /* translations know no macros */

  if (self->run)
    {
      params = limn_run_get_params (self->run);
      g_snprintf (seed, sizeof seed, "%" G_GUINT64_FORMAT, params->seed);
      text = g_strdup_printf (
          /* Translators: class, width, height, seed, step and steps of the picture on show */
          _ ("%s, %d by %d pixels, seed %s, step %d of %d"),
          limn_session_get_class_name (self->session, params->class_id), params->crop_width,
          params->crop_height, seed, limn_run_get_shown_step (self->run), params->steps);
    }
  else
    text = g_strdup (_ ("Nothing painted yet"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->picture), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  text, -1);
}

/* ---- following settings and run ---- */

static void
size_changed_cb (LimnCanvas *self)
{
  describe_axis (self, 0, limn_settings_get_width (self->settings));
  describe_axis (self, 1, limn_settings_get_height (self->settings));
  if (self->dragged == LIMN_HANDLE_NONE)
    limn_canvas_refit (self, TRUE);
  else
    /* The scale stays under the pointer while there is room, and only ever shrinks. */
    self->fit_scale = fmin (self->start_scale, fitting_scale (self));
  limn_canvas_place_changed (self);
}

static void
show_texture (LimnCanvas *self, GdkTexture *texture, int width, int height)
{
  g_set_object (&self->texture, texture);
  g_clear_pointer (&self->surface, cairo_surface_destroy);
  /* What a run that was stopped for the quick pictures still sends does not take their place. */
  if (!limn_canvas_is_shaping (self))
    g_clear_object (&self->live);
  self->picture_width = width;
  self->picture_height = height;
  if (self->dragged == LIMN_HANDLE_NONE)
    limn_canvas_refit (self, TRUE);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
texture_changed_cb (LimnCanvas *self)
{
  GdkTexture *texture = self->run ? limn_run_get_texture (self->run) : NULL;

  if (texture)
    show_texture (self, texture, limn_run_get_params (self->run)->crop_width,
                  limn_run_get_params (self->run)->crop_height);
}

void
limn_canvas_set_live (LimnCanvas *self, GdkTexture *texture)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  if (g_set_object (&self->live, texture))
    gtk_widget_queue_draw (GTK_WIDGET (self));
}

GdkTexture *
limn_canvas_get_texture (LimnCanvas *self)
{
  return self->texture;
}

void
limn_canvas_show_still (LimnCanvas *self, GdkTexture *texture)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  show_texture (self, texture, gdk_texture_get_width (texture), gdk_texture_get_height (texture));
}

void
limn_canvas_set_run (LimnCanvas *self, LimnRun *run)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_set_object (&self->run, run);
  if (run)
    {
      g_signal_connect_swapped (run, "notify::texture", G_CALLBACK (texture_changed_cb), self);
      g_signal_connect_swapped (run, "notify::shown-step", G_CALLBACK (describe_picture), self);
    }
  else
    {
      g_clear_object (&self->texture);
      g_clear_object (&self->live);
    }
  texture_changed_cb (self);
  describe_picture (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
limn_canvas_set_session (LimnCanvas *self, LimnSession *session, LimnSettings *settings)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  g_set_object (&self->session, session);
  g_set_object (&self->settings, settings);
  g_signal_connect_object (settings, "notify::width", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::height", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::class-id", G_CALLBACK (gtk_widget_queue_draw), self,
                           G_CONNECT_SWAPPED);
  size_changed_cb (self);
  describe_picture (self);
}

/* ---- widget ---- */

static void
limn_canvas_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LimnCanvas *self = LIMN_CANVAS (widget);
  LimnRect rect;
  double x, y;

  (void) width;
  (void) height;
  if (!self->settings)
    return;
  if (self->zoom == 0 && self->dragged == LIMN_HANDLE_NONE &&
      adw_animation_get_state (self->refit) != ADW_ANIMATION_PLAYING)
    self->fit_scale = fitting_scale (self);
  rect = limn_canvas_place (self);
  gtk_widget_size_allocate (self->picture,
                            &(GtkAllocation){ (int) rect.x, (int) rect.y,
                                              MAX (1, (int) rect.width),
                                              MAX (1, (int) rect.height) },
                            baseline);
  for (int axis = 0; axis < 2; axis++)
    {
      limn_geometry_handle_center (&rect, axis ? LIMN_HANDLE_SOUTH : LIMN_HANDLE_EAST, &x, &y);
      gtk_widget_size_allocate (
          self->axes[axis], &(GtkAllocation){ (int) x - 10, (int) y - 10, 20, 20 }, baseline);
    }
}

static void
limn_canvas_realize (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (limn_canvas_parent_class)->realize (widget);
  limn_frame_texture_set_renderer (gtk_native_get_renderer (gtk_widget_get_native (widget)));
}

static void
limn_canvas_unrealize (GtkWidget *widget)
{
  limn_frame_texture_set_renderer (NULL);
  GTK_WIDGET_CLASS (limn_canvas_parent_class)->unrealize (widget);
}

static void
limn_canvas_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                     int *natural, int *minimum_baseline, int *natural_baseline)
{
  (void) for_size;
  /* GTK wants every child measured before it is allocated. */
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    gtk_widget_measure (child, orientation, -1, NULL, NULL, NULL, NULL);
  *minimum = 120;
  *natural = 480;
  *minimum_baseline = *natural_baseline = -1;
}

static void
limn_canvas_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_ZOOM)
    g_value_set_double (value, limn_canvas_get_zoom (LIMN_CANVAS (object)));
  else if (id == PROP_SHAPING)
    g_value_set_boolean (value, limn_canvas_is_shaping (LIMN_CANVAS (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
limn_canvas_dispose (GObject *object)
{
  LimnCanvas *self = LIMN_CANVAS (object);

  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_clear_object (&self->run);
  g_clear_object (&self->texture);
  g_clear_object (&self->live);
  g_clear_pointer (&self->surface, cairo_surface_destroy);
  g_clear_object (&self->refit);
  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->picture, gtk_widget_unparent);
  g_clear_pointer (&self->axes[0], gtk_widget_unparent);
  g_clear_pointer (&self->axes[1], gtk_widget_unparent);
  G_OBJECT_CLASS (limn_canvas_parent_class)->dispose (object);
}

static void
limn_canvas_class_init (LimnCanvasClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = limn_canvas_dispose;
  object_class->get_property = limn_canvas_get_property;
  widget_class->size_allocate = limn_canvas_size_allocate;
  widget_class->measure = limn_canvas_measure;
  widget_class->realize = limn_canvas_realize;
  widget_class->unrealize = limn_canvas_unrealize;
  widget_class->snapshot = limn_canvas_snapshot;
  gtk_widget_class_set_css_name (widget_class, "canvas");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);

  properties[PROP_ZOOM] = g_param_spec_double ("zoom", NULL, NULL, 0, LIMN_LARGEST_ZOOM, 1,
                                               G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_SHAPING] = g_param_spec_boolean ("shaping", NULL, NULL, FALSE,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

/* A slider that is not drawn: keys and assistive technology change the shape through it. */
static GtkWidget *
add_axis (LimnCanvas *self, const char *label)
{
  GtkWidget *axis = gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, 1, 2, 1);

  gtk_widget_add_css_class (axis, "axis");
  gtk_widget_set_can_target (axis, FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (axis), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_widget_set_parent (axis, GTK_WIDGET (self));
  g_signal_connect (axis, "value-changed", G_CALLBACK (axis_changed_cb), self);
  g_signal_connect_object (axis, "notify::has-focus", G_CALLBACK (gtk_widget_queue_draw), self,
                           G_CONNECT_SWAPPED);
  return axis;
}

static void
limn_canvas_init (LimnCanvas *self)
{
  self->dragged = self->hovered = LIMN_HANDLE_NONE;
  self->fit_scale = 1;
  self->picture
      = g_object_new (ADW_TYPE_BIN, "accessible-role", GTK_ACCESSIBLE_ROLE_IMG, "can-target",
                      FALSE, NULL);
  gtk_widget_set_parent (self->picture, GTK_WIDGET (self));
  self->axes[0] = add_axis (self, _ ("Width"));
  self->axes[1] = add_axis (self, _ ("Height"));
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  self->refit = adw_timed_animation_new (GTK_WIDGET (self), 1, 1, REFIT_MS,
                                         adw_callback_animation_target_new (refit_cb, self, NULL));
  limn_canvas_add_controllers (self);
}
