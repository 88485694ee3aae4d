/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "fk_philox.h"

#include <math.h>
#include <string.h>

/* Known answers of Random123 (kat_vectors, philox4x32 10). */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        struct fk_philox_counter counter;
        uint32_t key[2];
        struct fk_philox_counter want;
    } known[] = {
        {{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
        {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
         {0xffffffff, 0xffffffff},
         {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         {0xa4093822, 0x299f31d0},
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct fk_philox_counter got =
            fk_philox4x32_10(known[i].counter, known[i].key[0], known[i].key[1]);
        assert_memory_equal(&got, &known[i].want, sizeof got);
    }
}

/* The f32 polynomials against the C library in double: a few units in the last place. The bits of
 * the extremes include u nearest to 0 and to 1. */
static void test_box_muller(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t bits = i < 16 ? i : i < 32 ? 0u - (i - 15) : i * 0x9e3779b1u;
        double u = fmin(((double)bits + 0.5) * 0x1p-32, 1.0);
        double radius = sqrt(-2 * log((double)(float)u));
        float cosine, sine;
        assert_true(fabs(fk_normal_radius(bits) - radius) <= 1e-6 * (1 + radius));
        fk_normal_direction(bits, &cosine, &sine);
        double angle = ((double)bits - 0x1p29) * 2 * acos(-1) * 0x1p-32;
        assert_true(fabs(cosine - cos(angle)) <= 3e-7);
        assert_true(fabs(sine - sin(angle)) <= 3e-7);
    }
}

/* Pinned bits: noise is part of what a seed means, so it may never change. */
static void test_pinned(void **state)
{
    (void)state;
    float normal[4];
    fk_normal4(normal, 42, 0, 1, -3, -1);
    static const float want[4] = {-0x1.c84ce4p-2f, 0x1.bb9c46p-2f, 0x1.a6d21cp-2f,
                                  0x1.4054a2p+0f};
    assert_memory_equal(normal, want, sizeof want);
}

static struct fk_ptr field(struct check *c, uint64_t seed, uint32_t stream, int channels, int row0,
                           int col0, int height, int width)
{
    struct fk_ptr y = check_output(c, FK_F32, (size_t)channels * height * width);
    check_run(c, c->ops->randn(c->q, check_f32(y), seed, stream, channels, row0, col0, height,
                               width));
    return y;
}

/* Mean, variance, third and fourth moment of n = 262144 values within five standard errors:
 * sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n); correlation of neighbours likewise. */
static void moments_body(struct check *c)
{
    enum { C = 4, H = 256, W = 256, n = C * H * W };
    const double *z = check_values(c, field(c, 7, 0, C, -100, -130, H, W), n);
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, beside = 0, below = 0, extreme = 0;
    for (int i = 0; i < n; i++) {
        m1 += z[i] / n;
        m2 += z[i] * z[i] / n;
        m3 += z[i] * z[i] * z[i] / n;
        m4 += z[i] * z[i] * z[i] * z[i] / n;
        beside += z[i] * z[(i + 1) % n] / n;
        below += z[i] * z[(i + W) % n] / n;
        extreme = fmax(extreme, fabs(z[i]));
    }
    assert_true(fabs(m1) < 5 * sqrt(1.0 / n));
    assert_true(fabs(m2 - 1) < 5 * sqrt(2.0 / n));
    assert_true(fabs(m3) < 5 * sqrt(15.0 / n));
    assert_true(fabs(m4 - 3) < 5 * sqrt(96.0 / n));
    assert_true(fabs(beside) < 5 * sqrt(1.0 / n));
    assert_true(fabs(below) < 5 * sqrt(1.0 / n));
    assert_true(extreme > 4 && extreme < 6.8);
}

/* Any window is a part of the larger field, whatever its alignment to four columns. */
static void window_body(struct check *c)
{
    enum { C = 2, H = 24, W = 40, ROW = -9, COLUMN = -18 };
    const float *all = check_download(c, field(c, 5, 3, C, ROW, COLUMN, H, W).p,
                                      sizeof(float) * C * H * W);
    for (int shift = 0; shift < 9; shift++) {
        int h = H - 2 * shift, w = W - 3 * shift;
        const float *part = check_download(
            c, field(c, 5, 3, C, ROW + shift, COLUMN + shift, h, w).p, sizeof(float) * C * h * w);
        for (int ch = 0; ch < C; ch++)
            for (int row = 0; row < h; row++)
                assert_memory_equal(part + (ch * h + row) * w,
                                    all + (ch * H + row + shift) * W + shift,
                                    sizeof(float) * (size_t)w);
    }
}

/* Seeds (both halves), streams, channels, rows and columns all matter. */
static void address_body(struct check *c)
{
    const float *base = check_download(c, field(c, 1, 0, 2, 0, 0, 2, 8).p, 32 * sizeof(float));
    const struct fk_ptr others[] = {
        field(c, 2, 0, 2, 0, 0, 2, 8), field(c, 1 + (1ull << 32), 0, 2, 0, 0, 2, 8),
        field(c, 1, 1, 2, 0, 0, 2, 8), field(c, 1, 0, 2, 1, 0, 2, 8),
        field(c, 1, 0, 2, 0, 4, 2, 8),
    };
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        const float *other = check_download(c, others[k].p, 32 * sizeof(float));
        for (int i = 0; i < 32; i++)
            assert_true(base[i] != other[i]);
    }
    for (int i = 0; i < 16; i++)
        assert_true(base[i] != base[16 + i]);
}

static void *threads_body(struct check *c, size_t *bytes)
{
    enum { C = 3, H = 90, W = 91 };
    *bytes = sizeof(float) * C * H * W;
    return check_download(c, field(c, 11, 2, C, -7, 13, H, W).p, *bytes);
}

/* Every device gives the same bits as the reference. */
static void bits_body(struct check *c)
{
    enum { C = 4, H = 32, W = 33, n = C * H * W };
    struct check *reference = check_open("reference", 1);
    const float *want = check_download(reference, field(reference, 3, 1, C, -5, -6, H, W).p,
                                       n * sizeof(float));
    const float *got = check_download(c, field(c, 3, 1, C, -5, -6, H, W).p, n * sizeof(float));
    for (int i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0)
            fail_msg("%s: value %d is %a, the reference gives %a", c->backend, i, got[i], want[i]);
    check_close(&reference);
}

CHECK_EACH_DEVICE(moments)
CHECK_EACH_DEVICE(window)
CHECK_EACH_DEVICE(address)
CHECK_EACH_DEVICE(bits)

static void test_threads(void **state)
{
    (void)state;
    check_each_thread_count(threads_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers), cmocka_unit_test(test_box_muller),
        cmocka_unit_test(test_pinned),        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_window),        cmocka_unit_test(test_address),
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
