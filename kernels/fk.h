/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fk.h - the whole contract between the engine and the things that compute.
 *
 * A backend is a `struct fk_device` (memory, queues) and a `struct fk_ops` (operations on
 * numbers). It knows pointers, sizes and types; it knows no model, no step and no file. The plain
 * C reference in cpu/ defines what every operation means; every other implementation is held to
 * it by tests/kernels with the tolerances at the end of this file.
 *
 * Letters, fixed here and never reused:
 *   B images in a pack      N tokens of the whole pack     C channels of a token
 *   H heads                 D width of one head            F hidden width of the MLP
 *   M, K  rows and inner size of a product where no better letter fits
 *
 * Conventions
 *  - All tensors are dense, row-major, and named in comments by their shape: [N][C].
 *  - Operations are queued in order and may run later; `queue_sync` waits. None allocates device
 *    memory after the first call with a shape, none synchronises, none keeps a pointer. Scratch
 *    memory belongs to the queue and grows when a larger shape arrives.
 *  - Every operation returns false on failure; `queue_error` then says why in one sentence.
 *  - Outputs come first, then inputs, then sizes. Outputs do not overlap inputs unless the
 *    operation's comment says "in place allowed".
 *  - Activations and weights are `struct fk_ptr` (f32 or bf16); everything that must stay exact
 *    (modulation, positions, residual stream, statistics, gradients of parameters) is float.
 *  - Sums are accumulated in at least f32 (reference: f64), in an order that does not depend on
 *    the number of threads or on what else is in the pack.
 *  - "+=" in a comment means that the operation adds to the output, as gradients must.
 */
#ifndef FK_H
#define FK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FK_ABI 11 /* raised with every change of the structures below */

enum fk_dtype { FK_F32, FK_BF16 };

/* A typed device pointer. Passed by value; {NULL} means "absent" where allowed. */
struct fk_ptr {
    void *p;
    enum fk_dtype type;
};

static inline struct fk_ptr fk_f32(const float *p)
{
    return (struct fk_ptr){(void *)p, FK_F32};
}

static inline struct fk_ptr fk_bf16(const uint16_t *p)
{
    return (struct fk_ptr){(void *)p, FK_BF16};
}

static inline size_t fk_dtype_size(enum fk_dtype type)
{
    return type == FK_F32 ? 4 : 2;
}

/* Images of any length laid end to end: image b owns tokens offset[b] .. offset[b+1]-1. Tokens
 * attend within their own image only; no token is padding. */
struct fk_pack {
    int n_images;          /* B >= 1 */
    int n_tokens;          /* N == offset[B] */
    int longest;           /* tokens of the longest image */
    const int32_t *offset; /* [B+1], device memory, offset[0] == 0 */
};

/* A 2-D convolution with zero padding; kernel x kernel, equal strides. */
struct fk_conv {
    int batch, height, width; /* input size */
    int in_channels, out_channels;
    int kernel, stride;
    int pad_begin;                /* rows above and columns left; the rest follows from out_* */
    int out_height, out_width;
};

/* Group normalisation (Wu & He, arXiv 1803.08494) of pixels [batch][pixels][channels]: groups of
 * neighbouring channels, channels / groups each. */
struct fk_group_norm {
    int batch, channels, groups;
    size_t pixels;
    double count;  /* numbers behind each pair of sums */
    float epsilon; /* added to the variance */
    bool silu;     /* follow with x / (1 + exp(-x)) */
};

/* One optimiser step, decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101). */
struct fk_adamw {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    float grad_scale; /* multiplies the gradient first: clipping and averaging */
    float ema_decay;  /* ema = decay * ema + (1 - decay) * parameter */
    int step;         /* 1 for the first step: bias correction */
};

struct fk_queue;  /* owned by the backend */
struct fk_graph;  /* owned by the backend */
struct fk_mark;   /* owned by the backend */
struct fk_gl_texture; /* owned by the backend */
struct fk_device;

/* Abilities are data; algorithms ask, they never test for a backend by name. */
struct fk_caps {
    bool host_memory;  /* device pointers are host pointers: files may be mapped and used in place */
    bool native_bf16;  /* bf16 products are faster than f32 ones */
    bool tf32;         /* products of f32 may round their factors to 2^-11 (FK_TOLERANCE_TF32) */
    int n_threads;     /* CPU threads in use, 0 elsewhere */
    char isa[64];      /* instruction set or compute capability, for records */
};

/* How a product was computed, for records. */
struct fk_algorithm {
    char name[64]; /* as the library that computes counts its algorithms; one line */
    double waves;  /* how often the product's blocks fill the device, as that library foresees: a
                      little above a whole number, most of the device waits at the end. 0: unsaid */
};

struct fk_ops {
    /* ---- forward ------------------------------------------------------------------------- */

    /* y[M][N] = x[M][K] . w[N][K]^T + bias[N] + beta * y. bias.p may be NULL; beta is 0 or 1.
     * With w in bf16, x is rounded to bf16 first; products are summed in f32. */
    bool (*linear)(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, struct fk_ptr w,
                   struct fk_ptr bias, int M, int N, int K, float beta);

    /* y[n] = LN(x[n]) * (1 + scale[b]) + shift[b], b the image of token n; LN over C, biased
     * variance, no affine. shift and scale point at image 0; image b is `stride` floats later. */
    bool (*norm_modulate)(struct fk_queue *q, struct fk_ptr y, const float *x, const float *shift,
                          const float *scale, int stride, const struct fk_pack *pack, int C,
                          float epsilon);

    /* x[n] += gate[b] * y[n]. */
    bool (*gate_residual)(struct fk_queue *q, float *x, struct fk_ptr y, const float *gate,
                          int stride, const struct fk_pack *pack, int C);

    /* qkv [N][3][H][D]: q and k are normalised over D (no affine; skipped when epsilon < 0), then
     * the pairs (2j, 2j+1) are rotated: out[2j] = x[2j] cos - x[2j+1] sin,
     * out[2j+1] = x[2j+1] cos + x[2j] sin with cosine/sine [N][D/2] (they carry the attention
     * scale). v is copied. In place allowed. */
    bool (*qk_norm_rope)(struct fk_queue *q, struct fk_ptr out, struct fk_ptr qkv,
                         const float *cosine, const float *sine, int N, int H, int D,
                         float epsilon);

    /* out[N][H*D] = softmax(q . k^T * scale) . v per image and head, qkv [N][3][H][D].
     * lse [N][H], if not NULL, receives the logarithm of the softmax's denominator. */
    bool (*attention)(struct fk_queue *q, struct fk_ptr out, float *lse, struct fk_ptr qkv,
                      const struct fk_pack *pack, int H, int D, float scale);

    /* y[i] = silu(gate[i]) * value[i]; y may be gate or value. */
    bool (*swiglu)(struct fk_queue *q, struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value,
                   size_t n);

    /* y[i] = x[i] / (1 + exp(-x[i])); in place allowed. */
    bool (*silu)(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n);

    /* y[b] = { cos(t[b] w_0..), sin(t[b] w_0..) }, w_k = exp(-ln(10000) k / (width/2)), angles in
     * f32; y [B][width]. */
    bool (*time_embed)(struct fk_queue *q, float *y, const float *t, int B, int width);

    /* y[b][C] = table[row[b]][C]; rows are the caller's to have checked. */
    bool (*embed_rows)(struct fk_queue *q, float *y, struct fk_ptr table, const int32_t *row, int B,
                       int C);

    /* latent [B][channels][height][width] <-> token [B][height/p * width/p][channels*p*p]:
     * token n = ph * (width/p) + pw, feature c*p*p + p1*p + p2 is latent[c][p*ph+p1][p*pw+p2]. */
    bool (*patchify)(struct fk_queue *q, float *token, const float *latent, int B, int channels,
                     int height, int width, int p);
    bool (*unpatchify)(struct fk_queue *q, float *latent, const float *token, int B, int channels,
                       int height, int width, int p);

    /* y[i] = max(x[i], 0); in place allowed. */
    bool (*relu)(struct fk_queue *q, float *y, const float *x, size_t n);

    /* y[i] = limit * tanh(x[i] / limit); in place allowed. */
    bool (*soft_clamp)(struct fk_queue *q, float *y, const float *x, float limit, size_t n);

    /* sum [B][groups][2] += sums of x and of x^2 over the pixels of x [B][height][width][C] in
     * each group of C / groups neighbouring channels. Rows are summed alone and added in order, so
     * that a picture given in strips ends with the same bits. */
    bool (*group_sums)(struct fk_queue *q, double *sum, const float *x, int B, int height,
                       int width, int C, int groups);

    /* y = (x - mean) / sqrt(variance + epsilon) * weight[c] + bias[c], y and x
     * [batch][pixels][channels]; mean and biased variance of image and group from `sum`
     * [batch][groups][2] and norm->count. In place allowed. */
    bool (*group_norm)(struct fk_queue *q, float *y, const float *x, const double *sum,
                       const float *weight, const float *bias, const struct fk_group_norm *norm);

    /* y[i] = a * x[i] + b * y[i]; with b == 0, y is only written. */
    bool (*axpby)(struct fk_queue *q, float *y, float a, const float *x, float b, size_t n);

    /* y[i] = x[i] with conversion of type; types may be equal. */
    bool (*cast)(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n);

    /* Classifier-free guidance on the first `guided` of F features of N tokens:
     * v = uncond + weight * (cond - uncond); the other features are cond. v may be cond. */
    bool (*cfg_combine)(struct fk_queue *q, float *v, const float *cond, const float *uncond,
                        float weight, int guided, int N, int F);

    /* y [B][out_height][out_width][out_channels] = conv(x [B][height][width][in_channels],
     * w [out_channels][in_channels][kernel][kernel]) + bias + beta * y; beta is 0 or 1. */
    bool (*conv2d)(struct fk_queue *q, float *y, const float *x, struct fk_ptr w,
                   struct fk_ptr bias, const struct fk_conv *conv, float beta);

    /* [B][H][W][C*r*r] -> [B][H*r][W*r][C] and back; channel c*r*r + i*r + j of the coarse pixel
     * is channel c of the fine pixel (i, j), as torch.nn.PixelShuffle. height, width and C are
     * those of the coarse image and of the fine channels. */
    bool (*pixel_shuffle)(struct fk_queue *q, float *y, const float *x, int B, int height,
                          int width, int C, int r);
    bool (*pixel_unshuffle)(struct fk_queue *q, float *y, const float *x, int B, int height,
                            int width, int C, int r);

    /* [B][height][width][C] -> [B][2 height][2 width][C]: each pixel becomes four. */
    bool (*upsample_nearest)(struct fk_queue *q, float *y, const float *x, int B, int height,
                             int width, int C);

    /* [channels][height][width] <-> [height][width][channels], B of them. */
    bool (*planes_to_pixels)(struct fk_queue *q, float *y, const float *x, int B, int channels,
                             int height, int width);
    bool (*pixels_to_planes)(struct fk_queue *q, float *y, const float *x, int B, int channels,
                             int height, int width);

    /* rgba [n][4] = trunc(clamp(127.5 x + 128, 0, 255)) of rgb [n][3] in [-1, 1]; alpha 255. */
    bool (*rgb_to_rgba8)(struct fk_queue *q, uint8_t *rgba, const float *rgb, size_t n);

    /* The cheap preview: rgba [height][width][4] = the same rounding of a linear map of the
     * kernel x kernel latent pixels around each (kernel odd, edges repeated): matrix
     * [channels][kernel][kernel][3], bias [3], latent [channels][height][width]. */
    bool (*latent_to_rgba8)(struct fk_queue *q, uint8_t *rgba, const float *latent,
                            const float *matrix, const float *bias, int channels, int kernel,
                            int height, int width);

    /* y [channels][height][width] = standard normal noise, a pure function of (seed, stream,
     * channel, row0 + row, col0 + col): a window on one endless field. See fk_philox.h. */
    bool (*randn)(struct fk_queue *q, float *y, uint64_t seed, uint32_t stream, int channels,
                  int row0, int col0, int height, int width);

    /* ---- backward ------------------------------------------------------------------------ */

    /* dx[M][K] = dy[M][N] . w + beta * dx; dw[N][K] += dy^T . x; db[N] += column sums of dy. Any of
     * the three may be NULL and then costs nothing; without dw, x is not read. With w in bf16, dy
     * and x are rounded to bf16 for the products; dw and db are f32. */
    bool (*linear_bwd)(struct fk_queue *q, struct fk_ptr dx, float *dw, float *db,
                       struct fk_ptr dy, struct fk_ptr x, struct fk_ptr w, int M, int N, int K,
                       float beta);

    /* dx[N][C] += ; dshift, dscale [B] += (same stride as scale). */
    bool (*norm_modulate_bwd)(struct fk_queue *q, float *dx, float *dshift, float *dscale,
                              struct fk_ptr dy, const float *x, const float *scale, int stride,
                              const struct fk_pack *pack, int C, float epsilon);

    /* For x += gate * y: dy[n] = gate[b] * dx[n]; dgate[b] += sum over its tokens of dx * y. */
    bool (*gate_residual_bwd)(struct fk_queue *q, struct fk_ptr dy, float *dgate, const float *dx,
                              struct fk_ptr y, const float *gate, int stride,
                              const struct fk_pack *pack, int C);

    /* dqkv [N][3][H][D] from dout of the same shape; qkv is the forward's input. In place on dout
     * allowed. */
    bool (*qk_norm_rope_bwd)(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                             struct fk_ptr qkv, const float *cosine, const float *sine, int N,
                             int H, int D, float epsilon);

    /* dqkv [N][3][H][D]; qkv, out, lse as the forward took and gave them. */
    bool (*attention_bwd)(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                          struct fk_ptr out, const float *lse, struct fk_ptr qkv,
                          const struct fk_pack *pack, int H, int D, float scale);

    /* dgate and dvalue from dy; dgate may be gate's memory, dvalue value's. */
    bool (*swiglu_bwd)(struct fk_queue *q, struct fk_ptr dgate, struct fk_ptr dvalue,
                       struct fk_ptr dy, struct fk_ptr gate, struct fk_ptr value, size_t n);

    /* dx[i] = dy[i] * silu'(x[i]); in place on dy allowed. */
    bool (*silu_bwd)(struct fk_queue *q, struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr x,
                     size_t n);

    /* dtable[row[b]] += dy[b]; rows may repeat. */
    bool (*embed_rows_bwd)(struct fk_queue *q, float *dtable, const float *dy, const int32_t *row,
                           int B, int C);

    /* Flow-matching loss of FiTv2 (reference: masked mean times N/n_valid, i.e. the mean over an
     * image's own tokens, every image counting equally): loss[b] = mean over its tokens and
     * features of (v - target)^2; dv = d(mean_b loss)/dv. dv may be NULL. */
    bool (*flow_loss)(struct fk_queue *q, float *loss, float *dv, const float *v,
                      const float *target, const struct fk_pack *pack, int F);

    /* ---- optimisation -------------------------------------------------------------------- */

    /* *sum += the sum of x[i]^2; sum is one double in device memory. */
    bool (*sum_sq)(struct fk_queue *q, double *sum, const float *x, size_t n);

    /* One fused pass: parameter, moments, optional ema (may be NULL) and optional working copy in
     * bf16 (may be NULL). Gradient is read only. */
    bool (*adamw)(struct fk_queue *q, float *parameter, float *moment1, float *moment2, float *ema,
                  uint16_t *working, const float *gradient, size_t n,
                  const struct fk_adamw *settings);
};

/* The list of operations by name, for registration checks, timing tables and tests. */
#define FK_OP_LIST(X)                                                                              \
    X(linear) X(norm_modulate) X(gate_residual) X(qk_norm_rope) X(attention) X(swiglu) X(silu)     \
    X(relu) X(soft_clamp) X(group_sums) X(group_norm) X(upsample_nearest)                          \
    X(time_embed) X(embed_rows) X(patchify) X(unpatchify) X(axpby) X(cast) X(cfg_combine)          \
    X(conv2d) X(pixel_shuffle) X(pixel_unshuffle) X(planes_to_pixels) X(pixels_to_planes)          \
    X(rgb_to_rgba8) X(latent_to_rgba8) X(randn)                                                    \
    X(linear_bwd) X(norm_modulate_bwd) X(gate_residual_bwd) X(qk_norm_rope_bwd) X(attention_bwd)   \
    X(swiglu_bwd) X(silu_bwd) X(embed_rows_bwd) X(flow_loss) X(sum_sq) X(adamw)

enum fk_op {
#define FK_OP_ENUM(name) FK_OP_##name,
    FK_OP_LIST(FK_OP_ENUM)
#undef FK_OP_ENUM
    FK_N_OPS
};

struct fk_device {
    int abi;          /* FK_ABI of the backend's build */
    const char *name; /* "cpu", "cuda" */
    char model[128];  /* what a person calls it: the processor's or the card's name */
    struct fk_caps caps;
    const struct fk_ops *ops;
    void *state; /* the backend's own */

    /* required */
    void (*close)(struct fk_device *device);
    void *(*alloc)(struct fk_device *device, size_t bytes); /* 64-byte aligned; NULL when full */
    void (*free)(struct fk_device *device, void *p);        /* NULL is fine */
    bool (*memory)(struct fk_device *device, size_t *free_bytes, size_t *total_bytes);
    struct fk_queue *(*queue_new)(struct fk_device *device); /* NULL when out of memory */
    void (*queue_free)(struct fk_queue *q);
    bool (*queue_sync)(struct fk_queue *q);
    const char *(*queue_error)(struct fk_queue *q);
    /* `host` may change once upload has returned, and is there once download has. */
    bool (*upload)(struct fk_queue *q, void *device_memory, const void *host, size_t bytes);
    bool (*download)(struct fk_queue *q, void *host, const void *device_memory, size_t bytes);
    bool (*copy)(struct fk_queue *q, void *to, const void *from, size_t bytes);
    bool (*zero)(struct fk_queue *q, void *device_memory, size_t bytes);

    /* optional, all or none, NULL where operations run when they are queued: downloads that nobody
     * waits for at once.
     *
     * landing_new: host memory that the device writes by itself; NULL when there is none. It is
     * freed when nothing that is queued writes it any more.
     * download_later: queued in order like an operation, and so not among what is recorded;
     * `landing` lies in such memory and has what device_memory held then as soon as a mark is
     * reached that was placed behind it, and undefined bytes until then.
     * mark_place: the mark now stands behind all that was queued so far; it stood nowhere, or was
     * waited for since it was placed last.
     * mark_wait: returns when the queue has come to where the mark stands, whatever was queued
     * behind it; false when something before it failed, and perhaps when something behind it did. */
    void *(*landing_new)(struct fk_device *device, size_t bytes);
    void (*landing_free)(struct fk_device *device, void *landing); /* NULL is fine */
    bool (*download_later)(struct fk_queue *q, void *landing, const void *device_memory,
                           size_t bytes);
    struct fk_mark *(*mark_new)(struct fk_device *device); /* NULL when memory is short */
    void (*mark_free)(struct fk_mark *mark);               /* NULL is fine */
    bool (*mark_place)(struct fk_queue *q, struct fk_mark *mark);
    bool (*mark_wait)(struct fk_queue *q, struct fk_mark *mark);

    /* optional, NULL where nothing is gained. Operations queued between begin and end are recorded
     * instead of run; launch queues them all, with the same pointers and numbers, any number of
     * times. They must have run once before in the same sizes (nothing is allocated while they are
     * recorded), and transfers between host and device are not among them. After a failure between
     * begin and end, end is still called, and returns NULL. A graph is freed before its queue. */
    bool (*graph_begin)(struct fk_queue *q);
    struct fk_graph *(*graph_end)(struct fk_queue *q); /* NULL on failure: queue_error says why */
    bool (*graph_launch)(struct fk_graph *graph);
    void (*graph_free)(struct fk_graph *graph); /* NULL is fine */
    int (*graph_size)(const struct fk_graph *graph); /* kernels and copies that a launch queues */

    /* optional, NULL where nothing is gained; callable from any thread. The caller promises that
     * the weights w [N][K] of `linear`, and the bias used with them, stay as they are until they
     * are forgotten, so that the backend may read copies in an order or type of its own, which it
     * makes when w is used first. `copied`
     * (may be NULL) is then called once, by the operation: `linear` reads w no more until it is
     * forgotten. False without use for a copy; without memory for it there is none either, and w
     * itself is read. No operation may use w while it is forgotten. */
    bool (*weights_keep)(struct fk_device *device, struct fk_ptr w, int N, int K,
                         void (*copied)(void *user, const void *w, size_t bytes), void *user);
    void (*weights_forget)(struct fk_device *device, const void *w);

    /* optional, NULL where there is nothing to choose: how the `linear` was computed that was queued
     * last and followed by no other operation. False when no library computed it. */
    bool (*linear_told)(struct fk_queue *q, struct fk_algorithm *algorithm);

    /* optional, all four or none: pictures that go from device memory into a texture of OpenGL
     * without passing the host. They are called on the thread whose current GL context has the
     * texture, beside whatever queues do on other threads, and none but gl_unregister waits.
     *
     * gl_register: a GL_TEXTURE_2D whose storage is GL_RGBA8 of width x height and stays so until
     * it is unregistered. NULL, with one sentence, where that is refused: GL of another card or
     * of none, a context of a kind that cannot share.
     * gl_show: texture = rgba [height][width][4] in device memory, complete by now; a row begins
     * `stride` bytes after the one before. GL commands that follow see it. The memory is read
     * until gl_is_busy says false. False, with one sentence, when the texture cannot be written;
     * the texture's content is then undefined.
     * gl_unregister: waits for a copy under way. The texture may be gone, and its context too. */
    struct fk_gl_texture *(*gl_register)(struct fk_device *device, unsigned texture, int width,
                                         int height, char *message, size_t message_bytes);
    bool (*gl_show)(struct fk_gl_texture *texture, const void *rgba, size_t stride, char *message,
                    size_t message_bytes);
    bool (*gl_is_busy)(struct fk_gl_texture *texture);
    void (*gl_unregister)(struct fk_gl_texture *texture); /* NULL is fine */

    /* optional, NULL where nothing is learned; callable from any thread. What the backend found out
     * by measuring, such as the fastest of a library's algorithms, for the next process: save
     * writes it to `to` if `room` bytes hold it and returns how many it takes, 0 when nothing is
     * new since the last save or load. load takes such bytes; they may come from anywhere: those of
     * another device or version, and what makes no sense here, are passed over. */
    size_t (*tuning_save)(struct fk_device *device, void *to, size_t room);
    void (*tuning_load)(struct fk_device *device, const void *from, size_t bytes);
};

struct fk_open_params {
    const char *backend; /* "auto" (or NULL), "cpu", "reference" (plain C only), "cuda" */
    int n_threads;       /* 0: as many as the process may fill: affinity and control groups */
};

/* Opens the best backend that answers: for "auto" a plug-in (`fit-cuda.so`, looked for in
 * FIT_BACKEND_PATH, else beside the library, else where it was installed) and else the CPU. A
 * plug-in that is missing, of another FK_ABI, or without a device is no error for "auto". On
 * failure returns NULL and writes one sentence to `message`. On success `message` is empty or holds
 * one line worth telling (why the plug-in was passed over). */
struct fk_device *fk_device_open(const struct fk_open_params *params, char *message,
                                 size_t message_bytes);
void fk_device_close(struct fk_device **device);

const char *fk_op_name(enum fk_op op);

/* The name of the first operation that the table lacks, or NULL when it is complete. */
const char *fk_ops_missing(const struct fk_ops *ops);

/* ---- tolerances ---------------------------------------------------------------------------
 * How far an implementation may lie from the reference in double precision, as
 * |a - b| <= tolerance * max(1, rms(b)) for inputs of unit scale. f32: a few hundred roundings
 * of 2^-24; bf16: rounding of inputs and outputs to 2^-9, summed in f32; tf32, of products that a
 * device was asked to compute so: rounding of inputs to 2^-11, ten times which is the tolerance, as
 * bf16's is of its own. */
#define FK_TOLERANCE_F32 2e-5
#define FK_TOLERANCE_TF32 5e-3
#define FK_TOLERANCE_BF16 2e-2

#ifdef __cplusplus
}
#endif

#endif
