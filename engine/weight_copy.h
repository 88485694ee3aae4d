/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weight_copy.h - from an open file of weights to a safetensors file: other names, other types, a
 * choice among the tensors, in pieces, so that twelve gigabytes take a few megabytes of memory.
 */
#ifndef FIT_WEIGHT_COPY_H
#define FIT_WEIGHT_COPY_H

#include "safetensors.h"

/* What is to be written, in the order of the file to be. */
struct fit_weight_copy {
    struct fit_tensor *to;   /* owned, with their names; data is unused */
    struct fit_tensor *from; /* owned list; names and data are the source's */
    size_t n, capacity;
    const char *source; /* borrowed: the path of the file that is read */
    uint64_t bytes;     /* of all values */
};

/* `done` of `total` bytes are written; false stops the work. */
struct fit_copy_watch {
    bool (*progress)(void *data, uint64_t done, uint64_t total); /* may be NULL */
    void *data;
    uint64_t done, total;
};

void fit_weight_copy_init(struct fit_weight_copy *copy, const char *source);
void fit_weight_copy_finish(struct fit_weight_copy *copy);

/* Adds a tensor of as many values as the match has found, as F32 or BF16. Refuses what is not a
 * tensor of real numbers. */
bool fit_weight_copy_add(struct fit_weight_copy *copy, const struct fit_tensor_match *match,
                         enum fit_tensor_type type, struct fit_error *error);

/* Writes the file, atomically, and gives its SHA-256. Refuses values that are no numbers, or none
 * in the new type, with the tensor that has them. FIT_ERROR_CANCELLED when the watch says stop. */
bool fit_weight_copy_write(const struct fit_weight_copy *copy, const char *path,
                           struct fit_copy_watch *watch, char sha256[65], struct fit_error *error);

#endif
