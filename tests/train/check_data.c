/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, shapes, order and schedule: what decides the numbers before any are computed. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "train_state.h"

/* 4000 draws: shares within four standard deviations (4 sqrt(p q / n) < 0.03). */
static void test_mix(void **state)
{
    struct train_config config;
    int large = 0, square = 0, wide = 0, n = 4000;
    (void)state;
    train_config_defaults(&config);
    for (int i = 0; i < n; i++) {
        int width, height;
        dataset_shape_draw(&config, (uint64_t)i, &width, &height);
        assert_int_equal(width % 16, 0);
        assert_int_equal(height % 16, 0);
        assert_in_range(width * height, 16 * 16, 192 * 192);
        double ratio = (double)width / height;
        assert_true(ratio < 4.7 && ratio > 1 / 4.7); /* 3 before both axes are cut to tokens */
        large += width * height > 128 * 128;
        square += width == height && (width == 128 || width == 192);
        wide += width > height;
    }
    /* Cutting to tokens leaves a few of the larger area at or below the smaller one. */
    assert_true(fabs(large / (double)n - 0.25) < 0.03);
    assert_true(fabs(square / (double)n - 0.3) < 0.03);
    assert_true(fabs(wide / (double)n - 0.35) < 0.06);
}

static void test_shuffle(void **state)
{
    enum { N = 1000 };
    int32_t first[N], again[N], other[N];
    bool seen[N] = {0};
    int same = 0;
    (void)state;
    dataset_shuffle(first, N, 3, 1);
    dataset_shuffle(again, N, 3, 1);
    dataset_shuffle(other, N, 3, 2);
    assert_memory_equal(first, again, sizeof first);
    for (int i = 0; i < N; i++) {
        assert_in_range(first[i], 0, N - 1);
        assert_false(seen[first[i]]);
        seen[first[i]] = true;
        same += first[i] == other[i];
    }
    assert_true(same < 12); /* one is expected by chance */
}

static void test_schedule(void **state)
{
    struct train_config config;
    (void)state;
    train_config_defaults(&config);
    config.learning_rate = 1;
    config.steps = 1000;
    config.warmup = 100;
    config.cosine_from = 0.5;
    const struct {
        int64_t step;
        double rate;
    } cases[] = {{1, 0.01},   {50, 0.5},        {100, 1}, {500, 1},
                 {750, 0.5}, {625, 0.85355339}, {1000, 0}, {1200, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(fabs(train_learning_rate(&config, cases[i].step) - cases[i].rate) < 1e-8);
}

static void expect_refusal(const char *extra, const char *word)
{
    struct fixture f;
    struct train_config config;
    struct fit_error e = {0};
    fixture_init(&f, extra);
    bool ok = train_config_load(&config, f.config, &e);
    fixture_finish(&f);
    assert_false(ok);
    if (!strstr(e.message, word))
        fail_msg("\"%s\" does not say %s", e.message, word);
}

static void test_config(void **state)
{
    struct fixture f;
    struct train_config config;
    struct fit_error e = {0};
    (void)state;
    fixture_init(&f, "optimizer: {learning_rate: 0.5, ema_ramp: false}\n");
    require_ok(train_config_load(&config, f.config, &e), e);
    assert_string_equal(config.autoencoder, f.autoencoder);
    assert_int_equal(config.model.hidden, 64);
    assert_int_equal(config.n_shapes, 1);
    assert_int_equal(config.model.context_size, 4); /* of 32 x 32 pixels */
    assert_int_equal(config.shape[0].side, 32);
    assert_true(config.learning_rate == 0.5 && !config.ema_ramp && config.beta2 == 0.95);
    fixture_finish(&f);

    expect_refusal("optimizer: {learning_rat: 0.5}\n", "optimizer.learning_rat");
    expect_refusal("optimizer: {beta1: 1.5}\n", "beta1");
    expect_refusal("optimizer: {precision: f8}\n", "precision");
    expect_refusal("run: {keep: 1.5}\n", "keep");
    expect_refusal("run: [keep]\n", "run");
    expect_refusal("schedule: {steps: \"many\"}\n", "steps");
    expect_refusal("{\n", "line");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
