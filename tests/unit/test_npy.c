/* SPDX-License-Identifier: Apache-2.0 */
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

#include "fit/fit-files.h"

static char path[] = "/tmp/limn-npy-XXXXXX";

static size_t read_bytes(uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, room, file);
    fclose(file);
    return n;
}

static void write_bytes(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const int shapes[][5] = {
        {1, 7}, {2, 3, 5}, {3, 2, 3, 4}, {4, 1, 2, 3, 4}, {4, 2, 8, 6, 1}, {1, 1},
    };
    float values[96];
    for (int i = 0; i < 96; i++)
        values[i] = (float)i / 7.0f - 3.0f;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct fit_array array;
        struct fit_error error = {0};
        int n = 1;
        for (int d = 0; d < shapes[k][0]; d++)
            n *= shapes[k][1 + d];
        if (!fit_npy_write(path, shapes[k][0], shapes[k] + 1, values, &error) ||
            !fit_npy_read(path, &array, &error))
            fail_msg("%s", error.message);
        assert_int_equal(array.n_dims, shapes[k][0]);
        assert_memory_equal(array.dims, shapes[k] + 1, (size_t)shapes[k][0] * sizeof(int));
        assert_memory_equal(array.values, values, (size_t)n * sizeof(float));
        fit_array_finish(&array);
        assert_null(array.values);
    }
}

/* The bytes that numpy.save writes for this array, header included. */
static void test_numpys_bytes(void **state)
{
    (void)state;
    uint8_t bytes[256];
    char expected[129];
    int dims[] = {2, 3};
    float values[] = {0, 1, 2, 3, 4, 5};
    memset(expected, ' ', sizeof expected);
    memcpy(expected, "\x93NUMPY\x01\x00\x76\x00", 10);
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    memcpy(expected + 10, header, strlen(header));
    expected[127] = '\n';
    write_bytes(expected, 128);
    FILE *file = fopen(path, "ab");
    assert_int_equal(fwrite(values, sizeof values, 1, file), 1);
    fclose(file);

    struct fit_array array;
    struct fit_error error = {0};
    if (!fit_npy_read(path, &array, &error))
        fail_msg("%s", error.message);
    assert_int_equal(array.dims[1], 3);
    assert_memory_equal(array.values, values, sizeof values);
    fit_array_finish(&array);

    /* Ours is as good: the data begin at a multiple of 64, after a newline. */
    assert_true(fit_npy_write(path, 2, dims, values, &error));
    size_t n = read_bytes(bytes, sizeof bytes);
    size_t start = n - sizeof values;
    assert_int_equal(start % 64, 0);
    assert_int_equal(bytes[start - 1], '\n');
    assert_int_equal(bytes[8] + 256 * bytes[9], start - 10);
    assert_memory_equal(bytes + start, values, sizeof values);
}

static void expect_refusal(const char *header, size_t data_bytes, const char *why)
{
    uint8_t bytes[512] = "\x93NUMPY\x01";
    size_t length = strlen(header);
    struct fit_array array;
    struct fit_error error = {0};
    bytes[8] = (uint8_t)length;
    memcpy(bytes + 10, header, length);
    write_bytes(bytes, 10 + length + data_bytes);
    assert_false(fit_npy_read(path, &array, &error));
    assert_int_equal(error.status, FIT_ERROR_FILE);
    assert_null(array.values);
    if (!strstr(error.message, why))
        fail_msg("%s: \"%s\" lacks \"%s\"", header, error.message, why);
}

static void test_refused(void **state)
{
    (void)state;
    const char *f4 = "little-endian float32";
    expect_refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", 16, f4);
    expect_refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, f4);
    expect_refusal("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8, f4);
    expect_refusal("", 8, f4);
    expect_refusal("{'descr': '<f4', 'fortran_order': False, }", 8, "shape");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2, }", 8, "shape");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }", 0, "shape");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2), }", 8, "shape");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 2), }", 8,
                   "shape");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8, "asks for 3");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8, "asks for 1");
    /* The product of the sizes is 2^64 and more: 0 in 64 bits. */
    expect_refusal("{'descr': '<f4', 'fortran_order': False, "
                   "'shape': (16777216, 16777216, 65536, 1), }", 0, "shape asks for");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, "
                   "'shape': (99999999999999999999,), }", 8, "shape");
}

static void test_an_unwritable_place(void **state)
{
    (void)state;
    int dims[] = {1};
    float value = 1;
    struct fit_array array;
    struct fit_error error = {0};
    assert_false(fit_npy_write("/nonexistent/x.npy", 1, dims, &value, &error));
    assert_int_equal(error.status, FIT_ERROR_FILE);
    error = (struct fit_error){0};
    assert_false(fit_npy_read("/nonexistent/x.npy", &array, &error));
    assert_non_null(strstr(error.message, "/nonexistent/x.npy"));
    assert_false(fit_npy_read("/tmp", &array, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_numpys_bytes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_an_unwritable_place),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
