/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format: a ZIP archive whose entries are stored, not compressed, below one folder:
 * FOLDER/data.pkl describes the tensors (pickle.h), FOLDER/data/KEY are their storages as raw
 * values, FOLDER/byteorder, where there is one, says "little". libzip reads and checks the
 * archive's directory but does not tell where an entry's bytes lie, so the local headers are
 * walked: they must tile the file from its first byte, which also rules out entries that overlap.
 */
#include "torch_file.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "pickle.h"

#define LOCAL_SIGNATURE 0x04034b50u
#define DESCRIPTOR_SIGNATURE 0x08074b50u
#define LOCAL_BYTES 30
#define HAS_DESCRIPTOR 0x0008
#define ZIP64_EXTRA 1
#define END_SIGNATURE 0x06054b50u
#define END_BYTES 22
#define LOCATOR_SIGNATURE 0x07064b50u
#define LOCATOR_BYTES 20
#define END64_SIGNATURE 0x06064b50u
#define END64_BYTES 56
#define COMMENT_LIMIT 65535
#define ENTRY_LIMIT 65536
#define DIRECTORY_LIMIT (8u << 20)

struct span {
    const uint8_t *data;
    uint64_t bytes;
};

struct archive {
    struct fit_torch_file *file;
    zip_t *zip;
    struct span *spans; /* of each entry's bytes, by index */
    char folder[256];
    struct fit_error *error;
};

static uint64_t little(const uint8_t *data, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | data[i];
    return value;
}

/* ---- the archive ---- */

/* libzip takes memory for every entry that a directory has, so its size is looked at before: in the
 * record at the file's end, which torch writes without a comment, and in the larger one of Zip64.
 * Another record in reach of the end, whose comment would hide these, is refused. */
static bool check_directory(const struct archive *archive)
{
    const struct fit_mapping *mapping = &archive->file->mapping;
    const uint8_t *data = mapping->data;
    const char *path = archive->file->path;
    size_t end = mapping->bytes < END_BYTES ? 0 : mapping->bytes - END_BYTES;
    if (!end || little(data + end, 4) != END_SIGNATURE || little(data + end + 20, 2) != 0)
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: is a truncated torch checkpoint: its %zu bytes do not end as a ZIP "
                        "archive does",
                        path, mapping->bytes);
    for (size_t at = end; at-- > 0 && end - at <= COMMENT_LIMIT;)
        if (little(data + at, 4) == END_SIGNATURE && little(data + at + 20, 2) == end - at)
            return fit_fail(archive->error, FIT_ERROR_FILE, "%s: has two ends as a ZIP archive",
                            path);
    uint64_t entries = little(data + end + 10, 2), bytes = little(data + end + 12, 4);
    const uint8_t *locator = end < LOCATOR_BYTES ? NULL : data + end - LOCATOR_BYTES;
    if (locator && little(locator, 4) == LOCATOR_SIGNATURE) {
        uint64_t at = little(locator + 8, 8);
        if (mapping->bytes < END64_BYTES || at > mapping->bytes - END64_BYTES ||
            little(data + at, 4) != END64_SIGNATURE)
            return fit_fail(archive->error, FIT_ERROR_FILE,
                            "%s: expected the end of a Zip64 archive at byte %llu, found other "
                            "data",
                            path, (unsigned long long)at);
        entries = little(data + at + 32, 8);
        bytes = little(data + at + 40, 8);
    }
    return (entries <= ENTRY_LIMIT && bytes <= DIRECTORY_LIMIT) ||
           fit_fail(archive->error, FIT_ERROR_FILE,
                    "%s: has %llu entries in a directory of %llu bytes, expected at most %d and %u",
                    path, (unsigned long long)entries, (unsigned long long)bytes, ENTRY_LIMIT,
                    DIRECTORY_LIMIT);
}

static bool open_zip(struct archive *archive)
{
    const struct fit_mapping *mapping = &archive->file->mapping;
    zip_error_t cause;
    zip_error_init(&cause);
    zip_source_t *source = zip_source_buffer_create(mapping->data, mapping->bytes, 0, &cause);
    archive->zip = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &cause) : NULL;
    if (!archive->zip) {
        fit_fail(archive->error, FIT_ERROR_FILE,
                 "%s: is no torch checkpoint or is damaged (as a ZIP archive: %s)",
                 archive->file->path,
                 zip_error_code_zip(&cause) == ZIP_ER_EXISTS ? "two entries have the same name"
                                                             : zip_error_strerror(&cause));
        zip_source_free(source);
    }
    zip_error_fini(&cause);
    return archive->zip;
}

static bool has_zip64(const uint8_t *extra, size_t bytes)
{
    for (size_t at = 0; bytes - at >= 4;) {
        size_t length = little(extra + at + 2, 2);
        if (little(extra + at, 2) == ZIP64_EXTRA)
            return true;
        if (length > bytes - at - 4)
            return false;
        at += 4 + length;
    }
    return false;
}

/* Finds the bytes of the entry whose local header begins at *at, and moves *at behind them. */
static bool place_entry(struct archive *archive, const zip_stat_t *entry, uint64_t *at,
                        struct span *out)
{
    const struct fit_mapping *mapping = &archive->file->mapping;
    const uint8_t *header = mapping->data + *at;
    uint64_t left = mapping->bytes - *at;
    size_t name = strlen(entry->name);
    if (left < LOCAL_BYTES || little(header, 4) != LOCAL_SIGNATURE ||
        little(header + 26, 2) != name || left - LOCAL_BYTES < name ||
        memcmp(header + LOCAL_BYTES, entry->name, name))
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: entry %.100s: expected its header at byte %llu, found other data",
                        archive->file->path, entry->name, (unsigned long long)*at);
    size_t extra = little(header + 28, 2);
    uint64_t used = LOCAL_BYTES + name + extra;
    if (left < used || left - used < entry->size)
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: entry %.100s: has %llu bytes, the file ends before",
                        archive->file->path, entry->name, (unsigned long long)entry->size);
    *out = (struct span){header + used, entry->size};
    used += entry->size;
    if (little(header + 6, 2) & HAS_DESCRIPTOR) {
        size_t size_bytes = has_zip64(header + LOCAL_BYTES + name, extra) ? 8 : 4;
        if (left - used < 4 || little(header + used, 4) != DESCRIPTOR_SIGNATURE)
            return fit_fail(archive->error, FIT_ERROR_FILE,
                            "%s: entry %.100s: no data descriptor follows its %llu bytes",
                            archive->file->path, entry->name, (unsigned long long)entry->size);
        used += 4 + 4 + 2 * size_bytes;
    }
    if (used > left)
        return fit_fail(archive->error, FIT_ERROR_FILE, "%s: entry %.100s: is truncated",
                        archive->file->path, entry->name);
    *at += used;
    return true;
}

static bool check_entry(const struct archive *archive, zip_uint64_t i, zip_stat_t *entry)
{
    const char *path = archive->file->path;
    zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                          ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive->zip, i, ZIP_FL_ENC_RAW, entry) ||
        (entry->valid & needed) != needed)
        return fit_fail(archive->error, FIT_ERROR_FILE, "%s: entry %llu cannot be read: %s", path,
                        (unsigned long long)i, zip_strerror(archive->zip));
    if (entry->comp_method != ZIP_CM_STORE || entry->comp_size != entry->size)
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: entry %.100s: is compressed (method %d), expected stored bytes", path,
                        entry->name, entry->comp_method);
    if (entry->encryption_method != ZIP_EM_NONE)
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: entry %.100s: is encrypted, expected plain bytes", path, entry->name);
    return true;
}

static bool place_entries(struct archive *archive)
{
    zip_int64_t n = zip_get_num_entries(archive->zip, 0);
    if (n < 1 || n > ENTRY_LIMIT)
        return fit_fail(archive->error, FIT_ERROR_FILE, "%s: has %lld entries, expected 1 to %d",
                        archive->file->path, (long long)n, ENTRY_LIMIT);
    archive->spans = calloc((size_t)n, sizeof *archive->spans);
    if (!archive->spans)
        return fit_fail(archive->error, FIT_ERROR_MEMORY, "%s: no memory for its entries",
                        archive->file->path);
    uint64_t at = 0;
    for (zip_int64_t i = 0; i < n; i++) {
        zip_stat_t entry;
        if (!check_entry(archive, (zip_uint64_t)i, &entry) ||
            !place_entry(archive, &entry, &at, &archive->spans[i]))
            return false;
    }
    return true;
}

static bool find_folder(struct archive *archive)
{
    static const char pickle[] = "/data.pkl";
    zip_int64_t n = zip_get_num_entries(archive->zip, 0);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        size_t length = strcspn(name, "/");
        if (strcmp(name + length, pickle))
            continue;
        if (archive->folder[0] || length < 1 || length >= sizeof archive->folder)
            return fit_fail(archive->error, FIT_ERROR_FILE,
                            "%s: entry %.100s: expected one data.pkl in one folder of a short name",
                            archive->file->path, name);
        memcpy(archive->folder, name, length);
    }
    return archive->folder[0] ||
           fit_fail(archive->error, FIT_ERROR_FILE,
                    "%s: is a ZIP archive without data.pkl, so it is no torch checkpoint",
                    archive->file->path);
}

static bool find_entry(const struct archive *archive, const char *name, int length,
                       struct span *out)
{
    char path[sizeof archive->folder + 64];
    snprintf(path, sizeof path, "%s/%.*s", archive->folder, length, name);
    zip_int64_t i = zip_name_locate(archive->zip, path, ZIP_FL_ENC_RAW);
    if (i < 0)
        return false;
    *out = archive->spans[i];
    return true;
}

static bool check_byte_order(const struct archive *archive)
{
    struct span order;
    return !find_entry(archive, "byteorder", 9, &order) ||
           (order.bytes == 6 && !memcmp(order.data, "little", 6)) ||
           fit_fail(archive->error, FIT_ERROR_FILE, "%s: byteorder is %.*s, expected little",
                    archive->file->path, order.bytes == 3 ? 3 : 0, (const char *)order.data);
}

/* ---- tensors ---- */

static bool is_dense(const struct fit_pickle_tensor *from, const struct fit_tensor *tensor)
{
    uint64_t expected = 1;
    for (int i = from->n_dims; tensor->n_values && i-- > 0;) {
        if (from->dims[i] != 1 && from->strides[i] != expected)
            return false;
        expected *= from->dims[i];
    }
    return true;
}

static bool place_tensor(const struct archive *archive, const struct fit_pickle_tensor *from,
                         struct fit_tensor *tensor)
{
    const char *path = archive->file->path;
    char key[48];
    struct span storage;
    uint64_t size = fit_tensor_type_size(tensor->type), bytes;
    int n = snprintf(key, sizeof key, "data/%.*s", from->storage_length, from->storage);
    if (!find_entry(archive, key, n, &storage))
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: its storage %s is not in the archive", path,
                        tensor->name, key);
    if (__builtin_mul_overflow(from->storage_values, size, &bytes) || bytes != storage.bytes)
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: its storage %s has %llu bytes, expected %llu values of "
                        "%s",
                        path, tensor->name, key, (unsigned long long)storage.bytes,
                        (unsigned long long)from->storage_values,
                        fit_tensor_type_name(tensor->type));
    tensor->n_values = 1;
    for (int i = 0; i < from->n_dims; i++) {
        tensor->dims[i] = from->dims[i];
        if (__builtin_mul_overflow(tensor->n_values, from->dims[i], &tensor->n_values))
            return fit_fail(archive->error, FIT_ERROR_FILE,
                            "%s: tensor %.100s: its shape has more values than can be", path,
                            tensor->name);
    }
    if (from->offset > from->storage_values ||
        tensor->n_values > from->storage_values - from->offset)
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: values %llu to %llu, its storage %s has %llu", path,
                        tensor->name, (unsigned long long)from->offset,
                        (unsigned long long)(from->offset + tensor->n_values), key,
                        (unsigned long long)from->storage_values);
    if (!is_dense(from, tensor))
        return fit_fail(archive->error, FIT_ERROR_FILE,
                        "%s: tensor %.100s: its strides are not those of a dense array in row "
                        "order; save it with .contiguous()",
                        path, tensor->name);
    tensor->bytes = tensor->n_values * size;
    tensor->data = storage.data + from->offset * size;
    return true;
}

static char *add_name(struct fit_tensor *tensor, const struct fit_pickle_tensor *from, char *at)
{
    tensor->name = at;
    return at + sprintf(at, "%.*s%s%.*s", from->group_length, from->group,
                        from->group_length ? "." : "", from->name_length, from->name) + 1;
}

static bool place_tensors(struct archive *archive, const struct fit_pickle *pickle)
{
    struct fit_torch_file *file = archive->file;
    size_t names = 1;
    for (size_t i = 0; i < pickle->n_tensors; i++)
        names += (size_t)(pickle->tensors[i].group_length + pickle->tensors[i].name_length) + 2;
    file->tensors = calloc(pickle->n_tensors + 1, sizeof *file->tensors);
    char *at = file->names = malloc(names);
    if (!file->tensors || !file->names)
        return fit_fail(archive->error, FIT_ERROR_MEMORY, "%s: no memory for its tensors",
                        file->path);
    for (size_t i = 0; i < pickle->n_tensors; i++) {
        const struct fit_pickle_tensor *from = &pickle->tensors[i];
        struct fit_tensor *tensor = &file->tensors[i];
        at = add_name(tensor, from, at);
        tensor->type = from->type;
        tensor->n_dims = from->n_dims;
        if (!place_tensor(archive, from, tensor))
            return false;
    }
    file->n_tensors = pickle->n_tensors;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct fit_tensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Names of one and the same tensor are usual (tied weights); parts in common are not. */
static bool check_overlaps(const struct fit_torch_file *file, struct fit_error *error)
{
    qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_address);
    const struct fit_tensor *last = NULL;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct fit_tensor *tensor = &file->tensors[i];
        if (!tensor->bytes)
            continue;
        if (last && (const uint8_t *)tensor->data < (const uint8_t *)last->data + last->bytes &&
            (tensor->data != last->data || tensor->bytes != last->bytes ||
             tensor->type != last->type))
            return fit_fail(error, FIT_ERROR_FILE, "%s: tensors %.100s and %.100s overlap",
                            file->path, last->name, tensor->name);
        last = tensor;
    }
    return true;
}

static bool check_names(const struct fit_torch_file *file, struct fit_error *error)
{
    qsort(file->tensors, file->n_tensors, sizeof *file->tensors, fit_tensor_compare_names);
    for (size_t i = 1; i < file->n_tensors; i++)
        if (!fit_tensor_compare_names(&file->tensors[i - 1], &file->tensors[i]))
            return fit_fail(error, FIT_ERROR_FILE, "%s: tensor %.100s appears twice", file->path,
                            file->tensors[i].name);
    return true;
}

static bool read_tensors(struct archive *archive)
{
    struct span description = {0};
    struct fit_pickle pickle;
    find_entry(archive, "data.pkl", 8, &description);
    if (!fit_pickle_read(&pickle, archive->file->path, description.data, description.bytes,
                         archive->error))
        return false;
    bool ok = place_tensors(archive, &pickle) && check_overlaps(archive->file, archive->error) &&
              check_names(archive->file, archive->error);
    fit_pickle_finish(&pickle);
    return ok;
}

bool fit_torch_file_open(struct fit_torch_file *file, const char *path, struct fit_error *error)
{
    *file = (struct fit_torch_file){0};
    snprintf(file->path, sizeof file->path, "%s", path);
    if (!fit_mapping_open(&file->mapping, path, error))
        return false;
    struct archive archive = {.file = file, .error = error};
    bool ok = check_directory(&archive) && open_zip(&archive) && place_entries(&archive) &&
              find_folder(&archive) && check_byte_order(&archive) && read_tensors(&archive);
    if (archive.zip)
        zip_discard(archive.zip);
    free(archive.spans);
    if (!ok)
        fit_torch_file_close(file);
    return ok;
}

void fit_torch_file_close(struct fit_torch_file *file)
{
    free(file->tensors);
    free(file->names);
    fit_mapping_close(&file->mapping);
    *file = (struct fit_torch_file){0};
}
