/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit_model_velocity against the double-precision implementation, on random networks of several
 * shapes, from one token to 64 x 64, with every position method, guided and not.
 *
 * Tolerance 2e-4 of the velocity's norm: f32 loses about 1e-7 an operation, and a few thousand of
 * them stand one behind the other.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bundle.h"
#include "double_reference.h"
#include "fit_weights.h"
#include "safetensors.h"

#define TOLERANCE 2e-4

enum { MAX_CHANNELS = 8, SIDE = 16 };

static float hashed(uint32_t tensor, uint32_t i, float scale)
{
    uint32_t h = i * 0x9E3779B1u + (tensor + 1) * 0x85EBCA77u;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 12;
    h *= 0x297A2D39u;
    h ^= h >> 15;
    return ((float)(h >> 8) * 0x1p-23f - 1.0f) * scale;
}

/* ---- a random model, as a bundle and as the double implementation reads it ---- */

struct world {
    char folder[64];
    struct fit_bundle bundle;
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_error error;
};

static float scale_of(const struct fit_tensor_spec *spec)
{
    return spec->n_dims > 1 ? 1.2f / sqrtf((float)spec->dims[1]) : 0.1f;
}

static bool read_tensor(void *data, const char *name, size_t n, double *values)
{
    const struct fit_config *config = data;
    struct fit_tensor_spec spec;
    for (size_t i = 0; fit_weights_spec(config, i, &spec); i++) {
        if (strcmp(spec.name, name))
            continue;
        for (size_t j = 0; j < n; j++)
            values[j] = hashed((uint32_t)i, (uint32_t)j, scale_of(&spec));
        return n == spec.n_values;
    }
    return false;
}

static void write_network(struct world *w)
{
    size_t n = fit_weights_count(&w->bundle.config);
    struct fit_tensor *tensors = calloc(n, sizeof *tensors);
    struct fit_tensor_spec *specs = calloc(n, sizeof *specs);
    char path[1280];
    assert_non_null(tensors);
    assert_non_null(specs);
    for (size_t i = 0; i < n; i++) {
        assert_true(fit_weights_spec(&w->bundle.config, i, &specs[i]));
        float *values = malloc(specs[i].n_values * sizeof *values);
        assert_non_null(values);
        for (uint32_t j = 0; j < specs[i].n_values; j++)
            values[j] = hashed((uint32_t)i, j, scale_of(&specs[i]));
        tensors[i] = (struct fit_tensor){
            .name = specs[i].name,
            .type = FIT_TENSOR_F32,
            .n_dims = specs[i].n_dims,
            .dims = {specs[i].dims[0], specs[i].dims[1]},
            .n_values = specs[i].n_values,
            .data = values,
            .bytes = specs[i].n_values * sizeof *values,
        };
    }
    assert_true(fit_bundle_file(&w->bundle, w->bundle.transformer, path, sizeof path, NULL));
    assert_true(fit_safetensors_write(path, tensors, n, NULL, NULL));
    for (size_t i = 0; i < n; i++)
        free((void *)tensors[i].data);
    free(tensors);
    free(specs);
}

static void write_classes(struct world *w)
{
    char path[1280];
    assert_true(fit_bundle_file(&w->bundle, w->bundle.classes, path, sizeof path, NULL));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < w->bundle.config.n_classes; i++)
        fprintf(file, "%d\tclass %d\n", i, i);
    assert_int_equal(fclose(file), 0);
}

static void open_world(struct world *w, const struct fit_config *config)
{
    *w = (struct world){.folder = "/tmp/limn-velocity-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    w->bundle = (struct fit_bundle){
        .name = "random",
        .config = *config,
        .transformer = "transformer.safetensors",
        .autoencoder = "none",
        .classes = "classes.txt",
        .autoencoder_type = "none",
        .downsampling = 8,
        .scaling_factor = 1,
        .default_width = SIDE,
        .default_height = SIDE,
        .default_steps = 1,
        .default_guidance = 1,
    };
    snprintf(w->bundle.path, sizeof w->bundle.path, "%s", w->folder);
    write_network(w);
    write_classes(w);
    assert_true(fit_bundle_write(&w->bundle, &w->error));
    struct fit_engine_params params = {.backend = "cpu"};
    struct fit_model_params load = {.path = w->folder, .precision = FIT_PRECISION_F32};
    bool ok = fit_engine_open(&w->engine, &params, &w->error) &&
              fit_model_load(w->engine, &load, &w->model, &w->error);
    if (!ok)
        fail_msg("%s", w->error.message);
}

static void close_world(struct world *w)
{
    static const char *const files[] = {"model.json", "transformer.safetensors", "classes.txt"};
    char path[128];
    fit_model_unref(&w->model);
    fit_engine_close(&w->engine);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", w->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(w->folder), 0);
}

/* ---- comparison ---- */

struct question {
    int rows, columns;
    double t;
    int class_id;
    enum fit_method method;
    double guidance, power;
};

static struct reference_positions positions_of(const struct fit_config *config,
                                               enum fit_method method)
{
    static const enum reference_method methods[] = {
        REFERENCE_NORMAL, REFERENCE_LINEAR,   REFERENCE_NTK,      REFERENCE_NTK_BY_PARTS,
        REFERENCE_YARN,   REFERENCE_NTK_PRO1, REFERENCE_NTK_PRO2,
    };
    bool decouple = method >= FIT_METHOD_VISION_PI;
    int i = decouple ? method - FIT_METHOD_VISION_PI + 1 : method - FIT_METHOD_NONE;
    return (struct reference_positions){methods[i], decouple, config->ori_max_pe_len};
}

static void ask_reference(struct world *w, const struct question *q, const float *latent,
                          double *velocity, size_t n)
{
    const struct fit_config *c = &w->bundle.config;
    struct reference_model model = {
        .width = c->hidden,
        .depth = c->depth,
        .heads = c->heads,
        .hidden = c->mlp_hidden,
        .rank = c->lora_rank,
        .channels = c->channels,
        .classes = c->n_classes,
        .read = read_tensor,
        .data = (void *)c,
    };
    struct reference_positions positions = positions_of(c, q->method);
    struct reference_guidance guidance = {q->guidance, q->power,
                                          fit_config_guided_features(c) / 4};
    double *wide = malloc(n * sizeof *wide);
    assert_non_null(wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = latent[i];
    int class_id = q->class_id == FIT_CLASS_NONE ? c->n_classes : q->class_id;
    assert_true(reference_velocity(&model, &positions, q->guidance > 1 ? &guidance : NULL, q->rows,
                                   q->columns, wide, q->t, class_id, velocity));
    free(wide);
}

static void compare(struct world *w, const struct question *q)
{
    size_t n = (size_t)w->bundle.config.channels * 4 * (size_t)(q->rows * q->columns);
    float *latent = malloc(n * sizeof *latent), *velocity = malloc(n * sizeof *velocity);
    double *expected = malloc(n * sizeof *expected), error = 0, norm = 0;
    assert_true(latent && velocity && expected);
    for (size_t i = 0; i < n; i++)
        latent[i] = hashed(9000, (uint32_t)i, 1.7f);
    struct fit_velocity_params params = {
        .width = SIDE * q->columns,
        .height = SIDE * q->rows,
        .batch = 1,
        .t = q->t,
        .class_id = q->class_id,
        .guidance = q->guidance,
        .guidance_power = q->power,
        .method = q->method,
    };
    if (!fit_model_velocity(w->model, &params, latent, velocity, &w->error))
        fail_msg("%s", w->error.message);
    ask_reference(w, q, latent, expected, n);
    for (size_t i = 0; i < n; i++) {
        error += (velocity[i] - expected[i]) * (velocity[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    assert_true(norm > 0);
    if (!(sqrt(error / norm) <= TOLERANCE))
        fail_msg("%d x %d tokens, %s, t %g, guidance %g: relative error %g", q->rows, q->columns,
                 fit_method_name(q->method), q->t, q->guidance, sqrt(error / norm));
    free(latent);
    free(velocity);
    free(expected);
}

static struct fit_config config_of(int hidden, int depth, int heads, int channels)
{
    struct fit_config config;
    fit_config_defaults(&config);
    config.hidden = hidden;
    config.depth = depth;
    config.heads = heads;
    config.mlp_hidden = 8 * hidden / 3;
    config.lora_rank = hidden / 4;
    config.n_classes = 5;
    config.channels = channels;
    config.patch = 2;
    config.context_size = 256;
    config.ori_max_pe_len = 16;
    return config;
}

static void every_method(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 7}, {12, 20}, {18, 17}};
    struct fit_config config = config_of(48, 2, 2, 4);
    struct world w;
    open_world(&w, &config);
    for (int method = FIT_METHOD_NONE; method < FIT_N_METHODS; method++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            compare(&w, &(struct question){sizes[i][0], sizes[i][1], 0.37, 3,
                                           (enum fit_method)method, 1, 0});
    close_world(&w);
}

static void guided(void **state)
{
    (void)state;
    static const double t[] = {0, 0.25, 0.9, 1};
    struct fit_config config = config_of(72, 3, 3, 4);
    struct world w;
    open_world(&w, &config);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (int power = 0; power <= 2; power++)
            compare(&w, &(struct question){5, 9, t[i], 1, FIT_METHOD_NONE, 2.5, power});
    compare(&w, &(struct question){5, 9, 0.5, FIT_CLASS_NONE, FIT_METHOD_NONE, 1, 0});
    close_world(&w);
}

static void largest(void **state)
{
    (void)state;
    struct fit_config config = config_of(16, 1, 2, 8);
    struct world w;
    open_world(&w, &config);
    compare(&w, &(struct question){64, 64, 0.6, 2, FIT_METHOD_VISION_NTK_PRO2, 1, 0});
    compare(&w, &(struct question){64, 1, 0.6, 2, FIT_METHOD_VISION_YARN, 1.5, 0});
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method),
        cmocka_unit_test(guided),
        cmocka_unit_test(largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
