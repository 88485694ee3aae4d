/* SPDX-License-Identifier: Apache-2.0 */
/* The bar below the earlier pictures: what it says of the selected ones, and what it does with
 * them. */
#include "limn-history-view-private.h"

#include <glib/gi18n.h>

#include "limn-history-cell.h"
#include "limn-settings.h"

/* ---- what is known of a picture ---- */

char *
limn_history_view_dup_title (LimnHistoryView *self, GFile *file)
{
  const struct fit_settings *settings = limn_history_index_get_settings (self->index, file);
  g_autofree char *seed = NULL;
  int width, height;

  if (!settings)
    return g_file_get_basename (file);
  seed = g_strdup_printf ("%" G_GUINT64_FORMAT, settings->params.seed);
  limn_settings_get_shown_size (&settings->params, &width, &height);
  /* Translators: a class, width, height, and the seed of a picture */
  return g_strdup_printf (_ ("%s · %d × %d · seed %s"), settings->class_name, width, height, seed);
}

/* ---- the selected ones ---- */

GListModel *
limn_history_view_dup_selected (LimnHistoryView *self)
{
  g_autoptr (GtkBitset) set = gtk_selection_model_get_selection (self->selection);
  GListStore *files = g_list_store_new (G_TYPE_FILE);

  for (guint i = 0; i < gtk_bitset_get_size (set); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (G_LIST_MODEL (self->selection),
                                                      gtk_bitset_get_nth (set, i));

      g_list_store_append (files, file);
    }
  return G_LIST_MODEL (files);
}

/* What a key is about: the selected pictures, or else the one with the focus ring. */
static GListModel *
dup_meant (LimnHistoryView *self)
{
  GListModel *files = limn_history_view_dup_selected (self);
  GtkWidget *focus = gtk_root_get_focus (gtk_widget_get_root (self->grid));
  GtkWidget *cell = focus ? gtk_widget_get_first_child (focus) : NULL;
  GFile *file = cell ? limn_history_cell_get_file (cell) : NULL;

  if (g_list_model_get_n_items (files) == 0 && file)
    g_list_store_append (G_LIST_STORE (files), file);
  return files;
}

static void
emit_about (LimnHistoryView *self, const char *signal, GListModel *files)
{
  if (g_list_model_get_n_items (files) > 0)
    g_signal_emit_by_name (self, signal, files);
}

void
limn_history_view_export_selected (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = limn_history_view_dup_selected (self);

  emit_about (self, "wanted-elsewhere", files);
}

/* The keys shall go on here, to undo it for one. */
static void
throw_away (LimnHistoryView *self, GListModel *files)
{
  GtkWidget *focus;

  emit_about (self, "unwanted", files);
  focus = gtk_root_get_focus (gtk_widget_get_root (self->grid));
  if (g_list_model_get_n_items (G_LIST_MODEL (self->selection)) == 0)
    gtk_widget_grab_focus (self->search);
  else if (!focus || !gtk_widget_is_ancestor (focus, self->grid))
    limn_history_view_focus_first (self);
}

void
limn_history_view_discard_selected (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = limn_history_view_dup_selected (self);

  throw_away (self, files);
}

void
limn_history_view_discard_meant (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = dup_meant (self);

  throw_away (self, files);
}

/* ---- comparing ---- */

static gboolean
is_comparable (guint n)
{
  return n >= LIMN_FEWEST_COMPARED && n <= LIMN_MOST_COMPARED;
}

gboolean
limn_history_view_compare (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = NULL;

  g_return_val_if_fail (LIMN_IS_HISTORY_VIEW (self), FALSE);

  files = limn_history_view_dup_selected (self);
  if (!is_comparable (g_list_model_get_n_items (files)))
    return FALSE;
  g_signal_emit_by_name (self, "compared", files);
  return TRUE;
}

static void
refresh_compare (LimnHistoryView *self, guint n)
{
  gboolean possible = is_comparable (n);
  g_autofree char *reason = limn_history_view_dup_compare_reason ();

  gtk_widget_set_sensitive (self->compare, possible);
  gtk_widget_set_tooltip_text (self->compare, possible ? _ ("Compare (Ctrl+E)") : reason);
}

char *
limn_history_view_dup_compare_reason (void)
{
  /* Translators: the fewest and the most pictures */
  return g_strdup_printf (_ ("To compare pictures, select %d to %d"), LIMN_FEWEST_COMPARED,
                          LIMN_MOST_COMPARED);
}

/* ---- stars ---- */

static gboolean
are_starred (LimnHistoryView *self, GListModel *files)
{
  for (guint i = 0; i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);

      if (!limn_history_is_starred (self->history, file))
        return FALSE;
    }
  return g_list_model_get_n_items (files) > 0;
}

void
limn_history_view_toggle_star (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = NULL;

  g_return_if_fail (LIMN_IS_HISTORY_VIEW (self));

  files = dup_meant (self);
  if (g_list_model_get_n_items (files) > 0)
    limn_history_set_starred (self->history, files, !are_starred (self, files));
}

/* ---- what the bar says ---- */

/* "From seed 7, step 12", which leads there. */
static void
refresh_origin (LimnHistoryView *self, GFile *file)
{
  const struct fit_settings *settings
      = file ? limn_history_index_get_settings (self->index, file) : NULL;
  g_autoptr (GFile) origin = file ? limn_history_index_dup_origin (self->index, file) : NULL;
  const struct fit_settings *before
      = origin ? limn_history_index_get_settings (self->index, origin) : NULL;
  g_autofree char *seed = NULL, *text = NULL;
  GtkLabel *label;

  gtk_widget_set_visible (self->origin, settings && settings->n_origins > 0);
  if (!settings || !settings->n_origins)
    return;
  seed = g_strdup_printf ("%" G_GUINT64_FORMAT, settings->origin.seed);
  if (before)
    /* Translators: the class, the seed and the step of the run that a picture goes on from */
    text = g_strdup_printf (_ ("From %s, seed %s, step %d"), before->class_name, seed,
                            settings->params.from_step);
  else
    /* Translators: the seed and the step of the run that a picture goes on from */
    text = g_strdup_printf (_ ("From seed %s, step %d (not here)"), seed,
                            settings->params.from_step);
  gtk_button_set_label (GTK_BUTTON (self->origin), text);
  label = GTK_LABEL (gtk_button_get_child (GTK_BUTTON (self->origin)));
  gtk_label_set_xalign (label, 0);
  gtk_label_set_max_width_chars (label, 1);
  gtk_label_set_ellipsize (label, PANGO_ELLIPSIZE_MIDDLE);
  gtk_widget_set_tooltip_text (self->origin, text);
  gtk_widget_set_sensitive (self->origin, before != NULL);
}

void
limn_history_view_refresh_bar (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = limn_history_view_dup_selected (self);
  guint n = g_list_model_get_n_items (files);
  g_autoptr (GFile) first = g_list_model_get_item (files, 0);
  guint n_found = g_list_model_get_n_items (G_LIST_MODEL (self->selection));
  g_autofree char *about = NULL;

  if (n == 0)
    about = g_strdup_printf (ngettext ("%u picture", "%u pictures", n_found), n_found);
  else if (n == 1)
    about = limn_history_view_dup_title (self, first);
  else
    about = g_strdup_printf (ngettext ("%u picture selected", "%u pictures selected", n), n);
  gtk_widget_set_visible (self->bar, n_found > 0);
  gtk_widget_set_sensitive (self->buttons, n > 0);
  refresh_compare (self, n);
  gtk_button_set_icon_name (GTK_BUTTON (self->star), are_starred (self, files)
                                                         ? "starred-symbolic"
                                                         : "non-starred-symbolic");
  gtk_label_set_text (GTK_LABEL (self->about), about);
  gtk_widget_set_tooltip_text (self->about, about);
  refresh_origin (self, n == 1 ? first : NULL);
}

void
limn_history_view_refresh_stars (LimnHistoryView *self)
{
  for (GtkWidget *item = gtk_widget_get_first_child (self->grid); item;
       item = gtk_widget_get_next_sibling (item))
    {
      GtkWidget *cell = gtk_widget_get_first_child (item);
      GFile *file = cell ? limn_history_cell_get_file (cell) : NULL;

      if (file)
        limn_history_cell_set_starred (cell, limn_history_is_starred (self->history, file));
    }
  limn_history_view_refresh_bar (self);
}
