/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli import: a model bundle of a published checkpoint. */
#include <stdio.h>

#include "commands.h"
#include "fit/fit-import.h"
#include "paint.h"

static void note(void *data, const char *sentence)
{
    (void)data;
    say("note: %s", sentence);
}

static int run(int argc, char **argv)
{
    struct common common = {0};
    struct fit_import_params params = {.note = note};
    struct fit_error error = {0};
    const char *words[1];
    const struct arg args[] = {
        {"config", "YAML|PRESET",
         "the reference's configuration file, or fitv2-b, fitv2-xl, fitv2-3b, fitv2-hr-xl or "
         "fitv2-hr-3b",
         ARG_TEXT, &params.config, .required = true},
        {"autoencoder", "FILE", "its autoencoder, .safetensors", ARG_TEXT, &params.autoencoder,
         .low = 0},
        {"classes", "FILE", "lines \"id<TAB>name<TAB>synonym, synonym\"", ARG_TEXT,
         &params.classes, .low = 0},
        {"name", "NAME", "how people call the model (default: the file's name)", ARG_TEXT,
         &params.name, .low = 0},
        {"output", "FOLDER", "the bundle, a new folder", ARG_TEXT, &params.output,
         .required = true},
    };
    int status;
    if (!args_parse(&command_import, args, sizeof args / sizeof *args, &common, argc, argv, words,
                    1, 1, NULL, &status))
        return status;
    params.checkpoint = words[0];
    if (!fit_import(&params, &error))
        return fail(&error);
    if (common.json)
        print_json(json_pack("{s:s}", "path", params.output));
    else
        printf("%s\n", params.output);
    return EXIT_DONE;
}

const struct command command_import = {
    "import", "CHECKPOINT.safetensors --config CONFIG.yaml|PRESET --output FOLDER [OPTION...]",
    "Make a model bundle of a published checkpoint.", run};
