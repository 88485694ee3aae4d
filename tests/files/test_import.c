/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints as they are published, and as they are not. */
#include "hostile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "checkpoints.h"
#include "fit/fit-import.h"

static struct checkpoint checkpoint;

/* Both formats in turn: whatever is wrong with a checkpoint is wrong in either. */
static bool as_torch;

static const char *config_text = CHECKPOINT_CONFIG;

static void make_checkpoint(const char *prefix)
{
    checkpoint_add(&checkpoint, prefix, 1);
}

static void free_checkpoint(void)
{
    checkpoint_free(&checkpoint);
}

static int tear_down(void **state)
{
    (void)state;
    free_checkpoint();
    as_torch = false;
    config_text = CHECKPOINT_CONFIG;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    make_checkpoint("");
    return 0;
}

static int set_up_torch(void **state)
{
    as_torch = true;
    return set_up(state);
}

static const char *write_checkpoint(void)
{
    const char *path = hostile_path(as_torch ? "checkpoint.bin" : "checkpoint.safetensors");
    if (as_torch)
        checkpoint_write_torch(&checkpoint, path);
    else
        checkpoint_write_safetensors(&checkpoint, path);
    return path;
}

/* Imports what lies at the path; a bundle that came of it is read back and taken away. */
static bool import(const char *path, struct fit_error *error)
{
    const char *output = hostile_path("bundle"), *config = hostile_path("config.yaml");
    static const char *const names[] = {"transformer.safetensors", "classes.txt", "model.json"};
    struct fit_import_params params = {.checkpoint = path, .config = config, .output = output};
    struct fit_bundle bundle;
    struct stat status;
    char file[256];
    hostile_write(config, config_text, strlen(config_text));
    if (!fit_import(&params, error)) {
        assert_int_not_equal(lstat(output, &status), 0);
        return false;
    }
    assert_true(fit_bundle_read(&bundle, output, NULL));
    assert_int_equal(strlen(bundle.transformer_sha256), 64);
    for (int i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s/%s", output, names[i]);
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(rmdir(output), 0);
    return true;
}

static void accepted(void)
{
    struct fit_error error = {0};
    if (!import(write_checkpoint(), &error))
        fail_msg("%s", error.message);
}

static void refused(const char *why)
{
    hostile_refused(import, write_checkpoint(), why);
}

static void test_prefixes(void **state)
{
    (void)state;
    static const char *const prefixes[] = {
        "", "module.", "model.", "module.model.", "module.module.model.", "_orig_mod.",
        "module._orig_mod.", "ema.", "model_ema.module.", "state_dict.ema_model."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        free_checkpoint();
        make_checkpoint(prefixes[i]);
        accepted();
    }
    free_checkpoint();
    make_checkpoint("average.");
    refused("none is x_embedder.proj.weight, so it is no FiT network; it looks like nothing");
    free_checkpoint();
    make_checkpoint("module.");
    snprintf(checkpoint.name[3], sizeof checkpoint.name[3], "model.x_embedder.proj.bias");
    refused("x_embedder.proj.bias appears twice behind different prefixes");
}

static void test_every_tensor_is_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < checkpoint.n; i++) {
        char name[96];
        struct fit_error error = {0};
        struct fit_tensor taken = checkpoint.tensor[i];
        snprintf(name, sizeof name, "%s", taken.name);
        memmove(&checkpoint.tensor[i], &checkpoint.tensor[i + 1],
                (checkpoint.n - i - 1) * sizeof taken);
        checkpoint.n--;
        assert_false(import(write_checkpoint(), &error));
        assert_int_equal(error.status, FIT_ERROR_MODEL);
        /* A block without its first product is a block less. */
        const char *expected = strstr(name, "attn.qkv.weight") ? "depth" : name;
        if (!strstr(error.message, expected))
            fail_msg("\"%s\" lacks \"%s\"", error.message, expected);
        memmove(&checkpoint.tensor[i + 1], &checkpoint.tensor[i],
                (checkpoint.n - i) * sizeof taken);
        checkpoint.tensor[i] = taken;
        checkpoint.n++;
    }
}

static void test_every_shape_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < checkpoint.n; i++) {
        struct fit_tensor *tensor = &checkpoint.tensor[i], good = *tensor;
        struct fit_error error = {0};
        tensor->n_dims = 3;
        tensor->dims[0] = good.n_values;
        tensor->dims[1] = tensor->dims[2] = 1;
        assert_false(import(write_checkpoint(), &error));
        if (!strstr(error.message, good.name) || !strstr(error.message, ", 1, 1)"))
            fail_msg("%s: %s", good.name, error.message);
        *tensor = good;
    }
}

static void test_types(void **state)
{
    (void)state;
    struct fit_tensor *tensor = &checkpoint.tensor[20], good = *tensor;
    static const enum fit_tensor_type floats[] = {FIT_TENSOR_F16, FIT_TENSOR_BF16, FIT_TENSOR_F64};
    uint64_t *zeros = calloc(good.n_values, sizeof *zeros);
    int n_floats = as_torch ? 2 : 3, end = as_torch ? FIT_TENSOR_I64 + 1 : FIT_N_TENSOR_TYPES;
    assert_non_null(zeros);
    tensor->data = zeros;
    for (int i = 0; i < n_floats; i++) {
        tensor->type = floats[i];
        tensor->bytes = good.n_values * fit_tensor_type_size(floats[i]);
        accepted();
    }
    for (int type = FIT_TENSOR_I64; type < end; type++) {
        tensor->type = (enum fit_tensor_type)type;
        tensor->bytes = good.n_values * fit_tensor_type_size(tensor->type);
        refused("expected F32, BF16, F16 or F64, found");
    }
    *tensor = good;
    free(zeros);
}

static void test_values(void **state)
{
    (void)state;
    float *last = (float *)checkpoint.tensor[checkpoint.n - 1].data;
    size_t n = checkpoint.tensor[checkpoint.n - 1].n_values;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        last[n - 1] = bad[i];
        refused("final_layer.adaLN_modulation.1.bias holds a value that is no number");
    }
}

static void test_a_tensor_too_many(void **state)
{
    (void)state;
    checkpoint_add_tensor(&checkpoint, "optimizer.step", FIT_TENSOR_F32, 1, (uint64_t[]){1});
    refused("one too many is optimizer.step");
}

/* Names and shapes as the authors' module has them with use_sit and adaln_type normal. */
static void test_blocks_by_themselves(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t rows, columns;
    } expected[] = {
        {"x_embedder.proj.weight", 8, 16},
        {"t_embedder.mlp.0.weight", 8, 256},
        {"t_embedder.mlp.2.weight", 8, 8},
        {"y_embedder.embedding_table.weight", 4, 8},
        {"blocks.0.adaLN_modulation.1.weight", 48, 8},
        {"blocks.1.adaLN_modulation.1.weight", 48, 8},
        {"final_layer.linear.weight", 16, 8},
        {"final_layer.adaLN_modulation.1.weight", 16, 8},
    };
    config_text = CHECKPOINT_CONFIG_WHOLE;
    refused("has a tensor global_adaLN_modulation.1.weight, as adaln_type lora makes it; the "
            "configuration says normal");
    free_checkpoint();
    checkpoint_add_whole(&checkpoint, "", 1);
    assert_int_equal(checkpoint.n, 7 + 2 * 12 + 4);
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
        const struct fit_tensor *found = NULL;
        for (size_t i = 0; i < checkpoint.n; i++)
            if (!strcmp(checkpoint.name[i], expected[k].name))
                found = &checkpoint.tensor[i];
        assert_non_null(found);
        assert_int_equal(found->dims[0], expected[k].rows);
        assert_int_equal(found->dims[1], expected[k].columns);
    }
    accepted();
    test_every_tensor_is_needed(state);
    test_every_shape_is_checked(state);
    config_text = CHECKPOINT_CONFIG;
    refused("no global_adaLN_modulation.1.weight, as adaln_type normal makes it; the "
            "configuration says lora");
}

static void test_the_first_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < checkpoint.n; i++) {
        if (strcmp(checkpoint.name[i], "final_layer.linear.weight"))
            continue;
        free((void *)checkpoint.tensor[i].data);
        struct fit_tensor *last = &checkpoint.tensor[i];
        last->dims[0] *= 2;
        last->n_values *= 2;
        last->bytes *= 2;
        last->data = calloc(1, (size_t)last->bytes);
        assert_non_null(last->data);
    }
    refused("final_layer.linear.weight gives 32 numbers for the 16 of a token, so it is a FiT "
            "network of the first version; the configuration is that of FiTv2");
}

static void test_damage(void **state)
{
    (void)state;
    size_t n;
    const char *path = write_checkpoint();
    uint8_t *good = hostile_read(path, &n);
    size_t header = 8 + good[0] + 256u * good[1];
    assert_int_equal(hostile_truncate(import, path, good, n, 400), 0);
    hostile_flip(import, path, good, n, as_torch ? 0 : 8, as_torch ? n : header, 1500, NULL);
    free(good);
}

static void test_a_folder_that_exists(void **state)
{
    (void)state;
    const char *output = hostile_path("taken");
    struct fit_error error = {0};
    struct fit_import_params params = {.checkpoint = write_checkpoint(),
                                       .config = hostile_path("config.yaml"), .output = output};
    mkdir(output, 0777);
    hostile_write(params.config, CHECKPOINT_CONFIG, strlen(CHECKPOINT_CONFIG));
    assert_false(fit_import(&params, &error));
    assert_int_equal(error.status, FIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "exists already"));
    assert_int_equal(rmdir(output), 0); /* and nothing was put into it */
}

/* A torch file by the name of the other format, and the other way round. */
static void test_names_of_files(void **state)
{
    (void)state;
    struct fit_error error = {0};
    checkpoint_write_torch(&checkpoint, hostile_path("x.safetensors"));
    checkpoint_write_safetensors(&checkpoint, hostile_path("x.bin"));
    if (!import(hostile_path("x.safetensors"), &error) || !import(hostile_path("x.bin"), &error))
        fail_msg("%s", error.message);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down),                                      \
        {#name " (torch)", name, set_up_torch, tear_down, NULL}
    const struct CMUnitTest tests[] = {
        TEST(test_prefixes), TEST(test_every_tensor_is_needed), TEST(test_every_shape_is_checked),
        TEST(test_types), TEST(test_values), TEST(test_a_tensor_too_many),
        TEST(test_blocks_by_themselves), TEST(test_the_first_version), TEST(test_damage), TEST(test_a_folder_that_exists),
        TEST(test_names_of_files),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
