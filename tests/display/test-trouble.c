/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong, produced on purpose: each has its sentence, and its way out works. Devices fail by
 * the stand-in for a card (tests/cuda), whose folder LIMN_SHIM names. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* Enough for some steps of the test model, far fewer than the run's. */
#define SOME_LAUNCHES "1500"
#define MANY_STEPS 400
#define LITTLE_MEMORY "8388608" /* bytes: the test model has room, and pictures below 256x128 */
#define LAUNCH "unspecified launch failure" /* the runtime's words */

static gboolean is_shown(GtkButton *button)
{
    return gtk_widget_get_visible(GTK_WIDGET(button));
}

static const char *sentence(struct fixture *f)
{
    return gtk_label_get_text(f->window->trouble_text);
}

static void require_words(const char *text, const char *words)
{
    if (!strstr(text, words))
        g_error("expected words about \"%s\", found \"%s\"", words, text);
}

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
    require_words(sentence(f), "The graphics card failed");
    require_words(sentence(f), words);
    g_assert_true(is_shown(f->window->trouble_processor));
    g_assert_true(is_shown(f->window->trouble_details));
    g_assert_true(is_shown(f->window->trouble_retry));
    g_assert_false(is_shown(f->window->trouble_elsewhere));
    g_assert_false(is_shown(f->window->trouble_smaller));
}

static void move_and_finish(struct fixture *f)
{
    guint64 seed = limn_settings_get_seed(f->window->settings);
    fixture_act(f, "win.move-to-processor");
    g_assert_false(gtk_info_bar_get_revealed(f->window->trouble));
    require_words(gtk_label_get_text(f->window->status), "Moving");
    WAIT_UNTIL(limn_session_get_state(f->session) == LIMN_SESSION_READY);
    g_assert_true(limn_session_is_on_processor(f->session));
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, seed);
    g_assert_nonnull(f->window->canvas->texture);
}

/* A card that is lost in the middle: what was painted stays, and the processor goes on from the step
 * that was kept last. */
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
    require_words(gtk_button_get_label(f.window->trouble_processor), "Continue");

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
    require_words(gtk_button_get_label(f.window->trouble_processor), "Paint");
    move_and_finish(&f);
    fixture_paint(&f);
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    fixture_close(&f, NULL);
}

/* The same once more ends the same, and the window can be closed. */
static void test_try_again(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", "10"))
        return;
    fixture_act(&f, "win.generate");
    expect_device_failure(&f, LAUNCH);
    fixture_act(&f, "win.pause");
    expect_device_failure(&f, "does not answer any more");
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
    require_words(sentence(&f), "Size 256x128 needs about");
    g_assert_true(is_shown(f.window->trouble_processor));
    g_assert_true(is_shown(f.window->trouble_smaller));
    g_assert_false(is_shown(f.window->trouble_retry));

    fixture_act(&f, "win.use-smaller");
    g_assert_false(gtk_info_bar_get_revealed(f.window->trouble));
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
    g_assert_true(is_shown(f.window->trouble_processor));
    fixture_act(&f, "win.move-to-processor");
    WAIT_UNTIL(f.window->run != NULL);
    WAIT_UNTIL(!limn_run_is_active(f.window->run));
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    g_assert_cmpint(limn_run_get_params(f.window->run)->width, ==, 256);
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

/* The report has what happened, on what, and the settings; and no more is needed to see it again. */
static void test_report(void)
{
    struct fixture f;
    if (!open_on_shim(&f, "FK_SHIM_FAIL_LAUNCH", "10"))
        return;
    fixture_act(&f, "win.generate");
    expect_device_failure(&f, LAUNCH);
    g_autofree char *report = copy_report(&f);
    require_words(report, "What happened: The graphics card failed");
    require_words(report, "Device: cuda");
    require_words(report, "Limn " FIT_VERSION_STRING);
    require_words(report, "Step: 0 of 6");
    require_words(report, "\"seed\":");
    g_assert_false(is_shown(f.window->trouble_elsewhere));
    fixture_close(&f, NULL);
}

/* The label with that text somewhere below a widget, or NULL. */
static GtkWidget *find_label(GtkWidget *below, const char *text)
{
    GtkWidget *found = NULL;
    if (GTK_IS_LABEL(below) && strstr(gtk_label_get_text(GTK_LABEL(below)), text))
        return below;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child && !found;
         child = gtk_widget_get_next_sibling(child))
        found = find_label(child, text);
    return found;
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
    WAIT_UNTIL(find_label(GTK_WIDGET(f.window), "no graphics card can be used"));
    g_assert_false(gtk_info_bar_get_revealed(f.window->trouble));
    g_autofree char *report = copy_report(&f);
    require_words(report, "fit-cuda.so");
    require_words(report, "Device: cpu");
    fixture_paint(&f);
    g_assert_cmpint(limn_run_get_state(f.window->run), ==, FIT_JOB_DONE);
    fixture_close(&f, NULL);
    g_remove(plugin);
    g_rmdir(folder);
}

/* ---- files ---- */

/* A copy of the test model of which one file ends early or has a byte changed. */
static char *damaged_model(const char *file, gssize cut, gssize change)
{
    char *folder = g_dir_make_tmp("limn-damaged-XXXXXX", NULL);
    GDir *from = g_dir_open(g_getenv("LIMN_MODEL"), 0, NULL);
    for (const char *name; (name = g_dir_read_name(from));) {
        g_autofree char *source = g_build_filename(g_getenv("LIMN_MODEL"), name, NULL);
        g_autofree char *target = g_build_filename(folder, name, NULL);
        g_autofree char *contents = NULL;
        gsize n;
        g_assert_true(g_file_get_contents(source, &contents, &n, NULL));
        if (g_str_equal(name, file) && cut)
            n -= (gsize)cut;
        if (g_str_equal(name, file) && change)
            contents[change] ^= 1;
        g_assert_true(g_file_set_contents(target, contents, (gssize)n, NULL));
    }
    g_dir_close(from);
    return folder;
}

static void remove_folder(const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_remove(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
}

/* A damaged model is refused in words that name the file and what is wrong, and another can be
 * chosen; beside a model that is there it takes nothing away. */
static void test_damaged_model(void)
{
    static const struct {
        const char *file;
        gssize cut, change;
    } damages[] = {{"transformer.safetensors", 1000, 0},
                   {"transformer.safetensors", 0, 3},
                   {"autoencoder.safetensors", 1, 0},
                   {"model.json", 20, 0}};
    for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *folder = damaged_model(damages[i].file, damages[i].cut, damages[i].change);
        struct fixture f = {.session = limn_session_new()};
        f.window = limn_window_new(fixture_application(), f.session);
        gtk_window_present(GTK_WINDOW(f.window));
        limn_session_load(f.session, folder);
        WAIT_UNTIL(limn_session_get_state(f.session) == LIMN_SESSION_NO_MODEL);
        g_assert_cmpstr(gtk_stack_get_visible_child_name(f.window->pages), ==, "no-model");
        require_words(adw_status_page_get_description(f.window->no_model), damages[i].file);
        limn_session_load(f.session, g_getenv("LIMN_MODEL"));
        WAIT_UNTIL(limn_session_get_state(f.session) == LIMN_SESSION_READY);
        fixture_paint(&f);
        limn_session_load(f.session, folder);
        WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
        require_words(sentence(&f), damages[i].file);
        g_assert_nonnull(f.window->canvas->texture);
        fixture_close(&f, NULL);
        remove_folder(folder);
    }
}

/* A disk that takes nothing more: the picture stays, nothing half-written is left, and it can be saved
 * elsewhere. */
static void test_full_disk(void)
{
    struct fixture f;
    struct rlimit before, full;
    g_autofree char *folder = g_dir_make_tmp("limn-full-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "picture.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    fixture_open(&f, NULL);
    fixture_paint(&f);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    full = before;
    full.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN); /* so that writing fails as it does on a full disk */
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &full), ==, 0);
    limn_window_save_to(f.window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    require_words(sentence(&f), "picture.png");
    g_assert_true(is_shown(f.window->trouble_elsewhere));
    g_assert_nonnull(f.window->canvas->texture);
    GDir *dir = g_dir_open(folder, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
    g_dir_close(dir);

    limn_window_save_to(f.window, file);
    WAIT_UNTIL(!gtk_info_bar_get_revealed(f.window->trouble));
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    fixture_close(&f, NULL);
    remove_folder(folder);
}

/* The application itself loads a model when it starts: it must not come upon a stand-in that was meant
 * for a test. */
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
    g_test_add_func("/trouble/try-again", test_try_again);
    g_test_add_func("/trouble/report", test_report);
    g_test_add_func("/trouble/no-card", test_no_card);
    g_test_add_func("/trouble/damaged-model", test_damaged_model);
    g_test_add_func("/trouble/full-disk", test_full_disk);
    return g_test_run();
}
