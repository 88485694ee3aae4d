/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attention_mma.cuh - softmax attention on tensor cores (Dao, arXiv 2307.08691): bf16 q, k, v,
 * heads of 64, 72 and 96, f32 scores, softmax and sums.
 *
 * A block of four warps has 64 queries of one head, a warp 16 of them, whose q lies in registers.
 * Tiles of 64 keys and values come through shared memory, the next while this one is worked on.
 * For q . k the width is filled with zeros to a multiple of 16; the product with v has exactly the
 * width's columns, so that a head of 72 costs 80 and 72, not 96. There is no mask: what lies beyond
 * an image's last token is left out of its last tile.
 */
#ifndef FK_CUDA_ATTENTION_MMA_CUH
#define FK_CUDA_ATTENTION_MMA_CUH

#include "attention_plain.cuh"
#include "mma.cuh"

enum { MMA_ROWS = 64, MMA_KEYS = 64, MMA_WARPS = MMA_ROWS / 16 };
#define MMA_LOG2_E 1.4426950408889634f

/* Steps of 16 through a head, and the step between rows of a tile: eight more than the width, so
 * that the eight rows of a matrix lie in different banks. */
template <int D> struct mma_shape {
    static constexpr int steps = (D + 15) / 16, wide = 16 * steps, stride = wide + 8;
    static constexpr int columns = D / 8;
    static constexpr size_t tile = (size_t)MMA_KEYS * stride; /* values of one tile of k or of v */
    static constexpr size_t shared = 4 * tile * sizeof(bf16);
};

/* Where the vectors of a head lie: those of part q, k or v in qkv, or those of [N][H][D]. */
struct mma_vectors {
    const bf16 *first; /* that of the image's first token */
    size_t step;       /* from token to token */
};

static inline __device__ struct mma_vectors vectors_of_part(const struct attention_args *a,
                                                            int first, int part)
{
    const bf16 *qkv = static_cast<const bf16 *>(a->qkv.p);
    struct mma_vectors v = {qkv + part_at(a, first, part), (size_t)3 * a->H * a->D};
    return v;
}

/* A tile of the vectors from token `at` of the image's n on, in the background. */
template <int D>
static inline __device__ void fetch_tile(bf16 *to, struct mma_vectors v, int n, int at)
{
    constexpr int chunks = mma_shape<D>::wide / 8;
    for (int i = threadIdx.x; i < MMA_KEYS * chunks; i += blockDim.x) {
        int row = i / chunks, d = i % chunks * 8;
        bool there = at + row < n && d < D;
        copy16_async(to + row * mma_shape<D>::stride + d,
                     there ? v.first + (at + row) * v.step + d : v.first, there);
    }
}

/* The vectors of the warp's 16 rows as the operand A of its steps; rows beyond the image are
 * zero. */
template <int D>
static inline __device__ void load_rows(uint32_t (&rows)[mma_shape<D>::steps][4],
                                        struct mma_vectors v, int n, int row)
{
    int g = threadIdx.x % CUDA_WARP / 4, t = threadIdx.x % 4;
    for (int s = 0; s < mma_shape<D>::steps; s++)
        for (int r = 0; r < 4; r++) {
            int token = row + g + 8 * (r % 2), d = 16 * s + 2 * t + 8 * (r / 2);
            rows[s][r] = token < n && d < D ? *reinterpret_cast<const uint32_t *>(
                                                  v.first + token * v.step + d)
                                            : 0;
        }
}

/* s [16][64] of the warp: its rows times the vectors of a tile, in eight groups of eight. */
template <int D>
static inline __device__ void scores_of(float (&s)[MMA_KEYS / 8][4],
                                        const uint32_t (&q)[mma_shape<D>::steps][4],
                                        const bf16 *keys)
{
    int lane = threadIdx.x % CUDA_WARP;
    /* matrices 0, 1: keys 0-7, dimensions 0-7 and 8-15 of the step; 2, 3: keys 8-15 */
    const bf16 *row = keys + (lane % 8 + lane / 16 * 8) * mma_shape<D>::stride + lane / 8 % 2 * 8;
    for (int k = 0; k < MMA_KEYS / 16; k++) {
        for (int i = 0; i < 4; i++)
            s[2 * k][i] = s[2 * k + 1][i] = 0;
        for (int step = 0; step < mma_shape<D>::steps; step++) {
            uint32_t b[4];
            load_matrices<false>(b, row + k * 16 * mma_shape<D>::stride + step * 16);
            mma_bf16(s[2 * k], q[step], b[0], b[1]);
            mma_bf16(s[2 * k + 1], q[step], b[2], b[3]);
        }
    }
}

/* out [16][D] += p [16][64] . v. */
template <int D>
static inline __device__ void add_values(float (&out)[mma_shape<D>::columns][4],
                                         const float (&p)[MMA_KEYS / 8][4], const bf16 *values)
{
    int lane = threadIdx.x % CUDA_WARP;
    for (int k = 0; k < MMA_KEYS / 16; k++) {
        const uint32_t a[4] = {
            pack_bf16(p[2 * k][0], p[2 * k][1]), pack_bf16(p[2 * k][2], p[2 * k][3]),
            pack_bf16(p[2 * k + 1][0], p[2 * k + 1][1]),
            pack_bf16(p[2 * k + 1][2], p[2 * k + 1][3])};
        /* matrices 0, 1: tokens 0-7 and 8-15 of columns 0-7; 2, 3: of columns 8-15 */
        const bf16 *row = values + (k * 16 + lane % 16) * mma_shape<D>::stride + lane / 16 * 8;
        for (int c = 0; c < mma_shape<D>::columns; c += 2) {
            uint32_t b[4];
            load_matrices<true>(b, row + c * 8);
            mma_bf16(out[c], a, b[0], b[1]);
            if (c + 1 < mma_shape<D>::columns)
                mma_bf16(out[c + 1], a, b[2], b[3]);
        }
    }
}

static inline __device__ float quad_max(float value)
{
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
    return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

static inline __device__ float quad_sum(float value)
{
    value += __shfl_xor_sync(0xffffffffu, value, 1);
    return value + __shfl_xor_sync(0xffffffffu, value, 2);
}

/* The running softmax of a lane's two rows, g and g + 8: maxima in units of log2, sums of the
 * lane's own columns (joined at the end). */
struct mma_softmax {
    float most[2], total[2];
};

/* s becomes 2^(s * log2e * scale - most); `keep` is what earlier sums shrink by. */
static inline __device__ void soften(struct mma_softmax *m, float (&s)[MMA_KEYS / 8][4],
                                     float (&keep)[2], float scale_log2, int count)
{
    int t = threadIdx.x % 4;
    for (int half = 0; half < 2; half++) {
        float rise = m->most[half];
        for (int k = 0; k < MMA_KEYS / 8; k++)
            for (int i = 0; i < 2; i++) {
                float *x = &s[k][2 * half + i];
                *x = 8 * k + 2 * t + i < count ? *x * scale_log2 : -INFINITY;
                rise = fmaxf(rise, *x);
            }
        rise = quad_max(rise);
        keep[half] = exp2f(m->most[half] - rise);
        m->most[half] = rise;
        m->total[half] *= keep[half];
        for (int k = 0; k < MMA_KEYS / 8; k++)
            for (int i = 0; i < 2; i++) {
                float *x = &s[k][2 * half + i];
                *x = exp2f(*x - rise);
                m->total[half] += *x;
            }
    }
}

template <int D, typename Y>
static inline __device__ void put_rows(const struct attention_args *a, Y *y,
                                       const float (&out)[mma_shape<D>::columns][4],
                                       const struct mma_softmax *m, int first, int n, int row)
{
    int g = threadIdx.x % CUDA_WARP / 4, t = threadIdx.x % 4;
    for (int half = 0; half < 2; half++) {
        int token = row + g + 8 * half;
        float total = quad_sum(m->total[half]), most = m->most[half];
        if (token >= n)
            continue;
        for (int c = 0; c < mma_shape<D>::columns; c++)
            store2(y + head_at(a, first + token), 8 * c + 2 * t, out[c][2 * half] / total,
                   out[c][2 * half + 1] / total);
        if (a->lse && t == 0)
            a->lse[(size_t)(first + token) * a->H + blockIdx.y] =
                (most + log2f(total)) * 0.6931471805599453f;
    }
}

template <int D, typename Y>
static __global__ void __launch_bounds__(MMA_WARPS *CUDA_WARP)
    mma_forward_kernel(struct attention_args a, Y *y, float scale_log2)
{
    CUDA_SHARED(bf16, shared);
    constexpr size_t tile = mma_shape<D>::tile;
    bf16 *keys = shared, *values = shared + 2 * tile; /* two of each, in turn */
    int first = a.offset[blockIdx.z], n = a.offset[blockIdx.z + 1] - first;
    int begin = blockIdx.x * MMA_ROWS, row = begin + threadIdx.x / CUDA_WARP * 16;
    if (begin >= n)
        return;

    struct mma_vectors k = vectors_of_part(&a, first, PART_K);
    struct mma_vectors v = vectors_of_part(&a, first, PART_V);
    uint32_t q[mma_shape<D>::steps][4];
    float out[mma_shape<D>::columns][4] = {};
    struct mma_softmax m = {{-INFINITY, -INFINITY}, {0, 0}};
    fetch_tile<D>(keys, k, n, 0);
    fetch_tile<D>(values, v, n, 0);
    copies_commit();
    load_rows<D>(q, vectors_of_part(&a, first, PART_Q), n, row);
    for (int at = 0, side = 0; at < n; at += MMA_KEYS, side ^= 1) {
        if (at + MMA_KEYS < n) { /* the other side is free: all left it before the last barrier */
            fetch_tile<D>(keys + (side ^ 1) * tile, k, n, at + MMA_KEYS);
            fetch_tile<D>(values + (side ^ 1) * tile, v, n, at + MMA_KEYS);
        }
        copies_commit();
        copies_wait<1>();
        __syncthreads();
        float s[MMA_KEYS / 8][4], keep[2];
        scores_of<D>(s, q, keys + side * tile);
        soften(&m, s, keep, scale_log2, n - at);
        for (int c = 0; c < mma_shape<D>::columns; c++)
            for (int i = 0; i < 4; i++)
                out[c][i] *= keep[i / 2];
        add_values<D>(out, s, values + side * tile);
        __syncthreads();
    }
    put_rows<D>(&a, y, out, &m, first, n, row);
}

static bool mma_fits(const struct fk_queue *q, struct fk_ptr qkv, int D)
{
    return q->state->capability >= 80 && qkv.type == FK_BF16 && (D == 64 || D == 72 || D == 96) &&
           (uintptr_t)qkv.p % 16 == 0;
}

/* A kernel whose blocks have so many tokens of one head, threads and bytes of shared memory. */
template <typename... P, typename... A>
static bool tile_launch(struct fk_queue *q, const char *name, void (*kernel)(P...),
                        const struct fk_pack *pack, int H, int rows, int threads, size_t shared,
                        A... arguments)
{
    dim3 grid(cuda_blocks(pack->longest, rows), (unsigned)H, (unsigned)pack->n_images);
    return cuda_ok(q, cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                           cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           (int)shared),
                   name) &&
           cuda_launch(q, name, kernel, grid, dim3(threads), shared, arguments...);
}

template <int D, typename... P, typename... A>
static bool mma_launch(struct fk_queue *q, const char *name, void (*kernel)(P...),
                       const struct fk_pack *pack, int H, A... arguments)
{
    return tile_launch(q, name, kernel, pack, H, MMA_ROWS, MMA_WARPS * CUDA_WARP,
                       mma_shape<D>::shared, arguments...);
}

/* Calls f with D, one of the widths of mma_fits, as a type: f(std::integral_constant<int, D>()). */
template <typename F> static bool mma_width(int D, F f)
{
    switch (D) {
    case 64:
        return f(std::integral_constant<int, 64>());
    case 72:
        return f(std::integral_constant<int, 72>());
    default:
        return f(std::integral_constant<int, 96>());
    }
}

static bool mma_forward(struct fk_queue *q, const struct fk_pack *pack,
                        const struct attention_args *a)
{
    return mma_width(a->D, [&](auto width) {
        constexpr int D = decltype(width)::value;
        return cuda_typed(a->out, [&](auto *y) {
            typedef std::remove_pointer_t<decltype(y)> Y;
            return mma_launch<D>(q, "attention", mma_forward_kernel<D, Y>, pack, a->H, *a, y,
                                 a->scale * MMA_LOG2_E);
        });
    });
}

#endif
