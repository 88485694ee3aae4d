/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit_forward.h - the FiTv2 network and that of the first version, once, for every backend and
 * type.
 *
 * The residual stream, modulation, statistics, state and velocity are f32. In a bf16 network what
 * lies between the layers of a block is stored as bf16 (FiTv2 section IV trains that way) while
 * every layer calculates in f32. Keeping q, k and v in f32 up to their norm was measured to change
 * nothing: 0.780 against 0.781 % distance from the f32 network.
 *
 * All pointers are device memory unless a comment says "host".
 */
#ifndef FIT_FORWARD_H
#define FIT_FORWARD_H

#include "compute.h"
#include "fit_weights.h"
#include "scratch.h"

/* ---- conditioning: what time and class do to every block ---------------------------------- */

/* One row for every (time, class) pair. Rows know nothing of each other, so all evaluations of a
 * run can be computed at once, or some at a time where that is too much memory. */
struct fit_modulation {
    int rows;
    float *block; /* [depth][rows][6*hidden]: shift, scale, gate of attention, then of the MLP */
    float *final; /* [rows][2*hidden]: shift, scale */
    /* kept for the backward pass */
    float *wave;     /* [rows][FIT_TIME_WIDTH] */
    float *time_in;  /* [rows][hidden] before and after its SiLU */
    float *time_act;
    float *condition; /* [rows][hidden] before and after the SiLU: T + Y */
    float *active;
    float *low;    /* [depth][rows][lora_rank] */
    float *shared; /* [rows][6*hidden]: what the global modulation adds to every block */
    float *t;      /* [rows] */
    int32_t *y;    /* [rows] */
    struct fit_scratch scratch;
    int room; /* rows reserved */
};

size_t fit_modulation_bytes(const struct fit_config *config, int rows);
bool fit_modulation_reserve(struct fit_modulation *modulation, struct fk_device *device,
                            const struct fit_config *config, int rows, struct fit_error *e);
void fit_modulation_finish(struct fit_modulation *modulation);

/* t in [0, 1] (larger values count as 1), for the first version in [0, 999], and y in [0,
 * n_classes] are host arrays [rows], free to change after the call. Reserves when there is not
 * enough room. Synchronises the queue. */
bool fit_conditioning(struct fit_compute *c, const struct fit_network *network,
                      struct fit_modulation *modulation, const float *t, const int32_t *y,
                      int rows);

/* ---- forward ------------------------------------------------------------------------------ */

/* Buffers of one evaluation. */
struct fit_activations {
    float *x;                 /* [N][hidden] residual stream */
    float *branch;            /* [N][hidden] what a branch adds to it */
    struct fk_ptr norm;       /* [N][hidden] input of a branch */
    struct fk_ptr qkv;        /* [N][3][H][D] */
    struct fk_ptr mixed;      /* [N][hidden] out of the attention */
    struct fk_ptr gate, value; /* [N][mlp_hidden] */
    struct fit_scratch scratch;
    enum fk_dtype type;
    int room; /* tokens reserved */
};

size_t fit_activations_bytes(const struct fit_config *config, enum fk_dtype type, int tokens);
bool fit_activations_reserve(struct fit_activations *activations, struct fk_device *device,
                             const struct fit_network *network, int tokens, struct fit_error *e);
void fit_activations_finish(struct fit_activations *activations);

/* velocity [N][F] of the state x [N][F], F = channels * patch^2; of the first version noise and
 * variance [N][2F]. Image b of the pack uses row
 * first_row + b of the modulation. cosine, sine [N][D/2] are those of rope.h for every image.
 * Reserves when there is not enough room. velocity may be x unless it is wider. */
bool fit_forward(struct fit_compute *c, const struct fit_network *network,
                 struct fit_activations *activations, float *velocity, const float *x,
                 const struct fk_pack *pack, const float *cosine, const float *sine,
                 const struct fit_modulation *modulation, int first_row);

#endif
