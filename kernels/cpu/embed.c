/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: sinusoids of the time and rows of the class table. */
#include "cpu.h"

#include <math.h>

/* Frequencies and angles are rounded to f32 one operation at a time, as the models saw them in
 * training; only cosine and sine themselves are taken in double. */
static bool time_embed(struct fk_queue *q, float *y, const float *t, int B, int width)
{
    if (width < 2 || width % 2)
        return cpu_fail(q, "time_embed: width is %d, expected an even number", width);
    int half = width / 2;
    const float log_period = (float)log(10000.0);
    for (int k = 0; k < half; k++) {
        float exponent = -log_period * (float)k;
        exponent /= (float)half;
        float frequency = (float)exp(exponent);
        for (int b = 0; b < B; b++) {
            float angle = t[b] * frequency;
            y[(size_t)b * width + k] = (float)cos(angle);
            y[(size_t)b * width + half + k] = (float)sin(angle);
        }
    }
    return true;
}

static bool embed_rows(struct fk_queue *q, float *y, struct fk_ptr table, const int32_t *row,
                       int B, int C)
{
    (void)q;
    for (int b = 0; b < B; b++)
        for (int c = 0; c < C; c++)
            y[(size_t)b * C + c] = cpu_get(table, (size_t)row[b] * C + c);
    return true;
}

static bool embed_rows_bwd(struct fk_queue *q, float *dtable, const float *dy, const int32_t *row,
                           int B, int C)
{
    (void)q;
    for (int b = 0; b < B; b++)
        for (int c = 0; c < C; c++)
            dtable[(size_t)row[b] * C + c] += dy[(size_t)b * C + c];
    return true;
}

void cpu_embed_install(struct fk_ops *ops)
{
    ops->time_embed = time_embed;
    ops->embed_rows = embed_rows;
    ops->embed_rows_bwd = embed_rows_bwd;
}
