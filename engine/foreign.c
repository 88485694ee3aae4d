/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "parameters" text that image generators share: a prompt in any number of lines, and a last
 * line of pairs,
 *
 *   Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x768, Model: "a, b", ...
 *
 * where a value may stand in quotation marks. Nothing of it is believed beyond its range.
 */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine_private.h"
#include "fit_png.h"

#define TEXT_KEYWORD "parameters"
#define OWN_KEYWORD "limn"
#define FIRST_KEY "Steps: "

struct pair {
    char key[64], value[128];
};

/* The samplers that mean the same here; others keep what is set. */
static const struct {
    const char *name;
    enum fit_solver solver;
} samplers[] = {
    {"Euler", FIT_SOLVER_EULER},
    {"Heun", FIT_SOLVER_HEUN},
    {"DDIM", FIT_SOLVER_DDIM},
};

static void copy_part(char *out, size_t bytes, const char *from, size_t n)
{
    if (n >= bytes)
        n = bytes - 1;
    memcpy(out, from, n);
    out[n] = '\0';
}

/* The next "key: value" of the line; NULL at its end. */
static const char *next_pair(const char *at, struct pair *pair)
{
    at += strspn(at, ", ");
    size_t key = strcspn(at, ":\n"), value;
    if (at[key] != ':')
        return NULL;
    copy_part(pair->key, sizeof pair->key, at, key);
    at += key + 1;
    at += strspn(at, " ");
    if (*at == '"') {
        for (value = 1; at[value] && at[value] != '"'; value++)
            value += at[value] == '\\' && at[value + 1];
        value += at[value] == '"';
    } else {
        value = strcspn(at, ",\n");
    }
    copy_part(pair->value, sizeof pair->value, at, value);
    return at + value;
}

static bool read_count(const char *text, int low, int high, int *out)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || errno || number < low || number > high)
        return false;
    *out = (int)number;
    return !*end;
}

static bool read_size(const char *text, struct fit_foreign_settings *out)
{
    char *end;
    errno = 0;
    long width = strtol(text, &end, 10);
    int height;
    if (end == text || errno || *end != 'x' || width < 1 || width > FIT_PNG_MAX_SIDE ||
        !read_count(end + 1, 1, FIT_PNG_MAX_SIDE, &height))
        return false;
    out->width = (int)width;
    out->height = height;
    return true;
}

static bool read_seed(const char *text, struct fit_foreign_settings *out)
{
    char *end;
    errno = 0;
    out->seed = strtoull(text, &end, 10);
    return out->has_seed = end != text && !*end && !errno && !strchr(text, '-');
}

static bool read_guidance(const char *text, struct fit_foreign_settings *out)
{
    /* The file's point is a point in every language. */
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return false;
    char *end;
    double number = strtod_l(text, &end, plain);
    freelocale(plain);
    if (end == text || *end || !(number >= 1 && number <= 30))
        return false;
    out->guidance = number;
    return true;
}

static bool read_sampler(const char *text, struct fit_foreign_settings *out)
{
    for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++)
        if (!strcasecmp(text, samplers[i].name)) {
            out->solver = samplers[i].solver;
            out->has_solver = true;
        }
    return out->has_solver;
}

/* Whether the pair meant something. */
static bool read_pair(const struct pair *pair, struct fit_foreign_settings *out)
{
    const char *value = pair->value;
    if (!strcmp(pair->key, "Steps"))
        return read_count(value, 1, 1000, &out->steps);
    if (!strcmp(pair->key, "Size"))
        return read_size(value, out);
    if (!strcmp(pair->key, "Seed"))
        return read_seed(value, out);
    if (!strcmp(pair->key, "CFG scale"))
        return read_guidance(value, out);
    if (!strcmp(pair->key, "Sampler"))
        return read_sampler(value, out);
    return false;
}

/* One line, whatever the file holds; as much as there is room for. */
static void ignore(struct fit_foreign_settings *out, const char *name)
{
    size_t used = strlen(out->ignored), left = sizeof out->ignored - used;
    if (strlen(name) + 3 > left)
        return;
    snprintf(out->ignored + used, left, "%s%s", used ? ", " : "", name);
    for (char *c = out->ignored + used; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            *c = '?';
}

/* The last line that begins with the first key of all. */
static const char *find_pairs(const char *text)
{
    const char *found = NULL;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, FIRST_KEY, strlen(FIRST_KEY)))
            found = line;
    }
    return found;
}

bool fit_foreign_settings_read_png(const char *path, struct fit_foreign_settings *out,
                                   struct fit_error *error)
{
    struct fit_error cause = {0};
    char *text = fit_png_read_text(path, TEXT_KEYWORD, &cause);
    *out = (struct fit_foreign_settings){0};
    if (!text)
        return fit_fail(error, cause.status, "%s", cause.message);
    const char *at = find_pairs(text);
    bool found = at;
    struct pair pair;
    if (found && at > text)
        ignore(out, "prompt");
    while (at && (at = next_pair(at, &pair)))
        if (!read_pair(&pair, out))
            ignore(out, pair.key);
    free(text);
    char *own = fit_png_read_text(path, OWN_KEYWORD, NULL);
    out->has_own = own;
    free(own);
    return found || fit_fail(error, FIT_ERROR_FILE, "%s: its \"%s\" hold no settings", path,
                             TEXT_KEYWORD);
}
