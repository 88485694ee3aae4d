/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torch_random.h - the normal numbers that torch.randn gives on a CPU for a seed, so that a run can
 * begin with the noise of another program. They agree to 1.2e-6: that program approximates
 * logarithm, sine and cosine in float.
 *
 * MT19937 (M. Matsumoto, T. Nishimura, 1998) gives 24 bits for every uniform number; blocks of 16
 * of them become normal by Box and Muller's transform.
 */
#ifndef FIT_TORCH_RANDOM_H
#define FIT_TORCH_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIT_TORCH_RANDOM_WORDS = 624, FIT_TORCH_RANDOM_BLOCK = 16 };

struct fit_torch_random {
    uint32_t word[FIT_TORCH_RANDOM_WORDS];
    int used;
};

/* As torch.manual_seed: the lower 32 bits count. */
void fit_torch_random_init(struct fit_torch_random *random, uint64_t seed);

/* The next torch.randn(n); successive calls with multiples of 16 continue each other. n must be at
 * least 16: below, torch goes another way, and the call returns false. */
bool fit_torch_random_normal(struct fit_torch_random *random, float *out, size_t n);

#endif
