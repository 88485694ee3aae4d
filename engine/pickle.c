/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format: pickle protocol 2, one byte of instruction and its operand. The program builds a
 * dictionary on a stack: name, then a call (REDUCE) of torch._utils._rebuild_tensor_v2 with
 * (storage, offset, shape, strides, requires_grad, hooks), where the storage is a persistent id
 * ("storage", class, key, device, number of values). A memo keeps what is used again. What has
 * several networks keeps a dictionary of such dictionaries.
 */
#include "pickle_machine.h"

#include <stdlib.h>
#include <string.h>

/* Dictionaries of tensors, and numbers beside them. */
enum { GROUP_LIMIT = 16 };

/* ---- operands ---- */

static bool read_unsigned(struct pickle_machine *m, size_t bytes, uint64_t *out)
{
    const uint8_t *data = pickle_operand(m, bytes);
    *out = 0;
    for (size_t i = bytes; data && i-- > 0;)
        *out = *out << 8 | data[i];
    return data;
}

static bool push_integer(struct pickle_machine *m, size_t bytes, bool is_signed)
{
    uint64_t bits;
    if (!read_unsigned(m, bytes, &bits))
        return false;
    if (is_signed && bytes && bytes < 8 && bits >> (8 * bytes - 1))
        bits |= UINT64_MAX << (8 * bytes);
    return pickle_push(m, (struct pickle_value){.kind = PICKLE_INTEGER, .integer = (int64_t)bits});
}

/* ---- instructions ---- */

/* Each takes a number that its table entry gives: a width of its operand, a count or a kind. */

static bool op_proto(struct pickle_machine *m, int unused)
{
    (void)unused;
    uint64_t version;
    if (!read_unsigned(m, 1, &version))
        return false;
    return version == 2 || pickle_refuse(m, "pickle protocol %d, expected 2", (int)version);
}

static bool op_unsigned(struct pickle_machine *m, int width)
{
    return push_integer(m, (size_t)width, false);
}

static bool op_signed(struct pickle_machine *m, int width)
{
    return push_integer(m, (size_t)width, true);
}

static bool op_push(struct pickle_machine *m, int kind)
{
    return pickle_push(m, (struct pickle_value){.kind = (enum pickle_kind)kind});
}

static bool op_long1(struct pickle_machine *m, int unused)
{
    (void)unused;
    uint64_t bytes;
    if (!read_unsigned(m, 1, &bytes))
        return false;
    if (bytes > 8)
        return pickle_refuse(m, "an integer of %d bytes, expected at most 8", (int)bytes);
    return push_integer(m, (size_t)bytes, true);
}

static bool op_binunicode(struct pickle_machine *m, int unused)
{
    (void)unused;
    uint64_t bytes;
    if (!read_unsigned(m, 4, &bytes))
        return false;
    const uint8_t *text = pickle_operand(m, (size_t)bytes);
    return text && pickle_push(m, (struct pickle_value){.kind = PICKLE_TEXT,
                                                        .count = (uint32_t)bytes,
                                                        .text = (const char *)text});
}

static bool op_dictionary(struct pickle_machine *m, int unused)
{
    (void)unused;
    return pickle_push_dictionary(m);
}

/* The top `count` values become one tuple. */
static bool make_tuple(struct pickle_machine *m, size_t count)
{
    struct pickle_value tuple = {
        .kind = PICKLE_TUPLE, .count = (uint32_t)count, .index = (uint32_t)m->items.n};
    for (size_t i = 0; i < count; i++) {
        struct pickle_value *to =
            pickle_append(m, &m->items, sizeof *to, PICKLE_ITEM_LIMIT, "items of tuples");
        if (!to)
            return false;
        *to = pickle_stack(m)[m->stack.n - count + i];
        if (to->kind == PICKLE_MARK)
            return pickle_refuse(m, "a tuple across a mark");
    }
    m->stack.n -= count;
    return pickle_push(m, tuple);
}

static bool op_tuple_of(struct pickle_machine *m, int count)
{
    if ((size_t)count > m->stack.n)
        return pickle_refuse(m, "a tuple of %d values, the stack has %zu", count, m->stack.n);
    return make_tuple(m, (size_t)count);
}

static bool op_tuple(struct pickle_machine *m, int unused)
{
    (void)unused;
    size_t first = 0;
    return pickle_take_mark(m, &first) && make_tuple(m, m->stack.n - first);
}

static bool op_put(struct pickle_machine *m, int width)
{
    uint64_t index;
    if (!read_unsigned(m, (size_t)width, &index))
        return false;
    if (index >= PICKLE_MEMO_LIMIT)
        return pickle_refuse(m, "memo %llu, expected below %u", (unsigned long long)index,
                             PICKLE_MEMO_LIMIT);
    if (!m->stack.n)
        return pickle_refuse(m, "keeps a value of an empty stack");
    while (m->memo.n <= index)
        if (!pickle_append(m, &m->memo, sizeof(struct pickle_value), PICKLE_MEMO_LIMIT,
                           "kept values"))
            return false;
    ((struct pickle_value *)m->memo.data)[index] = pickle_stack(m)[m->stack.n - 1];
    return true;
}

static bool op_get(struct pickle_machine *m, int width)
{
    uint64_t index;
    if (!read_unsigned(m, (size_t)width, &index))
        return false;
    const struct pickle_value *memo = m->memo.data;
    if (index >= m->memo.n || memo[index].kind == PICKLE_MARK)
        return pickle_refuse(m, "memo %llu was never set", (unsigned long long)index);
    return pickle_push(m, memo[index]);
}

/* ---- dictionaries ---- */

/* Stores the pairs from stack position `first` on and drops them; their dictionary lies below. */
static bool set_items(struct pickle_machine *m, size_t first)
{
    size_t n = m->stack.n - first;
    if (first < 1 || n % 2 || pickle_stack(m)[first - 1].kind != PICKLE_DICTIONARY)
        return pickle_refuse(m, "stores %zu values, expected pairs above a dictionary", n);
    for (size_t i = first; i < first + n; i += 2) {
        if (pickle_stack(m)[i].kind == PICKLE_MARK || pickle_stack(m)[i + 1].kind == PICKLE_MARK)
            return pickle_refuse(m, "stores a mark");
        struct pickle_entry *to =
            pickle_append(m, &m->entries, sizeof *to, PICKLE_ENTRY_LIMIT, "entries");
        if (!to)
            return false;
        *to = (struct pickle_entry){pickle_stack(m)[first - 1].index, pickle_stack(m)[i],
                                    pickle_stack(m)[i + 1]};
    }
    m->stack.n = first;
    return true;
}

static bool op_setitem(struct pickle_machine *m, int unused)
{
    (void)unused;
    if (m->stack.n < 3)
        return pickle_refuse(m, "stores a pair, the stack has %zu values", m->stack.n);
    return set_items(m, m->stack.n - 2);
}

static bool op_setitems(struct pickle_machine *m, int unused)
{
    (void)unused;
    size_t first = 0;
    return pickle_take_mark(m, &first) && set_items(m, first);
}

/* Attributes of a dictionary, such as torch's _metadata: they say nothing about values. */
static bool op_build(struct pickle_machine *m, int unused)
{
    (void)unused;
    struct pickle_value state;
    if (!pickle_pop(m, &state))
        return false;
    return (m->stack.n && pickle_stack(m)[m->stack.n - 1].kind == PICKLE_DICTIONARY) ||
           pickle_refuse(m, "gives a state to what is no dictionary");
}

static bool op_stop(struct pickle_machine *m, int unused)
{
    (void)unused;
    m->stopped = true;
    if (m->stack.n != 1 || pickle_stack(m)[0].kind != PICKLE_DICTIONARY)
        return pickle_refuse(
            m, "ends with %zu values, the last %s; expected one dictionary of tensors", m->stack.n,
            m->stack.n ? pickle_kind_name(pickle_stack(m)[m->stack.n - 1].kind) : "none");
    return m->at == m->bytes || pickle_refuse(m, "%zu bytes follow the end", m->bytes - m->at);
}

/* ---- the program ---- */

static const struct {
    bool (*run)(struct pickle_machine *machine, int number);
    int number;
} operations[256] = {
    [0x80] = {op_proto, 0},             /* PROTO */
    ['('] = {op_push, PICKLE_MARK},     /* MARK */
    ['N'] = {op_push, PICKLE_NONE},     /* NONE */
    [0x88] = {op_push, PICKLE_BOOLEAN}, /* NEWTRUE */
    [0x89] = {op_push, PICKLE_BOOLEAN}, /* NEWFALSE */
    ['K'] = {op_unsigned, 1},           /* BININT1 */
    ['M'] = {op_unsigned, 2},           /* BININT2 */
    ['J'] = {op_signed, 4},             /* BININT */
    [0x8a] = {op_long1, 0},             /* LONG1 */
    ['X'] = {op_binunicode, 0},         /* BINUNICODE */
    ['c'] = {pickle_op_global, 0},      /* GLOBAL */
    [')'] = {op_tuple_of, 0},           /* EMPTY_TUPLE */
    [0x85] = {op_tuple_of, 1},          /* TUPLE1 */
    [0x86] = {op_tuple_of, 2},          /* TUPLE2 */
    [0x87] = {op_tuple_of, 3},          /* TUPLE3 */
    ['t'] = {op_tuple, 0},              /* TUPLE */
    ['}'] = {op_dictionary, 0},         /* EMPTY_DICT */
    ['s'] = {op_setitem, 0},            /* SETITEM */
    ['u'] = {op_setitems, 0},           /* SETITEMS */
    ['q'] = {op_put, 1},                /* BINPUT */
    ['r'] = {op_put, 4},                /* LONG_BINPUT */
    ['h'] = {op_get, 1},                /* BINGET */
    ['j'] = {op_get, 4},                /* LONG_BINGET */
    ['Q'] = {pickle_op_binpersid, 0},   /* BINPERSID */
    ['R'] = {pickle_op_reduce, 0},      /* REDUCE */
    ['b'] = {op_build, 0},              /* BUILD */
    ['.'] = {op_stop, 0},               /* STOP */
};

/* The rest of the language, which a refusal calls by name. */
static const char *const other_names[256] = {
    ['0'] = "POP", ['1'] = "POP_MARK", ['2'] = "DUP", ['F'] = "FLOAT", ['I'] = "INT",
    ['L'] = "LONG", ['P'] = "PERSID", ['S'] = "STRING", ['T'] = "BINSTRING",
    ['U'] = "SHORT_BINSTRING", ['V'] = "UNICODE", ['a'] = "APPEND", ['d'] = "DICT",
    ['e'] = "APPENDS", ['g'] = "GET", ['i'] = "INST", ['l'] = "LIST", [']'] = "EMPTY_LIST",
    ['o'] = "OBJ", ['p'] = "PUT", ['G'] = "BINFLOAT", ['B'] = "BINBYTES",
    ['C'] = "SHORT_BINBYTES", [0x81] = "NEWOBJ", [0x82] = "EXT1", [0x83] = "EXT2",
    [0x84] = "EXT4", [0x8b] = "LONG4", [0x8c] = "SHORT_BINUNICODE", [0x8d] = "BINUNICODE8",
    [0x8e] = "BINBYTES8", [0x8f] = "EMPTY_SET", [0x90] = "ADDITEMS", [0x91] = "FROZENSET",
    [0x92] = "NEWOBJ_EX", [0x93] = "STACK_GLOBAL", [0x94] = "MEMOIZE", [0x95] = "FRAME",
    [0x96] = "BYTEARRAY8", [0x97] = "NEXT_BUFFER", [0x98] = "READONLY_BUFFER",
};

static bool run(struct pickle_machine *m)
{
    if (m->bytes < 2 || m->data[0] != 0x80)
        return pickle_refuse(m, "expected PROTO first, so this is no pickle of torch");
    while (!m->stopped) {
        m->begin = m->at;
        const uint8_t *code = pickle_operand(m, 1);
        if (!code)
            return false;
        if (!operations[*code].run)
            return pickle_refuse(m, "instruction %s (0x%02x) is not one that describes tensors",
                                 other_names[*code] ? other_names[*code] : "unknown", *code);
        if (!operations[*code].run(m, operations[*code].number))
            return false;
    }
    return true;
}

/* ---- what came of it ---- */

static bool check_key(const struct pickle_machine *m, const struct pickle_value *key)
{
    return (key->kind == PICKLE_TEXT && key->count && key->count < PICKLE_NAME_LIMIT &&
            pickle_is_printable(key->text, key->count)) ||
           fit_fail(m->error, FIT_ERROR_FILE,
                    "%s: data.pkl: an entry has no name of 1 to %d printable characters", m->path,
                    PICKLE_NAME_LIMIT - 1);
}

static bool collect_tensor(struct pickle_machine *m, struct pickle_pool *found,
                           const struct pickle_entry *entry, const struct pickle_value *outer)
{
    struct fit_pickle_tensor *to =
        pickle_append(m, found, sizeof *to, PICKLE_ENTRY_LIMIT, "tensors");
    if (!to)
        return false;
    *to = *pickle_tensor(m, &entry->value);
    to->name = entry->key.text;
    to->name_length = (int)entry->key.count;
    to->group = outer ? outer->text : "";
    to->group_length = outer ? (int)outer->count : 0;
    return true;
}

/* A number beside dictionaries of tensors, such as the step of the training, is no weight. */
static bool is_remark(const struct pickle_machine *m, uint32_t dictionary,
                      const struct pickle_value *value)
{
    const struct pickle_entry *entry = m->entries.data;
    bool among_dictionaries = false;
    for (size_t i = 0; i < m->entries.n; i++)
        among_dictionaries |=
            entry[i].dictionary == dictionary && entry[i].value.kind == PICKLE_DICTIONARY;
    return among_dictionaries && value->kind > PICKLE_MARK && value->kind <= PICKLE_TEXT;
}

/* The tensors of a dictionary and, unless it has an outer one itself, of the ones in it. */
static bool collect(struct pickle_machine *m, struct pickle_pool *found, uint32_t dictionary,
                    const struct pickle_value *outer)
{
    int groups = 0, remarks = 0;
    for (size_t i = 0; i < m->entries.n; i++) {
        const struct pickle_entry *entry = (const struct pickle_entry *)m->entries.data + i;
        if (entry->dictionary != dictionary)
            continue;
        if (!check_key(m, &entry->key))
            return false;
        bool ok;
        if (entry->value.kind == PICKLE_TENSOR)
            ok = collect_tensor(m, found, entry, outer);
        else if (entry->value.kind == PICKLE_DICTIONARY && !outer && groups++ < GROUP_LIMIT)
            ok = collect(m, found, entry->value.index, &entry->key);
        else
            ok = (!outer && remarks++ < GROUP_LIMIT && is_remark(m, dictionary, &entry->value)) ||
                 fit_fail(m->error, FIT_ERROR_FILE,
                          "%s: data.pkl: entry %.*s: expected a tensor, found %s", m->path,
                          (int)entry->key.count, entry->key.text,
                          pickle_kind_name(entry->value.kind));
        if (!ok)
            return false;
    }
    return true;
}

bool fit_pickle_read(struct fit_pickle *pickle, const char *path, const uint8_t *data, size_t bytes,
                     struct fit_error *error)
{
    *pickle = (struct fit_pickle){0};
    if (bytes > FIT_PICKLE_LIMIT)
        return fit_fail(error, FIT_ERROR_FILE, "%s: data.pkl has %zu bytes, expected at most %d",
                        path, bytes, FIT_PICKLE_LIMIT);
    struct pickle_machine machine = {.path = path, .data = data, .bytes = bytes, .error = error};
    struct pickle_pool found = {0};
    bool ok = run(&machine) && collect(&machine, &found, pickle_stack(&machine)[0].index, NULL);
    pickle_machine_finish(&machine);
    *pickle = (struct fit_pickle){found.data, found.n};
    if (!ok)
        fit_pickle_finish(pickle);
    return ok;
}

void fit_pickle_finish(struct fit_pickle *pickle)
{
    free(pickle->tensors);
    *pickle = (struct fit_pickle){0};
}
