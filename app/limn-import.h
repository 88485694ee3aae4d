/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-import.h - makes a model of this program of one that was published.
 *
 * What is dropped or chosen is a file of weights, or a folder with one. Its configuration (.yaml)
 * and its autoencoder (a file or folder called after "vae", "taesd" or "autoencoder") are looked
 * for beside it. The model comes into the user's data folder. The work is done on another thread;
 * all functions belong to the main thread and return at once.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define LIMN_TYPE_IMPORT (limn_import_get_type ())
G_DECLARE_FINAL_TYPE (LimnImport, limn_import, LIMN, IMPORT, GObject)

/* The folder of the model that this is already, or is a part of: to be freed, or NULL. */
char *limn_import_dup_model (GFile *file);

/* Whether the name is that of a file of weights. */
gboolean limn_import_is_weights (GFile *file);

LimnImport *limn_import_new (GFile *file);
void limn_import_start (LimnImport *self, GAsyncReadyCallback callback, gpointer data);

/* The folder of the new model, or NULL with the reason. */
char *limn_import_finish (LimnImport *self, GAsyncResult *result, GError **error);

/* Leaves nothing behind; the answer is G_IO_ERROR_CANCELLED. */
void limn_import_cancel (LimnImport *self);

/* How much is written, from 0 to 1: the property "fraction". */
double limn_import_get_fraction (LimnImport *self);

/* How much of the model is written and in what time; all 0 before the writing begins. */
void limn_import_get_progress (LimnImport *self, guint64 *done_bytes, guint64 *total_bytes,
                               gint64 *elapsed_us);

/* What people call the file. Borrowed. */
const char *limn_import_get_name (LimnImport *self);

G_END_DECLS
