/* SPDX-License-Identifier: Apache-2.0 */
/* The tiny model, made once for the tests of one program. */
#ifndef TINY_FOLDER_H
#define TINY_FOLDER_H

/* cmocka.h needs these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fit/fit.h"

/* argv[1] is the program that makes the model; exits when it cannot. */
void tiny_folder_init(int argc, char **argv);
void tiny_folder_finish(void);

/* In a process that another one of the test has started: the model is there already. */
void tiny_folder_use(const char *path);
const char *tiny_folder_path(void);

/* An engine on two threads of the processor with the model on it; failures fail the test. */
struct fit_engine *tiny_engine(void (*wake)(void *data), void *data);
struct fit_model *tiny_load(struct fit_engine *engine);

/* Fails the test with the engine's sentence. */
#define require_ok(ok, e)                                                                          \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            fail_msg("%s", (e).message);                                                           \
    } while (0)

#endif
