/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for CUDA's runtime, so that the kernels of kernels/cuda compile with a C++ compiler and
 * run on the processor: every thread of a block is a fiber, blocks run one after another, streams
 * do their work at once or, while a graph is recorded, keep it; with FK_SHIM_LATE=1 they do it when
 * they are waited for and no earlier. Device memory is the heap's, so that the address sanitizer
 * sees every access of a kernel.
 *
 * It shows that indices, tails, barriers, shuffles and the layouts of tensor cores' operands are
 * right. It shows nothing about races, speed, or a card's rounding.
 *
 * A barrier or a shuffle that not all threads reach stops the program with a sentence. Variables of
 * the environment, read when the device is counted, make things go wrong: FK_SHIM_FAIL_LAUNCH=n
 * loses the device at the n-th launch, FK_SHIM_MEMORY=bytes is all the memory that it has,
 * FK_SHIM_BLOCK=bytes the most that it has in one piece beside the first, with FK_SHIM_GUARD=1 a
 * program that touches device memory itself stops there, FK_SHIM_CAPABILITY=90 makes it a Hopper,
 * and FK_SHIM_WGMMA_WRONG=n makes products of its warp groups wrong after n of them.
 *
 * Textures of OpenGL are real ones: pictures go into them by the GL of the current context.
 * FK_SHIM_GL, read at every call, makes that go wrong: "other" is GL on another card, "refused" a
 * texture that cannot be registered, "unmapped" one that cannot be mapped, "busy" a copy that never
 * ends.
 */
#ifndef FK_TEST_CUDA_RUNTIME_H
#define FK_TEST_CUDA_RUNTIME_H

#include <functional>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z)
    {
    }
};

struct float2 {
    float x, y;
};

struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};

static inline float2 make_float2(float x, float y)
{
    return {x, y};
}

static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w)
{
    return {x, y, z, w};
}

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

/* ---- the runtime's interface, as far as it is used ---- */

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidValue = 1,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidGraphicsContext = 219,
    cudaErrorNotReady = 600,
    cudaErrorLaunchFailure = 719,
    cudaErrorNotSupported = 801,
    cudaErrorStreamCaptureUnsupported = 900,
};

enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };
enum { cudaGraphicsRegisterFlagsWriteDiscard = 2 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };

typedef struct cuda_shim_stream *cudaStream_t;
typedef struct cuda_shim_graph *cudaGraph_t;
typedef struct cuda_shim_graph *cudaGraphExec_t;
typedef struct cuda_shim_event *cudaEvent_t;
typedef struct cuda_shim_texture *cudaGraphicsResource_t;
typedef struct cuda_shim_texture *cudaArray_t;

struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount;
};

const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMalloc(void **p, size_t bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes);
cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value);

/* stream.cc */
cudaError_t cudaMallocHost(void **p, size_t bytes);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, void *nodes, size_t *n);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
cudaError_t cudaEventCreate(cudaEvent_t *event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begin, cudaEvent_t end);

/* lt.cc: a clock that only the products of cublasLt.h move */
extern double cuda_shim_clock_ms;

/* shim_gl.cc */
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest);
cudaError_t cudaGraphicsMapResources(int n, cudaGraphicsResource_t *resources, cudaStream_t stream);
cudaError_t cudaGraphicsUnmapResources(int n, cudaGraphicsResource_t *resources,
                                       cudaStream_t stream);
cudaError_t cudaGraphicsSubResourceGetMappedArray(cudaArray_t *array,
                                                  cudaGraphicsResource_t resource, unsigned index,
                                                  unsigned level);
cudaError_t cudaGraphicsUnregisterResource(cudaGraphicsResource_t resource);
cudaError_t cudaMemcpy2DToArrayAsync(cudaArray_t to, size_t left, size_t top, const void *from,
                                     size_t stride, size_t row_bytes, size_t rows,
                                     cudaMemcpyKind kind, cudaStream_t stream);

/* ---- what kernels see ---- */

/* `cooperative` kernels may use barriers, shuffles and shared memory. */
void cuda_shim_launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared, bool cooperative,
                      const std::function<void()> &thread);
void *cuda_shim_shared();
void cuda_shim_fail(const char *sentence); /* stops the program */
void __syncthreads();

enum { CUDA_SHIM_SLOT = 32, CUDA_SHIM_LANES = 32 };

/* Gives `bytes` to the other lanes and takes theirs: lane l's lie at result + l * CUDA_SHIM_SLOT
 * until the next exchange but one. */
const unsigned char *cuda_shim_exchange(const void *value, size_t bytes);
unsigned cuda_shim_lane();

template <typename T> static inline T __shfl_sync(unsigned mask, T value, int lane)
{
    (void)mask;
    static_assert(sizeof value <= CUDA_SHIM_SLOT, "a slot holds the value");
    memcpy(&value, cuda_shim_exchange(&value, sizeof value) + lane % 32 * CUDA_SHIM_SLOT,
           sizeof value);
    return value;
}

void __syncwarp();

template <typename T> static inline T __shfl_xor_sync(unsigned mask, T value, int lanes)
{
    return __shfl_sync(mask, value, (int)(cuda_shim_lane() ^ (unsigned)lanes));
}

/* The instructions of kernels/cuda/mma.cuh. */
void cuda_shim_mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void cuda_shim_load_matrices(uint32_t (&r)[4], const void *row, bool transposed);
void cuda_shim_copy16(void *shared, const void *global, bool there);
void cuda_shim_copies_commit();
void cuda_shim_copies_wait(int left);

/* Those of kernels/cuda/wgmma.cuh; a and d are read and written when they are waited for. */
uint32_t cuda_shim_shared_address(const void *shared);
void cuda_shim_wgmma_fence();
void cuda_shim_wgmma(float *d, int columns, const uint32_t (&a)[4], uint64_t matrices, bool turned,
                     bool add);
void cuda_shim_wgmma_commit();
void cuda_shim_wgmma_wait(int left);

#endif
