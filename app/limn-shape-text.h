/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-shape-text.h - lengths and ratios as people write them.
 *
 * Plain arithmetic without a toolkit. A number is digits with a point or a comma among them;
 * letters may be of either case, and white space around numbers and units does not count.
 */
#pragma once

#include <stdbool.h>

typedef enum
{
  LIMN_SHAPE_TEXT_OK,
  LIMN_SHAPE_TEXT_UNREADABLE,
  LIMN_SHAPE_TEXT_TOO_SMALL,
  LIMN_SHAPE_TEXT_TOO_LARGE
} LimnShapeText;

typedef struct
{
  int token_pixels; /* what "p" counts */
  double present;   /* pixels; what "%" is of */
  int largest;      /* pixels */
} LimnLengthRule;

/* "320", "320 px", "20p" (patches) or "50 %" (of the present length), from 1 to the largest length.
 * `pixels` is set only when the text is good. */
LimnShapeText limn_shape_text_parse_length (const char *text, const LimnLengthRule *rule,
                                            double *pixels);

/* Width over height: "2:1", "2/1", "2x1", "2×1", "1.618", or a sheet of paper from "A0" to "A10",
 * which stands when `upright` and lies otherwise. Between 1 / `most` and `most`; `ratio` is set
 * only when the text is good. */
LimnShapeText limn_shape_text_parse_ratio (const char *text, bool upright, double most,
                                           double *ratio);
