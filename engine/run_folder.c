/* SPDX-License-Identifier: Apache-2.0 */
#include "run_folder.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

enum { NAME_LENGTH = 14, PATH_BYTES = 2048 };

/* "step-000012000" and nothing else: an unfinished one has a suffix. */
static int is_checkpoint(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "step-", 5) && strlen(entry->d_name) == NAME_LENGTH &&
           strspn(entry->d_name + 5, "0123456789") == 9;
}

/* The names sort by step. */
static int list_checkpoints(const char *parent, struct dirent ***list)
{
    int n = scandir(parent, list, is_checkpoint, alphasort);
    return n > 0 ? n : 0;
}

static void list_free(struct dirent **list, int n)
{
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

bool run_checkpoints(const char *run, char *out, size_t out_bytes)
{
    return fit_path_join(out, out_bytes, run, "checkpoints");
}

bool run_checkpoint(const char *run, int64_t step, char *out, size_t out_bytes)
{
    char parent[PATH_BYTES], name[32];
    snprintf(name, sizeof name, "step-%09" PRId64, step);
    return run_checkpoints(run, parent, sizeof parent) &&
           fit_path_join(out, out_bytes, parent, name);
}

bool run_newest_checkpoint(const char *run, char *out, size_t out_bytes)
{
    char parent[PATH_BYTES];
    struct dirent **list = NULL;
    if (!run_checkpoints(run, parent, sizeof parent))
        return false;
    int n = list_checkpoints(parent, &list);
    bool found = n > 0 && fit_path_join(out, out_bytes, parent, list[n - 1]->d_name);
    list_free(list, n);
    return found;
}

void run_older_checkpoints(const char *run, int keep, void (*visit)(const char *path))
{
    char parent[PATH_BYTES], path[PATH_BYTES + 32];
    struct dirent **list = NULL;
    if (!run_checkpoints(run, parent, sizeof parent))
        return;
    int n = list_checkpoints(parent, &list);
    for (int i = 0; i < n - keep; i++)
        if (fit_path_join(path, sizeof path, parent, list[i]->d_name))
            visit(path);
    list_free(list, n);
}
