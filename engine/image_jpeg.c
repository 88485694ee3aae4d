/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg. What the library takes for a warning and fills with grey is damage here;
 * CMYK follows Adobe's convention of inverted ink, as every program that writes it does. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "image_file.h"

/* Progressive files of programs have some ten scans; thousands cost time without bound. */
enum { MOST_SCANS = 100 };

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
    uint8_t *row;
};

static void fail(j_common_ptr jpeg)
{
    struct decoder *d = jpeg->client_data;
    jpeg->err->format_message(jpeg, d->message);
    longjmp(d->back, 1);
}

static void warn(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC: fail(jpeg);
    default: break; /* something beside the pixels */
    }
}

static void count_scans(j_common_ptr jpeg)
{
    struct decoder *d = jpeg->client_data;
    if (d->jpeg.input_scan_number <= MOST_SCANS)
        return;
    snprintf(d->message, sizeof d->message, "it has more than %d scans", MOST_SCANS);
    longjmp(d->back, 1);
}

static bool read_header(struct decoder *d, const struct fit_mapping *file)
{
    if (setjmp(d->back))
        return false;
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.client_data = d;
    d->jpeg.progress = &d->progress;
    jpeg_mem_src(&d->jpeg, file->data, file->bytes);
    jpeg_save_markers(&d->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&d->jpeg, TRUE);
    return true;
}

/* x y / 255, rounded to nearest. */
static int product(int x, int y)
{
    int z = x * y + 128;
    return (z + (z >> 8)) >> 8;
}

static void from_inks(uint8_t *rgb, const uint8_t *cmyk, int width)
{
    for (int x = 0; x < width; x++, rgb += 3, cmyk += 4)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(cmyk[3] - product(255 - cmyk[c], cmyk[3]));
}

static bool read_pixels(struct decoder *d, struct image *image)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    if (setjmp(d->back))
        return false;
    jpeg->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = image->rgb + 3 * (size_t)jpeg->output_scanline * (size_t)image->width;
        uint8_t *row = inks ? d->row : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (inks)
            from_inks(to, row, image->width);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

/* ---- orientation ---- */

static unsigned number(const uint8_t *at, int bytes, bool little)
{
    unsigned value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[little ? bytes - 1 - i : i];
    return value;
}

/* Exif's tag 0x0112 of the first directory, 1 to 8; 1 (upright) where there is none. */
static int orientation(const struct jpeg_decompress_struct *jpeg)
{
    const struct jpeg_marker_struct *marker = jpeg->marker_list;
    while (marker && (marker->marker != JPEG_APP0 + 1 || marker->data_length < 14 ||
                      memcmp(marker->data, "Exif\0\0", 6)))
        marker = marker->next;
    if (!marker)
        return 1;
    const uint8_t *tiff = marker->data + 6;
    size_t bytes = marker->data_length - 6;
    bool little = tiff[0] == 'I';
    size_t at = number(tiff + 4, 4, little);
    if (at > bytes - 2)
        return 1;
    unsigned n = number(tiff + at, 2, little);
    for (at += 2; n && at + 12 <= bytes; n--, at += 12)
        if (number(tiff + at, 2, little) == 0x0112) {
            unsigned value = number(tiff + at + 8, 2, little);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    return 1;
}

/* Brings the picture upright. From 5 on, rows become columns; some run backwards. */
static bool turn(struct image *image, int how, const char *path, struct fit_error *e)
{
    struct image out = {.width = image->width, .height = image->height};
    bool transpose = how >= 5;
    if (transpose) {
        out.width = image->height;
        out.height = image->width;
    }
    if (!image_allocate(&out, path, e))
        return false;
    bool flip_x = how == 2 || how == 3 || how == 7 || how == 8;
    bool flip_y = how == 3 || how == 4 || how == 6 || how == 7;
    uint8_t *to = out.rgb;
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++, to += 3) {
            int column = transpose ? y : x, row = transpose ? x : y;
            column = flip_x ? image->width - 1 - column : column;
            row = flip_y ? image->height - 1 - row : row;
            memcpy(to, image->rgb + 3 * ((size_t)row * (size_t)image->width + (size_t)column), 3);
        }
    image_finish(image);
    *image = out;
    return true;
}

static bool decode(struct decoder *d, struct image *image, const struct fit_mapping *file,
                   const char *path, struct fit_error *e)
{
    if (!read_header(d, file))
        return fit_fail(e, FIT_ERROR_FILE, "%s: is a damaged JPEG: %s", path, d->message);
    if (!image_size_check(d->jpeg.image_width, d->jpeg.image_height, path, e))
        return false;
    image->width = (int)d->jpeg.image_width;
    image->height = (int)d->jpeg.image_height;
    d->row = malloc(4 * (size_t)image->width);
    if (!d->row)
        return fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory for a row of pixels", path);
    if (!image_allocate(image, path, e))
        return false;
    int how = orientation(&d->jpeg); /* the end of the pixels frees the markers */
    if (!read_pixels(d, image))
        return fit_fail(e, FIT_ERROR_FILE, "%s: is a damaged JPEG: %s", path, d->message);
    return how == 1 || turn(image, how, path, e);
}

bool image_read_jpeg(struct image *image, const struct fit_mapping *file, const char *path,
                     struct fit_error *e)
{
    struct decoder *d = calloc(1, sizeof *d);
    if (!d)
        return fit_fail(e, FIT_ERROR_MEMORY, "%s: no memory to read it", path);
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->jpeg.client_data = d;
    d->errors.error_exit = fail;
    d->errors.emit_message = warn;
    d->progress.progress_monitor = count_scans;
    bool ok = decode(d, image, file, path, e);
    jpeg_destroy_decompress(&d->jpeg);
    free(d->row);
    free(d);
    return ok;
}
