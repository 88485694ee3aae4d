/* SPDX-License-Identifier: Apache-2.0 */
#include "noise.h"

#include <stdlib.h>

enum { INDEX_BITS = 21 };

static size_t count(const struct fit_noise *noise)
{
    return (size_t)(noise->rows * noise->columns) * (size_t)fit_config_features(noise->config);
}

bool fit_noise_begin(struct fit_noise *noise, struct fit_error *e)
{
    noise->drawn = noise->tokens = NULL;
    if (noise->source != FIT_NOISE_TORCH)
        return true;
    fit_torch_random_init(&noise->torch, noise->seed);
    noise->drawn = malloc(count(noise) * sizeof(float));
    noise->tokens = malloc(count(noise) * sizeof(float));
    return (noise->drawn && noise->tokens) ||
           fit_fail(e, FIT_ERROR_MEMORY, "no memory for the noise");
}

void fit_noise_finish(struct fit_noise *noise)
{
    free(noise->drawn);
    free(noise->tokens);
    noise->drawn = noise->tokens = NULL;
}

static bool from_philox(const struct fit_noise *noise, struct fit_compute *c, float *tokens,
                        uint32_t stream)
{
    const struct fit_config *k = noise->config;
    int height = noise->rows * k->patch, width = noise->columns * k->patch;
    return fit_run(c, randn, noise->latent, noise->seed, stream, k->channels, 0, 0, height,
                   width) &&
           fit_run(c, patchify, tokens, noise->latent, 1, k->channels, height, width, k->patch);
}

/* The first version keeps a state features first. */
static void transpose(const struct fit_noise *noise)
{
    size_t n = count(noise), features = (size_t)fit_config_features(noise->config);
    for (size_t i = 0; i < n; i++)
        noise->tokens[i] = noise->drawn[i % features * (n / features) + i / features];
}

/* Image `index` of `batch`; the others' numbers pass by. */
static bool from_torch(struct fit_noise *noise, struct fit_compute *c, float *tokens, int batch)
{
    size_t n = count(noise);
    bool v1 = noise->config->architecture == FIT_ARCHITECTURE_V1;
    for (int i = 0; i < batch; i++) {
        float *place = i == noise->index && !v1 ? noise->tokens : noise->drawn;
        if (!fit_torch_random_normal(&noise->torch, place, n))
            return fit_fail(c->error, FIT_ERROR_ARGUMENT, "%zu values are too few for torch", n);
        if (i == noise->index && v1)
            transpose(noise);
    }
    return fit_compute_check(c, c->device->upload(c->queue, tokens, noise->tokens,
                                                  n * sizeof *tokens)) &&
           fit_compute_check(c, c->device->queue_sync(c->queue));
}

bool fit_noise_start(struct fit_noise *noise, struct fit_compute *c, float *tokens)
{
    return noise->source == FIT_NOISE_TORCH ? from_torch(noise, c, tokens, noise->index + 1)
                                            : from_philox(noise, c, tokens,
                                                          (uint32_t)noise->index);
}

bool fit_noise_draw(void *user, struct fit_compute *c, float *tokens, int draw)
{
    struct fit_noise *noise = user;
    if (noise->source == FIT_NOISE_TORCH)
        return from_torch(noise, c, tokens, (noise->index + 1) * (noise->guided ? 2 : 1));
    uint32_t stream = ((uint32_t)draw + 1) << INDEX_BITS | (uint32_t)noise->index;
    return from_philox(noise, c, tokens, stream);
}
