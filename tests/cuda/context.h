/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - contexts of OpenGL without a display, one for each device that draws. */
#ifndef TESTS_CONTEXT_H
#define TESTS_CONTEXT_H

#include <stdbool.h>

/* Makes a context on the i-th device that EGL knows, the last being whichever Mesa chooses, and
 * makes it current in the place of the one before. False without one; past the last, `end`. */
bool context_open(int i, bool *end);
void context_close(void);

/* While no context is current. */
void context_hide(void);
void context_show(void);

#endif
