/* SPDX-License-Identifier: Apache-2.0 */
/* A window on the endless field of noise that fk_philox.h defines, bit for bit the processor's. */
#include "launch.cuh"
#include "fk_philox.h"

/* A thread per counter: four neighbouring columns of one row, of which some may lie outside. */
static __global__ void randn_kernel(float *y, uint64_t seed, uint32_t stream, int row0,
                                    int32_t first4, int lead, int height, int width, int groups,
                                    size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    int group = (int)(i % groups);
    size_t line = i / groups;
    int32_t row = (int32_t)((uint32_t)row0 + (uint32_t)(line % height));
    int32_t column4 = (int32_t)(((uint32_t)first4 + (uint32_t)group) << 2) >> 2; /* wraps around */
    float normal[4];
    fk_normal4(normal, seed, stream, (uint32_t)(line / height), row, column4);
    for (int lane = 0; lane < 4; lane++) {
        int column = 4 * group + lane - lead;
        if (column >= 0 && column < width)
            y[line * width + column] = normal[lane];
    }
}

static bool randn(struct fk_queue *q, float *y, uint64_t seed, uint32_t stream, int channels,
                  int row0, int col0, int height, int width)
{
    int lead = (int)((uint32_t)col0 & 3u), groups = (lead + width + 3) / 4;
    size_t n = (size_t)channels * height * groups;
    return cuda_launch_flat(q, "randn", randn_kernel, n, y, seed, stream, row0,
                            fk_normal_column4(col0), lead, height, width, groups, n);
}

void cuda_random_install(struct fk_ops *ops)
{
    ops->randn = randn;
}
