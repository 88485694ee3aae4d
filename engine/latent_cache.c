/* SPDX-License-Identifier: Apache-2.0 */
#include "latent_cache.h"

#include <stdlib.h>
#include <string.h>

static bool chunk_path(char *out, size_t bytes, const char *folder, int index)
{
    int n = snprintf(out, bytes, "%s/chunk-%05d.safetensors", folder, index);
    return n > 0 && (size_t)n < bytes;
}

/* Checks the list of pictures against the rule and the number of tokens that the file has. */
static bool read_pictures(struct latent_chunk *chunk, const struct fit_tensor *list,
                          const struct fit_tensor *tokens, const struct latent_rule *rule)
{
    chunk->pictures = calloc((size_t)chunk->n, sizeof *chunk->pictures);
    if (!chunk->pictures)
        return false;
    uint64_t used = 0;
    for (int i = 0; i < chunk->n; i++) {
        int32_t v[3];
        memcpy(v, (const uint8_t *)list->data + (size_t)i * sizeof v, sizeof v);
        if (v[0] < 0 || v[0] >= rule->classes || v[1] < 1 || v[2] < 1 ||
            v[1] > rule->tokens / v[2])
            return false;
        chunk->pictures[i] =
            (struct latent_picture){.class_id = v[0],
                                    .rows = v[1],
                                    .columns = v[2],
                                    .tokens = (const uint8_t *)tokens->data +
                                              used * (uint64_t)rule->features * sizeof(uint16_t)};
        used += (uint64_t)v[1] * (uint64_t)v[2];
        if (used > tokens->dims[0])
            return false;
    }
    return used == tokens->dims[0];
}

bool latent_chunk_open(struct latent_chunk *chunk, const char *folder, int index,
                       const char *identity, const struct latent_rule *rule)
{
    char path[4096];
    struct fit_error ignored = {0};
    memset(chunk, 0, sizeof *chunk);
    if (!chunk_path(path, sizeof path, folder, index) ||
        !fit_safetensors_open(&chunk->file, path, &ignored))
        return false;
    const char *found = fit_safetensors_metadata(&chunk->file, "identity");
    const struct fit_tensor *list = fit_safetensors_find(&chunk->file, "pictures");
    const struct fit_tensor *tokens = fit_safetensors_find(&chunk->file, "tokens");
    chunk->n = rule->pictures;
    if (found && !strcmp(found, identity) && list && list->type == FIT_TENSOR_I32 &&
        list->n_dims == 2 && list->dims[0] == (uint64_t)rule->pictures &&
        list->dims[1] == 3 && tokens && tokens->type == FIT_TENSOR_BF16 && tokens->n_dims == 2 &&
        tokens->dims[1] == (uint64_t)rule->features && read_pictures(chunk, list, tokens, rule))
        return true;
    latent_chunk_close(chunk);
    return false;
}

void latent_chunk_close(struct latent_chunk *chunk)
{
    free(chunk->pictures);
    fit_safetensors_close(&chunk->file);
    memset(chunk, 0, sizeof *chunk);
}

bool latent_chunk_write(const char *folder, int index, const char *identity,
                        const int32_t *pictures, int n, const uint16_t *tokens, size_t n_tokens,
                        int features, struct fit_error *e)
{
    char path[4096];
    if (!chunk_path(path, sizeof path, folder, index))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", folder);
    const struct fit_tensor tensors[] = {
        {.name = "pictures", .type = FIT_TENSOR_I32, .n_dims = 2, .dims = {(uint64_t)n, 3},
         .n_values = (uint64_t)n * 3, .data = pictures,
         .bytes = (uint64_t)n * 3 * sizeof(int32_t)},
        {.name = "tokens", .type = FIT_TENSOR_BF16, .n_dims = 2,
         .dims = {n_tokens, (uint64_t)features}, .n_values = n_tokens * (uint64_t)features,
         .data = tokens, .bytes = n_tokens * (uint64_t)features * sizeof(uint16_t)},
    };
    const char *metadata[] = {"identity", identity, NULL};
    return fit_safetensors_write(path, tensors, 2, metadata, e);
}
