/* SPDX-License-Identifier: Apache-2.0 */
/* limn-history-view.h - small pictures of the history: choose one, throw one away, drag one out. */
#pragma once

#include <gtk/gtk.h>

#include "limn-history.h"

G_BEGIN_DECLS

#define LIMN_TYPE_HISTORY_VIEW (limn_history_view_get_type ())
G_DECLARE_FINAL_TYPE (LimnHistoryView, limn_history_view, LIMN, HISTORY_VIEW, GtkWidget)

/* Signals "chosen" and "unwanted", each with a GFile. */
void limn_history_view_set_history (LimnHistoryView *self, LimnHistory *history);

G_END_DECLS
