/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

void fit_schedule_linear(float *points, int steps, float end)
{
    float width = end / (float)steps;
    int half = (steps + 1) / 2;
    for (int i = 0; i <= steps; i++)
        points[i] = i < half ? width * (float)i : end - width * (float)(steps - i);
}
