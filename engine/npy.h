/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays in numpy's .npy format, version 1.0: float32, C order. */
#ifndef FIT_NPY_H
#define FIT_NPY_H

#include "error.h"

enum { FIT_NPY_MAX_DIMS = 4 };

struct fit_array {
    int n_dims;
    int dims[FIT_NPY_MAX_DIMS];
    float *values; /* owned */
};

bool fit_npy_read(const char *path, struct fit_array *out, struct fit_error *error);
bool fit_npy_write(const char *path, int n_dims, const int *dims, const float *values,
                   struct fit_error *error);
void fit_array_finish(struct fit_array *array);

#endif
