/* SPDX-License-Identifier: Apache-2.0 */
/* Sinusoids of the time and rows of the class table. */
#include "launch.cuh"

/* Frequencies and angles are rounded to f32 one operation at a time, as the models saw them in
 * training; only exponential, cosine and sine are taken in double. */
static __global__ void time_kernel(float *y, const float *t, float log_period, int half, size_t n)
{
    size_t i = flat_index();
    if (i >= n)
        return;
    int b = (int)(i / half), k = (int)(i % half);
    float exponent = -log_period * (float)k;
    exponent /= (float)half;
    float frequency = (float)exp((double)exponent);
    float angle = t[b] * frequency;
    size_t at = (size_t)b * 2 * half + k;
    y[at] = (float)cos((double)angle);
    y[at + half] = (float)sin((double)angle);
}

static bool time_embed(struct fk_queue *q, float *y, const float *t, int B, int width)
{
    if (width < 2 || width % 2)
        return cuda_fail(q, "time_embed: width is %d, expected an even number", width);
    size_t n = (size_t)B * (width / 2);
    return cuda_launch_flat(q, "time_embed", time_kernel, n, y, t, (float)log(10000.0), width / 2,
                            n);
}

template <typename T>
static __global__ void rows_kernel(float *y, const T *table, const int32_t *row, int C, size_t n)
{
    size_t i = flat_index();
    if (i < n)
        y[i] = load(table, (size_t)row[i / C] * C + i % C);
}

static bool embed_rows(struct fk_queue *q, float *y, struct fk_ptr table, const int32_t *row,
                       int B, int C)
{
    size_t n = (size_t)B * C;
    return cuda_typed(table, [&](auto *t) {
        return cuda_launch_flat(q, "embed_rows", rows_kernel<std::remove_pointer_t<decltype(t)>>,
                                n, y, t, row, C, n);
    });
}

/* A thread per channel walks the batch in order: rows may repeat. */
static __global__ void rows_bwd_kernel(float *dtable, const float *dy, const int32_t *row, int B,
                                       int C)
{
    size_t c = flat_index();
    if (c >= (size_t)C)
        return;
    for (int b = 0; b < B; b++)
        dtable[(size_t)row[b] * C + c] += dy[(size_t)b * C + c];
}

static bool embed_rows_bwd(struct fk_queue *q, float *dtable, const float *dy, const int32_t *row,
                           int B, int C)
{
    return cuda_launch_flat(q, "embed_rows_bwd", rows_bwd_kernel, (size_t)C, dtable, dy, row, B, C);
}

void cuda_embed_install(struct fk_ops *ops)
{
    ops->time_embed = time_embed;
    ops->embed_rows = embed_rows;
    ops->embed_rows_bwd = embed_rows_bwd;
}
