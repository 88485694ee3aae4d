/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h - the activations of a pass: a table of named buffers in one allocation. Memory is
 * taken when it is reserved, never in a step.
 */
#ifndef FIT_SCRATCH_H
#define FIT_SCRATCH_H

#include "error.h"
#include "fk.h"

struct fit_scratch {
    struct fk_device *device;
    void *memory; /* owned */
    size_t bytes;
};

struct fit_scratch_item {
    const char *name;
    void *place; /* of the pointer that receives the buffer's address, 64-byte aligned */
    size_t bytes;
};

/* What the items take together; SIZE_MAX when that overflows. */
size_t fit_scratch_bytes(const struct fit_scratch_item *items, size_t n);

/* Frees what the scratch held and places every item anew. On failure nothing is held and the
 * places are NULL. */
bool fit_scratch_reserve(struct fit_scratch *scratch, struct fk_device *device,
                         const struct fit_scratch_item *items, size_t n, struct fit_error *e);
void fit_scratch_finish(struct fit_scratch *scratch);

#endif
