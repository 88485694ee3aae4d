/* SPDX-License-Identifier: Apache-2.0 */
/* A model that is being imported: a bar with its progress, and what went wrong. The window can be
 * used meanwhile. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#define SURE_US (G_USEC_PER_SEC / 2) /* before which a speed is a guess */

char *
limn_window_describe_import (guint64 done_bytes, guint64 total_bytes, gint64 elapsed_us)
{
  g_autofree char *written = g_format_size (done_bytes), *all = g_format_size (total_bytes);
  g_autofree char *speed = NULL, *left = NULL;
  double per_second;

  if (done_bytes == 0 || elapsed_us < SURE_US)
    /* Translators: how much of a file is written, as 1.2 GB of 4.8 GB */
    return g_strdup_printf (_ ("%s of %s"), written, all);
  per_second = (double) done_bytes * G_USEC_PER_SEC / (double) elapsed_us;
  speed = g_format_size ((guint64) per_second);
  left = limn_window_dup_clock ((double) (total_bytes - done_bytes) / per_second);
  /* Translators: sizes, and a time of minutes and seconds: 1.2 GB of 4.8 GB · 210 MB/s · 0:17
   * left */
  return g_strdup_printf (_ ("%s of %s · %s/s · %s left"), written, all, speed, left);
}

static void
show_fraction (LimnWindow *self)
{
  g_autofree char *words = NULL;
  guint64 done, total;
  gint64 elapsed_us;

  limn_import_get_progress (self->import, &done, &total, &elapsed_us);
  words = limn_window_describe_import (done, total, elapsed_us);
  gtk_progress_bar_set_fraction (self->import_progress, limn_import_get_fraction (self->import));
  gtk_progress_bar_set_text (self->import_progress, words);
  gtk_progress_bar_set_show_text (self->import_progress, total > 0);
}

static void
show_bar (LimnWindow *self, const char *sentence, gboolean failed)
{
  gtk_label_set_text (self->import_text, sentence);
  gtk_info_bar_set_message_type (self->import_bar, failed ? GTK_MESSAGE_ERROR : GTK_MESSAGE_INFO);
  gtk_widget_set_visible (GTK_WIDGET (self->import_progress), !failed);
  gtk_button_set_label (self->import_close, failed ? _ ("Close") : _ ("Cancel"));
  gtk_info_bar_set_revealed (self->import_bar, TRUE);
}

static void
imported_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = limn_import_finish (LIMN_IMPORT (source), result, &error);

  /* A window that was closed meanwhile has let go of it. */
  if (self->import != LIMN_IMPORT (source))
    return;
  g_clear_object (&self->import);
  if (folder)
    {
      gtk_info_bar_set_revealed (self->import_bar, FALSE);
      limn_session_load (self->session, folder);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    gtk_info_bar_set_revealed (self->import_bar, FALSE);
  else
    show_bar (self, error->message, TRUE);
}

void
limn_window_import (LimnWindow *self, GFile *file)
{
  g_autofree char *sentence = NULL;

  if (self->import)
    {
      limn_window_toast (self, _ ("Another model is still being imported"));
      return;
    }
  self->import = limn_import_new (file);
  g_signal_connect_object (self->import, "notify::fraction", G_CALLBACK (show_fraction), self,
                           G_CONNECT_SWAPPED);
  sentence = g_strdup_printf (_ ("Importing “%s”…"), limn_import_get_name (self->import));
  show_fraction (self);
  show_bar (self, sentence, FALSE);
  limn_import_start (self->import, imported_cb, g_object_ref (self));
}

/* Stops the import, or takes the reason away. */
void
limn_window_close_import (LimnWindow *self)
{
  if (self->import)
    limn_import_cancel (self->import);
  else
    gtk_info_bar_set_revealed (self->import_bar, FALSE);
}
