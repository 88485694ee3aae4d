/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "fit_png.h"

enum { SIDE = 6 };

static const char settings[] =
    "{\"schema\":1,\"model\":\"M\",\"model_sha256\":\"\",\"class_id\":3,\"class\":\"Sea\","
    "\"width\":64,\"height\":48,\"seed\":\"18446744073709551615\",\"index\":2,\"steps\":20,"
    "\"solver\":\"heun\",\"guidance\":2.5,\"guidance_power\":0,\"method\":\"vision-ntk\","
    "\"backend\":\"cpu\",\"pixels_sha256\":\"\"}";

static bool read_rgb(const char *path, struct fit_error *error)
{
    int width, height;
    uint8_t *rgb = fit_png_read_rgb(path, &width, &height, error);
    if (!rgb)
        return false;
    hostile_touch(rgb, 3 * (size_t)width * (size_t)height);
    free(rgb);
    return true;
}

static bool read_settings(const char *path, struct fit_error *error)
{
    struct fit_settings out;
    return fit_settings_read_png(path, &out, error);
}

static void fill(uint8_t *rgba)
{
    for (int i = 0; i < SIDE * SIDE * 4; i++)
        rgba[i] = (uint8_t)(i * 37 + i / 7);
}

static const char *write_picture(const char *json)
{
    uint8_t rgba[SIDE * SIDE * 4];
    struct fit_error error = {0};
    const char *path = hostile_path("picture.png");
    fill(rgba);
    if (!fit_picture_write_png(path, rgba, SIDE, SIDE, "A text\nof two lines, \xc3\xa9", json,
                               &error))
        fail_msg("%s", error.message);
    return path;
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t rgba[SIDE * SIDE * 4];
    struct fit_error error = {0};
    int width, height;
    const char *path = write_picture(settings);
    uint8_t *rgb = fit_png_read_rgb(path, &width, &height, &error);
    assert_non_null(rgb);
    assert_int_equal(width, SIDE);
    assert_int_equal(height, SIDE);
    fill(rgba);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        assert_int_equal(rgb[i], rgba[i / 3 * 4 + i % 3]);
    free(rgb);
    char *text = fit_png_read_text(path, "parameters", &error);
    assert_string_equal(text, "A text\nof two lines, \xc3\xa9");
    free(text);

    struct fit_settings out;
    if (!fit_settings_read_png(path, &out, &error))
        fail_msg("%s", error.message);
    assert_true(out.params.seed == UINT64_MAX);
    assert_int_equal(out.params.class_id, 3);
    assert_int_equal(out.params.index, 2);
    assert_int_equal(out.params.solver, FIT_SOLVER_HEUN);
    assert_int_equal(out.params.method, FIT_METHOD_VISION_NTK);
    assert_true(out.params.guidance == 2.5);
    assert_string_equal(out.class_name, "Sea");
}

/* Every layout of pixels that PNG has comes out as rgb, what is transparent on white. */
static void test_layouts(void **state)
{
    (void)state;
    static const uint8_t gray[] = {0, 128}, ga[] = {10, 255, 10, 0}, rgba[] = {1, 2, 3, 255, 1, 2,
                                                                             3, 0};
    static const uint16_t wide[] = {0, 0, 0, 65535, 65535, 65535, 65535, 65535};
    static const uint8_t map[] = {9, 8, 7, 255, 0, 0, 0, 0}, indices[] = {0, 1};
    static const struct {
        png_uint_32 format;
        const void *pixels, *map;
        uint8_t rgb[6];
    } cases[] = {
        {PNG_FORMAT_GRAY, gray, NULL, {0, 0, 0, 128, 128, 128}},
        {PNG_FORMAT_GA, ga, NULL, {10, 10, 10, 255, 255, 255}},
        {PNG_FORMAT_RGBA, rgba, NULL, {1, 2, 3, 255, 255, 255}},
        {PNG_FORMAT_LINEAR_RGB_ALPHA, wide, NULL, {0, 0, 0, 255, 255, 255}},
        {PNG_FORMAT_RGBA_COLORMAP, indices, map, {9, 8, 7, 255, 255, 255}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int width, height;
        struct fit_error error = {0};
        const char *path = hostile_path("layout.png");
        png_image image = {.version = PNG_IMAGE_VERSION, .width = 2, .height = 1,
                           .format = cases[i].format, .colormap_entries = cases[i].map ? 2 : 0};
        assert_int_not_equal(
            png_image_write_to_file(&image, path, 0, cases[i].pixels, 0, cases[i].map), 0);
        uint8_t *rgb = fit_png_read_rgb(path, &width, &height, &error);
        if (!rgb)
            fail_msg("%s", error.message);
        assert_int_equal(width, 2);
        assert_int_equal(height, 1);
        assert_memory_equal(rgb, cases[i].rgb, 6);
        free(rgb);
    }
}

static uint32_t crc(const uint8_t *bytes, size_t n)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= bytes[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    }
    return ~c;
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Makes every chunk's sum right again, so that damage reaches what lies behind it. */
static void mend_sums(uint8_t *bytes, size_t n)
{
    for (size_t at = 8; at + 12 <= n;) {
        size_t length = big_endian(bytes + at);
        if (length > n - at - 12)
            return;
        uint32_t sum = crc(bytes + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

static void test_damage(void **state)
{
    (void)state;
    size_t n;
    const char *path = write_picture(settings);
    uint8_t *good = hostile_read(path, &n);
    mend_sums(good, n);
    hostile_write(path, good, n);
    assert_true(hostile_try(read_rgb, path)); /* the sums are libpng's */
    assert_int_equal(hostile_truncate(read_rgb, path, good, n - 12, n), 0);
    hostile_truncate(read_settings, path, good, n, n);
    hostile_flip(read_rgb, path, good, n, 0, n, 1500, NULL);
    hostile_flip(read_rgb, path, good, n, 8, n, 3000, mend_sums);
    hostile_flip(read_settings, path, good, n, 8, n, 3000, mend_sums);
    free(good);
}

/* IHDR begins at byte 8: length, name, then width and height from byte 16. */
static void test_impossible_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{0, 6}, {6, 0}, {UINT32_MAX, 6}, {6, UINT32_MAX},
                                        {1u << 31, 1}, {16385, 6}, {6, 16385}, {1u << 20, 1u << 20}};
    size_t n;
    const char *path = write_picture(settings);
    uint8_t *bytes = hostile_read(path, &n);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (int i = 0; i < 8; i++)
            bytes[16 + i] = (uint8_t)(sizes[k][i / 4] >> (24 - 8 * (i % 4)));
        mend_sums(bytes, n);
        hostile_write(path, bytes, n);
        hostile_refused(read_rgb, path, "is a damaged PNG");
    }
    free(bytes);
}

static void test_not_a_png(void **state)
{
    (void)state;
    const char *path = hostile_path("other.png");
    hostile_write(path, "", 0);
    hostile_refused(read_rgb, path, "is not a PNG file");
    hostile_write(path, "\x89PNG\r\n\x1a", 7);
    hostile_refused(read_rgb, path, "is not a PNG file");
    hostile_write(path, "GIF89a, or so it says", 21);
    hostile_refused(read_settings, path, "is not a PNG file");
    hostile_refused(read_rgb, "/nonexistent.png", "cannot be opened");
    hostile_refused(read_settings, write_picture(NULL), "holds no \"limn\" text");
}

/* The JSON of the settings with `from` replaced by `to`. */
static const char *with(const char *from, const char *to)
{
    static char json[1024];
    const char *at = strstr(settings, from);
    assert_non_null(at);
    snprintf(json, sizeof json, "%.*s%s%s", (int)(at - settings), settings, to,
             at + strlen(from));
    return json;
}

static void test_settings_that_cannot_be(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"\"schema\":1", "\"schema\":2", "schema"},
        {"\"schema\":1,", "", "schema"},
        {"\"class_id\":3", "\"class_id\":-2", "class_id"},
        {"\"class_id\":3", "\"class_id\":\"3\"", "class_id"},
        {"\"width\":64", "\"width\":0", "width"},
        {"\"width\":64", "\"width\":1e99", "width"},
        {"\"height\":48", "\"height\":[48]", "height"},
        {"\"height\":48", "\"height\":48,\"crop_width\":65,\"crop_height\":48", "crop_width"},
        {"\"height\":48", "\"height\":48,\"crop_width\":60,\"crop_height\":0", "crop_height"},
        {"\"height\":48", "\"height\":48,\"crop_height\":40", "crop_width"},
        {"\"seed\":\"18446744073709551615\"", "\"seed\":7", "seed"},
        {"18446744073709551615", "18446744073709551616", "seed"},
        {"18446744073709551615", "-1", "seed"},
        {"18446744073709551615", "", "seed"},
        {"\"index\":2", "\"index\":-1", "index"},
        {"\"steps\":20", "\"steps\":1001", "steps"},
        {"\"steps\":20", "\"steps\":null", "steps"},
        {"heun", "hein", "solver"},
        {"\"guidance\":2.5", "\"guidance\":0.5", "guidance"},
        {"\"guidance\":2.5", "\"guidance\":true", "guidance"},
        {"\"guidance_power\":0", "\"guidance_power\":-1", "guidance_power"},
        {"vision-ntk", "visionary", "method"},
        {"\"class\":\"Sea\"", "\"class\":{}", "class"},
        {"}", "", "are not JSON"},
        {"\"schema\":1", "\"schema\":1,\"schema\":1", "are not JSON"},
        {"{\"schema\"", "[{\"schema\"", "are not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        hostile_refused(read_settings, write_picture(with(cases[i][0], cases[i][1])),
                        cases[i][2]);
    hostile_refused(read_settings, write_picture("[]"), "are not JSON");
    hostile_refused(read_settings, write_picture(""), "are not JSON");
}

static bool read_foreign(const char *path, struct fit_error *error)
{
    struct fit_foreign_settings out;
    bool ok = fit_foreign_settings_read_png(path, &out, error);
    assert_true(memchr(out.ignored, '\0', sizeof out.ignored));
    return ok;
}

static const char *write_foreign(const char *text)
{
    uint8_t rgba[SIDE * SIDE * 4];
    struct fit_error error = {0};
    const char *path = hostile_path("foreign.png");
    fill(rgba);
    if (!fit_picture_write_png(path, rgba, SIDE, SIDE, text, NULL, &error))
        fail_msg("%s", error.message);
    return path;
}

static void test_other_programs(void **state)
{
    (void)state;
    struct fit_foreign_settings s;
    struct fit_error error = {0};
    const char *path = write_foreign(
        "a castle, Steps: 3\nNegative prompt: fog\nSteps: 28, Sampler: heun, CFG scale: 7.5, "
        "Seed: 18446744073709551615, Size: 512x768, Model hash: 1a2b, Model: \"one, two: 3\", "
        "Clip skip: 2");
    if (!fit_foreign_settings_read_png(path, &s, &error))
        fail_msg("%s", error.message);
    assert_int_equal(s.steps, 28);
    assert_true(s.has_seed && s.seed == UINT64_MAX);
    assert_true(s.guidance == 7.5);
    assert_int_equal(s.width, 512);
    assert_int_equal(s.height, 768);
    assert_true(s.has_solver && s.solver == FIT_SOLVER_HEUN);
    assert_string_equal(s.ignored, "prompt, Model hash, Model, Clip skip");

    /* Out of range is not understood, and nothing else suffers. */
    assert_true(fit_foreign_settings_read_png(
        write_foreign("Steps: 0, Seed: -4, CFG scale: 1e9, Size: 0x7, Sampler: Euler a, Seed: 9"), &s,
        &error));
    assert_int_equal(s.steps, 0);
    assert_true(s.has_seed && s.seed == 9);
    assert_true(s.guidance == 0 && s.width == 0 && !s.has_solver);
    assert_string_equal(s.ignored, "Steps, Seed, CFG scale, Size, Sampler");
    hostile_refused(read_foreign, write_foreign("a castle"), "no settings");
    hostile_refused(read_foreign, write_foreign(""), "no settings");
}

static void test_other_programs_damaged(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Steps:", "Steps: ", "Steps: 5,", "Steps: 5, :", "Steps: 5, \"", "Steps: 5, a: \"b", ",,,,",
        "Steps: 5, a: \"b\\", "Steps: 5\nSteps: 6", "Steps: 99999999999999999999, Size: 9x",
    };
    size_t n;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hostile_try(read_foreign, write_foreign(texts[i]));
    const char *path = write_foreign("x\nSteps: 28, CFG scale: 7, Seed: 4, Size: 512x768, B: \"c\"");
    uint8_t *good = hostile_read(path, &n);
    hostile_flip(read_foreign, path, good, n, 8, n, 500, NULL);
    hostile_truncate(read_foreign, path, good, n, 200);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_not_a_png),
        cmocka_unit_test(test_settings_that_cannot_be),
        cmocka_unit_test(test_other_programs),
        cmocka_unit_test(test_other_programs_damaged),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
