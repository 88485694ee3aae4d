/* SPDX-License-Identifier: Apache-2.0 */
/* Which model a start of the program opens. Each start is a process of its own. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* A start that nobody named a model for, until a model is there. */
static LimnWindow *start(const char *last_model)
{
    g_autoptr(GSettings) memory = g_settings_new("io.github.limn.Limn");
    g_unsetenv("LIMN_MODEL");
    g_settings_set_value(memory, "last-model", g_variant_new_bytestring(last_model));
    GApplication *application = G_APPLICATION(limn_application_new());
    g_application_set_flags(application, G_APPLICATION_HANDLES_OPEN | G_APPLICATION_NON_UNIQUE);
    g_assert_true(g_application_register(application, NULL, NULL));
    g_application_activate(application);
    LimnWindow *window
        = LIMN_WINDOW(gtk_application_get_active_window(GTK_APPLICATION(application)));
    WAIT_UNTIL(limn_session_get_state(window->session) != LIMN_SESSION_LOADING);
    g_assert_cmpint(limn_session_get_state(window->session), ==, LIMN_SESSION_READY);
    return window;
}

static const char *model_name(LimnWindow *window)
{
    return limn_session_get_info(window->session)->name;
}

static gboolean tells_trouble(LimnWindow *window)
{
    return gtk_info_bar_get_revealed(window->trouble);
}

static char *dup_remembered(LimnWindow *window)
{
    g_autoptr(GVariant) value = g_settings_get_value(window->memory, "last-model");
    return g_variant_dup_bytestring(value, NULL);
}

static void check_nothing_remembered(void)
{
    LimnWindow *window = start("");
    g_autofree char *remembered = dup_remembered(window);
    g_assert_cmpstr(model_name(window), !=, "Tiny");
    g_assert_cmpstr(remembered, ==, "");
    g_assert_false(tells_trouble(window));
}

static void check_reopened(void)
{
    g_autofree char *tiny = g_strdup(g_getenv("LIMN_MODEL"));
    LimnWindow *window = start(tiny);
    g_autofree char *remembered = dup_remembered(window);
    g_assert_cmpstr(model_name(window), ==, "Tiny");
    g_assert_cmpstr(remembered, ==, tiny);
    g_assert_false(tells_trouble(window));
}

/* One sentence, and the next start has nothing to say any more. */
static void check_vanished(void)
{
    LimnWindow *window = start("/nowhere/vanished-model");
    g_autofree char *remembered = dup_remembered(window);
    g_assert_cmpstr(model_name(window), !=, "Tiny");
    g_assert_true(tells_trouble(window));
    const char *sentence = gtk_label_get_text(window->trouble_text);
    g_assert_nonnull(strstr(sentence, "The model opened last"));
    g_assert_nonnull(strstr(sentence, "vanished-model"));
    g_assert_cmpstr(remembered, ==, "");
}

static void check_damaged(void)
{
    g_autofree char *folder = g_dir_make_tmp("limn-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "model.json", NULL);
    g_assert_true(g_file_set_contents(path, "{\"format\": ", -1, NULL));
    LimnWindow *window = start(folder);
    g_assert_cmpstr(model_name(window), !=, "Tiny");
    g_assert_true(tells_trouble(window));
    g_remove(path);
    g_rmdir(folder);
}

/* What is opened by hand is what the next start opens. */
static void check_dropped(void)
{
    g_autofree char *tiny = g_strdup(g_getenv("LIMN_MODEL"));
    g_autoptr(GFile) folder = g_file_new_for_path(tiny);
    LimnWindow *window = start("");
    limn_window_open(window, folder);
    WAIT_UNTIL(g_str_equal(model_name(window), "Tiny"));
    g_autofree char *remembered = dup_remembered(window);
    g_assert_cmpstr(remembered, ==, tiny);

    /* One that cannot be opened is not remembered. */
    limn_session_load(window->session, "/nowhere");
    WAIT_UNTIL(limn_session_get_state(window->session) == LIMN_SESSION_READY);
    g_autofree char *still = dup_remembered(window);
    g_assert_cmpstr(still, ==, tiny);
}

/* The run itself is remembered: the checkpoint that it means today may be gone tomorrow. */
static void check_run_dropped(void)
{
    g_autofree char *run = g_dir_make_tmp("limn-test-XXXXXX", NULL);
    g_autofree char *checkpoints = g_build_filename(run, "checkpoints", NULL);
    g_autofree char *newest = g_build_filename(checkpoints, "step-000000010", NULL);
    g_autoptr(GFile) folder = g_file_new_for_path(run);
    g_assert_cmpint(g_mkdir(checkpoints, 0755), ==, 0);
    g_assert_cmpint(symlink(g_getenv("LIMN_MODEL"), newest), ==, 0);
    LimnWindow *window = start("");
    limn_window_open(window, folder);
    WAIT_UNTIL(g_str_equal(model_name(window), "Tiny"));
    g_autofree char *remembered = dup_remembered(window);
    g_assert_cmpstr(remembered, ==, run);
    g_unlink(newest);
    g_rmdir(checkpoints);
    g_rmdir(run);
}

static void in_own_process(gconstpointer check)
{
    if (g_test_subprocess()) {
        ((void (*)(void))check)();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_setenv("GSETTINGS_BACKEND", "memory", TRUE);
    gtk_test_init(&argc, &argv);
    g_test_add_data_func("/reopen/nothing", check_nothing_remembered, in_own_process);
    g_test_add_data_func("/reopen/reopened", check_reopened, in_own_process);
    g_test_add_data_func("/reopen/vanished", check_vanished, in_own_process);
    g_test_add_data_func("/reopen/damaged", check_damaged, in_own_process);
    g_test_add_data_func("/reopen/dropped", check_dropped, in_own_process);
    g_test_add_data_func("/reopen/run-dropped", check_run_dropped, in_own_process);
    return g_test_run();
}
