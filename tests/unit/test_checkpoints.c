/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a training run: which of what lies in it are checkpoints, and what a picture says
 * of the one that painted it. */
#include "tiny_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char run[64]; /* exists; holds nothing */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->run, sizeof f->run, "/tmp/limn-run-XXXXXX");
    *state = f;
    return mkdtemp(f->run) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    nftw(f->run, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* The path of something in the run's folder. */
static const char *at(const struct fixture *f, const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", f->run, name);
    return path[turn];
}

static void make_folder(const struct fixture *f, const char *name)
{
    assert_int_equal(mkdir(at(f, name), 0777), 0);
}

static void make_file(const struct fixture *f, const char *name)
{
    FILE *file = fopen(at(f, name), "w");
    assert_non_null(file);
    fclose(file);
}

/* A folder that looks like a bundle to whoever does not read it. */
static void make_checkpoint(const struct fixture *f, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "checkpoints/%s", name);
    make_folder(f, file);
    snprintf(file, sizeof file, "checkpoints/%s/model.json", name);
    make_file(f, file);
}

static void expect_steps(const char *path, int n, const int64_t *steps)
{
    struct fit_checkpoints list;
    struct fit_error error = {0};
    require_ok(fit_checkpoints_list(path, &list, &error), error);
    assert_int_equal(list.n, n);
    for (int i = 0; i < n; i++)
        assert_true(list.steps[i] == steps[i]);
    fit_checkpoints_finish(&list);
    assert_null(list.steps);
}

static void test_no_run(void **state)
{
    struct fixture *f = *state;
    char found[256];
    expect_steps(f->run, 0, NULL);
    expect_steps(at(f, "nowhere"), 0, NULL);
    expect_steps("", 0, NULL);
    make_file(f, "checkpoints");
    expect_steps(f->run, 0, NULL);
    assert_false(fit_model_find(f->run, found, sizeof found));
}

/* Names and contents that are none of the trainer's, beside two that are. */
static void test_what_counts(void **state)
{
    struct fixture *f = *state;
    const int64_t two[] = {2, 10};
    char found[256];
    make_folder(f, "checkpoints");
    make_checkpoint(f, "step-000000010");
    make_checkpoint(f, "step-000000002");
    make_checkpoint(f, "step-x");
    make_checkpoint(f, "step-00000000x");
    make_checkpoint(f, "step--00000001");
    make_checkpoint(f, "step-0000000012");
    make_checkpoint(f, "step-000000012.partial");
    make_checkpoint(f, "Step-000000013");
    make_folder(f, "checkpoints/step-000000014");
    make_file(f, "checkpoints/step-000000015");
    assert_int_equal(symlink("step-000000016", at(f, "checkpoints/step-000000016")), 0);
    assert_int_equal(symlink("nowhere", at(f, "checkpoints/step-000000017")), 0);
    make_folder(f, "checkpoints/step-000000018");
    assert_int_equal(symlink("model.json", at(f, "checkpoints/step-000000018/model.json")), 0);
    expect_steps(f->run, 2, two);
    expect_steps(at(f, ""), 2, two);
    expect_steps(at(f, "checkpoints/step-000000002"), 2, two);
    expect_steps(at(f, "checkpoints/step-000000002//"), 2, two);
    expect_steps(at(f, "checkpoints/step-000000999"), 2, two); /* has gone */

    assert_true(fit_model_find(f->run, found, sizeof found));
    assert_string_equal(found, at(f, "checkpoints/step-000000010"));
    assert_false(fit_model_find(at(f, "checkpoints/step-000000999"), found, sizeof found));
    assert_false(fit_model_find(f->run, found, strlen(f->run)));
    /* One that is being cleared away has lost its model.json before its folder. */
    assert_int_equal(unlink(at(f, "checkpoints/step-000000010/model.json")), 0);
    assert_true(fit_model_find(f->run, found, sizeof found));
    assert_string_equal(found, at(f, "checkpoints/step-000000002"));
}

static void test_relative(void **state)
{
    struct fixture *f = *state;
    const int64_t one[] = {7};
    char before[1024];
    make_folder(f, "checkpoints");
    make_checkpoint(f, "step-000000007");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(at(f, "checkpoints")), 0);
    expect_steps("step-000000007", 1, one);
    assert_int_equal(chdir(".."), 0);
    expect_steps(".", 1, one);
    assert_int_equal(chdir(before), 0);
}

static void expect_refused(const char *path, const char *part)
{
    struct fit_checkpoints list;
    struct fit_error error = {0};
    assert_false(fit_checkpoints_list(path, &list, &error));
    assert_int_equal(error.status, FIT_ERROR_FILE);
    assert_non_null(strstr(error.message, part));
    assert_true(list.n == 0 && !list.steps && !list.folder[0]);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    char name[64], found[256], *endless = malloc(4096);
    memset(endless, 'x', 4095);
    endless[4095] = '\0';
    expect_refused(endless, "too long");
    free(endless);
    make_folder(f, "checkpoints");
    for (int i = 0; i <= FIT_MOST_CHECKPOINTS; i++) {
        snprintf(name, sizeof name, "checkpoints/step-%09d", i);
        make_file(f, name);
    }
    expect_refused(f->run, "/checkpoints: expected at most");
    assert_false(fit_model_find(f->run, found, sizeof found));
    if (geteuid() == 0)
        return; /* whom nothing is forbidden */
    assert_int_equal(chmod(at(f, "checkpoints"), 0), 0);
    expect_refused(f->run, "/checkpoints: ");
    assert_int_equal(chmod(at(f, "checkpoints"), 0700), 0);
}

/* Paints one picture and returns what its file says. */
static void paint(struct fit_engine *engine, struct fit_model *model, const char *path,
                  struct fit_settings *out)
{
    struct fit_generate_params params = {.width = 32, .height = 32, .steps = 1};
    struct fit_error error = {0};
    struct fit_frame *frame = NULL;
    struct fit_job *job;
    require_ok(fit_generate(model, &params, &job, &error), error);
    for (struct fit_event event; !frame;) {
        assert_true(fit_engine_wait_event(engine, 180000, &event));
        assert_int_not_equal(event.type, FIT_EVENT_FAILED);
        if (event.type == FIT_EVENT_DONE)
            frame = fit_job_take_frame(job);
        fit_job_unref(&event.job);
    }
    require_ok(fit_frame_write_png(frame, path, &error), error);
    require_ok(fit_settings_read_png(path, out, &error), error);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
}

static void expect_named(struct fit_engine *engine, const struct fixture *f, const char *path,
                         int64_t step)
{
    struct fit_model_params params = {.path = path, .precision = FIT_PRECISION_F32};
    struct fit_model *model;
    struct fit_model_info info;
    struct fit_settings settings;
    struct fit_error error = {0};
    require_ok(fit_model_load(engine, &params, &model, &error), error);
    fit_model_info(model, &info);
    assert_true(info.checkpoint_step == step);
    assert_int_equal(strlen(info.sha256), 64);
    paint(engine, model, at(f, "picture.png"), &settings);
    assert_true(settings.checkpoint_step == step);
    assert_string_equal(settings.model_hash, info.sha256);
    fit_model_unref(&model);
}

static void test_picture_names_it(void **state)
{
    struct fixture *f = *state;
    struct fit_engine *engine = tiny_engine(NULL, NULL);
    make_folder(f, "checkpoints");
    assert_int_equal(symlink(tiny_folder_path(), at(f, "checkpoints/step-000000300")), 0);
    expect_named(engine, f, f->run, 300);
    expect_named(engine, f, at(f, "checkpoints/step-000000300/"), 300);
    expect_named(engine, f, tiny_folder_path(), -1);
    fit_engine_close(&engine);
}

int main(int argc, char **argv)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_no_run),  TEST(test_what_counts), TEST(test_relative),
        TEST(test_refused), TEST(test_picture_names_it),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
