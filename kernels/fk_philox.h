/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fk_philox.h - counter-based noise, one text for C and CUDA.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011): a keyed bijection of a 128-bit counter, ten rounds, no state. A value of noise depends
 * on its address and on nothing else, so threads, batches and windows cannot change it.
 *
 * Address of a value: key = seed (low word first), counter = (floor(column / 4), row, channel,
 * stream), and column mod 4 picks one of the four normals that a counter gives. Row and column
 * are signed and enter in two's complement: the field is endless in all four directions, and a
 * picture may be anchored anywhere on it. `stream` separates independent fields of one seed (the
 * initial noise, the noise of step k).
 *
 * Bits: the Box-Muller transform below uses only operations that IEEE 754 rounds correctly (add,
 * multiply, fused multiply-add, square root, conversion of integers), with polynomials written as
 * explicit fused multiply-adds and no product that a compiler could contract into a sum. A CPU and
 * a GPU therefore produce the same bits, provided the file that includes this is not compiled
 * with -ffast-math.
 */
#ifndef FK_PHILOX_H
#define FK_PHILOX_H

#include "fk_dtype.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

struct fk_philox_counter {
    uint32_t word[4];
};

FK_INLINE uint32_t fk_mul_high(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)a * b) >> 32);
}

FK_INLINE struct fk_philox_counter fk_philox4x32_10(struct fk_philox_counter c, uint32_t key0,
                                                    uint32_t key1)
{
    for (int round = 0; round < 10; round++) {
        uint32_t high0 = fk_mul_high(0xD2511F53u, c.word[0]), low0 = 0xD2511F53u * c.word[0];
        uint32_t high1 = fk_mul_high(0xCD9E8D57u, c.word[2]), low1 = 0xCD9E8D57u * c.word[2];
        c.word[0] = high1 ^ c.word[1] ^ key0;
        c.word[1] = low1;
        c.word[2] = high0 ^ c.word[3] ^ key1;
        c.word[3] = low0;
        key0 += 0x9E3779B9u; /* the golden ratio and sqrt(3) - 1: Weyl sequence of the key */
        key1 += 0xBB67AE85u;
    }
    return c;
}

FK_INLINE float fk_fma(float a, float b, float c)
{
#ifdef __CUDA_ARCH__
    return __fmaf_rn(a, b, c);
#else
    return fmaf(a, b, c);
#endif
}

FK_INLINE float fk_sqrt(float x)
{
#ifdef __CUDA_ARCH__
    return __fsqrt_rn(x);
#else
    return sqrtf(x);
#endif
}

/* sqrt(-2 ln u) for u = (bits + 1/2) / 2^32, at most 6.8. The logarithm is Cephes' logf:
 * u = 2^e (1 + x), 1 + x in [sqrt(1/2), sqrt(2)). */
FK_INLINE float fk_normal_radius(uint32_t bits)
{
    float u = fk_fma((float)bits, 0x1p-32f, 0x1p-33f);
    uint32_t pattern;
    memcpy(&pattern, &u, sizeof pattern);
    pattern += 0x3f800000u - 0x3f3504f3u; /* moves [sqrt(1/2), sqrt(2)) onto one exponent */
    float e = (float)((int32_t)(pattern >> 23) - 127);
    pattern = (pattern & 0x007fffffu) + 0x3f3504f3u;
    float x;
    memcpy(&x, &pattern, sizeof x);
    x -= 1.0f;

    float p = 7.0376836292e-2f;
    p = fk_fma(p, x, -1.1514610310e-1f);
    p = fk_fma(p, x, 1.1676998740e-1f);
    p = fk_fma(p, x, -1.2420140846e-1f);
    p = fk_fma(p, x, 1.4249322787e-1f);
    p = fk_fma(p, x, -1.6668057665e-1f);
    p = fk_fma(p, x, 2.0000714765e-1f);
    p = fk_fma(p, x, -2.4999993993e-1f);
    p = fk_fma(p, x, 3.3333331174e-1f);
    float square = x * x;
    float cube = square * x;
    float log_u = fk_fma(e, -2.12194440e-4f, fk_fma(p, cube, -0.5f * square)) + x;
    log_u = fk_fma(e, 0.693359375f, log_u);
    return fk_sqrt(-2.0f * log_u);
}

/* cosine and sine of a uniform angle. The top two bits are the quadrant, the others an angle in
 * [-pi/4, pi/4), where Cephes' polynomials hold; where angle zero lies does not matter. */
FK_INLINE void fk_normal_direction(uint32_t bits, float *cosine, float *sine)
{
    float a = (float)((int32_t)(bits & 0x3fffffffu) - 0x20000000) * 1.46291807926715968e-9f;
    float z = a * a;
    float s = fk_fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = fk_fma(s, z, -1.6666654611e-1f);
    float az = a * z;
    s = fk_fma(s, az, a);
    float c = fk_fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = fk_fma(c, z, 4.166664568298827e-2f);
    c = fk_fma(c, z, -0.5f);
    c = fk_fma(c, z, 1.0f);
    uint32_t quadrant = bits >> 30;
    float cq = quadrant & 1u ? s : c, sq = quadrant & 1u ? c : s;
    *cosine = quadrant == 1u || quadrant == 2u ? -cq : cq;
    *sine = quadrant >= 2u ? -sq : sq;
}

/* The four normals of columns 4 * column4 .. 4 * column4 + 3. */
FK_INLINE void fk_normal4(float out[4], uint64_t seed, uint32_t stream, uint32_t channel,
                          int32_t row, int32_t column4)
{
    struct fk_philox_counter c = {{(uint32_t)column4, (uint32_t)row, channel, stream}};
    c = fk_philox4x32_10(c, (uint32_t)seed, (uint32_t)(seed >> 32));
    for (int pair = 0; pair < 2; pair++) {
        float cosine, sine, radius = fk_normal_radius(c.word[2 * pair]);
        fk_normal_direction(c.word[2 * pair + 1], &cosine, &sine);
        out[2 * pair] = radius * cosine;
        out[2 * pair + 1] = radius * sine;
    }
}

/* floor(column / 4) without relying on the shift of a negative number. */
FK_INLINE int32_t fk_normal_column4(int32_t column)
{
    return (int32_t)((column - (int32_t)((uint32_t)column & 3u)) / 4);
}

#endif
