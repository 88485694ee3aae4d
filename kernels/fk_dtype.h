/* SPDX-License-Identifier: Apache-2.0 */
/* What a number becomes in another type. One text for C and CUDA. */
#ifndef FK_DTYPE_H
#define FK_DTYPE_H

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define FK_INLINE static inline __host__ __device__
#else
#define FK_INLINE static inline
#endif

FK_INLINE float fk_bf16_to_f32(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Rounds to nearest even; NaN stays NaN. */
FK_INLINE uint16_t fk_f32_to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    uint32_t is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    return (uint16_t)(is_nan ? (bits >> 16) | 0x40u : rounded >> 16);
}

/* [-1, 1] to a colour: trunc(clamp(127.5 x + 128, 0, 255)), the product and the sum each rounded;
 * NaN becomes 0. */
FK_INLINE uint8_t fk_f32_to_byte(float x)
{
#ifdef __CUDA_ARCH__
    float scaled = __fadd_rn(__fmul_rn(127.5f, x), 128.0f);
#else
    float scaled = 127.5f * x; /* two statements: C17 contracts within one only */
    scaled += 128.0f;
#endif
    if (!(scaled > 0.0f))
        return 0;
    return scaled > 255.0f ? 255 : (uint8_t)scaled;
}

#endif
