/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attention_mma_bwd.cuh - the backward pass of attention_mma.cuh, in two kernels that both form P
 * again from the forward's lse, so that every sum has one owner: a block has 64 keys and meets all
 * queries for dk and dv, or 64 queries and meets all keys for dq. With rows of one side in
 * registers and tiles of the other in shared memory, all products are those of the forward pass.
 */
#ifndef FK_CUDA_ATTENTION_MMA_BWD_CUH
#define FK_CUDA_ATTENTION_MMA_BWD_CUH

#include "attention_mma.cuh"

/* Two tiles in turn: a pair of vectors per token, fetched one tile ahead. */
struct mma_tiles {
    bf16 *shared; /* two tiles of a, then two of b */
    struct mma_vectors a, b;
    int n;
};

template <int D> static inline __device__ bf16 *tile_a(const struct mma_tiles *t, int side)
{
    return t->shared + side * mma_shape<D>::tile;
}

template <int D> static inline __device__ bf16 *tile_b(const struct mma_tiles *t, int side)
{
    return t->shared + (2 + side) * mma_shape<D>::tile;
}

template <int D>
static inline __device__ void fetch_pair(const struct mma_tiles *t, int side, int at)
{
    if (at < t->n) {
        fetch_tile<D>(tile_a<D>(t, side), t->a, t->n, at);
        fetch_tile<D>(tile_b<D>(t, side), t->b, t->n, at);
    }
    copies_commit();
}

static inline __device__ struct mma_vectors vectors_of_dout(const struct attention_args *a,
                                                            int first)
{
    struct mma_vectors v = {static_cast<const bf16 *>(a->dout.p) + head_at(a, first),
                            (size_t)a->H * a->D};
    return v;
}

template <int D>
static inline __device__ void put_part(const struct attention_args *a, int part,
                                       const float (&out)[mma_shape<D>::columns][4], int first,
                                       int n, int row)
{
    int g = threadIdx.x % CUDA_WARP / 4, t = threadIdx.x % 4;
    for (int half = 0; half < 2; half++) {
        int token = row + g + 8 * half;
        for (int c = 0; token < n && c < mma_shape<D>::columns; c++)
            store2(static_cast<bf16 *>(a->dqkv.p) + part_at(a, first + token, part), 8 * c + 2 * t,
                   out[c][2 * half], out[c][2 * half + 1]);
    }
}

/* What a query's scores become: s and dp to P and dS = P (dP - delta) scale. */
static inline __device__ void to_gradient(float *s, float *dp, bool there, float lse, float delta,
                                          float scale)
{
    float p = there ? exp2f((*s * scale - lse) * MMA_LOG2_E) : 0.0f;
    *dp = there ? p * (*dp - delta) * scale : 0.0f;
    *s = p;
}

template <int D>
static __global__ void __launch_bounds__(MMA_WARPS *CUDA_WARP)
    mma_dkv_kernel(struct attention_args a)
{
    CUDA_SHARED(bf16, shared);
    int first = a.offset[blockIdx.z], n = a.offset[blockIdx.z + 1] - first;
    int begin = blockIdx.x * MMA_ROWS, row = begin + threadIdx.x / CUDA_WARP * 16;
    int lane_t = threadIdx.x % 4;
    if (begin >= n)
        return;

    struct mma_tiles tiles = {shared, vectors_of_part(&a, first, PART_Q),
                              vectors_of_dout(&a, first), n};
    fetch_pair<D>(&tiles, 0, 0);
    uint32_t keys[mma_shape<D>::steps][4], values[mma_shape<D>::steps][4];
    load_rows<D>(keys, vectors_of_part(&a, first, PART_K), n, row);
    load_rows<D>(values, vectors_of_part(&a, first, PART_V), n, row);
    float dk[mma_shape<D>::columns][4] = {}, dv[mma_shape<D>::columns][4] = {};
    for (int at = 0, side = 0; at < n; at += MMA_KEYS, side ^= 1) {
        fetch_pair<D>(&tiles, side ^ 1, at + MMA_KEYS);
        copies_wait<1>();
        __syncthreads();
        float p[MMA_KEYS / 8][4], ds[MMA_KEYS / 8][4];
        scores_of<D>(p, keys, tile_a<D>(&tiles, side));
        scores_of<D>(ds, values, tile_b<D>(&tiles, side));
        for (int k = 0; k < MMA_KEYS / 8; k++)
            for (int i = 0; i < 2; i++) { /* a column is a query, of both of the lane's keys */
                int query = at + 8 * k + 2 * lane_t + i;
                bool there = query < n;
                size_t where = (size_t)(first + (there ? query : 0)) * a.H + blockIdx.y;
                float lse = a.lse[where], delta = a.delta[where];
                to_gradient(&p[k][i], &ds[k][i], there, lse, delta, a.scale);
                to_gradient(&p[k][2 + i], &ds[k][2 + i], there, lse, delta, a.scale);
            }
        add_values<D>(dv, p, tile_b<D>(&tiles, side));
        add_values<D>(dk, ds, tile_a<D>(&tiles, side));
        __syncthreads();
    }
    put_part<D>(&a, PART_K, dk, first, n, row);
    put_part<D>(&a, PART_V, dv, first, n, row);
}

template <int D>
static __global__ void __launch_bounds__(MMA_WARPS *CUDA_WARP)
    mma_dq_kernel(struct attention_args a)
{
    CUDA_SHARED(bf16, shared);
    int first = a.offset[blockIdx.z], n = a.offset[blockIdx.z + 1] - first;
    int begin = blockIdx.x * MMA_ROWS, row = begin + threadIdx.x / CUDA_WARP * 16;
    int g = threadIdx.x % CUDA_WARP / 4, lane_t = threadIdx.x % 4;
    if (begin >= n)
        return;

    struct mma_tiles tiles = {shared, vectors_of_part(&a, first, PART_K),
                              vectors_of_part(&a, first, PART_V), n};
    fetch_pair<D>(&tiles, 0, 0);
    uint32_t queries[mma_shape<D>::steps][4], given[mma_shape<D>::steps][4];
    load_rows<D>(queries, vectors_of_part(&a, first, PART_Q), n, row);
    load_rows<D>(given, vectors_of_dout(&a, first), n, row);
    float dq[mma_shape<D>::columns][4] = {}, lse[2], delta[2];
    for (int half = 0; half < 2; half++) {
        int query = row + g + 8 * half < n ? row + g + 8 * half : 0;
        lse[half] = a.lse[(size_t)(first + query) * a.H + blockIdx.y];
        delta[half] = a.delta[(size_t)(first + query) * a.H + blockIdx.y];
    }
    for (int at = 0, side = 0; at < n; at += MMA_KEYS, side ^= 1) {
        fetch_pair<D>(&tiles, side ^ 1, at + MMA_KEYS);
        copies_wait<1>();
        __syncthreads();
        float p[MMA_KEYS / 8][4], ds[MMA_KEYS / 8][4];
        scores_of<D>(p, queries, tile_a<D>(&tiles, side));
        scores_of<D>(ds, given, tile_b<D>(&tiles, side));
        for (int k = 0; k < MMA_KEYS / 8; k++)
            for (int i = 0; i < 4; i++)
                to_gradient(&p[k][i], &ds[k][i], at + 8 * k + 2 * lane_t + i % 2 < n, lse[i / 2],
                            delta[i / 2], a.scale);
        add_values<D>(dq, ds, tile_a<D>(&tiles, side));
        __syncthreads();
    }
    put_part<D>(&a, PART_Q, dq, first, n, row);
}

/* Beyond mma_fits: the gradients too are bf16. */
static bool mma_backward_fits(const struct fk_queue *q, const struct attention_args *a)
{
    return mma_fits(q, a->qkv, a->D) && a->dout.type == FK_BF16 && a->dqkv.type == FK_BF16 &&
           (uintptr_t)a->dout.p % 16 == 0;
}

/* a->delta is there already. */
static bool mma_backward(struct fk_queue *q, const struct fk_pack *pack,
                         const struct attention_args *a)
{
    return mma_width(a->D, [&](auto width) {
        constexpr int D = decltype(width)::value;
        return mma_launch<D>(q, "attention_bwd", mma_dkv_kernel<D>, pack, a->H, *a) &&
               mma_launch<D>(q, "attention_bwd", mma_dq_kernel<D>, pack, a->H, *a);
    });
}

#endif
