/* SPDX-License-Identifier: Apache-2.0 */
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fk_dtype.h"
#include "rope.h"

float tiny_fill(uint32_t k, uint32_t i, float scale)
{
    uint32_t h = i * 0x9E3779B1u + (k + 1) * 0x85EBCA77u;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 12;
    h *= 0x297A2D39u;
    h ^= h >> 15;
    return (float)(((double)(h >> 8) / 8388608 - 1) * scale);
}

void tiny_require(const struct tiny *tiny, bool ok)
{
    if (!ok)
        fail_msg("%s", tiny->error.message);
}

void *tiny_alloc(struct tiny *tiny, size_t bytes)
{
    void *p = tiny->compute.device->alloc(tiny->compute.device, bytes);
    assert_non_null(p);
    return p;
}

void tiny_free(struct tiny *tiny, void *p)
{
    tiny->compute.device->free(tiny->compute.device, p);
}

static void fill_weights(struct tiny *tiny)
{
    size_t total = fit_weights_total(&tiny->config);
    tiny->flat = tiny_alloc(tiny, total * sizeof(float));
    memset(tiny->flat, 0, total * sizeof(float));
    struct fit_tensor_spec spec;
    for (size_t k = 0; fit_weights_spec(&tiny->config, k, &spec); k++)
        for (size_t i = 0; i < spec.n_values; i++)
            tiny->flat[spec.offset + i] =
                tiny_fill((uint32_t)k, (uint32_t)i, spec.n_dims > 1 ? 0.25f : 0.125f);
}

static void open_device(struct tiny *tiny, const char *device)
{
    memset(tiny, 0, sizeof *tiny);
    char message[256];
    const struct fk_open_params params = {.backend = device, .n_threads = 2};
    struct fk_device *d = fk_device_open(&params, message, sizeof message);
    if (!d)
        fail_msg("%s", message);
    fit_compute_init(&tiny->compute, d, d->queue_new(d), &tiny->error);
    assert_non_null(tiny->compute.queue);
    fit_config_defaults(&tiny->config);
    tiny->config.hidden = 64;
    tiny->config.depth = tiny->config.heads = 2;
}

static void open_without_rank(struct tiny *tiny, const char *device,
                              enum fit_architecture architecture)
{
    open_device(tiny, device);
    tiny->config.architecture = architecture;
    tiny->config.qk_norm = architecture == FIT_ARCHITECTURE_V2;
    tiny->config.mlp_hidden = 256;
    fill_weights(tiny);
    tiny_require(tiny, fit_network_bind_flat(&tiny->network, &tiny->config, tiny->flat, NULL,
                                             &tiny->error));
}

void tiny_open_v1(struct tiny *tiny, const char *device)
{
    open_without_rank(tiny, device, FIT_ARCHITECTURE_V1);
}

void tiny_open_whole(struct tiny *tiny, const char *device)
{
    open_without_rank(tiny, device, FIT_ARCHITECTURE_V2);
}

void tiny_open(struct tiny *tiny, const char *device, enum fk_dtype type)
{
    open_device(tiny, device);
    struct fit_config *k = &tiny->config;
    k->mlp_hidden = 170;
    k->lora_rank = 16;
    fill_weights(tiny);
    size_t total = fit_weights_total(k);
    if (type == FK_BF16) {
        tiny->working = tiny_alloc(tiny, total * sizeof *tiny->working);
        for (size_t i = 0; i < total; i++)
            tiny->working[i] = fk_f32_to_bf16(tiny->flat[i]);
    }
    tiny_require(tiny, fit_network_bind_flat(&tiny->network, k, tiny->flat, tiny->working,
                                             &tiny->error));
}

void tiny_close(struct tiny *tiny)
{
    struct fk_device *d = tiny->compute.device;
    fit_network_finish(&tiny->network);
    tiny_free(tiny, tiny->flat);
    tiny_free(tiny, tiny->working);
    d->queue_free(tiny->compute.queue);
    fk_device_close(&d);
}

void tiny_run_open(struct tiny_run *run)
{
    char message[256];
    memset(run, 0, sizeof *run);
    run->device = fk_device_open(&(struct fk_open_params){.backend = "reference"}, message,
                                 sizeof message);
    assert_non_null(run->device);
    fit_compute_init(&run->compute, run->device, run->device->queue_new(run->device), &run->error);
}

void tiny_run_close(struct tiny_run *run)
{
    run->device->queue_free(run->compute.queue);
    fk_device_close(&run->device);
}

void tiny_pack_build(struct tiny *tiny, struct tiny_pack *pack, const int *tokens, int n, int rows,
                     int columns, enum fit_method method)
{
    size_t half = (size_t)fit_config_head_width(&tiny->config) / 2;
    size_t grid = (size_t)(rows * columns) * half;
    float *cosine = malloc(grid * sizeof(float)), *sine = malloc(grid * sizeof(float));
    assert_true(fit_rope_table(cosine, sine, &tiny->config, method, rows, columns));

    pack->offset = tiny_alloc(tiny, (size_t)(n + 1) * sizeof *pack->offset);
    pack->offset[0] = 0;
    int longest = 0;
    for (int i = 0; i < n; i++) {
        assert_in_range(tokens[i], 1, rows * columns);
        pack->offset[i + 1] = pack->offset[i] + tokens[i];
        longest = tokens[i] > longest ? tokens[i] : longest;
    }
    pack->fk = (struct fk_pack){n, pack->offset[n], longest, pack->offset};
    size_t bytes = (size_t)pack->fk.n_tokens * half * sizeof(float);
    pack->cosine = tiny_alloc(tiny, bytes);
    pack->sine = tiny_alloc(tiny, bytes);
    for (int i = 0; i < n; i++) {
        size_t at = (size_t)pack->offset[i] * half, own = (size_t)tokens[i] * half;
        memcpy(pack->cosine + at, cosine, own * sizeof(float));
        memcpy(pack->sine + at, sine, own * sizeof(float));
    }
    free(cosine);
    free(sine);
}

void tiny_pack_finish(struct tiny *tiny, struct tiny_pack *pack)
{
    tiny_free(tiny, pack->offset);
    tiny_free(tiny, pack->cosine);
    tiny_free(tiny, pack->sine);
}

void tiny_close_to(const char *what, double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%s is %.9g, expected %.9g within %g", what, actual, expected, tolerance);
}

const char *tiny_device_name(int argc, char **argv)
{
    char message[256];
    const struct fk_open_params params = {.backend = "cuda"};
    const char *name = argc > 1 ? argv[1] : "reference";
    if (strcmp(name, "card") != 0)
        return name;
    struct fk_device *card = fk_device_open(&params, message, sizeof message);
    if (!card) {
        fprintf(stderr, "skipped: %s\n", message);
        exit(77);
    }
    fk_device_close(&card);
    return params.backend;
}
