/* SPDX-License-Identifier: Apache-2.0 */
/* limn-canvas-private.h - what the files of the canvas share: limn-canvas.c keeps the state,
 * limn-canvas-input.c changes it for the user, limn-canvas-draw.c looks at it and draws. */
#pragma once

#include <adwaita.h>

#include "limn-canvas.h"
#include "limn-geometry.h"

G_BEGIN_DECLS

#define LIMN_LARGEST_ZOOM 16
#define LIMN_COARSE 4 /* tokens in one step with Shift or Ctrl */

struct _LimnCanvas
{
  GtkWidget parent_instance;

  /* owned */
  LimnSession *session;
  LimnSettings *settings;
  LimnRun *run;
  GdkTexture *texture;      /* the picture that is shown; outlives its run until the next one */
  GdkTexture *live;         /* shown in its place while the shape is found, or NULL */
  cairo_surface_t *surface; /* the same for cairo, made when needed */
  AdwAnimation *refit;

  /* children */
  GtkWidget *picture;
  GtkWidget *axes[2]; /* width, height */

  int picture_width, picture_height; /* of the run behind the texture */
  double zoom;                       /* 0: as large as fits */
  double fit_scale;                  /* application pixels per picture pixel when fitted */
  double pan_x, pan_y;
  double pointer_x, pointer_y;
  gboolean pointer_inside;
  gboolean following; /* the axes follow the settings at this moment */

  LimnHandle hovered, dragged;
  gboolean key_held;
  int start_width, start_height;
  double start_scale, start_pan_x, start_pan_y, start_zoom;
};

/* Application pixels per picture pixel. */
double limn_canvas_get_scale (LimnCanvas *self);
LimnRect limn_canvas_place (LimnCanvas *self);

/* Whether the shape is being changed, or differs from the picture's. */
gboolean limn_canvas_is_open (LimnCanvas *self);

/* A hand has come to the shape, or has gone. */
void limn_canvas_set_held (LimnCanvas *self, LimnHandle dragged, gboolean key_held);

/* The scale or the pan is another one. */
void limn_canvas_place_changed (LimnCanvas *self);

/* Makes the scale of a fitted canvas fit again, moving there when `gently`. */
void limn_canvas_refit (LimnCanvas *self, gboolean gently);

void limn_canvas_add_controllers (LimnCanvas *self);

void limn_canvas_snapshot (GtkWidget *widget, GtkSnapshot *snapshot);

G_END_DECLS
