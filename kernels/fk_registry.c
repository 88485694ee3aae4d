/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the backends: the processor is built in, CUDA is a plug-in opened at run time. */
#include "fk.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "fk_plugin.h"

#define PLUGIN "fit-cuda.so"

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

/* The folder that holds the plug-in: the environment's, else that of the code that asks, else where
 * it is installed. */
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
    if (access(out, F_OK) != 0)
        snprintf(out, bytes, "%s", FK_PLUGIN_INSTALLED "/" PLUGIN);
}

/* Who never installed the plug-in need not be told that it was passed over. */
static bool plugin_exists(void)
{
    char path[PATH_MAX];
    plugin_path(path, sizeof path);
    return access(path, F_OK) == 0;
}

static const struct fk_plugin *load_plugin(char *message, size_t message_bytes)
{
    char path[PATH_MAX];
    plugin_path(path, sizeof path);
    /* Never closed: CUDA's runtime cannot be unloaded. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct fk_plugin *plugin = library ? dlsym(library, FK_PLUGIN_SYMBOL) : NULL;
    if (!library)
        snprintf(message, message_bytes, "no GPU plug-in: %s", dlerror());
    else if (!plugin)
        snprintf(message, message_bytes, "%s: is no plug-in: " FK_PLUGIN_SYMBOL " is missing",
                 path);
    else if (plugin->abi != FK_ABI)
        snprintf(message, message_bytes, "%s: was built for interface %d, expected %d", path,
                 plugin->abi, FK_ABI);
    return plugin && plugin->abi == FK_ABI ? plugin : NULL;
}

static struct fk_device *open_plugin(const struct fk_open_params *params, char *message,
                                     size_t message_bytes)
{
    const struct fk_plugin *plugin = load_plugin(message, message_bytes);
    struct fk_device *device = plugin ? plugin->open(params, message, message_bytes) : NULL;
    const char *missing = device ? member_missing(device) : NULL;
    if (!missing)
        return device;
    snprintf(message, message_bytes, "the GPU plug-in lacks %s", missing);
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
        return cpu_device_open(!strcmp(name, "reference"), params->n_threads, message,
                               message_bytes);
    if (!strcmp(name, "cuda"))
        return open_plugin(params, message, message_bytes);
    if (strcmp(name, "auto")) {
        snprintf(message, message_bytes,
                 "backend \"%.40s\" is unknown; expected auto, cpu, reference or cuda", name);
        return NULL;
    }
    struct fk_device *device =
        plugin_exists() ? open_plugin(params, message, message_bytes) : NULL;
    return device ? device
                  : cpu_device_open(false, params->n_threads, message, message_bytes);
}

void fk_device_close(struct fk_device **device)
{
    if (*device)
        (*device)->close(*device);
    *device = NULL;
}
