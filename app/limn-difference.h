/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-difference.h - how two pictures differ, and what to compare one with.
 *
 * Plain arithmetic without a toolkit. Pictures are RGBA8; alpha is left out.
 */
#pragma once

#include <fit/fit.h>

typedef struct
{
  double mean;    /* of the absolute differences of all channels, 0 to 255 */
  int most;       /* the largest of them */
  double psnr_db; /* peak 255; infinite for equal pictures */
} LimnDifference;

/* Of two pictures of n pixels, n > 0. */
LimnDifference limn_difference_measure (const uint8_t *a, const uint8_t *b, size_t n);

/* |a - b| * gain, cut at 255, as an opaque picture. */
void limn_difference_draw (uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, double gain);

/* ---- what is put side by side ---- */

enum { LIMN_MOST_VARIANTS = 6 };

typedef enum
{
  LIMN_AXIS_METHOD,   /* ways to stretch positions */
  LIMN_AXIS_SEED,     /* this seed and those after it */
  LIMN_AXIS_STEPS,    /* a quarter, half, all and twice the steps */
  LIMN_AXIS_GUIDANCE,
  LIMN_AXIS_SOLVER,   /* with equal steps */
  LIMN_AXIS_CHECKPOINT, /* other models of one training run, with equal settings */
  LIMN_N_AXES
} LimnAxis;

/* Settings that differ from `base` along one axis only; returns how many, 2 to
 * LIMN_MOST_VARIANTS. `first_version`: the model takes DDPM and DDIM and no other solvers. */
int limn_variants (LimnAxis axis, const struct fit_generate_params *base, bool first_version,
                   struct fit_generate_params out[LIMN_MOST_VARIANTS]);

/* Which of n things in a row, at most `most` of them, show how they change: the first, the last,
 * and others evenly between; returns how many. most > 1. */
int limn_spread (int n, int most, int out[]);

/* In how many columns n pictures of this size, each with a heading, are largest in a room. */
int limn_columns_for (int n, int width, int height, double room_width, double room_height);

/* The finished step of a run that is nearest to the time t in [0, 1]. */
int limn_step_at (double t, int n_steps, int finished);
