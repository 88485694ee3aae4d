/* SPDX-License-Identifier: Apache-2.0 */
/* Settings out of pictures: what the sheet offers, and what becomes of it. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#include "limn-export.h"

static char *folder;

static GFile *file_named(const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return g_file_new_for_path(path);
}

/* The run on show, when it has ended, as a picture. */
static GFile *write_picture(struct fixture *f, const char *name)
{
    GFile *file = file_named(name);
    struct fit_error error = {0};
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    struct fit_frame *frame = limn_run_dup_end(f->window->run);
    g_assert_nonnull(frame);
    g_assert_true(fit_frame_write_png(frame, g_file_peek_path(file), &error));
    fit_frame_unref(&frame);
    return file;
}

static GFile *write_foreign(const char *parameters, const char *json)
{
    GFile *file = file_named("foreign.png");
    guint8 rgba[4 * 8 * 8] = {0};
    struct fit_error error = {0};
    g_assert_true(fit_picture_write_png(g_file_peek_path(file), rgba, 8, 8, parameters, json, &error));
    return file;
}

static LimnRestoreSheet *open_sheet(struct fixture *f, GFile *file)
{
    limn_window_open(f->window, file);
    WAIT_UNTIL(fixture_find_sheet());
    return fixture_find_sheet();
}

static const char *notes_of(LimnRestoreSheet *sheet)
{
    return gtk_label_get_text(GTK_LABEL(
        gtk_widget_get_template_child(GTK_WIDGET(sheet), LIMN_TYPE_RESTORE_SHEET, "notes")));
}

static void test_some_parts(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnSettings *s = f->window->settings;
    limn_settings_set_class_id(s, 2);
    limn_settings_set_seed(s, 11);
    fixture_paint(f);
    g_autoptr(GFile) file = write_picture(f, "own.png");
    limn_settings_set_class_id(s, 1);
    limn_settings_set_seed(s, 12);
    limn_settings_set_size(s, 80, 48);

    LimnRestoreSheet *sheet = open_sheet(f, file);
    /* The picture says what "automatic" stood for. */
    g_assert_cmpint(limn_restore_sheet_get_offered(sheet), ==,
                    LIMN_RESTORE_CLASS | LIMN_RESTORE_SHAPE | LIMN_RESTORE_SEED |
                        LIMN_RESTORE_METHOD);
    g_assert_cmpint(limn_restore_sheet_get_checked(sheet), ==,
                    limn_restore_sheet_get_offered(sheet));
    limn_restore_sheet_set_checked(sheet, LIMN_RESTORE_CLASS);
    limn_restore_sheet_choose(sheet, LIMN_RESTORE_APPLY);
    g_assert_null(fixture_find_sheet());
    g_assert_cmpint(limn_settings_get_class_id(s), ==, 2);
    g_assert_cmpuint(limn_settings_get_seed(s), ==, 12);
    g_assert_cmpint(limn_settings_get_width(s), ==, 80);
    fixture_act(f, "win.undo");
    g_assert_cmpint(limn_settings_get_class_id(s), ==, 1);
}

static void test_generate(struct fixture *f, gconstpointer data)
{
    (void)data;
    limn_settings_set_seed(f->window->settings, 21);
    fixture_paint(f);
    g_autoptr(GFile) file = write_picture(f, "first.png");
    limn_settings_set_seed(f->window->settings, 22);
    limn_restore_sheet_choose(open_sheet(f, file), LIMN_RESTORE_GENERATE);
    g_autoptr(GFile) again = write_picture(f, "second.png");
    g_autofree char *a = NULL, *b = NULL;
    gsize n, m;
    g_assert_true(g_file_load_contents(file, NULL, &a, &n, NULL, NULL));
    g_assert_true(g_file_load_contents(again, NULL, &b, &m, NULL, NULL));
    g_assert_cmpmem(a, n, b, m);
    /* The same again differs in nothing. */
    g_object_set(f->window->settings, "method", (int)limn_run_get_params(f->window->run)->method, NULL);
    LimnRestoreSheet *sheet = open_sheet(f, file);
    g_assert_cmpint(limn_restore_sheet_get_offered(sheet), ==, 0);
    limn_restore_sheet_choose(sheet, LIMN_RESTORE_VERIFY);
    fixture_settle(f);
}

/* What only the command line can set stays with the picture's settings, and can be reset. */
static void test_options(struct fixture *f, gconstpointer data)
{
    (void)data;
    struct fit_generate_params params;
    limn_settings_to_params(f->window->settings, &params);
    params.time_shift = 0.7;
    params.index = 2;
    LimnRun *run = limn_session_start(f->session, &params, NULL);
    limn_window_set_run(f->window, run);
    g_object_unref(run);
    g_autoptr(GFile) file = write_picture(f, "options.png");
    LimnRestoreSheet *sheet = open_sheet(f, file);
    g_assert_true(limn_restore_sheet_get_offered(sheet) & LIMN_RESTORE_OPTIONS);
    limn_restore_sheet_choose(sheet, LIMN_RESTORE_GENERATE);
    g_autofree char *options = limn_settings_dup_options(f->window->settings);
    g_assert_cmpstr(options, ==, "--index 2 --time-shift 0.7");
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_true(limn_run_get_params(f->window->run)->time_shift == 0.7);
    g_autofree char *command = limn_export_dup_command(limn_run_get_params(f->window->run),
                                                       limn_session_get_info(f->session));
    g_assert_nonnull(strstr(command, "--index 2 --time-shift 0.7 --output"));
    limn_settings_set_options(f->window->settings, NULL);
    g_autofree char *none = limn_settings_dup_options(f->window->settings);
    g_assert_cmpstr(none, ==, "");
    fixture_act(f, "win.undo");
    g_autofree char *back = limn_settings_dup_options(f->window->settings);
    g_assert_cmpstr(back, ==, "--index 2 --time-shift 0.7");
}

static void test_other_program(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GFile) file = write_foreign(
        "a castle\nSteps: 9, Sampler: Heun, CFG scale: 4.5, Seed: 77, Size: 90x60, Clip skip: 2", NULL);
    LimnRestoreSheet *sheet = open_sheet(f, file);
    g_assert_cmpint(limn_restore_sheet_get_offered(sheet), ==,
                    LIMN_RESTORE_SHAPE | LIMN_RESTORE_SEED | LIMN_RESTORE_STEPS |
                        LIMN_RESTORE_GUIDANCE | LIMN_RESTORE_SOLVER);
    g_assert_nonnull(strstr(notes_of(sheet), "prompt, Clip skip"));
    limn_restore_sheet_choose(sheet, LIMN_RESTORE_APPLY);
    LimnSettings *s = f->window->settings;
    g_assert_cmpuint(limn_settings_get_seed(s), ==, 77);
    g_assert_cmpint(limn_settings_get_width(s) % 16, ==, 0);
    g_assert_cmpint(limn_settings_get_solver(s), ==, FIT_SOLVER_HEUN);
    g_assert_false(gtk_info_bar_get_revealed(f->window->trouble));
}

/* A picture of a later version: the text that all programs share is understood still. */
static void test_newer(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GFile) file = write_foreign("Fox\nSteps: 9, Seed: 5", "{\"schema\": 99}");
    LimnRestoreSheet *sheet = open_sheet(f, file);
    g_assert_cmpint(limn_restore_sheet_get_offered(sheet), ==,
                    LIMN_RESTORE_STEPS | LIMN_RESTORE_SEED);
    g_assert_nonnull(strstr(notes_of(sheet), "schema"));
    gtk_window_destroy(GTK_WINDOW(sheet));
}

/* A picture that the program is started with is there before the model. */
static void test_before_the_model(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GFile) file = write_foreign("Fox\nSteps: 9, Seed: 5", NULL);
    limn_session_load(f->session, g_getenv("LIMN_MODEL"));
    limn_window_open(f->window, file);
    WAIT_UNTIL(fixture_find_sheet());
    g_assert_cmpint(limn_session_get_state(f->session), ==, LIMN_SESSION_READY);
    gtk_window_destroy(GTK_WINDOW(fixture_find_sheet()));
}

static void test_no_settings(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GFile) file = write_foreign("nothing of use", NULL);
    limn_window_open(f->window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
    g_assert_null(fixture_find_sheet());
}

static gboolean can(struct fixture *f, const char *action)
{
    GtkWidget *button = gtk_button_new();
    gtk_box_append(GTK_BOX(f->window->viewer), button);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
    gboolean sensitive = gtk_widget_get_sensitive(button);
    gtk_box_remove(GTK_BOX(f->window->viewer), button);
    return sensitive;
}

/* No command says how a branch came about, whether it was painted now or before. */
static void test_branch_of_history(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    g_autoptr(GFile) plain = write_picture(f, "plain.png");
    limn_run_show(f->window->run, 2, FIT_VIEW_PREDICTION);
    fixture_act(f, "win.finish-from-here");
    g_autoptr(GFile) branch = write_picture(f, "branch.png");
    g_assert_false(can(f, "win.copy-command"));
    g_signal_emit_by_name(f->window->history_view, "chosen", plain);
    WAIT_UNTIL(!f->window->run && can(f, "win.copy-command"));
    g_signal_emit_by_name(f->window->history_view, "chosen", branch);
    WAIT_UNTIL(!can(f, "win.copy-command"));

    /* An earlier picture is saved again as it is. */
    g_assert_true(can(f, "win.save"));
    g_autoptr(GFile) copy = file_named("copy.png");
    limn_window_save_to(f->window, copy);
    WAIT_UNTIL(f->window->saved);
    g_autofree char *a = NULL, *b = NULL;
    gsize n, m;
    g_assert_true(g_file_load_contents(branch, NULL, &a, &n, NULL, NULL));
    g_assert_true(g_file_load_contents(copy, NULL, &b, &m, NULL, NULL));
    g_assert_cmpmem(a, n, b, m);
    fixture_paint(f);
    g_assert_true(can(f, "win.copy-command"));
}

static void test_paste(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GFile) file = write_foreign("Fox\nSteps: 9, Seed: 5", NULL);
    GdkClipboard *clipboard = gtk_widget_get_clipboard(GTK_WIDGET(f->window));
    g_autofree char *bytes = NULL;
    gsize n;
    gtk_window_set_focus(GTK_WINDOW(f->window), GTK_WIDGET(f->window->generate));
    g_assert_true(g_file_load_contents(file, NULL, &bytes, &n, NULL, NULL));
    g_autoptr(GBytes) png = g_bytes_new(bytes, n);
    g_autoptr(GdkContentProvider) content = gdk_content_provider_new_for_bytes("image/png", png);
    g_assert_true(gdk_clipboard_set_content(clipboard, content));
    fixture_act(f, "win.paste");
    WAIT_UNTIL(fixture_find_sheet());
    g_assert_cmpint(limn_restore_sheet_get_offered(fixture_find_sheet()), ==,
                    LIMN_RESTORE_STEPS | LIMN_RESTORE_SEED);
    gtk_window_destroy(GTK_WINDOW(fixture_find_sheet()));
}

static void test_undo_of_discard(struct fixture *f, gconstpointer data)
{
    (void)data;
    fixture_paint(f);
    g_autoptr(GFile) file = write_picture(f, "thrown.png");
    GListModel *files = limn_history_get_files(f->window->history);
    limn_history_show(f->window->history, file);
    guint before = g_list_model_get_n_items(files);
    fixture_discard(f, file);
    g_assert_cmpuint(g_list_model_get_n_items(files), ==, before - 1);
    fixture_act(f, "win.undo");
    g_assert_cmpuint(g_list_model_get_n_items(files), ==, before);
    g_assert_true(g_file_query_exists(file, NULL));
    limn_history_hide(f->window->history, file);
}

#define ADD(name, function)                                                                        \
    g_test_add("/restore/" name, struct fixture, NULL, fixture_open, function, fixture_close)

int main(int argc, char **argv)
{
    g_autofree char *cache = g_dir_make_tmp("limn-cache-XXXXXX", NULL);
    g_setenv("XDG_CACHE_HOME", cache, TRUE);
    fixture_init(&argc, &argv);
    folder = g_dir_make_tmp("limn-restore-XXXXXX", NULL);
    ADD("some-parts", test_some_parts);
    ADD("generate", test_generate);
    ADD("options", test_options);
    ADD("other-program", test_other_program);
    ADD("newer", test_newer);
    ADD("before-the-model", test_before_the_model);
    ADD("no-settings", test_no_settings);
    ADD("branch-of-history", test_branch_of_history);
    ADD("paste", test_paste);
    ADD("undo-of-discard", test_undo_of_discard);
    int failed = g_test_run();
    g_free(folder);
    return failed;
}
