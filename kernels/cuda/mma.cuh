/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mma.cuh - the instructions of tensor cores that the kernels use, by the layouts of the PTX ISA
 * (mma.m16n8k16, ldmatrix, cp.async; compute capability 8.0 and later). With g = lane / 4 and
 * t = lane % 4:
 *
 *   A [16][16]: a0 (g, 2t..2t+1)  a1 (g+8, 2t..)  a2 (g, 2t+8..)  a3 (g+8, 2t+8..)
 *   B [16][8]:  b0 (k = 2t..2t+1, n = g)          b1 (k = 2t+8.., n = g)
 *   D [16][8]:  d0, d1 (g, 2t), (g, 2t+1)         d2, d3 (g+8, 2t), (g+8, 2t+1)
 *
 * Where there is no such unit they are emulated by the stand-in of tests/cuda, or trap.
 */
#ifndef FK_CUDA_MMA_CUH
#define FK_CUDA_MMA_CUH

#include "launch.cuh"

#if !defined(__CUDACC__)
#define CUDA_MMA_EMULATED
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define CUDA_MMA_NATIVE
#endif

/* d += A B, bf16 products summed in f32. */
static inline __device__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                       uint32_t b1)
{
#if defined(CUDA_MMA_NATIVE)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#elif defined(CUDA_MMA_EMULATED)
    cuda_shim_mma_bf16(d, a, b0, b1);
#else
    (void)d, (void)a, (void)b0, (void)b1;
    __trap();
#endif
}

/* Four 8x8 matrices of bf16: lane 8 i + j gives the address of row j of matrix i; r[i] receives
 * columns 2t, 2t+1 of row g of matrix i. Transposed: of column g, rows 2t and 2t+1. */
template <bool TRANSPOSED>
static inline __device__ void load_matrices(uint32_t (&r)[4], const bf16 *row)
{
#if defined(CUDA_MMA_NATIVE)
    uint32_t address = (uint32_t)__cvta_generic_to_shared(row);
    if (TRANSPOSED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(address)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(address)
                     : "memory");
#elif defined(CUDA_MMA_EMULATED)
    cuda_shim_load_matrices(r, row, TRANSPOSED);
#else
    (void)r, (void)row;
    __trap();
#endif
}

/* Sixteen bytes from global to shared memory in the background; zeros when `there` is false. */
static inline __device__ void copy16_async(void *shared, const void *global, bool there)
{
#if defined(CUDA_MMA_NATIVE)
    uint32_t address = (uint32_t)__cvta_generic_to_shared(shared), bytes = there ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global),
                 "r"(bytes)
                 : "memory");
#elif defined(CUDA_MMA_EMULATED)
    cuda_shim_copy16(shared, global, there);
#else
    uint4 *to = static_cast<uint4 *>(shared);
    *to = there ? *static_cast<const uint4 *>(global) : make_uint4(0, 0, 0, 0);
#endif
}

static inline __device__ void copies_commit()
{
#if defined(CUDA_MMA_NATIVE)
    asm volatile("cp.async.commit_group;" ::: "memory");
#elif defined(CUDA_MMA_EMULATED)
    cuda_shim_copies_commit();
#endif
}

/* Waits until at most LEFT of the newest groups are under way. */
template <int LEFT> static inline __device__ void copies_wait()
{
#if defined(CUDA_MMA_NATIVE)
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
#elif defined(CUDA_MMA_EMULATED)
    cuda_shim_copies_wait(LEFT);
#endif
}

#endif
