/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures side by side: what is varied, how two differ, and the comparison in the window. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <math.h>

static void test_difference(void)
{
    const guint8 a[] = {10, 20, 30, 255, 200, 0, 255, 255};
    const guint8 b[] = {10, 25, 20, 0, 200, 0, 0, 255};
    guint8 out[8];
    LimnDifference d = limn_difference_measure(a, b, 2);
    g_assert_cmpfloat_with_epsilon(d.mean, 270 / 6.0, 1e-12);
    g_assert_cmpint(d.most, ==, 255);
    g_assert_cmpfloat_with_epsilon(d.psnr_db, 10 * log10(255.0 * 255 * 6 / (25 + 100 + 65025)),
                                   1e-9);
    limn_difference_draw(out, a, b, 2, 4);
    const guint8 expected[] = {0, 20, 40, 255, 0, 0, 255, 255};
    g_assert_cmpmem(out, 8, expected, 8);
    d = limn_difference_measure(a, a, 2);
    g_assert_true(d.mean == 0 && d.most == 0 && isinf(d.psnr_db));
}

static void test_variants(void)
{
    struct fit_generate_params base = {.seed = 7, .steps = 20, .guidance = 2}, v[6];
    g_assert_cmpint(limn_variants(LIMN_AXIS_METHOD, &base, FALSE, v), ==, 6);
    g_assert_cmpint(v[0].method, ==, FIT_METHOD_NONE);
    g_assert_cmpuint(v[5].seed, ==, 7);
    g_assert_cmpint(limn_variants(LIMN_AXIS_SEED, &base, FALSE, v), ==, 4);
    g_assert_cmpuint(v[3].seed, ==, 10);
    g_assert_cmpint(limn_variants(LIMN_AXIS_STEPS, &base, FALSE, v), ==, 4);
    g_assert_cmpint(v[0].steps, ==, 5);
    g_assert_cmpint(v[3].steps, ==, 40);
    base.steps = 1;
    g_assert_cmpint(limn_variants(LIMN_AXIS_STEPS, &base, FALSE, v), ==, 2);
    base.steps = 1000;
    g_assert_cmpint(limn_variants(LIMN_AXIS_STEPS, &base, FALSE, v), ==, 3);
    g_assert_cmpint(limn_variants(LIMN_AXIS_SOLVER, &base, TRUE, v), ==, 2);
    g_assert_cmpint(v[1].solver, ==, FIT_SOLVER_DDIM);
    g_assert_cmpint(limn_columns_for(6, 128, 128, 860, 600), ==, 3);
    g_assert_cmpint(limn_columns_for(6, 512, 128, 860, 600), ==, 2);
    g_assert_cmpint(limn_columns_for(4, 128, 512, 860, 600), ==, 4);
    g_assert_cmpint(limn_columns_for(2, 128, 128, 860, 600), ==, 2);
    g_assert_cmpint(limn_columns_for(6, 128, 128, 400, 600), ==, 2);
    g_assert_cmpint(limn_step_at(0.5, 20, 20), ==, 10);
    g_assert_cmpint(limn_step_at(0.5, 20, 4), ==, 4);
    g_assert_cmpint(limn_step_at(7, 20, 20), ==, 20);
}

static const char *page(struct fixture *f)
{
    return gtk_stack_get_visible_child_name(f->window->pages);
}

static LimnRun *run_at(struct fixture *f, int pane)
{
    return limn_compare_view_get_run(f->window->comparison, pane);
}

static void wait_for_pictures(struct fixture *f)
{
    LimnCompareView *view = f->window->comparison;
    WAIT_UNTIL(!limn_compare_view_is_active(view));
    for (int i = 0; i < limn_compare_view_get_n_panes(view); i++) {
        struct fit_frame *frame = NULL;
        WAIT_UNTIL((frame = limn_run_dup_frame(run_at(f, i))) != NULL);
        fit_frame_unref(&frame);
    }
}

/* Six methods beyond the trained sides with one action: within them all are the same picture. */
static void test_methods(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnCompareView *view = f->window->comparison;
    LimnDifference d;
    limn_settings_set_size(f->window->settings, 192, 96);
    fixture_act(f, "win.compare-methods");
    g_assert_cmpstr(page(f), ==, "compare");
    g_assert_cmpint(limn_compare_view_get_n_panes(view), ==, 6);
    wait_for_pictures(f);
    g_assert_true(limn_compare_view_measure(view, 0, &d));
    g_assert_true(d.mean == 0 && isinf(d.psnr_db));
    for (int i = 1; i < 6; i++) {
        g_assert_true(limn_compare_view_measure(view, i, &d));
        g_assert_cmpint(d.most, >, 0);
        g_assert_cmpint(limn_run_get_params(run_at(f, i))->method, !=, FIT_METHOD_NONE);
    }
    limn_settings_set_size(f->window->settings, 64, 48);
    fixture_act(f, "win.generate");
    wait_for_pictures(f);
    g_assert_true(limn_compare_view_measure(view, 1, &d));
    g_assert_true(isinf(d.psnr_db));

    fixture_act(f, "win.stop");
    g_assert_cmpstr(page(f), ==, "viewer");
    g_assert_cmpint(limn_compare_view_get_n_panes(view), ==, 0);
}

/* Within the trained sides the pictures are equal, which is said lest it look like a fault. */
static void test_methods_within(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *view = GTK_WIDGET(f->window->comparison);
    limn_settings_set_size(f->window->settings, 192, 96);
    fixture_act(f, "win.compare-methods");
    fixture_settle(f);
    g_assert_null(fixture_find_label(view, "a larger shape"));
    fixture_act(f, "win.stop");
    limn_settings_set_size(f->window->settings, 64, 48);
    fixture_act(f, "win.compare-methods");
    WAIT_UNTIL(fixture_find_label(view, "a larger shape"));
    fixture_act(f, "win.stop");
}

/* A pane's picture is the one that the same settings paint alone. */
static void test_keep(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnCompareView *view = f->window->comparison;
    limn_settings_set_seed(f->window->settings, 40);
    limn_compare_view_choose(view, 0);
    fixture_act(f, "win.compare");
    limn_compare_view_start(view, LIMN_AXIS_SEED);
    wait_for_pictures(f);
    limn_compare_view_choose(view, 2);
    fixture_act(f, "win.keep-chosen");
    g_assert_cmpstr(page(f), ==, "viewer");
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, 42);
    struct fit_frame *kept = limn_run_dup_frame(f->window->run), *again = NULL;
    g_assert_nonnull(kept);

    g_object_set(f->window->settings, "keep-seed", TRUE, NULL);
    fixture_paint(f);
    WAIT_UNTIL((again = limn_run_dup_frame(f->window->run)) && fit_frame_is_final(again));
    g_assert_cmpmem(fit_frame_pixels(kept), 4 * 64 * 48, fit_frame_pixels(again), 4 * 64 * 48);
    fit_frame_unref(&kept);
    fit_frame_unref(&again);
    fixture_act(f, "win.undo");
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, 40);
}

/* Runs of 3, 6 and 12 steps are looked at by time. */
static void test_time(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnCompareView *view = f->window->comparison;
    fixture_act(f, "win.compare");
    limn_compare_view_start(view, LIMN_AXIS_STEPS);
    wait_for_pictures(f);
    g_assert_cmpint(limn_compare_view_get_n_panes(view), ==, 4);
    limn_compare_view_set_t(view, 0.5);
    for (int i = 0; i < 4; i++)
        g_assert_cmpint(limn_run_get_shown_step(run_at(f, i)), ==,
                        (limn_run_get_n_steps(run_at(f, i)) + 1) / 2);
    limn_compare_view_set_t(view, 1);
    g_assert_true(limn_run_is_live(run_at(f, 3)));
    for (LimnCompareMode mode = LIMN_COMPARE_SIDE; mode <= LIMN_COMPARE_DIFFERENCE; mode++) {
        limn_compare_view_set_mode(view, mode);
        fixture_settle(f);
    }
}

/* The reference's settings come back from the sheet. */
static void test_sheet(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("limn-sheet-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "sheet.png", NULL);
    g_autofree char *nowhere = g_build_filename(folder, "no", "sheet.png", NULL);
    struct fit_settings settings;
    struct fit_error failure;
    limn_settings_set_class_id(f->window->settings, 3);
    fixture_act(f, "win.compare-methods");
    wait_for_pictures(f);
    g_assert_true(limn_compare_view_export(f->window->comparison, path, &error));
    g_assert_true(fit_settings_read_png(path, &settings, &failure));
    g_assert_cmpint(settings.params.class_id, ==, 3);
    g_autoptr(GdkTexture) sheet = gdk_texture_new_from_filename(path, &error);
    g_assert_nonnull(sheet);
    g_assert_cmpint(gdk_texture_get_width(sheet) * gdk_texture_get_height(sheet), >, 6 * 64 * 48);
    g_assert_false(limn_compare_view_export(f->window->comparison, nowhere, &error));
    if (!strstr(error->message, "no/sheet.png"))
        g_error("\"%s\" does not name the file", error->message);
    g_remove(path);
    g_rmdir(folder);
}

/* What one pane cannot have it says; and closing in the middle of it all is fine. */
static void test_refused(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnCompareView *view = f->window->comparison;
    limn_settings_set_seed(f->window->settings, 1);
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.compare");
    limn_compare_view_start(view, LIMN_AXIS_SOLVER);
    g_assert_true(limn_compare_view_is_active(view));
    for (int i = 0; i < limn_compare_view_get_n_panes(view); i++)
        g_assert_cmpstr(limn_compare_view_get_trouble(view, i), ==, "");
    WAIT_UNTIL(limn_run_get_step(run_at(f, 3)) > 0);
    g_assert_cmpint(limn_run_get_step(run_at(f, 0)), <, 1000); /* they take turns */
    fixture_act(f, "win.stop");
    WAIT_UNTIL(!limn_compare_view_is_active(view));
    g_assert_cmpstr(page(f), ==, "compare");
    fixture_act(f, "win.generate");
    fixture_close(f, NULL);
    fixture_open(f, NULL);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    g_test_add_func("/compare/difference", test_difference);
    g_test_add_func("/compare/variants", test_variants);
#define ADD(name, function) \
    g_test_add("/compare/" name, struct fixture, NULL, fixture_open, function, fixture_close)
    ADD("methods", test_methods);
    ADD("methods-within", test_methods_within);
    ADD("keep", test_keep);
    ADD("time", test_time);
    ADD("sheet", test_sheet);
    ADD("refused", test_refused);
    return g_test_run();
}
