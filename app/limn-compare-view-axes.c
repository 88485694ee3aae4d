/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what can be compared. What cannot be at present stays in it, with the reason. */
#include "limn-compare-view-private.h"

#include <glib/gi18n.h>

#define LONGEST_REASON 48 /* letters */

/* The parts of a row, under these names. */
#define ROW_NAME "limn-name"
#define ROW_REASON "limn-reason"
#define ROW_MARK "limn-mark"

static void
row_setup_cb (GtkListItemFactory *factory, GtkListItem *item)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *name = gtk_label_new (NULL), *reason = gtk_label_new (NULL);
  GtkWidget *mark = gtk_image_new_from_icon_name ("object-select-symbolic");

  (void) factory;
  gtk_label_set_xalign (GTK_LABEL (name), 0);
  gtk_label_set_xalign (GTK_LABEL (reason), 0);
  gtk_label_set_ellipsize (GTK_LABEL (reason), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (reason, "caption");
  gtk_widget_set_hexpand (words, TRUE);
  gtk_box_append (GTK_BOX (words), name);
  gtk_box_append (GTK_BOX (words), reason);
  gtk_box_append (GTK_BOX (row), words);
  gtk_box_append (GTK_BOX (row), mark);
  g_object_set_data (G_OBJECT (item), ROW_NAME, name);
  g_object_set_data (G_OBJECT (item), ROW_REASON, reason);
  g_object_set_data (G_OBJECT (item), ROW_MARK, mark);
  gtk_list_item_set_child (item, row);
}

static const char *
get_reason (LimnCompareView *self, guint axis)
{
  const char *trouble = limn_checkpoints_get_trouble (self->checkpoints);

  if (axis != LIMN_AXIS_CHECKPOINT || limn_compare_view_has_checkpoints (self))
    return "";
  return *trouble ? trouble
                  : _ ("Open a training run that has two or more");
}

static void
row_bind_cb (LimnCompareView *self, GtkListItem *item)
{
  guint axis = gtk_list_item_get_position (item);
  const char *reason = get_reason (self, axis);
  gboolean possible = *reason == '\0';
  GtkStringObject *name = gtk_list_item_get_item (item);
  GtkWidget *reason_label = g_object_get_data (G_OBJECT (item), ROW_REASON);
  GtkWidget *mark = g_object_get_data (G_OBJECT (item), ROW_MARK);

  gtk_label_set_text (g_object_get_data (G_OBJECT (item), ROW_NAME),
                      gtk_string_object_get_string (name));
  gtk_label_set_text (GTK_LABEL (reason_label), reason);
  /* The list is as wide as its rows have to be. */
  gtk_label_set_width_chars (GTK_LABEL (reason_label),
                             (int) MIN (g_utf8_strlen (reason, -1), LONGEST_REASON));
  gtk_widget_set_visible (reason_label, !possible);
  gtk_widget_set_tooltip_text (reason_label, reason); /* a file's may be long */
  gtk_widget_set_opacity (mark, axis == self->chosen_axis);
  gtk_widget_set_sensitive (gtk_list_item_get_child (item), possible);
  gtk_list_item_set_activatable (item, possible);
  gtk_list_item_set_selectable (item, possible);
}

void
limn_compare_view_refresh_axes (LimnCompareView *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  g_signal_connect (factory, "setup", G_CALLBACK (row_setup_cb), NULL);
  g_signal_connect_object (factory, "bind", G_CALLBACK (row_bind_cb), self, G_CONNECT_SWAPPED);
  gtk_drop_down_set_list_factory (GTK_DROP_DOWN (self->axis), factory);
  g_object_unref (factory);
}

/* In the order of LimnAxis. */
void
limn_compare_view_set_up_axes (LimnCompareView *self)
{
  const char *axes[] = { _ ("Position Methods"), _ ("Seeds"),   _ ("Numbers of Steps"),
                         _ ("Guidance"),         _ ("Solvers"), _ ("Checkpoints"), NULL };
  g_autoptr (GtkStringList) list = gtk_string_list_new (axes);

  gtk_drop_down_set_model (GTK_DROP_DOWN (self->axis), G_LIST_MODEL (list));
  limn_compare_view_refresh_axes (self);
}
