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

/* One that is selected takes the others along. */
static GdkContentProvider *
drag_prepare_cb (GtkDragSource *drag, double x, double y, GtkSelectionModel *selection)
{
  GtkWidget *cell = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (drag));
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GtkBitset) selected = gtk_selection_model_get_selection (selection);
  GFile *file = limn_history_cell_get_file (cell);
  GdkFileList *list;
  GdkContentProvider *content;

  (void) x;
  (void) y;
  if (!file)
    return NULL;
  for (guint i = 0; i < gtk_bitset_get_size (selected); i++)
    g_ptr_array_add (files, g_list_model_get_item (G_LIST_MODEL (selection),
                                                   gtk_bitset_get_nth (selected, i)));
  if (files->len < 2 || !g_ptr_array_find (files, file, NULL))
    return gdk_content_provider_new_typed (G_TYPE_FILE, file);
  list = gdk_file_list_new_from_array ((GFile **) files->pdata, files->len);
  content = gdk_content_provider_new_typed (GDK_TYPE_FILE_LIST, list);
  g_boxed_free (GDK_TYPE_FILE_LIST, list);
  return content;
}

GtkWidget *
limn_history_cell_new (GtkSelectionModel *selection)
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
  g_signal_connect_object (drag, "prepare", G_CALLBACK (drag_prepare_cb), selection, 0);
  gtk_widget_add_controller (cell, GTK_EVENT_CONTROLLER (drag));
  return cell;
}

void
limn_history_cell_set_title (GtkWidget *cell, const char *title)
{
  GtkPicture *picture = GTK_PICTURE (gtk_overlay_get_child (GTK_OVERLAY (cell)));

  gtk_picture_set_alternative_text (picture, title);
  gtk_widget_set_tooltip_text (cell, title);
}

void
limn_history_cell_set_file (GtkWidget *cell, GFile *file)
{
  GtkPicture *picture = GTK_PICTURE (gtk_overlay_get_child (GTK_OVERLAY (cell)));

  g_object_set_data_full (G_OBJECT (cell), "file", g_object_ref (file), g_object_unref);
  gtk_picture_set_paintable (picture, NULL);
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
