/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history-cell.h"

#include "limn-export.h"

#define SMALL 96 /* application pixels */

/* The cell may show another file by now. */
static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GtkWidget *picture = gtk_overlay_get_child (GTK_OVERLAY (source));
  g_autoptr (GdkTexture) texture = limn_export_load_finish (result);
  GFile *file = g_task_get_task_data (G_TASK (result));

  (void) data;
  if (texture && limn_history_cell_get_file (GTK_WIDGET (source)) == file)
    gtk_picture_set_paintable (GTK_PICTURE (picture), GDK_PAINTABLE (texture));
}

static GdkContentProvider *
drag_prepare_cb (GtkWidget *cell)
{
  GFile *file = limn_history_cell_get_file (cell);

  return file ? gdk_content_provider_new_typed (G_TYPE_FILE, file) : NULL;
}

GtkWidget *
limn_history_cell_new (void)
{
  GtkWidget *cell = gtk_overlay_new (), *picture = gtk_picture_new ();
  GtkWidget *star = gtk_image_new_from_icon_name ("starred-symbolic");
  GtkDragSource *drag = gtk_drag_source_new ();

  gtk_widget_set_size_request (picture, SMALL, SMALL);
  gtk_picture_set_can_shrink (GTK_PICTURE (picture), TRUE);
  gtk_widget_set_halign (star, GTK_ALIGN_END);
  gtk_widget_set_valign (star, GTK_ALIGN_END);
  gtk_widget_set_can_target (star, FALSE);
  gtk_widget_add_css_class (star, "badge");
  gtk_overlay_set_child (GTK_OVERLAY (cell), picture);
  gtk_overlay_add_overlay (GTK_OVERLAY (cell), star);
  g_signal_connect_swapped (drag, "prepare", G_CALLBACK (drag_prepare_cb), cell);
  gtk_widget_add_controller (cell, GTK_EVENT_CONTROLLER (drag));
  return cell;
}

void
limn_history_cell_set_file (GtkWidget *cell, GFile *file, const char *title)
{
  GtkPicture *picture = GTK_PICTURE (gtk_overlay_get_child (GTK_OVERLAY (cell)));

  g_object_set_data_full (G_OBJECT (cell), "file", g_object_ref (file), g_object_unref);
  gtk_picture_set_paintable (picture, NULL);
  gtk_picture_set_alternative_text (picture, title);
  gtk_widget_set_tooltip_text (cell, title);
  limn_export_load_async (file, cell, read_cb, NULL);
}

void
limn_history_cell_set_starred (GtkWidget *cell, gboolean starred)
{
  gtk_widget_set_visible (gtk_widget_get_last_child (cell), starred);
}

GFile *
limn_history_cell_get_file (GtkWidget *cell)
{
  return g_object_get_data (G_OBJECT (cell), "file");
}
