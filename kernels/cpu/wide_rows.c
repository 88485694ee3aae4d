/* SPDX-License-Identifier: Apache-2.0 */
/* The forward row operations sixteen numbers at a time, for processors with AVX-512 and
 * AVX512_BF16; the formulas are those of norm.c and activation.c. */
#include "rows.h"
#include "wide.h"

#include <math.h>
#include <string.h>

enum { MOST_VECTORS = 256 / WIDTH };

/* The lanes to take at i of n. */
INLINE __mmask16 lanes_left(size_t i, size_t n)
{
    return n - i >= WIDTH ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
}

/* 1 / x, right to a few roundings: the estimate and one step of Newton's method. */
INLINE __m512 reciprocal(__m512 x)
{
    __m512 y = _mm512_rcp14_ps(x);
    return _mm512_mul_ps(y, _mm512_fnmadd_ps(x, y, _mm512_set1_ps(2)));
}

/* 2^x: 2^floor(x) and a polynomial of degree five in what is left, right to 1e-7. */
INLINE __m512 power_of_two(__m512 x)
{
    __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_set1_ps(1.877576572e-3f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(8.989341089e-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.582631641e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.401536180e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931530730e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.999999251e-1f));
    return _mm512_scalef_ps(p, x);
}

/* 1 / (1 + e^-g); e^-g is held below 2^126, where its reciprocal is still a number. */
INLINE __m512 sigmoid(__m512 g)
{
    __m512 x = _mm512_mul_ps(g, _mm512_set1_ps(-1.44269504088896341f));
    x = _mm512_min_ps(_mm512_set1_ps(126), x);
    return reciprocal(_mm512_add_ps(_mm512_set1_ps(1), power_of_two(x)));
}

INLINE void swiglu_typed(struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value, size_t first,
                         size_t end)
{
    for (size_t i = first; i < end; i += WIDTH) {
        __mmask16 mask = lanes_left(i, end);
        __m512 g = wide_load(gate, i, mask), v = wide_load(value, i, mask);
        wide_store(y, i, mask, _mm512_mul_ps(_mm512_mul_ps(g, sigmoid(g)), v));
    }
}

static void swiglu(struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value, size_t first,
                   size_t end)
{
    if (y.type == FK_BF16 && gate.type == FK_BF16 && value.type == FK_BF16)
        swiglu_typed(fk_bf16(y.p), fk_bf16(gate.p), fk_bf16(value.p), first, end);
    else
        swiglu_typed(y, gate, value, first, end);
}

/* ---- norm --------------------------------------------------------------------------------- */

struct stats {
    float mean, rstd;
};

/* Two sums at a time, so that each waits less for itself. */
INLINE struct stats row_stats(const float *x, int C, float epsilon)
{
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, squares[2] = {sum[0], sum[0]};
    size_t n = (size_t)C, whole = n / (2 * WIDTH) * 2 * WIDTH;
    for (size_t i = 0; i < whole; i += 2 * WIDTH)
        for (int k = 0; k < 2; k++)
            sum[k] = _mm512_add_ps(sum[k], _mm512_loadu_ps(x + i + k * WIDTH));
    for (size_t i = whole; i < n; i += WIDTH)
        sum[0] = _mm512_add_ps(sum[0], _mm512_maskz_loadu_ps(lanes_left(i, n), x + i));
    float mean = _mm512_reduce_add_ps(_mm512_add_ps(sum[0], sum[1])) / (float)C;
    __m512 middle = _mm512_set1_ps(mean);
    for (size_t i = 0; i < whole; i += 2 * WIDTH)
        for (int k = 0; k < 2; k++) {
            __m512 d = _mm512_sub_ps(_mm512_loadu_ps(x + i + k * WIDTH), middle);
            squares[k] = _mm512_fmadd_ps(d, d, squares[k]);
        }
    for (size_t i = whole; i < n; i += WIDTH) {
        __mmask16 mask = lanes_left(i, n);
        __m512 d = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), middle);
        squares[0] = _mm512_fmadd_ps(d, d, squares[0]);
    }
    float variance = _mm512_reduce_add_ps(_mm512_add_ps(squares[0], squares[1])) / (float)C;
    return (struct stats){mean, 1.0f / sqrtf(variance + epsilon)};
}

INLINE void modulate_typed(struct fk_ptr y, const float *x, const float *shift, const float *scale,
                           struct span span, int C, float epsilon)
{
    size_t n = (size_t)C;
    for (int token = span.first; token < span.end; token++) {
        size_t first = (size_t)token * n;
        struct stats s = row_stats(x + first, C, epsilon);
        __m512 mean = _mm512_set1_ps(s.mean), rstd = _mm512_set1_ps(s.rstd);
        for (size_t i = 0; i < n; i += WIDTH) {
            __mmask16 mask = lanes_left(i, n);
            __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + first + i), mean);
            __m512 factor = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, scale + i),
                                          _mm512_set1_ps(1));
            v = _mm512_fmadd_ps(_mm512_mul_ps(v, rstd), factor,
                                _mm512_maskz_loadu_ps(mask, shift + i));
            wide_store(y, first + i, mask, v);
        }
    }
}

static void modulate(struct fk_ptr y, const float *x, const float *shift, const float *scale,
                     struct span span, int C, float epsilon)
{
    if (y.type == FK_BF16)
        modulate_typed(fk_bf16(y.p), x, shift, scale, span, C, epsilon);
    else
        modulate_typed(fk_f32(y.p), x, shift, scale, span, C, epsilon);
}

static void gate_add(float *x, struct fk_ptr y, const float *gate, struct span span, int C)
{
    size_t n = (size_t)C;
    for (int token = span.first; token < span.end; token++)
        for (size_t i = 0; i < n; i += WIDTH) {
            __mmask16 mask = lanes_left(i, n);
            size_t at = (size_t)token * n + i;
            __m512 sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, gate + i),
                                         wide_load(y, at, mask), _mm512_maskz_loadu_ps(mask, x + at));
            _mm512_mask_storeu_ps(x + at, mask, sum);
        }
}

/* ---- norm of heads and rotation ----------------------------------------------------------- */

/* A token's tables as in fast_rows.c: x * cosine + swapped(x) * sine. */
struct rotation {
    __m512 cosine[MOST_VECTORS], sine[MOST_VECTORS];
};

INLINE void rotation_make(struct rotation *r, const float *cosine, const float *sine, int D)
{
    const __m512i twice = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
    for (int i = 0; i < D; i += WIDTH) {
        __mmask16 half = lanes_left((size_t)i / 2, (size_t)D / 2) & 0xff;
        __m512 c = _mm512_maskz_loadu_ps(half, cosine + i / 2);
        __m512 s = _mm512_maskz_loadu_ps(half, sine + i / 2);
        s = _mm512_permutexvar_ps(twice, s);
        r->cosine[i / WIDTH] = _mm512_permutexvar_ps(twice, c);
        r->sine[i / WIDTH] = _mm512_mask_sub_ps(s, 0x5555, _mm512_setzero_ps(), s);
    }
}

INLINE void head_normalise(__m512 *row, int D, float epsilon)
{
    __m512 sum = _mm512_setzero_ps(), squares = sum;
    for (int i = 0; i < D; i += WIDTH)
        sum = _mm512_add_ps(sum, row[i / WIDTH]);
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)D);
    for (int i = 0; i < D; i += WIDTH) {
        __mmask16 mask = lanes_left((size_t)i, (size_t)D);
        __m512 d = _mm512_maskz_sub_ps(mask, row[i / WIDTH], mean);
        squares = _mm512_fmadd_ps(d, d, squares);
        row[i / WIDTH] = d;
    }
    float rstd = 1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)D + epsilon);
    for (int i = 0; i < D; i += WIDTH)
        row[i / WIDTH] = _mm512_mul_ps(row[i / WIDTH], _mm512_set1_ps(rstd));
}

INLINE void rotate_typed(struct fk_ptr out, struct fk_ptr qkv, struct heads t, const int D)
{
    struct rotation r;
    __m512 row[MOST_VECTORS];
    for (int token = t.first; token < t.end; token++) {
        size_t table = (size_t)token * (size_t)(D / 2);
        size_t at = (size_t)token * 3 * (size_t)t.H * (size_t)D, n = (size_t)t.H * (size_t)D;
        rotation_make(&r, t.cosine + table, t.sine + table, D);
        for (int h = 0; h < 2 * t.H; h++, at += (size_t)D) {
            for (int i = 0; i < D; i += WIDTH)
                row[i / WIDTH] = wide_load(qkv, at + (size_t)i, lanes_left((size_t)i, (size_t)D));
            if (t.epsilon >= 0)
                head_normalise(row, D, t.epsilon);
            for (int i = 0; i < D; i += WIDTH) {
                __m512 v = row[i / WIDTH], turned = _mm512_permute_ps(v, 0xb1);
                v = _mm512_fmadd_ps(v, r.cosine[i / WIDTH],
                                    _mm512_mul_ps(turned, r.sine[i / WIDTH]));
                wide_store(out, at + (size_t)i, lanes_left((size_t)i, (size_t)D), v);
            }
        }
        for (size_t i = 0; out.p != qkv.p && i < n; i += WIDTH)
            wide_store(out, at + i, lanes_left(i, n), wide_load(qkv, at + i, lanes_left(i, n)));
    }
}

/* The usual types and widths of heads with constants in their loops. */
static void rotate(struct fk_ptr out, struct fk_ptr qkv, struct heads t)
{
    bool narrow = out.type == FK_BF16 && qkv.type == FK_BF16;
    if (narrow && t.D == 64)
        rotate_typed(fk_bf16(out.p), fk_bf16(qkv.p), t, 64);
    else if (narrow && t.D == 72)
        rotate_typed(fk_bf16(out.p), fk_bf16(qkv.p), t, 72);
    else if (out.type == FK_F32 && qkv.type == FK_F32 && t.D == 64)
        rotate_typed(fk_f32(out.p), fk_f32(qkv.p), t, 64);
    else
        rotate_typed(out, qkv, t, t.D);
}

const struct row_loops cpu_rows_wide = {modulate, gate_add, rotate, swiglu};
