/* SPDX-License-Identifier: Apache-2.0 */
/* Small letters for labels on pictures, without a font library. */
#ifndef LIMN_CLI_LETTERING_H
#define LIMN_CLI_LETTERING_H

#include <stddef.h>
#include <stdint.h>

enum { LETTER_WIDTH = 6, LETTER_HEIGHT = 8 }; /* pixels at scale 1, with the gap */

/* RGBA8 [height][width][4]. */
struct picture {
    uint8_t *rgba;
    int width, height;
};

/* Writes ASCII in one line with its upper left corner at (x, y), in an opaque grey; other bytes
 * become "?". What lies outside is left out. */
void letters_draw(struct picture *picture, int x, int y, int scale, uint8_t grey,
                  const char *text);

#endif
