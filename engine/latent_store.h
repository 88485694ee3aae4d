/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latent_store.h - the latents of pictures, found again by what the pictures hold.
 *
 * A folder of packs "latents-0123456789abcdef.safetensors", each written whole:
 *
 *     keys      U8   [n][32]       SHA-256 of the picture's file and how it was prepared
 *     views     I32  [v][3]        key, rows, columns (in tokens); 1, 2 or 4 views for each key, keys
 *                                  in order: what training may see of that picture
 *     tokens    BF16 [sum][F]      tokens of one view after the other
 *     metadata  identity           what else the numbers depend on
 *
 * A picture that is renamed, moved or used in another set keeps its latents; a changed one gets
 * new ones. Packs of another identity, or damaged ones, are left alone and not used.
 */
#ifndef FIT_LATENT_STORE_H
#define FIT_LATENT_STORE_H

#include "latent_cache.h"

enum { LATENT_MAX_VIEWS = 4 };

struct latent_key {
    uint8_t byte[32];
};

/* The views of one picture; class_id of each is 0. */
struct latent_views {
    struct latent_key key;
    int n;
    struct latent_picture view[LATENT_MAX_VIEWS];
};

struct latent_store;

/* Opens every pack of that identity in `folder`; there may be none, and no folder. Views of more
 * than `most_tokens` tokens make a pack unusable. */
bool latent_store_open(struct latent_store **out, const char *folder, const char *identity,
                       int features, int most_tokens, struct fit_error *e);
void latent_store_close(struct latent_store **store);

/* NULL when there is none. The tokens live as long as the store, the rest until the next add. */
const struct latent_views *latent_store_find(const struct latent_store *store,
                                             const struct latent_key *key);

/* Writes a pack of `n` pictures with distinct keys, whose tokens lie in `tokens` one view after the
 * other, and finds them from then on. Makes the folder when it is missing. */
bool latent_store_add(struct latent_store *store, const struct latent_views *pictures, int n,
                      const uint16_t *tokens, struct fit_error *e);

#endif
