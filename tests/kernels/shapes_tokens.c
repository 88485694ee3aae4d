/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of what works on tokens and parameters, forward and backward. */
#include "shapes.h"

#include <math.h>

#define EPSILON 1e-6f

static size_t tokens(const struct shape *s, int width)
{
    return (size_t)s->N * (size_t)width;
}

static struct fk_pack pack_of(struct trial *t)
{
    return check_pack(t->c, t->s->lengths, t->s->n_images);
}

/* ---- products ---- */

static void try_linear(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_ptr x = trial_input(t, s->other, tokens(s, s->K));
    struct fk_ptr w = trial_input(t, s->type, (size_t)s->C * (size_t)s->K);
    struct fk_ptr bias = trial_input(t, FK_F32, (size_t)s->C), none = {0};
    struct fk_ptr y = trial_input(t, FK_F32, tokens(s, s->C));
    struct fk_ptr narrow = trial_output(t, s->other, tokens(s, s->C));
    TRY(t, linear, y, x, w, none, s->N, s->C, s->K, 1);
    TRY(t, linear, narrow, x, w, bias, s->N, s->C, s->K, 0);
    trial_keep(t, "y", y, tokens(s, s->C), check_tolerance(s->type, s->other));
    trial_keep(t, "y with bias", narrow, tokens(s, s->C), check_tolerance(s->type, s->other));
}

static void try_linear_bwd(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_ptr dy = trial_input(t, s->type, tokens(s, s->C));
    struct fk_ptr x = trial_input(t, s->type, tokens(s, s->K));
    struct fk_ptr w = trial_input(t, s->type, (size_t)s->C * (size_t)s->K);
    struct fk_ptr dx = trial_output(t, s->type, tokens(s, s->K));
    struct fk_ptr dw = trial_input(t, FK_F32, (size_t)s->C * (size_t)s->K);
    struct fk_ptr db = trial_input(t, FK_F32, (size_t)s->C);
    double tolerance = check_tolerance(s->type, s->type);
    TRY(t, linear_bwd, dx, check_f32(dw), check_f32(db), dy, x, w, s->N, s->C, s->K, 0);
    trial_keep(t, "dx", dx, tokens(s, s->K), tolerance);
    trial_keep(t, "dw", dw, (size_t)s->C * (size_t)s->K, tolerance);
    trial_keep(t, "db", db, (size_t)s->C, tolerance);
}

/* ---- modulation and gates ---- */

static void try_norm_modulate(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    size_t rows = (size_t)s->n_images * (size_t)s->stride;
    const float *x = trial_floats(t, tokens(s, s->C)), *shift = trial_floats(t, rows);
    const float *scale = trial_floats(t, rows);
    struct fk_ptr y = trial_output(t, s->type, tokens(s, s->C));
    TRY(t, norm_modulate, y, x, shift, scale, s->stride, &pack, s->C, EPSILON);
    trial_keep(t, "y", y, tokens(s, s->C), check_tolerance(s->type, FK_F32));
}

static void try_norm_modulate_bwd(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    size_t rows = (size_t)s->n_images * (size_t)s->stride, n = tokens(s, s->C);
    struct fk_ptr dy = trial_input(t, s->type, n);
    const float *x = trial_floats(t, n), *scale = trial_floats(t, rows);
    float *dx = trial_floats(t, n), *dshift = trial_floats(t, rows);
    float *dscale = trial_floats(t, rows);
    TRY(t, norm_modulate_bwd, dx, dshift, dscale, dy, x, scale, s->stride, &pack, s->C, EPSILON);
    trial_keep_floats(t, "dx", dx, n);
    trial_keep_floats(t, "dshift", dshift, rows); /* what lies between the rows stays */
    trial_keep_floats(t, "dscale", dscale, rows);
}

static void try_gate_residual(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    float *x = trial_floats(t, tokens(s, s->C));
    struct fk_ptr y = trial_input(t, s->type, tokens(s, s->C));
    const float *gate = trial_floats(t, (size_t)s->n_images * (size_t)s->stride);
    TRY(t, gate_residual, x, y, gate, s->stride, &pack, s->C);
    trial_keep_floats(t, "x", x, tokens(s, s->C));
}

static void try_gate_residual_bwd(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    size_t rows = (size_t)s->n_images * (size_t)s->stride, n = tokens(s, s->C);
    struct fk_ptr dy = trial_output(t, s->type, n), y = trial_input(t, s->type, n);
    float *dgate = trial_floats(t, rows);
    const float *dx = trial_floats(t, n), *gate = trial_floats(t, rows);
    TRY(t, gate_residual_bwd, dy, dgate, dx, y, gate, s->stride, &pack, s->C);
    trial_keep(t, "dy", dy, n, check_tolerance(s->type, FK_F32));
    trial_keep_floats(t, "dgate", dgate, rows);
}

/* ---- heads ---- */

/* Cosines and sines of the same angles, as f32 blocks. */
static void rotations(struct trial *t, const float **cosine, const float **sine)
{
    const struct shape *s = t->s;
    size_t n = tokens(s, s->D / 2);
    double *angle = check_values(t->c, trial_input(t, FK_F32, n), n);
    double *c = check_room(t->c, n), *d = check_room(t->c, n);
    for (size_t i = 0; i < n; i++) {
        c[i] = 1.1 * cos(20 * angle[i]); /* 1.1: tables carry a scale */
        d[i] = 1.1 * sin(20 * angle[i]);
    }
    *cosine = check_f32(check_given(t->c, FK_F32, c, n));
    *sine = check_f32(check_given(t->c, FK_F32, d, n));
}

static float norm_epsilon(struct trial *t)
{
    return trial_drawn(t, 0, 1) ? EPSILON : -1; /* -1: q and k stay as they are */
}

static void try_qk_norm_rope(struct trial *t)
{
    const struct shape *s = t->s;
    const float *cosine, *sine;
    size_t n = tokens(s, 3 * s->H * s->D);
    float epsilon = norm_epsilon(t);
    struct fk_ptr qkv = trial_input(t, s->type, n), out = trial_output(t, s->other, n);
    rotations(t, &cosine, &sine);
    TRY(t, qk_norm_rope, out, qkv, cosine, sine, s->N, s->H, s->D, epsilon);
    trial_keep(t, "out", out, n, check_tolerance(s->type, s->other));
}

static void try_qk_norm_rope_bwd(struct trial *t)
{
    const struct shape *s = t->s;
    const float *cosine, *sine;
    size_t n = tokens(s, 3 * s->H * s->D);
    float epsilon = norm_epsilon(t);
    struct fk_ptr qkv = trial_input(t, s->type, n), dout = trial_input(t, s->type, n);
    struct fk_ptr dqkv = trial_output(t, s->type, n);
    rotations(t, &cosine, &sine);
    TRY(t, qk_norm_rope_bwd, dqkv, dout, qkv, cosine, sine, s->N, s->H, s->D, epsilon);
    trial_keep(t, "dqkv", dqkv, n, check_tolerance(s->type, s->type));
}

static void try_attention(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    size_t n = tokens(s, s->H * s->D);
    struct fk_ptr qkv = trial_input(t, s->type, 3 * n), out = trial_output(t, s->type, n);
    TRY(t, attention, out, NULL, qkv, &pack, s->H, s->D, 1 / sqrtf((float)s->D));
    trial_keep(t, "out", out, n, check_tolerance(s->type, s->type));
}

static void try_attention_bwd(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    size_t n = tokens(s, s->H * s->D);
    float scale = 1 / sqrtf((float)s->D);
    struct fk_ptr qkv = trial_input(t, s->type, 3 * n), dout = trial_input(t, s->type, n);
    struct fk_ptr out = trial_output(t, s->type, n), dqkv = trial_output(t, s->type, 3 * n);
    struct fk_ptr lse = check_output(t->c, FK_F32, tokens(s, s->H));
    TRY(t, attention, out, check_f32(lse), qkv, &pack, s->H, s->D, scale);
    TRY(t, attention_bwd, dqkv, dout, out, check_f32(lse), qkv, &pack, s->H, s->D, scale);
    trial_keep(t, "lse", lse, tokens(s, s->H), check_tolerance(s->type, s->type));
    trial_keep(t, "dqkv", dqkv, 3 * n, check_tolerance(s->type, s->type));
}

/* ---- number by number ---- */

static void try_swiglu(struct trial *t)
{
    size_t n = t->s->n;
    struct fk_ptr gate = trial_input(t, t->s->type, n), value = trial_input(t, t->s->type, n);
    struct fk_ptr y = trial_output(t, t->s->other, n);
    TRY(t, swiglu, y, gate, value, n);
    trial_keep(t, "y", y, n, check_tolerance(t->s->type, t->s->other));
}

static void try_swiglu_bwd(struct trial *t)
{
    size_t n = t->s->n;
    enum fk_dtype type = t->s->type;
    struct fk_ptr gate = trial_input(t, type, n), value = trial_input(t, type, n);
    struct fk_ptr dy = trial_input(t, t->s->other, n);
    struct fk_ptr dgate = trial_output(t, type, n), dvalue = trial_output(t, type, n);
    TRY(t, swiglu_bwd, dgate, dvalue, dy, gate, value, n);
    trial_keep(t, "dgate", dgate, n, check_tolerance(type, t->s->other));
    trial_keep(t, "dvalue", dvalue, n, check_tolerance(type, t->s->other));
}

static void try_silu(struct trial *t)
{
    struct fk_ptr x = trial_input(t, t->s->type, t->s->n);
    struct fk_ptr y = trial_output(t, t->s->other, t->s->n);
    TRY(t, silu, y, x, t->s->n);
    trial_keep(t, "y", y, t->s->n, check_tolerance(t->s->type, t->s->other));
}

static void try_silu_bwd(struct trial *t)
{
    struct fk_ptr dy = trial_input(t, t->s->other, t->s->n);
    struct fk_ptr x = trial_input(t, t->s->type, t->s->n);
    struct fk_ptr dx = trial_output(t, t->s->type, t->s->n);
    TRY(t, silu_bwd, dx, dy, x, t->s->n);
    trial_keep(t, "dx", dx, t->s->n, check_tolerance(t->s->type, t->s->other));
}

static void try_axpby(struct trial *t)
{
    const float *x = trial_floats(t, t->s->n);
    float *y = trial_floats(t, t->s->n), *fresh = check_f32(check_output(t->c, FK_F32, t->s->n));
    TRY(t, axpby, y, -1.3f, x, 0.7f, t->s->n);
    TRY(t, axpby, fresh, 0.3f, x, 0, t->s->n); /* NaN was there: it is not read */
    trial_keep_floats(t, "y", y, t->s->n);
    trial_keep_floats(t, "y of b = 0", fresh, t->s->n);
}

static void try_cast(struct trial *t)
{
    struct fk_ptr x = trial_input(t, t->s->type, t->s->n);
    struct fk_ptr y = check_output(t->c, t->s->other, t->s->n);
    TRY(t, cast, y, x, t->s->n);
    trial_keep(t, "y", y, t->s->n, 0);
}

static void try_cfg_combine(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = tokens(s, s->C);
    int guided = trial_drawn(t, 1, s->C);
    const float *cond = trial_floats(t, n), *uncond = trial_floats(t, n);
    float *v = check_f32(check_output(t->c, FK_F32, n));
    TRY(t, cfg_combine, v, cond, uncond, 2.5f, guided, s->N, s->C);
    trial_keep_floats(t, "v", v, n);
}

/* ---- conditions ---- */

static void try_time_embed(struct trial *t)
{
    const struct shape *s = t->s;
    int width = 2 * s->K;
    size_t n = (size_t)s->n_images * (size_t)width;
    const float *time = trial_floats(t, (size_t)s->n_images);
    float *y = check_f32(check_output(t->c, FK_F32, n));
    TRY(t, time_embed, y, time, s->n_images, width);
    trial_keep_floats(t, "y", y, n);
}

/* Rows of the table, drawn, so that some come twice. */
static const int32_t *rows_of_table(struct trial *t)
{
    int32_t row[MOST_IMAGES];
    for (int b = 0; b < t->s->n_images; b++)
        row[b] = trial_drawn(t, 0, t->s->table_rows - 1);
    return check_bytes(t->c, row, (size_t)t->s->n_images * sizeof *row);
}

static void try_embed_rows(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = (size_t)s->n_images * (size_t)s->C;
    struct fk_ptr table = trial_input(t, s->type, (size_t)s->table_rows * (size_t)s->C);
    struct fk_ptr y = check_output(t->c, FK_F32, n);
    TRY(t, embed_rows, check_f32(y), table, rows_of_table(t), s->n_images, s->C);
    trial_keep(t, "y", y, n, 0);
}

static void try_embed_rows_bwd(struct trial *t)
{
    const struct shape *s = t->s;
    size_t n = (size_t)s->table_rows * (size_t)s->C;
    float *dtable = trial_floats(t, n);
    const float *dy = trial_floats(t, (size_t)s->n_images * (size_t)s->C);
    TRY(t, embed_rows_bwd, dtable, dy, rows_of_table(t), s->n_images, s->C);
    trial_keep_floats(t, "dtable", dtable, n);
}

/* ---- training ---- */

static void try_flow_loss(struct trial *t)
{
    const struct shape *s = t->s;
    struct fk_pack pack = pack_of(t);
    size_t n = tokens(s, s->C);
    const float *v = trial_floats(t, n), *target = trial_floats(t, n);
    float *loss = check_f32(check_output(t->c, FK_F32, (size_t)s->n_images));
    float *dv = check_f32(check_output(t->c, FK_F32, n));
    TRY(t, flow_loss, loss, dv, v, target, &pack, s->C);
    trial_keep_floats(t, "loss", loss, (size_t)s->n_images);
    trial_keep_floats(t, "dv", dv, n);
}

static void try_sum_sq(struct trial *t)
{
    const double start = 2.5;
    double *sum = check_bytes(t->c, &start, sizeof start);
    TRY(t, sum_sq, sum, trial_floats(t, t->s->n), t->s->n);
    trial_keep_doubles(t, "sum", sum, 1);
}

static void try_adamw(struct trial *t)
{
    size_t n = t->s->n;
    struct fk_adamw a = {.learning_rate = 1e-2f, .beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f,
                         .weight_decay = 0.1f, .grad_scale = 0.25f, .ema_decay = 0.9f};
    float *parameter = trial_floats(t, n), *ema = trial_floats(t, n);
    float *first = check_f32(check_zeros(t->c, FK_F32, n));
    float *second = check_f32(check_zeros(t->c, FK_F32, n));
    struct fk_ptr working = check_output(t->c, FK_BF16, n);
    for (a.step = 1; a.step <= 3; a.step++)
        TRY(t, adamw, parameter, first, second, ema, working.p, trial_floats(t, n), n, &a);
    trial_keep_floats(t, "parameter", parameter, n);
    trial_keep_floats(t, "moment1", first, n);
    trial_keep_floats(t, "moment2", second, n);
    trial_keep_floats(t, "ema", ema, n);
    trial_keep(t, "working", working, n, FK_TOLERANCE_BF16);
}

trial_fn *const token_trials[FK_N_OPS] = {
    [FK_OP_linear] = try_linear,
    [FK_OP_linear_bwd] = try_linear_bwd,
    [FK_OP_norm_modulate] = try_norm_modulate,
    [FK_OP_norm_modulate_bwd] = try_norm_modulate_bwd,
    [FK_OP_gate_residual] = try_gate_residual,
    [FK_OP_gate_residual_bwd] = try_gate_residual_bwd,
    [FK_OP_qk_norm_rope] = try_qk_norm_rope,
    [FK_OP_qk_norm_rope_bwd] = try_qk_norm_rope_bwd,
    [FK_OP_attention] = try_attention,
    [FK_OP_attention_bwd] = try_attention_bwd,
    [FK_OP_swiglu] = try_swiglu,
    [FK_OP_swiglu_bwd] = try_swiglu_bwd,
    [FK_OP_silu] = try_silu,
    [FK_OP_silu_bwd] = try_silu_bwd,
    [FK_OP_axpby] = try_axpby,
    [FK_OP_cast] = try_cast,
    [FK_OP_cfg_combine] = try_cfg_combine,
    [FK_OP_time_embed] = try_time_embed,
    [FK_OP_embed_rows] = try_embed_rows,
    [FK_OP_embed_rows_bwd] = try_embed_rows_bwd,
    [FK_OP_flow_loss] = try_flow_loss,
    [FK_OP_sum_sq] = try_sum_sq,
    [FK_OP_adamw] = try_adamw,
};
