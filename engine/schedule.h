/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.h - where on [0, 1] a run evaluates the network (0 = noise, 1 = data). */
#ifndef FIT_SCHEDULE_H
#define FIT_SCHEDULE_H

/* points[steps + 1]: equally spaced from 0 to `end` in float, counted from both ends so that the
 * points are those of torch.linspace to the bit. steps >= 1. */
void fit_schedule_linear(float *points, int steps, float end);

#endif
