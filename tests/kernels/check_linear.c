/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "fk_dtype.h"

#include <math.h>
#include <string.h>

struct shape {
    int M, N, K;
};

/* The types of a product's x, w and y (and of dy and dx, which are y's and x's). */
struct types {
    enum fk_dtype x, w, y;
};

static const struct types all_types[] = {
    {FK_F32, FK_F32, FK_F32},   {FK_F32, FK_BF16, FK_F32},   {FK_BF16, FK_BF16, FK_BF16},
    {FK_BF16, FK_BF16, FK_F32}, {FK_F32, FK_BF16, FK_BF16},  {FK_BF16, FK_F32, FK_F32},
    {FK_F32, FK_F32, FK_BF16},  {FK_BF16, FK_F32, FK_BF16},
};
enum { N_TYPES = sizeof all_types / sizeof *all_types };

/* Sums of one, tails of every vector width, and blocks with remainders. */
/* The last is summed in several parts. */
static const struct shape shapes[] = {
    {1, 1, 1}, {2, 7, 5}, {3, 33, 129}, {67, 96, 40}, {11, 45, 1102}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* Rounding of the operands is part of the operation, so only the result's own type matters. */
static double tolerance_of(enum fk_dtype result)
{
    return result == FK_F32 ? FK_TOLERANCE_F32 : FK_TOLERANCE_BF16;
}

/* The numbers of x as the product takes them: rounded to bf16 with weights in bf16. */
static double *factors(struct check *c, struct fk_ptr x, enum fk_dtype weights, size_t n)
{
    double *values = check_values(c, x, n);
    for (size_t i = 0; weights == FK_BF16 && i < n; i++)
        values[i] = fk_bf16_to_f32(fk_f32_to_bf16((float)values[i]));
    return values;
}

static void count(void *user, const void *w, size_t bytes)
{
    (void)w;
    *(size_t *)user += bytes;
}

/* Kept weights give results as near, in whatever order the backend reads them. */
static bool keep(struct check *c, struct fk_ptr w, int N, int K, size_t *copied)
{
    return c->device->weights_keep && c->device->weights_keep(c->device, w, N, K, count, copied);
}

static void forward_case(struct check *c, struct shape s, struct types t, struct fk_ptr bias,
                         float beta)
{
    size_t rows = s.M, columns = s.N, inner = s.K;
    struct fk_ptr x = check_input(c, t.x, rows * inner, 1);
    struct fk_ptr w = check_input(c, t.w, columns * inner, 2);
    struct fk_ptr y = beta != 0 ? check_input(c, t.y, rows * columns, 4)
                                : check_output(c, t.y, rows * columns);
    const double *X = factors(c, x, t.w, rows * inner), *W = check_values(c, w, columns * inner);
    const double *old = check_values(c, y, rows * columns);
    const double *add = bias.p ? check_values(c, bias, columns) : NULL;
    struct fk_ptr again = check_copy(c, y, rows * columns);
    double *want = check_room(c, rows * columns);
    for (size_t m = 0; m < rows; m++)
        for (size_t n = 0; n < columns; n++) {
            double sum = (add ? add[n] : 0) + (beta != 0 ? old[m * columns + n] : 0);
            for (size_t k = 0; k < inner; k++)
                sum += X[m * inner + k] * W[n * inner + k];
            want[m * columns + n] = sum;
        }
    check_run(c, c->ops->linear(c->q, y, x, w, bias, s.M, s.N, s.K, beta));
    check_near(c, "y", y, want, rows * columns, tolerance_of(t.y));
    struct fk_ptr third = check_copy(c, again, rows * columns);
    size_t copied = 0, bytes = columns * inner * fk_dtype_size(t.w);
    if (!keep(c, w, s.N, s.K, &copied))
        return;
    assert_true(copied == 0);
    check_run(c, c->ops->linear(c->q, again, x, w, bias, s.M, s.N, s.K, beta));
    check_near(c, "y of kept weights", again, want, rows * columns, tolerance_of(t.y));
    assert_true(copied == 0 || copied == bytes);
    bytes = copied;
    check_run(c, c->ops->linear(c->q, third, x, w, bias, s.M, s.N, s.K, beta));
    check_near(c, "y of copied weights", third, want, rows * columns, tolerance_of(t.y));
    assert_true(copied == bytes);
    c->device->weights_forget(c->device, w.p);
}

/* Forgotten weights may change, and so may what was never kept. */
static void forget_body(struct check *c)
{
    enum { M = 5, N = 48, K = 40 };
    if (!c->device->weights_forget)
        return;
    struct fk_ptr x = check_input(c, FK_F32, M * K, 1), w = check_input(c, FK_F32, N * K, 2);
    struct fk_ptr y = check_output(c, FK_F32, M * N), none = {0};
    size_t copied = 0;
    keep(c, w, N, K, &copied);
    check_run(c, c->ops->linear(c->q, y, x, w, none, M, N, K, 0));
    keep(c, w, N, K, &copied);
    check_run(c, c->ops->linear(c->q, y, x, w, none, M, N, K, 0));
    c->device->weights_forget(c->device, w.p);
    c->device->weights_forget(c->device, w.p);
    c->device->weights_forget(c->device, x.p);
    check_run(c, c->device->zero(c->q, w.p, N * K * sizeof(float)));
    check_run(c, c->ops->linear(c->q, y, x, w, none, M, N, K, 0));
    check_near(c, "y of zeros", y, check_room(c, M * N), M * N, 0);
}

static void forward_body(struct check *c)
{
    for (int i = 0; i < N_SHAPES; i++)
        for (int t = 0; t < N_TYPES; t++) {
            struct fk_ptr wide = check_input(c, FK_F32, shapes[i].N, 3);
            struct fk_ptr narrow = check_input(c, FK_BF16, shapes[i].N, 3);
            forward_case(c, shapes[i], all_types[t], (struct fk_ptr){0}, 0);
            forward_case(c, shapes[i], all_types[t], (struct fk_ptr){0}, 1);
            forward_case(c, shapes[i], all_types[t], wide, 0);
            forward_case(c, shapes[i], all_types[t], narrow, 1);
        }
}

/* dx, dw and db of one product, with what lay in them before. */
static void backward_wanted(struct check *c, struct shape s, double *dx, double *dw, double *db,
                            struct fk_ptr dy, struct fk_ptr x, struct fk_ptr w)
{
    size_t rows = s.M, columns = s.N, inner = s.K;
    const double *DY = factors(c, dy, w.type, rows * columns);
    const double *X = factors(c, x, w.type, rows * inner);
    const double *W = check_values(c, w, columns * inner);
    const double *raw = check_values(c, dy, rows * columns);
    for (size_t m = 0; m < rows; m++)
        for (size_t n = 0; n < columns; n++) {
            double d = DY[m * columns + n];
            db[n] += raw[m * columns + n];
            for (size_t k = 0; k < inner; k++) {
                dx[m * inner + k] += d * W[n * inner + k];
                dw[n * inner + k] += d * X[m * inner + k];
            }
        }
}

static void backward_case(struct check *c, struct shape s, struct types t, float beta)
{
    size_t rows = s.M, columns = s.N, inner = s.K;
    struct fk_ptr dy = check_input(c, t.y, rows * columns, 1);
    struct fk_ptr x = check_input(c, t.x, rows * inner, 2);
    struct fk_ptr w = check_input(c, t.w, columns * inner, 3);
    struct fk_ptr dx = beta != 0 ? check_input(c, t.x, rows * inner, 4)
                                 : check_output(c, t.x, rows * inner);
    struct fk_ptr dw = check_input(c, FK_F32, columns * inner, 5);
    struct fk_ptr db = check_input(c, FK_F32, columns, 6);
    double *want_dx = beta != 0 ? check_values(c, dx, rows * inner) : check_room(c, rows * inner);
    double *want_dw = check_values(c, dw, columns * inner), *want_db = check_values(c, db, columns);
    backward_wanted(c, s, want_dx, want_dw, want_db, dy, x, w);
    check_run(c, c->ops->linear_bwd(c->q, dx, check_f32(dw), check_f32(db), dy, x, w, s.M, s.N,
                                    s.K, beta));
    check_near(c, "dx", dx, want_dx, rows * inner, tolerance_of(t.x));
    check_near(c, "dw", dw, want_dw, columns * inner, FK_TOLERANCE_F32);
    check_near(c, "db", db, want_db, columns, FK_TOLERANCE_F32);
}

static void backward_body(struct check *c)
{
    for (int i = 0; i < N_SHAPES; i++)
        for (int t = 0; t < N_TYPES; t++) {
            backward_case(c, shapes[i], all_types[t], 0);
            backward_case(c, shapes[i], all_types[t], 1);
        }
}

/* Gradients that are not asked for are not written, and those that are do not depend on it. */
static void absent_body(struct check *c)
{
    enum { M = 5, N = 6, K = 7 };
    const struct fk_ptr none = {NULL, FK_F32};
    struct fk_ptr dy = check_input(c, FK_F32, M * N, 1), x = check_input(c, FK_F32, M * K, 2);
    struct fk_ptr w = check_input(c, FK_F32, N * K, 3), dx = check_output(c, FK_F32, M * K);
    struct fk_ptr dw = check_zeros(c, FK_F32, N * K), alone = check_zeros(c, FK_F32, N * K);
    struct fk_ptr db = check_zeros(c, FK_F32, N), db_alone = check_zeros(c, FK_F32, N);
    struct fk_ptr dx_alone = check_output(c, FK_F32, M * K);
    check_run(c, c->ops->linear_bwd(c->q, dx, check_f32(dw), check_f32(db), dy, x, w, M, N, K, 0));
    check_run(c, c->ops->linear_bwd(c->q, none, check_f32(alone), NULL, dy, x, w, M, N, K, 0));
    check_same(c, "dw", alone, dw, N * K);
    check_run(c, c->ops->linear_bwd(c->q, dx_alone, NULL, NULL, dy, none, w, M, N, K, 0));
    check_same(c, "dx", dx_alone, dx, M * K);
    check_run(c, c->ops->linear_bwd(c->q, none, NULL, check_f32(db_alone), dy, none, w, M, N, K,
                                    0));
    check_same(c, "db", db_alone, db, N);
}

/* What a graph was recorded with outlives the promise about its weights, and scratch that grows. */
static void recorded_body(struct check *c)
{
    enum { M = 5, N = 24, K = 16 };
    struct fk_device *d = c->device;
    if (!d->graph_begin)
        return;
    struct fk_ptr x = check_input(c, FK_F32, M * K, 1), w = check_input(c, FK_BF16, N * K, 2);
    struct fk_ptr bias = check_input(c, FK_F32, N, 3), y = check_output(c, FK_BF16, M * N);
    struct fk_ptr again = check_output(c, FK_BF16, M * N);
    d->weights_keep(d, w, N, K, NULL, NULL);
    check_run(c, c->ops->linear(c->q, y, x, w, bias, M, N, K, 0));
    assert_true(d->graph_begin(c->q));
    assert_true(c->ops->linear(c->q, again, x, w, bias, M, N, K, 0));
    struct fk_graph *graph = d->graph_end(c->q);
    assert_non_null(graph);
    d->weights_forget(d, w.p);
    struct fk_ptr wide = check_input(c, FK_F32, 64 * M * K, 4);
    struct fk_ptr large = check_output(c, FK_BF16, 64 * M * N);
    check_run(c, c->ops->linear(c->q, large, wide, w, bias, 64 * M, N, K, 0));
    check_run(c, d->graph_launch(graph));
    check_same(c, "recorded", again, y, M * N);
    d->graph_free(graph);
}

struct layer {
    struct fk_ptr x, w, bias;
    struct shape s;
};

static double layer_loss(struct check *c, void *data)
{
    const struct layer *l = data;
    size_t n = (size_t)l->s.M * l->s.N;
    struct fk_ptr y = check_output(c, FK_F32, n);
    check_run(c, c->ops->linear(c->q, y, l->x, l->w, l->bias, l->s.M, l->s.N, l->s.K, 0));
    return check_project(c, y, n, 9);
}

/* The product is linear in each argument, so differences are exact up to f32's rounding. */
static void slope_body(struct check *c)
{
    struct layer l = {.s = {9, 20, 31}};
    size_t rows = l.s.M, columns = l.s.N, inner = l.s.K;
    l.x = check_input(c, FK_F32, rows * inner, 1);
    l.w = check_input(c, FK_F32, columns * inner, 2);
    l.bias = check_input(c, FK_F32, columns, 3);
    struct fk_ptr dy = check_project_gradient(c, FK_F32, rows * columns, 9);
    struct fk_ptr dx = check_output(c, FK_F32, rows * inner);
    struct fk_ptr dw = check_zeros(c, FK_F32, columns * inner);
    struct fk_ptr db = check_zeros(c, FK_F32, columns);
    check_run(c, c->ops->linear_bwd(c->q, dx, check_f32(dw), check_f32(db), dy, l.x, l.w, l.s.M,
                                    l.s.N, l.s.K, 0));
    check_gradient(c, "x", dx, l.x, rows * inner, layer_loss, &l, 1e-2, 1e-3);
    check_gradient(c, "w", dw, l.w, columns * inner, layer_loss, &l, 1e-2, 1e-3);
    check_gradient(c, "bias", db, l.bias, columns, layer_loss, &l, 1e-2, 1e-3);
}

/* A row is the same whatever else is in the batch. */
static void rows_case(struct check *c, enum fk_dtype type, int most, bool kept)
{
    enum { N = 80, K = 72 };
    size_t copied = 0;
    struct fk_ptr x = check_input(c, type, (size_t)most * K, 1);
    struct fk_ptr w = check_input(c, type, N * K, 2), bias = check_input(c, FK_F32, N, 3);
    struct fk_ptr all = check_output(c, type, (size_t)most * N);
    if (kept && !keep(c, w, N, K, &copied))
        return;
    check_run(c, c->ops->linear(c->q, all, x, w, bias, most, N, K, 0));
    const int counts[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 200};
    for (size_t i = 0; i < sizeof counts / sizeof *counts && counts[i] < most; i++) {
        size_t n = (size_t)counts[i] * N;
        struct fk_ptr some = check_output(c, type, n);
        check_run(c, c->ops->linear(c->q, some, x, w, bias, counts[i], N, K, 0));
        check_same(c, "rows of a smaller batch", some, all, n);
    }
}

static void rows_body(struct check *c)
{
    for (int kept = 0; kept <= 1; kept++) {
        rows_case(c, FK_F32, 256, kept);
        rows_case(c, FK_BF16, 256, kept);
    }
}

/* Output, dx, dw and db side by side. */
static void *threads_result(struct check *c, size_t *bytes, enum fk_dtype weights)
{
    enum { M = 300, N = 96, K = 104, TOTAL = 2 * M * N + M * K + N * K + N };
    struct fk_ptr x = check_input(c, FK_F32, M * K, 1), w = check_input(c, weights, N * K, 2);
    struct fk_ptr dy = check_input(c, FK_F32, M * N, 3), all = check_zeros(c, FK_F32, TOTAL);
    float *y = check_f32(all), *dx = y + M * N, *dw = dx + M * K, *db = dw + N * K;
    check_run(c, c->ops->linear(c->q, fk_f32(y), x, w, (struct fk_ptr){0}, M, N, K, 0));
    check_run(c, c->ops->linear_bwd(c->q, fk_f32(dx), dw, db, dy, x, w, M, N, K, 0));
    size_t copied = 0;
    keep(c, w, N, K, &copied);
    check_run(c, c->ops->linear(c->q, fk_f32(db + N), x, w, (struct fk_ptr){0}, M, N, K, 0));
    *bytes = TOTAL * sizeof(float);
    return check_download(c, all.p, *bytes);
}

static void *threads_f32(struct check *c, size_t *bytes)
{
    return threads_result(c, bytes, FK_F32);
}

static void *threads_bf16(struct check *c, size_t *bytes)
{
    return threads_result(c, bytes, FK_BF16);
}

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_f32);
    check_each_thread_count(threads_bf16);
}

/* More shapes than the fast implementation keeps compiled: evicting must not confuse them. */
static void many_shapes_body(struct check *c)
{
    for (int round = 0; round < 2; round++)
        for (int m = 1; m <= 300; m++)
            if (m < 4 || m > 296)
                forward_case(c, (struct shape){m, 4, 3}, all_types[0], (struct fk_ptr){0}, 0);
            else {
                struct fk_ptr x = check_zeros(c, FK_F32, (size_t)m * 3);
                struct fk_ptr w = check_zeros(c, FK_F32, 12);
                struct fk_ptr y = check_output(c, FK_F32, (size_t)m * 4);
                check_run(c, c->ops->linear(c->q, y, x, w, (struct fk_ptr){0}, m, 4, 3, 0));
            }
}

CHECK_EACH_DEVICE(forward)
CHECK_EACH_DEVICE(backward)
CHECK_EACH_DEVICE(absent)
CHECK_EACH_DEVICE(forget)
CHECK_EACH_DEVICE(recorded)
CHECK_EACH_DEVICE(slope)
CHECK_EACH_DEVICE(rows)
CHECK_EACH_DEVICE(many_shapes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward), cmocka_unit_test(test_backward),
        cmocka_unit_test(test_absent),  cmocka_unit_test(test_slope),
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_threads),
        cmocka_unit_test(test_many_shapes), cmocka_unit_test(test_forget),
        cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
