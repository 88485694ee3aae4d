/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What names and calls mean in a checkpoint: a persistent id is a storage, a handful of functions
 * make a tensor of one. They are recognised, never looked up.
 */
#include "pickle_machine.h"

#include <string.h>

enum global {
    ORDERED_DICT,
    REBUILD_TENSOR,
    REBUILD_FROM_TYPE,
    REBUILD_PARAMETER,
    TENSOR_CLASS,
    FLOAT_STORAGE,
    HALF_STORAGE,
    BFLOAT16_STORAGE,
    LONG_STORAGE,
    N_GLOBALS
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

/* A line of a GLOBAL as a string without surprises. */
static bool read_line(struct pickle_machine *m, char out[PICKLE_NAME_LIMIT])
{
    size_t left = m->bytes - m->at;
    const uint8_t *line = m->data + m->at, *end = memchr(line, '\n', left);
    if (!end || end - line >= PICKLE_NAME_LIMIT ||
        !pickle_is_printable((const char *)line, (size_t)(end - line)))
        return pickle_refuse(m, "a name that does not end, or not within %d printable characters",
                             PICKLE_NAME_LIMIT - 1);
    memcpy(out, line, (size_t)(end - line));
    out[end - line] = '\0';
    m->at += (size_t)(end - line) + 1;
    return true;
}

bool pickle_op_global(struct pickle_machine *m, int unused)
{
    (void)unused;
    char module[PICKLE_NAME_LIMIT], name[PICKLE_NAME_LIMIT];
    if (!read_line(m, module) || !read_line(m, name))
        return false;
    for (uint32_t i = 0; i < N_GLOBALS; i++)
        if (!strcmp(module, globals[i].module) && !strcmp(name, globals[i].name))
            return pickle_push(m, (struct pickle_value){.kind = PICKLE_GLOBAL, .index = i});
    size_t length = strlen(name);
    if (!strcmp(module, "torch") && length > 7 && !strcmp(name + length - 7, "Storage"))
        return pickle_refuse(m,
                             "torch.%.60s: expected FloatStorage, HalfStorage, BFloat16Storage or "
                             "LongStorage",
                             name);
    return pickle_refuse(
        m,
        "names %.80s.%.80s: a checkpoint may hold tensors only, and nothing in it is "
        "ever run",
        module, name);
}

static bool storage_type(const struct pickle_value *class, enum fit_tensor_type *type)
{
    if (class->kind != PICKLE_GLOBAL)
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

static bool is_text(const struct pickle_value *value, const char *text)
{
    return value->kind == PICKLE_TEXT && value->count == strlen(text) &&
           !memcmp(value->text, text, value->count);
}

bool pickle_op_binpersid(struct pickle_machine *m, int unused)
{
    (void)unused;
    struct pickle_value id = {0};
    if (!pickle_pop(m, &id))
        return false;
    enum fit_tensor_type type;
    const struct pickle_value *part =
        id.kind == PICKLE_TUPLE && id.count == 5 ? pickle_item(m, &id, 0) : NULL;
    if (!part || !is_text(&part[0], "storage") || !storage_type(&part[1], &type) ||
        part[2].kind != PICKLE_TEXT || part[2].count > 32 ||
        !pickle_is_printable(part[2].text, part[2].count) || part[4].kind != PICKLE_INTEGER ||
        part[4].integer < 0)
        return pickle_refuse(m,
                             "a persistent id that is not (\"storage\", class, key, device, number "
                             "of values)");
    struct fit_pickle_tensor *to =
        pickle_append(m, &m->tensors, sizeof *to, PICKLE_TENSOR_LIMIT, "storages");
    if (!to)
        return false;
    to->type = type;
    to->storage = part[2].text;
    to->storage_length = (int)part[2].count;
    to->storage_values = (uint64_t)part[4].integer;
    return pickle_push(
        m, (struct pickle_value){.kind = PICKLE_STORAGE, .index = (uint32_t)m->tensors.n - 1});
}

/* ---- calls ---- */

static bool read_sizes(const struct pickle_machine *m, const struct pickle_value *tuple,
                       uint64_t *out)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->count > FIT_TENSOR_MAX_DIMS)
        return false;
    for (uint32_t i = 0; i < tuple->count; i++) {
        const struct pickle_value *size = pickle_item(m, tuple, i);
        if (size->kind != PICKLE_INTEGER || size->integer < 0)
            return false;
        out[i] = (uint64_t)size->integer;
    }
    return true;
}

static bool rebuild_tensor(struct pickle_machine *m, const struct pickle_value *arguments)
{
    const struct pickle_value *argument = pickle_item(m, arguments, 0);
    struct fit_pickle_tensor made;
    if (arguments->count < 6 || arguments->count > 7 || argument[0].kind != PICKLE_STORAGE ||
        argument[1].kind != PICKLE_INTEGER || argument[1].integer < 0)
        return pickle_refuse(m, "%s: expected (storage, offset, shape, strides, ...)",
                             globals[REBUILD_TENSOR].name);
    made = *pickle_tensor(m, &argument[0]);
    made.offset = (uint64_t)argument[1].integer;
    made.n_dims = (int)argument[2].count;
    if (!read_sizes(m, &argument[2], made.dims) || !read_sizes(m, &argument[3], made.strides) ||
        argument[3].count != argument[2].count)
        return pickle_refuse(
            m, "%s: expected a shape and strides of the same number of sizes, at most %d",
            globals[REBUILD_TENSOR].name, FIT_TENSOR_MAX_DIMS);
    struct fit_pickle_tensor *to =
        pickle_append(m, &m->tensors, sizeof *to, PICKLE_TENSOR_LIMIT, "tensors");
    if (!to)
        return false;
    *to = made;
    return pickle_push(
        m, (struct pickle_value){.kind = PICKLE_TENSOR, .index = (uint32_t)m->tensors.n - 1});
}

static bool rebuild_parameter(struct pickle_machine *m, const struct pickle_value *arguments)
{
    const struct pickle_value *argument = pickle_item(m, arguments, 0);
    if (arguments->count != 3 || argument[0].kind != PICKLE_TENSOR)
        return pickle_refuse(m, "%s: expected (tensor, requires_grad, hooks)",
                             globals[REBUILD_PARAMETER].name);
    return pickle_push(m, argument[0]);
}

/* (function, type, arguments, state): the state is Python attributes, which say nothing about
 * values. */
static bool rebuild_from_type(struct pickle_machine *m, const struct pickle_value *arguments)
{
    const struct pickle_value *argument = pickle_item(m, arguments, 0);
    if (arguments->count != 4 || argument[0].kind != PICKLE_GLOBAL ||
        argument[1].kind != PICKLE_GLOBAL || argument[1].index != TENSOR_CLASS ||
        argument[2].kind != PICKLE_TUPLE)
        return pickle_refuse(m, "%s: expected (function, torch.Tensor, arguments, state)",
                             globals[REBUILD_FROM_TYPE].name);
    if (argument[0].index == REBUILD_TENSOR)
        return rebuild_tensor(m, &argument[2]);
    if (argument[0].index == REBUILD_PARAMETER)
        return rebuild_parameter(m, &argument[2]);
    return pickle_refuse(m, "%s: calls %s, expected a function that makes a tensor",
                         globals[REBUILD_FROM_TYPE].name, globals[argument[0].index].name);
}

bool pickle_op_reduce(struct pickle_machine *m, int unused)
{
    (void)unused;
    struct pickle_value arguments = {0}, function = {0};
    if (!pickle_pop(m, &arguments) || !pickle_pop(m, &function))
        return false;
    if (function.kind != PICKLE_GLOBAL || arguments.kind != PICKLE_TUPLE)
        return pickle_refuse(m, "calls %s with %s, expected a function with a tuple",
                             pickle_kind_name(function.kind), pickle_kind_name(arguments.kind));
    switch (function.index) {
    case ORDERED_DICT:
        return arguments.count ? pickle_refuse(m, "OrderedDict with %u arguments, expected none",
                                               arguments.count)
                               : pickle_push_dictionary(m);
    case REBUILD_TENSOR:
        return rebuild_tensor(m, &arguments);
    case REBUILD_PARAMETER:
        return rebuild_parameter(m, &arguments);
    case REBUILD_FROM_TYPE:
        return rebuild_from_type(m, &arguments);
    default:
        return pickle_refuse(m, "calls %s.%s, which is no function", globals[function.index].module,
                             globals[function.index].name);
    }
}
