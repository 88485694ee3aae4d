/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format: u64 little-endian length n of the header; n bytes of JSON,
 * {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...} with an optional
 * "__metadata__" of strings, padded with spaces; then the buffer that the offsets refer to, dense,
 * without holes or overlaps, to the end of the file.
 */
#include "safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The format allows 100 MB of header; the largest published one has 0.2 MB, and parsed JSON takes
 * up to forty times its text, so a hostile file is stopped earlier. */
#define HEADER_LIMIT (4u << 20)
#define BUFFER_ALIGNMENT 64u

static const struct {
    const char *name;
    size_t size;
} types[FIT_N_TENSOR_TYPES] = {
    [FIT_TENSOR_F32] = {"F32", 4}, [FIT_TENSOR_BF16] = {"BF16", 2}, [FIT_TENSOR_F16] = {"F16", 2},
    [FIT_TENSOR_F64] = {"F64", 8}, [FIT_TENSOR_I64] = {"I64", 8},   [FIT_TENSOR_I32] = {"I32", 4},
    [FIT_TENSOR_I16] = {"I16", 2}, [FIT_TENSOR_I8] = {"I8", 1},     [FIT_TENSOR_U8] = {"U8", 1},
    [FIT_TENSOR_BOOL] = {"BOOL", 1},
};

const char *fit_tensor_type_name(enum fit_tensor_type type)
{
    return types[type].name;
}

size_t fit_tensor_type_size(enum fit_tensor_type type)
{
    return types[type].size;
}

static bool type_parse(const char *name, enum fit_tensor_type *out)
{
    for (int i = 0; i < FIT_N_TENSOR_TYPES; i++) {
        if (!strcmp(types[i].name, name)) {
            *out = (enum fit_tensor_type)i;
            return true;
        }
    }
    return false;
}

static bool read_u64(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_shape(struct fit_tensor *tensor, const json_t *shape)
{
    if (!json_is_array(shape) || json_array_size(shape) > FIT_TENSOR_MAX_DIMS)
        return false;
    tensor->n_dims = (int)json_array_size(shape);
    tensor->n_values = 1;
    for (int i = 0; i < tensor->n_dims; i++) {
        if (!read_u64(json_array_get(shape, (size_t)i), &tensor->dims[i]) ||
            __builtin_mul_overflow(tensor->n_values, tensor->dims[i], &tensor->n_values))
            return false;
    }
    return !__builtin_mul_overflow(tensor->n_values, types[tensor->type].size, &tensor->bytes);
}

static bool read_tensor(struct fit_tensor *tensor, const char *path, const char *name,
                        const json_t *entry, const uint8_t *buffer, uint64_t buffer_bytes,
                        struct fit_error *error)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    uint64_t begin, end;
    tensor->name = name;
    if (!type || !type_parse(type, &tensor->type))
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: dtype is %.20s, expected F32, BF16, F16 or an integer",
                        path, name, type ? type : "missing");
    if (!read_shape(tensor, json_object_get(entry, "shape")))
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: shape is not a list of at most %d sizes", path, name,
                        FIT_TENSOR_MAX_DIMS);
    if (json_array_size(offsets) != 2 || !read_u64(json_array_get(offsets, 0), &begin) ||
        !read_u64(json_array_get(offsets, 1), &end) || begin > end || end > buffer_bytes)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: data_offsets do not lie within the %llu bytes of "
                        "data; the file may be cut off",
                        path, name, (unsigned long long)buffer_bytes);
    if (end - begin != tensor->bytes)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: its shape needs %llu bytes, data_offsets give %llu",
                        path, name, (unsigned long long)tensor->bytes,
                        (unsigned long long)(end - begin));
    tensor->data = buffer + begin;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct fit_tensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

int fit_tensor_compare_names(const void *a, const void *b)
{
    return strcmp(((const struct fit_tensor *)a)->name, ((const struct fit_tensor *)b)->name);
}

/* The tensors must tile the buffer exactly: an overlap would alias weights, a hole would hide
 * bytes that nobody checks. */
static bool check_tiling(struct fit_safetensors *file, const uint8_t *buffer, uint64_t bytes,
                         struct fit_error *error)
{
    const uint8_t *expected = buffer;
    qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_address);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct fit_tensor *tensor = &file->tensors[i];
        if ((const uint8_t *)tensor->data != expected)
            return fit_fail(error, FIT_ERROR_FILE,
                            "%s: tensor %.100s: begins at byte %llu of the data, expected %llu "
                            "(tensors overlap or leave a hole)",
                            file->path, tensor->name,
                            (unsigned long long)((const uint8_t *)tensor->data - buffer),
                            (unsigned long long)(expected - buffer));
        expected += tensor->bytes;
    }
    if (expected != buffer + bytes)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: has %llu bytes of data, its tensors cover %llu", file->path,
                        (unsigned long long)bytes, (unsigned long long)(expected - buffer));
    return true;
}

static bool read_header(struct fit_safetensors *file, uint64_t length, struct fit_error *error)
{
    json_error_t cause;
    const char *text = (const char *)file->mapping.data + 8;
    file->header = text[0] == '{' ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &cause) : NULL;
    if (!file->header)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: the header is not a JSON object, so this is not a safetensors file",
                        file->path);
    file->tensors = calloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    if (!file->tensors)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its header", file->path);

    const uint8_t *buffer = file->mapping.data + 8 + length;
    uint64_t bytes = file->mapping.bytes - 8 - length;
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry) {
        if (!strcmp(name, "__metadata__"))
            continue;
        if (!read_tensor(&file->tensors[file->n_tensors], file->path, name, entry, buffer, bytes,
                         error))
            return false;
        file->n_tensors++;
    }
    if (!check_tiling(file, buffer, bytes, error))
        return false;
    qsort(file->tensors, file->n_tensors, sizeof *file->tensors, fit_tensor_compare_names);
    return true;
}

bool fit_safetensors_open(struct fit_safetensors *file, const char *path, struct fit_error *error)
{
    *file = (struct fit_safetensors){0};
    snprintf(file->path, sizeof file->path, "%s", path);
    if (!fit_mapping_open(&file->mapping, path, error))
        return false;

    uint64_t length = 0;
    if (file->mapping.bytes >= 8)
        for (int i = 7; i >= 0; i--)
            length = length << 8 | file->mapping.data[i];
    bool ok;
    if (file->mapping.bytes < 8 || length < 2 || length > HEADER_LIMIT ||
        length > file->mapping.bytes - 8)
        ok = fit_fail(error, FIT_ERROR_FILE,
                      "%s: is not a safetensors file or is truncated (%zu bytes, header of %llu)",
                      path, file->mapping.bytes, (unsigned long long)length);
    else
        ok = read_header(file, length, error);
    if (!ok)
        fit_safetensors_close(file);
    return ok;
}

void fit_safetensors_close(struct fit_safetensors *file)
{
    free(file->tensors);
    json_decref(file->header);
    fit_mapping_close(&file->mapping);
    *file = (struct fit_safetensors){0};
}

const struct fit_tensor *fit_tensors_find(const struct fit_tensor_list *list, const char *name)
{
    struct fit_tensor key = {.name = name};
    return list->n ? bsearch(&key, list->tensors, list->n, sizeof key, fit_tensor_compare_names)
                   : NULL;
}

static void print_shape(char *out, size_t bytes, int n_dims, const uint64_t *dims)
{
    size_t used = (size_t)snprintf(out, bytes, "(");
    for (int i = 0; i < n_dims && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, i ? ", %llu" : "%llu",
                                 (unsigned long long)dims[i]);
    if (used < bytes)
        snprintf(out + used, bytes - used, ")");
}

bool fit_tensors_require(const struct fit_tensor_list *list, const char *name, int n_dims,
                         const uint64_t *dims, const struct fit_tensor **out,
                         struct fit_error *error)
{
    const struct fit_tensor *tensor = fit_tensors_find(list, name);
    if (!tensor)
        return fit_fail(error, FIT_ERROR_MODEL, "%s: tensor %s is missing (the file holds %zu)",
                        list->path, name, list->n);
    bool same = n_dims == 0 || tensor->n_dims == n_dims;
    for (int i = 0; same && i < n_dims; i++)
        same = tensor->dims[i] == dims[i];
    if (!same) {
        char expected[128], found[128];
        print_shape(expected, sizeof expected, n_dims, dims);
        print_shape(found, sizeof found, tensor->n_dims, tensor->dims);
        return fit_fail(error, FIT_ERROR_MODEL, "%s: tensor %s: expected shape %s, found %s",
                        list->path, name, expected, found);
    }
    *out = tensor;
    return true;
}

struct fit_tensor_list fit_safetensors_list(const struct fit_safetensors *file)
{
    return (struct fit_tensor_list){file->path, file->tensors, file->n_tensors};
}

const struct fit_tensor *fit_safetensors_find(const struct fit_safetensors *file, const char *name)
{
    struct fit_tensor_list list = fit_safetensors_list(file);
    return fit_tensors_find(&list, name);
}

bool fit_safetensors_require(const struct fit_safetensors *file, const char *name, int n_dims,
                             const uint64_t *dims, const struct fit_tensor **out,
                             struct fit_error *error)
{
    struct fit_tensor_list list = fit_safetensors_list(file);
    return fit_tensors_require(&list, name, n_dims, dims, out, error);
}

const char *fit_safetensors_metadata(const struct fit_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static float f16_to_f32(uint16_t h)
{
    _Float16 value;
    memcpy(&value, &h, sizeof value);
    return (float)value;
}

bool fit_tensor_to_f32(const struct fit_tensor *tensor, float *out)
{
    const uint8_t *in = tensor->data;
    if (tensor->type == FIT_TENSOR_F32) {
        memcpy(out, in, (size_t)tensor->n_values * sizeof *out);
        return true;
    }
    for (uint64_t i = 0; i < tensor->n_values; i++) {
        uint16_t half;
        uint32_t bits;
        double wide;
        switch (tensor->type) {
        case FIT_TENSOR_BF16:
            memcpy(&half, in + 2 * i, 2);
            bits = (uint32_t)half << 16;
            memcpy(&out[i], &bits, 4);
            break;
        case FIT_TENSOR_F16:
            memcpy(&half, in + 2 * i, 2);
            out[i] = f16_to_f32(half);
            break;
        case FIT_TENSOR_F64:
            memcpy(&wide, in + 8 * i, 8);
            out[i] = (float)wide;
            break;
        default:
            return false;
        }
    }
    return true;
}

static json_t *describe(const struct fit_tensor *tensor, uint64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->n_dims; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->dims[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[tensor->type].name, "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + tensor->bytes));
}

static char *make_header(const struct fit_tensor *tensors, size_t n_tensors,
                         const char *const *metadata)
{
    json_t *header = json_object();
    if (metadata && metadata[0]) {
        json_t *pairs = json_object();
        for (; metadata[0]; metadata += 2)
            json_object_set_new(pairs, metadata[0], json_string(metadata[1]));
        json_object_set_new(header, "__metadata__", pairs);
    }
    uint64_t begin = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < n_tensors; i++) {
        ok = json_object_set_new(header, tensors[i].name, describe(&tensors[i], begin)) == 0;
        begin += tensors[i].bytes;
    }
    char *text = ok ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

bool fit_safetensors_begin(struct fit_writer *writer, const char *path,
                           const struct fit_tensor *tensors, size_t n_tensors,
                           const char *const *metadata,
                           void (*tap)(void *tap_data, const void *data, size_t bytes),
                           void *tap_data, struct fit_error *error)
{
    char *header = make_header(tensors, n_tensors, metadata);
    if (!header)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its header", path);

    size_t used = strlen(header);
    size_t padding = (BUFFER_ALIGNMENT - (8 + used) % BUFFER_ALIGNMENT) % BUFFER_ALIGNMENT;
    uint64_t length = used + padding;
    uint8_t prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = (uint8_t)(length >> (8 * i));
    char spaces[BUFFER_ALIGNMENT];
    memset(spaces, ' ', sizeof spaces);

    bool ok = fit_writer_open(writer, path, error);
    writer->tap = tap;
    writer->tap_data = tap_data;
    ok = ok && fit_writer_write(writer, prefix, sizeof prefix, error) &&
         fit_writer_write(writer, header, used, error) &&
         fit_writer_write(writer, spaces, padding, error);
    free(header);
    return ok;
}

bool fit_safetensors_write(const char *path, const struct fit_tensor *tensors, size_t n_tensors,
                           const char *const *metadata, struct fit_error *error)
{
    struct fit_writer writer;
    bool ok = fit_safetensors_begin(&writer, path, tensors, n_tensors, metadata, NULL, NULL, error);
    for (size_t i = 0; ok && i < n_tensors; i++)
        ok = fit_writer_write(&writer, tensors[i].data, tensors[i].bytes, error);
    return ok && fit_writer_commit(&writer, error);
}
