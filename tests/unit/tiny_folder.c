/* SPDX-License-Identifier: Apache-2.0 */
#include "tiny_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/limn-unit-XXXXXX";

static void stop(const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(1);
}

void tiny_folder_init(int argc, char **argv)
{
    int status = -1;
    if (argc < 2 || !mkdtemp(folder))
        stop("the program that makes the tiny model is needed, and a place for it");
    pid_t child = fork();
    if (child == 0) {
        execl(argv[1], argv[1], folder, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status)
        stop("the tiny model could not be made");
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

void tiny_folder_finish(void)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void tiny_folder_use(const char *path)
{
    snprintf(folder, sizeof folder, "%s", path);
}

const char *tiny_folder_path(void)
{
    return folder;
}

struct fit_engine *tiny_engine(void (*wake)(void *data), void *data)
{
    struct fit_engine_params params = {
        .backend = "cpu", .n_threads = 2, .wake = wake, .wake_data = data};
    struct fit_engine *engine;
    struct fit_error error = {0};
    require_ok(fit_engine_open(&engine, &params, &error), error);
    return engine;
}

struct fit_model *tiny_load(struct fit_engine *engine)
{
    struct fit_model_params params = {.path = folder, .precision = FIT_PRECISION_F32};
    struct fit_model *model;
    struct fit_error error = {0};
    require_ok(fit_model_load(engine, &params, &model, &error), error);
    return model;
}
