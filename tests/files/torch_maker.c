/* SPDX-License-Identifier: Apache-2.0 */
#include "torch_maker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64
enum { HAS_DESCRIPTOR = 8, ZIP64 = 1, PADDING = 0x4246 };

void made_add(struct made *m, const void *bytes, size_t n)
{
    if (m->n + n > m->capacity) {
        m->capacity = 2 * (m->n + n) + 256;
        m->data = realloc(m->data, m->capacity);
        assert(m->data);
    }
    if (n)
        memcpy(m->data + m->n, bytes, n);
    m->n += n;
}

void made_add_text(struct made *m, const char *text)
{
    made_add(m, text, strlen(text));
}

void made_add_number(struct made *m, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(i < 8 ? number >> (8 * i) : 0);
        made_add(m, &byte, 1);
    }
}

void made_clear(struct made *m)
{
    free(m->data);
    *m = (struct made){0};
}

/* ---- pickles ---- */

void code_begin(struct made *m)
{
    made_add_text(m, "\x80\x02}(");
}

void code_end(struct made *m)
{
    made_add_text(m, "u.");
}

void code_text(struct made *m, const char *text)
{
    made_add_text(m, "X");
    made_add_number(m, strlen(text), 4);
    made_add_text(m, text);
}

void code_number(struct made *m, int64_t number)
{
    bool small = number == (int32_t)number;
    made_add_text(m, small ? "J" : "\x8a\x08");
    made_add_number(m, (uint64_t)number, small ? 4 : 8);
}

void code_numbers(struct made *m, int n, const int64_t *numbers)
{
    made_add_text(m, "(");
    for (int i = 0; i < n; i++)
        code_number(m, numbers[i]);
    made_add_text(m, "t");
}

void code_global(struct made *m, const char *module, const char *name)
{
    made_add_text(m, "c");
    made_add_text(m, module);
    made_add_text(m, "\n");
    made_add_text(m, name);
    made_add_text(m, "\n");
}

void code_storage(struct made *m, const struct coded_storage *storage)
{
    made_add_text(m, "(");
    code_text(m, "storage");
    code_global(m, "torch", storage->type);
    code_text(m, storage->key);
    code_text(m, "cpu");
    code_number(m, storage->values);
    made_add_text(m, "tQ");
}

void code_tensor(struct made *m, const struct coded *tensor)
{
    code_global(m, "torch._utils", "_rebuild_tensor_v2");
    made_add_text(m, "(");
    code_storage(m, &tensor->storage);
    code_number(m, tensor->offset);
    code_numbers(m, tensor->n_dims, tensor->dims);
    code_numbers(m, tensor->n_strides, tensor->strides);
    made_add_text(m, "\x89"); /* needs no gradient */
    code_global(m, "collections", "OrderedDict");
    made_add_text(m, ")RtR"); /* no hooks */
}

/* ---- archives ---- */

static void add_zip64(struct made *out, const uint64_t *numbers, int n)
{
    made_add_number(out, ZIP64, 2);
    made_add_number(out, 8 * (uint64_t)n, 2);
    for (int i = 0; i < n; i++)
        made_add_number(out, numbers[i], 8);
}

/* What both headers of an entry begin with, from the version that they need on. */
static void add_common(struct made *out, const struct entry *e, const char *name, uint64_t size,
                       size_t extra, const struct archive_style *style)
{
    uint64_t written = style->zip64 ? UINT32_MAX : size;
    made_add_number(out, style->zip64 ? 45 : 20, 2);
    made_add_number(out, (uint64_t)(e->flags | (style->descriptors ? HAS_DESCRIPTOR : 0)), 2);
    made_add_number(out, (uint64_t)e->method, 2);
    made_add_number(out, 0, 8); /* time, date, sum */
    made_add_number(out, written, 4);
    made_add_number(out, written, 4);
    made_add_number(out, strlen(name), 2);
    made_add_number(out, extra, 2);
}

static void add_entry(struct made *out, const struct entry *e, const struct archive_style *style)
{
    const char *name = e->local_name ? e->local_name : e->name;
    size_t zip64 = style->zip64 ? 4 + 16 : 0;
    size_t before = out->n + 30 + strlen(name) + zip64 + 4;
    size_t padding = (ALIGNMENT - before % ALIGNMENT) % ALIGNMENT;
    made_add_text(out, "PK\3\4");
    add_common(out, e, name, e->n, zip64 + 4 + padding, style);
    made_add_text(out, name);
    if (zip64)
        add_zip64(out, (uint64_t[]){e->n, e->n}, 2);
    made_add_number(out, PADDING, 2);
    made_add_number(out, padding, 2);
    for (size_t i = 0; i < padding; i++)
        made_add_text(out, "Z");
    made_add(out, e->data, e->n);
    if (style->descriptors) {
        made_add_text(out, "PK\7\10");
        made_add_number(out, 0, 4);
        made_add_number(out, e->n, style->zip64 ? 8 : 4);
        made_add_number(out, e->n, style->zip64 ? 8 : 4);
    }
}

static void add_directory_entry(struct made *out, const struct entry *e, uint64_t at,
                                const struct archive_style *style)
{
    uint64_t size = e->claimed ? e->claimed : e->n;
    made_add_text(out, "PK\1\2");
    made_add_number(out, 0, 2);
    add_common(out, e, e->name, size, style->zip64 ? 4 + 24 : 0, style);
    made_add_number(out, 0, 10); /* comment, disk, attributes */
    made_add_number(out, style->zip64 ? UINT32_MAX : at, 4);
    made_add_text(out, e->name);
    if (style->zip64)
        add_zip64(out, (uint64_t[]){size, size, at}, 3);
}

static void add_end(struct made *out, uint64_t entries, uint64_t at,
                    const struct archive_style *style)
{
    uint64_t end = out->n, bytes = end - at;
    const char *comment = style->comment ? style->comment : "";
    if (style->zip64) {
        made_add_text(out, "PK\6\6");
        made_add_number(out, 44, 8);
        made_add_number(out, 45, 2);
        made_add_number(out, 45, 2);
        made_add_number(out, 0, 8);
        made_add_number(out, entries, 8);
        made_add_number(out, entries, 8);
        made_add_number(out, bytes, 8);
        made_add_number(out, at, 8);
        made_add_text(out, "PK\6\7");
        made_add_number(out, 0, 4);
        made_add_number(out, end, 8);
        made_add_number(out, 1, 4);
    }
    made_add_text(out, "PK\5\6");
    made_add_number(out, 0, 4);
    made_add_number(out, style->zip64 ? UINT16_MAX : entries, 2);
    made_add_number(out, style->zip64 ? UINT16_MAX : entries, 2);
    made_add_number(out, style->zip64 ? UINT32_MAX : bytes, 4);
    made_add_number(out, style->zip64 ? UINT32_MAX : at, 4);
    made_add_number(out, strlen(comment), 2);
    made_add_text(out, comment);
}

void archive_make(struct made *out, const struct entry *entries, int n,
                  const struct archive_style *style)
{
    uint64_t *at = calloc((size_t)n + 1, sizeof *at);
    assert(at);
    out->n = 0;
    made_add_number(out, 0, 0);
    for (size_t i = 0; i < style->n_before; i++)
        made_add_text(out, "?");
    for (int i = 0; i < n; i++) {
        at[i] = entries[i].again ? at[i - 1] : out->n;
        if (!entries[i].again)
            add_entry(out, &entries[i], style);
    }
    uint64_t directory = out->n;
    for (int i = 0; i < n; i++)
        add_directory_entry(out, &entries[i], at[i], style);
    add_end(out, style->claimed_entries ? style->claimed_entries : (uint64_t)n, directory, style);
    free(at);
}
