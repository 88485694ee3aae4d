/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention forward in bf16 products with f32 sums, for processors with AVX512_BF16: the tiles and
 * the order of attention_tile.c. One instruction multiplies pairs, so operands lie as pairs: keys
 * [D/2][key], values [key/2][D], each element two bf16. Scores and the sum of the
 * weights stay f32; the weights are rounded for their product with the values.
 */
#include "attention_tile.h"
#include "fk_dtype.h"
#include "wide.h"

#include <math.h>
#include <string.h>

enum {
    T = ATTENTION_TILE,
    ROWS = 8,
    PAIRS = T / 2, /* of keys */
};

#define LOG2_E 1.44269504088896341f

struct queries {
    pair *Q;  /* [T][width / 2] */
    float *O; /* [T][width] */
    float *S; /* [T][T] */
    pair *P;  /* [T][PAIRS] */
    float *most, *sum; /* [T] of a row: largest score, times LOG2_E; weights so far */
};

/* c[ROWS][vectors * WIDTH] = old * c + a . b over n pairs. */
INLINE void block(float *c, int c_row, const pair *a, int a_row, const pair *b, int b_row, int n,
                  const int vectors, const bool add)
{
    __m512 sum[ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[r][v] = add ? _mm512_loadu_ps(c + r * c_row + v * WIDTH) : _mm512_setzero_ps();
    for (int k = 0; k < n; k++) {
        __m512i from[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            from[v] = _mm512_loadu_si512(b + (size_t)k * b_row + v * WIDTH);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            __m512i both = _mm512_set1_epi32((int)a[r * a_row + k]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sum[r][v] = _mm512_dpbf16_ps(sum[r][v], (__m512bh)both, (__m512bh)from[v]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            _mm512_storeu_ps(c + r * c_row + v * WIDTH, sum[r][v]);
}

/* c[T][columns] = a[T][n pairs] . b[n pairs][columns], added to what is there with `add`. */
INLINE void product(float *c, const pair *a, int a_row, const pair *b, int columns, int n,
                    const bool add)
{
    for (int column = 0; column < columns; column += 2 * WIDTH)
        for (int row = 0; row < T; row += ROWS) {
            float *to = c + row * columns + column;
            const pair *from = a + row * a_row;
            if (columns - column >= 2 * WIDTH)
                block(to, columns, from, a_row, b + column, columns, n, 2, add);
            else
                block(to, columns, from, a_row, b + column, columns, n, 1, add);
        }
}

/* Where part 0, 1, 2 (q, k, v) of the image's token i begins. */
static const uint16_t *token(const struct attention_head *a, int i, int part)
{
    return (const uint16_t *)a->qkv.p +
           (((size_t)(a->first + i) * 3 + (size_t)part) * (size_t)a->H + (size_t)a->h) *
               (size_t)a->D;
}

/* A row of up to WIDTH pairs; zero beyond the count. */
INLINE __m512i load_pairs(const uint16_t *from, int count)
{
    __mmask16 mask = count >= WIDTH ? 0xffff : count > 0 ? (__mmask16)((1u << count) - 1) : 0;
    return _mm512_maskz_loadu_epi32(mask, from);
}

/* r[i][j] becomes r[j][i]. */
INLINE void turn(__m512i r[WIDTH])
{
    __m512i t[WIDTH];
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < WIDTH; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

/* to[width / 2][T]: a tile of keys, pairs of one dimension beside those of the next key. */
static void keys_read(pair *to, const struct attention_head *a, int key, int width)
{
    for (int d = 0; d < width / 2; d += WIDTH)
        for (int j = 0; j < T; j += WIDTH) {
            __m512i r[WIDTH];
#pragma GCC unroll 16
            for (int i = 0; i < WIDTH; i++)
                r[i] = key + j + i < a->n
                           ? load_pairs(token(a, key + j + i, 1) + 2 * d, a->D / 2 - d)
                           : _mm512_setzero_si512();
            turn(r);
#pragma GCC unroll 16
            for (int i = 0; i < WIDTH; i++)
                if (d + i < width / 2)
                    _mm512_storeu_si512(to + (size_t)(d + i) * T + j, r[i]);
        }
}

INLINE __m512i load_halves(const uint16_t *from, int count)
{
    __mmask16 mask = count >= WIDTH ? 0xffff : (__mmask16)((1u << count) - 1);
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
}

/* to[PAIRS][width]: a tile of values, two keys to a pair; zero beyond the image and beyond D. */
static void values_read(pair *to, const struct attention_head *a, int key, int width)
{
    for (int j = 0; j < PAIRS; j++, to += width)
        for (int d = 0; d < width; d += WIDTH) {
            int one = key + 2 * j, left = a->D - d < 0 ? 0 : a->D - d;
            __m512i low = _mm512_setzero_si512(), high = low;
            if (one < a->n)
                low = load_halves(token(a, one, 2) + d, left);
            if (one + 1 < a->n)
                high = load_halves(token(a, one + 1, 2) + d, left);
            _mm512_storeu_si512(to + d, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
}

static struct queries queries_begin(const struct attention_head *a, int row, int width, float *room)
{
    struct queries q = {.O = room};
    q.S = q.O + T * width;
    q.P = (pair *)(q.S + T * T);
    q.Q = q.P + T * PAIRS;
    q.most = (float *)(q.Q + T * width / 2);
    q.sum = q.most + T;
    memset(q.Q, 0, (size_t)T * width / 2 * sizeof *q.Q);
    for (int i = 0; i < T && row + i < a->n; i++)
        memcpy(q.Q + (size_t)i * width / 2, token(a, row + i, 0), (size_t)a->D * 2);
    memset(q.O, 0, (size_t)T * width * sizeof *q.O);
    for (int i = 0; i < T; i++) {
        q.most[i] = -1e30f;
        q.sum[i] = 0;
    }
    return q;
}

/* 2^x for x <= 0: 2^floor(x) and a polynomial of degree four in what is left, right to 3e-6. */
INLINE __m512 power_of_two(__m512 x)
{
    __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_set1_ps(1.353416687e-2f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.201146914e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.414427465e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.930038382e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.000002593f));
    return _mm512_scalef_ps(p, x);
}

/* Turns scores [T][T] into weights 2^(scale score - most), as pairs; `most` may rise, and keep[T]
 * receives what the sums so far must be multiplied with. */
static void softmax(const struct queries *q, float scale, float *keep)
{
    float here[T];
    for (int i = 0; i < T; i++) {
        const float *s = q->S + i * T;
        __m512 low = _mm512_max_ps(_mm512_loadu_ps(s), _mm512_loadu_ps(s + WIDTH));
        __m512 high = _mm512_max_ps(_mm512_loadu_ps(s + 2 * WIDTH), _mm512_loadu_ps(s + 3 * WIDTH));
        here[i] = _mm512_reduce_max_ps(_mm512_max_ps(low, high));
    }
    for (int i = 0; i < T; i += WIDTH) {
        __m512 old = _mm512_loadu_ps(q->most + i);
        __m512 v = _mm512_mul_ps(_mm512_loadu_ps(here + i), _mm512_set1_ps(scale));
        __m512 risen = _mm512_max_ps(old, v);
        __mmask16 stays = _mm512_cmp_ps_mask(old, risen, _CMP_EQ_OQ);
        __m512 factor = power_of_two(_mm512_sub_ps(old, risen));
        _mm512_storeu_ps(keep + i, _mm512_mask_mov_ps(factor, stays, _mm512_set1_ps(1)));
        _mm512_storeu_ps(q->most + i, risen);
    }
    for (int i = 0; i < T; i++) {
        __m512 total = _mm512_setzero_ps(), most = _mm512_set1_ps(q->most[i]);
#pragma GCC unroll 4
        for (int j = 0; j < T; j += WIDTH) {
            __m512 s = _mm512_loadu_ps(q->S + i * T + j);
            __m512 weight = power_of_two(_mm512_fmsub_ps(s, _mm512_set1_ps(scale), most));
            _mm256_storeu_si256((__m256i *)(q->P + i * PAIRS + j / 2),
                                (__m256i)_mm512_cvtneps_pbh(weight));
            total = _mm512_add_ps(total, weight);
        }
        q->sum[i] = q->sum[i] * keep[i] + _mm512_reduce_add_ps(total);
    }
}

/* Keys beyond the image's end get a score that no softmax sees. */
static void scores_mask(float *s, int n_keys)
{
    for (int i = 0; n_keys < T && i < T; i++)
        for (int j = n_keys; j < T; j++)
            s[i * T + j] = -1e30f;
}

static void queries_add(const struct queries *q, const struct attention_head *a, const pair *K,
                        const pair *V, int width, int n_keys)
{
    product(q->S, q->Q, width / 2, K, T, a->D / 2, false);
    scores_mask(q->S, n_keys);
    float keep[T];
    softmax(q, a->scale * LOG2_E, keep);
    for (int i = 0; i < T; i++) {
        float *sums = q->O + (size_t)i * width;
        for (int d = 0; keep[i] != 1 && d < width; d += WIDTH)
            _mm512_storeu_ps(sums + d,
                             _mm512_mul_ps(_mm512_loadu_ps(sums + d), _mm512_set1_ps(keep[i])));
    }
    product(q->O, q->P, PAIRS, V, width, PAIRS, true);
}

static void row_write(struct fk_ptr out, size_t first, int n, const float *from, float factor)
{
    for (int d = 0; d < n; d += WIDTH) {
        __mmask16 mask = n - d >= WIDTH ? 0xffff : (__mmask16)((1u << (n - d)) - 1);
        __m512 v = _mm512_mul_ps(_mm512_loadu_ps(from + d), _mm512_set1_ps(factor));
        if (out.type == FK_F32)
            _mm512_mask_storeu_ps((float *)out.p + first + d, mask, v);
        else
            _mm256_mask_storeu_epi16((uint16_t *)out.p + first + d, mask,
                                     (__m256i)_mm512_cvtneps_pbh(v));
    }
}

static void queries_end(const struct queries *q, const struct attention_head *a, int row,
                        int width)
{
    for (int i = 0; i < T && row + i < a->n; i++) {
        size_t at = (size_t)(a->first + row + i) * (size_t)a->H + (size_t)a->h;
        row_write(a->out, at * (size_t)a->D, a->D, q->O + (size_t)i * width, 1 / q->sum[i]);
        if (a->lse)
            a->lse[at] = q->most[i] / LOG2_E + logf(q->sum[i]);
    }
}

static void forward(const struct attention_head *a, int row, int n_tiles, float *room)
{
    int width = (int)attention_padded(a->D, ATTENTION_PAD), part = T * width;
    pair *K = (pair *)room, *V = K + part / 2;
    float *rest = (float *)(V + part / 2);
    struct queries q[ATTENTION_MOST_TILES];
    for (int t = 0; t < n_tiles; t++)
        q[t] = queries_begin(a, row + t * T, width,
                             rest + (size_t)t * (part + T * T + T * PAIRS + part / 2 + 2 * T));
    for (int key = 0; key < a->n; key += T) {
        keys_read(K, a, key, width);
        values_read(V, a, key, width);
        for (int t = 0; t < n_tiles; t++)
            queries_add(&q[t], a, K, V, width, a->n - key);
    }
    for (int t = 0; t < n_tiles; t++)
        queries_end(&q[t], a, row + t * T, width);
}

const struct attention_tiles cpu_attention_bf16 = {.forward = forward};
