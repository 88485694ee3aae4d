/* SPDX-License-Identifier: Apache-2.0 */
#include "paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static const char *diffusion_name(int i)
{
    return i < FIT_N_DIFFUSIONS ? fit_diffusion_name((enum fit_diffusion)i) : NULL;
}

static const char *last_step_name(int i)
{
    return i < FIT_N_LAST_STEPS ? fit_last_step_name((enum fit_last_step)i) : NULL;
}

static const char *error_norm_name(int i)
{
    return i < FIT_N_ERROR_NORMS ? fit_error_norm_name((enum fit_error_norm)i) : NULL;
}

static const char *noise_source_name(int i)
{
    return i < FIT_N_NOISE_SOURCES ? fit_noise_source_name((enum fit_noise_source)i) : NULL;
}

size_t paint_args(struct paint *paint, const struct arg *own, size_t n_own,
                  struct arg args[PAINT_ARGS_MAX])
{
    struct fit_generate_params *p = &paint->params;
    const struct arg rows[PAINT_ARGS] = {
        {"size", "WxH", "size in pixels (default: the model's)", ARG_SIZE, &paint->size, .low = 0},
        {"seed", "S", "seed of the noise (default: 0)", ARG_SEED, &p->seed, .low = 0},
        {"steps", "N", "steps from noise to picture", ARG_INT, &p->steps, .low = 1, .high = 1000},
        {"guidance", "S", "classifier-free guidance scale; 1 is none", ARG_REAL, &p->guidance,
         .low = 1, .high = 30},
        {"guidance-power", "Q", "power-cosine guidance, strongest near the noise; 0: constant",
         ARG_REAL, &p->guidance_power, .low = 0, .high = 100},
        {"solver", "NAME", "euler, midpoint, heun, rk4, heun3, dopri5, sde-euler, sde-heun; ddpm, "
         "ddim", ARG_NAME, &paint->solver, .name_of = solver_name},
        {"atol", "E", "dopri5: absolute tolerance (default: 1e-6)", ARG_REAL, &p->atol,
         .low = 1e-12, .high = 1},
        {"rtol", "E", "dopri5: relative tolerance (default: 1e-3)", ARG_REAL, &p->rtol,
         .low = 1e-12, .high = 1},
        {"error-norm", "NAME", "dopri5: error of the image, or coupled with its unguided half",
         ARG_NAME, &p->error_norm, .name_of = error_norm_name},
        {"diffusion", "FORM", "sde: sigma, linear, constant, decreasing, increasing-decreasing",
         ARG_NAME, &p->diffusion, .name_of = diffusion_name},
        {"diffusion-norm", "N", "sde: strength of the noise (default: 1)", ARG_REAL,
         &p->diffusion_norm, .low = 1e-6, .high = 1000},
        {"last-step", "KIND", "sde: mean, euler, tweedie or none", ARG_NAME, &p->last_step,
         .name_of = last_step_name},
        {"last-step-size", "T", "sde: time of the last step (default: 0.04)", ARG_REAL,
         &p->last_step_size, .low = 1e-6, .high = 0.999},
        {"eta", "E", "ddim: noise from 0 (default: none) to 1 (that of ddpm)", ARG_REAL,
         &p->ddim_eta, .low = 0, .high = 1},
        {"even-spacing", NULL, "ddpm, ddim: every k-th of the 1000 steps, as in ddim50", ARG_FLAG,
         &p->even_spacing, .low = 0},
        {"v1-clamp", NULL, "ddpm, ddim: tell the network min(t, 1), as the released code does",
         ARG_FLAG, &p->v1_clamp, .low = 0},
        {"time-shift", "A", "the network is told A t / (1 + (A - 1) t) (default: 1)", ARG_REAL,
         &p->time_shift, .low = 0.01, .high = 100},
        {"attention-scale", "NAME", "of the pro methods: as in the code, or as in the paper",
         ARG_NAME, &p->attention_scale, .name_of = attention_scale_name},
        {"ori-max-pe-len", "N", "tokens a side from which positions stretch (default: the model's)",
         ARG_INT, &p->ori_max_pe_len, .low = 1, .high = 4096},
        {"noise-source", "NAME", "philox, or torch: what torch.randn draws on a CPU", ARG_NAME,
         &p->noise_source, .name_of = noise_source_name},
    };
    memcpy(args, rows, sizeof rows);
    memcpy(args + PAINT_ARGS, own, n_own * sizeof *own);
    return PAINT_ARGS + n_own;
}

bool paint_params(const struct paint *paint, const struct session *session,
                  struct fit_generate_params *out, struct fit_error *error)
{
    const struct fit_model_info *info = &session->info;
    *out = paint->params;
    out->crop_width = paint->crop.width;
    out->crop_height = paint->crop.height;
    if (paint->size.width) {
        out->width = paint->size.width;
        out->height = paint->size.height;
    } else if (paint->crop.width) {
        out->width = paint->crop.width;
        out->height = paint->crop.height;
        fit_canvas_cover(session->model, &out->width, &out->height);
    } else {
        out->width = info->default_width;
        out->height = info->default_height;
    }
    out->solver = paint->solver < 0 ? info->default_solver : (enum fit_solver)paint->solver;
    out->no_previews = true;
    return fit_model_find_class(session->model, paint->class_text, &out->class_id, error);
}

json_t *job_json(const struct fit_job *job)
{
    char *text = fit_job_describe_json(job);
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return object;
}

void print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}
