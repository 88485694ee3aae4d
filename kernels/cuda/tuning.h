/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuning.h - which of cuBLASLt's proposals was the fastest for a product, as far as it was measured
 * on this card: shared by the device's queues, and handed out as bytes (fk.h) for the next process.
 * A choice is a place in the library's own list of proposals and a print of what stands there, so
 * bytes from elsewhere can make a product slower or round in another order, and nothing worse.
 * Callable from any thread.
 */
#ifndef FK_CUDA_TUNING_H
#define FK_CUDA_TUNING_H

#include <array>

#include "cuda.h"

enum { TUNING_PROPOSALS = 16 };

/* m, n, k, and a number below TUNING_KINDS for all else that matters. */
typedef std::array<int32_t, 4> tuning_product;
enum { TUNING_KINDS = 256 };

struct tuning_choice {
    uint32_t place; /* < TUNING_PROPOSALS */
    uint32_t print; /* of the algorithm at that place */
};

/* The optional members of struct fk_device; false when memory is short. */
bool cuda_tuning_install(struct cuda_state *state);
void cuda_tuning_finish(struct cuda_state *state);

bool cuda_tuning_find(const struct cuda_state *state, const tuning_product &product,
                      struct tuning_choice *choice);
void cuda_tuning_learn(struct cuda_state *state, const tuning_product &product,
                       const struct tuning_choice &choice);

#endif
