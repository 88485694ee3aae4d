/* SPDX-License-Identifier: Apache-2.0 */
/* limn-token-gauge.h - whether the model knows the chosen shape: icon, words, bar, and a popover
 * that explains. */
#pragma once

#include <gtk/gtk.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_TOKEN_GAUGE (limn_token_gauge_get_type ())
G_DECLARE_FINAL_TYPE (LimnTokenGauge, limn_token_gauge, LIMN, TOKEN_GAUGE, GtkWidget)

void limn_token_gauge_set_session (LimnTokenGauge *self, LimnSession *session,
                                   LimnSettings *settings);

G_END_DECLS
