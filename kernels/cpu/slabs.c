/* SPDX-License-Identifier: Apache-2.0 */
#include "slabs.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ALIGNMENT ((size_t)64)
#define HUGE_PAGE ((size_t)2 << 20)
#define LEAST_BYTES ((size_t)16 << 20)

struct slab {
    char *memory;
    size_t bytes, used;
    size_t n_blocks; /* not yet given back */
    struct slab *next;
};

static size_t rounded(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static struct slab *slab_new(size_t least)
{
    struct slab *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->bytes = rounded(least > LEAST_BYTES ? least : LEAST_BYTES, HUGE_PAGE);
    s->memory = aligned_alloc(HUGE_PAGE, s->bytes);
    if (!s->memory) {
        free(s);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(s->memory, s->bytes, MADV_HUGEPAGE); /* a wish: small pages do as well */
#endif
    return s;
}

void *slabs_take(struct slabs *slabs, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = rounded(bytes ? bytes : 1, ALIGNMENT);
    struct slab *s = slabs->newest;
    if (!s || s->bytes - s->used < bytes) {
        s = slab_new(bytes);
        if (!s)
            return NULL;
        s->next = slabs->newest;
        slabs->newest = s;
    }
    void *block = s->memory + s->used;
    s->used += bytes;
    s->n_blocks++;
    return block;
}

void slabs_give(struct slabs *slabs, void *block)
{
    char *p = block;
    struct slab **at = &slabs->newest;
    while (*at && !(p >= (*at)->memory && p < (*at)->memory + (*at)->used))
        at = &(*at)->next;
    struct slab *s = *at;
    if (!p || !s || --s->n_blocks > 0)
        return;
    *at = s->next;
    free(s->memory);
    free(s);
}
