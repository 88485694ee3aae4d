/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-recovery.h - the run under way, kept in a file so that nothing ends it but its end.
 *
 * There is one file, in the user's state folder. While a run moves it is written about once a
 * second on another thread, and again when the run is paused or stopped, and when the program ends;
 * it goes when the run is done. What is found there at the next start can be gone on with, to the
 * bit. All functions belong to the main thread.
 */
#pragma once

#include "limn-run.h"

G_BEGIN_DECLS

#define LIMN_TYPE_RECOVERY (limn_recovery_get_type ())
G_DECLARE_FINAL_TYPE (LimnRecovery, limn_recovery, LIMN, RECOVERY, GObject)

/* NULL: limn/interrupted.safetensors in the user's state folder. */
LimnRecovery *limn_recovery_new (const char *path);

const char *limn_recovery_get_path (LimnRecovery *self);

/* From now on the file is about this run; it is referenced. NULL: about none. */
void limn_recovery_watch (LimnRecovery *self, LimnRun *run);

/* Deletes the file: somebody has begun something else. */
void limn_recovery_discard (LimnRecovery *self);

/* Puts a file that cannot be used out of the way. */
void limn_recovery_set_aside (LimnRecovery *self);

/* Writes what there is to write and waits for it; after the engine has been closed. */
void limn_recovery_finish (LimnRecovery *self);

/* What the file says, read on another thread: FALSE with no error when there is no file. */
void limn_recovery_look_async (LimnRecovery *self, GAsyncReadyCallback callback, gpointer data);
gboolean limn_recovery_look_finish (GAsyncResult *result, struct fit_settings *settings,
                                    struct fit_progress *progress, GError **error);

G_END_DECLS
