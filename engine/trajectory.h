/* SPDX-License-Identifier: Apache-2.0 */
/* trajectory.h - every point of a run, kept in host memory: scrubbing is a lookup, not a re-run.
 * A latent is small (8 kB at 128 x 128, 64 kB at 512 x 512), so all of them are. */
#ifndef FIT_TRAJECTORY_H
#define FIT_TRAJECTORY_H

#include "error.h"

struct trajectory {
    int room, n;         /* points that fit, points that are there */
    size_t values;       /* of one latent */
    size_t pixels;       /* latent pixels */
    float *state;        /* [room][values] */
    float *prediction;   /* [room][values] */
    uint8_t *thumbnail;  /* [room][pixels][4] RGBA8 of the prediction */
};

bool trajectory_init(struct trajectory *trajectory, int points, size_t values, size_t pixels,
                     struct fit_error *error);
void trajectory_finish(struct trajectory *trajectory);

/* Appends a point. */
void trajectory_add(struct trajectory *trajectory, const float *state, const float *prediction,
                    const uint8_t *thumbnail);

/* Appends the first n points of another of the same sizes; it has as many. */
void trajectory_take_over(struct trajectory *trajectory, const struct trajectory *from, int n);

size_t trajectory_bytes(int points, size_t values, size_t pixels);

#endif
