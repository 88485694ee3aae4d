/* SPDX-License-Identifier: Apache-2.0 */
/* limn-compare-view-private.h - what the files of the comparison share: limn-compare-view.c keeps
 * the runs and changes what is looked at, limn-compare-view-draw.c puts it into the panes,
 * limn-compare-view-axes.c lists what can be compared, limn-compare-view-checkpoints.c brings other
 * models of a training run, limn-compare-view-kept.c pictures of before in the place of runs. */
#pragma once

#include "limn-checkpoints.h"
#include "limn-compare-pane.h"
#include "limn-compare-view.h"

G_BEGIN_DECLS

typedef struct
{
  LimnRun *run; /* owned; NULL: refused, and `trouble` says why, or the model is still being opened,
                 * or it is a kept picture */
  char *title, *trouble;
  struct fit_generate_params params;
  GCancellable *opening; /* of the model, or NULL */
  gint64 step;           /* of the training, where checkpoints are compared */
  int width, height; /* of the picture */
  GFile *file;       /* owned; of a kept picture, or NULL */
  GdkTexture *texture;           /* owned; of that file, or NULL while it is not read */
  guint8 *rgba;                  /* its pixels, four bytes each */
  struct fit_settings *settings; /* what the file says; NULL: nothing, or not yet */
  GtkWidget *pane;   /* owned by the grid */
} LimnVariant;

struct _LimnCompareView
{
  GtkWidget parent_instance;

  LimnSession *session;   /* owned */
  LimnSettings *settings; /* owned */
  LimnCheckpoints *checkpoints; /* owned; of the model in use */
  GArray *listed; /* owned; the steps in the panes' lists, gint64 */
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
  GtkWidget *toasts, *stack, *grid, *single, *big, *time, *status;
};

/* limn-compare-view.c */
/* Looks over the panes soon; the second also says that a run has begun or ended. */
void limn_compare_view_refresh (LimnCompareView *self);
void limn_compare_view_tell_activity (LimnCompareView *self);
/* Starts the run of a pane; the model NULL: the one in use. */
void limn_compare_view_begin (LimnCompareView *self, int i, struct fit_model *model);
/* Lets go of the run of a pane, or of the model that it waits for. */
void limn_compare_view_end (LimnCompareView *self, int i);

/* The whole pictures at their end, in the first columns. */
void limn_compare_view_look_at_all (LimnCompareView *self);
/* Gives a picture its place. */
void limn_compare_view_add_pane (LimnCompareView *self, int i);
/* What the settings have along an axis, for people: "Seed 7". */
char *limn_compare_view_dup_setting (LimnAxis axis, const struct fit_generate_params *params);

/* limn-compare-view-kept.c */
void limn_compare_view_forget_kept (LimnVariant *v);
/* Kept pictures have neither an axis nor a time. */
void limn_compare_view_refresh_tools (LimnCompareView *self);

/* limn-compare-view-axes.c */
void limn_compare_view_set_up_axes (LimnCompareView *self);
/* When what can be compared has changed. */
void limn_compare_view_refresh_axes (LimnCompareView *self);

/* limn-compare-view-checkpoints.c */
void limn_compare_view_set_up_checkpoints (LimnCompareView *self);
/* Lists the checkpoints of whatever model the session has in use. */
void limn_compare_view_follow_session (LimnCompareView *self);
/* The name of what the model was at a step of the training: "Step 3000". */
char *limn_compare_view_dup_step_name (gint64 step);
/* The steps to show: those of the panes, or some from the first to the newest; returns how many. */
int limn_compare_view_pick_steps (LimnCompareView *self, gint64 out[LIMN_MOST_VARIANTS]);
/* Paints a pane with another step's model, which is taken from the runs `before` where one has
 * it. */
void limn_compare_view_open_step (LimnCompareView *self, int i, gint64 step, GPtrArray *before);
/* Somebody has picked an entry of a pane's list. */
void limn_compare_view_pick (LimnCompareView *self, guint position, GtkWidget *pane);
/* Fills the panes' lists of steps. */
void limn_compare_view_list_steps (LimnCompareView *self);

/* limn-compare-view-draw.c */
/* Brings columns, pictures, names and the status up to date; nothing without variants. */
void limn_compare_view_draw (LimnCompareView *self);

G_END_DECLS
