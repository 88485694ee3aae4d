/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, events and cancelling, as a program with a main loop meets them. */
#include "tiny_folder.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */

struct fixture {
    struct fit_engine *engine;
    struct fit_model *model;
    atomic_int wakes;
};

static void on_wake(void *data)
{
    atomic_fetch_add(&((struct fixture *)data)->wakes, 1);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->engine = tiny_engine(on_wake, f);
    f->model = tiny_load(f->engine);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fit_model_unref(&f->model);
    fit_engine_close(&f->engine);
    assert_null(f->engine);
    free(f);
    return 0;
}

static struct fit_job *start(struct fixture *f, struct fit_generate_params params)
{
    struct fit_job *job;
    struct fit_error error = {0};
    require_ok(fit_generate(f->model, &params, &job, &error), error);
    return job;
}

/* Waits for the end of the job; counts[type] receives how many events of each type it had. */
static enum fit_event_type wait_end(struct fixture *f, struct fit_job *job, int *counts)
{
    for (;;) {
        struct fit_event event;
        if (!fit_engine_wait_event(f->engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        enum fit_event_type type = event.type;
        bool mine = event.job == job;
        if (mine && counts)
            counts[type]++;
        fit_job_unref(&event.job);
        assert_null(event.job);
        if (mine && type >= FIT_EVENT_DONE)
            return type;
    }
}

static void test_a_run(void **state)
{
    struct fixture *f = *state;
    int counts[FIT_EVENT_CANCELLED + 1] = {0};
    struct fit_progress progress;
    struct fit_job *job = start(f, (struct fit_generate_params){.steps = 6, .seed = 1});
    assert_int_equal(wait_end(f, job, counts), FIT_EVENT_DONE);
    assert_int_equal(counts[FIT_EVENT_DONE], 1);
    assert_in_range(counts[FIT_EVENT_STEP], 1, 6);
    assert_in_range(counts[FIT_EVENT_FRAME], 1, 7);
    assert_true(atomic_load(&f->wakes) >= 1);

    fit_job_progress(job, &progress);
    assert_int_equal(progress.state, FIT_JOB_DONE);
    assert_int_equal(progress.step, 6);
    assert_int_equal(progress.steps, 6);
    assert_int_equal(progress.evaluations, progress.all_evaluations);
    assert_true(progress.t == 1);
    assert_true(progress.first_prediction_s > 0);

    struct fit_frame *frame = fit_job_take_frame(job);
    assert_non_null(frame);
    assert_true(fit_frame_is_final(frame));
    assert_int_equal(fit_frame_width(frame), 64);
    assert_int_equal(fit_frame_step(frame), 6);
    for (int i = 0; i < 64 * 64; i++)
        assert_int_equal(fit_frame_pixels(frame)[4 * i + 3], 255);
    fit_frame_unref(&frame);
    assert_null(fit_job_take_frame(job));
    fit_job_unref(&job);
}

static void test_defaults_are_filled_in(void **state)
{
    struct fixture *f = *state;
    struct fit_generate_params p;
    struct fit_job *job = start(f, (struct fit_generate_params){0});
    fit_job_params(job, &p);
    assert_int_equal(p.width, 64);
    assert_int_equal(p.height, 64);
    assert_int_equal(p.steps, 4);
    assert_true(p.guidance == 2);
    assert_int_equal(p.method, FIT_METHOD_NONE);
    assert_ptr_equal(fit_job_model(job), f->model);
    wait_end(f, job, NULL);
    fit_job_unref(&job);
}

/* Everything that was queued before the cancel ends exactly once, and a later run is whole. */
static void test_cancel(void **state)
{
    struct fixture *f = *state;
    int counts[FIT_EVENT_CANCELLED + 1] = {0};
    struct fit_error error = {0};
    struct fit_progress progress;
    struct fit_job *job =
        start(f, (struct fit_generate_params){.steps = 1000, .width = 256, .height = 256});
    struct fit_event event;
    assert_true(fit_engine_wait_event(f->engine, PATIENCE_MS, &event));
    fit_job_unref(&event.job);
    fit_job_cancel(job);
    fit_job_cancel(job);
    assert_int_equal(wait_end(f, job, counts), FIT_EVENT_CANCELLED);
    assert_int_equal(counts[FIT_EVENT_CANCELLED], 1);
    fit_job_progress(job, &progress);
    assert_int_equal(progress.state, FIT_JOB_CANCELLED);
    assert_in_range(progress.step, 0, 999);
    fit_job_error(job, &error);
    assert_int_equal(error.status, FIT_ERROR_CANCELLED);
    fit_job_unref(&job);

    job = start(f, (struct fit_generate_params){0});
    assert_int_equal(wait_end(f, job, NULL), FIT_EVENT_DONE);
    fit_job_unref(&job);
}

static void test_cancel_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct fit_job *first =
        start(f, (struct fit_generate_params){.steps = 1000, .width = 256, .height = 256});
    struct fit_job *second = start(f, (struct fit_generate_params){0});
    fit_job_cancel(second);
    fit_job_cancel(first);
    assert_int_equal(wait_end(f, second, NULL), FIT_EVENT_CANCELLED);
    struct fit_progress progress;
    fit_job_progress(first, &progress);
    assert_int_equal(progress.state, FIT_JOB_CANCELLED);
    fit_job_unref(&first);
    fit_job_unref(&second);
}

struct canceller {
    struct fit_job *job;
    double at_s; /* on the clock of now_s */
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *cancel_at(void *data)
{
    struct canceller *c = data;
    while (now_s() < c->at_s)
        sched_yield();
    fit_job_cancel(c->job);
    return NULL;
}

/* Cancelling from other threads at any moment: the run ends once, done or cancelled. The moments
 * are spread over what a whole run takes, so both happen. */
static void test_cancel_from_threads(void **state)
{
    enum { ROUNDS = 200, THREADS = 2 };
    const struct fit_generate_params params = {.steps = 3, .width = 32, .height = 32};
    struct fixture *f = *state;
    double whole = now_s();
    struct fit_job *job = start(f, params);
    wait_end(f, job, NULL);
    fit_job_unref(&job);
    whole = now_s() - whole;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        int counts[FIT_EVENT_CANCELLED + 1] = {0};
        job = start(f, params);
        struct canceller c = {job, now_s() + whole * (round * 61 % ROUNDS) / ROUNDS};
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, cancel_at, &c), 0);
        wait_end(f, job, counts);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(counts[FIT_EVENT_DONE] + counts[FIT_EVENT_CANCELLED], 1);
        assert_int_equal(counts[FIT_EVENT_FAILED], 0);
        fit_job_unref(&job);
    }
    struct fit_event event;
    while (fit_engine_next_event(f->engine, &event)) {
        assert_in_range(event.type, FIT_EVENT_STEP, FIT_EVENT_FRAME);
        fit_job_unref(&event.job);
    }
}

/* Jobs of one group advance side by side: no picture is done before the others are near. */
static void test_a_group_takes_turns(void **state)
{
    struct fixture *f = *state;
    struct fit_job *jobs[3];
    for (int i = 0; i < 3; i++)
        jobs[i] = start(f, (struct fit_generate_params){
                               .steps = 40, .width = 96, .height = 96, .group = 7,
                               .method = (enum fit_method)(FIT_METHOD_NONE + i)});
    wait_end(f, jobs[0], NULL);
    for (int i = 1; i < 3; i++) {
        struct fit_progress progress;
        fit_job_progress(jobs[i], &progress);
        assert_in_range(progress.step, 39, 40);
    }
    for (int i = 0; i < 3; i++)
        fit_job_unref(&jobs[i]);
}

/* The waking call comes once until the events were read, however many there are. */
static void test_wakes_are_coalesced(void **state)
{
    struct fixture *f = *state;
    struct fit_event event;
    struct fit_progress progress;
    while (fit_engine_next_event(f->engine, &event))
        fit_job_unref(&event.job);
    int before = atomic_load(&f->wakes);
    struct fit_job *job = start(f, (struct fit_generate_params){.steps = 30});
    do {
        usleep(1000);
        fit_job_progress(job, &progress);
    } while (progress.state != FIT_JOB_DONE);
    assert_int_equal(atomic_load(&f->wakes), before + 1);
    wait_end(f, job, NULL);
    fit_job_unref(&job);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct fit_generate_params params;
        const char *why;
    } cases[] = {
        {{.width = 100, .height = 64}, "96x64"},
        {{.width = 64}, "64x16"},
        {{.width = 8192, .height = 64}, "4096x64"},
        {{.width = -64, .height = 64}, "16x64"},
        {{.class_id = 4}, "0 to 3, or none"},
        {{.class_id = -2}, "0 to 3, or none"},
        {{.steps = 1001}, "1 to 1000"},
        {{.steps = -1}, "1 to 1000"},
        {{.guidance = 0.5}, "1 to 30"},
        {{.guidance = 31}, "1 to 30"},
        {{.guidance_power = -1}, "0 to 100"},
        {{.solver = FIT_N_SOLVERS}, "solver"},
        {{.method = FIT_N_METHODS}, "method"},
        {{.index = -1}, "index"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_error error = {0};
        struct fit_job *job = (struct fit_job *)&error;
        assert_false(fit_generate(f->model, &cases[i].params, &job, &error));
        assert_null(job);
        assert_int_equal(error.status, FIT_ERROR_ARGUMENT);
        if (!strstr(error.message, cases[i].why))
            fail_msg("\"%s\" lacks \"%s\"", error.message, cases[i].why);
    }
}

/* Closing while a run goes on: what is still held can be let go, and nothing else works. */
static void test_close_during_a_run(void **state)
{
    struct fixture *f = *state;
    struct fit_event event;
    struct fit_progress progress;
    struct fit_job *job =
        start(f, (struct fit_generate_params){.steps = 1000, .width = 256, .height = 256});
    assert_true(fit_engine_wait_event(f->engine, PATIENCE_MS, &event));
    fit_job_unref(&event.job);
    fit_engine_close(&f->engine);
    fit_job_progress(job, &progress);
    assert_int_equal(progress.state, FIT_JOB_CANCELLED);
    fit_job_show(job, 0, FIT_VIEW_STATE);
    struct fit_frame *frame = fit_job_take_frame(job);
    fit_frame_unref(&frame);
    fit_model_unref(&f->model);
    assert_non_null(fit_model_class_name(fit_job_model(job), 0));
    fit_job_unref(&job);
}

static void test_an_unknown_backend(void **state)
{
    (void)state;
    struct fit_engine *engine;
    struct fit_error error = {0};
    struct fit_engine_params params = {.backend = "abacus"};
    assert_false(fit_engine_open(&engine, &params, &error));
    assert_null(engine);
    assert_non_null(strstr(error.message, "abacus"));
    error = (struct fit_error){0};
    params = (struct fit_engine_params){.n_threads = -1};
    assert_false(fit_engine_open(&engine, &params, &error));
    assert_int_equal(error.status, FIT_ERROR_ARGUMENT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_defaults_are_filled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_while_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_from_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_group_takes_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wakes_are_coalesced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_during_a_run, set_up, tear_down),
        cmocka_unit_test(test_an_unknown_backend),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
