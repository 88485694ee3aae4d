/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history-view.h"

#include "limn-export.h"

#define SMALL 96 /* application pixels */

struct _LimnHistoryView
{
  GtkWidget parent_instance;

  GtkSingleSelection *selection;
  GtkWidget *stack, *grid;
};

G_DEFINE_FINAL_TYPE (LimnHistoryView, limn_history_view, GTK_TYPE_WIDGET)

static guint chosen_signal, unwanted_signal;

/* ---- small pictures, read on another thread ---- */

/* The cell may show another file by now. */
static void
read_cb (GObject *source, GAsyncResult *result, gpointer data G_GNUC_UNUSED)
{
  GtkPicture *picture = GTK_PICTURE (source);
  g_autoptr (GdkTexture) texture = limn_export_load_finish (result);
  GFile *file = g_task_get_task_data (G_TASK (result));

  if (texture && g_object_get_data (source, "file") == file)
    gtk_picture_set_paintable (picture, GDK_PAINTABLE (texture));
}

static GdkContentProvider *
drag_prepare_cb (GtkWidget *picture)
{
  GFile *file = g_object_get_data (G_OBJECT (picture), "file");

  return file ? gdk_content_provider_new_typed (G_TYPE_FILE, file) : NULL;
}

static void
setup_cb (LimnHistoryView *self G_GNUC_UNUSED, GtkListItem *item)
{
  GtkWidget *picture = gtk_picture_new ();
  GtkDragSource *drag = gtk_drag_source_new ();

  gtk_widget_set_size_request (picture, SMALL, SMALL);
  gtk_picture_set_can_shrink (GTK_PICTURE (picture), TRUE);
  g_signal_connect_swapped (drag, "prepare", G_CALLBACK (drag_prepare_cb), picture);
  gtk_widget_add_controller (picture, GTK_EVENT_CONTROLLER (drag));
  gtk_list_item_set_child (item, picture);
}

static void
bind_cb (LimnHistoryView *self G_GNUC_UNUSED, GtkListItem *item)
{
  GtkWidget *picture = gtk_list_item_get_child (item);
  GFile *file = gtk_list_item_get_item (item);
  g_autofree char *name = g_file_get_basename (file);

  g_object_set_data_full (G_OBJECT (picture), "file", g_object_ref (file), g_object_unref);
  gtk_picture_set_paintable (GTK_PICTURE (picture), NULL);
  gtk_picture_set_alternative_text (GTK_PICTURE (picture), name);
  limn_export_load_async (file, picture, read_cb, NULL);
}

/* ---- what people do ---- */

static void
activate_cb (LimnHistoryView *self, guint position)
{
  g_autoptr (GFile) file = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  if (file)
    g_signal_emit (self, chosen_signal, 0, file);
}

/* The one with the focus ring, whether or not it was ever chosen. */
static gboolean
key_cb (LimnHistoryView *self, guint keyval)
{
  GtkWidget *cell = gtk_root_get_focus (gtk_widget_get_root (self->grid));
  GtkWidget *picture = cell ? gtk_widget_get_first_child (cell) : NULL;
  GFile *file = picture ? g_object_get_data (G_OBJECT (picture), "file") : NULL;

  if (keyval != GDK_KEY_Delete || !file)
    return GDK_EVENT_PROPAGATE;
  g_object_ref (file);
  g_signal_emit (self, unwanted_signal, 0, file);
  g_object_unref (file);
  return GDK_EVENT_STOP;
}

/* The grid keeps the focus on the picture that was there first, which is the oldest. */
static void
map_cb (LimnHistoryView *self)
{
  GtkWidget *newest;

  gtk_widget_activate_action (self->grid, "list.scroll-to-item", "u", 0);
  newest = gtk_widget_get_first_child (self->grid);
  if (newest)
    gtk_widget_grab_focus (newest);
}

/* ---- widget ---- */

static void
files_changed_cb (LimnHistoryView *self)
{
  gboolean some = g_list_model_get_n_items (G_LIST_MODEL (self->selection)) > 0;

  gtk_stack_set_visible_child_name (GTK_STACK (self->stack), some ? "pictures" : "nothing");
}

void
limn_history_view_set_history (LimnHistoryView *self, LimnHistory *history)
{
  g_return_if_fail (LIMN_IS_HISTORY_VIEW (self));

  gtk_single_selection_set_model (self->selection, limn_history_get_files (history));
  files_changed_cb (self);
}

static void
limn_history_view_dispose (GObject *object)
{
  LimnHistoryView *self = LIMN_HISTORY_VIEW (object);

  g_clear_object (&self->selection);
  g_clear_pointer (&self->stack, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_history_view_parent_class)->dispose (object);
}

static void
limn_history_view_class_init (LimnHistoryViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_history_view_dispose;
  chosen_signal = g_signal_new ("chosen", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, G_TYPE_FILE);
  unwanted_signal = g_signal_new ("unwanted", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_FILE);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-history-view.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnHistoryView, stack);
  gtk_widget_class_bind_template_child (widget_class, LimnHistoryView, grid);
  gtk_widget_class_bind_template_callback (widget_class, activate_cb);
  gtk_widget_class_bind_template_callback (widget_class, key_cb);
  gtk_widget_class_bind_template_callback (widget_class, map_cb);
}

static void
limn_history_view_init (LimnHistoryView *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (factory, "setup", G_CALLBACK (setup_cb), self);
  g_signal_connect_swapped (factory, "bind", G_CALLBACK (bind_cb), self);
  self->selection = gtk_single_selection_new (NULL);
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_grid_view_set_factory (GTK_GRID_VIEW (self->grid), factory);
  gtk_grid_view_set_model (GTK_GRID_VIEW (self->grid), GTK_SELECTION_MODEL (self->selection));
  g_signal_connect_object (self->selection, "items-changed", G_CALLBACK (files_changed_cb), self,
                           G_CONNECT_SWAPPED);
}
