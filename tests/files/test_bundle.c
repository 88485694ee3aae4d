/* SPDX-License-Identifier: Apache-2.0 */
/* model.json: what it may say. */
#include "hostile.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle.h"

static const char *folder;

/* The reader gets the path of model.json; a bundle is its folder. */
static bool read_bundle(const char *path, struct fit_error *error)
{
    struct fit_bundle bundle;
    (void)path;
    if (!fit_bundle_read(&bundle, folder, error))
        return false;
    struct fit_error cause = {0};
    if (!fit_config_check(&bundle.config, &cause))
        fail_msg("accepted, but %s", cause.message);
    assert_null(strchr(bundle.transformer, '/'));
    assert_true(bundle.default_steps >= 1 && bundle.default_steps <= 1000);
    return true;
}

static struct fit_bundle make_bundle(void)
{
    struct fit_bundle bundle = {
        .name = "A name",
        .description = "What it is: \"quoted\", \xc3\xa9",
        .licence = "Apache-2.0",
        .transformer = "transformer.safetensors",
        .autoencoder = "autoencoder.safetensors",
        .classes = "classes.txt",
        .autoencoder_type = "limn-f8c8",
        .transformer_sha256 = "0123",
        .downsampling = 8,
        .scaling_factor = 0.18215,
        .preview_bias = {0.25f, -0.5f, 0.125f},
        .default_width = 128,
        .default_height = 64,
        .default_steps = 20,
        .default_guidance = 2.5,
        .default_solver = FIT_SOLVER_HEUN,
    };
    snprintf(bundle.path, sizeof bundle.path, "%s", folder);
    assert_true(fit_config_preset(&bundle.config, "fitv2-hr-xl"));
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++)
            bundle.preview_matrix[i][k] = (float)(3 * i + k) / 16;
    return bundle;
}

static const char *json_path(void)
{
    return hostile_path("bundle/model.json");
}

static void test_round_trip(void **state)
{
    (void)state;
    struct fit_bundle in = make_bundle(), out;
    struct fit_error error = {0};
    if (!fit_bundle_write(&in, &error) || !fit_bundle_read(&out, folder, &error))
        fail_msg("%s", error.message);
    assert_string_equal(out.name, in.name);
    assert_string_equal(out.description, in.description);
    assert_string_equal(out.transformer_sha256, in.transformer_sha256);
    assert_string_equal(out.autoencoder_type, in.autoencoder_type);
    assert_memory_equal(&out.config, &in.config, sizeof in.config);
    assert_memory_equal(out.preview_matrix, in.preview_matrix, sizeof in.preview_matrix);
    assert_memory_equal(out.preview_bias, in.preview_bias, sizeof in.preview_bias);
    assert_float_equal(out.scaling_factor, in.scaling_factor, 1e-9);
    assert_int_equal(out.default_solver, FIT_SOLVER_HEUN);
    assert_int_equal(out.default_height, 64);
}

static json_t *load(void)
{
    json_t *root = json_load_file(json_path(), 0, NULL);
    assert_non_null(root);
    return root;
}

/* Tries the document with one field replaced (NULL: taken away). */
static void replaced(const char *object, const char *field, const char *value, const char *why)
{
    struct fit_bundle bundle = make_bundle();
    assert_true(fit_bundle_write(&bundle, NULL));
    json_t *root = load(), *at = *object ? json_object_get(root, object) : root;
    if (value)
        json_object_set_new(at, field, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(at, field);
    assert_int_equal(json_dump_file(root, json_path(), 0), 0);
    json_decref(root);
    hostile_refused(read_bundle, json_path(), why);
}

static void test_every_field_is_needed(void **state)
{
    (void)state;
    static const char *const objects[] = {"", "config", "autoencoder", "preview", "defaults"};
    struct fit_bundle bundle = make_bundle();
    assert_true(fit_bundle_write(&bundle, NULL));
    json_t *root = load();
    for (int i = 0; i < 5; i++) {
        const char *field;
        json_t *value, *object = *objects[i] ? json_object_get(root, objects[i]) : root;
        json_object_foreach(object, field, value) {
            if (!strcmp(field, "transformer_sha256"))
                continue; /* not known to every writer */
            const char *why = strcmp(objects[i], "preview") ? field : "preview";
            replaced(objects[i], field, NULL, why);
            replaced(objects[i], field, "null", why);
            replaced(objects[i], field, "1e300", why);
        }
    }
    json_decref(root);
}

static void test_impossible_values(void **state)
{
    (void)state;
    replaced("", "format", "\"zip\"", "expected \"limn-bundle\", found zip");
    replaced("", "version", "2", "version: expected 1 to 1, found 2");
    replaced("", "architecture", "\"dit\"", "expected \"fitv2\" or \"fitv1\", found \"dit\"");
    replaced("", "transformer", "\"/etc/passwd\"", "the name of a file in the same folder");
    replaced("", "transformer", "\"../x\"", "the name of a file in the same folder");
    replaced("", "classes", "\"a/b\"", "the name of a file in the same folder");
    replaced("autoencoder", "file", "\".\"", "the name of a file in the same folder");
    replaced("config", "hidden", "0", "hidden: expected");
    replaced("config", "hidden", "-1152", "hidden: expected");
    replaced("config", "hidden", "1152.0", "hidden: expected a whole number");
    replaced("config", "hidden", "9223372036854775807", "hidden: expected");
    replaced("config", "depth", "100000", "depth");
    replaced("config", "heads", "7", "head");
    replaced("config", "theta", "0", "theta");
    replaced("config", "method", "\"auto\"", "method");
    replaced("config", "method", "\"magic\"", "\"magic\" is no position method");
    replaced("config", "qk_norm", "1", "qk_norm: expected true or false");
    replaced("preview", "matrix", "[[0,0,0]]", "expected 4 or 36 rows, found 1");
    replaced("preview", "bias", "[0,0]", "lists of 3 numbers");
    replaced("preview", "bias", "[0,0,1e30]", "lists of 3 numbers");
    replaced("defaults", "width", "100", "multiples of 16");
    replaced("defaults", "width", "8192", "width: expected 16 to 4096");
    replaced("defaults", "steps", "0", "steps: expected 1 to 1000");
    replaced("defaults", "guidance", "0.5", "guidance: expected 1 to 30");
    replaced("defaults", "solver", "\"ddim\"", "\"ddim\" is no solver");
    replaced("autoencoder", "scaling_factor", "0", "scaling_factor");
}

static void test_damage(void **state)
{
    (void)state;
    struct fit_bundle bundle = make_bundle();
    size_t n;
    assert_true(fit_bundle_write(&bundle, NULL));
    uint8_t *good = hostile_read(json_path(), &n);
    const char *path = json_path();
    assert_true(hostile_try(read_bundle, path));
    assert_int_equal(hostile_truncate(read_bundle, path, good, n - 2, n), 0);
    hostile_flip(read_bundle, path, good, n, 0, n, 4000, NULL);
    free(good);
}

static void test_hostile_json(void **state)
{
    (void)state;
    enum { DEPTH = 500000 };
    char *deep = malloc(DEPTH);
    assert_non_null(deep);
    memset(deep, '[', DEPTH);
    hostile_write(json_path(), deep, DEPTH);
    hostile_refused(read_bundle, json_path(), "is not JSON");
    free(deep);
    hostile_write(json_path(), "[]", 2);
    hostile_refused(read_bundle, json_path(), "format");
    hostile_write(json_path(), "{\"format\": \"limn-bundle\", \"format\": \"x\"}", 41);
    hostile_refused(read_bundle, json_path(), "is not JSON");
    char *large = malloc(2 << 20);
    assert_non_null(large);
    memset(large, ' ', 2 << 20);
    hostile_write(json_path(), large, 2 << 20);
    hostile_refused(read_bundle, json_path(), "are expected");
    free(large);
    remove(json_path());
    hostile_refused(read_bundle, json_path(), "cannot be opened");
}

static void test_no_autoencoder(void **state)
{
    (void)state;
    struct fit_bundle in = make_bundle(), out;
    struct fit_error error = {0};
    snprintf(in.autoencoder_type, sizeof in.autoencoder_type, "none");
    in.autoencoder[0] = '\0';
    if (!fit_bundle_write(&in, &error) || !fit_bundle_read(&out, folder, &error))
        fail_msg("%s", error.message);
    assert_false(fit_bundle_has_autoencoder(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_field_is_needed),
        cmocka_unit_test(test_impossible_values),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_hostile_json),
        cmocka_unit_test(test_no_autoencoder),
    };
    char path[128];
    hostile_init();
    snprintf(path, sizeof path, "%s", hostile_path("bundle"));
    folder = path;
    mkdir(folder, 0777);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
