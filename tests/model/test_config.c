/* SPDX-License-Identifier: Apache-2.0 */
/* The presets against the published models' sizes, the order of the parameters, and what a
 * configuration may not be. */
#include <string.h>

#include "fit_weights.h"
#include "tiny.h"

static void published_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t parameters, tensors;
        double linear, attention; /* giga multiply-accumulates at 256 tokens */
    } models[] = {
        {"fitv2-b", 128149072, 9 + 14 * 15 + 4, 27.2, 28.7},
        {"fitv2-xl", 671045776, 517, 146.8, 152.2},
        {"fitv2-3b", 2971928080, 573, 652.3, 664.4},
        {"fitv2-hr-xl", 671045776, 517, 146.8, 152.2},
        {"fitv2-hr-3b", 2971928080, 573, 652.3, 664.4},
        {"fit-b", 158664224, 7 + 12 * 12 + 4, 29.0, 30.2},
        {"fit-xl", 823599392, 347, 152.2, 156.4},
    };
    size_t n = sizeof models / sizeof *models;
    for (size_t i = 0; i < n; i++) {
        struct fit_config config;
        assert_string_equal(fit_config_preset_name(i), models[i].name);
        assert_true(fit_config_preset(&config, models[i].name));
        assert_true(fit_config_check(&config, NULL));
        assert_true(fit_config_parameters(&config) == models[i].parameters);
        assert_true(fit_weights_count(&config) == models[i].tensors);
        /* printed with one digit after the point */
        double linear = (double)fit_config_macs(&config, 256, false) / 1e9;
        double attention = (double)fit_config_macs(&config, 256, true) / 1e9;
        tiny_close_to("linear", linear - models[i].linear, 0, 0.0501);
        tiny_close_to("attention", attention - models[i].attention, 0, 0.0501);
    }
    struct fit_config config;
    assert_null(fit_config_preset_name(n));
    assert_false(fit_config_preset(&config, "sdxl"));
}

static void order_of_parameters(void **state)
{
    (void)state;
    static const struct {
        size_t index;
        const char *name;
        uint64_t rows, columns;
        bool keep_f32;
    } expected[] = {
        {0, "x_embedder.proj.weight", 1152, 16, true},
        {2, "t_embedder.mlp.0.weight", 1152, 256, true},
        {5, "t_embedder.mlp.2.bias", 1152, 1, true},
        {6, "y_embedder.embedding_table.weight", 1001, 1152, true},
        {7, "global_adaLN_modulation.1.weight", 6912, 1152, false},
        {9, "blocks.0.attn.qkv.weight", 3456, 1152, false},
        {10, "blocks.0.attn.qkv.bias", 3456, 1, true},
        {13, "blocks.0.mlp.fc1_g.weight", 3072, 1152, false},
        {15, "blocks.0.mlp.fc1_x.weight", 3072, 1152, false},
        {17, "blocks.0.mlp.fc2.weight", 1152, 3072, false},
        {19, "blocks.0.adaLN_modulation.1.weight", 288, 1152, false},
        {21, "blocks.0.adaLN_modulation.2.weight", 6912, 288, false},
        {9 + 14 * 35 + 13, "blocks.35.adaLN_modulation.2.bias", 6912, 1, true},
        {513, "final_layer.linear.weight", 16, 1152, true},
        {516, "final_layer.adaLN_modulation.1.bias", 2304, 1, true},
    };
    struct fit_config config;
    struct fit_tensor_spec spec;
    assert_true(fit_config_preset(&config, "fitv2-xl"));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(fit_weights_spec(&config, expected[i].index, &spec));
        assert_string_equal(spec.name, expected[i].name);
        assert_true(spec.dims[0] == expected[i].rows && spec.dims[1] == expected[i].columns);
        assert_int_equal(spec.n_dims, expected[i].columns == 1 ? 1 : 2);
        assert_int_equal(spec.keep_f32, expected[i].keep_f32);
    }
}

/* Tensors follow each other without overlap and with less than an alignment between them. */
static void places_of_parameters(void **state)
{
    (void)state;
    struct fit_config config;
    assert_true(fit_config_preset(&config, "fitv2-b"));
    config.mlp_hidden = 170;
    config.channels = 3;
    struct fit_tensor_spec spec;
    uint64_t end = 0;
    for (size_t i = 0; fit_weights_spec(&config, i, &spec); i++) {
        assert_true(spec.offset % 16 == 0 && spec.offset >= end && spec.offset < end + 16);
        end = spec.offset + spec.n_values;
    }
    assert_true(fit_weights_total(&config) >= end && fit_weights_total(&config) < end + 16);
}

/* The initialisation that makes the first output zero: all gates and the last layer. */
static void beginnings(void **state)
{
    (void)state;
    struct fit_config config;
    struct fit_tensor_spec spec;
    assert_true(fit_config_preset(&config, "fitv2-b"));
    for (size_t i = 0; fit_weights_spec(&config, i, &spec); i++) {
        bool zero = spec.n_dims == 1 || strstr(spec.name, "adaLN_modulation.2") ||
                    strstr(spec.name, "global_") || strstr(spec.name, "final_layer");
        bool normal = !zero && (strstr(spec.name, "t_embedder") || strstr(spec.name, "y_emb"));
        assert_int_equal(spec.init, zero     ? FIT_INIT_ZERO
                                    : normal ? FIT_INIT_NORMAL
                                             : FIT_INIT_XAVIER);
    }
}

static void first_version(void **state)
{
    (void)state;
    static const struct {
        size_t index;
        const char *name;
        uint64_t rows, columns;
    } expected[] = {
        {6, "y_embedder.embedding_table.weight", 1001, 1152},
        {7, "blocks.0.attn.qkv.weight", 3456, 1152},
        {11, "blocks.0.mlp.fc1_g.weight", 4608, 1152},
        {17, "blocks.0.adaLN_modulation.1.weight", 6912, 1152},
        {19, "blocks.1.attn.qkv.weight", 3456, 1152},
        {343, "final_layer.linear.weight", 32, 1152},
    };
    struct fit_config config;
    struct fit_tensor_spec spec;
    enum fit_architecture architecture;
    assert_true(fit_config_preset(&config, "fit-xl"));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(fit_weights_spec(&config, expected[i].index, &spec));
        assert_string_equal(spec.name, expected[i].name);
        assert_true(spec.dims[0] == expected[i].rows && spec.dims[1] == expected[i].columns);
    }
    assert_int_equal(fit_config_features(&config), 16);
    assert_int_equal(fit_config_outputs(&config), 32);
    assert_int_equal(fit_config_guided_features(&config), 12);
    config.lora_rank = 8;
    assert_false(fit_config_check(&config, NULL));
    assert_true(fit_architecture_parse("fitv1", &architecture));
    assert_int_equal(architecture, FIT_ARCHITECTURE_V1);
    assert_false(fit_architecture_parse("dit", &architecture));
}

/* FiTv2 hears the shifted time, never more than 1; the first version its own, unless clamped. */
static void told_times(void **state)
{
    (void)state;
    struct fit_config v1, v2;
    assert_true(fit_config_preset(&v1, "fit-b") && fit_config_preset(&v2, "fitv2-b"));
    assert_true(fit_config_told_time(&v2, 0.3f, 1, false) == 0.3f);
    assert_true(fit_config_told_time(&v2, 1.6f, 1, false) == 1);
    tiny_close_to("shifted", fit_config_told_time(&v2, 0.5f, 3, false), 0.75, 1e-7);
    tiny_close_to("shifted end", fit_config_told_time(&v2, 1.6f, 0.25, false), 1, 1e-7);
    assert_true(fit_config_told_time(&v1, 999, 1, false) == 999);
    assert_true(fit_config_told_time(&v1, 999, 1, true) == 1);
    for (int i = 0; i < FIT_N_SOLVERS; i++)
        assert_true(fit_config_has_solver(&v1, i) != fit_config_has_solver(&v2, i));
    assert_true(fit_config_has_solver(&v1, FIT_SOLVER_DDIM));
}

static void guided_features(void **state)
{
    (void)state;
    struct fit_config config;
    assert_true(fit_config_preset(&config, "fitv2-b"));
    assert_int_equal(fit_config_features(&config), 16);
    assert_int_equal(fit_config_guided_features(&config), 12);
    config.guided_channels = 4;
    assert_int_equal(fit_config_guided_features(&config), 16);
    config.guided_channels = 0;
    config.channels = 8;
    assert_int_equal(fit_config_guided_features(&config), 32);
}

static void impossible_is_refused(void **state)
{
    (void)state;
    struct fit_config good, bad;
    assert_true(fit_config_preset(&good, "fitv2-xl"));
#define REFUSES(field, value)                                                                      \
    do {                                                                                           \
        struct fit_error e = {0};                                                                  \
        bad = good;                                                                                \
        bad.field = (value);                                                                       \
        assert_false(fit_config_check(&bad, &e));                                                  \
        assert_int_equal(e.status, FIT_ERROR_MODEL);                                               \
        assert_non_null(strstr(e.message, #field));                                                \
    } while (0)
    REFUSES(hidden, 0);
    REFUSES(hidden, 1 << 20);
    REFUSES(hidden, 1153);
    REFUSES(depth, -1);
    REFUSES(heads, 7);
    REFUSES(mlp_hidden, 0);
    REFUSES(lora_rank, -1);
    REFUSES(n_classes, 0);
    REFUSES(channels, 65);
    REFUSES(patch, 9);
    REFUSES(guided_channels, 5);
    REFUSES(context_size, 0);
    REFUSES(ori_max_pe_len, 257);
    REFUSES(theta, 0);
    REFUSES(theta, 1.0 / 0.0);
    REFUSES(method, FIT_METHOD_AUTO);
#undef REFUSES
}

static void names_of_precisions(void **state)
{
    (void)state;
    enum fit_precision precision;
    for (int i = FIT_PRECISION_AUTO; i <= FIT_PRECISION_BF16; i++) {
        assert_true(fit_precision_parse(fit_precision_name(i), &precision));
        assert_int_equal(precision, i);
    }
    assert_false(fit_precision_parse("f16", &precision));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sizes),       cmocka_unit_test(order_of_parameters),
        cmocka_unit_test(places_of_parameters),  cmocka_unit_test(beginnings),
        cmocka_unit_test(guided_features),       cmocka_unit_test(impossible_is_refused),
        cmocka_unit_test(names_of_precisions),   cmocka_unit_test(first_version),
        cmocka_unit_test(told_times),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
