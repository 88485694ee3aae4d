/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.cuh - what every kernel is written with: typed values, reductions, launches.
 *
 * `cuda_launch` starts a kernel on the queue's stream; `cuda_launch_flat` one whose threads know
 * nothing of each other, a thread per element. Both check at once that the launch was accepted.
 */
#ifndef FK_CUDA_LAUNCH_CUH
#define FK_CUDA_LAUNCH_CUH

#include "cuda.h"
#include "fk_dtype.h"

#include <math.h>
#include <type_traits>

enum { CUDA_WARP = 32, CUDA_FLAT_BLOCK = 256 };

/* ---- values ------------------------------------------------------------------------------- */

struct bf16 {
    uint16_t bits;
};

static inline __device__ float load(const float *p, size_t i)
{
    return p[i];
}

static inline __device__ float load(const bf16 *p, size_t i)
{
    return fk_bf16_to_f32(p[i].bits);
}

static inline __device__ uint16_t to_bf16_bits(float value)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    uint16_t bits; /* one instruction; NaN becomes the canonical one */
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#else
    return fk_f32_to_bf16(value);
#endif
}

static inline __device__ void store(float *p, size_t i, float value)
{
    p[i] = value;
}

static inline __device__ void store(bf16 *p, size_t i, float value)
{
    p[i].bits = to_bf16_bits(value);
}

/* Two neighbours at once; i is even and p aligned for the pair. */
static inline __device__ float2 load2(const float *p, size_t i)
{
    return *reinterpret_cast<const float2 *>(p + i);
}

static inline __device__ float2 load2(const bf16 *p, size_t i)
{
    uint32_t both = *reinterpret_cast<const uint32_t *>(p + i);
    return make_float2(fk_bf16_to_f32((uint16_t)both), fk_bf16_to_f32((uint16_t)(both >> 16)));
}

static inline __device__ uint32_t pack_bf16(float low, float high)
{
    return (uint32_t)to_bf16_bits(low) | (uint32_t)to_bf16_bits(high) << 16;
}

static inline __device__ void store2(float *p, size_t i, float a, float b)
{
    *reinterpret_cast<float2 *>(p + i) = make_float2(a, b);
}

static inline __device__ void store2(bf16 *p, size_t i, float a, float b)
{
    *reinterpret_cast<uint32_t *>(p + i) = pack_bf16(a, b);
}

/* The same of a type known only while it runs, for tensors whose combinations would be more kernels
 * than are ever used. */
static inline __device__ float load(struct fk_ptr x, size_t i)
{
    return x.type == FK_F32 ? load(static_cast<const float *>(x.p), i)
                            : load(static_cast<const bf16 *>(x.p), i);
}

static inline __device__ void store(struct fk_ptr y, size_t i, float value)
{
    if (y.type == FK_F32)
        store(static_cast<float *>(y.p), i, value);
    else
        store(static_cast<bf16 *>(y.p), i, value);
}

/* Calls f with the pointer in its type: cuda_typed(x, [&](auto *x) { ... }). */
template <typename F> static inline bool cuda_typed(struct fk_ptr x, F f)
{
    return x.type == FK_F32 ? f(static_cast<float *>(x.p)) : f(static_cast<bf16 *>(x.p));
}

template <typename F> static inline bool cuda_typed(struct fk_ptr x, struct fk_ptr y, F f)
{
    return cuda_typed(x, [&](auto *a) { return cuda_typed(y, [&](auto *b) { return f(a, b); }); });
}

/* ---- within a warp ------------------------------------------------------------------------ */

/* The same sum in every lane, by a fixed tree. */
template <typename T> static inline __device__ T warp_sum(T value)
{
    for (int step = CUDA_WARP / 2; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

static inline __device__ float warp_max(float value)
{
    for (int step = CUDA_WARP / 2; step > 0; step /= 2)
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
}

/* ---- within a block ----------------------------------------------------------------------- */

/* The sum of what every thread of a block of THREADS brings, by a fixed tree; thread 0 has it. */
template <int THREADS> static inline __device__ double block_sum(double own)
{
    __shared__ double room[THREADS];
    int thread = threadIdx.x;
    room[thread] = own;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (thread < half)
            room[thread] += room[thread + half];
        __syncthreads();
    }
    return room[0];
}

/* The image that owns token n: offset[b] <= n < offset[b+1]. */
static inline __device__ int image_of(const int32_t *offset, int n_images, int n)
{
    int low = 0, high = n_images;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (offset[middle] <= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- launches ----------------------------------------------------------------------------- */

template <typename... P, typename... A>
static inline bool cuda_launch(struct fk_queue *q, const char *name, void (*kernel)(P...),
                               dim3 grid, dim3 block, size_t shared, A... arguments)
{
    if (!grid.x || !grid.y || !grid.z)
        return true; /* nothing to do */
#ifdef __CUDACC__
    kernel<<<grid, block, shared, q->stream>>>(static_cast<P>(arguments)...);
#else
    cuda_shim_launch(q->stream, grid, block, shared, true,
                     [=] { kernel(static_cast<P>(arguments)...); });
#endif
    return cuda_ok(q, cudaGetLastError(), name);
}

/* A kernel of n threads that use neither shared memory nor each other; it asks flat_index(). */
template <typename... P, typename... A>
static inline bool cuda_launch_flat(struct fk_queue *q, const char *name, void (*kernel)(P...),
                                    size_t n, A... arguments)
{
    size_t blocks = (n + CUDA_FLAT_BLOCK - 1) / CUDA_FLAT_BLOCK;
    if (blocks > 0x7fffffff)
        return cuda_fail(q, "%s: %zu elements are more than one launch holds", name, n);
    if (!blocks)
        return true;
#ifdef __CUDACC__
    kernel<<<dim3((unsigned)blocks), dim3(CUDA_FLAT_BLOCK), 0, q->stream>>>(
        static_cast<P>(arguments)...);
#else
    cuda_shim_launch(q->stream, dim3((unsigned)blocks), dim3(CUDA_FLAT_BLOCK), 0, false,
                     [=] { kernel(static_cast<P>(arguments)...); });
#endif
    return cuda_ok(q, cudaGetLastError(), name);
}

static inline __device__ size_t flat_index()
{
    return (size_t)blockIdx.x * CUDA_FLAT_BLOCK + threadIdx.x;
}

/* The dynamic shared memory of a block, as an array of T. */
#ifdef __CUDACC__
#define CUDA_SHARED(T, name)                                                                       \
    extern __shared__ __align__(16) unsigned char cuda_shared_bytes[];                             \
    T *name = reinterpret_cast<T *>(cuda_shared_bytes)
#else
#define CUDA_SHARED(T, name) T *name = static_cast<T *>(cuda_shim_shared())
#endif

static inline unsigned cuda_blocks(size_t n, unsigned per_block)
{
    return (unsigned)((n + per_block - 1) / per_block);
}

#endif
