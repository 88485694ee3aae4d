/* SPDX-License-Identifier: Apache-2.0 */
#include "latent_encoder.h"

#include <stdlib.h>
#include <string.h>

#include "fk_dtype.h"
#include "sha256.h"

enum { TOKEN = 16 }; /* pixels */

void latent_encoder_init(struct latent_encoder *enc, struct fit_autoencoder *autoencoder,
                         const struct fit_config *config, struct fk_device *device)
{
    *enc = (struct latent_encoder){
        .autoencoder = autoencoder, .config = config, .device = device};
}

void latent_encoder_finish(struct latent_encoder *enc)
{
    struct fk_device *d = enc->device;
    free(enc->picture);
    free(enc->host_tokens);
    if (d) {
        d->free(d, enc->device_picture);
        d->free(d, enc->device_latent);
        d->free(d, enc->device_tokens);
    }
    latent_encoder_init(enc, enc->autoencoder, enc->config, d);
}

static bool reserve(struct latent_encoder *enc, struct fit_compute *c, size_t tokens)
{
    struct fk_device *d = enc->device;
    size_t pixels = tokens * TOKEN * TOKEN * 3 * sizeof(float);
    size_t values = tokens * (size_t)fit_config_features(enc->config) * sizeof(float);
    if (tokens <= enc->room)
        return true;
    latent_encoder_finish(enc);
    enc->picture = malloc(pixels);
    enc->host_tokens = malloc(values);
    enc->device_picture = d->alloc(d, pixels);
    enc->device_latent = d->alloc(d, values);
    enc->device_tokens = d->alloc(d, values);
    if (!enc->picture || !enc->host_tokens || !enc->device_picture || !enc->device_latent ||
        !enc->device_tokens)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory to encode a picture of %zu tokens",
                        tokens);
    enc->room = tokens;
    return true;
}

bool latent_encoder_run(struct latent_encoder *enc, struct fit_compute *c, uint16_t *to,
                        const uint8_t *rgb, int rows, int columns)
{
    struct fk_device *d = enc->device;
    const struct fit_config *k = enc->config;
    size_t tokens = (size_t)rows * (size_t)columns, pixels = tokens * TOKEN * TOKEN * 3;
    size_t values = tokens * (size_t)fit_config_features(k);
    float scale = (float)enc->autoencoder->type->scaling_factor;
    if (!reserve(enc, c, tokens))
        return false;
    for (size_t i = 0; i < pixels; i++)
        enc->picture[i] = (float)rgb[i] / 127.5f - 1.0f;
    if (!fit_compute_check(c, d->upload(c->queue, enc->device_picture, enc->picture,
                                        pixels * sizeof(float))) ||
        !fit_autoencoder_encode(enc->autoencoder, c, enc->device_latent, enc->device_picture, 1,
                                rows * TOKEN, columns * TOKEN) ||
        !fit_run(c, patchify, enc->device_tokens, enc->device_latent, 1, k->channels,
                 rows * k->patch, columns * k->patch, k->patch) ||
        !fit_compute_check(c, d->download(c->queue, enc->host_tokens, enc->device_tokens,
                                          values * sizeof(float))) ||
        !fit_compute_check(c, d->queue_sync(c->queue)))
        return false;
    for (size_t i = 0; i < values; i++)
        to[i] = fk_f32_to_bf16(scale * enc->host_tokens[i]);
    return true;
}

static bool decodes(const char *name)
{
    return !strncmp(name, "decoder.", 8) || !strncmp(name, "post_quant_conv.", 16);
}

bool latent_encoder_hash(char hash[65], const char *path, struct fit_error *e)
{
    struct fit_safetensors file;
    size_t n = 0;
    if (!fit_safetensors_open(&file, path, e))
        return false;
    char(*parts)[65] = malloc(file.n_tensors * sizeof *parts + 1);
    for (size_t i = 0; parts && i < file.n_tensors; i++)
        if (!decodes(file.tensors[i].name))
            fit_sha256(file.tensors[i].data, (size_t)file.tensors[i].bytes, parts[n++]);
    if (parts)
        fit_sha256(parts, n * sizeof *parts, hash);
    bool ok = parts || fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory to hash it", path);
    free(parts);
    fit_safetensors_close(&file);
    return ok;
}
