/* SPDX-License-Identifier: Apache-2.0 */
/* Pausing inside a picture, and pictures that the end of the program interrupts. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS 100

static const char *program;

static const char *main_action(struct fixture *f)
{
    return gtk_actionable_get_action_name(GTK_ACTIONABLE(f->window->generate));
}

static const char *status(struct fixture *f)
{
    return gtk_label_get_text(f->window->status);
}

static void choose_settings(struct fixture *f, int steps)
{
    g_object_set(f->window->settings, "steps", steps, "seed", (guint64)7, "keep", 0, "keep-seed",
                 TRUE, "solver", (int)FIT_SOLVER_HEUN, NULL);
}

/* Starts a long run and waits until it moves. */
static void start(struct fixture *f)
{
    choose_settings(f, STEPS);
    fixture_act(f, "win.generate");
    WAIT_UNTIL(limn_run_get_step(f->window->run) > 0);
}

/* The pixels that the run on show ends with. */
static GBytes *end_of(struct fixture *f)
{
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
    struct fit_frame *frame = limn_run_dup_end(f->window->run);
    g_assert_nonnull(frame);
    gsize n = 4 * (gsize)fit_frame_width(frame) * (gsize)fit_frame_height(frame);
    GBytes *bytes = g_bytes_new(fit_frame_pixels(frame), n);
    fit_frame_unref(&frame);
    return bytes;
}

static void require_same(GBytes *whole, struct fixture *f)
{
    g_autoptr(GBytes) bytes = end_of(f);
    g_assert_true(g_bytes_equal(whole, bytes));
}

static const char *path_of(struct fixture *f)
{
    return limn_recovery_get_path(limn_session_get_recovery(f->session));
}

static void remove_file(struct fixture *f)
{
    limn_recovery_discard(limn_session_get_recovery(f->session));
    g_assert_false(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
}

static void test_pause(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    g_autoptr(GBytes) whole = end_of(f);
    start(f);
    g_assert_true(f->window->inhibited);
    g_assert_true(gtk_widget_get_visible(GTK_WIDGET(f->window->pause)));
    fixture_act(f, "win.pause");
    WAIT_UNTIL(limn_window_is_paused(f->window));
    g_assert_nonnull(strstr(status(f), "Paused at step"));
    g_assert_cmpstr(main_action(f), ==, "win.pause");
    g_assert_cmpstr(gtk_actionable_get_action_name(GTK_ACTIONABLE(f->window->pause)), ==, "win.stop");
    g_assert_false(f->window->inhibited);

    /* The steps so far can be looked at meanwhile. */
    int step = limn_run_get_step(f->window->run);
    limn_run_show(f->window->run, 0, FIT_VIEW_STATE);
    struct fit_frame *frame = NULL;
    WAIT_UNTIL(frame || (frame = limn_run_dup_frame(f->window->run)));
    fit_frame_unref(&frame);
    fixture_settle(f);
    g_assert_cmpint(limn_run_get_step(f->window->run), ==, step);

    limn_run_show(f->window->run, LIMN_RUN_LIVE, FIT_VIEW_PREDICTION);
    fixture_act(f, "win.pause");
    WAIT_UNTIL(!limn_window_is_paused(f->window));
    g_assert_cmpstr(main_action(f), ==, "win.stop");
    require_same(whole, f);
    g_assert_false(f->window->inhibited);
    g_assert_false(gtk_widget_get_visible(GTK_WIDGET(f->window->pause)));
}

static void test_stop_and_continue(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    g_autoptr(GBytes) whole = end_of(f);
    start(f);
    fixture_act(f, "win.pause");
    WAIT_UNTIL(limn_window_is_paused(f->window));
    fixture_act(f, "win.stop");
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_nonnull(strstr(status(f), "Stopped at step"));
    g_assert_true(gtk_widget_get_visible(GTK_WIDGET(f->window->go_on)));
    g_assert_cmpstr(main_action(f), ==, "win.generate");
    fixture_act(f, "win.pause");
    g_assert_false(gtk_widget_get_visible(GTK_WIDGET(f->window->go_on)));
    require_same(whole, f);
}

/* A branch of what rests, from what it has come to. */
static void test_branch_of_paused(struct fixture *f, gconstpointer data)
{
    (void)data;
    choose_settings(f, 40);
    g_object_set(f->window->settings, "solver", (int)FIT_SOLVER_EULER, NULL);
    fixture_act(f, "win.generate");
    g_autoptr(GBytes) whole = end_of(f);
    fixture_act(f, "win.generate");
    WAIT_UNTIL(limn_run_get_step(f->window->run) > 0);
    fixture_act(f, "win.pause");
    WAIT_UNTIL(!limn_run_is_moving(f->window->run));
    if (limn_window_is_paused(f->window)) {
        fixture_act(f, "win.finish-from-here");
        g_assert_true(limn_run_is_branch(f->window->run));
    }
    require_same(whole, f);
}

static void test_quit_and_continue(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    g_autoptr(GBytes) whole = end_of(f);
    g_assert_false(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
    start(f);
    fixture_close(f, NULL);
    fixture_open(f, NULL);
    g_assert_true(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->interrupted));
    g_assert_nonnull(strstr(gtk_label_get_text(f->window->interrupted_text), "64 × 48"));
    fixture_act(f, "win.continue-interrupted");
    g_assert_nonnull(f->window->run);
    g_assert_false(gtk_info_bar_get_revealed(f->window->interrupted));
    g_assert_cmpint(limn_settings_get_solver(f->window->settings), ==, FIT_SOLVER_HEUN);
    require_same(whole, f);
    WAIT_UNTIL(!g_file_test(path_of(f), G_FILE_TEST_EXISTS));
}

/* In the process that is going to be killed: paints slowly. */
static void paint_until_killed(void)
{
    struct fixture f;
    fixture_open(&f, NULL);
    start(&f);
    for (;;) {
        fixture_act(&f, "win.pause");
        WAIT_UNTIL(!limn_run_is_moving(f.window->run));
        for (int i = 0; i < 5; i++)
            fixture_settle(&f);
        fixture_act(&f, "win.pause");
    }
}

static void test_kill(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    g_autoptr(GBytes) whole = end_of(f);
    remove_file(f);
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--until-killed", g_get_user_state_dir(), (char *)NULL);
        _exit(127);
    }
    g_assert_cmpint(child, >, 0);
    WAIT_UNTIL(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fixture_close(f, NULL);
    fixture_open(f, NULL);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->interrupted));
    fixture_act(f, "win.continue-interrupted");
    g_assert_cmpint(limn_run_get_step(f->window->run), <, STEPS);
    require_same(whole, f);
}

/* Whatever lies there is refused in words, once, and the window is as useful as ever. */
static void test_damaged(struct fixture *f, gconstpointer data)
{
    (void)data;
    static const char *const contents[] = {"", "not at all", "\x89PNG\r\n\x1a\n and so on",
                                           "\x10\0\0\0\0\0\0\0{\"a\":[1,2,3,4]}"};
    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autofree char *folder = g_path_get_dirname(path_of(f));
        g_mkdir_with_parents(folder, 0700);
        g_assert_true(g_file_set_contents(path_of(f), contents[i], i == 3 ? 24 : -1, NULL));
        fixture_close(f, NULL);
        fixture_open(f, NULL);
        WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
        g_assert_nonnull(strstr(gtk_label_get_text(f->window->trouble_text), "interrupted"));
        g_assert_false(gtk_info_bar_get_revealed(f->window->interrupted));
        g_assert_false(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
        fixture_paint(f);
        g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
    }
}

/* A new picture takes the place of what was interrupted. */
static void test_begun_anew(struct fixture *f, gconstpointer data)
{
    (void)data;
    start(f);
    fixture_close(f, NULL);
    fixture_open(f, NULL);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->interrupted));
    fixture_paint(f);
    g_assert_false(gtk_info_bar_get_revealed(f->window->interrupted));
    g_assert_false(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
}

static void test_notification(void)
{
    g_assert_true(limn_window_is_worth_telling(FALSE, 10.5));
    g_assert_true(limn_window_is_worth_telling(FALSE, 3600));
    g_assert_false(limn_window_is_worth_telling(FALSE, 10));
    g_assert_false(limn_window_is_worth_telling(FALSE, 0));
    g_assert_false(limn_window_is_worth_telling(TRUE, 10.5));
    g_assert_false(limn_window_is_worth_telling(TRUE, 3600));
}

#define ADD(name, function)                                                                        \
    g_test_add("/pause/" name, struct fixture, NULL, fixture_open, function, fixture_close)

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && !strcmp(argv[1], "--until-killed"))
        g_setenv("XDG_STATE_HOME", argv[2], TRUE);
    fixture_init(&argc, &argv);
    if (argc == 3)
        paint_until_killed();
    g_test_add_func("/pause/notification", test_notification);
    ADD("pause", test_pause);
    ADD("stop-and-continue", test_stop_and_continue);
    ADD("branch-of-paused", test_branch_of_paused);
    ADD("quit-and-continue", test_quit_and_continue);
    ADD("kill", test_kill);
    ADD("damaged", test_damaged);
    ADD("begun-anew", test_begun_anew);
    return g_test_run();
}
