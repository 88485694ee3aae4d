/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli: which command, and what every command needs before it starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fit-train.h"

static const struct command command_train = {
    "train", "CONFIG.yaml [OPTION...]", "Train a model.", limn_cli_train};

static const struct command *const commands[] = {
    &command_generate, &command_sample,   &command_compare, &command_classes, &command_info,
    &command_verify,   &command_velocity, &command_decode,  &command_encode,  &command_import,
    &command_render,   &command_train,    &command_loss,    &command_likelihood,
    &command_distance, &command_bench,
};

static const char *command_name(int i)
{
    return i < (int)(sizeof commands / sizeof *commands) ? commands[i]->name : NULL;
}

static void print_help(void)
{
    puts("Usage: limn-cli COMMAND [OPTION...]\n"
         "Paint pictures of any shape with FiTv2 models.\n");
    for (int i = 0; command_name(i); i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->about);
    puts("\nlimn-cli COMMAND --help says more; limn-cli --version says which version this is.\n"
         "Exit status: 0 done, 1 usage, 2 file or model, 3 memory, 4 verify differs, 130 stopped.");
}

/* OpenMP's threads spin after every parallel loop for so long that other programs starve; how long
 * is read when the process starts, before main. One exec sets it. */
static void calm_threads(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    setenv("GOMP_SPINCOUNT", "1000", 1);
    execv("/proc/self/exe", argv); /* without /proc the program runs all the same */
}

int main(int argc, char **argv)
{
    calm_threads(argv);
    const char *name = argc > 1 ? argv[1] : "";
    if (!*name) {
        say("a command is needed; limn-cli --help lists them");
        return EXIT_USAGE;
    }
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_help();
        return EXIT_DONE;
    }
    if (!strcmp(name, "--version")) {
        puts("limn-cli " FIT_VERSION_STRING);
        return EXIT_DONE;
    }
    for (int i = 0; command_name(i); i++)
        if (!strcmp(command_name(i), name))
            return commands[i]->run(argc - 1, argv + 1);
    const char *nearest = nearest_name(name, command_name);
    if (nearest)
        say("command \"%.60s\" is unknown; did you mean %s?", name, nearest);
    else
        say("command \"%.60s\" is unknown; limn-cli --help lists them", name);
    return EXIT_USAGE;
}
