/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the steps of a run: latents, thumbnails and pictures asked for later. */
#include "tiny_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */
#define STEPS 5
#define WIDTH 64
#define HEIGHT 48
#define VALUES (8 * (WIDTH / 8) * (HEIGHT / 8))

static struct fit_engine *engine;
static struct fit_model *model;
static struct fit_job *job; /* finished */

static struct fit_job *paint_with(const float *noise, int crop_width, int crop_height)
{
    struct fit_generate_params params = {.width = WIDTH, .height = HEIGHT,
                                         .crop_width = crop_width, .crop_height = crop_height,
                                         .steps = STEPS, .seed = 9, .noise = noise,
                                         .no_previews = true};
    struct fit_job *made;
    struct fit_error error = {0};
    struct fit_event event;
    require_ok(fit_generate(model, &params, &made, &error), error);
    for (bool ended = false; !ended;) {
        assert_true(fit_engine_wait_event(engine, PATIENCE_MS, &event));
        ended = event.job == made && event.type >= FIT_EVENT_DONE;
        if (ended)
            assert_int_equal(event.type, FIT_EVENT_DONE);
        fit_job_unref(&event.job);
    }
    return made;
}

static struct fit_job *paint(const float *noise)
{
    return paint_with(noise, 0, 0);
}

static struct fit_frame *show_of(struct fit_job *shown, int step, enum fit_view view)
{
    struct fit_event event;
    fit_job_show(shown, step, view);
    for (;;) {
        assert_true(fit_engine_wait_event(engine, PATIENCE_MS, &event));
        bool is_frame = event.job == shown && event.type == FIT_EVENT_FRAME;
        fit_job_unref(&event.job);
        struct fit_frame *frame = is_frame ? fit_job_take_frame(shown) : NULL;
        if (frame)
            return frame;
    }
}

static struct fit_frame *show(int step, enum fit_view view)
{
    return show_of(job, step, view);
}

static int set_up(void **state)
{
    (void)state;
    job = paint(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fit_job_unref(&job);
    return 0;
}

/* A straight path: every state follows from the one before and its prediction, as Euler steps do;
 * p = x + (1 - t) v, so x' = x + dt (p - x) / (1 - t). Two roundings of float a step. */
static void test_the_path(void **state)
{
    (void)state;
    static float x[VALUES], p[VALUES], next[VALUES];
    for (int step = 0; step < STEPS; step++) {
        assert_true(fit_job_latent(job, step, FIT_VIEW_STATE, x));
        assert_true(fit_job_latent(job, step, FIT_VIEW_PREDICTION, p));
        assert_true(fit_job_latent(job, step + 1, FIT_VIEW_STATE, next));
        double t = (double)step / STEPS, dt = 1.0 / STEPS;
        for (int i = 0; i < VALUES; i++) {
            double expected = x[i] + dt * (p[i] - x[i]) / (1 - t);
            assert_true(fabs(next[i] - expected) <= 1e-5 * fmax(1, fabs(p[i])));
        }
    }
    /* At the end the state is what was predicted. */
    assert_true(fit_job_latent(job, STEPS, FIT_VIEW_STATE, x));
    assert_true(fit_job_latent(job, STEPS, FIT_VIEW_PREDICTION, p));
    assert_memory_equal(x, p, sizeof x);
}

static void test_steps_that_do_not_exist(void **state)
{
    (void)state;
    static float x[VALUES];
    static uint8_t rgba[4 * VALUES];
    static const int steps[] = {-1, STEPS + 1, 1000000};
    for (int i = 0; i < 3; i++) {
        assert_false(fit_job_latent(job, steps[i], FIT_VIEW_STATE, x));
        assert_false(fit_job_thumbnail(job, steps[i], rgba));
    }
}

static void test_thumbnails(void **state)
{
    (void)state;
    uint8_t first[4 * (WIDTH / 8) * (HEIGHT / 8)], last[sizeof first];
    assert_true(fit_job_thumbnail(job, 0, first));
    assert_true(fit_job_thumbnail(job, STEPS, last));
    assert_memory_not_equal(first, last, sizeof first);
    for (size_t i = 3; i < sizeof first; i += 4)
        assert_int_equal(first[i], 255);
}

/* Every step in every view, and the last prediction is the picture itself. */
static void test_show(void **state)
{
    (void)state;
    static const enum fit_view views[] = {FIT_VIEW_PREDICTION, FIT_VIEW_STATE, FIT_VIEW_VELOCITY};
    struct fit_frame *final = fit_job_take_frame(job);
    assert_non_null(final);
    for (int v = 0; v < 3; v++) {
        for (int step = 0; step <= STEPS; step++) {
            struct fit_frame *frame = show(step, views[v]);
            assert_int_equal(fit_frame_step(frame), step);
            assert_int_equal(fit_frame_view(frame), views[v]);
            assert_int_equal(fit_frame_width(frame), WIDTH);
            assert_int_equal(fit_frame_height(frame), HEIGHT);
            assert_int_equal(fit_frame_is_final(frame),
                             step == STEPS && views[v] != FIT_VIEW_VELOCITY);
            if (fit_frame_is_final(frame))
                assert_memory_equal(fit_frame_pixels(frame), fit_frame_pixels(final),
                                    4 * WIDTH * HEIGHT);
            fit_frame_unref(&frame);
        }
    }
    fit_frame_unref(&final);
}

/* Every frame of a cropped run is the middle of the whole one's. */
static void test_crop(void **state)
{
    (void)state;
    static const int crops[][2] = {{50, 37}, {63, 48}, {64, 1}, {1, 48}, {WIDTH, HEIGHT}};
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++) {
        int width = crops[i][0], height = crops[i][1];
        struct fit_job *cropped = paint_with(NULL, width, height);
        for (int view = FIT_VIEW_PREDICTION; view <= FIT_VIEW_VELOCITY; view++) {
            struct fit_frame *whole = show(2, (enum fit_view)view);
            struct fit_frame *part = show_of(cropped, 2, (enum fit_view)view);
            assert_int_equal(fit_frame_width(part), width);
            assert_int_equal(fit_frame_height(part), height);
            const uint8_t *from = fit_frame_pixels(whole) +
                                  4 * ((HEIGHT - height) / 2 * WIDTH + (WIDTH - width) / 2);
            for (int y = 0; y < height; y++)
                assert_memory_equal(fit_frame_pixels(part) + 4 * y * width, from + 4 * y * WIDTH,
                                    4 * (size_t)width);
            fit_frame_unref(&whole);
            fit_frame_unref(&part);
        }
        fit_job_unref(&cropped);
    }
    struct fit_generate_params params = {.width = WIDTH, .height = HEIGHT, .crop_width = WIDTH,
                                         .crop_height = HEIGHT + 1};
    struct fit_error error = {0};
    struct fit_job *none = NULL;
    assert_false(fit_generate(model, &params, &none, &error));
    assert_non_null(strstr(error.message, "crop 64x49 is not possible"));
}

/* A frame of a step holds what decoding the latent of that step gives. */
static void test_show_decodes(void **state)
{
    (void)state;
    static float latent[VALUES], rgb[3 * WIDTH * HEIGHT];
    struct fit_error error = {0};
    struct fit_frame *frame = show(2, FIT_VIEW_STATE);
    assert_true(fit_job_latent(job, 2, FIT_VIEW_STATE, latent));
    require_ok(fit_model_decode(model, latent, WIDTH, HEIGHT, rgb, &error), error);
    for (int i = 0; i < 3 * WIDTH * HEIGHT; i++) {
        float wide = fminf(fmaxf(127.5f * rgb[i] + 128.0f, 0), 255);
        assert_int_equal(fit_frame_pixels(frame)[i / 3 * 4 + i % 3], (uint8_t)wide);
    }
    fit_frame_unref(&frame);
}

/* Of many requests the newest is answered last; steps out of range mean the nearest. */
static void test_the_newest_request_wins(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        fit_job_show(job, i % STEPS, FIT_VIEW_PREDICTION);
    struct fit_frame *frame = show(3, FIT_VIEW_STATE);
    while (fit_frame_step(frame) != 3 || fit_frame_view(frame) != FIT_VIEW_STATE) {
        struct fit_event event;
        fit_frame_unref(&frame);
        assert_true(fit_engine_wait_event(engine, PATIENCE_MS, &event));
        fit_job_unref(&event.job);
        while (!(frame = fit_job_take_frame(job))) {
            assert_true(fit_engine_wait_event(engine, PATIENCE_MS, &event));
            fit_job_unref(&event.job);
        }
    }
    fit_frame_unref(&frame);
    frame = show(1000, FIT_VIEW_STATE);
    assert_int_equal(fit_frame_step(frame), STEPS);
    fit_frame_unref(&frame);
    frame = show(-4, FIT_VIEW_STATE);
    assert_int_equal(fit_frame_step(frame), 0);
    fit_frame_unref(&frame);
}

/* The noise of a run given back to another run as its noise paints the same picture. */
static void test_noise_given_back(void **state)
{
    (void)state;
    static float noise[VALUES], latents[2][VALUES];
    assert_true(fit_job_latent(job, 0, FIT_VIEW_STATE, noise));
    assert_true(fit_job_latent(job, STEPS, FIT_VIEW_STATE, latents[0]));
    struct fit_job *again = paint(noise);
    assert_true(fit_job_latent(again, STEPS, FIT_VIEW_STATE, latents[1]));
    assert_memory_equal(latents[0], latents[1], sizeof latents[0]);
    fit_job_unref(&again);

    struct fit_generate_params params = {.width = WIDTH, .height = HEIGHT, .noise = noise};
    struct fit_error error = {0};
    noise[7] = NAN;
    assert_false(fit_generate(model, &params, &again, &error));
    assert_non_null(strstr(error.message, "value 7"));
}

/* One velocity of the network alone is what the run took its first step with. */
static void test_velocity_is_the_runs(void **state)
{
    (void)state;
    static float x[VALUES], p[VALUES], v[VALUES];
    struct fit_error error = {0};
    struct fit_velocity_params params = {.width = WIDTH, .height = HEIGHT, .batch = 1,
                                         .guidance = 2};
    assert_true(fit_job_latent(job, 0, FIT_VIEW_STATE, x));
    assert_true(fit_job_latent(job, 0, FIT_VIEW_PREDICTION, p));
    require_ok(fit_model_velocity(model, &params, x, v, &error), error);
    for (int i = 0; i < VALUES; i++) /* one rounding of x + v */
        assert_true(fabsf(x[i] + v[i] - p[i]) <= 1e-5f * fmaxf(1, fabsf(p[i])));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_steps_that_do_not_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thumbnails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_show, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_show_decodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_newest_request_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_noise_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_velocity_is_the_runs, set_up, tear_down),
    };
    tiny_folder_init(argc, argv);
    engine = tiny_engine(NULL, NULL);
    model = tiny_load(engine);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    tiny_folder_finish();
    return failed;
}
