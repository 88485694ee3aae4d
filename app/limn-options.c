/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-options.h"

static void
add_text (GString *text, const char *option, const char *value)
{
  g_string_append_printf (text, "%s%s%s%s", text->len ? " " : "", option, *value ? " " : "", value);
}

/* 0 stands for the default where a value has one. */
static void
add_real (GString *text, const char *option, double value, double usual)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (value == 0 || value == usual)
    return;
  /* Short where that is the same number. */
  g_ascii_formatd (buffer, sizeof buffer, "%.15g", value);
  if (g_ascii_strtod (buffer, NULL) != value)
    g_ascii_dtostr (buffer, sizeof buffer, value);
  add_text (text, option, buffer);
}

static void
add_int (GString *text, const char *option, int value, int usual)
{
  g_autofree char *number = g_strdup_printf ("%d", value);

  if (value != 0 && value != usual)
    add_text (text, option, number);
}

static void
add_stochastic (GString *text, const struct fit_generate_params *p)
{
  if (p->diffusion != FIT_DIFFUSION_SIGMA)
    add_text (text, "--diffusion", fit_diffusion_name (p->diffusion));
  add_real (text, "--diffusion-norm", p->diffusion_norm, 1);
  if (p->last_step != FIT_LAST_STEP_MEAN)
    add_text (text, "--last-step", fit_last_step_name (p->last_step));
  add_real (text, "--last-step-size", p->last_step_size, 0.04);
}

static void
add_of_solver (GString *text, const struct fit_generate_params *p)
{
  switch (p->solver)
    {
    case FIT_SOLVER_DOPRI5:
      add_real (text, "--atol", p->atol, 1e-6);
      add_real (text, "--rtol", p->rtol, 1e-3);
      if (p->error_norm != FIT_ERROR_NORM_IMAGE)
        add_text (text, "--error-norm", fit_error_norm_name (p->error_norm));
      break;
    case FIT_SOLVER_SDE_EULER:
    case FIT_SOLVER_SDE_HEUN:
      add_stochastic (text, p);
      break;
    case FIT_SOLVER_DDPM:
    case FIT_SOLVER_DDIM:
      if (p->solver == FIT_SOLVER_DDIM)
        add_real (text, "--eta", p->ddim_eta, 0);
      if (p->even_spacing)
        add_text (text, "--even-spacing", "");
      if (p->v1_clamp)
        add_text (text, "--v1-clamp", "");
      break;
    default:
      break;
    }
}

char *
limn_options_dup_text (const struct fit_generate_params *p, int axis_tokens)
{
  GString *text = g_string_new (NULL);

  add_int (text, "--index", p->index, 0);
  add_real (text, "--guidance-power", p->guidance_power, 0);
  if (p->attention_scale != FIT_ATTENTION_SCALE_CODE)
    add_text (text, "--attention-scale", fit_attention_scale_name (p->attention_scale));
  add_int (text, "--ori-max-pe-len", p->ori_max_pe_len, axis_tokens);
  add_real (text, "--time-shift", p->time_shift, 1);
  add_of_solver (text, p);
  if (p->noise_source != FIT_NOISE_PHILOX)
    add_text (text, "--noise-source", fit_noise_source_name (p->noise_source));
  return g_string_free (text, FALSE);
}

void
limn_options_copy (struct fit_generate_params *to, const struct fit_generate_params *from)
{
  to->index = from->index;
  to->guidance_power = from->guidance_power;
  to->attention_scale = from->attention_scale;
  to->ori_max_pe_len = from->ori_max_pe_len;
  to->time_shift = from->time_shift;
  to->atol = from->atol;
  to->rtol = from->rtol;
  to->error_norm = from->error_norm;
  to->diffusion = from->diffusion;
  to->diffusion_norm = from->diffusion_norm;
  to->last_step = from->last_step;
  to->last_step_size = from->last_step_size;
  to->ddim_eta = from->ddim_eta;
  to->even_spacing = from->even_spacing;
  to->v1_clamp = from->v1_clamp;
  to->noise_source = from->noise_source;
}
