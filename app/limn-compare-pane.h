/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-compare-pane.h - one picture among those that are compared.
 *
 * Panes look through one lens: zoom and place are relative to the picture, so that pictures of
 * different sizes line up. A pane can show a second picture behind a dividing line.
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct
{
  double zoom;  /* 1: the whole picture fits */
  double x, y;  /* the point of the picture in the middle of the pane, 0 to 1 */
} LimnLens;

#define LIMN_TYPE_COMPARE_PANE (limn_compare_pane_get_type ())
G_DECLARE_FINAL_TYPE (LimnComparePane, limn_compare_pane, LIMN, COMPARE_PANE, GtkWidget)

/* The lens is borrowed and must outlive the pane; signal "lens-changed" says that this pane moved
 * it, "chosen" that it was clicked. */
GtkWidget *limn_compare_pane_new (LimnLens *lens);

/* NULL for nothing yet. */
void limn_compare_pane_set_texture (LimnComparePane *self, GdkTexture *texture);

/* The picture on the right of the line at `split` (0 to 1) of the pane; NULL for none. */
void limn_compare_pane_set_second (LimnComparePane *self, GdkTexture *texture);
double limn_compare_pane_get_split (LimnComparePane *self);

void limn_compare_pane_set_title (LimnComparePane *self, const char *title, const char *detail);
/* Offers `names` in the place of the title, of which one is chosen; NULL: no choice. Signal
 * "picked" with a position says that somebody has chosen another. */
void limn_compare_pane_set_choice (LimnComparePane *self, GListModel *names, guint chosen);

/* Whether something has to come before the picture does. */
void limn_compare_pane_set_busy (LimnComparePane *self, gboolean busy);

/* A sentence in the place of the picture, or "". */
void limn_compare_pane_set_message (LimnComparePane *self, const char *message);

void limn_compare_pane_set_marks (LimnComparePane *self, gboolean chosen, gboolean reference);

G_END_DECLS
