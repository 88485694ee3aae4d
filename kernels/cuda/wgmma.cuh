/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wgmma.cuh - Hopper's products of a warp group (wgmma.mma_async, compute capability 9.0 only, for
 * which a file is compiled as sm_90a): 64 rows, of which warp w of the group has 16 w .. 16 w + 15.
 * A comes from registers and d stays there, both in the layouts of mma.cuh for the warp's own rows;
 * B [16][N] comes from shared memory as a descriptor tells.
 *
 * Nothing is swizzled. B lies in matrices of 8 x 16 bytes, a matrix's 128 bytes in one piece. Rows
 * of a matrix are eight n, with eight k each (turned: eight k, with eight n each).
 *
 * A product begins with wgmma_fence, once its registers hold what they should, and is over after
 * wgmma_commit and wgmma_wait: until then its a, its d and its part of shared memory are left
 * alone. What threads wrote to shared memory it sees after shared_fence and a barrier.
 */
#ifndef FK_CUDA_WGMMA_CUH
#define FK_CUDA_WGMMA_CUH

#include "mma.cuh"

#if !defined(__CUDACC__)
#define CUDA_WGMMA_EMULATED
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define CUDA_WGMMA_NATIVE
#endif

/* Whether the device may find code for itself in this build. */
#if defined(CUDA_WGMMA_EMULATED) || defined(FK_CUDA_SM90A)
#define CUDA_WGMMA_BUILT true
#else
#define CUDA_WGMMA_BUILT false
#endif

enum { WGMMA_ROWS = 64, WGMMA_THREADS = 4 * CUDA_WARP };

/* Of B from `shared` on: bytes from a matrix to the next one along k, and along n; multiples of 16
 * below 2^18. The fields are in units of 16 bytes: address 0-13, along k 16-29, along n 32-45, and
 * zeros for "not swizzled" above. */
static inline __device__ uint64_t wgmma_matrices(const void *shared, uint32_t along_k,
                                                 uint32_t along_n)
{
#if defined(CUDA_WGMMA_EMULATED)
    uint32_t address = cuda_shim_shared_address(shared);
#else
    uint32_t address = (uint32_t)__cvta_generic_to_shared(shared);
#endif
    return (uint64_t)(address & 0x3ffff) >> 4 | (uint64_t)(along_k >> 4) << 16 |
           (uint64_t)(along_n >> 4) << 32;
}

/* The same matrices, so many bytes further on. */
static inline __device__ uint64_t wgmma_advance(uint64_t matrices, uint32_t bytes)
{
    return matrices + (bytes >> 4);
}

static inline __device__ void shared_fence()
{
#if defined(CUDA_WGMMA_NATIVE)
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

static inline __device__ void wgmma_fence()
{
#if defined(CUDA_WGMMA_NATIVE)
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#elif defined(CUDA_WGMMA_EMULATED)
    cuda_shim_wgmma_fence();
#endif
}

static inline __device__ void wgmma_commit()
{
#if defined(CUDA_WGMMA_NATIVE)
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#elif defined(CUDA_WGMMA_EMULATED)
    cuda_shim_wgmma_commit();
#endif
}

/* Waits until at most LEFT of the newest groups are under way. */
template <int LEFT> static inline __device__ void wgmma_wait()
{
#if defined(CUDA_WGMMA_NATIVE)
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(LEFT) : "memory");
#elif defined(CUDA_WGMMA_EMULATED)
    cuda_shim_wgmma_wait(LEFT);
#endif
}

/* Behind a wait, of which the compiler does not know what it is good for: d is not used before, and
 * the registers of a are not used for something else before. */
static inline __device__ void wgmma_settle(float &d)
{
#if defined(CUDA_WGMMA_NATIVE)
    asm volatile("" : "+f"(d)::"memory");
#else
    (void)d;
#endif
}

static inline __device__ void wgmma_settle(uint32_t &a)
{
#if defined(CUDA_WGMMA_NATIVE)
    asm volatile("" : "+r"(a)::"memory");
#else
    (void)a;
#endif
}

template <typename T, int N> static inline __device__ void wgmma_settle(T (&registers)[N][4])
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 4; k++)
            wgmma_settle(registers[i][k]);
}

#if defined(CUDA_WGMMA_NATIVE)
#define WGMMA_D(c) "+f"(d[c][0]), "+f"(d[c][1]), "+f"(d[c][2]), "+f"(d[c][3])
#define WGMMA_D8(c)                                                                                \
    WGMMA_D(c), WGMMA_D(c + 1), WGMMA_D(c + 2), WGMMA_D(c + 3), WGMMA_D(c + 4), WGMMA_D(c + 5),    \
        WGMMA_D(c + 6), WGMMA_D(c + 7)
#define WGMMA_NAMES32                                                                              \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                       \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define WGMMA_NAMES36 WGMMA_NAMES32 ", %32, %33, %34, %35"
#define WGMMA_NAMES48                                                                              \
    WGMMA_NAMES36 ", %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
/* n is N, a0 .. turned the numbers of the operands after d's. */
#define WGMMA(n, names, a0, a1, a2, a3, b, add_to, turned, ...)                                    \
    asm volatile("{\n"                                                                             \
                 ".reg .pred p;\n"                                                                 \
                 "setp.ne.b32 p, %" add_to ", 0;\n"                                                \
                 "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 {" names "}, "           \
                 "{%" a0 ", %" a1 ", %" a2 ", %" a3 "}, %" b ", p, 1, 1, %" turned ";\n"           \
                 "}\n"                                                                             \
                 : __VA_ARGS__                                                                     \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(matrices), "r"((int)add),       \
                   "n"((int)TURNED))
#endif

/* d [64][8 COLUMNS] = A B, or += with `add`; `matrices` tell where B's [16][8 COLUMNS] lie. */
template <bool TURNED, int COLUMNS>
static inline __device__ void wgmma(float (&d)[COLUMNS][4], const uint32_t (&a)[4],
                                    uint64_t matrices, bool add)
{
    static_assert(COLUMNS == 8 || COLUMNS == 9 || COLUMNS == 12, "the widths that are needed");
#if defined(CUDA_WGMMA_NATIVE)
    if constexpr (COLUMNS == 8)
        WGMMA("64", WGMMA_NAMES32, "32", "33", "34", "35", "36", "37", "38", WGMMA_D8(0));
    else if constexpr (COLUMNS == 9)
        WGMMA("72", WGMMA_NAMES36, "36", "37", "38", "39", "40", "41", "42", WGMMA_D8(0),
              WGMMA_D(8));
    else
        WGMMA("96", WGMMA_NAMES48, "48", "49", "50", "51", "52", "53", "54", WGMMA_D8(0),
              WGMMA_D(8), WGMMA_D(9), WGMMA_D(10), WGMMA_D(11));
#elif defined(CUDA_WGMMA_EMULATED)
    cuda_shim_wgmma(&d[0][0], COLUMNS, a, matrices, TURNED, add);
#else
    (void)d, (void)a, (void)matrices, (void)add;
    __trap();
#endif
}

#endif
