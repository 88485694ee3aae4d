/* SPDX-License-Identifier: Apache-2.0 */
/* limn-history-view.h - small pictures of the history: find some, choose one, save or throw away
 * several, drag them out. */
#pragma once

#include <gtk/gtk.h>

#include "limn-history.h"

G_BEGIN_DECLS

/* How many pictures can be compared at once. */
enum { LIMN_FEWEST_COMPARED = 2, LIMN_MOST_COMPARED = 4 };

#define LIMN_TYPE_HISTORY_VIEW (limn_history_view_get_type ())
G_DECLARE_FINAL_TYPE (LimnHistoryView, limn_history_view, LIMN, HISTORY_VIEW, GtkWidget)

/* Shows them in the order of the setting "history-order", which can be chosen in the view. Signals
 * "chosen" with a GFile, "unwanted", "wanted-elsewhere" and "compared" with a GListModel of
 * them. */
void limn_history_view_set_history (LimnHistoryView *self, LimnHistory *history,
                                    GSettings *settings);

/* Marks the selected pictures with a star, or takes it away where all of them have one. */
void limn_history_view_toggle_star (LimnHistoryView *self);

/* Asks for the comparison of the selected pictures; FALSE when they are too few or too many. */
gboolean limn_history_view_compare (LimnHistoryView *self);
/* What the panel says then. */
char *limn_history_view_dup_compare_reason (void);

void limn_history_view_start_search (LimnHistoryView *self);

G_END_DECLS
