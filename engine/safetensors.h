/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors.h - the format of weights, mapped for reading and written whole.
 *
 * The reader trusts nothing: header length, JSON, shapes, offsets, overlaps, holes and the file's
 * length are checked before the first tensor is handed out, with arithmetic that cannot overflow.
 */
#ifndef FIT_SAFETENSORS_H
#define FIT_SAFETENSORS_H

#include "error.h"
#include "file.h"

enum fit_tensor_type {
    FIT_TENSOR_F32, FIT_TENSOR_BF16, FIT_TENSOR_F16, FIT_TENSOR_F64, FIT_TENSOR_I64,
    FIT_TENSOR_I32, FIT_TENSOR_I16, FIT_TENSOR_I8, FIT_TENSOR_U8, FIT_TENSOR_BOOL,
    FIT_N_TENSOR_TYPES
};

enum { FIT_TENSOR_MAX_DIMS = 8 };

/* One tensor of an open file; name and data live as long as the file. */
struct fit_tensor {
    const char *name;
    enum fit_tensor_type type;
    int n_dims;
    uint64_t dims[FIT_TENSOR_MAX_DIMS];
    uint64_t n_values;
    const void *data; /* little-endian, dense; alignment is not promised */
    uint64_t bytes;
};

/* A tensor that somebody needs, and the one found for it, of that shape or of one with as many
 * values. */
struct fit_tensor_match {
    const char *name;
    int n_dims;
    const uint64_t *dims;
    const struct fit_tensor *found;
};

/* Told of every match in turn; false ends the search, with an error of its own. */
struct fit_tensor_visitor {
    bool (*visit)(void *user, const struct fit_tensor_match *match);
    void *user;
};

struct fit_safetensors {
    struct fit_mapping mapping;
    char path[1024];
    struct fit_tensor *tensors; /* sorted by name */
    size_t n_tensors;
    void *header; /* the parsed JSON that owns the names */
};

const char *fit_tensor_type_name(enum fit_tensor_type type); /* "F32" */
size_t fit_tensor_type_size(enum fit_tensor_type type);

/* The tensors of a file in any format, sorted by name; the file owns them. */
struct fit_tensor_list {
    const char *path;
    const struct fit_tensor *tensors;
    size_t n;
};

/* The tensor of that name; NULL when there is none. */
const struct fit_tensor *fit_tensors_find(const struct fit_tensor_list *list, const char *name);

/* ... or a failure that names file, tensor, expected and found shape and lists what a person needs
 * to see. n_dims 0 accepts any shape. */
bool fit_tensors_require(const struct fit_tensor_list *list, const char *name, int n_dims,
                         const uint64_t *dims, const struct fit_tensor **out,
                         struct fit_error *error);

/* For qsort of tensors by name. */
int fit_tensor_compare_names(const void *a, const void *b);

bool fit_safetensors_open(struct fit_safetensors *file, const char *path,
                          struct fit_error *error);
void fit_safetensors_close(struct fit_safetensors *file);

struct fit_tensor_list fit_safetensors_list(const struct fit_safetensors *file);

/* fit_tensors_find and fit_tensors_require among the file's. */
const struct fit_tensor *fit_safetensors_find(const struct fit_safetensors *file,
                                              const char *name);

bool fit_safetensors_require(const struct fit_safetensors *file, const char *name, int n_dims,
                             const uint64_t *dims, const struct fit_tensor **out,
                             struct fit_error *error);

/* The string of that key in __metadata__, or NULL. */
const char *fit_safetensors_metadata(const struct fit_safetensors *file, const char *key);

/* Values as float, converted from F32, BF16, F16 or F64; false for other types. */
bool fit_tensor_to_f32(const struct fit_tensor *tensor, float *out);

/* Opens a file of these tensors and writes what stands before their values; their `data` is not
 * looked at. The caller writes the values in this order and commits the writer. A `tap` of the
 * writer, where one is wanted, is given here, so that it is told of this too. */
bool fit_safetensors_begin(struct fit_writer *writer, const char *path,
                           const struct fit_tensor *tensors, size_t n_tensors,
                           const char *const *metadata,
                           void (*tap)(void *tap_data, const void *data, size_t bytes),
                           void *tap_data, struct fit_error *error);

/* Writes all tensors (names unique) in the order given, and `metadata` pairs {key, value, ...,
 * NULL} (may be NULL). Atomic. */
bool fit_safetensors_write(const char *path, const struct fit_tensor *tensors, size_t n_tensors,
                           const char *const *metadata, struct fit_error *error);

#endif
