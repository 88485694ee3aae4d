/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the canvas draws. */
#include <glib/gi18n.h>
#include <math.h>

#include "limn-canvas-private.h"
#include "limn-frame-texture.h"

#define HANDLE_RADIUS 5.5f
#define NEAREST_ABOVE 2.0 /* zoom from which single pixels are shown as squares */

static GdkRGBA
theme_color (GtkWidget *widget, const char *name, double alpha)
{
  GdkRGBA color = { 0.5f, 0.5f, 0.5f, 1 };

  gtk_style_context_lookup_color (gtk_widget_get_style_context (widget), name, &color);
  color.alpha = (float) alpha;
  return color;
}

static graphene_rect_t
to_graphene (const LimnRect *rect)
{
  return GRAPHENE_RECT_INIT ((float) rect->x, (float) rect->y, (float) rect->width,
                             (float) rect->height);
}

static void
append_label (GtkSnapshot *snapshot, PangoLayout *layout, double center_x, double top,
              const GdkRGBA *color)
{
  int width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (
      snapshot, &GRAPHENE_POINT_INIT ((float) round (center_x - width / 2.0), (float) round (top)));
  gtk_snapshot_append_layout (snapshot, layout, color);
  gtk_snapshot_restore (snapshot);
}

static void
draw_ground (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  GdkRGBA ground = theme_color (GTK_WIDGET (self), "canvas_paper_color", 1);
  graphene_rect_t bounds = to_graphene (rect);
  GskRoundedRect outline;

  gsk_rounded_rect_init_from_rect (&outline, &bounds, 0);
  gtk_snapshot_append_outset_shadow (snapshot, &outline, &(GdkRGBA){ 0, 0, 0, 0.22f }, 0, 2, 0,
                                     10);
  gtk_snapshot_append_color (snapshot, &ground, &bounds);
}

static void
draw_empty (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GdkRGBA color = theme_color (widget, "canvas_ink_color", 0.75);
  int class_id = limn_settings_get_class_id (self->settings);
  const char *name = limn_session_get_class_name (self->session, class_id);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, NULL);
  g_autofree char *markup = NULL;
  int width, height;

  markup = g_markup_printf_escaped ("<span size='x-large' weight='bold'>%s</span>\n%d × %d", name,
                                    limn_settings_get_width (self->settings),
                                    limn_settings_get_height (self->settings));
  pango_layout_set_markup (layout, markup, -1);
  pango_layout_set_alignment (layout, PANGO_ALIGN_CENTER);
  pango_layout_set_width (layout, (int) fmax (rect->width - 24, 40) * PANGO_SCALE);
  pango_layout_set_wrap (layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_get_pixel_size (layout, &width, &height);
  if (height + 8 > rect->height)
    return;
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (
      snapshot,
      &GRAPHENE_POINT_INIT ((float) (rect->x + (rect->width - fmax (rect->width - 24, 40)) / 2),
                            (float) (rect->y + (rect->height - height) / 2)));
  gtk_snapshot_append_layout (snapshot, layout, &color);
  gtk_snapshot_restore (snapshot);
}

static cairo_surface_t *
surface_of_texture (GdkTexture *texture)
{
  g_autoptr (GdkTexture) pixels = limn_frame_texture_dup_in_memory (texture);
  cairo_surface_t *surface = cairo_image_surface_create (
      CAIRO_FORMAT_ARGB32, gdk_texture_get_width (texture), gdk_texture_get_height (texture));

  gdk_texture_download (pixels, cairo_image_surface_get_data (surface),
                        (gsize) cairo_image_surface_get_stride (surface));
  cairo_surface_mark_dirty (surface);
  return surface;
}

/* GTK 4.8 scales textures smoothly only. */
static void
draw_pixels (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  graphene_rect_t bounds = to_graphene (rect), view, visible;
  cairo_t *cr;

  graphene_rect_init (&view, 0, 0, (float) gtk_widget_get_width (GTK_WIDGET (self)),
                      (float) gtk_widget_get_height (GTK_WIDGET (self)));
  if (!graphene_rect_intersection (&bounds, &view, &visible))
    return;
  if (!self->surface)
    self->surface = surface_of_texture (self->texture);
  cr = gtk_snapshot_append_cairo (snapshot, &visible);
  cairo_translate (cr, rect->x, rect->y);
  cairo_scale (cr, rect->width / cairo_image_surface_get_width (self->surface),
               rect->height / cairo_image_surface_get_height (self->surface));
  cairo_set_source_surface (cr, self->surface, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_NEAREST);
  cairo_paint (cr);
  cairo_destroy (cr);
}

static void
draw_live (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  LimnRect inner = limn_geometry_contain (rect, gdk_texture_get_width (self->live),
                                          gdk_texture_get_height (self->live));
  graphene_rect_t bounds = to_graphene (&inner);

  gtk_snapshot_append_texture (snapshot, self->live, &bounds);
}

/* A picture of another shape than the canvas is letter-boxed until the next run. Somebody who
 * zooms in wants to see pixels; a picture that merely fills the window shall be smooth. */
static void
draw_picture (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  LimnRect inner = limn_geometry_contain (rect, self->picture_width, self->picture_height);
  graphene_rect_t bounds = to_graphene (&inner);
  gboolean decoded = gdk_texture_get_width (self->texture) == self->picture_width;

  if (self->zoom > NEAREST_ABOVE && decoded)
    draw_pixels (self, snapshot, &inner);
  else
    gtk_snapshot_append_texture (snapshot, self->texture, &bounds);
}

/* The words stand between the dashed line and the canvas, where there is room for them. */
static void
draw_trained_label (LimnCanvas *self, GtkSnapshot *snapshot, double center_x, double top)
{
  GtkWidget *widget = GTK_WIDGET (self);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, _ ("trained area"));
  GdkRGBA color = theme_color (widget, "canvas_ink_color", 0.6);
  LimnRect rect = limn_canvas_place (self);
  int height;

  pango_layout_get_pixel_size (layout, NULL, &height);
  if (top + height + 12 < rect.y)
    append_label (snapshot, layout, center_x, top + 4, &color);
}

static void
draw_trained_area (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  GtkWidget *widget = GTK_WIDGET (self);
  double scale = limn_canvas_get_scale (self), width, height;
  double view_width = gtk_widget_get_width (widget), view_height = gtk_widget_get_height (widget);
  const double dashes[] = { 5, 5 };
  cairo_t *cr;

  if (!info)
    return;
  limn_geometry_trained_area (limn_settings_get_width (self->settings),
                              limn_settings_get_height (self->settings), info->context_tokens,
                              info->token_pixels, &width, &height);
  width *= scale;
  height *= scale;
  /* On the edge of the canvas itself it would be noise, and lines that cross the whole view say
   * nothing, except to somebody who pulls towards them. */
  if ((fabs (width - rect->width) < 6 && fabs (height - rect->height) < 6) ||
      (self->dragged == LIMN_HANDLE_NONE && (width > view_width || height > view_height)))
    return;
  cr = gtk_snapshot_append_cairo (
      snapshot, &GRAPHENE_RECT_INIT (0, 0, (float) view_width, (float) view_height));
  cairo_rectangle (cr, round (rect->x + (rect->width - width) / 2) + 0.5,
                   round (rect->y + (rect->height - height) / 2) + 0.5, round (width),
                   round (height));
  cairo_set_line_width (cr, 1);
  /* Light dashes with dark ones in the gaps stay visible on every picture. */
  cairo_set_dash (cr, dashes, 2, 0);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.85);
  cairo_stroke_preserve (cr);
  cairo_set_dash (cr, dashes, 2, 5);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.55);
  cairo_stroke (cr);
  cairo_destroy (cr);
  if (width > rect->width && height > rect->height)
    draw_trained_label (self, snapshot, rect->x + rect->width / 2,
                        rect->y + rect->height / 2 - height / 2);
}

static void
append_disc (GtkSnapshot *snapshot, double x, double y, float radius, const GdkRGBA *color)
{
  graphene_rect_t bounds = GRAPHENE_RECT_INIT ((float) x - radius, (float) y - radius, 2 * radius,
                                               2 * radius);
  GskRoundedRect disc;

  gsk_rounded_rect_init_from_rect (&disc, &bounds, radius);
  gtk_snapshot_push_rounded_clip (snapshot, &disc);
  gtk_snapshot_append_color (snapshot, color, &bounds);
  gtk_snapshot_pop (snapshot);
}

static gboolean
is_lit (LimnCanvas *self, LimnHandle handle)
{
  if (handle == LIMN_HANDLE_EAST && gtk_widget_has_visible_focus (self->axes[0]))
    return TRUE;
  if (handle == LIMN_HANDLE_SOUTH && gtk_widget_has_visible_focus (self->axes[1]))
    return TRUE;
  return handle == (self->dragged != LIMN_HANDLE_NONE ? self->dragged : self->hovered);
}

static void
draw_handles (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  GdkRGBA accent = theme_color (GTK_WIDGET (self), "accent_bg_color", 1);
  const GdkRGBA white = { 1, 1, 1, 1 }, edge = { 0, 0, 0, 0.45f };

  for (int handle = 0; handle < LIMN_N_HANDLES; handle++)
    {
      gboolean lit = is_lit (self, (LimnHandle) handle);
      float radius = lit ? HANDLE_RADIUS + 1.5f : HANDLE_RADIUS;
      double x, y;

      limn_geometry_handle_center (rect, (LimnHandle) handle, &x, &y);
      append_disc (snapshot, x, y, radius + 1, &edge);
      append_disc (snapshot, x, y, radius, &white);
      if (lit)
        append_disc (snapshot, x, y, radius - 2, &accent);
    }
}

/* The size under the pointer's eyes while a handle moves. */
static void
draw_readout (LimnCanvas *self, GtkSnapshot *snapshot, const LimnRect *rect)
{
  GtkWidget *widget = GTK_WIDGET (self);
  int width = limn_settings_get_width (self->settings);
  int height = limn_settings_get_height (self->settings);
  const char *ratio = limn_geometry_ratio_near (width, height);
  const char *about = *limn_geometry_ratio_name (width, height) ? "" : "≈ ";
  g_autofree char *text = g_strdup_printf (*ratio ? "%d × %d · %s%s" : "%d × %d", width, height,
                                           about, ratio);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, text);
  double center = rect->x + rect->width / 2;
  double top = fmin (rect->y + rect->height + 14, gtk_widget_get_height (widget) - 30);
  int label_width, label_height;
  graphene_rect_t bounds;
  GskRoundedRect pill;

  pango_layout_get_pixel_size (layout, &label_width, &label_height);
  bounds = GRAPHENE_RECT_INIT ((float) (center - label_width / 2.0 - 10), (float) (top - 3),
                               (float) label_width + 20, (float) label_height + 6);
  gsk_rounded_rect_init_from_rect (&pill, &bounds, bounds.size.height / 2);
  gtk_snapshot_push_rounded_clip (snapshot, &pill);
  gtk_snapshot_append_color (snapshot, &(GdkRGBA){ 0, 0, 0, 0.75f }, &bounds);
  gtk_snapshot_pop (snapshot);
  append_label (snapshot, layout, center, top, &(GdkRGBA){ 1, 1, 1, 1 });
}

void
limn_canvas_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  LimnCanvas *self = LIMN_CANVAS (widget);
  LimnRect rect;

  if (!self->settings)
    return;
  rect = limn_canvas_place (self);
  draw_ground (self, snapshot, &rect);
  if (self->live)
    draw_live (self, snapshot, &rect);
  else if (self->texture)
    draw_picture (self, snapshot, &rect);
  else
    draw_empty (self, snapshot, &rect);
  if (limn_canvas_is_open (self))
    draw_trained_area (self, snapshot, &rect);
  draw_handles (self, snapshot, &rect);
  if (self->dragged != LIMN_HANDLE_NONE)
    draw_readout (self, snapshot, &rect);
  for (int axis = 0; axis < 2; axis++)
    gtk_widget_snapshot_child (widget, self->axes[axis], snapshot);
}
