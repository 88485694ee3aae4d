/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

/* Rearrangements are compared exactly: tolerance 0. */

static void patchify_case(struct check *c, int B, int C, int height, int width, int p)
{
    size_t n = (size_t)B * C * height * width, at = 0;
    struct fk_ptr latent = check_input(c, FK_F32, n, 1), token = check_output(c, FK_F32, n);
    struct fk_ptr back = check_output(c, FK_F32, n);
    const double *L = check_values(c, latent, n);
    double *want = check_room(c, n);
    for (int b = 0; b < B; b++)
        for (int ph = 0; ph < height / p; ph++)
            for (int pw = 0; pw < width / p; pw++)
                for (int ch = 0; ch < C; ch++)
                    for (int p1 = 0; p1 < p; p1++)
                        for (int p2 = 0; p2 < p; p2++)
                            want[at++] = L[((size_t)(b * C + ch) * height + p * ph + p1) * width +
                                           p * pw + p2];
    check_run(c, c->ops->patchify(c->q, check_f32(token), check_f32(latent), B, C, height, width,
                                  p));
    check_near(c, "token", token, want, n, 0);
    check_run(c, c->ops->unpatchify(c->q, check_f32(back), check_f32(token), B, C, height, width,
                                    p));
    check_same(c, "there and back", back, latent, n);
}

static void patchify_body(struct check *c)
{
    patchify_case(c, 2, 4, 6, 10, 2);
    patchify_case(c, 1, 3, 4, 12, 4);
    patchify_case(c, 1, 4, 66, 70, 2); /* wakes a team of threads */
    struct fk_ptr x = check_input(c, FK_F32, 15, 1), y = check_output(c, FK_F32, 15);
    assert_false(c->ops->patchify(c->q, check_f32(y), check_f32(x), 1, 1, 3, 5, 2));
    assert_non_null(strstr(c->device->queue_error(c->q), "3 x 5"));
}

static void shuffle_case(struct check *c, int B, int height, int width, int C, int r)
{
    size_t n = (size_t)B * height * width * C * r * r, at = 0;
    struct fk_ptr x = check_input(c, FK_F32, n, 1), y = check_output(c, FK_F32, n);
    struct fk_ptr back = check_output(c, FK_F32, n);
    const double *X = check_values(c, x, n);
    double *want = check_room(c, n);
    for (int b = 0; b < B; b++)
        for (int row = 0; row < height * r; row++)
            for (int column = 0; column < width * r; column++)
                for (int ch = 0; ch < C; ch++)
                    want[at++] =
                        X[((size_t)(b * height + row / r) * width + column / r) * C * r * r +
                          ch * r * r + row % r * r + column % r];
    check_run(c, c->ops->pixel_shuffle(c->q, check_f32(y), check_f32(x), B, height, width, C, r));
    check_near(c, "pixel_shuffle", y, want, n, 0);
    check_run(c, c->ops->pixel_unshuffle(c->q, check_f32(back), check_f32(y), B, height, width, C,
                                         r));
    check_same(c, "there and back", back, x, n);
}

static void shuffle_body(struct check *c)
{
    shuffle_case(c, 2, 3, 5, 4, 2);
    shuffle_case(c, 1, 4, 3, 3, 3);
    shuffle_case(c, 1, 33, 40, 4, 2);
}

static void upsample_case(struct check *c, int B, int height, int width, int C)
{
    size_t n = (size_t)B * height * width * C, at = 0;
    struct fk_ptr x = check_input(c, FK_F32, n, 1), y = check_output(c, FK_F32, 4 * n);
    const double *X = check_values(c, x, n);
    double *want = check_room(c, 4 * n);
    for (int b = 0; b < B; b++)
        for (int row = 0; row < 2 * height; row++)
            for (int column = 0; column < 2 * width; column++)
                for (int ch = 0; ch < C; ch++)
                    want[at++] =
                        X[((size_t)(b * height + row / 2) * width + column / 2) * C + ch];
    check_run(c, c->ops->upsample_nearest(c->q, check_f32(y), check_f32(x), B, height, width, C));
    check_near(c, "upsample_nearest", y, want, 4 * n, 0);
}

static void upsample_body(struct check *c)
{
    upsample_case(c, 1, 1, 1, 1);
    upsample_case(c, 2, 3, 5, 4);
    upsample_case(c, 1, 33, 21, 16);
}

static void planes_case(struct check *c, int B, int C, int height, int width)
{
    size_t n = (size_t)B * C * height * width;
    struct fk_ptr planes = check_input(c, FK_F32, n, 1), pixels = check_output(c, FK_F32, n);
    struct fk_ptr back = check_output(c, FK_F32, n);
    const double *P = check_values(c, planes, n);
    double *want = check_room(c, n);
    for (int b = 0; b < B; b++)
        for (int i = 0; i < height * width; i++)
            for (int ch = 0; ch < C; ch++)
                want[((size_t)b * height * width + i) * C + ch] =
                    P[(size_t)(b * C + ch) * height * width + i];
    check_run(c, c->ops->planes_to_pixels(c->q, check_f32(pixels), check_f32(planes), B, C, height,
                                          width));
    check_near(c, "pixels", pixels, want, n, 0);
    check_run(c, c->ops->pixels_to_planes(c->q, check_f32(back), check_f32(pixels), B, C, height,
                                          width));
    check_same(c, "there and back", back, planes, n);
}

static void planes_body(struct check *c)
{
    planes_case(c, 2, 4, 5, 7);
    planes_case(c, 1, 3, 80, 90);
}

/* Edges of the eight-bit rounding: trunc(clamp(127.5 x + 128, 0, 255)). */
static void bytes_body(struct check *c)
{
    const double rgb[] = {-1, 1, 0, -5, 5, 0.5, -0.9999, 0.9999, -1.0 / 255};
    const int want[] = {0, 255, 128, 0, 255, 191, 0, 255, 127};
    enum { pixels = 3 };
    uint8_t *rgba = check_bytes(c, NULL, 4 * pixels);
    check_run(c, c->ops->rgb_to_rgba8(c->q, rgba, check_f32(check_given(c, FK_F32, rgb, 9)),
                                      pixels));
    const uint8_t *got = check_download(c, rgba, 4 * pixels);
    for (int i = 0; i < pixels; i++) {
        for (int k = 0; k < 3; k++)
            assert_int_equal(got[4 * i + k], want[3 * i + k]);
        assert_int_equal(got[4 * i + 3], 255);
    }
}

/* Not-a-number and infinities give a byte, not undefined behaviour. */
static void broken_bytes_body(struct check *c)
{
    const uint32_t bits[3] = {0x7fc00000, 0x7f800000, 0xff800000};
    uint8_t *rgba = check_bytes(c, NULL, 4);
    check_run(c, c->ops->rgb_to_rgba8(c->q, rgba, check_bytes(c, bits, sizeof bits), 1));
    const uint8_t *got = check_download(c, rgba, 4);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 255);
    assert_int_equal(got[2], 0);
}

/* A sum rounded elsewhere may fall on the other side of an integer: one step is allowed. */
static void preview_of_kernel(struct check *c, int kernel)
{
    enum { C = 4, H = 9, W = 11, n = H * W };
    int taps = kernel * kernel, reach = kernel / 2;
    struct fk_ptr latent = check_input(c, FK_F32, C * n, 1);
    struct fk_ptr matrix = check_input(c, FK_F32, C * taps * 3, 2);
    struct fk_ptr bias = check_input(c, FK_F32, 3, 3);
    const double *L = check_values(c, latent, C * n), *m = check_values(c, matrix, C * taps * 3);
    const double *b = check_values(c, bias, 3);
    uint8_t *rgba = check_bytes(c, NULL, 4 * n);
    check_run(c, c->ops->latent_to_rgba8(c->q, rgba, check_f32(latent), check_f32(matrix),
                                         check_f32(bias), C, kernel, H, W));
    const uint8_t *got = check_download(c, rgba, 4 * n);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) {
            double sum = b[k];
            for (int tap = 0; tap < C * taps; tap++) {
                int y = i / W + tap % taps / kernel - reach, x = i % W + tap % kernel - reach;
                y = y < 0 ? 0 : y > H - 1 ? H - 1 : y;
                x = x < 0 ? 0 : x > W - 1 ? W - 1 : x;
                sum += L[tap / taps * n + y * W + x] * m[3 * tap + k];
            }
            double byte = 127.5 * sum + 128;
            int want = byte < 0 ? 0 : byte > 255 ? 255 : (int)byte;
            assert_in_range(got[4 * i + k] + 1, want, want + 2);
        }
        assert_int_equal(got[4 * i + 3], 255);
    }
}

static void preview_body(struct check *c)
{
    preview_of_kernel(c, 1);
    preview_of_kernel(c, 3);
}

CHECK_EACH_DEVICE(patchify)
CHECK_EACH_DEVICE(shuffle)
CHECK_EACH_DEVICE(upsample)
CHECK_EACH_DEVICE(planes)
CHECK_EACH_DEVICE(bytes)
CHECK_EACH_DEVICE(broken_bytes)
CHECK_EACH_DEVICE(preview)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patchify),     cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_planes),       cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_broken_bytes), cmocka_unit_test(test_preview),
        cmocka_unit_test(test_upsample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
