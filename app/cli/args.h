/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as tables: what a command accepts, its help and its errors are one list. */
#ifndef LIMN_CLI_ARGS_H
#define LIMN_CLI_ARGS_H

#include "fit/fit.h"

/* The programs' exit statuses. */
enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 1,
    EXIT_FILE = 2,
    EXIT_MEMORY = 3,
    EXIT_DIFFERS = 4,
    EXIT_STOPPED = 130
};

struct size {
    int width, height; /* pixels; 0: not given */
};

enum arg_kind {
    ARG_FLAG, /* bool */
    ARG_TEXT, /* const char * */
    ARG_INT,  /* int */
    ARG_SEED, /* uint64_t */
    ARG_REAL, /* double */
    ARG_SIZE, /* struct size */
    ARG_NAME  /* int: which of the names */
};

struct arg {
    const char *name;  /* without dashes */
    const char *value; /* as the help calls it; NULL for a flag */
    const char *help;
    enum arg_kind kind;
    void *place;
    double low, high;              /* of ARG_INT and ARG_REAL */
    const char *(*name_of)(int i); /* of ARG_NAME; NULL after the last */
    bool required;
    char letter; /* a short spelling, as in -o; 0: none */
};

struct command {
    const char *name;
    const char *usage; /* what follows the name in the first line of the help */
    const char *about; /* one sentence */
    int (*run)(int argc, char **argv);
};

/* Options that every command takes. */
struct common {
    const char *model;
    int backend;   /* of backend_name */
    int precision; /* enum fit_precision */
    int threads;
    bool json;
};
const char *backend_name(int i);

/* The tables' names for the engine's vocabulary. */
const char *solver_name(int i);
const char *method_name(int i);
const char *attention_scale_name(int i);

/* Reads argv[1..] into the places. `words` receives the arguments that are no options, at least
 * `low` and at most `high` of them; n_words may be NULL. True when the command shall run; otherwise
 * *status is its exit status, and help or one sentence has been printed. */
bool args_parse(const struct command *command, const struct arg *args, size_t n_args,
                struct common *common, int argc, char **argv, const char **words, int low,
                int high, int *n_words, int *status);

/* WIDTHxHEIGHT, both from 1 to 2^20. */
bool size_parse(const char *text, struct size *out);

/* Prints "limn-cli COMMAND: sentence" on stderr; control characters become spaces. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says the error and gives the exit status for it. */
int fail(const struct fit_error *error);

/* Says a mistake in how the program was called; always EXIT_USAGE. */
int fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of the names, the one that a person may have meant; NULL when none is near. */
const char *nearest_name(const char *text, const char *(*name_of)(int i));

#endif
