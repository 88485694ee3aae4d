/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_random.h - the random numbers of training, addressed instead of drawn in sequence.
 *
 * Every number is a function of (seed, purpose, index), so a resumed run meets exactly the numbers
 * that an uninterrupted one would have.
 */
#ifndef FIT_TRAIN_RANDOM_H
#define FIT_TRAIN_RANDOM_H

#include "fk_philox.h"

enum train_purpose {
    TRAIN_RANDOM_SHAPE,    /* index: picture */
    TRAIN_RANDOM_ORDER,    /* index: epoch, sub: position */
    TRAIN_RANDOM_TIME,     /* index: pack, sub: image */
    TRAIN_RANDOM_DROPOUT,  /* index: pack, sub: image; its second number is a uniform time */
    TRAIN_RANDOM_NOISE,    /* the seed of the noise fields; stream: pack */
    TRAIN_RANDOM_VALIDATE, /* the same for the validation loss */
    TRAIN_RANDOM_SHEET,    /* the seed of the sheet's noise; stream: picture */
    TRAIN_RANDOM_INIT,     /* the seed of the initial weights; stream: tensor */
    TRAIN_RANDOM_VIEW      /* index: epoch, sub: picture */
};

static inline uint64_t train_random_seed(uint64_t seed, enum train_purpose purpose)
{
    return seed + (uint64_t)purpose * 0x9E3779B97F4A7C15u; /* the golden ratio: far apart */
}

static inline struct fk_philox_counter train_random(uint64_t seed, enum train_purpose purpose,
                                                    uint64_t index, uint32_t sub)
{
    uint64_t key = train_random_seed(seed, purpose);
    struct fk_philox_counter c = {{(uint32_t)index, (uint32_t)(index >> 32), sub, 0}};
    return fk_philox4x32_10(c, (uint32_t)key, (uint32_t)(key >> 32));
}

/* In (0, 1), never an end. */
static inline double train_uniform(uint32_t bits)
{
    return ((double)bits + 0.5) * 0x1p-32;
}

#endif
