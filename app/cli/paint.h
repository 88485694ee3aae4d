/* SPDX-License-Identifier: Apache-2.0 */
/* What generate and compare have in common: the options of a picture, and its settings as JSON. */
#ifndef LIMN_CLI_PAINT_H
#define LIMN_CLI_PAINT_H

#include <jansson.h>

#include "session.h"

struct paint {
    const char *class_text;
    struct size size;
    int steps, solver; /* solver -1: the model's */
    double guidance, guidance_power;
    uint64_t seed;
};

/* The defaults, and the rows of the option table that fill it: append PAINT_ARGS(p) to a table. */
#define PAINT_DEFAULTS ((struct paint){.class_text = "0", .solver = -1})

#define PAINT_ARGS(p)                                                                              \
    {"class", "CLASS", "a class by name, synonym or number, or none (default: 0)", ARG_TEXT,       \
     &(p)->class_text, .low = 0},                                                                  \
        {"size", "WxH", "size in pixels (default: the model's)", ARG_SIZE, &(p)->size, .low = 0},  \
        {"steps", "N", "steps from noise to picture", ARG_INT, &(p)->steps, .low = 1,              \
         .high = 1000},                                                                            \
        {"solver", "NAME", "euler, heun, midpoint or rk4", ARG_NAME, &(p)->solver,                 \
         .name_of = solver_name},                                                                  \
        {"guidance", "S", "classifier-free guidance scale; 1 is none", ARG_REAL, &(p)->guidance,   \
         .low = 1, .high = 30},                                                                    \
        {"guidance-power", "Q", "power-cosine guidance, strongest near the noise; 0: constant",    \
         ARG_REAL, &(p)->guidance_power, .low = 0, .high = 100},                                   \
    {                                                                                              \
        "seed", "S", "seed of the noise (default: 0)", ARG_SEED, &(p)->seed, .low = 0              \
    }

/* The engine's parameters with the class found and the model's defaults for what was not given. */
bool paint_params(const struct paint *paint, const struct session *session,
                  struct fit_generate_params *out, struct fit_error *error);

/* The job's settings as an object; NULL without memory. */
json_t *job_json(const struct fit_job *job);

/* Prints the value on stdout, indented, with a newline; takes the reference. */
void print_json(json_t *value);

#endif
