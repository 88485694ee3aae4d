/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

/* Opens, and touches every byte of every tensor. */
static bool read_all(const char *path, struct fit_error *error)
{
    struct fit_safetensors file;
    if (!fit_safetensors_open(&file, path, error))
        return false;
    for (size_t i = 0; i < file.n_tensors; i++) {
        const struct fit_tensor *tensor = &file.tensors[i];
        hostile_touch(tensor->data, (size_t)tensor->bytes);
        assert_ptr_equal(fit_safetensors_find(&file, tensor->name), tensor);
    }
    fit_safetensors_metadata(&file, "key");
    fit_safetensors_close(&file);
    return true;
}

static const char *write_file(const char *header, size_t header_length, uint64_t claimed,
                              size_t data_bytes)
{
    const char *path = hostile_path("x.safetensors");
    size_t n = 8 + header_length + data_bytes;
    uint8_t *bytes = calloc(1, n);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(claimed >> (8 * i));
    memcpy(bytes + 8, header, header_length);
    hostile_write(path, bytes, n);
    free(bytes);
    return path;
}

static void refused(const char *header, size_t data_bytes, const char *why)
{
    const char *path = write_file(header, strlen(header), strlen(header), data_bytes);
    hostile_refused(read_all, path, why);
}

#define TENSOR(type, shape, begin, end)                                                            \
    "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void test_round_trip(void **state)
{
    (void)state;
    float floats[6] = {1, -2, 3.5f, 0, INFINITY, 1e-40f};
    uint16_t halves[2] = {0x3c00, 0xc000}, brains[3] = {0x3f80, 0x4000, 0xbf80};
    double wide = 0.1;
    struct fit_tensor in[] = {
        {.name = "z.weight", .type = FIT_TENSOR_F32, .n_dims = 2, .dims = {2, 3}, .n_values = 6,
         .data = floats, .bytes = sizeof floats},
        {.name = "a", .type = FIT_TENSOR_F16, .n_dims = 1, .dims = {2}, .n_values = 2,
         .data = halves, .bytes = sizeof halves},
        {.name = "brain", .type = FIT_TENSOR_BF16, .n_dims = 3, .dims = {1, 3, 1}, .n_values = 3,
         .data = brains, .bytes = sizeof brains},
        {.name = "one", .type = FIT_TENSOR_F64, .n_dims = 0, .n_values = 1, .data = &wide,
         .bytes = sizeof wide},
        {.name = "empty", .type = FIT_TENSOR_F32, .n_dims = 1, .dims = {0}, .n_values = 0,
         .data = floats, .bytes = 0},
    };
    const char *const metadata[] = {"format", "pt", "key", "\xc3\xa9 \"quoted\"\n", NULL};
    const char *path = hostile_path("round.safetensors");
    struct fit_safetensors file;
    struct fit_error error = {0};
    float out[6];
    if (!fit_safetensors_write(path, in, 5, metadata, &error) ||
        !fit_safetensors_open(&file, path, &error))
        fail_msg("%s", error.message);
    assert_int_equal(file.n_tensors, 5);
    for (int i = 0; i < 5; i++) {
        const struct fit_tensor *t = fit_safetensors_find(&file, in[i].name);
        assert_non_null(t);
        assert_int_equal(t->type, in[i].type);
        assert_int_equal(t->n_dims, in[i].n_dims);
        assert_memory_equal(t->dims, in[i].dims, (size_t)t->n_dims * sizeof *t->dims);
        assert_int_equal(t->bytes, in[i].bytes);
        if (t->bytes)
            assert_memory_equal(t->data, in[i].data, t->bytes);
    }
    assert_string_equal(fit_safetensors_metadata(&file, "key"), metadata[3]);
    assert_null(fit_safetensors_metadata(&file, "other"));
    assert_null(fit_safetensors_find(&file, "other"));
    assert_true(fit_tensor_to_f32(fit_safetensors_find(&file, "a"), out));
    assert_true(out[0] == 1 && out[1] == -2);
    assert_true(fit_tensor_to_f32(fit_safetensors_find(&file, "brain"), out));
    assert_true(out[0] == 1 && out[1] == 2 && out[2] == -1);
    assert_true(fit_tensor_to_f32(fit_safetensors_find(&file, "one"), out));
    assert_true(out[0] == (float)0.1);
    fit_safetensors_close(&file);
}

static void test_require_says_what_it_wants(void **state)
{
    (void)state;
    const char *header = "{\"w\":" TENSOR("F32", "[2,3]", "0", "24") "}";
    const char *path = write_file(header, strlen(header), strlen(header), 24);
    struct fit_safetensors file;
    struct fit_error error = {0};
    const struct fit_tensor *tensor;
    assert_true(fit_safetensors_open(&file, path, NULL));
    assert_true(fit_safetensors_require(&file, "w", 2, (uint64_t[]){2, 3}, &tensor, &error));
    assert_true(fit_safetensors_require(&file, "w", 0, NULL, &tensor, &error));
    assert_false(fit_safetensors_require(&file, "w", 2, (uint64_t[]){3, 2}, &tensor, &error));
    assert_non_null(strstr(error.message, "(3, 2)"));
    assert_non_null(strstr(error.message, "(2, 3)"));
    error = (struct fit_error){0};
    assert_false(fit_safetensors_require(&file, "bias", 0, NULL, &tensor, &error));
    assert_non_null(strstr(error.message, "bias"));
    fit_safetensors_close(&file);
}

static void test_header_length(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 3, 1u << 22, UINT64_C(1) << 32, INT64_MAX,
                                       UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        hostile_refused(read_all, write_file("{}", 2, lengths[i], 0), "is truncated");
    for (size_t n = 0; n < 8; n++) {
        hostile_write(hostile_path("short.safetensors"), "\2\0\0\0\0\0\0\0", n);
        hostile_refused(read_all, hostile_path("short.safetensors"), "is truncated");
    }
    assert_true(hostile_try(read_all, write_file("{}", 2, 2, 0)));
    assert_true(hostile_try(read_all, write_file("{}      ", 8, 8, 0)));
    hostile_refused(read_all, "/nonexistent", "cannot be opened");
    hostile_refused(read_all, "/dev/null", "is not a regular file");
    hostile_refused(read_all, "/tmp", "is not a regular file");
}

static void test_header_text(void **state)
{
    (void)state;
    const char *why = "the header is not a JSON object";
    refused("[]", 0, why);
    refused("null", 0, why);
    refused("{ ", 0, why);
    refused("{}}", 0, why);
    refused("{\"a\":1,}", 0, why);
    refused("{\"a\" 1}", 0, why);
    refused("{\"\xff\":1}", 0, why);
    refused("{\"a\\u0000b\":1}", 0, why);
    refused("{\"a\":99999999999999999999999999}", 0, why);
    refused("{\"a\":" TENSOR("F32", "[1]", "0", "4") ",\"a\":" TENSOR("F32", "[1]", "4", "8") "}",
            8, why);
    refused("{\"a\":1}", 0, "tensor a: dtype is missing");
    refused("{\"a\":[]}", 0, "tensor a: dtype is missing");
}

static void test_deep_nesting(void **state)
{
    (void)state;
    enum { DEPTH = 1 << 20 };
    char *header = malloc(2 * DEPTH + 16);
    assert_non_null(header);
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', DEPTH);
    memset(header + 5 + DEPTH, ']', DEPTH);
    header[5 + 2 * DEPTH] = '}';
    hostile_refused(read_all, write_file(header, 2 * DEPTH + 6, 2 * DEPTH + 6, 0),
                    "the header is not a JSON object");
    free(header);
}

static void test_types_and_shapes(void **state)
{
    (void)state;
    const char *shape = "shape is not a list";
    refused("{\"a\":" TENSOR("F8", "[1]", "0", "4") "}", 4, "dtype is F8");
    refused("{\"a\":" TENSOR("f32", "[1]", "0", "4") "}", 4, "dtype is f32");
    refused("{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype is missing");
    refused("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "1", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[-1]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[1.0]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[\"1\"]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[4294967296,4294967296]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[4611686018427387904]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[9223372036854775807,2]", "0", "4") "}", 4, shape);
    refused("{\"a\":" TENSOR("F32", "[1000000000000]", "0", "4") "}", 4, "needs 4000000000000");
    refused("{\"a\":" TENSOR("F32", "[2]", "0", "4") "}", 4, "its shape needs 8 bytes");
}

static void test_offsets(void **state)
{
    (void)state;
    const char *inside = "do not lie within";
    refused("{\"a\":" TENSOR("F32", "[1]", "4", "0") "}", 4, inside);
    refused("{\"a\":" TENSOR("F32", "[1]", "0", "8") "}", 4, inside);
    refused("{\"a\":" TENSOR("F32", "[1]", "-4", "0") "}", 4, inside);
    refused("{\"a\":" TENSOR("F32", "[1]", "9223372036854775803", "9223372036854775807") "}", 4,
            inside);
    refused("{\"a\":" TENSOR("F32", "[1]", "0.0", "4") "}", 4, inside);
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, inside);
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4, inside);
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{}}}", 4, inside);
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, inside);
}

static void test_overlaps_and_holes(void **state)
{
    (void)state;
    const char *tiling = "overlap or leave a hole", *covered = "its tensors cover";
    refused("{\"a\":" TENSOR("F32", "[1]", "0", "4") ",\"b\":" TENSOR("F32", "[1]", "0", "4") "}",
            4, tiling);
    refused("{\"a\":" TENSOR("F32", "[2]", "0", "8") ",\"b\":" TENSOR("F32", "[1]", "4", "8") "}",
            8, tiling);
    refused("{\"a\":" TENSOR("F32", "[1]", "4", "8") "}", 8, tiling);
    refused("{\"a\":" TENSOR("F32", "[1]", "0", "4") ",\"b\":" TENSOR("F32", "[1]", "8", "12")
            "}", 12, tiling);
    refused("{\"a\":" TENSOR("F32", "[1]", "0", "4") "}", 5, covered);
    refused("{}", 1, covered);
    refused("{\"a\":" TENSOR("F32", "[0]", "4", "4") "}", 8, tiling);
}

/* Every prefix of a good file, and thousands of bytes changed in its header. */
static void test_damage(void **state)
{
    (void)state;
    const char *header = "{\"__metadata__\":{\"key\":\"value\"},"
                         "\"one.weight\":" TENSOR("F32", "[2,3]", "0", "24") ","
                         "\"two.bias\":" TENSOR("BF16", "[4]", "24", "32") ","
                         "\"three\":" TENSOR("I64", "[1,1]", "32", "40") "}";
    size_t n;
    const char *path = write_file(header, strlen(header), strlen(header), 40);
    uint8_t *good = hostile_read(path, &n);
    assert_true(hostile_try(read_all, path));
    assert_int_equal(hostile_truncate(read_all, path, good, n, n), 0);
    hostile_flip(read_all, path, good, n, 8, n - 40, 4000, NULL);
    hostile_flip(read_all, path, good, n, 0, 8, 200, NULL);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_require_says_what_it_wants),
        cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_header_text),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_types_and_shapes),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_overlaps_and_holes),
        cmocka_unit_test(test_damage),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
