/* SPDX-License-Identifier: Apache-2.0 */
/* Frequencies and attention multipliers against values that the reference printed (six digits),
 * and how a table is laid out. */
#include <math.h>
#include <string.h>

#include "rope.h"
#include "tiny.h"

static struct fit_config xl(void)
{
    struct fit_config config;
    assert_true(fit_config_preset(&config, "fitv2-xl"));
    return config;
}

static void frequencies(void **state)
{
    (void)state;
    static const int index[5] = {0, 1, 2, 9, 17};
    static const struct {
        enum fit_method method;
        double stretch, value[5];
    } rows[] = {
        {FIT_METHOD_NONE, 1, {1, 0.599484, 0.359381, 0.01, 1.66810e-4}},
        {FIT_METHOD_PI, 1, {1, 0.599484, 0.359381, 0.01, 1.66810e-4}},
        {FIT_METHOD_NTK, 1, {1, 0.599484, 0.359381, 0.01, 1.66810e-4}},
        {FIT_METHOD_NTK_BY_PARTS, 1, {1, 0.599484, 0.359381, 0.01, 1.66810e-4}},
        {FIT_METHOD_YARN, 1, {1, 0.599484, 0.359381, 0.01, 1.66810e-4}},
        {FIT_METHOD_PI, 1.25, {0.8, 0.479587, 0.287505, 0.008, 1.33448e-4}},
        {FIT_METHOD_NTK, 1.25, {1, 0.591667, 0.350070, 0.00888576, 1.33448e-4}},
        {FIT_METHOD_NTK_PRO2, 1.25, {1, 0.591667, 0.350070, 0.00888576, 1.33448e-4}},
        {FIT_METHOD_NTK_BY_PARTS, 1.25, {1, 0.591667, 0.318787, 0.008, 1.33448e-4}},
        {FIT_METHOD_YARN, 1.25, {1, 0.539536, 0.287505, 0.008, 1.33448e-4}},
        {FIT_METHOD_VISION_NTK, 2, {1, 0.575533, 0.331238, 0.00692837, 8.34051e-5}},
        {FIT_METHOD_VISION_NTK_BY_PARTS, 2, {1, 0.575533, 0.255464, 0.005, 8.34051e-5}},
        {FIT_METHOD_VISION_YARN, 2, {1, 0.449613, 0.179691, 0.005, 8.34051e-5}},
    };
    struct fit_config config = xl();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double f[18];
        fit_rope_frequencies(f, &config, rows[i].method, rows[i].stretch);
        for (int j = 0; j < 5; j++)
            tiny_close_to(fit_method_name(rows[i].method), f[index[j]] / rows[i].value[j], 1,
                          5e-6);
    }
}

static void multipliers(void **state)
{
    (void)state;
    static const struct {
        int rows, columns;
        double yarn, pro1, pro2;
    } sizes[] = {
        {16, 16, 1, 1.118034, 1.060660},        {10, 20, 1.022314, 1.153465, 1.039462},
        {20, 20, 1.022314, 1.153465, 1.097944}, {14, 28, 1.055962, 1.204923, 1.096284},
        {10, 30, 1.062861, 1.215205, 1.074059}, {32, 32, 1.069315, 1.224745, 1.172604},
        {20, 40, 1.091629, 1.257172, 1.153465},
    };
    struct fit_config config = xl();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int r = sizes[i].rows, c = sizes[i].columns;
        tiny_close_to("yarn", fit_rope_multiplier(&config, FIT_METHOD_VISION_YARN, r, c),
                      sizes[i].yarn, 6e-7);
        tiny_close_to("pro1", fit_rope_multiplier(&config, FIT_METHOD_NTK_PRO1, r, c),
                      sizes[i].pro1, 6e-7);
        tiny_close_to("pro2", fit_rope_multiplier(&config, FIT_METHOD_VISION_NTK_PRO2, r, c),
                      sizes[i].pro2, 6e-7);
        tiny_close_to("ntk", fit_rope_multiplier(&config, FIT_METHOD_VISION_NTK, r, c), 1, 0);
    }
    /* The paper's: 320 x 320 has 20 x 20 tokens and multiplies the logits by ln 400 / ln 256. */
    config.attention_scale = FIT_ATTENTION_SCALE_PAPER;
    double paper = fit_rope_multiplier(&config, FIT_METHOD_VISION_NTK_PRO2, 20, 20);
    tiny_close_to("paper", paper * paper, 1.0805, 5e-5);
    tiny_close_to("paper", fit_rope_multiplier(&config, FIT_METHOD_VISION_NTK_PRO2, 16, 16), 1, 0);
    config = fit_config_with_positions(&config, FIT_ATTENTION_SCALE_CODE, 32);
    tiny_close_to("length 32", fit_rope_multiplier(&config, FIT_METHOD_VISION_YARN, 32, 32), 1, 0);
    config = xl();
    /* 2 * 4 / 16 is not above 1: the formula would divide the logits */
    tiny_close_to("small", fit_rope_multiplier(&config, FIT_METHOD_NTK_PRO1, 4, 4), 1, 0);
}

static void axes_apart_and_together(void **state)
{
    (void)state;
    struct fit_config config = xl();
    double rows, columns;
    fit_rope_stretch(&config, FIT_METHOD_VISION_NTK, 12, 20, &rows, &columns);
    assert_true(rows == 1 && columns == 1.25);
    fit_rope_stretch(&config, FIT_METHOD_NTK, 12, 20, &rows, &columns);
    assert_true(rows == 1.25 && columns == 1.25);
}

/* Token (2, 3): its first pairs turn by 2 f_j, the others by 3 f_j. */
static void layout_of_a_table(void **state)
{
    (void)state;
    enum { ROWS = 4, COLUMNS = 5, PAIRS = 18 };
    struct fit_config config = xl();
    static float cosine[ROWS * COLUMNS * 2 * PAIRS], sine[ROWS * COLUMNS * 2 * PAIRS];
    assert_true(fit_rope_table(cosine, sine, &config, FIT_METHOD_NONE, ROWS, COLUMNS));
    const float *c = cosine + (2 * COLUMNS + 3) * 2 * PAIRS;
    const float *s = sine + (2 * COLUMNS + 3) * 2 * PAIRS;
    for (int j = 0; j < PAIRS; j++) {
        double f = pow(10000, -2.0 * j / 36);
        tiny_close_to("row cosine", c[j], cos(2 * f), 1e-7);
        tiny_close_to("row sine", s[j], sin(2 * f), 1e-7);
        tiny_close_to("column cosine", c[PAIRS + j], cos(3 * f), 1e-7);
        tiny_close_to("column sine", s[PAIRS + j], sin(3 * f), 1e-7);
    }
    assert_false(fit_rope_table(cosine, sine, &config, FIT_METHOD_NONE, 1, FIT_MAX_AXIS + 1));
    assert_false(fit_rope_table(cosine, sine, &config, FIT_METHOD_NONE, 0, 4));
}

static void automatic_method(void **state)
{
    (void)state;
    struct fit_config base = xl(), high;
    assert_true(fit_config_preset(&high, "fitv2-hr-xl"));
    assert_int_equal(fit_rope_method(&base, FIT_METHOD_AUTO, 16, 16), FIT_METHOD_NONE);
    assert_int_equal(fit_rope_method(&base, FIT_METHOD_AUTO, 10, 20), FIT_METHOD_VISION_NTK);
    assert_int_equal(fit_rope_method(&base, FIT_METHOD_AUTO, 20, 20), FIT_METHOD_VISION_NTK_PRO2);
    assert_int_equal(fit_rope_method(&high, FIT_METHOD_AUTO, 32, 32), FIT_METHOD_VISION_NTK);
    assert_int_equal(fit_rope_method(&high, FIT_METHOD_AUTO, 16, 16), FIT_METHOD_VISION_NTK);
    assert_int_equal(fit_rope_method(&high, FIT_METHOD_YARN, 32, 32), FIT_METHOD_YARN);
}

static void names_of_methods(void **state)
{
    (void)state;
    enum fit_method method;
    for (int i = 0; i < FIT_N_METHODS; i++) {
        assert_true(fit_method_parse(fit_method_name(i), &method));
        assert_int_equal(method, i);
    }
    assert_true(fit_method_parse("vision-ntk-pro2", &method));
    assert_int_equal(method, FIT_METHOD_VISION_NTK_PRO2);
    assert_false(fit_method_parse("vision-none", &method));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequencies),       cmocka_unit_test(multipliers),
        cmocka_unit_test(axes_apart_and_together), cmocka_unit_test(layout_of_a_table),
        cmocka_unit_test(automatic_method),  cmocka_unit_test(names_of_methods),
    };
    return cmocka_run_group_tests_name("rope", tests, NULL, NULL);
}
