/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-class-row.h"

#include <glib/gi18n.h>

struct _LimnClassRow
{
  GtkBox parent_instance;

  LimnClass *item;

  GtkWidget *heading, *name, *subtitle, *recent, *star;
};

G_DEFINE_FINAL_TYPE (LimnClassRow, limn_class_row, GTK_TYPE_BOX)

static guint star_clicked;

static void
marks_changed_cb (LimnClassRow *self)
{
  gboolean favourite = limn_class_get_favourite (self->item);

  gtk_button_set_icon_name (GTK_BUTTON (self->star),
                            favourite ? "starred-symbolic" : "non-starred-symbolic");
  gtk_widget_set_tooltip_text (self->star,
                               favourite ? _ ("Remove from Favourites") : _ ("Add to Favourites"));
  gtk_accessible_update_property (
      GTK_ACCESSIBLE (self->star), GTK_ACCESSIBLE_PROPERTY_LABEL,
      favourite ? _ ("Remove from Favourites") : _ ("Add to Favourites"), -1);
  if (favourite)
    gtk_widget_add_css_class (self->star, "starred");
  else
    gtk_widget_remove_css_class (self->star, "starred");
  gtk_widget_set_visible (self->recent, limn_class_get_recent (self->item) >= 0);
}

static void
heading_changed_cb (LimnClassRow *self)
{
  const char *heading = limn_class_get_heading (self->item);

  gtk_label_set_text (GTK_LABEL (self->heading), heading);
  gtk_widget_set_visible (self->heading, *heading != '\0');
}

void
limn_class_row_set_class (LimnClassRow *self, LimnClass *item)
{
  g_autofree char *subtitle = NULL;

  g_return_if_fail (LIMN_IS_CLASS_ROW (self));

  if (self->item)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_set_object (&self->item, item);
  if (!item)
    return;
  g_signal_connect_swapped (item, "notify::favourite", G_CALLBACK (marks_changed_cb), self);
  g_signal_connect_swapped (item, "notify::recent", G_CALLBACK (marks_changed_cb), self);
  g_signal_connect_swapped (item, "notify::heading", G_CALLBACK (heading_changed_cb), self);
  heading_changed_cb (self);
  gtk_label_set_text (GTK_LABEL (self->name), limn_class_get_name (item));
  g_object_get (item, "subtitle", &subtitle, NULL);
  gtk_label_set_text (GTK_LABEL (self->subtitle), subtitle);
  gtk_widget_set_tooltip_text (self->subtitle, subtitle);
  gtk_widget_set_visible (self->star, limn_class_get_id (item) >= 0);
  marks_changed_cb (self);
}

LimnClass *
limn_class_row_get_class (LimnClassRow *self)
{
  return self->item;
}

static void
star_clicked_cb (LimnClassRow *self)
{
  g_signal_emit (self, star_clicked, 0);
}

static void
limn_class_row_dispose (GObject *object)
{
  limn_class_row_set_class (LIMN_CLASS_ROW (object), NULL);
  G_OBJECT_CLASS (limn_class_row_parent_class)->dispose (object);
}

static void
limn_class_row_class_init (LimnClassRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_class_row_dispose;
  star_clicked = g_signal_new ("star-clicked", LIMN_TYPE_CLASS_ROW, G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-class-row.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnClassRow, heading);
  gtk_widget_class_bind_template_child (widget_class, LimnClassRow, name);
  gtk_widget_class_bind_template_child (widget_class, LimnClassRow, subtitle);
  gtk_widget_class_bind_template_child (widget_class, LimnClassRow, recent);
  gtk_widget_class_bind_template_child (widget_class, LimnClassRow, star);
  gtk_widget_class_bind_template_callback (widget_class, star_clicked_cb);
}

static void
limn_class_row_init (LimnClassRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
