/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "limn-shape-text.h"

enum {
    OK = LIMN_SHAPE_TEXT_OK,
    UNREADABLE = LIMN_SHAPE_TEXT_UNREADABLE,
    SMALL = LIMN_SHAPE_TEXT_TOO_SMALL,
    LARGE = LIMN_SHAPE_TEXT_TOO_LARGE
};

static const LimnLengthRule rule = {.token_pixels = 16, .present = 256, .largest = 4096};

static void test_lengths(void)
{
    static const struct {
        const char *text;
        int answer;
        double pixels;
    } cases[] = {
        {"320", OK, 320},       {" 320 px ", OK, 320}, {"320PX", OK, 320},
        {"20p", OK, 320},       {"20 P", OK, 320},     {"1.5p", OK, 24},
        {"1,5p", OK, 24},       {"50%", OK, 128},      {"12,5 %", OK, 32},
        {"1600%", OK, 4096},    {"4096", OK, 4096},    {"256p", OK, 4096},
        {"1", OK, 1},           {"4097", LARGE, 0},    {"257p", LARGE, 0},
        {"1601%", LARGE, 0},    {"0", SMALL, 0},       {"0.5", SMALL, 0},
        {"0%", SMALL, 0},       {"", UNREADABLE, 0},   {"  ", UNREADABLE, 0},
        {"px", UNREADABLE, 0},  {"-320", UNREADABLE, 0}, {"+320", UNREADABLE, 0},
        {"320 em", UNREADABLE, 0}, {"3x", UNREADABLE, 0}, {"20pp", UNREADABLE, 0},
        {"20pxp", UNREADABLE, 0}, {"320 200", UNREADABLE, 0}, {"0x140", UNREADABLE, 0},
        {"1e3", UNREADABLE, 0}, {"nan", UNREADABLE, 0}, {"inf", UNREADABLE, 0},
        {"1.2.3", UNREADABLE, 0}, {".", UNREADABLE, 0}, {"50%%", UNREADABLE, 0},
        {"99999999999999999999", LARGE, 0},
        {"\xff\xfe", UNREADABLE, 0}, {"32\xc2\xa0" "0", UNREADABLE, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        double pixels = 0;
        int answer = (int)limn_shape_text_parse_length(cases[i].text, &rule, &pixels);
        if (answer != cases[i].answer || fabs(pixels - cases[i].pixels) > 1e-9)
            g_error("\"%s\": %d, %g", cases[i].text, answer, pixels);
    }
}

static void test_ratios(void)
{
    static const struct {
        const char *text;
        int answer;
        double upright, lying;
    } cases[] = {
        {"2:1", OK, 2, 2},         {" 2 : 1 ", OK, 2, 2},   {"16/9", OK, 16.0 / 9, 16.0 / 9},
        {"3x4", OK, 0.75, 0.75},   {"3 X 4", OK, 0.75, 0.75}, {"3\u00d74", OK, 0.75, 0.75},
        {"1.618", OK, 1.618, 1.618}, {"1,618", OK, 1.618, 1.618}, {".5", OK, 0.5, 0.5},
        {"2.39:1", OK, 2.39, 2.39}, {"A4", OK, G_SQRT2 / 2, G_SQRT2},
        {"a10", OK, G_SQRT2 / 2, G_SQRT2}, {"256", OK, 256, 256}, {"1:256", OK, 1.0 / 256, 1.0 / 256},
        {"257:1", LARGE, 0, 0},    {"1:257", SMALL, 0, 0},  {"0:1", SMALL, 0, 0},
        {"0", SMALL, 0, 0},        {"1:0", LARGE, 0, 0},    {"0:0", SMALL, 0, 0},
        {"", UNREADABLE, 0, 0},    {":", UNREADABLE, 0, 0}, {"2:", UNREADABLE, 0, 0},
        {":1", UNREADABLE, 0, 0},  {"2:1:1", UNREADABLE, 0, 0}, {"A", UNREADABLE, 0, 0},
        {"A11", UNREADABLE, 0, 0}, {"A4.5", UNREADABLE, 0, 0}, {"A4:1", UNREADABLE, 0, 0},
        {"wide", UNREADABLE, 0, 0}, {"-2:1", UNREADABLE, 0, 0}, {"2\xc3", UNREADABLE, 0, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        for (int upright = 0; upright < 2; upright++) {
            double ratio = 0, expected = upright ? cases[i].upright : cases[i].lying;
            int answer =
                (int)limn_shape_text_parse_ratio(cases[i].text, upright, 256, &ratio);
            if (answer != cases[i].answer || fabs(ratio - expected) > 1e-9)
                g_error("\"%s\": %d, %g", cases[i].text, answer, ratio);
        }
}

/* What the program writes it also reads. */
static void test_round_trip(void)
{
    for (int pixels = 1; pixels <= rule.largest; pixels++) {
        g_autofree char *text = g_strdup_printf("%d", pixels);
        double back = 0;
        g_assert_cmpint(limn_shape_text_parse_length(text, &rule, &back), ==, OK);
        g_assert_cmpfloat(back, ==, pixels);
    }
}

/* Any bytes at all: an answer, and a length within the rule where there is one. */
static void test_any_bytes(void)
{
    static const char letters[] = "0123456789.,:/xXpP%A a-+e\n\t\xc3\x97\xff";
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    for (int i = 0; i < 200000; i++) {
        char text[16] = {0};
        int n = g_rand_int_range(random, 0, 15);
        for (int k = 0; k < n; k++)
            text[k] = letters[g_rand_int_range(random, 0, sizeof letters - 1)];
        double pixels = -1, ratio = -1;
        if (limn_shape_text_parse_length(text, &rule, &pixels) == LIMN_SHAPE_TEXT_OK)
            g_assert_true(pixels >= 1 && pixels <= rule.largest);
        else
            g_assert_cmpfloat(pixels, ==, -1);
        if (limn_shape_text_parse_ratio(text, i & 1, 256, &ratio) == LIMN_SHAPE_TEXT_OK)
            g_assert_true(ratio >= 1.0 / 256 && ratio <= 256);
        else
            g_assert_cmpfloat(ratio, ==, -1);
    }
}

static void test_endless(void)
{
    g_autofree char *text = g_strnfill(1 << 20, '9');
    double value = -1;
    g_assert_cmpint(limn_shape_text_parse_length(text, &rule, &value), ==, LARGE);
    g_assert_cmpint(limn_shape_text_parse_ratio(text, true, 256, &value), ==, LARGE);
    text[1 << 19] = ':';
    g_assert_cmpint(limn_shape_text_parse_ratio(text, true, 256, &value), ==, LARGE);
    text[1] = ':';
    text[1 << 19] = '9';
    g_assert_cmpint(limn_shape_text_parse_ratio(text, true, 256, &value), ==, SMALL);
    memset(text, '0', 1 << 20);
    g_assert_cmpint(limn_shape_text_parse_length(text, &rule, &value), ==, SMALL);
    g_assert_cmpfloat(value, ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shape-text/lengths", test_lengths);
    g_test_add_func("/shape-text/ratios", test_ratios);
    g_test_add_func("/shape-text/round-trip", test_round_trip);
    g_test_add_func("/shape-text/any-bytes", test_any_bytes);
    g_test_add_func("/shape-text/endless", test_endless);
    return g_test_run();
}
