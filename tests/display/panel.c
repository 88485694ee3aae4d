/* SPDX-License-Identifier: Apache-2.0 */
#include "panel.h"

GListModel *panel_files(struct fixture *f)
{
    return limn_history_get_files(f->window->history);
}

guint panel_n_files(struct fixture *f)
{
    return g_list_model_get_n_items(panel_files(f));
}

void panel_open_empty(struct fixture *f, gconstpointer data)
{
    fixture_open(f, data);
    while (panel_n_files(f)) {
        g_autoptr(GFile) file = g_list_model_get_item(panel_files(f), 0);
        limn_history_hide(f->window->history, file);
        g_file_delete(file, NULL, NULL);
    }
    g_settings_set_boolean(f->window->memory, "keep-history", TRUE);
}

void panel_paint(struct fixture *f, guint64 seed, int width, int height)
{
    guint before = panel_n_files(f);
    limn_settings_set_seed(f->window->settings, seed);
    limn_settings_set_size(f->window->settings, width, height);
    fixture_paint(f);
    WAIT_UNTIL(panel_n_files(f) == before + 1);
}

gpointer panel_part(struct fixture *f, GType type, const char *name)
{
    GtkWidget *view = GTK_WIDGET(f->window->history_view);
    gpointer child = gtk_widget_get_template_child(view, LIMN_TYPE_HISTORY_VIEW, name);
    g_assert_true(G_TYPE_CHECK_INSTANCE_TYPE(child, type));
    return child;
}

GtkSelectionModel *panel_found(struct fixture *f)
{
    return gtk_grid_view_get_model(panel_part(f, GTK_TYPE_GRID_VIEW, "grid"));
}

guint panel_n_found(struct fixture *f)
{
    return g_list_model_get_n_items(G_LIST_MODEL(panel_found(f)));
}

guint panel_n_selected(struct fixture *f)
{
    g_autoptr(GtkBitset) set = gtk_selection_model_get_selection(panel_found(f));
    return (guint)gtk_bitset_get_size(set);
}

void panel_search(struct fixture *f, const char *text)
{
    GtkEditable *entry = panel_part(f, GTK_TYPE_SEARCH_ENTRY, "search");
    gtk_editable_set_text(entry, text);
    g_signal_emit_by_name(entry, "search-changed");
}

gboolean panel_press(struct fixture *f, guint key)
{
    gboolean handled = FALSE;
    GtkWidget *grid = panel_part(f, GTK_TYPE_GRID_VIEW, "grid");
    g_signal_emit_by_name(fixture_controller(grid, GTK_TYPE_EVENT_CONTROLLER_KEY), "key-pressed",
                          key, 0, 0, &handled);
    return handled;
}

void panel_open(struct fixture *f, const char *known)
{
    fixture_act(f, "win.history");
    panel_search(f, known);
    WAIT_UNTIL(panel_n_found(f) > 0);
    panel_search(f, "");
    g_assert_cmpuint(panel_n_found(f), ==, panel_n_files(f));
}
