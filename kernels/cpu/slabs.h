/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slabs.h - memory for many blocks that live long and are read again and again, cut from large
 * pieces for which the system is asked for huge pages: walking a hundred megabytes of weights in
 * pages of 4 KiB costs a product some percent of its time. Not locked; the owner does that.
 */
#ifndef CPU_SLABS_H
#define CPU_SLABS_H

#include <stddef.h>

struct slab;

struct slabs {
    struct slab *newest; /* the others follow; zero-initialised: none */
};

/* 64-byte aligned; NULL when memory is short. */
void *slabs_take(struct slabs *slabs, size_t bytes);
/* What slabs_take gave, or NULL. A piece goes back to the system with its last block. */
void slabs_give(struct slabs *slabs, void *block);

#endif
