/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

/* In memory where the system has a place for that: thousands of files are written. */
void hostile_init(void)
{
    const char *place = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(folder, sizeof folder, "%s/limn-files-XXXXXX", place);
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(1);
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

void hostile_finish(void)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *hostile_path(const char *name)
{
    static char path[8][128];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

void hostile_write(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(n ? fwrite(bytes, 1, n, file) : 0, n); /* nothing may come from nowhere */
    assert_int_equal(fclose(file), 0);
}

uint8_t *hostile_read(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *n = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

void hostile_touch(const void *bytes, size_t n)
{
    static volatile uint8_t sum;
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
}

bool hostile_try(hostile_reader *reader, const char *path)
{
    struct fit_error error = {0};
    bool ok = reader(path, &error);
    if (ok) {
        assert_int_equal(error.status, FIT_OK);
        return true;
    }
    assert_int_not_equal(error.status, FIT_OK);
    assert_true(error.message[0] != '\0');
    assert_non_null(memchr(error.message, '\0', sizeof error.message));
    assert_false(reader(path, NULL)); /* nobody has to ask why */
    return false;
}

void hostile_refused(hostile_reader *reader, const char *path, const char *why)
{
    struct fit_error error = {0};
    if (reader(path, &error))
        fail_msg("accepted, though \"%s\" was expected", why);
    if (!strstr(error.message, why))
        fail_msg("\"%s\" lacks \"%s\"", error.message, why);
}

int hostile_truncate(hostile_reader *reader, const char *path, const uint8_t *good, size_t n,
                     size_t most)
{
    int accepted = 0;
    size_t step = n <= most ? 1 : n / most;
    for (size_t length = 0; length < n; length += step) {
        hostile_write(path, good, length);
        accepted += hostile_try(reader, path);
    }
    return accepted;
}

static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (uint32_t)(*state >> 33);
}

int hostile_flip(hostile_reader *reader, const char *path, const uint8_t *good, size_t n,
                 size_t from, size_t to, int rounds, void (*mend)(uint8_t *bytes, size_t n))
{
    /* What parsers care about, besides any byte. */
    static const char telling[] = "{}[]\",:0-9e\\\t\n '\0\xff";
    uint64_t state = 1;
    int accepted = 0;
    uint8_t *bytes = malloc(n);
    assert_non_null(bytes);
    for (int round = 0; round < rounds; round++) {
        memcpy(bytes, good, n);
        for (uint32_t k = 1 + draw(&state) % 4; k > 0; k--) {
            size_t at = from + draw(&state) % (to - from);
            bytes[at] = draw(&state) % 2 ? (uint8_t)telling[draw(&state) % sizeof telling]
                                         : (uint8_t)draw(&state);
        }
        if (mend)
            mend(bytes, n);
        hostile_write(path, bytes, n);
        accepted += hostile_try(reader, path);
    }
    free(bytes);
    return accepted;
}
