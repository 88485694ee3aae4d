/* SPDX-License-Identifier: Apache-2.0 */
/* limn-compare-view-private.h - what the files of the comparison share: limn-compare-view.c keeps
 * the runs and changes what is looked at, limn-compare-view-draw.c puts it into the panes. */
#pragma once

#include "limn-compare-pane.h"
#include "limn-compare-view.h"

G_BEGIN_DECLS

typedef struct
{
  LimnRun *run; /* owned; NULL: refused, `trouble` says why */
  char *title, *trouble;
  int width, height; /* of the picture */
  GtkWidget *pane;   /* owned by the grid */
} LimnVariant;

struct _LimnCompareView
{
  GtkWidget parent_instance;

  LimnSession *session;   /* owned */
  LimnSettings *settings; /* owned */
  LimnLens lens;
  LimnVariant variants[LIMN_MOST_VARIANTS];
  int n, columns, chosen, reference;
  guint32 group; /* of the runs of the last start */
  LimnAxis chosen_axis;
  LimnCompareMode mode;
  gboolean listing; /* the list of axes follows the view at this moment */
  guint blink_source, refresh_source;
  gboolean blinked;

  /* children */
  GtkWidget *content, *axis, *side, *split, *blink, *difference, *gain, *export, *keep;
  GtkWidget *stack, *grid, *single, *big, *time, *status;
};

/* Brings columns, pictures, names and the status up to date; nothing without variants. */
void limn_compare_view_draw (LimnCompareView *self);

G_END_DECLS
