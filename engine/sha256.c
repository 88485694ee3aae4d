/* SPDX-License-Identifier: Apache-2.0 */
#include <nettle/sha2.h>

#include "bundle.h"
#include "file.h"

void fit_sha256(const void *data, size_t bytes, char out[65])
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, bytes, data);
    sha256_digest(&context, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

bool fit_file_sha256(const char *path, char out[65], struct fit_error *error)
{
    struct fit_mapping file;
    if (!fit_mapping_open(&file, path, error))
        return false;
    fit_sha256(file.data, file.bytes, out);
    fit_mapping_close(&file);
    return true;
}
