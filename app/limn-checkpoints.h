/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-checkpoints.h - the checkpoints of a training run: which there are at present, and one of
 * them as a model.
 *
 * The folder is read on another thread, again whenever something comes or goes there. All functions
 * belong to the main thread and return at once.
 */
#pragma once

#include <fit/fit.h>
#include <gio/gio.h>

G_BEGIN_DECLS

#define LIMN_TYPE_CHECKPOINTS (limn_checkpoints_get_type ())
G_DECLARE_FINAL_TYPE (LimnCheckpoints, limn_checkpoints, LIMN, CHECKPOINTS, GObject)

/* Signal "changed": the list is another one. */
LimnCheckpoints *limn_checkpoints_new (void);

/* Follows the run that the model in `path` is a checkpoint of; NULL, or another model: none. */
void limn_checkpoints_follow (LimnCheckpoints *self, const char *path);

/* Steps of the training, rising; the last is the newest. */
guint limn_checkpoints_get_n (LimnCheckpoints *self);
gint64 limn_checkpoints_get_step (LimnCheckpoints *self, guint i);
gboolean limn_checkpoints_has (LimnCheckpoints *self, gint64 step);

/* Why the folder could not be read, or "". */
const char *limn_checkpoints_get_trouble (LimnCheckpoints *self);

/* Opens the checkpoint of that step beside `beside`, in whose training run it lies and whose engine
 * it shares; without those two it fails. The answer is a model of the caller's, or NULL:
 * G_IO_ERROR_NOT_FOUND when there is none (the training keeps the newest ones only),
 * G_IO_ERROR_CANCELLED, or the engine's reason. */
void limn_checkpoint_open_async (struct fit_engine *engine, struct fit_model *beside, gint64 step,
                                 GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer data);
struct fit_model *limn_checkpoint_open_finish (GAsyncResult *result, GError **error);

G_END_DECLS
