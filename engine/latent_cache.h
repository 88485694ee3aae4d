/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latent_cache.h - encoded pictures on disk, in chunks.
 *
 * A chunk is one safetensors file "chunk-00012.safetensors" in the cache's folder:
 *
 *     pictures  I32  [n][3]        class, rows, columns (in tokens)
 *     tokens    BF16 [sum][F]      tokens of one picture after the other
 *     metadata  identity           what the numbers depend on; a chunk of another identity is
 *                                  written anew
 *
 * Chunks are written whole, so a stopped run finds every finished one again at once.
 */
#ifndef FIT_LATENT_CACHE_H
#define FIT_LATENT_CACHE_H

#include "safetensors.h"

struct latent_picture {
    int class_id, rows, columns;
    const uint8_t *tokens; /* bf16 [rows * columns][F], of any alignment; NULL: in a file */
    const char *path;      /* of that file, one of a latent data set (latent_file.h) */
    int version;           /* of the two in it */
};

struct latent_chunk {
    struct fit_safetensors file;
    struct latent_picture *pictures;
    int n;
};

/* What the pictures of a chunk must be. */
struct latent_rule {
    int pictures;   /* exactly so many */
    int features;   /* F */
    int classes;    /* class ids lie below */
    int tokens;     /* of one picture, at most */
};

/* Finds chunk `index`. Returns false without an error when there is none of this identity, or
 * none that is whole and keeps to the rule. */
bool latent_chunk_open(struct latent_chunk *chunk, const char *folder, int index,
                       const char *identity, const struct latent_rule *rule);
void latent_chunk_close(struct latent_chunk *chunk);

/* pictures [n][3], tokens [sum][features]. Atomic. */
bool latent_chunk_write(const char *folder, int index, const char *identity,
                        const int32_t *pictures, int n, const uint16_t *tokens, size_t n_tokens,
                        int features, struct fit_error *e);

#endif
