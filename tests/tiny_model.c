/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiny_model FOLDER [v1 | CLASSES]: a complete model bundle of a few hundred kilobytes whose
 * weights follow a rule. Its pictures mean nothing, but everything that a real model can do can be
 * done with it, fast. With v1 it is one of the first version; with the path of a classes.txt it has
 * these classes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle.h"
#include "fit_weights.h"
#include "safetensors.h"
#include "sha256.h"

static const char *const class_names[][2] = {
    {"Ocean sunset", "sea, sun, sailboat"},
    {"Desert dunes", "sand"},
    {"Pine forest", "wood, trees"},
    {"City at night", "town, lights"},
};
enum { N_CLASSES = sizeof class_names / sizeof *class_names };

/* The convolutions of the autoencoder: out, in, kernel. */
static const struct convolution {
    const char *name;
    int out, in, kernel;
} convolutions[] = {
    {"encoder.conv_in", 32, 12, 3},      {"encoder.down1", 64, 32, 3},
    {"encoder.res1.conv1", 64, 64, 3},   {"encoder.res1.conv2", 64, 64, 3},
    {"encoder.down2", 96, 64, 3},        {"encoder.res2.conv1", 96, 96, 3},
    {"encoder.res2.conv2", 96, 96, 3},   {"encoder.conv_out", 8, 96, 3},
    {"decoder.conv_in", 128, 8, 3},      {"decoder.res1.conv1", 128, 128, 3},
    {"decoder.res1.conv2", 128, 128, 3}, {"decoder.res2.conv1", 128, 128, 3},
    {"decoder.res2.conv2", 128, 128, 3}, {"decoder.up1", 256, 128, 1},
    {"decoder.res3.conv1", 64, 64, 3},   {"decoder.res3.conv2", 64, 64, 3},
    {"decoder.res4.conv1", 64, 64, 3},   {"decoder.res4.conv2", 64, 64, 3},
    {"decoder.up2", 128, 64, 1},         {"decoder.res5.conv1", 32, 32, 3},
    {"decoder.res5.conv2", 32, 32, 3},   {"decoder.conv_out", 12, 32, 3},
};
enum { N_CONVOLUTIONS = sizeof convolutions / sizeof *convolutions };

static void stop(const char *message)
{
    fprintf(stderr, "tiny_model: %s\n", message);
    exit(1);
}

/* In [-scale, scale); the same for the same (tensor, i) everywhere. */
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

static float *make_values(uint32_t tensor, uint64_t n, float scale)
{
    float *values = malloc(n * sizeof *values);
    if (!values)
        stop("no memory");
    for (uint64_t i = 0; i < n; i++)
        values[i] = hashed(tensor, (uint32_t)i, scale);
    return values;
}

static struct fit_tensor make_tensor(const char *name, int n_dims, const uint64_t *dims,
                                     uint32_t index, float scale)
{
    struct fit_tensor tensor = {.name = strdup(name), .type = FIT_TENSOR_F32, .n_dims = n_dims,
                                .n_values = 1};
    for (int i = 0; i < n_dims; i++) {
        tensor.dims[i] = dims[i];
        tensor.n_values *= dims[i];
    }
    tensor.bytes = tensor.n_values * sizeof(float);
    tensor.data = make_values(index, tensor.n_values, scale);
    return tensor;
}

static void write_tensors(const char *folder, const char *file, struct fit_tensor *tensors,
                          size_t n, struct fit_error *error)
{
    char path[1280];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!fit_safetensors_write(path, tensors, n, NULL, error))
        stop(error->message);
    for (size_t i = 0; i < n; i++) {
        free((void *)tensors[i].name);
        free((void *)tensors[i].data);
    }
    free(tensors);
}

static void write_transformer(const struct fit_bundle *bundle, struct fit_error *error)
{
    size_t n = fit_weights_count(&bundle->config);
    struct fit_tensor *tensors = calloc(n, sizeof *tensors);
    struct fit_tensor_spec spec;
    for (size_t i = 0; tensors && fit_weights_spec(&bundle->config, i, &spec); i++)
        tensors[i] = make_tensor(spec.name, spec.n_dims, spec.dims, (uint32_t)i,
                                 spec.n_dims > 1 ? 0.1f : 0.05f);
    write_tensors(bundle->path, bundle->transformer, tensors, n, error);
}

static void write_autoencoder(const struct fit_bundle *bundle, struct fit_error *error)
{
    struct fit_tensor *tensors = calloc(2 * N_CONVOLUTIONS, sizeof *tensors);
    for (uint32_t i = 0; tensors && i < N_CONVOLUTIONS; i++) {
        const struct convolution *c = &convolutions[i];
        uint64_t side = (uint64_t)c->kernel;
        uint64_t dims[4] = {(uint64_t)c->out, (uint64_t)c->in, side, side};
        char name[80];
        snprintf(name, sizeof name, "%s.weight", c->name);
        /* Uniform with this range keeps the variance of what passes through. */
        float scale = sqrtf(3.0f / (float)(c->in * c->kernel * c->kernel));
        tensors[2 * i] = make_tensor(name, 4, dims, 1000 + i, scale);
        snprintf(name, sizeof name, "%s.bias", c->name);
        tensors[2 * i + 1] = make_tensor(name, 1, dims, 2000 + i, 0.1f);
    }
    write_tensors(bundle->path, bundle->autoencoder, tensors, 2 * N_CONVOLUTIONS, error);
}

static void write_classes(const struct fit_bundle *bundle, const char *source)
{
    char path[1280], piece[4096];
    snprintf(path, sizeof path, "%s/%s", bundle->path, bundle->classes);
    FILE *file = fopen(path, "w"), *from = source ? fopen(source, "r") : NULL;
    if (!file || (source && !from))
        stop("classes.txt cannot be written");
    for (int i = 0; !from && i < N_CLASSES; i++)
        fprintf(file, "%d\t%s\t%s\n", i, class_names[i][0], class_names[i][1]);
    for (size_t n; from && (n = fread(piece, 1, sizeof piece, from)) > 0;)
        fwrite(piece, 1, n, file);
    if (from)
        fclose(from);
    if (fclose(file))
        stop("classes.txt cannot be written");
}

/* One a line. */
static int count_classes(const char *source)
{
    FILE *file = fopen(source, "r");
    int n = 0;
    if (!file)
        stop("the classes cannot be read");
    for (int c; (c = getc(file)) != EOF;)
        n += c == '\n';
    fclose(file);
    return n;
}

static void describe(struct fit_bundle *bundle, const char *folder)
{
    *bundle = (struct fit_bundle){
        .name = "Tiny",
        .description = "Weights that follow a rule; for tests.",
        .licence = "Apache-2.0",
        .transformer = "transformer.safetensors",
        .autoencoder = "autoencoder.safetensors",
        .classes = "classes.txt",
        .autoencoder_type = "limn-f8c8",
        .downsampling = 8,
        .scaling_factor = 1,
        .default_width = 64,
        .default_height = 64,
        .default_steps = 4,
        .default_guidance = 2,
        .default_solver = FIT_SOLVER_EULER,
    };
    snprintf(bundle->path, sizeof bundle->path, "%s", folder);
    fit_config_defaults(&bundle->config);
    bundle->config.hidden = 64;
    bundle->config.depth = bundle->config.heads = 2;
    bundle->config.mlp_hidden = 170;
    bundle->config.lora_rank = 16;
    bundle->config.n_classes = N_CLASSES;
    bundle->config.channels = 8;
    bundle->config.context_size = 64;
    bundle->config.ori_max_pe_len = 8;
    for (int c = 0; c < 8; c++)
        for (int k = 0; k < 3; k++)
            bundle->preview_matrix[c][k] = hashed(3000, (uint32_t)(3 * c + k), 0.3f);
}

/* A FiTv2 network whose blocks share no modulation. */
static void describe_whole(struct fit_bundle *bundle)
{
    bundle->config.lora_rank = 0;
}

static void describe_v1(struct fit_bundle *bundle)
{
    bundle->config.architecture = FIT_ARCHITECTURE_V1;
    bundle->config.qk_norm = false;
    bundle->config.mlp_hidden = 256;
    bundle->config.lora_rank = 0;
    bundle->default_solver = FIT_SOLVER_DDPM;
}

int main(int argc, char **argv)
{
    struct fit_bundle bundle;
    struct fit_error error = {0};
    char path[1280];
    bool v1 = argc == 3 && !strcmp(argv[2], "v1");
    bool whole = argc == 3 && !strcmp(argv[2], "whole");
    const char *classes = argc == 3 && !v1 && !whole ? argv[2] : NULL;
    if (argc != 2 && argc != 3)
        stop("usage: tiny_model FOLDER [v1 | whole | CLASSES]");
    mkdir(argv[1], 0777);
    describe(&bundle, argv[1]);
    if (v1)
        describe_v1(&bundle);
    if (whole)
        describe_whole(&bundle);
    if (classes)
        bundle.config.n_classes = count_classes(classes);
    write_transformer(&bundle, &error);
    write_autoencoder(&bundle, &error);
    write_classes(&bundle, classes);
    if (!fit_bundle_file(&bundle, bundle.transformer, path, sizeof path, &error) ||
        !fit_file_sha256(path, bundle.transformer_sha256, &error) ||
        !fit_bundle_write(&bundle, &error))
        stop(error.message);
    return 0;
}
