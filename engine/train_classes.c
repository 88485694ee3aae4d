/* SPDX-License-Identifier: Apache-2.0 */
#include "train_classes.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "fit/fit-scenes.h"
#include "weight_file.h"

enum { PATH_BYTES = 2048 };

const char *train_class_folder(const struct fit_label *label)
{
    return label->code[0] ? label->code : label->name;
}

static bool set_label(struct fit_label *label, const char *name, const char *synonyms)
{
    *label = (struct fit_label){strdup(name), strdup(synonyms), strdup(""), strdup("")};
    return label->name && label->synonyms && label->group && label->code;
}

static bool allocate(struct fit_labels *classes, int n, struct fit_error *e)
{
    *classes = (struct fit_labels){calloc((size_t)n, sizeof(struct fit_label)), n};
    return classes->label || fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d classes", n);
}

/* What a configuration says against what the data say. */
static bool settle(struct train_config *config, int found, const char *where, struct fit_error *e)
{
    int *expected = &config->model.n_classes;
    if (found < 1 || found > TRAIN_MAX_CLASSES)
        return fit_fail(e, FIT_ERROR_FILE, "%s: has %d classes, 1 to %d are expected", where, found,
                        TRAIN_MAX_CLASSES);
    if (*expected && *expected != found)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: has %d classes, model.n_classes is %d", where,
                        found, *expected);
    *expected = found;
    return true;
}

static bool from_scenes(struct fit_labels *classes, struct train_config *config,
                        struct fit_error *e)
{
    bool ok = settle(config, FIT_SCENE_CLASSES, "the scenes", e) &&
              allocate(classes, FIT_SCENE_CLASSES, e);
    for (int i = 0; ok && i < classes->n; i++)
        ok = set_label(&classes->label[i], fit_scene_name(i), fit_scene_synonyms(i)) ||
             fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d classes", classes->n);
    return ok;
}

/* ---- classes.txt ---- */

static bool find_file(char *path, size_t bytes, const struct train_config *config)
{
    return fit_path_join(path, bytes, config->folder, "classes.txt") && !access(path, F_OK);
}

/* One class a line. */
static bool count_lines(const char *path, int *n, struct fit_error *e)
{
    char *text = fit_file_read_text(path, 4u << 20, e);
    if (!text)
        return false;
    *n = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        *n += line[strspn(line, "\r")] != '\0';
    free(text);
    return true;
}

static bool from_file(struct fit_labels *classes, struct train_config *config, const char *path,
                      struct fit_error *e)
{
    int n;
    return count_lines(path, &n, e) && settle(config, n, path, e) &&
           fit_labels_read(classes, path, n, e);
}

/* ---- subfolders ---- */

static bool is_folder(const char *parent, const char *name)
{
    char path[PATH_BYTES];
    struct stat st;
    return name[0] != '.' && fit_path_join(path, sizeof path, parent, name) && !stat(path, &st) &&
           S_ISDIR(st.st_mode);
}

/* scandir's order follows the language; classes must not. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Calls `use` with every subfolder, in order. */
static bool each_folder(const char *parent, void *user,
                        bool (*use)(void *user, const char *name, struct fit_error *e),
                        struct fit_error *e)
{
    struct dirent **list;
    int n = scandir(parent, &list, NULL, by_bytes);
    if (n < 0)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", parent, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        ok = ok && (!is_folder(parent, list[i]->d_name) || use(user, list[i]->d_name, e));
        free(list[i]);
    }
    free(list);
    return ok;
}

static bool count_folder(void *user, const char *name, struct fit_error *e)
{
    (void)name, (void)e;
    ++*(int *)user;
    return true;
}

struct naming {
    struct fit_labels *classes;
    const char *parent;
    int n;
};

static bool name_folder(void *user, const char *name, struct fit_error *e)
{
    struct naming *naming = user;
    if (!fit_label_is_text(name) || strchr(name, '\t'))
        return fit_fail(e, FIT_ERROR_FILE,
                        "%s: the name of a class's folder is not UTF-8 without control characters",
                        naming->parent);
    if (naming->n == naming->classes->n) /* another program at work in there */
        return fit_fail(e, FIT_ERROR_FILE, "%s: changed while it was read", naming->parent);
    return set_label(&naming->classes->label[naming->n++], name, "") ||
           fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d classes", naming->classes->n);
}

static bool from_folders(struct fit_labels *classes, struct train_config *config,
                         struct fit_error *e)
{
    struct naming naming = {classes, config->folder, 0};
    int n = 0;
    return each_folder(config->folder, &n, count_folder, e) &&
           settle(config, n, config->folder, e) && allocate(classes, n, e) &&
           each_folder(config->folder, &naming, name_folder, e) &&
           (naming.n == n ||
            fit_fail(e, FIT_ERROR_FILE, "%s: changed while it was read", config->folder));
}

static bool require_class(void *user, const char *name, struct fit_error *e)
{
    const struct naming *naming = user;
    for (int i = 0; i < naming->classes->n; i++)
        if (!strcmp(train_class_folder(&naming->classes->label[i]), name))
            return true;
    return fit_fail(e, FIT_ERROR_FILE,
                    "%s/classes.txt: has no class of the code or name \"%s\", which is a folder",
                    naming->parent, name);
}

/* ---- of a latent data set ---- */

static bool from_numbers(struct fit_labels *classes, struct train_config *config,
                         struct fit_error *e)
{
    char name[32];
    if (!config->model.n_classes)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "%s: latents do not say how many classes there are: model.n_classes or a "
                        "classes.txt is needed", config->folder);
    bool ok = allocate(classes, config->model.n_classes, e);
    for (int i = 0; ok && i < classes->n; i++) {
        snprintf(name, sizeof name, "Class %d", i);
        ok = set_label(&classes->label[i], name, "") ||
             fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d classes", classes->n);
    }
    return ok;
}

bool train_classes_read(struct fit_labels *classes, struct train_config *config,
                        struct fit_error *e)
{
    char path[PATH_BYTES];
    bool ok, pictures = !strcmp(config->source, "pictures");
    *classes = (struct fit_labels){0};
    if (!strcmp(config->source, "scenes")) {
        ok = from_scenes(classes, config, e);
    } else if (find_file(path, sizeof path, config)) {
        struct naming naming = {classes, config->folder, 0};
        ok = from_file(classes, config, path, e) &&
             (!pictures || each_folder(config->folder, &naming, require_class, e));
    } else {
        ok = pictures ? from_folders(classes, config, e) : from_numbers(classes, config, e);
    }
    if (!ok)
        fit_labels_finish(classes);
    return ok;
}

bool train_classes_check_start(const struct train_config *config, struct fit_error *e)
{
    struct fit_weight_file file;
    if (!config->start[0])
        return true;
    if (!fit_weight_file_open(&file, config->start, e))
        return false;
    const struct fit_tensor *table =
        fit_tensors_find(&file.list, "y_embedder.embedding_table.weight");
    /* The last row stands for no class. */
    bool ok = !table || table->n_dims != 2 ||
              table->dims[0] == (uint64_t)config->model.n_classes + 1 ||
              fit_fail(e, FIT_ERROR_ARGUMENT, "%s: was trained on %" PRIu64 " classes, %s has %d",
                       config->start, table->dims[0] ? table->dims[0] - 1 : 0,
                       config->folder[0] ? config->folder : "the run", config->model.n_classes);
    fit_weight_file_close(&file);
    return ok;
}
