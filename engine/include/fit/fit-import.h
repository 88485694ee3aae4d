/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-import.h - make a model bundle of a published checkpoint.
 *
 * A checkpoint is a .safetensors file with the reference implementation's tensor names, perhaps
 * behind "module." or "model."; its hyper-parameters come from the reference's YAML file or from a
 * preset. Names, shapes, types and values are checked against the configuration before anything is
 * written, and a contradiction is refused with the field, the value expected and the value found.
 */
#ifndef FIT_FIT_IMPORT_H
#define FIT_FIT_IMPORT_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fit_import_params {
    const char *checkpoint;  /* .safetensors of the transformer */
    const char *config;      /* YAML file, or one of fit_import_preset */
    const char *autoencoder; /* NULL, or .safetensors: Limn's own, the SD VAE's or TAESD's */
    const char *classes;     /* NULL, or a file of lines "id<TAB>name<TAB>synonym, synonym" */
    const char *output;      /* the bundle's folder, which must not exist yet */
    const char *name;        /* NULL: the checkpoint's file name without its ending */
    /* Called on the calling thread with sentences that a person should read: keys that were
     * ignored, what the bundle cannot do. May be NULL. */
    void (*note)(void *data, const char *sentence);
    void *note_data;
};

/* Writes the bundle under a temporary name beside the output and renames it when it is complete;
 * a failure leaves nothing behind. Memory: the largest tensor twice. *blocks* (disk).
 * FIT_ERROR_ARGUMENT: an unknown preset, an output that exists. FIT_ERROR_FILE: a file that cannot
 * be read or written. FIT_ERROR_MODEL: a checkpoint that this version cannot run or that
 * contradicts its configuration. */
FIT_API bool fit_import(const struct fit_import_params *params, struct fit_error *error);

/* The names of the presets in order ("fitv2-xl", ...); NULL after the last. */
FIT_API const char *fit_import_preset(size_t i);

#ifdef __cplusplus
}
#endif

#endif
