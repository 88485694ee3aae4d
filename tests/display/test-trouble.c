/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong, produced on purpose: each has its sentence, and its way out works. Devices
 * fail by the stand-in for a card (tests/cuda), whose folder LIMN_SHIM names. */
#include "fixture.h"
#include "limn-error.h"

#include <glib/gstdio.h>

/* Enough for some steps of the test model, far fewer than the run's. */
#define SOME_LAUNCHES "1500"
#define MANY_STEPS 400
/* Bytes: the products' 32 MiB and the test model have room, and pictures below 256x128. */
#define LITTLE_MEMORY "41943040"
#define PLENTY_OF_MEMORY "1073741824"
#define BRANCH_LAUNCHES "1200"  /* some of a run's branches, a few pictures later than the first */
#define LITTLE_PIECE "2097152"  /* bytes: enough for the test model and small pictures */
#define LAUNCH "unspecified launch failure" /* the runtime's words */

/* A window over the stand-in, which fails as told. FALSE where it was not built. */
static gboolean open_on_shim(struct fixture *f, const char *variable, const char *value)
{
    if (!g_getenv("LIMN_SHIM")) {
        g_test_skip("no C++ compiler built the stand-in for a card");
        return FALSE;
    }
    g_setenv("FIT_BACKEND_PATH", g_getenv("LIMN_SHIM"), TRUE);
    g_setenv("FIT_BACKEND", "cuda", TRUE);
    g_setenv(variable, value, TRUE);
    fixture_open(f, NULL);
    g_unsetenv(variable);
    g_unsetenv("FIT_BACKEND");
    g_unsetenv("FIT_BACKEND_PATH");
    g_assert_false(limn_session_is_on_processor(f->session));
    return TRUE;
}

static void expect_device_failure(struct fixture *f, const char *words)
{
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_FAILED);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
    fixture_require_words(fixture_trouble(f), "The graphics card failed");
    fixture_require_words(f->window->failure->message, words);
    g_assert_true(fixture_is_shown(f->window->trouble_processor));
    g_assert_true(fixture_is_shown(f->window->trouble_details));
    g_assert_false(fixture_is_shown(f->window->trouble_retry)); /* the card is lost */
    g_assert_false(fixture_is_shown(f->window->trouble_elsewhere));
    g_assert_false(fixture_is_shown(f->window->trouble_smaller));
}

static void move_and_finish(struct fixture *f)
{
    guint64 seed = limn_settings_get_seed(f->window->settings);
    fixture_act(f, "win.move-to-processor");
    g_assert_false(gtk_info_bar_get_revealed(f->window->trouble));
    fixture_require_words(gtk_label_get_text(f->window->status), "Moving");
    WAIT_UNTIL(limn_session_get_state(f->session) == LIMN_SESSION_READY);
    g_assert_true(limn_session_is_on_processor(f->session));
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, seed);
    g_assert_nonnull(f->window->canvas->texture);
}

/* A card that is lost in the middle: what was painted stays, and the processor goes on from the
 * step that was kept last. */
static void test_lost(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", SOME_LAUNCHES))
        return;
    g_object_set(f.window->settings, "steps", MANY_STEPS, NULL);
    fixture_act(&f, "win.generate");
    WAIT_UNTIL(limn_run_get_step(f.window->run) > 0);
    fixture_act(&f, "win.pause"); /* which keeps the run */
    const char *kept = limn_recovery_get_path(limn_session_get_recovery(f.session));
    WAIT_UNTIL(limn_window_is_paused(f.window) && g_file_test(kept, G_FILE_TEST_EXISTS));
    int step = limn_run_get_step(f.window->run);
    fixture_act(&f, "win.pause");
    expect_device_failure(&f, LAUNCH);
    g_assert_nonnull(f.window->canvas->texture);
    fixture_require_words(gtk_button_get_label(f.window->trouble_processor), "Continue");
    fixture_picture(&f, NULL, "card-lost");

    g_autoptr(LimnRun) failed = g_object_ref(f.window->run);
    fixture_act(&f, "win.move-to-processor");
    WAIT_UNTIL(f.window->run != failed);
    g_assert_cmpint(limn_run_get_step(f.window->run), >=, step);
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    g_assert_cmpint(limn_run_get_step(f.window->run), ==, MANY_STEPS);
    g_clear_object(&failed);
    fixture_close(&f, NULL);
}

/* One that is lost before the first step: the processor paints the picture from the beginning. */
static void test_lost_at_once(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", "10"))
        return;
    fixture_act(&f, "win.generate");
    expect_device_failure(&f, LAUNCH);
    fixture_require_words(gtk_button_get_label(f.window->trouble_processor), "Paint");
    fixture_picture(&f, NULL, "card-lost-at-once");
    move_and_finish(&f);
    fixture_paint(&f);
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    fixture_close(&f, NULL);
}

/* What needs the card that is lost is not offered, and refused in words. */
static void test_lost_for_good(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", "10"))
        return;
    fixture_act(&f, "win.generate");
    expect_device_failure(&f, LAUNCH);
    g_autoptr(LimnRun) failed = g_object_ref(f.window->run);
    g_assert_false(limn_window_can_continue(f.window));
    fixture_act(&f, "win.pause");
    g_assert_true(f.window->run == failed);
    fixture_act(&f, "win.generate");
    expect_device_failure(&f, "does not answer any more");
    fixture_picture(&f, NULL, "card-lost-for-good");
    g_clear_object(&failed);
    fixture_close(&f, NULL);
}

/* What goes on from another run does so on the processor, from the same step. */
static void test_lost_branch(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", BRANCH_LAUNCHES))
        return;
    fixture_paint(&f);
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    g_object_set(f.window->settings, "guidance", 4.0, NULL);
    do {
        limn_run_show(f.window->run, 3, FIT_VIEW_PREDICTION);
        fixture_act(&f, "win.finish-from-here");
        WAIT_UNTIL(!limn_run_is_active(f.window->run));
    } while (limn_run_get_state(f.window->run) == FIT_JOB_DONE);
    expect_device_failure(&f, LAUNCH);
    limn_recovery_discard(limn_session_get_recovery(f.session)); /* as before its first second */
    fixture_act(&f, "win.move-to-processor");
    WAIT_UNTIL(limn_session_is_on_processor(f.session) && limn_run_is_active(f.window->run));
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    g_assert_true(limn_run_is_branch(f.window->run));
    g_assert_cmpint(limn_run_get_params(f.window->run)->from_step, ==, 3);
    g_assert_cmpfloat(limn_run_get_params(f.window->run)->guidance, ==, 4);
    fixture_close(&f, NULL);
}

/* A branch that is refused before it begins is the same branch on the processor, and not the run
 * that it goes on from, nor a picture of the settings. */
static void test_refused_branch(void)
{
    struct fixture f;
    struct fit_generate_params params;
    g_autoptr(GError) error = g_error_new_literal(limn_fit_error_quark(), FIT_ERROR_MEMORY, "Full.");
    if (!open_on_shim(&f, "FK_SHIM_MEMORY", PLENTY_OF_MEMORY))
        return;
    fixture_paint(&f);
    g_autoptr(LimnRun) run = g_object_ref(f.window->run);
    limn_run_show(run, 3, FIT_VIEW_PREDICTION);
    limn_settings_set_class_id(f.window->settings, 1);
    limn_settings_to_params(f.window->settings, &params);
    limn_run_go_on_from_shown(run, &params);
    limn_window_refuse_branch(f.window, &params, error);
    g_assert_true(fixture_is_shown(f.window->trouble_processor));
    g_assert_false(fixture_is_shown(f.window->trouble_smaller));

    fixture_act(&f, "win.move-to-processor");
    WAIT_UNTIL(f.window->run != run);
    g_assert_true(limn_run_is_branch(f.window->run));
    g_assert_cmpint(limn_run_get_params(f.window->run)->from_step, ==, 3);
    g_assert_cmpint(limn_run_get_params(f.window->run)->class_id, ==, 1);
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    g_clear_object(&run);
    fixture_close(&f, NULL);
}

/* Too little memory for a size: a smaller one is offered, and taken. */
static void test_memory(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_MEMORY", LITTLE_MEMORY))
        return;
    limn_settings_set_size(f.window->settings, 256, 128);
    fixture_act(&f, "win.generate");
    g_assert_null(f.window->run);
    g_assert_true(gtk_info_bar_get_revealed(f.window->trouble));
    fixture_require_words(fixture_trouble(&f), "Size 256x128 needs about");
    g_assert_true(fixture_is_shown(f.window->trouble_processor));
    g_assert_true(fixture_is_shown(f.window->trouble_smaller));
    g_assert_false(fixture_is_shown(f.window->trouble_retry));
    fixture_require_outlined(&f, "width", TRUE);
    fixture_require_outlined(&f, "height", TRUE);
    fixture_picture(&f, NULL, "out-of-memory");

    fixture_act(&f, "win.use-smaller");
    g_assert_false(gtk_info_bar_get_revealed(f.window->trouble));
    fixture_require_outlined(&f, "width", FALSE);
    int width = limn_settings_get_width(f.window->settings);
    int height = limn_settings_get_height(f.window->settings);
    g_assert_cmpint(width, <, 256);
    g_assert_cmpint(width, >, height);
    g_assert_nonnull(f.window->run);
    g_assert_cmpint(limn_run_get_params(f.window->run)->width, ==, width);
    fixture_act(&f, "win.stop");
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    fixture_act(&f, "win.undo");
    g_assert_cmpint(limn_settings_get_width(f.window->settings), ==, 256);
    fixture_close(&f, NULL);
}

/* Or all of it, where there is more: on the processor. */
static void test_memory_elsewhere(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_MEMORY", LITTLE_MEMORY))
        return;
    limn_settings_set_size(f.window->settings, 256, 128);
    g_object_set(f.window->settings, "steps", 1, NULL);
    fixture_act(&f, "win.generate");
    g_assert_true(fixture_is_shown(f.window->trouble_processor));
    fixture_act(&f, "win.move-to-processor");
    WAIT_UNTIL(f.window->run != NULL);
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    g_assert_cmpint(limn_run_get_params(f.window->run)->width, ==, 256);
    fixture_close(&f, NULL);
}

/* Memory that is free, but not in one piece: the run itself fails, and can be tried again. */
static void test_in_pieces(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_BLOCK", LITTLE_PIECE))
        return;
    limn_settings_set_size(f.window->settings, 256, 256);
    fixture_act(&f, "win.generate");
    WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_FAILED);
    fixture_require_words(fixture_trouble(&f), "not in one piece");
    g_assert_true(fixture_is_shown(f.window->trouble_retry));
    g_assert_true(fixture_is_shown(f.window->trouble_details));
    g_assert_true(fixture_is_shown(f.window->trouble_processor));
    g_assert_true(fixture_is_shown(f.window->trouble_smaller));
    fixture_picture(&f, NULL, "error");
    g_autoptr(LimnRun) failed = g_object_ref(f.window->run);
    fixture_act(&f, "win.pause");
    g_assert_true(f.window->run != failed);
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    g_clear_object(&failed);
    fixture_close(&f, NULL);
}

/* ---- words ---- */

static AdwMessageDialog *find_dialog(void)
{
    GListModel *windows = gtk_window_get_toplevels();
    for (guint i = 0; i < g_list_model_get_n_items(windows); i++) {
        g_autoptr(GObject) window = g_list_model_get_item(windows, i);
        if (ADW_IS_MESSAGE_DIALOG(window))
            return ADW_MESSAGE_DIALOG(window);
    }
    return NULL;
}

static char *copy_report(struct fixture *f)
{
    fixture_act(f, "win.details");
    AdwMessageDialog *dialog = find_dialog();
    g_assert_nonnull(dialog);
    fixture_settle(f);
    fixture_picture(f, GTK_WINDOW(dialog), "details");
    adw_message_dialog_response(dialog, "copy");
    gtk_window_close(GTK_WINDOW(dialog));
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_STRING);
    GdkClipboard *clipboard = gtk_widget_get_clipboard(GTK_WIDGET(f->window));
    g_assert_true(gdk_content_provider_get_value(gdk_clipboard_get_content(clipboard), &value,
                                                 NULL));
    char *text = g_value_dup_string(&value);
    g_value_unset(&value);
    WAIT_UNTIL(!find_dialog());
    return text;
}

/* The report has what happened, on what, and the settings; and no more is needed to see it
 * again. */
static void test_report(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", "10"))
        return;
    fixture_act(&f, "win.generate");
    expect_device_failure(&f, LAUNCH);
    g_autofree char *report = copy_report(&f);
    fixture_require_words(report, "What happened: cuda: ");
    fixture_require_words(report, LAUNCH);
    fixture_require_words(report, "Device: cuda");
    fixture_require_words(report, "Limn " FIT_VERSION_STRING);
    fixture_require_words(report, "Step: 0 of 6");
    fixture_require_words(report, "\"seed\":");
    g_assert_false(fixture_is_shown(f.window->trouble_elsewhere));
    fixture_close(&f, NULL);
}

/* A plug-in that is there and cannot be used is told once, with the reason for who asks. */
static void test_no_card(void)
{
    struct fixture f;
    g_autofree char *folder = g_dir_make_tmp("limn-plugin-XXXXXX", NULL);
    g_autofree char *plugin = g_build_filename(folder, "fit-cuda.so", NULL);
    g_assert_true(g_file_set_contents(plugin, "no library", -1, NULL));
    g_setenv("FIT_BACKEND_PATH", folder, TRUE);
    fixture_open(&f, NULL);
    g_unsetenv("FIT_BACKEND_PATH");
    g_assert_true(limn_session_is_on_processor(f.session));
    WAIT_UNTIL(fixture_find_label(GTK_WIDGET(f.window), "no graphics card can be used"));
    g_assert_false(gtk_info_bar_get_revealed(f.window->trouble));
    fixture_picture(&f, NULL, "no-card");
    g_autofree char *report = copy_report(&f);
    fixture_require_words(report, "fit-cuda.so");
    fixture_require_words(report, "Device: cpu");
    fixture_paint(&f);
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    fixture_close(&f, NULL);
    g_remove(plugin);
    g_rmdir(folder);
}

/* The application itself loads a model when it starts: it must not come upon a stand-in that was
 * meant for a test. */
static void wait_for_application(void)
{
    g_application_activate(G_APPLICATION(fixture_application()));
    GtkWindow *window = gtk_application_get_active_window(fixture_application());
    WAIT_UNTIL(limn_session_get_state(LIMN_WINDOW(window)->session) != LIMN_SESSION_LOADING);
    gtk_window_destroy(window);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    wait_for_application();
    g_test_add_func("/trouble/memory", test_memory);
    g_test_add_func("/trouble/memory-elsewhere", test_memory_elsewhere);
    g_test_add_func("/trouble/lost", test_lost);
    g_test_add_func("/trouble/lost-at-once", test_lost_at_once);
    g_test_add_func("/trouble/lost-for-good", test_lost_for_good);
    g_test_add_func("/trouble/lost-branch", test_lost_branch);
    g_test_add_func("/trouble/refused-branch", test_refused_branch);
    g_test_add_func("/trouble/in-pieces", test_in_pieces);
    g_test_add_func("/trouble/report", test_report);
    g_test_add_func("/trouble/no-card", test_no_card);
    return g_test_run();
}
