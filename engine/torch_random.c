/* SPDX-License-Identifier: Apache-2.0 */
#include "torch_random.h"

#include <math.h>

enum { WORDS = FIT_TORCH_RANDOM_WORDS, SHIFT = 397, BLOCK = FIT_TORCH_RANDOM_BLOCK };

void fit_torch_random_init(struct fit_torch_random *r, uint64_t seed)
{
    r->word[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < WORDS; i++)
        r->word[i] = 1812433253u * (r->word[i - 1] ^ (r->word[i - 1] >> 30)) + i;
    r->used = WORDS;
}

static void twist(struct fit_torch_random *r)
{
    for (int i = 0; i < WORDS; i++) {
        uint32_t y = (r->word[i] & 0x80000000u) | (r->word[(i + 1) % WORDS] & 0x7fffffffu);
        r->word[i] = r->word[(i + SHIFT) % WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    r->used = 0;
}

static uint32_t next_word(struct fit_torch_random *r)
{
    if (r->used == WORDS)
        twist(r);
    uint32_t y = r->word[r->used++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static void fill_uniform(struct fit_torch_random *r, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(next_word(r) & 0xffffffu) * 0x1p-24f;
}

static void make_normal(float *block)
{
    for (int j = 0; j < BLOCK / 2; j++) {
        double radius = sqrt(-2 * log(1 - (double)block[j]));
        double angle = 2 * M_PI * block[j + BLOCK / 2];
        block[j] = (float)(radius * cos(angle));
        block[j + BLOCK / 2] = (float)(radius * sin(angle));
    }
}

bool fit_torch_random_normal(struct fit_torch_random *r, float *out, size_t n)
{
    if (n < BLOCK)
        return false;
    fill_uniform(r, out, n);
    for (size_t i = 0; i + BLOCK <= n; i += BLOCK)
        make_normal(out + i);
    if (n % BLOCK == 0)
        return true;
    /* What does not fill a block: the last 16 numbers are made anew, from new uniform ones. */
    fill_uniform(r, out + n - BLOCK, BLOCK);
    make_normal(out + n - BLOCK);
    return true;
}
