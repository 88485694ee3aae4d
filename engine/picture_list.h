/* SPDX-License-Identifier: Apache-2.0 */
/* picture_list.h - the files of a data set with a folder per class, looked at by name only. */
#ifndef FIT_PICTURE_LIST_H
#define FIT_PICTURE_LIST_H

#include "labels.h"

struct picture_file {
    char *path; /* owned */
    int class_id;
};

struct picture_list {
    struct picture_file *files; /* by class, then by name */
    int n, room;
    char hash[65]; /* of classes and names: another set has another one */
};

/* Every regular file, or link to one, in the subfolder of every class (train_classes.h); names that
 * begin with a dot are left out. `count` [classes->n] receives how many each class has. */
bool picture_list_read(struct picture_list *list, const char *folder,
                       const struct fit_labels *classes, int *count, struct fit_error *e);
void picture_list_finish(struct picture_list *list);

/* Adds the files of one folder, by name; a folder that is not there has none. */
bool picture_list_add_folder(struct picture_list *list, const char *folder, int class_id,
                             struct fit_error *e);

/* Makes the hash of the classes' names and of the paths from byte `prefix` on: the folder that
 * holds the set may move. */
void picture_list_hash(struct picture_list *list, const struct fit_labels *classes, size_t prefix);

#endif
