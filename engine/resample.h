/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resample.h - 8-bit pictures at another size, to the bit as Pillow's Image.resize gives them (up
 * to release 12.0), through which the reference's data went: the filter is widened by the
 * reduction (antialiasing), weights are fixed-point numbers of 22 bits, the horizontal pass comes
 * first, and both round to 8 bits.
 */
#ifndef FIT_RESAMPLE_H
#define FIT_RESAMPLE_H

#include "image_file.h"

enum resample_filter {
    RESAMPLE_BOX,
    RESAMPLE_BICUBIC /* a = -0.5 */
};

/* `out` becomes `in` at out->width x out->height (each at least 1); `path` names it in a failure,
 * after which out->rgb is NULL. */
bool resample(struct image *out, const struct image *in, enum resample_filter filter,
              const char *path, struct fit_error *e);

#endif
