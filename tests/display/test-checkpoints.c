/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of a training run side by side, while newer ones come and older ones go. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#include "limn-compare-view-private.h"
#include "limn-export.h"

static char *model, *run_folder;

static char *dup_checkpoint(int step)
{
    return g_strdup_printf("%s/checkpoints/step-%09d", run_folder, step);
}

static char *dup_replaced(const char *text, const char *what, const char *with)
{
    g_auto(GStrv) parts = g_strsplit(text, what, 2);
    g_assert_nonnull(parts[1]);
    return g_strjoinv(with, parts);
}

/* The test model with latents of another scale, by which its pictures differ, and another hash. */
static void make_checkpoint(int step)
{
    static const char *const files[] = {"transformer.safetensors", "autoencoder.safetensors",
                                        "classes.txt"};
    g_autofree char *folder = dup_checkpoint(step), *partial = g_strconcat(folder, ".partial", NULL);
    g_autofree char *from = g_build_filename(model, "model.json", NULL);
    g_autofree char *to = g_build_filename(partial, "model.json", NULL), *text = NULL;
    g_autofree char *hash = g_strdup_printf("_sha256\": \"%08d", step);
    g_autofree char *scale = g_strdup_printf("\"scaling_factor\": 1.%d", step);
    g_assert_cmpint(g_mkdir_with_parents(partial, 0777), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *target = g_build_filename(model, files[i], NULL);
        g_autofree char *link = g_build_filename(partial, files[i], NULL);
        g_autoptr(GFile) file = g_file_new_for_path(link);
        g_assert_true(g_file_make_symbolic_link(file, target, NULL, NULL));
    }
    g_assert_true(g_file_get_contents(from, &text, NULL, NULL));
    const char *old = strstr(text, "_sha256\": \"");
    g_autofree char *old_hash = g_strndup(old, strlen(hash));
    g_autofree char *hashed = dup_replaced(text, old_hash, hash);
    g_autofree char *scaled = dup_replaced(hashed, "\"scaling_factor\": 1.0", scale);
    g_assert_true(g_file_set_contents(to, scaled, -1, NULL));
    g_assert_cmpint(g_rename(partial, folder), ==, 0);
}

static void remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *entry = g_build_filename(path, name, NULL);
        if (g_remove(entry))
            remove_folder(entry);
    }
    g_rmdir(path);
}

static void remove_checkpoint(int step)
{
    g_autofree char *folder = dup_checkpoint(step);
    remove_folder(folder);
}

/* ---- a window over a run of five checkpoints ---- */

static LimnCompareView *view_of(struct fixture *f)
{
    return f->window->comparison;
}

static guint n_listed(struct fixture *f)
{
    return limn_checkpoints_get_n(view_of(f)->checkpoints);
}

static void open_run(struct fixture *f, gconstpointer data)
{
    run_folder = g_dir_make_tmp("limn-run-XXXXXX", NULL);
    for (int step = 100; step <= 500; step += 100)
        make_checkpoint(step);
    g_setenv("LIMN_MODEL", run_folder, TRUE);
    fixture_open(f, data);
    WAIT_UNTIL(n_listed(f) == 5);
}

static void close_run(struct fixture *f, gconstpointer data)
{
    fixture_close(f, data);
    remove_folder(run_folder);
    g_clear_pointer(&run_folder, g_free);
    g_setenv("LIMN_MODEL", model, TRUE);
}

static LimnRun *run_at(struct fixture *f, int pane)
{
    return limn_compare_view_get_run(view_of(f), pane);
}

static gint64 step_of_run(LimnRun *run)
{
    struct fit_model_info info;
    fit_model_info(limn_run_get_model(run), &info);
    return info.checkpoint_step;
}

static void wait_for_pictures(struct fixture *f)
{
    WAIT_UNTIL(!limn_compare_view_is_active(view_of(f)));
    for (int i = 0; i < limn_compare_view_get_n_panes(view_of(f)); i++) {
        struct fit_frame *frame = NULL;
        if (!run_at(f, i))
            continue;
        WAIT_UNTIL((frame = limn_run_dup_frame(run_at(f, i))) != NULL);
        fit_frame_unref(&frame);
    }
}

static void compare(struct fixture *f)
{
    fixture_act(f, "win.compare-checkpoints");
    g_assert_cmpint(limn_compare_view_get_n_panes(view_of(f)), ==, 4);
    wait_for_pictures(f);
}

static void expect_steps(struct fixture *f, const int *steps)
{
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(limn_compare_view_get_step(view_of(f), i), ==, steps[i]);
        g_assert_nonnull(run_at(f, i));
        g_assert_cmpint(step_of_run(run_at(f, i)), ==, steps[i]);
    }
}

static GtkDropDown *choice_at(struct fixture *f, int pane)
{
    return GTK_DROP_DOWN(gtk_widget_get_template_child(view_of(f)->variants[pane].pane,
                                                       LIMN_TYPE_COMPARE_PANE, "choice"));
}

static const char *chosen_at(struct fixture *f, int pane)
{
    return gtk_string_object_get_string(gtk_drop_down_get_selected_item(choice_at(f, pane)));
}

static const char *message_at(struct fixture *f, int pane)
{
    return gtk_label_get_text(GTK_LABEL(gtk_widget_get_template_child(
        view_of(f)->variants[pane].pane, LIMN_TYPE_COMPARE_PANE, "message")));
}

/* ---- tests ---- */

static void test_spread(void)
{
    int out[4];
    g_assert_cmpint(limn_spread(2, 4, out), ==, 2);
    g_assert_true(out[0] == 0 && out[1] == 1);
    g_assert_cmpint(limn_spread(4, 4, out), ==, 4);
    g_assert_true(out[0] == 0 && out[1] == 1 && out[2] == 2 && out[3] == 3);
    g_assert_cmpint(limn_spread(10, 4, out), ==, 4);
    g_assert_true(out[0] == 0 && out[1] == 3 && out[2] == 6 && out[3] == 9);
    g_assert_cmpint(limn_spread(1, 4, out), ==, 1);
    g_assert_cmpint(out[0], ==, 0);
    g_assert_cmpint(limn_spread(0, 4, out), ==, 0);
}

/* A model that no run has written has nothing to compare with. */
static void test_no_run(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_false(limn_compare_view_has_checkpoints(view_of(f)));
    gtk_widget_activate_action(GTK_WIDGET(f->window), "win.compare-checkpoints", NULL);
    g_assert_cmpint(limn_compare_view_get_n_panes(view_of(f)), ==, 0);
    limn_compare_view_start(view_of(f), LIMN_AXIS_CHECKPOINT);
    g_assert_cmpint(limn_compare_view_get_axis(view_of(f)), ==, LIMN_AXIS_SEED);
    wait_for_pictures(f);
}

/* From the first to the newest, from one noise; a pane can take another. */
static void test_panes(struct fixture *f, gconstpointer data)
{
    (void)data;
    const int spread[] = {100, 200, 400, 500}, picked[] = {300, 200, 400, 500};
    LimnDifference d;
    limn_settings_set_seed(f->window->settings, 7);
    compare(f);
    expect_steps(f, spread);
    for (int i = 1; i < 4; i++) {
        g_assert_cmpuint(limn_run_get_params(run_at(f, i))->seed, ==, 7);
        g_assert_true(limn_compare_view_measure(view_of(f), i, &d));
        g_assert_cmpint(d.most, >, 0);
    }
    g_assert_cmpstr(chosen_at(f, 1), ==, "Step 200");
    g_assert_cmpstr(chosen_at(f, 3), ==, "Step 500 (newest)");

    LimnRun *others[] = {run_at(f, 1), run_at(f, 2), run_at(f, 3)};
    gtk_drop_down_set_selected(choice_at(f, 0), 2);
    g_assert_true(limn_compare_view_is_active(view_of(f)));
    wait_for_pictures(f);
    expect_steps(f, picked);
    for (int i = 1; i < 4; i++)
        g_assert_true(run_at(f, i) == others[i - 1]);
    g_assert_cmpuint(limn_run_get_params(run_at(f, 0))->seed, ==, 7);

    /* Two panes with one model, and once more with what is set now. */
    struct fit_model *shared = limn_run_get_model(run_at(f, 1));
    limn_compare_view_set_step(view_of(f), 0, 200);
    g_assert_true(limn_run_get_model(run_at(f, 0)) == shared);
    limn_settings_set_seed(f->window->settings, 8);
    wait_for_pictures(f);
    fixture_act(f, "win.generate");
    g_assert_true(limn_run_get_model(run_at(f, 0)) == shared); /* nothing is read again */
    wait_for_pictures(f);
    g_assert_cmpuint(limn_run_get_params(run_at(f, 0))->seed, ==, 8);
    g_assert_true(limn_compare_view_measure(view_of(f), 1, &d));
    g_assert_cmpint(d.most, ==, 0);
}

/* The training goes on: it removes its oldest checkpoints and writes another. */
static void test_goes_on(struct fixture *f, gconstpointer data)
{
    (void)data;
    compare(f);
    remove_checkpoint(100);
    remove_checkpoint(300);
    make_checkpoint(600);
    WAIT_UNTIL(n_listed(f) == 4 && limn_checkpoints_has(view_of(f)->checkpoints, 600));
    g_assert_cmpstr(chosen_at(f, 0), ==, "Step 100 (removed)");
    g_assert_cmpstr(chosen_at(f, 3), ==, "Step 500");
    g_assert_nonnull(limn_run_get_texture(run_at(f, 0))); /* what is painted stays */

    limn_compare_view_set_step(view_of(f), 0, 300);
    limn_compare_view_set_step(view_of(f), 3, 600);
    wait_for_pictures(f);
    fixture_settle(f);
    g_assert_null(run_at(f, 0));
    if (!strstr(limn_compare_view_get_trouble(view_of(f), 0), "Step 300 is not there any more"))
        g_error("\"%s\" does not say it", limn_compare_view_get_trouble(view_of(f), 0));
    g_assert_cmpstr(message_at(f, 0), ==, limn_compare_view_get_trouble(view_of(f), 0));
    g_assert_cmpint(step_of_run(run_at(f, 3)), ==, 600);
    g_assert_cmpstr(message_at(f, 3), ==, "");
    g_assert_cmpint(limn_run_get_state(run_at(f, 1)), ==, FIT_JOB_DONE);
}

/* A checkpoint that cannot be used says so in its pane. */
static void test_damaged(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *folder = dup_checkpoint(200);
    g_autofree char *json = g_build_filename(folder, "model.json", NULL);
    g_assert_true(g_file_set_contents(json, "{}", -1, NULL));
    compare(f);
    g_assert_null(run_at(f, 1));
    g_assert_nonnull(strstr(limn_compare_view_get_trouble(view_of(f), 1), "model.json"));
    g_assert_nonnull(run_at(f, 2));
}

static GFile *write_picture(LimnRun *run)
{
    g_autofree char *path = g_build_filename(run_folder, "picture.png", NULL);
    struct fit_error error = {0};
    struct fit_frame *frame = limn_run_dup_end(run);
    g_assert_nonnull(frame);
    g_assert_true(fit_frame_write_png(frame, path, &error));
    fit_frame_unref(&frame);
    return g_file_new_for_path(path);
}

/* A kept picture brings its model, which the command and the picture itself name. */
static void test_keep(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *older = dup_checkpoint(200);
    struct fit_settings settings;
    struct fit_error error = {0};
    limn_settings_set_seed(f->window->settings, 9);
    compare(f);
    limn_compare_view_choose(view_of(f), 1);
    fixture_act(f, "win.keep-chosen");
    g_assert_cmpint(limn_compare_view_get_n_panes(view_of(f)), ==, 0);
    g_assert_cmpstr(limn_session_get_info(f->session)->path, ==, older);
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, 9);
    g_assert_cmpint(step_of_run(f->window->run), ==, 200);
    g_autofree char *command = limn_export_dup_command(limn_run_get_params(f->window->run),
                                                       limn_session_get_info(f->session));
    g_assert_nonnull(strstr(command, older));
    g_autoptr(GFile) file = write_picture(f->window->run);
    g_assert_true(fit_settings_read_png(g_file_peek_path(file), &settings, &error));
    g_assert_cmpint(settings.checkpoint_step, ==, 200);
}

/* Whether a label at or below the widget has that part. */
static gboolean has_label(GtkWidget *widget, const char *part)
{
    if (GTK_IS_LABEL(widget) && strstr(gtk_label_get_text(GTK_LABEL(widget)), part))
        return TRUE;
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        if (has_label(child, part))
            return TRUE;
    return FALSE;
}

/* With the newest one in use, a picture by an older one is painted again by that, if it is
 * there. */
static void test_verify(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkInfoBar *trouble = f->window->trouble;
    compare(f);
    g_autoptr(GFile) file = write_picture(run_at(f, 1));
    fixture_act(f, "win.leave-compare");
    limn_window_verify(f->window, file);
    WAIT_UNTIL(has_label(GTK_WIDGET(f->window->toasts), "pixel for pixel") ||
               gtk_info_bar_get_revealed(trouble));
    g_assert_false(gtk_info_bar_get_revealed(trouble));

    remove_checkpoint(200);
    limn_window_verify(f->window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(trouble));
    const char *sentence = gtk_label_get_text(f->window->trouble_text);
    if (!strstr(sentence, "step 200") || !strstr(sentence, "Tiny"))
        g_error("\"%s\" does not name the checkpoint", sentence);
}

static gboolean file_has(const char *path, const char *text)
{
    g_autofree char *bytes = NULL;
    gsize length, at = 0, n = strlen(text);
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    while (at + n <= length && memcmp(bytes + at, text, n) != 0)
        at++;
    return at + n <= length;
}

/* Every picture of the sheet names its checkpoint. */
static void test_sheet(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *path = g_build_filename(run_folder, "sheet.png", NULL);
    g_autoptr(GError) error = NULL;
    struct fit_settings settings;
    struct fit_error failure = {0};
    compare(f);
    g_assert_true(limn_compare_view_export(view_of(f), path, &error));
    g_assert_true(fit_settings_read_png(path, &settings, &failure));
    g_assert_cmpint(settings.checkpoint_step, ==, 100);
    for (int step = 100; step <= 500; step += 100) {
        g_autofree char *named = g_strdup_printf("\"checkpoint\":%d", step);
        g_assert_cmpint(file_has(path, named), ==, step != 300);
    }
}

/* The window may close, and the comparison stop, while models are still being opened. */
static void test_left_early(struct fixture *f, gconstpointer data)
{
    fixture_act(f, "win.compare-checkpoints");
    g_assert_true(limn_compare_view_is_active(view_of(f)));
    fixture_act(f, "win.stop");
    WAIT_UNTIL(!limn_compare_view_is_active(view_of(f)));
    g_assert_null(run_at(f, 0));
    g_assert_cmpstr(limn_compare_view_get_trouble(view_of(f), 0), !=, "");
    fixture_act(f, "win.generate");
    g_assert_true(limn_compare_view_is_active(view_of(f)));
    fixture_close(f, data);
    fixture_open(f, data);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    model = g_strdup(g_getenv("LIMN_MODEL"));
    g_test_add_func("/checkpoints/spread", test_spread);
    g_test_add("/checkpoints/no-run", struct fixture, NULL, fixture_open, test_no_run,
               fixture_close);
#define ADD(name, function) \
    g_test_add("/checkpoints/" name, struct fixture, NULL, open_run, function, close_run)
    ADD("panes", test_panes);
    ADD("goes-on", test_goes_on);
    ADD("damaged", test_damaged);
    ADD("keep", test_keep);
    ADD("verify", test_verify);
    ADD("sheet", test_sheet);
    ADD("left-early", test_left_early);
    int failed = g_test_run();
    g_free(model);
    return failed;
}
