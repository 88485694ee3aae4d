/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 48
#define FIRST_LONG 256 /* what getopt answers for the first option of the table */
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *current = ""; /* the command that speaks */

const char *backend_name(int i)
{
    static const char *const names[] = {"auto", "cpu", "reference", "cuda"};
    return i < (int)COUNT(names) ? names[i] : NULL;
}

const char *solver_name(int i)
{
    return i < FIT_N_SOLVERS ? fit_solver_name((enum fit_solver)i) : NULL;
}

const char *method_name(int i)
{
    return i < FIT_N_METHODS ? fit_method_name((enum fit_method)i) : NULL;
}

const char *attention_scale_name(int i)
{
    return i < FIT_N_ATTENTION_SCALES ? fit_attention_scale_name((enum fit_attention_scale)i)
                                      : NULL;
}

static const char *precision_name(int i)
{
    return i <= FIT_PRECISION_BF16 ? fit_precision_name((enum fit_precision)i) : NULL;
}

/* ---- speaking ---- */

static void say_list(const char *format, va_list arguments)
{
    char sentence[1024];
    vsnprintf(sentence, sizeof sentence, format, arguments);
    for (char *at = sentence; *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = ' ';
    fprintf(stderr, "limn-cli%s%s: %s\n", *current ? " " : "", current, sentence);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
}

int fail_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

int fail(const struct fit_error *error)
{
    static const int statuses[] = {
        [FIT_OK] = EXIT_FILE,
        [FIT_ERROR_ARGUMENT] = EXIT_USAGE,
        [FIT_ERROR_FILE] = EXIT_FILE,
        [FIT_ERROR_MODEL] = EXIT_FILE,
        [FIT_ERROR_MEMORY] = EXIT_MEMORY,
        [FIT_ERROR_DEVICE] = EXIT_FILE,
        [FIT_ERROR_CANCELLED] = EXIT_STOPPED,
        [FIT_ERROR_DIFFERS] = EXIT_DIFFERS,
    };
    say("%s", error->message[0] ? error->message : "failed without a reason");
    return statuses[error->status];
}

/* ---- names ---- */

/* Levenshtein distance over the first 63 bytes. */
static int distance(const char *a, const char *b)
{
    int row[64], n = (int)strnlen(b, 63);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; i < 63 && a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= n; j++) {
            int replace = diagonal + (tolower((unsigned char)a[i]) != b[j - 1]);
            int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < shift ? replace : shift;
        }
    }
    return row[n];
}

const char *nearest_name(const char *text, const char *(*name_of)(int i))
{
    const char *best = NULL, *name;
    int least = 3 + (int)strlen(text) / 3;
    for (int i = 0; *text && (name = name_of(i)); i++) {
        int d = strstr(name, text) ? 1 : distance(text, name);
        if (d < least) {
            least = d;
            best = name;
        }
    }
    return best;
}

/* ---- values ---- */

static bool read_real(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

bool size_parse(const char *text, struct size *out)
{
    char *end;
    long width = strtol(text, &end, 10), height = 0;
    if (end == text || (*end != 'x' && *end != 'X'))
        return false;
    const char *second = end + 1;
    height = strtol(second, &end, 10);
    if (!isdigit((unsigned char)*second) || *end || width < 1 || height < 1 || width > 1 << 20 ||
        height > 1 << 20)
        return false;
    *out = (struct size){(int)width, (int)height};
    return true;
}

static bool read_seed(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno;
}

static bool refuse_number(const struct arg *arg, const char *text)
{
    say("--%s: expected %s from %g to %g, found \"%.80s\"", arg->name,
        arg->kind == ARG_INT ? "a whole number" : "a number", arg->low, arg->high, text);
    return false;
}

static bool store_name(const struct arg *arg, const char *text)
{
    char list[320] = "";
    const char *name;
    for (int i = 0; (name = arg->name_of(i)); i++) {
        if (!strcmp(name, text)) {
            *(int *)arg->place = i;
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", name);
    }
    const char *nearest = nearest_name(text, arg->name_of);
    if (nearest)
        say("--%s: \"%.80s\" is unknown; did you mean %s? (%s)", arg->name, text, nearest, list);
    else
        say("--%s: \"%.80s\" is unknown; expected one of %s", arg->name, text, list);
    return false;
}

static bool store(const struct arg *arg, const char *text)
{
    double number;
    switch (arg->kind) {
    case ARG_FLAG:
        *(bool *)arg->place = true;
        return true;
    case ARG_TEXT:
        *(const char **)arg->place = text;
        return true;
    case ARG_NAME:
        return store_name(arg, text);
    case ARG_SIZE:
        if (size_parse(text, arg->place))
            return true;
        say("--%s: expected WIDTHxHEIGHT in pixels as in 256x128, found \"%.80s\"", arg->name,
            text);
        return false;
    case ARG_SEED:
        if (read_seed(text, arg->place))
            return true;
        say("--%s: expected a whole number from 0 to 18446744073709551615, found \"%.80s\"",
            arg->name, text);
        return false;
    case ARG_INT:
    case ARG_REAL:
        if (!read_real(text, &number) || number < arg->low || number > arg->high ||
            (arg->kind == ARG_INT && number != floor(number)))
            return refuse_number(arg, text);
        if (arg->kind == ARG_INT)
            *(int *)arg->place = (int)number;
        else
            *(double *)arg->place = number;
        return true;
    }
    return false;
}

/* ---- one command's table ---- */

struct table {
    struct arg arg[MAX_ARGS];
    struct option option[MAX_ARGS + 1];
    char letters[2 * MAX_ARGS + 2]; /* as getopt wants them: ":ho:" */
    bool given[MAX_ARGS];
    int n, own; /* all, and those of the command itself */
    bool help;
};

static struct table table; /* one command line a process */

static const char *option_name(int i)
{
    return i < table.n ? table.arg[i].name : NULL;
}

static void build_table(const struct arg *args, size_t n_args, struct common *common)
{
    const struct arg shared[] = {
        {"model", "FOLDER",
         "model bundle or training run (default: $LIMN_MODEL, else the bundled model)",
         ARG_TEXT, &common->model, .low = 0},
        {"backend", "NAME", "auto, cpu, reference or cuda", ARG_NAME, &common->backend,
         .name_of = backend_name},
        {"precision", "NAME", "auto, f32 or bf16", ARG_NAME, &common->precision,
         .name_of = precision_name},
        {"threads", "N", "processor threads (default: all)", ARG_INT, &common->threads, .low = 1,
         .high = 1024},
        {"json", NULL, "print what there is to report as JSON", ARG_FLAG, &common->json, .low = 0},
        {"help", NULL, "show this text", ARG_FLAG, &table.help, .low = 0},
    };
    table = (struct table){.own = (int)n_args, .n = (int)(n_args + COUNT(shared))};
    if (n_args)
        memcpy(table.arg, args, n_args * sizeof *args);
    memcpy(table.arg + n_args, shared, sizeof shared);
    size_t used = (size_t)snprintf(table.letters, sizeof table.letters, ":h");
    for (int i = 0; i < table.n; i++) {
        const struct arg *arg = &table.arg[i];
        table.option[i] = (struct option){
            arg->name, arg->value ? required_argument : no_argument, NULL, FIRST_LONG + i};
        if (arg->letter)
            used += (size_t)snprintf(table.letters + used, sizeof table.letters - used, "%c%s",
                                     arg->letter, arg->value ? ":" : "");
    }
}

/* Which row getopt found: the place of a long option, or the one with the letter; -1: none. */
static int row_of(int found)
{
    for (int i = 0; i < table.n; i++)
        if (found == FIRST_LONG + i || (table.arg[i].letter && found == table.arg[i].letter))
            return i;
    return -1;
}

static void print_help(const struct command *command)
{
    printf("Usage: limn-cli %s %s\n%s\n\n", command->name, command->usage, command->about);
    for (int i = 0; i < table.n; i++) {
        char left[64];
        const struct arg *arg = &table.arg[i];
        char letter[8] = "";
        if (arg->letter)
            snprintf(letter, sizeof letter, "-%c, ", arg->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, arg->name, arg->value ? " " : "",
                 arg->value ? arg->value : "");
        printf("%s  %-24s %s%s\n", i == table.own ? "\n" : "", left, arg->help,
               arg->required ? " (needed)" : "");
    }
}

static bool refuse_option(const char *text)
{
    char name[64];
    const char *bare = text + strspn(text, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    const char *nearest = nearest_name(name, option_name);
    if (nearest)
        say("option \"%.80s\" is unknown; did you mean --%s?", text, nearest);
    else
        say("option \"%.80s\" is unknown; --help lists them", text);
    return false;
}

static bool read_options(int argc, char **argv)
{
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, table.letters, table.option, NULL)) != -1;) {
        int i = row_of(c);
        if (c == 'h') {
            table.help = true;
        } else if (c == ':' || (c == '?' && optopt >= FIRST_LONG)) {
            say(c == ':' ? "%s needs a value" : "%s takes no value", argv[optind - 1]);
            return false;
        } else if (c == '?') {
            return refuse_option(argv[optind - 1]);
        }
        if (i >= 0 && !store(&table.arg[i], optarg))
            return false;
        if (i >= 0)
            table.given[i] = true;
    }
    return true;
}

static bool check_required(void)
{
    for (int i = 0; i < table.n; i++) {
        if (table.arg[i].required && !table.given[i]) {
            say("--%s %s is needed; --help says more", table.arg[i].name, table.arg[i].value);
            return false;
        }
    }
    return true;
}

static bool read_words(const struct command *command, int argc, char **argv, const char **words,
                       int low, int high, int *n_words)
{
    int n = argc - optind;
    if (n > high)
        say("\"%.80s\" is one argument too many; usage: limn-cli %s %s", argv[optind + high],
            command->name, command->usage);
    else if (n < low)
        say("an argument is missing; usage: limn-cli %s %s", command->name, command->usage);
    else {
        for (int i = 0; i < n; i++)
            words[i] = argv[optind + i];
        if (n_words)
            *n_words = n;
        return true;
    }
    return false;
}

bool args_parse(const struct command *command, const struct arg *args, size_t n_args,
                struct common *common, int argc, char **argv, const char **words, int low,
                int high, int *n_words, int *status)
{
    current = command->name;
    build_table(args, n_args, common);
    *status = EXIT_USAGE;
    if (!read_options(argc, argv))
        return false;
    if (table.help) {
        print_help(command);
        *status = EXIT_DONE;
        return false;
    }
    return read_words(command, argc, argv, words, low, high, n_words) && check_required();
}
