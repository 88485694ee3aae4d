/* SPDX-License-Identifier: Apache-2.0 */
/* A window drawn by OpenGL over the stand-in for a card (tests/cuda, whose folder LIMN_SHIM
 * names): pictures come in textures, look as those in memory do, and a refusal changes nothing. */
#include "fixture.h"
#include "limn-frame-texture.h"

#include <gsk/gl/gskglrenderer.h>

/* GTK draws what is small out of one large texture, with a neighbour's colours at its edges. */
enum { SHOWN = 3, WIDTH = 144, HEIGHT = 16 };

static GskRenderer *renderer(struct fixture *f)
{
    return gtk_native_get_renderer(GTK_NATIVE(f->window));
}

/* FALSE where the stand-in was not built, or the X server has no OpenGL. */
static gboolean open_on_shim(struct fixture *f, const char *wrong)
{
    if (!g_getenv("LIMN_SHIM")) {
        g_test_skip("no C++ compiler built the stand-in for a card");
        return FALSE;
    }
    g_setenv("FIT_BACKEND_PATH", g_getenv("LIMN_SHIM"), TRUE);
    g_setenv("FIT_BACKEND", "cuda", TRUE);
    if (wrong)
        g_setenv("FK_SHIM_GL", wrong, TRUE);
    fixture_open(f, NULL);
    g_unsetenv("FIT_BACKEND");
    g_unsetenv("FIT_BACKEND_PATH");
    if (GSK_IS_GL_RENDERER(renderer(f)))
        return TRUE;
    g_test_skip("the window is not drawn by OpenGL here");
    fixture_close(f, NULL);
    return FALSE;
}

static gboolean shows_step(LimnRun *run, int step)
{
    struct fit_frame *frame = limn_run_dup_frame(run);
    gboolean shown = frame && fit_frame_step(frame) == step;
    fit_frame_unref(&frame);
    return shown;
}

static GBytes *pixels_of(GdkTexture *texture)
{
    gsize stride = 4 * (gsize)gdk_texture_get_width(texture);
    gsize size = stride * (gsize)gdk_texture_get_height(texture);
    guchar *pixels = g_malloc(size);
    gdk_texture_download(texture, pixels, stride);
    return g_bytes_new_take(pixels, size);
}

static GBytes *drawn(struct fixture *f)
{
    GdkPaintable *canvas = gtk_widget_paintable_new(GTK_WIDGET(f->window->canvas));
    GtkSnapshot *snapshot = gtk_snapshot_new();
    int width = gdk_paintable_get_intrinsic_width(canvas);
    gdk_paintable_snapshot(canvas, snapshot, width, gdk_paintable_get_intrinsic_height(canvas));
    GskRenderNode *node = gtk_snapshot_free_to_node(snapshot);
    GdkTexture *texture = gsk_renderer_render_texture(renderer(f), node, NULL);
    GBytes *pixels = pixels_of(texture);
    g_object_unref(texture);
    gsk_render_node_unref(node);
    g_object_unref(canvas);
    return pixels;
}

static void require_equal(GBytes *a, GBytes *b, const char *what)
{
    gsize n, m, different = 0;
    const guchar *x = g_bytes_get_data(a, &n), *y = g_bytes_get_data(b, &m);
    g_assert_cmpuint(n, ==, m);
    for (gsize i = 0; i < n; i++)
        different += x[i] != y[i];
    if (different)
        g_error("%s: %zu of %zu bytes differ", what, different, n);
    g_bytes_unref(a);
    g_bytes_unref(b);
}

/* The canvas with the run's texture, and with the same picture in memory. */
static void require_drawn_alike(struct fixture *f)
{
    GdkTexture *texture = limn_run_get_texture(f->window->run);
    GdkTexture *twin = limn_frame_texture_dup_in_memory(texture);
    GBytes *ours;
    g_assert_false(GDK_IS_GL_TEXTURE(twin));
    require_equal(pixels_of(texture), pixels_of(twin), "the pictures");
    fixture_settle(f);
    g_assert_true(f->window->canvas->texture == texture);
    ours = drawn(f);
    limn_canvas_show_still(f->window->canvas, twin);
    fixture_settle(f);
    require_equal(ours, drawn(f), "the canvas");
    g_object_unref(twin);
}

/* Looks at some steps of a finished run; how many came in a texture of OpenGL. */
static int look_at_steps(struct fixture *f)
{
    LimnRun *run;
    int on_card = 0;
    limn_settings_set_width(f->window->settings, WIDTH);
    limn_settings_set_height(f->window->settings, HEIGHT);
    fixture_paint(f);
    run = f->window->run;
    g_assert_cmpint(limn_run_get_n_steps(run), >, SHOWN);
    g_assert_false(GDK_IS_GL_TEXTURE(limn_run_get_texture(run))); /* the last picture stays */
    for (int step = 0; step < SHOWN; step++) {
        limn_run_show(run, step, FIT_VIEW_PREDICTION);
        WAIT_UNTIL(shows_step(run, step));
        on_card += GDK_IS_GL_TEXTURE(limn_run_get_texture(run));
        require_drawn_alike(f);
    }
    return on_card;
}

static void test_refused(void)
{
    static const char *const ways[] = {"other", "unmapped"};
    struct fixture f;
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        if (!open_on_shim(&f, ways[i]))
            return;
        g_assert_cmpint(look_at_steps(&f), ==, 0);
        g_unsetenv("FK_SHIM_GL");
        fixture_close(&f, NULL);
    }
}

static void test_textures(void)
{
    struct fixture f;
    if (!open_on_shim(&f, NULL))
        return;
    g_assert_cmpint(look_at_steps(&f), >=, SHOWN - 2);
    fixture_close(&f, NULL);
}

int main(int argc, char **argv)
{
    g_setenv("GSK_RENDERER", "gl", TRUE);
    fixture_init(&argc, &argv);
    g_test_add_func("/textures/shown", test_textures);
    g_test_add_func("/textures/refused", test_refused);
    return g_test_run();
}
