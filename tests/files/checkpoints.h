/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of a very small network, in either format, with every tensor open to be spoiled. */
#ifndef CHECKPOINTS_H
#define CHECKPOINTS_H

#include "safetensors.h"

/* The reference's configuration of it. */
#define CHECKPOINT_CONFIG                                                                          \
    "params: {hidden_size: 8, depth: 2, num_heads: 2, num_classes: 3, in_channels: 4,\n"           \
    "  patch_size: 2, adaln_lora_dim: 2, mlp_ratio: 4.0, use_sit: true, learn_sigma: false,\n"     \
    "  use_swiglu: true, adaln_type: lora, q_norm: layernorm, k_norm: layernorm}\n"

/* The same of a network whose blocks share no modulation; its rank counts for nothing there. */
#define CHECKPOINT_CONFIG_WHOLE                                                                    \
    "params: {hidden_size: 8, depth: 2, num_heads: 2, num_classes: 3, in_channels: 4,\n"           \
    "  patch_size: 2, adaln_lora_dim: 2, mlp_ratio: 4.0, use_sit: true, learn_sigma: false,\n"     \
    "  use_swiglu: true, adaln_type: normal, q_norm: layernorm, k_norm: layernorm}\n"

enum { MAX_TENSORS = 128 };

struct checkpoint {
    struct fit_tensor tensor[MAX_TENSORS]; /* data is owned */
    char name[MAX_TENSORS][96];
    size_t n;
};

/* Adds the network's tensors, F32, values in (0, `scale`], names behind the prefix. */
void checkpoint_add(struct checkpoint *c, const char *prefix, float scale);
/* The same of CHECKPOINT_CONFIG_WHOLE's network. */
void checkpoint_add_whole(struct checkpoint *c, const char *prefix, float scale);
void checkpoint_free(struct checkpoint *c);

/* Adds a tensor of zeros. */
void checkpoint_add_tensor(struct checkpoint *c, const char *name, enum fit_tensor_type type,
                           int n_dims, const uint64_t *dims);

void checkpoint_write_safetensors(const struct checkpoint *c, const char *path);
/* As torch would; types F32, F16, BF16 and I64 only. */
void checkpoint_write_torch(const struct checkpoint *c, const char *path);

#endif
