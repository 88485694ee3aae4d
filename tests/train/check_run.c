/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs of a tiny model: what a stopped one leaves is enough to continue bit for bit. */
#include "fixture.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "fit_weights.h"
#include "fit/fit-train.h"
#include "safetensors.h"
#include "trainer.h"

enum { STEPS = 12, STOP = 5 };

static struct fit_trainer *open_run(const struct fixture *f, const char *name, bool resume)
{
    static char folder[128];
    struct fit_trainer *t;
    struct fit_error e = {0};
    snprintf(folder, sizeof folder, "%s/%s", f->folder, name);
    struct fit_train_params params = {
        .config = f->config, .folder = folder, .backend = "cpu", .n_threads = 2, .resume = resume};
    require_ok(fit_trainer_open(&t, &params, &e), e);
    return t;
}

static void take_steps(struct fit_trainer *t, struct fit_train_report *reports, int n)
{
    struct fit_error e = {0};
    for (int i = 0; i < n; i++)
        require_ok(fit_trainer_step(t, &reports[i], &e), e);
}

/* The run crosses the growth of the set, the end of an epoch and, with accumulation, packs of
 * different sizes within a step. */
static void resume_with(const char *extra)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_train_report whole[STEPS], parts[STEPS];
    double whole_loss, parts_loss;
    fixture_init(&f, extra);
    struct fit_trainer *t = open_run(&f, "whole", false);
    take_steps(t, whole, STEPS);
    require_ok(fit_trainer_validate(t, &whole_loss, &e), e);
    fit_trainer_close(&t);

    t = open_run(&f, "parts", false);
    take_steps(t, parts, STOP);
    require_ok(fit_trainer_save(t, &e), e);
    fit_trainer_close(&t);
    t = open_run(&f, "parts", true);
    assert_int_equal(fit_trainer_position(t), STOP);
    take_steps(t, parts + STOP, STEPS - STOP);
    require_ok(fit_trainer_validate(t, &parts_loss, &e), e);
    fit_trainer_close(&t);

    for (int i = 0; i < STEPS; i++) {
        assert_int_equal(whole[i].images, parts[i].images);
        assert_true(whole[i].loss == parts[i].loss);
        assert_true(whole[i].smooth_loss == parts[i].smooth_loss);
        assert_true(whole[i].gradient_norm == parts[i].gradient_norm);
    }
    assert_true(whole_loss == parts_loss);
    assert_true(whole[STEPS - 1].loss != whole[0].loss);
    fixture_finish(&f);
}

static void test_resume(void **state)
{
    (void)state;
    resume_with("optimizer: {precision: f32}\n");
}

static void test_resume_bf16_accumulated(void **state)
{
    (void)state;
    resume_with("optimizer: {precision: bf16}\nbatch: {accumulate: 2}\n");
}

static void test_resume_ddpm(void **state)
{
    (void)state;
    resume_with("model: {objective: ddpm, lora_rank: 0}\nbatch: {accumulate: 2}\n");
}

static void add_line(const struct fixture *f, const char *line)
{
    FILE *file = fopen(f->config, "a");
    assert_non_null(file);
    fputs(line, file);
    assert_int_equal(fclose(file), 0);
}

/* What a step really keeps on the device, against what was said before; a run that cannot be is
 * refused with the numbers and leaves nothing. */
static void test_forecast(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_train_forecast forecast;
    struct fit_train_report report[4];
    struct stat st;
    char folder[128];
    (void)state;
    fixture_init(&f, "");
    snprintf(folder, sizeof folder, "%s/run", f.folder);
    struct fit_train_params params = {
        .config = f.config, .folder = folder, .backend = "cpu", .n_threads = 2};
    require_ok(fit_train_forecast(&forecast, &params, &e), e);
    assert_int_equal(stat(folder, &st), -1);
    assert_true(forecast.fits && forecast.classes == 16 && forecast.pictures == 24);
    struct fit_trainer *t = open_run(&f, "run", false);
    take_steps(t, report, 4);
    double kept = (double)(t->store.scratch.bytes + t->store.modulation.scratch.bytes);
    assert_true(fabs((double)forecast.activation_bytes / kept - 1) < 0.1);
    assert_true(forecast.state_bytes >= t->state.total * 5 * sizeof(float));
    fit_trainer_close(&t);

    add_line(&f, "model: {hidden: 16384, depth: 256, heads: 128, mlp_hidden: 43690}\n");
    params.folder = f.autoencoder; /* a file: nothing may be written there */
    require_ok(fit_train_forecast(&forecast, &params, &e), e);
    assert_false(forecast.fits);
    assert_false(fit_trainer_open(&t, &params, &e));
    assert_int_equal(e.status, FIT_ERROR_MEMORY);
    if (!strstr(e.message, "training needs") || !strstr(e.message, "are free"))
        fail_msg("no numbers: %s", e.message);
    fixture_finish(&f);
}

static void test_resume_padded(void **state)
{
    (void)state;
    resume_with("batch: {tokens: 24, padded: true, images: 5}\n");
}

/* Batches of a fixed number of pictures, as the reference has them, from any data. */
static void test_padded_batches(void **state)
{
    struct fixture f;
    struct fit_train_report reports[STEPS];
    (void)state;
    fixture_init(&f, "batch: {tokens: 24, padded: true, images: 5}\n");
    struct fit_trainer *t = open_run(&f, "run", false);
    for (int i = 0; i < STEPS; i++) {
        take_steps(t, &reports[i], 1);
        assert_int_equal(reports[i].images, 5); /* none has more than 4 tokens */
        assert_int_equal(reports[i].tokens, 5 * t->batch.length);
        assert_int_equal(t->batch.pack.fk.n_tokens, 5 * t->batch.length);
    }
    fit_trainer_close(&t);
    fixture_finish(&f);
}

/* The folder that a run of two steps leaves. */
static void save_run(struct fixture *f, char *folder, size_t bytes)
{
    struct fit_error e = {0};
    struct fit_train_report report[2];
    fixture_init(f, "run: {sheet_steps: 2}\n");
    struct fit_trainer *t = open_run(f, "run", false);
    take_steps(t, report, 2);
    require_ok(fit_trainer_save(t, &e), e);
    fit_trainer_close(&t);
    snprintf(folder, bytes, "%s/run/checkpoints/step-000000002", f->folder);
}

static void test_checkpoint_is_a_bundle(void **state)
{
    struct fixture f;
    struct fit_bundle bundle;
    struct fit_safetensors weights;
    struct fit_error e = {0};
    char folder[160], path[320];
    (void)state;
    save_run(&f, folder, sizeof folder);
    require_ok(fit_bundle_read(&bundle, folder, &e), e);
    assert_int_equal(bundle.config.hidden, 64);
    snprintf(path, sizeof path, "%s/run", f.folder); /* the run itself means its newest one */
    require_ok(fit_bundle_read(&bundle, path, &e), e);
    assert_string_equal(bundle.path, folder);
    assert_false(fit_model_find(f.folder, path, sizeof path));
    assert_string_equal(bundle.autoencoder_type, "limn-f8c8");
    snprintf(path, sizeof path, "%s/%s", folder, bundle.transformer);
    require_ok(fit_safetensors_open(&weights, path, &e), e);
    const struct fit_tensor *qkv = fit_safetensors_find(&weights, "blocks.1.attn.qkv.weight");
    const struct fit_tensor *table =
        fit_safetensors_find(&weights, "y_embedder.embedding_table.weight");
    assert_true(qkv && qkv->type == FIT_TENSOR_BF16 && qkv->dims[0] == 192);
    assert_true(table && table->type == FIT_TENSOR_F32 && table->dims[0] == 17);
    fit_safetensors_close(&weights);
    fixture_finish(&f);
}

static bool opens(const struct fixture *f, struct fit_error *e)
{
    char folder[128];
    struct fit_trainer *t;
    snprintf(folder, sizeof folder, "%s/run", f->folder);
    struct fit_train_params params = {
        .config = f->config, .folder = folder, .backend = "cpu", .n_threads = 2, .resume = true};
    bool ok = fit_trainer_open(&t, &params, e);
    fit_trainer_close(&t);
    return ok;
}

static void test_damage_is_refused(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    char folder[160], path[320];
    struct stat st;
    (void)state;
    save_run(&f, folder, sizeof folder);
    snprintf(path, sizeof path, "%s/training.safetensors", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 4), 0);
    assert_false(opens(&f, &e));
    assert_int_equal(e.status, FIT_ERROR_FILE);
    assert_non_null(strstr(e.message, "training.safetensors"));
    fixture_finish(&f);
}

static void test_other_configuration_is_refused(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    char folder[160];
    (void)state;
    save_run(&f, folder, sizeof folder);
    add_line(&f, "optimizer: {beta2: 0.9}\n");
    assert_false(opens(&f, &e));
    assert_int_equal(e.status, FIT_ERROR_ARGUMENT);
    fixture_finish(&f);
}

static double validation_loss(struct fit_trainer *t)
{
    struct fit_error e = {0};
    double loss;
    require_ok(fit_trainer_validate(t, &loss, &e), e);
    return loss;
}

/* A bundle holds the average's matrices in bf16, the type they are worked with here: a run that
 * starts from it computes what the other one did, to the bit. */
static void test_start_from_a_model(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_train_report report[STEPS];
    (void)state;
    fixture_init(&f, "optimizer: {precision: bf16}\n");
    struct fit_trainer *t = open_run(&f, "run", false);
    double untrained = validation_loss(t);
    take_steps(t, report, STEPS);
    double trained = validation_loss(t);
    require_ok(fit_trainer_save(t, &e), e);
    fit_trainer_close(&t);

    add_line(&f, "model: {start: run/checkpoints/step-000000012/transformer.safetensors}\n");
    t = open_run(&f, "next", false);
    assert_int_equal(fit_trainer_position(t), 0);
    assert_true(trained != untrained);
    assert_true(validation_loss(t) == trained);
    fit_trainer_close(&t);

    add_line(&f, "model: {depth: 3}\n");
    struct fit_train_params params = {
        .config = f.config, .folder = f.folder, .backend = "cpu", .n_threads = 2};
    assert_false(fit_trainer_open(&t, &params, &e));
    assert_non_null(strstr(e.message, "transformer.safetensors"));
    assert_non_null(strstr(e.message, "blocks.2"));
    fixture_finish(&f);
}

/* Of the times of twelve steps, the share outside 0.1 .. 0.9. */
static double share_of_ends(const char *extra)
{
    struct fixture f;
    struct fit_train_report report;
    int ends = 0, all = 0;
    fixture_init(&f, extra);
    struct fit_trainer *t = open_run(&f, "run", false);
    for (int step = 0; step < STEPS; step++) {
        take_steps(t, &report, 1);
        for (int b = 0; b < t->batch.n; b++, all++) {
            assert_true(t->batch.t[b] > 0 && t->batch.t[b] < 1);
            ends += t->batch.t[b] < 0.1f || t->batch.t[b] > 0.9f;
        }
    }
    fit_trainer_close(&t);
    fixture_finish(&f);
    assert_true(all >= 40);
    return (double)ends / all;
}

/* A fifth of the uniform ones, and 2.8 % of the logit-normal ones. */
static void test_times(void **state)
{
    (void)state;
    assert_true(share_of_ends("") < 0.1);
    assert_true(share_of_ends("optimizer: {uniform_times: true}\n") > 0.12);
}

static void stop_at_three(void *user, const struct fit_train_report *report)
{
    if (report->step == 3)
        fit_trainer_stop(user);
}

static void test_stop_saves(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    char path[256];
    (void)state;
    fixture_init(&f, "run: {log_every: 1}\n");
    struct fit_trainer *t = open_run(&f, "run", false);
    assert_false(fit_trainer_run(t, 0, stop_at_three, t, &e));
    assert_int_equal(e.status, FIT_ERROR_CANCELLED);
    fit_trainer_close(&t);
    snprintf(path, sizeof path, "%s/run/checkpoints/step-000000003/model.json", f.folder);
    assert_int_equal(access(path, R_OK), 0);
    t = open_run(&f, "run", true);
    assert_int_equal(fit_trainer_position(t), 3);
    fit_trainer_close(&t);
    fixture_finish(&f);
}

/* A weight that is no number stops the run, which names the step and a tensor and goes back to the
 * last checkpoint as if nothing had been. */
static void test_not_a_number(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_train_report report[2];
    char folder[160];
    (void)state;
    save_run(&f, folder, sizeof folder);
    struct fit_trainer *t = open_run(&f, "run", true);
    struct fit_tensor_spec spec;
    size_t i = 0;
    while (fit_weights_spec(&t->config.model, i, &spec) &&
           strcmp(spec.name, "blocks.1.attn.proj.bias"))
        i++;
    t->state.parameter[spec.offset] = NAN;
    assert_false(fit_trainer_step(t, report, &e));
    assert_int_equal(e.status, FIT_ERROR_MODEL);
    if (!strstr(e.message, "step 3") || !strstr(e.message, "first in ") ||
        strstr(e.message, "unknown"))
        fail_msg("no step or tensor: %s", e.message);
    fit_trainer_close(&t);
    t = open_run(&f, "run", true);
    assert_int_equal(fit_trainer_position(t), 2);
    take_steps(t, report, 1);
    assert_true(isfinite(report[0].loss));
    fit_trainer_close(&t);
    fixture_finish(&f);
}

/* No room on the disk: the new checkpoint fails with the file's name, the old one resumes. */
static void test_full_disk(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_train_report report[1];
    struct rlimit before, small;
    char folder[160];
    (void)state;
    save_run(&f, folder, sizeof folder);
    struct fit_trainer *t = open_run(&f, "run", true);
    take_steps(t, report, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000; /* bytes of a file: less than its weights */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = fit_trainer_save(t, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    if (e.status != FIT_ERROR_FILE || !strstr(e.message, "safetensors"))
        fail_msg("no file named: %s", e.message);
    fit_trainer_close(&t);
    t = open_run(&f, "run", true);
    assert_int_equal(fit_trainer_position(t), 2);
    take_steps(t, report, 1);
    e = (struct fit_error){0};
    require_ok(fit_trainer_save(t, &e), e); /* with room again nothing is in the way */
    fit_trainer_close(&t);
    fixture_finish(&f);
}

static void test_sheet(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    char path[128];
    struct stat st;
    (void)state;
    fixture_init(&f, "run: {sheet_steps: 1}\n");
    struct fit_trainer *t = open_run(&f, "run", false);
    snprintf(path, sizeof path, "%s/sheet.png", f.folder);
    require_ok(fit_trainer_write_sheet(t, path, &e), e);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 1000);
    fit_trainer_close(&t);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_resume_bf16_accumulated),
        cmocka_unit_test(test_resume_padded),
        cmocka_unit_test(test_resume_ddpm),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_padded_batches),
        cmocka_unit_test(test_checkpoint_is_a_bundle),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_other_configuration_is_refused),
        cmocka_unit_test(test_start_from_a_model),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_stop_saves),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
