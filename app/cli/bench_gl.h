/* SPDX-License-Identifier: Apache-2.0 */
/* bench_gl.h - contexts of OpenGL without a display for `limn-cli bench interop`. */
#ifndef LIMN_CLI_BENCH_GL_H
#define LIMN_CLI_BENCH_GL_H

#include "fit/fit-bench.h"

/* NULL where the program was built without OpenGL. */
const struct fit_bench_gl *bench_gl(void);

#endif
