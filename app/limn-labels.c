/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-labels.h"

#include <glib/gi18n.h>

const char *
limn_method_label (enum fit_method method)
{
  static const char *const labels[FIT_N_METHODS] = {
    [FIT_METHOD_AUTO] = N_ ("Automatic"),
    [FIT_METHOD_NONE] = N_ ("None"),
    [FIT_METHOD_PI] = "PI",
    [FIT_METHOD_NTK] = "NTK",
    [FIT_METHOD_NTK_BY_PARTS] = N_ ("NTK by parts"),
    [FIT_METHOD_YARN] = "YaRN",
    [FIT_METHOD_NTK_PRO1] = N_ ("NTK, attention by side"),
    [FIT_METHOD_NTK_PRO2] = N_ ("NTK, attention by area"),
    [FIT_METHOD_VISION_PI] = "Vision PI",
    [FIT_METHOD_VISION_NTK] = "Vision NTK",
    [FIT_METHOD_VISION_NTK_BY_PARTS] = N_ ("Vision NTK by parts"),
    [FIT_METHOD_VISION_YARN] = "Vision YaRN",
    [FIT_METHOD_VISION_NTK_PRO1] = N_ ("Vision NTK, attention by side"),
    [FIT_METHOD_VISION_NTK_PRO2] = N_ ("Vision NTK, attention by area"),
  };

  return _ (labels[method]);
}

const char *
limn_solver_label (enum fit_solver solver)
{
  static const char *const labels[FIT_N_SOLVERS] = {
    [FIT_SOLVER_EULER] = "Euler",
    [FIT_SOLVER_MIDPOINT] = N_ ("Midpoint"),
    [FIT_SOLVER_HEUN] = "Heun",
    [FIT_SOLVER_RK4] = "Runge–Kutta 4",
    [FIT_SOLVER_HEUN3] = "Heun 3",
    [FIT_SOLVER_DOPRI5] = N_ ("Adaptive (Dormand–Prince)"),
    [FIT_SOLVER_SDE_EULER] = N_ ("Stochastic (Euler–Maruyama)"),
    [FIT_SOLVER_SDE_HEUN] = N_ ("Stochastic (Heun)"),
    [FIT_SOLVER_DDPM] = "DDPM",
    [FIT_SOLVER_DDIM] = "DDIM",
  };

  return _ (labels[solver]);
}
