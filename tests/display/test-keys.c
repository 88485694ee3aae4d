/* SPDX-License-Identifier: Apache-2.0 */
/* The keyboard alone: real key events through the X server, as xdotool sends them, to a window that
 * a window manager looks after. Nothing is waited for by time, and a key that shall do nothing is
 * followed by one that does something. */
#include "fixture.h"

#include "limn-compare-view-private.h"
#include "limn-step-strip.h"

/* ---- keys ---- */

static void finished_cb(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_subprocess_wait_check_finish(G_SUBPROCESS(source), result, &error);
    g_assert_no_error(error);
    *(gboolean *)data = TRUE;
}

/* Sends keys by their X names, as in "ctrl+r Tab"; they may still be on their way. */
static void keys(const char *names)
{
    g_autofree char *command = g_strdup_printf("xdotool key --delay 1 %s", names);
    g_auto(GStrv) words = g_strsplit(command, " ", -1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) child
        = g_subprocess_newv((const char *const *)words, G_SUBPROCESS_FLAGS_NONE, &error);
    gboolean finished = FALSE;
    g_assert_no_error(error);
    g_subprocess_wait_check_async(child, NULL, finished_cb, &finished);
    WAIT_UNTIL(finished);
}

/* ---- the window and what has the focus ---- */

static void heard_cb(gboolean *heard)
{
    *heard = TRUE;
}

/* Until the window hears keys: the server is told of a popover that closes a moment after the
 * window knows, and what is typed meanwhile is lost. Shift alone does nothing. */
static void wait_for_keyboard(struct fixture *f)
{
    GtkEventController *ear = gtk_event_controller_key_new();
    gboolean heard = FALSE;
    gtk_event_controller_set_propagation_phase(ear, GTK_PHASE_CAPTURE);
    g_signal_connect_swapped(ear, "key-released", G_CALLBACK(heard_cb), &heard);
    gtk_widget_add_controller(GTK_WIDGET(f->window), ear);
    for (int i = 0; !heard; i++) {
        g_assert_cmpint(i, <, 10000);
        keys("shift");
        fixture_turn();
    }
    gtk_widget_remove_controller(GTK_WIDGET(f->window), ear);
}

static void open_active(struct fixture *f, gconstpointer data)
{
    fixture_open(f, data);
    WAIT_UNTIL(gtk_window_is_active(GTK_WINDOW(f->window)));
    wait_for_keyboard(f);
}

static GtkWidget *focus(struct fixture *f)
{
    return gtk_window_get_focus(GTK_WINDOW(f->window));
}

static gboolean is_in(struct fixture *f, gpointer widget)
{
    GtkWidget *now = focus(f);
    return now && (now == widget || gtk_widget_is_ancestor(now, widget));
}

static GtkWidget *part(gpointer below, const char *id)
{
    GtkWidget *widget = fixture_find(below, id);
    if (!widget)
        g_error("no widget is called %s", id);
    return widget;
}

static gboolean is_popover_open_in(GtkWidget *widget)
{
    gboolean open = GTK_IS_POPOVER(widget) && gtk_widget_get_mapped(widget);
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child && !open;
         child = gtk_widget_get_next_sibling(child))
        open = is_popover_open_in(child);
    return open;
}

static gboolean is_popover_open(struct fixture *f)
{
    return is_popover_open_in(GTK_WIDGET(f->window));
}

static void wait_for_closed_popover(struct fixture *f)
{
    WAIT_UNTIL(!is_popover_open(f));
    wait_for_keyboard(f);
}

static void walk_to(struct fixture *f, gpointer widget)
{
    for (int presses = 0; !is_in(f, widget); presses++) {
        GtkWidget *before = focus(f);
        g_assert_cmpint(presses, <, 100);
        keys("Tab");
        WAIT_UNTIL(focus(f) != before);
    }
}

static guint64 seed(struct fixture *f)
{
    return limn_settings_get_seed(f->window->settings);
}

static enum fit_job_state state(struct fixture *f)
{
    return limn_run_get_state(f->window->run);
}

/* A run that lasts until somebody ends it. */
static void begin_long_run(struct fixture *f)
{
    g_object_set(f->window->settings, "steps", 1000, NULL);
    limn_settings_set_size(f->window->settings, 512, 512);
    keys("ctrl+Return");
    WAIT_UNTIL(f->window->run && state(f) == FIT_JOB_RUNNING);
}

/* ---- the tests ---- */

struct tour {
    GtkWidget *groups[9];
    gboolean reached[9];
    int unseen; /* places where the focus was and nobody could see it */
};

static void focus_moved_cb(GtkWindow *window, GParamSpec *pspec, struct tour *tour)
{
    GtkWidget *now = gtk_window_get_focus(window);
    (void)pspec;
    if (!now)
        return;
    tour->unseen += !gtk_window_get_focus_visible(window) || !gtk_widget_get_mapped(now);
    for (guint i = 0; i < G_N_ELEMENTS(tour->groups); i++)
        tour->reached[i] |= now == tour->groups[i] || gtk_widget_is_ancestor(now, tour->groups[i]);
}

/* Round the window and back to where it began, by every group, and always to be seen. */
static void test_tab(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    LimnWindow *w = f->window;
    struct tour tour = {.groups = {GTK_WIDGET(w->generate), GTK_WIDGET(w->history_button),
                                   part(w->classes, "search"), part(w->classes, "list"),
                                   GTK_WIDGET(w->shape), GTK_WIDGET(w->quality),
                                   GTK_WIDGET(w->canvas), GTK_WIDGET(w->scrubber),
                                   GTK_WIDGET(w->zoom)}};
    walk_to(f, w->generate);
    g_signal_connect(w, "notify::focus-widget", G_CALLBACK(focus_moved_cb), &tour);
    keys("Tab");
    WAIT_UNTIL(!is_in(f, w->generate));
    walk_to(f, w->generate);
    for (guint i = 0; i < G_N_ELEMENTS(tour.groups); i++)
        if (!tour.reached[i])
            g_error("Tab does not reach %s", G_OBJECT_TYPE_NAME(tour.groups[i]));
    g_assert_cmpint(tour.unseen, ==, 0);
    keys("Tab");
    WAIT_UNTIL(!is_in(f, w->generate));
    keys("shift+Tab");
    WAIT_UNTIL(is_in(f, w->generate));
    g_signal_handlers_disconnect_by_data(w, &tour);
}

/* The first key of all paints; on the steps the keys of a slider lead through them. */
static void test_paint_and_steps(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_true(is_in(f, f->window->generate));
    keys("Return");
    WAIT_UNTIL(f->window->run && state(f) == FIT_JOB_DONE);
    LimnRun *run = f->window->run;
    walk_to(f, part(f->window->scrubber, "strip"));
    keys("Left");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 5);
    keys("Left Left Right");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 4);
    keys("Home");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 0);
    keys("v");
    WAIT_UNTIL(limn_run_get_view(run) == FIT_VIEW_VELOCITY);
    keys("p");
    WAIT_UNTIL(limn_run_get_view(run) == FIT_VIEW_PREDICTION);
    keys("space");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 6);
    keys("Home");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 0);
    keys("End");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 6);
    /* On from an earlier step, with other settings. */
    keys("Left Left");
    WAIT_UNTIL(limn_run_get_shown_step(run) == 4);
    keys("ctrl+b");
    WAIT_UNTIL(f->window->run != run && state(f) == FIT_JOB_DONE);
    g_assert_true(limn_run_is_branch(f->window->run));
}

static void test_shape(struct fixture *f, gconstpointer data)
{
    LimnSettings *settings = f->window->settings;
    (void)data;
    walk_to(f, f->window->canvas);
    keys("Right");
    WAIT_UNTIL(limn_settings_get_width(settings) == 80);
    keys("shift+Up");
    WAIT_UNTIL(limn_settings_get_height(settings) == 112);
    limn_undo_close_step(f->window->undo); /* as a rest would */
    keys("x");
    WAIT_UNTIL(limn_settings_get_width(settings) == 112);
    keys("ctrl+z");
    WAIT_UNTIL(limn_settings_get_width(settings) == 80);
    keys("ctrl+shift+z");
    WAIT_UNTIL(limn_settings_get_width(settings) == 112);
    keys("ctrl+l");
    WAIT_UNTIL(g_settings_get_boolean(f->window->memory, "live"));
    keys("ctrl+l");
    WAIT_UNTIL(!g_settings_get_boolean(f->window->memory, "live"));
    keys("ctrl+1");
    WAIT_UNTIL(limn_canvas_get_zoom(f->window->canvas) == 1);
    keys("ctrl+0");
    WAIT_UNTIL(limn_canvas_is_fitted(f->window->canvas));
}

static void test_class(struct fixture *f, gconstpointer data)
{
    LimnSettings *settings = f->window->settings;
    (void)data;
    g_assert_cmpint(limn_settings_get_class_id(settings), !=, 3);
    const char *name = limn_session_get_class_name(f->session, 3);
    g_autofree char *letters = g_ascii_strdown(name, -1);
    keys("ctrl+f");
    WAIT_UNTIL(is_in(f, part(f->window->classes, "search")));
    for (const char *c = letters; *c; c++) {
        const char one[2] = {*c, '\0'};
        keys(*c == ' ' ? "space" : one);
    }
    keys("Return");
    WAIT_UNTIL(limn_settings_get_class_id(settings) == 3);
    g_assert_true(is_in(f, part(f->window->classes, "list")));
    limn_undo_close_step(f->window->undo); /* as a rest would */
    keys("Up");
    WAIT_UNTIL(limn_settings_get_class_id(settings) != 3);
    keys("ctrl+z");
    WAIT_UNTIL(limn_settings_get_class_id(settings) == 3);
}

/* What is typed is text, whatever the letters do elsewhere; with Ctrl it is for the window. */
static void test_entry(struct fixture *f, gconstpointer data)
{
    LimnSettings *settings = f->window->settings;
    GtkEditable *entry = GTK_EDITABLE(part(f->window->shape, "ratio"));
    (void)data;
    fixture_paint(f);
    walk_to(f, entry);
    keys("ctrl+a x r s v l comma space");
    WAIT_UNTIL(g_str_equal(gtk_editable_get_text(entry), "xrsvl, "));
    g_assert_cmpint(limn_settings_get_width(settings), ==, 64);
    g_assert_cmpint(limn_settings_get_keep(settings), ==, LIMN_KEEP_NOTHING);
    g_assert_cmpint(limn_run_get_view(f->window->run), ==, FIT_VIEW_PREDICTION);
    guint64 before = seed(f);
    keys("ctrl+r");
    WAIT_UNTIL(seed(f) != before);
    g_assert_cmpstr(gtk_editable_get_text(entry), ==, "xrsvl, ");
    /* Undo is the text's, the first time that of the letters. */
    before = seed(f);
    keys("ctrl+z");
    WAIT_UNTIL(!g_str_equal(gtk_editable_get_text(entry), "xrsvl, "));
    g_assert_cmpuint(seed(f), ==, before);
    keys("ctrl+a 2 colon 1 Return");
    WAIT_UNTIL(limn_settings_get_width(settings) == 2 * limn_settings_get_height(settings));
    LimnRun *run = f->window->run;
    keys("ctrl+Return");
    WAIT_UNTIL(f->window->run != run && state(f) == FIT_JOB_DONE);
}

/* Out of what is nearest first: the menu, the run, the whole screen. */
static void test_escape(struct fixture *f, gconstpointer data)
{
    (void)data;
    keys("F11");
    WAIT_UNTIL(gtk_window_is_fullscreen(GTK_WINDOW(f->window)));
    begin_long_run(f);
    keys("ctrl+space");
    WAIT_UNTIL(state(f) == FIT_JOB_PAUSED);
    keys("F10");
    WAIT_UNTIL(is_popover_open(f));
    keys("Escape");
    wait_for_closed_popover(f);
    g_assert_cmpint(state(f), ==, FIT_JOB_PAUSED);
    keys("Escape");
    WAIT_UNTIL(state(f) == FIT_JOB_CANCELLED);
    g_assert_true(gtk_window_is_fullscreen(GTK_WINDOW(f->window)));
    keys("Escape");
    WAIT_UNTIL(!gtk_window_is_fullscreen(GTK_WINDOW(f->window)));
    /* Once more is nothing. */
    keys("Escape F11");
    WAIT_UNTIL(gtk_window_is_fullscreen(GTK_WINDOW(f->window)));
    keys("F11");
    WAIT_UNTIL(!gtk_window_is_fullscreen(GTK_WINDOW(f->window)));
}

static void test_menu(struct fixture *f, gconstpointer data)
{
    (void)data;
    walk_to(f, f->window->generate);
    keys("F10");
    WAIT_UNTIL(is_popover_open(f));
    GtkWidget *first = focus(f);
    keys("Down");
    WAIT_UNTIL(is_popover_open(f) && focus(f) != first);
    keys("Escape");
    wait_for_closed_popover(f);
    gboolean revealed = adw_flap_get_reveal_flap(f->window->flap);
    keys("F9");
    WAIT_UNTIL(adw_flap_get_reveal_flap(f->window->flap) != revealed);
    keys("F9");
    WAIT_UNTIL(adw_flap_get_reveal_flap(f->window->flap) == revealed);
}

/* A key of the window works in each popover, and a menu has then done its service. */
static void test_popovers(struct fixture *f, gconstpointer data)
{
    GtkWidget *more = part(f->window->quality, "more");
    gtk_expander_set_expanded(GTK_EXPANDER(more), TRUE);
    GtkWidget *buttons[] = {NULL, GTK_WIDGET(f->window->zoom), part(f->window->gauge, "button"),
                            part(more, "solver")};
    (void)data;
    for (guint i = 0; i < G_N_ELEMENTS(buttons); i++) {
        guint64 before = seed(f);
        if (buttons[i]) {
            walk_to(f, buttons[i]);
            keys("space");
        } else {
            keys("F10");
        }
        WAIT_UNTIL(is_popover_open(f));
        keys("ctrl+r");
        WAIT_UNTIL(seed(f) != before);
        wait_for_closed_popover(f);
    }
    keys("F10");
    WAIT_UNTIL(is_popover_open(f));
    keys("ctrl+f");
    WAIT_UNTIL(is_in(f, part(f->window->classes, "search")));
    wait_for_closed_popover(f);
    keys("F10");
    WAIT_UNTIL(is_popover_open(f));
    keys("ctrl+Return");
    WAIT_UNTIL(f->window->run && state(f) == FIT_JOB_DONE);
    g_assert_false(is_popover_open(f));
}

/* The panel of earlier pictures stays open while it is worked in. */
static void test_history(struct fixture *f, gconstpointer data)
{
    GListModel *files = limn_history_get_files(f->window->history);
    GtkWidget *view = GTK_WIDGET(f->window->history_view);
    (void)data;
    g_settings_set_boolean(f->window->memory, "keep-history", TRUE);
    guint before = g_list_model_get_n_items(files);
    keys("ctrl+Return");
    WAIT_UNTIL(g_list_model_get_n_items(files) == before + 1);
    keys("ctrl+r ctrl+Return");
    WAIT_UNTIL(g_list_model_get_n_items(files) == before + 2);
    guint64 last = seed(f);
    keys("ctrl+h");
    WAIT_UNTIL(is_in(f, part(view, "grid")));
    keys("Delete");
    WAIT_UNTIL(g_list_model_get_n_items(files) == before + 1);
    keys("ctrl+z");
    WAIT_UNTIL(g_list_model_get_n_items(files) == before + 2);
    keys("ctrl+f");
    WAIT_UNTIL(is_in(f, part(view, "search")));
    keys("Escape");
    wait_for_closed_popover(f);
    keys("ctrl+h");
    WAIT_UNTIL(is_in(f, part(view, "grid")));
    keys("ctrl+r");
    WAIT_UNTIL(seed(f) != last);
    wait_for_closed_popover(f);
    keys("ctrl+h");
    WAIT_UNTIL(is_in(f, part(view, "grid")));
    keys("Return");
    WAIT_UNTIL(!is_in(f, view) && seed(f) == last);
    wait_for_closed_popover(f);
    keys("ctrl+h");
    WAIT_UNTIL(is_in(f, part(view, "grid")));
    keys("ctrl+h");
    WAIT_UNTIL(!is_in(f, view));
    wait_for_closed_popover(f);
    /* Both of them side by side. */
    LimnCompareView *comparison = f->window->comparison;
    keys("ctrl+h");
    WAIT_UNTIL(is_in(f, part(view, "grid")));
    keys("ctrl+a ctrl+e");
    WAIT_UNTIL(limn_compare_view_is_of_kept(comparison));
    g_assert_cmpint(limn_compare_view_get_n_panes(comparison), ==, 2);
    wait_for_closed_popover(f);
    keys("d");
    WAIT_UNTIL(comparison->mode == LIMN_COMPARE_DIFFERENCE);
    keys("Escape");
    WAIT_UNTIL(limn_compare_view_get_n_panes(comparison) == 0);
}

static void test_compare(struct fixture *f, gconstpointer data)
{
    LimnCompareView *view = f->window->comparison;
    (void)data;
    keys("ctrl+e");
    WAIT_UNTIL(limn_compare_view_get_n_panes(view) == 4 && !limn_compare_view_is_active(view));
    keys("3");
    WAIT_UNTIL(limn_compare_view_get_chosen(view) == 2);
    keys("shift+2");
    WAIT_UNTIL(view->reference == 1);
    keys("bar");
    WAIT_UNTIL(view->mode == LIMN_COMPARE_SPLIT);
    keys("b");
    WAIT_UNTIL(view->mode == LIMN_COMPARE_BLINK);
    keys("d");
    WAIT_UNTIL(view->mode == LIMN_COMPARE_DIFFERENCE);
    /* Digits and letters in the gain are its own. */
    GtkSpinButton *gain = GTK_SPIN_BUTTON(view->gain);
    walk_to(f, gain);
    keys("ctrl+a 6 b Return");
    WAIT_UNTIL(gtk_spin_button_get_value(gain) == 6);
    g_assert_cmpint(limn_compare_view_get_chosen(view), ==, 2);
    g_assert_cmpint(view->mode, ==, LIMN_COMPARE_DIFFERENCE);
    walk_to(f, view->time);
    keys("d");
    WAIT_UNTIL(view->mode == LIMN_COMPARE_SIDE);
    keys("Escape");
    WAIT_UNTIL(limn_compare_view_get_n_panes(view) == 0);
    keys("ctrl+shift+e");
    WAIT_UNTIL(limn_compare_view_get_n_panes(view) == 6);
    keys("ctrl+e");
    WAIT_UNTIL(limn_compare_view_get_n_panes(view) == 0);
}

/* ---- the server's helpers ---- */

/* Desktops are counted by a window manager that is ready. */
static gboolean is_managed(void)
{
    g_autoptr(GSubprocess) child = g_subprocess_new(
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL, "xdotool",
        "get_num_desktops", NULL);
    g_assert_nonnull(child);
    return g_subprocess_wait_check(child, NULL, NULL);
}

/* A window that is there before it gets no focus from it. */
static GSubprocess *start_window_manager(void)
{
    g_autoptr(GError) error = NULL;
    GSubprocess *manager = g_subprocess_new(
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error, "openbox",
        "--sm-disable", NULL);
    g_assert_no_error(error);
    WAIT_UNTIL(is_managed());
    return manager;
}

int main(int argc, char **argv)
{
    static const char *const tools[] = {"xdotool", "openbox"};
    for (guint i = 0; i < G_N_ELEMENTS(tools); i++) {
        g_autofree char *path = g_find_program_in_path(tools[i]);
        if (!path) {
            g_print("1..0 # SKIP %s, which this test works with, is not installed\n", tools[i]);
            return 0;
        }
    }
    fixture_init(&argc, &argv);
#define ADD(name, function) \
    g_test_add("/keys/" name, struct fixture, NULL, open_active, function, fixture_close)
    ADD("tab", test_tab);
    ADD("paint-and-steps", test_paint_and_steps);
    ADD("shape", test_shape);
    ADD("class", test_class);
    ADD("entry", test_entry);
    ADD("escape", test_escape);
    ADD("menu", test_menu);
    ADD("popovers", test_popovers);
    ADD("history", test_history);
    ADD("compare", test_compare);
    g_autoptr(GSubprocess) manager = start_window_manager();
    int failed = g_test_run();
    g_subprocess_force_exit(manager);
    g_subprocess_wait(manager, NULL, NULL);
    return failed;
}
