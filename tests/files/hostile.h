/* SPDX-License-Identifier: Apache-2.0 */
/* A file of which a reader must survive any damage: it succeeds, or says in one sentence why
 * not. */
#ifndef HOSTILE_H
#define HOSTILE_H

/* cmocka.h needs these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "error.h"

/* The folder that the tests of a program work in, and paths in it (static, one a call). */
void hostile_init(void);
void hostile_finish(void);
const char *hostile_path(const char *name);

void hostile_write(const char *path, const void *bytes, size_t n);
uint8_t *hostile_read(const char *path, size_t *n); /* free() it */

/* Reads every byte, so that a sanitizer sees the ones that are not there. */
void hostile_touch(const void *bytes, size_t n);

typedef bool hostile_reader(const char *path, struct fit_error *error);

/* Reads once: a failure must have a status and one line. */
bool hostile_try(hostile_reader *reader, const char *path);

/* Fails the test unless the reader refuses with a sentence that holds `why`. */
void hostile_refused(hostile_reader *reader, const char *path, const char *why);

/* Tries the file cut at every length below n, as long as there are not more than `most`; then the
 * lengths are spread evenly. Returns how many were accepted. */
int hostile_truncate(hostile_reader *reader, const char *path, const uint8_t *good, size_t n,
                     size_t most);

/* Tries `rounds` copies with 1 to 4 bytes of [from, to) changed, the same ones in every run of the
 * test; `mend` (may be NULL) makes a copy consistent again before it is tried. */
int hostile_flip(hostile_reader *reader, const char *path, const uint8_t *good, size_t n,
                 size_t from, size_t to, int rounds, void (*mend)(uint8_t *bytes, size_t n));

#endif
