/* SPDX-License-Identifier: Apache-2.0 */
/* limn-history-view.h - small pictures of the history: find some, choose one, save or throw away
 * several, drag them out. */
#pragma once

#include <gtk/gtk.h>

#include "limn-history.h"

G_BEGIN_DECLS

#define LIMN_TYPE_HISTORY_VIEW (limn_history_view_get_type ())
G_DECLARE_FINAL_TYPE (LimnHistoryView, limn_history_view, LIMN, HISTORY_VIEW, GtkWidget)

/* Shows them in the order of the setting "history-order", which can be chosen in the view. Signals
 * "chosen" with a GFile, "unwanted" and "wanted-elsewhere" with a GListModel of them. */
void limn_history_view_set_history (LimnHistoryView *self, LimnHistory *history,
                                    GSettings *settings);

/* Marks the selected pictures with a star, or takes it away where all of them have one. */
void limn_history_view_toggle_star (LimnHistoryView *self);

void limn_history_view_start_search (LimnHistoryView *self);

G_END_DECLS
