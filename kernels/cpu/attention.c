/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: softmax attention within each image of a pack. */
#include "cpu.h"

#include <math.h>
#include <stdlib.h>

enum { Q = 0, KEY = 1, VALUE = 2 };

struct shape {
    int H, D;
};

/* Where part (q, k, v) of head h of token n begins in [N][3][H][D]. */
static size_t at(struct shape s, int n, int part, int h)
{
    return (((size_t)n * 3 + part) * s.H + h) * s.D;
}

static double dot(struct fk_ptr a, size_t i, struct fk_ptr b, size_t j, int D)
{
    double sum = 0;
    for (int d = 0; d < D; d++)
        sum += (double)cpu_get(a, i + d) * cpu_get(b, j + d);
    return sum;
}

/* p[j] = softmax over the tokens first..last-1 of row n; returns log of the denominator. */
static double probabilities(double *p, struct fk_ptr qkv, struct shape s, int n, int h, int first,
                            int last, double scale)
{
    double most = -INFINITY, sum = 0;
    for (int j = first; j < last; j++) {
        p[j - first] = scale * dot(qkv, at(s, n, Q, h), qkv, at(s, j, KEY, h), s.D);
        most = fmax(most, p[j - first]);
    }
    for (int j = first; j < last; j++)
        sum += p[j - first] = exp(p[j - first] - most);
    for (int j = first; j < last; j++)
        p[j - first] /= sum;
    return most + log(sum);
}

static void forward_head(struct fk_ptr out, float *lse, struct fk_ptr qkv, struct shape s,
                         int first, int last, int h, double scale, double *p)
{
    for (int n = first; n < last; n++) {
        double log_sum = probabilities(p, qkv, s, n, h, first, last, scale);
        if (lse)
            lse[(size_t)n * s.H + h] = (float)log_sum;
        for (int d = 0; d < s.D; d++) {
            double sum = 0;
            for (int j = first; j < last; j++)
                sum += p[j - first] * cpu_get(qkv, at(s, j, VALUE, h) + d);
            cpu_set(out, ((size_t)n * s.H + h) * s.D + d, (float)sum);
        }
    }
}

static bool attention(struct fk_queue *q, struct fk_ptr out, float *lse, struct fk_ptr qkv,
                      const struct fk_pack *pack, int H, int D, float scale)
{
    struct shape s = {H, D};
    int n_threads = q->device->caps.n_threads, n_pairs = pack->n_images * H;
    bool ok = true;
#pragma omp parallel num_threads(n_threads)
    {
        double *p = malloc((size_t)pack->longest * sizeof *p);
        if (!p) {
#pragma omp atomic write
            ok = false;
        }
#pragma omp for
        for (int i = 0; i < n_pairs; i++)
            if (p)
                forward_head(out, lse, qkv, s, pack->offset[i / H], pack->offset[i / H + 1],
                             i % H, scale, p);
        free(p);
    }
    return ok || cpu_fail(q, "no memory for an attention row of %d tokens", pack->longest);
}

/* dP_ij = dout_i . v_j; dS = P (dP - sum_j P dP) scale; dq = dS k, dk = dS^T q, dv = P^T dout. */
static void backward_head(double *sums, struct fk_ptr dout, struct fk_ptr qkv, struct shape s,
                          int first, int last, int h, double scale, double *p, double *dp)
{
    size_t part = (size_t)(last - first) * s.D;
    for (int n = first; n < last; n++) {
        size_t o = ((size_t)n * s.H + h) * s.D;
        double mean = 0;
        probabilities(p, qkv, s, n, h, first, last, scale);
        for (int j = first; j < last; j++) {
            dp[j - first] = dot(dout, o, qkv, at(s, j, VALUE, h), s.D);
            mean += p[j - first] * dp[j - first];
        }
        for (int j = first; j < last; j++) {
            double ds = p[j - first] * (dp[j - first] - mean) * scale;
            size_t a = (size_t)(n - first) * s.D, b = (size_t)(j - first) * s.D;
            for (int d = 0; d < s.D; d++) {
                sums[Q * part + a + d] += ds * cpu_get(qkv, at(s, j, KEY, h) + d);
                sums[KEY * part + b + d] += ds * cpu_get(qkv, at(s, n, Q, h) + d);
                sums[VALUE * part + b + d] += p[j - first] * cpu_get(dout, o + d);
            }
        }
    }
}

static void store_head(struct fk_ptr dqkv, const double *sums, struct shape s, int first, int last,
                       int h)
{
    for (int part = 0; part < 3; part++)
        for (int n = first; n < last; n++)
            for (int d = 0; d < s.D; d++)
                cpu_set(dqkv, at(s, n, part, h) + d,
                        (float)sums[((size_t)part * (last - first) + (n - first)) * s.D + d]);
}

static bool attention_bwd(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                          struct fk_ptr out, const float *lse, struct fk_ptr qkv,
                          const struct fk_pack *pack, int H, int D, float scale)
{
    (void)out; /* what other implementations use instead of forming P twice */
    (void)lse;
    struct shape s = {H, D};
    int n_threads = q->device->caps.n_threads, n_pairs = pack->n_images * H;
    size_t room = (size_t)pack->longest * (3 * (size_t)D + 2);
    bool ok = true;
#pragma omp parallel num_threads(n_threads)
    {
        double *sums = malloc(room * sizeof *sums);
        if (!sums) {
#pragma omp atomic write
            ok = false;
        }
#pragma omp for
        for (int i = 0; i < n_pairs; i++) {
            int first = pack->offset[i / H], last = pack->offset[i / H + 1], n = last - first;
            if (!sums)
                continue;
            for (size_t j = 0; j < (size_t)n * 3 * D; j++)
                sums[j] = 0;
            double *p = sums + (size_t)n * 3 * D;
            backward_head(sums, dout, qkv, s, first, last, i % H, scale, p, p + n);
            store_head(dqkv, sums, s, first, last, i % H);
        }
        free(sums);
    }
    return ok || cpu_fail(q, "no memory for the attention of %d tokens", pack->longest);
}

void cpu_attention_install(struct fk_ops *ops)
{
    ops->attention = attention;
    ops->attention_bwd = attention_bwd;
}
