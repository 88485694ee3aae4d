/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torch_file.h - checkpoints as torch.save writes them (".bin", ".pt"), tensors only.
 *
 * A dictionary of tensors, or one of such dictionaries: then a name is "DICTIONARY.TENSOR".
 *
 * The file is mapped and the tensors point into it, so a file of 12 GB costs its pages and no
 * more. The reader trusts nothing and runs nothing: see pickle.h for what it understands. Refused
 * besides: compressed or encrypted entries, storages outside their entries, tensors outside their
 * storages, strides that are not those of a dense array, tensors that overlap without being the
 * same, names twice.
 */
#ifndef FIT_TORCH_FILE_H
#define FIT_TORCH_FILE_H

#include "safetensors.h"

struct fit_torch_file {
    struct fit_mapping mapping;
    char path[1024];
    struct fit_tensor *tensors; /* sorted by name */
    size_t n_tensors;
    char *names; /* what the tensors' names point into */
};

bool fit_torch_file_open(struct fit_torch_file *file, const char *path, struct fit_error *error);
void fit_torch_file_close(struct fit_torch_file *file);

#endif
