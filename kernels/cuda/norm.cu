/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation with modulation, and the gated residual. A warp has a row; a row is read
 * three times, of which two come from the cache. */
#include "launch.cuh"

enum { ROW_WARPS = 4, COLUMN_BLOCK = 32, COLUMN_ROWS = 8 };

struct stats {
    float mean, rstd; /* rstd = 1 / sqrt(biased variance + epsilon) */
};

static __device__ struct stats row_stats(const float *x, int C, float epsilon)
{
    float sum = 0, squares = 0;
    for (int c = threadIdx.x; c < C; c += CUDA_WARP)
        sum += x[c];
    float mean = warp_sum(sum) / (float)C;
    for (int c = threadIdx.x; c < C; c += CUDA_WARP)
        squares += (x[c] - mean) * (x[c] - mean);
    struct stats s = {mean, 1.0f / sqrtf(warp_sum(squares) / (float)C + epsilon)};
    return s;
}

template <typename Y>
static __global__ void norm_kernel(Y *y, const float *x, const float *shift, const float *scale,
                                   int stride, const int32_t *offset, int B, int N, int C,
                                   float epsilon)
{
    int n = blockIdx.x * ROW_WARPS + threadIdx.y;
    if (n >= N)
        return;
    size_t first = (size_t)n * C, image = (size_t)image_of(offset, B, n) * stride;
    struct stats s = row_stats(x + first, C, epsilon);
    for (int c = threadIdx.x; c < C; c += CUDA_WARP)
        store(y, first + c,
              fmaf((x[first + c] - s.mean) * s.rstd, 1.0f + scale[image + c], shift[image + c]));
}

static bool norm_modulate(struct fk_queue *q, struct fk_ptr y, const float *x, const float *shift,
                          const float *scale, int stride, const struct fk_pack *pack, int C,
                          float epsilon)
{
    int N = pack->n_tokens;
    return cuda_typed(y, [&](auto *to) {
        return cuda_launch(q, "norm_modulate", norm_kernel<std::remove_pointer_t<decltype(to)>>,
                           dim3(cuda_blocks(N, ROW_WARPS)), dim3(CUDA_WARP, ROW_WARPS), 0, to, x,
                           shift, scale, stride, pack->offset, pack->n_images, N, C, epsilon);
    });
}

/* The gradient of x^ = (x - mean) rstd: dx += rstd (g - mean(g) - x^ mean(g x^)), g = dx^. */
template <typename Y>
static __global__ void norm_bwd_kernel(float *dx, struct stats *kept, const Y *dy, const float *x,
                                       const float *scale, int stride, const int32_t *offset,
                                       int B, int N, int C, float epsilon)
{
    int n = blockIdx.x * ROW_WARPS + threadIdx.y;
    if (n >= N)
        return;
    size_t first = (size_t)n * C, image = (size_t)image_of(offset, B, n) * stride;
    struct stats s = row_stats(x + first, C, epsilon);
    float sum = 0, dot = 0;
    for (int c = threadIdx.x; c < C; c += CUDA_WARP) {
        float g = load(dy, first + c) * (1.0f + scale[image + c]);
        sum += g;
        dot += g * (x[first + c] - s.mean) * s.rstd;
    }
    sum = warp_sum(sum) / (float)C;
    dot = warp_sum(dot) / (float)C;
    for (int c = threadIdx.x; c < C; c += CUDA_WARP) {
        float g = load(dy, first + c) * (1.0f + scale[image + c]);
        float normal = (x[first + c] - s.mean) * s.rstd;
        dx[first + c] += s.rstd * (g - sum - normal * dot);
    }
    if (threadIdx.x == 0)
        kept[n] = s;
}

/* The sums of COLUMN_ROWS interleaved sets of rows become one, in order; the answer is row 0's. */
static __device__ float rows_sum(float (*room)[COLUMN_BLOCK], float own)
{
    room[threadIdx.y][threadIdx.x] = own;
    __syncthreads();
    float sum = 0;
    for (int r = 0; r < COLUMN_ROWS; r++)
        sum += room[r][threadIdx.x];
    __syncthreads();
    return sum;
}

/* dshift, dscale of one image: a block has COLUMN_BLOCK channels. */
template <typename Y>
static __global__ void modulation_bwd_kernel(float *dshift, float *dscale, const Y *dy,
                                             const float *x, const struct stats *kept, int stride,
                                             const int32_t *offset, int C)
{
    __shared__ float room[COLUMN_ROWS][COLUMN_BLOCK];
    int b = blockIdx.y, c = blockIdx.x * COLUMN_BLOCK + threadIdx.x;
    float sum = 0, dot = 0;
    for (int n = offset[b] + threadIdx.y; c < C && n < offset[b + 1]; n += COLUMN_ROWS) {
        float g = load(dy, (size_t)n * C + c);
        sum += g;
        dot += g * (x[(size_t)n * C + c] - kept[n].mean) * kept[n].rstd;
    }
    sum = rows_sum(room, sum);
    dot = rows_sum(room, dot);
    if (c < C && threadIdx.y == 0) {
        dshift[(size_t)b * stride + c] += sum;
        dscale[(size_t)b * stride + c] += dot;
    }
}

static bool norm_modulate_bwd(struct fk_queue *q, float *dx, float *dshift, float *dscale,
                              struct fk_ptr dy, const float *x, const float *scale, int stride,
                              const struct fk_pack *pack, int C, float epsilon)
{
    int N = pack->n_tokens, B = pack->n_images;
    struct stats *kept = static_cast<struct stats *>(cuda_scratch(q, 0, N * sizeof *kept));
    if (!kept)
        return false;
    return cuda_typed(dy, [&](auto *d) {
        using Y = std::remove_pointer_t<decltype(d)>;
        return cuda_launch(q, "norm_modulate_bwd", norm_bwd_kernel<Y>,
                           dim3(cuda_blocks(N, ROW_WARPS)), dim3(CUDA_WARP, ROW_WARPS), 0, dx, kept,
                           d, x, scale, stride, pack->offset, B, N, C, epsilon) &&
               cuda_launch(q, "norm_modulate_bwd", modulation_bwd_kernel<Y>,
                           dim3(cuda_blocks(C, COLUMN_BLOCK), (unsigned)B),
                           dim3(COLUMN_BLOCK, COLUMN_ROWS), 0, dshift, dscale, d, x, kept, stride,
                           pack->offset, C);
    });
}

template <typename Y>
static __global__ void gate_kernel(float *x, const Y *y, const float *gate, int stride,
                                   const int32_t *offset, int B, int C, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    size_t image = (size_t)image_of(offset, B, (int)(i / C)) * stride;
    x[i] = fmaf(gate[image + i % C], load(y, i), x[i]);
}

static bool gate_residual(struct fk_queue *q, float *x, struct fk_ptr y, const float *gate,
                          int stride, const struct fk_pack *pack, int C)
{
    size_t n = (size_t)pack->n_tokens * C;
    return cuda_typed(y, [&](auto *from) {
        return cuda_launch_flat(q, "gate_residual",
                                gate_kernel<std::remove_pointer_t<decltype(from)>>, n, x, from,
                                gate, stride, pack->offset, pack->n_images, C, n);
    });
}

template <typename D, typename Y>
static __global__ void gate_bwd_kernel(D *dy, float *dgate, const float *dx, const Y *y,
                                       const float *gate, int stride, const int32_t *offset, int C)
{
    __shared__ float room[COLUMN_ROWS][COLUMN_BLOCK];
    int b = blockIdx.y, c = blockIdx.x * COLUMN_BLOCK + threadIdx.x;
    size_t at = (size_t)b * stride + c;
    float sum = 0;
    for (int n = offset[b] + threadIdx.y; c < C && n < offset[b + 1]; n += COLUMN_ROWS) {
        size_t i = (size_t)n * C + c;
        sum += dx[i] * load(y, i); /* before dy, which may be y's memory */
        store(dy, i, gate[at] * dx[i]);
    }
    sum = rows_sum(room, sum);
    if (c < C && threadIdx.y == 0)
        dgate[at] += sum;
}

static bool gate_residual_bwd(struct fk_queue *q, struct fk_ptr dy, float *dgate, const float *dx,
                              struct fk_ptr y, const float *gate, int stride,
                              const struct fk_pack *pack, int C)
{
    return cuda_typed(dy, y, [&](auto *to, auto *from) {
        auto kernel = gate_bwd_kernel<std::remove_pointer_t<decltype(to)>,
                                      std::remove_pointer_t<decltype(from)>>;
        return cuda_launch(q, "gate_residual_bwd", kernel,
                           dim3(cuda_blocks(C, COLUMN_BLOCK), (unsigned)pack->n_images),
                           dim3(COLUMN_BLOCK, COLUMN_ROWS), 0, to, dgate, dx, from, gate, stride,
                           pack->offset, C);
    });
}

void cuda_norm_install(struct fk_ops *ops)
{
    ops->norm_modulate = norm_modulate;
    ops->norm_modulate_bwd = norm_modulate_bwd;
    ops->gate_residual = gate_residual;
    ops->gate_residual_bwd = gate_residual_bwd;
}
