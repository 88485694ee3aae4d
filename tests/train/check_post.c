/* SPDX-License-Identifier: Apache-2.0 */
/* Post-training: a part of the parameters learns, at positions that every picture stretches by its
 * own shape, from a model that is there already. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "fit/fit-train.h"
#include "fit_weights.h"
#include "pack.h"
#include "rope.h"
#include "trainer.h"

#define PAPERS_PARTS "trained: [x_embedder, bias, LN, final_layer]"

static const struct fit_name_parts papers_parts = {4, {"x_embedder", "bias", "LN", "final_layer"}};

/* FiTv2's section III and the count of the authors' code: 14.15 % of XL, 13.99 % of 3B. */
static void test_share_is_the_papers(void **state)
{
    static const struct {
        const char *preset;
        uint64_t values, all;
        double percent;
    } models[] = {{"fitv2-xl", 94961680, 671045776, 14.15}, {"fitv2-3b", 0, 2971928080, 13.99}};
    struct fit_error e = {0};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct fit_config config;
        struct fit_trained trained;
        assert_true(fit_config_preset(&config, models[i].preset));
        require_ok(fit_trained_init(&trained, &config, &papers_parts, &e), e);
        assert_true(!models[i].values || trained.values == models[i].values);
        assert_true(trained.all == models[i].all);
        double percent = 100.0 * (double)trained.values / (double)trained.all;
        assert_true(fabs(percent - models[i].percent) < 0.005);
        fit_trained_finish(&trained);
    }
}

/* Spans and names say the same, and spans never touch. */
static void test_spans_are_the_names(void **state)
{
    struct fit_config config;
    struct fit_trained trained;
    struct fit_tensor_spec spec;
    struct fit_error e = {0};
    (void)state;
    assert_true(fit_config_preset(&config, "fitv2-b"));
    require_ok(fit_trained_init(&trained, &config, &papers_parts, &e), e);
    for (size_t i = 0; fit_weights_spec(&config, i, &spec); i++) {
        bool named = strstr(spec.name, "x_embedder") || strstr(spec.name, "bias") ||
                     strstr(spec.name, "adaLN") || strstr(spec.name, "final_layer");
        assert_true(fit_trained_has(&trained, spec.offset) == named);
    }
    for (size_t i = 1; i < trained.n_spans; i++)
        assert_true(trained.span[i - 1].first + trained.span[i - 1].n < trained.span[i].first);
    fit_trained_finish(&trained);
    const struct fit_name_parts all = {0};
    require_ok(fit_trained_init(&trained, &config, &all, &e), e);
    assert_true(trained.n_spans == 1 && trained.span[0].n == fit_weights_total(&config) &&
                trained.values == trained.all);
    fit_trained_finish(&trained);
}

static struct fit_trainer *open_run(const struct fixture *f, const char *name)
{
    static char folder[128];
    struct fit_trainer *t;
    struct fit_error e = {0};
    snprintf(folder, sizeof folder, "%s/%s", f->folder, name);
    struct fit_train_params params = {
        .config = f->config, .folder = folder, .backend = "cpu", .n_threads = 2};
    require_ok(fit_trainer_open(&t, &params, &e), e);
    return t;
}

static void take_steps(struct fit_trainer *t, int n)
{
    struct fit_error e = {0};
    struct fit_train_report report;
    for (int i = 0; i < n; i++)
        require_ok(fit_trainer_step(t, &report, &e), e);
}

/* A base model of four steps in "base", then the lines of another run. */
static void base_then(struct fixture *f, const char *lines)
{
    struct fit_error e = {0};
    fixture_init(f, "optimizer: {precision: f32}\n");
    struct fit_trainer *t = open_run(f, "base");
    take_steps(t, 4);
    require_ok(fit_trainer_save(t, &e), e);
    fit_trainer_close(&t);
    FILE *file = fopen(f->config, "a");
    assert_non_null(file);
    fprintf(file,
            "model: {start: base/checkpoints/step-000000004/transformer.safetensors}\n"
            "%s\n",
            lines);
    assert_int_equal(fclose(file), 0);
}

static void assert_tensor(const struct fit_tensor_spec *spec, const float *a, const float *b,
                          bool equal)
{
    if (!memcmp(a + spec->offset, b + spec->offset, spec->n_values * sizeof *a) != equal)
        fail_msg("%s is %s", spec->name, equal ? "another one" : "the same");
}

/* What is frozen stays as it began to the bit, in the weights and in their average; what learns has
 * moved. Its gradient is that of the whole training, restricted. */
static void test_frozen_stays(void **state)
{
    struct fixture f;
    struct fit_tensor_spec spec;
    (void)state;
    base_then(&f, "model: {" PAPERS_PARTS "}");
    struct fit_trainer *t = open_run(&f, "post");
    const struct train_state *s = &t->state;
    size_t bytes = s->total * sizeof(float);
    float *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, s->parameter, bytes);
    take_steps(t, 3);
    for (size_t i = 0; fit_weights_spec(&t->config.model, i, &spec); i++) {
        bool learns = fit_trained_has(&s->trained, spec.offset);
        assert_tensor(&spec, s->parameter, before, !learns);
        assert_tensor(&spec, s->ema, before, !learns);
    }
    free(before);
    assert_non_null(strstr(fit_trainer_summary(t), "of them trained"));
    fit_trainer_close(&t);
    fixture_finish(&f);
}

/* The first step's gradient, of a run with these lines. */
static float *first_gradient(const struct fixture *f, const char *lines, size_t *total,
                             struct fit_config *config)
{
    FILE *file = fopen(f->config, "a");
    assert_non_null(file);
    fprintf(file, "%s\n", lines);
    assert_int_equal(fclose(file), 0);
    struct fit_trainer *t = open_run(f, "gradient");
    take_steps(t, 1);
    *total = t->state.total;
    *config = t->config.model;
    float *gradient = malloc(*total * sizeof *gradient);
    assert_non_null(gradient);
    memcpy(gradient, t->state.gradient, *total * sizeof *gradient);
    fit_trainer_close(&t);
    return gradient;
}

static void test_gradient_is_the_whole_ones_part(void **state)
{
    struct fixture f;
    struct fit_config config;
    struct fit_tensor_spec spec;
    struct fit_trained trained;
    struct fit_error e = {0};
    size_t total;
    (void)state;
    base_then(&f, "");
    float *whole = first_gradient(&f, "", &total, &config);
    float *part = first_gradient(&f, "model: {" PAPERS_PARTS "}", &total, &config);
    float *none = calloc(total, sizeof *none);
    assert_non_null(none);
    require_ok(fit_trained_init(&trained, &config, &papers_parts, &e), e);
    for (size_t i = 0; fit_weights_spec(&config, i, &spec); i++)
        assert_tensor(&spec, part, fit_trained_has(&trained, spec.offset) ? whole : none, true);
    fit_trained_finish(&trained);
    free(whole);
    free(part);
    free(none);
    fixture_finish(&f);
}

/* The authors' loader drops what will learn: it begins as in a new network. */
static void test_restart(void **state)
{
    struct fixture f;
    struct fit_tensor_spec spec;
    (void)state;
    base_then(&f, "model: {" PAPERS_PARTS "}");
    struct fit_trainer *kept = open_run(&f, "kept");
    FILE *file = fopen(f.config, "a");
    assert_non_null(file);
    fputs("model: {restart_trained: true}\n", file);
    assert_int_equal(fclose(file), 0);
    struct fit_trainer *anew = open_run(&f, "anew");
    const struct train_state *a = &anew->state, *k = &kept->state;
    for (size_t i = 0; fit_weights_spec(&kept->config.model, i, &spec); i++) {
        bool learns = fit_trained_has(&a->trained, spec.offset);
        bool was_zero = spec.init == FIT_INIT_ZERO;
        assert_tensor(&spec, a->parameter, k->parameter, !learns);
        for (size_t n = 0; learns && was_zero && n < spec.n_values; n++)
            assert_true(a->parameter[spec.offset + n] == 0);
    }
    fit_trainer_close(&kept);
    fit_trainer_close(&anew);
    fixture_finish(&f);
}

/* The model of such a run says what its positions are, so that it is painted with them. */
static void test_bundle_names_its_positions(void **state)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_bundle bundle;
    char folder[160];
    (void)state;
    fixture_init(&f, "model: {method: vision-ntk, ori_max_pe_len: 1, context_size: 1024}\n");
    struct fit_trainer *t = open_run(&f, "run");
    take_steps(t, 1);
    require_ok(fit_trainer_save(t, &e), e);
    fit_trainer_close(&t);
    snprintf(folder, sizeof folder, "%s/run/checkpoints/step-000000001", f.folder);
    require_ok(fit_bundle_read(&bundle, folder, &e), e);
    assert_int_equal(bundle.config.method, FIT_METHOD_VISION_NTK);
    assert_int_equal(bundle.config.ori_max_pe_len, 1);
    assert_int_equal(bundle.config.context_size, 1024);
    assert_int_equal(fit_rope_method(&bundle.config, FIT_METHOD_AUTO, 9, 2),
                     FIT_METHOD_VISION_NTK);
    fixture_finish(&f);
}

/* Pictures of one pack stretch by their own shapes. */
static void test_positions_are_each_pictures_own(void **state)
{
    static const struct pack_image images[] = {{4, 4}, {40, 8}, {12, 30}};
    struct bench b;
    struct pack pack = {0};
    struct train_config config;
    (void)state;
    bench_init(&b);
    train_config_defaults(&config);
    config.model.method = FIT_METHOD_VISION_NTK;
    int half = fit_config_head_width(&config.model) / 2;
    require_ok(pack_build(&pack, &b.compute, &config.model, images, 3), b.error);
    for (int i = 0; i < 3; i++) {
        size_t n = (size_t)(images[i].rows * images[i].columns * half);
        size_t at = (size_t)pack.offset[i] * (size_t)half;
        float *table = malloc(2 * n * sizeof *table);
        assert_non_null(table);
        assert_true(fit_rope_table(table, table + n, &config.model, FIT_METHOD_VISION_NTK,
                                   images[i].rows, images[i].columns));
        assert_memory_equal(pack.cosine + at, table, n * sizeof *table);
        assert_memory_equal(pack.sine + at, table + n, n * sizeof *table);
        free(table);
    }
    pack_finish(&pack);
    bench_finish(&b);
}

static void refused(const char *line, const char *word)
{
    struct fixture f;
    struct fit_error e = {0};
    struct fit_trainer *t;
    fixture_init(&f, line);
    struct fit_train_params params = {
        .config = f.config, .folder = f.folder, .backend = "cpu", .n_threads = 2};
    assert_false(fit_trainer_open(&t, &params, &e));
    assert_int_equal(e.status, FIT_ERROR_ARGUMENT);
    if (!strstr(e.message, word))
        fail_msg("no \"%s\" in: %s", word, e.message);
    fixture_finish(&f);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    refused("model: {trained: [x_embeder]}\n", "x_embeder");
    refused("model: {trained: bias}\n", "model.trained");
    refused("model: {trained: [[bias]]}\n", "model.trained");
    refused("model: {trained: [\"\"]}\n", "model.trained");
    refused("model: {trained: [a, a, a, a, a, a, a, a, a]}\n", "up to 8");
    refused("model: {trained: [a_part_of_a_name_that_is_longer_than_any]}\n", "1 to 31");
    refused("model: {method: auto}\n", "model.method");
    refused("model: {method: sideways}\n", "model.method");
    refused("model: {restart_trained: true}\n", "model.start");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_is_the_papers),
        cmocka_unit_test(test_spans_are_the_names),
        cmocka_unit_test(test_frozen_stays),
        cmocka_unit_test(test_gradient_is_the_whole_ones_part),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_bundle_names_its_positions),
        cmocka_unit_test(test_positions_are_each_pictures_own),
        cmocka_unit_test(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
