/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli import: a model bundle of a published checkpoint. */
#include <stdio.h>
#include <unistd.h>

#include "commands.h"
#include "fit/fit-import.h"
#include "paint.h"

static void note(void *data, const char *sentence)
{
    (void)data;
    say("note: %s", sentence);
}

/* The share that is written, on a terminal, and whether to go on. */
static bool progress(void *data, uint64_t done, uint64_t total)
{
    int *shown = data, percent = (int)(100 * done / total);
    if (*shown != percent && isatty(STDERR_FILENO)) {
        fprintf(stderr, percent < 100 ? "\r\033[K%d %%" : "\r\033[K", percent);
        *shown = percent;
    }
    return !stop_was_asked();
}

static const char *find_imagenet(void)
{
    return access(LIMN_IMAGENET_INSTALLED, R_OK) == 0 ? LIMN_IMAGENET_INSTALLED
           : access(LIMN_IMAGENET_SOURCE, R_OK) == 0  ? LIMN_IMAGENET_SOURCE
                                                      : NULL;
}

static const char *weights_name(int i)
{
    static const char *const names[] = {[FIT_IMPORT_BEST] = "best", [FIT_IMPORT_AVERAGED] = "ema",
                                        [FIT_IMPORT_TRAINED] = "trained"};
    return i < 3 ? names[i] : NULL;
}

static int run(int argc, char **argv)
{
    struct common common = {0};
    int shown = -1, weights = FIT_IMPORT_BEST;
    struct fit_import_params params = {
        .note = note, .progress = progress, .progress_data = &shown, .imagenet = find_imagenet()};
    struct fit_error error = {0};
    const char *words[1];
    const struct arg args[] = {
        {"config", "YAML|PRESET",
         "the reference's configuration file, or fitv2-b, fitv2-xl, fitv2-3b, fitv2-hr-xl, "
         "fitv2-hr-3b, fit-b or fit-xl (default: the first of these that fits)",
         ARG_TEXT, &params.config, .low = 0},
        {"autoencoder", "FILE|FOLDER", "its autoencoder: SD VAE, TAESD or Limn's own", ARG_TEXT,
         &params.autoencoder, .low = 0},
        {"classes", "FILE", "lines \"id<TAB>name<TAB>synonym, synonym\" (default for 1000: "
         "ImageNet's)", ARG_TEXT, &params.classes, .low = 0},
        {"name", "NAME", "how people call the model (default: the file's name)", ARG_TEXT,
         &params.name, .low = 0},
        {"weights", "NAME", "of a checkpoint with both: ema or trained (default: ema)", ARG_NAME,
         &weights, .name_of = weights_name},
        {"output", "FOLDER", "the bundle, a new folder", ARG_TEXT, &params.output,
         .required = true, .letter = 'o'},
    };
    int status;
    if (!args_parse(&command_import, args, sizeof args / sizeof *args, &common, argc, argv, words,
                    1, 1, NULL, &status))
        return status;
    params.checkpoint = words[0];
    params.weights = (enum fit_import_weights)weights;
    params.precision = (enum fit_precision)common.precision;
    stop_watch();
    bool ok = fit_import(&params, &error);
    if (!ok && shown >= 0)
        fputs("\r\033[K", stderr);
    if (!ok)
        return fail(&error);
    if (common.json)
        print_json(json_pack("{s:s}", "path", params.output));
    else
        printf("%s\n", params.output);
    return EXIT_DONE;
}

const struct command command_import = {
    "import", "CHECKPOINT --output FOLDER [OPTION...]",
    "Make a model bundle of a published checkpoint (.safetensors, or .bin of torch).", run};
