/* SPDX-License-Identifier: Apache-2.0 */
/* limn-history-view-private.h - what the files of the panel of earlier pictures share:
 * limn-history-view.c shows and finds them, limn-history-view-bar.c tells of the selected ones and
 * does what is to be done with them. */
#pragma once

#include "limn-history-index.h"
#include "limn-history-view.h"

G_BEGIN_DECLS

struct _LimnHistoryView
{
  GtkWidget parent_instance;

  LimnHistory *history;
  LimnHistoryIndex *index;
  GListModel *files; /* of the history, in its order */
  GtkFilter *filter;
  GtkSelectionModel *selection; /* of what the search finds */
  char **terms;                 /* of the search */

  GtkWidget *box, *search, *several, *stack, *grid;
  GtkWidget *bar, *buttons, *compare, *star, *about, *origin;
};

/* limn-history-view.c */
/* Gives the focus to the picture that comes first. */
void limn_history_view_focus_first (LimnHistoryView *self);

/* limn-history-view-bar.c */
/* "Ocean sunset · 256 × 128 · seed 7", or the file's name. */
char *limn_history_view_dup_title (LimnHistoryView *self, GFile *file);
/* The selected pictures, in the order of the panel. Transfer full. */
GListModel *limn_history_view_dup_selected (LimnHistoryView *self);
/* After a change of the selection, or of what is found; of the stars. */
void limn_history_view_refresh_bar (LimnHistoryView *self);
void limn_history_view_refresh_stars (LimnHistoryView *self);
/* Saves the selected pictures, or throws them away. */
void limn_history_view_export_selected (LimnHistoryView *self);
void limn_history_view_discard_selected (LimnHistoryView *self);
/* Throws away what a key is about: the selected pictures, or else the one with the focus ring. */
void limn_history_view_discard_meant (LimnHistoryView *self);

G_END_DECLS
