/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-history.h - the pictures that were painted, kept as PNG with their settings.
 *
 * They lie in one folder, one file a picture, named by the time, and the list is what lies there:
 * nothing else is stored. The newest LIMN_HISTORY_MOST are kept; older ones are deleted when a new
 * one comes. All functions belong to the main thread; files are written on another.
 */
#pragma once

#include <fit/fit.h>
#include <gio/gio.h>

G_BEGIN_DECLS

#define LIMN_HISTORY_MOST 500

#define LIMN_TYPE_HISTORY (limn_history_get_type ())
G_DECLARE_FINAL_TYPE (LimnHistory, limn_history, LIMN, HISTORY, GObject)

/* NULL: limn/history in the user's data folder. Reads the folder. */
LimnHistory *limn_history_new (const char *folder);

/* GFile objects, the newest first. Borrowed, the same list always. */
GListModel *limn_history_get_files (LimnHistory *self);

/* Writes the picture; it is listed when it is there. A failure is told by the signal "failed", with
 * a sentence. */
void limn_history_add (LimnHistory *self, struct fit_frame *frame);

/* Takes a picture off the list, puts it back, or throws the file away for good. */
void limn_history_hide (LimnHistory *self, GFile *file);
void limn_history_show (LimnHistory *self, GFile *file);
void limn_history_discard (LimnHistory *self, GFile *file);

G_END_DECLS
