/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-geometry.h - where the picture lies in the viewer, and what dragging it means.
 *
 * Plain arithmetic without a toolkit. The viewer is measured in application pixels, the picture in
 * its own pixels; a scale is application pixels per picture pixel. The picture is centred and then
 * moved by the pan.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct
{
  double x, y, width, height;
} LimnRect;

/* Clockwise from the top left corner. */
typedef enum
{
  LIMN_HANDLE_NONE = -1,
  LIMN_HANDLE_NORTH_WEST,
  LIMN_HANDLE_NORTH,
  LIMN_HANDLE_NORTH_EAST,
  LIMN_HANDLE_EAST,
  LIMN_HANDLE_SOUTH_EAST,
  LIMN_HANDLE_SOUTH,
  LIMN_HANDLE_SOUTH_WEST,
  LIMN_HANDLE_WEST,
  LIMN_N_HANDLES
} LimnHandle;

/* What stays as it is while a side changes. */
typedef enum
{
  LIMN_KEEP_NOTHING,
  LIMN_KEEP_RATIO,
  LIMN_KEEP_AREA
} LimnKeep;

/* What a side may be: multiples of `snap` from `snap` to `largest`. */
typedef struct
{
  int snap, largest; /* pixels */
  int token;         /* pixels along a side of one */
  LimnKeep keep;
  int most_tokens;   /* with LIMN_KEEP_AREA */
  double magnet;     /* pixels around a good size within which a drag sticks to it; 0: no magnets */
  int trained_tokens; /* with magnets */
} LimnSizeRule;

/* The scale at which a picture fills the view up to a margin on every side, at most `largest`. */
double limn_geometry_fit_scale (double view_width, double view_height, double width, double height,
                                double margin, double largest);

LimnRect limn_geometry_place (double view_width, double view_height, int width, int height,
                              double scale, double pan_x, double pan_y);

/* The largest rectangle of the ratio width : height in the middle of `outer`. */
LimnRect limn_geometry_contain (const LimnRect *outer, int width, int height);

/* Keeps a pan so small that the middle of the view stays on the picture. */
double limn_geometry_clamp_pan (double pan, double shown_length);

void limn_geometry_handle_center (const LimnRect *rect, LimnHandle handle, double *x, double *y);

/* The handle whose centre is at most `reach` away along both axes, the nearest one if several. */
LimnHandle limn_geometry_hit (const LimnRect *rect, double x, double y, double reach);

/* The side nearest to `pixels` that the rule allows. */
int limn_geometry_snap (double pixels, const LimnSizeRule *rule);

/* The longest other side, in whole tokens, beside which the area stays within the rule's; `side` is
 * at least 1 and gets shorter where no token of the other would be left. */
void limn_geometry_keep_area (int *side, int *other, const LimnSizeRule *rule);

/* The size after a handle moved by (dx, dy) picture pixels. The picture stays centred, so the
 * opposite side moves as well and the size changes by twice the distance. Sizes that magnets hold:
 * the one at the start, the nearest to a ratio that has a name, where they are within 1.5 % of it,
 * and the largest of the trained area; none while the ratio is kept. */
void limn_geometry_drag (LimnHandle handle, int start_width, int start_height, double dx, double dy,
                         const LimnSizeRule *rule, int *width, int *height);

/* The sides, in pixels, of the area of `tokens` tokens at the ratio width : height. */
void limn_geometry_trained_area (int width, int height, int tokens, int token_pixels,
                                 double *trained_width, double *trained_height);

/* The next zoom of the ladder 25 %, 33 %, ... 1600 %, above or below `zoom`. */
double limn_geometry_zoom_step (double zoom, int direction);

/* "16:9" when the sides are within 0.5 % of a ratio that has a name, otherwise ""; the other one
 * within the 1.5 % of the magnets. */
const char *limn_geometry_ratio_name (int width, int height);
const char *limn_geometry_ratio_near (int width, int height);
