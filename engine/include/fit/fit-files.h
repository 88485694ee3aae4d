/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-files.h - the two kinds of files that latents and pictures travel in.
 *
 * Arrays are numpy's .npy, version 1.0: little-endian float32 in C order, the form in which a
 * latent is (C, H/8, W/8) or (B, C, H/8, W/8) and a picture (H, W, 3) in [-1, 1]. Pictures are PNG.
 * Every reader checks what it is told against the length of the file before it takes memory, so a
 * damaged file costs an error and nothing else. Writing replaces the file whole or not at all.
 *
 * Threads: any. All functions *block* on the disk.
 */
#ifndef FIT_FIT_FILES_H
#define FIT_FIT_FILES_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FIT_ARRAY_MAX_DIMS = 4 };

struct fit_array {
    int n_dims; /* 0: a single value */
    int dims[FIT_ARRAY_MAX_DIMS]; /* the last varies fastest; each at least 1 */
    float *values; /* owned: fit_array_finish */
};

/* On failure (FIT_ERROR_FILE: not of the format, another type, a shape that the data do not fill)
 * `out` is empty. */
FIT_API bool fit_npy_read(const char *path, struct fit_array *out, struct fit_error *error);
FIT_API bool fit_npy_write(const char *path, int n_dims, const int *dims, const float *values,
                           struct fit_error *error);

/* Frees the values; an empty array is fine. */
FIT_API void fit_array_finish(struct fit_array *array);

/* Any PNG of at most 16384 pixels a side as rgb [height][width][3], 8-bit sRGB, transparency on
 * white. free() it. NULL with the reason otherwise. Its counterpart is fit_picture_write_png. */
FIT_API uint8_t *fit_png_read_rgb(const char *path, int *width, int *height,
                                  struct fit_error *error);

#ifdef __cplusplus
}
#endif

#endif
