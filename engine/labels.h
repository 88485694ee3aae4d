/* SPDX-License-Identifier: Apache-2.0 */
/* The classes of a model, read from its classes.txt, and the search for one by what a person
 * types. */
#ifndef FIT_LABELS_H
#define FIT_LABELS_H

#include "error.h"

struct fit_label {
    char *name;     /* UTF-8 */
    char *synonyms; /* comma separated; here and below "" when there is none */
    char *group;    /* "Birds": what it is listed under */
    char *code;     /* "n01440764": what the data set calls it */
};

struct fit_labels {
    struct fit_label *label; /* [n], by id */
    int n;
};

/* Reads classes.txt: one class a line, "id<TAB>name<TAB>synonym, synonym<TAB>group<TAB>code", of
 * which all but the first two may be missing; ids 0 .. n-1 each once, `expected` of them; UTF-8
 * without control characters. */
bool fit_labels_read(struct fit_labels *labels, const char *path, int expected,
                     struct fit_error *error);

/* Well-formed UTF-8 without control characters but the tab between columns. */
bool fit_label_is_text(const char *line);
void fit_labels_finish(struct fit_labels *labels);

/* An id in digits, a name, a code or a synonym (ASCII case ignored), or "none" for FIT_CLASS_NONE.
 * What stands before the brackets of "crane (bird)" names it. Text that is no class's name and
 * names more than one so, or as a synonym, is refused with those. */
bool fit_labels_find(const struct fit_labels *labels, const char *text, int *class_id,
                     struct fit_error *error);

#endif
