/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "fk_dtype.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void axpby_body(struct check *c)
{
    const size_t sizes[] = {1, 35, 20001};
    const double a = -1.25, b = 0.75; /* exact in f32 */
    for (int k = 0; k < 3; k++) {
        size_t n = sizes[k];
        struct fk_ptr x = check_input(c, FK_F32, n, 1), y = check_input(c, FK_F32, n, 2);
        const double *X = check_values(c, x, n);
        double *want = check_values(c, y, n), *scaled = check_room(c, n);
        for (size_t i = 0; i < n; i++) {
            want[i] = a * X[i] + b * want[i];
            scaled[i] = a * X[i];
        }
        check_run(c, c->ops->axpby(c->q, check_f32(y), (float)a, check_f32(x), (float)b, n));
        check_near(c, "y", y, want, n, FK_TOLERANCE_F32);
        struct fk_ptr fresh = check_output(c, FK_F32, n); /* NaN: must not be read */
        check_run(c, c->ops->axpby(c->q, check_f32(fresh), (float)a, check_f32(x), 0, n));
        check_near(c, "y of b = 0", fresh, scaled, n, FK_TOLERANCE_F32);
    }
}

static void cast_body(struct check *c)
{
    enum { n = 20003 };
    for (int from = FK_F32; from <= FK_BF16; from++)
        for (int to = FK_F32; to <= FK_BF16; to++) {
            struct fk_ptr x = check_input(c, from, n, 1), y = check_output(c, to, n);
            check_run(c, c->ops->cast(c->q, y, x, n));
            struct fk_ptr want = check_given(c, to, check_values(c, x, n), n);
            check_same(c, "cast", y, want, n); /* conversion is exact or rounded to nearest */
        }
}

/* Halfway cases round to even, infinities stay, NaN stays NaN, the largest overflow. */
static void cast_edges_body(struct check *c)
{
    const uint32_t in[] = {0x3f808000, 0x3f818000, 0x3f808001, 0x7f800000, 0xff800000,
                           0x7f7fffff, 0x80000000, 0x00000001, 0x7fc00000, 0x7f800001};
    const uint16_t want[] = {0x3f80, 0x3f82, 0x3f81, 0x7f80, 0xff80,
                             0x7f80, 0x8000, 0x0000, 0x7fc0, 0x7fc0};
    enum { n = 10 };
    struct fk_ptr y = check_output(c, FK_BF16, n);
    check_run(c, c->ops->cast(c->q, y, fk_f32(check_bytes(c, in, sizeof in)), n));
    const uint16_t *got = check_download(c, y.p, n * 2);
    for (int i = 0; i < 8; i++)
        assert_int_equal(got[i], want[i]);
    for (int i = 8; i < n; i++)
        assert_true(isnan(fk_bf16_to_f32(got[i])));
}

static void guidance_body(struct check *c)
{
    enum { N = 23, F = 16, GUIDED = 12 };
    const double weight = 4;
    struct fk_ptr cond = check_input(c, FK_F32, N * F, 1);
    struct fk_ptr uncond = check_input(c, FK_F32, N * F, 2);
    struct fk_ptr v = check_output(c, FK_F32, N * F);
    const double *C = check_values(c, cond, N * F), *U = check_values(c, uncond, N * F);
    double *want = check_room(c, N * F);
    for (int i = 0; i < N * F; i++)
        want[i] = i % F < GUIDED ? U[i] + weight * (C[i] - U[i]) : C[i];
    check_run(c, c->ops->cfg_combine(c->q, check_f32(v), check_f32(cond), check_f32(uncond),
                                     (float)weight, GUIDED, N, F));
    check_near(c, "v", v, want, N * F, FK_TOLERANCE_F32);
    check_run(c, c->ops->cfg_combine(c->q, check_f32(cond), check_f32(cond), check_f32(uncond),
                                     (float)weight, GUIDED, N, F));
    check_same(c, "in place", cond, v, N * F);
}

enum { LOSS_B = 3, LOSS_F = 5 };
static const int lengths[LOSS_B] = {4, 1, 30};

struct flow {
    struct fk_pack pack;
    struct fk_ptr v, target;
};

static struct flow flow_make(struct check *c)
{
    struct flow f = {.pack = check_pack(c, lengths, LOSS_B)};
    f.v = check_input(c, FK_F32, (size_t)f.pack.n_tokens * LOSS_F, 1);
    f.target = check_input(c, FK_F32, (size_t)f.pack.n_tokens * LOSS_F, 2);
    return f;
}

/* Every image counts equally, whatever its number of tokens. */
static void flow_body(struct check *c)
{
    struct flow f = flow_make(c);
    size_t n = (size_t)f.pack.n_tokens * LOSS_F, at = 0;
    const double *v = check_values(c, f.v, n), *target = check_values(c, f.target, n);
    double *want_dv = check_room(c, n), want[LOSS_B] = {0};
    for (int b = 0; b < LOSS_B; b++)
        for (int i = 0; i < lengths[b] * LOSS_F; i++, at++) {
            double error = v[at] - target[at], count = lengths[b] * LOSS_F;
            want[b] += error * error / count;
            want_dv[at] = 2 * error / count / LOSS_B;
        }
    struct fk_ptr loss = check_output(c, FK_F32, LOSS_B), dv = check_output(c, FK_F32, n);
    check_run(c, c->ops->flow_loss(c->q, check_f32(loss), check_f32(dv), check_f32(f.v),
                                   check_f32(f.target), &f.pack, LOSS_F));
    check_near(c, "loss", loss, want, LOSS_B, FK_TOLERANCE_F32);
    check_near(c, "dv", dv, want_dv, n, FK_TOLERANCE_F32);
    struct fk_ptr only = check_output(c, FK_F32, LOSS_B);
    check_run(c, c->ops->flow_loss(c->q, check_f32(only), NULL, check_f32(f.v),
                                   check_f32(f.target), &f.pack, LOSS_F));
    check_same(c, "loss without dv", only, loss, LOSS_B);
}

static double flow_mean(struct check *c, void *data)
{
    const struct flow *f = data;
    struct fk_ptr loss = check_output(c, FK_F32, LOSS_B);
    check_run(c, c->ops->flow_loss(c->q, check_f32(loss), NULL, check_f32(f->v),
                                   check_f32(f->target), &f->pack, LOSS_F));
    const double *each = check_values(c, loss, LOSS_B);
    return (each[0] + each[1] + each[2]) / LOSS_B;
}

static void flow_slope_body(struct check *c)
{
    struct flow f = flow_make(c);
    size_t n = (size_t)f.pack.n_tokens * LOSS_F;
    struct fk_ptr loss = check_output(c, FK_F32, LOSS_B), dv = check_output(c, FK_F32, n);
    check_run(c, c->ops->flow_loss(c->q, check_f32(loss), check_f32(dv), check_f32(f.v),
                                   check_f32(f.target), &f.pack, LOSS_F));
    /* The loss is quadratic, so only rounding is left, see check_gradient. */
    check_gradient(c, "v", dv, f.v, n, flow_mean, &f, 1e-2, 2e-3);
}

static void *threads_body(struct check *c, size_t *bytes)
{
    enum { B = 3, F = 16 };
    const int long_images[B] = {900, 20, 400};
    struct fk_pack pack = check_pack(c, long_images, B);
    size_t n = (size_t)pack.n_tokens * F;
    struct fk_ptr v = check_input(c, FK_F32, n, 1), target = check_input(c, FK_F32, n, 2);
    float *out = check_f32(check_output(c, FK_F32, n + B));
    check_run(c, c->ops->flow_loss(c->q, out, out + B, check_f32(v), check_f32(target), &pack, F));
    *bytes = (n + B) * sizeof(float);
    return check_download(c, out, *bytes);
}

CHECK_EACH_DEVICE(axpby)
CHECK_EACH_DEVICE(cast)
CHECK_EACH_DEVICE(cast_edges)
CHECK_EACH_DEVICE(guidance)
CHECK_EACH_DEVICE(flow)
CHECK_EACH_DEVICE(flow_slope)

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_body);
}

/* Larger and smaller than what a backend may have room for between the device and the host. */
static void transfers_body(struct check *c)
{
    static const size_t sizes[] = {1, 4095, 4 << 20, (4 << 20) + 5};
    struct fk_device *d = c->device;
    for (int i = 0; i < 4; i++) {
        size_t n = sizes[i];
        unsigned char *sent = malloc(n), *back = calloc(n, 1);
        void *there = d->alloc(d, n), *copy = d->alloc(d, n);
        for (size_t k = 0; k < n; k++)
            sent[k] = (unsigned char)(k * 31 + k / 251 + 1);
        check_run(c, d->upload(c->q, there, sent, n));
        check_run(c, d->copy(c->q, copy, there, n));
        check_run(c, d->download(c->q, back, copy, n));
        assert_memory_equal(back, sent, n);
        check_run(c, d->zero(c->q, copy, n) && d->download(c->q, back, copy, n));
        for (size_t k = 0; k < n; k++)
            assert_int_equal(back[k], 0);
        d->free(d, there);
        d->free(d, copy);
        free(sent);
        free(back);
    }
}
CHECK_EACH_DEVICE(transfers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axpby),      cmocka_unit_test(test_cast),
        cmocka_unit_test(test_cast_edges), cmocka_unit_test(test_guidance),
        cmocka_unit_test(test_flow),       cmocka_unit_test(test_flow_slope),
        cmocka_unit_test(test_threads),    cmocka_unit_test(test_transfers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
