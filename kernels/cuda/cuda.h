/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuda.h - inside the CUDA backend only: its queue, its scratch memory, how a kernel is launched,
 * and one installer per family of operations, with the names of the processor's backend.
 *
 * A file of operations holds kernels and, below them, the functions of the table that launch them;
 * nothing else. Every file compiles with nvcc and, against the stand-in for the runtime in
 * tests/cuda, with a plain C++ compiler, where kernels run on the processor. What only a GPU has
 * (cuBLASLt) is in files of its own.
 *
 * Sums have one order: a value is summed by one thread, or by lanes in a fixed tree, whatever else
 * is in the pack. No atomics on numbers.
 */
#ifndef FK_CUDA_H
#define FK_CUDA_H

#include <cuda_runtime.h>

#include "fk.h"

/* Scratch slots: an operation that needs several buffers takes several slots. 0-2 belong to the
 * operation; GEMM_SLOT to the products that it calls. */
enum { CUDA_SCRATCH_SLOTS = 4, CUDA_GEMM_SLOT = 3 };

struct cuda_gemm;    /* products and what they have learned, owned by gemm.h */
struct cuda_tuning;  /* which algorithms were the fastest, owned by tuning.h */
struct cuda_weights; /* what weights_keep was told, owned by linear.cu */
struct cuda_graphs;  /* how many there are, and what waits for their end, owned by graph.cu */

struct cuda_state {
    struct fk_device device;
    struct fk_ops ops;
    int ordinal;           /* of the device among CUDA's */
    int capability;        /* 10 * major + minor */
    int n_processors;      /* the card's */
    bool wgmma;            /* attention may use Hopper's products, see attention_trial.cu */
    struct cuda_tuning *tuning;
    struct cuda_weights *weights;
    struct cuda_graphs *graphs;
};

struct fk_queue {
    struct cuda_state *state;
    cudaStream_t stream;
    char error[256];
    void *scratch[CUDA_SCRATCH_SLOTS];
    size_t scratch_bytes[CUDA_SCRATCH_SLOTS];
    struct cuda_gemm *gemm;
    void *landing;  /* of downloads, in page-locked memory; NULL before the first */
    bool recording; /* between graph_begin and graph_end: nothing may be allocated */
};

/* Writes the sentence to q->error and returns false. */
bool cuda_fail(struct fk_queue *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* False, with a sentence that names `what`, when the runtime reports a failure. */
bool cuda_ok(struct fk_queue *q, cudaError_t status, const char *what);

/* Names the card to the runtime, for which the current device is one of the thread: every entry from
 * outside begins with it. */
bool cuda_enter(const struct cuda_state *state);

/* At least `bytes` of device memory that lives until the slot is asked for again; grows, never
 * shrinks. NULL (with q->error set) when memory is short. */
void *cuda_scratch(struct fk_queue *q, int slot, size_t bytes);

/* elementwise.cu: y[i] = x[i] in y's type. */
bool cuda_convert(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n);

/* graph.cu: recording of operations, as the optional members of struct fk_device; false when memory
 * is short. */
bool cuda_graph_install(struct cuda_state *state);
void cuda_graph_finish(struct cuda_state *state);
/* Frees `memory` (may be NULL) once no graph is left that could use it. */
void cuda_retire(struct cuda_state *state, void *memory);

/* linear.cu: weights_keep and weights_forget; false when memory is short. */
bool cuda_weights_install(struct cuda_state *state);
void cuda_weights_finish(struct cuda_state *state);

/* attention_trial.cu: sets state->wgmma where the card has such products and attention by them is
 * found right; else, unless it was not asked for, says in one sentence why not. */
void cuda_attention_try(struct cuda_state *state, char *message, size_t message_bytes);

/* attention.cu: whether this build has kernels with Hopper's products for the card. */
bool cuda_attention_has_wgmma(const struct cuda_state *state);

/* landing.cu: the optional members for downloads that nobody waits for at once. */
void cuda_landing_install(struct cuda_state *state);

/* gl.cu: the optional members that write textures of OpenGL. */
void cuda_gl_install(struct cuda_state *state);

void cuda_linear_install(struct fk_ops *ops);
void cuda_attention_install(struct fk_ops *ops);
void cuda_conv_install(struct fk_ops *ops);
void cuda_norm_install(struct fk_ops *ops);       /* norm_modulate, gate_residual */
void cuda_rope_install(struct fk_ops *ops);       /* qk_norm_rope */
void cuda_group_norm_install(struct fk_ops *ops); /* group_sums, group_norm */
void cuda_activation_install(struct fk_ops *ops); /* swiglu, silu, relu, soft_clamp */
void cuda_embed_install(struct fk_ops *ops);      /* time_embed, embed_rows */
void cuda_elementwise_install(struct fk_ops *ops); /* axpby, cast, cfg_combine, flow_loss */
void cuda_image_install(struct fk_ops *ops); /* patchify, pixel_*, upsample, planes, rgba8 */
void cuda_random_install(struct fk_ops *ops);
void cuda_optim_install(struct fk_ops *ops); /* sum_sq, adamw */

#endif
