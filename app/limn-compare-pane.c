/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-compare-pane.h"

#include <math.h>

#define LARGEST_ZOOM 16
#define ZOOM_STEP 1.2
#define MARGIN 6
#define GRIP 12 /* application pixels around the dividing line that take hold of it */

struct _LimnComparePane
{
  GtkWidget parent_instance;

  LimnLens *lens; /* borrowed */
  GdkTexture *texture, *second;
  double split;
  gboolean splitting;
  double start_x, start_y; /* of the lens, or of the line */
  gboolean setting_choice; /* nobody picks at this moment */

  GtkWidget *head, *choice, *spinner, *title, *detail, *mark, *message;
};

G_DEFINE_FINAL_TYPE (LimnComparePane, limn_compare_pane, GTK_TYPE_WIDGET)

enum
{
  SIGNAL_LENS_CHANGED,
  SIGNAL_CHOSEN,
  SIGNAL_PICKED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/* ---- where the picture lies ---- */

static double
head_height (LimnComparePane *self)
{
  return gtk_widget_get_height (self->head);
}

/* Application pixels per pixel of the picture. */
static double
get_scale (LimnComparePane *self, GdkTexture *texture)
{
  double width = gtk_widget_get_width (GTK_WIDGET (self)) - 2 * MARGIN;
  double height = gtk_widget_get_height (GTK_WIDGET (self)) - head_height (self) - 2 * MARGIN;

  return self->lens->zoom * fmin (fmax (width, 1) / gdk_texture_get_width (texture),
                                  fmax (height, 1) / gdk_texture_get_height (texture));
}

static void
place (LimnComparePane *self, GdkTexture *texture, graphene_rect_t *rect)
{
  double scale = get_scale (self, texture);
  double width = scale * gdk_texture_get_width (texture);
  double height = scale * gdk_texture_get_height (texture);
  double middle_x = gtk_widget_get_width (GTK_WIDGET (self)) / 2.0;
  double middle_y = (gtk_widget_get_height (GTK_WIDGET (self)) + head_height (self)) / 2;

  graphene_rect_init (rect, (float) (middle_x - self->lens->x * width),
                      (float) (middle_y - self->lens->y * height), (float) width,
                      (float) height);
}

static void
limn_compare_pane_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  LimnComparePane *self = LIMN_COMPARE_PANE (widget);
  int width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  double top = head_height (self), line = self->split * width;
  graphene_rect_t rect;

  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, (float) top, (float) width,
                                                         (float) (height - top)));
  if (self->texture)
    {
      place (self, self->texture, &rect);
      gtk_snapshot_append_texture (snapshot, self->texture, &rect);
    }
  if (self->second)
    {
      gtk_snapshot_push_clip (snapshot,
                              &GRAPHENE_RECT_INIT ((float) line, (float) top,
                                                   (float) (width - line), (float) (height - top)));
      place (self, self->second, &rect);
      gtk_snapshot_append_texture (snapshot, self->second, &rect);
      gtk_snapshot_pop (snapshot);
      gtk_snapshot_append_color (snapshot, &(GdkRGBA){ 1, 1, 1, 1 },
                                 &GRAPHENE_RECT_INIT ((float) line - 1, (float) top, 2,
                                                      (float) (height - top)));
    }
  gtk_snapshot_pop (snapshot);
  gtk_widget_snapshot_child (widget, self->head, snapshot);
  gtk_widget_snapshot_child (widget, self->message, snapshot);
}

/* ---- moving the lens ---- */

static void
lens_changed (LimnComparePane *self)
{
  self->lens->x = fmin (fmax (self->lens->x, 0), 1);
  self->lens->y = fmin (fmax (self->lens->y, 0), 1);
  g_signal_emit (self, signals[SIGNAL_LENS_CHANGED], 0);
}

static gboolean
scroll_cb (LimnComparePane *self, double dx G_GNUC_UNUSED, double dy)
{
  double zoom = self->lens->zoom * pow (ZOOM_STEP, -dy);

  self->lens->zoom = fmin (fmax (zoom, 1), LARGEST_ZOOM);
  if (self->lens->zoom == 1)
    self->lens->x = self->lens->y = 0.5;
  lens_changed (self);
  return GDK_EVENT_STOP;
}

static void
drag_begin_cb (LimnComparePane *self, double x)
{
  double line = self->split * gtk_widget_get_width (GTK_WIDGET (self));

  self->splitting = self->second && fabs (x - line) <= GRIP;
  self->start_x = self->splitting ? line : self->lens->x;
  self->start_y = self->lens->y;
}

static void
drag_update_cb (LimnComparePane *self, double dx, double dy)
{
  double scale;

  if (self->splitting)
    {
      self->split = fmin (fmax ((self->start_x + dx) /
                                gtk_widget_get_width (GTK_WIDGET (self)), 0), 1);
      gtk_widget_queue_draw (GTK_WIDGET (self));
      return;
    }
  if (!self->texture || self->lens->zoom == 1)
    return;
  scale = get_scale (self, self->texture);
  self->lens->x = self->start_x - dx / scale / gdk_texture_get_width (self->texture);
  self->lens->y = self->start_y - dy / scale / gdk_texture_get_height (self->texture);
  lens_changed (self);
}

static void
pressed_cb (LimnComparePane *self)
{
  g_signal_emit (self, signals[SIGNAL_CHOSEN], 0);
}

static void
choice_cb (LimnComparePane *self)
{
  guint chosen = gtk_drop_down_get_selected (GTK_DROP_DOWN (self->choice));

  if (!self->setting_choice && chosen != GTK_INVALID_LIST_POSITION)
    g_signal_emit (self, signals[SIGNAL_PICKED], 0, chosen);
}

static void
add_controllers (LimnComparePane *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GtkEventController *scroll
      = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);
  GtkGesture *drag = gtk_gesture_drag_new (), *click = gtk_gesture_click_new ();

  g_signal_connect_swapped (scroll, "scroll", G_CALLBACK (scroll_cb), self);
  g_signal_connect_swapped (drag, "drag-begin", G_CALLBACK (drag_begin_cb), self);
  g_signal_connect_swapped (drag, "drag-update", G_CALLBACK (drag_update_cb), self);
  g_signal_connect_swapped (click, "pressed", G_CALLBACK (pressed_cb), self);
  gtk_widget_add_controller (widget, scroll);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (click));
}

/* ---- widget ---- */

static void
limn_compare_pane_measure (GtkWidget *widget, GtkOrientation orientation, int for_size,
                           int *minimum, int *natural, int *minimum_baseline,
                           int *natural_baseline)
{
  LimnComparePane *self = LIMN_COMPARE_PANE (widget);
  int head, head_natural, message = 0;

  gtk_widget_measure (self->head, orientation, for_size, &head, &head_natural, NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    gtk_widget_measure (self->message, orientation, -1, &message, NULL, NULL, NULL);
  head = MAX (head, message);
  head_natural = MAX (head_natural, head);
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? MAX (head, 80) : head + 60;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? MAX (head_natural, 240) : head + 200;
  *minimum_baseline = *natural_baseline = -1;
}

static void
limn_compare_pane_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LimnComparePane *self = LIMN_COMPARE_PANE (widget);
  int least;

  gtk_widget_measure (self->head, GTK_ORIENTATION_VERTICAL, width, &least, NULL, NULL, NULL);
  gtk_widget_size_allocate (self->head, &(GtkAllocation){ 0, 0, width, least }, baseline);
  if (gtk_widget_get_visible (self->message))
    {
      int text;

      gtk_widget_measure (self->message, GTK_ORIENTATION_VERTICAL, width, &text, NULL, NULL, NULL);
      gtk_widget_size_allocate (self->message,
                                &(GtkAllocation){ 0, least, width, MAX (text, height - least) }, -1);
    }
}

static void
limn_compare_pane_dispose (GObject *object)
{
  LimnComparePane *self = LIMN_COMPARE_PANE (object);

  g_clear_object (&self->texture);
  g_clear_object (&self->second);
  g_clear_pointer (&self->head, gtk_widget_unparent);
  g_clear_pointer (&self->message, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_compare_pane_parent_class)->dispose (object);
}

static void
limn_compare_pane_class_init (LimnComparePaneClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_compare_pane_dispose;
  widget_class->snapshot = limn_compare_pane_snapshot;
  widget_class->measure = limn_compare_pane_measure;
  widget_class->size_allocate = limn_compare_pane_size_allocate;
  signals[SIGNAL_LENS_CHANGED] = g_signal_new ("lens-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                               NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CHOSEN]
      = g_signal_new ("chosen", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_PICKED] = g_signal_new ("picked", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_UINT);
  gtk_widget_class_set_css_name (widget_class, "pane");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-compare-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, head);
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, title);
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, detail);
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, mark);
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, choice);
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, spinner);
  gtk_widget_class_bind_template_child (widget_class, LimnComparePane, message);
  gtk_widget_class_bind_template_callback (widget_class, choice_cb);
}

static void
limn_compare_pane_init (LimnComparePane *self)
{
  self->split = 0.5;
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  add_controllers (self);
}

GtkWidget *
limn_compare_pane_new (LimnLens *lens)
{
  LimnComparePane *self = g_object_new (LIMN_TYPE_COMPARE_PANE, "hexpand", TRUE, "vexpand", TRUE,
                                        NULL);

  self->lens = lens;
  return GTK_WIDGET (self);
}

void
limn_compare_pane_set_texture (LimnComparePane *self, GdkTexture *texture)
{
  g_set_object (&self->texture, texture);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
limn_compare_pane_set_second (LimnComparePane *self, GdkTexture *texture)
{
  g_set_object (&self->second, texture);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

double
limn_compare_pane_get_split (LimnComparePane *self)
{
  return self->split;
}

void
limn_compare_pane_set_title (LimnComparePane *self, const char *title, const char *detail)
{
  gtk_label_set_text (GTK_LABEL (self->title), title);
  gtk_widget_set_tooltip_text (self->title, title); /* one that is cut short */
  gtk_label_set_text (GTK_LABEL (self->detail), detail);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, title,
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, detail, -1);
}

void
limn_compare_pane_set_choice (LimnComparePane *self, GListModel *names, guint chosen)
{
  self->setting_choice = TRUE;
  gtk_drop_down_set_model (GTK_DROP_DOWN (self->choice), names);
  gtk_drop_down_set_selected (GTK_DROP_DOWN (self->choice), chosen);
  self->setting_choice = FALSE;
  gtk_widget_set_visible (self->choice, names != NULL);
  gtk_widget_set_visible (self->title, names == NULL);
}

void
limn_compare_pane_set_busy (LimnComparePane *self, gboolean busy)
{
  gtk_spinner_set_spinning (GTK_SPINNER (self->spinner), busy);
  gtk_widget_set_visible (self->spinner, busy);
  gtk_accessible_update_state (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_STATE_BUSY, busy, -1);
}

void
limn_compare_pane_set_message (LimnComparePane *self, const char *message)
{
  gtk_label_set_text (GTK_LABEL (self->message), message);
  gtk_widget_set_visible (self->message, *message != '\0');
  if (*message)
    gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                    message, -1);
}

void
limn_compare_pane_set_marks (LimnComparePane *self, gboolean chosen, gboolean reference)
{
  gtk_widget_set_visible (self->mark, reference);
  if (chosen)
    gtk_widget_add_css_class (GTK_WIDGET (self), "chosen");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "chosen");
}
