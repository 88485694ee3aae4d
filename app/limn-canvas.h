/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-canvas.h - the viewer, and the rectangle whose shape people drag.
 *
 * Shows the picture of a run inside the rectangle of the settings: centred on neutral grey, with
 * eight handles. Zoom 1 is one picture pixel on one pixel of the screen.
 */
#pragma once

#include <gtk/gtk.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_CANVAS (limn_canvas_get_type ())
G_DECLARE_FINAL_TYPE (LimnCanvas, limn_canvas, LIMN, CANVAS, GtkWidget)

void limn_canvas_set_session (LimnCanvas *self, LimnSession *session, LimnSettings *settings);

/* NULL shows the empty rectangle. */
void limn_canvas_set_run (LimnCanvas *self, LimnRun *run);

/* A picture without a run, until the next one. */
void limn_canvas_show_still (LimnCanvas *self, GdkTexture *texture);

/* A quick picture in the place of the run's, or NULL; the next picture of a run ends it. */
void limn_canvas_set_live (LimnCanvas *self, GdkTexture *texture);

/* Whether a handle or an arrow key is held down; the property "shaping" tells of its changes. */
gboolean limn_canvas_is_shaping (LimnCanvas *self);

/* The picture on show, with or without a run, or NULL. */
GdkTexture *limn_canvas_get_texture (LimnCanvas *self);

void limn_canvas_zoom_fit (LimnCanvas *self);
void limn_canvas_zoom_to (LimnCanvas *self, double zoom);
void limn_canvas_zoom_step (LimnCanvas *self, int direction);

gboolean limn_canvas_is_fitted (LimnCanvas *self);
double limn_canvas_get_zoom (LimnCanvas *self);

/* The part of the widget that the canvas rectangle covers. */
void limn_canvas_get_frame (LimnCanvas *self, graphene_rect_t *frame);

G_END_DECLS
