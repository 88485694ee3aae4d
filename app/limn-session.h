/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-session.h - the engine and the model, as the main loop sees them.
 *
 * The session opens the engine and reads models on another thread. The engine's wake-up becomes
 * one source of the main loop, which hands each event to the run that it concerns. All functions
 * belong to the main thread and return at once.
 */
#pragma once

#include <fit/fit.h>
#include <gio/gio.h>

#include "limn-recovery.h"
#include "limn-run.h"
#include "limn-settings.h"

G_BEGIN_DECLS

typedef enum
{
  LIMN_SESSION_LOADING,
  LIMN_SESSION_NO_MODEL,
  LIMN_SESSION_READY
} LimnSessionState;

#define LIMN_TYPE_SESSION_STATE (limn_session_state_get_type ())
GType limn_session_state_get_type (void);

#define LIMN_TYPE_SESSION (limn_session_get_type ())
G_DECLARE_FINAL_TYPE (LimnSession, limn_session, LIMN, SESSION, GObject)

LimnSession *limn_session_new (void);

/* Reads the bundle in `path`; the answer is a change of "state". A model that is there already
 * stays in place when the new one fails. */
void limn_session_load (LimnSession *self, const char *path);

/* Opens the processor in place of a device that failed, and reads the same model again; the answer
 * is a change of "state". Runs of before keep what they have and cannot be continued: what the
 * recovery has written of one can be. Only while no run moves. */
void limn_session_move_to_processor (LimnSession *self);

/* Whether that is where it computes, or nothing is open yet. */
gboolean limn_session_is_on_processor (LimnSession *self);

/* Whether the device answers no more: whatever is asked of it fails. */
gboolean limn_session_has_lost_device (LimnSession *self);

/* Gives back the memory that is held only to be quick; the next run takes it again. Not while a run
 * is under way. The work is another thread's. */
void limn_session_rest (LimnSession *self);

/* Stops every run, closes the engine and keeps what was under way; waits for a load that is. */
void limn_session_close (LimnSession *self);

LimnSessionState limn_session_get_state (LimnSession *self);

/* What the model in use was loaded from, as limn_session_load was asked; NULL without one. */
const char *limn_session_get_path (LimnSession *self);

/* Why the last load failed, or "". */
const char *limn_session_get_message (LimnSession *self);

/* Of the model in use: NULL before there is one. Borrowed until the next change of state. */
const struct fit_model_info *limn_session_get_info (LimnSession *self);

/* "cpu · AMD EPYC, 2 threads", or "". */
char *limn_session_dup_device (LimnSession *self);

/* What the engine wants people to know about the device, or "". */
const char *limn_session_get_notice (LimnSession *self);

/* LimnClass objects of the model in use, "no class" last. Borrowed, the same list always. */
GListModel *limn_session_get_classes (LimnSession *self);

/* The name of a class for people, or "". Borrowed. */
const char *limn_session_get_class_name (LimnSession *self, int class_id);

/* What a size, or the next one that can be painted, means to the model; false before there is
 * one. */
gboolean limn_session_describe (LimnSession *self, int width, int height, enum fit_method method,
                                struct fit_canvas *canvas);

/* Whether the model can be run with it; false before there is one. */
gboolean limn_session_has_solver (LimnSession *self, enum fit_solver solver);

/* A smaller size whose run the memory that is free has room for; false when there is none. */
gboolean limn_session_find_smaller (LimnSession *self, const struct fit_generate_params *params,
                                    int *width, int *height);

void limn_session_snap (LimnSession *self, int *width, int *height);

/* The size of that ratio with at most `tokens` tokens; 0: as many as the model was trained with. */
void limn_session_fit_ratio (LimnSession *self, double ratio, int tokens, int *width,
                             int *height);

/* Starts a run of these parameters, or of the settings; transfer full, or NULL with the reason. */
LimnRun *limn_session_start (LimnSession *self, const struct fit_generate_params *params,
                             GError **error);
LimnRun *limn_session_generate (LimnSession *self, LimnSettings *settings, GError **error);

/* Opens another checkpoint of the training run that the model in use is one of, and leaves that in
 * use; answered by limn_checkpoint_open_finish. */
void limn_session_open_checkpoint_async (LimnSession *self, gint64 step, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);

/* As limn_session_start, with such a model, which the run keeps. */
LimnRun *limn_session_start_on (LimnSession *self, struct fit_model *model,
                                const struct fit_generate_params *params, GError **error);

/* Puts such a model in use; a change of "state" unless it is the one. */
void limn_session_use (LimnSession *self, struct fit_model *model);

/* Goes on where a run was stopped, or where the file of the recovery says one was left; transfer
 * full, or NULL with the reason. */
LimnRun *limn_session_continue (LimnSession *self, LimnRun *run, GError **error);
LimnRun *limn_session_recover (LimnSession *self, GError **error);

/* What keeps the run under way across the end of the program. Borrowed. */
LimnRecovery *limn_session_get_recovery (LimnSession *self);

/* About how long a run takes, in seconds, from the speed of the last one; 0 when unknown. */
double limn_session_forecast (LimnSession *self, LimnSettings *settings);

G_END_DECLS
