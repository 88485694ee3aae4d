/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures drawn from a seed, at shapes that follow from the run's seed and their number. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset_private.h"
#include "fit/fit-scenes.h"
#include "latent_encoder.h"
#include "picture_prepare.h"
#include "sha256.h"
#include "train_random.h"

enum { QUANTUM = PICTURE_QUANTUM, CACHE_VERSION = 1, VALIDATION_CHUNK = 99999 };

struct scenes {
    struct latent_chunk *chunks; /* [n_chunks] */
    struct latent_chunk validation;
    int n_chunks;
    char identity[512]; /* of the chunks */
};

void dataset_shape_draw(const struct train_config *config, uint64_t index, int *width,
                        int *height)
{
    struct fk_philox_counter r = train_random(config->seed, TRAIN_RANDOM_SHAPE, index, 0);
    double ratio = 1;
    int side = dataset_draw_side(config, r.word[0]);
    if (train_uniform(r.word[1]) >= config->squares)
        ratio = pow(config->aspect, 2 * train_uniform(r.word[2]) - 1);
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

static bool identify(struct scenes *s, const struct train_config *c, struct fit_error *e)
{
    char encoder[65], scenes[65];
    if (!latent_encoder_hash(encoder, c->autoencoder, e) || !hash_scenes(scenes, e))
        return false;
    int n = snprintf(s->identity, sizeof s->identity,
                     "cache %d; scenes %.16s; encoder %.16s; seed %llu; classes %d; patch %d; "
                     "aspect %g; squares %g; shapes",
                     CACHE_VERSION, scenes, encoder, (unsigned long long)c->seed,
                     c->model.n_classes, c->model.patch, c->aspect, c->squares);
    for (int i = 0; i < c->n_shapes; i++)
        n += snprintf(s->identity + n, sizeof s->identity - (size_t)n, " %d:%g", c->shape[i].side,
                      c->shape[i].share);
    return true;
}

static bool open_scenes(struct dataset *data, struct train_config *config, struct fit_error *e)
{
    struct scenes *s = data->own = calloc(1, sizeof *s);
    int chunks = (config->pictures + config->chunk - 1) / config->chunk;
    if (!s || !(s->chunks = calloc((size_t)chunks, sizeof *s->chunks)))
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d chunks", chunks);
    return identify(s, config, e);
}

static void close_scenes(void *own)
{
    struct scenes *s = own;
    for (int i = 0; i < s->n_chunks; i++)
        latent_chunk_close(&s->chunks[i]);
    latent_chunk_close(&s->validation);
    free(s->chunks);
    free(s);
}

/* ---- making a chunk ---------------------------------------------------------------------- */

struct rendering {
    int n, features;
    int32_t (*list)[3]; /* class, rows, columns */
    uint8_t **rgb;      /* [n], rendered pictures */
    uint16_t *tokens;
    size_t n_tokens;
    struct latent_encoder encoder;
};

static void rendering_finish(struct rendering *r)
{
    if (r->rgb)
        for (int i = 0; i < r->n; i++)
            free(r->rgb[i]);
    free(r->rgb);
    free(r->list);
    free(r->tokens);
    latent_encoder_finish(&r->encoder);
}

static bool rendering_init(struct rendering *r, const struct dataset *data, struct fit_compute *c,
                           uint64_t first, int n)
{
    const struct train_config *config = data->config;
    *r = (struct rendering){.n = n, .features = fit_config_features(&config->model)};
    latent_encoder_init(&r->encoder, data->autoencoder, &config->model, c->device);
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
        r->rgb[i] = malloc(tokens * QUANTUM * QUANTUM * 3);
        if (!r->rgb[i])
            return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d pictures", n);
    }
    r->tokens = malloc(r->n_tokens * (size_t)r->features * sizeof(uint16_t));
    return r->tokens || fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d pictures", n);
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

static bool make_chunk(struct dataset *data, struct fit_compute *c, uint64_t first, int n,
                       int number)
{
    const struct scenes *s = data->own;
    struct rendering r;
    bool ok = rendering_init(&r, data, c, first, n) &&
              render(&r, data->config, first, fit_compute_threads(c), c->error);
    uint16_t *to = r.tokens;
    for (int i = 0; ok && i < n; i++) {
        ok = latent_encoder_run(&r.encoder, c, to, r.rgb[i], r.list[i][1], r.list[i][2]);
        to += (size_t)r.list[i][1] * (size_t)r.list[i][2] * (size_t)r.features;
    }
    if (ok && mkdir(data->folder, 0777) && errno != EEXIST)
        ok = fit_fail(c->error, FIT_ERROR_FILE, "%s: %s", data->folder, strerror(errno));
    ok = ok && latent_chunk_write(data->folder, number, s->identity, &r.list[0][0], n, r.tokens,
                                  r.n_tokens, r.features, c->error);
    rendering_finish(&r);
    return ok;
}

/* Opens a chunk, making it first when the cache lacks it. */
static bool take_chunk(struct dataset *data, struct fit_compute *c, struct latent_chunk *chunk,
                       uint64_t first, int n, int number)
{
    const struct scenes *s = data->own;
    const struct latent_rule rule = {.pictures = n,
                                     .features = fit_config_features(&data->config->model),
                                     .classes = data->config->model.n_classes,
                                     .tokens = data->config->tokens};
    if (latent_chunk_open(chunk, data->folder, number, s->identity, &rule))
        return true;
    if (!make_chunk(data, c, first, n, number))
        return false;
    return latent_chunk_open(chunk, data->folder, number, s->identity, &rule) ||
           fit_fail(c->error, FIT_ERROR_FILE, "%s: chunk %d cannot be read back", data->folder,
                    number);
}

static bool take_validation(struct dataset *data, struct fit_compute *c)
{
    struct scenes *s = data->own;
    int n = data->config->validation;
    if (!take_chunk(data, c, &s->validation, DATASET_VALIDATION, n, VALIDATION_CHUNK))
        return false;
    for (int i = 0; i < n; i++)
        dataset_add_validation(data, &s->validation.pictures[i]);
    return true;
}

static bool grow_scenes(struct dataset *data, struct fit_compute *c)
{
    struct scenes *s = data->own;
    const struct train_config *config = data->config;
    int number = s->n_chunks, left = config->pictures - number * config->chunk;
    int n = left < config->chunk ? left : config->chunk;
    if (!s->validation.n && !take_validation(data, c))
        return false;
    if (!take_chunk(data, c, &s->chunks[number], (uint64_t)number * (uint64_t)config->chunk, n,
                    number))
        return false;
    s->n_chunks++;
    for (int i = 0; i < n; i++)
        if (!dataset_add(data, &s->chunks[number].pictures[i], 1, c->error))
            return false;
    return true;
}

const struct dataset_source dataset_scenes = {
    .name = "scenes", .open = open_scenes, .close = close_scenes, .grow = grow_scenes};
