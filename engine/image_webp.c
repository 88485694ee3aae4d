/* SPDX-License-Identifier: Apache-2.0 */
#include <webp/decode.h>

#include <stdlib.h>

#include "image_file.h"

/* rgba over white, rounded to nearest. */
static void flatten(uint8_t *rgb, const uint8_t *rgba, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) {
        int alpha = rgba[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

static bool decode(struct image *image, const struct fit_mapping *file, bool has_alpha)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    int width = image->width;
    if (!has_alpha)
        return WebPDecodeRGBInto(file->data, file->bytes, image->rgb, 3 * pixels, 3 * width);
    uint8_t *rgba = malloc(4 * pixels);
    bool ok = rgba && WebPDecodeRGBAInto(file->data, file->bytes, rgba, 4 * pixels, 4 * width);
    if (ok)
        flatten(image->rgb, rgba, pixels);
    free(rgba);
    return ok;
}

bool image_read_webp(struct image *image, const struct fit_mapping *file, const char *path,
                     struct fit_error *e)
{
    WebPBitstreamFeatures found;
    if (WebPGetFeatures(file->data, file->bytes, &found) != VP8_STATUS_OK)
        return fit_fail(e, FIT_ERROR_FILE, "%s: is a damaged WebP: its header cannot be read",
                        path);
    if (found.has_animation)
        return fit_fail(e, FIT_ERROR_FILE, "%s: is an animation, not a picture", path);
    if (!image_size_check(found.width, found.height, path, e))
        return false;
    image->width = found.width;
    image->height = found.height;
    return image_allocate(image, path, e) &&
           (decode(image, file, found.has_alpha) ||
            fit_fail(e, FIT_ERROR_FILE, "%s: is a damaged WebP: its pixels cannot be read", path));
}
