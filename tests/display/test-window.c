/* SPDX-License-Identifier: Apache-2.0 */
/* The window in its states, driven from inside the process. */
#include "fixture.h"

#include <glib/gstdio.h>

#include "limn-class-row.h"

/* Buttons grey out with their action. */
static gboolean enabled(struct fixture *f, const char *action)
{
    GtkWidget *button = gtk_button_new();
    gboolean sensitive;
    gtk_box_append(GTK_BOX(f->window->viewer), button);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
    sensitive = gtk_widget_get_sensitive(button);
    gtk_box_remove(GTK_BOX(f->window->viewer), button);
    return sensitive;
}

static const char *main_action(struct fixture *f)
{
    return gtk_actionable_get_action_name(GTK_ACTIONABLE(f->window->generate));
}

static const char *page(struct fixture *f)
{
    return gtk_stack_get_visible_child_name(f->window->pages);
}

static void test_templates(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GtkBuilder) builder =
        gtk_builder_new_from_resource("/io/github/limn/Limn/limn-preferences.ui");
    GtkWidget *row = g_object_ref_sink(g_object_new(LIMN_TYPE_CLASS_ROW, NULL));
    g_assert_true(ADW_IS_PREFERENCES_WINDOW(gtk_builder_get_object(builder, "preferences")));
    gtk_window_destroy(GTK_WINDOW(gtk_builder_get_object(builder, "preferences")));
    g_object_unref(row);
    g_assert_cmpstr(page(f), ==, "viewer");
    g_assert_true(gtk_widget_get_mapped(GTK_WIDGET(f->window->canvas)));
}

static void test_idle(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmpstr(main_action(f), ==, "win.generate");
    g_assert_null(f->window->run);
    g_assert_false(gtk_revealer_get_reveal_child(f->window->scrubber_revealer));
    g_assert_false(enabled(f, "win.save"));
    g_assert_false(enabled(f, "win.stop"));
}

/* Pressing Generate in a window that nobody has touched gives a picture. */
static void test_generate(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_act(f, "win.generate");
    g_assert_cmpstr(main_action(f), ==, "win.stop");
    g_assert_false(enabled(f, "win.generate"));
    WAIT_UNTIL(!limn_run_is_active(f->window->run));

    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
    g_assert_cmpint(limn_run_get_step(f->window->run), ==, 6);
    g_assert_cmpstr(main_action(f), ==, "win.generate");
    GdkTexture *texture = limn_run_get_texture(f->window->run);
    g_assert_cmpint(gdk_texture_get_width(texture), ==, 64);
    g_assert_cmpint(gdk_texture_get_height(texture), ==, 48);
    g_assert_true(f->window->canvas->texture == texture);
    g_assert_true(gtk_revealer_get_reveal_child(f->window->scrubber_revealer));
    g_assert_nonnull(strstr(gtk_label_get_text(f->window->status), "Done"));
    limn_settings_set_size(f->window->settings, 80, 48);
    g_assert_nonnull(strstr(gtk_label_get_text(f->window->status), "changed"));
}

static void test_stop(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.generate");
    WAIT_UNTIL(limn_run_get_texture(f->window->run) != NULL);
    fixture_act(f, "win.stop");
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_CANCELLED);
    g_assert_cmpint(limn_run_get_step(f->window->run), <, 1000);
    g_assert_cmpstr(main_action(f), ==, "win.generate");
    g_assert_nonnull(f->window->canvas->texture);
}

static void test_close_while_running(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnRun *run;
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.generate");
    run = f->window->run;
    g_object_add_weak_pointer(G_OBJECT(run), (gpointer *)&run);
    WAIT_UNTIL(limn_run_get_step(run) > 0);
    fixture_close(f, NULL);
    g_assert_null(run);
    fixture_open(f, NULL);
}

static void test_another_run(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    guint64 seed = limn_settings_get_seed(f->window->settings);
    fixture_paint(f);
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), !=, seed);

    seed = limn_settings_get_seed(f->window->settings);
    g_object_set(f->window->settings, "keep-seed", TRUE, NULL);
    fixture_paint(f);
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, seed);
}

static void test_no_model(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnSession *session = limn_session_new();
    LimnWindow *window = limn_window_new(fixture_application(), session);
    struct fixture empty = {session, window};
    gtk_window_present(GTK_WINDOW(window));
    limn_session_load(session, "/nonexistent/model");
    WAIT_UNTIL(limn_session_get_state(session) == LIMN_SESSION_NO_MODEL);
    g_assert_cmpstr(page(&empty), ==, "no-model");
    g_assert_nonnull(strstr(adw_status_page_get_description(window->no_model), "nonexistent"));
    g_assert_false(enabled(&empty, "win.generate"));

    /* The way out: a folder that is dropped or chosen. */
    g_autoptr(GFile) folder = g_file_new_for_path(g_getenv("LIMN_MODEL"));
    limn_window_open(window, folder);
    WAIT_UNTIL(limn_session_get_state(session) == LIMN_SESSION_READY);
    g_assert_cmpstr(page(&empty), ==, "viewer");
    fixture_close(&empty, NULL);
    (void)f;
}

/* A model that cannot be read does not take away the one that is there. */
static void test_bad_second_model(struct fixture *f, gconstpointer data)
{
    (void)data;
    limn_session_load(f->session, "/nonexistent/model");
    WAIT_UNTIL(limn_session_get_state(f->session) != LIMN_SESSION_LOADING);
    g_assert_cmpstr(page(f), ==, "viewer");
    g_assert_true(gtk_info_bar_get_revealed(f->window->trouble));
    fixture_paint(f);
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
}

static void test_scrub(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    LimnRun *run = f->window->run;
    g_autoptr(GdkTexture) thumbnail = limn_run_dup_thumbnail(run, 2);
    g_assert_cmpint(gdk_texture_get_width(thumbnail), ==, 8);

    limn_run_show(run, 2, FIT_VIEW_PREDICTION);
    g_assert_false(limn_run_is_live(run));
    g_assert_cmpint(limn_run_get_shown_step(run), ==, 2);
    struct fit_frame *frame = NULL;
    WAIT_UNTIL((frame = limn_run_dup_frame(run)) != NULL);
    g_assert_cmpint(fit_frame_step(frame), ==, 2);
    fit_frame_unref(&frame);

    fixture_act(f, "win.view-state");
    WAIT_UNTIL((frame = limn_run_dup_frame(run)) && fit_frame_view(frame) == FIT_VIEW_STATE);
    fit_frame_unref(&frame);
    fixture_act(f, "win.view-prediction");
    fixture_act(f, "win.last-step");
    g_assert_true(limn_run_is_live(run));
    WAIT_UNTIL((frame = limn_run_dup_frame(run)) && fit_frame_is_final(frame));
    fit_frame_unref(&frame);
}

static void test_play(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    fixture_act(f, "win.play");
    g_assert_cmpint(limn_run_get_shown_step(f->window->run), ==, 0);
    WAIT_UNTIL(limn_run_is_live(f->window->run));
    g_assert_cmpint(limn_run_get_shown_step(f->window->run), ==, 6);
}

/* The button that a person came for has the keyboard as soon as it can be pressed. */
static void test_focus(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_true(gtk_window_get_focus(GTK_WINDOW(f->window)) == GTK_WIDGET(f->window->generate));
}

static void test_undo(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnSettings *settings = f->window->settings;
    limn_undo_forget(f->window->undo);
    g_assert_false(enabled(f, "win.undo"));
    g_assert_false(enabled(f, "win.redo"));

    /* What comes at once is one step: a handle that is dragged. */
    for (int width = 80; width <= 160; width += 16)
        limn_settings_set_size(settings, width, 48);
    limn_undo_close_step(f->window->undo);
    limn_settings_set_class_id(settings, 2);
    limn_undo_close_step(f->window->undo);
    g_object_set(settings, "guidance", 4.0, "solver", (int)FIT_SOLVER_HEUN, NULL);

    fixture_act(f, "win.undo");
    double guidance;
    g_object_get(settings, "guidance", &guidance, NULL);
    g_assert_cmpfloat(guidance, ==, 2);
    g_assert_cmpint(limn_settings_get_solver(settings), ==, FIT_SOLVER_EULER);
    g_assert_cmpint(limn_settings_get_class_id(settings), ==, 2);
    fixture_act(f, "win.undo");
    g_assert_cmpint(limn_settings_get_class_id(settings), ==, 0);
    g_assert_cmpint(limn_settings_get_width(settings), ==, 160);
    fixture_act(f, "win.undo");
    g_assert_cmpint(limn_settings_get_width(settings), ==, 64);
    g_assert_false(enabled(f, "win.undo"));
    fixture_act(f, "win.redo");
    fixture_act(f, "win.redo");
    fixture_act(f, "win.redo");
    g_assert_cmpint(limn_settings_get_solver(settings), ==, FIT_SOLVER_HEUN);
    g_assert_cmpint(limn_settings_get_width(settings), ==, 160);
    g_assert_false(enabled(f, "win.redo"));

    /* A change after going back forgets what lay ahead. */
    fixture_act(f, "win.undo");
    limn_settings_set_seed(settings, 9);
    g_assert_false(enabled(f, "win.redo"));
}

/* The list has the solvers that this model can be run with, and no others. */
static void test_solvers(struct fixture *f, gconstpointer data)
{
    (void)data;
    int n = 0;
    for (int solver = 0; solver < FIT_N_SOLVERS; solver++)
        n += limn_session_has_solver(f->session, (enum fit_solver)solver);
    g_assert_false(limn_session_has_solver(f->session, FIT_SOLVER_DDPM));
    GtkDropDown *list = GTK_DROP_DOWN(
        gtk_widget_get_template_child(GTK_WIDGET(f->window->quality), LIMN_TYPE_QUALITY_PANEL,
                                      "solver"));
    g_assert_cmpint((int)g_list_model_get_n_items(gtk_drop_down_get_model(list)), ==, n);
    g_object_set(f->window->settings, "solver", (int)FIT_SOLVER_SDE_HEUN, NULL);
    g_assert_cmpint((int)gtk_drop_down_get_selected(list), ==, n - 1);
    gtk_drop_down_set_selected(list, 1);
    g_assert_cmpint(limn_settings_get_solver(f->window->settings), ==, FIT_SOLVER_MIDPOINT);
}

/* From a step on: unchanged to the same picture, with another class to another one. */
static void test_finish_from_here(struct fixture *f, gconstpointer data)
{
    (void)data;
    struct fit_frame *whole = NULL, *again = NULL;
    int painted = limn_settings_get_class_id(f->window->settings);
    fixture_paint(f);
    g_assert_false(enabled(f, "win.finish-from-here"));
    WAIT_UNTIL((whole = limn_run_dup_frame(f->window->run)) && fit_frame_is_final(whole));
    gsize bytes = 4 * (gsize)fit_frame_width(whole) * (gsize)fit_frame_height(whole);
    for (int other = 0; other < 2; other++) {
        g_autoptr(LimnRun) first = g_object_ref(f->window->run);
        limn_run_show(first, 3, FIT_VIEW_PREDICTION);
        g_assert_true(enabled(f, "win.finish-from-here"));
        limn_settings_set_class_id(f->window->settings, (painted + other) % 4);
        fixture_act(f, "win.finish-from-here");
        g_assert_true(f->window->run != first && limn_run_is_branch(f->window->run));
        WAIT_UNTIL(!limn_run_is_active(f->window->run));
        WAIT_UNTIL((again = limn_run_dup_frame(f->window->run)) && fit_frame_is_final(again));
        g_assert_true((memcmp(fit_frame_pixels(whole), fit_frame_pixels(again), bytes) != 0) ==
                      other);
        fit_frame_unref(&again);
    }
    fit_frame_unref(&whole);
    g_assert_false(enabled(f, "win.copy-command"));
}

/* Playing goes round while that is asked for, and as fast as asked. */
static void test_play_round(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    for (int i = 0; i < 9; i++)
        fixture_act(f, "win.faster");
    fixture_act(f, "win.loop");
    fixture_act(f, "win.play");
    g_assert_cmpint(limn_run_get_shown_step(f->window->run), ==, 0);
    for (int round = 0; round < 2; round++) {
        WAIT_UNTIL(limn_run_is_live(f->window->run));
        WAIT_UNTIL(!limn_run_is_live(f->window->run));
    }
    fixture_act(f, "win.loop");
    WAIT_UNTIL(limn_run_is_live(f->window->run));
    fixture_settle(f);
    g_assert_true(limn_run_is_live(f->window->run));
    for (int i = 0; i < 9; i++)
        fixture_act(f, "win.slower");
}

/* A message lies over the picture, and over none of the controls that one uses next. */
static void test_toast_place(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *toasts = GTK_WIDGET(f->window->toasts);
    fixture_paint(f);
    limn_window_toast(f->window, "Somewhere");
    WAIT_UNTIL(fixture_find_label(toasts, "Somewhere"));
    g_assert_true(gtk_widget_is_ancestor(GTK_WIDGET(f->window->canvas), toasts));
    g_assert_false(gtk_widget_is_ancestor(GTK_WIDGET(f->window->scrubber), toasts));
    g_assert_false(gtk_widget_is_ancestor(f->window->status_bar, toasts));

    fixture_act(f, "win.compare");
    WAIT_UNTIL(!limn_compare_view_is_active(f->window->comparison));
    limn_window_toast(f->window, "Elsewhere");
    WAIT_UNTIL(fixture_find_label(GTK_WIDGET(f->window->comparison), "Elsewhere"));
    GtkWidget *over = fixture_find(GTK_WIDGET(f->window->comparison), "toasts");
    g_assert_false(gtk_widget_is_ancestor(fixture_find(f->window->content, "time"), over));
}

static void test_narrow(struct fixture *f, gconstpointer data)
{
    (void)data;
    /* Without the shadow that stands around the window where nothing composes windows. */
    GtkWidget *content = f->window->content;
    int least;
    fixture_paint(f);
    gtk_widget_measure(content, GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL, NULL, NULL);
    g_assert_cmpint(least, <=, 360);
    /* Words are longer elsewhere, and give way. */
    const char *const long_words[][2] = {{"prediction", "Vorhersage"}, {"velocity", "Geschwindigkeit"}};
    for (guint i = 0; i < G_N_ELEMENTS(long_words); i++) {
        GtkWidget *button = fixture_find(GTK_WIDGET(f->window->scrubber), long_words[i][0]);
        gtk_label_set_text(GTK_LABEL(gtk_button_get_child(GTK_BUTTON(button))), long_words[i][1]);
    }
    gtk_widget_measure(content, GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL, NULL, NULL);
    g_assert_cmpint(least, <=, 360);
    gtk_widget_measure(content, GTK_ORIENTATION_VERTICAL, 360, &least, NULL, NULL, NULL);
    g_assert_cmpint(least, <=, 600);
}

/* Nobody paints for a while: memory is given back, and the next picture is what it would have
 * been. */
static void test_rest(struct fixture *f, gconstpointer data)
{
    (void)data;
    gsize bytes = 4 * 64 * 48;
    g_settings_set_uint(f->window->memory, "rest-after", 1);
    fixture_paint(f);
    struct fit_frame *before = limn_run_dup_end(f->window->run);
    g_assert_cmpuint(f->window->rest_source, !=, 0);
    WAIT_UNTIL(f->window->rest_source == 0);
    fixture_settle(f);
    limn_window_generate_as_set(f->window);
    g_assert_cmpuint(f->window->rest_source, ==, 0); /* not while something is painted */
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    struct fit_frame *after = limn_run_dup_end(f->window->run);
    g_assert_cmpmem(fit_frame_pixels(before), bytes, fit_frame_pixels(after), bytes);
    fit_frame_unref(&before);
    fit_frame_unref(&after);
    g_settings_set_uint(f->window->memory, "rest-after", 0);
    limn_window_put_off_rest(f->window);
    g_assert_cmpuint(f->window->rest_source, ==, 0); /* never */
    g_settings_reset(f->window->memory, "rest-after");
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
#define ADD(name, function) \
    g_test_add("/window/" name, struct fixture, NULL, fixture_open, function, fixture_close)
    ADD("templates", test_templates);
    ADD("idle", test_idle);
    ADD("generate", test_generate);
    ADD("stop", test_stop);
    ADD("close-while-running", test_close_while_running);
    ADD("another-run", test_another_run);
    ADD("no-model", test_no_model);
    ADD("bad-second-model", test_bad_second_model);
    ADD("scrub", test_scrub);
    ADD("play", test_play);
    ADD("play-round", test_play_round);
    ADD("toast-place", test_toast_place);
    ADD("narrow", test_narrow);
    ADD("focus", test_focus);
    ADD("undo", test_undo);
    ADD("solvers", test_solvers);
    ADD("finish-from-here", test_finish_from_here);
    ADD("rest", test_rest);
    return g_test_run();
}
