/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rope.h - two-dimensional rotary positions and how they stretch beyond the trained range
 * (FiT, arXiv 2402.12376, section 3.3; FiTv2, arXiv 2410.13925, section III).
 *
 * Half of a head's width, mD = D/2, turns with the row of a token and half with its column; each
 * half holds J = mD/2 pairs with frequencies theta^(-2j/mD). All arithmetic is in double.
 */
#ifndef FIT_ROPE_H
#define FIT_ROPE_H

#include "fit_config.h"

/* cosine and sine [rows*columns][D/2] in token order (row-major): first the J pairs of the row,
 * then those of the column, both times the method's attention multiplier. AUTO is resolved first.
 * False when an axis is longer than FIT_MAX_AXIS or shorter than 1. */
bool fit_rope_table(float *cosine, float *sine, const struct fit_config *config,
                    enum fit_method method, int rows, int columns);

/* What AUTO stands for at that size; any other method is passed on. A model that was trained with
 * a method keeps it; a base model takes none within its axes, VISION_NTK on a longer axis, and
 * VISION_NTK_PRO2 beyond its token budget. */
enum fit_method fit_rope_method(const struct fit_config *config, enum fit_method method, int rows,
                                int columns);

/* The factor on cosine and sine, and so on q and on k; logits grow by its square. */
double fit_rope_multiplier(const struct fit_config *config, enum fit_method method, int rows,
                           int columns);

/* The J frequencies of an axis that is `stretch` >= 1 times the trained length. */
void fit_rope_frequencies(double *frequency, const struct fit_config *config,
                          enum fit_method method, double stretch);

/* max(1, axis / trained axis) for rows and for columns, as the method sees them. */
void fit_rope_stretch(const struct fit_config *config, enum fit_method method, int rows,
                      int columns, double *row_stretch, double *column_stretch);

#endif
