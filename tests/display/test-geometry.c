/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <math.h>

#include "limn-geometry.h"

static const LimnSizeRule rule = {.snap = 16, .largest = 4096};

static void test_place(void)
{
    LimnRect rect = limn_geometry_place(800, 600, 256, 128, 2, 0, 10);
    g_assert_cmpfloat(rect.x, ==, 144);
    g_assert_cmpfloat(rect.y, ==, 182);
    g_assert_cmpfloat(rect.width, ==, 512);
    g_assert_cmpfloat(rect.height, ==, 256);
}

static void test_fit(void)
{
    /* 800 - 2 * 40 = 720 over 360 pixels; the height would allow more. */
    g_assert_cmpfloat(limn_geometry_fit_scale(800, 600, 360, 100, 40, 4), ==, 2);
    g_assert_cmpfloat(limn_geometry_fit_scale(800, 600, 16, 16, 40, 4), ==, 4);
    g_assert_cmpfloat(limn_geometry_fit_scale(10, 10, 4096, 16, 40, 4), >, 0);
}

static void test_contain(void)
{
    LimnRect outer = {10, 20, 200, 100};
    LimnRect inner = limn_geometry_contain(&outer, 64, 64);
    g_assert_cmpfloat(inner.x, ==, 60);
    g_assert_cmpfloat(inner.y, ==, 20);
    g_assert_cmpfloat(inner.width, ==, 100);
    g_assert_cmpfloat(inner.height, ==, 100);
}

static void test_hit(void)
{
    LimnRect rect = {100, 100, 200, 100};
    for (int handle = 0; handle < LIMN_N_HANDLES; handle++) {
        double x, y;
        limn_geometry_handle_center(&rect, (LimnHandle)handle, &x, &y);
        g_assert_cmpint(limn_geometry_hit(&rect, x + 3, y - 3, 12), ==, handle);
    }
    g_assert_cmpint(limn_geometry_hit(&rect, 200, 150, 12), ==, LIMN_HANDLE_NONE);
    g_assert_cmpint(limn_geometry_hit(&rect, 313, 150, 12), ==, LIMN_HANDLE_NONE);

    /* On a tiny canvas the reaches overlap, and the nearest handle wins. */
    LimnRect tiny = {100, 100, 8, 8};
    g_assert_cmpint(limn_geometry_hit(&tiny, 107, 107, 12), ==, LIMN_HANDLE_SOUTH_EAST);
    g_assert_cmpint(limn_geometry_hit(&tiny, 101, 101, 12), ==, LIMN_HANDLE_NORTH_WEST);
}

static void test_snap(void)
{
    g_assert_cmpint(limn_geometry_snap(7, &rule), ==, 16);
    g_assert_cmpint(limn_geometry_snap(-40, &rule), ==, 16);
    g_assert_cmpint(limn_geometry_snap(327, &rule), ==, 320);
    g_assert_cmpint(limn_geometry_snap(329, &rule), ==, 336);
    g_assert_cmpint(limn_geometry_snap(9999, &rule), ==, 4096);
}

static void test_drag(void)
{
    int width, height;

    /* The opposite edge moves as well, so 16 pixels of the pointer make 32 of the picture. */
    limn_geometry_drag(LIMN_HANDLE_EAST, 128, 96, 16, 50, &rule, &width, &height);
    g_assert_cmpint(width, ==, 160);
    g_assert_cmpint(height, ==, 96);
    limn_geometry_drag(LIMN_HANDLE_WEST, 128, 96, 16, 0, &rule, &width, &height);
    g_assert_cmpint(width, ==, 96);
    limn_geometry_drag(LIMN_HANDLE_NORTH, 128, 96, 16, -16, &rule, &width, &height);
    g_assert_cmpint(width, ==, 128);
    g_assert_cmpint(height, ==, 128);
    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 128, 96, 16, 8, &rule, &width, &height);
    g_assert_cmpint(width, ==, 160);
    g_assert_cmpint(height, ==, 112);
    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 128, 96, -900, -900, &rule, &width, &height);
    g_assert_cmpint(width, ==, 16);
    g_assert_cmpint(height, ==, 16);
}

static void test_drag_coarse(void)
{
    LimnSizeRule coarse = {.snap = 64, .largest = 4096};
    int width, height;

    limn_geometry_drag(LIMN_HANDLE_EAST, 128, 96, 20, 0, &coarse, &width, &height);
    g_assert_cmpint(width, ==, 192);
    /* The side that is not dragged keeps its size, coarse or not. */
    g_assert_cmpint(height, ==, 96);
}

static void test_drag_ratio(void)
{
    LimnSizeRule kept = {.snap = 16, .largest = 4096, .token = 16, .keep = LIMN_KEEP_RATIO};
    int width, height;

    limn_geometry_drag(LIMN_HANDLE_EAST, 128, 64, 64, 0, &kept, &width, &height);
    g_assert_cmpint(width, ==, 256);
    g_assert_cmpint(height, ==, 128);
    limn_geometry_drag(LIMN_HANDLE_SOUTH, 128, 64, 0, 32, &kept, &width, &height);
    g_assert_cmpint(width, ==, 256);
    g_assert_cmpint(height, ==, 128);
}

static void test_drag_area(void)
{
    LimnSizeRule kept = {
        .snap = 16, .largest = 4096, .token = 16, .keep = LIMN_KEEP_AREA, .most_tokens = 256};
    int width, height;

    limn_geometry_drag(LIMN_HANDLE_EAST, 256, 256, 128, 0, &kept, &width, &height);
    g_assert_cmpint(width, ==, 512);
    g_assert_cmpint(height, ==, 128);
    limn_geometry_drag(LIMN_HANDLE_NORTH, 256, 256, 0, 40, &kept, &width, &height);
    g_assert_cmpint(height, ==, 176);
    g_assert_cmpint(width, ==, 368); /* 11 rows of 23: 253 tokens */
    /* Out of a corner only the ratio counts. */
    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 256, 256, 100, 100, &kept, &width, &height);
    g_assert_cmpint(width, ==, 256);
    g_assert_cmpint(height, ==, 256);
    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 256, 256, 128, 0, &kept, &width, &height);
    g_assert_cmpint(width, ==, 368);
    g_assert_cmpint(height, ==, 176);
    /* Whatever is pulled, however far: within the area, and a token at least. */
    for (int handle = 0; handle < LIMN_N_HANDLES; handle++)
        for (int pull = -5000; pull <= 5000; pull += 37)
            for (kept.snap = 16; kept.snap <= 64; kept.snap *= 4) {
                limn_geometry_drag((LimnHandle)handle, 256, 256, pull, -pull / 3, &kept, &width,
                                   &height);
                g_assert_cmpint(width * height, <=, 256 * 256);
                g_assert_cmpint(MIN(width, height), >=, 16);
                g_assert_cmpint(MAX(width, height), <=, 4096);
                g_assert_cmpint((width | height) % 16, ==, 0);
            }
}

/* A hand at `wanted` pixels of width beside 144 of height. */
static int pull_width(const LimnSizeRule *sizes, int start, double wanted)
{
    int width, height;
    limn_geometry_drag(LIMN_HANDLE_EAST, start, 144, (wanted - start) / 2, 0, sizes, &width, &height);
    g_assert_cmpint(height, ==, 144);
    return width;
}

static void test_magnet_edge(void)
{
    LimnSizeRule soft = {.snap = 16, .largest = 4096, .token = 16, .magnet = 13};
    /* 256x144 is 16:9: it holds 13 pixels to both sides, where others hold 8. */
    g_assert_cmpint(pull_width(&soft, 400, 256), ==, 256);
    g_assert_cmpint(pull_width(&soft, 400, 268), ==, 256);
    g_assert_cmpint(pull_width(&soft, 400, 244), ==, 256);
    g_assert_cmpint(pull_width(&soft, 400, 270), ==, 272);
    g_assert_cmpint(pull_width(&soft, 400, 242), ==, 240);
    soft.magnet = 0;
    g_assert_cmpint(pull_width(&soft, 400, 268), ==, 272);

    /* However strong, a ratio has one width beside each height, and the start holds as well. */
    soft.magnet = 40;
    g_assert_cmpint(pull_width(&soft, 400, 435), ==, 432); /* 3:1 */
    g_assert_cmpint(pull_width(&soft, 400, 410), ==, 400);
    g_assert_cmpint(pull_width(&soft, 400, 390), ==, 400);
    g_assert_cmpint(pull_width(&soft, 4000, 500), ==, 496);
}

static void test_magnet_corner(void)
{
    LimnSizeRule soft = {.snap = 16, .largest = 4096, .token = 16, .magnet = 13};
    int width, height;

    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 64, 512, (204 - 64) / 2.0, (217 - 512) / 2.0, &soft,
                       &width, &height);
    g_assert_cmpint(width, ==, 208);
    g_assert_cmpint(height, ==, 208);
    soft.magnet = 0;
    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 64, 512, (204 - 64) / 2.0, (217 - 512) / 2.0, &soft,
                       &width, &height);
    g_assert_cmpint(width, ==, 208);
    g_assert_cmpint(height, ==, 224);
    /* A kept ratio is what it is. */
    soft.magnet = 60;
    soft.keep = LIMN_KEEP_RATIO;
    limn_geometry_drag(LIMN_HANDLE_SOUTH_EAST, 320, 144, 16, 0, &soft, &width, &height);
    g_assert_cmpint(width, ==, 352);
    g_assert_cmpint(height, ==, 160);
}

static void test_magnet_trained(void)
{
    LimnSizeRule soft
        = {.snap = 16, .largest = 4096, .token = 16, .magnet = 13, .trained_tokens = 256};
    /* 9 rows of 28 tokens are 252: the widest within. */
    g_assert_cmpint(pull_width(&soft, 1000, 460), ==, 448);
    g_assert_cmpint(pull_width(&soft, 1000, 462), ==, 464);
    soft.trained_tokens = 0;
    g_assert_cmpint(pull_width(&soft, 1000, 460), ==, 464);
    /* With the area kept it is the ratio that holds: 272x240 on the way, and 256x256. */
    soft.keep = LIMN_KEEP_AREA;
    soft.most_tokens = 256;
    int width, height;
    limn_geometry_drag(LIMN_HANDLE_EAST, 512, 128, (267 - 512) / 2.0, 0, &soft, &width, &height);
    g_assert_cmpint(width, ==, 256);
    g_assert_cmpint(height, ==, 256);
}

/* Wherever a hand goes: a size that the rule allows, as near as the magnet is strong. */
static void test_magnet_bounds(void)
{
    LimnSizeRule soft
        = {.snap = 16, .largest = 1024, .token = 16, .magnet = 40, .trained_tokens = 256};
    int width, height;

    for (int handle = 0; handle < LIMN_N_HANDLES; handle++)
        for (int pull = -700; pull <= 700; pull += 13)
            for (soft.snap = 16; soft.snap <= 64; soft.snap *= 4) {
                limn_geometry_drag((LimnHandle)handle, 512, 256, pull, pull / 2, &soft, &width,
                                   &height);
                g_assert_cmpint(MIN(width, height), >=, soft.snap);
                g_assert_cmpint(MAX(width, height), <=, 1024);
                g_assert_cmpint((width | height) % soft.snap, ==, 0);
            }
}

static void test_trained_area(void)
{
    double width, height;
    limn_geometry_trained_area(128, 64, 256, 16, &width, &height);
    g_assert_cmpfloat_with_epsilon(width / height, 2, 1e-9);
    g_assert_cmpfloat_with_epsilon(width * height, 256.0 * 256, 1e-6);
}

static void test_zoom(void)
{
    double zoom = 0.1;
    int steps = 0;
    for (; limn_geometry_zoom_step(zoom, 1) > zoom; steps++)
        zoom = limn_geometry_zoom_step(zoom, 1);
    g_assert_cmpfloat(zoom, ==, 16);
    g_assert_cmpint(steps, ==, 13);
    g_assert_cmpfloat(limn_geometry_zoom_step(1.3, -1), ==, 1);
    g_assert_cmpfloat(limn_geometry_zoom_step(1.3, 1), ==, 1.5);
    g_assert_cmpfloat(limn_geometry_zoom_step(0.2, -1), ==, 0.25);
}

static void test_ratio_names(void)
{
    g_assert_cmpstr(limn_geometry_ratio_name(256, 256), ==, "1:1");
    g_assert_cmpstr(limn_geometry_ratio_name(352, 176), ==, "2:1");
    g_assert_cmpstr(limn_geometry_ratio_name(176, 352), ==, "1:2");
    g_assert_cmpstr(limn_geometry_ratio_name(1024, 576), ==, "16:9");
    g_assert_cmpstr(limn_geometry_ratio_name(272, 256), ==, "");
    g_assert_cmpstr(limn_geometry_ratio_name(160, 368), ==, "");
    g_assert_cmpstr(limn_geometry_ratio_near(160, 368), ==, "9:21");
    g_assert_cmpstr(limn_geometry_ratio_near(256, 256), ==, "1:1");
    g_assert_cmpstr(limn_geometry_ratio_near(272, 256), ==, "");
}

static void test_pan(void)
{
    g_assert_cmpfloat(limn_geometry_clamp_pan(500, 400), ==, 200);
    g_assert_cmpfloat(limn_geometry_clamp_pan(-500, 400), ==, -200);
    g_assert_cmpfloat(limn_geometry_clamp_pan(50, 400), ==, 50);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/geometry/place", test_place);
    g_test_add_func("/geometry/fit", test_fit);
    g_test_add_func("/geometry/contain", test_contain);
    g_test_add_func("/geometry/hit", test_hit);
    g_test_add_func("/geometry/snap", test_snap);
    g_test_add_func("/geometry/drag", test_drag);
    g_test_add_func("/geometry/drag-coarse", test_drag_coarse);
    g_test_add_func("/geometry/drag-ratio", test_drag_ratio);
    g_test_add_func("/geometry/drag-area", test_drag_area);
    g_test_add_func("/geometry/magnet-edge", test_magnet_edge);
    g_test_add_func("/geometry/magnet-corner", test_magnet_corner);
    g_test_add_func("/geometry/magnet-trained", test_magnet_trained);
    g_test_add_func("/geometry/magnet-bounds", test_magnet_bounds);
    g_test_add_func("/geometry/trained-area", test_trained_area);
    g_test_add_func("/geometry/zoom", test_zoom);
    g_test_add_func("/geometry/ratio-names", test_ratio_names);
    g_test_add_func("/geometry/pan", test_pan);
    return g_test_run();
}
