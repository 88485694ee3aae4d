/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format: pickle protocol 2, one byte of instruction and its operand. The program builds a
 * dictionary on a stack: name, then a call (REDUCE) of torch._utils._rebuild_tensor_v2 with
 * (storage, offset, shape, strides, requires_grad, hooks), where the storage is a persistent id
 * ("storage", class, key, device, number of values). A memo keeps what is used again.
 */
#include "pickle.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define STACK_LIMIT (1u << 16) /* torch empties its stack after every 1000 entries */
#define MEMO_LIMIT (1u << 18)
#define ITEM_LIMIT (1u << 18)
#define ENTRY_LIMIT (1u << 18)
#define TENSOR_LIMIT (1u << 15)
#define NAME_LIMIT 256

enum global {
    ORDERED_DICT, REBUILD_TENSOR, REBUILD_FROM_TYPE, REBUILD_PARAMETER, TENSOR_CLASS,
    FLOAT_STORAGE, HALF_STORAGE, BFLOAT16_STORAGE, LONG_STORAGE, N_GLOBALS
};

static const struct {
    const char *module, *name;
} globals[N_GLOBALS] = {
    [ORDERED_DICT] = {"collections", "OrderedDict"},
    [REBUILD_TENSOR] = {"torch._utils", "_rebuild_tensor_v2"},
    [REBUILD_FROM_TYPE] = {"torch._tensor", "_rebuild_from_type_v2"},
    [REBUILD_PARAMETER] = {"torch._utils", "_rebuild_parameter"},
    [TENSOR_CLASS] = {"torch", "Tensor"},
    [FLOAT_STORAGE] = {"torch", "FloatStorage"},
    [HALF_STORAGE] = {"torch", "HalfStorage"},
    [BFLOAT16_STORAGE] = {"torch", "BFloat16Storage"},
    [LONG_STORAGE] = {"torch", "LongStorage"},
};

enum kind { MARK, NONE, BOOLEAN, INTEGER, TEXT, GLOBAL, TUPLE, DICTIONARY, STORAGE, TENSOR };

static const char *const kind_names[] = {"a mark",  "None",    "a boolean", "an integer",
                                         "a text",  "a class", "a tuple",   "a dictionary",
                                         "storage", "a tensor"};

struct value {
    enum kind kind;
    uint32_t count; /* of a text's bytes, of a tuple's items */
    union {
        int64_t integer;
        const char *text;
        uint32_t index; /* tuple: of its first item; otherwise which one */
    };
};

struct entry {
    uint32_t dictionary;
    struct value key, value;
};

struct pool {
    void *data;
    size_t n, capacity;
};

struct machine {
    const char *path;
    const uint8_t *data;
    size_t bytes, at, begin;        /* begin: of the instruction being read */
    struct pool stack, memo, items; /* of struct value */
    struct pool entries;
    struct pool tensors; /* of struct fit_pickle_tensor; storages too, until used */
    uint32_t n_dictionaries;
    bool stopped;
    struct fit_error *error;
};

static bool refuse(const struct machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(const struct machine *m, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return fit_fail(m->error, FIT_ERROR_FILE, "%s: data.pkl, byte %zu: %s", m->path, m->begin,
                    reason);
}

/* ---- memory ---- */

static void *append(struct machine *m, struct pool *pool, size_t size, size_t limit,
                    const char *what)
{
    if (pool->n >= limit) {
        refuse(m, "more than %zu %s, which no checkpoint needs", limit, what);
        return NULL;
    }
    if (pool->n == pool->capacity) {
        size_t capacity = pool->capacity ? 2 * pool->capacity : 64;
        void *data = realloc(pool->data, capacity * size);
        if (!data) {
            fit_fail(m->error, FIT_ERROR_MEMORY, "%s: no memory for its names", m->path);
            return NULL;
        }
        pool->data = data;
        pool->capacity = capacity;
    }
    return memset((char *)pool->data + pool->n++ * size, 0, size);
}

static struct value *stack(const struct machine *m)
{
    return m->stack.data;
}

static const struct value *item(const struct machine *m, const struct value *tuple, uint32_t i)
{
    return (const struct value *)m->items.data + tuple->index + i;
}

static struct fit_pickle_tensor *tensor(const struct machine *m, const struct value *value)
{
    return (struct fit_pickle_tensor *)m->tensors.data + value->index;
}

static bool push(struct machine *m, struct value value)
{
    struct value *top = append(m, &m->stack, sizeof *top, STACK_LIMIT, "values on the stack");
    if (top)
        *top = value;
    return top;
}

/* The mark of an unfinished group is not a value and stays. */
static bool pop(struct machine *m, struct value *value)
{
    if (!m->stack.n || stack(m)[m->stack.n - 1].kind == MARK)
        return refuse(m, "takes a value from an empty stack");
    *value = stack(m)[--m->stack.n];
    return true;
}

/* Removes the topmost mark and gives the position of the values above it, which stay. */
static bool take_mark(struct machine *m, size_t *first)
{
    for (size_t i = m->stack.n; i-- > 0;) {
        if (stack(m)[i].kind == MARK) {
            memmove(stack(m) + i, stack(m) + i + 1, (m->stack.n - i - 1) * sizeof(struct value));
            m->stack.n--;
            *first = i;
            return true;
        }
    }
    return refuse(m, "ends a group without its mark");
}

/* ---- operands ---- */

static const uint8_t *operand(struct machine *m, size_t bytes)
{
    if (bytes > m->bytes - m->at) {
        refuse(m, "an operand of %zu bytes, the file ends after %zu", bytes, m->bytes - m->at);
        return NULL;
    }
    m->at += bytes;
    return m->data + m->at - bytes;
}

static bool read_unsigned(struct machine *m, size_t bytes, uint64_t *out)
{
    const uint8_t *data = operand(m, bytes);
    *out = 0;
    for (size_t i = bytes; data && i-- > 0;)
        *out = *out << 8 | data[i];
    return data;
}

static bool push_integer(struct machine *m, size_t bytes, bool is_signed)
{
    uint64_t bits;
    if (!read_unsigned(m, bytes, &bits))
        return false;
    if (is_signed && bytes && bytes < 8 && bits >> (8 * bytes - 1))
        bits |= UINT64_MAX << (8 * bytes);
    return push(m, (struct value){.kind = INTEGER, .integer = (int64_t)bits});
}

static bool printable(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

/* ---- instructions ---- */

/* Each takes a number that its table entry gives: a width of its operand, a count or a kind. */

static bool op_proto(struct machine *m, int unused)
{
    (void)unused;
    uint64_t version;
    if (!read_unsigned(m, 1, &version))
        return false;
    return version == 2 || refuse(m, "pickle protocol %d, expected 2", (int)version);
}

static bool op_unsigned(struct machine *m, int width)
{
    return push_integer(m, (size_t)width, false);
}

static bool op_signed(struct machine *m, int width)
{
    return push_integer(m, (size_t)width, true);
}

static bool op_push(struct machine *m, int kind)
{
    return push(m, (struct value){.kind = (enum kind)kind});
}

static bool op_long1(struct machine *m, int unused)
{
    (void)unused;
    uint64_t bytes;
    if (!read_unsigned(m, 1, &bytes))
        return false;
    if (bytes > 8)
        return refuse(m, "an integer of %d bytes, expected at most 8", (int)bytes);
    return push_integer(m, (size_t)bytes, true);
}

static bool op_binunicode(struct machine *m, int unused)
{
    (void)unused;
    uint64_t bytes;
    if (!read_unsigned(m, 4, &bytes))
        return false;
    const uint8_t *text = operand(m, (size_t)bytes);
    return text && push(m, (struct value){
                               .kind = TEXT, .count = (uint32_t)bytes, .text = (const char *)text});
}

static bool op_dictionary(struct machine *m, int unused)
{
    (void)unused;
    return push(m, (struct value){.kind = DICTIONARY, .index = m->n_dictionaries++});
}

/* The top `count` values become one tuple. */
static bool make_tuple(struct machine *m, size_t count)
{
    struct value tuple = {.kind = TUPLE, .count = (uint32_t)count, .index = (uint32_t)m->items.n};
    for (size_t i = 0; i < count; i++) {
        struct value *to = append(m, &m->items, sizeof *to, ITEM_LIMIT, "items of tuples");
        if (!to)
            return false;
        *to = stack(m)[m->stack.n - count + i];
        if (to->kind == MARK)
            return refuse(m, "a tuple across a mark");
    }
    m->stack.n -= count;
    return push(m, tuple);
}

static bool op_tuple_of(struct machine *m, int count)
{
    if ((size_t)count > m->stack.n)
        return refuse(m, "a tuple of %d values, the stack has %zu", count, m->stack.n);
    return make_tuple(m, (size_t)count);
}

static bool op_tuple(struct machine *m, int unused)
{
    (void)unused;
    size_t first = 0;
    return take_mark(m, &first) && make_tuple(m, m->stack.n - first);
}

static bool op_put(struct machine *m, int width)
{
    uint64_t index;
    if (!read_unsigned(m, (size_t)width, &index))
        return false;
    if (index >= MEMO_LIMIT)
        return refuse(m, "memo %llu, expected below %u", (unsigned long long)index, MEMO_LIMIT);
    if (!m->stack.n)
        return refuse(m, "keeps a value of an empty stack");
    while (m->memo.n <= index)
        if (!append(m, &m->memo, sizeof(struct value), MEMO_LIMIT, "kept values"))
            return false;
    ((struct value *)m->memo.data)[index] = stack(m)[m->stack.n - 1];
    return true;
}

static bool op_get(struct machine *m, int width)
{
    uint64_t index;
    if (!read_unsigned(m, (size_t)width, &index))
        return false;
    const struct value *memo = m->memo.data;
    if (index >= m->memo.n || memo[index].kind == MARK)
        return refuse(m, "memo %llu was never set", (unsigned long long)index);
    return push(m, memo[index]);
}

/* A line of a GLOBAL as a string without surprises. */
static bool read_line(struct machine *m, char out[NAME_LIMIT])
{
    size_t left = m->bytes - m->at;
    const uint8_t *line = m->data + m->at, *end = memchr(line, '\n', left);
    if (!end || end - line >= NAME_LIMIT || !printable((const char *)line, (size_t)(end - line)))
        return refuse(m, "a name that does not end, or not within %d printable characters",
                      NAME_LIMIT - 1);
    memcpy(out, line, (size_t)(end - line));
    out[end - line] = '\0';
    m->at += (size_t)(end - line) + 1;
    return true;
}

static bool op_global(struct machine *m, int unused)
{
    (void)unused;
    char module[NAME_LIMIT], name[NAME_LIMIT];
    if (!read_line(m, module) || !read_line(m, name))
        return false;
    for (uint32_t i = 0; i < N_GLOBALS; i++)
        if (!strcmp(module, globals[i].module) && !strcmp(name, globals[i].name))
            return push(m, (struct value){.kind = GLOBAL, .index = i});
    size_t length = strlen(name);
    if (!strcmp(module, "torch") && length > 7 && !strcmp(name + length - 7, "Storage"))
        return refuse(m,
                      "torch.%.60s: expected FloatStorage, HalfStorage, BFloat16Storage or "
                      "LongStorage",
                      name);
    return refuse(m,
                  "names %.80s.%.80s: a checkpoint may hold tensors only, and nothing in it is "
                  "ever run",
                  module, name);
}

static bool storage_type(const struct value *class, enum fit_tensor_type *type)
{
    if (class->kind != GLOBAL)
        return false;
    switch (class->index) {
    case FLOAT_STORAGE:
        *type = FIT_TENSOR_F32;
        return true;
    case HALF_STORAGE:
        *type = FIT_TENSOR_F16;
        return true;
    case BFLOAT16_STORAGE:
        *type = FIT_TENSOR_BF16;
        return true;
    case LONG_STORAGE:
        *type = FIT_TENSOR_I64;
        return true;
    default:
        return false;
    }
}

static bool is_text(const struct value *value, const char *text)
{
    return value->kind == TEXT && value->count == strlen(text) &&
           !memcmp(value->text, text, value->count);
}

static bool op_binpersid(struct machine *m, int unused)
{
    (void)unused;
    struct value id = {0};
    if (!pop(m, &id))
        return false;
    enum fit_tensor_type type;
    const struct value *part = id.kind == TUPLE && id.count == 5 ? item(m, &id, 0) : NULL;
    if (!part || !is_text(&part[0], "storage") || !storage_type(&part[1], &type) ||
        part[2].kind != TEXT || part[2].count > 32 || !printable(part[2].text, part[2].count) ||
        part[4].kind != INTEGER || part[4].integer < 0)
        return refuse(m, "a persistent id that is not (\"storage\", class, key, device, number "
                         "of values)");
    struct fit_pickle_tensor *to = append(m, &m->tensors, sizeof *to, TENSOR_LIMIT, "storages");
    if (!to)
        return false;
    to->type = type;
    to->storage = part[2].text;
    to->storage_length = (int)part[2].count;
    to->storage_values = (uint64_t)part[4].integer;
    return push(m, (struct value){.kind = STORAGE, .index = (uint32_t)m->tensors.n - 1});
}

/* ---- calls ---- */

static bool read_sizes(const struct machine *m, const struct value *tuple, uint64_t *out)
{
    if (tuple->kind != TUPLE || tuple->count > FIT_TENSOR_MAX_DIMS)
        return false;
    for (uint32_t i = 0; i < tuple->count; i++) {
        const struct value *size = item(m, tuple, i);
        if (size->kind != INTEGER || size->integer < 0)
            return false;
        out[i] = (uint64_t)size->integer;
    }
    return true;
}

static bool rebuild_tensor(struct machine *m, const struct value *arguments)
{
    const struct value *argument = item(m, arguments, 0);
    struct fit_pickle_tensor made;
    if (arguments->count < 6 || arguments->count > 7 || argument[0].kind != STORAGE ||
        argument[1].kind != INTEGER || argument[1].integer < 0)
        return refuse(m, "%s: expected (storage, offset, shape, strides, ...)",
                      globals[REBUILD_TENSOR].name);
    made = *tensor(m, &argument[0]);
    made.offset = (uint64_t)argument[1].integer;
    made.n_dims = (int)argument[2].count;
    if (!read_sizes(m, &argument[2], made.dims) || !read_sizes(m, &argument[3], made.strides) ||
        argument[3].count != argument[2].count)
        return refuse(m, "%s: expected a shape and strides of the same number of sizes, at most %d",
                      globals[REBUILD_TENSOR].name, FIT_TENSOR_MAX_DIMS);
    struct fit_pickle_tensor *to = append(m, &m->tensors, sizeof *to, TENSOR_LIMIT, "tensors");
    if (!to)
        return false;
    *to = made;
    return push(m, (struct value){.kind = TENSOR, .index = (uint32_t)m->tensors.n - 1});
}

static bool rebuild_parameter(struct machine *m, const struct value *arguments)
{
    const struct value *argument = item(m, arguments, 0);
    if (arguments->count != 3 || argument[0].kind != TENSOR)
        return refuse(m, "%s: expected (tensor, requires_grad, hooks)",
                      globals[REBUILD_PARAMETER].name);
    return push(m, argument[0]);
}

/* (function, type, arguments, state): the state is Python attributes, which say nothing about
 * values. */
static bool rebuild_from_type(struct machine *m, const struct value *arguments)
{
    const struct value *argument = item(m, arguments, 0);
    if (arguments->count != 4 || argument[0].kind != GLOBAL || argument[1].kind != GLOBAL ||
        argument[1].index != TENSOR_CLASS || argument[2].kind != TUPLE)
        return refuse(m, "%s: expected (function, torch.Tensor, arguments, state)",
                      globals[REBUILD_FROM_TYPE].name);
    if (argument[0].index == REBUILD_TENSOR)
        return rebuild_tensor(m, &argument[2]);
    if (argument[0].index == REBUILD_PARAMETER)
        return rebuild_parameter(m, &argument[2]);
    return refuse(m, "%s: calls %s, expected a function that makes a tensor",
                  globals[REBUILD_FROM_TYPE].name, globals[argument[0].index].name);
}

static bool op_reduce(struct machine *m, int unused)
{
    (void)unused;
    struct value arguments = {0}, function = {0};
    if (!pop(m, &arguments) || !pop(m, &function))
        return false;
    if (function.kind != GLOBAL || arguments.kind != TUPLE)
        return refuse(m, "calls %s with %s, expected a function with a tuple",
                      kind_names[function.kind], kind_names[arguments.kind]);
    switch (function.index) {
    case ORDERED_DICT:
        return arguments.count
                   ? refuse(m, "OrderedDict with %u arguments, expected none", arguments.count)
                   : op_dictionary(m, 0);
    case REBUILD_TENSOR:
        return rebuild_tensor(m, &arguments);
    case REBUILD_PARAMETER:
        return rebuild_parameter(m, &arguments);
    case REBUILD_FROM_TYPE:
        return rebuild_from_type(m, &arguments);
    default:
        return refuse(m, "calls %s.%s, which is no function", globals[function.index].module,
                      globals[function.index].name);
    }
}

/* ---- dictionaries ---- */

/* Stores the pairs from stack position `first` on and drops them; their dictionary lies below. */
static bool set_items(struct machine *m, size_t first)
{
    size_t n = m->stack.n - first;
    if (first < 1 || n % 2 || stack(m)[first - 1].kind != DICTIONARY)
        return refuse(m, "stores %zu values, expected pairs above a dictionary", n);
    for (size_t i = first; i < first + n; i += 2) {
        if (stack(m)[i].kind == MARK || stack(m)[i + 1].kind == MARK)
            return refuse(m, "stores a mark");
        struct entry *to = append(m, &m->entries, sizeof *to, ENTRY_LIMIT, "entries");
        if (!to)
            return false;
        *to = (struct entry){stack(m)[first - 1].index, stack(m)[i], stack(m)[i + 1]};
    }
    m->stack.n = first;
    return true;
}

static bool op_setitem(struct machine *m, int unused)
{
    (void)unused;
    if (m->stack.n < 3)
        return refuse(m, "stores a pair, the stack has %zu values", m->stack.n);
    return set_items(m, m->stack.n - 2);
}

static bool op_setitems(struct machine *m, int unused)
{
    (void)unused;
    size_t first = 0;
    return take_mark(m, &first) && set_items(m, first);
}

/* Attributes of a dictionary, such as torch's _metadata: they say nothing about values. */
static bool op_build(struct machine *m, int unused)
{
    (void)unused;
    struct value state;
    if (!pop(m, &state))
        return false;
    return (m->stack.n && stack(m)[m->stack.n - 1].kind == DICTIONARY) ||
           refuse(m, "gives a state to what is no dictionary");
}

static bool op_stop(struct machine *m, int unused)
{
    (void)unused;
    m->stopped = true;
    if (m->stack.n != 1 || stack(m)[0].kind != DICTIONARY)
        return refuse(m, "ends with %zu values, the last %s; expected one dictionary of tensors",
                      m->stack.n, m->stack.n ? kind_names[stack(m)[m->stack.n - 1].kind] : "none");
    return m->at == m->bytes || refuse(m, "%zu bytes follow the end", m->bytes - m->at);
}

/* ---- the program ---- */

static const struct {
    bool (*run)(struct machine *machine, int number);
    int number;
} operations[256] = {
    [0x80] = {op_proto, 0},         /* PROTO */
    ['('] = {op_push, MARK},        /* MARK */
    ['N'] = {op_push, NONE},        /* NONE */
    [0x88] = {op_push, BOOLEAN},    /* NEWTRUE */
    [0x89] = {op_push, BOOLEAN},    /* NEWFALSE */
    ['K'] = {op_unsigned, 1},       /* BININT1 */
    ['M'] = {op_unsigned, 2},       /* BININT2 */
    ['J'] = {op_signed, 4},         /* BININT */
    [0x8a] = {op_long1, 0},         /* LONG1 */
    ['X'] = {op_binunicode, 0},     /* BINUNICODE */
    ['c'] = {op_global, 0},         /* GLOBAL */
    [')'] = {op_tuple_of, 0},       /* EMPTY_TUPLE */
    [0x85] = {op_tuple_of, 1},      /* TUPLE1 */
    [0x86] = {op_tuple_of, 2},      /* TUPLE2 */
    [0x87] = {op_tuple_of, 3},      /* TUPLE3 */
    ['t'] = {op_tuple, 0},          /* TUPLE */
    ['}'] = {op_dictionary, 0},     /* EMPTY_DICT */
    ['s'] = {op_setitem, 0},        /* SETITEM */
    ['u'] = {op_setitems, 0},       /* SETITEMS */
    ['q'] = {op_put, 1},            /* BINPUT */
    ['r'] = {op_put, 4},            /* LONG_BINPUT */
    ['h'] = {op_get, 1},            /* BINGET */
    ['j'] = {op_get, 4},            /* LONG_BINGET */
    ['Q'] = {op_binpersid, 0},      /* BINPERSID */
    ['R'] = {op_reduce, 0},         /* REDUCE */
    ['b'] = {op_build, 0},          /* BUILD */
    ['.'] = {op_stop, 0},           /* STOP */
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

static bool run(struct machine *m)
{
    if (m->bytes < 2 || m->data[0] != 0x80)
        return refuse(m, "expected PROTO first, so this is no pickle of torch");
    while (!m->stopped) {
        m->begin = m->at;
        const uint8_t *code = operand(m, 1);
        if (!code)
            return false;
        if (!operations[*code].run)
            return refuse(m, "instruction %s (0x%02x) is not one that describes tensors",
                          other_names[*code] ? other_names[*code] : "unknown", *code);
        if (!operations[*code].run(m, operations[*code].number))
            return false;
    }
    return true;
}

static bool collect(struct machine *m, struct fit_pickle *pickle)
{
    uint32_t top = stack(m)[0].index;
    const struct entry *entry = m->entries.data;
    pickle->tensors = calloc(m->entries.n + 1, sizeof *pickle->tensors);
    if (!pickle->tensors)
        return fit_fail(m->error, FIT_ERROR_MEMORY, "%s: no memory for its names", m->path);
    for (size_t i = 0; i < m->entries.n; i++, entry++) {
        const struct value *key = &entry->key;
        if (entry->dictionary != top)
            continue;
        if (key->kind != TEXT || !key->count || key->count >= NAME_LIMIT ||
            !printable(key->text, key->count))
            return fit_fail(m->error, FIT_ERROR_FILE,
                            "%s: data.pkl: entry %zu has no name of 1 to %d printable characters",
                            m->path, pickle->n_tensors, NAME_LIMIT - 1);
        if (entry->value.kind != TENSOR)
            return fit_fail(m->error, FIT_ERROR_FILE,
                            "%s: data.pkl: entry %.*s: expected a tensor, found %s", m->path,
                            (int)key->count, key->text, kind_names[entry->value.kind]);
        struct fit_pickle_tensor *to = &pickle->tensors[pickle->n_tensors++];
        *to = *tensor(m, &entry->value);
        to->name = key->text;
        to->name_length = (int)key->count;
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
    struct machine machine = {.path = path, .data = data, .bytes = bytes, .error = error};
    bool ok = run(&machine) && collect(&machine, pickle);
    struct pool *pools[] = {&machine.stack, &machine.memo, &machine.items, &machine.entries,
                            &machine.tensors};
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        free(pools[i]->data);
    if (!ok)
        fit_pickle_finish(pickle);
    return ok;
}

void fit_pickle_finish(struct fit_pickle *pickle)
{
    free(pickle->tensors);
    *pickle = (struct fit_pickle){0};
}
