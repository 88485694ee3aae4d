/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of small files: arrays, classes, YAML. */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/fit-files.h"
#include "fit_yaml.h"
#include "labels.h"
#include "yaml_config.h"

static bool read_array(const char *path, struct fit_error *error)
{
    struct fit_array array;
    if (!fit_npy_read(path, &array, error)) {
        assert_null(array.values);
        return false;
    }
    size_t n = 1;
    for (int i = 0; i < array.n_dims; i++)
        n *= (size_t)array.dims[i];
    hostile_touch(array.values, n * sizeof *array.values);
    fit_array_finish(&array);
    return true;
}

static bool read_classes(const char *path, struct fit_error *error)
{
    struct fit_labels labels;
    int id;
    if (!fit_labels_read(&labels, path, 4, error))
        return false;
    for (int i = 0; i < 4; i++)
        assert_non_null(labels.label[i].name);
    fit_labels_find(&labels, "sea", &id, NULL);
    fit_labels_find(&labels, "nothing like it", &id, NULL);
    fit_labels_finish(&labels);
    return true;
}

static void take_note(void *data, const char *sentence)
{
    (*(int *)data)++;
    assert_true(strlen(sentence) > 0);
}

static bool read_config(const char *path, struct fit_error *error)
{
    struct fit_config config;
    int notes = 0;
    if (!fit_config_read_yaml(&config, path, take_note, &notes, error))
        return false;
    struct fit_error cause = {0};
    if (!fit_config_check(&config, &cause))
        fail_msg("accepted, but %s", cause.message);
    return true;
}

static void test_damaged_arrays(void **state)
{
    (void)state;
    int dims[] = {2, 3, 4};
    float values[24] = {0};
    size_t n;
    const char *path = hostile_path("x.npy");
    assert_true(fit_npy_write(path, 3, dims, values, NULL));
    uint8_t *good = hostile_read(path, &n);
    assert_int_equal(hostile_truncate(read_array, path, good, n, n), 0);
    hostile_flip(read_array, path, good, n, 0, n - sizeof values, 4000, NULL);
    free(good);
}

static void test_damaged_classes(void **state)
{
    (void)state;
    static const char good[] = "0\tOcean sunset\tsea, sun\n1\tDesert\tsand\n2\tForest\t\n3\tCity\n";
    const char *path = hostile_path("classes.txt");
    hostile_write(path, good, sizeof good - 1);
    assert_true(hostile_try(read_classes, path));
    hostile_truncate(read_classes, path, (const uint8_t *)good, sizeof good - 1, 1000);
    hostile_flip(read_classes, path, (const uint8_t *)good, sizeof good - 1, 0, sizeof good - 1,
                 4000, NULL);
    char *large = malloc(5 << 20);
    assert_non_null(large);
    memset(large, 'x', 5 << 20);
    hostile_write(path, large, 5 << 20);
    hostile_refused(read_classes, path, "at most 4194304 are expected");
    free(large);
}

#define PARAMS                                                                                     \
    "diffusion:\n"                                                                                 \
    "  network_config:\n"                                                                          \
    "    params:\n"                                                                                \
    "      context_size: 1024\n"                                                                   \
    "      patch_size: 2\n"                                                                        \
    "      in_channels: 4\n"                                                                       \
    "      hidden_size: 1152\n"                                                                    \
    "      depth: 36\n"                                                                            \
    "      num_heads: 16\n"                                                                        \
    "      mlp_ratio: 4.0\n"                                                                       \
    "      num_classes: 1000\n"                                                                    \
    "      learn_sigma: false\n"                                                                   \
    "      use_sit: true\n"                                                                        \
    "      use_swiglu: true\n"                                                                     \
    "      use_swiglu_large: false\n"                                                              \
    "      q_norm: layernorm\n"                                                                    \
    "      k_norm: layernorm\n"                                                                    \
    "      rel_pos_embed: rope\n"                                                                  \
    "      adaln_type: lora\n"                                                                     \
    "      adaln_lora_dim: 288\n"                                                                  \
    "      custom_freqs: ntk-aware\n"                                                              \
    "      decouple: true\n"                                                                       \
    "      ori_max_pe_len: 16\n"                                                                   \
    "      online_rope: true\n"

static void test_a_published_configuration(void **state)
{
    (void)state;
    struct fit_config config, preset;
    struct fit_error error = {0};
    const char *path = hostile_path("hr.yaml");
    hostile_write(path, PARAMS, strlen(PARAMS));
    if (!fit_config_read_yaml(&config, path, NULL, NULL, &error))
        fail_msg("%s", error.message);
    assert_true(fit_config_preset(&preset, "fitv2-hr-xl"));
    assert_memory_equal(&config, &preset, sizeof config);
}

#define PARAMS_V1                                                                                  \
    "diffusion:\n"                                                                                 \
    "  network_config:\n"                                                                          \
    "    params: {context_size: 256, patch_size: 2, in_channels: 4, hidden_size: 1152,\n"          \
    "      depth: 28, num_heads: 16, mlp_ratio: 4.0, class_dropout_prob: 0.1,\n"                   \
    "      num_classes: 1000, learn_sigma: true, use_swiglu: true, use_swiglu_large: true,\n"      \
    "      rel_pos_embed: rope}\n"

static void test_the_first_version(void **state)
{
    (void)state;
    struct fit_config config, preset;
    struct fit_error error = {0};
    const char *path = hostile_path("v1.yaml");
    hostile_write(path, PARAMS_V1, strlen(PARAMS_V1));
    if (!fit_config_read_yaml(&config, path, NULL, NULL, &error))
        fail_msg("%s", error.message);
    assert_true(fit_config_preset(&preset, "fit-xl"));
    assert_memory_equal(&config, &preset, sizeof config);
}

/* use_sit, the flow, forbids learn_sigma and leaves the modulation free: with adaln_type normal, for
 * which a missing key stands too, no block shares it and the rank counts for nothing. */
static void test_a_flow_without_a_shared_modulation(void **state)
{
    (void)state;
    static const char *const types[] = {"adaln_type: normal, ", "adaln_type: Normal, ", "",
                                        "adaln_type: normal, adaln_lora_dim: 288, "};
    const char *path = hostile_path("whole.yaml");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char text[512];
        struct fit_config config, expected;
        struct fit_error error = {0};
        int n = snprintf(text, sizeof text,
                         "params: {%shidden_size: 1152, depth: 36, num_heads: 16, in_channels: 4,\n"
                         "  patch_size: 2, num_classes: 1000, use_sit: true, learn_sigma: false,\n"
                         "  use_swiglu: true, q_norm: layernorm, k_norm: layernorm}\n", types[i]);
        hostile_write(path, text, (size_t)n);
        if (!fit_config_read_yaml(&config, path, NULL, NULL, &error))
            fail_msg("%s", error.message);
        assert_true(fit_config_preset(&expected, "fitv2-xl"));
        expected.lora_rank = 0;
        assert_memory_equal(&config, &expected, sizeof config);
        assert_int_equal(fit_config_outputs(&config), fit_config_features(&config));
    }
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum fit_method method;
    } cases[] = {
        {"", FIT_METHOD_NONE},
        {"      custom_freqs: null\n", FIT_METHOD_NONE},
        {"      custom_freqs: normal\n      decouple: true\n", FIT_METHOD_NONE},
        {"      custom_freqs: linear\n", FIT_METHOD_PI},
        {"      custom_freqs: ntk-by-parts\n      decouple: false\n", FIT_METHOD_NTK_BY_PARTS},
        {"      custom_freqs: yarn\n      decouple: True\n", FIT_METHOD_VISION_YARN},
        {"      custom_freqs: ntk-aware-pro2\n      decouple: true\n", FIT_METHOD_VISION_NTK_PRO2},
    };
    const char *path = hostile_path("method.yaml"), *end = strstr(PARAMS, "      custom_freqs");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048];
        struct fit_config config;
        struct fit_error error = {0};
        int n = snprintf(text, sizeof text, "%.*s%s", (int)(end - PARAMS), PARAMS, cases[i].line);
        hostile_write(path, text, (size_t)n);
        if (!fit_config_read_yaml(&config, path, NULL, NULL, &error))
            fail_msg("%s", error.message);
        assert_int_equal(config.method, cases[i].method);
    }
}

static void refused(const char *text, const char *why)
{
    const char *path = hostile_path("x.yaml");
    hostile_write(path, text, strlen(text));
    hostile_refused(read_config, path, why);
}

static void test_refused_yaml(void **state)
{
    (void)state;
    refused("", "is not a mapping");
    refused("- 1\n", "is not a mapping");
    refused("diffusion: 1\n", "diffusion.network_config.params");
    refused("params: []\n", "expected a mapping, found something else");
    refused("a: b: c\n", "line 1");
    refused("a: [1, 2\n", "is not YAML");
    refused("a: *nobody\n", "is not YAML");
    refused("\"a: b\n", "is not YAML");
    refused("a: \xff\xfe\n", "is not YAML");
    refused("\t- a\n", "is not YAML");
    refused("params: {depth: 2, heads: 1, depth: 3}\n", "the key depth appears twice");
    refused("a: 1\nparams: {}\nb: 2\na: 1\n", "line 1: the key a appears twice");
    refused("params: {}\n", "use_swiglu: expected true (use_sit is false), found nothing");
    refused("params: {use_sit: 1}\n", "use_sit: expected true or false, found 1");
    refused("params: {use_sit: true}\n", "learn_sigma: expected false (use_sit is true)");
    refused("params: {use_sit: true, learn_sigma: false, use_swiglu: true, adaln_type: swiglu}\n",
            "adaln_type: expected lora or normal (use_sit is true), found swiglu");
    refused("params: {use_sit: true, learn_sigma: false, use_swiglu: true, adaln_type: null}\n",
            "adaln_type: expected lora or normal (use_sit is true), found null");
    refused("params: {use_swiglu: true, adaln_type: lora}\n",
            "adaln_type: expected normal (use_sit is false), found lora");
    refused("params: {use_sit: [true]}\n", "found a list or a mapping");
}

/* An alias is a reference and costs nothing, however often it doubles; one that holds itself is
 * not followed. */
static void test_aliases(void **state)
{
    (void)state;
    char text[4096] = "a0: &a0 [x]\n";
    for (int i = 1; i < 40; i++) {
        char line[80];
        snprintf(line, sizeof line, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    refused(text, "diffusion.network_config.params");
    refused("params: &p {use_sit: *p}\n", "use_sit");
    refused("&r\ndiffusion: *r\nnetwork_config: *r\nparams: *r\n", "use_swiglu");
}

static void test_nesting(void **state)
{
    (void)state;
    enum { DEPTH = 20000 };
    char *text = malloc(DEPTH + 1);
    assert_non_null(text);
    memset(text, '[', DEPTH);
    text[DEPTH] = '\0';
    refused(text, "is not YAML");
    memset(text, '{', DEPTH);
    refused(text, "is not YAML");
    for (int i = 0; i < DEPTH; i += 2)
        memcpy(text + i, "- ", 2);
    const char *path = hostile_path("deep.yaml");
    hostile_write(path, text, DEPTH);
    assert_false(hostile_try(read_config, path));
    free(text);
}

static void test_a_large_file(void **state)
{
    (void)state;
    char *text = malloc(2 << 20);
    assert_non_null(text);
    memset(text, '#', 2 << 20);
    const char *path = hostile_path("large.yaml");
    hostile_write(path, text, 2 << 20);
    hostile_refused(read_config, path, "are expected");
    free(text);
}

static void test_damaged_yaml(void **state)
{
    (void)state;
    const char *path = hostile_path("damaged.yaml");
    size_t n = strlen(PARAMS);
    hostile_write(path, PARAMS, n);
    assert_true(hostile_try(read_config, path));
    hostile_truncate(read_config, path, (const uint8_t *)PARAMS, n, n);
    hostile_flip(read_config, path, (const uint8_t *)PARAMS, n, 0, n, 4000, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_arrays),
        cmocka_unit_test(test_damaged_classes),
        cmocka_unit_test(test_a_published_configuration),
        cmocka_unit_test(test_the_first_version),
        cmocka_unit_test(test_a_flow_without_a_shared_modulation),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_refused_yaml),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_a_large_file),
        cmocka_unit_test(test_damaged_yaml),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
