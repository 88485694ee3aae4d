/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linear layers, in the device's products. Where those have no bf16, bf16 operands are widened
 * and multiplied in f32, which loses nothing.
 */
#include "lanes.h"
#include "matmul.h"

/* Scratch: converted operands; result and bias of an f32 product that must be bf16 outside. */
enum { SLOT_A, SLOT_B, SLOT_BIAS, SLOT_C };

enum { COLUMNS = 64, SPAN = 64 };

/* x in the given type: x itself or a converted copy in the slot; .p is NULL on failure. */
static struct fk_ptr in_type(struct fk_queue *q, int slot, struct fk_ptr x, enum fk_dtype type,
                             size_t n)
{
    if (!x.p || x.type == type)
        return x;
    struct fk_ptr copy = {cpu_scratch(q, slot, n * fk_dtype_size(type)), type};
    if (copy.p && !q->device->ops->cast(q, copy, x, n))
        copy.p = NULL;
    return copy;
}

/* Weights, or what is as wide, ready for a product in `type`. */
static struct fk_ptr factor(struct fk_queue *q, struct fk_ptr x, enum fk_dtype type, size_t n)
{
    return cpu_products(q->device)->any_type ? x : in_type(q, SLOT_B, x, type, n);
}

/* An operand beside weights of the type `weights`, ready for a product in `type`: rounded to bf16
 * when the weights are, even if the product then is in f32. */
static struct fk_ptr operand(struct fk_queue *q, int slot, struct fk_ptr x, enum fk_dtype weights,
                             enum fk_dtype type, size_t n)
{
    if (cpu_products(q->device)->any_type)
        return weights == FK_BF16 ? in_type(q, slot, x, FK_BF16, n) : x;
    if (weights == FK_BF16 && type == FK_F32 && x.type == FK_F32)
        x = in_type(q, SLOT_C, x, FK_BF16, n);
    return in_type(q, slot, x, type, n);
}

/* The type of the products with these weights. */
static enum fk_dtype product_type(const struct fk_queue *q, struct fk_ptr w)
{
    return w.type == FK_BF16 && q->device->caps.native_bf16 ? FK_BF16 : FK_F32;
}

/* With a result of any type, also where f32 products cannot store bf16 themselves. */
static bool product(struct fk_queue *q, struct fk_ptr c, struct fk_ptr a, struct fk_ptr b,
                    struct fk_ptr bias, const struct cpu_matmul *m)
{
    const struct cpu_products *products = cpu_products(q->device);
    size_t n = (size_t)m->M * m->N;
    if (products->any_type || a.type == FK_BF16 || c.type == FK_F32)
        return products->multiply(q, c, a, b, bias, m);
    struct fk_ptr wide = {cpu_scratch(q, SLOT_C, n * sizeof(float)), FK_F32};
    return wide.p && (!m->add || q->device->ops->cast(q, wide, c, n)) &&
           products->multiply(q, wide, a, b, bias, m) && q->device->ops->cast(q, c, wide, n);
}

static bool linear(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, struct fk_ptr w,
                   struct fk_ptr bias, int M, int N, int K, float beta)
{
    if (M < 1)
        return true;
    enum fk_dtype type = product_type(q, w);
    struct fk_ptr a = operand(q, SLOT_A, x, w.type, type, (size_t)M * K);
    struct fk_ptr b = factor(q, w, type, (size_t)N * K);
    struct fk_ptr row = in_type(q, SLOT_BIAS, bias, FK_F32, N);
    const struct cpu_matmul m = {M, N, K, .b_turned = true, .add = beta != 0,
                                    .kept = cpu_kept(q->device, w, N, K)};
    return a.p && b.p && (row.p || !bias.p) && product(q, y, a, b, row, &m);
}

/* db[first ..] += the sums of up to COLUMNS columns, span by span of rows. */
static void columns_add(float *db, struct fk_ptr dy, int M, int N, int first)
{
    int end = N - first < COLUMNS ? N : first + COLUMNS;
    for (int row = 0; row < M; row += SPAN) {
        int last = M - row < SPAN ? M : row + SPAN;
        LANES_EACH(i, left, first, end, {
            lanes sum = {0};
            for (int m = row; m < last; m++)
                sum += lanes_load(dy, (size_t)m * N + i, left);
            lanes_store_f32(db, i, left, lanes_load_f32(db, i, left) + sum);
        });
    }
}

static void bias_gradient(struct fk_queue *q, float *db, struct fk_ptr dy, int M, int N)
{
#pragma omp parallel for num_threads(cpu_threads(q, (size_t)M * N))
    for (int first = 0; first < N; first += COLUMNS)
        columns_add(db, dy, M, N, first);
}

static bool linear_bwd(struct fk_queue *q, struct fk_ptr dx, float *dw, float *db,
                       struct fk_ptr dy, struct fk_ptr x, struct fk_ptr w, int M, int N, int K,
                       float beta)
{
    if (M < 1)
        return true;
    const struct fk_ptr none = {0};
    enum fk_dtype type = product_type(q, w);
    struct fk_ptr a = dx.p || dw ? operand(q, SLOT_A, dy, w.type, type, (size_t)M * N) : dy;
    if (!a.p)
        return false;
    if (dx.p) {
        const struct cpu_matmul m = {M, K, N, .add = beta != 0};
        struct fk_ptr b = factor(q, w, type, (size_t)N * K);
        if (!b.p || !product(q, dx, a, b, none, &m))
            return false;
    }
    if (dw) {
        const struct cpu_matmul m = {N, K, M, .a_turned = true, .add = true};
        struct fk_ptr b = operand(q, SLOT_B, x, w.type, type, (size_t)M * K);
        if (!b.p || !product(q, fk_f32(dw), a, b, none, &m))
            return false;
    }
    if (db)
        bias_gradient(q, db, dy, M, N);
    return true;
}

void LANES_VARIANT(cpu_fast_linear_install)(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)caps; /* asked of the queue's device in each call */
    ops->linear = linear;
    ops->linear_bwd = linear_bwd;
}
