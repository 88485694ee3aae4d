/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row operations eight numbers at a time, in f32. The formulas are those of norm.c, activation.c,
 * elementwise.c and optim.c. Work is dealt out in pieces of fixed size: an image's tokens in spans
 * of SPAN counted from its first token, long vectors in pieces of PIECE. A sum over tokens is
 * taken span by span and then over the spans in order, so that it is the same for any number of
 * threads and for an image alone or in a pack.
 */
#include "cpu.h"
#include "isa.h"
#include "lanes.h"
#include "rows.h"

#include <math.h>

enum { SPAN = 64, PIECE = 8192, TOKEN_PIECE = 16, MAX_HEAD_LANES = 256 / LANES };

static const struct row_loops *row_loops(void); /* of this processor */

struct spans {
    int n;
    struct span *at;
};

static bool spans_make(struct fk_queue *q, struct spans *s, const struct fk_pack *pack)
{
    size_t most = (size_t)pack->n_tokens / SPAN + pack->n_images;
    s->n = 0;
    s->at = cpu_scratch(q, 0, most * sizeof *s->at);
    if (!s->at)
        return false;
    for (int b = 0; b < pack->n_images; b++)
        for (int n = pack->offset[b]; n < pack->offset[b + 1]; n += SPAN) {
            int end = pack->offset[b + 1] - n < SPAN ? pack->offset[b + 1] : n + SPAN;
            s->at[s->n++] = (struct span){b, n, end};
        }
    return true;
}

/* Adds the rows [n spans][C] of partial sums to the rows of their images, in order. */
static void spans_sum(const struct spans *s, float *sum, int stride, const float *partial,
                      size_t partial_stride, int C)
{
    for (int k = 0; k < s->n; k++) {
        float *to = sum + (size_t)s->at[k].image * stride;
        const float *from = partial + (size_t)k * partial_stride;
        for (int c = 0; c < C; c++)
            to[c] += from[c];
    }
}

struct stats {
    float mean, rstd;
};

LANES_INLINE struct stats row_stats(const float *x, int C, float epsilon)
{
    lanes sum = {0}, squares = {0};
    LANES_EACH(i, left, 0, C, { sum += lanes_load_f32(x, i, left); });
    float mean = lanes_sum(sum) / (float)C;
    LANES_EACH(i, left, 0, C, {
        lanes d = lanes_keep(lanes_load_f32(x, i, left) - mean, left);
        squares += d * d;
    });
    return (struct stats){mean, 1.0f / sqrtf(lanes_sum(squares) / (float)C + epsilon)};
}

static void modulate_span(struct fk_ptr y, const float *x, const float *shift, const float *scale,
                          struct span span, int C, float epsilon)
{
    for (int n = span.first; n < span.end; n++) {
        size_t first = (size_t)n * C;
        struct stats s = row_stats(x + first, C, epsilon);
        LANES_EACH(i, left, 0, C, {
            lanes normal = (lanes_load_f32(x, first + i, left) - s.mean) * s.rstd;
            lanes v = normal * (1.0f + lanes_load_f32(scale, i, left)) +
                      lanes_load_f32(shift, i, left);
            lanes_store(y, first + i, left, v);
        });
    }
}

static bool norm_modulate(struct fk_queue *q, struct fk_ptr y, const float *x, const float *shift,
                          const float *scale, int stride, const struct fk_pack *pack, int C,
                          float epsilon)
{
    const struct row_loops *loops = row_loops();
    struct spans s;
    if (!spans_make(q, &s, pack))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)pack->n_tokens * C))
    for (int k = 0; k < s.n; k++) {
        size_t image = (size_t)s.at[k].image * stride;
        loops->modulate(y, x, shift + image, scale + image, s.at[k], C, epsilon);
    }
    return true;
}

/* sums: dshift then dscale of this span, [2][C]. */
static void modulate_span_bwd(float *dx, float *sums, struct fk_ptr dy, const float *x,
                              const float *scale, struct span span, int C, float epsilon)
{
    memset(sums, 0, 2 * (size_t)C * sizeof *sums);
    for (int n = span.first; n < span.end; n++) {
        size_t first = (size_t)n * C;
        struct stats s = row_stats(x + first, C, epsilon);
        lanes sum = {0}, dot = {0};
        LANES_EACH(i, left, 0, C, {
            lanes d = lanes_load(dy, first + i, left);
            lanes normal = (lanes_load_f32(x, first + i, left) - s.mean) * s.rstd;
            lanes g = d * (1.0f + lanes_load_f32(scale, i, left));
            sum += g;
            dot += g * normal;
            lanes_store_f32(sums, i, left, lanes_load_f32(sums, i, left) + d);
            lanes_store_f32(sums, (size_t)C + i, left,
                            lanes_load_f32(sums, (size_t)C + i, left) + d * normal);
        });
        float mean_g = lanes_sum(sum) / (float)C, mean_dot = lanes_sum(dot) / (float)C;
        LANES_EACH(i, left, 0, C, {
            lanes normal = (lanes_load_f32(x, first + i, left) - s.mean) * s.rstd;
            lanes g = lanes_load(dy, first + i, left) * (1.0f + lanes_load_f32(scale, i, left));
            lanes add = s.rstd * (g - mean_g - normal * mean_dot);
            lanes_store_f32(dx, first + i, left, lanes_load_f32(dx, first + i, left) + add);
        });
    }
}

static bool norm_modulate_bwd(struct fk_queue *q, float *dx, float *dshift, float *dscale,
                              struct fk_ptr dy, const float *x, const float *scale, int stride,
                              const struct fk_pack *pack, int C, float epsilon)
{
    struct spans s;
    if (!spans_make(q, &s, pack))
        return false;
    float *sums = cpu_scratch(q, 1, (size_t)s.n * 2 * C * sizeof *sums);
    if (!sums)
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)pack->n_tokens * C))
    for (int k = 0; k < s.n; k++)
        modulate_span_bwd(dx, sums + (size_t)k * 2 * C, dy, x,
                          scale + (size_t)s.at[k].image * stride, s.at[k], C, epsilon);
    spans_sum(&s, dshift, stride, sums, 2 * (size_t)C, C);
    spans_sum(&s, dscale, stride, sums + C, 2 * (size_t)C, C);
    return true;
}

static void gate_span(float *x, struct fk_ptr y, const float *gate, struct span span, int C)
{
    for (int n = span.first; n < span.end; n++)
        LANES_EACH(i, left, 0, C, {
            size_t at = (size_t)n * C + i;
            lanes add = lanes_load_f32(gate, i, left) * lanes_load(y, at, left);
            lanes_store_f32(x, at, left, lanes_load_f32(x, at, left) + add);
        });
}

static bool gate_residual(struct fk_queue *q, float *x, struct fk_ptr y, const float *gate,
                          int stride, const struct fk_pack *pack, int C)
{
    const struct row_loops *loops = row_loops();
    struct spans s;
    if (!spans_make(q, &s, pack))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)pack->n_tokens * C))
    for (int k = 0; k < s.n; k++)
        loops->gate(x, y, gate + (size_t)s.at[k].image * stride, s.at[k], C);
    return true;
}

static void gate_span_bwd(struct fk_ptr dy, float *sums, const float *dx, struct fk_ptr y,
                          const float *gate, struct span span, int C)
{
    memset(sums, 0, (size_t)C * sizeof *sums);
    for (int n = span.first; n < span.end; n++)
        LANES_EACH(i, left, 0, C, {
            size_t at = (size_t)n * C + i;
            lanes d = lanes_load_f32(dx, at, left);
            lanes sum = lanes_load_f32(sums, i, left) + d * lanes_load(y, at, left);
            lanes_store_f32(sums, i, left, sum);
            lanes_store(dy, at, left, d * lanes_load_f32(gate, i, left));
        });
}

static bool gate_residual_bwd(struct fk_queue *q, struct fk_ptr dy, float *dgate, const float *dx,
                              struct fk_ptr y, const float *gate, int stride,
                              const struct fk_pack *pack, int C)
{
    struct spans s;
    if (!spans_make(q, &s, pack))
        return false;
    float *sums = cpu_scratch(q, 1, (size_t)s.n * C * sizeof *sums);
    if (!sums)
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)pack->n_tokens * C))
    for (int k = 0; k < s.n; k++)
        gate_span_bwd(dy, sums + (size_t)k * C, dx, y, gate + (size_t)s.at[k].image * stride,
                      s.at[k], C);
    spans_sum(&s, dgate, stride, sums, C, C);
    return true;
}

/* A token's tables, laid out so that a rotation is x * cosine + swapped(x) * sine: cosine twice
 * for each pair, sine with the sign of its place. Zero beyond D. */
struct rotation {
    lanes cosine[MAX_HEAD_LANES], sine[MAX_HEAD_LANES];
};

LANES_INLINE void rotation_make(struct rotation *r, const float *cosine, const float *sine, int D)
{
    float *c = (float *)r->cosine, *s = (float *)r->sine;
    for (int j = 0; j < D / 2; j++) {
        c[2 * j] = c[2 * j + 1] = cosine[j];
        s[2 * j] = -sine[j];
        s[2 * j + 1] = sine[j];
    }
}

LANES_INLINE lanes swapped(lanes v)
{
    return __builtin_shuffle(v, (lanes_i32){1, 0, 3, 2, 5, 4, 7, 6});
}

/* Normalises the head in `row` (zero beyond D) in place; returns 1 / deviation. */
LANES_INLINE float head_normalise(lanes *row, int D, float epsilon)
{
    lanes sum = {0}, squares = {0};
    LANES_EACH(i, left, 0, D, { sum += lanes_keep(row[i / LANES], left); });
    float mean = lanes_sum(sum) / (float)D;
    LANES_EACH(i, left, 0, D, {
        lanes d = lanes_keep(row[i / LANES] - mean, left);
        squares += d * d;
        row[i / LANES] = d;
    });
    float rstd = 1.0f / sqrtf(lanes_sum(squares) / (float)D + epsilon);
    LANES_EACH(i, left, 0, D, { row[i / LANES] *= rstd; });
    return rstd;
}

LANES_INLINE void copy_lanes(struct fk_ptr to, struct fk_ptr from, size_t first, size_t n)
{
    if (to.p == from.p && to.type == from.type)
        return;
    LANES_EACH(i, left, 0, n, {
        lanes_store(to, first + i, left, lanes_load(from, first + i, left));
    });
}

static void rotate_tokens(struct fk_ptr out, struct fk_ptr qkv, struct heads t)
{
    struct rotation r = {0};
    lanes row[MAX_HEAD_LANES];
    for (int token = t.first; token < t.end; token++) {
        size_t table = (size_t)token * (t.D / 2), at = (size_t)token * 3 * t.H * t.D;
        rotation_make(&r, t.cosine + table, t.sine + table, t.D);
        for (int h = 0; h < 2 * t.H; h++, at += t.D) {
            LANES_EACH(i, left, 0, t.D, { row[i / LANES] = lanes_load(qkv, at + i, left); });
            if (t.epsilon >= 0)
                head_normalise(row, t.D, t.epsilon);
            LANES_EACH(i, left, 0, t.D, {
                lanes v = row[i / LANES];
                v = v * r.cosine[i / LANES] + swapped(v) * r.sine[i / LANES];
                lanes_store(out, at + i, left, v);
            });
        }
        copy_lanes(out, qkv, at, (size_t)t.H * t.D);
    }
}

/* dx of one head from g, the gradient of the normalised head; see norm_row_bwd in norm.c. */
LANES_INLINE void head_normalise_bwd(lanes *g, lanes *row, int D, float epsilon)
{
    float rstd = head_normalise(row, D, epsilon);
    lanes sum = {0}, dot = {0};
    LANES_EACH(i, left, 0, D, {
        sum += lanes_keep(g[i / LANES], left);
        dot += lanes_keep(g[i / LANES] * row[i / LANES], left);
    });
    float mean_g = lanes_sum(sum) / (float)D, mean_dot = lanes_sum(dot) / (float)D;
    LANES_EACH(i, left, 0, D, {
        g[i / LANES] = rstd * (g[i / LANES] - mean_g - row[i / LANES] * mean_dot);
    });
}

static void rotate_tokens_bwd(struct fk_ptr dqkv, struct fk_ptr dout, struct fk_ptr qkv,
                              struct heads t)
{
    struct rotation r = {0};
    lanes row[MAX_HEAD_LANES], g[MAX_HEAD_LANES];
    for (int token = t.first; token < t.end; token++) {
        size_t table = (size_t)token * (t.D / 2), at = (size_t)token * 3 * t.H * t.D;
        rotation_make(&r, t.cosine + table, t.sine + table, t.D);
        for (int h = 0; h < 2 * t.H; h++, at += t.D) {
            LANES_EACH(i, left, 0, t.D, {
                lanes d = lanes_load(dout, at + i, left);
                g[i / LANES] = d * r.cosine[i / LANES] - swapped(d) * r.sine[i / LANES];
                row[i / LANES] = lanes_load(qkv, at + i, left);
            });
            if (t.epsilon >= 0)
                head_normalise_bwd(g, row, t.D, t.epsilon);
            LANES_EACH(i, left, 0, t.D, { lanes_store(dqkv, at + i, left, g[i / LANES]); });
        }
        copy_lanes(dqkv, dout, at, (size_t)t.H * t.D);
    }
}

static bool head_width_ok(struct fk_queue *q, const char *operation, int D)
{
    if (D >= 2 && D % 2 == 0 && D <= MAX_HEAD_LANES * LANES)
        return true;
    return cpu_fail(q, "%s: head width is %d, expected an even number up to %d", operation, D,
                    MAX_HEAD_LANES * LANES);
}

static bool qk_norm_rope(struct fk_queue *q, struct fk_ptr out, struct fk_ptr qkv,
                         const float *cosine, const float *sine, int N, int H, int D,
                         float epsilon)
{
    const struct row_loops *loops = row_loops();
    if (!head_width_ok(q, "qk_norm_rope", D))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * 3 * H * D))
    for (int first = 0; first < N; first += TOKEN_PIECE) {
        int end = N - first < TOKEN_PIECE ? N : first + TOKEN_PIECE;
        loops->rotate(out, qkv, (struct heads){cosine, sine, H, D, first, end, epsilon});
    }
    return true;
}

static bool qk_norm_rope_bwd(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                             struct fk_ptr qkv, const float *cosine, const float *sine, int N,
                             int H, int D, float epsilon)
{
    if (!head_width_ok(q, "qk_norm_rope_bwd", D))
        return false;
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)N * 3 * H * D))
    for (int first = 0; first < N; first += TOKEN_PIECE) {
        int end = N - first < TOKEN_PIECE ? N : first + TOKEN_PIECE;
        rotate_tokens_bwd(dqkv, dout, qkv,
                          (struct heads){cosine, sine, H, D, first, end, epsilon});
    }
    return true;
}

/* The elements of piece k of n. */
static size_t piece_end(size_t k, size_t n)
{
    return n - k * PIECE < PIECE ? n : (k + 1) * PIECE;
}

static size_t piece_count(size_t n)
{
    return n / PIECE + (n % PIECE != 0);
}

static void swiglu_piece(struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value, size_t first,
                         size_t end)
{
    LANES_EACH(i, left, first, end, {
        lanes g = lanes_load(gate, i, left);
        lanes_store(y, i, left, g * lanes_sigmoid(g) * lanes_load(value, i, left));
    });
}

static bool swiglu(struct fk_queue *q, struct fk_ptr y, struct fk_ptr gate, struct fk_ptr value,
                   size_t n)
{
    const struct row_loops *loops = row_loops();
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t k = 0; k < piece_count(n); k++)
        loops->swiglu(y, gate, value, k * PIECE, piece_end(k, n));
    return true;
}

static void swiglu_piece_bwd(struct fk_ptr dgate, struct fk_ptr dvalue, struct fk_ptr dy,
                             struct fk_ptr gate, struct fk_ptr value, size_t first, size_t end)
{
    LANES_EACH(i, left, first, end, {
        lanes g = lanes_load(gate, i, left), v = lanes_load(value, i, left);
        lanes d = lanes_load(dy, i, left), s = lanes_sigmoid(g);
        lanes_store(dgate, i, left, d * v * (s + g * s * (1.0f - s)));
        lanes_store(dvalue, i, left, d * g * s);
    });
}

static bool swiglu_bwd(struct fk_queue *q, struct fk_ptr dgate, struct fk_ptr dvalue,
                       struct fk_ptr dy, struct fk_ptr gate, struct fk_ptr value, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t k = 0; k < piece_count(n); k++)
        swiglu_piece_bwd(dgate, dvalue, dy, gate, value, k * PIECE, piece_end(k, n));
    return true;
}

static void silu_piece(struct fk_ptr y, struct fk_ptr x, size_t first, size_t end)
{
    LANES_EACH(i, left, first, end, {
        lanes v = lanes_load(x, i, left);
        lanes_store(y, i, left, v * lanes_sigmoid(v));
    });
}

static bool silu(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t k = 0; k < piece_count(n); k++)
        silu_piece(y, x, k * PIECE, piece_end(k, n));
    return true;
}

static void silu_piece_bwd(struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr x, size_t first,
                           size_t end)
{
    LANES_EACH(i, left, first, end, {
        lanes v = lanes_load(x, i, left), s = lanes_sigmoid(v);
        lanes_store(dx, i, left, lanes_load(dy, i, left) * (s + v * s * (1.0f - s)));
    });
}

static bool silu_bwd(struct fk_queue *q, struct fk_ptr dx, struct fk_ptr dy, struct fk_ptr x,
                     size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t k = 0; k < piece_count(n); k++)
        silu_piece_bwd(dx, dy, x, k * PIECE, piece_end(k, n));
    return true;
}

static void cast_piece(struct fk_ptr y, struct fk_ptr x, size_t first, size_t end)
{
    copy_lanes(y, x, first, end - first);
}

static bool cast(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, size_t n)
{
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t k = 0; k < piece_count(n); k++)
        cast_piece(y, x, k * PIECE, piece_end(k, n));
    return true;
}

/* The numbers of one AdamW step that do not depend on the element. */
struct adamw_step {
    float keep, rate, unbias2, beta2, rest1, rest2, epsilon, grad_scale, ema_rest;
};

struct adamw_state {
    float *parameter, *moment1, *moment2, *ema;
    uint16_t *working;
    const float *gradient;
};

static void adamw_piece(struct adamw_state s, struct adamw_step a, size_t first, size_t end)
{
    LANES_EACH(i, left, first, end, {
        lanes g = lanes_load_f32(s.gradient, i, left) * a.grad_scale;
        lanes m = lanes_load_f32(s.moment1, i, left), v = lanes_load_f32(s.moment2, i, left);
        lanes p = lanes_load_f32(s.parameter, i, left), root;
        m += (g - m) * a.rest1;
        v = v * a.beta2 + g * g * a.rest2;
        for (int k = 0; k < LANES; k++)
            root[k] = sqrtf(v[k]);
        p = p * a.keep - a.rate * m / (root * a.unbias2 + a.epsilon);
        lanes_store_f32(s.moment1, i, left, m);
        lanes_store_f32(s.moment2, i, left, v);
        lanes_store_f32(s.parameter, i, left, p);
        if (s.ema) {
            lanes e = lanes_load_f32(s.ema, i, left);
            lanes_store_f32(s.ema, i, left, e + (p - e) * a.ema_rest);
        }
        if (s.working)
            lanes_store(fk_bf16(s.working), i, left, p);
    });
}

static bool adamw(struct fk_queue *q, float *parameter, float *moment1, float *moment2, float *ema,
                  uint16_t *working, const float *gradient, size_t n,
                  const struct fk_adamw *settings)
{
    const double rate = settings->learning_rate, beta1 = settings->beta1, beta2 = settings->beta2;
    const struct adamw_step a = {
        .keep = (float)(1.0 - rate * settings->weight_decay),
        .rate = (float)(rate / (1.0 - pow(beta1, settings->step))),
        .unbias2 = (float)(1.0 / sqrt(1.0 - pow(beta2, settings->step))),
        .beta2 = settings->beta2,
        .rest1 = (float)(1.0 - beta1),
        .rest2 = (float)(1.0 - beta2),
        .epsilon = settings->epsilon,
        .grad_scale = settings->grad_scale,
        .ema_rest = (float)(1.0 - settings->ema_decay),
    };
    const struct adamw_state s = {parameter, moment1, moment2, ema, working, gradient};
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t k = 0; k < piece_count(n); k++)
        adamw_piece(s, a, k * PIECE, piece_end(k, n));
    return true;
}

static const struct row_loops *row_loops(void)
{
    static const struct row_loops narrow = {modulate_span, gate_span, rotate_tokens, swiglu_piece};
#if defined(CPU_VARIANTS_X86)
    if (cpu_isa() >= CPU_ISA_AVX512_BF16)
        return &cpu_rows_wide;
#endif
    return &narrow;
}

void LANES_VARIANT(cpu_fast_rows_install)(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)caps;
    ops->norm_modulate = norm_modulate;
    ops->norm_modulate_bwd = norm_modulate_bwd;
    ops->gate_residual = gate_residual;
    ops->gate_residual_bwd = gate_residual_bwd;
    ops->qk_norm_rope = qk_norm_rope;
    ops->qk_norm_rope_bwd = qk_norm_rope_bwd;
    ops->swiglu = swiglu;
    ops->swiglu_bwd = swiglu_bwd;
    ops->silu = silu;
    ops->silu_bwd = silu_bwd;
    ops->cast = cast;
    ops->adamw = adamw;
}
