/* SPDX-License-Identifier: Apache-2.0 */
/* Torch checkpoints made by hand, so that each of their parts can be wrong. */
#ifndef TORCH_MAKER_H
#define TORCH_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow; free data. */
struct made {
    uint8_t *data;
    size_t n, capacity;
};

void made_add(struct made *m, const void *bytes, size_t n);
void made_add_text(struct made *m, const char *text);
void made_add_number(struct made *m, uint64_t number, int bytes); /* little-endian */
void made_clear(struct made *m);

/* ---- pickles ---- */

/* PROTO 2 and an empty dictionary with an open group; the pairs; the end of both. */
void code_begin(struct made *m);
void code_end(struct made *m);

void code_text(struct made *m, const char *text);  /* BINUNICODE */
void code_number(struct made *m, int64_t number);  /* BININT, or LONG1 of eight bytes */
void code_numbers(struct made *m, int n, const int64_t *numbers); /* a tuple */
void code_global(struct made *m, const char *module, const char *name);

struct coded_storage {
    const char *type, *key; /* "FloatStorage", "0" */
    int64_t values;
};

struct coded {
    struct coded_storage storage;
    int64_t offset;
    int n_dims, n_strides;
    int64_t dims[10], strides[10];
};

void code_storage(struct made *m, const struct coded_storage *storage);
void code_tensor(struct made *m, const struct coded *tensor); /* the value of a pair */

/* ---- archives ---- */

struct entry {
    const char *name;
    const void *data;
    size_t n;
    /* what may be wrong */
    int method, flags; /* of the headers */
    bool again;        /* the directory names the entry before once more, without bytes of its own */
    const char *local_name; /* NULL: name */
    uint64_t claimed;       /* the directory's size; 0: n */
};

struct archive_style {
    bool zip64, descriptors;
    size_t n_before;          /* bytes before the first entry */
    const char *comment;      /* NULL: none */
    uint64_t claimed_entries; /* in the end; 0: as many as there are */
};

void archive_make(struct made *out, const struct entry *entries, int n,
                  const struct archive_style *style);

#endif
