/* SPDX-License-Identifier: Apache-2.0 */
/* limn-shape-panel.h - width and height as text, the ratio lock, and shapes made from the model's
 * token budget. */
#pragma once

#include <gtk/gtk.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_SHAPE_PANEL (limn_shape_panel_get_type ())
G_DECLARE_FINAL_TYPE (LimnShapePanel, limn_shape_panel, LIMN, SHAPE_PANEL, GtkWidget)

void limn_shape_panel_set_session (LimnShapePanel *self, LimnSession *session,
                                   LimnSettings *settings);

/* Outlines the size that is set and says why it cannot be painted, until another is set; NULL: it
 * can. */
void limn_shape_panel_refuse_size (LimnShapePanel *self, const char *reason);

G_END_DECLS
