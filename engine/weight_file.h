/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weight_file.h - a file of weights in any format that this version reads. What a file is shows in
 * its first bytes; its name says nothing.
 */
#ifndef FIT_WEIGHT_FILE_H
#define FIT_WEIGHT_FILE_H

#include "safetensors.h"
#include "torch_file.h"

enum fit_checkpoint_kind {
    FIT_CHECKPOINT_UNKNOWN,
    FIT_CHECKPOINT_SAFETENSORS,
    FIT_CHECKPOINT_TORCH_ZIP,    /* torch.save since version 1.6 */
    FIT_CHECKPOINT_TORCH_LEGACY, /* ... and before */
    FIT_CHECKPOINT_HTML,         /* a page about the file, saved in its place */
    FIT_CHECKPOINT_LFS_POINTER   /* a clone without its large files */
};

/* The tensors of a file, mapped. */
struct fit_weight_file {
    enum fit_checkpoint_kind kind;
    struct fit_tensor_list list;
    struct fit_safetensors safetensors; /* the one that `kind` says is open */
    struct fit_torch_file torch;
};

/* Kinds that cannot be read fail with what the file is and what to take instead. The structure must
 * stay where it is until it is closed. */
bool fit_weight_file_open(struct fit_weight_file *file, const char *path,
                          struct fit_error *error);
void fit_weight_file_close(struct fit_weight_file *file);

#endif
