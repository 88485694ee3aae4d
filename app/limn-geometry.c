/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-geometry.h"

#include <math.h>
#include <stdlib.h>

double
limn_geometry_fit_scale (double view_width, double view_height, double width, double height,
                         double margin, double largest)
{
  double across = (view_width - 2 * margin) / width;
  double down = (view_height - 2 * margin) / height;
  double scale = fmin (fmin (across, down), largest);

  return fmax (scale, 0.01);
}

LimnRect
limn_geometry_place (double view_width, double view_height, int width, int height, double scale,
                     double pan_x, double pan_y)
{
  LimnRect rect = { .width = width * scale, .height = height * scale };

  /* Whole pixels, or a picture at 100 % would be blurred. */
  rect.x = round ((view_width - rect.width) / 2 + pan_x);
  rect.y = round ((view_height - rect.height) / 2 + pan_y);
  return rect;
}

LimnRect
limn_geometry_contain (const LimnRect *outer, int width, int height)
{
  double scale = fmin (outer->width / width, outer->height / height);
  LimnRect rect = { .width = width * scale, .height = height * scale };

  rect.x = outer->x + (outer->width - rect.width) / 2;
  rect.y = outer->y + (outer->height - rect.height) / 2;
  return rect;
}

double
limn_geometry_clamp_pan (double pan, double shown_length)
{
  return fmax (-shown_length / 2, fmin (pan, shown_length / 2));
}

/* -1, 0 or 1: on which side of the middle a handle lies. */
static int
handle_side_x (LimnHandle handle)
{
  static const int side[LIMN_N_HANDLES] = { -1, 0, 1, 1, 1, 0, -1, -1 };

  return side[handle];
}

static int
handle_side_y (LimnHandle handle)
{
  static const int side[LIMN_N_HANDLES] = { -1, -1, -1, 0, 1, 1, 1, 0 };

  return side[handle];
}

void
limn_geometry_handle_center (const LimnRect *rect, LimnHandle handle, double *x, double *y)
{
  *x = rect->x + rect->width * (1 + handle_side_x (handle)) / 2;
  *y = rect->y + rect->height * (1 + handle_side_y (handle)) / 2;
}

LimnHandle
limn_geometry_hit (const LimnRect *rect, double x, double y, double reach)
{
  LimnHandle nearest = LIMN_HANDLE_NONE;
  double nearest_distance = reach;

  for (int handle = 0; handle < LIMN_N_HANDLES; handle++)
    {
      double center_x, center_y, distance;

      limn_geometry_handle_center (rect, (LimnHandle) handle, &center_x, &center_y);
      distance = fmax (fabs (x - center_x), fabs (y - center_y));
      if (distance <= nearest_distance)
        {
          nearest = (LimnHandle) handle;
          nearest_distance = distance;
        }
    }
  return nearest;
}

/* ---- ratios that have a name ---- */

#define EXACT 0.005
#define NEAR 0.015

static const struct
{
  int across, down;
  const char *name, *turned;
} ratios[] = {
  { 1, 1, "1:1", "1:1" },    { 5, 4, "5:4", "4:5" }, { 4, 3, "4:3", "3:4" },
  { 3, 2, "3:2", "2:3" },    { 16, 9, "16:9", "9:16" }, { 2, 1, "2:1", "1:2" },
  { 21, 9, "21:9", "9:21" }, { 3, 1, "3:1", "1:3" }, { 4, 1, "4:1", "1:4" },
};

/* The named ratio that is nearest, and how far it is, as a share of it. */
static const char *
nearest_ratio (int width, int height, double *off)
{
  double ratio = (double) width / height;
  const char *name = "";

  *off = INFINITY;
  for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++)
    {
      double named = (double) ratios[i].across / ratios[i].down;
      double lying = fabs (ratio / named - 1), standing = fabs (ratio * named - 1);

      if (fmin (lying, standing) >= *off)
        continue;
      *off = fmin (lying, standing);
      name = lying <= standing ? ratios[i].name : ratios[i].turned;
    }
  return name;
}

const char *
limn_geometry_ratio_name (int width, int height)
{
  double off;
  const char *name = nearest_ratio (width, height, &off);

  return off <= EXACT ? name : "";
}

const char *
limn_geometry_ratio_near (int width, int height)
{
  double off;
  const char *name = nearest_ratio (width, height, &off);

  return off <= NEAR ? name : "";
}

/* ---- sizes ---- */

int
limn_geometry_snap (double pixels, const LimnSizeRule *rule)
{
  double most = floor ((double) rule->largest / rule->snap);
  double units = round (pixels / rule->snap);

  return rule->snap * (int) fmax (1, fmin (units, most));
}

void
limn_geometry_keep_area (int *side, int *other, const LimnSizeRule *rule)
{
  int most = rule->largest / rule->token, tokens, others;

  if (*side > rule->most_tokens * rule->token)
    *side = rule->most_tokens * rule->token;
  tokens = (*side + rule->token - 1) / rule->token;
  others = rule->most_tokens / tokens;
  *other = rule->token * (others < most ? others : most);
}

/* At a corner the ratio of the wanted sides counts, at an edge the side that is moved. */
static void
drag_area (LimnHandle handle, double wanted_width, double wanted_height, const LimnSizeRule *rule,
           int *width, int *height)
{
  bool across = handle_side_x (handle), down = handle_side_y (handle);

  if (across && down)
    {
      double length = rule->token * sqrt (rule->most_tokens);
      double ratio = fmax (wanted_width, 1) / fmax (wanted_height, 1);

      wanted_width = length * sqrt (ratio);
      wanted_height = length / sqrt (ratio);
    }
  if (across && (!down || wanted_width >= wanted_height))
    {
      *width = limn_geometry_snap (wanted_width, rule);
      limn_geometry_keep_area (width, height, rule);
    }
  else
    {
      *height = limn_geometry_snap (wanted_height, rule);
      limn_geometry_keep_area (height, width, rule);
    }
}

/* The size for the sides that the hand asks for. */
static void
size_for (LimnHandle handle, int start_width, int start_height, double wanted_width,
          double wanted_height, const LimnSizeRule *rule, int *width, int *height)
{
  int side_x = handle_side_x (handle), side_y = handle_side_y (handle);
  double ratio = (double) start_width / start_height;

  if (rule->keep == LIMN_KEEP_AREA)
    {
      drag_area (handle, wanted_width, wanted_height, rule, width, height);
      return;
    }
  if (rule->keep == LIMN_KEEP_RATIO)
    {
      /* At a corner the axis that was moved further leads. */
      if (side_x && (!side_y || fabs (wanted_width - start_width)
                                    >= fabs (wanted_height - start_height) * ratio))
        wanted_height = wanted_width / ratio;
      else
        wanted_width = wanted_height * ratio;
      side_x = side_y = 1;
    }
  *width = side_x ? limn_geometry_snap (wanted_width, rule) : start_width;
  *height = side_y ? limn_geometry_snap (wanted_height, rule) : start_height;
}

/* ---- magnets ---- */

/* Near a named ratio, and no step along the moved sides is nearer. */
static bool
is_round (LimnHandle handle, int width, int height, const LimnSizeRule *rule)
{
  int step_x = abs (handle_side_x (handle)) * rule->snap;
  int step_y = abs (handle_side_y (handle)) * rule->snap;
  double off, beside;

  nearest_ratio (width, height, &off);
  if (off > NEAR)
    return false;
  if (rule->keep == LIMN_KEEP_AREA) /* steps there do not lie so close */
    return true;
  for (int way = -1; way <= 1; way += 2)
    {
      nearest_ratio (width + way * step_x, height, &beside);
      if (width + way * step_x > 0 && beside < off)
        return false;
      nearest_ratio (width, height + way * step_y, &beside);
      if (height + way * step_y > 0 && beside < off)
        return false;
    }
  return true;
}

static int
tokens_of (int width, int height, const LimnSizeRule *rule)
{
  return ((width + rule->token - 1) / rule->token) * ((height + rule->token - 1) / rule->token);
}

/* Within the trained area, and one step along a moved side is beyond. */
static bool
is_edge_of_trained (LimnHandle handle, int width, int height, const LimnSizeRule *rule)
{
  int most = rule->trained_tokens;

  return rule->keep == LIMN_KEEP_NOTHING && tokens_of (width, height, rule) <= most &&
         (!handle_side_x (handle) || tokens_of (width + rule->snap, height, rule) > most) &&
         (!handle_side_y (handle) || tokens_of (width, height + rule->snap, rule) > most);
}

/* Replaces the size by the nearest one that holds a hand here, if one does. */
static void
stick (LimnHandle handle, int start_width, int start_height, double wanted_width,
       double wanted_height, const LimnSizeRule *rule, int *width, int *height)
{
  int most = (int) ceil (rule->magnet / rule->snap);
  int most_x = handle_side_x (handle) ? most : 0, most_y = handle_side_y (handle) ? most : 0;
  double middle_x = limn_geometry_snap (wanted_width, rule), nearest = INFINITY;
  double middle_y = limn_geometry_snap (wanted_height, rule);

  for (int i = -most_x; i <= most_x; i++)
    for (int j = -most_y; j <= most_y; j++)
      {
        double x = middle_x + i * rule->snap, y = middle_y + j * rule->snap;
        double off_x = most_x ? fabs (x - wanted_width) : 0;
        double off_y = most_y ? fabs (y - wanted_height) : 0;
        int wide, high;

        if (fmax (off_x, off_y) > rule->magnet || hypot (off_x, off_y) >= nearest)
          continue;
        size_for (handle, start_width, start_height, x, y, rule, &wide, &high);
        if ((wide != start_width || high != start_height) && !is_round (handle, wide, high, rule) &&
            !is_edge_of_trained (handle, wide, high, rule))
          continue;
        nearest = hypot (off_x, off_y);
        *width = wide;
        *height = high;
      }
}

void
limn_geometry_drag (LimnHandle handle, int start_width, int start_height, double dx, double dy,
                    const LimnSizeRule *rule, int *width, int *height)
{
  double wanted_width = start_width + 2 * handle_side_x (handle) * dx;
  double wanted_height = start_height + 2 * handle_side_y (handle) * dy;

  size_for (handle, start_width, start_height, wanted_width, wanted_height, rule, width, height);
  if (rule->magnet > 0 && rule->keep != LIMN_KEEP_RATIO)
    stick (handle, start_width, start_height, wanted_width, wanted_height, rule, width, height);
}

void
limn_geometry_trained_area (int width, int height, int tokens, int token_pixels,
                            double *trained_width, double *trained_height)
{
  double ratio = (double) width / height;
  double area = (double) tokens * token_pixels * token_pixels;

  *trained_width = sqrt (area * ratio);
  *trained_height = sqrt (area / ratio);
}

double
limn_geometry_zoom_step (double zoom, int direction)
{
  static const double ladder[] = { 0.25, 1.0 / 3, 0.5, 2.0 / 3, 1, 1.5, 2, 3, 4, 6, 8, 12, 16 };
  const int n = sizeof ladder / sizeof ladder[0];

  if (direction > 0)
    {
      for (int i = 0; i < n; i++)
        if (ladder[i] > zoom * 1.01)
          return ladder[i];
      return ladder[n - 1];
    }
  for (int i = n - 1; i >= 0; i--)
    if (ladder[i] < zoom / 1.01)
      return ladder[i];
  return ladder[0];
}
