/* SPDX-License-Identifier: Apache-2.0 */
/* The pre-processing of pictures: sizes by hand, pixels as Pillow's. */
#include "fixture.h"

#include <string.h>

#include "picture_prepare.h"

/* The method's resize_arr, worked by hand. */
static void test_shapes(void **state)
{
    static const struct {
        double width, height;
        int side, out_width, out_height;
    } cases[] = {
        {500, 375, 256, 288, 208},  /* 295.6 x 221.7 */
        {256, 256, 256, 256, 256},
        {1024, 1024, 256, 256, 256},
        {400, 100, 128, 256, 64},
        {100, 400, 128, 64, 256},
        {300, 100, 128, 208, 64},   /* 221.7 x 73.9 */
        {200, 100, 256, 192, 96},   /* small: never enlarged */
        {8, 100, 256, 16, 192},     /* below one token: 16 x 200 */
        {100, 8, 256, 192, 16},
        {10000, 20, 256, 5712, 0},  /* 5724 x 11.4: nothing is left */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int width, height;
        picture_resize_shape(cases[i].width, cases[i].height, cases[i].side, &width, &height);
        if (width != cases[i].out_width || height != cases[i].out_height)
            fail_msg("%gx%g at %d gives %dx%d", cases[i].width, cases[i].height, cases[i].side,
                     width, height);
    }
}

/* Hashed noise over slow waves, as in tests/reference/make_resample_golden.py. */
static struct image make(int width, int height)
{
    struct image image = {.width = width, .height = height};
    struct fit_error e = {0};
    require_ok(image_allocate(&image, "picture", &e), e);
    uint8_t *to = image.rgb;
    for (uint32_t y = 0; y < (uint32_t)height; y++)
        for (uint32_t x = 0; x < (uint32_t)width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                uint32_t h = x * 0x9E3779B1u + y * 0x85EBCA77u + c * 77u;
                h ^= h >> 15;
                h *= 0x2C1B3C6Du;
                h ^= h >> 12;
                *to++ = (uint8_t)((h >> 24) / 2 + (((x * 3 + y * (5 + c)) >> 2) & 127));
            }
    return image;
}

/* FNV-1a. */
static uint64_t hash(const struct image *image)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < 3 * (size_t)image->width * (size_t)image->height; i++)
        h = (h ^ image->rgb[i]) * 0x100000001b3u;
    return h;
}

/* Printed by tests/reference/make_resample_golden.py with Pillow 10.4; 12.0 gives the same, 13.0
 * rounds four of them otherwise. The picture's size, the side, the size and the hash of the whole
 * picture, the hash of its middle square (0: none). */
static const struct {
    int width, height, side, out_width, out_height;
    uint64_t whole, crop;
} golden[] = {
    {500, 375, 256, 288, 208, 0xbf5a2364f6676091, 0x259d3cdffa21058d},
    {256, 256, 256, 256, 256, 0x7166e4710c0f12af, 0x0000000000000000},
    {257, 300, 256, 224, 272, 0xdf1f4702524f1fac, 0x5d4fe61e906ad728},
    {1024, 1024, 256, 256, 256, 0xa729a5d237ee9e41, 0x4f3a71d18c0fbb45},
    {640, 480, 256, 288, 208, 0x5a47d5e486dac12a, 0xe07be0ffbe02b7c9},
    {333, 777, 256, 160, 384, 0xd8ab4ef2d9c190c0, 0x4c99aa6d01c8b747},
    {1200, 90, 256, 928, 64, 0xd97ae166fc80f7cc, 0x0000000000000000},
    {400, 100, 256, 400, 96, 0x0c41cf1f432d6e9c, 0x0000000000000000},
    {200, 100, 256, 192, 96, 0x9d83e0f62430a52a, 0x0000000000000000},
    {8, 100, 256, 16, 192, 0x2adcfc1c428a7a90, 0x0000000000000000},
    {100, 8, 256, 192, 16, 0xf854ca928ad70e78, 0x0000000000000000},
    {255, 500, 256, 176, 352, 0xc87b73f2644fee39, 0x0000000000000000},
    {1031, 519, 256, 352, 176, 0xa32ac5c33a859d62, 0xc04ac653af07d1b0},
    {32, 32, 256, 32, 32, 0xd331da6cd813baa6, 0x0000000000000000},
    {300, 2000, 256, 96, 656, 0x5184bb97f2868ab6, 0x2a9d50b76e37becc},
    {513, 512, 256, 256, 240, 0x2f52a0f06732e111, 0x9f5ab2e2e1d9d4a1},
    {500, 375, 128, 144, 96, 0xe0a7621468bd5d82, 0x6185322bac7f5035},
    {256, 256, 128, 128, 128, 0xb8f61bac3230b6f2, 0xbd6df1f528d26dc0},
    {257, 300, 128, 112, 128, 0x8511ca98ad60511d, 0x359f9ecc3cbb6a5b},
    {1024, 1024, 128, 128, 128, 0x812786129b9b294e, 0xe68c12e71b0e3040},
    {640, 480, 128, 144, 96, 0x5e2c765aa639963a, 0xcfd6b248f5148ee9},
    {333, 777, 128, 80, 192, 0x637b3e45e9b97b2e, 0x5b98d8b375878ef8},
    {1200, 90, 128, 464, 32, 0x337b8799ca692642, 0x0000000000000000},
    {400, 100, 128, 256, 64, 0x9bef1440cdb015a5, 0x0000000000000000},
    {200, 100, 128, 176, 80, 0x88871a06fef3352a, 0x0000000000000000},
    {8, 100, 128, 16, 192, 0x2adcfc1c428a7a90, 0x0000000000000000},
    {100, 8, 128, 192, 16, 0xf854ca928ad70e78, 0x0000000000000000},
    {255, 500, 128, 80, 176, 0x53ff6c941e4bb0e1, 0x54e1b8c8dbb2512c},
    {1031, 519, 128, 176, 80, 0xeb700f699359a7f0, 0xd058f2ec97da067c},
    {32, 32, 128, 32, 32, 0xd331da6cd813baa6, 0x0000000000000000},
    {300, 2000, 128, 48, 320, 0x05552655ebf8dbac, 0x2ae5adcd5e2f7c10},
    {513, 512, 128, 128, 112, 0x2898a289f2fdad4b, 0x7174f49f3a529163},
};

static void test_pixels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        struct image in = make(golden[i].width, golden[i].height), whole = {0}, crop = {0};
        struct fit_error e = {0};
        int side = golden[i].side;
        require_ok(picture_resize(&whole, &in, side, "picture", &e), e);
        if (whole.width != golden[i].out_width || whole.height != golden[i].out_height ||
            hash(&whole) != golden[i].whole)
            fail_msg("%dx%d at %d: %dx%d differs from Pillow's", in.width, in.height, side,
                     whole.width, whole.height);
        assert_int_equal(picture_has_crop(&in, side), golden[i].crop != 0);
        if (golden[i].crop) {
            require_ok(picture_crop(&crop, &in, side, "picture", &e), e);
            assert_int_equal(crop.width, side);
            assert_int_equal(crop.height, side);
            if (hash(&crop) != golden[i].crop)
                fail_msg("%dx%d at %d: the crop differs from Pillow's", in.width, in.height, side);
        }
        image_finish(&in);
        image_finish(&whole);
        image_finish(&crop);
    }
}

static void test_thin(void **state)
{
    struct image in = make(3000, 10), out = {0};
    struct fit_error e = {0};
    (void)state;
    assert_false(picture_resize(&out, &in, 64, "thin.png", &e));
    assert_non_null(strstr(e.message, "thin.png"));
    assert_non_null(strstr(e.message, "3000x10"));
    assert_null(out.rgb);
    image_finish(&in);
    in = make(8, 4000); /* 16 x 8000 pixels: many more tokens than a square has */
    e = (struct fit_error){0};
    assert_false(picture_resize(&out, &in, 256, "long.png", &e));
    assert_null(out.rgb);
    image_finish(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_thin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
