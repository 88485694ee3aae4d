/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pickle.h - what a torch checkpoint's data.pkl says about its tensors, and nothing else.
 *
 * A pickle is a program for a stack machine that may call anything. This reader knows the few
 * instructions and the few names that describe tensors; everything else is refused by its name,
 * and no name is ever looked up or called. Its memory is bounded (below 40 MB) whatever the file
 * says, and it does not recurse.
 */
#ifndef FIT_PICKLE_H
#define FIT_PICKLE_H

#include "safetensors.h"

enum { FIT_PICKLE_LIMIT = 4 << 20 }; /* bytes of data.pkl; the largest published one has 0.1 MB */

/* A tensor as described; where its storage lies is the archive's matter. Text points into the
 * pickle and has no final NUL. */
struct fit_pickle_tensor {
    const char *name, *storage; /* printable ASCII */
    const char *group;          /* the name of the dictionary it is in; "" for the outermost */
    int name_length, storage_length, group_length;
    enum fit_tensor_type type;
    uint64_t storage_values;
    uint64_t offset; /* in values, from the start of the storage */
    int n_dims;
    uint64_t dims[FIT_TENSOR_MAX_DIMS], strides[FIT_TENSOR_MAX_DIMS]; /* in values */
};

struct fit_pickle {
    struct fit_pickle_tensor *tensors; /* in the file's order */
    size_t n_tensors;
};

/* Reads the dictionary of tensors in data[bytes]; `path` is for the sentences of failures. Values
 * are not checked against each other: shapes, strides and storages are as the file has them. */
bool fit_pickle_read(struct fit_pickle *pickle, const char *path, const uint8_t *data,
                     size_t bytes, struct fit_error *error);
void fit_pickle_finish(struct fit_pickle *pickle);

#endif
