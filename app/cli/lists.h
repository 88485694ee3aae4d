/* SPDX-License-Identifier: Apache-2.0 */
/* Options whose values are lists, separated by commas. */
#ifndef LIMN_CLI_LISTS_H
#define LIMN_CLI_LISTS_H

#include "args.h"

enum { LIST_MOST_SIZES = 32 };

/* "all" is every method but auto; a name given twice counts once. */
bool list_methods(const char *text, enum fit_method out[FIT_N_METHODS], int *n,
                  struct fit_error *error);

/* WIDTHxHEIGHT,... in pixels. */
bool list_sizes(const char *text, struct size out[LIST_MOST_SIZES], int *n,
                struct fit_error *error);

#endif
