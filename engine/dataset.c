/* SPDX-License-Identifier: Apache-2.0 */
#include "dataset.h"

#include <stdlib.h>
#include <string.h>

#include "dataset_private.h"
#include "picture_prepare.h"
#include "train_classes.h"
#include "train_random.h"

static const struct dataset_source *const sources[] = {&dataset_scenes, &dataset_pictures,
                                                       &dataset_latents};
enum { N_SOURCES = sizeof sources / sizeof *sources };

static bool find_source(struct dataset *data, const char *name, struct fit_error *e)
{
    for (int i = 0; i < N_SOURCES; i++)
        if (!strcmp(sources[i]->name, name))
            data->source = sources[i];
    return data->source || fit_fail(e, FIT_ERROR_ARGUMENT,
                                    "data.source is scenes, pictures or latents, not %s", name);
}

/* Tokens are squares of 16 pixels, whatever the autoencoder. */
static bool check_autoencoder(const struct train_config *config,
                              const struct fit_autoencoder *autoencoder, struct fit_error *e)
{
    const struct fit_autoencoder_type *type = autoencoder->type;
    int patch = PICTURE_QUANTUM / type->stride;
    if (config->model.channels == type->channels && config->model.patch == patch)
        return true;
    return fit_fail(e, FIT_ERROR_ARGUMENT,
                    "%s: makes tokens of %d channels and %dx%d latent pixels, model.channels is %d "
                    "and model.patch %d", config->autoencoder, type->channels, patch, patch,
                    config->model.channels, config->model.patch);
}

bool dataset_open(struct dataset **out, struct train_config *config,
                  struct fit_autoencoder *autoencoder, const char *folder,
                  const struct dataset_watch *watch, struct fit_error *e)
{
    struct dataset *data = *out = calloc(1, sizeof *data);
    if (!data)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a data set");
    data->config = config;
    data->autoencoder = autoencoder;
    if (watch)
        data->watch = *watch;
    snprintf(data->folder, sizeof data->folder, "%s", folder);
    if (find_source(data, config->source, e) && check_autoencoder(config, autoencoder, e) &&
        train_classes_read(&data->classes, config, e)) {
        data->validation = calloc((size_t)config->validation, sizeof *data->validation);
        if (!data->validation)
            fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d pictures", config->validation);
        else if (data->source->open(data, config, e))
            return true;
    }
    dataset_close(out);
    return false;
}

void dataset_close(struct dataset **out)
{
    struct dataset *data = *out;
    if (!data)
        return;
    if (data->own)
        data->source->close(data->own);
    fit_labels_finish(&data->classes);
    free(data->views);
    free(data->entries);
    free(data->validation);
    free(data);
    *out = NULL;
}

/* ---- for the sources ---- */

bool dataset_add(struct dataset *data, const struct latent_picture *views, int n,
                 struct fit_error *e)
{
    if (data->n_views + (size_t)n > data->view_room) {
        size_t room = 2 * data->view_room + 256;
        struct latent_picture *grown = realloc(data->views, room * sizeof *grown);
        if (!grown)
            return fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d pictures", data->n);
        data->views = grown;
        data->view_room = room;
    }
    if (data->n == data->entry_room) {
        int room = 2 * data->entry_room + 256;
        struct dataset_entry *grown = realloc(data->entries, (size_t)room * sizeof *grown);
        if (!grown)
            return fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d pictures", data->n);
        data->entries = grown;
        data->entry_room = room;
    }
    data->entries[data->n++] = (struct dataset_entry){data->n_views, n};
    memcpy(data->views + data->n_views, views, (size_t)n * sizeof *views);
    data->n_views += (size_t)n;
    return true;
}

bool dataset_add_validation(struct dataset *data, const struct latent_picture *picture)
{
    if (data->n_validation == data->config->validation)
        return false;
    data->validation[data->n_validation++] = *picture;
    return true;
}

int dataset_draw_side(const struct train_config *config, uint32_t bits)
{
    double total = 0;
    int part = 0;
    for (int i = 0; i < config->n_shapes; i++)
        total += config->shape[i].share;
    double pick = train_uniform(bits) * total;
    while (part + 1 < config->n_shapes && pick >= config->shape[part].share)
        pick -= config->shape[part++].share;
    return config->shape[part].side;
}

int dataset_validation_share(const struct train_config *config, int n)
{
    int most = n / 10 < 1 ? 1 : n / 10;
    return config->validation < most ? config->validation : most;
}

void dataset_notice(const struct dataset *data, const char *sentence)
{
    if (data->watch.notice)
        data->watch.notice(data->watch.user, sentence);
}

void dataset_skip(struct dataset *data, const char *sentence)
{
    data->skipped++;
    dataset_notice(data, sentence);
}

/* ---- the pictures ---- */

bool dataset_grow(struct dataset *data, struct fit_compute *c, int pictures)
{
    int wanted = pictures < data->config->pictures ? pictures : data->config->pictures;
    while (data->n < wanted && !data->ended) {
        if (!data->source->grow(data, c))
            return false;
        if (data->watch.progress)
            data->watch.progress(data->watch.user, data->n, wanted);
    }
    if (data->n && data->n_validation)
        return true;
    return fit_fail(c->error, FIT_ERROR_FILE,
                    "%s: %d pictures can be read (%d cannot); at least one to learn from and one "
                    "to validate with are needed", data->config->folder,
                    data->n + data->n_validation, data->skipped);
}

int dataset_count(const struct dataset *data)
{
    return data->n;
}

int dataset_skipped(const struct dataset *data)
{
    return data->skipped;
}

const struct latent_picture *dataset_picture(const struct dataset *data, int64_t epoch, int i)
{
    const struct dataset_entry *entry = &data->entries[i];
    const struct latent_picture *first = data->views + entry->first;
    if (entry->n == 1)
        return first;
    struct fk_philox_counter r =
        train_random(data->config->seed, TRAIN_RANDOM_VIEW, (uint64_t)epoch, (uint32_t)i);
    return first + (r.word[0] & (uint32_t)(entry->n - 1));
}

int dataset_validation_count(const struct dataset *data)
{
    return data->n_validation;
}

const struct latent_picture *dataset_validation_picture(const struct dataset *data, int i)
{
    return &data->validation[i];
}

const struct fit_labels *dataset_classes(const struct dataset *data)
{
    return &data->classes;
}

const char *dataset_identity(const struct dataset *data)
{
    return data->identity;
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
