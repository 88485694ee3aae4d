/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit_weights.h - the parameters of the network: names, shapes and places.
 *
 * One order serves everyone: that of the official state dict. A checkpoint names the tensors, the
 * trainer keeps parameters, gradients and moments as flat buffers of fit_weights_total() values in
 * which tensor i begins at its spec's offset (16-value aligned; the values between are unused).
 */
#ifndef FIT_WEIGHTS_H
#define FIT_WEIGHTS_H

#include <stdatomic.h>

#include "fit_config.h"
#include "fk.h"
#include "trained.h"

/* How a parameter begins when training starts from nothing. */
enum fit_init {
    FIT_INIT_ZERO,
    FIT_INIT_XAVIER, /* uniform in +-sqrt(6 / (rows + columns)) */
    FIT_INIT_NORMAL  /* standard deviation 0.02 */
};

struct fit_tensor_spec {
    char name[64];
    int n_dims;
    uint64_t dims[2]; /* a matrix is [out][in] */
    uint64_t n_values;
    uint64_t offset; /* in values */
    enum fit_init init;
    /* Stays f32 in a network whose matrices are bf16: vectors, tables and the few small matrices
     * whose inputs (state, time) or outputs (velocity) a rounding to 8 bits would hurt. */
    bool keep_f32;
};

size_t fit_weights_count(const struct fit_config *config);
bool fit_weights_spec(const struct fit_config *config, size_t i, struct fit_tensor_spec *out);
size_t fit_weights_total(const struct fit_config *config);

/* A linear layer: y = x . weight^T + bias. */
struct fit_linear {
    struct fk_ptr weight, bias;
    int out, in;
    size_t weight_at, bias_at; /* offsets in the flat order */
    bool weight_frozen, bias_frozen; /* no gradient is wanted: fit_network_train_only */
};

struct fit_block {
    struct fit_linear qkv, proj;
    struct fit_linear gate, value, down; /* fc1_g, fc1_x, fc2 */
    /* adaLN_modulation.1 and .2; without a rank .1 alone is the modulation, in lora_out */
    struct fit_linear lora_in, lora_out;
};

/* The network as pointers into device memory that somebody else owns. */
struct fit_network {
    struct fit_config config;
    enum fk_dtype type; /* of the blocks' matrices and so of the inputs of their products */
    struct fit_linear x_embed, time_in, time_out;
    struct fk_ptr class_table; /* [n_classes + 1][hidden] */
    size_t class_table_at;
    bool class_table_frozen;
    struct fit_linear global; /* global_adaLN_modulation.1; NULL weights where none is shared */
    struct fit_block *block;  /* owned, [depth] */
    struct fit_linear final, final_modulation;
    /* set by fit_network_keep */
    struct fk_device *kept_on;   /* borrowed */
    atomic_size_t copied_bytes;  /* of matrices that the device has copied */
    atomic_size_t to_copy_bytes; /* ... and will copy when they are used first */
    void (*copied)(void *user, const void *w, size_t bytes);
    void *copied_user;
};

/* Asks `tensor` for the place and type of every parameter, by its index in the flat order; a NULL
 * place fails with the tensor's name. The memory must outlive the network. */
bool fit_network_bind(struct fit_network *network, const struct fit_config *config,
                      struct fk_ptr (*tensor)(void *user, size_t i), void *user,
                      struct fit_error *e);

/* Binds one flat f32 buffer in the order above and, where `working` is not NULL, the bf16 copy of
 * it for every tensor that does not keep f32. */
bool fit_network_bind_flat(struct fit_network *network, const struct fit_config *config,
                           const float *flat, const uint16_t *working, struct fit_error *e);

/* From now on fit_backward computes the gradients of these parameters alone. All of them are wanted
 * in a network that was just bound. */
void fit_network_train_only(struct fit_network *network, const struct fit_trained *trained);

/* Promises the device that the matrices stay as they are until the network is finished, so that it
 * may read copies that suit it better, made when they are used first. `copied` (may be NULL) is
 * called for each that it made, by the operation; it is not read again before
 * fit_network_forget, so its memory may be given back. The network must not move. Any thread. */
void fit_network_keep(struct fit_network *network, struct fk_device *device,
                      void (*copied)(void *user, const void *w, size_t bytes), void *user);

/* Gives the copies back; the matrices are read themselves from then on. Not while an operation uses
 * the network. */
void fit_network_forget(struct fit_network *network);

void fit_network_finish(struct fit_network *network);

#endif
