/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a picture that is done: copies, the list of earlier ones, its check, the
 * wastebasket. */
#include "fixture.h"

#include <glib/gstdio.h>

static guint n_kept(struct fixture *f)
{
    return g_list_model_get_n_items(limn_history_get_files(f->window->history));
}

static GValue clipboard_value(struct fixture *f, GType type)
{
    GdkClipboard *clipboard = gtk_widget_get_clipboard(GTK_WIDGET(f->window));
    GValue value = G_VALUE_INIT;
    g_value_init(&value, type);
    g_assert_true(
        gdk_content_provider_get_value(gdk_clipboard_get_content(clipboard), &value, NULL));
    return value;
}

static void collected_cb(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    gdk_content_provider_write_mime_type_finish(GDK_CONTENT_PROVIDER(source), result, &error);
    g_assert_no_error(error);
    *(gboolean *)data = TRUE;
}

/* The picture's file lies beside the pixels, the words and the PNG bytes, which hold the
 * settings. */
static void require_copied(struct fixture *f, const char *words, const char *path)
{
    GdkClipboard *clipboard = gtk_widget_get_clipboard(GTK_WIDGET(f->window));
    g_assert_true(gdk_content_formats_contain_gtype(gdk_clipboard_get_formats(clipboard),
                                                    GDK_TYPE_TEXTURE));
    WAIT_UNTIL(gdk_content_formats_contain_gtype(gdk_clipboard_get_formats(clipboard),
                                                 GDK_TYPE_FILE_LIST));
    GValue value = clipboard_value(f, G_TYPE_STRING);
    fixture_require_words(g_value_get_string(&value), words);
    g_value_unset(&value);
    value = clipboard_value(f, GDK_TYPE_FILE_LIST);
    GSList *files = g_value_get_boxed(&value);
    g_assert_cmpuint(g_slist_length(files), ==, 1);
    if (path)
        g_assert_cmpstr(g_file_peek_path(files->data), ==, path);
    struct fit_settings settings;
    g_assert_true(fit_settings_read_png(g_file_peek_path(files->data), &settings, NULL));

    g_autofree char *kept = NULL;
    gsize n;
    gboolean collected = FALSE;
    g_autoptr(GOutputStream) stream = g_memory_output_stream_new_resizable();
    g_assert_true(g_file_load_contents(files->data, NULL, &kept, &n, NULL, NULL));
    gdk_content_provider_write_mime_type_async(gdk_clipboard_get_content(clipboard), "image/png",
                                               stream, G_PRIORITY_DEFAULT, NULL, collected_cb,
                                               &collected);
    WAIT_UNTIL(collected);
    GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM(stream);
    g_assert_cmpmem(g_memory_output_stream_get_data(memory),
                    g_memory_output_stream_get_data_size(memory), kept, n);
    g_value_unset(&value);
}

/* Ctrl+C: everything that another program could want of the picture. */
static void test_copy(struct fixture *f, gconstpointer data)
{
    (void)data;
    limn_settings_set_seed(f->window->settings, 12);
    gtk_window_set_focus(GTK_WINDOW(f->window), GTK_WIDGET(f->window->generate));
    fixture_paint(f);
    fixture_settle(f);
    fixture_act(f, "win.copy");
    require_copied(f, "--seed 12 ", NULL);

    /* A branch has no command. */
    limn_run_show(f->window->run, 2, FIT_VIEW_PREDICTION);
    fixture_act(f, "win.finish-from-here");
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    fixture_settle(f);
    fixture_act(f, "win.copy");
    require_copied(f, "64 × 48 · seed 12", NULL);
}

/* The copied line paints the picture on show, byte for byte. */
static void test_copy_command(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("limn-command-XXXXXX", &error);
    g_autofree char *saved = g_build_filename(folder, "saved.png", NULL);
    g_autofree char *painted = g_build_filename(folder, "picture.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(saved);
    g_object_set(f->window->settings, "solver", (int)FIT_SOLVER_HEUN, "guidance", 1.7, NULL);
    fixture_paint(f);
    struct fit_frame *frame = NULL;
    WAIT_UNTIL((frame = limn_run_dup_frame(f->window->run)) && fit_frame_is_final(frame));
    fit_frame_unref(&frame);
    limn_window_save_to(f->window, file);
    WAIT_UNTIL(g_file_test(saved, G_FILE_TEST_EXISTS));

    fixture_act(f, "win.copy-command");
    GValue command = clipboard_value(f, G_TYPE_STRING);
    g_auto(GStrv) words = NULL;
    g_assert_true(g_shell_parse_argv(g_value_get_string(&command), NULL, &words, &error));
    g_value_unset(&command);
    g_assert_cmpstr(words[0], ==, "limn-cli");
    g_free(words[0]);
    words[0] = g_strdup(g_getenv("LIMN_CLI"));
    int status = -1;
    g_assert_true(g_spawn_sync(folder, words, NULL,
                               G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                               NULL, NULL, &status, &error));
    g_assert_cmpint(status, ==, 0);
    g_autofree char *first = NULL, *second = NULL;
    gsize n_first, n_second;
    g_assert_true(g_file_get_contents(saved, &first, &n_first, &error));
    g_assert_true(g_file_get_contents(painted, &second, &n_second, &error));
    g_assert_cmpmem(first, n_first, second, n_second);
    g_remove(saved);
    g_remove(painted);
    g_rmdir(folder);
}

/* A finished picture is kept and comes back with its settings, in the next window too; one that is
 * thrown away can be had back until it is gone. */
static void test_history(struct fixture *f, gconstpointer data)
{
    (void)data;
    guint before = n_kept(f);
    fixture_paint(f);
    fixture_settle(f);
    g_assert_cmpuint(n_kept(f), ==, before); /* where people do not want it */
    g_settings_set_boolean(f->window->memory, "keep-history", TRUE);
    limn_settings_set_seed(f->window->settings, 4711);
    fixture_paint(f);
    WAIT_UNTIL(n_kept(f) == before + 1);
    g_object_set(f->window->settings, "steps", 1000, NULL);
    limn_settings_set_seed(f->window->settings, 5);
    fixture_act(f, "win.generate");
    WAIT_UNTIL(limn_run_get_step(f->window->run) > 0);
    fixture_act(f, "win.stop");
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    fixture_close(f, NULL);
    fixture_open(f, NULL);
    g_assert_cmpuint(n_kept(f), ==, before + 1); /* stopped ones are not kept */

    g_autoptr(GFile) newest =
        g_list_model_get_item(limn_history_get_files(f->window->history), 0);
    limn_settings_set_seed(f->window->settings, 5);
    g_signal_emit_by_name(f->window->history_view, "chosen", newest);
    WAIT_UNTIL(limn_settings_get_seed(f->window->settings) == 4711);
    WAIT_UNTIL(f->window->canvas->texture != NULL);
    g_assert_cmpint(gdk_texture_get_width(f->window->canvas->texture), ==, 64);
    fixture_act(f, "win.copy");
    require_copied(f, "seed 4711", g_file_peek_path(newest));
    fixture_act(f, "win.undo");
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, 5);

    AdwToast *offer = fixture_discard(f, newest);
    g_assert_cmpuint(n_kept(f), ==, before);
    g_assert_true(g_file_query_exists(newest, NULL));
    adw_toast_dismiss(offer);
    g_assert_false(g_file_query_exists(newest, NULL));
}

/* The picture itself is the same; one pixel changed is found. */
static void test_verify(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("limn-verify-XXXXXX", &error);
    g_autofree char *path = g_build_filename(folder, "picture.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    struct fit_frame *frame = NULL;
    struct fit_error failure = {0};
    fixture_paint(f);
    WAIT_UNTIL((frame = limn_run_dup_frame(f->window->run)) && fit_frame_is_final(frame));
    g_assert_true(fit_frame_write_png(frame, path, &failure));
    limn_window_verify(f->window, file);
    fixture_settle(f);
    WAIT_UNTIL(!limn_window_is_busy(f->window));
    fixture_settle(f);
    g_assert_false(gtk_info_bar_get_revealed(f->window->trouble));

    gsize bytes = 4 * (gsize)fit_frame_width(frame) * (gsize)fit_frame_height(frame);
    g_autofree guint8 *pixels = g_memdup2(fit_frame_pixels(frame), bytes);
    g_autofree char *json = limn_run_dup_settings_json(f->window->run);
    g_autofree char *whole = g_strdup_printf("%.*s,\"pixels_sha256\":\"\"}",
                                             (int)strlen(json) - 1, json);
    pixels[0] ^= 64;
    g_assert_true(fit_picture_write_png(path, pixels, fit_frame_width(frame),
                                        fit_frame_height(frame), NULL, whole, &failure));
    limn_window_verify(f->window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
    const char *sentence = gtk_label_get_text(f->window->trouble_text);
    if (!strstr(sentence, "64 of 255"))
        g_error("the difference is not told: %s", sentence);
    fit_frame_unref(&frame);

    g_assert_true(g_file_set_contents(path, "no picture", -1, &error));
    limn_window_verify(f->window, file);
    WAIT_UNTIL(strstr(gtk_label_get_text(f->window->trouble_text), "no picture"));
    g_remove(path);
    g_rmdir(folder);
}

/* What the button of a toast does. */
static void press_undo(AdwToast *offer)
{
    g_object_ref(offer);
    g_signal_emit_by_name(offer, "button-clicked");
    adw_toast_dismiss(offer);
    g_object_unref(offer);
}

static GFile *focused_file(struct fixture *f)
{
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(f->window));
    GtkWidget *picture = focus ? gtk_widget_get_first_child(focus) : NULL;
    return picture ? g_object_get_data(G_OBJECT(picture), "file") : NULL;
}

/* The list opens at the newest picture, and Delete throws away the one with the focus. */
static void test_discard_keys(struct fixture *f, gconstpointer data)
{
    (void)data;
    GListModel *kept = limn_history_get_files(f->window->history);
    guint before = n_kept(f);
    g_settings_set_boolean(f->window->memory, "keep-history", TRUE);
    for (guint i = 1; i <= 2; i++) {
        fixture_paint(f);
        WAIT_UNTIL(n_kept(f) == before + i);
    }
    g_autoptr(GFile) newest = g_list_model_get_item(kept, 0);
    g_autoptr(GFile) other = g_list_model_get_item(kept, 1);
    fixture_act(f, "win.history");
    WAIT_UNTIL(focused_file(f) == newest);
    GtkWidget *grid = gtk_widget_get_parent(gtk_window_get_focus(GTK_WINDOW(f->window)));
    gboolean handled = FALSE;
    g_signal_emit_by_name(fixture_controller(grid, GTK_TYPE_EVENT_CONTROLLER_KEY), "key-pressed",
                          GDK_KEY_Delete, 0, 0, &handled);
    g_assert_true(handled);
    g_assert_cmpuint(n_kept(f), ==, before + 1);
    g_autoptr(GFile) left = g_list_model_get_item(kept, 0);
    g_assert_true(g_file_equal(left, other));
    limn_history_discard(f->window->history, other);
}

/* Of two pictures thrown away, each has its own way back, and a window that closes before the
 * offers have gone keeps its word. */
static void test_discard(struct fixture *f, gconstpointer data)
{
    (void)data;
    GListModel *kept = limn_history_get_files(f->window->history);
    guint before = n_kept(f);
    g_settings_set_boolean(f->window->memory, "keep-history", TRUE);
    for (guint i = 1; i <= 3; i++) {
        fixture_paint(f);
        WAIT_UNTIL(n_kept(f) == before + i);
    }
    g_autoptr(GFile) third = g_list_model_get_item(kept, 0);
    g_autoptr(GFile) second = g_list_model_get_item(kept, 1);
    g_autoptr(GFile) first = g_list_model_get_item(kept, 2);
    AdwToast *shown = fixture_discard(f, first);
    fixture_discard(f, second);
    fixture_discard(f, third);
    g_assert_cmpuint(n_kept(f), ==, before);
    press_undo(shown);
    g_assert_cmpuint(n_kept(f), ==, before + 1);
    g_autoptr(GFile) back = g_list_model_get_item(kept, 0);
    g_assert_true(g_file_equal(back, first));
    fixture_close(f, NULL);
    g_assert_true(g_file_query_exists(first, NULL));
    g_assert_false(g_file_query_exists(second, NULL));
    g_assert_false(g_file_query_exists(third, NULL));
    g_file_delete(first, NULL, NULL);
    fixture_open(f, NULL);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
#define ADD(name, function) \
    g_test_add("/kept/" name, struct fixture, NULL, fixture_open, function, fixture_close)
    ADD("copy", test_copy);
    ADD("copy-command", test_copy_command);
    ADD("history", test_history);
    ADD("verify", test_verify);
    ADD("discard", test_discard);
    ADD("discard-keys", test_discard_keys);
    return g_test_run();
}
