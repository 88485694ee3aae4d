/* SPDX-License-Identifier: Apache-2.0 */
/* How functions inside the engine fail: the first cause is kept, later ones are consequences. */
#ifndef FIT_ERROR_H
#define FIT_ERROR_H

#include "fit/fit.h"

/* Fills `error` unless it already holds a failure or is NULL; always returns false, so that
 * `return fit_fail(...)` reads as what it does. */
bool fit_fail(struct fit_error *error, enum fit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
