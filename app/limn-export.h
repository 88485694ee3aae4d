/* SPDX-License-Identifier: Apache-2.0 */
/* limn-export.h - pictures to files and settings back from them, off the main thread. */
#pragma once

#include <fit/fit.h>
#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Makes the folder if need be and finds the next free name "0007-desert-dunes-42.png" in it. An
 * empty `folder` stands for Limn in the Pictures folder. The result is a GFile. */
void limn_export_propose_async (const char *folder, const char *class_name, guint64 seed,
                                GAsyncReadyCallback callback, gpointer data);
GFile *limn_export_propose_finish (GAsyncResult *result, GError **error);

/* Writes the picture with its settings. Takes a reference to the frame. */
void limn_export_write_async (struct fit_frame *frame, GFile *file, GAsyncReadyCallback callback,
                              gpointer data);
GFile *limn_export_write_finish (GAsyncResult *result, GError **error);

/* Copies pictures, a list of GFile objects, into a folder under the names that are proposed there.
 * The end tells how many were copied, and the last of them; the first that fails ends it. */
void limn_export_copy_async (GListModel *files, GFile *folder, GAsyncReadyCallback callback,
                             gpointer data);
guint limn_export_copy_finish (GAsyncResult *result, GFile **last, GError **error);

/* Reads the pixels of a picture; transfer full, or NULL. */
void limn_export_load_async (GFile *file, gpointer source, GAsyncReadyCallback callback,
                             gpointer data);
GdkTexture *limn_export_load_finish (GAsyncResult *result);
/* The pixels of a picture that was read as the engine has them, RGBA8 in rows without padding. */
guint8 *limn_export_dup_rgba (GdkTexture *texture);

/* Reads the settings of a picture. */
void limn_export_read_async (GFile *file, GAsyncReadyCallback callback, gpointer data);
gboolean limn_export_read_finish (GAsyncResult *result, struct fit_settings *settings,
                                  GError **error);

/* The same of another program's picture. */
void limn_export_read_foreign_async (GFile *file, GAsyncReadyCallback callback, gpointer data);
gboolean limn_export_read_foreign_finish (GAsyncResult *result,
                                          struct fit_foreign_settings *settings, GError **error);

/* The command that paints a picture of these settings, byte for byte as the window does on this
 * machine. */
char *limn_export_dup_command (const struct fit_generate_params *params,
                               const struct fit_model_info *info);

/* Opens the file manager with the file selected. */
void limn_export_show_in_files (GFile *file, GtkWindow *window);

G_END_DECLS
