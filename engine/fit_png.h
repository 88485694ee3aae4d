/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng: tagged sRGB out, with texts; text or pixels (fit_png_read_rgb) in, within
 * limits that a hostile file cannot pass. */
#ifndef FIT_PNG_H
#define FIT_PNG_H

#include "error.h"
#include "file.h"
#include "fit/fit-files.h"

enum { FIT_PNG_MAX_SIDE = 16384 };

struct fit_png_text {
    const char *keyword; /* Latin-1, 1 to 79 bytes */
    const char *text;    /* UTF-8 */
};

/* Writes the colours of rgba [height][width][4] (alpha is ignored) as 8-bit RGB, atomically. */
bool fit_png_write(const char *path, const uint8_t *rgba, int width, int height,
                   const struct fit_png_text *texts, int n_texts, struct fit_error *error);

/* fit_png_read_rgb of a file that is already mapped; `path` is for the sentences. */
uint8_t *fit_png_decode_rgb(const struct fit_mapping *file, const char *path, int *width,
                            int *height, struct fit_error *error);

/* The text of the first chunk before the pixels that has that keyword; free() it. NULL with an
 * error when the file is not a PNG, is damaged before its pixels, or has no such chunk. */
char *fit_png_read_text(const char *path, const char *keyword, struct fit_error *error);

#endif
