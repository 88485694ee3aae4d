/* SPDX-License-Identifier: Apache-2.0 */
/* Runs on a folder of pictures, with everything in it that people leave there. */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset.h"
#include "fit_png.h"
#include "fit/fit-train.h"
#include "labels.h"
#include "latent_file.h"
#include "latent_store.h"
#include "trainer.h"

enum { STEPS = 6, STOP = 3, PER_CLASS = 12 };

static const char data[] = "data: {source: pictures, folder: set, shapes: {32: 1}, chunk: 8,\n"
                           "       first: 16, validation: 4}\n";

struct told {
    int n;
    char text[16][512];
};

static void listen(void *user, const char *sentence)
{
    struct told *told = user;
    if (told && told->n < 16)
        snprintf(told->text[told->n++], sizeof told->text[0], "%s", sentence);
}

static bool was_told(const struct told *told, const char *a, const char *b)
{
    for (int i = 0; i < told->n; i++)
        if (strstr(told->text[i], a) && strstr(told->text[i], b))
            return true;
    return false;
}

static char *in(const struct fixture *f, const char *name)
{
    static char path[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", f->folder, name);
    return path[next];
}

static void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void write_picture(const char *path, int width, int height, uint32_t seed)
{
    size_t n = 4 * (size_t)width * (size_t)height;
    uint8_t *rgba = malloc(n);
    struct fit_error e = {0};
    assert_non_null(rgba);
    for (size_t i = 0; i < n; i++)
        rgba[i] = (uint8_t)((i * (seed + 3) + i / 64 * 7) >> (seed % 3));
    require_ok(fit_png_write(path, rgba, width, height, NULL, 0, &e), e);
    free(rgba);
}

/* Two classes of pictures small and large, wide and tall. */
static void write_set(const struct fixture *f)
{
    static const int shapes[][2] = {{32, 32}, {64, 48}, {40, 90}, {48, 20}, {33, 35}, {60, 16}};
    static const char *const classes[] = {"set/blue", "set/amber"};
    assert_int_equal(mkdir(in(f, "set"), 0777), 0);
    for (int c = 0; c < 2; c++) {
        assert_int_equal(mkdir(in(f, classes[c]), 0777), 0);
        for (int i = 0; i < PER_CLASS; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s/%02d.jpeg", classes[c], i);
            write_picture(in(f, name), shapes[i % 6][0], shapes[i % 6][1],
                          (uint32_t)(c * PER_CLASS + i));
        }
    }
}

static bool open_run(const struct fixture *f, const char *name, bool resume, struct told *told,
                     struct fit_trainer **t, struct fit_error *e)
{
    struct fit_train_params params = {.config = f->config, .folder = in(f, name), .backend = "cpu",
                                      .n_threads = 2, .resume = resume, .user = told,
                                      .notice = listen};
    *e = (struct fit_error){0};
    return fit_trainer_open(t, &params, e);
}

static struct fit_trainer *must_open(const struct fixture *f, const char *name, bool resume,
                                     struct told *told)
{
    struct fit_trainer *t;
    struct fit_error e;
    require_ok(open_run(f, name, resume, told, &t, &e), e);
    return t;
}

static void must_refuse(const struct fixture *f, const char *name, bool resume, const char *a,
                        const char *b)
{
    struct fit_trainer *t;
    struct fit_error e;
    assert_false(open_run(f, name, resume, NULL, &t, &e));
    if (!strstr(e.message, a) || !strstr(e.message, b))
        fail_msg("\"%s\" names not both %s and %s", e.message, a, b);
}

static void take_steps(struct fit_trainer *t, double *loss, int n)
{
    struct fit_error e = {0};
    struct fit_train_report report;
    for (int i = 0; i < n; i++) {
        require_ok(fit_trainer_step(t, &report, &e), e);
        loss[i] = report.loss;
    }
}

static void save_and_close(struct fit_trainer **t)
{
    struct fit_error e = {0};
    require_ok(fit_trainer_save(*t, &e), e);
    fit_trainer_close(t);
}

static int count_packs(const struct fixture *f, const char *run, time_t *newest)
{
    char folder[256];
    struct stat st;
    int n = 0;
    snprintf(folder, sizeof folder, "%s/latents", in(f, run));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    *newest = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (!strncmp(entry->d_name, "latents-", 8) && !fstatat(dirfd(dir), entry->d_name, &st, 0)) {
            n++;
            *newest = st.st_ino > (ino_t)*newest ? (time_t)st.st_ino : *newest;
        }
    closedir(dir);
    return n;
}

static void test_run(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_labels labels;
    double whole[STEPS], parts[STEPS];
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    struct fit_trainer *t = must_open(&f, "whole", false, NULL);
    assert_int_equal(t->config.model.n_classes, 2);
    take_steps(t, whole, STEPS);
    assert_int_equal(dataset_count(t->data), 2 * PER_CLASS - 2); /* a tenth validates */
    assert_int_equal(dataset_validation_count(t->data), 2);
    fit_trainer_close(&t);

    t = must_open(&f, "parts", false, NULL);
    take_steps(t, parts, STOP);
    save_and_close(&t);
    t = must_open(&f, "parts", true, NULL);
    take_steps(t, parts + STOP, STEPS - STOP);
    fit_trainer_close(&t);
    assert_memory_equal(whole, parts, sizeof whole);

    require_ok(fit_labels_read(&labels, in(&f, "parts/checkpoints/step-000000003/classes.txt"), 2,
                               &e), e);
    assert_string_equal(labels.label[0].name, "amber");
    assert_string_equal(labels.label[1].name, "blue");
    fit_labels_finish(&labels);
    fixture_finish(&f);
}

/* The second run encodes nothing, nor does one after a file got another name; a damaged pack is
 * made again; the numbers stay. */
static void test_cache(void **state)
{
    struct fixture f;
    double first[2], again[2];
    time_t made, now;
    char pack[512];
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    struct fit_trainer *t = must_open(&f, "run", false, NULL);
    take_steps(t, first, 2);
    fit_trainer_close(&t);
    int n = count_packs(&f, "run", &made);
    assert_true(n > 0);
    t = must_open(&f, "run", false, NULL);
    take_steps(t, again, 2);
    fit_trainer_close(&t);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(count_packs(&f, "run", &now), n);
    assert_int_equal(made, now);

    assert_int_equal(rename(in(&f, "set/blue/03.jpeg"), in(&f, "set/amber/99.png")), 0);
    t = must_open(&f, "run", false, NULL);
    fit_trainer_close(&t);
    assert_int_equal(count_packs(&f, "run", &now), n);
    assert_int_equal(made, now);
    assert_int_equal(rename(in(&f, "set/amber/99.png"), in(&f, "set/blue/03.jpeg")), 0);

    DIR *dir = opendir(in(&f, "run/latents"));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            snprintf(pack, sizeof pack, "%s/%s", in(&f, "run/latents"), entry->d_name);
            assert_int_equal(truncate(pack, 600), 0);
        }
    closedir(dir);
    t = must_open(&f, "run", false, NULL);
    take_steps(t, again, 2);
    fit_trainer_close(&t);
    assert_memory_equal(first, again, sizeof first);
    fixture_finish(&f);
}

/* Over some epochs a large picture is seen in four ways, a small one in two. */
static void test_views(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    struct fit_trainer *t = must_open(&f, "run", false, NULL);
    int four = 0, two = 0;
    for (int i = 0; i < dataset_count(t->data); i++) {
        const struct latent_picture *seen[4];
        int n = 0, square = 0;
        for (int epoch = 1; epoch <= 60; epoch++) {
            const struct latent_picture *view = dataset_picture(t->data, epoch, i);
            int k = 0;
            while (k < n && seen[k] != view)
                k++;
            assert_true(k < 4);
            seen[k] = view;
            n += k == n;
            square += view->rows == 2 && view->columns == 2;
        }
        assert_true(n == 2 || n == 4);
        four += n == 4;
        two += n == 2;
        if (n == 4) /* 64x48 and 40x90: 48x32 -> 3x2 or less as a whole, 2x2 as the square */
            assert_in_range(square, 1, 60);
    }
    assert_true(four > 0 && two > 0);
    fit_trainer_close(&t);
    fixture_finish(&f);
}

static void test_what_people_leave_there(void **state)
{
    static const uint8_t bomb[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x3f\xff\0\0\x3f\xff\10\2\0\0\0"
                                  "\0\0\0\0\0\0\0\0IEND";
    struct fixture f;
    struct told told = {0};
    uint8_t part[100];
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    write_bytes(in(&f, "set/blue/notes.txt"), "hello", 5);
    write_bytes(in(&f, "set/blue/.hidden"), "hello", 5);
    write_bytes(in(&f, "set/amber/bomb.png"), bomb, sizeof bomb - 1);
    write_bytes(in(&f, "set/README"), "hello", 5);
    FILE *file = fopen(in(&f, "set/blue/01.jpeg"), "rb");
    assert_non_null(file);
    assert_int_equal(fread(part, 1, sizeof part, file), sizeof part);
    fclose(file);
    write_bytes(in(&f, "set/amber/cut.png"), part, sizeof part);
    assert_int_equal(mkdir(in(&f, "set/empty"), 0777), 0);
    assert_int_equal(mkdir(in(&f, "set/blue/deeper"), 0777), 0);
    assert_int_equal(mkfifo(in(&f, "set/blue/pipe"), 0666), 0);

    write_picture(in(&f, "set/amber/copy.png"), 32, 32, 0); /* the same as blue's first */
    struct fit_trainer *t = must_open(&f, "run", false, &told);
    double loss[STEPS];
    take_steps(t, loss, 4);
    assert_int_equal(dataset_count(t->data) + dataset_validation_count(t->data),
                     2 * PER_CLASS + 1);
    assert_int_equal(t->config.model.n_classes, 3);
    assert_int_equal(fit_trainer_skipped(t), 3);
    fit_trainer_close(&t);
    assert_int_equal(told.n, 4);
    assert_true(was_told(&told, "notes.txt", "neither"));
    assert_true(was_told(&told, "bomb.png", "16383x16383"));
    assert_true(was_told(&told, "cut.png", "damaged"));
    assert_true(was_told(&told, "\"empty\"", "no pictures"));
    fixture_finish(&f);
}

static void add_line(const struct fixture *f, const char *line)
{
    FILE *file = fopen(f->config, "a");
    assert_non_null(file);
    fputs(line, file);
    assert_int_equal(fclose(file), 0);
}

static void test_other_classes(void **state)
{
    struct fixture f;
    double loss[1];
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    struct fit_trainer *t = must_open(&f, "run", false, NULL);
    take_steps(t, loss, 1);
    save_and_close(&t);

    write_picture(in(&f, "set/amber/new.png"), 32, 32, 99);
    must_refuse(&f, "run", true, "training.safetensors", "other ones");
    assert_int_equal(mkdir(in(&f, "set/copper"), 0777), 0);
    must_refuse(&f, "run", true, "2 classes", "set has 3");
    add_line(&f, "model: {start: run/checkpoints/step-000000001/transformer.safetensors}\n");
    must_refuse(&f, "next", false, "2 classes", "set has 3");
    add_line(&f, "model: {n_classes: 5}\n");
    must_refuse(&f, "next", false, "has 3 classes", "n_classes is 5");
    fixture_finish(&f);
}

static void test_class_file(void **state)
{
    struct fixture f;
    struct told told = {0};
    double loss[1];
    (void)state;
    fixture_init(&f, data);
    write_set(&f);
    static const char names[] = "0\tDeep blue\t\tCold\tblue\n1\tNothing\n2\tamber\n";
    write_bytes(in(&f, "set/classes.txt"), names, sizeof names - 1);
    struct fit_trainer *t = must_open(&f, "run", false, &told);
    take_steps(t, loss, 1);
    assert_int_equal(t->config.model.n_classes, 3);
    for (int i = 0; i < dataset_count(t->data); i++)
        assert_int_not_equal(dataset_picture(t->data, 1, i)->class_id, 1);
    assert_true(was_told(&told, "Nothing", "no pictures"));
    fit_trainer_close(&t);
    assert_int_equal(mkdir(in(&f, "set/copper"), 0777), 0);
    must_refuse(&f, "run", false, "classes.txt", "copper");
    static const char outside[] = "0\t../blue\n";
    write_bytes(in(&f, "set/classes.txt"), outside, sizeof outside - 1);
    rmdir(in(&f, "set/copper"));
    must_refuse(&f, "run", false, "classes.txt", "amber");
    fixture_finish(&f);
}

static bool touch_store(const char *folder, const struct latent_key *keys, int n)
{
    struct latent_store *store;
    struct fit_error e = {0};
    float values[8 * 32];
    require_ok(latent_store_open(&store, folder, "test", 32, 8, &e), e);
    bool all = true;
    for (int i = 0; i < n; i++) {
        const struct latent_views *found = latent_store_find(store, &keys[i]);
        all = all && found;
        for (int k = 0; found && k < found->n; k++) {
            assert_in_range(found->view[k].rows * found->view[k].columns, 1, 8);
            require_ok(latent_picture_read(&found->view[k], 32, values, &e), e);
        }
    }
    latent_store_close(&store);
    return all;
}

/* A pack whose bytes change is used as far as it is whole, or not at all. */
static void test_hostile_pack(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct latent_store *store;
    struct latent_views views[3];
    struct latent_key keys[3];
    uint16_t tokens[3 * 2 * 6 * 32];
    uint8_t bad[16384];
    char path[512] = "";
    (void)state;
    fixture_init(&f, "");
    memset(tokens, 0x3f, sizeof tokens);
    memset(views, 0, sizeof views);
    for (int i = 0; i < 3; i++) {
        memset(views[i].key.byte, i + 1, sizeof views[i].key.byte);
        keys[i] = views[i].key;
        views[i].n = 2;
        views[i].view[0].rows = views[i].view[1].rows = 2;
        views[i].view[0].columns = views[i].view[1].columns = 3;
    }
    require_ok(latent_store_open(&store, in(&f, "packs"), "test", 32, 8, &e), e);
    require_ok(latent_store_add(store, views, 3, tokens, &e), e);
    latent_store_close(&store);
    assert_true(touch_store(in(&f, "packs"), keys, 3));

    DIR *dir = opendir(in(&f, "packs"));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            snprintf(path, sizeof path, "%s/%s", in(&f, "packs"), entry->d_name);
    closedir(dir);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bad, 1, sizeof bad, file);
    fclose(file);
    int whole = 0;
    for (uint32_t i = 0; i < 700; i++) {
        uint32_t h = (i + 1) * 0x9E3779B1u;
        size_t at = (h >> 8) % 600; /* header, keys and views */
        uint8_t good = bad[at];
        bad[at] ^= (uint8_t)(1u << (h & 7));
        write_bytes(path, bad, i % 7 ? n : h % n);
        whole += touch_store(in(&f, "packs"), keys, 3);
        bad[at] = good;
    }
    assert_in_range(whole, 1, 699);
    fixture_finish(&f);
}

static void test_nothing_there(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, data);
    must_refuse(&f, "run", false, "set", "No such file");
    assert_int_equal(mkdir(in(&f, "set"), 0777), 0);
    must_refuse(&f, "run", false, "set", "0 classes");
    assert_int_equal(mkdir(in(&f, "set/a"), 0777), 0);
    must_refuse(&f, "run", false, "set", "0 pictures can be read");
    write_bytes(in(&f, "set/a/x"), "x", 1);
    must_refuse(&f, "run", false, "set", "(1 cannot)");
    add_line(&f, "model: {channels: 4}\n");
    must_refuse(&f, "run", false, "autoencoder.safetensors", "model.channels is 4");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),           cmocka_unit_test(test_cache),
        cmocka_unit_test(test_views),         cmocka_unit_test(test_what_people_leave_there),
        cmocka_unit_test(test_other_classes), cmocka_unit_test(test_class_file),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_hostile_pack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
