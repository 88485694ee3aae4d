/* SPDX-License-Identifier: Apache-2.0 */
#include "picture_prepare.h"

#include <math.h>
#include <string.h>

#include "resample.h"

void picture_resize_shape(double width, double height, int side, int *out_width, int *out_height)
{
    const int q = PICTURE_QUANTUM;
    double w = width, h = height;
    if (width * height >= (double)side * side) {
        w = sqrt(width / height) * side;
        h = w * height / width;
    } else if (width < q) {
        w = q;
        h = q * height / width;
    } else if (height < q) {
        h = q;
        w = q * width / height;
    }
    *out_width = (int)floor(w / q) * q;
    *out_height = (int)floor(h / q) * q;
}

bool picture_resize(struct image *out, const struct image *in, int side, const char *path,
                    struct fit_error *e)
{
    int width, height;
    picture_resize_shape(in->width, in->height, side, &width, &height);
    if (!width || !height || (int64_t)width * height > (int64_t)side * side)
        return fit_fail(e, FIT_ERROR_FILE,
                        "%s: %dx%d pixels are too long and thin for an area of %dx%d", path,
                        in->width, in->height, side, side);
    *out = (struct image){.width = width, .height = height};
    return resample(out, in, RESAMPLE_BICUBIC, path, e);
}

bool picture_has_crop(const struct image *in, int side)
{
    return in->width > side && in->height > side;
}

/* Halves until the shorter side is below 2 side; `work` holds the result where there was any. */
static bool halve(struct image *work, const struct image *in, int side, const char *path,
                  struct fit_error *e)
{
    const struct image *from = in;
    while ((from->width < from->height ? from->width : from->height) >= 2 * side) {
        struct image half = {.width = from->width / 2, .height = from->height / 2};
        if (!resample(&half, from, RESAMPLE_BOX, path, e))
            return false;
        image_finish(work);
        *work = half;
        from = work;
    }
    return true;
}

static bool cut_middle(struct image *out, const struct image *in, int side, const char *path,
                       struct fit_error *e)
{
    int left = (in->width - side) / 2, top = (in->height - side) / 2;
    *out = (struct image){.width = side, .height = side};
    if (!image_allocate(out, path, e))
        return false;
    for (int y = 0; y < side; y++)
        memcpy(out->rgb + 3 * (size_t)y * (size_t)side,
               in->rgb + 3 * ((size_t)(top + y) * (size_t)in->width + (size_t)left),
               3 * (size_t)side);
    return true;
}

bool picture_crop(struct image *out, const struct image *in, int side, const char *path,
                  struct fit_error *e)
{
    struct image half = {0}, scaled = {0};
    bool ok = halve(&half, in, side, path, e);
    const struct image *from = half.rgb ? &half : in;
    double scale = (double)side / (from->width < from->height ? from->width : from->height);
    /* rint takes halves to the even neighbour, as Python's round does. */
    scaled.width = (int)rint(from->width * scale);
    scaled.height = (int)rint(from->height * scale);
    ok = ok && resample(&scaled, from, RESAMPLE_BICUBIC, path, e) &&
         cut_middle(out, &scaled, side, path, e);
    image_finish(&scaled);
    image_finish(&half);
    return ok;
}
