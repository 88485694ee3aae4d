/* SPDX-License-Identifier: Apache-2.0 */
/* Files as the engine needs them: mapped for reading, replaced whole for writing. */
#ifndef FIT_FILE_H
#define FIT_FILE_H

#include <stdio.h>

#include "error.h"

/* A whole file, mapped read-only. Untouched pages cost nothing. */
struct fit_mapping {
    const uint8_t *data; /* NULL for an empty file */
    size_t bytes;
};

bool fit_mapping_open(struct fit_mapping *mapping, const char *path, struct fit_error *error);
void fit_mapping_close(struct fit_mapping *mapping);

/* Gives the pages of a part of a mapping back, which costs nothing but reading them again when they
 * are touched again: reading a file once from end to end then takes no memory. */
void fit_mapping_release(const void *data, size_t bytes);

/* A small text file of at most `limit` bytes as a string with a final NUL; free() it. */
char *fit_file_read_text(const char *path, size_t limit, struct fit_error *error);

/* A file that appears at `path` only when it is complete: written beside it under a temporary
 * name, flushed to disk, renamed. Before fit_writer_commit, or after a failure, the old file (or
 * its absence) is untouched; fit_writer_abort removes the temporary. */
struct fit_writer {
    FILE *stream; /* NULL when closed */
    char path[4096], temporary[4096 + 16];
    /* Told of everything that is written, unless NULL; to be set when the writer is open. */
    void (*tap)(void *tap_data, const void *data, size_t bytes);
    void *tap_data;
};

bool fit_writer_open(struct fit_writer *writer, const char *path, struct fit_error *error);
bool fit_writer_write(struct fit_writer *writer, const void *data, size_t bytes,
                      struct fit_error *error);
bool fit_writer_commit(struct fit_writer *writer, struct fit_error *error);
void fit_writer_abort(struct fit_writer *writer);

/* A file at `to` with the bytes of the one at `from`. */
bool fit_file_copy(const char *from, const char *to, struct fit_error *error);

/* directory + "/" + name, or name alone when it is absolute. False when it does not fit. */
bool fit_path_join(char *out, size_t out_bytes, const char *directory, const char *name);

#endif
