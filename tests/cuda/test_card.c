/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole networks, pictures and steps of training on a card, against the processor's. With the
 * stand-in for the runtime (FIT_TEST_BACKEND=cuda) it must run; elsewhere it is skipped where there
 * is no card.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../train/fixture.h"
#include "../unit/tiny_folder.h"
#include "engine_private.h"
#include "fit/fit-train.h"

#define PATIENCE_MS 180000
enum { STEPS = 3, MOST_VALUES = 8 * 32 * 32 };

static struct fit_engine *engine_on(const char *backend)
{
    struct fit_engine_params params = {.backend = backend, .n_threads = 2};
    struct fit_engine *engine;
    struct fit_error error = {0};
    require_ok(fit_engine_open(&engine, &params, &error), error);
    return engine;
}

static struct fit_model *model_on(struct fit_engine *engine, enum fit_precision precision)
{
    struct fit_model_params params = {.path = tiny_folder_path(), .precision = precision};
    struct fit_model *model;
    struct fit_error error = {0};
    require_ok(fit_model_load(engine, &params, &model, &error), error);
    return model;
}

/* Waits for the end of a run, which is returned. */
static enum fit_event_type wait_for_end(struct fit_engine *engine, const struct fit_job *job)
{
    for (;;) {
        struct fit_event event;
        if (!fit_engine_wait_event(engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        bool ended = event.job == job && event.type >= FIT_EVENT_DONE &&
                     event.type <= FIT_EVENT_CANCELLED;
        fit_job_unref(&event.job);
        if (ended)
            return event.type;
    }
}

/* The latent that a run ends with. */
static size_t paint(const char *backend, enum fit_precision precision, bool recorded,
                    const struct fit_generate_params *params, float *latent)
{
    struct fit_engine *engine = engine_on(backend);
    struct fit_model *model = model_on(engine, precision);
    struct fit_job *job;
    struct fit_error error = {0};
    if (!recorded)
        engine->device->graph_begin = NULL;
    require_ok(fit_generate(model, params, &job, &error), error);
    enum fit_event_type end = wait_for_end(engine, job);
    fit_job_error(job, &error);
    if (end != FIT_EVENT_DONE)
        fail_msg("%s: %s", backend, error.message);
    assert_true(fit_job_latent(job, params->steps, FIT_VIEW_STATE, latent));
    fit_job_unref(&job);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    return 8 * (size_t)(params->width / 8) * (size_t)(params->height / 8);
}

/* The distance of a from b, relative to b. */
static double distance(const float *a, const float *b, size_t n)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(difference / size);
}

static float card[MOST_VALUES], processor[MOST_VALUES];

/* A hundred products' roundings of 2^-24 in each evaluation, which the steps carry on: 1e-5 leaves
 * room for both devices. In bf16 (2^-9) both round as often, at other places: 3e-2. */
static void test_pictures(void **state)
{
    static const struct {
        int width, height;
        enum fit_solver solver;
        double guidance;
    } cases[] = {
        {32, 32, FIT_SOLVER_EULER, 2.5},  {48, 32, FIT_SOLVER_HEUN, 1},
        {16, 16, FIT_SOLVER_RK4, 3},      {16, 64, FIT_SOLVER_SDE_EULER, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_generate_params params = {.width = cases[i].width,
                                             .height = cases[i].height,
                                             .solver = cases[i].solver,
                                             .guidance = cases[i].guidance,
                                             .class_id = 3,
                                             .steps = STEPS,
                                             .seed = 11 + i,
                                             .no_previews = true};
        size_t n = paint("cuda", FIT_PRECISION_F32, true, &params, card);
        paint("cpu", FIT_PRECISION_F32, true, &params, processor);
        double f32 = distance(card, processor, n);
        paint("cuda", FIT_PRECISION_BF16, true, &params, card);
        paint("cpu", FIT_PRECISION_BF16, true, &params, processor);
        double bf16 = distance(card, processor, n);
        print_message("%s: distance %.2g in f32, %.2g in bf16\n",
                      fit_solver_name(params.solver), f32, bf16);
        assert_true(f32 < 1e-5);
        assert_true(bf16 < 3e-2);
        assert_true(distance(card, processor, n) < 1); /* and they are no zeros */
    }
}

static void test_recorded_is_the_same(void **state)
{
    struct fit_generate_params params = {.width = 32, .height = 16, .class_id = 1, .steps = 6,
                                         .guidance = 2, .seed = 5, .no_previews = true};
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        params.guidance = plain ? 1 : 2;
        size_t n = paint("cuda", FIT_PRECISION_F32, true, &params, card);
        paint("cuda", FIT_PRECISION_F32, false, &params, processor);
        assert_memory_equal(card, processor, n * sizeof *card);
    }
}

static size_t used_bytes(struct fit_engine *engine)
{
    size_t free_bytes = 0, total = 0;
    assert_true(engine->device->memory(engine->device, &free_bytes, &total));
    return total - free_bytes;
}

static void paint_on(struct fit_engine *engine, struct fit_model *model, float *latent)
{
    struct fit_generate_params params = {.width = 32, .height = 32, .steps = STEPS, .guidance = 2};
    struct fit_error error = {0};
    struct fit_job *job;
    require_ok(fit_generate(model, &params, &job, &error), error);
    assert_int_equal(wait_for_end(engine, job), FIT_EVENT_DONE);
    assert_true(fit_job_latent(job, STEPS, FIT_VIEW_STATE, latent));
    fit_job_unref(&job);
}

/* What a picture left behind to make the next one quicker is given back, by the device's own count,
 * and the next one is the same. */
static void test_trim(void **state)
{
    struct fit_engine *engine = engine_on("cuda");
    struct fit_model *model = model_on(engine, FIT_PRECISION_BF16);
    struct fit_error error = {0};
    (void)state;
    require_ok(fit_model_trim(model, &error), error); /* what loading left */
    size_t loaded = used_bytes(engine);
    paint_on(engine, model, card);
    size_t painted = used_bytes(engine);
    require_ok(fit_model_trim(model, &error), error);
    print_message("%zu bytes with the model, %zu after a picture, %zu at rest\n", loaded, painted,
                  used_bytes(engine));
    assert_true(painted > loaded);
    assert_int_equal(used_bytes(engine), loaded);
    paint_on(engine, model, processor);
    assert_memory_equal(card, processor, 8 * (32 / 8) * (32 / 8) * sizeof *card);
    assert_int_equal(used_bytes(engine), painted);
    fit_model_unref(&model);
    fit_engine_close(&engine);
}

/* Losses of the first steps; they depend on gradients, moments and the running average. */
static void train(const struct fixture *f, const char *backend, double *loss)
{
    char folder[128];
    struct fit_trainer *trainer;
    struct fit_error error = {0};
    snprintf(folder, sizeof folder, "%s/%s", f->folder, backend);
    struct fit_train_params params = {
        .config = f->config, .folder = folder, .backend = backend, .n_threads = 2};
    require_ok(fit_trainer_open(&trainer, &params, &error), error);
    for (int i = 0; i < STEPS; i++) {
        struct fit_train_report report;
        require_ok(fit_trainer_step(trainer, &report, &error), error);
        loss[2 * i] = report.loss;
        loss[2 * i + 1] = report.gradient_norm;
    }
    require_ok(fit_trainer_validate(trainer, &loss[2 * STEPS], &error), error);
    fit_trainer_close(&trainer);
}

static void test_training(void **state)
{
    static const char *const precisions[] = {"f32", "bf16"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        char extra[64];
        double ours[2 * STEPS + 1], theirs[2 * STEPS + 1];
        snprintf(extra, sizeof extra, "optimizer: {precision: %s}\n", precisions[i]);
        fixture_init(&f, extra);
        train(&f, "cuda", ours);
        train(&f, "cpu", theirs);
        fixture_finish(&f);
        for (int k = 0; k <= 2 * STEPS; k++)
            if (!(fabs(ours[k] - theirs[k]) <= (i ? 1e-2 : 2e-5) * theirs[k]))
                fail_msg("%s: number %d is %.9g, expected %.9g", precisions[i], k, ours[k],
                         theirs[k]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_recorded_is_the_same),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_training),
    };
    char message[256];
    struct fk_open_params params = {.backend = "cuda"};
    struct fk_device *device = fk_device_open(&params, message, sizeof message);
    if (!device && !getenv("FIT_TEST_BACKEND")) {
        fprintf(stderr, "skipped: %s\n", message);
        return 77;
    }
    fk_device_close(&device);
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
