/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of pictures. They are taken in groups, in an order drawn from the seed: a group's files
 * are read, hashed and, where the store has no latents for them, prepared on all threads; then what
 * is new goes through the autoencoder and into the store as one pack.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_private.h"
#include "latent_encoder.h"
#include "latent_store.h"
#include "picture_list.h"
#include "picture_prepare.h"
#include "sha256.h"
#include "train_random.h"

enum { LATENTS_VERSION = 1, QUANTUM = PICTURE_QUANTUM, GROUP_BYTES = 64 << 20, MOST_GROUP = 256 };

struct pictures {
    struct picture_list list;
    int32_t *order; /* [list.n] */
    int next;       /* in the order */
    int group;      /* pictures at a time */
    int validation; /* to be set aside */
    struct latent_store *store; /* opened with the first group */
};

/* One picture of a group. */
struct item {
    const struct picture_file *file;
    int side;
    struct latent_views views; /* key, and where they are known the views */
    bool known;
    struct image whole, crop; /* of a new one; crop.rgb may be NULL */
    struct fit_error error;
};

static void close_pictures(void *own)
{
    struct pictures *p = own;
    picture_list_finish(&p->list);
    latent_store_close(&p->store);
    free(p->order);
    free(p);
}

static void tell_empty(const struct dataset *data, const int *count)
{
    char sentence[TRAIN_PATH_BYTES + 512];
    for (int i = 0; i < data->classes.n; i++)
        if (!count[i]) {
            snprintf(sentence, sizeof sentence, "%s: the class \"%.255s\" has no pictures",
                     data->config->folder, data->classes.label[i].name);
            dataset_notice(data, sentence);
        }
}

static int largest_side(const struct train_config *config)
{
    int side = 0;
    for (int i = 0; i < config->n_shapes; i++)
        side = config->shape[i].side > side ? config->shape[i].side : side;
    return side;
}

static bool plan(struct dataset *data, struct train_config *config, struct fit_error *e)
{
    struct pictures *p = data->own;
    int side = largest_side(config), n = p->list.n;
    p->order = malloc((size_t)n * sizeof *p->order + 1);
    if (!p->order)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d pictures", n);
    /* Epochs count from 1. */
    dataset_shuffle(p->order, n, config->seed, 0);
    p->group = GROUP_BYTES / (2 * 3 * side * side);
    p->group = p->group < 16 ? 16 : p->group > MOST_GROUP ? MOST_GROUP : p->group;
    p->validation = dataset_validation_share(config, n);
    n -= p->validation;
    config->pictures = n < 1 ? 1 : n < config->pictures ? n : config->pictures;
    snprintf(data->identity, sizeof data->identity, "pictures %s", p->list.hash);
    return true;
}

static bool open_pictures(struct dataset *data, struct train_config *config, struct fit_error *e)
{
    struct pictures *p = data->own = calloc(1, sizeof *p);
    int *count = calloc((size_t)data->classes.n, sizeof *count);
    bool ok = p && count;
    if (!ok)
        fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of pictures");
    ok = ok && picture_list_read(&p->list, config->folder, &data->classes, count, e);
    if (ok)
        tell_empty(data, count);
    free(count);
    return ok && plan(data, config, e);
}

static bool open_store(struct dataset *data, struct fit_error *e)
{
    struct pictures *p = data->own;
    const struct train_config *config = data->config;
    char encoder[65], identity[256];
    int tokens = largest_side(config) / QUANTUM;
    if (p->store)
        return true;
    if (!latent_encoder_hash(encoder, config->autoencoder, e))
        return false;
    snprintf(identity, sizeof identity, "latents %d; encoder %.32s; patch %d", LATENTS_VERSION,
             encoder, config->model.patch);
    return latent_store_open(&p->store, data->folder, identity,
                             fit_config_features(&config->model), tokens * tokens, e);
}

/* ---- reading a group, on any thread ---- */

static void make_key(struct item *item, const struct train_config *config,
                     const struct fit_mapping *file)
{
    char how[64];
    struct sha256_ctx context;
    int n = snprintf(how, sizeof how, "side %d; crops %d; mirrored %d; ", item->side,
                     (int)config->crops, (int)config->mirrored);
    sha256_init(&context);
    sha256_update(&context, (size_t)n, (const uint8_t *)how);
    sha256_update(&context, file->bytes, file->data);
    sha256_digest(&context, sizeof item->views.key.byte, item->views.key.byte);
}

static bool prepare(struct item *item, const struct train_config *config,
                    const struct fit_mapping *file)
{
    struct image image;
    const char *path = item->file->path;
    if (!image_read(&image, file, path, &item->error))
        return false;
    bool ok = picture_resize(&item->whole, &image, item->side, path, &item->error) &&
              (!config->crops || !picture_has_crop(&image, item->side) ||
               picture_crop(&item->crop, &image, item->side, path, &item->error));
    image_finish(&image);
    return ok;
}

static void read_item(struct item *item, const struct dataset *data)
{
    const struct pictures *p = data->own;
    struct fit_mapping file;
    if (!fit_mapping_open(&file, item->file->path, &item->error))
        return;
    make_key(item, data->config, &file);
    const struct latent_views *found = latent_store_find(p->store, &item->views.key);
    item->known = found != NULL;
    if (found)
        item->views = *found;
    else
        prepare(item, data->config, &file);
    fit_mapping_close(&file);
}

/* ---- encoding what is new ---- */

static size_t tokens_of(const struct image *image)
{
    return (size_t)(image->width / QUANTUM) * (size_t)(image->height / QUANTUM);
}

static void mirror(struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->rgb + 3 * (size_t)y * (size_t)image->width;
        for (int left = 0, right = image->width - 1; left < right; left++, right--)
            for (int c = 0; c < 3; c++) {
                uint8_t keep = row[3 * left + c];
                row[3 * left + c] = row[3 * right + c];
                row[3 * right + c] = keep;
            }
    }
}

/* The group's new latents. */
struct fresh {
    struct latent_views *views; /* [n] */
    int n;
    uint16_t *tokens;
    size_t used; /* values */
    struct latent_encoder encoder;
};

static bool encode_image(struct fresh *fresh, struct fit_compute *c, struct latent_views *views,
                         struct image *image, bool mirrored)
{
    int rows = image->height / QUANTUM, columns = image->width / QUANTUM;
    size_t values = tokens_of(image) * (size_t)fit_config_features(fresh->encoder.config);
    for (int i = 0; i <= (int)mirrored; i++) {
        if (i)
            mirror(image);
        if (!latent_encoder_run(&fresh->encoder, c, fresh->tokens + fresh->used, image->rgb, rows,
                                columns))
            return false;
        views->view[views->n++] = (struct latent_picture){.rows = rows, .columns = columns};
        fresh->used += values;
    }
    return true;
}

/* Two files with the same content share their latents. */
static bool is_among(const struct fresh *fresh, const struct latent_key *key)
{
    for (int i = 0; i < fresh->n; i++)
        if (!memcmp(fresh->views[i].key.byte, key->byte, sizeof key->byte))
            return true;
    return false;
}

static bool encode_group(struct dataset *data, struct fit_compute *c, struct fresh *fresh,
                         struct item *items, int n)
{
    struct pictures *p = data->own;
    bool mirrored = data->config->mirrored;
    for (int i = 0; i < n; i++) {
        struct item *item = &items[i];
        if (item->error.status != FIT_OK || item->known || is_among(fresh, &item->views.key))
            continue;
        struct latent_views *views = &fresh->views[fresh->n++];
        *views = (struct latent_views){.key = item->views.key};
        if (!encode_image(fresh, c, views, &item->whole, mirrored) ||
            (item->crop.rgb && !encode_image(fresh, c, views, &item->crop, mirrored)))
            return false;
    }
    return !fresh->n || latent_store_add(p->store, fresh->views, fresh->n, fresh->tokens, c->error);
}

static bool make_latents(struct dataset *data, struct fit_compute *c, struct item *items, int n)
{
    struct fresh fresh = {0};
    size_t tokens = 0;
    for (int i = 0; i < n; i++)
        tokens += 2 * (tokens_of(&items[i].whole) + tokens_of(&items[i].crop));
    latent_encoder_init(&fresh.encoder, data->autoencoder, &data->config->model, c->device);
    fresh.views = malloc((size_t)n * sizeof *fresh.views);
    fresh.tokens = malloc(
        tokens * (size_t)fit_config_features(&data->config->model) * sizeof(uint16_t) + 1);
    bool ok = fresh.views && fresh.tokens
                  ? encode_group(data, c, &fresh, items, n)
                  : fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %zu tokens", tokens);
    latent_encoder_finish(&fresh.encoder);
    free(fresh.views);
    free(fresh.tokens);
    return ok;
}

/* ---- the group ---- */

static bool take_item(struct dataset *data, struct item *item, struct fit_error *e)
{
    struct pictures *p = data->own;
    if (item->error.status != FIT_OK) {
        dataset_skip(data, item->error.message);
        return true;
    }
    struct latent_views views = *latent_store_find(p->store, &item->views.key);
    for (int k = 0; k < views.n; k++)
        views.view[k].class_id = item->file->class_id;
    if (data->n_validation < p->validation)
        return dataset_add_validation(data, &views.view[0]);
    return dataset_add(data, views.view, views.n, e);
}

static bool read_group(struct dataset *data, struct fit_compute *c, struct item *items, int n)
{
#pragma omp parallel for schedule(dynamic) num_threads(fit_compute_threads(c))
    for (int i = 0; i < n; i++)
        read_item(&items[i], data);
    for (int i = 0; i < n; i++)
        if (items[i].error.status == FIT_ERROR_MEMORY)
            return fit_fail(c->error, FIT_ERROR_MEMORY, "%s", items[i].error.message);
    return true;
}

static bool grow_pictures(struct dataset *data, struct fit_compute *c)
{
    struct pictures *p = data->own;
    int left = p->list.n - p->next, n = left < p->group ? left : p->group;
    data->ended = n == 0;
    if (data->ended)
        return true;
    struct item *items = calloc((size_t)n, sizeof *items);
    if (!items)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d pictures", n);
    for (int i = 0; i < n; i++) {
        int index = p->order[p->next + i];
        items[i].file = &p->list.files[index];
        items[i].side = dataset_draw_side(
            data->config, train_random(data->config->seed, TRAIN_RANDOM_SHAPE, (uint64_t)index,
                                       0).word[0]);
    }
    bool ok = open_store(data, c->error) && read_group(data, c, items, n) &&
              make_latents(data, c, items, n);
    for (int i = 0; i < n; i++) {
        ok = ok && take_item(data, &items[i], c->error);
        image_finish(&items[i].whole);
        image_finish(&items[i].crop);
    }
    p->next += n;
    free(items);
    return ok;
}

const struct dataset_source dataset_pictures = {
    .name = "pictures", .open = open_pictures, .close = close_pictures, .grow = grow_pictures};
