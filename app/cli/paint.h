/* SPDX-License-Identifier: Apache-2.0 */
/* What generate, compare and sample have in common: the options of a picture, and its settings as
 * JSON. */
#ifndef LIMN_CLI_PAINT_H
#define LIMN_CLI_PAINT_H

#include <jansson.h>

#include "session.h"

struct paint {
    const char *class_text;
    struct size size, crop; /* a crop without a size: of the next possible size */
    int solver; /* -1: the model's */
    /* What else was given; 0 is the model's or the engine's default. */
    struct fit_generate_params params;
};

#define PAINT_DEFAULTS ((struct paint){.class_text = "0", .solver = -1})

/* How many options fill a struct paint, and how many more a command may have. */
enum { PAINT_ARGS = 20, PAINT_ARGS_MAX = PAINT_ARGS + 12 };

/* Writes a command's option table: those that fill `paint`, then its own. Returns their number. */
size_t paint_args(struct paint *paint, const struct arg *own, size_t n_own,
                  struct arg args[PAINT_ARGS_MAX]);

/* The engine's parameters with the class found and the model's defaults for what was not given. */
bool paint_params(const struct paint *paint, const struct session *session,
                  struct fit_generate_params *out, struct fit_error *error);

/* The job's settings as an object; NULL without memory. */
json_t *job_json(const struct fit_job *job);

/* Prints the value on stdout, indented, with a newline; takes the reference. */
void print_json(json_t *value);

#endif
