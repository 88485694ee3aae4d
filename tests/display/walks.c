/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walks: three people's ways through the window with the bundled model, as numbered pictures for
 * docs/walks.md: somebody new, a researcher, and somebody with a keyboard alone, whose keys are
 * looked up in the table that the application registers. Run by walks.sh; what goes wrong on the
 * way stops it.
 */
#include "fixture.h"

static const char *folder;

static void photograph(struct fixture *f, GtkWidget *widget, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".png", NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    fixture_settle(f);
    fixture_write_window(widget ? widget : GTK_WIDGET(f->window), path);
}

static void until_done(struct fixture *f)
{
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
}

/* The first letters into an entry, as typed. */
static void type(GtkWidget *entry, const char *text)
{
    int end = (int)g_utf8_strlen(gtk_editable_get_text(GTK_EDITABLE(entry)), -1);
    gtk_editable_insert_text(GTK_EDITABLE(entry), text, -1, &end);
}

static GtkWidget *search(struct fixture *f)
{
    return fixture_find(GTK_WIDGET(f->window->classes), "search");
}

/* ---- somebody new ---- */

static void walk_new(struct fixture *f)
{
    LimnSettings *settings = f->window->settings;
    photograph(f, NULL, "new-1-window");
    type(search(f), "lake");
    photograph(f, NULL, "new-2-search");
    g_signal_emit_by_name(search(f), "activate");
    gtk_editable_set_text(GTK_EDITABLE(search(f)), "");
    fixture_act(f, "win.generate");
    WAIT_UNTIL(limn_run_get_step(f->window->run) >= 6);
    photograph(f, NULL, "new-3-forming");
    until_done(f);
    photograph(f, NULL, "new-4-done");
    limn_settings_set_size(settings, 352, 176);
    photograph(f, NULL, "new-5-another-shape");
    fixture_act(f, "win.generate");
    until_done(f);
    g_autofree char *path = g_build_filename(folder, "saved.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    limn_window_save_to(f->window, file);
    WAIT_UNTIL(g_file_test(path, G_FILE_TEST_EXISTS));
    photograph(f, NULL, "new-6-saved");
}

/* ---- a researcher ---- */

static void until_compared(struct fixture *f)
{
    LimnCompareView *view = f->window->comparison;
    WAIT_UNTIL(!limn_compare_view_is_active(view));
    fixture_settle(f);
}

static void walk_researcher(struct fixture *f)
{
    LimnCompareView *view = f->window->comparison;
    limn_settings_set_size(f->window->settings, 512, 256);
    photograph(f, NULL, "research-1-beyond");
    fixture_act(f, "win.compare-methods");
    LimnRun *last = limn_compare_view_get_run(view, limn_compare_view_get_n_panes(view) - 1);
    WAIT_UNTIL(limn_run_get_step(last) >= 6);
    photograph(f, NULL, "research-2-six-methods");
    until_compared(f);
    photograph(f, NULL, "research-3-done");
    limn_compare_view_set_t(view, 0.5);
    photograph(f, NULL, "research-4-half-way");
    limn_compare_view_set_t(view, 1);
    limn_compare_view_set_mode(view, LIMN_COMPARE_DIFFERENCE);
    photograph(f, NULL, "research-5-difference");
    limn_compare_view_choose(view, 4);
    limn_compare_view_set_mode(view, LIMN_COMPARE_SPLIT);
    photograph(f, NULL, "research-6-split");
    limn_compare_view_set_mode(view, LIMN_COMPARE_SIDE);
    g_autofree char *path = g_build_filename(folder, "research-7-sheet.png", NULL);
    g_autoptr(GError) error = NULL;
    limn_compare_view_export(view, path, &error);
    g_assert_no_error(error);
    fixture_act(f, "win.leave-compare");
}

/* ---- a keyboard alone ---- */

static void press(struct fixture *f, const char *keys)
{
    g_auto(GStrv) actions = gtk_application_get_actions_for_accel(fixture_application(), keys);
    if (!actions[0])
        g_error("no action has the keys %s", keys);
    fixture_act(f, actions[0]);
    gtk_window_set_focus_visible(GTK_WINDOW(f->window), TRUE);
    fixture_settle(f);
}

/* Until the focus is on the widget of that id, or within. */
static void press_tab_to(struct fixture *f, const char *id)
{
    GtkWidget *wanted = fixture_find(GTK_WIDGET(f->window), id), *focus = NULL;
    for (int i = 0; i < 60 && !(focus && (focus == wanted || gtk_widget_is_ancestor(focus, wanted)));
         i++) {
        gtk_widget_child_focus(GTK_WIDGET(f->window), GTK_DIR_TAB_FORWARD);
        focus = gtk_window_get_focus(GTK_WINDOW(f->window));
    }
    if (!focus || !(focus == wanted || gtk_widget_is_ancestor(focus, wanted)))
        g_error("no way by Tab to %s", id);
    gtk_window_set_focus_visible(GTK_WINDOW(f->window), TRUE);
}

static void walk_keyboard(struct fixture *f)
{
    press(f, "<Control>f");
    g_assert_true(gtk_widget_is_ancestor(gtk_window_get_focus(GTK_WINDOW(f->window)), search(f)));
    type(search(f), "aurora");
    photograph(f, NULL, "keyboard-1-search");
    g_signal_emit_by_name(search(f), "activate");
    press_tab_to(f, "width");
    gtk_editable_set_text(GTK_EDITABLE(fixture_find(GTK_WIDGET(f->window), "width")), "20p");
    photograph(f, NULL, "keyboard-2-width");
    g_signal_emit_by_name(fixture_find(GTK_WIDGET(f->window), "width"), "activate");
    g_assert_cmpint(limn_settings_get_width(f->window->settings), ==, 320);
    press(f, "<Control>Return");
    until_done(f);
    press_tab_to(f, "scrubber");
    limn_run_show(f->window->run, 8, FIT_VIEW_PREDICTION);
    photograph(f, NULL, "keyboard-3-scrub");
    press(f, "<Control>b");
    until_done(f);
    press_tab_to(f, "canvas");
    photograph(f, NULL, "keyboard-4-canvas");
    press(f, "<Control>h");
    photograph(f, GTK_WIDGET(gtk_widget_get_native(GTK_WIDGET(f->window->history_view))),
               "keyboard-5-history");
}

int main(int argc, char **argv)
{
    struct fixture f = {0};
    fixture_init(&argc, &argv);
    if (argc != 2)
        g_error("usage: walks FOLDER");
    folder = argv[1];
    fixture_open(&f, NULL);
    g_settings_set_boolean(f.window->memory, "keep-history", TRUE);
    adw_style_manager_set_color_scheme(adw_style_manager_get_default(), ADW_COLOR_SCHEME_FORCE_LIGHT);
    limn_settings_set_size(f.window->settings, 256, 192);
    g_object_set(f.window->settings, "steps", 20, NULL);
    walk_new(&f);
    walk_researcher(&f);
    walk_keyboard(&f);
    fixture_close(&f, NULL);
    return 0;
}
