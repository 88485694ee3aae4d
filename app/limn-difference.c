/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-difference.h"

#include <math.h>
#include <stdlib.h>

LimnDifference
limn_difference_measure (const uint8_t *a, const uint8_t *b, size_t n)
{
  LimnDifference found = { 0 };
  double squares = 0;

  for (size_t i = 0; i < 4 * n; i++)
    {
      int d = i % 4 == 3 ? 0 : abs (a[i] - b[i]);

      found.mean += d;
      squares += (double) d * d;
      found.most = d > found.most ? d : found.most;
    }
  found.mean /= 3 * (double) n;
  found.psnr_db = squares > 0 ? 10 * log10 (255.0 * 255.0 * 3 * (double) n / squares) : INFINITY;
  return found;
}

void
limn_difference_draw (uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, double gain)
{
  for (size_t i = 0; i < 4 * n; i++)
    out[i] = i % 4 == 3 ? 255 : (uint8_t) fmin (255, gain * abs (a[i] - b[i]));
}

static int
vary_method (struct fit_generate_params *out)
{
  static const enum fit_method methods[] = {
    FIT_METHOD_NONE,        FIT_METHOD_VISION_PI,   FIT_METHOD_VISION_NTK,
    FIT_METHOD_VISION_NTK_BY_PARTS, FIT_METHOD_VISION_YARN, FIT_METHOD_VISION_NTK_PRO2,
  };
  enum { N = sizeof methods / sizeof *methods };

  for (int i = 0; i < N; i++)
    out[i].method = methods[i];
  return N;
}

static int
vary_steps (struct fit_generate_params *out, int steps)
{
  const int counts[] = { steps / 4, steps / 2, steps, steps <= 500 ? 2 * steps : 1000 };
  int n = 0;

  for (int i = 0; i < 4; i++)
    if (counts[i] > 0 && (n == 0 || counts[i] > out[n - 1].steps))
      out[n++].steps = counts[i];
  return n;
}

static int
vary_guidance (struct fit_generate_params *out)
{
  static const double scales[] = { 1, 1.5, 2.5, 4 };

  for (int i = 0; i < 4; i++)
    out[i].guidance = scales[i];
  return 4;
}

static int
vary_solver (struct fit_generate_params *out, bool first_version)
{
  static const enum fit_solver flows[]
      = { FIT_SOLVER_EULER, FIT_SOLVER_MIDPOINT, FIT_SOLVER_HEUN, FIT_SOLVER_RK4 };
  static const enum fit_solver chains[] = { FIT_SOLVER_DDPM, FIT_SOLVER_DDIM };
  int n = first_version ? 2 : 4;

  for (int i = 0; i < n; i++)
    out[i].solver = first_version ? chains[i] : flows[i];
  return n;
}

int
limn_variants (LimnAxis axis, const struct fit_generate_params *base, bool first_version,
               struct fit_generate_params out[LIMN_MOST_VARIANTS])
{
  for (int i = 0; i < LIMN_MOST_VARIANTS; i++)
    out[i] = *base;
  switch (axis)
    {
    case LIMN_AXIS_STEPS:
      return vary_steps (out, base->steps);
    case LIMN_AXIS_GUIDANCE:
      return vary_guidance (out);
    case LIMN_AXIS_SOLVER:
      return vary_solver (out, first_version);
    case LIMN_AXIS_SEED:
      for (int i = 0; i < 4; i++)
        out[i].seed = base->seed + (uint64_t) i;
      return 4;
    case LIMN_AXIS_CHECKPOINT:
      return 4;
    case LIMN_AXIS_METHOD:
    default:
      return vary_method (out);
    }
}

int
limn_spread (int n, int most, int out[])
{
  int shown = n < most ? n : most;

  for (int i = 0; i < shown; i++)
    out[i] = shown > 1 ? (i * (n - 1) + (shown - 1) / 2) / (shown - 1) : 0;
  return shown;
}

int
limn_columns_for (int n, int width, int height, double room_width, double room_height)
{
  static const double head = 36;
  double largest = 0;
  int best = 1;

  for (int columns = 1; columns <= n; columns++)
    {
      int rows = (n + columns - 1) / columns;
      double scale = fmin (room_width / columns / width, (room_height / rows - head) / height);

      if (scale > largest)
        {
          largest = scale;
          best = columns;
        }
    }
  return best;
}

int
limn_step_at (double t, int n_steps, int finished)
{
  int step = (int) lround (fmin (fmax (t, 0), 1) * n_steps);

  return step < finished ? step : finished;
}
