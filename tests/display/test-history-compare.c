/* SPDX-License-Identifier: Apache-2.0 */
/* Earlier pictures side by side. */
#include "panel.h"

#include <glib/gstdio.h>

#include "limn-compare-view-private.h"

/* Compares n pictures, from a position of the panel on, once they are read. */
static void compare(struct fixture *f, guint from, guint n)
{
    LimnCompareView *view = f->window->comparison;
    if (!gtk_widget_get_mapped(GTK_WIDGET(f->window->history_view)))
        fixture_act(f, "win.history");
    gtk_selection_model_select_range(panel_found(f), from, n, TRUE);
    fixture_act(f, "win.compare");
    g_assert_true(limn_compare_view_is_of_kept(view));
    g_assert_cmpint(limn_compare_view_get_n_panes(view), ==, n);
    g_assert_cmpstr(gtk_stack_get_visible_child_name(f->window->pages), ==, "compare");
    WAIT_UNTIL(!gtk_widget_get_mapped(GTK_WIDGET(f->window->history_view)));
    for (guint i = 0; i < n; i++)
        WAIT_UNTIL(view->variants[i].trouble ||
                   (view->variants[i].rgba && view->variants[i].settings));
}

static void require_title(struct fixture *f, int pane, const char *title)
{
    g_assert_cmpstr(f->window->comparison->variants[pane].title, ==, title);
}

/* The pixels are the painted ones, the names what differs, and one is taken on from. */
static void test_compare(struct fixture *f, gconstpointer data)
{
    LimnCompareView *view = f->window->comparison;
    LimnDifference d;
    (void)data;
    panel_paint(f, 1, 64, 48);
    panel_paint(f, 2, 64, 48);
    struct fit_frame *painted = limn_run_dup_end(f->window->run);
    panel_open(f, "1");
    compare(f, 0, 2);
    require_title(f, 0, "Seed 2");
    require_title(f, 1, "Seed 1");
    g_assert_cmpmem(view->variants[0].rgba, 4 * 64 * 48, fit_frame_pixels(painted), 4 * 64 * 48);
    fit_frame_unref(&painted);
    g_assert_true(limn_compare_view_measure(view, 1, &d));
    g_assert_cmpint(d.most, >, 0);
    g_assert_true(limn_compare_view_measure(view, 0, &d));
    g_assert_cmpint(d.most, ==, 0);
    for (LimnCompareMode mode = LIMN_COMPARE_SIDE; mode <= LIMN_COMPARE_DIFFERENCE; mode++) {
        limn_compare_view_set_mode(view, mode);
        fixture_settle(f);
    }
    g_assert_false(limn_compare_view_is_active(view));
    g_assert_false(gtk_widget_get_visible(view->time));
    g_assert_false(gtk_widget_get_sensitive(view->export));
    fixture_picture(f, NULL, "compare-kept");

    limn_compare_view_choose(view, 1);
    fixture_act(f, "win.keep-chosen");
    g_assert_cmpstr(gtk_stack_get_visible_child_name(f->window->pages), ==, "viewer");
    WAIT_UNTIL(limn_settings_get_seed(f->window->settings) == 1);

    compare(f, 0, 2);
    fixture_act(f, "win.generate"); /* one picture, and not several */
    g_assert_cmpint(limn_compare_view_get_n_panes(view), ==, 0);
    WAIT_UNTIL(panel_n_files(f) == 3);

    /* Runs have their time and their settings again. */
    compare(f, 0, 2);
    fixture_act(f, "win.stop");
    g_assert_cmpint(limn_compare_view_get_n_panes(view), ==, 0);
    fixture_act(f, "win.compare");
    g_assert_false(limn_compare_view_is_of_kept(view));
    g_assert_true(gtk_widget_get_visible(view->time));
    g_assert_true(gtk_widget_get_visible(view->axis));
    WAIT_UNTIL(!limn_compare_view_is_active(view));
}

/* Other sizes say so in the place of a difference; a file that is none says that. */
static void test_compare_unlike(struct fixture *f, gconstpointer data)
{
    LimnCompareView *view = f->window->comparison;
    LimnDifference d;
    (void)data;
    panel_paint(f, 1, 64, 48);
    g_autoptr(GFile) own = g_list_model_get_item(panel_files(f), 0);
    g_autoptr(GFile) folder = g_file_get_parent(own);
    g_autoptr(GFile) stranger = g_file_get_child(folder, "19990101-000000-000000-0000.png");
    panel_paint(f, 1, 48, 64);
    g_assert_true(g_file_set_contents(g_file_peek_path(stranger), "no picture", -1, NULL));
    WAIT_UNTIL(panel_n_files(f) == 3);
    panel_open(f, "1");
    limn_compare_view_set_mode(view, LIMN_COMPARE_DIFFERENCE);
    compare(f, 0, 3);
    fixture_settle(f);
    require_title(f, 0, "48 × 64");
    require_title(f, 1, "64 × 48");
    require_title(f, 2, "19990101-000000-000000-0000.png");
    g_assert_false(limn_compare_view_measure(view, 1, &d));
    g_assert_false(limn_compare_view_measure(view, 2, &d));
    fixture_require_words(
        gtk_label_get_text(GTK_LABEL(fixture_find(view->variants[1].pane, "message"))),
        "this picture is 64 × 48, the reference 48 × 64");
    fixture_require_words(
        gtk_label_get_text(GTK_LABEL(fixture_find(view->variants[2].pane, "message"))),
        "“19990101-000000-000000-0000.png” cannot be read");
    limn_compare_view_set_mode(view, LIMN_COMPARE_SIDE);
    fixture_act(f, "win.leave-compare");
    g_remove(g_file_peek_path(stranger));
}

/* Two to four, and otherwise the button and the key say so. */
static void test_compare_number(struct fixture *f, gconstpointer data)
{
    GtkWidget *button = panel_part(f, GTK_TYPE_BUTTON, "compare");
    (void)data;
    for (guint64 seed = 1; seed <= 5; seed++)
        panel_paint(f, seed, 16, 16);
    panel_open(f, "1");
    for (guint n = 0; n <= 5; n++) {
        gboolean possible = n >= 2 && n <= 4;
        if (n)
            gtk_selection_model_select_range(panel_found(f), 0, n, TRUE);
        g_assert_true(gtk_widget_get_sensitive(button) == possible);
        fixture_require_words(gtk_widget_get_tooltip_text(button),
                              possible ? "Ctrl+E" : "select 2 to 4");
    }
    fixture_act(f, "win.compare");
    g_assert_cmpint(limn_compare_view_get_n_panes(f->window->comparison), ==, 0);
    g_assert_true(gtk_widget_get_mapped(GTK_WIDGET(f->window->history_view)));
    g_assert_nonnull(
        fixture_find_label(GTK_WIDGET(f->window), "To compare pictures, select 2 to 4"));
    gtk_selection_model_select_range(panel_found(f), 0, 4, TRUE);
    g_signal_emit_by_name(button, "clicked");
    g_assert_cmpint(limn_compare_view_get_n_panes(f->window->comparison), ==, 4);
}

#define ADD(name, function)                                                                        \
    g_test_add("/history-compare/" name, struct fixture, NULL, panel_open_empty, function, \
               fixture_close)

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    ADD("pictures", test_compare);
    ADD("unlike", test_compare_unlike);
    ADD("number", test_compare_number);
    return g_test_run();
}
