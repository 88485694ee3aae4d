/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference's latent data set, read where it lies: one file per image (latent_file.h) in
 *
 *     from_16_to_T            images of up to T tokens as they are
 *     greater_than_T_resize   larger ones, whole
 *     greater_than_T_crop     ... and the middle square of some of them, under the same name
 *
 * of which at least one of the first two is there; T is 256 or 1024. Other folders
 * (less_than_16) are left out, as the reference does.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset_private.h"
#include "latent_file.h"
#include "picture_list.h"
#include "train_random.h"

enum { GROUP = 256, PATH_BYTES = 2048 };

struct latents {
    struct picture_list list; /* from_16_to_T, then greater_than_T_resize */
    char **crops;             /* [list.n], owned; NULL where there is none */
    int32_t *order;           /* [list.n] */
    int next, validation, most_tokens;
};

struct item {
    int index;
    int n; /* views */
    struct latent_picture view[2 * LATENT_FILE_VERSIONS];
    struct fit_error error;
};

static void close_latents(void *own)
{
    struct latents *l = own;
    for (int i = 0; l->crops && i < l->list.n; i++)
        free(l->crops[i]);
    free(l->crops);
    free(l->order);
    picture_list_finish(&l->list);
    free(l);
}

static bool has_folder(const char *folder, const char *format, int tokens, char *path)
{
    char name[64];
    snprintf(name, sizeof name, format, tokens);
    return fit_path_join(path, PATH_BYTES, folder, name) && !access(path, R_OK | X_OK);
}

/* Lists the set of T tokens; nothing when there is none. */
static bool list_set(struct latents *l, const char *folder, int tokens, int *first_resized,
                     struct fit_error *e)
{
    char path[PATH_BYTES];
    bool small = has_folder(folder, "from_16_to_%d", tokens, path);
    if (small && !picture_list_add_folder(&l->list, path, 0, e))
        return false;
    *first_resized = l->list.n;
    bool large = has_folder(folder, "greater_than_%d_resize", tokens, path);
    if (large && !picture_list_add_folder(&l->list, path, 0, e))
        return false;
    if (small || large)
        l->most_tokens = tokens;
    return true;
}

/* Finds the middle squares of the images from `first` on. */
static bool list_crops(struct latents *l, const char *folder, int first, struct fit_error *e)
{
    char parent[PATH_BYTES], path[PATH_BYTES];
    l->crops = calloc((size_t)l->list.n + 1, sizeof *l->crops);
    if (!l->crops)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d images", l->list.n);
    if (!has_folder(folder, "greater_than_%d_crop", l->most_tokens, parent))
        return true;
    for (int i = first; i < l->list.n; i++) {
        const char *name = strrchr(l->list.files[i].path, '/') + 1;
        if (fit_path_join(path, sizeof path, parent, name) && !access(path, F_OK) &&
            !(l->crops[i] = strdup(path)))
            return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d images", l->list.n);
    }
    return true;
}

static bool find_files(struct latents *l, const struct train_config *config, struct fit_error *e)
{
    static const int known[] = {256, 1024};
    int first = 0;
    for (int i = 0; i < 2 && !l->most_tokens; i++)
        if (!list_set(l, config->folder, known[i], &first, e))
            return false;
    if (!l->list.n)
        return fit_fail(e, FIT_ERROR_FILE,
                        "%s: holds no images in from_16_to_256, greater_than_256_resize or the "
                        "same of 1024", config->folder);
    if (l->most_tokens > config->tokens)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "%s: images have up to %d tokens, batch.tokens %d does not hold one",
                        config->folder, l->most_tokens, config->tokens);
    return !config->crops ? (l->crops = calloc((size_t)l->list.n, sizeof *l->crops)) != NULL ||
                                fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of images")
                          : list_crops(l, config->folder, first, e);
}

static bool open_latents(struct dataset *data, struct train_config *config, struct fit_error *e)
{
    struct latents *l = data->own = calloc(1, sizeof *l);
    if (!l)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of images");
    if (!find_files(l, config, e))
        return false;
    int n = l->list.n;
    picture_list_hash(&l->list, &data->classes, strlen(config->folder));
    snprintf(data->identity, sizeof data->identity, "latents %s", l->list.hash);
    l->order = malloc((size_t)n * sizeof *l->order);
    if (!l->order)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d images", n);
    dataset_shuffle(l->order, n, config->seed, 0);
    l->validation = dataset_validation_share(config, n);
    n -= l->validation;
    config->pictures = n < 1 ? 1 : n < config->pictures ? n : config->pictures;
    return true;
}

/* Adds the versions of one file to the item. */
static bool check_file(struct item *item, const char *path, const struct latent_file_rule *rule,
                       bool mirrored)
{
    struct latent_picture picture;
    if (!latent_file_check(&picture, path, rule, &item->error))
        return false;
    for (int i = 0; i < (mirrored ? LATENT_FILE_VERSIONS : 1); i++) {
        picture.version = i;
        item->view[item->n++] = picture;
    }
    return true;
}

static void check_item(struct item *item, const struct dataset *data)
{
    const struct latents *l = data->own;
    const struct latent_file_rule rule = {
        .features = fit_config_features(&data->config->model),
        .classes = data->config->model.n_classes,
        .tokens = l->most_tokens};
    bool mirrored = data->config->mirrored;
    if (check_file(item, l->list.files[item->index].path, &rule, mirrored) &&
        l->crops[item->index] &&
        check_file(item, l->crops[item->index], &rule, mirrored) &&
        item->view[0].class_id != item->view[item->n - 1].class_id)
        fit_fail(&item->error, FIT_ERROR_FILE, "%s: label is %d, that of the whole image is %d",
                 l->crops[item->index], item->view[item->n - 1].class_id, item->view[0].class_id);
}

static bool take_item(struct dataset *data, const struct item *item, struct fit_error *e)
{
    const struct latents *l = data->own;
    if (item->error.status == FIT_ERROR_MEMORY)
        return fit_fail(e, FIT_ERROR_MEMORY, "%s", item->error.message);
    if (item->error.status != FIT_OK) {
        dataset_skip(data, item->error.message);
        return true;
    }
    if (data->n_validation < l->validation)
        return dataset_add_validation(data, &item->view[0]);
    return dataset_add(data, item->view, item->n, e);
}

static bool grow_latents(struct dataset *data, struct fit_compute *c)
{
    struct latents *l = data->own;
    int left = l->list.n - l->next, n = left < GROUP ? left : GROUP;
    bool ok = true;
    data->ended = n == 0;
    struct item *items = calloc((size_t)n + 1, sizeof *items);
    if (!items)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d images", n);
#pragma omp parallel for schedule(dynamic) num_threads(fit_compute_threads(c))
    for (int i = 0; i < n; i++) {
        items[i].index = l->order[l->next + i];
        check_item(&items[i], data);
    }
    for (int i = 0; ok && i < n; i++)
        ok = take_item(data, &items[i], c->error);
    l->next += n;
    free(items);
    return ok;
}

const struct dataset_source dataset_latents = {
    .name = "latents", .open = open_latents, .close = close_latents, .grow = grow_latents};
