/* SPDX-License-Identifier: Apache-2.0 */
/* What a size means to a model of 64 tokens of 16 pixels, 8 on an axis. */
#include "tiny_folder.h"

#include <limits.h>
#include <math.h>

static struct fit_engine *engine;
static struct fit_model *model;

static void test_snap(void **state)
{
    (void)state;
    static const int cases[][4] = {
        {64, 64, 64, 64},     {1, 1, 16, 16},         {0, -5, 16, 16},
        {23, 24, 16, 32},     {100, 103, 96, 96},     {104, 105, 112, 112},
        {4096, 4095, 4096, 4096}, {5000, 1 << 20, 4096, 4096}, {40, 40, 48, 48},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int width = cases[i][0], height = cases[i][1];
        fit_canvas_snap(model, &width, &height);
        assert_int_equal(width, cases[i][2]);
        assert_int_equal(height, cases[i][3]);
    }
}

/* The smallest size that has room for another. */
static void test_cover(void **state)
{
    (void)state;
    for (int side = -20; side < 4200; side++) {
        int width = side, height = side;
        fit_canvas_cover(model, &width, &height);
        assert_int_equal(width % 16, 0);
        assert_in_range(width, 16, 4096);
        assert_true(width >= side || width == 4096);
        assert_true(width - 16 < side || width == 16);
        assert_int_equal(width, height);
    }
    int width = INT_MAX, height = INT_MIN;
    fit_canvas_cover(model, &width, &height);
    assert_int_equal(width, 4096);
    assert_int_equal(height, 16);
}

/* Snapping is a projection: what it gives stays. */
static void test_snap_stays(void **state)
{
    (void)state;
    for (int side = -20; side < 4200; side += 7) {
        int width = side, height = side, again, over;
        fit_canvas_snap(model, &width, &height);
        again = over = width;
        fit_canvas_snap(model, &again, &over);
        assert_int_equal(again, width);
        assert_int_equal(width % 16, 0);
        assert_in_range(width, 16, 4096);
    }
}

static struct fit_canvas describe(int width, int height, enum fit_method method)
{
    struct fit_canvas canvas;
    fit_canvas_describe(model, width, height, method, &canvas);
    return canvas;
}

static void test_describe_within_training(void **state)
{
    (void)state;
    struct fit_canvas c = describe(128, 64, FIT_METHOD_AUTO);
    assert_int_equal(c.columns, 8);
    assert_int_equal(c.rows, 4);
    assert_int_equal(c.tokens, 32);
    assert_true(c.within_tokens && c.within_axes && c.trained);
    assert_int_equal(c.method, FIT_METHOD_NONE);
    assert_true(c.scale_x == 1 && c.scale_y == 1);
    assert_true(c.attention_scale == 1);
    assert_true(c.memory_bytes > 0 && c.flops > 0);
}

static void test_describe_a_long_axis(void **state)
{
    (void)state;
    struct fit_canvas c = describe(256, 64, FIT_METHOD_AUTO);
    assert_true(c.within_tokens);
    assert_false(c.within_axes);
    assert_false(c.trained);
    assert_int_equal(c.method, FIT_METHOD_VISION_NTK);
    assert_true(c.scale_x == 2 && c.scale_y == 1);
}

static void test_describe_too_many_tokens(void **state)
{
    (void)state;
    struct fit_canvas c = describe(256, 256, FIT_METHOD_AUTO);
    assert_false(c.within_tokens);
    assert_false(c.trained);
    assert_int_equal(c.method, FIT_METHOD_VISION_NTK_PRO2);
    /* The papers' scale by area: the logits grow by ln(2 n) / ln(L^2), here ln 512 / ln 64. */
    assert_float_equal(c.attention_scale, log(512) / log(64), 1e-9);
    struct fit_canvas none = describe(256, 256, FIT_METHOD_NONE);
    assert_int_equal(none.method, FIT_METHOD_NONE);
    assert_true(none.attention_scale == 1);
    assert_false(none.trained);
}

static void test_describe_grows_with_the_size(void **state)
{
    (void)state;
    uint64_t memory = 0, flops = 0;
    for (int side = 16; side <= 512; side += 16) {
        struct fit_canvas c = describe(side, side, FIT_METHOD_AUTO);
        assert_true(c.memory_bytes > memory && c.flops > flops);
        memory = c.memory_bytes;
        flops = c.flops;
    }
}

/* A method that the model does not know by itself is beyond its training, even at its own size. */
static void test_describe_another_method(void **state)
{
    (void)state;
    assert_false(describe(64, 64, FIT_METHOD_VISION_YARN).trained);
}

static void test_for_ratio(void **state)
{
    (void)state;
    static const double ratios[] = {1, 2, 0.5, 16.0 / 9, 9.0 / 16, 3, 1.0 / 3, 4.0 / 3, 2.35};
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        int width, height;
        fit_canvas_for_ratio(model, ratios[i], 64, &width, &height);
        int tokens = width / 16 * (height / 16);
        assert_int_equal(width % 16 + height % 16, 0);
        /* Never above the budget, and no more than a third of it given up. */
        assert_in_range(tokens, 43, 64);
        /* One token more or less on the shorter axis is the finest that a ratio can be met. */
        double shorter = fmin(width, height) / 16;
        assert_true(fabs(log((double)width / height / ratios[i])) < 1 / shorter);
    }
}

static void test_for_ratio_known(void **state)
{
    (void)state;
    int width, height;
    fit_canvas_for_ratio(model, 1, 64, &width, &height);
    assert_int_equal(width, 128);
    assert_int_equal(height, 128);
    fit_canvas_for_ratio(model, 4, 64, &width, &height);
    assert_int_equal(width, 256);
    assert_int_equal(height, 64);
    fit_canvas_for_ratio(model, 1, 1, &width, &height);
    assert_int_equal(width, 16);
    assert_int_equal(height, 16);
    fit_canvas_for_ratio(model, 1000, 64, &width, &height);
    assert_in_range(width, 16, 64 * 16);
    assert_int_equal(height, 16);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snap),
        cmocka_unit_test(test_snap_stays),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_describe_within_training),
        cmocka_unit_test(test_describe_a_long_axis),
        cmocka_unit_test(test_describe_too_many_tokens),
        cmocka_unit_test(test_describe_grows_with_the_size),
        cmocka_unit_test(test_describe_another_method),
        cmocka_unit_test(test_for_ratio),
        cmocka_unit_test(test_for_ratio_known),
    };
    tiny_folder_init(argc, argv);
    engine = tiny_engine(NULL, NULL);
    model = tiny_load(engine);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    tiny_folder_finish();
    return failed;
}
