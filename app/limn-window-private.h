/* SPDX-License-Identifier: Apache-2.0 */
/* limn-window-private.h - what the files of the window share: limn-window.c how it looks in each
 * state, limn-window-run.c what is painted, limn-window-actions.c what people can do,
 * limn-window-trouble.c what went wrong, limn-window-device.c what it computes on,
 * limn-window-popovers.c the keys within popovers,
 * limn-window-rest.c what it gives back when nothing is painted,
 * limn-window-files.c pictures in and out. */
#pragma once

#include "limn-canvas.h"
#include "limn-class-picker.h"
#include "limn-compare-view.h"
#include "limn-error.h"
#include "limn-history-view.h"
#include "limn-import.h"
#include "limn-live.h"
#include "limn-quality-panel.h"
#include "limn-settings.h"
#include "limn-shape-panel.h"
#include "limn-step-scrubber.h"
#include "limn-token-gauge.h"
#include "limn-undo.h"
#include "limn-window.h"

G_BEGIN_DECLS

struct _LimnWindow
{
  AdwApplicationWindow parent_instance;

  /* owned */
  LimnSession *session;
  LimnSettings *settings;
  LimnUndo *undo;
  LimnHistory *history;
  LimnLive *live;
  LimnImport *import; /* under way, or NULL */
  GSettings *memory;
  LimnRun *run;                      /* the one shown, or NULL */
  GFile *chosen;                     /* the earlier picture on show, or on its way */
  GFile *to_open;                    /* a picture that waits for the model */
  gboolean chosen_is_branch;         /* whether it goes on from another run */
  AdwToast *discarding;              /* weak: the newest offer to have pictures back */
  GFile *saved;                      /* behind the toast's "Show in Files" */

  GError *failure;                   /* of the engine, behind the bar that tells it, or NULL */
  LimnRun *left;                     /* the one to go on with on the processor, or NULL */
  LimnRun *branch_from;              /* what a branch goes on from that was refused, or NULL */
  struct fit_generate_params branch; /* of that branch */

  int smaller_width, smaller_height; /* what the bar offers */
  gboolean moving;                   /* to the processor */
  gboolean notice_shown, focus_given;
  gboolean generate_wanted; /* as soon as the run that is being stopped has ended */
  gboolean looked_for_interrupted;
  enum fit_job_state last_state; /* of the run on show */
  gboolean inhibited;            /* the desktop was asked not to suspend */
  guint inhibit_cookie;
  guint loading_source; /* shows the spinner of a load that takes its time */
  guint rest_source;    /* gives memory back when nothing is painted for a while */

  /* template */
  AdwWindowTitle *title;
  GtkButton *generate;
  AdwButtonContent *generate_content;
  GtkButton *pause, *go_on;
  GtkProgressBar *progress;
  AdwFlap *flap;
  GtkWidget *content;
  AdwToastOverlay *toasts;
  GtkStack *pages;
  GtkSpinner *spinner;
  AdwStatusPage *no_model;
  GtkInfoBar *interrupted;
  GtkLabel *interrupted_text;
  GtkInfoBar *import_bar;
  GtkLabel *import_text;
  GtkProgressBar *import_progress;
  GtkButton *import_close;
  GtkInfoBar *trouble;
  GtkLabel *trouble_text;
  GtkBox *trouble_box, *trouble_buttons;
  GtkButton *trouble_retry, *trouble_elsewhere, *trouble_smaller, *trouble_processor;
  GtkButton *trouble_model, *trouble_details;
  LimnClassPicker *classes;
  LimnShapePanel *shape;
  LimnQualityPanel *quality;
  GtkWidget *viewer;
  LimnCanvas *canvas;
  LimnTokenGauge *gauge;
  GtkLabel *status;
  GtkWidget *status_bar;
  GtkMenuButton *zoom;
  GtkRevealer *scrubber_revealer;
  LimnStepScrubber *scrubber;
  LimnCompareView *comparison;
  GtkMenuButton *history_button;
  LimnHistoryView *history_view;
};

/* limn-window.c */
void limn_window_refresh (LimnWindow *self);
void limn_window_refresh_progress (LimnWindow *self);
/* Shows the page that the state calls for. */
void limn_window_refresh_page (LimnWindow *self);

/* A time as minutes and seconds, 0:04. */
char *limn_window_dup_clock (double seconds);

/* limn-window-trouble.c */
/* Says what went wrong; `elsewhere` offers to save in another place. */
void limn_window_show_trouble (LimnWindow *self, const char *sentence, gboolean elsewhere);
/* The same of a model that could not take the place of the one in use. */
void limn_window_show_refused_model (LimnWindow *self, const char *reason);
/* The same of the engine's failures, with the ways out that each has. */
void limn_window_show_failure (LimnWindow *self, const GError *error);
void limn_window_hide_trouble (LimnWindow *self);
/* Sentence and buttons side by side where there is room. */
void limn_window_lay_out_trouble (LimnWindow *self);
/* The whole of what the bar tells, or else of the notice about the device. */
void limn_window_show_details (LimnWindow *self);
/* Paints at the size that the bar offers. */
void limn_window_use_smaller (LimnWindow *self);

/* limn-window-device.c */
/* Tells why a branch of the run on show was not begun; the bar's way to the processor begins it. */
void limn_window_refuse_branch (LimnWindow *self, const struct fit_generate_params *params,
                                const GError *error);
/* Leaves a device that failed, and goes on with what failed there. */
void limn_window_move_to_processor (LimnWindow *self);
/* When the session has answered that; FALSE when nobody had asked. */
gboolean limn_window_arrive_on_processor (LimnWindow *self);
/* Once: what the engine has to say about the device. */
void limn_window_show_notice (LimnWindow *self);

/* limn-window-run.c */
/* Shows a run, or none; `begin` also forgets what was interrupted before. */
void limn_window_set_run (LimnWindow *self, LimnRun *run);
void limn_window_begin_run (LimnWindow *self, LimnRun *run);
void limn_window_let_go_of_run (LimnWindow *self);
/* Whether something is painted, be it paused; whether a run that is over can go on. */
gboolean limn_window_is_busy (LimnWindow *self);
gboolean limn_window_is_paused (LimnWindow *self);
gboolean limn_window_can_continue (LimnWindow *self);
/* After a change of what is being painted. */
void limn_window_refresh_activity (LimnWindow *self);
void limn_window_set_inhibited (LimnWindow *self, gboolean inhibited);
/* Whether the end of a run that took so long is told by the desktop. */
gboolean limn_window_is_worth_telling (gboolean looked_at, double elapsed_s);
/* Pauses, resumes, or goes on with what was stopped. */
void limn_window_toggle_pause (LimnWindow *self);
/* Offers to go on with what the last end of the program interrupted. */
void limn_window_look_for_interrupted (LimnWindow *self);
void limn_window_continue_interrupted (LimnWindow *self);
void limn_window_hide_interrupted (LimnWindow *self);

/* limn-window-actions.c */
void limn_window_class_install_actions (GtkWidgetClass *klass);
void limn_window_add_keys (LimnWindow *self);
void limn_window_refresh_actions (LimnWindow *self);
void limn_window_generate (LimnWindow *self);
/* The same picture once more, where that is what the settings say. */
void limn_window_generate_as_set (LimnWindow *self);
/* Now, or when the run that is being stopped has ended. */
void limn_window_generate_soon (LimnWindow *self);
/* Whether the picture on show is what a run with the present settings would paint. */
gboolean limn_window_would_repeat (LimnWindow *self);
void limn_window_finish_from_here (LimnWindow *self);

/* limn-window-popovers.c */
/* Lets the keys of the window work while one of its popovers has the focus. */
void limn_window_reach_into_popovers (LimnWindow *self);

/* limn-window-import.c */
void limn_window_import (LimnWindow *self, GFile *file);
void limn_window_close_import (LimnWindow *self);

/* How much of a model is written, how quickly and what time is left; the first moments tell no
 * speed. */
char *limn_window_describe_import (guint64 done_bytes, guint64 total_bytes, gint64 elapsed_us);

/* limn-window-live.c */
void limn_window_set_up_live (LimnWindow *self);

/* limn-window-rest.c */
/* Something was painted, or is: from its end on the time counts after which memory is given
 * back. */
void limn_window_put_off_rest (LimnWindow *self);

/* limn-window-compare.c */
void limn_window_compare (LimnWindow *self, LimnAxis axis);
void limn_window_leave_compare (LimnWindow *self);
/* The pictures that are selected among the earlier ones; says how many it takes if need be. */
void limn_window_compare_selected (LimnWindow *self);
/* Earlier pictures, GFile objects. */
void limn_window_compare_kept (LimnWindow *self, GListModel *files);
void limn_window_keep_chosen (LimnWindow *self);
gboolean limn_window_is_comparing (LimnWindow *self);

/* limn-window-history.c */
void limn_window_set_up_history (LimnWindow *self);
/* Shows an earlier picture at once, and restores its settings. */
void limn_window_show_earlier (LimnWindow *self, GFile *file);
/* Opens the panel of earlier pictures, or closes it. */
void limn_window_toggle_history (LimnWindow *self);
void limn_window_remember_picture (LimnWindow *self);
/* Throws pictures away and offers them back at once; the offer is the overlay's. `files` are GFile
 * objects, and nobody changes the list from now on. */
AdwToast *limn_window_discard (LimnWindow *self, GListModel *files);
/* Writes copies of them, and says so. */
void limn_window_save_pictures_to (LimnWindow *self, GListModel *files, GFile *folder);

/* Has back what was thrown away last, while that is still offered. */
gboolean limn_window_undo_discard (LimnWindow *self);

/* limn-window-restore.c: limn_window_open, and */
void limn_window_restore (LimnWindow *self, GFile *file); /* at once, without a sheet */
void limn_window_open_waiting (LimnWindow *self);        /* what waited for the model */
void limn_window_paste (LimnWindow *self);

/* limn-window-verify.c */
void limn_window_verify (LimnWindow *self, GFile *file);

/* limn-window-copy.c */
/* Pixels and words at once, a PNG with its settings and a file when they are there. */
void limn_window_copy_picture (LimnWindow *self);
void limn_window_copy_command (LimnWindow *self);

/* limn-window-files.c */
void limn_window_save (LimnWindow *self);
void limn_window_save_to (LimnWindow *self, GFile *file);
void limn_window_choose_picture (LimnWindow *self);
void limn_window_choose_model (LimnWindow *self);
void limn_window_export_sheet (LimnWindow *self);
void limn_window_choose_to_verify (LimnWindow *self);
void limn_window_toast (LimnWindow *self, const char *title);
/* Shows a message over the picture, or over those that are compared; takes it over. */
void limn_window_add_toast (LimnWindow *self, AdwToast *toast);
/* `file` is one of the n that were saved. */
void limn_window_tell_saved (LimnWindow *self, GFile *file, guint n);
void limn_window_offer_undo (LimnWindow *self, const char *title);
void limn_window_show_saved (LimnWindow *self);
void limn_window_add_drop_target (LimnWindow *self);

G_END_DECLS
