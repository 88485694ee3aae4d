/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fit/fit-scenes.h"

#define SIDE 48
#define BYTES (SIDE * SIDE * 3)
#define GUARD 64
#define GUARD_BYTE 0xa5

static void test_names_are_distinct(void **state)
{
    (void)state;
    for (int i = 0; i < FIT_SCENE_CLASSES; i++) {
        assert_non_null(fit_scene_name(i));
        assert_true(strlen(fit_scene_synonyms(i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(fit_scene_name(i), fit_scene_name(j));
    }
    assert_string_equal(fit_scene_name(0), "Ocean sunset");
    assert_string_equal(fit_scene_name(15), "Cherry blossom");
    assert_null(fit_scene_name(-1));
    assert_null(fit_scene_name(FIT_SCENE_CLASSES));
    assert_null(fit_scene_synonyms(FIT_SCENE_CLASSES));
}

static void test_same_arguments_same_bytes(void **state)
{
    static uint8_t first[BYTES], second[BYTES];

    (void)state;
    for (int i = 0; i < FIT_SCENE_CLASSES; i++) {
        memset(first, 0x00, sizeof first);
        memset(second, 0xff, sizeof second);
        assert_true(fit_scene_render(i, 7, SIDE, SIDE, first));
        assert_true(fit_scene_render(i, 7, SIDE, SIDE, second));
        assert_memory_equal(first, second, sizeof first);
    }
}

static void test_seeds_and_classes_differ(void **state)
{
    static uint8_t pictures[FIT_SCENE_CLASSES][BYTES];
    static uint8_t other[BYTES];

    (void)state;
    for (int i = 0; i < FIT_SCENE_CLASSES; i++) {
        assert_true(fit_scene_render(i, 1, SIDE, SIDE, pictures[i]));
        assert_true(fit_scene_render(i, 2, SIDE, SIDE, other));
        assert_memory_not_equal(pictures[i], other, sizeof other);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(pictures[i], pictures[j], sizeof other);
    }
}

static void test_odd_sizes_stay_in_bounds(void **state)
{
    static const int sizes[][2] = {{16, 16}, {48, 16}, {17, 33}, {128, 384}, {16, 160}, {160, 16}};

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        size_t bytes = (size_t)sizes[k][0] * (size_t)sizes[k][1] * 3;
        uint8_t *block = malloc(bytes + 2 * GUARD);

        assert_non_null(block);
        for (int i = 0; i < FIT_SCENE_CLASSES; i++) {
            memset(block, GUARD_BYTE, bytes + 2 * GUARD);
            assert_true(fit_scene_render(i, 11u + k, sizes[k][0], sizes[k][1], block + GUARD));
            for (size_t g = 0; g < GUARD; g++) {
                assert_int_equal(block[g], GUARD_BYTE);
                assert_int_equal(block[GUARD + bytes + g], GUARD_BYTE);
            }
        }
        free(block);
    }
}

/* A picture that is nearly black, nearly white or nearly flat is a broken scene. Over many seeds
 * the class means lie within 34 .. 190 of 255 and the deviations above 32; the bounds leave
 * room for small pictures. */
static void test_pictures_have_light_and_contrast(void **state)
{
    static uint8_t rgb[BYTES];

    (void)state;
    for (int i = 0; i < FIT_SCENE_CLASSES; i++)
        for (uint64_t seed = 100; seed < 104; seed++) {
            double sum = 0.0;
            double squares = 0.0;
            double mean;

            assert_true(fit_scene_render(i, seed, SIDE, SIDE, rgb));
            for (size_t k = 0; k < BYTES; k++) {
                sum += rgb[k];
                squares += (double)rgb[k] * rgb[k];
            }
            mean = sum / BYTES;
            assert_true(mean > 20.0 && mean < 220.0);
            assert_true(squares / BYTES - mean * mean > 20.0 * 20.0);
        }
}

static void test_bad_arguments_are_refused(void **state)
{
    uint8_t byte = GUARD_BYTE;

    (void)state;
    assert_false(fit_scene_render(-1, 0, 32, 32, &byte));
    assert_false(fit_scene_render(FIT_SCENE_CLASSES, 0, 32, 32, &byte));
    assert_false(fit_scene_render(0, 0, FIT_SCENE_SIDE_MIN - 1, 32, &byte));
    assert_false(fit_scene_render(0, 0, 32, FIT_SCENE_SIDE_MIN - 1, &byte));
    assert_false(fit_scene_render(0, 0, FIT_SCENE_SIDE_MAX + 1, 32, &byte));
    assert_int_equal(byte, GUARD_BYTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_distinct),
        cmocka_unit_test(test_same_arguments_same_bytes),
        cmocka_unit_test(test_seeds_and_classes_differ),
        cmocka_unit_test(test_odd_sizes_stay_in_bounds),
        cmocka_unit_test(test_pictures_have_light_and_contrast),
        cmocka_unit_test(test_bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
