/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture_prepare.h - a picture as training sees it: the pre-processing of the reference's data
 * loader (fit/data/in1k_dataset.py), pixel for pixel.
 *
 * Every picture is seen whole, at an area of at most side x side and axes that are multiples of 16
 * (resize_arr); one that is larger than side on both axes is also seen as its middle square
 * (center_crop_arr), and training takes one of the two by chance.
 */
#ifndef FIT_PICTURE_PREPARE_H
#define FIT_PICTURE_PREPARE_H

#include "image_file.h"

enum { PICTURE_QUANTUM = 16 }; /* pixels of a token */

/* The size that the whole picture is brought to. Never enlarged, except where an axis is below 16
 * pixels; 0 where an axis would vanish. */
void picture_resize_shape(double width, double height, int side, int *out_width, int *out_height);

/* The whole picture. Fails for one so long and thin that an axis vanishes or that it would take
 * more tokens than a square of that side. */
bool picture_resize(struct image *out, const struct image *in, int side, const char *path,
                    struct fit_error *e);

/* True when training also sees the middle square. */
bool picture_has_crop(const struct image *in, int side);

/* The middle square of a picture that has one: side x side pixels. */
bool picture_crop(struct image *out, const struct image *in, int side, const char *path,
                  struct fit_error *e);

#endif
