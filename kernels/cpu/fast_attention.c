/* SPDX-License-Identifier: Apache-2.0 */
/* Deals tiles of attention out to threads: forward by (image, tile of queries, head), backward by
 * (image, head). */
#include "attention_tile.h"
#include "cpu.h"
#include "isa.h"

const struct attention_tiles *cpu_attention_variant(int i)
{
    const struct attention_tiles *runs[3];
    int n = 0;
#if defined(CPU_VARIANTS_X86)
    if (cpu_isa() >= CPU_ISA_AVX512)
        runs[n++] = &cpu_attention_v4;
    if (cpu_isa() >= CPU_ISA_AVX2)
        runs[n++] = &cpu_attention_v3;
#endif
    runs[n++] = &cpu_attention_base;
    return i < n ? runs[i] : NULL;
}

const struct attention_tiles *cpu_attention_forward(enum fk_dtype type)
{
#if defined(CPU_VARIANTS_X86)
    if (type == FK_BF16 && cpu_isa() >= CPU_ISA_AVX512_BF16)
        return &cpu_attention_bf16;
#endif
    (void)type;
    return cpu_attention_variant(0);
}

/* Some tiles of queries of one image. */
struct queries {
    int image, row, n_tiles;
};

static int tiles_of(const struct fk_pack *pack, int image)
{
    int n = pack->offset[image + 1] - pack->offset[image];
    return (n + ATTENTION_TILE - 1) / ATTENTION_TILE;
}

/* Splits the pack's tiles into pieces of at most `most` tiles. */
static int pieces_list(struct queries *list, const struct fk_pack *pack, int most)
{
    int n = 0;
    for (int b = 0; b < pack->n_images; b++)
        for (int tile = 0, all = tiles_of(pack, b); tile < all; tile += most) {
            int some = all - tile < most ? all - tile : most;
            list[n++] = (struct queries){b, tile * ATTENTION_TILE, some};
        }
    return n;
}

/* Tiles of a piece: few enough that each thread gets several pieces. */
static int piece_tiles(const struct fk_pack *pack, int H, int n_threads)
{
    size_t tiles = 0;
    for (int b = 0; b < pack->n_images; b++)
        tiles += tiles_of(pack, b);
    size_t most = tiles * H / ((size_t)n_threads * 4);
    return most < 1 ? 1 : most > ATTENTION_MOST_TILES ? ATTENTION_MOST_TILES : (int)most;
}

static void head_set(struct attention_head *a, const struct fk_pack *pack, int image, int h)
{
    a->h = h;
    a->first = pack->offset[image];
    a->n = pack->offset[image + 1] - a->first;
}

static float *rooms_new(struct fk_queue *q, int n_threads, size_t room)
{
    return cpu_scratch(q, 1, (size_t)n_threads * room * sizeof(float));
}

static bool attention(struct fk_queue *q, struct fk_ptr out, float *lse, struct fk_ptr qkv,
                      const struct fk_pack *pack, int H, int D, float scale)
{
    const struct attention_tiles *tiles = cpu_attention_forward(qkv.type);
    int n_threads = cpu_threads(q, (size_t)pack->n_tokens * pack->longest * H * D);
    int most = piece_tiles(pack, H, n_threads);
    size_t pieces = (size_t)pack->n_tokens / ATTENTION_TILE + pack->n_images;
    size_t room = attention_forward_room(D, most);
    struct queries *list = cpu_scratch(q, 0, pieces * sizeof *list);
    float *rooms = rooms_new(q, n_threads, room);
    if (!list || !rooms)
        return false;
    int n_items = pieces_list(list, pack, most) * H;
#pragma omp parallel for num_threads(n_threads) schedule(static, 1)
    for (int i = 0; i < n_items; i++) {
        struct attention_head a = {.qkv = qkv, .out = out, .lse = lse, .H = H, .D = D};
        a.scale = scale;
        const struct queries *piece = &list[i / H];
        head_set(&a, pack, piece->image, i % H);
        tiles->forward(&a, piece->row, piece->n_tiles, rooms + (size_t)cpu_thread_index() * room);
    }
    return true;
}

static bool attention_bwd(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                          struct fk_ptr out, const float *lse, struct fk_ptr qkv,
                          const struct fk_pack *pack, int H, int D, float scale)
{
    const struct attention_tiles *tiles = cpu_attention_variant(0);
    int n_threads = cpu_threads(q, (size_t)pack->n_tokens * pack->longest * H * D);
    size_t room = attention_backward_room(pack->longest, D);
    float *rooms = rooms_new(q, n_threads, room);
    if (!rooms)
        return false;
#pragma omp parallel for num_threads(n_threads) schedule(static, 1)
    for (int i = 0; i < pack->n_images * H; i++) {
        struct attention_head a = {.qkv = qkv, .out = out, .dqkv = dqkv, .dout = dout, .H = H};
        a.lse = (float *)lse;
        a.D = D;
        a.scale = scale;
        head_set(&a, pack, i / H, i % H);
        tiles->backward(&a, rooms + (size_t)cpu_thread_index() * room);
    }
    return true;
}

void cpu_fast_attention_install(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)caps;
    ops->attention = attention;
    ops->attention_bwd = attention_bwd;
}
