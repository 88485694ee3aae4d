/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the products' library is fastest with, measured once and kept: against the stand-in for
 * cuBLASLt, whose third usable proposal is the fastest with the right bits.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../train/fixture.h"
#include "../unit/tiny_folder.h"
#include "check.h"
#include "engine_private.h"
#include "fit/fit-bench.h"
#include "fit/fit-train.h"

enum { M = 6, N = 8, K = 16, NAME_BYTES = 192, ENTRY_BYTES = 24, MOST = 4096, WINNER = 2 };

static unsigned char *save(struct check *c, size_t *bytes)
{
    static unsigned char room[MOST];
    *bytes = c->device->tuning_save(c->device, room, sizeof room);
    assert_true(*bytes <= sizeof room);
    return room;
}

/* One product; fails unless its numbers are right. */
static void multiply(struct check *c)
{
    struct fk_ptr x = check_input(c, FK_F32, M * K, 1), w = check_input(c, FK_F32, N * K, 2);
    struct fk_ptr y = check_output(c, FK_F32, M * N);
    check_run(c, c->ops->linear(c->q, y, x, w, (struct fk_ptr){0}, M, N, K, 0));
    const double *X = check_values(c, x, M * K), *W = check_values(c, w, N * K);
    double *want = check_room(c, M * N);
    for (int i = 0; i < M * N; i++)
        for (int k = 0; k < K; k++)
            want[i] += X[i / N * K + k] * W[i % N * K + k];
    check_near(c, "y", y, want, M * N, FK_TOLERANCE_F32);
}

static void learned(unsigned char (*bytes)[NAME_BYTES + ENTRY_BYTES])
{
    size_t n;
    struct check *c = check_open("cuda", 1);
    assert_int_equal(c->device->tuning_save(c->device, NULL, 0), 0);
    multiply(c);
    assert_int_equal(c->device->tuning_save(c->device, NULL, 0), sizeof *bytes);
    memcpy(*bytes, save(c, &n), sizeof *bytes);
    assert_int_equal(n, sizeof *bytes);
    assert_int_equal(c->device->tuning_save(c->device, NULL, 0), 0); /* nothing new */
    check_close(&c);
}

/* What a product learns on a device that was given the bytes: 0 when it believes them. */
static size_t news_after(const void *bytes, size_t n)
{
    size_t news;
    struct check *c = check_open("cuda", 1);
    c->device->tuning_load(c->device, bytes, n);
    multiply(c);
    save(c, &news);
    check_close(&c);
    return news;
}

static void test_the_fastest_right_one_is_kept(void **state)
{
    unsigned char bytes[NAME_BYTES + ENTRY_BYTES];
    uint32_t place;
    (void)state;
    learned(&bytes);
    memcpy(&place, bytes + NAME_BYTES + 16, sizeof place);
    assert_int_equal(place, WINNER);
    assert_int_equal(news_after(bytes, sizeof bytes), 0);
}

/* What fk.h tells of it: also by a device that took the choice from elsewhere; nothing before the
 * first product, nor of what a kernel of our own computed. */
static void test_the_choice_is_told(void **state)
{
    unsigned char bytes[NAME_BYTES + ENTRY_BYTES];
    (void)state;
    learned(&bytes);
    for (int given = 0; given < 2; given++) {
        struct fk_algorithm told = {"", 0};
        struct check *c = check_open("cuda", 1);
        if (given)
            c->device->tuning_load(c->device, bytes, sizeof bytes);
        assert_false(c->device->linear_told(c->q, &told));
        multiply(c);
        assert_true(c->device->linear_told(c->q, &told));
        assert_string_equal(told.name, "cuBLASLt 13, tile 23, stages 33");
        assert_true(told.waves == 3.5);
        assert_false(c->device->caps.tf32);
        check_close(&c);
    }
    unsetenv("FK_SHIM_LT");
    struct check *c = check_open("cuda", 1);
    struct fk_algorithm told;
    multiply(c);
    assert_false(c->device->linear_told(c->q, &told));
    check_close(&c);
    setenv("FK_SHIM_LT", "1", 1);
}

/* Bytes changed in turn, lengths, and another place in the list. */
static void test_other_bytes(void **state)
{
    unsigned char bytes[NAME_BYTES + ENTRY_BYTES], other[sizeof bytes];
    (void)state;
    learned(&bytes);
    for (size_t i = 0; i < sizeof bytes; i += i < NAME_BYTES ? 24 : 1) {
        memcpy(other, bytes, sizeof bytes);
        other[i] ^= 0x81;
        assert_int_equal(news_after(other, sizeof bytes) > 0, true);
        assert_int_equal(news_after(bytes, i) > 0, true);
    }
    memcpy(other, bytes, sizeof bytes);
    other[NAME_BYTES + 16] = 1; /* the one with other bits, with the print of the winner */
    assert_int_equal(news_after(other, sizeof bytes) > 0, true);
}

/* The distance of one product from the formula, relative as in fk.h. */
static double product_error(enum fk_dtype type, void *bytes)
{
    struct check *c = check_open("cuda", 1);
    struct fk_ptr x = check_input(c, type, M * K, 1), w = check_input(c, type, N * K, 2);
    struct fk_ptr y = check_output(c, FK_F32, M * N);
    check_run(c, c->ops->linear(c->q, y, x, w, (struct fk_ptr){0}, M, N, K, 0));
    const double *X = check_values(c, x, M * K), *W = check_values(c, w, N * K);
    const double *Y = check_values(c, y, M * N);
    double most = 0, squares = 0;
    for (int i = 0; i < M * N; i++) {
        double want = 0;
        for (int k = 0; k < K; k++)
            want += X[i / N * K + k] * W[i % N * K + k];
        squares += want * want;
        most = fmax(most, fabs(Y[i] - want));
    }
    memcpy(bytes, check_download(c, y.p, M * N * sizeof(float)), M * N * sizeof(float));
    check_close(&c);
    return most / fmax(1, sqrt(squares / (M * N)));
}

/* f32 is exact unless tf32 is asked for, which rounds factors to 2^-11, keeps its own choices of
 * algorithms, and leaves bf16 as it is. */
static void test_tf32_is_asked_for(void **state)
{
    unsigned char bytes[NAME_BYTES + ENTRY_BYTES];
    float wide[M * N], narrow[M * N], again[M * N];
    (void)state;
    learned(&bytes);
    assert_true(product_error(FK_F32, wide) < FK_TOLERANCE_F32);
    product_error(FK_BF16, narrow);
    setenv("FIT_CUDA_TF32", "1", 1);
    double error = product_error(FK_F32, again);
    assert_true(error > FK_TOLERANCE_F32 && error < 4.0 / 2048);
    assert_true(4.0 / 2048 < FK_TOLERANCE_TF32);
    product_error(FK_BF16, again);
    assert_memory_equal(again, narrow, sizeof narrow);
    struct check *c = check_open("cuda", 1);
    size_t news;
    assert_true(c->device->caps.tf32);
    c->device->tuning_load(c->device, bytes, sizeof bytes);
    struct fk_ptr x = check_input(c, FK_F32, M * K, 1), w = check_input(c, FK_F32, N * K, 2);
    check_run(c, c->ops->linear(c->q, check_output(c, FK_F32, M * N), x, w, (struct fk_ptr){0}, M,
                                N, K, 0));
    save(c, &news);
    assert_int_equal(news, NAME_BYTES + 2 * ENTRY_BYTES);
    check_close(&c);
    unsetenv("FIT_CUDA_TF32");
}

static bool take_row(void *user, const struct fit_bench_row *row)
{
    (void)user;
    return row->error <= row->tolerance;
}

static void run_engine(const char *folder)
{
    struct fit_engine_params params = {.backend = "cuda", .n_threads = 1, .cache_folder = folder};
    struct fit_model_params bundle = {.path = tiny_folder_path()};
    struct fit_generate_params picture = {.width = 16, .height = 16, .steps = 1, .guidance = 1};
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_job *job;
    struct fit_event event = {0};
    struct fit_error error = {0};
    require_ok(fit_engine_open(&engine, &params, &error), error);
    require_ok(fit_model_load(engine, &bundle, &model, &error), error);
    require_ok(fit_generate(model, &picture, &job, &error), error);
    while (event.type != FIT_EVENT_DONE) {
        assert_true(fit_engine_wait_event(engine, 180000, &event));
        assert_int_not_equal(event.type, FIT_EVENT_FAILED);
        fit_job_unref(&event.job);
    }
    fit_job_unref(&job);
    fit_model_unref(&model);
    fit_engine_close(&engine);
}

static void test_a_file_between_engines(void **state)
{
    char folder[] = "/tmp/tuning-XXXXXX", cache[64], path[96];
    struct stat first, second;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(cache, sizeof cache, "%s/limn", folder);
    snprintf(path, sizeof path, "%s/cuda.tuning", cache);
    run_engine(cache);
    assert_int_equal(stat(path, &first), 0);
    assert_true(first.st_size > NAME_BYTES);
    run_engine(cache); /* learns nothing: the file stays */
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
    assert_int_equal(truncate(path, 2 << 20), 0);
    run_engine(cache); /* too large: measured again, and replaced */
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_size, second.st_size);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    run_engine(cache);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    run_engine(cache); /* cannot be replaced: nothing is kept */
    rmdir(path);
    rmdir(cache);
    assert_int_equal(rmdir(folder), 0); /* and nothing is left beside it */
}

static void run_bench(const char *folder)
{
    static const int tokens[] = {4};
    struct fit_bench_params params = {.backend = "cuda", .shape = "demo", .tokens = tokens,
                                      .n_tokens = 1, .cache_folder = folder, .row = take_row};
    struct fit_error error = {0};
    require_ok(fit_bench_run(&params, 1u << FIT_BENCH_GEMM, &error), error);
}

static void run_trainer(const char *folder)
{
    struct fixture f;
    struct fit_trainer *trainer;
    struct fit_train_report report;
    struct fit_error error = {0};
    fixture_init(&f, "");
    struct fit_train_params params = {.config = f.config, .folder = f.folder, .backend = "cuda",
                                      .cache_folder = folder};
    require_ok(fit_trainer_open(&trainer, &params, &error), error);
    require_ok(fit_trainer_step(trainer, &report, &error), error);
    fit_trainer_close(&trainer);
    fixture_finish(&f);
}

static void test_others_keep_it_too(void **state)
{
    static void (*const runs[])(const char *folder) = {run_bench, run_trainer};
    char folder[] = "/tmp/tuning-XXXXXX", path[64];
    struct stat info;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cuda.tuning", folder);
    for (int i = 0; i < 2; i++) {
        runs[i](folder);
        assert_int_equal(stat(path, &info), 0);
        assert_true(info.st_size > NAME_BYTES);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_fastest_right_one_is_kept),
        cmocka_unit_test(test_the_choice_is_told),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_a_file_between_engines),
        cmocka_unit_test(test_tf32_is_asked_for),
        cmocka_unit_test(test_others_keep_it_too),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
