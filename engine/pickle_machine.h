/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pickle_machine.h - the stack machine that a pickle is a program for, as far as checkpoints need
 * it. Its memory is bounded by the limits below, and no value refers to one by a pointer of ours:
 * what a program does to the stack cannot be more than waste.
 */
#ifndef FIT_PICKLE_MACHINE_H
#define FIT_PICKLE_MACHINE_H

#include "pickle.h"

enum {
    PICKLE_STACK_LIMIT = 1 << 16, /* torch empties its stack after every 1000 entries */
    PICKLE_MEMO_LIMIT = 1 << 18,
    PICKLE_ITEM_LIMIT = 1 << 18,
    PICKLE_ENTRY_LIMIT = 1 << 16,
    PICKLE_TENSOR_LIMIT = 1 << 15,
    PICKLE_NAME_LIMIT = 256
};

enum pickle_kind {
    PICKLE_MARK, PICKLE_NONE, PICKLE_BOOLEAN, PICKLE_INTEGER, PICKLE_TEXT, PICKLE_GLOBAL,
    PICKLE_TUPLE, PICKLE_DICTIONARY, PICKLE_STORAGE, PICKLE_TENSOR
};

struct pickle_value {
    enum pickle_kind kind;
    uint32_t count; /* of a text's bytes, of a tuple's items */
    union {
        int64_t integer;
        const char *text; /* in the file */
        uint32_t index;   /* tuple: of its first item; otherwise which one */
    };
};

struct pickle_entry {
    uint32_t dictionary;
    struct pickle_value key, value;
};

struct pickle_pool {
    void *data;
    size_t n, capacity;
};

struct pickle_machine {
    const char *path;
    const uint8_t *data;
    size_t bytes, at, begin;               /* begin: of the instruction being read */
    struct pickle_pool stack, memo, items; /* of struct pickle_value */
    struct pickle_pool entries;
    struct pickle_pool tensors; /* of struct fit_pickle_tensor; storages too, until used */
    uint32_t n_dictionaries;
    bool stopped;
    struct fit_error *error;
};

void pickle_machine_finish(struct pickle_machine *m);

/* "a tuple", for sentences. */
const char *pickle_kind_name(enum pickle_kind kind);

/* Fails with the byte of the instruction and the reason. Always false. */
bool pickle_refuse(const struct pickle_machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new zeroed element of a pool; NULL with an error. */
void *pickle_append(struct pickle_machine *m, struct pickle_pool *pool, size_t size, size_t limit,
                    const char *what);

struct pickle_value *pickle_stack(const struct pickle_machine *m);
/* The items of a tuple from number i on; NULL when it has no such item. */
const struct pickle_value *pickle_item(const struct pickle_machine *m,
                                       const struct pickle_value *tuple, uint32_t i);
struct fit_pickle_tensor *pickle_tensor(const struct pickle_machine *m,
                                        const struct pickle_value *value);

bool pickle_push(struct pickle_machine *m, struct pickle_value value);
/* The mark of an unfinished group is not a value and stays. */
bool pickle_pop(struct pickle_machine *m, struct pickle_value *value);
/* Removes the topmost mark and gives the position of the values above it, which stay. */
bool pickle_take_mark(struct pickle_machine *m, size_t *first);
bool pickle_push_dictionary(struct pickle_machine *m);

/* The next so many bytes of the program; NULL with an error. */
const uint8_t *pickle_operand(struct pickle_machine *m, size_t bytes);

/* Printable ASCII only. */
bool pickle_is_printable(const char *text, size_t bytes);

/* ---- pickle_torch.c: the few names and calls that describe tensors ---- */

/* Each is an instruction; the number is unused. */
bool pickle_op_global(struct pickle_machine *m, int unused);
bool pickle_op_binpersid(struct pickle_machine *m, int unused);
bool pickle_op_reduce(struct pickle_machine *m, int unused);

#endif
