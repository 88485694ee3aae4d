/* SPDX-License-Identifier: Apache-2.0 */
/* Quick pictures that follow the shape, and the whole one at the end. */
#include "fixture.h"

static LimnCanvas *canvas(struct fixture *f)
{
    return f->window->canvas;
}

/* Takes the eastern handle. */
static void grip(struct fixture *f)
{
    LimnRect rect = limn_canvas_place(canvas(f));
    double x, y;
    limn_geometry_handle_center(&rect, LIMN_HANDLE_EAST, &x, &y);
    g_signal_emit_by_name(fixture_controller(GTK_WIDGET(canvas(f)), GTK_TYPE_GESTURE_DRAG),
                          "drag-begin", x, y);
}

/* Pulls it so far that the width becomes that. */
static void pull_to(struct fixture *f, int width)
{
    double far = (width - canvas(f)->start_width) / 2.0 * canvas(f)->start_scale;
    g_signal_emit_by_name(fixture_controller(GTK_WIDGET(canvas(f)), GTK_TYPE_GESTURE_DRAG),
                          "drag-update", far, 0.0);
    g_assert_cmpint(limn_settings_get_width(f->window->settings), ==, width);
}

static void let_go(struct fixture *f)
{
    g_signal_emit_by_name(fixture_controller(GTK_WIDGET(canvas(f)), GTK_TYPE_GESTURE_DRAG),
                          "drag-end", 0.0, 0.0);
}

static int live_width(struct fixture *f)
{
    return canvas(f)->live ? gdk_texture_get_width(canvas(f)->live) : 0;
}

/* A picture of a size that is not wanted any more is never shown. */
static void check_newest(struct fixture *f)
{
    g_assert_cmpint(gdk_texture_get_width(limn_live_get_texture(f->window->live)), ==,
                    limn_settings_get_width(f->window->settings));
}

static void test_follows(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_settings_set_boolean(f->window->memory, "live", TRUE);
    fixture_paint(f);
    LimnRun *before = f->window->run;
    g_object_set(f->window->settings, "steps", 40, NULL);
    g_signal_connect_swapped(f->window->live, "notify::texture", G_CALLBACK(check_newest), f);
    grip(f);
    pull_to(f, 96);
    WAIT_UNTIL(live_width(f) == 96);
    /* Faster than pictures come: only the last of them is painted to its end. */
    for (int width = 112; width <= 160; width += 16) {
        pull_to(f, width);
        fixture_turn();
    }
    WAIT_UNTIL(live_width(f) == 160);
    g_assert_true(f->window->run == before);
    g_assert_false(limn_run_is_active(before));

    let_go(f);
    WAIT_UNTIL(f->window->run != before);
    g_assert_cmpint(limn_run_get_params(f->window->run)->width, ==, 160);
    g_assert_cmpint(limn_run_get_n_steps(f->window->run), ==, 40);
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);
    g_assert_null(canvas(f)->live);
    g_assert_cmpint(gdk_texture_get_width(canvas(f)->texture), ==, 160);
    /* One drag is one step. */
    fixture_act(f, "win.undo");
    fixture_act(f, "win.undo");
    g_assert_cmpint(limn_settings_get_width(f->window->settings), ==, 64);
}

static void test_interrupts(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_settings_set_boolean(f->window->memory, "live", TRUE);
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.generate");
    g_autoptr(LimnRun) before = g_object_ref(f->window->run);
    WAIT_UNTIL(limn_run_get_step(before) > 0);
    grip(f);
    g_assert_true(limn_run_is_active(before));
    pull_to(f, 80);
    /* At once, while the run before is still ending. */
    let_go(f);
    g_object_set(f->window->settings, "steps", 6, NULL);
    WAIT_UNTIL(f->window->run != before);
    g_assert_cmpint(limn_run_get_state(before), ==, FIT_JOB_CANCELLED);
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_params(f->window->run)->width, ==, 80);
}

/* Back where the picture is already: nothing to paint. */
static void test_returns(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_settings_set_boolean(f->window->memory, "live", TRUE);
    fixture_paint(f);
    LimnRun *before = f->window->run;
    grip(f);
    pull_to(f, 96);
    WAIT_UNTIL(live_width(f) == 96);
    pull_to(f, 64);
    let_go(f);
    fixture_settle(f);
    g_assert_true(f->window->run == before);
    g_assert_null(canvas(f)->live);
}

static void test_beyond_training(struct fixture *f, gconstpointer data)
{
    (void)data;
    const struct fit_model_info *info = limn_session_get_info(f->session);
    g_settings_set_boolean(f->window->memory, "live", TRUE);
    fixture_paint(f);
    grip(f);
    pull_to(f, 2048);
    WAIT_UNTIL(canvas(f)->live != NULL);
    int wide = gdk_texture_get_width(canvas(f)->live), high = gdk_texture_get_height(canvas(f)->live);
    int side = info->token_pixels;
    g_assert_cmpint(wide / side * (high / side), <=, info->context_tokens);
    g_assert_cmpint(wide, >, 4 * high);
    pull_to(f, 64);
    let_go(f);
}

static void test_keys(struct fixture *f, gconstpointer data)
{
    (void)data;
    gpointer keys = fixture_controller(GTK_WIDGET(canvas(f)), GTK_TYPE_EVENT_CONTROLLER_KEY);
    gboolean handled = FALSE;
    g_settings_set_boolean(f->window->memory, "live", TRUE);
    fixture_paint(f);
    LimnRun *before = f->window->run;
    g_signal_emit_by_name(keys, "key-pressed", GDK_KEY_Right, 0u, 0, &handled);
    g_assert_true(handled);
    g_assert_true(limn_canvas_is_shaping(canvas(f)));
    WAIT_UNTIL(live_width(f) == 80);
    g_signal_emit_by_name(keys, "key-released", GDK_KEY_Right, 0u, 0);
    WAIT_UNTIL(f->window->run != before && !limn_run_is_active(f->window->run));
    g_assert_cmpint(limn_run_get_params(f->window->run)->width, ==, 80);
}

static void test_off(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_settings_set_boolean(f->window->memory, "live", FALSE);
    fixture_paint(f);
    LimnRun *before = f->window->run;
    grip(f);
    pull_to(f, 96);
    fixture_settle(f);
    g_assert_null(canvas(f)->live);
    let_go(f);
    fixture_settle(f);
    g_assert_true(f->window->run == before);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
#define ADD(name, function) \
    g_test_add("/live/" name, struct fixture, NULL, fixture_open, function, fixture_close)
    ADD("follows", test_follows);
    ADD("interrupts", test_interrupts);
    ADD("returns", test_returns);
    ADD("beyond-training", test_beyond_training);
    ADD("keys", test_keys);
    ADD("off", test_off);
    return g_test_run();
}
