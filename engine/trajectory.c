/* SPDX-License-Identifier: Apache-2.0 */
#include "trajectory.h"

#include <stdlib.h>
#include <string.h>

bool trajectory_init(struct trajectory *trajectory, int points, size_t values, size_t pixels,
                     struct fit_error *error)
{
    size_t room = (size_t)points;
    *trajectory = (struct trajectory){.room = points, .values = values, .pixels = pixels};
    trajectory->state = malloc(room * values * sizeof(float));
    trajectory->prediction = malloc(room * values * sizeof(float));
    trajectory->thumbnail = malloc(room * pixels * 4);
    if (trajectory->state && trajectory->prediction && trajectory->thumbnail)
        return true;
    trajectory_finish(trajectory);
    return fit_fail(error, FIT_ERROR_MEMORY, "no memory for %d steps of %zu values", points,
                    values);
}

void trajectory_finish(struct trajectory *trajectory)
{
    free(trajectory->state);
    free(trajectory->prediction);
    free(trajectory->thumbnail);
    *trajectory = (struct trajectory){0};
}

void trajectory_add(struct trajectory *trajectory, const float *state, const float *prediction,
                    const uint8_t *thumbnail)
{
    size_t at = (size_t)trajectory->n++, values = trajectory->values;
    memcpy(trajectory->state + at * values, state, values * sizeof *state);
    memcpy(trajectory->prediction + at * values, prediction, values * sizeof *prediction);
    memcpy(trajectory->thumbnail + at * trajectory->pixels * 4, thumbnail,
           trajectory->pixels * 4);
}

void trajectory_take_over(struct trajectory *trajectory, const struct trajectory *from, int n)
{
    for (int i = 0; i < n; i++)
        trajectory_add(trajectory, from->state + (size_t)i * from->values,
                       from->prediction + (size_t)i * from->values,
                       from->thumbnail + (size_t)i * from->pixels * 4);
}

size_t trajectory_bytes(int points, size_t values, size_t pixels)
{
    return (size_t)points * (2 * values * sizeof(float) + 4 * pixels);
}
