/* SPDX-License-Identifier: Apache-2.0 */
#include "fk.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/device.h"

#define PLUGIN "fit-cuda.so"

/* The one symbol of a plug-in: opens the device or writes one sentence and returns NULL. */
typedef struct fk_device *plugin_open_fn(int abi, char *message, size_t message_bytes);
#define PLUGIN_SYMBOL "fk_plugin_open"

const char *fk_op_name(enum fk_op op)
{
#define NAME(name) #name,
    static const char *const names[] = {FK_OP_LIST(NAME)};
#undef NAME
    return (unsigned)op < FK_N_OPS ? names[op] : "unknown";
}

const char *fk_ops_missing(const struct fk_ops *ops)
{
#define CHECK(name)                                                                                \
    if (!ops->name)                                                                                \
        return #name;
    FK_OP_LIST(CHECK)
#undef CHECK
    return NULL;
}

/* A device without a required member is its author's mistake; it must not become a crash. */
static const char *member_missing(const struct fk_device *d)
{
    bool complete = d->name && d->ops && d->close && d->alloc && d->free && d->memory &&
                    d->queue_new && d->queue_free && d->queue_sync && d->queue_error &&
                    d->upload && d->download && d->copy && d->zero;
    return complete ? fk_ops_missing(d->ops) : "a required member";
}

/* The folder that holds the plug-in: the environment's, else that of the code that asks. */
static void plugin_path(char *out, size_t bytes)
{
    Dl_info self;
    const char *folder = getenv("FIT_BACKEND_PATH");
    if (folder) {
        snprintf(out, bytes, "%s/" PLUGIN, folder);
        return;
    }
    const char *file = dladdr((void *)fk_op_name, &self) ? self.dli_fname : "";
    const char *slash = strrchr(file, '/');
    snprintf(out, bytes, "%.*s/" PLUGIN, slash ? (int)(slash - file) : 1, slash ? file : ".");
}

/* The library stays loaded for the life of the process: CUDA's runtime cannot be unloaded. */
static struct fk_device *open_plugin(char *message, size_t message_bytes)
{
    char path[PATH_MAX];
    plugin_path(path, sizeof path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(message, message_bytes, "no GPU plug-in: %s", dlerror());
        return NULL;
    }
    plugin_open_fn *open = (plugin_open_fn *)dlsym(library, PLUGIN_SYMBOL);
    if (!open) {
        snprintf(message, message_bytes, "%s: is no plug-in: " PLUGIN_SYMBOL " is missing", path);
        return NULL;
    }
    struct fk_device *device = open(FK_ABI, message, message_bytes);
    if (!device)
        return NULL;
    const char *missing = device->abi == FK_ABI ? member_missing(device) : NULL;
    if (device->abi == FK_ABI && !missing)
        return device;
    if (missing)
        snprintf(message, message_bytes, "%s: lacks %s", path, missing);
    else
        snprintf(message, message_bytes, "%s: was built for interface %d, expected %d", path,
                 device->abi, FK_ABI);
    device->close(device);
    return NULL;
}

struct fk_device *fk_device_open(const struct fk_open_params *params, char *message,
                                 size_t message_bytes)
{
    const char *name = params->backend ? params->backend : "auto";
    const char *forced = getenv("FIT_BACKEND");
    if (!strcmp(name, "auto") && forced)
        name = forced;
    message[0] = '\0';
    if (!strcmp(name, "reference") || !strcmp(name, "cpu"))
        return cpu_device_open(!strcmp(name, "cpu"), params->n_threads, message, message_bytes);
    if (!strcmp(name, "cuda"))
        return open_plugin(message, message_bytes);
    if (strcmp(name, "auto")) {
        snprintf(message, message_bytes,
                 "backend \"%.40s\" is unknown; expected auto, cpu, reference or cuda", name);
        return NULL;
    }
    struct fk_device *device = open_plugin(message, message_bytes);
    if (device)
        return device;
    char reason[256];
    struct fk_device *cpu = cpu_device_open(true, params->n_threads, reason, sizeof reason);
    if (!cpu)
        snprintf(message, message_bytes, "%s", reason);
    return cpu;
}

void fk_device_close(struct fk_device **device)
{
    if (*device)
        (*device)->close(*device);
    *device = NULL;
}
