/* SPDX-License-Identifier: Apache-2.0 */
#include "run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "file.h"

enum { NAME_LENGTH = 14, PATH_BYTES = 2048 };

/* "step-000012000" and nothing else, or -1: an unfinished one has a suffix. */
static int64_t step_of_name(const char *name, size_t length)
{
    if (length != NAME_LENGTH || strncmp(name, "step-", 5) || strspn(name + 5, "0123456789") < 9)
        return -1;
    return strtol(name + 5, NULL, 10);
}

/* Where the last component of a path begins and how long it is, without slashes at its end. */
static const char *last_component(const char *path, size_t *length)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *length = end - begin;
    return path + begin;
}

int64_t run_step_of_path(const char *path)
{
    size_t length;
    const char *name = last_component(path, &length);
    return step_of_name(name, length);
}

/* ---- listing ----------------------------------------------------------------------------- */

static int by_step(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* One more, in an array that grows to the next power of two. */
static bool append(struct fit_checkpoints *list, int64_t step)
{
    if ((list->n & (list->n - 1)) == 0) {
        size_t room = list->n ? 2 * (size_t)list->n : 1;
        int64_t *grown = realloc(list->steps, room * sizeof *grown);
        if (!grown)
            return false;
        list->steps = grown;
    }
    list->steps[list->n++] = step;
    return true;
}

/* The steps that the names in list->folder say, whatever lies behind them. A folder that is not
 * there has none. */
static bool list_names(struct fit_checkpoints *list, struct fit_error *error)
{
    DIR *dir = opendir(list->folder);
    bool ok = true;
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ||
               fit_fail(error, FIT_ERROR_FILE, "%s: %s", list->folder, strerror(errno));
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        int64_t step = step_of_name(entry->d_name, strlen(entry->d_name));
        if (step < 0)
            continue;
        if (list->n == FIT_MOST_CHECKPOINTS)
            ok = fit_fail(error, FIT_ERROR_FILE, "%s: expected at most %d checkpoints, found more",
                          list->folder, FIT_MOST_CHECKPOINTS);
        else if (!append(list, step))
            ok = fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for the list of checkpoints",
                          list->folder);
    }
    closedir(dir);
    if (list->n > 0)
        qsort(list->steps, (size_t)list->n, sizeof *list->steps, by_step);
    return ok;
}

static bool list_run(const char *run, struct fit_checkpoints *list)
{
    *list = (struct fit_checkpoints){0};
    if (run_checkpoints(run, list->folder, sizeof list->folder) && list_names(list, NULL))
        return true;
    fit_checkpoints_finish(list);
    return false;
}

void fit_checkpoints_finish(struct fit_checkpoints *list)
{
    free(list->steps);
    *list = (struct fit_checkpoints){0};
}

bool fit_checkpoints_path(const struct fit_checkpoints *list, int64_t step, char *out,
                          size_t out_bytes)
{
    char name[32];
    snprintf(name, sizeof name, "step-%09" PRId64, step);
    return fit_path_join(out, out_bytes, list->folder, name);
}

/* The folder of the checkpoint `path` and of those beside it, or of those of the run `path`. */
static bool find_folder(const char *path, char *out, size_t out_bytes)
{
    size_t length;
    const char *name = last_component(path, &length);
    if (step_of_name(name, length) < 0)
        return run_checkpoints(path, out, out_bytes);
    int parent = (int)(name - path);
    while (parent > 1 && path[parent - 1] == '/')
        parent--;
    int n = parent ? snprintf(out, out_bytes, "%.*s", parent, path)
                   : snprintf(out, out_bytes, ".");
    return n >= 0 && (size_t)n < out_bytes;
}

bool fit_checkpoints_list(const char *path, struct fit_checkpoints *out, struct fit_error *error)
{
    char bundle[PATH_BYTES];
    int n = 0;
    *out = (struct fit_checkpoints){0};
    bool ok = find_folder(path, out->folder, sizeof out->folder)
                  ? list_names(out, error)
                  : fit_fail(error, FIT_ERROR_FILE, "the path of the training run is too long");
    if (!ok) {
        fit_checkpoints_finish(out);
        return false;
    }
    for (int i = 0; i < out->n; i++)
        if (fit_checkpoints_path(out, out->steps[i], bundle, sizeof bundle) &&
            fit_bundle_is_in(bundle))
            out->steps[n++] = out->steps[i];
    out->n = n;
    return true;
}

/* ---- as the trainer writes and clears ---------------------------------------------------- */

bool run_checkpoints(const char *run, char *out, size_t out_bytes)
{
    return fit_path_join(out, out_bytes, run, "checkpoints");
}

bool run_checkpoint(const char *run, int64_t step, char *out, size_t out_bytes)
{
    struct fit_checkpoints list = {0};
    return run_checkpoints(run, list.folder, sizeof list.folder) &&
           fit_checkpoints_path(&list, step, out, out_bytes);
}

bool run_newest_checkpoint(const char *run, char *out, size_t out_bytes)
{
    struct fit_checkpoints list;
    if (!list_run(run, &list))
        return false;
    bool found =
        list.n > 0 && fit_checkpoints_path(&list, list.steps[list.n - 1], out, out_bytes);
    fit_checkpoints_finish(&list);
    return found;
}

void run_older_checkpoints(const char *run, int keep, void (*visit)(const char *path))
{
    struct fit_checkpoints list;
    char path[PATH_BYTES];
    if (!list_run(run, &list))
        return;
    for (int i = 0; i < list.n - keep; i++)
        if (fit_checkpoints_path(&list, list.steps[i], path, sizeof path))
            visit(path);
    fit_checkpoints_finish(&list);
}
