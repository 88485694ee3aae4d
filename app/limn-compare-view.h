/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-compare-view.h - several pictures side by side.
 *
 * They are runs that differ in one setting, start from the same noise and advance in turn, or kept
 * pictures. Zoom, place and time are shared; any two can be split, blinked or subtracted.
 */
#pragma once

#include <adwaita.h>

#include "limn-difference.h"
#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_COMPARE_VIEW (limn_compare_view_get_type ())
G_DECLARE_FINAL_TYPE (LimnCompareView, limn_compare_view, LIMN, COMPARE_VIEW, GtkWidget)

typedef enum
{
  LIMN_COMPARE_SIDE,       /* all of them */
  LIMN_COMPARE_SPLIT,      /* reference and chosen one in one frame, with a line between */
  LIMN_COMPARE_BLINK,      /* the two in turn */
  LIMN_COMPARE_DIFFERENCE  /* what separates each from the reference */
} LimnCompareMode;

/* Signal "activity": a run has started or ended, or other checkpoints can be compared. */
void limn_compare_view_set_session (LimnCompareView *self, LimnSession *session,
                                    LimnSettings *settings);

/* Starts runs along an axis from the present settings; those of before are given up. Checkpoints
 * that cannot be compared give way to seeds. */
void limn_compare_view_start (LimnCompareView *self, LimnAxis axis);

/* Shows kept pictures, GFile objects, 1 to LIMN_MOST_VARIANTS, in the place of runs; those of
 * before are given up. They are read on other threads. */
void limn_compare_view_show_kept (LimnCompareView *self, GListModel *files);
gboolean limn_compare_view_is_of_kept (LimnCompareView *self);
/* Borrowed; NULL: not a kept picture. */
GFile *limn_compare_view_get_file (LimnCompareView *self, int pane);

/* Stops, and lets go of the pictures. */
void limn_compare_view_clear (LimnCompareView *self);

/* Stops what still runs; what is painted stays. */
void limn_compare_view_stop (LimnCompareView *self);
gboolean limn_compare_view_is_active (LimnCompareView *self);

/* Whether the model in use is one of several checkpoints of a training run; "activity" follows. */
gboolean limn_compare_view_has_checkpoints (LimnCompareView *self);

/* Paints a pane with the model of another step of the training. */
void limn_compare_view_set_step (LimnCompareView *self, int pane, gint64 step);
gint64 limn_compare_view_get_step (LimnCompareView *self, int pane); /* -1: none */

/* Of the last start, seeds before. */
LimnAxis limn_compare_view_get_axis (LimnCompareView *self);

int limn_compare_view_get_n_panes (LimnCompareView *self);
/* Borrowed; NULL: refused, or waiting for its model. */
LimnRun *limn_compare_view_get_run (LimnCompareView *self, int pane);
const char *limn_compare_view_get_trouble (LimnCompareView *self, int pane); /* "" when none */

void limn_compare_view_set_mode (LimnCompareView *self, LimnCompareMode mode);
void limn_compare_view_choose (LimnCompareView *self, int pane);
void limn_compare_view_set_reference (LimnCompareView *self, int pane);
int limn_compare_view_get_chosen (LimnCompareView *self);

/* All panes at the step nearest to t; 1 follows the newest. */
void limn_compare_view_set_t (LimnCompareView *self, double t);

/* From the reference; false while one of the pictures is missing or has another size. */
gboolean limn_compare_view_measure (LimnCompareView *self, int pane, LimnDifference *out);

/* All runs' pictures with their names on one sheet, with all their settings; kept ones are not on
 * it. *blocks* (milliseconds). */
gboolean limn_compare_view_export (LimnCompareView *self, const char *path, GError **error);

/* Shows a message over the pictures; takes it over. */
void limn_compare_view_add_toast (LimnCompareView *self, AdwToast *toast);

G_END_DECLS
