/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-history-order.h - the order in which earlier pictures are shown.
 *
 * What is equal by class or by star stays the newest first. All functions belong to the main
 * thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "limn-history-index.h"
#include "limn-history.h"

G_BEGIN_DECLS

/* The values of the setting "history-order". */
typedef enum
{
  LIMN_ORDER_NEWEST,
  LIMN_ORDER_OLDEST,
  LIMN_ORDER_CLASS,  /* by name; pictures whose class is not known come last */
  LIMN_ORDER_STARRED /* those with a star first */
} LimnHistoryOrder;

/* Sorts GFile objects of the history as the setting says, and follows it, the stars and what the
 * index learns. Transfer full; keeps the three as long as it lives. */
GtkSorter *limn_history_order_new (LimnHistory *history, LimnHistoryIndex *index,
                                   GSettings *settings);

G_END_DECLS
