/* SPDX-License-Identifier: Apache-2.0 */
#include "fit_png.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* What a text chunk may hold: our own are below 8 kB; other programs store whole node graphs. */
#define TEXT_LIMIT (4u << 20)
#define CHUNK_LIMIT 64
/* Deflate makes of one byte at most so many. */
#define MOST_EXPANSION 1032

static void failed(png_structp png, png_const_charp message)
{
    snprintf(png_get_error_ptr(png), 128, "%s", message);
    png_longjmp(png, 1);
}

static void warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* ---- writing ---- */

static void write_bytes(png_structp png, png_bytep data, size_t bytes)
{
    if (fwrite(data, 1, bytes, png_get_io_ptr(png)) != bytes)
        png_error(png, "the disk refused the data");
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static void write_picture(png_structp png, png_infop info, const uint8_t *rgba, int width,
                          int height, png_text *texts, int n_texts, uint8_t *row)
{
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB_gAMA_and_cHRM(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_set_text(png, info, texts, n_texts);
    png_write_info(png, info);
    for (int y = 0; y < height; y++) {
        const uint8_t *in = rgba + 4 * (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++)
            memcpy(row + 3 * x, in + 4 * x, 3);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
}

static bool encode(FILE *stream, const uint8_t *rgba, int width, int height, png_text *texts,
                   int n_texts, char message[128])
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, failed, warned);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t *row = malloc(3 * (size_t)width);
    bool ok = false;
    if (!info || !row)
        snprintf(message, 128, "no memory");
    else if (!setjmp(png_jmpbuf(png))) {
        png_set_write_fn(png, stream, write_bytes, flush_nothing);
        write_picture(png, info, rgba, width, height, texts, n_texts, row);
        ok = true;
    }
    free(row);
    png_destroy_write_struct(&png, &info);
    return ok;
}

bool fit_png_write(const char *path, const uint8_t *rgba, int width, int height,
                   const struct fit_png_text *texts, int n_texts, struct fit_error *error)
{
    png_text chunks[8] = {0};
    if (n_texts > 8)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "%s: at most 8 texts, not %d", path, n_texts);
    for (int i = 0; i < n_texts; i++) {
        chunks[i].compression = PNG_ITXT_COMPRESSION_NONE;
        chunks[i].key = (char *)texts[i].keyword;
        chunks[i].text = (char *)texts[i].text;
        chunks[i].itxt_length = strlen(texts[i].text);
        chunks[i].lang = (char *)"";
        chunks[i].lang_key = (char *)"";
    }

    struct fit_writer writer;
    char message[128] = "";
    if (!fit_writer_open(&writer, path, error))
        return false;
    if (!encode(writer.stream, rgba, width, height, chunks, n_texts, message)) {
        fit_writer_abort(&writer);
        return fit_fail(error, FIT_ERROR_FILE, "%s: cannot be written: %s", path, message);
    }
    return fit_writer_commit(&writer, error);
}

/* ---- reading ---- */

struct reader {
    struct fit_mapping mapping; /* borrowed */
    size_t at;
    png_structp png;
    png_infop info;
    char message[128];
};

static void read_bytes(png_structp png, png_bytep data, size_t bytes)
{
    struct reader *reader = png_get_io_ptr(png);
    if (bytes > reader->mapping.bytes - reader->at)
        png_error(png, "it ends too early");
    memcpy(data, reader->mapping.data + reader->at, bytes);
    reader->at += bytes;
}

/* libpng takes memory for a chunk's claimed length before it reads it; so the chunks up to the
 * pixels, which it streams, must lie within the file. */
static bool chunks_fit(const struct fit_mapping *file)
{
    for (size_t at = 8; file->bytes - at >= 12;) {
        const uint8_t *chunk = file->data + at;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 |
                        (size_t)chunk[3];
        if (!memcmp(chunk + 4, "IDAT", 4))
            return true;
        if (length > file->bytes - at - 12)
            return false;
        at += 12 + length;
    }
    return false;
}

static bool reader_open(struct reader *reader, const struct fit_mapping *file, const char *path,
                        struct fit_error *error)
{
    *reader = (struct reader){.mapping = *file};
    if (file->bytes < 8 || png_sig_cmp(file->data, 0, 8))
        return fit_fail(error, FIT_ERROR_FILE, "%s: is not a PNG file", path);
    if (!chunks_fit(file))
        return fit_fail(error, FIT_ERROR_FILE, "%s: is a damaged PNG: it ends before its pixels",
                        path);
    reader->png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, reader->message, failed, warned);
    reader->info = reader->png ? png_create_info_struct(reader->png) : NULL;
    if (!reader->info) {
        png_destroy_read_struct(&reader->png, &reader->info, NULL);
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory to read it", path);
    }
    png_set_read_fn(reader->png, reader, read_bytes);
    png_set_user_limits(reader->png, FIT_PNG_MAX_SIDE, FIT_PNG_MAX_SIDE);
    png_set_chunk_malloc_max(reader->png, TEXT_LIMIT);
    png_set_chunk_cache_max(reader->png, CHUNK_LIMIT);
    return true;
}

static void reader_close(struct reader *reader)
{
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
}

static bool read_header(struct reader *reader)
{
    if (setjmp(png_jmpbuf(reader->png)))
        return false;
    png_read_info(reader->png, reader->info);
    return true;
}

static char *find_text(const struct fit_mapping *file, const char *path, const char *keyword,
                       struct fit_error *error)
{
    struct reader reader;
    char *found = NULL;
    if (!reader_open(&reader, file, path, error))
        return NULL;
    if (!read_header(&reader)) {
        fit_fail(error, FIT_ERROR_FILE, "%s: is a damaged PNG: %s", path, reader.message);
    } else {
        png_textp texts = NULL;
        int n = 0;
        png_get_text(reader.png, reader.info, &texts, &n);
        for (int i = 0; i < n && !found; i++)
            if (!strcmp(texts[i].key, keyword) && texts[i].text)
                found = strdup(texts[i].text);
        if (!found)
            fit_fail(error, FIT_ERROR_FILE, "%s: holds no \"%s\" text", path, keyword);
    }
    reader_close(&reader);
    return found;
}

char *fit_png_read_text(const char *path, const char *keyword, struct fit_error *error)
{
    struct fit_mapping file;
    if (!fit_mapping_open(&file, path, error))
        return NULL;
    char *found = find_text(&file, path, keyword, error);
    fit_mapping_close(&file);
    return found;
}

static void ask_for_rgb8(struct reader *reader)
{
    png_color_16 white = {.red = 255, .green = 255, .blue = 255, .gray = 255};
    png_set_expand(reader->png);
    png_set_strip_16(reader->png);
    png_set_gray_to_rgb(reader->png);
    png_set_background(reader->png, &white, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
    png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
}

static bool read_rows(struct reader *reader, uint8_t *rgb, uint8_t **rows, int height)
{
    if (setjmp(png_jmpbuf(reader->png)))
        return false;
    ask_for_rgb8(reader);
    size_t stride = png_get_rowbytes(reader->png, reader->info);
    for (int y = 0; y < height; y++)
        rows[y] = rgb + (size_t)y * stride;
    png_read_image(reader->png, rows);
    return true;
}

/* A header of a few bytes can promise gigabytes; it is believed as far as the file can hold
 * them. */
static bool can_hold_pixels(struct reader *reader, int height)
{
    size_t row = png_get_rowbytes(reader->png, reader->info);
    if (row * (size_t)height / MOST_EXPANSION <= reader->mapping.bytes)
        return true;
    snprintf(reader->message, sizeof reader->message, "it is too short for its pixels");
    return false;
}

uint8_t *fit_png_decode_rgb(const struct fit_mapping *file, const char *path, int *width,
                            int *height, struct fit_error *error)
{
    struct reader reader;
    uint8_t *rgb = NULL, **rows = NULL;
    if (!reader_open(&reader, file, path, error))
        return NULL;
    bool ok = read_header(&reader);
    if (ok) {
        *width = (int)png_get_image_width(reader.png, reader.info);
        *height = (int)png_get_image_height(reader.png, reader.info);
        ok = can_hold_pixels(&reader, *height);
    }
    if (ok) {
        rgb = malloc(3 * (size_t)*width * (size_t)*height);
        rows = malloc((size_t)*height * sizeof *rows);
        if (!rgb || !rows)
            snprintf(reader.message, sizeof reader.message, "no memory for its pixels");
        ok = rgb && rows && read_rows(&reader, rgb, rows, *height);
    }
    if (!ok) {
        fit_fail(error, FIT_ERROR_FILE, "%s: is a damaged PNG: %s", path, reader.message);
        free(rgb);
        rgb = NULL;
    }
    free(rows);
    reader_close(&reader);
    return rgb;
}

uint8_t *fit_png_read_rgb(const char *path, int *width, int *height, struct fit_error *error)
{
    struct fit_mapping file;
    if (!fit_mapping_open(&file, path, error))
        return NULL;
    uint8_t *rgb = fit_png_decode_rgb(&file, path, width, height, error);
    fit_mapping_close(&file);
    return rgb;
}
