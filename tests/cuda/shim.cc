/* SPDX-License-Identifier: Apache-2.0 */
#include "cuda_runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#include "async.h"
#include "fibers.h"
#include "fk_dtype.h"
#include "stream.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

/* ---- a block ------------------------------------------------------------------------------ */

struct warp {
    unsigned char slots[2][CUDA_SHIM_LANES][CUDA_SHIM_SLOT];
    unsigned exchanges[CUDA_SHIM_LANES]; /* begun by each lane */
    unsigned arrived, finished;          /* lanes in the exchange under way; exchanges done */
};

static std::vector<warp> warps;
static std::vector<unsigned char> shared_memory;
static unsigned barrier_arrived, barrier_finished, live;

void cuda_shim_fail(const char *sentence)
{
    fprintf(stderr, "kernel of %u x %u x %u threads, block (%u, %u, %u): %s\n", blockDim.x,
            blockDim.y, blockDim.z, blockIdx.x, blockIdx.y, blockIdx.z, sentence);
    abort();
}

static void stuck()
{
    cuda_shim_fail("a barrier or a shuffle is not reached by all its threads");
}

static void place_thread(unsigned i)
{
    threadIdx = dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y);
}

void *cuda_shim_shared()
{
    return shared_memory.data();
}

void __syncthreads()
{
    unsigned mine = barrier_finished + 1;
    if (++barrier_arrived == live) {
        barrier_arrived = 0;
        barrier_finished = mine;
        return;
    }
    fiber_wait(&barrier_finished, mine);
}

/* A thread that ends is waited for no longer. */
static void thread_ends()
{
    async_end_thread();
    live--;
    if (live && barrier_arrived == live) {
        barrier_arrived = 0;
        barrier_finished++;
    }
}

unsigned cuda_shim_lane()
{
    return fiber_current() % CUDA_SHIM_LANES;
}

const unsigned char *cuda_shim_exchange(const void *value, size_t bytes)
{
    warp *w = &warps[fiber_current() / CUDA_SHIM_LANES];
    unsigned lane = cuda_shim_lane(), mine = ++w->exchanges[lane];
    memcpy(w->slots[mine % 2][lane], value, bytes);
    if (++w->arrived == CUDA_SHIM_LANES) {
        w->arrived = 0;
        w->finished = mine;
    } else {
        fiber_wait(&w->finished, mine);
    }
    return w->slots[mine % 2][0];
}

void __syncwarp()
{
    const char nothing = 0;
    cuda_shim_exchange(&nothing, sizeof nothing);
}

static void run_block(unsigned threads, size_t shared, const std::function<void()> &thread,
                      bool backwards)
{
    warps.assign((threads + CUDA_SHIM_LANES - 1) / CUDA_SHIM_LANES, warp());
    shared_memory.assign(shared + 16, 0xff); /* nothing may rely on zeros */
    async_begin(threads, shared);
    barrier_arrived = barrier_finished = 0;
    live = threads;
    fibers_run(
        threads, backwards,
        [&](unsigned) {
            thread();
            thread_ends();
        },
        [] { place_thread(fiber_current()); }, stuck);
}

static void run_grid(dim3 grid, dim3 block, size_t shared, bool cooperative,
                     const std::function<void()> &thread)
{
    unsigned threads = block.x * block.y * block.z;
    gridDim = grid;
    blockDim = block;
    if (threads > 1024 || (cooperative && threads % CUDA_SHIM_LANES))
        cuda_shim_fail("expected whole warps, and at most 1024 threads");
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++) {
                if (cooperative) {
                    run_block(threads, shared, thread, blockIdx.x % 2);
                    continue;
                }
                for (unsigned i = 0; i < threads; i++) {
                    place_thread(i);
                    thread();
                }
            }
}

/* ---- tensor cores ------------------------------------------------------------------------- */

static float half_of(uint32_t pair, int high)
{
    return fk_bf16_to_f32((uint16_t)(high ? pair >> 16 : pair));
}

void cuda_shim_mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
    const unsigned char *all = cuda_shim_exchange(mine, sizeof mine);
    auto operand = [all](int lane, int which) {
        uint32_t value;
        memcpy(&value, all + lane * CUDA_SHIM_SLOT + 4 * which, sizeof value);
        return value;
    };
    int g = (int)cuda_shim_lane() / 4, t = (int)cuda_shim_lane() % 4;
    for (int i = 0; i < 4; i++) {
        int row = g + 8 * (i / 2), column = 2 * t + i % 2;
        float sum = 0;
        for (int k = 0; k < 16; k++)
            sum += half_of(operand(row % 8 * 4 + k % 8 / 2, row / 8 + 2 * (k / 8)), k % 2) *
                   half_of(operand(column * 4 + k % 8 / 2, 4 + k / 8), k % 2);
        d[i] += sum;
    }
}

void cuda_shim_load_matrices(uint32_t (&r)[4], const void *row, bool transposed)
{
    if ((uintptr_t)row % 16)
        cuda_shim_fail("a row of a matrix is not aligned to 16 bytes");
    const unsigned char *all = cuda_shim_exchange(&row, sizeof row);
    int g = (int)cuda_shim_lane() / 4, t = (int)cuda_shim_lane() % 4;
    for (int i = 0; i < 4; i++) {
        uint32_t pair = 0;
        for (int k = 0; k < 2; k++) {
            const uint16_t *from;
            int in_row = transposed ? 2 * t + k : g, column = transposed ? g : 2 * t + k;
            memcpy(&from, all + (8 * i + in_row) * CUDA_SHIM_SLOT, sizeof from);
            pair |= (uint32_t)from[column] << (16 * k);
        }
        r[i] = pair;
    }
}

/* ---- the runtime -------------------------------------------------------------------------- */

static long launches_left;
static size_t memory_total, memory_used, largest_block;
static std::unordered_map<void *, size_t> blocks;

/* With FK_SHIM_GUARD device memory lies in a stretch of its own that nobody may touch, but while
 * the device works: whoever takes a pointer of the device for one of the host stops there. */
static unsigned char *guarded;
static size_t guarded_used;
enum { GUARDED_GIB = 64 };

static void *guarded_alloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = guarded + guarded_used;
    guarded_used += (bytes + page - 1) / page * page; /* never used again */
    return guarded_used <= (size_t)GUARDED_GIB << 30 ? p : NULL;
}

device_works::device_works() : hold(one_at_a_time)
{
    if (guarded && guarded_used)
        mprotect(guarded, guarded_used, PROT_READ | PROT_WRITE);
}

device_works::~device_works()
{
    if (guarded && guarded_used)
        mprotect(guarded, guarded_used, PROT_NONE);
}

void cuda_shim_launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared, bool cooperative,
                      const std::function<void()> &thread)
{
    stream_submit(stream, [=] {
        if ((launches_left > 0 && --launches_left == 0) || getenv("FK_SHIM_LOST"))
            lost = cudaErrorLaunchFailure;
        if (!lost)
            run_grid(grid, block, shared, cooperative, thread);
    });
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInvalidGraphicsContext:
        return "invalid OpenGL context";
    case cudaErrorNotSupported:
        return "operation not supported";
    case cudaErrorLaunchFailure:
        return "unspecified launch failure";
    default:
        return "another error";
    }
}

cudaError_t cudaGetLastError()
{
    return lost;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n)
{
    const char *fail_at = getenv("FK_SHIM_FAIL_LAUNCH"), *memory = getenv("FK_SHIM_MEMORY");
    const char *block = getenv("FK_SHIM_BLOCK");
    launches_left = fail_at ? strtol(fail_at, NULL, 10) : 0;
    memory_total = memory ? strtoull(memory, NULL, 10) : (size_t)4 << 30;
    largest_block = block ? strtoull(block, NULL, 10) : SIZE_MAX;
    lost = cudaSuccess;
    async_configure(getenv("FK_SHIM_WGMMA_WRONG"));
    if (getenv("FK_SHIM_GUARD") && !guarded) {
        void *all = mmap(NULL, (size_t)GUARDED_GIB << 30, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        guarded = all == MAP_FAILED ? NULL : static_cast<unsigned char *>(all);
    }
    *n = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device)
{
    const char *capability = getenv("FK_SHIM_CAPABILITY");
    long tens = capability ? strtol(capability, NULL, 10) : 80;
    (void)device;
    *properties = cudaDeviceProp();
    snprintf(properties->name, sizeof properties->name, "the processor as a CUDA device");
    properties->major = (int)tens / 10;
    properties->minor = (int)tens % 10;
    properties->multiProcessorCount = 4;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    (void)device;
    return lost;
}

/* Large blocks are the system's: many are never touched, and malloc's debugging fills all of
 * its. */
enum { LARGE_BLOCK = 16 << 20 };

static void *block_alloc(size_t bytes)
{
    if (guarded)
        return guarded_alloc(bytes);
    if (bytes < LARGE_BLOCK)
        return aligned_alloc(256, (bytes + 255) / 256 * 256);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void block_free(void *p, size_t bytes)
{
    if (guarded)
        madvise(p, bytes, MADV_DONTNEED);
    else if (bytes < LARGE_BLOCK)
        free(p);
    else
        munmap(p, bytes);
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    *p = NULL;
    const char *refused = getenv("FK_SHIM_REFUSE");
    if (lost)
        return lost;
    if (refused && bytes == strtoull(refused, NULL, 10))
        return cudaErrorMemoryAllocation;
    if (bytes > memory_total || memory_used > memory_total - bytes ||
        (bytes > largest_block && !blocks.empty()))
        return cudaErrorMemoryAllocation;
    *p = block_alloc(bytes);
    if (!*p)
        return cudaErrorMemoryAllocation;
    blocks[*p] = bytes;
    memory_used += bytes;
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    if (!p)
        return lost;
    streams_finish();
    auto found = blocks.find(p);
    if (found == blocks.end())
        cuda_shim_fail("what is freed was not allocated");
    memory_used -= found->second;
    block_free(p, found->second);
    blocks.erase(found);
    return lost;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    *total_bytes = memory_total;
    *free_bytes = memory_total - memory_used;
    return lost;
}

cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value)
{
    (void)function, (void)attribute;
    return value <= 99 * 1024 ? cudaSuccess : cudaErrorInvalidValue; /* the least of 8.x */
}
