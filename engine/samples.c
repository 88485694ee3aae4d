/* SPDX-License-Identifier: Apache-2.0 */
#include "fit/fit-samples.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "file.h"
#include "fk_philox.h"
#include "npy.h"

#define PART ".part"
#define FIRST_OF_1980 0x21 /* the first day that a zip can name */
#define MAX_HEADER (16 << 10) /* bytes of the line of settings */

struct fit_samples {
    char path[4096], part[4096 + sizeof PART];
    int fd;       /* PART, locked */
    int width, height;
    off_t header; /* bytes before the pixels */
    int64_t count;
    uint8_t *rgb; /* one picture */
};

static size_t picture_bytes(const struct fit_samples *s)
{
    return 3 * (size_t)s->width * (size_t)s->height;
}

/* ---- the collected pictures ---- */

static bool write_all(const struct fit_samples *s, const void *data, size_t bytes, off_t at,
                      struct fit_error *error)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n =
            pwrite(s->fd, (const uint8_t *)data + done, bytes - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fit_fail(error, FIT_ERROR_FILE, "%s: writing failed: %s", s->part,
                            strerror(errno));
        done += (size_t)n;
    }
    return true;
}

/* The settings as one line; NULL when they are not an object or too many. */
static char *make_header(json_t *settings, int width, int height)
{
    if (!json_is_object(settings))
        return NULL;
    json_object_set_new(settings, "format", json_string("limn-samples-1"));
    json_object_set_new(settings, "width", json_integer(width));
    json_object_set_new(settings, "height", json_integer(height));
    char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    size_t length = text ? strlen(text) : MAX_HEADER;
    char *line = length < MAX_HEADER ? malloc(length + 2) : NULL;
    if (line)
        sprintf(line, "%s\n", text);
    free(text);
    return line;
}

static void quote(json_t *value, char *out, size_t bytes)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(out, bytes, "%.60s", text ? text : "nothing");
    free(text);
}

/* Says which setting differs when this one does. */
static bool check_setting(const struct fit_samples *s, const char *key, json_t *there,
                          json_t *here, struct fit_error *error)
{
    char is[64], should[64];
    if (there && here && json_equal(there, here))
        return true;
    quote(there, is, sizeof is);
    quote(here, should, sizeof should);
    return fit_fail(error, FIT_ERROR_FILE,
                    "%s: holds pictures of other settings: %.60s is %s there and %s here; remove "
                    "it, or give another name",
                    s->part, key, is, should);
}

static void refuse_difference(const struct fit_samples *s, json_t *there, json_t *here,
                              struct fit_error *error)
{
    const char *key;
    json_t *value;
    bool same = true;
    json_object_foreach(here, key, value)
        if (same)
            same = check_setting(s, key, json_object_get(there, key), value, error);
    json_object_foreach(there, key, value)
        if (same)
            same = check_setting(s, key, value, json_object_get(here, key), error);
    if (same)
        fit_fail(error, FIT_ERROR_FILE, "%s: holds pictures of another form", s->part);
}

/* Whether the file begins with this header; otherwise says what it has instead. */
static bool check_header(struct fit_samples *s, const char *header, json_t *wanted,
                         struct fit_error *error)
{
    char *line = calloc(1, MAX_HEADER + 1);
    ssize_t n = line ? pread(s->fd, line, MAX_HEADER, 0) : -1;
    if (n >= (ssize_t)strlen(header) && !memcmp(line, header, strlen(header))) {
        free(line);
        return true;
    }
    char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
    json_t *found = end ? json_loadb(line, (size_t)(end - line), 0, NULL) : NULL;
    free(line);
    if (json_is_object(found) && json_object_get(found, "format"))
        refuse_difference(s, found, wanted, error);
    else
        fit_fail(error, FIT_ERROR_FILE, "%s: is not a file of collected pictures", s->part);
    json_decref(found);
    return false;
}

static bool begin(struct fit_samples *s, const char *header, json_t *settings,
                  struct fit_error *error)
{
    struct stat status;
    s->header = (off_t)strlen(header);
    if (fstat(s->fd, &status) || !S_ISREG(status.st_mode))
        return fit_fail(error, FIT_ERROR_FILE, "%s: is not a regular file", s->part);
    if (status.st_size == 0)
        return write_all(s, header, strlen(header), 0, error);
    if (!check_header(s, header, settings, error))
        return false;
    s->count = (status.st_size - s->header) / (off_t)picture_bytes(s);
    return true;
}

static bool open_part(struct fit_samples *s, const char *path, struct fit_error *error)
{
    if (strlen(path) >= sizeof s->path)
        return fit_fail(error, FIT_ERROR_FILE, "the path of %zu bytes is too long", strlen(path));
    strcpy(s->path, path);
    snprintf(s->part, sizeof s->part, "%s" PART, path);
    if (access(path, F_OK) == 0)
        return fit_fail(error, FIT_ERROR_FILE, "%s: is there already; give another name", path);
    s->fd = open(s->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->fd < 0)
        return fit_fail(error, FIT_ERROR_FILE, "%s: cannot be written: %s", s->part,
                        strerror(errno));
    return flock(s->fd, LOCK_EX | LOCK_NB) == 0 ||
           fit_fail(error, FIT_ERROR_FILE, "%s: another process is adding to it", s->part);
}

bool fit_samples_open(struct fit_samples **out, const char *path, const char *text, int width,
                      int height, struct fit_error *error)
{
    struct fit_samples *s = *out = calloc(1, sizeof *s);
    json_t *settings = json_loads(text, 0, NULL);
    char *header = make_header(settings, width, height);
    if (s)
        *s = (struct fit_samples){.fd = -1, .width = width, .height = height};
    bool ok = s && header && (s->rgb = malloc(picture_bytes(s)));
    if (!ok)
        fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its settings and a picture", path);
    ok = ok && open_part(s, path, error) && begin(s, header, settings, error);
    free(header);
    json_decref(settings);
    if (!ok)
        fit_samples_close(out);
    return ok;
}

int64_t fit_samples_count(const struct fit_samples *samples)
{
    return samples->count;
}

bool fit_samples_add(struct fit_samples *s, const uint8_t *rgba, struct fit_error *error)
{
    size_t bytes = picture_bytes(s);
    for (size_t i = 0; i < bytes / 3; i++)
        memcpy(s->rgb + 3 * i, rgba + 4 * i, 3);
    if (!write_all(s, s->rgb, bytes, s->header + (off_t)bytes * s->count, error))
        return false;
    s->count++;
    return true;
}

void fit_samples_close(struct fit_samples **handle)
{
    struct fit_samples *s = *handle;
    *handle = NULL;
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s->rgb);
    free(s);
}

int fit_samples_random_class(uint64_t seed, int64_t index, int n_classes)
{
    enum { STREAM = 0x636c6173 }; /* "clas": no image of a seed has this stream */
    struct fk_philox_counter c = {
        {(uint32_t)index, (uint32_t)((uint64_t)index >> 32), 0, STREAM}};
    c = fk_philox4x32_10(c, (uint32_t)seed, (uint32_t)(seed >> 32));
    return (int)((uint64_t)c.word[0] * (uint64_t)n_classes >> 32);
}

/* ---- the .npz ---- */

/* Adds an array of which the header and the data lie in memory until the archive is closed. */
static bool add_array(zip_t *zip, const char *name, const char *header, size_t header_bytes,
                      const void *data, size_t bytes)
{
    zip_buffer_fragment_t parts[] = {
        {(zip_uint8_t *)header, header_bytes},
        {(zip_uint8_t *)data, bytes},
    };
    zip_source_t *source = zip_source_buffer_fragment(zip, parts, 2, 0);
    zip_int64_t place = source ? zip_file_add(zip, name, source, 0) : -1;
    if (source && place < 0)
        zip_source_free(source);
    /* No time of day: the same pictures are the same bytes. */
    return place >= 0 &&
           zip_set_file_compression(zip, (zip_uint64_t)place, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, (zip_uint64_t)place, 0, FIRST_OF_1980, 0) == 0;
}

static bool write_npz(const struct fit_samples *s, const uint8_t *pixels, const int64_t *classes,
                      int64_t n, struct fit_error *error)
{
    char images[FIT_NPY_MAX_HEADER], labels[FIT_NPY_MAX_HEADER];
    const int64_t shape[] = {n, s->height, s->width, 3};
    size_t images_bytes = fit_npy_header(images, "|u1", 4, shape);
    size_t labels_bytes = fit_npy_header(labels, "<i8", 1, shape);
    int code;
    zip_t *zip = zip_open(s->path, ZIP_CREATE | ZIP_EXCL, &code);
    if (!zip) {
        zip_error_t cause;
        zip_error_init_with_code(&cause, code);
        fit_fail(error, FIT_ERROR_FILE, "%s: cannot be written: %s", s->path,
                 zip_error_strerror(&cause));
        zip_error_fini(&cause);
        return false;
    }
    /* libzip writes beside it and renames. */
    if (add_array(zip, "arr_0.npy", images, images_bytes, pixels, picture_bytes(s) * (size_t)n) &&
        add_array(zip, "arr_1.npy", labels, labels_bytes, classes, sizeof *classes * (size_t)n) &&
        zip_close(zip) == 0)
        return true;
    fit_fail(error, FIT_ERROR_FILE, "%s: writing failed: %s", s->path, zip_strerror(zip));
    zip_discard(zip);
    return false;
}

bool fit_samples_finish(struct fit_samples *s, const int64_t *classes, int64_t n,
                        struct fit_error *error)
{
    struct fit_mapping part;
    if (n < 1 || n > s->count)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "%s: holds %lld pictures, not %lld", s->part,
                        (long long)s->count, (long long)n);
    if (!fit_mapping_open(&part, s->part, error))
        return false;
    bool ok = write_npz(s, part.data + s->header, classes, n, error);
    fit_mapping_close(&part);
    if (ok)
        unlink(s->part);
    return ok;
}
