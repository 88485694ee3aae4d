/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-import.h - make a model bundle of a published checkpoint.
 *
 * A checkpoint is a safetensors file or one of torch.save (the ZIP form, since version 1.6) with
 * the reference implementation's tensor names, perhaps behind "module.", "model." or "_orig_mod.";
 * which of the two formats it has shows in its content, not in its name. Its hyper-parameters come
 * from the reference's YAML file or from a preset. Names, shapes, types and values are checked
 * against the configuration, and a contradiction is refused with the field, the value expected and
 * the value found. Nothing in a checkpoint is ever run.
 */
#ifndef FIT_FIT_IMPORT_H
#define FIT_FIT_IMPORT_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a checkpoint holds the weights of the training beside a running average of them (names
 * behind "ema.", "ema_model." or "model_ema."). */
enum fit_import_weights {
    FIT_IMPORT_BEST, /* the average where there is one */
    FIT_IMPORT_AVERAGED,
    FIT_IMPORT_TRAINED
};

struct fit_import_params {
    const char *checkpoint;  /* weights of the transformer */
    const char *config;      /* YAML file, or one of fit_import_preset; NULL: the first preset whose
                                sizes the tensors have */
    const char *autoencoder; /* NULL, or weights: Limn's own, the SD VAE's (diffusers' names of any
                                age, or the original ones) or TAESD's (its own names or diffusers');
                                or a folder of diffusers that holds them */
    const char *classes;     /* NULL, or a file of lines "id<TAB>name<TAB>synonym, synonym", after
                                which a group and a code may follow */
    const char *imagenet;    /* NULL, or such a file for a model of 1000 classes without one */
    const char *output;      /* the bundle's folder, which must not exist yet */
    const char *name;        /* NULL: the checkpoint's file name without its ending */
    /* Called on the calling thread with sentences that a person should read: keys that were
     * ignored, what the bundle cannot do. May be NULL. */
    void (*note)(void *data, const char *sentence);
    void *note_data;
    enum fit_import_weights weights;
    /* Of the large matrices in the bundle: AUTO keeps bf16 and makes f32 of everything else. The
     * small and sensitive parameters and the autoencoder are always f32. */
    enum fit_precision precision;
    /* Called now and then on the calling thread; false stops the import with FIT_ERROR_CANCELLED.
     * May be NULL. */
    bool (*progress)(void *data, uint64_t done_bytes, uint64_t total_bytes);
    void *progress_data;
};

/* Writes the bundle under a temporary name beside the output and renames it when it is complete;
 * a failure leaves nothing behind. Takes about 10 MB of memory beside the mapped checkpoint, whose
 * pages are given back as they are read, whatever its size. *blocks* (disk).
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
