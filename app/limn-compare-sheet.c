/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-compare-sheet.h"

#include <gtk/gtk.h>
#include <string.h>

#include "limn-difference.h"
#include "limn-error.h"

#define GAP 12
#define PAPER 0.98
#define SCREEN_WIDTH 1600 /* where a sheet will be looked at */
#define SCREEN_HEIGHT 1000
#define INK 0.16
#define LARGEST_SIDE 32767 /* of a surface */

typedef struct
{
  int columns, rows, cell_width, cell_height, head;
  int letter; /* height of the names, by the size of the pictures */
} Layout;

static Layout
lay_out (const LimnSheetPicture *pictures, int n)
{
  Layout l = { 0 };

  for (int i = 0; i < n; i++)
    {
      const struct fit_generate_params *p = limn_run_get_params (pictures[i].run);

      l.cell_width = MAX (l.cell_width, p->width);
      l.cell_height = MAX (l.cell_height, p->height);
    }
  l.columns = limn_columns_for (n, l.cell_width, l.cell_height, SCREEN_WIDTH, SCREEN_HEIGHT);
  l.rows = (n + l.columns - 1) / l.columns;
  l.letter = CLAMP (l.cell_width / 16, 10, 40);
  l.head = 2 * l.letter;
  return l;
}

/* cairo's pixels are BGRA in memory on little-endian machines; the engine's are RGBA. */
static void
swap_channels (guint8 *pixels, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      guint8 first = pixels[4 * i];

      pixels[4 * i] = pixels[4 * i + 2];
      pixels[4 * i + 2] = first;
      pixels[4 * i + 3] = 255;
    }
}

static void
draw_picture (cairo_surface_t *sheet, LimnRun *run, int left, int top)
{
  struct fit_frame *frame = limn_run_dup_frame (run);

  if (!frame)
    return;
  int stride = cairo_image_surface_get_stride (sheet), width = fit_frame_width (frame);
  cairo_surface_flush (sheet);
  for (int y = 0; y < fit_frame_height (frame); y++)
    {
      guint8 *row = cairo_image_surface_get_data (sheet) + (gsize) (top + y) * (gsize) stride +
                    4 * (gsize) left;

      memcpy (row, fit_frame_pixels (frame) + 4 * (gsize) y * (gsize) width, 4 * (gsize) width);
      swap_channels (row, (gsize) width);
    }
  cairo_surface_mark_dirty (sheet);
  fit_frame_unref (&frame);
}

static void
draw_name (cairo_surface_t *sheet, const char *name, int letter, int left, int baseline)
{
  cairo_t *cairo = cairo_create (sheet);

  cairo_set_source_rgb (cairo, INK, INK, INK);
  cairo_select_font_face (cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size (cairo, letter);
  cairo_move_to (cairo, left, baseline);
  cairo_show_text (cairo, name);
  cairo_destroy (cairo);
}

static cairo_surface_t *
draw_sheet (const LimnSheetPicture *pictures, int n)
{
  Layout l = lay_out (pictures, n);
  int width = GAP + l.columns * (l.cell_width + GAP);
  int height = GAP + l.rows * (l.head + l.cell_height + GAP);
  cairo_surface_t *sheet;
  cairo_t *cairo;

  if (width > LARGEST_SIDE || height > LARGEST_SIDE)
    return NULL;
  sheet = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  cairo = cairo_create (sheet);
  cairo_set_source_rgb (cairo, PAPER, PAPER, PAPER);
  cairo_paint (cairo);
  cairo_destroy (cairo);
  for (int i = 0; i < n; i++)
    {
      int left = GAP + i % l.columns * (l.cell_width + GAP);
      int top = GAP + i / l.columns * (l.head + l.cell_height + GAP);

      draw_name (sheet, pictures[i].title, l.letter, left, top + l.head - l.letter / 2);
      draw_picture (sheet, pictures[i].run, left, top + l.head);
    }
  return sheet;
}

/* The first picture's settings, which a reader restores, and those of all under "comparison". A
 * sheet's pixels are nobody's, so no hash can be checked. */
static char *
dup_settings (const LimnSheetPicture *pictures, int n)
{
  g_autoptr (GString) json = g_string_new (NULL);

  for (int i = 0; i < n; i++)
    {
      g_autofree char *one = limn_run_dup_settings_json (pictures[i].run);

      if (i == 0)
        {
          g_string_append_len (json, one, (gssize) strlen (one) - 1);
          g_string_append (json, ",\"pixels_sha256\":\"\",\"comparison\":[");
        }
      g_string_append_printf (json, "%s%s", i ? "," : "", one);
    }
  g_string_append (json, "]}");
  return g_string_free (g_steal_pointer (&json), FALSE);
}

gboolean
limn_compare_sheet_write (const char *path, const LimnSheetPicture *pictures, int n,
                          GError **error)
{
  static const struct fit_error no_memory = { FIT_ERROR_MEMORY, "no memory for the sheet" };
  struct fit_error failure = { 0 };
  g_autofree char *json = NULL;
  cairo_surface_t *sheet = n > 0 ? draw_sheet (pictures, n) : NULL;
  gboolean ok = FALSE;

  if (sheet && cairo_surface_status (sheet) == CAIRO_STATUS_SUCCESS)
    {
      int width = cairo_image_surface_get_width (sheet);
      int height = cairo_image_surface_get_height (sheet);

      /* RGB24 rows have no padding: four bytes a pixel. */
      cairo_surface_flush (sheet);
      swap_channels (cairo_image_surface_get_data (sheet), (gsize) width * (gsize) height);
      json = dup_settings (pictures, n);
      ok = fit_picture_write_png (path, cairo_image_surface_get_data (sheet), width, height, NULL,
                                  json, &failure);
    }
  g_clear_pointer (&sheet, cairo_surface_destroy);
  if (!ok)
    limn_propagate_fit_error (error, failure.status == FIT_OK ? &no_memory : &failure);
  return ok;
}
