/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of training, as cameras and programs leave them, and as nobody should. */
#include "hostile.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <webp/encode.h>

#include "image_file.h"

enum { WIDTH = 21, HEIGHT = 13 };

static bool read_image(const char *path, struct image *image, struct fit_error *e)
{
    struct fit_mapping file;
    if (!fit_mapping_open(&file, path, e))
        return false;
    bool ok = image_read(image, &file, path, e);
    fit_mapping_close(&file);
    return ok;
}

static bool reader(const char *path, struct fit_error *e)
{
    struct image image;
    if (!read_image(path, &image, e))
        return false;
    hostile_touch(image.rgb, 3 * (size_t)image.width * (size_t)image.height);
    image_finish(&image);
    return true;
}

/* Smooth, so that JPEG keeps it within a few steps. */
static void paint(uint8_t *rgb)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++, rgb += 3) {
            rgb[0] = (uint8_t)(40 + 6 * x);
            rgb[1] = (uint8_t)(30 + 9 * y);
            rgb[2] = (uint8_t)(200 - 3 * x - 4 * y);
        }
}

static size_t write_jpeg(uint8_t **out, const uint8_t *pixels, J_COLOR_SPACE space, int components,
                         bool progressive, const uint8_t *exif, unsigned exif_bytes)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned long bytes = 0;
    unsigned char *memory = NULL;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &memory, &bytes);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = components;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    for (int i = 0; i < jpeg.num_components; i++)
        jpeg.comp_info[i].h_samp_factor = jpeg.comp_info[i].v_samp_factor = 1;
    if (progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (exif)
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, exif_bytes);
    while (jpeg.next_scanline < HEIGHT) {
        JSAMPROW row = (JSAMPROW)(pixels + (size_t)jpeg.next_scanline * WIDTH * (size_t)components);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    *out = memory;
    return bytes;
}

static const char *jpeg_file(const uint8_t *pixels, J_COLOR_SPACE space, int components,
                             bool progressive, const uint8_t *exif, unsigned exif_bytes)
{
    uint8_t *bytes;
    const char *path = hostile_path("picture.dat"); /* the name says nothing */
    size_t n = write_jpeg(&bytes, pixels, space, components, progressive, exif, exif_bytes);
    hostile_write(path, bytes, n);
    free(bytes);
    return path;
}

static void expect(const char *path, const uint8_t *rgb, int tolerance)
{
    struct image image;
    struct fit_error e = {0};
    if (!read_image(path, &image, &e))
        fail_msg("%s", e.message);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.height, HEIGHT);
    for (int i = 0; i < 3 * WIDTH * HEIGHT; i++)
        assert_in_range(image.rgb[i] + 256, rgb[i] + 256 - tolerance, rgb[i] + 256 + tolerance);
    image_finish(&image);
}

/* At full quality without subsampling the two conversions of colour round by 2 at most. */
static void test_jpeg(void **state)
{
    uint8_t rgb[3 * WIDTH * HEIGHT], gray[WIDTH * HEIGHT], inks[4 * WIDTH * HEIGHT];
    (void)state;
    paint(rgb);
    expect(jpeg_file(rgb, JCS_RGB, 3, false, NULL, 0), rgb, 3);
    expect(jpeg_file(rgb, JCS_RGB, 3, true, NULL, 0), rgb, 3);
    for (int i = 0; i < WIDTH * HEIGHT; i++) { /* inverted inks, black everywhere 255: no ink */
        memcpy(inks + 4 * i, rgb + 3 * i, 3);
        inks[4 * i + 3] = 255;
    }
    expect(jpeg_file(inks, JCS_CMYK, 4, false, NULL, 0), rgb, 3);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        gray[i] = rgb[3 * i];
        memset(rgb + 3 * i, gray[i], 3);
    }
    expect(jpeg_file(gray, JCS_GRAYSCALE, 1, false, NULL, 0), rgb, 2);
}

/* Where the stored picture's corners (top left, top right, bottom left) come to lie. */
static void test_orientation(void **state)
{
    static const struct {
        int turned, corner[3]; /* 0 top left, 1 top right, 2 bottom left, 3 bottom right */
    } cases[] = {{0, {0, 1, 2}}, {0, {1, 0, 3}}, {0, {3, 2, 1}}, {0, {2, 3, 0}},
                 {1, {0, 2, 1}}, {1, {1, 3, 0}}, {1, {3, 1, 2}}, {1, {2, 0, 3}}};
    uint8_t rgb[3 * WIDTH * HEIGHT];
    uint8_t exif[] = "Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\1\0\0\0\0\0\0\0";
    (void)state;
    memset(rgb, 128, sizeof rgb);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (y < 4 && (x < 4 || x >= WIDTH - 4))
                rgb[3 * (y * WIDTH + x)] = x < 4 ? 255 : 0; /* top left red, top right cyan */
            else if (y >= HEIGHT - 4 && x < 4)
                rgb[3 * (y * WIDTH + x) + 1] = 255; /* bottom left green */
    for (int how = 1; how <= 8; how++) {
        struct image image;
        struct fit_error e = {0};
        exif[24] = (uint8_t)how;
        const char *path = jpeg_file(rgb, JCS_RGB, 3, false, exif, sizeof exif - 1);
        if (!read_image(path, &image, &e))
            fail_msg("%s", e.message);
        assert_int_equal(image.width, cases[how - 1].turned ? HEIGHT : WIDTH);
        assert_int_equal(image.height, cases[how - 1].turned ? WIDTH : HEIGHT);
        for (int i = 0; i < 3; i++) {
            int corner = cases[how - 1].corner[i];
            int x = corner & 1 ? image.width - 2 : 1, y = corner & 2 ? image.height - 2 : 1;
            const uint8_t *at = image.rgb + 3 * (y * image.width + x);
            if (i == 0 ? at[0] < 220 : i == 1 ? at[0] > 40 : at[1] < 220)
                fail_msg("orientation %d, corner %d holds %d %d %d", how, i, at[0], at[1], at[2]);
        }
        image_finish(&image);
    }
}

static void test_webp(void **state)
{
    uint8_t rgb[3 * WIDTH * HEIGHT], rgba[4 * WIDTH * HEIGHT], *bytes;
    const char *path = hostile_path("picture.jpg");
    (void)state;
    paint(rgb);
    size_t n = WebPEncodeLosslessRGB(rgb, WIDTH, HEIGHT, 3 * WIDTH, &bytes);
    hostile_write(path, bytes, n);
    WebPFree(bytes);
    expect(path, rgb, 0);
    for (int i = 0; i < WIDTH * HEIGHT; i++) { /* every second pixel is not there */
        memcpy(rgba + 4 * i, rgb + 3 * i, 3);
        rgba[4 * i + 3] = i % 2 ? 0 : 255;
        if (i % 2)
            memset(rgb + 3 * i, 255, 3);
    }
    n = WebPEncodeLosslessRGBA(rgba, WIDTH, HEIGHT, 4 * WIDTH, &bytes);
    hostile_write(path, bytes, n);
    WebPFree(bytes);
    expect(path, rgb, 0);
}

static const char *png_file(void)
{
    uint8_t rgb[3 * WIDTH * HEIGHT];
    const char *path = hostile_path("picture.webp");
    png_image image = {.version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT,
                       .format = PNG_FORMAT_RGB};
    paint(rgb);
    assert_int_not_equal(png_image_write_to_file(&image, path, 0, rgb, 0, NULL), 0);
    return path;
}

static void test_png(void **state)
{
    uint8_t rgb[3 * WIDTH * HEIGHT];
    (void)state;
    paint(rgb);
    expect(png_file(), rgb, 0);
}

static void test_bombs(void **state)
{
    uint8_t rgb[3 * WIDTH * HEIGHT], *bytes;
    const char *path = hostile_path("bomb");
    size_t n;
    (void)state;
    paint(rgb);

    n = write_jpeg(&bytes, rgb, JCS_RGB, 3, false, NULL, 0);
    for (size_t i = 2; i + 9 < n; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) /* the frame's header: length, 8, size */
            memset(bytes + i + 5, 0xfe, 4);
    hostile_write(path, bytes, n);
    free(bytes);
    hostile_refused(reader, path, "65278x65278");

    bytes = hostile_read(png_file(), &n);
    memcpy(bytes + 16, "\0\0\x3f\xff\0\0\x3f\xff", 8); /* each side passes, the area does not */
    hostile_write(path, bytes, n);
    free(bytes);
    hostile_refused(reader, path, "16383x16383");

    n = WebPEncodeLosslessRGB(rgb, WIDTH, HEIGHT, 3 * WIDTH, &bytes);
    memset(bytes + 21, 0xff, 3); /* behind the signature 0x2f: 14 bits less one for each side */
    bytes[24] |= 0x0f;
    hostile_write(path, bytes, n);
    WebPFree(bytes);
    hostile_refused(reader, path, "16384x16384");
}

static void test_other_files(void **state)
{
    const char *path = hostile_path("notes.jpg");
    (void)state;
    hostile_write(path, "a shopping list", 15);
    hostile_refused(reader, path, "neither");
    hostile_write(path, "", 0);
    hostile_refused(reader, path, "neither");
}

static void damage(const char *path)
{
    size_t n;
    uint8_t *good = hostile_read(path, &n);
    int whole = hostile_truncate(reader, path, good, n, 400);
    /* The last bytes may only close the file. */
    if (whole > 16)
        fail_msg("%d truncated copies were accepted", whole);
    hostile_flip(reader, path, good, n, 0, n, 1500, NULL);
    free(good);
}

static void test_damage(void **state)
{
    uint8_t rgb[3 * WIDTH * HEIGHT], *bytes;
    (void)state;
    paint(rgb);
    damage(jpeg_file(rgb, JCS_RGB, 3, false, NULL, 0));
    damage(jpeg_file(rgb, JCS_RGB, 3, true, NULL, 0));
    damage(png_file());
    const char *path = hostile_path("picture.png");
    size_t n = WebPEncodeLosslessRGB(rgb, WIDTH, HEIGHT, 3 * WIDTH, &bytes);
    hostile_write(path, bytes, n);
    WebPFree(bytes);
    damage(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg),        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_webp),        cmocka_unit_test(test_png),
        cmocka_unit_test(test_bombs),       cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_damage),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
