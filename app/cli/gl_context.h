/* SPDX-License-Identifier: Apache-2.0 */
/* gl_context.h - contexts of OpenGL without a display, one for each device that draws. */
#ifndef LIMN_CLI_GL_CONTEXT_H
#define LIMN_CLI_GL_CONTEXT_H

#include <stdbool.h>

/* Makes a context on the i-th device that EGL knows, the last being whichever Mesa chooses, and
 * makes it current in the place of the one before. False without one; past the last, `end`. */
bool gl_context_open(int i, bool *end);
void gl_context_close(void);

/* While no context is current. */
void gl_context_hide(void);
void gl_context_show(void);

#endif
