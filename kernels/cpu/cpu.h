/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.h - inside the CPU backend only: its queue, its scratch memory, and one installer per family
 * of operations. The reference installers fill the whole table; the fast ones then replace what
 * they do better on this processor. Both run their loops with OpenMP over independent outputs,
 * each output summed by one thread in one order, so that results do not depend on thread counts.
 */
#ifndef FK_CPU_H
#define FK_CPU_H

#include "fk.h"
#include "fk_dtype.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Scratch slots: an operation that needs several buffers takes several slots. */
enum { CPU_SCRATCH_SLOTS = 8 };

struct fk_queue {
    struct fk_device *device;
    char error[256];
    void *scratch[CPU_SCRATCH_SLOTS];
    size_t scratch_bytes[CPU_SCRATCH_SLOTS];
    void *primitives; /* the fast operations' cache of compiled products, owned by onednn.c */
};

struct cpu_weights; /* copies of weights, owned by weights.c */
struct cpu_products; /* matmul.h */

struct cpu_state {
    struct fk_device device;
    struct fk_ops ops;
    const struct cpu_products *products; /* NULL of the reference */
    struct cpu_weights *weights;         /* may be NULL */
};

/* At least `bytes` of 64-byte aligned memory that lives until the slot is asked for again; grows,
 * never shrinks. NULL (with q->error set) when memory is short. */
void *cpu_scratch(struct fk_queue *q, int slot, size_t bytes);

/* The n numbers of x as f32: x itself, or a widened copy in the scratch slot. NULL when memory is
 * short. */
const float *cpu_floats(struct fk_queue *q, int slot, struct fk_ptr x, size_t n);

/* The same numbers after rounding to bf16, always a copy in the slot. */
const float *cpu_floats_rounded(struct fk_queue *q, int slot, struct fk_ptr x, size_t n);

/* Writes the sentence to q->error and returns false. */
bool cpu_fail(struct fk_queue *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Row access for typed pointers: an f32 row is used where it lies, a bf16 row is widened to
 * `room` (n floats); `store` narrows when needed. `first` counts elements. */
static inline const float *cpu_row_load(struct fk_ptr x, size_t first, int n, float *room)
{
    if (x.type == FK_F32)
        return (const float *)x.p + first;
    const uint16_t *h = (const uint16_t *)x.p + first;
    for (int i = 0; i < n; i++)
        room[i] = fk_bf16_to_f32(h[i]);
    return room;
}

static inline float *cpu_row_target(struct fk_ptr y, size_t first, float *room)
{
    return y.type == FK_F32 ? (float *)y.p + first : room;
}

static inline void cpu_row_store(struct fk_ptr y, size_t first, int n, const float *row)
{
    if (y.type == FK_F32)
        return; /* cpu_row_target gave the destination itself */
    uint16_t *h = (uint16_t *)y.p + first;
    for (int i = 0; i < n; i++)
        h[i] = fk_f32_to_bf16(row[i]);
}

/* Element access for typed pointers, for loops that are not rows. */
static inline float cpu_get(struct fk_ptr x, size_t i)
{
    return x.type == FK_F32 ? ((const float *)x.p)[i] : fk_bf16_to_f32(((const uint16_t *)x.p)[i]);
}

static inline void cpu_set(struct fk_ptr y, size_t i, float value)
{
    if (y.type == FK_F32)
        ((float *)y.p)[i] = value;
    else
        ((uint16_t *)y.p)[i] = fk_f32_to_bf16(value);
}

/* Threads for a loop over `work` elements: a team is not worth waking for a small one. */
static inline int cpu_threads(const struct fk_queue *q, size_t work)
{
    return work < 16384 || q->device->caps.n_threads < 1 ? 1 : q->device->caps.n_threads;
}

/* Which thread of the team runs, for rooms of its own: 0 .. n_threads-1. */
static inline int cpu_thread_index(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

/* The image that owns token n: offset[b] <= n < offset[b+1]. */
static inline int cpu_image_of(const struct fk_pack *pack, int n)
{
    int low = 0, high = pack->n_images;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (pack->offset[middle] <= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The processor as a device, with all its abilities (isa.h) or (plain) by the reference alone. NULL
 * with one sentence in `message` when memory is short or FIT_ISA is nothing; on success `message`
 * may hold a line worth telling. */
struct fk_device *cpu_device_open(bool plain, int n_threads, char *message, size_t message_bytes);

/* Reference, one per file of the same name. */
void cpu_linear_install(struct fk_ops *ops);
void cpu_attention_install(struct fk_ops *ops);
void cpu_conv_install(struct fk_ops *ops);
void cpu_norm_install(struct fk_ops *ops);        /* norm_modulate, gate_residual, qk_norm_rope */
void cpu_group_norm_install(struct fk_ops *ops);  /* group_sums, group_norm */
void cpu_activation_install(struct fk_ops *ops);  /* swiglu, silu, relu, soft_clamp */
void cpu_embed_install(struct fk_ops *ops);       /* time_embed, embed_rows */
void cpu_elementwise_install(struct fk_ops *ops); /* axpby, cast, cfg_combine, flow_loss */
void cpu_image_install(struct fk_ops *ops); /* patchify, pixel_*, upsample, planes, rgba8 */
void cpu_random_install(struct fk_ops *ops);
void cpu_optim_install(struct fk_ops *ops); /* sum_sq, adamw */

/* Overrides for this processor; each leaves alone what it cannot do better. Those of files that
 * are compiled once for each instruction set have its name at their end; v3 is x86-64-v3. */
typedef void cpu_install_fn(struct fk_ops *ops, const struct fk_caps *caps);
cpu_install_fn cpu_fast_attention_install, cpu_fast_conv_install;
cpu_install_fn cpu_fast_linear_install_base, cpu_fast_linear_install_v3;
cpu_install_fn cpu_fast_rows_install_base, cpu_fast_rows_install_v3; /* norm, act, optim */
cpu_install_fn cpu_fast_group_norm_install_base, cpu_fast_group_norm_install_v3;

/* Holds oneDNN to the instructions of cpu_isa(), and says whether it has products of bf16 there.
 * Its products; NULL in a build without oneDNN. */
const struct cpu_products *cpu_onednn_begin(bool *native_bf16);
/* weights_keep and weights_forget; false when memory is short. */
bool cpu_weights_install(struct fk_device *device);
void cpu_weights_finish(struct fk_device *device);
/* Frees q->primitives. */
void cpu_onednn_finish(struct fk_queue *q);

#endif
