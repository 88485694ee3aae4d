/* SPDX-License-Identifier: Apache-2.0 */
#include "tuning.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

enum { MOST_BYTES = 1 << 20 };

static bool path_of(char (*path)[4096], const struct fk_device *device, const char *folder)
{
    char name[64];
    snprintf(name, sizeof name, "%s.tuning", device->name);
    return folder && fit_path_join(*path, sizeof *path, folder, name);
}

/* All of a regular file; free() it. NULL when there is none of a sensible size. */
static void *read_whole(const char *path, size_t *bytes)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool fits = file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) &&
                info.st_size > 0 && info.st_size <= MOST_BYTES;
    char *data = fits ? malloc((size_t)info.st_size) : NULL;
    *bytes = 0;
    while (data && *bytes < (size_t)info.st_size) {
        ssize_t n = read(file, data + *bytes, (size_t)info.st_size - *bytes);
        if (n <= 0)
            break;
        *bytes += (size_t)n;
    }
    if (file >= 0)
        close(file);
    return data;
}

void fit_tuning_load(struct fk_device *device, const char *folder)
{
    char path[4096];
    size_t bytes;
    if (!device->tuning_load || !path_of(&path, device, folder))
        return;
    void *data = read_whole(path, &bytes);
    if (data)
        device->tuning_load(device, data, bytes);
    free(data);
}

static void write_whole(const char *path, const void *data, size_t bytes)
{
    struct fit_error ignored = {0};
    struct fit_writer writer;
    if (fit_writer_open(&writer, path, &ignored) &&
        fit_writer_write(&writer, data, bytes, &ignored))
        fit_writer_commit(&writer, &ignored);
}

void fit_tuning_save(struct fk_device *device, const char *folder)
{
    char path[4096];
    if (!device->tuning_save || !path_of(&path, device, folder))
        return;
    size_t room = device->tuning_save(device, NULL, 0);
    void *data = room && room <= MOST_BYTES ? malloc(room) : NULL;
    size_t bytes = data ? device->tuning_save(device, data, room) : 0;
    if (bytes && bytes <= room) {
        mkdir(folder, 0700);
        write_whole(path, data, bytes);
    }
    free(data);
}
