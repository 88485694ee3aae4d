/* SPDX-License-Identifier: Apache-2.0 */
/* A model that is being imported: a bar with its progress, and what went wrong. The window can be
 * used meanwhile. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

static void
show_fraction (LimnWindow *self)
{
  gtk_progress_bar_set_fraction (self->import_progress, limn_import_get_fraction (self->import));
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
