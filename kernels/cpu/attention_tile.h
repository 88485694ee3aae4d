/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attention_tile.h - attention of one head of one image, in tiles that fit the second-level
 * cache; no matrix of all tokens by all tokens ever exists (Dao et al., arXiv 2205.14135).
 *
 * attention_tile.c is compiled once for each instruction set and gives one of the tables below.
 * Tiles are counted from the image's first token and sums run in one order, so results depend
 * neither on threads nor on the other images of a pack (but on the instruction set).
 */
#ifndef CPU_ATTENTION_TILE_H
#define CPU_ATTENTION_TILE_H

#include "fk.h"

enum {
    ATTENTION_TILE = 64,      /* queries, and keys, of a tile */
    ATTENTION_PAD = 16,       /* rooms hold rows of a whole number of vectors */
    ATTENTION_MOST_TILES = 4, /* tiles of queries that share one reading of the keys */
};

struct attention_head {
    struct fk_ptr qkv, out; /* backward only reads out */
    struct fk_ptr dqkv, dout;
    float *lse; /* may be NULL forward */
    int H, D;
    float scale;
    int h;        /* this head */
    int first, n; /* the image's first token and their number */
};

struct attention_tiles {
    /* n_tiles tiles of queries, from token `row` of the image; writes out and lse. How many go
     * together changes no result. */
    void (*forward)(const struct attention_head *a, int row, int n_tiles, float *room);
    /* The whole image; writes dqkv. */
    void (*backward)(const struct attention_head *a, float *room);
};

static inline size_t attention_padded(int n, int multiple)
{
    return ((size_t)n + multiple - 1) / multiple * multiple;
}

/* Floats of 64-byte aligned room that one thread needs. */
static inline size_t attention_forward_room(int D, int n_tiles)
{
    size_t width = attention_padded(D, ATTENTION_PAD);
    return ATTENTION_TILE * (2 * width + n_tiles * (2 * width + 3 * ATTENTION_TILE / 2 + 2));
}

static inline size_t attention_backward_room(int longest, int D)
{
    size_t width = attention_padded(D, ATTENTION_PAD);
    size_t rows = attention_padded(longest, ATTENTION_TILE);
    return rows * (3 * width + 2) + ATTENTION_TILE * (5 * width + 2 * ATTENTION_TILE);
}

extern const struct attention_tiles cpu_attention_base;
extern const struct attention_tiles cpu_attention_v3; /* x86-64-v3: AVX2, FMA */
extern const struct attention_tiles cpu_attention_v4; /* x86-64-v4: AVX-512 */

/* Forward only, of qkv in bf16: x86-64-v4 and AVX512_BF16. */
extern const struct attention_tiles cpu_attention_bf16;

/* The tiles for a forward pass of that type on this processor. */
const struct attention_tiles *cpu_attention_forward(enum fk_dtype type);

/* The variants that this processor runs, the fastest first; NULL after the last. */
const struct attention_tiles *cpu_attention_variant(int i);

#endif
