/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <string.h>

enum { ALIGNMENT = 64 };

size_t fit_scratch_bytes(const struct fit_scratch_item *items, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bytes;
        if (__builtin_add_overflow(items[i].bytes, ALIGNMENT - 1, &bytes) ||
            __builtin_add_overflow(total, bytes & ~(size_t)(ALIGNMENT - 1), &total))
            return SIZE_MAX;
    }
    return total;
}

static const char *largest(const struct fit_scratch_item *items, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (items[i].bytes > items[best].bytes)
            best = i;
    return n ? items[best].name : "none";
}

/* Pointers of any type share one representation here, but not one type. */
static void put(const struct fit_scratch_item *item, void *memory)
{
    memcpy(item->place, &memory, sizeof memory);
}

/* A card that is lost gives no memory either, and cannot even say how much it has. */
static bool refuse(struct fk_device *device, size_t bytes, const char *most, struct fit_error *e)
{
    size_t free_bytes = 0, all = 0;
    if (!device->memory(device, &free_bytes, &all) && !device->caps.host_memory)
        return fit_fail(e, FIT_ERROR_DEVICE, "%s: the device does not answer any more",
                        device->name);
    return fit_fail(e, FIT_ERROR_MEMORY,
                    "%.1f MiB of working memory are needed (most for %s) and %.1f MiB are free%s",
                    (double)bytes / 1048576, most, (double)free_bytes / 1048576,
                    bytes <= free_bytes ? ", but not in one piece" : "");
}

bool fit_scratch_reserve(struct fit_scratch *scratch, struct fk_device *device,
                         const struct fit_scratch_item *items, size_t n, struct fit_error *e)
{
    fit_scratch_finish(scratch);
    for (size_t i = 0; i < n; i++)
        put(&items[i], NULL);

    size_t bytes = fit_scratch_bytes(items, n);
    void *memory = bytes == SIZE_MAX ? NULL : device->alloc(device, bytes);
    if (!memory)
        return refuse(device, bytes, largest(items, n), e);
    *scratch = (struct fit_scratch){.device = device, .memory = memory, .bytes = bytes};

    unsigned char *at = memory;
    for (size_t i = 0; i < n; i++) {
        put(&items[i], at);
        at += fit_scratch_bytes(&items[i], 1);
    }
    return true;
}

void fit_scratch_finish(struct fit_scratch *scratch)
{
    if (scratch->device)
        scratch->device->free(scratch->device, scratch->memory);
    memset(scratch, 0, sizeof *scratch);
}
