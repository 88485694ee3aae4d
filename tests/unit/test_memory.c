/* SPDX-License-Identifier: Apache-2.0 */
/* How a run and the copies of a model's weights share the memory of a device that is short of
 * it. */
#include "tiny_folder.h"

#include <stdlib.h>
#include <string.h>

#include "engine_private.h"

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */

static size_t free_bytes;

static bool pretended(struct fk_device *device, size_t *free_out, size_t *total_out)
{
    (void)device;
    *free_out = free_bytes;
    *total_out = SIZE_MAX;
    return true;
}

struct fixture {
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_generate_params params; /* every field as a job has it */
    size_t run_bytes;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->engine = tiny_engine(NULL, NULL);
    f->model = tiny_load(f->engine);
    f->engine->device->memory = pretended;
    f->params = (struct fit_generate_params){.width = 64, .height = 64, .steps = 3, .guidance = 2,
                                             .diffusion_norm = 1, .ori_max_pe_len = 8};
    f->run_bytes = (size_t)fit_run_bytes(f->model, &f->params);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fit_model_unref(&f->model);
    fit_engine_close(&f->engine);
    free(f);
    return 0;
}

static struct fit_job *paint_job(struct fixture *f)
{
    struct fit_error error = {0};
    struct fit_job *job;
    bool ended = false;
    require_ok(fit_generate(f->model, &f->params, &job, &error), error);
    while (!ended) {
        struct fit_event event;
        if (!fit_engine_wait_event(f->engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        ended = event.type >= FIT_EVENT_DONE;
        if (ended)
            assert_int_equal(event.type, FIT_EVENT_DONE);
        fit_job_unref(&event.job);
    }
    return job;
}

static void paint(struct fixture *f)
{
    struct fit_job *job = paint_job(f);
    fit_job_unref(&job);
}

static const size_t latent_bytes = 8 * (64 / 8) * (64 / 8) * sizeof(float);

static float *paint_latent(struct fixture *f)
{
    struct fit_job *job = paint_job(f);
    float *latent = malloc(latent_bytes);
    assert_true(fit_job_latent(job, f->params.steps, FIT_VIEW_STATE, latent));
    fit_job_unref(&job);
    return latent;
}

static size_t copied(const struct fixture *f)
{
    return atomic_load(&f->model->network.copied_bytes);
}

static size_t to_copy(const struct fixture *f)
{
    return atomic_load(&f->model->network.to_copy_bytes);
}

static void test_copies_come_with_the_first_use(void **state)
{
    struct fixture *f = *state;
    free_bytes = SIZE_MAX / 2;
    assert_int_equal(copied(f), 0);
    if (!f->engine->device->weights_keep)
        skip(); /* without oneDNN nothing is copied */
    size_t all = to_copy(f);
    assert_true(all > 0);
    paint(f);
    assert_int_equal(copied(f) + to_copy(f), all);
    assert_true(copied(f) > all / 2);
}

static void test_a_run_comes_before_copies(void **state)
{
    struct fixture *f = *state;
    free_bytes = f->run_bytes;
    paint(f); /* they do not fit beside it */
    assert_int_equal(copied(f), 0);
    assert_int_equal(to_copy(f), 0);
    free_bytes = SIZE_MAX / 2;
    paint(f); /* and are not taken up again */
    assert_int_equal(copied(f), 0);
}

static void test_copies_are_given_back(void **state)
{
    struct fixture *f = *state;
    free_bytes = SIZE_MAX / 2;
    paint(f);
    if (!copied(f))
        skip();
    free_bytes = f->run_bytes - 1;
    paint(f);
    assert_int_equal(copied(f), 0);
}

/* What a run took to be quick comes back, and the next one takes it again. */
static void test_trim(void **state)
{
    struct fixture *f = *state;
    struct fit_error error = {0};
    free_bytes = SIZE_MAX / 2;
    size_t all = to_copy(f);
    float *before = paint_latent(f);
    size_t made = copied(f);
    require_ok(fit_model_trim(f->model, &error), error);
    assert_int_equal(copied(f), 0);
    assert_int_equal(to_copy(f), all);
    float *after = paint_latent(f);
    assert_memory_equal(before, after, latent_bytes);
    assert_int_equal(copied(f), made);
    free(before);
    free(after);
}

/* Copies that there was no room for do not come by it. */
static void test_trim_without_copies(void **state)
{
    struct fixture *f = *state;
    struct fit_error error = {0};
    free_bytes = f->run_bytes;
    paint(f);
    require_ok(fit_model_trim(f->model, &error), error);
    assert_int_equal(copied(f) + to_copy(f), 0);
}

/* A run that is paused keeps what it works with. */
static void test_no_trim_during_a_run(void **state)
{
    struct fixture *f = *state;
    struct fit_error error = {0};
    struct fit_progress progress = {0};
    struct fit_event event;
    struct fit_job *job;
    free_bytes = SIZE_MAX / 2;
    f->params.steps = 1000;
    require_ok(fit_generate(f->model, &f->params, &job, &error), error);
    while (progress.evaluations == 0) {
        if (fit_engine_wait_event(f->engine, PATIENCE_MS, &event))
            fit_job_unref(&event.job);
        fit_job_progress(job, &progress);
    }
    for (fit_job_pause(job); progress.state != FIT_JOB_PAUSED; fit_job_progress(job, &progress))
        if (fit_engine_wait_event(f->engine, 1, &event))
            fit_job_unref(&event.job);
    assert_false(fit_model_trim(f->model, &error));
    assert_non_null(strstr(error.message, "during a run"));
    fit_job_cancel(job);
    fit_job_unref(&job);
}

static void test_too_large_a_run(void **state)
{
    struct fixture *f = *state;
    struct fit_error error = {0};
    struct fit_job *job;
    free_bytes = f->run_bytes - 1;
    assert_false(fit_generate(f->model, &f->params, &job, &error));
    assert_int_equal(error.status, FIT_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "size 64x64 needs about"));
    assert_non_null(strstr(error.message, "would fit"));
}

/* A size that is offered is smaller, and is taken. */
static void test_a_size_that_fits(void **state)
{
    struct fixture *f = *state;
    struct fit_generate_params asked = f->params;
    int width = 0, height = 0;
    asked.width = 128;
    free_bytes = f->run_bytes;
    assert_true(fit_canvas_for_memory(f->model, &asked, &width, &height));
    assert_true(width * height < asked.width * asked.height);
    assert_true(width > height);
    f->params.width = width;
    f->params.height = height;
    paint(f);

    free_bytes = SIZE_MAX / 2; /* short all the same, as where the forecast was too low */
    assert_true(fit_canvas_for_memory(f->model, &asked, &width, &height));
    assert_true(width * height < asked.width * asked.height);
    free_bytes = 0;
    assert_false(fit_canvas_for_memory(f->model, &asked, &width, &height));
    asked.width = asked.height = INT32_MAX;
    assert_false(fit_canvas_for_memory(f->model, &asked, &width, &height));
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_copies_come_with_the_first_use), TEST(test_a_run_comes_before_copies),
        TEST(test_copies_are_given_back), TEST(test_too_large_a_run),
        TEST(test_a_size_that_fits), TEST(test_trim),
        TEST(test_trim_without_copies), TEST(test_no_trim_during_a_run),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
