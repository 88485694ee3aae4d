/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format: "\x93NUMPY", version bytes 1 0, a u16 little-endian length, a Python dictionary in
 * ASCII {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } padded with spaces and ended by
 * a newline so that the data begin at a multiple of 64, then the data.
 */
#include "fit/fit-files.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "npy.h"

#define PREFIX_BYTES 10

static bool parse_shape(const char *text, struct fit_array *array)
{
    const char *at = strstr(text, "'shape': (");
    if (!at)
        return false;
    at += strlen("'shape': (");
    array->n_dims = 0;
    while (*at && *at != ')') {
        char *end;
        long size = strtol(at, &end, 10);
        if (end == at || size < 1 || size > 1 << 24 || array->n_dims == FIT_ARRAY_MAX_DIMS)
            return false;
        array->dims[array->n_dims++] = (int)size;
        at = end + strspn(end, ", ");
    }
    return *at == ')';
}

static bool parse(const char *path, const struct fit_mapping *file, struct fit_array *array,
                  struct fit_error *error)
{
    if (file->bytes < PREFIX_BYTES || memcmp(file->data, "\x93NUMPY\x01\x00", 8))
        return fit_fail(error, FIT_ERROR_FILE, "%s: is not a .npy file of version 1.0", path);
    size_t length = file->data[8] | (size_t)file->data[9] << 8;
    if (length > file->bytes - PREFIX_BYTES)
        return fit_fail(error, FIT_ERROR_FILE, "%s: is truncated within its header", path);
    char *header = strndup((const char *)file->data + PREFIX_BYTES, length);
    bool floats = header && strstr(header, "'descr': '<f4'") &&
                  strstr(header, "'fortran_order': False");
    bool shaped = floats && parse_shape(header, array);
    free(header);
    if (!floats)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: expected little-endian float32 in C order ('<f4')", path);
    if (!shaped)
        return fit_fail(error, FIT_ERROR_FILE, "%s: expected a shape of at most %d sizes", path,
                        FIT_ARRAY_MAX_DIMS);

    uint64_t values = 1;
    for (int i = 0; i < array->n_dims; i++)
        if (__builtin_mul_overflow(values, (uint64_t)array->dims[i], &values))
            values = UINT64_MAX / 8;
    uint64_t found = file->bytes - PREFIX_BYTES - length;
    if (values > found / 4 || values * 4 != found)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: its shape asks for %llu values, its data hold %llu", path,
                        (unsigned long long)values, (unsigned long long)found / 4);
    array->values = malloc(found ? found : 1);
    if (!array->values)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its values", path);
    memcpy(array->values, file->data + PREFIX_BYTES + length, found);
    return true;
}

bool fit_npy_read(const char *path, struct fit_array *out, struct fit_error *error)
{
    struct fit_mapping file;
    *out = (struct fit_array){0};
    if (!fit_mapping_open(&file, path, error))
        return false;
    bool ok = parse(path, &file, out, error);
    fit_mapping_close(&file);
    return ok;
}

size_t fit_npy_header(char out[FIT_NPY_MAX_HEADER], const char *descr, int n_dims,
                      const int64_t *dims)
{
    char *text = out + PREFIX_BYTES;
    const size_t room = FIT_NPY_MAX_HEADER - PREFIX_BYTES;
    size_t used = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                   descr);
    for (int i = 0; i < n_dims; i++)
        used += (size_t)snprintf(text + used, room - used, "%lld%s", (long long)dims[i],
                                 i + 1 < n_dims ? ", " : n_dims == 1 ? "," : "");
    used += (size_t)snprintf(text + used, room - used, "), }");
    while ((PREFIX_BYTES + used + 1) % 64)
        text[used++] = ' ';
    text[used++] = '\n';
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)(used & 255);
    out[9] = (char)(used >> 8);
    return PREFIX_BYTES + used;
}

bool fit_npy_write(const char *path, int n_dims, const int *dims, const float *values,
                   struct fit_error *error)
{
    char header[FIT_NPY_MAX_HEADER];
    int64_t shape[FIT_ARRAY_MAX_DIMS];
    size_t n = 1;
    for (int i = 0; i < n_dims; i++) {
        shape[i] = dims[i];
        n *= (size_t)dims[i];
    }
    struct fit_writer writer;
    return fit_writer_open(&writer, path, error) &&
           fit_writer_write(&writer, header, fit_npy_header(header, "<f4", n_dims, shape),
                            error) &&
           fit_writer_write(&writer, values, n * sizeof *values, error) &&
           fit_writer_commit(&writer, error);
}

void fit_array_finish(struct fit_array *array)
{
    free(array->values);
    *array = (struct fit_array){0};
}
