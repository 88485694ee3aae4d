/* SPDX-License-Identifier: Apache-2.0 */
#include "latent_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sha256.h"

enum { PATH_BYTES = 2048 };

struct latent_store {
    char folder[1024], identity[512];
    int features, most_tokens;
    struct fit_safetensors **packs; /* [n_packs], owned: found views lie in them */
    size_t n_packs, pack_room;
    struct latent_views *views; /* [n] */
    size_t n, room;
    uint32_t *slots; /* index of a picture + 1, or 0; open addressing, a power of two of them */
    size_t n_slots;
};

/* ---- the table ---- */

static size_t slot_of(const struct latent_store *store, const struct latent_key *key)
{
    uint64_t h;
    memcpy(&h, key->byte, sizeof h); /* a hash already */
    size_t at = (size_t)h & (store->n_slots - 1);
    while (store->slots[at] &&
           memcmp(store->views[store->slots[at] - 1].key.byte, key->byte, sizeof key->byte))
        at = (at + 1) & (store->n_slots - 1);
    return at;
}

const struct latent_views *latent_store_find(const struct latent_store *store,
                                             const struct latent_key *key)
{
    uint32_t found = store->n_slots ? store->slots[slot_of(store, key)] : 0;
    return found ? &store->views[found - 1] : NULL;
}

/* Room for n more, at most half of the slots in use. */
static bool make_room(struct latent_store *store, size_t n)
{
    if (store->n + n > store->room) {
        size_t room = 2 * (store->n + n);
        struct latent_views *views = realloc(store->views, room * sizeof *views);
        if (!views)
            return false;
        store->views = views;
        store->room = room;
    }
    if (2 * (store->n + n) <= store->n_slots)
        return true;
    size_t wanted = 64;
    while (wanted < 4 * (store->n + n))
        wanted *= 2;
    uint32_t *slots = calloc(wanted, sizeof *slots);
    if (!slots)
        return false;
    free(store->slots);
    store->slots = slots;
    store->n_slots = wanted;
    for (size_t i = 0; i < store->n; i++)
        store->slots[slot_of(store, &store->views[i].key)] = (uint32_t)(i + 1);
    return true;
}

static void insert(struct latent_store *store, const struct latent_views *views)
{
    size_t at = slot_of(store, &views->key);
    if (store->slots[at])
        return; /* two runs encoded the same picture */
    store->views[store->n++] = *views;
    store->slots[at] = (uint32_t)store->n;
}

/* ---- reading ---- */

/* Takes the pack's views one after the other; false when they do not fit together. */
static bool read_views(const struct latent_store *store, struct latent_views *views, size_t n,
                       const struct fit_tensor *list, const struct fit_tensor *tokens)
{
    uint64_t used = 0;
    size_t last = 0;
    for (uint64_t i = 0; i < list->dims[0]; i++) {
        int32_t v[3];
        memcpy(v, (const uint8_t *)list->data + i * sizeof v, sizeof v);
        if (v[0] < 0 || (size_t)v[0] >= n || (size_t)v[0] < last || v[1] < 1 || v[2] < 1 ||
            v[1] > store->most_tokens / v[2] || views[v[0]].n == LATENT_MAX_VIEWS)
            return false;
        last = (size_t)v[0];
        views[last].view[views[last].n++] = (struct latent_picture){
            .rows = v[1], .columns = v[2],
            .tokens = (const uint8_t *)tokens->data +
                      used * (uint64_t)store->features * sizeof(uint16_t)};
        used += (uint64_t)v[1] * (uint64_t)v[2];
        if (used > tokens->dims[0])
            return false;
    }
    for (size_t i = 0; i < n; i++)
        if (views[i].n != 1 && views[i].n != 2 && views[i].n != LATENT_MAX_VIEWS)
            return false;
    return used == tokens->dims[0];
}

static bool take_pack(struct latent_store *store, struct fit_safetensors *file)
{
    const char *found = fit_safetensors_metadata(file, "identity");
    const struct fit_tensor *keys = fit_safetensors_find(file, "keys");
    const struct fit_tensor *list = fit_safetensors_find(file, "views");
    const struct fit_tensor *tokens = fit_safetensors_find(file, "tokens");
    if (!found || strcmp(found, store->identity) || !keys || keys->type != FIT_TENSOR_U8 ||
        keys->n_dims != 2 || keys->dims[1] != sizeof(struct latent_key) || !list ||
        list->type != FIT_TENSOR_I32 || list->n_dims != 2 || list->dims[1] != 3 || !tokens ||
        tokens->type != FIT_TENSOR_BF16 || tokens->n_dims != 2 ||
        tokens->dims[1] != (uint64_t)store->features || keys->dims[0] > UINT32_MAX / 2)
        return false;
    size_t n = (size_t)keys->dims[0];
    struct latent_views *views = calloc(n + 1, sizeof *views);
    bool ok = views && make_room(store, n) && read_views(store, views, n, list, tokens);
    for (size_t i = 0; ok && i < n; i++) {
        memcpy(&views[i].key, (const uint8_t *)keys->data + i * sizeof views[i].key,
               sizeof views[i].key);
        insert(store, &views[i]);
    }
    free(views);
    return ok;
}

/* Opens one file; a pack that cannot be used is as good as none. */
static bool open_pack(struct latent_store *store, const char *path)
{
    struct fit_error ignored = {0};
    if (store->n_packs == store->pack_room) {
        size_t room = 2 * store->pack_room + 16;
        struct fit_safetensors **packs = realloc(store->packs, room * sizeof(void *));
        if (!packs)
            return false;
        store->packs = packs;
        store->pack_room = room;
    }
    struct fit_safetensors *file = malloc(sizeof *file);
    if (!file || !fit_safetensors_open(file, path, &ignored)) {
        free(file);
        return false;
    }
    if (!take_pack(store, file)) {
        fit_safetensors_close(file);
        free(file);
        return false;
    }
    store->packs[store->n_packs++] = file;
    return true;
}

static int is_pack(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return strlen(name) == 36 && !strncmp(name, "latents-", 8) &&
           strspn(name + 8, "0123456789abcdef") == 16 && !strcmp(name + 24, ".safetensors");
}

bool latent_store_open(struct latent_store **out, const char *folder, const char *identity,
                       int features, int most_tokens, struct fit_error *e)
{
    struct dirent **list;
    char path[PATH_BYTES];
    struct latent_store *store = *out = calloc(1, sizeof *store);
    if (!store)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for the latents");
    snprintf(store->folder, sizeof store->folder, "%s", folder);
    snprintf(store->identity, sizeof store->identity, "%s", identity);
    store->features = features;
    store->most_tokens = most_tokens;
    int n = scandir(folder, &list, is_pack, alphasort);
    for (int i = 0; i < n; i++) {
        if (fit_path_join(path, sizeof path, folder, list[i]->d_name))
            open_pack(store, path);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return true;
}

void latent_store_close(struct latent_store **handle)
{
    struct latent_store *store = *handle;
    *handle = NULL;
    if (!store)
        return;
    for (size_t i = 0; i < store->n_packs; i++) {
        fit_safetensors_close(store->packs[i]);
        free(store->packs[i]);
    }
    free(store->packs);
    free(store->views);
    free(store->slots);
    free(store);
}

/* ---- writing ---- */

/* The name follows from the keys, so two runs at once write the same file, whole. */
static bool pack_path(const struct latent_store *store, const uint8_t *keys, size_t bytes,
                      char *out, size_t out_bytes)
{
    char hash[65], name[64];
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, strlen(store->identity), (const uint8_t *)store->identity);
    sha256_update(&context, bytes, keys);
    fit_sha256_finish(&context, hash);
    snprintf(name, sizeof name, "latents-%.16s.safetensors", hash);
    return fit_path_join(out, out_bytes, store->folder, name);
}

bool latent_store_add(struct latent_store *store, const struct latent_views *pictures, int n,
                      const uint16_t *tokens, struct fit_error *e)
{
    char path[PATH_BYTES];
    uint64_t n_views = 0, n_tokens = 0;
    struct latent_key *keys = malloc((size_t)n * sizeof *keys);
    int32_t(*views)[3] = malloc((size_t)n * LATENT_MAX_VIEWS * sizeof *views);
    for (int i = 0; keys && views && i < n; i++) {
        keys[i] = pictures[i].key;
        for (int k = 0; k < pictures[i].n; k++) {
            const struct latent_picture *view = &pictures[i].view[k];
            memcpy(views[n_views++], (int32_t[3]){i, view->rows, view->columns}, sizeof *views);
            n_tokens += (uint64_t)view->rows * (uint64_t)view->columns;
        }
    }
    const uint64_t key_bytes = (uint64_t)n * sizeof(struct latent_key);
    const uint64_t values = n_tokens * (uint64_t)store->features;
    const struct fit_tensor tensors[] = {
        {.name = "keys", .type = FIT_TENSOR_U8, .n_dims = 2,
         .dims = {(uint64_t)n, sizeof(struct latent_key)}, .n_values = key_bytes, .data = keys,
         .bytes = key_bytes},
        {.name = "views", .type = FIT_TENSOR_I32, .n_dims = 2, .dims = {n_views, 3},
         .n_values = 3 * n_views, .data = views, .bytes = 3 * n_views * sizeof(int32_t)},
        {.name = "tokens", .type = FIT_TENSOR_BF16, .n_dims = 2,
         .dims = {n_tokens, (uint64_t)store->features}, .n_values = values, .data = tokens,
         .bytes = values * sizeof(uint16_t)},
    };
    const char *metadata[] = {"identity", store->identity, NULL};
    bool ok = keys && views ? true : fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d latents", n);
    if (ok && mkdir(store->folder, 0777) && errno != EEXIST)
        ok = fit_fail(e, FIT_ERROR_FILE, "%s: %s", store->folder, strerror(errno));
    if (ok && !pack_path(store, keys[0].byte, key_bytes, path, sizeof path))
        ok = fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", store->folder);
    ok = ok && fit_safetensors_write(path, tensors, 3, metadata, e) &&
         (open_pack(store, path) ||
          fit_fail(e, FIT_ERROR_FILE, "%s: cannot be read back", path));
    free(keys);
    free(views);
    return ok;
}
