/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the canvas hears: zoom, handles, keys. */
#include <math.h>

#include "limn-canvas-private.h"

#define SMALLEST_ZOOM 0.1
#define REACH 16 /* of a handle, for pointers; fingers get more */
#define REACH_TOUCH 26
#define STICKS 6 /* application pixels that a hand moves on before it leaves a magnet */

/* ---- zoom ---- */

static void
zoom_about (LimnCanvas *self, double zoom, double x, double y)
{
  double before = limn_canvas_get_scale (self), grown;
  double off_x = x - gtk_widget_get_width (GTK_WIDGET (self)) / 2.0;
  double off_y = y - gtk_widget_get_height (GTK_WIDGET (self)) / 2.0;

  self->zoom = CLAMP (zoom, SMALLEST_ZOOM, LIMN_LARGEST_ZOOM);
  grown = limn_canvas_get_scale (self) / before;
  self->pan_x = off_x - (off_x - self->pan_x) * grown;
  self->pan_y = off_y - (off_y - self->pan_y) * grown;
  limn_canvas_place_changed (self);
  g_object_notify (G_OBJECT (self), "zoom");
}

static void
zoom_about_middle (LimnCanvas *self, double zoom)
{
  zoom_about (self, zoom, gtk_widget_get_width (GTK_WIDGET (self)) / 2.0,
              gtk_widget_get_height (GTK_WIDGET (self)) / 2.0);
}

void
limn_canvas_zoom_fit (LimnCanvas *self)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  self->fit_scale = limn_canvas_get_scale (self);
  self->zoom = 0;
  self->pan_x = self->pan_y = 0;
  limn_canvas_refit (self, TRUE);
}

void
limn_canvas_zoom_to (LimnCanvas *self, double zoom)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  zoom_about_middle (self, zoom);
}

void
limn_canvas_zoom_step (LimnCanvas *self, int direction)
{
  g_return_if_fail (LIMN_IS_CANVAS (self));

  zoom_about_middle (self, limn_geometry_zoom_step (limn_canvas_get_zoom (self), direction));
}

gboolean
limn_canvas_is_fitted (LimnCanvas *self)
{
  return self->zoom == 0;
}

double
limn_canvas_get_zoom (LimnCanvas *self)
{
  return limn_canvas_get_scale (self) * gtk_widget_get_scale_factor (GTK_WIDGET (self));
}

static gboolean
scroll_cb (GtkEventControllerScroll *controller, double dx, double dy, LimnCanvas *self)
{
  GdkModifierType state
      = gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (controller));

  if (state & GDK_CONTROL_MASK)
    {
      zoom_about (self, limn_canvas_get_zoom (self) * pow (1.15, -dy), self->pointer_x,
                  self->pointer_y);
      return GDK_EVENT_STOP;
    }
  if (limn_canvas_is_fitted (self))
    return GDK_EVENT_PROPAGATE;
  self->pan_x -= dx * 40;
  self->pan_y -= dy * 40;
  limn_canvas_place_changed (self);
  return GDK_EVENT_STOP;
}

static void
pinch_begin_cb (LimnCanvas *self)
{
  self->start_zoom = limn_canvas_get_zoom (self);
}

static void
pinch_cb (GtkGestureZoom *gesture, double scale, LimnCanvas *self)
{
  double x, y;

  if (gtk_gesture_get_bounding_box_center (GTK_GESTURE (gesture), &x, &y))
    zoom_about (self, self->start_zoom * scale, x, y);
}

/* ---- dragging ---- */

static const char *
handle_cursor (LimnHandle handle)
{
  static const char *const cursors[LIMN_N_HANDLES]
      = { "nw-resize", "n-resize", "ne-resize", "e-resize",
          "se-resize", "s-resize", "sw-resize", "w-resize" };

  return handle == LIMN_HANDLE_NONE ? NULL : cursors[handle];
}

static LimnHandle
handle_at (LimnCanvas *self, double x, double y, double reach)
{
  LimnRect rect = limn_canvas_place (self);

  return limn_geometry_hit (&rect, x, y, reach);
}

static void
motion_cb (LimnCanvas *self, double x, double y)
{
  LimnHandle hovered = handle_at (self, x, y, REACH);

  self->pointer_x = x;
  self->pointer_y = y;
  self->pointer_inside = TRUE;
  if (self->dragged != LIMN_HANDLE_NONE)
    return;
  if (hovered != self->hovered)
    gtk_widget_set_cursor_from_name (GTK_WIDGET (self), handle_cursor (hovered));
  self->hovered = hovered;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
leave_cb (LimnCanvas *self)
{
  self->hovered = LIMN_HANDLE_NONE;
  self->pointer_inside = FALSE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static gboolean
is_touch (GtkGesture *gesture)
{
  GdkDevice *device = gtk_gesture_get_device (gesture);

  return device && gdk_device_get_source (device) == GDK_SOURCE_TOUCHSCREEN;
}

static void
drag_begin_cb (GtkGestureDrag *gesture, double x, double y, LimnCanvas *self)
{
  double reach = is_touch (GTK_GESTURE (gesture)) ? REACH_TOUCH : REACH;

  adw_animation_skip (self->refit);
  self->start_width = limn_settings_get_width (self->settings);
  self->start_height = limn_settings_get_height (self->settings);
  self->start_scale = limn_canvas_get_scale (self);
  self->start_pan_x = self->pan_x;
  self->start_pan_y = self->pan_y;
  limn_canvas_set_held (self, handle_at (self, x, y, reach), FALSE);
  gtk_widget_grab_focus (self->axes[0]);
}

/* Shift: large steps. Alt: no magnets. */
static LimnSizeRule
drag_rule (LimnCanvas *self, GdkModifierType state)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  LimnSizeRule rule = limn_settings_get_rule (self->settings);

  rule.snap = state & GDK_SHIFT_MASK ? LIMN_COARSE * rule.token : rule.token;
  rule.trained_tokens = info ? info->context_tokens : 0;
  /* A side grows by twice what the hand moves. */
  rule.magnet = state & GDK_ALT_MASK ? 0 : rule.snap / 2.0 + 2 * STICKS / self->start_scale;
  return rule;
}

static void
drag_update_cb (GtkGestureDrag *gesture, double dx, double dy, LimnCanvas *self)
{
  GdkModifierType state
      = gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (gesture));
  LimnSizeRule rule = drag_rule (self, state);
  int width, height;

  if (self->dragged == LIMN_HANDLE_NONE)
    {
      if (limn_canvas_is_fitted (self))
        return;
      self->pan_x = self->start_pan_x + dx;
      self->pan_y = self->start_pan_y + dy;
      limn_canvas_place_changed (self);
      return;
    }
  limn_geometry_drag (self->dragged, self->start_width, self->start_height,
                      dx / self->start_scale, dy / self->start_scale, &rule, &width, &height);
  limn_settings_set_size (self->settings, width, height);
}

static void
drag_end_cb (LimnCanvas *self)
{
  if (self->dragged == LIMN_HANDLE_NONE)
    return;
  limn_canvas_set_held (self, LIMN_HANDLE_NONE, FALSE);
  if (limn_canvas_is_fitted (self))
    limn_canvas_refit (self, TRUE);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* ---- keys ---- */

/* Where an arrow moves the far corner, in steps; false for other keys. */
static gboolean
arrow_direction (guint keyval, int *across, int *up)
{
  *across = keyval == GDK_KEY_Right ? 1 : keyval == GDK_KEY_Left ? -1 : 0;
  *up = keyval == GDK_KEY_Up ? 1 : keyval == GDK_KEY_Down ? -1 : 0;
  return *across || *up;
}

static gboolean
key_cb (GtkEventControllerKey *controller, guint keyval, guint code, GdkModifierType state,
        LimnCanvas *self)
{
  int unit = limn_settings_get_token_pixels (self->settings);
  int step = state & (GDK_SHIFT_MASK | GDK_CONTROL_MASK) ? LIMN_COARSE * unit : unit;
  int across, up;

  (void) controller;
  (void) code;
  if (state & GDK_ALT_MASK || !arrow_direction (keyval, &across, &up))
    return GDK_EVENT_PROPAGATE;
  limn_canvas_set_held (self, self->dragged, TRUE);
  if (across)
    limn_settings_set_width (self->settings,
                             limn_settings_get_width (self->settings) + across * step);
  else
    limn_settings_set_height (self->settings,
                              limn_settings_get_height (self->settings) + up * step);
  return GDK_EVENT_STOP;
}

static void
key_released_cb (LimnCanvas *self)
{
  limn_canvas_set_held (self, self->dragged, FALSE);
}

/* ---- controllers ---- */

void
limn_canvas_add_controllers (LimnCanvas *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GtkEventController *motion = gtk_event_controller_motion_new ();
  GtkEventController *scroll
      = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkEventController *focus = gtk_event_controller_focus_new ();
  GtkGesture *drag = gtk_gesture_drag_new ();
  GtkGesture *pinch = gtk_gesture_zoom_new ();

  g_signal_connect_swapped (motion, "enter", G_CALLBACK (motion_cb), self);
  g_signal_connect_swapped (motion, "motion", G_CALLBACK (motion_cb), self);
  g_signal_connect_swapped (motion, "leave", G_CALLBACK (leave_cb), self);
  g_signal_connect (scroll, "scroll", G_CALLBACK (scroll_cb), self);
  /* Before the slider that has the focus: its axis is one of two here. */
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (key_cb), self);
  g_signal_connect_swapped (keys, "key-released", G_CALLBACK (key_released_cb), self);
  /* A key that goes up elsewhere is not heard of. */
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (key_released_cb), self);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (drag_begin_cb), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (drag_update_cb), self);
  g_signal_connect_swapped (drag, "drag-end", G_CALLBACK (drag_end_cb), self);
  g_signal_connect_swapped (pinch, "begin", G_CALLBACK (pinch_begin_cb), self);
  g_signal_connect (pinch, "scale-changed", G_CALLBACK (pinch_cb), self);
  gtk_widget_add_controller (widget, motion);
  gtk_widget_add_controller (widget, scroll);
  gtk_widget_add_controller (widget, keys);
  gtk_widget_add_controller (widget, focus);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (pinch));
}
