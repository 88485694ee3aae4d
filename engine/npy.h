/* SPDX-License-Identifier: Apache-2.0 */
/* npy.h - the header of numpy's array files, for those who write the data themselves. */
#ifndef FIT_NPY_H
#define FIT_NPY_H

#include <stddef.h>
#include <stdint.h>

enum { FIT_NPY_MAX_HEADER = 256 };

/* Writes everything that stands before the data of an array in C order; `descr` is numpy's name of
 * the type ("<f4"), n_dims at most 4. Returns its bytes, a multiple of 64. */
size_t fit_npy_header(char out[FIT_NPY_MAX_HEADER], const char *descr, int n_dims,
                      const int64_t *dims);

#endif
