/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers.h - the branches of a block, written once for the evaluation (which reuses its buffers)
 * and for training (which keeps them all).
 */
#ifndef FIT_LAYERS_H
#define FIT_LAYERS_H

#include "fit_forward.h"

enum { FIT_SHIFT, FIT_SCALE, FIT_GATE }; /* order of a branch's modulation, hidden values each */

#define FIT_NORM_EPSILON 1e-6f

/* What all layers of one pass share. */
struct fit_pass {
    const struct fit_config *config;
    const struct fk_pack *pack;
    const float *cosine, *sine; /* [N][D/2] */
};

struct fit_attention_buffers {
    struct fk_ptr norm; /* [N][hidden] */
    struct fk_ptr raw;  /* [N][3][H][D] before normalisation and rotation */
    struct fk_ptr qkv;  /* [N][3][H][D] after them; may be raw */
    struct fk_ptr mixed; /* [N][hidden] */
    float *lse;          /* [N][H] or NULL */
};

struct fit_mlp_buffers {
    struct fk_ptr norm;        /* [N][hidden] */
    struct fk_ptr gate, value; /* [N][mlp_hidden] */
    struct fk_ptr hidden;      /* [N][mlp_hidden]; may be gate */
};

/* y[rows][out] = x[rows][in] . weight^T + bias + beta y */
bool fit_linear_run(struct fit_compute *c, struct fk_ptr y, struct fk_ptr x,
                    const struct fit_linear *layer, int rows, float beta);

/* branch = proj(attention(rope(norm(qkv(modulate(x)))))). `modulation` is the first image's shift
 * of this branch; the next image's is 6*hidden values later. */
bool fit_attention_forward(struct fit_compute *c, const struct fit_pass *pass,
                           const struct fit_block *block, struct fk_ptr branch,
                           const struct fit_attention_buffers *buffers, const float *x,
                           const float *modulation);

/* branch = fc2(silu(gate(n)) * value(n)), n = modulate(x). */
bool fit_mlp_forward(struct fit_compute *c, const struct fit_pass *pass,
                     const struct fit_block *block, struct fk_ptr branch,
                     const struct fit_mlp_buffers *buffers, const float *x,
                     const float *modulation);

/* x += gate * branch */
bool fit_branch_add(struct fit_compute *c, const struct fit_pass *pass, float *x,
                    struct fk_ptr branch, const float *modulation);

/* velocity = final(modulate(x)); `modulation` is the first image's shift, 2*hidden to the next. */
bool fit_final_forward(struct fit_compute *c, const struct fit_pass *pass,
                       const struct fit_network *network, float *velocity, float *norm,
                       const float *x, const float *modulation);

#endif
