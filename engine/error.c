/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool fit_fail(struct fit_error *error, enum fit_status status, const char *format, ...)
{
    if (!error || error->status != FIT_OK)
        return false;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    /* Names come from files; a terminal must not obey them. */
    for (char *at = error->message; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return false;
}
