/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention by Hopper's products: taken where the device has them, beside that by mma, and left
 * again, with a sentence, where it is found wrong.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Several tiles, groups of rows that end within a block, and an image of one token; the first
 * image alone is blocks of one warp group on the stand-in's four processors. */
enum { HEADS = 2, IMAGES = 4 };
static const int lengths[IMAGES] = {64, 129, 1, 200};

/* A device as the environment describes it; `message` is what it says of itself. */
static struct check *device_open(const char *way, const char *wrong_after)
{
    setenv("FK_SHIM_CAPABILITY", "90", 1);
    setenv("FIT_CUDA_ATTENTION", way, 1);
    if (wrong_after)
        setenv("FK_SHIM_WGMMA_WRONG", wrong_after, 1);
    else
        unsetenv("FK_SHIM_WGMMA_WRONG");
    struct check *c = check_open("cuda", 1);
    assert_non_null(c);
    return c;
}

/* What the device makes of numbers that depend on the width alone; out and lse, as doubles. */
static const double *attend(struct check *c, int n_images, int D, size_t *n)
{
    struct fk_pack pack = check_pack(c, lengths, n_images);
    size_t rows = (size_t)pack.n_tokens * HEADS;
    struct fk_ptr qkv = check_input(c, FK_BF16, 3 * rows * (size_t)D, (uint64_t)D);
    struct fk_ptr out = check_output(c, FK_F32, rows * (size_t)D);
    struct fk_ptr lse = check_output(c, FK_F32, rows);
    check_run(c, c->ops->attention(c->q, out, check_f32(lse), qkv, &pack, HEADS, D,
                                   1 / sqrtf((float)D)));
    *n = rows * (size_t)(D + 1);
    double *all = check_room(c, *n);
    memcpy(all, check_values(c, out, rows * (size_t)D), rows * (size_t)D * sizeof *all);
    memcpy(all + rows * (size_t)D, check_values(c, lse, rows), rows * sizeof *all);
    return all;
}

static double farthest(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, isfinite(a[i]) && isfinite(b[i]) ? fabs(a[i] - b[i]) : INFINITY);
    return most;
}

/* A weight next to a step of bf16 may be rounded to either side: 2^-8. */
static void test_beside_mma(void **state)
{
    static const int widths[] = {64, 72, 96};
    (void)state;
    struct check *by_wgmma = device_open("wgmma", NULL), *by_mma = device_open("mma", NULL);
    for (int i = 0; i < 6; i++) {
        size_t n;
        int images = i < 3 ? IMAGES : 1, D = widths[i % 3];
        const double *a = attend(by_wgmma, images, D, &n), *b = attend(by_mma, images, D, &n);
        double apart = farthest(a, b, n);
        print_message("%d images, heads of %d: %.2g apart\n", images, D, apart);
        assert_true(apart <= 1.0 / 256);
    }
    check_close(&by_wgmma);
    check_close(&by_mma);
}

static void message_of(const char *way, const char *wrong_after, char *message, size_t bytes)
{
    struct check *c = device_open(way, wrong_after); /* for the environment */
    struct fk_open_params params = {.backend = "cuda"};
    check_close(&c);
    struct fk_device *device = fk_device_open(&params, message, bytes);
    assert_non_null(device);
    fk_device_close(&device);
}

static void test_it_is_tried(void **state)
{
    char message[256];
    (void)state;
    message_of("wgmma", NULL, message, sizeof message);
    assert_string_equal(message, "");
    message_of("mma", "0", message, sizeof message);
    assert_string_equal(message, "");
    message_of("wgmma", "1000", message, sizeof message);
    assert_non_null(strstr(message, "from that by mma, which is used instead"));
}

/* A device that found it wrong gives the bits of mma; one that found it right uses it, and shows
 * what becomes of it afterwards. */
static void test_wrong_is_left(void **state)
{
    size_t n;
    (void)state;
    struct check *believing = device_open("wgmma", NULL);
    struct check *plain = device_open("mma", NULL);
    struct check *doubting = device_open("wgmma", "0");
    const double *right = attend(plain, IMAGES, 72, &n);
    assert_memory_equal(attend(doubting, IMAGES, 72, &n), right, n * sizeof *right);
    assert_true(farthest(attend(believing, IMAGES, 72, &n), right, n) > 1.0 / 256);
    check_close(&believing);
    check_close(&plain);
    check_close(&doubting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_mma),
        cmocka_unit_test(test_it_is_tried),
        cmocka_unit_test(test_wrong_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
