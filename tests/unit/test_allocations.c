/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the engine fails once, each in its turn: what was asked for fails with a
 * sentence or succeeds without it, nothing is lost or left open, and the next run is whole.
 *
 * The program is linked with --wrap, so that the engine's and the kernels' own allocations come
 * here; those of the libraries do not.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tiny_folder.h"

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */

enum { SIDE = 32, PIXEL_BYTES = 4 * SIDE * SIDE, NEVER = -1 };

/* ---- allocations that fail ----------------------------------------------------------------- */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t bytes);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t bytes);

static atomic_int left = NEVER; /* allocations until the one that fails */

static bool fails(void)
{
    return atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *p, size_t bytes)
{
    return fails() ? NULL : __real_realloc(p, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, bytes);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t bytes)
{
    return fails() ? NULL : __real_strndup(text, bytes);
}

/* ---- what is asked for --------------------------------------------------------------------- */

struct fixture {
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_frame *frame; /* of the run below */
    char path[64];           /* a picture */
};

static const struct fit_generate_params run_params
    = {.width = SIDE, .height = SIDE, .steps = 2, .guidance = 2, .seed = 7, .class_id = 1};

/* A failure says why. */
static bool told(bool ok, const struct fit_error *error)
{
    if (!ok) {
        assert_int_not_equal(error->status, FIT_OK);
        assert_true(strlen(error->message) > 4);
    }
    return ok;
}

static void wait_end(struct fit_engine *engine, struct fit_job *job)
{
    enum fit_event_type type = FIT_EVENT_STEP;
    while (type < FIT_EVENT_DONE) {
        struct fit_event event;
        if (!fit_engine_wait_event(engine, PATIENCE_MS, &event))
            fail_msg("the run does not end");
        if (event.job == job)
            type = event.type;
        fit_job_unref(&event.job);
    }
}

/* The final frame of a run, or NULL. */
static struct fit_frame *paint(struct fixture *f)
{
    struct fit_error error = {0};
    struct fit_progress progress;
    struct fit_job *job;
    if (!told(fit_generate(f->model, &run_params, &job, &error), &error))
        return NULL;
    wait_end(f->engine, job);
    fit_job_progress(job, &progress);
    struct fit_frame *frame = fit_job_take_frame(job);
    if (progress.state != FIT_JOB_DONE || !frame || !fit_frame_is_final(frame)) {
        fit_job_error(job, &error);
        told(false, &error);
        fit_frame_unref(&frame);
    }
    fit_job_unref(&job);
    return frame;
}

static bool painting(struct fixture *f)
{
    struct fit_frame *frame = paint(f);
    bool ok = frame;
    fit_frame_unref(&frame);
    return ok;
}

static bool opening(struct fixture *f)
{
    const struct fit_engine_params engine_params = {.backend = "cpu", .n_threads = 1};
    const struct fit_model_params params = {.path = tiny_folder_path(),
                                            .precision = FIT_PRECISION_F32};
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_error error = {0};
    (void)f;
    if (!told(fit_engine_open(&engine, &engine_params, &error), &error))
        return false;
    bool ok = told(fit_model_load(engine, &params, &model, &error), &error);
    if (ok)
        fit_model_unref(&model);
    fit_engine_close(&engine);
    return ok;
}

/* What a picture of the file's name held before is there until the new one is whole. */
static bool saving(struct fixture *f)
{
    struct fit_error error = {0}, reading = {0};
    struct fit_settings settings;
    bool ok = told(fit_frame_write_png(f->frame, f->path, &error), &error);
    return told(fit_settings_read_png(f->path, &settings, &reading), &reading) && ok;
}

/* ---- in turn ------------------------------------------------------------------------------- */

/* Does it again and again, until it has no allocation left that has not failed. */
static void fail_each(struct fixture *f, const char *what, bool (*attempt)(struct fixture *))
{
    int n = 0, failed = 0;
    for (bool reached = true; reached; n++) {
        atomic_store(&left, n);
        bool ok = attempt(f);
        reached = atomic_exchange(&left, NEVER) < 0;
        assert_true(ok || reached);
        failed += !ok;
        struct fit_frame *next = paint(f);
        assert_non_null(next);
        assert_memory_equal(fit_frame_pixels(next), fit_frame_pixels(f->frame), PIXEL_BYTES);
        fit_frame_unref(&next);
    }
    print_message("%s: %d allocations, without %d of which it fails\n", what, n - 1, failed);
    assert_true(failed > 0);
}

static void test_painting(void **state)
{
    fail_each(*state, "painting", painting);
}

static void test_opening(void **state)
{
    fail_each(*state, "an engine and a model", opening);
}

static void test_saving(void **state)
{
    struct fixture *f = *state;
    struct fit_error error = {0};
    snprintf(f->path, sizeof f->path, "%s/picture.png", tiny_folder_path());
    require_ok(fit_frame_write_png(f->frame, f->path, &error), error);
    fail_each(f, "a picture and its settings", saving);
}

/* ---- life ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->engine = tiny_engine(NULL, NULL);
    f->model = tiny_load(f->engine);
    f->frame = paint(f);
    assert_non_null(f->frame);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fit_frame_unref(&f->frame);
    fit_model_unref(&f->model);
    fit_engine_close(&f->engine);
    free(f);
    return 0;
}

int main(int argc, char **argv)
{
    tiny_folder_init(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_painting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_opening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_saving, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
