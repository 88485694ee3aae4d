/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fk_plugin.h - the one symbol that a backend in a file of its own exports. The registry opens
 * the file, looks the symbol up, checks `abi` before anything else and then calls `open`.
 */
#ifndef FK_PLUGIN_H
#define FK_PLUGIN_H

#include "fk.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fk_plugin {
    int abi; /* FK_ABI of the plug-in's build */
    /* NULL when there is no such device here, with one sentence in `message`. */
    struct fk_device *(*open)(const struct fk_open_params *params, char *message,
                              size_t message_bytes);
};

#define FK_PLUGIN_SYMBOL "fk_plugin"

extern __attribute__((visibility("default"))) const struct fk_plugin fk_plugin;

#ifdef __cplusplus
}
#endif

#endif
