/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latent_file.h - one image of the reference's latent data set: a safetensors file of
 *
 *     feature   [2][rows][columns][F] or [2][rows * columns][F], of any real type: the image as it
 *               is and mirrored, in the model's space
 *     size      rows, columns
 *     label     the class
 *     grid      [2][rows * columns]: the column, then the row of every token; may be missing
 */
#ifndef FIT_LATENT_FILE_H
#define FIT_LATENT_FILE_H

#include "latent_cache.h"

enum { LATENT_FILE_VERSIONS = 2 };

/* What the images of a set must be. */
struct latent_file_rule {
    int features, classes, tokens; /* F; class ids lie below; most tokens */
};

/* Checks the whole file, values included, and describes its first version; `path` is borrowed by
 * the description. */
bool latent_file_check(struct latent_picture *picture, const char *path,
                       const struct latent_file_rule *rule, struct fit_error *e);

/* The tokens of any picture, of a cache or of a file, as to [rows * columns][features]. Fails when
 * a file is no longer what was checked. */
bool latent_picture_read(const struct latent_picture *picture, int features, float *to,
                         struct fit_error *e);

#endif
