/* SPDX-License-Identifier: Apache-2.0 */
/* Training as the first version was trained: its times and mixtures, padding that counts for
 * nothing, checkpoints that sample as they learnt, and settings that contradict it. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle.h"
#include "fit/fit-train.h"
#include "fk_dtype.h"
#include "train_loss.h"
#include "trainer.h"

enum { FEATURES = 32, OUTPUTS = 2 * FEATURES, IMAGES = 2, SHORT = 6, LONG = 16, STEPS = 12 };

/* ---- a batch ------------------------------------------------------------------------------ */

struct world {
    struct bench bench;
    struct train_config config;
    struct train_batch batch;
    struct train_loss loss;
    struct latent_picture pictures[IMAGES];
    uint16_t latents[(SHORT + LONG) * FEATURES];
    float *output, *doutput; /* device, which is the host's memory here */
};

static void world_init(struct world *w, bool padded)
{
    static const struct pack_image shapes[IMAGES] = {{2, 3}, {4, 4}};
    float values[(SHORT + LONG) * FEATURES];
    memset(w, 0, sizeof *w);
    bench_init(&w->bench);
    struct fit_compute *c = &w->bench.compute;
    train_config_defaults(&w->config);
    w->config.model.architecture = FIT_ARCHITECTURE_V1;
    w->config.model.lora_rank = 0;
    require_ok(train_batch_init(&w->batch, c, &w->config.model, IMAGES * LONG), w->bench.error);
    require_ok(train_loss_init(&w->loss, c, &w->config.model, IMAGES * LONG), w->bench.error);
    fill(values, (SHORT + LONG) * FEATURES, 1, 1.7f);
    for (int i = 0; i < (SHORT + LONG) * FEATURES; i++)
        w->latents[i] = fk_f32_to_bf16(values[i]);
    for (int b = 0; b < IMAGES; b++) {
        w->pictures[b] = (struct latent_picture){
            .rows = shapes[b].rows, .columns = shapes[b].columns,
            .tokens = (uint8_t *)(w->latents + b * SHORT * FEATURES)};
        w->batch.pictures[b] = &w->pictures[b];
        w->batch.images[b] = shapes[b];
        w->batch.t[b] = b ? 700 : 0;
    }
    w->batch.n = IMAGES;
    w->batch.padded = padded;
    require_ok(train_batch_build(&w->batch, c, &w->config, 11, 0), w->bench.error);
    w->output = c->device->alloc(c->device, IMAGES * LONG * OUTPUTS * sizeof(float));
    w->doutput = c->device->alloc(c->device, IMAGES * LONG * OUTPUTS * sizeof(float));
    fill(w->output, IMAGES * LONG * OUTPUTS, 2, 1);
}

static void world_finish(struct world *w)
{
    struct fk_device *d = w->bench.device;
    d->free(d, w->output);
    d->free(d, w->doutput);
    train_loss_finish(&w->loss);
    train_batch_finish(&w->batch);
    bench_finish(&w->bench);
}

static double run_loss(struct world *w, double weight)
{
    struct fit_compute *c = &w->bench.compute;
    double sum = 0;
    memset(w->doutput, 0xff, IMAGES * LONG * OUTPUTS * sizeof(float)); /* no numbers */
    require_ok(train_loss_run(&w->loss, c, &w->batch, w->output, weight, w->doutput) &&
                   train_loss_sum(&w->loss, c, &w->batch, &sum),
               w->bench.error);
    return sum;
}

/* x_t holds as much of data and noise as the chain has at that step. */
static void test_mixture(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, false);
    for (int b = 0; b < IMAGES; b++) {
        int first, n = train_batch_place(&w.batch, b, &first);
        double bar = w.batch.chain.step[b ? 700 : 0].alpha_bar;
        assert_int_equal(n, b ? LONG : SHORT);
        for (int i = first * FEATURES; i < (first + n) * FEATURES; i++)
            assert_true(fabs(w.batch.x[i] - sqrt(bar) * w.batch.host[i] -
                             sqrt(1 - bar) * w.batch.noise[i]) < 1e-6);
    }
    assert_true(w.batch.chain.step[0].alpha_bar == 1 - 1e-4);
    world_finish(&w);
}

/* Every picture has the loss and the gradient that it has alone; padding has none. */
static void compare_with_pictures(bool padded)
{
    struct world w;
    float gradient[LONG * OUTPUTS];
    double expected = 0;
    int end = 0;
    world_init(&w, padded);
    double sum = run_loss(&w, 0.5);
    for (int b = 0; b < IMAGES; b++) {
        int first, n = train_batch_place(&w.batch, b, &first);
        assert_int_equal(first, b * (padded ? LONG : SHORT));
        for (; end < first * OUTPUTS; end++)
            assert_true(w.doutput[end] == 0);
        expected += fit_ddpm_loss(&w.batch.chain.step[(int)w.batch.t[b]],
                                  w.output + first * OUTPUTS, w.batch.host + first * FEATURES,
                                  w.batch.noise + first * FEATURES, n, FEATURES, 0.5, gradient);
        assert_memory_equal(gradient, w.doutput + first * OUTPUTS,
                            (size_t)(n * OUTPUTS) * sizeof *gradient);
        end = (first + n) * OUTPUTS;
    }
    assert_true(sum == expected && sum > 0);
    world_finish(&w);
}

static void test_pack_is_its_pictures(void **state)
{
    (void)state;
    compare_with_pictures(false);
}

static void test_padding_counts_for_nothing(void **state)
{
    (void)state;
    compare_with_pictures(true);
}

/* ---- runs --------------------------------------------------------------------------------- */

#define DDPM "model: {objective: ddpm, lora_rank: 0}\n"

static struct fit_trainer *open_run(const struct fixture *f)
{
    static char folder[128];
    struct fit_trainer *t;
    struct fit_error e = {0};
    snprintf(folder, sizeof folder, "%s/run", f->folder);
    struct fit_train_params params = {
        .config = f->config, .folder = folder, .backend = "cpu", .n_threads = 2};
    require_ok(fit_trainer_open(&t, &params, &e), e);
    return t;
}

/* Whole steps of the chain, from both halves of it. */
static void test_times(void **state)
{
    struct fixture f;
    struct fit_train_report report;
    struct fit_error e = {0};
    int early = 0, all = 0;
    (void)state;
    fixture_init(&f, DDPM);
    struct fit_trainer *t = open_run(&f);
    for (int step = 0; step < STEPS; step++) {
        require_ok(fit_trainer_step(t, &report, &e), e);
        assert_true(isfinite(report.loss) && report.loss > 0);
        for (int b = 0; b < t->batch.n; b++, all++) {
            float time = t->batch.t[b];
            assert_true(time >= 0 && time <= 999 && time == floorf(time));
            early += time < 500;
        }
    }
    assert_true(all >= 40 && early > all / 4 && early < 3 * all / 4);
    fit_trainer_close(&t);
    fixture_finish(&f);
}

/* What is saved says how it is sampled; the sheet is sampled so. */
static void test_checkpoint(void **state)
{
    struct fixture f;
    struct fit_bundle bundle;
    struct fit_train_report report;
    struct fit_error e = {0};
    struct stat st;
    char path[256];
    (void)state;
    fixture_init(&f, DDPM "run: {sheet_steps: 2}\n");
    struct fit_trainer *t = open_run(&f);
    require_ok(fit_trainer_step(t, &report, &e), e);
    require_ok(fit_trainer_save(t, &e), e);
    snprintf(path, sizeof path, "%s/sheet.png", f.folder);
    require_ok(fit_trainer_write_sheet(t, path, &e), e);
    assert_true(!stat(path, &st) && st.st_size > 1000);
    fit_trainer_close(&t);
    snprintf(path, sizeof path, "%s/run", f.folder);
    require_ok(fit_bundle_read(&bundle, path, &e), e);
    assert_int_equal(bundle.config.architecture, FIT_ARCHITECTURE_V1);
    assert_int_equal(bundle.config.lora_rank, 0);
    assert_int_equal(bundle.default_solver, FIT_SOLVER_DDIM);
    fixture_finish(&f);
}

static void check_refused(const char *extra, const char *field, const char *other)
{
    struct fixture f;
    struct train_config config;
    struct fit_error e = {0};
    fixture_init(&f, extra);
    assert_false(train_config_load(&config, f.config, &e));
    assert_int_equal(e.status, FIT_ERROR_ARGUMENT);
    if (!strstr(e.message, "tiny.yaml") || !strstr(e.message, field) || !strstr(e.message, other))
        fail_msg("%s or %s not named: %s", field, other, e.message);
    fixture_finish(&f);
}

static void test_contradictions(void **state)
{
    struct fixture f;
    struct train_config config;
    struct fit_error e = {0};
    (void)state;
    check_refused("model: {objective: ddpm}\n", "model.lora_rank is 16", "model.objective ddpm");
    check_refused(DDPM "optimizer: {uniform_times: false}\n", "optimizer.uniform_times is false",
                  "model.objective ddpm");
    check_refused("model: {objective: v-prediction}\n", "model.objective", "v-prediction");
    fixture_init(&f, DDPM "optimizer: {uniform_times: true}\n"); /* as they are */
    require_ok(train_config_load(&config, f.config, &e), e);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_pack_is_its_pictures),
        cmocka_unit_test(test_padding_counts_for_nothing),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
