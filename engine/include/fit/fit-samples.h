/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-samples.h - many pictures of one size in the file that evaluation suites read.
 *
 * ADM's suite, which computes FID, sFID, IS, precision and recall, wants an .npz: a zip without
 * compression with arr_0.npy, uint8 [n][height][width][3], and here arr_1.npy, int64 [n], the class
 * of each (-1: none). Fifty thousand pictures take hours, so they are collected in PATH.part: the
 * settings as one line of JSON, then the pixels, picture after picture. What a run has added
 * survives whatever ends it, and the next run with the same settings goes on behind the last whole
 * picture. The .npz appears when it is complete, or not at all.
 *
 * Threads: any, one at a time. All functions *block* on the disk. Memory: a picture.
 */
#ifndef FIT_FIT_SAMPLES_H
#define FIT_FIT_SAMPLES_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fit_samples;

/* Opens PATH.part, or makes it. `settings` is a JSON object that says everything the pictures
 * depend on, read during the call. Fails (FIT_ERROR_FILE) when PATH is there already, when another
 * process is at it, and when PATH.part is of other settings, naming the first that differs. */
FIT_API bool fit_samples_open(struct fit_samples **out, const char *path, const char *settings,
                              int width, int height, struct fit_error *error);

/* How many pictures are there. */
FIT_API int64_t fit_samples_count(const struct fit_samples *samples);

/* Adds rgba [height][width][4], without its alpha. */
FIT_API bool fit_samples_add(struct fit_samples *samples, const uint8_t *rgba,
                             struct fit_error *error);

/* Writes the first n pictures with their classes [n] to PATH and removes PATH.part. n is at least 1
 * and at most their number. On failure both files are as they were. */
FIT_API bool fit_samples_finish(struct fit_samples *samples, const int64_t *classes, int64_t n,
                                struct fit_error *error);

/* Closes PATH.part, which stays unless it was finished. NULL is fine. */
FIT_API void fit_samples_close(struct fit_samples **samples);

/* The class of picture `index` of a seed when classes are drawn: uniform in [0, n_classes), the
 * same whoever draws it. n_classes is at least 1. */
FIT_API int fit_samples_random_class(uint64_t seed, int64_t index, int n_classes);

#ifdef __cplusplus
}
#endif

#endif
