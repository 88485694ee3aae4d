/* SPDX-License-Identifier: Apache-2.0 */
/* What the window refuses, produced on purpose: files that are damaged or something else, a disk
 * that is full, and values that cannot be. Each is told in words, and takes nothing away. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>

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
        fixture_require_words(adw_status_page_get_description(f.window->no_model), damages[i].file);
        fixture_picture(&f, NULL, "damaged-model");
        limn_session_load(f.session, g_getenv("LIMN_MODEL"));
        WAIT_UNTIL(limn_session_get_state(f.session) == LIMN_SESSION_READY);
        fixture_paint(&f);
        limn_session_load(f.session, folder);
        WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
        fixture_require_words(fixture_trouble(&f), damages[i].file);
        g_assert_true(fixture_is_shown(f.window->trouble_model));
        fixture_picture(&f, NULL, "damaged-other-model");
        g_assert_nonnull(f.window->canvas->texture);
        fixture_close(&f, NULL);
        remove_folder(folder);
    }
}

/* A disk that takes nothing more: the picture stays, nothing half-written is left, and it can be
 * saved elsewhere. */
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
    fixture_require_words(fixture_trouble(&f), "picture.png");
    g_assert_true(fixture_is_shown(f.window->trouble_elsewhere));
    g_assert_nonnull(f.window->canvas->texture);
    fixture_picture(&f, NULL, "disk-full");
    GDir *dir = g_dir_open(folder, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
    g_dir_close(dir);

    limn_window_save_to(f.window, file);
    WAIT_UNTIL(!gtk_info_bar_get_revealed(f.window->trouble));
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    fixture_close(&f, NULL);
    remove_folder(folder);
}

/* A file that is no model of this kind says what it is, and what was expected. */
static void test_wrong_model(void)
{
    static const char header[] = "{\"encoder.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],"
                                 "\"data_offsets\":[0,16]}}";
    struct fixture f;
    g_autofree char *folder = g_dir_make_tmp("limn-wrong-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "another.safetensors", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    guint64 length = GUINT64_TO_LE(sizeof header - 1);
    GString *bytes = g_string_new_len((const char *)&length, sizeof length);
    g_string_append_len(bytes, header, sizeof header - 1);
    g_string_append_len(bytes, (const char[16]){0}, 16);
    g_assert_true(g_file_set_contents(path, bytes->str, (gssize)bytes->len, NULL));
    g_string_free(bytes, TRUE);
    fixture_open(&f, NULL);
    limn_window_open(f.window, file);
    WAIT_UNTIL(f.window->import == NULL);
    g_assert_true(gtk_info_bar_get_revealed(f.window->import_bar));
    fixture_require_words(gtk_label_get_text(f.window->import_text), "another.safetensors");
    fixture_picture(&f, NULL, "wrong-model");
    limn_window_close_import(f.window);
    g_assert_false(gtk_info_bar_get_revealed(f.window->import_bar));
    fixture_close(&f, NULL);
    remove_folder(folder);
}

/* A picture without settings, and one that is none. */
static void test_wrong_picture(void)
{
    struct fixture f;
    g_autofree char *folder = g_dir_make_tmp("limn-picture-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "holiday.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    static const guint8 rgba[4 * 8 * 8];
    struct fit_error error = {0};
    fixture_open(&f, NULL);
    g_assert_true(fit_picture_write_png(path, rgba, 8, 8, NULL, NULL, &error));
    limn_window_open(f.window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
    fixture_require_words(fixture_trouble(&f), "holiday.png");
    fixture_picture(&f, NULL, "picture-without-settings");
    limn_window_hide_trouble(f.window);
    g_assert_true(g_file_set_contents(path, "no picture", -1, NULL));
    limn_window_open(f.window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
    fixture_require_words(fixture_trouble(&f), "holiday.png");
    fixture_picture(&f, NULL, "no-picture");
    fixture_close(&f, NULL);
    remove_folder(folder);
}

/* What other programs and later versions wrote: a sheet of what is understood, and of what is
 * not. */
static void test_other_picture(void)
{
    static const struct {
        const char *name, *parameters, *json, *words;
    } pictures[] = {
        {"other-program", "a castle\nSteps: 9, Sampler: Heun, CFG scale: 4.5, Seed: 77, Size: 90x60, "
                          "Clip skip: 2", NULL, "Clip skip"},
        {"later-version", "Steps: 9, Seed: 77, Size: 96x64", "{\"schema\":99}", "later version"},
    };
    g_autofree char *folder = g_dir_make_tmp("limn-other-XXXXXX", NULL);
    static const guint8 rgba[4 * 8 * 8];
    struct fixture f;
    fixture_open(&f, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(pictures); i++) {
        g_autofree char *path = g_build_filename(folder, "other.png", NULL);
        g_autoptr(GFile) file = g_file_new_for_path(path);
        struct fit_error error = {0};
        g_assert_true(fit_picture_write_png(path, rgba, 8, 8, pictures[i].parameters,
                                            pictures[i].json, &error));
        limn_window_open(f.window, file);
        WAIT_UNTIL(fixture_find_sheet());
        LimnRestoreSheet *sheet = fixture_find_sheet();
        fixture_settle(&f);
        fixture_require_words(gtk_label_get_text(GTK_LABEL(gtk_widget_get_template_child(
                          GTK_WIDGET(sheet), LIMN_TYPE_RESTORE_SHEET, "notes"))),
                      pictures[i].words);
        fixture_picture(&f, GTK_WINDOW(sheet), pictures[i].name);
        gtk_window_close(GTK_WINDOW(sheet));
        WAIT_UNTIL(!fixture_find_sheet());
    }
    fixture_close(&f, NULL);
    remove_folder(folder);
}

/* The file of an interrupted picture that cannot be read is told once and put aside. */
static void test_damaged_recovery(void)
{
    struct fixture f = {.session = limn_session_new()};
    const char *kept = limn_recovery_get_path(limn_session_get_recovery(f.session));
    g_autofree char *state = g_path_get_dirname(kept), *aside = g_strconcat(kept, ".damaged", NULL);
    g_assert_cmpint(g_mkdir_with_parents(state, 0700), ==, 0);
    g_assert_true(g_file_set_contents(kept, "not what was written", -1, NULL));
    f.window = limn_window_new(fixture_application(), f.session);
    gtk_window_present(GTK_WINDOW(f.window));
    limn_session_load(f.session, g_getenv("LIMN_MODEL"));
    WAIT_UNTIL(gtk_info_bar_get_revealed(f.window->trouble));
    fixture_require_words(fixture_trouble(&f), "cannot be continued");
    g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(kept, G_FILE_TEST_EXISTS));
    fixture_picture(&f, NULL, "damaged-recovery");
    fixture_close(&f, NULL);
    g_remove(aside);
}

/* ---- what people type ---- */

/* What is folded away is not there yet. */
static void unfold(GtkWidget *below)
{
    if (GTK_IS_EXPANDER(below))
        gtk_expander_set_expanded(GTK_EXPANDER(below), TRUE);
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child))
        unfold(child);
}

static void type(struct fixture *f, const char *id, const char *text, gboolean valid)
{
    GtkWidget *entry = fixture_find(GTK_WIDGET(f->window), id);
    g_assert_nonnull(entry);
    gtk_editable_set_text(GTK_EDITABLE(entry), text);
    if (GTK_IS_ENTRY(entry))
        g_signal_emit_by_name(entry, "activate");
    fixture_require_outlined(f, id, !valid);
}

/* A value that cannot be is outlined, with the reason below it, until it can. */
static void test_offending_control(void)
{
    struct fixture f;
    fixture_open(&f, NULL);
    unfold(GTK_WIDGET(f.window->quality));
    type(&f, "seed", "-3", FALSE);
    type(&f, "steps", "5000", FALSE);
    type(&f, "guidance", "0.2", FALSE);
    type(&f, "width", "wide", FALSE);
    g_assert_nonnull(fixture_find_label(GTK_WIDGET(f.window), "A seed is a whole number"));
    g_assert_nonnull(fixture_find_label(GTK_WIDGET(f.window), "From 1 to 1000."));
    fixture_picture(&f, NULL, "offending-controls");
    type(&f, "seed", "3", TRUE);
    type(&f, "guidance", "2", TRUE);
    type(&f, "width", "96", TRUE);
    gtk_spin_button_update(GTK_SPIN_BUTTON(fixture_find(GTK_WIDGET(f.window), "steps")));
    fixture_require_outlined(&f, "steps", FALSE);
    int steps;
    g_object_get(f.window->settings, "steps", &steps, NULL);
    g_assert_cmpint(steps, ==, 1000);
    fixture_close(&f, NULL);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    g_test_add_func("/refused/damaged-model", test_damaged_model);
    g_test_add_func("/refused/full-disk", test_full_disk);
    g_test_add_func("/refused/wrong-model", test_wrong_model);
    g_test_add_func("/refused/wrong-picture", test_wrong_picture);
    g_test_add_func("/refused/other-picture", test_other_picture);
    g_test_add_func("/refused/damaged-recovery", test_damaged_recovery);
    g_test_add_func("/refused/offending-control", test_offending_control);
    return g_test_run();
}
