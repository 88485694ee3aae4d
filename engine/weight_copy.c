/* SPDX-License-Identifier: Apache-2.0 */
#include "weight_copy.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fk_dtype.h"
#include "sha256.h"

#define PIECE ((uint64_t)1 << 20) /* values: 4 MB of floats */

void fit_weight_copy_init(struct fit_weight_copy *copy, const char *source)
{
    *copy = (struct fit_weight_copy){.source = source};
}

void fit_weight_copy_finish(struct fit_weight_copy *copy)
{
    for (size_t i = 0; i < copy->n; i++)
        free((char *)copy->to[i].name);
    free(copy->to);
    free(copy->from);
    *copy = (struct fit_weight_copy){0};
}

static bool grow(struct fit_weight_copy *copy)
{
    size_t capacity = copy->capacity ? 2 * copy->capacity : 256;
    struct fit_tensor *to = realloc(copy->to, capacity * sizeof *to);
    if (to)
        copy->to = to;
    struct fit_tensor *from = realloc(copy->from, capacity * sizeof *from);
    if (from)
        copy->from = from;
    if (!to || !from)
        return false;
    copy->capacity = capacity;
    return true;
}

bool fit_weight_copy_add(struct fit_weight_copy *copy, const struct fit_tensor_match *match,
                         enum fit_tensor_type type, struct fit_error *error)
{
    const struct fit_tensor *from = match->found;
    if (from->type >= FIT_TENSOR_I64)
        return fit_fail(error, FIT_ERROR_MODEL,
                        "%s: tensor %s: expected F32, BF16, F16 or F64, found %s", copy->source,
                        from->name, fit_tensor_type_name(from->type));
    char *name = copy->n < copy->capacity || grow(copy) ? strdup(match->name) : NULL;
    if (!name)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its tensors", copy->source);
    struct fit_tensor *to = &copy->to[copy->n];
    *to = (struct fit_tensor){.name = name, .type = type, .n_dims = match->n_dims,
                              .n_values = from->n_values,
                              .bytes = from->n_values * fit_tensor_type_size(type)};
    memcpy(to->dims, match->dims, (size_t)match->n_dims * sizeof *to->dims);
    copy->from[copy->n++] = *from;
    copy->bytes += to->bytes;
    return true;
}

struct buffers {
    float *wide;
    uint16_t *narrow;
};

static bool all_finite(const struct buffers *b, uint64_t n, enum fit_tensor_type type)
{
    int found = 0;
    if (type == FIT_TENSOR_F32)
        for (uint64_t i = 0; i < n; i++)
            found |= !(fabsf(b->wide[i]) <= FLT_MAX);
    else /* an exponent of all ones is an infinity or NaN */
        for (uint64_t i = 0; i < n; i++)
            found |= (b->narrow[i] & 0x7f80) == 0x7f80;
    return !found;
}

/* n values from `first` on, as the new file has them; NULL when one of them is no number. */
static const void *convert(const struct fit_tensor *from, uint64_t first, uint64_t n,
                           enum fit_tensor_type type, const struct buffers *b)
{
    uint64_t size = fit_tensor_type_size(from->type);
    struct fit_tensor piece = *from;
    piece.data = (const uint8_t *)from->data + first * size;
    piece.n_values = n;
    fit_tensor_to_f32(&piece, b->wide);
    const void *values = b->wide;
    if (type == FIT_TENSOR_BF16) {
        for (uint64_t i = 0; i < n; i++)
            b->narrow[i] = fk_f32_to_bf16(b->wide[i]);
        values = b->narrow;
    }
    fit_mapping_release(piece.data, n * size);
    return all_finite(b, n, type) ? values : NULL;
}

static bool go_on(struct fit_copy_watch *watch, uint64_t bytes, struct fit_error *error)
{
    watch->done += bytes;
    return !watch->progress || watch->progress(watch->data, watch->done, watch->total) ||
           fit_fail(error, FIT_ERROR_CANCELLED, "stopped after %llu of %llu MB",
                    (unsigned long long)(watch->done >> 20),
                    (unsigned long long)(watch->total >> 20));
}

static bool write_tensor(const struct fit_weight_copy *copy, size_t i, struct fit_writer *writer,
                         const struct buffers *b, struct fit_copy_watch *watch,
                         struct fit_error *error)
{
    const struct fit_tensor *to = &copy->to[i], *from = &copy->from[i];
    uint64_t size = fit_tensor_type_size(to->type), n;
    for (uint64_t at = 0; at < from->n_values; at += n) {
        n = from->n_values - at < PIECE ? from->n_values - at : PIECE;
        const void *values = convert(from, at, n, to->type, b);
        if (!values) {
            fit_writer_abort(writer);
            return fit_fail(error, FIT_ERROR_MODEL, "%s: tensor %s holds a value that is no number",
                            copy->source, from->name);
        }
        if (!fit_writer_write(writer, values, n * size, error))
            return false;
        if (!go_on(watch, n * size, error)) {
            fit_writer_abort(writer);
            return false;
        }
    }
    return true;
}

static void add_to_hash(void *context, const void *data, size_t bytes)
{
    sha256_update(context, bytes, data);
}

bool fit_weight_copy_write(const struct fit_weight_copy *copy, const char *path,
                           struct fit_copy_watch *watch, char sha256[65], struct fit_error *error)
{
    struct fit_writer writer;
    struct sha256_ctx hash;
    struct buffers b = {malloc(PIECE * sizeof *b.wide), malloc(PIECE * sizeof *b.narrow)};
    bool ok = (b.wide && b.narrow) ||
              fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory to read it", copy->source);
    sha256_init(&hash);
    ok = ok && fit_safetensors_begin(&writer, path, copy->to, copy->n, NULL, add_to_hash, &hash,
                                     error);
    for (size_t i = 0; ok && i < copy->n; i++)
        ok = write_tensor(copy, i, &writer, &b, watch, error);
    ok = ok && fit_writer_commit(&writer, error);
    free(b.wide);
    free(b.narrow);
    if (ok)
        fit_sha256_finish(&hash, sha256);
    return ok;
}
