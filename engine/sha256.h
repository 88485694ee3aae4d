/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, as 64 hexadecimal digits and a final NUL. */
#ifndef FIT_SHA256_H
#define FIT_SHA256_H

#include <nettle/sha2.h>

#include "error.h"

void fit_sha256(const void *data, size_t bytes, char out[65]);

/* Of a whole file, which takes no memory to speak of. */
bool fit_file_sha256(const char *path, char out[65], struct fit_error *error);

/* The end of what was begun with sha256_init and sha256_update. */
void fit_sha256_finish(struct sha256_ctx *context, char out[65]);

#endif
