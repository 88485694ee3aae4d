/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a run as one chain: an evaluation is queued before the one before it has come to the
 * host. On a stand-in that does nothing before it is waited for (FK_SHIM_LATE), every point must
 * have the bits of a run that waits for each download; left, cancelled and failed runs must keep
 * what they kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tiny_folder.h"
#include "engine_private.h"

#define PATIENCE_MS 180000
enum { STEPS = 5, SIDE = 16, PIXELS = (SIDE / 8) * (SIDE / 8), VALUES = 8 * PIXELS };

struct point {
    float state[VALUES], prediction[VALUES];
    uint8_t thumbnail[4 * PIXELS];
};

struct picture {
    int n, evaluations;
    struct point point[STEPS + 1];
    enum fit_job_state end;
    struct fit_error error;
};

/* ---- the device's calls, watched ---------------------------------------------------------- */

static struct {
    struct fk_device device; /* as it was */
    int placed, waited;      /* marks */
    int most_ahead;          /* placed and not waited for */
    int stalls;              /* waits for the whole queue between the first mark and the last step's */
    bool never_waits;        /* the mistake that the test must find */
    int act_at;              /* with this mark, */
    void (*act)(struct fit_job *job);
    struct fit_job *job;
    pthread_mutex_t gate; /* held until the job is known */
} watch = {.gate = PTHREAD_MUTEX_INITIALIZER};

static bool mark_place(struct fk_queue *q, struct fk_mark *mark)
{
    if (++watch.placed == watch.act_at) {
        pthread_mutex_lock(&watch.gate);
        watch.act(watch.job);
        pthread_mutex_unlock(&watch.gate);
    }
    return watch.device.mark_place(q, mark);
}

static bool mark_wait(struct fk_queue *q, struct fk_mark *mark)
{
    int ahead = watch.placed - watch.waited++;
    if (ahead > watch.most_ahead)
        watch.most_ahead = ahead;
    return watch.never_waits || watch.device.mark_wait(q, mark);
}

static void count_stall(void)
{
    watch.stalls += watch.placed > 0 && watch.placed < STEPS;
}

static bool download(struct fk_queue *q, void *host, const void *device_memory, size_t bytes)
{
    count_stall();
    return watch.device.download(q, host, device_memory, bytes);
}

static bool queue_sync(struct fk_queue *q)
{
    count_stall();
    return watch.device.queue_sync(q);
}

static void watch_device(struct fk_device *device)
{
    watch.device = *device;
    watch.placed = watch.waited = watch.most_ahead = watch.stalls = 0;
    device->mark_place = mark_place;
    device->mark_wait = mark_wait;
    device->download = download;
    device->queue_sync = queue_sync;
}

/* ---- a run -------------------------------------------------------------------------------- */

struct studio {
    struct fit_engine *engine;
    struct fit_model *model;
};

static struct studio open_studio(bool late)
{
    struct studio s;
    struct fit_engine_params params = {.backend = "cuda", .n_threads = 2};
    struct fit_model_params bundle = {.path = tiny_folder_path(),
                                      .precision = FIT_PRECISION_BF16};
    struct fit_error error = {0};
    if (late)
        setenv("FK_SHIM_LATE", "1", 1);
    else
        unsetenv("FK_SHIM_LATE");
    require_ok(fit_engine_open(&s.engine, &params, &error), error);
    require_ok(fit_model_load(s.engine, &bundle, &s.model, &error), error);
    if (late)
        watch_device(s.engine->device);
    else
        s.engine->device->download_later = NULL;
    return s;
}

static void close_studio(struct studio *s)
{
    fit_model_unref(&s->model);
    fit_engine_close(&s->engine);
    unsetenv("FK_SHIM_LATE");
}

static struct fit_generate_params params_of(enum fit_solver solver, double guidance)
{
    return (struct fit_generate_params){.width = SIDE,
                                        .height = SIDE,
                                        .steps = STEPS,
                                        .solver = solver,
                                        .guidance = guidance,
                                        .class_id = 2,
                                        .seed = 9,
                                        .no_previews = true};
}

static struct fit_job *start(struct studio *s, const struct fit_generate_params *params)
{
    struct fit_error error = {0};
    struct fit_job *job;
    pthread_mutex_lock(&watch.gate);
    require_ok(fit_generate(s->model, params, &job, &error), error);
    watch.job = job;
    pthread_mutex_unlock(&watch.gate);
    return job;
}

/* Waits until the run is over or paused, and copies what is there then. */
static void look(struct studio *s, struct fit_job *job, struct picture *out)
{
    struct fit_progress progress;
    for (fit_job_progress(job, &progress); progress.state < FIT_JOB_PAUSED;
         fit_job_progress(job, &progress)) {
        struct fit_event event;
        if (!fit_engine_wait_event(s->engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        fit_job_unref(&event.job);
    }
    memset(out, 0, sizeof *out);
    for (; out->n <= STEPS; out->n++) {
        struct point *p = &out->point[out->n];
        if (!fit_job_latent(job, out->n, FIT_VIEW_STATE, p->state))
            break;
        assert_true(fit_job_latent(job, out->n, FIT_VIEW_PREDICTION, p->prediction));
        assert_true(fit_job_thumbnail(job, out->n, p->thumbnail));
    }
    out->evaluations = progress.evaluations;
    out->end = progress.state;
    fit_job_error(job, &out->error);
}

static void paint(struct studio *s, const struct fit_generate_params *params, struct picture *out)
{
    struct fit_job *job = start(s, params);
    look(s, job, out);
    fit_job_unref(&job);
}

/* What a run that waits for each download gives. */
static void paint_waiting(const struct fit_generate_params *params, struct picture *out)
{
    struct studio s = open_studio(false);
    paint(&s, params, out);
    assert_int_equal(out->end, FIT_JOB_DONE);
    assert_int_equal(out->n, STEPS + 1);
    close_studio(&s);
}

static void expect_points(const struct picture *found, const struct picture *expected, int n)
{
    assert_int_equal(found->n, n);
    for (int i = 0; i < n; i++)
        if (memcmp(&found->point[i], &expected->point[i], sizeof found->point[i]))
            fail_msg("point %d of %d has other bits", i, n);
}

static struct picture waiting, ahead;

/* ---- tests -------------------------------------------------------------------------------- */

static void test_same_bits(void **state)
{
    (void)state;
    for (int solver = 0; solver < FIT_SOLVER_DDPM; solver++)
        for (int guided = 0; guided < 2; guided++) {
            struct fit_generate_params params =
                params_of((enum fit_solver)solver, guided ? 2 : 1);
            paint_waiting(&params, &waiting);
            struct studio s = open_studio(true);
            paint(&s, &params, &ahead);
            close_studio(&s);
            if (ahead.end != FIT_JOB_DONE)
                fail_msg("%s: %s", fit_solver_name(params.solver), ahead.error.message);
            expect_points(&ahead, &waiting, STEPS + 1);
            assert_int_equal(ahead.evaluations, waiting.evaluations);
        }
}

static void test_one_step_is_queued_ahead(void **state)
{
    struct fit_generate_params params = params_of(FIT_SOLVER_EULER, 2);
    struct studio s = open_studio(true);
    (void)state;
    paint(&s, &params, &ahead);
    close_studio(&s);
    assert_int_equal(ahead.end, FIT_JOB_DONE);
    assert_int_equal(watch.most_ahead, 2);
    assert_int_equal(watch.stalls, 0);
    assert_int_equal(watch.placed, STEPS + 1);
    assert_int_equal(watch.waited, STEPS + 1);
}

/* The test of the test: without its waits the chain has other bits here. */
static void test_a_missing_wait_is_seen(void **state)
{
    struct fit_generate_params params = params_of(FIT_SOLVER_EULER, 1);
    (void)state;
    paint_waiting(&params, &waiting);
    watch.never_waits = true;
    struct studio s = open_studio(true);
    paint(&s, &params, &ahead);
    close_studio(&s);
    watch.never_waits = false;
    assert_int_not_equal(memcmp(ahead.point, waiting.point, sizeof ahead.point), 0);
}

/* Two runs that take turns have both a step under way. */
static void test_a_group(void **state)
{
    struct fit_generate_params params = params_of(FIT_SOLVER_HEUN, 2);
    static struct picture second;
    (void)state;
    paint_waiting(&params, &waiting);
    params.group = 7;
    struct studio s = open_studio(true);
    struct fit_job *a = start(&s, &params), *b = start(&s, &params);
    look(&s, a, &ahead);
    look(&s, b, &second);
    fit_job_unref(&a);
    fit_job_unref(&b);
    close_studio(&s);
    expect_points(&ahead, &waiting, STEPS + 1);
    expect_points(&second, &waiting, STEPS + 1);
}

/* A step is under way when the run is told to stop: it is the last. What goes on from there ends in
 * the same bits. */
static void test_cancelled_and_continued(void **state)
{
    struct fit_generate_params params = params_of(FIT_SOLVER_SDE_EULER, 2);
    struct fit_error error = {0};
    (void)state;
    paint_waiting(&params, &waiting);
    for (int at = 1; at < STEPS; at++) {
        watch.act_at = at;
        watch.act = fit_job_cancel;
        struct studio s = open_studio(true);
        struct fit_job *job = start(&s, &params), *rest;
        look(&s, job, &ahead);
        assert_int_equal(ahead.end, FIT_JOB_CANCELLED);
        assert_int_equal(watch.placed, at);
        assert_int_equal(ahead.evaluations, at);
        expect_points(&ahead, &waiting, at);
        watch.act_at = 0;
        require_ok(fit_job_continue(job, &rest, &error), error);
        look(&s, rest, &ahead);
        assert_int_equal(ahead.end, FIT_JOB_DONE);
        expect_points(&ahead, &waiting, STEPS + 1);
        fit_job_unref(&rest);
        fit_job_unref(&job);
        close_studio(&s);
    }
}

static void test_paused(void **state)
{
    struct fit_generate_params params = params_of(FIT_SOLVER_EULER, 2);
    (void)state;
    paint_waiting(&params, &waiting);
    watch.act_at = 2;
    watch.act = fit_job_pause;
    struct studio s = open_studio(true);
    struct fit_job *job = start(&s, &params);
    look(&s, job, &ahead);
    watch.act_at = 0;
    assert_int_equal(ahead.end, FIT_JOB_PAUSED);
    assert_int_equal(ahead.evaluations, 2);
    expect_points(&ahead, &waiting, 2);
    fit_job_resume(job);
    look(&s, job, &ahead);
    assert_int_equal(ahead.end, FIT_JOB_DONE);
    expect_points(&ahead, &waiting, STEPS + 1);
    fit_job_unref(&job);
    close_studio(&s);
}

/* The same steps stay as where each is waited for, whichever launch loses the device. */
static void test_lost(void **state)
{
    struct fit_generate_params params = params_of(FIT_SOLVER_EULER, 2);
    static struct picture whole;
    int failures = 0, with_steps = 0;
    (void)state;
    paint_waiting(&params, &whole);
    for (int launch = 40;; launch += 31) {
        char text[16];
        snprintf(text, sizeof text, "%d", launch);
        setenv("FK_SHIM_FAIL_LAUNCH", text, 1);
        struct studio s = open_studio(false);
        paint(&s, &params, &waiting);
        close_studio(&s);
        s = open_studio(true);
        paint(&s, &params, &ahead);
        close_studio(&s);
        unsetenv("FK_SHIM_FAIL_LAUNCH");
        assert_int_equal(ahead.end, waiting.end);
        expect_points(&ahead, &whole, waiting.n);
        assert_int_equal(ahead.evaluations, waiting.evaluations);
        if (ahead.end == FIT_JOB_DONE)
            break;
        if (!strstr(ahead.error.message, "unspecified launch failure"))
            fail_msg("launch %d: \"%s\"", launch, ahead.error.message);
        failures++;
        with_steps += ahead.n > 0;
    }
    print_message("%d launches failed in turn, %d of them after a step\n", failures, with_steps);
    assert_true(with_steps > 5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_one_step_is_queued_ahead),
        cmocka_unit_test(test_a_missing_wait_is_seen),
        cmocka_unit_test(test_a_group),
        cmocka_unit_test(test_cancelled_and_continued),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_lost),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
