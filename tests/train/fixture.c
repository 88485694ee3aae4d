/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

const struct convolution convolutions[] = {
    {"encoder.conv_in", 32, 12, 3},     {"encoder.down1", 64, 32, 3},
    {"encoder.res1.conv1", 64, 64, 3},  {"encoder.res1.conv2", 64, 64, 3},
    {"encoder.down2", 96, 64, 3},       {"encoder.res2.conv1", 96, 96, 3},
    {"encoder.res2.conv2", 96, 96, 3},  {"encoder.conv_out", 8, 96, 3},
    {"decoder.conv_in", 128, 8, 3},     {"decoder.res1.conv1", 128, 128, 3},
    {"decoder.res1.conv2", 128, 128, 3}, {"decoder.res2.conv1", 128, 128, 3},
    {"decoder.res2.conv2", 128, 128, 3}, {"decoder.up1", 256, 128, 1},
    {"decoder.res3.conv1", 64, 64, 3},  {"decoder.res3.conv2", 64, 64, 3},
    {"decoder.res4.conv1", 64, 64, 3},  {"decoder.res4.conv2", 64, 64, 3},
    {"decoder.up2", 128, 64, 1},        {"decoder.res5.conv1", 32, 32, 3},
    {"decoder.res5.conv2", 32, 32, 3},  {"decoder.conv_out", 12, 32, 3},
};
const int n_convolutions = sizeof convolutions / sizeof convolutions[0];

void fill(float *x, size_t n, uint32_t k, float s)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t h = (uint32_t)i * 0x9E3779B1u + (k + 1) * 0x85EBCA77u;
        h ^= h >> 15;
        h *= 0x2C1B3C6Du;
        h ^= h >> 12;
        h *= 0x297A2D39u;
        h ^= h >> 15;
        x[i] = ((float)(h >> 8) * 0x1p-23f - 1.0f) * s;
    }
}

static size_t weights_of(const struct convolution *c)
{
    return (size_t)(c->out * c->in * c->kernel * c->kernel);
}

float *convolution_values(int i, int part)
{
    const struct convolution *c = &convolutions[i];
    size_t n = part ? (size_t)c->out : weights_of(c);
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    fill(x, n, (uint32_t)(2 * i + part),
         part ? 0.1f : sqrtf(3.0f / (float)(c->in * c->kernel * c->kernel)));
    return x;
}

static void write_autoencoder(const char *path)
{
    struct fit_tensor tensors[2 * 32];
    static char names[2 * 32][64];
    struct fit_error e = {0};
    for (int i = 0; i < n_convolutions; i++) {
        const struct convolution *c = &convolutions[i];
        uint64_t side = (uint64_t)c->kernel, n = weights_of(c);
        snprintf(names[2 * i], sizeof names[0], "%s.weight", c->name);
        snprintf(names[2 * i + 1], sizeof names[0], "%s.bias", c->name);
        tensors[2 * i] = (struct fit_tensor){
            .name = names[2 * i], .type = FIT_TENSOR_F32, .n_dims = 4,
            .dims = {(uint64_t)c->out, (uint64_t)c->in, side, side}, .n_values = n,
            .data = convolution_values(i, 0), .bytes = n * 4};
        tensors[2 * i + 1] = (struct fit_tensor){
            .name = names[2 * i + 1], .type = FIT_TENSOR_F32, .n_dims = 1,
            .dims = {(uint64_t)c->out}, .n_values = (uint64_t)c->out,
            .data = convolution_values(i, 1), .bytes = (uint64_t)c->out * 4};
    }
    bool ok = fit_safetensors_write(path, tensors, 2 * (size_t)n_convolutions, NULL, &e);
    for (int i = 0; i < 2 * n_convolutions; i++)
        free((void *)tensors[i].data);
    require_ok(ok, e);
}

void fixture_init(struct fixture *f, const char *extra)
{
    snprintf(f->folder, sizeof f->folder, "/tmp/limn-train-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->config, sizeof f->config, "%s/tiny.yaml", f->folder);
    snprintf(f->autoencoder, sizeof f->autoencoder, "%s/autoencoder.safetensors", f->folder);
    write_autoencoder(f->autoencoder);
    FILE *file = fopen(f->config, "w");
    assert_non_null(file);
    fprintf(file,
            "name: tiny\nseed: 7\nautoencoder: autoencoder.safetensors\n"
            "model: {hidden: 64, depth: 2, heads: 2, mlp_hidden: 170, lora_rank: 16}\n"
            "data: {pictures: 24, first: 16, chunk: 8, grow_every: 2, shapes: {32: 1},\n"
            "       aspect: 2, validation: 4}\n"
            "batch: {tokens: 24}\n"
            "%s",
            extra);
    assert_int_equal(fclose(file), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

void fixture_finish(struct fixture *f)
{
    nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void bench_init(struct bench *b)
{
    char message[256] = "";
    struct fk_open_params params = {"cpu", 2};
    memset(b, 0, sizeof *b);
    b->device = fk_device_open(&params, message, sizeof message);
    if (!b->device)
        fail_msg("%s", message);
    struct fk_queue *queue = b->device->queue_new(b->device);
    assert_non_null(queue);
    fit_compute_init(&b->compute, b->device, queue, &b->error);
}

void bench_finish(struct bench *b)
{
    b->device->queue_free(b->compute.queue);
    fk_device_close(&b->device);
}
