/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli likelihood: the density that a model gives to the latents of pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "fit/fit-files.h"
#include "fit/fit-measure.h"
#include "paint.h"

enum { MOST_PICTURES = 4096 };

struct likelihood {
    struct common common;
    const char *class_text;
    struct fit_likelihood_params params; /* but for the size and the class */
    struct session session;
    json_t *rows;
};

static void report(struct likelihood *l, const char *path, const struct fit_likelihood *found)
{
    if (!l->common.json) {
        printf("%s  %.4f bits per dimension", path, found->bits_per_dimension);
        if (l->params.probes > 1)
            printf(" +- %.4f", found->standard_error / (found->dimensions * log(2)));
        putchar('\n');
        fflush(stdout);
        return;
    }
    json_array_append_new(
        l->rows, json_pack("{s:s, s:f, s:f, s:f, s:i, s:i}", "path", path, "bits_per_dimension",
                           found->bits_per_dimension, "log_density", found->log_density,
                           "standard_error", found->standard_error, "dimensions",
                           found->dimensions, "evaluations", found->evaluations));
}

static bool measure(struct likelihood *l, const char *path, struct fit_error *error)
{
    struct fit_likelihood found;
    struct fit_likelihood_params params = l->params;
    if (stop_was_asked())
        return set_error(error, FIT_ERROR_CANCELLED, "stopped before %.200s", path);
    uint8_t *rgb = fit_png_read_rgb(path, &params.width, &params.height, error);
    if (!rgb)
        return false;
    float *latent = session_encode(&l->session, rgb, params.width, params.height, error);
    free(rgb);
    bool ok = latent && fit_model_likelihood(l->session.model, &params, latent, &found, error);
    free(latent);
    if (ok)
        report(l, path, &found);
    return ok;
}

static bool measure_all(struct likelihood *l, const char *const *paths, int n,
                        struct fit_error *error)
{
    if (!session_open(&l->session, &l->common, error) ||
        !fit_model_find_class(l->session.model, l->class_text, &l->params.class_id, error))
        return false;
    for (int i = 0; i < n; i++)
        if (!measure(l, paths[i], error))
            return false;
    return true;
}

static int run(int argc, char **argv)
{
    struct likelihood l = {.class_text = "none",
                           .params = {.solver = FIT_SOLVER_HEUN, .steps = 20, .probes = 1}};
    struct fit_likelihood_params *p = &l.params;
    struct fit_error error = {0};
    const char *paths[MOST_PICTURES];
    int n, status;
    const struct arg args[] = {
        {"class", "CLASS", "a class by name, synonym or number, or none (default)", ARG_TEXT,
         &l.class_text, .low = 0},
        {"probes", "N", "random probes of the divergence (default: 1)", ARG_INT, &p->probes,
         .low = 1, .high = 256},
        {"gaussian", NULL, "normal numbers as probes, in place of signs", ARG_FLAG, &p->gaussian,
         .low = 0},
        {"seed", "S", "seed of the probes (default: 0)", ARG_SEED, &p->seed, .low = 0},
        {"solver", "NAME", "euler, midpoint, heun (default), heun3, rk4 or dopri5", ARG_NAME,
         &p->solver, .name_of = solver_name},
        {"steps", "N", "steps from the picture to the noise (default: 20)", ARG_INT, &p->steps,
         .low = 1, .high = 1000},
        {"atol", "E", "dopri5: absolute tolerance (default: 1e-6)", ARG_REAL, &p->atol,
         .low = 1e-12, .high = 1},
        {"rtol", "E", "dopri5: relative tolerance (default: 1e-3)", ARG_REAL, &p->rtol,
         .low = 1e-12, .high = 1},
        {"extrapolation", "M", "how positions stretch (default: auto)", ARG_NAME, &p->method,
         .name_of = method_name},
        {"attention-scale", "NAME", "of the pro methods: as in the code, or as in the paper",
         ARG_NAME, &p->attention_scale, .name_of = attention_scale_name},
        {"ori-max-pe-len", "N", "tokens a side from which positions stretch (default: the model's)",
         ARG_INT, &p->ori_max_pe_len, .low = 1, .high = 256},
    };
    if (!args_parse(&command_likelihood, args, sizeof args / sizeof *args, &l.common, argc, argv,
                    paths, 1, MOST_PICTURES, &n, &status))
        return status;
    stop_watch();
    l.rows = json_array();
    bool ok = measure_all(&l, paths, n, &error);
    if (ok && l.common.json)
        print_json(l.rows);
    else
        json_decref(l.rows);
    session_close(&l.session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_likelihood = {
    "likelihood", "PICTURE.png... [OPTION...]",
    "Measure how likely a model finds pictures, in bits per dimension of the latent.", run};
