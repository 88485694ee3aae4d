/* SPDX-License-Identifier: Apache-2.0 */
#include "picture_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "sha256.h"
#include "train_classes.h"

enum { PATH_BYTES = 2048 };

void picture_list_finish(struct picture_list *list)
{
    for (int i = 0; i < list->n; i++)
        free(list->files[i].path);
    free(list->files);
    *list = (struct picture_list){0};
}

static bool add(struct picture_list *list, const char *path, int class_id, struct fit_error *e)
{
    if (list->n == list->room) {
        int room = list->room ? 2 * list->room : 256;
        struct picture_file *files =
            room > list->room ? realloc(list->files, (size_t)room * sizeof *files) : NULL;
        if (!files)
            return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d pictures", list->n);
        list->files = files;
        list->room = room;
    }
    char *copy = strdup(path);
    if (!copy)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a list of %d pictures", list->n);
    list->files[list->n++] = (struct picture_file){copy, class_id};
    return true;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* scandir's own order follows the language. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool picture_list_add_folder(struct picture_list *list, const char *folder, int class_id,
                             struct fit_error *e)
{
    struct dirent **entries;
    char path[PATH_BYTES];
    struct stat st;
    int n = scandir(folder, &entries, visible, by_bytes);
    if (n < 0)
        return errno == ENOENT || fit_fail(e, FIT_ERROR_FILE, "%s: %s", folder, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        if (ok && fit_path_join(path, sizeof path, folder, entries[i]->d_name) &&
            !stat(path, &st) && S_ISREG(st.st_mode))
            ok = add(list, path, class_id, e);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

void picture_list_hash(struct picture_list *list, const struct fit_labels *classes, size_t prefix)
{
    struct sha256_ctx context;
    sha256_init(&context);
    for (int i = 0; i < classes->n; i++)
        sha256_update(&context, strlen(classes->label[i].name) + 1,
                      (const uint8_t *)classes->label[i].name);
    for (int i = 0; i < list->n; i++)
        sha256_update(&context, strlen(list->files[i].path + prefix) + 1,
                      (const uint8_t *)list->files[i].path + prefix);
    fit_sha256_finish(&context, list->hash);
}

static bool read_class(struct picture_list *list, const char *folder, const char *name,
                       int class_id, struct fit_error *e)
{
    char path[PATH_BYTES];
    if (strchr(name, '/') || name[0] == '.')
        return fit_fail(e, FIT_ERROR_FILE, "%s: the class \"%s\" cannot name a folder", folder,
                        name);
    if (!fit_path_join(path, sizeof path, folder, name))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", folder);
    return picture_list_add_folder(list, path, class_id, e);
}

bool picture_list_read(struct picture_list *list, const char *folder,
                       const struct fit_labels *classes, int *count, struct fit_error *e)
{
    *list = (struct picture_list){0};
    for (int i = 0; i < classes->n; i++) {
        int before = list->n;
        if (!read_class(list, folder, train_class_folder(&classes->label[i]), i, e)) {
            picture_list_finish(list);
            return false;
        }
        count[i] = list->n - before;
    }
    picture_list_hash(list, classes, strlen(folder));
    return true;
}
