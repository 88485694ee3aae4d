/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit_backward.h - the training pass: the same forward with a store that keeps what the backward
 * needs, and the gradient of every parameter.
 *
 * A step of the trainer:  fit_train_forward -> flow_loss -> fit_backward -> clip, adamw.
 */
#ifndef FIT_BACKWARD_H
#define FIT_BACKWARD_H

#include "fit_forward.h"

/* What one training evaluation reads. The store borrows it: it must stay unchanged from
 * fit_train_forward until fit_backward has been queued. */
struct fit_batch {
    const float *x;             /* [N][F] noised state */
    const struct fk_pack *pack; /* B images */
    const float *cosine, *sine; /* [N][D/2] */
    const float *t;             /* host, [B] */
    const int32_t *y;           /* host, [B]; n_classes where the label is dropped */
};

/* What a block keeps. */
struct fit_block_store {
    float *x_attention, *x_mlp; /* [N][hidden] residual stream before each branch */
    float *lse;                 /* [N][H] */
    struct fk_ptr norm_attention, norm_mlp; /* [N][hidden] */
    struct fk_ptr raw, qkv;                 /* [N][3][H][D] before and after norm and turn */
    struct fk_ptr mixed;                    /* [N][hidden] */
    struct fk_ptr attention, mlp;           /* [N][hidden] what the branches add */
    struct fk_ptr gate, value, hidden;      /* [N][mlp_hidden] */
};

struct fit_train_store {
    bool recompute; /* set before memory is reserved, and kept: a block keeps its input only, and
                       what its backward needs is computed again when it comes to that, to the same
                       bits; a third more time for a fraction of the memory */
    struct fit_block_store *block; /* owned, [depth] */
    struct fit_modulation modulation;
    float *x;      /* [N][hidden] after the last block */
    float *norm;   /* [N][hidden] input of the final product */
    /* gradients, f32 */
    float *dx, *dnorm, *dmixed;      /* [N][hidden] */
    float *dqkv;                     /* [N][3][H][D] */
    float *dhidden, *dgate, *dvalue; /* [N][mlp_hidden] */
    float *dblock, *dfinal;          /* as in the modulation */
    float *dlow;                     /* [B][lora_rank] */
    float *dshared;                  /* [B][6*hidden] */
    float *dactive, *dtime;          /* [B][hidden] */
    struct fit_scratch scratch;
    enum fk_dtype type;
    int depth, tokens, images; /* reserved */
};

size_t fit_train_store_bytes(const struct fit_config *config, enum fk_dtype type, int tokens,
                             int images, bool recompute);
/* Memory for packs of up to so many tokens and images. A zeroed store is a valid start. */
bool fit_train_store_reserve(struct fit_train_store *store, struct fk_device *device,
                             const struct fit_network *network, int tokens, int images,
                             struct fit_error *e);
void fit_train_store_finish(struct fit_train_store *store);

/* velocity [N][F]. Fails when the store is too small for the pack. */
bool fit_train_forward(struct fit_compute *c, const struct fit_network *network,
                       struct fit_train_store *store, float *velocity,
                       const struct fit_batch *batch);

/* Adds the gradient of every parameter that is not frozen to `gradient` (flat order of
 * fit_weights.h; NULL: no parameter's is wanted), given the gradient of the velocity and the store
 * of the forward with the same batch. dstate [N][F] = the gradient of batch->x unless it is NULL.
 * What the forward left in the store stays, so that another dvelocity may follow. */
bool fit_backward(struct fit_compute *c, const struct fit_network *network,
                  struct fit_train_store *store, float *gradient, float *dstate,
                  const float *dvelocity, const struct fit_batch *batch);

#endif
