/* SPDX-License-Identifier: Apache-2.0 */
/* Products of any shape and alignment: a block makes a tile of TILE x TILE from panels in shared
 * memory, a thread EACH x EACH of it, every number summed from the first k to the last. */
#include "gemm.h"
#include "launch.cuh"

enum { TILE = 64, PANEL = 16, EACH = 4, SIDE = TILE / EACH };

/* panel [PANEL][TILE] = x(row0 .., k0 ..); zero beyond the matrix. */
template <typename T>
static __device__ void stage_panel(float (*panel)[TILE + 1], const T *x, bool turned, int row0,
                                   int k0, int rows, int K)
{
    int me = threadIdx.y * SIDE + threadIdx.x;
    for (int i = me; i < TILE * PANEL; i += SIDE * SIDE) { /* along the memory of x */
        int row = turned ? i % TILE : i / PANEL, k = turned ? i / TILE : i % PANEL;
        bool there = row0 + row < rows && k0 + k < K;
        size_t at =
            turned ? (size_t)(k0 + k) * rows + row0 + row : (size_t)(row0 + row) * K + k0 + k;
        panel[k][row] = there ? load(x, at) : 0.0f;
    }
}

template <typename T, typename C>
static __global__ void product_kernel(struct cuda_product p, const T *a, const T *b, C *c)
{
    __shared__ float left[PANEL][TILE + 1], right[PANEL][TILE + 1];
    int m0 = blockIdx.y * TILE, n0 = blockIdx.x * TILE;
    float sum[EACH][EACH] = {};
    for (int k0 = 0; k0 < p.k; k0 += PANEL) {
        stage_panel(left, a, p.a_turned, m0, k0, p.m, p.k);
        stage_panel(right, b, p.b_turned, n0, k0, p.n, p.k);
        __syncthreads();
        for (int k = 0; k < PANEL; k++)
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++)
                    sum[i][j] = fmaf(left[k][threadIdx.y + i * SIDE],
                                     right[k][threadIdx.x + j * SIDE], sum[i][j]);
        __syncthreads();
    }
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < EACH; j++) {
            int m = m0 + threadIdx.y + i * SIDE, n = n0 + threadIdx.x + j * SIDE;
            if (m >= p.m || n >= p.n)
                continue;
            size_t at = (size_t)m * p.n + n;
            float value = sum[i][j] + (p.bias.p ? load(p.bias, n) : 0.0f);
            store(c, at, p.beta != 0 ? value + p.beta * load(c, at) : value);
        }
}

static bool plain(struct fk_queue *q, const struct cuda_product *p)
{
    dim3 grid(cuda_blocks(p->n, TILE), cuda_blocks(p->m, TILE));
    if (grid.y > 65535)
        return cuda_fail(q, "product: %d rows are more than one launch holds", p->m);
    return cuda_typed(p->a, p->c, [&](auto *a, auto *c) {
        using T = std::remove_pointer_t<decltype(a)>;
        return cuda_launch(q, "product", product_kernel<T, std::remove_pointer_t<decltype(c)>>,
                           grid, dim3(SIDE, SIDE), 0, *p, a, static_cast<T *>(p->b.p), c);
    });
}

bool cuda_multiply(struct fk_queue *q, const struct cuda_product *p)
{
    bool failed = false;
    if (p->m < 1 || p->n < 1)
        return true;
    return cuda_gemm_lt(q, p, &failed) || (!failed && plain(q, p));
}
