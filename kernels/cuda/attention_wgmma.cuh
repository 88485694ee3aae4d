/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attention_wgmma.cuh - softmax attention by Hopper's products of warp groups (Shah et al., arXiv
 * 2407.08608), for what attention_mma.cuh takes too; a row's numbers lie in registers as there.
 *
 * A block has one or two warp groups of 64 queries each. Tiles of 64 keys and of 64 values lie in
 * shared memory as chunks of eight dimensions, a token's 16 bytes of a chunk after another's. A
 * chunk ends 16 bytes before the next begins, so that the copies of one token meet in no bank. To
 * q . k these are rows of keys, to p . v, turned, rows of tokens: neither is moved again.
 *
 * While a tile's softmax is worked on, the tensor cores multiply the weights of the tile before by
 * its values; so values come through memory one tile behind the keys.
 */
#ifndef FK_CUDA_ATTENTION_WGMMA_CUH
#define FK_CUDA_ATTENTION_WGMMA_CUH

#include "attention_mma.cuh"
#include "wgmma.cuh"

template <int D> struct wgmma_shape {
    static constexpr int key_chunks = 2 * mma_shape<D>::steps, value_chunks = D / 8;
    static constexpr uint32_t token = 16, chunk = MMA_KEYS * token + 16; /* bytes */
    static constexpr uint32_t keys = key_chunks * chunk, values = value_chunks * chunk;
    static constexpr size_t shared = 2 * (keys + values); /* two tiles of each, in turn */
};

/* CHUNKS chunks of the vectors from token `at` of the image's n on, in the background. */
template <int D, int CHUNKS>
static inline __device__ void fetch_chunks(unsigned char *to, struct mma_vectors v, int n, int at)
{
    for (int i = threadIdx.x; at < n && i < MMA_KEYS * CHUNKS; i += blockDim.x) {
        int token = i / CHUNKS, c = i % CHUNKS;
        bool there = at + token < n && 8 * c < D;
        copy16_async(to + c * wgmma_shape<D>::chunk + token * wgmma_shape<D>::token,
                     there ? v.first + (at + token) * v.step + 8 * c : v.first, there);
    }
}

/* Waits for all copies, and until all threads have left what the next ones overwrite. */
static inline __device__ void copies_arrive()
{
    copies_wait<0>();
    shared_fence();
    __syncthreads();
}

/* s [64][64] = the group's rows times the vectors of a tile. */
template <int D>
static inline __device__ void wgmma_scores(float (&s)[MMA_KEYS / 8][4],
                                           const uint32_t (&q)[mma_shape<D>::steps][4],
                                           const unsigned char *keys)
{
    constexpr uint32_t chunk = wgmma_shape<D>::chunk;
    uint64_t b = wgmma_matrices(keys, chunk, 8 * wgmma_shape<D>::token);
    for (int step = 0; step < mma_shape<D>::steps; step++)
        wgmma<false>(s, q[step], wgmma_advance(b, step * 2 * chunk), step > 0);
    wgmma_commit();
}

/* out [64][D] += p [64][64] . v. */
template <int D>
static inline __device__ void wgmma_values(float (&out)[mma_shape<D>::columns][4],
                                           const uint32_t (&p)[MMA_KEYS / 16][4],
                                           const unsigned char *values)
{
    constexpr uint32_t token = wgmma_shape<D>::token;
    uint64_t b = wgmma_matrices(values, 8 * token, wgmma_shape<D>::chunk);
    for (int k = 0; k < MMA_KEYS / 16; k++)
        wgmma<true>(out, p[k], wgmma_advance(b, k * 16 * token), true);
    wgmma_commit();
}

static inline __device__ void pack_weights(uint32_t (&p)[MMA_KEYS / 16][4],
                                           const float (&s)[MMA_KEYS / 8][4])
{
    for (int k = 0; k < MMA_KEYS / 16; k++)
        for (int i = 0; i < 4; i++)
            p[k][i] = pack_bf16(s[2 * k + i / 2][i % 2 * 2], s[2 * k + i / 2][i % 2 * 2 + 1]);
}

template <int D, typename Y>
static __global__ void __launch_bounds__(2 * WGMMA_THREADS)
    wgmma_forward_kernel(struct attention_args a, Y *y, float scale_log2)
{
    CUDA_SHARED(unsigned char, shared);
    typedef wgmma_shape<D> shape;
    unsigned char *keys = shared, *values = shared + 2 * shape::keys;
    int first = a.offset[blockIdx.z], n = a.offset[blockIdx.z + 1] - first;
    int begin = blockIdx.x * (blockDim.x / 2), row = begin + threadIdx.x / CUDA_WARP * 16;
    if (begin >= n)
        return;

    struct mma_vectors k = vectors_of_part(&a, first, PART_K);
    struct mma_vectors v = vectors_of_part(&a, first, PART_V);
    uint32_t q[mma_shape<D>::steps][4], p[MMA_KEYS / 16][4];
    float s[MMA_KEYS / 8][4], out[mma_shape<D>::columns][4] = {}, keep[2];
    struct mma_softmax m = {{-INFINITY, -INFINITY}, {0, 0}};
    fetch_chunks<D, shape::key_chunks>(keys, k, n, 0);
    copies_commit();
    load_rows<D>(q, vectors_of_part(&a, first, PART_Q), n, row);
    copies_arrive();
    fetch_chunks<D, shape::key_chunks>(keys + shape::keys, k, n, MMA_KEYS);
    fetch_chunks<D, shape::value_chunks>(values, v, n, 0);
    copies_commit();
    wgmma_fence();
    wgmma_scores<D>(s, q, keys);
    wgmma_wait<0>();
    wgmma_settle(s);
    wgmma_settle(q);
    soften(&m, s, keep, scale_log2, n);
    pack_weights(p, s);

    int side = 1; /* of the tile's keys and values; those of the tile before are on the other */
    for (int at = MMA_KEYS; at < n; at += MMA_KEYS, side ^= 1) {
        copies_arrive();
        fetch_chunks<D, shape::key_chunks>(keys + (side ^ 1) * shape::keys, k, n, at + MMA_KEYS);
        fetch_chunks<D, shape::value_chunks>(values + side * shape::values, v, n, at);
        copies_commit();
        wgmma_fence();
        wgmma_scores<D>(s, q, keys + side * shape::keys);
        wgmma_values<D>(out, p, values + (side ^ 1) * shape::values);
        wgmma_wait<1>();
        wgmma_settle(s);
        wgmma_settle(q);
        soften(&m, s, keep, scale_log2, n - at);
        wgmma_wait<0>();
        wgmma_settle(out);
        wgmma_settle(p);
        for (int c = 0; c < mma_shape<D>::columns; c++)
            for (int i = 0; i < 4; i++)
                out[c][i] *= keep[i / 2];
        pack_weights(p, s);
    }
    copies_arrive();
    wgmma_fence();
    wgmma_values<D>(out, p, values + (side ^ 1) * shape::values);
    wgmma_wait<0>();
    wgmma_settle(out);
    wgmma_settle(p);
    put_rows<D>(&a, y, out, &m, first, n, row);
}

static bool wgmma_fits(const struct fk_queue *q, struct fk_ptr qkv, int D)
{
    return q->state->wgmma && mma_fits(q, qkv, D);
}

/* Two warp groups share the tiles of a block where there are blocks enough for every processor. */
static int wgmma_groups(const struct fk_queue *q, const struct fk_pack *pack, int H)
{
    size_t blocks = (size_t)cuda_blocks(pack->longest, 2 * WGMMA_ROWS) * H * pack->n_images;
    return blocks >= (size_t)q->state->n_processors ? 2 : 1;
}

static bool wgmma_forward(struct fk_queue *q, const struct fk_pack *pack,
                          const struct attention_args *a)
{
    int groups = wgmma_groups(q, pack, a->H);
    return mma_width(a->D, [&](auto width) {
        constexpr int D = decltype(width)::value;
        return cuda_typed(a->out, [&](auto *y) {
            typedef std::remove_pointer_t<decltype(y)> Y;
            return tile_launch(q, "attention", wgmma_forward_kernel<D, Y>, pack, a->H,
                               groups * WGMMA_ROWS, groups * WGMMA_THREADS,
                               wgmma_shape<D>::shared, *a, y, a->scale * MMA_LOG2_E);
        });
    });
}

#endif
