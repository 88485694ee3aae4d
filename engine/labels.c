/* SPDX-License-Identifier: Apache-2.0 */
#include "labels.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define FILE_LIMIT (4u << 20)
#define N_SUGGESTIONS 3

/* The next column as a copy, "" when there is none. */
static char *column(char **rest)
{
    char *text = *rest ? strsep(rest, "\t") : NULL;
    return strdup(text ? text : "");
}

bool fit_label_is_text(const char *line)
{
    for (const unsigned char *at = (const unsigned char *)line; *at; at++) {
        int more = *at < 0x80 ? 0 : *at < 0xc2 ? -1 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2
                   : *at < 0xf5 ? 3 : -1;
        unsigned char first = *at, second = at[1];
        if (more < 0 || (first < 0x20 && first != '\t') || first == 0x7f)
            return false;
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return false;
        for (; more > 0; more--)
            if ((*++at & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static bool no_memory(const char *path, struct fit_error *error)
{
    return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for the classes", path);
}

static bool add(struct fit_labels *labels, const char *path, int line_number, char *line,
                struct fit_error *error)
{
    char *end;
    if (!fit_label_is_text(line))
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: line %d: expected UTF-8 without control characters", path,
                        line_number);
    long id = strtol(line, &end, 10);
    char *rest = end != line && *end == '\t' && end[1] && end[1] != '\t' ? end + 1 : NULL;
    if (!rest)
        return fit_fail(error, FIT_ERROR_FILE,
                        "%s: line %d: expected \"id<TAB>name<TAB>synonyms\"", path, line_number);
    if (id < 0 || id >= labels->n)
        return fit_fail(error, FIT_ERROR_FILE, "%s: line %d: id %ld, expected 0 to %d", path,
                        line_number, id, labels->n - 1);
    struct fit_label *label = &labels->label[id];
    if (label->name)
        return fit_fail(error, FIT_ERROR_FILE, "%s: line %d: id %ld appears twice", path,
                        line_number, id);
    label->name = column(&rest);
    label->synonyms = column(&rest);
    label->group = column(&rest);
    label->code = column(&rest);
    if (rest)
        return fit_fail(error, FIT_ERROR_FILE, "%s: line %d: expected at most 5 columns", path,
                        line_number);
    return (label->name && label->synonyms && label->group && label->code) ||
           no_memory(path, error);
}

bool fit_labels_read(struct fit_labels *labels, const char *path, int expected,
                     struct fit_error *error)
{
    *labels = (struct fit_labels){calloc((size_t)expected, sizeof(struct fit_label)), expected};
    char *text = fit_file_read_text(path, FILE_LIMIT, error), *rest = text, *line;
    bool ok = text != NULL;
    if (ok && !labels->label)
        ok = no_memory(path, error);
    for (int number = 1; ok && (line = strsep(&rest, "\n")); number++) {
        line[strcspn(line, "\r")] = '\0';
        if (*line)
            ok = add(labels, path, number, line, error);
    }
    free(text);
    for (int id = 0; ok && id < expected; id++)
        if (!labels->label[id].name)
            ok = fit_fail(error, FIT_ERROR_FILE, "%s: class %d is missing, expected 0 to %d", path,
                          id, expected - 1);
    if (!ok)
        fit_labels_finish(labels);
    return ok;
}

void fit_labels_finish(struct fit_labels *labels)
{
    for (int id = 0; labels->label && id < labels->n; id++) {
        free(labels->label[id].name);
        free(labels->label[id].synonyms);
        free(labels->label[id].group);
        free(labels->label[id].code);
    }
    free(labels->label);
    *labels = (struct fit_labels){0};
}

static bool has_synonym(const char *synonyms, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = synonyms; *at;) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ",");
        if (n == length && !strncasecmp(at, text, n))
            return true;
        at += n;
    }
    return false;
}

/* Levenshtein distance without regard to case, over at most the first 63 bytes. */
static int distance(const char *a, const char *b)
{
    int row[64], n = (int)strnlen(b, 63);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= n; j++) {
            int replace = diagonal + (tolower((unsigned char)a[i]) !=
                                      tolower((unsigned char)b[j - 1]));
            int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < shift ? replace : shift;
        }
    }
    return row[n];
}

static int nearness(const struct fit_label *label, const char *text)
{
    int best = strcasestr(label->name, text) || strcasestr(label->synonyms, text)
                   ? 0
                   : distance(text, label->name);
    char word[64];
    for (const char *at = label->name; *at;) {
        size_t n = strcspn(at, " -");
        if (n && n < sizeof word) {
            memcpy(word, at, n);
            word[n] = '\0';
            int d = distance(text, word);
            best = d < best ? d : best;
        }
        at += n + (at[n] != '\0');
    }
    return best;
}

static bool fail_with_nearest(const struct fit_labels *labels, const char *text,
                              struct fit_error *error)
{
    int id[N_SUGGESTIONS], score[N_SUGGESTIONS], n = 0;
    for (int i = 0; i < labels->n; i++) {
        int s = nearness(&labels->label[i], text), at = n < N_SUGGESTIONS ? n++ : n;
        while (at > 0 && score[at - 1] > s) {
            if (at < N_SUGGESTIONS) {
                score[at] = score[at - 1];
                id[at] = id[at - 1];
            }
            at--;
        }
        if (at < N_SUGGESTIONS) {
            score[at] = s;
            id[at] = i;
        }
    }
    char list[256] = "";
    for (int i = 0; i < n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.60s (%d)", i ? ", " : "",
                 labels->label[id[i]].name, id[i]);
    return fit_fail(error, FIT_ERROR_ARGUMENT, "class \"%.60s\" is unknown; the nearest are %s",
                    text, list);
}

/* Whether the name is "text (what kind)". */
static bool has_stem(const char *name, const char *text)
{
    size_t length = strlen(text);
    return length && !strncasecmp(name, text, length) && !strncmp(name + length, " (", 2);
}

/* Classes that text names without its being their name: by what stands before the brackets, or by
 * synonyms. At most `most` of them; returns how many there are. */
static int find_shared(const struct fit_labels *labels, const char *text, int *ids, int most)
{
    for (int by_synonym = 0; by_synonym < 2; by_synonym++) {
        int n = 0;
        for (int id = 0; id < labels->n; id++) {
            const struct fit_label *label = &labels->label[id];
            if (by_synonym ? !has_synonym(label->synonyms, text) : !has_stem(label->name, text))
                continue;
            if (n < most)
                ids[n] = id;
            n++;
        }
        if (n)
            return n;
    }
    return 0;
}

static bool fail_with_all(const struct fit_labels *labels, const char *text, const int *ids, int n,
                          struct fit_error *error)
{
    char list[256] = "";
    int shown = n < N_SUGGESTIONS ? n : N_SUGGESTIONS;
    for (int i = 0; i < shown; i++) {
        bool last = i == n - 1;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.50s (%d)",
                 i == 0 ? "" : last ? " or " : ", ", labels->label[ids[i]].name, ids[i]);
    }
    return fit_fail(error, FIT_ERROR_ARGUMENT, "class \"%.40s\" can be %s%s", text, list,
                    shown < n ? " or others" : "");
}

bool fit_labels_find(const struct fit_labels *labels, const char *text, int *class_id,
                     struct fit_error *error)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end != text && !*end) {
        if (number < 0 || number >= labels->n)
            return fit_fail(error, FIT_ERROR_ARGUMENT,
                            "class %ld does not exist; this model has 0 to %d, or none", number,
                            labels->n - 1);
        *class_id = (int)number;
        return true;
    }
    if (!strcasecmp(text, "none")) {
        *class_id = FIT_CLASS_NONE;
        return true;
    }
    for (int id = 0; id < labels->n; id++) {
        const struct fit_label *label = &labels->label[id];
        if (!strcasecmp(label->name, text) || (*text && !strcasecmp(label->code, text))) {
            *class_id = id;
            return true;
        }
    }
    int shared[N_SUGGESTIONS], n = find_shared(labels, text, shared, N_SUGGESTIONS);
    if (n > 1)
        return fail_with_all(labels, text, shared, n, error);
    if (n == 0)
        return fail_with_nearest(labels, text, error);
    *class_id = shared[0];
    return true;
}
