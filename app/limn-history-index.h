/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-history-index.h - what the pictures of a list were made with, for searching in them.
 *
 * Read from the files themselves, on another thread and each once; nothing of it is stored. All
 * functions belong to the main thread.
 */
#pragma once

#include <fit/fit.h>
#include <gio/gio.h>

G_BEGIN_DECLS

#define LIMN_TYPE_HISTORY_INDEX (limn_history_index_get_type ())
G_DECLARE_FINAL_TYPE (LimnHistoryIndex, limn_history_index, LIMN, HISTORY_INDEX, GObject)

/* Of GFile objects. Signal "read": more is known than before. */
LimnHistoryIndex *limn_history_index_new (GListModel *files);

/* Begins to read what came to the list since the last time. */
void limn_history_index_read (LimnHistoryIndex *self);

/* NULL while they are not read, and for good where a picture holds none. Borrowed. */
const struct fit_settings *limn_history_index_get_settings (LimnHistoryIndex *self, GFile *file);

/* The words that somebody typed, folded; "256 × 128" is one of them. Free with g_strfreev. */
char **limn_history_index_dup_terms (const char *text);

/* Whether a picture has all of the words: a whole number is the beginning of its seed or the length
 * of a side, anything else the beginning of a word of its class or method, its size ("256x128") or
 * its day ("2026-11-25"). Without words every picture has them; one that is not read yet has
 * none. */
gboolean limn_history_index_matches (LimnHistoryIndex *self, GFile *file, char *const *terms);

/* The picture of the list that this one goes on from; transfer full, or NULL. */
GFile *limn_history_index_dup_origin (LimnHistoryIndex *self, GFile *file);

G_END_DECLS
