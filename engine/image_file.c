/* SPDX-License-Identifier: Apache-2.0 */
#include "image_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fit_png.h"

bool image_size_check(int64_t width, int64_t height, const char *path, struct fit_error *e)
{
    if (width >= 1 && height >= 1 && width <= IMAGE_MAX_SIDE && height <= IMAGE_MAX_SIDE &&
        width * height <= IMAGE_MAX_PIXELS)
        return true;
    return fit_fail(e, FIT_ERROR_FILE,
                    "%s: claims %" PRId64 "x%" PRId64 " pixels; at most %d a side and %d million "
                    "together are read", path, width, height, IMAGE_MAX_SIDE,
                    IMAGE_MAX_PIXELS / 1000000);
}

bool image_allocate(struct image *image, const char *path, struct fit_error *e)
{
    image->rgb = malloc(3 * (size_t)image->width * (size_t)image->height);
    return image->rgb || fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for %dx%d pixels", path,
                                  image->width, image->height);
}

void image_finish(struct image *image)
{
    free(image->rgb);
    *image = (struct image){0};
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The size stands in the first chunk, IHDR, behind the signature. */
static bool read_png(struct image *image, const struct fit_mapping *file, const char *path,
                     struct fit_error *e)
{
    if (file->bytes < 24)
        return fit_fail(e, FIT_ERROR_FILE, "%s: is a damaged PNG: it ends too early", path);
    if (!image_size_check(big_endian(file->data + 16), big_endian(file->data + 20), path, e))
        return false;
    image->rgb = fit_png_decode_rgb(file, path, &image->width, &image->height, e);
    return image->rgb != NULL;
}

bool image_read(struct image *image, const struct fit_mapping *file, const char *path,
                struct fit_error *e)
{
    static const struct {
        size_t at;
        const char *signature;
        bool (*read)(struct image *image, const struct fit_mapping *file, const char *path,
                     struct fit_error *e);
    } formats[] = {
        {0, "\x89PNG\r\n\x1a\n", read_png},
        {0, "\xff\xd8\xff", image_read_jpeg},
        {8, "WEBP", image_read_webp},
    };
    *image = (struct image){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t n = strlen(formats[i].signature), at = formats[i].at;
        if (file->bytes < at + n || memcmp(file->data + at, formats[i].signature, n))
            continue;
        if (formats[i].read(image, file, path, e))
            return true;
        image_finish(image);
        return false;
    }
    return fit_fail(e, FIT_ERROR_FILE, "%s: is neither a PNG nor a JPEG nor a WebP picture", path);
}
