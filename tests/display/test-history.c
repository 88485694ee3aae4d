/* SPDX-License-Identifier: Apache-2.0 */
/* The panel of earlier pictures: searching, several at once, where a branch comes from, stars,
 * the limit, and two windows. */
#include "panel.h"

#include <glib/gstdio.h>

#include "limn-export.h"
#include "limn-history-index.h"

static void test_search(struct fixture *f, gconstpointer data)
{
    (void)data;
    panel_paint(f, 4711, 64, 48);
    g_autoptr(GFile) first = g_list_model_get_item(panel_files(f), 0);
    g_autofree char *name = g_file_get_basename(first);
    g_autofree char *day = g_strdup_printf("%.4s-%.2s-%.2s", name, name + 4, name + 6);
    panel_paint(f, 12, 48, 64);
    g_autofree char *class_name =
        g_strdup(limn_session_get_class_name(f->session, f->window->run
                                                 ? limn_run_get_params(f->window->run)->class_id
                                                 : 0));
    panel_open(f, "4711");
    const struct {
        const char *text;
        guint n;
    } cases[] = {
        {"4711", 1}, {"47", 1},      {"711", 0},          {"64x48", 1}, {"64 × 48", 1}, {"48 X 64", 1},
        {"64", 2},   {"12 64x48", 0}, {"  12   48x64 ", 1}, {class_name, 2},
        {"nosuchword", 0}, {"*", 0}, {"(", 0}, {"", 2},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        panel_search(f, cases[i].text);
        if (panel_n_found(f) != cases[i].n)
            g_error("“%s” finds %u, not %u", cases[i].text, panel_n_found(f), cases[i].n);
    }
    GtkStack *stack = panel_part(f, GTK_TYPE_STACK, "stack");
    panel_search(f, "nosuchword");
    g_assert_cmpstr(gtk_stack_get_visible_child_name(stack), ==, "nothing-found");

    panel_search(f, day); /* the other one may have come after midnight */
    g_assert_cmpuint(panel_n_found(f), >=, 1);

    /* Enter takes the best; Escape leaves the search first. */
    panel_search(f, "4711");
    g_signal_emit_by_name(panel_part(f, GTK_TYPE_SEARCH_ENTRY, "search"), "activate");
    WAIT_UNTIL(limn_settings_get_seed(f->window->settings) == 4711);
    g_signal_emit_by_name(panel_part(f, GTK_TYPE_SEARCH_ENTRY, "search"), "stop-search");
    g_assert_cmpuint(panel_n_found(f), ==, 2);
}

/* Pictures that this program did not write are found by no setting, and break nothing. */
static void test_strangers(struct fixture *f, gconstpointer data)
{
    (void)data;
    panel_paint(f, 3, 64, 48);
    g_autoptr(GFile) own = g_list_model_get_item(panel_files(f), 0);
    g_autoptr(GFile) folder = g_file_get_parent(own);
    g_autoptr(GFile) text = g_file_get_child(folder, "19990101-000000-000000-0000.png");
    g_assert_true(g_file_set_contents(g_file_peek_path(text), "no picture 64", -1, NULL));
    WAIT_UNTIL(panel_n_files(f) == 2);
    panel_open(f, "3");
    panel_search(f, "64");
    g_assert_cmpuint(panel_n_found(f), ==, 1);
    panel_search(f, "1999-01-01");
    g_assert_cmpuint(panel_n_found(f), ==, 1);
    gtk_selection_model_select_all(panel_found(f));
    g_assert_false(gtk_widget_get_visible(panel_part(f, GTK_TYPE_BUTTON, "origin")));
    g_remove(g_file_peek_path(text));
    WAIT_UNTIL(panel_n_files(f) == 1);
}

/* Several go at once, and one undo brings all of them back. */
static void test_several(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (guint64 seed = 1; seed <= 3; seed++)
        panel_paint(f, seed, 64, 48);
    panel_open(f, "1");
    gtk_selection_model_select_all(panel_found(f));
    g_assert_cmpuint(panel_n_selected(f), ==, 3);
    g_assert_true(panel_press(f, GDK_KEY_Escape));
    g_assert_cmpuint(panel_n_selected(f), ==, 0);
    g_assert_false(panel_press(f, GDK_KEY_Escape)); /* that one is the panel's */
    gtk_selection_model_select_range(panel_found(f), 1, 2, TRUE);
    GtkWidget *bar = panel_part(f, GTK_TYPE_BOX, "buttons");
    g_assert_true(gtk_widget_get_sensitive(bar));
    g_signal_emit_by_name(gtk_widget_get_last_child(bar), "clicked");
    g_assert_cmpuint(panel_n_files(f), ==, 1);
    g_assert_false(gtk_widget_get_sensitive(bar));
    fixture_act(f, "win.undo");
    g_assert_cmpuint(panel_n_files(f), ==, 3);

    /* Delete means all that are selected, and undoing it the search does not matter. */
    panel_search(f, "64x48");
    gtk_selection_model_select_all(panel_found(f));
    g_assert_true(panel_press(f, GDK_KEY_Delete));
    g_assert_cmpuint(panel_n_files(f), ==, 0);
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(f->window));
    GtkWidget *entry = panel_part(f, GTK_TYPE_SEARCH_ENTRY, "search");
    g_assert_true(focus && gtk_widget_is_ancestor(focus, entry));
    fixture_act(f, "win.undo");
    g_assert_cmpuint(panel_n_files(f), ==, 3);
    for (guint i = 0; i < 3; i++) {
        g_autoptr(GFile) file = g_list_model_get_item(panel_files(f), i);
        g_assert_true(g_file_query_exists(file, NULL));
    }
}

/* Copies stand beside what was in the folder, the oldest first. */
static void test_save_several(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *path = g_dir_make_tmp("limn-copies-XXXXXX", NULL);
    g_autoptr(GFile) folder = g_file_new_for_path(path);
    g_autofree char *before = g_build_filename(path, "0007-before.png", NULL);
    g_assert_true(g_file_set_contents(before, "before", -1, NULL));
    panel_paint(f, 21, 64, 48);
    panel_paint(f, 22, 64, 48);
    limn_window_save_pictures_to(f->window, panel_files(f), folder);
    WAIT_UNTIL(f->window->saved);
    g_autofree char *last = g_file_get_basename(f->window->saved);
    g_assert_true(g_str_has_prefix(last, "0009-"));
    g_assert_true(g_str_has_suffix(last, "-22.png"));
    struct fit_settings settings;
    g_assert_true(
        fit_settings_read_png(g_file_peek_path(f->window->saved), &settings, NULL));
    g_assert_cmpuint(settings.params.seed, ==, 22);
    g_autofree char *kept = NULL;
    g_assert_true(g_file_get_contents(before, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, "before");

    /* A folder that is not there is told. */
    g_autoptr(GFile) nowhere = g_file_get_child(folder, "nowhere");
    limn_window_save_pictures_to(f->window, panel_files(f), nowhere);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
}

/* A branch leads to the picture that it goes on from. */
static void test_branch(struct fixture *f, gconstpointer data)
{
    (void)data;
    panel_paint(f, 5, 64, 48);
    panel_paint(f, 6, 64, 48);
    g_autoptr(GFile) parent = g_list_model_get_item(panel_files(f), 0);
    limn_run_show(f->window->run, 2, FIT_VIEW_PREDICTION);
    limn_settings_set_class_id(f->window->settings, 1);
    fixture_act(f, "win.finish-from-here");
    WAIT_UNTIL(panel_n_files(f) == 3);
    g_autoptr(GFile) branch = g_list_model_get_item(panel_files(f), 0);

    g_autoptr(LimnHistoryIndex) index = limn_history_index_new(panel_files(f));
    limn_history_index_read(index);
    WAIT_UNTIL(limn_history_index_get_settings(index, branch));
    g_autoptr(GFile) origin = limn_history_index_dup_origin(index, branch);
    g_assert_true(origin && g_file_equal(origin, parent));
    g_assert_null(limn_history_index_dup_origin(index, parent));

    panel_open(f, "5");
    GtkWidget *line = panel_part(f, GTK_TYPE_BUTTON, "origin");
    gtk_selection_model_select_item(panel_found(f), 1, TRUE);
    g_assert_false(gtk_widget_get_visible(line));
    gtk_selection_model_select_item(panel_found(f), 0, TRUE);
    g_assert_true(gtk_widget_get_visible(line));
    g_assert_nonnull(strstr(gtk_button_get_label(GTK_BUTTON(line)), "seed 6, step 2"));
    g_signal_emit_by_name(line, "clicked");
    g_assert_true(gtk_selection_model_is_selected(panel_found(f), 1));
    g_assert_cmpuint(panel_n_selected(f), ==, 1);

    /* Where the parent is no longer there, the line says so and leads nowhere. */
    fixture_discard(f, parent);
    gtk_selection_model_select_item(panel_found(f), 0, TRUE);
    g_assert_true(gtk_widget_get_visible(line));
    g_assert_false(gtk_widget_get_sensitive(line));
    g_assert_nonnull(strstr(gtk_button_get_label(GTK_BUTTON(line)), "not here"));
}

static gboolean is_in_wastebasket(GFile *file)
{
    g_autofree char *name = g_file_get_basename(file);
    g_autofree char *path = g_build_filename(g_get_user_data_dir(), "Trash", "files", name, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Some file systems have no wastebasket, or one elsewhere. */
static gboolean has_wastebasket(GFile *beside)
{
    g_autoptr(GFile) folder = g_file_get_parent(beside);
    g_autoptr(GFile) probe = g_file_get_child(folder, "probe");
    g_assert_true(g_file_set_contents(g_file_peek_path(probe), "", 0, NULL));
    if (g_file_trash(probe, NULL, NULL))
        return is_in_wastebasket(probe);
    g_remove(g_file_peek_path(probe));
    return FALSE;
}

/* What the limit takes away is in the wastebasket: the oldest, but none with a star. */
static void test_limit(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnHistory *history = f->window->history;
    for (guint64 seed = 1; seed <= 3; seed++)
        panel_paint(f, seed, 64, 48);
    g_autoptr(GFile) oldest = g_list_model_get_item(panel_files(f), 2);
    g_autoptr(GFile) second = g_list_model_get_item(panel_files(f), 1);
    g_autoptr(GListStore) one = g_list_store_new(G_TYPE_FILE);
    if (!has_wastebasket(oldest)) {
        g_test_skip("there is no wastebasket for the temporary folder");
        return;
    }
    g_list_store_append(one, oldest);
    limn_history_set_starred(history, G_LIST_MODEL(one), TRUE);
    limn_history_set_limit(history, 0);
    panel_paint(f, 4, 64, 48);
    g_assert_cmpuint(panel_n_files(f), ==, 4); /* no limit */

    limn_history_set_limit(history, 1);
    limn_settings_set_seed(f->window->settings, 5);
    fixture_paint(f);
    WAIT_UNTIL(panel_n_files(f) == 2); /* the new one, and the one with the star */
    g_autoptr(GFile) kept = g_list_model_get_item(panel_files(f), 1);
    g_assert_true(g_file_equal(kept, oldest));
    g_assert_true(g_file_query_exists(oldest, NULL));
    g_assert_false(g_file_query_exists(second, NULL));
    g_assert_true(is_in_wastebasket(second));

    /* The star is there in the next window. */
    fixture_close(f, NULL);
    fixture_open(f, NULL);
    g_assert_true(limn_history_is_starred(f->window->history, oldest));
    limn_history_set_starred(f->window->history, G_LIST_MODEL(one), FALSE);
    g_assert_false(limn_history_is_starred(f->window->history, oldest));
}

static guint64 seed_at(struct fixture *f, guint position)
{
    g_autoptr(GFile) file = g_list_model_get_item(G_LIST_MODEL(panel_found(f)), position);
    struct fit_settings settings;
    g_assert_true(fit_settings_read_png(g_file_peek_path(file), &settings, NULL));
    return settings.params.seed;
}

static void require_order(struct fixture *f, guint64 first, guint64 second, guint64 third)
{
    g_assert_cmpuint(seed_at(f, 0), ==, first);
    g_assert_cmpuint(seed_at(f, 1), ==, second);
    g_assert_cmpuint(seed_at(f, 2), ==, third);
}

static void set_order(struct fixture *f, const char *order)
{
    GtkWidget *view = GTK_WIDGET(f->window->history_view);
    g_assert_true(gtk_widget_activate_action(view, "history.history-order", "s", order));
}

/* Four orders, the newest first among equals; the next window has the last one. */
static void test_order(struct fixture *f, gconstpointer data)
{
    (void)data;
    const int classes[] = {1, 0, 1};
    for (guint64 seed = 1; seed <= 3; seed++) {
        limn_settings_set_class_id(f->window->settings, classes[seed - 1]);
        panel_paint(f, seed, 64, 48);
    }
    gboolean first_is_lower = g_utf8_collate(limn_session_get_class_name(f->session, 0),
                                             limn_session_get_class_name(f->session, 1)) < 0;
    g_autoptr(GListStore) oldest = g_list_store_new(G_TYPE_FILE);
    g_autoptr(GFile) one = g_list_model_get_item(panel_files(f), 2);
    g_list_store_append(oldest, one);
    panel_open(f, "1");
    require_order(f, 3, 2, 1);
    set_order(f, "oldest");
    require_order(f, 1, 2, 3);
    set_order(f, "class");
    if (first_is_lower)
        require_order(f, 2, 3, 1);
    else
        require_order(f, 3, 1, 2);
    set_order(f, "starred");
    require_order(f, 3, 2, 1);
    limn_history_set_starred(f->window->history, G_LIST_MODEL(oldest), TRUE);
    require_order(f, 1, 3, 2);
    panel_search(f, "64x48");
    require_order(f, 1, 3, 2);

    g_assert_cmpint(g_settings_get_enum(f->window->memory, "history-order"), ==, 3);
    limn_history_set_starred(f->window->history, G_LIST_MODEL(oldest), FALSE);
    g_settings_reset(f->window->memory, "history-order");
    require_order(f, 3, 2, 1);
}

/* How many files a picture of the grid brings along when it is dragged. */
static guint n_dragged(struct fixture *f, guint position)
{
    GtkWidget *item = gtk_widget_get_first_child(panel_part(f, GTK_TYPE_GRID_VIEW, "grid"));
    for (; position; position--)
        item = gtk_widget_get_next_sibling(item);
    gpointer source = fixture_controller(gtk_widget_get_first_child(item), GTK_TYPE_DRAG_SOURCE);
    g_autoptr(GdkContentProvider) content = NULL;
    g_signal_emit_by_name(source, "prepare", 1.0, 1.0, &content);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GDK_TYPE_FILE_LIST);
    guint n = 1;
    if (gdk_content_provider_get_value(content, &value, NULL))
        n = g_slist_length(g_value_get_boxed(&value));
    g_value_unset(&value);
    return n;
}

static void test_drag_several(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (guint64 seed = 1; seed <= 3; seed++)
        panel_paint(f, seed, 64, 48);
    panel_open(f, "1");
    fixture_settle(f);
    g_assert_cmpuint(n_dragged(f, 0), ==, 1);
    gtk_selection_model_select_range(panel_found(f), 0, 2, TRUE);
    g_assert_cmpuint(n_dragged(f, 0), ==, 2);
    g_assert_cmpuint(n_dragged(f, 1), ==, 2);
    g_assert_cmpuint(n_dragged(f, 2), ==, 1); /* not selected */
}

/* Ctrl+D in the panel marks what is selected there, and not the class. */
static void test_star(struct fixture *f, gconstpointer data)
{
    (void)data;
    panel_paint(f, 1, 64, 48);
    panel_paint(f, 2, 64, 48);
    g_autoptr(GFile) newest = g_list_model_get_item(panel_files(f), 0);
    g_autoptr(GFile) other = g_list_model_get_item(panel_files(f), 1);
    panel_open(f, "1");
    gtk_selection_model_select_item(panel_found(f), 0, TRUE);
    fixture_act(f, "win.favourite");
    g_assert_true(limn_history_is_starred(f->window->history, newest));
    g_assert_false(limn_history_is_starred(f->window->history, other));
    gtk_selection_model_select_all(panel_found(f));
    fixture_act(f, "win.favourite"); /* one has none yet: both get it */
    g_assert_true(limn_history_is_starred(f->window->history, newest));
    g_assert_true(limn_history_is_starred(f->window->history, other));
    fixture_act(f, "win.favourite");
    g_assert_false(limn_history_is_starred(f->window->history, newest));
    g_assert_false(limn_history_is_starred(f->window->history, other));
}

/* ---- two windows ---- */

static guint n_listed(LimnHistory *history)
{
    return g_list_model_get_n_items(limn_history_get_files(history));
}

/* What one window keeps, marks or throws away the other one follows, and each picture is listed
 * once. */
static void test_two_windows(struct fixture *f, gconstpointer data)
{
    g_autoptr(LimnHistory) other = limn_history_new(NULL);
    (void)data;
    for (guint i = 1; i <= 3; i++) {
        panel_paint(f, i, 64, 48);
        WAIT_UNTIL(n_listed(other) == i);
        g_assert_cmpuint(panel_n_files(f), ==, i);
    }
    g_autoptr(GFile) newest = g_list_model_get_item(panel_files(f), 0);
    g_autoptr(GFile) theirs = g_list_model_get_item(limn_history_get_files(other), 0);
    g_assert_true(g_file_equal(newest, theirs));

    g_autoptr(GListStore) one = g_list_store_new(G_TYPE_FILE);
    g_list_store_append(one, newest);
    limn_history_set_starred(other, G_LIST_MODEL(one), TRUE);
    WAIT_UNTIL(limn_history_is_starred(f->window->history, newest));

    /* While the offer to have it back stands, it is thrown away here and not there. */
    fixture_discard(f, newest);
    panel_paint(f, 4, 64, 48);
    WAIT_UNTIL(n_listed(other) == 4);
    limn_history_set_starred(other, G_LIST_MODEL(one), FALSE);
    WAIT_UNTIL(!limn_history_is_starred(f->window->history, newest)); /* has looked again */
    g_assert_cmpuint(panel_n_files(f), ==, 3);
    fixture_act(f, "win.undo");
    g_assert_cmpuint(panel_n_files(f), ==, 4);

    limn_history_discard(other, newest);
    WAIT_UNTIL(panel_n_files(f) == 3);
    g_assert_cmpuint(n_listed(other), ==, 3);
}

/* Other files in the folder are none of the pictures, nor is one that is being written. */
static void test_other_files(struct fixture *f, gconstpointer data)
{
    static const char *const names[] = {
        "x.png", "20260101.png", "20260101-000000-000000-000.png",
        "20260101-000000-000000-0000.jpg",
        "20260101-000000-000000-0000x.png", "20260101-000000-000000-0000.png.aB3xYz",
        "2026010a-000000-000000-0000.png", ".png", "20260101-000000-000000-0000.PNG",
    };
    (void)data;
    panel_paint(f, 1, 64, 48);
    g_autoptr(GFile) own = g_list_model_get_item(panel_files(f), 0);
    g_autoptr(GFile) folder = g_file_get_parent(own);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GFile) file = g_file_get_child(folder, names[i]);
        g_assert_true(g_file_copy(own, file, G_FILE_COPY_NONE, NULL, NULL, NULL, NULL));
    }
    g_autoptr(GFile) partial = g_file_get_child(folder, names[5]);
    g_autoptr(GFile) whole = g_file_get_child(folder, "20260101-000000-000000-12345.png");
    g_assert_true(g_file_move(partial, whole, G_FILE_COPY_NONE, NULL, NULL, NULL, NULL));
    WAIT_UNTIL(panel_n_files(f) == 2);
    g_autoptr(GFile) last = g_list_model_get_item(panel_files(f), 1);
    g_assert_true(g_file_equal(last, whole));
    g_autoptr(LimnHistory) next = limn_history_new(NULL); /* at a start the same */
    g_assert_cmpuint(n_listed(next), ==, 2);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GFile) file = g_file_get_child(folder, names[i]);
        g_file_delete(file, NULL, NULL);
    }
}

/* A picture that comes while the panel is open is found by its settings at once. */
static void test_open_panel(struct fixture *f, gconstpointer data)
{
    (void)data;
    panel_paint(f, 1, 64, 48);
    panel_open(f, "1");
    GFile *own = g_list_model_get_item(panel_files(f), 0);
    g_autoptr(GFile) folder = g_file_get_parent(own);
    g_autoptr(GFile) copy = g_file_get_child(folder, "20260101-000000-000000-0000.png");
    g_assert_true(g_file_copy(own, copy, G_FILE_COPY_NONE, NULL, NULL, NULL, NULL));
    g_object_unref(own);
    panel_search(f, "64x48");
    WAIT_UNTIL(panel_n_found(f) == 2);
    GtkWidget *grid = panel_part(f, GTK_TYPE_GRID_VIEW, "grid");
    for (GtkWidget *item = gtk_widget_get_first_child(grid); item;
         item = gtk_widget_get_next_sibling(item))
        fixture_require_words(gtk_widget_get_tooltip_text(gtk_widget_get_first_child(item)),
                              "seed 1");
}

#define ADD(name, function)                                                                        \
    g_test_add("/history/" name, struct fixture, NULL, panel_open_empty, function, fixture_close)

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    ADD("search", test_search);
    ADD("strangers", test_strangers);
    ADD("several", test_several);
    ADD("save-several", test_save_several);
    ADD("branch", test_branch);
    ADD("limit", test_limit);
    ADD("star", test_star);
    ADD("order", test_order);
    ADD("drag-several", test_drag_several);
    ADD("two-windows", test_two_windows);
    ADD("other-files", test_other_files);
    ADD("open-panel", test_open_panel);
    return g_test_run();
}
