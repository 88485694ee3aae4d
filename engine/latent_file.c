/* SPDX-License-Identifier: Apache-2.0 */
#include "latent_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fk_dtype.h"

/* Value i of a small tensor of integers; false for other types. */
static bool integer(const struct fit_tensor *tensor, uint64_t i, int64_t *out)
{
    const uint8_t *at = (const uint8_t *)tensor->data + i * fit_tensor_type_size(tensor->type);
    int32_t i32;
    int16_t i16;
    switch (tensor->type) {
    case FIT_TENSOR_I64: memcpy(out, at, sizeof *out); return true;
    case FIT_TENSOR_I32: memcpy(&i32, at, sizeof i32); *out = i32; return true;
    case FIT_TENSOR_I16: memcpy(&i16, at, sizeof i16); *out = i16; return true;
    case FIT_TENSOR_I8: *out = (int8_t)*at; return true;
    case FIT_TENSOR_U8: *out = *at; return true;
    default: return false;
    }
}

/* The tensor `name` of `count` integers, the first two of which are wanted. */
static bool read_integers(const struct fit_safetensors *file, const char *name, uint64_t count,
                          int64_t out[2], struct fit_error *e)
{
    const struct fit_tensor *tensor;
    if (!fit_safetensors_require(file, name, 0, NULL, &tensor, e))
        return false;
    bool ok = tensor->n_values == count;
    for (uint64_t i = 0; ok && i < count; i++)
        ok = integer(tensor, i, &out[i]);
    return ok || fit_fail(e, FIT_ERROR_FILE, "%s: %s holds %" PRIu64 " values of %s, %" PRIu64
                          " integers are expected", file->path, name, tensor->n_values,
                          fit_tensor_type_name(tensor->type), count);
}

/* Positions are always the plain ones here; a file that says otherwise is not what it seems. */
static bool check_grid(const struct fit_safetensors *file, int rows, int columns,
                       struct fit_error *e)
{
    const struct fit_tensor *grid = fit_safetensors_find(file, "grid");
    uint64_t n = (uint64_t)rows * (uint64_t)columns;
    if (!grid)
        return true;
    bool ok = grid->n_values == 2 * n;
    for (uint64_t i = 0; ok && i < n; i++) {
        int64_t column, row;
        ok = integer(grid, i, &column) && integer(grid, n + i, &row) &&
             column == (int64_t)(i % (uint64_t)columns) && row == (int64_t)(i / (uint64_t)columns);
    }
    return ok || fit_fail(e, FIT_ERROR_FILE,
                          "%s: grid is not that of %d rows and %d columns, width first", file->path,
                          rows, columns);
}

static bool check_feature(const struct fit_safetensors *file, int rows, int columns, int features,
                          const struct fit_tensor **out, struct fit_error *e)
{
    uint64_t r = (uint64_t)rows, c = (uint64_t)columns, f = (uint64_t)features;
    if (!fit_safetensors_require(file, "feature", 0, NULL, out, e))
        return false;
    const uint64_t *dims = (*out)->dims;
    if (((*out)->n_dims == 4 && dims[0] == LATENT_FILE_VERSIONS && dims[1] == r && dims[2] == c &&
         dims[3] == f) ||
        ((*out)->n_dims == 3 && dims[0] == LATENT_FILE_VERSIONS && dims[1] == r * c &&
         dims[2] == f))
        return true;
    return fit_fail(e, FIT_ERROR_FILE,
                    "%s: feature has %d axes and %" PRIu64 " values, [%d][%d][%d][%d] is expected",
                    file->path, (*out)->n_dims, (*out)->n_values, LATENT_FILE_VERSIONS, rows,
                    columns, features);
}

/* One version of the feature as floats. */
static bool read_version(const struct fit_safetensors *file, const struct fit_tensor *feature,
                         int version, float *to, struct fit_error *e)
{
    struct fit_tensor half = *feature;
    half.n_values /= LATENT_FILE_VERSIONS;
    half.bytes /= LATENT_FILE_VERSIONS;
    half.data = (const uint8_t *)feature->data + (uint64_t)version * half.bytes;
    if (!fit_tensor_to_f32(&half, to))
        return fit_fail(e, FIT_ERROR_FILE, "%s: feature holds %s, not real numbers", file->path,
                        fit_tensor_type_name(feature->type));
    for (uint64_t i = 0; i < half.n_values; i++)
        if (!isfinite(to[i]))
            return fit_fail(e, FIT_ERROR_FILE, "%s: feature holds a value that is no number",
                            file->path);
    return true;
}

static bool describe(struct latent_picture *picture, const struct fit_safetensors *file,
                     const struct latent_file_rule *rule, const struct fit_tensor **feature,
                     struct fit_error *e)
{
    int64_t size[2] = {0}, label[2] = {0};
    if (!read_integers(file, "size", 2, size, e) || !read_integers(file, "label", 1, label, e))
        return false;
    if (size[0] < 1 || size[1] < 1 || size[0] > rule->tokens || size[1] > rule->tokens ||
        size[0] * size[1] > rule->tokens)
        return fit_fail(e, FIT_ERROR_FILE,
                        "%s: size is %" PRId64 "x%" PRId64 " tokens, at most %d together are "
                        "expected", file->path, size[0], size[1], rule->tokens);
    if (label[0] < 0 || label[0] >= rule->classes)
        return fit_fail(e, FIT_ERROR_FILE, "%s: label is %" PRId64 ", 0 to %d are expected",
                        file->path, label[0], rule->classes - 1);
    picture->class_id = (int)label[0];
    picture->rows = (int)size[0];
    picture->columns = (int)size[1];
    return check_feature(file, picture->rows, picture->columns, rule->features, feature, e) &&
           check_grid(file, picture->rows, picture->columns, e);
}

bool latent_file_check(struct latent_picture *picture, const char *path,
                       const struct latent_file_rule *rule, struct fit_error *e)
{
    struct fit_safetensors file;
    const struct fit_tensor *feature;
    *picture = (struct latent_picture){.path = path};
    if (!fit_safetensors_open(&file, path, e))
        return false;
    bool ok = describe(picture, &file, rule, &feature, e);
    float *values = ok ? malloc((size_t)feature->n_values / LATENT_FILE_VERSIONS * sizeof *values)
                       : NULL;
    if (ok && !values)
        ok = fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory to read it", path);
    for (int i = 0; ok && i < LATENT_FILE_VERSIONS; i++)
        ok = read_version(&file, feature, i, values, e);
    free(values);
    fit_safetensors_close(&file);
    return ok;
}

static bool read_file(const struct latent_picture *picture, int features, float *to,
                      struct fit_error *e)
{
    struct fit_safetensors file;
    const struct fit_tensor *feature;
    if (!fit_safetensors_open(&file, picture->path, e))
        return false;
    bool ok = check_feature(&file, picture->rows, picture->columns, features, &feature, e) &&
              read_version(&file, feature, picture->version, to, e);
    fit_safetensors_close(&file);
    return ok;
}

bool latent_picture_read(const struct latent_picture *picture, int features, float *to,
                         struct fit_error *e)
{
    size_t values = (size_t)picture->rows * (size_t)picture->columns * (size_t)features;
    uint16_t half;
    if (!picture->tokens)
        return read_file(picture, features, to, e);
    for (size_t i = 0; i < values; i++) {
        memcpy(&half, picture->tokens + 2 * i, sizeof half);
        to[i] = fk_bf16_to_f32(half);
    }
    return true;
}
