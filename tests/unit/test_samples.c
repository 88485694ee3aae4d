/* SPDX-License-Identifier: Apache-2.0 */
/* Collected pictures: what the .npz holds, read back by libzip, and what is refused. */
/* cmocka.h needs these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "fit/fit-samples.h"

enum { WIDTH = 5, HEIGHT = 3, N = 4, PIXELS = WIDTH * HEIGHT, BYTES = 3 * PIXELS };

static char folder[] = "/tmp/limn-samples-XXXXXX";
static char path[64], part[72];
static const char settings[] = "{\"steps\": 2, \"solver\": \"euler\"}";

static uint8_t value_at(int picture, int pixel, int channel)
{
    return (uint8_t)(picture * 60 + pixel * 4 + channel);
}

static void make_picture(int picture, uint8_t rgba[4 * PIXELS])
{
    for (int i = 0; i < PIXELS; i++) {
        for (int c = 0; c < 3; c++)
            rgba[4 * i + c] = value_at(picture, i, c);
        rgba[4 * i + 3] = 255;
    }
}

static struct fit_samples *open_samples(int64_t expected)
{
    struct fit_samples *samples;
    struct fit_error error = {0};
    if (!fit_samples_open(&samples, path, settings, WIDTH, HEIGHT, &error))
        fail_msg("%s", error.message);
    assert_int_equal(fit_samples_count(samples), expected);
    return samples;
}

static void add(struct fit_samples *samples, int from, int to)
{
    uint8_t rgba[4 * PIXELS];
    for (int i = from; i < to; i++) {
        struct fit_error error = {0};
        make_picture(i, rgba);
        if (!fit_samples_add(samples, rgba, &error))
            fail_msg("%s", error.message);
    }
}

static void refused(const char *text, const char *reason)
{
    struct fit_samples *samples;
    struct fit_error error = {0};
    assert_false(fit_samples_open(&samples, path, text, WIDTH, HEIGHT, &error));
    assert_null(samples);
    assert_int_equal(error.status, FIT_ERROR_FILE);
    if (!strstr(error.message, reason))
        fail_msg("expected \"%s\" in: %s", reason, error.message);
}

/* The stored bytes of an entry, of which the caller knows how many there are. */
static void read_entry(const char *name, uint8_t *out, size_t bytes)
{
    zip_stat_t entry;
    zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, NULL);
    assert_non_null(zip);
    assert_int_equal(zip_get_num_entries(zip, 0), 2);
    assert_int_equal(zip_stat(zip, name, 0, &entry), 0);
    assert_int_equal(entry.comp_method, ZIP_CM_STORE);
    assert_int_equal(entry.size, bytes);
    zip_file_t *file = zip_fopen(zip, name, 0);
    assert_non_null(file);
    assert_int_equal(zip_fread(file, out, bytes), bytes);
    zip_fclose(file);
    zip_discard(zip);
}

static void check_header(const uint8_t *file, const char *dictionary)
{
    assert_memory_equal(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(file + 10, dictionary, strlen(dictionary));
    for (size_t i = 10 + strlen(dictionary); i < 127; i++)
        assert_int_equal(file[i], ' ');
    assert_int_equal(file[127], '\n');
}

static void test_written_over_two_runs(void **state)
{
    (void)state;
    static const int64_t classes[N] = {3, -1, 70000, 0};
    uint8_t images[128 + N * BYTES], labels[128 + N * 8];
    struct fit_error error = {0};

    struct fit_samples *samples = open_samples(0);
    add(samples, 0, 2);
    fit_samples_close(&samples);
    assert_int_equal(access(path, F_OK), -1);

    samples = open_samples(2);
    add(samples, 2, N + 1);
    assert_false(fit_samples_finish(samples, classes, N + 2, &error));
    assert_int_equal(access(path, F_OK), -1);
    if (!fit_samples_finish(samples, classes, N, &error)) /* one more than is wanted stays out */
        fail_msg("%s", error.message);
    fit_samples_close(&samples);
    assert_int_equal(access(part, F_OK), -1);

    read_entry("arr_0.npy", images, sizeof images);
    check_header(images, "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 3, 5, 3), }");
    for (int i = 0; i < N * BYTES; i++)
        assert_int_equal(images[128 + i], value_at(i / BYTES, i % BYTES / 3, i % 3));
    read_entry("arr_1.npy", labels, sizeof labels);
    check_header(labels, "{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }");
    assert_memory_equal(labels + 128, classes, sizeof classes);

    refused(settings, "is there already");
    unlink(path);
}

static void test_a_torn_picture_is_painted_again(void **state)
{
    (void)state;
    struct fit_samples *samples = open_samples(0);
    add(samples, 0, 3);
    fit_samples_close(&samples);
    FILE *file = fopen(part, "r+b");
    fseek(file, 0, SEEK_END);
    assert_int_equal(ftruncate(fileno(file), ftell(file) - 1), 0);
    fclose(file);
    samples = open_samples(2);
    fit_samples_close(&samples);
    unlink(part);
}

static void test_refuses(void **state)
{
    (void)state;
    struct fit_samples *samples = open_samples(0);
    refused(settings, "another process");
    fit_samples_close(&samples);
    refused("{\"steps\": 2, \"solver\": \"heun\"}", "solver is \"euler\" there and \"heun\" here");
    refused("{\"steps\": 2}", "solver is \"euler\" there and nothing here");
    refused("{\"steps\": 2, \"solver\": \"euler\", \"seed\": 1}",
            "seed is nothing there and 1 here");
    fit_samples_close(&samples);
    unlink(part);

    static const char *const foreign[] = {"{\"a\": 1}\n", "no line", "[]\n", "\n", "{\"format\": "};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        FILE *file = fopen(part, "wb");
        fputs(foreign[i], file);
        fclose(file);
        refused(settings, "is not a file of collected pictures");
        unlink(part);
    }
}

/* Uniform: chi-square of 16 classes over 16000 draws, 99.9 % below 37.7; and each its own. */
static void test_random_classes(void **state)
{
    (void)state;
    int counts[16] = {0}, differ = 0;
    for (int64_t i = 0; i < 16000; i++) {
        int c = fit_samples_random_class(7, i, 16);
        assert_in_range(c, 0, 15);
        counts[c]++;
        differ += c != fit_samples_random_class(8, i, 16);
    }
    double chi2 = 0;
    for (int c = 0; c < 16; c++)
        chi2 += (counts[c] - 1000.0) * (counts[c] - 1000.0) / 1000.0;
    assert_true(chi2 < 37.7);
    assert_in_range(differ, 14500, 15500);
    assert_int_equal(fit_samples_random_class(7, INT64_MAX, 1), 0);
}

int main(void)
{
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.npz", folder);
    snprintf(part, sizeof part, "%s.part", path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_over_two_runs),
        cmocka_unit_test(test_a_torn_picture_is_painted_again),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_random_classes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
