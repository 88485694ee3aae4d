/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: layer normalisation with modulation, gated residual, normalised and rotated q, k. */
#include "cpu.h"

#include <math.h>

enum { MAX_HEAD_WIDTH = 256 };

struct stats {
    double mean, rstd; /* rstd = 1 / sqrt(biased variance + epsilon) */
};

static struct stats row_stats(const float *x, int n, double epsilon)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return (struct stats){mean, 1.0 / sqrt(squares / n + epsilon)};
}

static bool norm_modulate(struct fk_queue *q, struct fk_ptr y, const float *x, const float *shift,
                          const float *scale, int stride, const struct fk_pack *pack, int C,
                          float epsilon)
{
    int N = pack->n_tokens;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * C))
    for (int n = 0; n < N; n++) {
        size_t first = (size_t)n * C, image = (size_t)cpu_image_of(pack, n) * stride;
        struct stats s = row_stats(x + first, C, epsilon);
        for (int c = 0; c < C; c++) {
            double normal = (x[first + c] - s.mean) * s.rstd;
            cpu_set(y, first + c, (float)(normal * (1.0 + scale[image + c]) + shift[image + c]));
        }
    }
    return true;
}

/* The gradient of x^ = (x - mean) rstd: dx = rstd (g - mean(g) - x^ mean(g x^)), g = dx^. */
static void norm_row_bwd(float *dx, struct fk_ptr dy, size_t first, const float *x,
                         const float *scale, int C, struct stats s)
{
    double sum = 0, dot = 0;
    for (int c = 0; c < C; c++) {
        double g = cpu_get(dy, first + c) * (1.0 + scale[c]);
        sum += g;
        dot += g * (x[c] - s.mean) * s.rstd;
    }
    for (int c = 0; c < C; c++) {
        double g = cpu_get(dy, first + c) * (1.0 + scale[c]);
        double normal = (x[c] - s.mean) * s.rstd;
        dx[c] = (float)(dx[c] + s.rstd * (g - sum / C - normal * dot / C));
    }
}

static bool norm_modulate_bwd(struct fk_queue *q, float *dx, float *dshift, float *dscale,
                              struct fk_ptr dy, const float *x, const float *scale, int stride,
                              const struct fk_pack *pack, int C, float epsilon)
{
    int N = pack->n_tokens, B = pack->n_images;
    struct stats *stats = cpu_scratch(q, 0, (size_t)N * sizeof *stats);
    if (!stats)
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * C))
    for (int n = 0; n < N; n++) {
        size_t first = (size_t)n * C, image = (size_t)cpu_image_of(pack, n) * stride;
        stats[n] = row_stats(x + first, C, epsilon);
        norm_row_bwd(dx + first, dy, first, x + first, scale + image, C, stats[n]);
    }
#pragma omp parallel for collapse(2) num_threads(cpu_threads(q, (size_t)N * C))
    for (int b = 0; b < B; b++)
        for (int c = 0; c < C; c++) {
            double sum = 0, dot = 0;
            for (int n = pack->offset[b]; n < pack->offset[b + 1]; n++) {
                double g = cpu_get(dy, (size_t)n * C + c);
                sum += g;
                dot += g * (x[(size_t)n * C + c] - stats[n].mean) * stats[n].rstd;
            }
            size_t at = (size_t)b * stride + c;
            dshift[at] = (float)(dshift[at] + sum);
            dscale[at] = (float)(dscale[at] + dot);
        }
    return true;
}

static bool gate_residual(struct fk_queue *q, float *x, struct fk_ptr y, const float *gate,
                          int stride, const struct fk_pack *pack, int C)
{
    int N = pack->n_tokens;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * C))
    for (int n = 0; n < N; n++) {
        size_t first = (size_t)n * C, image = (size_t)cpu_image_of(pack, n) * stride;
        for (int c = 0; c < C; c++)
            x[first + c] =
                (float)(x[first + c] + (double)gate[image + c] * cpu_get(y, first + c));
    }
    return true;
}

static bool gate_residual_bwd(struct fk_queue *q, struct fk_ptr dy, float *dgate, const float *dx,
                              struct fk_ptr y, const float *gate, int stride,
                              const struct fk_pack *pack, int C)
{
    int N = pack->n_tokens, B = pack->n_images;
#pragma omp parallel for collapse(2) num_threads(cpu_threads(q, (size_t)N * C))
    for (int b = 0; b < B; b++)
        for (int c = 0; c < C; c++) {
            size_t at = (size_t)b * stride + c;
            double sum = 0;
            for (int n = pack->offset[b]; n < pack->offset[b + 1]; n++) {
                size_t i = (size_t)n * C + c;
                sum += (double)dx[i] * cpu_get(y, i);
                cpu_set(dy, i, gate[at] * dx[i]);
            }
            dgate[at] = (float)(dgate[at] + sum);
        }
    return true;
}

static void load_head(float *row, struct fk_ptr x, size_t first, int D)
{
    for (int i = 0; i < D; i++)
        row[i] = cpu_get(x, first + i);
}

static void rotate_head(struct fk_ptr out, struct fk_ptr qkv, size_t first, const float *cosine,
                        const float *sine, int D, float epsilon)
{
    float row[MAX_HEAD_WIDTH] = {0};
    load_head(row, qkv, first, D);
    struct stats s = epsilon < 0 ? (struct stats){0, 1} : row_stats(row, D, epsilon);
    for (int j = 0; j < D / 2; j++) {
        double a = (row[2 * j] - s.mean) * s.rstd, b = (row[2 * j + 1] - s.mean) * s.rstd;
        cpu_set(out, first + 2 * j, (float)(a * cosine[j] - b * sine[j]));
        cpu_set(out, first + 2 * j + 1, (float)(b * cosine[j] + a * sine[j]));
    }
}

static void rotate_head_bwd(struct fk_ptr dqkv, struct fk_ptr dout, struct fk_ptr qkv,
                            size_t first, const float *cosine, const float *sine, int D,
                            float epsilon)
{
    float row[MAX_HEAD_WIDTH] = {0}, d[MAX_HEAD_WIDTH];
    double g[MAX_HEAD_WIDTH] = {0}, sum = 0, dot = 0;
    load_head(row, qkv, first, D);
    load_head(d, dout, first, D);
    for (int j = 0; j < D / 2; j++) {
        g[2 * j] = (double)d[2 * j] * cosine[j] + (double)d[2 * j + 1] * sine[j];
        g[2 * j + 1] = (double)d[2 * j + 1] * cosine[j] - (double)d[2 * j] * sine[j];
    }
    if (epsilon < 0) {
        for (int i = 0; i < D; i++)
            cpu_set(dqkv, first + i, (float)g[i]);
        return;
    }
    struct stats s = row_stats(row, D, epsilon);
    for (int i = 0; i < D; i++) {
        sum += g[i];
        dot += g[i] * (row[i] - s.mean) * s.rstd;
    }
    for (int i = 0; i < D; i++) {
        double normal = (row[i] - s.mean) * s.rstd;
        cpu_set(dqkv, first + i, (float)(s.rstd * (g[i] - sum / D - normal * dot / D)));
    }
}

static bool head_width_ok(struct fk_queue *q, const char *operation, int D)
{
    if (D >= 2 && D % 2 == 0 && D <= MAX_HEAD_WIDTH)
        return true;
    return cpu_fail(q, "%s: head width is %d, expected an even number up to %d", operation, D,
                    MAX_HEAD_WIDTH);
}

static bool qk_norm_rope(struct fk_queue *q, struct fk_ptr out, struct fk_ptr qkv,
                         const float *cosine, const float *sine, int N, int H, int D,
                         float epsilon)
{
    if (!head_width_ok(q, "qk_norm_rope", D))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * 3 * H * D))
    for (int n = 0; n < N; n++) {
        size_t token = (size_t)n * 3 * H * D, table = (size_t)n * (D / 2);
        for (int h = 0; h < 2 * H; h++)
            rotate_head(out, qkv, token + (size_t)h * D, cosine + table, sine + table, D, epsilon);
        for (size_t i = token + (size_t)2 * H * D; i < token + (size_t)3 * H * D; i++)
            cpu_set(out, i, cpu_get(qkv, i));
    }
    return true;
}

static bool qk_norm_rope_bwd(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                             struct fk_ptr qkv, const float *cosine, const float *sine, int N,
                             int H, int D, float epsilon)
{
    if (!head_width_ok(q, "qk_norm_rope_bwd", D))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * 3 * H * D))
    for (int n = 0; n < N; n++) {
        size_t token = (size_t)n * 3 * H * D, table = (size_t)n * (D / 2);
        for (int h = 0; h < 2 * H; h++)
            rotate_head_bwd(dqkv, dout, qkv, token + (size_t)h * D, cosine + table, sine + table,
                            D, epsilon);
        for (size_t i = token + (size_t)2 * H * D; i < token + (size_t)3 * H * D; i++)
            cpu_set(dqkv, i, cpu_get(dout, i));
    }
    return true;
}

void cpu_norm_install(struct fk_ops *ops)
{
    ops->norm_modulate = norm_modulate;
    ops->norm_modulate_bwd = norm_modulate_bwd;
    ops->gate_residual = gate_residual;
    ops->gate_residual_bwd = gate_residual_bwd;
    ops->qk_norm_rope = qk_norm_rope;
    ops->qk_norm_rope_bwd = qk_norm_rope_bwd;
}
