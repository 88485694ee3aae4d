/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of torch: one that torch wrote, good ones made by hand, and everything else. What may
 * be wrong within data.pkl is in test_pickle.c. */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torch_maker.h"
#include "weight_file.h"

static const struct archive_style plain;

/* Opens, whatever it is, and touches every byte of every tensor. */
static bool read_all(const char *path, struct fit_error *error)
{
    struct fit_weight_file file;
    if (!fit_weight_file_open(&file, path, error))
        return false;
    for (size_t i = 0; i < file.list.n; i++) {
        const struct fit_tensor *tensor = &file.list.tensors[i];
        hostile_touch(tensor->data, (size_t)tensor->bytes);
        assert_ptr_equal(fit_tensors_find(&file.list, tensor->name), tensor);
    }
    fit_weight_file_close(&file);
    return true;
}

/* ---- what torch wrote --------------------------------------------------------------------- */

static const struct expected {
    const char *name;
    enum fit_tensor_type type;
    int n_dims;
    uint64_t dims[3];
    float first, step;
} expected[] = {
    {"ema.weight", FIT_TENSOR_F32, 2, {3, 4}, 0, 2},
    {"model.bias", FIT_TENSOR_F32, 1, {3}, 0, -1},
    {"model.brain", FIT_TENSOR_BF16, 3, {2, 2, 2}, 0, 1},
    {"model.carrying", FIT_TENSOR_F32, 1, {3}, 0, 1},
    {"model.empty", FIT_TENSOR_F32, 2, {0, 4}, 0, 0},
    {"model.half", FIT_TENSOR_F16, 1, {5}, 0, 1},
    {"model.long", FIT_TENSOR_I64, 1, {3}, 0, 0},
    {"model.parameter", FIT_TENSOR_F32, 1, {2}, 0, 1},
    {"model.row", FIT_TENSOR_F32, 2, {1, 6}, 12, 1},
    {"model.scalar", FIT_TENSOR_F32, 0, {0}, 0, 0},
    {"model.tied.a", FIT_TENSOR_F32, 2, {2, 3}, 0, 1},
    {"model.tied.b", FIT_TENSOR_F32, 2, {2, 3}, 0, 1},
    {"model.weight", FIT_TENSOR_F32, 2, {3, 4}, 0, 1},
};

static void test_what_torch_wrote(void **state)
{
    (void)state;
    struct fit_weight_file file;
    struct fit_error error = {0};
    if (!fit_weight_file_open(&file, GOLDEN, &error))
        fail_msg("%s", error.message);
    assert_int_equal(file.list.n, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < file.list.n; i++) {
        const struct fit_tensor *t = &file.list.tensors[i];
        const struct expected *e = &expected[i];
        float found[16];
        assert_string_equal(t->name, e->name);
        assert_int_equal(t->type, e->type);
        assert_int_equal(t->n_dims, e->n_dims);
        assert_memory_equal(t->dims, e->dims, (size_t)e->n_dims * sizeof *e->dims);
        assert_int_equal(fit_tensor_to_f32(t, found), e->type != FIT_TENSOR_I64);
        for (uint64_t k = 0; e->type != FIT_TENSOR_I64 && k < t->n_values; k++)
            if (found[k] != e->first + (float)k * e->step)
                fail_msg("%s: value %d is %g", t->name, (int)k, (double)found[k]);
    }
    fit_weight_file_close(&file);
}

static void test_what_torch_wrote_damaged(void **state)
{
    (void)state;
    size_t n;
    uint8_t *good = hostile_read(GOLDEN, &n);
    const char *path = hostile_path("torch.bin");
    assert_int_equal(hostile_truncate(read_all, path, good, n, n), 0);
    hostile_flip(read_all, path, good, n, 0, n, 3000, NULL);
    hostile_flip(read_all, path, good, n, 64, 1200, 5000, NULL); /* the pickle */
    hostile_flip(read_all, path, good, n, n - 1200, n, 3000, NULL); /* the directory */
    free(good);
}

/* ---- one tensor --------------------------------------------------------------------------- */

static const struct coded good_tensor = {
    .storage = {"FloatStorage", "0", 12}, .n_dims = 2, .n_strides = 2, .dims = {3, 4},
    .strides = {4, 1}};

static const float values[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static const char *write_archive(const struct entry *entries, int n,
                                 const struct archive_style *style)
{
    const char *path = hostile_path("torch.bin");
    struct made archive = {0};
    archive_make(&archive, entries, n, style);
    hostile_write(path, archive.data, archive.n);
    made_clear(&archive);
    return path;
}

static struct made make_pickle(const struct coded *tensors, const char *const *names, int n)
{
    struct made pickle = {0};
    code_begin(&pickle);
    for (int i = 0; i < n; i++) {
        code_text(&pickle, names[i]);
        code_tensor(&pickle, &tensors[i]);
    }
    code_end(&pickle);
    return pickle;
}

static const char *write_tensors(const struct coded *tensors, const char *const *names, int n)
{
    struct made pickle = make_pickle(tensors, names, n);
    const struct entry entries[] = {
        {.name = "a/data.pkl", .data = pickle.data, .n = pickle.n},
        {.name = "a/byteorder", .data = "little", .n = 6},
        {.name = "a/data/0", .data = values, .n = sizeof values},
    };
    const char *path = write_archive(entries, 3, &plain);
    made_clear(&pickle);
    return path;
}

static const char *write_tensor(const struct coded *tensor)
{
    return write_tensors(tensor, (const char *const[]){"w"}, 1);
}

static void accepted(const char *path)
{
    struct fit_error error = {0};
    if (!read_all(path, &error))
        fail_msg("%s", error.message);
}

static void test_storages(void **state)
{
    (void)state;
    struct coded t = good_tensor;
    accepted(write_tensor(&t));
    t.storage.key = "2";
    hostile_refused(read_all, write_tensor(&t), "tensor w: its storage data/2 is not in the");
    t.storage.key = "../data.pkl";
    hostile_refused(read_all, write_tensor(&t), "is not in the archive");
    t.storage.key = "";
    hostile_refused(read_all, write_tensor(&t), "is not in the archive");
    t.storage.key = "0\n";
    hostile_refused(read_all, write_tensor(&t), "a persistent id that is not");
    t.storage.key = "0000000000000000000000000000000000000000";
    hostile_refused(read_all, write_tensor(&t), "a persistent id that is not");
    t = good_tensor;
    static const int64_t counts[] = {0, 11, 13, 48, INT32_MAX, INT64_C(1) << 62, INT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        t.storage.values = counts[i];
        hostile_refused(read_all, write_tensor(&t), "its storage data/0 has 48 bytes, expected");
    }
    t.storage.values = -1;
    hostile_refused(read_all, write_tensor(&t), "a persistent id that is not");
    t = good_tensor;
    t.storage.type = "HalfStorage"; /* of 24 bytes then */
    hostile_refused(read_all, write_tensor(&t), "expected 12 values of F16");
    static const char *const types[] = {"DoubleStorage", "IntStorage", "UntypedStorage",
                                        "CharStorage", "QInt8Storage", "Storage2Storage"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        t.storage.type = types[i];
        hostile_refused(read_all, write_tensor(&t), types[i]);
    }
}

static void test_shapes(void **state)
{
    (void)state;
    struct coded t = good_tensor;
    static const int64_t outside[][3] = {{4, 4, 0}, {3, 5, 0}, {3, 4, 1}, {0, 0, 13},
                                         {1, 13, 0}, {1, 1, INT64_MAX}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        t.dims[0] = outside[i][0];
        t.dims[1] = t.strides[0] = outside[i][1];
        t.offset = outside[i][2];
        hostile_refused(read_all, write_tensor(&t), "its storage data/0 has 12");
    }
    t = good_tensor;
    t.dims[0] = t.dims[1] = t.strides[0] = INT64_C(1) << 40;
    hostile_refused(read_all, write_tensor(&t), "its shape has more values than can be");
    t = good_tensor;
    t.dims[0] = -3;
    hostile_refused(read_all, write_tensor(&t), "expected a shape and strides");
    t = good_tensor;
    t.offset = -1;
    hostile_refused(read_all, write_tensor(&t), "expected (storage, offset, shape, strides");
    t = good_tensor;
    t.n_strides = 1;
    hostile_refused(read_all, write_tensor(&t), "expected a shape and strides");
    t = (struct coded){.storage = good_tensor.storage, .n_dims = 9, .n_strides = 9,
                         .dims = {1, 1, 1, 1, 1, 1, 1, 1, 1}, .strides = {1}};
    hostile_refused(read_all, write_tensor(&t), "at most 8");
    t.n_dims = t.n_strides = 8;
    accepted(write_tensor(&t));
}

static void test_strides(void **state)
{
    (void)state;
    const char *dense = "its strides are not those of a dense array";
    struct coded t = good_tensor;
    static const int64_t bad[][2] = {{1, 3}, {1, 1}, {0, 1}, {4, 0}, {0, 0}, {8, 2}, {5, 1},
                                     {INT64_MAX, 1}, {4, INT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(t.strides, bad[i], sizeof bad[i]);
        hostile_refused(read_all, write_tensor(&t), dense);
    }
    t.strides[0] = -4;
    hostile_refused(read_all, write_tensor(&t), "expected a shape and strides");
    /* Of one row, or of none, the stride does not matter. */
    t = good_tensor;
    t.dims[0] = 1;
    t.strides[0] = 7;
    accepted(write_tensor(&t));
    t.dims[0] = 0;
    t.strides[1] = 9;
    accepted(write_tensor(&t));
}

static void test_overlaps(void **state)
{
    (void)state;
    static const char *const names[] = {"v", "w"}, *const same[] = {"w", "w"};
    struct coded two[2] = {good_tensor, good_tensor};
    accepted(write_tensors(two, names, 2)); /* tied */
    hostile_refused(read_all, write_tensors(two, same, 2), "tensor w appears twice");
    two[0].dims[0] = 2;
    hostile_refused(read_all, write_tensors(two, names, 2), "tensors v and w overlap");
    two[1].dims[0] = 1;
    two[1].offset = 7;
    hostile_refused(read_all, write_tensors(two, names, 2), "tensors v and w overlap");
    two[1].offset = 8;
    accepted(write_tensors(two, names, 2));
}

/* ---- the archive -------------------------------------------------------------------------- */

static struct made good_pickle;

enum { N_GOOD = 4 };

/* Entries of a good archive, to be spoiled. */
static void good_entries(struct entry *entries)
{
    const struct entry good[N_GOOD] = {
        {.name = "a/data.pkl", .data = good_pickle.data, .n = good_pickle.n},
        {.name = "a/byteorder", .data = "little", .n = 6},
        {.name = "a/data/0", .data = values, .n = sizeof values},
        {.name = "a/version", .data = "3\n", .n = 2},
    };
    memcpy(entries, good, sizeof good);
}

static int set_up(void **state)
{
    (void)state;
    good_pickle = make_pickle(&good_tensor, (const char *const[]){"w"}, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    made_clear(&good_pickle);
    return 0;
}

static void refused_archive(const struct entry *entries, int n, const struct archive_style *style,
                            const char *why)
{
    hostile_refused(read_all, write_archive(entries, n, style), why);
}

static void test_forms_of_archives(void **state)
{
    (void)state;
    struct entry e[N_GOOD];
    good_entries(e);
    for (int i = 0; i < 4; i++) {
        const struct archive_style style = {.zip64 = i % 2, .descriptors = i / 2};
        size_t n;
        const char *path = write_archive(e, N_GOOD, &style);
        accepted(path);
        uint8_t *good = hostile_read(path, &n);
        assert_int_equal(hostile_truncate(read_all, path, good, n, n), 0);
        hostile_flip(read_all, path, good, n, 0, n, 2000, NULL);
        free(good);
    }
}

static void test_entries(void **state)
{
    (void)state;
    struct entry e[N_GOOD + 1];
    good_entries(e);
    e[2].method = 8;
    refused_archive(e, N_GOOD, &plain, "entry a/data/0: is compressed (method 8)");
    good_entries(e);
    e[2].flags = 1;
    refused_archive(e, N_GOOD, &plain, "entry a/data/0: is encrypted");
    good_entries(e);
    e[2].claimed = 1 << 20; /* what it would be unpacked */
    refused_archive(e, N_GOOD, &plain, "as a ZIP archive: Not a zip archive");
    good_entries(e);
    e[2].claimed = 8; /* so that the next one is not where it should be */
    refused_archive(e, N_GOOD, &plain, "Zip archive inconsistent");
    good_entries(e);
    e[2].local_name = "a/data/1";
    refused_archive(e, N_GOOD, &plain, "Zip archive inconsistent");
    good_entries(e);
    e[3] = e[2];
    refused_archive(e, N_GOOD, &plain, "two entries have the same name"); /* twice the same name */
    e[3].name = "a/data/1";
    e[3].again = true;
    refused_archive(e, N_GOOD, &plain, "Zip archive inconsistent"); /* the same bytes twice */
}

static void test_names_of_entries(void **state)
{
    (void)state;
    struct entry e[N_GOOD + 1];
    good_entries(e);
    refused_archive(e + 1, N_GOOD - 1, &plain, "is a ZIP archive without data.pkl");
    refused_archive(e, 0, &plain, "do not end as a ZIP archive does");
    e[0].name = "data.pkl";
    refused_archive(e, N_GOOD, &plain, "is a ZIP archive without data.pkl");
    e[0].name = "/data.pkl";
    refused_archive(e, N_GOOD, &plain, "one data.pkl in one folder");
    e[0].name = "b/data.pkl";
    refused_archive(e, N_GOOD, &plain, "its storage data/0 is not in the archive");
    good_entries(e);
    e[N_GOOD] = e[0];
    e[N_GOOD].name = "b/data.pkl";
    refused_archive(e, N_GOOD + 1, &plain, "one data.pkl in one folder");
    good_entries(e);
    e[1].data = "big";
    e[1].n = 3;
    refused_archive(e, N_GOOD, &plain, "byteorder is big, expected little");
    good_entries(e);
    accepted(write_archive(e, 3, &plain)); /* nobody asks for the version */
}

static void test_ends_of_archives(void **state)
{
    (void)state;
    struct entry e[N_GOOD];
    good_entries(e);
    struct archive_style style = {.n_before = 64};
    refused_archive(e, N_GOOD, &style, "is neither a safetensors file nor a torch checkpoint");
    style = (struct archive_style){.comment = "hello"};
    refused_archive(e, N_GOOD, &style, "do not end as a ZIP archive does");
    /* A comment that is an end of its own. */
    style.comment = "PK\5\6------------------";
    refused_archive(e, N_GOOD, &style, "do not end as a ZIP archive does");
    style = (struct archive_style){.zip64 = true};
    static const uint64_t claims[] = {65537, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        style.claimed_entries = claims[i];
        refused_archive(e, N_GOOD, &style, "entries in a directory of");
    }
    for (int zip64 = 0; zip64 < 2; zip64++) {
        style = (struct archive_style){.zip64 = zip64, .claimed_entries = N_GOOD + 1};
        refused_archive(e, N_GOOD, &style, "Zip archive inconsistent");
    }
}

/* A directory of more entries than a checkpoint has, and one of names too long to be one. */
static void test_large_directories(void **state)
{
    (void)state;
    enum { MANY = 70000, LONG = 60000, N_LONG = 160 };
    struct entry *e = calloc(MANY, sizeof *e);
    char (*names)[16] = malloc(MANY * sizeof *names), *longest = malloc(LONG + 1);
    assert_non_null(e);
    assert_non_null(names);
    assert_non_null(longest);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "a/data/%d", i);
        e[i] = (struct entry){.name = names[i]};
    }
    const struct archive_style zip64 = {.zip64 = true};
    refused_archive(e, MANY, &zip64, "has 70000 entries in a directory of");
    memset(longest, 'a', LONG);
    longest[LONG] = '\0';
    for (int i = 0; i < N_LONG; i++)
        e[i].name = longest;
    refused_archive(e, N_LONG, &plain, "has 160 entries in a directory of");
    free(e);
    free(names);
    free(longest);
}

static void test_a_large_pickle(void **state)
{
    (void)state;
    enum { BYTES = 5 << 20 };
    struct entry e[N_GOOD];
    good_entries(e);
    char *zeros = calloc(BYTES, 1);
    assert_non_null(zeros);
    e[0].data = zeros;
    e[0].n = BYTES;
    refused_archive(e, N_GOOD, &plain, "data.pkl has 5242880 bytes, expected at most");
    free(zeros);
}

/* ---- what is no checkpoint ---------------------------------------------------------------- */

static void refused_text(const char *text, size_t n, const char *why)
{
    const char *path = hostile_path("model_ema.bin");
    hostile_write(path, text, n);
    hostile_refused(read_all, path, why);
}

static void test_other_files(void **state)
{
    (void)state;
    static const char *const pages[] = {"<!doctype html><html>", "<!DOCTYPE HTML PUBLIC",
                                        "\n\t <html lang=\"en\">", "\xef\xbb\xbf<HTML>", "<head>"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        refused_text(pages[i], strlen(pages[i]), "is a web page that was saved in place of the");
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n"
                                  "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daa\n"
                                  "size 11887804540\n";
    refused_text(pointer, sizeof pointer - 1, "is a Git LFS pointer");
    static const char legacy[] = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M";
    refused_text(legacy, sizeof legacy - 1, "is a torch checkpoint of before version 1.6");
    const char *unknown = "is neither a safetensors file nor a torch checkpoint";
    refused_text("", 0, unknown);
    refused_text("PK", 2, unknown);
    refused_text("\x80\x02}.", 4, unknown); /* a bare pickle */
    refused_text("\x1f\x8b\x08", 3, unknown);
    refused_text("PK\3\4", 4, "do not end as a ZIP archive does");
    refused_text("PK\5\6", 4, "do not end as a ZIP archive does");
    static const char empty[22] = "PK\5\6";
    refused_text(empty, sizeof empty, "do not end as a ZIP archive does");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_torch_wrote), TEST(test_what_torch_wrote_damaged), TEST(test_storages),
        TEST(test_shapes), TEST(test_strides), TEST(test_overlaps), TEST(test_forms_of_archives),
        TEST(test_entries), TEST(test_names_of_entries), TEST(test_ends_of_archives),
        TEST(test_large_directories), TEST(test_a_large_pickle), TEST(test_other_files),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
