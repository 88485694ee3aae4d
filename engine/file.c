/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool open_regular(const char *path, int *fd, size_t *bytes, struct fit_error *error)
{
    struct stat status;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return fit_fail(error, FIT_ERROR_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(*fd, &status) || !S_ISREG(status.st_mode)) {
        close(*fd);
        return fit_fail(error, FIT_ERROR_FILE, "%s: is not a regular file", path);
    }
    *bytes = (size_t)status.st_size;
    return true;
}

bool fit_mapping_open(struct fit_mapping *mapping, const char *path, struct fit_error *error)
{
    *mapping = (struct fit_mapping){0};
    int fd;
    if (!open_regular(path, &fd, &mapping->bytes, error))
        return false;
    if (mapping->bytes) {
        void *data = mmap(NULL, mapping->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            int cause = errno;
            close(fd);
            mapping->bytes = 0;
            return fit_fail(error, FIT_ERROR_FILE, "%s: cannot be mapped: %s", path,
                            strerror(cause));
        }
        mapping->data = data;
    }
    close(fd);
    return true;
}

void fit_mapping_close(struct fit_mapping *mapping)
{
    if (mapping->data)
        munmap((void *)mapping->data, mapping->bytes);
    *mapping = (struct fit_mapping){0};
}

void fit_mapping_release(const void *data, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)data;
    uintptr_t first = begin / page * page, end = (begin + bytes) / page * page;
    if (first < end)
        madvise((void *)first, end - first, MADV_DONTNEED);
}

char *fit_file_read_text(const char *path, size_t limit, struct fit_error *error)
{
    int fd;
    size_t bytes, done = 0;
    if (!open_regular(path, &fd, &bytes, error))
        return NULL;
    char *text = bytes <= limit ? malloc(bytes + 1) : NULL;
    if (!text) {
        close(fd);
        fit_fail(error, bytes <= limit ? FIT_ERROR_MEMORY : FIT_ERROR_FILE,
                 "%s: has %zu bytes, at most %zu are expected", path, bytes, limit);
        return NULL;
    }
    while (done < bytes) {
        ssize_t n = read(fd, text + done, bytes - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    close(fd);
    text[done] = '\0';
    if (done == bytes)
        return text;
    free(text);
    fit_fail(error, FIT_ERROR_FILE, "%s: ended after %zu of %zu bytes", path, done, bytes);
    return NULL;
}

bool fit_writer_open(struct fit_writer *writer, const char *path, struct fit_error *error)
{
    *writer = (struct fit_writer){0};
    if (strlen(path) >= sizeof writer->path)
        return fit_fail(error, FIT_ERROR_FILE, "the path of %zu bytes is too long", strlen(path));
    strcpy(writer->path, path);
    snprintf(writer->temporary, sizeof writer->temporary, "%s.XXXXXX", path);
    int fd = mkostemp(writer->temporary, O_CLOEXEC);
    if (fd < 0)
        return fit_fail(error, FIT_ERROR_FILE, "%s: cannot be written: %s", path,
                        strerror(errno));
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    writer->stream = fdopen(fd, "wb");
    if (!writer->stream) {
        close(fd);
        unlink(writer->temporary);
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory to write it", path);
    }
    return true;
}

bool fit_writer_write(struct fit_writer *writer, const void *data, size_t bytes,
                      struct fit_error *error)
{
    if (fwrite(data, 1, bytes, writer->stream) == bytes) {
        if (writer->tap)
            writer->tap(writer->tap_data, data, bytes);
        return true;
    }
    fit_fail(error, FIT_ERROR_FILE, "%s: writing failed: %s", writer->path, strerror(errno));
    fit_writer_abort(writer);
    return false;
}

bool fit_writer_commit(struct fit_writer *writer, struct fit_error *error)
{
    bool ok = fflush(writer->stream) == 0 && fsync(fileno(writer->stream)) == 0;
    ok = fclose(writer->stream) == 0 && ok;
    writer->stream = NULL;
    if (ok && rename(writer->temporary, writer->path) == 0)
        return true;
    int cause = errno;
    unlink(writer->temporary);
    return fit_fail(error, FIT_ERROR_FILE, "%s: writing failed: %s", writer->path,
                    strerror(cause));
}

void fit_writer_abort(struct fit_writer *writer)
{
    if (!writer->stream)
        return;
    fclose(writer->stream);
    unlink(writer->temporary);
    writer->stream = NULL;
}

bool fit_file_copy(const char *from, const char *to, struct fit_error *error)
{
    struct fit_mapping file;
    struct fit_writer writer;
    if (!fit_mapping_open(&file, from, error))
        return false;
    bool ok = fit_writer_open(&writer, to, error) &&
              fit_writer_write(&writer, file.data, file.bytes, error) &&
              fit_writer_commit(&writer, error);
    fit_mapping_close(&file);
    return ok;
}

bool fit_path_join(char *out, size_t out_bytes, const char *directory, const char *name)
{
    int n = name[0] == '/' ? snprintf(out, out_bytes, "%s", name)
                           : snprintf(out, out_bytes, "%s/%s", directory, name);
    return n >= 0 && (size_t)n < out_bytes;
}
