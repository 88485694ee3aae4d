/* SPDX-License-Identifier: Apache-2.0 */
/* async.h - what shim.cc tells async.cc of a device and a block. */
#ifndef FK_TEST_ASYNC_H
#define FK_TEST_ASYNC_H

#include <stddef.h>

/* From the `wrong_after`-th product of a lane on each result is wrong; NULL: never. */
void async_configure(const char *wrong_after);
void async_begin(unsigned n_threads, size_t shared_bytes);
void async_end_thread();

#endif
