/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attention_plain.cuh - softmax attention in f32, for any type and head width: what the reference
 * mode runs, and the backward pass. A warp has one row (a query, or in dk and dv a key); the rows
 * of a block share tiles of the other side in shared memory, a lane per token of the tile. The
 * softmax runs along with a maximum that only rises (Milakov & Gimelshein, arXiv 1805.02867).
 */
#ifndef FK_CUDA_ATTENTION_PLAIN_CUH
#define FK_CUDA_ATTENTION_PLAIN_CUH

#include "launch.cuh"

enum { PLAIN_MAX_HEAD = 512, PLAIN_LANES = PLAIN_MAX_HEAD / CUDA_WARP, PLAIN_SHARED = 48 * 1024 };
enum { PART_Q, PART_K, PART_V, PART_DOUT };

/* What a kernel of attention is about: tensors as fk.h names them. */
struct attention_args {
    struct fk_ptr qkv, out, dout, dqkv;
    float *lse, *delta; /* [N][H] */
    const int32_t *offset;
    int H, D, tile; /* tokens of a tile, at most a warp's lanes */
    float scale;
};

/* Tokens of one image, and where the block's own vectors lie. */
struct attention_room {
    int first, n;       /* of the image */
    float *own, *own2;  /* [warps][D] */
    float *weight;      /* [warps][32] */
    float *all, *all2;  /* [tile][D + 1]: an odd step, so that lanes meet in no bank */
};

static inline __device__ size_t part_at(const struct attention_args *a, int token, int part)
{
    return (((size_t)token * 3 + part) * a->H + blockIdx.y) * a->D;
}

static inline __device__ size_t head_at(const struct attention_args *a, int token)
{
    return ((size_t)token * a->H + blockIdx.y) * a->D;
}

static inline __device__ struct attention_room room_of(const struct attention_args *a,
                                                       float *shared)
{
    struct attention_room r;
    r.first = a->offset[blockIdx.z];
    r.n = a->offset[blockIdx.z + 1] - r.first;
    r.own = shared;
    r.own2 = r.own + blockDim.y * a->D;
    r.weight = r.own2 + blockDim.y * a->D;
    r.all = r.weight + blockDim.y * CUDA_WARP;
    r.all2 = r.all + a->tile * (a->D + 1);
    return r;
}

/* to [rows][step] = the vectors of `part` of tokens `at` .. at + count - 1; what is beyond is
 * zero. */
static inline __device__ void stage(float *to, int step, int rows, int count,
                                    const struct attention_args *a, int at, int part)
{
    int threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
    struct fk_ptr x = part == PART_DOUT ? a->dout : a->qkv;
    for (int i = me; i < rows * a->D; i += threads) {
        int row = i / a->D, d = i % a->D;
        size_t first = part == PART_DOUT ? head_at(a, at + row) : part_at(a, at + row, part);
        to[row * step + d] = row < count ? load(x, first + d) : 0.0f;
    }
}

/* The next tile: both of its vectors, after all have left the last one. */
static inline __device__ void stage_tile(const struct attention_args *a,
                                         const struct attention_room *r, int at, int count,
                                         int part, int part2)
{
    __syncthreads();
    stage(r->all, a->D + 1, a->tile, count, a, r->first + at, part);
    stage(r->all2, a->D + 1, a->tile, count, a, r->first + at, part2);
    __syncthreads();
}

static inline __device__ float dot(const float *a, const float *b, int D)
{
    float sum = 0;
    for (int d = 0; d < D; d++)
        sum = fmaf(a[d], b[d], sum);
    return sum;
}

/* sum[j] += the weights of the lanes times the vectors all[0..count). */
static inline __device__ void add_weighted(float (&sum)[PLAIN_LANES], float weight,
                                           const struct attention_room *r, const float *all,
                                           int count, int D)
{
    float *weights = r->weight + threadIdx.y * CUDA_WARP;
    __syncwarp(); /* until the former ones have been read */
    weights[threadIdx.x] = weight;
    __syncwarp();
    for (int k = 0; k < count; k++) {
        float w = weights[k];
        for (int j = 0; j < PLAIN_LANES; j++) {
            int d = j * CUDA_WARP + (int)threadIdx.x;
            if (d < D)
                sum[j] = fmaf(w, all[k * (D + 1) + d], sum[j]);
        }
    }
}

static inline __device__ void put_row(struct fk_ptr y, size_t at, const float (&sum)[PLAIN_LANES],
                                      float factor, int D)
{
    for (int j = 0; j < PLAIN_LANES; j++) {
        int d = j * CUDA_WARP + (int)threadIdx.x;
        if (d < D)
            store(y, at + d, sum[j] * factor);
    }
}

static __global__ void plain_forward_kernel(struct attention_args a)
{
    CUDA_SHARED(float, shared);
    struct attention_room r = room_of(&a, shared);
    int begin = blockIdx.x * blockDim.y, row = begin + threadIdx.y, D = a.D;
    if (begin >= r.n)
        return;
    stage(r.own, D, blockDim.y, r.n - begin, &a, r.first + begin, PART_Q);
    float most = -INFINITY, total = 0, sum[PLAIN_LANES] = {};
    for (int at = 0; at < r.n; at += a.tile) {
        int count = r.n - at < a.tile ? r.n - at : a.tile, lane = threadIdx.x;
        stage_tile(&a, &r, at, count, PART_K, PART_V);
        float s = -INFINITY;
        if (lane < count)
            s = a.scale * dot(r.own + threadIdx.y * D, r.all + lane * (D + 1), D);
        float rise = fmaxf(most, warp_max(s)), keep = expf(most - rise), p = expf(s - rise);
        total = total * keep + warp_sum(p);
        most = rise;
        for (int j = 0; j < PLAIN_LANES; j++)
            sum[j] *= keep;
        add_weighted(sum, p, &r, r.all2, count, D);
    }
    if (row >= r.n)
        return;
    put_row(a.out, head_at(&a, r.first + row), sum, 1.0f / total, D);
    if (a.lse && threadIdx.x == 0)
        a.lse[(size_t)(r.first + row) * a.H + blockIdx.y] = most + logf(total);
}

/* delta [N][H] = sum over D of dout * out: what softmax's gradient subtracts from dP. */
static __global__ void delta_kernel(struct attention_args a, int N)
{
    int index = blockIdx.x * blockDim.y + threadIdx.y; /* token * H + head */
    if (index >= N * a.H)
        return;
    float sum = 0;
    for (int d = threadIdx.x; d < a.D; d += CUDA_WARP)
        sum += load(a.dout, (size_t)index * a.D + d) * load(a.out, (size_t)index * a.D + d);
    sum = warp_sum(sum);
    if (threadIdx.x == 0)
        a.delta[index] = sum;
}

/* dq = sum over keys of dS k, dS = P (dP - delta) scale, dP = dout . v. Rows are queries. */
static __global__ void plain_dq_kernel(struct attention_args a)
{
    CUDA_SHARED(float, shared);
    struct attention_room r = room_of(&a, shared);
    int begin = blockIdx.x * blockDim.y, row = begin + threadIdx.y, D = a.D, lane = threadIdx.x;
    if (begin >= r.n)
        return;
    stage(r.own, D, blockDim.y, r.n - begin, &a, r.first + begin, PART_Q);
    stage(r.own2, D, blockDim.y, r.n - begin, &a, r.first + begin, PART_DOUT);
    size_t own = (size_t)(r.first + (row < r.n ? row : begin)) * a.H + blockIdx.y;
    float lse = a.lse[own], delta = a.delta[own], sum[PLAIN_LANES] = {};
    for (int at = 0; at < r.n; at += a.tile) {
        int count = r.n - at < a.tile ? r.n - at : a.tile;
        stage_tile(&a, &r, at, count, PART_K, PART_V);
        float ds = 0;
        if (lane < count) {
            float s = a.scale * dot(r.own + threadIdx.y * D, r.all + lane * (D + 1), D);
            float dp = dot(r.own2 + threadIdx.y * D, r.all2 + lane * (D + 1), D);
            ds = expf(s - lse) * (dp - delta) * a.scale;
        }
        add_weighted(sum, ds, &r, r.all, count, D);
    }
    if (row < r.n)
        put_row(a.dqkv, part_at(&a, r.first + row, PART_Q), sum, 1.0f, D);
}

/* dk = sum over queries of dS q, dv = sum of P dout. Rows are keys. */
static __global__ void plain_dkv_kernel(struct attention_args a)
{
    CUDA_SHARED(float, shared);
    struct attention_room r = room_of(&a, shared);
    int begin = blockIdx.x * blockDim.y, row = begin + threadIdx.y, D = a.D, lane = threadIdx.x;
    if (begin >= r.n)
        return;
    stage(r.own, D, blockDim.y, r.n - begin, &a, r.first + begin, PART_K);
    stage(r.own2, D, blockDim.y, r.n - begin, &a, r.first + begin, PART_V);
    float dk[PLAIN_LANES] = {}, dv[PLAIN_LANES] = {};
    for (int at = 0; at < r.n; at += a.tile) {
        int count = r.n - at < a.tile ? r.n - at : a.tile;
        stage_tile(&a, &r, at, count, PART_Q, PART_DOUT);
        float p = 0, ds = 0;
        if (lane < count) {
            size_t query = (size_t)(r.first + at + lane) * a.H + blockIdx.y;
            float s = a.scale * dot(r.all + lane * (D + 1), r.own + threadIdx.y * D, D);
            float dp = dot(r.all2 + lane * (D + 1), r.own2 + threadIdx.y * D, D);
            p = expf(s - a.lse[query]);
            ds = p * (dp - a.delta[query]) * a.scale;
        }
        add_weighted(dk, ds, &r, r.all, count, D);
        add_weighted(dv, p, &r, r.all2, count, D);
    }
    if (row >= r.n)
        return;
    put_row(a.dqkv, part_at(&a, r.first + row, PART_K), dk, 1.0f, D);
    put_row(a.dqkv, part_at(&a, r.first + row, PART_V), dv, 1.0f, D);
}

#endif
