/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's latent data set: what a run sees of it, and files that are not what they seem. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fit/fit-train.h"
#include "latent_file.h"
#include "safetensors.h"
#include "trainer.h"

enum { FEATURES = 32, CLASSES = 3, IMAGES = 12 };

static const char data[] = "data: {source: latents, folder: set, shapes: {128: 1}, validation: 4,\n"
                           "       first: 64}\nbatch: {tokens: 256}\n";

static char *in(const struct fixture *f, const char *name)
{
    static char path[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", f->folder, name);
    return path[next];
}

/* One image as the reference writes it; tests spoil it. */
struct sample {
    int64_t size[2], label;
    int64_t grid[2][64];
    uint16_t feature[2 * 64 * FEATURES]; /* f16 */
    struct fit_tensor tensor[4];
    size_t n;
};

static void make_sample(struct sample *s, int rows, int columns, int label)
{
    int n = rows * columns;
    uint64_t r = (uint64_t)rows, c = (uint64_t)columns, values = 2 * r * c * FEATURES;
    assert_in_range(n, 1, 64);
    memset(s, 0, sizeof *s);
    s->size[0] = rows;
    s->size[1] = columns;
    s->label = label;
    for (int i = 0; i < n; i++) {
        (&s->grid[0][0])[i] = i % columns;
        (&s->grid[0][0])[n + i] = i / columns;
    }
    for (uint64_t i = 0; i < values; i++) /* 1 + i / 1024, of either sign */
        s->feature[i] = (uint16_t)(0x3c00 | (i & 0x3ff) | (i & 1) << 15);
    const struct fit_tensor tensors[] = {
        {.name = "feature", .type = FIT_TENSOR_F16, .n_dims = 4, .dims = {2, r, c, FEATURES},
         .n_values = values, .data = s->feature, .bytes = 2 * values},
        {.name = "grid", .type = FIT_TENSOR_I64, .n_dims = 2, .dims = {2, r * c},
         .n_values = 2 * r * c, .data = s->grid, .bytes = 16 * r * c},
        {.name = "size", .type = FIT_TENSOR_I64, .n_dims = 1, .dims = {2}, .n_values = 2,
         .data = s->size, .bytes = 16},
        {.name = "label", .type = FIT_TENSOR_I64, .n_dims = 1, .dims = {1}, .n_values = 1,
         .data = &s->label, .bytes = 8},
    };
    memcpy(s->tensor, tensors, sizeof tensors);
    s->n = 4;
}

static void write_sample(const struct sample *s, const char *path)
{
    struct fit_error e = {0};
    require_ok(fit_safetensors_write(path, s->tensor, s->n, NULL, &e), e);
}

static void write_set(const struct fixture *f)
{
    static const char *const folders[] = {"set", "set/from_16_to_256", "set/less_than_16",
                                          "set/greater_than_256_resize",
                                          "set/greater_than_256_crop"};
    struct sample s;
    char name[64];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(in(f, folders[i]), 0777), 0);
    for (int i = 0; i < IMAGES; i++) {
        make_sample(&s, 2 + i % 3, 5, i % CLASSES);
        snprintf(name, sizeof name, "set/from_16_to_256/small_%02d.safetensors", i);
        write_sample(&s, in(f, name));
        make_sample(&s, 6, 3 + i % 2, i % CLASSES);
        snprintf(name, sizeof name, "set/greater_than_256_resize/large_%02d.safetensors", i);
        write_sample(&s, in(f, name));
        make_sample(&s, 8, 8, i % CLASSES);
        snprintf(name, sizeof name, "set/greater_than_256_crop/large_%02d.safetensors", i);
        if (i % 2)
            write_sample(&s, in(f, name));
    }
    make_sample(&s, 1, 2, 0);
    write_sample(&s, in(f, "set/less_than_16/tiny.safetensors"));
}

static bool open_run(const struct fixture *f, struct fit_trainer **t, struct fit_error *e)
{
    struct fit_train_params params = {
        .config = f->config, .folder = in(f, "run"), .backend = "cpu", .n_threads = 2};
    *e = (struct fit_error){0};
    return fit_trainer_open(t, &params, e);
}

static void add_line(const struct fixture *f, const char *line)
{
    FILE *file = fopen(f->config, "a");
    assert_non_null(file);
    fputs(line, file);
    assert_int_equal(fclose(file), 0);
}

/* What is seen of every image over many epochs: both versions, and the crop where there is one. */
static void test_set(void **state)
{
    struct fixture f;
    struct fit_trainer *t;
    struct fit_train_report report;
    struct fit_error e;
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    assert_false(open_run(&f, &t, &e));
    assert_non_null(strstr(e.message, "n_classes"));
    add_line(&f, "model: {n_classes: 3}\n");
    require_ok(open_run(&f, &t, &e), e);
    assert_int_equal(dataset_count(t->data), 2 * IMAGES - 2);
    assert_int_equal(fit_trainer_skipped(t), 0);
    for (int i = 0; i < dataset_count(t->data); i++) {
        int seen[2][2] = {{0}}; /* crop, version */
        const char *whole = NULL;
        for (int epoch = 1; epoch <= 80; epoch++) {
            const struct latent_picture *view = dataset_picture(t->data, epoch, i);
            bool crop = strstr(view->path, "_crop/") != NULL;
            assert_int_equal(crop, view->rows == 8);
            seen[crop][view->version]++;
            whole = crop ? whole : view->path;
        }
        assert_non_null(whole);
        const char *name = strrchr(whole, '/');
        bool has_crop = !strncmp(name, "/large_", 7) && atoi(name + 7) % 2;
        assert_true(seen[0][0] > 0 && seen[0][1] > 0);
        assert_int_equal(seen[1][0] > 0 && seen[1][1] > 0, has_crop);
        assert_int_equal(seen[1][0] + seen[1][1] > 0, has_crop);
    }
    for (int i = 0; i < 3; i++) {
        require_ok(fit_trainer_step(t, &report, &e), e);
        assert_true(isfinite(report.loss));
    }
    fit_trainer_close(&t);
    fixture_finish(&f);
}

static void test_values(void **state)
{
    const struct latent_file_rule rule = {.features = FEATURES, .classes = 3, .tokens = 256};
    struct fixture f;
    struct sample s;
    struct latent_picture picture;
    struct fit_error e = {0};
    float values[20 * FEATURES];
    (void)state;
    fixture_init(&f, "");
    make_sample(&s, 4, 5, 2);
    s.tensor[0].n_dims = 3; /* the tokens in one axis, and no grid */
    s.tensor[0].dims[1] = 20;
    s.tensor[0].dims[2] = FEATURES;
    s.tensor[1] = s.tensor[3];
    s.n = 3;
    const char *path = in(&f, "one.safetensors");
    write_sample(&s, path);
    require_ok(latent_file_check(&picture, path, &rule, &e), e);
    assert_int_equal(picture.class_id, 2);
    assert_int_equal(picture.rows, 4);
    assert_int_equal(picture.columns, 5);
    for (int version = 0; version < 2; version++) {
        picture.version = version;
        require_ok(latent_picture_read(&picture, FEATURES, values, &e), e);
        for (int i = 0; i < 20 * FEATURES; i++) {
            int at = version * 20 * FEATURES + i;
            assert_true(values[i] == (at & 1 ? -1 : 1) * (1 + (float)(at & 0x3ff) / 1024));
        }
    }
    /* Another file in its place is noticed. */
    make_sample(&s, 2, 5, 2);
    write_sample(&s, path);
    assert_false(latent_picture_read(&picture, FEATURES, values, &e));
    assert_non_null(strstr(e.message, "one.safetensors"));
    fixture_finish(&f);
}

/* Spoils one thing at a time. */
static void test_hostile(void **state)
{
    static const char *const why[] = {"size is 64x64",  "size is 0x5",     "label is 3",
                                      "label is -1",    "size is 20x1",    "grid",
                                      "feature",        "no number",       "label",
                                      "not real numbers", "size is -4x-5"};
    const struct latent_file_rule rule = {.features = FEATURES, .classes = 3, .tokens = 64};
    struct fixture f;
    (void)state;
    fixture_init(&f, "");
    for (int i = 0; i < (int)(sizeof why / sizeof *why); i++) {
        struct sample s;
        struct latent_picture picture;
        struct fit_error e = {0};
        make_sample(&s, 4, 5, 1);
        switch (i) {
        case 0: s.size[0] = s.size[1] = 64; break;
        case 1: s.size[0] = 0; break;
        case 2: s.label = 3; break;
        case 3: s.label = -1; break;
        case 4: s.size[0] = 20; s.size[1] = 1; break;
        case 5: (&s.grid[0][0])[3] = 99; break;
        case 6: s.tensor[0].dims[3] = FEATURES / 2; s.tensor[0].dims[0] = 4; break;
        case 7: s.feature[77] = 0x7e00; break;
        case 8: s.n = 3; break;
        case 9: s.tensor[0].type = FIT_TENSOR_I16; break;
        default: s.size[0] = -4; s.size[1] = -5; break;
        }
        write_sample(&s, in(&f, "bad.safetensors"));
        bool ok = latent_file_check(&picture, in(&f, "bad.safetensors"), &rule, &e);
        /* A size of the same area passes until the feature's axes are looked at. */
        const char *wanted = i == 4 ? "feature" : why[i];
        if (ok || !strstr(e.message, "bad.safetensors") || !strstr(e.message, wanted))
            fail_msg("%s: \"%s\"", why[i], e.message);
    }
    fixture_finish(&f);
}

/* Files that break are left out by name, and bytes that change never do more. */
static void test_damage(void **state)
{
    const struct latent_file_rule rule = {.features = FEATURES, .classes = 3, .tokens = 64};
    struct fixture f;
    struct sample s;
    struct stat st;
    (void)state;
    fixture_init(&f, "");
    make_sample(&s, 2, 3, 1);
    const char *path = in(&f, "one.safetensors");
    write_sample(&s, path);
    assert_int_equal(stat(path, &st), 0);
    uint8_t *good = malloc((size_t)st.st_size), *bad = malloc((size_t)st.st_size);
    FILE *file = fopen(path, "rb");
    assert_true(good && bad && file);
    assert_int_equal(fread(good, 1, (size_t)st.st_size, file), (size_t)st.st_size);
    fclose(file);
    for (uint32_t i = 0; i < 600; i++) {
        struct latent_picture picture;
        struct fit_error e = {0};
        uint32_t h = i * 0x9E3779B1u;
        size_t bytes = (size_t)st.st_size;
        memcpy(bad, good, bytes);
        if (i % 3)
            bad[(h >> 8) % 420] ^= (uint8_t)(1u << (h >> 4 & 7)); /* the header and some values */
        else
            bytes = h % bytes;
        file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bad, 1, bytes, file), bytes);
        fclose(file);
        if (!latent_file_check(&picture, path, &rule, &e))
            assert_int_not_equal(e.status, FIT_OK);
    }
    free(good);
    free(bad);
    fixture_finish(&f);
}

static void test_bad_files_are_left_out(void **state)
{
    struct fixture f;
    struct fit_trainer *t;
    struct fit_error e;
    struct sample s;
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    add_line(&f, "model: {n_classes: 3}\n");
    make_sample(&s, 3, 3, 7);
    write_sample(&s, in(&f, "set/from_16_to_256/other.safetensors"));
    assert_int_equal(truncate(in(&f, "set/greater_than_256_crop/large_03.safetensors"), 100), 0);
    require_ok(open_run(&f, &t, &e), e);
    assert_int_equal(fit_trainer_skipped(t), 2);
    fit_trainer_close(&t);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bad_files_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
