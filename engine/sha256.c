/* SPDX-License-Identifier: Apache-2.0 */
#include "sha256.h"

#include "file.h"

#define PIECE ((size_t)16 << 20)

void fit_sha256_finish(struct sha256_ctx *context, char out[65])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void fit_sha256(const void *data, size_t bytes, char out[65])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, bytes, data);
    fit_sha256_finish(&context, out);
}

bool fit_file_sha256(const char *path, char out[65], struct fit_error *error)
{
    struct fit_mapping file;
    struct sha256_ctx context;
    if (!fit_mapping_open(&file, path, error))
        return false;
    sha256_init(&context);
    for (size_t at = 0; at < file.bytes; at += PIECE) {
        size_t bytes = file.bytes - at < PIECE ? file.bytes - at : PIECE;
        sha256_update(&context, bytes, file.data + at);
        fit_mapping_release(file.data + at, bytes);
    }
    fit_sha256_finish(&context, out);
    fit_mapping_close(&file);
    return true;
}
