/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_file.h - pictures from elsewhere: PNG, JPEG and WebP, told apart by what they hold.
 *
 * The size is read and checked before any pixel is decoded, so that a file of a few bytes cannot
 * take memory without bound. A picture that is damaged anywhere is refused as a whole. Pixels that
 * are transparent come out on white; a rotation that a camera noted in the file is applied.
 * Threads: any.
 */
#ifndef FIT_IMAGE_FILE_H
#define FIT_IMAGE_FILE_H

#include "error.h"
#include "file.h"

enum { IMAGE_MAX_SIDE = 16384, IMAGE_MAX_PIXELS = 100000000 };

struct image {
    int width, height;
    uint8_t *rgb; /* owned, [height][width][3] */
};

/* Decodes the bytes of `file`; `path` is for the sentences only. */
bool image_read(struct image *image, const struct fit_mapping *file, const char *path,
                struct fit_error *e);
void image_finish(struct image *image);

/* Memory for the pixels of image->width x image->height. */
bool image_allocate(struct image *image, const char *path, struct fit_error *e);

/* True when a picture of that size is one that may be decoded. */
bool image_size_check(int64_t width, int64_t height, const char *path, struct fit_error *e);

/* Of the single formats; the bytes begin with their signature. */
bool image_read_jpeg(struct image *image, const struct fit_mapping *file, const char *path,
                     struct fit_error *e);
bool image_read_webp(struct image *image, const struct fit_mapping *file, const char *path,
                     struct fit_error *e);

#endif
