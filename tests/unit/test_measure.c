/* SPDX-License-Identifier: Apache-2.0 */
/* The loss is what its formula says, of the noise of fk.h and of the times of training. */
#include "tiny_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/fit-measure.h"
#include "fk.h"

enum { WIDTH = 80, HEIGHT = 48, ROWS = HEIGHT / 8, COLUMNS = WIDTH / 8,
       VALUES = 8 * ROWS * COLUMNS, BATCH = 2 };

static const uint64_t seed = 0xfeedfacecafef00du;

static void draw(float noise[BATCH][VALUES])
{
    char message[256] = "";
    struct fk_open_params params = {"reference", 1};
    struct fk_device *d = fk_device_open(&params, message, sizeof message);
    assert_non_null(d);
    struct fk_queue *q = d->queue_new(d);
    for (int b = 0; b < BATCH; b++)
        assert_true(d->ops->randn(q, noise[b], seed, (uint32_t)b, 8, 0, 0, ROWS, COLUMNS));
    assert_true(d->queue_sync(q));
    d->queue_free(q);
    fk_device_close(&d);
}

static void test_loss(void **state)
{
    static float latent[BATCH][VALUES], noise[BATCH][VALUES], x[BATCH][VALUES], v[BATCH][VALUES];
    struct fit_error e = {0};
    struct fit_velocity_params params = {.width = WIDTH, .height = HEIGHT, .batch = BATCH, .t = 0.3,
                                         .class_id = 1, .method = FIT_METHOD_VISION_NTK};
    double loss[BATCH], again[BATCH];
    (void)state;
    struct fit_engine *engine = tiny_engine(NULL, NULL);
    struct fit_model *model = tiny_load(engine);
    draw(noise);
    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < VALUES; i++) {
            latent[b][i] = (float)((i * 37 + b) % 101) / 50 - 1;
            x[b][i] = (float)(0.3 * latent[b][i] + 0.7 * noise[b][i]);
        }
    require_ok(fit_model_velocity(model, &params, x[0], v[0], &e), e);
    require_ok(fit_model_loss(model, &params, latent[0], seed, loss, &e), e);
    for (int b = 0; b < BATCH; b++) {
        double want = 0;
        for (int i = 0; i < VALUES; i++)
            want += pow((double)v[b][i] - latent[b][i] + noise[b][i], 2) / VALUES;
        if (!(fabs(loss[b] - want) < 1e-6 * want))
            fail_msg("picture %d: loss %.9g, expected %.9g", b, loss[b], want);
    }
    assert_true(loss[0] != loss[1]);
    require_ok(fit_model_loss(model, &params, latent[0], seed + 1, again, &e), e);
    assert_true(again[0] != loss[0]);
    fit_model_unref(&model);
    fit_engine_close(&engine);
}

static void test_refusals(void **state)
{
    static float latent[VALUES];
    struct fit_error e = {0};
    struct fit_velocity_params params = {.width = WIDTH, .height = HEIGHT, .batch = 0, .t = 0.3};
    double loss;
    (void)state;
    struct fit_engine *engine = tiny_engine(NULL, NULL);
    struct fit_model *model = tiny_load(engine);
    assert_false(fit_model_loss(model, &params, latent, 0, &loss, &e));
    assert_int_equal(e.status, FIT_ERROR_ARGUMENT);
    e = (struct fit_error){0};
    params.batch = 1;
    params.width = WIDTH + 1;
    assert_false(fit_model_loss(model, &params, latent, 0, &loss, &e));
    assert_non_null(strstr(e.message, "81x48"));
    fit_model_unref(&model);
    fit_engine_close(&engine);
}

/* The logistic function of the normal distribution's quantiles. */
static void test_times(void **state)
{
    (void)state;
    assert_true(fabs(fit_loss_time(0.5) - 0.5) < 1e-12);
    /* the quantile of 0.975 is 1.959964 */
    assert_true(fabs(fit_loss_time(0.975) - 1 / (1 + exp(-1.959963984540054))) < 1e-12);
    for (int i = 1; i < 1000; i++) {
        assert_true(fit_loss_time(i / 1000.0) < fit_loss_time((i + 0.5) / 1000));
        assert_true(fabs(fit_loss_time(i / 1000.0) + fit_loss_time(1 - i / 1000.0) - 1) < 1e-12);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_times),
    };
    tiny_folder_init(argc, argv);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return status;
}
