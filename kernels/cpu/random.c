/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: a window on the endless field of noise that fk_philox.h defines. */
#include "cpu.h"
#include "fk_philox.h"

static bool randn(struct fk_queue *q, float *y, uint64_t seed, uint32_t stream, int channels,
                  int row0, int col0, int height, int width)
{
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)channels * height * width))
    for (int line = 0; line < channels * height; line++) {
        float normal[4];
        int32_t row = (int32_t)((uint32_t)row0 + (uint32_t)(line % height));
        float *out = y + (size_t)line * width;
        for (int i = 0; i < width; i++) {
            int32_t column = (int32_t)((uint32_t)col0 + (uint32_t)i); /* the field wraps around */
            uint32_t lane = (uint32_t)column & 3u;
            if (i == 0 || lane == 0)
                fk_normal4(normal, seed, stream, (uint32_t)(line / height), row,
                           fk_normal_column4(column));
            out[i] = normal[lane];
        }
    }
    return true;
}

void cpu_random_install(struct fk_ops *ops)
{
    ops->randn = randn;
}
