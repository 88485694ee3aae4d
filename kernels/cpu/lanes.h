/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.h - eight numbers at once, in GCC's vector extension, for the fast row operations.
 *
 * Every element, also those of a row's tail, goes through the same vector instructions, and sums
 * have one fixed order: a number's bits depend neither on its place in a buffer nor on what lies
 * beside it. Files that use this must not be compiled with -ffast-math, which would give that up,
 * and are compiled with -Wno-psabi: everything is inlined, so no vector is ever passed.
 */
#ifndef CPU_LANES_H
#define CPU_LANES_H

#include "fk.h"
#include "fk_dtype.h"

#include <string.h>

enum { LANES = 8 };

typedef float lanes __attribute__((vector_size(32)));
typedef int32_t lanes_i32 __attribute__((vector_size(32)));
typedef uint32_t lanes_u32 __attribute__((vector_size(32)));
typedef uint16_t lanes_u16 __attribute__((vector_size(16)));

/* Files that use this are compiled once for each instruction set: what they show the others has
 * the set's name at its end, as meson.build defines it: _base or _v3. */
#define LANES_JOIN_(name, suffix) name##suffix
#define LANES_JOIN(name, suffix) LANES_JOIN_(name, suffix)
#define LANES_VARIANT(name) LANES_JOIN(name, LANES_SUFFIX)

#define LANES_INLINE static inline __attribute__((always_inline))
#pragma GCC diagnostic ignored "-Wpsabi"

/* Runs the statements for i = first, first + 8, ... below end, with `left` elements to take at i:
 * the constant 8, and once at the end what remains. */
#define LANES_EACH(i, left, first, end, ...)                                                       \
    do {                                                                                           \
        size_t i = (first), lanes_end_ = (end);                                                    \
        for (; lanes_end_ - i >= LANES; i += LANES) {                                              \
            const int left = LANES;                                                                \
            (void)left;                                                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
        if (i < lanes_end_) {                                                                      \
            const int left = (int)(lanes_end_ - i);                                                \
            (void)left;                                                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    } while (0)

LANES_INLINE lanes lanes_select(lanes_i32 mask, lanes a, lanes b)
{
    return (lanes)(((lanes_i32)a & mask) | ((lanes_i32)b & ~mask));
}

/* The first `count` lanes, zero in the others. */
LANES_INLINE lanes lanes_keep(lanes v, int count)
{
    const lanes_i32 index = {0, 1, 2, 3, 4, 5, 6, 7};
    return count == LANES ? v : (lanes)((lanes_i32)v & (index < count));
}

LANES_INLINE lanes lanes_load(struct fk_ptr x, size_t i, int count)
{
    if (x.type == FK_F32) {
        lanes v = {0};
        if (count == LANES)
            memcpy(&v, (const float *)x.p + i, sizeof v);
        else
            memcpy(&v, (const float *)x.p + i, (size_t)count * sizeof(float));
        return v;
    }
    lanes_u16 h = {0};
    if (count == LANES)
        memcpy(&h, (const uint16_t *)x.p + i, sizeof h);
    else
        memcpy(&h, (const uint16_t *)x.p + i, (size_t)count * sizeof(uint16_t));
    return (lanes)(__builtin_convertvector(h, lanes_u32) << 16);
}

LANES_INLINE lanes lanes_load_f32(const float *x, size_t i, int count)
{
    return lanes_load(fk_f32(x), i, count);
}

/* fk_f32_to_bf16 of eight numbers. */
LANES_INLINE lanes_u16 lanes_to_bf16(lanes v)
{
    lanes_u32 bits = (lanes_u32)v;
    lanes_u32 is_nan = (lanes_u32)((bits & 0x7fffffffu) > 0x7f800000u);
    lanes_u32 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    lanes_u32 quiet = (bits >> 16) | 0x40u;
    return __builtin_convertvector((quiet & is_nan) | (rounded & ~is_nan), lanes_u16);
}

LANES_INLINE void lanes_store(struct fk_ptr y, size_t i, int count, lanes v)
{
    if (y.type == FK_F32) {
        if (count == LANES)
            memcpy((float *)y.p + i, &v, sizeof v);
        else
            memcpy((float *)y.p + i, &v, (size_t)count * sizeof(float));
        return;
    }
    lanes_u16 h = lanes_to_bf16(v);
    if (count == LANES)
        memcpy((uint16_t *)y.p + i, &h, sizeof h);
    else
        memcpy((uint16_t *)y.p + i, &h, (size_t)count * sizeof(uint16_t));
}

LANES_INLINE void lanes_store_f32(float *y, size_t i, int count, lanes v)
{
    lanes_store(fk_f32(y), i, count, v);
}

LANES_INLINE float lanes_sum(lanes v)
{
    return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7]));
}

/* e^x with x clamped to [-87, 87], where the result is a normal number: 2^n e^r, |r| <= ln(2)/2,
 * Cephes' expf polynomial. NaN stays NaN. */
LANES_INLINE lanes lanes_exp(lanes x)
{
    const lanes zero = {0}, low = zero - 87.0f, high = zero + 87.0f, half = zero + 0.5f;
    x = lanes_select(x < low, low, x);
    x = lanes_select(x > high, high, x);
    lanes_i32 n = __builtin_convertvector(x * 1.44269504088896341f +
                                              lanes_select(x < zero, -half, half),
                                          lanes_i32);
    lanes k = __builtin_convertvector(n, lanes);
    lanes r = x - k * 0.693359375f;
    r = r + k * 2.12194440e-4f;
    lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * (lanes)(((lanes_u32)n + 127u) << 23);
}

LANES_INLINE lanes lanes_sigmoid(lanes x)
{
    return 1.0f / (1.0f + lanes_exp(-x));
}

#endif
