/* SPDX-License-Identifier: Apache-2.0 */
/* limn-quality-panel.h - seed, steps, and behind "More settings" guidance, solver and positions. */
#pragma once

#include <gtk/gtk.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_QUALITY_PANEL (limn_quality_panel_get_type ())
G_DECLARE_FINAL_TYPE (LimnQualityPanel, limn_quality_panel, LIMN, QUALITY_PANEL, GtkWidget)

void limn_quality_panel_set_session (LimnQualityPanel *self, LimnSession *session,
                                     LimnSettings *settings);

G_END_DECLS
