/* SPDX-License-Identifier: Apache-2.0 */
#include "pickle_machine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void pickle_machine_finish(struct pickle_machine *m)
{
    struct pickle_pool *pools[] = {&m->stack, &m->memo, &m->items, &m->entries, &m->tensors};
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        free(pools[i]->data);
    *m = (struct pickle_machine){0};
}

const char *pickle_kind_name(enum pickle_kind kind)
{
    static const char *const names[] = {"a mark",  "None",    "a boolean", "an integer",
                                        "a text",  "a class", "a tuple",   "a dictionary",
                                        "storage", "a tensor"};
    return names[kind];
}

bool pickle_refuse(const struct pickle_machine *m, const char *format, ...)
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

void *pickle_append(struct pickle_machine *m, struct pickle_pool *pool, size_t size, size_t limit,
                    const char *what)
{
    if (pool->n >= limit) {
        pickle_refuse(m, "more than %zu %s, which no checkpoint needs", limit, what);
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

struct pickle_value *pickle_stack(const struct pickle_machine *m)
{
    return m->stack.data;
}

const struct pickle_value *pickle_item(const struct pickle_machine *m,
                                       const struct pickle_value *tuple, uint32_t i)
{
    return i < tuple->count ? (const struct pickle_value *)m->items.data + tuple->index + i : NULL;
}

struct fit_pickle_tensor *pickle_tensor(const struct pickle_machine *m,
                                        const struct pickle_value *value)
{
    return (struct fit_pickle_tensor *)m->tensors.data + value->index;
}

bool pickle_push(struct pickle_machine *m, struct pickle_value value)
{
    struct pickle_value *top =
        pickle_append(m, &m->stack, sizeof *top, PICKLE_STACK_LIMIT, "values on the stack");
    if (top)
        *top = value;
    return top;
}

bool pickle_pop(struct pickle_machine *m, struct pickle_value *value)
{
    if (!m->stack.n || pickle_stack(m)[m->stack.n - 1].kind == PICKLE_MARK)
        return pickle_refuse(m, "takes a value from an empty stack");
    *value = pickle_stack(m)[--m->stack.n];
    return true;
}

bool pickle_take_mark(struct pickle_machine *m, size_t *first)
{
    for (size_t i = m->stack.n; i-- > 0;) {
        if (pickle_stack(m)[i].kind == PICKLE_MARK) {
            memmove(pickle_stack(m) + i, pickle_stack(m) + i + 1,
                    (m->stack.n - i - 1) * sizeof(struct pickle_value));
            m->stack.n--;
            *first = i;
            return true;
        }
    }
    return pickle_refuse(m, "ends a group without its mark");
}

bool pickle_push_dictionary(struct pickle_machine *m)
{
    return pickle_push(
        m, (struct pickle_value){.kind = PICKLE_DICTIONARY, .index = m->n_dictionaries++});
}

/* ---- operands ---- */

const uint8_t *pickle_operand(struct pickle_machine *m, size_t bytes)
{
    if (bytes > m->bytes - m->at) {
        pickle_refuse(m, "an operand of %zu bytes, the file ends after %zu", bytes,
                      m->bytes - m->at);
        return NULL;
    }
    m->at += bytes;
    return m->data + m->at - bytes;
}

bool pickle_is_printable(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}
