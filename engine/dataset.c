/* SPDX-License-Identifier: Apache-2.0 */
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fit/fit-scenes.h"
#include "picture_prepare.h"
#include "sha256.h"
#include "train_random.h"

enum { QUANTUM = PICTURE_QUANTUM, CACHE_VERSION = 1, VALIDATION_CHUNK = 99999 };

struct dataset {
    /* owned */
    struct latent_chunk *chunks;
    struct latent_chunk validation;
    int n_chunks;
    char folder[TRAIN_PATH_BYTES], identity[512];
    /* borrowed */
    const struct train_config *config;
    struct fit_autoencoder *autoencoder;
};

void dataset_shape_draw(const struct train_config *config, uint64_t index, int *width,
                        int *height)
{
    struct fk_philox_counter r = train_random(config->seed, TRAIN_RANDOM_SHAPE, index, 0);
    double total = 0, pick, ratio = 1;
    for (int i = 0; i < config->n_shapes; i++)
        total += config->shape[i].share;
    pick = train_uniform(r.word[0]) * total;
    int part = 0;
    while (part + 1 < config->n_shapes && pick >= config->shape[part].share)
        pick -= config->shape[part++].share;
    if (train_uniform(r.word[1]) >= config->squares)
        ratio = pow(config->aspect, 2 * train_uniform(r.word[2]) - 1);
    int side = config->shape[part].side;
    picture_resize_shape(side * sqrt(ratio) * 2, side / sqrt(ratio) * 2, side, width, height);
}

/* A small picture of every class: a changed renderer makes other latents. */
static bool hash_scenes(char hash[65], struct fit_error *e)
{
    enum { SIDE = 32 };
    uint8_t rgb[FIT_SCENE_CLASSES][SIDE * SIDE * 3];
    for (int i = 0; i < FIT_SCENE_CLASSES; i++)
        if (!fit_scene_render(i, 0, SIDE, SIDE, rgb[i]))
            return fit_fail(e, FIT_ERROR_MEMORY, "a scene could not be rendered");
    fit_sha256(rgb, sizeof rgb, hash);
    return true;
}

/* Latents depend on the encoder alone: a better decoder keeps them. */
static bool hash_encoder(char hash[65], const char *path, struct fit_error *e)
{
    char parts[64][65];
    size_t n = 0;
    struct fit_safetensors file;
    if (!fit_safetensors_open(&file, path, e))
        return false;
    for (size_t i = 0; i < file.n_tensors && n < 64; i++)
        if (!strncmp(file.tensors[i].name, "encoder.", 8))
            fit_sha256(file.tensors[i].data, (size_t)file.tensors[i].bytes, parts[n++]);
    fit_sha256(parts, n * sizeof parts[0], hash);
    fit_safetensors_close(&file);
    return true;
}

static bool identify(struct dataset *data, struct fit_error *e)
{
    const struct train_config *c = data->config;
    char encoder[65], scenes[65];
    if (!hash_encoder(encoder, c->autoencoder, e) || !hash_scenes(scenes, e))
        return false;
    int n = snprintf(data->identity, sizeof data->identity,
                     "cache %d; scenes %.16s; encoder %.16s; seed %llu; classes %d; patch %d; "
                     "aspect %g; squares %g; shapes",
                     CACHE_VERSION, scenes, encoder, (unsigned long long)c->seed,
                     c->model.n_classes, c->model.patch, c->aspect, c->squares);
    for (int i = 0; i < c->n_shapes; i++)
        n += snprintf(data->identity + n, sizeof data->identity - (size_t)n, " %d:%g",
                      c->shape[i].side, c->shape[i].share);
    return true;
}

bool dataset_open(struct dataset **out, const struct train_config *config,
                  struct fit_autoencoder *autoencoder, const char *folder, struct fit_error *e)
{
    *out = NULL;
    if (config->model.n_classes != FIT_SCENE_CLASSES ||
        config->model.channels != FIT_AUTOENCODER_CHANNELS ||
        config->model.patch * FIT_AUTOENCODER_STRIDE != QUANTUM)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "scenes have %d classes and tokens of %d channels and 2x2 latent pixels, "
                        "the model has %d, %d and %d", FIT_SCENE_CLASSES,
                        FIT_AUTOENCODER_CHANNELS, config->model.n_classes,
                        config->model.channels, config->model.patch);
    struct dataset *data = calloc(1, sizeof *data);
    int chunks = (config->pictures + config->chunk - 1) / config->chunk;
    if (!data || !(data->chunks = calloc((size_t)chunks, sizeof *data->chunks))) {
        free(data);
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d chunks", chunks);
    }
    data->config = config;
    data->autoencoder = autoencoder;
    snprintf(data->folder, sizeof data->folder, "%s", folder);
    if (mkdir(folder, 0777) && errno != EEXIST) {
        fit_fail(e, FIT_ERROR_FILE, "%s: %s", folder, strerror(errno));
        dataset_close(&data);
        return false;
    }
    if (!identify(data, e)) {
        dataset_close(&data);
        return false;
    }
    *out = data;
    return true;
}

void dataset_close(struct dataset **out)
{
    struct dataset *data = *out;
    if (!data)
        return;
    for (int i = 0; i < data->n_chunks; i++)
        latent_chunk_close(&data->chunks[i]);
    latent_chunk_close(&data->validation);
    free(data->chunks);
    free(data);
    *out = NULL;
}

/* ---- making a chunk ---------------------------------------------------------------------- */

struct rendering {
    int n, features;
    int32_t (*list)[3];
    uint8_t **rgb;         /* [n], rendered pictures */
    uint16_t *tokens;
    size_t n_tokens;
    /* of the largest picture: host and device staging */
    float *picture, *device_picture, *device_latent, *device_tokens, *host_tokens;
    struct fk_device *device;
};

static void rendering_finish(struct rendering *r)
{
    if (r->rgb)
        for (int i = 0; i < r->n; i++)
            free(r->rgb[i]);
    free(r->rgb);
    free(r->list);
    free(r->tokens);
    free(r->picture);
    free(r->host_tokens);
    if (r->device) {
        r->device->free(r->device, r->device_picture);
        r->device->free(r->device, r->device_latent);
        r->device->free(r->device, r->device_tokens);
    }
}

static bool rendering_init(struct rendering *r, const struct train_config *config,
                           struct fit_compute *c, uint64_t first, int n)
{
    size_t largest = 0;
    *r = (struct rendering){.n = n, .device = c->device};
    r->features = fit_config_features(&config->model);
    r->list = calloc((size_t)n, sizeof *r->list);
    r->rgb = calloc((size_t)n, sizeof *r->rgb);
    if (!r->list || !r->rgb)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d pictures", n);
    for (int i = 0; i < n; i++) {
        int width, height;
        dataset_shape_draw(config, first + (uint64_t)i, &width, &height);
        r->list[i][0] = (int32_t)((first + (uint64_t)i) % (uint64_t)config->model.n_classes);
        r->list[i][1] = height / QUANTUM;
        r->list[i][2] = width / QUANTUM;
        size_t tokens = (size_t)r->list[i][1] * (size_t)r->list[i][2];
        r->n_tokens += tokens;
        largest = tokens > largest ? tokens : largest;
        r->rgb[i] = malloc(tokens * QUANTUM * QUANTUM * 3);
        if (!r->rgb[i])
            return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d pictures", n);
    }
    size_t pixels = largest * QUANTUM * QUANTUM * 3 * sizeof(float);
    size_t values = largest * (size_t)r->features * sizeof(float);
    r->tokens = malloc(r->n_tokens * (size_t)r->features * sizeof(uint16_t));
    r->picture = malloc(pixels);
    r->host_tokens = malloc(values);
    r->device_picture = c->device->alloc(c->device, pixels);
    r->device_latent = c->device->alloc(c->device, values);
    r->device_tokens = c->device->alloc(c->device, values);
    if (!r->tokens || !r->picture || !r->host_tokens || !r->device_picture ||
        !r->device_latent || !r->device_tokens)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d pictures", n);
    return true;
}

/* A scene's seed: its number within the class, in a range of the run's own. */
static uint64_t scene_seed(const struct train_config *config, uint64_t index)
{
    return config->seed << 40 ^ index / (uint64_t)config->model.n_classes;
}

static bool render(struct rendering *r, const struct train_config *config, uint64_t first,
                   int n_threads, struct fit_error *e)
{
    bool ok = true;
#pragma omp parallel for schedule(dynamic) reduction(&& : ok) num_threads(n_threads)
    for (int i = 0; i < r->n; i++)
        ok = ok && fit_scene_render(r->list[i][0], scene_seed(config, first + (uint64_t)i),
                                    r->list[i][2] * QUANTUM, r->list[i][1] * QUANTUM, r->rgb[i]);
    return ok || fit_fail(e, FIT_ERROR_MEMORY, "a scene could not be rendered");
}

static bool encode(struct rendering *r, const struct train_config *config,
                   struct fit_autoencoder *autoencoder, struct fit_compute *c, int i, uint16_t *to)
{
    int rows = r->list[i][1], columns = r->list[i][2];
    int height = rows * QUANTUM, width = columns * QUANTUM, patch = config->model.patch;
    size_t values = (size_t)height * (size_t)width * 3;
    size_t n = (size_t)rows * (size_t)columns * (size_t)r->features;
    for (size_t k = 0; k < values; k++)
        r->picture[k] = (float)r->rgb[i][k] / 127.5f - 1.0f;
    struct fk_device *d = c->device;
    if (!fit_compute_check(c, d->upload(c->queue, r->device_picture, r->picture,
                                        values * sizeof(float))) ||
        !fit_autoencoder_encode(autoencoder, c, r->device_latent, r->device_picture, 1, height,
                                width) ||
        !fit_run(c, patchify, r->device_tokens, r->device_latent, 1, config->model.channels,
                 rows * patch, columns * patch, patch) ||
        !fit_compute_check(c, d->download(c->queue, r->host_tokens, r->device_tokens,
                                          n * sizeof(float))) ||
        !fit_compute_check(c, d->queue_sync(c->queue)))
        return false;
    for (size_t k = 0; k < n; k++)
        to[k] = fk_f32_to_bf16(r->host_tokens[k]);
    return true;
}

static int threads(const struct fit_compute *c)
{
    return c->device->caps.n_threads > 0 ? c->device->caps.n_threads : 1;
}

static bool make_chunk(struct dataset *data, struct fit_compute *c, uint64_t first, int n,
                       int number)
{
    struct rendering r;
    bool ok = rendering_init(&r, data->config, c, first, n) &&
              render(&r, data->config, first, threads(c), c->error);
    uint16_t *to = r.tokens;
    for (int i = 0; ok && i < n; i++) {
        ok = encode(&r, data->config, data->autoencoder, c, i, to);
        to += (size_t)r.list[i][1] * (size_t)r.list[i][2] * (size_t)r.features;
    }
    ok = ok && latent_chunk_write(data->folder, number, data->identity, &r.list[0][0], n,
                                  r.tokens, r.n_tokens, r.features, c->error);
    rendering_finish(&r);
    return ok;
}

/* Opens a chunk, making it first when the cache lacks it. */
static bool take_chunk(struct dataset *data, struct fit_compute *c, struct latent_chunk *chunk,
                       uint64_t first, int n, int number)
{
    const struct latent_rule rule = {.pictures = n,
                                     .features = fit_config_features(&data->config->model),
                                     .classes = data->config->model.n_classes,
                                     .tokens = data->config->tokens};
    if (latent_chunk_open(chunk, data->folder, number, data->identity, &rule))
        return true;
    if (!make_chunk(data, c, first, n, number))
        return false;
    return latent_chunk_open(chunk, data->folder, number, data->identity, &rule) ||
           fit_fail(c->error, FIT_ERROR_FILE, "%s: chunk %d cannot be read back", data->folder,
                    number);
}

static int chunk_size(const struct train_config *config, int number)
{
    int left = config->pictures - number * config->chunk;
    return left < config->chunk ? left : config->chunk;
}

bool dataset_grow(struct dataset *data, struct fit_compute *c, int pictures)
{
    const struct train_config *config = data->config;
    if (!data->validation.n && !take_chunk(data, c, &data->validation, DATASET_VALIDATION,
                                           config->validation, VALIDATION_CHUNK))
        return false;
    if (pictures > config->pictures)
        pictures = config->pictures;
    while (dataset_count(data) < pictures) {
        int number = data->n_chunks;
        if (!take_chunk(data, c, &data->chunks[number],
                        (uint64_t)number * (uint64_t)config->chunk, chunk_size(config, number),
                        number))
            return false;
        data->n_chunks++;
    }
    return true;
}

int dataset_count(const struct dataset *data)
{
    int n = data->n_chunks * data->config->chunk;
    return n < data->config->pictures ? n : data->config->pictures;
}

const struct latent_picture *dataset_picture(const struct dataset *data, int i)
{
    return &data->chunks[i / data->config->chunk].pictures[i % data->config->chunk];
}

int dataset_validation_count(const struct dataset *data)
{
    return data->validation.n;
}

const struct latent_picture *dataset_validation_picture(const struct dataset *data, int i)
{
    return &data->validation.pictures[i];
}

void dataset_shuffle(int32_t *order, int n, uint64_t seed, uint64_t epoch)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) { /* Fisher and Yates */
        struct fk_philox_counter r = train_random(seed, TRAIN_RANDOM_ORDER, epoch, (uint32_t)i);
        int j = (int)(((uint64_t)r.word[0] * (uint64_t)(i + 1)) >> 32);
        int32_t keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
}
