/* SPDX-License-Identifier: Apache-2.0 */
#include "attention_tile.h"
#include "check.h"

#include <math.h>
#include <stdlib.h>

/* One attention layer over a pack, with everything that its two passes read and write. */
struct layer {
    int H, D;
    double scale;
    struct fk_pack pack;
    const int *lengths;
    size_t width, n; /* numbers of a token and of the pack, of one of q, k, v */
    struct fk_ptr qkv, out, dout, dqkv, lse;
};

static struct layer layer_make(struct check *c, const int *lengths, int n_images, int H, int D,
                               enum fk_dtype type)
{
    struct layer l = {.H = H, .D = D, .scale = 1 / sqrt(D), .lengths = lengths};
    l.pack = check_pack(c, lengths, n_images);
    l.width = (size_t)H * D;
    l.n = l.width * l.pack.n_tokens;
    l.qkv = check_input(c, type, 3 * l.n, 1);
    l.dout = check_input(c, type, l.n, 2);
    l.out = check_output(c, type, l.n);
    l.dqkv = check_output(c, type, 3 * l.n);
    l.lse = check_output(c, FK_F32, (size_t)l.pack.n_tokens * H);
    return l;
}

static void layer_forward(struct check *c, const struct layer *l)
{
    check_run(c, c->ops->attention(c->q, l->out, check_f32(l->lse), l->qkv, &l->pack, l->H, l->D,
                                   (float)l->scale));
}

static void layer_backward(struct check *c, const struct layer *l)
{
    check_run(c, c->ops->attention_bwd(c->q, l->dqkv, l->dout, l->out, check_f32(l->lse), l->qkv,
                                       &l->pack, l->H, l->D, (float)l->scale));
}

/* What the plain formula gives, in double. */
struct wanted {
    double *out, *lse, *dqkv, *p, *ds;
};

/* Queries i and keys j of one head: q_i begins at qkv + i * 3 * width, k_j one width later. */
static void head_forward(const struct layer *l, const double *qkv, double *out, double *lse,
                         double *p, int n)
{
    size_t step = 3 * l->width;
    for (int i = 0; i < n; i++) {
        double most = -INFINITY, sum = 0, *row = p + (size_t)i * n;
        for (int j = 0; j < n; j++) {
            row[j] = 0;
            for (int d = 0; d < l->D; d++)
                row[j] += l->scale * qkv[i * step + d] * qkv[j * step + l->width + d];
            most = fmax(most, row[j]);
        }
        for (int j = 0; j < n; j++)
            sum += row[j] = exp(row[j] - most);
        lse[(size_t)i * l->H] = most + log(sum);
        for (int j = 0; j < n; j++) {
            row[j] /= sum;
            for (int d = 0; d < l->D; d++)
                out[i * l->width + d] += row[j] * qkv[j * step + 2 * l->width + d];
        }
    }
}

/* The chain rule without the shortcut of a delta: dS_ij = P_ij (dP_ij - sum_k P_ik dP_ik). */
static void head_backward(const struct layer *l, const double *qkv, const double *dout,
                          double *dqkv, const double *p, double *ds, int n)
{
    size_t step = 3 * l->width, k = l->width, v = 2 * l->width;
    for (int i = 0; i < n; i++) {
        double mean = 0;
        for (int j = 0; j < n; j++) {
            ds[j] = 0;
            for (int d = 0; d < l->D; d++)
                ds[j] += dout[i * l->width + d] * qkv[j * step + v + d];
            mean += p[(size_t)i * n + j] * ds[j];
        }
        for (int j = 0; j < n; j++) {
            double weight = p[(size_t)i * n + j], s = l->scale * weight * (ds[j] - mean);
            for (int d = 0; d < l->D; d++) {
                dqkv[i * step + d] += s * qkv[j * step + k + d];
                dqkv[j * step + k + d] += s * qkv[i * step + d];
                dqkv[j * step + v + d] += weight * dout[i * l->width + d];
            }
        }
    }
}

static struct wanted layer_wanted(struct check *c, const struct layer *l)
{
    size_t longest = l->pack.longest;
    struct wanted w = {.out = check_room(c, l->n), .dqkv = check_room(c, 3 * l->n)};
    w.lse = check_room(c, (size_t)l->pack.n_tokens * l->H);
    w.p = check_room(c, longest * longest);
    w.ds = check_room(c, longest);
    const double *qkv = check_values(c, l->qkv, 3 * l->n), *dout = check_values(c, l->dout, l->n);
    size_t first = 0;
    for (int b = 0; b < l->pack.n_images; first += l->lengths[b], b++)
        for (int h = 0; h < l->H; h++) {
            size_t at = first * l->width + (size_t)h * l->D, at3 = at + 2 * first * l->width;
            head_forward(l, qkv + at3, w.out + at, w.lse + first * l->H + h, w.p, l->lengths[b]);
            head_backward(l, qkv + at3, dout + at, w.dqkv + at3, w.p, w.ds, l->lengths[b]);
        }
    return w;
}

static void layer_compare(struct check *c, const struct layer *l, double tolerance)
{
    struct wanted w = layer_wanted(c, l);
    check_near(c, "out", l->out, w.out, l->n, tolerance);
    check_near(c, "lse", l->lse, w.lse, (size_t)l->pack.n_tokens * l->H, FK_TOLERANCE_F32);
    check_near(c, "dqkv", l->dqkv, w.dqkv, 3 * l->n, tolerance);
}

/* One token, whole tiles, and tiles with one more or one less. */
static const int ragged[] = {1, 64, 3, 65, 130, 63};
enum { N_RAGGED = sizeof ragged / sizeof *ragged };

static void formula_body(struct check *c)
{
    const struct {
        int n_images, H, D;
        enum fk_dtype type;
    } cases[] = {
        {N_RAGGED, 2, 8, FK_F32}, {4, 3, 64, FK_F32},  {4, 2, 72, FK_F32},  {4, 1, 96, FK_F32},
        {4, 1, 128, FK_F32},      {4, 2, 4, FK_F32},   {4, 2, 22, FK_F32},  {4, 1, 160, FK_F32},
        {4, 1, 512, FK_F32},
        {N_RAGGED, 2, 8, FK_BF16}, {4, 2, 64, FK_BF16}, {4, 2, 72, FK_BF16},
        {4, 1, 96, FK_BF16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct layer l = layer_make(c, ragged, cases[i].n_images, cases[i].H, cases[i].D,
                                    cases[i].type);
        layer_forward(c, &l);
        layer_backward(c, &l);
        layer_compare(c, &l, check_tolerance(cases[i].type, cases[i].type));
    }
}

/* qkv in bf16 with the rest in f32 and the other way round; lse is optional. */
static void mixed_body(struct check *c)
{
    const enum fk_dtype types[][2] = {{FK_F32, FK_BF16}, {FK_BF16, FK_F32}};
    for (int i = 0; i < 2; i++) {
        struct layer l = layer_make(c, ragged, 4, 2, 24, types[i][0]);
        l.dout = check_input(c, types[i][1], l.n, 2);
        l.out = check_output(c, types[i][1], l.n);
        l.dqkv = check_output(c, types[i][1], 3 * l.n);
        layer_forward(c, &l);
        layer_backward(c, &l);
        layer_compare(c, &l, FK_TOLERANCE_BF16);
        struct fk_ptr again = check_output(c, types[i][1], l.n);
        check_run(c, c->ops->attention(c->q, again, NULL, l.qkv, &l.pack, l.H, l.D,
                                       (float)l.scale));
        check_same(c, "out without lse", again, l.out, l.n);
    }
}

/* Scores of some thousands: one key takes all, nothing overflows. Keys come in rising order, so
 * that the running maximum rises in every tile. */
static void saturation_body(struct check *c)
{
    enum { n = 150, D = 4 };
    const int lengths[] = {n};
    struct layer l = layer_make(c, lengths, 1, 1, D, FK_F32);
    double *values = check_room(c, 3 * l.n);
    for (int i = 0; i < n; i++) {
        values[i * 3 * D] = i % 2 ? 100 : -100;
        values[i * 3 * D + D] = i;
        values[i * 3 * D + 2 * D] = i;
    }
    l.qkv = check_given(c, FK_F32, values, 3 * l.n);
    layer_forward(c, &l);
    layer_backward(c, &l);
    const double *out = check_values(c, l.out, l.n), *dqkv = check_values(c, l.dqkv, 3 * l.n);
    for (int i = 0; i < n; i++) /* +100: the last key wins; -100: the first */
        assert_true(fabs(out[i * D] - (i % 2 ? n - 1 : 0)) < 1e-3);
    for (size_t i = 0; i < 3 * l.n; i++)
        assert_true(isfinite(dqkv[i]));
}

static void alone_body(struct check *c)
{
    enum { H = 2, D = 20 };
    struct layer all = layer_make(c, ragged, N_RAGGED, H, D, FK_F32);
    layer_forward(c, &all);
    layer_backward(c, &all);
    size_t first = 0;
    for (int b = 0; b < N_RAGGED; first += ragged[b], b++) {
        struct layer one = layer_make(c, &ragged[b], 1, H, D, FK_F32);
        one.qkv = fk_f32(check_f32(all.qkv) + 3 * first * all.width);
        one.dout = fk_f32(check_f32(all.dout) + first * all.width);
        layer_forward(c, &one);
        layer_backward(c, &one);
        check_same(c, "out", one.out, fk_f32(check_f32(all.out) + first * all.width), one.n);
        check_same(c, "lse", one.lse, fk_f32(check_f32(all.lse) + first * H),
                   (size_t)ragged[b] * H);
        check_same(c, "dqkv", one.dqkv, fk_f32(check_f32(all.dqkv) + 3 * first * all.width),
                   3 * one.n);
    }
}

static void *threads_body(struct check *c, size_t *bytes)
{
    struct layer l = layer_make(c, ragged, N_RAGGED, 3, 32, FK_F32);
    size_t out = l.n * sizeof(float);
    layer_forward(c, &l);
    layer_backward(c, &l);
    struct fk_ptr both = check_zeros(c, FK_F32, 4 * l.n);
    check_run(c, c->device->copy(c->q, both.p, l.out.p, out));
    check_run(c, c->device->copy(c->q, check_f32(both) + l.n, l.dqkv.p, 3 * out));
    *bytes = 4 * out;
    return check_download(c, both.p, *bytes);
}

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_body);
}

static double layer_loss(struct check *c, void *data)
{
    struct layer l = *(const struct layer *)data;
    l.out = check_output(c, FK_F32, l.n);
    layer_forward(c, &l);
    return check_project(c, l.out, l.n, 9);
}

static void slope_body(struct check *c)
{
    static const int lengths[] = {5, 70};
    struct layer l = layer_make(c, lengths, 2, 2, 12, FK_F32);
    l.dout = check_project_gradient(c, FK_F32, l.n, 9);
    layer_forward(c, &l);
    layer_backward(c, &l);
    check_gradient(c, "qkv", l.dqkv, l.qkv, 3 * l.n, layer_loss, &l, 1e-2, 2e-3);
}

/* The variants for lesser processors than this one, called as fast_attention.c calls them. */
static void variant_run(const struct attention_tiles *tiles, struct check *c,
                        const struct layer *l)
{
    size_t room = attention_forward_room(l->D, 2);
    size_t most = attention_backward_room(l->pack.longest, l->D);
    struct fk_ptr rooms = check_output(c, FK_F32, room > most ? room : most);
    struct attention_head a = {.qkv = l->qkv, .out = l->out, .dqkv = l->dqkv, .dout = l->dout};
    a.lse = check_f32(l->lse);
    a.H = l->H;
    a.D = l->D;
    a.scale = (float)l->scale;
    for (int b = 0; b < l->pack.n_images; a.first += l->lengths[b], b++)
        for (a.h = 0; a.h < l->H; a.h++) {
            a.n = l->lengths[b];
            for (int row = 0; row < a.n; row += 2 * ATTENTION_TILE)
                tiles->forward(&a, row, a.n - row > ATTENTION_TILE ? 2 : 1, check_f32(rooms));
            tiles->backward(&a, check_f32(rooms));
        }
}

static void test_variants(void **state)
{
    (void)state;
    const struct attention_tiles *tiles;
    for (int i = 0; (tiles = cpu_attention_variant(i)) != NULL; i++)
        for (int D = 8; D <= 72; D += 64) {
            struct check *c = check_open("cpu", 1);
            struct layer l = layer_make(c, ragged, N_RAGGED, 2, D, FK_F32);
            variant_run(tiles, c, &l);
            layer_compare(c, &l, FK_TOLERANCE_F32);
            check_close(&c);
        }
}

CHECK_EACH_DEVICE(formula)
CHECK_EACH_DEVICE(mixed)
CHECK_EACH_DEVICE(saturation)
CHECK_EACH_DEVICE(alone)
CHECK_EACH_DEVICE(slope)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula), cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_saturation), cmocka_unit_test(test_alone),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_slope),
        cmocka_unit_test(test_variants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
