/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-history.h - the pictures that were painted, kept as PNG with their settings.
 *
 * They lie in one folder, one file a picture, named by the time. The list is what lies there under
 * such names; it follows a moment later what other windows put there or take away. Beside them lies "starred", the names of those that people marked, one a line. When a new picture
 * comes and all of them take more than the limit, the oldest without a star are moved to the
 * wastebasket, never deleted. All functions belong to the main thread; files are written on
 * another.
 */
#pragma once

#include <fit/fit.h>
#include <gio/gio.h>

G_BEGIN_DECLS

#define LIMN_TYPE_HISTORY (limn_history_get_type ())
G_DECLARE_FINAL_TYPE (LimnHistory, limn_history, LIMN, HISTORY, GObject)

/* NULL: limn/history in the user's data folder. Reads the folder. */
LimnHistory *limn_history_new (const char *folder);

/* GFile objects, the newest first. Borrowed, the same list always. */
GListModel *limn_history_get_files (LimnHistory *self);

/* Writes the picture; it is listed when it is there. A failure is told by the signal "failed", with
 * a sentence. */
void limn_history_add (LimnHistory *self, struct fit_frame *frame);

/* From the next new picture on; 0: as much as there is. The signal "trimmed" tells how many
 * pictures went to the wastebasket, a guint; one that cannot go there stays, and "failed" tells it
 * once. */
void limn_history_set_limit (LimnHistory *self, guint64 bytes);

/* Below 0 where the first is the newer one, as strcmp. */
int limn_history_compare_times (GFile *a, GFile *b);

gboolean limn_history_is_starred (LimnHistory *self, GFile *file);
/* Of GFile objects in the folder. The signal "starred" follows. */
void limn_history_set_starred (LimnHistory *self, GListModel *files, gboolean starred);

/* Takes a picture off the list, puts it back, or throws the file away for good. */
void limn_history_hide (LimnHistory *self, GFile *file);
void limn_history_show (LimnHistory *self, GFile *file);
void limn_history_discard (LimnHistory *self, GFile *file);

/* The same with many GFile objects, as one change of the list. */
void limn_history_hide_all (LimnHistory *self, GListModel *files);
void limn_history_show_all (LimnHistory *self, GListModel *files);

G_END_DECLS
