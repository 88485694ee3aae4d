/* SPDX-License-Identifier: Apache-2.0 */
/* fibers.h - the threads of one block, run in turn on one processor thread. */
#ifndef FK_TEST_FIBERS_H
#define FK_TEST_FIBERS_H

#include <functional>

/* Runs body(i) for i in 0 .. n-1, each until it waits or ends, forwards or backwards; `stuck` is
 * called when all that are left wait for something that cannot come. */
void fibers_run(unsigned n, bool backwards, const std::function<void(unsigned)> &body,
                const std::function<void()> &before_resume, void (*stuck)());

/* Called by a fiber: lets others run until the counter has reached the value. */
void fiber_wait(const unsigned *counter, unsigned value);
unsigned fiber_current();

#endif
