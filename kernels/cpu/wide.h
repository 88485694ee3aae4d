/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wide.h - sixteen numbers at once, for the files compiled for AVX-512 with AVX512_BF16. Lanes that
 * the mask leaves out are neither read nor written; loaded, they are zero.
 */
#ifndef CPU_WIDE_H
#define CPU_WIDE_H

#include "fk.h"

#include <immintrin.h>

enum { WIDTH = 16 }; /* floats, or pairs, of a vector */

typedef uint32_t pair; /* two bf16; the lower half comes first */

#define INLINE static inline __attribute__((always_inline))

INLINE __m512 wide_load(struct fk_ptr x, size_t i, __mmask16 mask)
{
    if (x.type == FK_F32)
        return _mm512_maskz_loadu_ps(mask, (const float *)x.p + i);
    __m256i narrow = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)x.p + i);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

INLINE void wide_store(struct fk_ptr y, size_t i, __mmask16 mask, __m512 v)
{
    if (y.type == FK_F32)
        _mm512_mask_storeu_ps((float *)y.p + i, mask, v);
    else
        _mm256_mask_storeu_epi16((uint16_t *)y.p + i, mask, (__m256i)_mm512_cvtneps_pbh(v));
}

#endif
