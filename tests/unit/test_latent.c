/* SPDX-License-Identifier: Apache-2.0 */
/* The scaling factor stands between a model's latents and its autoencoder's, and a model without
 * an autoencoder is a model. */
#include "tiny_folder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 48, HEIGHT = 32, PIXELS = WIDTH * HEIGHT, CELLS = PIXELS / 64, VALUES = 8 * CELLS };

/* Changes the autoencoder of model.json; the old text comes back with restore. */
static json_t *change(const char *field, json_t *value)
{
    char path[256];
    snprintf(path, sizeof path, "%s/model.json", tiny_folder_path());
    json_t *root = json_load_file(path, 0, NULL), *old = json_deep_copy(root);
    assert_non_null(root);
    json_object_set_new(json_object_get(root, "autoencoder"), field, value);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    return old;
}

static void restore(json_t *old)
{
    char path[256];
    snprintf(path, sizeof path, "%s/model.json", tiny_folder_path());
    assert_int_equal(json_dump_file(old, path, 0), 0);
    json_decref(old);
}

/* Smooth and different everywhere. */
static void fill(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)((i * 37) % 101) / 50 - 1;
}

/* A power of two scales without rounding: the pictures agree in every bit. */
static void test_scale(void **state)
{
    struct fit_error error = {0};
    float latent[VALUES], doubled[VALUES], rgb[3 * PIXELS], plain[3 * PIXELS], scaled[3 * PIXELS];
    float from_plain[VALUES], from_scaled[VALUES];
    (void)state;
    fill(latent, VALUES);
    fill(rgb, 3 * PIXELS);
    for (int i = 0; i < VALUES; i++)
        doubled[i] = 2 * latent[i];
    struct fit_engine *engine = tiny_engine(NULL, NULL);
    struct fit_model *model = tiny_load(engine);
    require_ok(fit_model_decode(model, doubled, WIDTH, HEIGHT, plain, &error), error);
    require_ok(fit_model_encode(model, rgb, WIDTH, HEIGHT, from_plain, &error), error);
    fit_model_unref(&model);

    json_t *old = change("scaling_factor", json_real(0.5));
    model = tiny_load(engine);
    restore(old);
    require_ok(fit_model_decode(model, latent, WIDTH, HEIGHT, scaled, &error), error);
    require_ok(fit_model_encode(model, rgb, WIDTH, HEIGHT, from_scaled, &error), error);
    assert_memory_equal(scaled, plain, sizeof plain);
    for (int i = 0; i < VALUES; i++)
        assert_true(from_scaled[i] == from_plain[i] / 2);
    fit_model_unref(&model);
    fit_engine_close(&engine);
}

static void wait_done(struct fit_engine *engine)
{
    struct fit_event event;
    enum fit_event_type type;
    do {
        assert_true(fit_engine_wait_event(engine, 180000, &event));
        type = event.type;
        fit_job_unref(&event.job);
    } while (type < FIT_EVENT_DONE);
    assert_int_equal(type, FIT_EVENT_DONE);
}

/* Velocities as ever; pictures are the preview's squares; decoding says what is missing. */
static void test_none(void **state)
{
    struct fit_error error = {0};
    float latent[VALUES], velocity[VALUES], rgb[3 * PIXELS];
    struct fit_job *job;
    (void)state;
    fill(latent, VALUES);
    json_t *old = change("type", json_string("none"));
    struct fit_engine *engine = tiny_engine(NULL, NULL);
    struct fit_model *model = tiny_load(engine);
    restore(old);
    const struct fit_velocity_params at = {
        .batch = 1, .width = WIDTH, .height = HEIGHT, .t = 0.5, .class_id = 1};
    require_ok(fit_model_velocity(model, &at, latent, velocity, &error), error);
    assert_false(fit_model_decode(model, latent, WIDTH, HEIGHT, rgb, &error));
    assert_non_null(strstr(error.message, "has no autoencoder; import one with --autoencoder"));
    error = (struct fit_error){0};
    assert_false(fit_model_encode(model, rgb, WIDTH, HEIGHT, latent, &error));
    assert_non_null(strstr(error.message, "has no autoencoder"));

    error = (struct fit_error){0};
    const struct fit_generate_params params = {.width = WIDTH, .height = HEIGHT, .steps = 2};
    require_ok(fit_generate(model, &params, &job, &error), error);
    wait_done(engine);
    struct fit_frame *frame = fit_job_take_frame(job);
    assert_non_null(frame);
    const uint8_t *pixels = fit_frame_pixels(frame);
    int squares = 0;
    for (int i = 0; i < PIXELS; i++) {
        int corner = i / WIDTH / 8 * 8 * WIDTH + i % WIDTH / 8 * 8;
        assert_memory_equal(pixels + 4 * i, pixels + 4 * corner, 4);
        squares += i == corner && i && memcmp(pixels + 4 * i, pixels, 4);
    }
    assert_true(squares > CELLS / 2); /* of other colours than the first */
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    fit_model_unref(&model);
    fit_engine_close(&engine);
}

static void test_unknown(void **state)
{
    struct fit_error error = {0};
    struct fit_model *model = NULL;
    (void)state;
    struct fit_engine *engine = tiny_engine(NULL, NULL);
    json_t *old = change("type", json_string("vq-f4"));
    const struct fit_model_params params = {.path = tiny_folder_path()};
    assert_false(fit_model_load(engine, &params, &model, &error));
    restore(old);
    assert_non_null(strstr(error.message, "\"vq-f4\""));
    fit_engine_close(&engine);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_unknown),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
