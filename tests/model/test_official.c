/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole runs against the authors' code: tests/golden/official.safetensors holds what it made of the
 * tiny models (tests/reference/make_golden.py), with noise that Limn draws as torch does. Both
 * sides sum in f32 in their own orders and agree to 1e-6; the limit leaves room for other
 * processors and is below the distance of any two methods (9e-5) and solvers (3e-5). DOPRI5's own
 * steps follow the rounding of its error and have a limit of their own.
 *
 *     test-model-official TINY_MODEL GOLDEN
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h needs these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fit/fit.h"
#include "safetensors.h"

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */
#define LIMIT 1e-5
#define LIMIT_ADAPTIVE 5e-5

enum { CHANNELS = 8, ROWS = 9, COLUMNS = 11, LATENT = CHANNELS * 4 * ROWS * COLUMNS };

static char folder[] = "/tmp/limn-official-XXXXXX";
static const char *maker, *golden_path;
static struct fit_safetensors golden;
static struct fit_engine *engine;
static struct fit_model *v1, *v2, *whole;

static void require(bool ok, const struct fit_error *e)
{
    if (!ok)
        fail_msg("%s", e->message);
}

static void run_command(const char *command)
{
    if (system(command))
        fail_msg("failed: %s", command);
}

/* As the authors' code has it, guidance is for three channels. */
static struct fit_model *load(const char *version)
{
    char path[64], command[1400];
    struct fit_model *model;
    struct fit_error e = {0};
    snprintf(path, sizeof path, "%s/%s", folder, version);
    snprintf(command, sizeof command, "'%s' %s %s", maker, path,
             strcmp(version, "v2") ? version : "");
    run_command(command);
    snprintf(command, sizeof command, "sed -i 's/\"guided_channels\": 0/\"guided_channels\": 3/' "
             "%s/model.json && grep -q 'guided_channels\": 3' %s/model.json", path, path);
    run_command(command);
    const struct fit_model_params params = {.path = path, .precision = FIT_PRECISION_F32};
    require(fit_model_load(engine, &params, &model, &e), &e);
    return model;
}

static int set_up(void **state)
{
    (void)state;
    struct fit_error e = {0};
    const struct fit_engine_params params = {.backend = "cpu", .n_threads = 2};
    assert_non_null(mkdtemp(folder));
    require(fit_safetensors_open(&golden, golden_path, &e), &e);
    require(fit_engine_open(&engine, &params, &e), &e);
    v2 = load("v2");
    v1 = load("v1");
    whole = load("whole");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    fit_model_unref(&v1);
    fit_model_unref(&v2);
    fit_model_unref(&whole);
    fit_engine_close(&engine);
    fit_safetensors_close(&golden);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void expected(const char *name, float *out, size_t n)
{
    const struct fit_tensor *tensor = fit_safetensors_find(&golden, name);
    if (!tensor || tensor->n_values != n || !fit_tensor_to_f32(tensor, out))
        fail_msg("%s: no tensor \"%s\" of %zu values", golden_path, name, n);
}

static void compare(const char *name, const float *found, size_t n, double limit)
{
    static float wanted[LATENT];
    double difference = 0, squares = 0;
    expected(name, wanted, n);
    for (size_t i = 0; i < n; i++) {
        difference += ((double)found[i] - wanted[i]) * ((double)found[i] - wanted[i]);
        squares += (double)wanted[i] * wanted[i];
    }
    double error = sqrt(difference / squares);
    print_message("%-36s %.1e\n", name, error);
    if (!(error <= limit))
        fail_msg("%s: relative distance %g, at most %g", name, error, limit);
}

static void every_method(void **state)
{
    (void)state;
    static float latent[LATENT], velocity[LATENT];
    expected("state", latent, LATENT);
    for (int method = FIT_METHOD_NONE; method < FIT_N_METHODS; method++) {
        char name[64];
        struct fit_error e = {0};
        const struct fit_velocity_params p = {
            .width = 16 * COLUMNS, .height = 16 * ROWS, .batch = 1, .t = 0.4, .class_id = 1,
            .guidance = 1.5, .method = (enum fit_method)method};
        require(fit_model_velocity(v2, &p, latent, velocity, &e), &e);
        snprintf(name, sizeof name, "velocity %s", fit_method_name(p.method));
        compare(name, velocity, LATENT, LIMIT);
    }
}

static void check_run(struct fit_model *model, const char *name, struct fit_generate_params p)
{
    enum { N = CHANNELS * 6 * 8 };
    float latent[N];
    struct fit_job *job;
    struct fit_error e = {0};
    p.class_id = 1;
    p.width = 64;
    p.height = 48;
    p.seed = 3;
    p.guidance = 1.5;
    p.method = FIT_METHOD_NONE;
    p.noise_source = FIT_NOISE_TORCH;
    p.no_previews = true;
    require(fit_generate(model, &p, &job, &e), &e);
    for (bool over = false; !over;) {
        struct fit_event event;
        if (!fit_engine_wait_event(engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        over = event.type >= FIT_EVENT_DONE && event.job == job;
        fit_job_unref(&event.job);
    }
    fit_job_error(job, &e);
    if (!fit_job_latent(job, p.steps, FIT_VIEW_STATE, latent))
        fail_msg("%s: %s", name, e.message);
    fit_job_unref(&job);
    compare(name, latent, N, p.solver == FIT_SOLVER_DOPRI5 ? LIMIT_ADAPTIVE : LIMIT);
}

static void every_flow(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fit_generate_params p;
    } runs[] = {
        {"euler", {.solver = FIT_SOLVER_EULER, .steps = 4}},
        {"euler power", {.solver = FIT_SOLVER_EULER, .steps = 4, .guidance_power = 2}},
        {"midpoint", {.solver = FIT_SOLVER_MIDPOINT, .steps = 4}},
        {"heun", {.solver = FIT_SOLVER_HEUN, .steps = 4}},
        {"rk4", {.solver = FIT_SOLVER_RK4, .steps = 4}},
        {"heun3", {.solver = FIT_SOLVER_HEUN3, .steps = 4}},
        {"dopri5", {.solver = FIT_SOLVER_DOPRI5, .steps = 4, .rtol = 1e-5,
                    .error_norm = FIT_ERROR_NORM_COUPLED}},
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        check_run(v2, runs[i].name, runs[i].p);
}

static void every_diffusion(void **state)
{
    (void)state;
    char name[64];
    struct fit_generate_params p = {.solver = FIT_SOLVER_SDE_EULER, .steps = 5};
    for (int form = 0; form < FIT_N_DIFFUSIONS; form++) {
        if (form == FIT_DIFFUSION_SBDM)
            continue; /* infinite there too */
        p.diffusion = (enum fit_diffusion)form;
        snprintf(name, sizeof name, "sde-euler %s", fit_diffusion_name(p.diffusion));
        check_run(v2, name, p);
    }
    p.diffusion = FIT_DIFFUSION_CONSTANT;
    p.solver = FIT_SOLVER_SDE_HEUN;
    check_run(v2, "sde-heun constant", p);
    p = (struct fit_generate_params){.solver = FIT_SOLVER_SDE_EULER, .steps = 5,
                                     .last_step_size = 0.1, .diffusion_norm = 0.5};
    p.last_step = FIT_LAST_STEP_TWEEDIE;
    check_run(v2, "sde-euler last tweedie", p);
    p.last_step = FIT_LAST_STEP_EULER;
    check_run(v2, "sde-euler last euler", p);
}

/* Blocks that share no modulation: the authors' use_sit with adaln_type normal. */
static void blocks_by_themselves(void **state)
{
    (void)state;
    check_run(whole, "whole euler", (struct fit_generate_params){
                                        .solver = FIT_SOLVER_EULER, .steps = 4,
                                        .guidance_power = 2});
    check_run(whole, "whole sde-euler", (struct fit_generate_params){
                                            .solver = FIT_SOLVER_SDE_EULER, .steps = 5,
                                            .diffusion = FIT_DIFFUSION_SIGMA});
}

/* The first version, as its weights were trained and as the released code runs it. */
static void every_chain(void **state)
{
    (void)state;
    for (int clamp = 0; clamp < 2; clamp++) {
        struct fit_generate_params p = {.solver = FIT_SOLVER_DDPM, .steps = 12,
                                        .v1_clamp = clamp};
        check_run(v1, clamp ? "clamp ddpm" : "ddpm", p);
        p.solver = FIT_SOLVER_DDIM;
        check_run(v1, clamp ? "clamp ddim" : "ddim", p);
        p.ddim_eta = 1;
        check_run(v1, clamp ? "clamp ddim eta" : "ddim eta", p);
        p.ddim_eta = 0;
        p.even_spacing = true;
        p.steps = 10;
        check_run(v1, clamp ? "clamp ddim even" : "ddim even", p);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: test-model-official TINY_MODEL GOLDEN\n");
        return 1;
    }
    maker = argv[1];
    golden_path = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method),
        cmocka_unit_test(every_flow),
        cmocka_unit_test(every_diffusion),
        cmocka_unit_test(blocks_by_themselves),
        cmocka_unit_test(every_chain),
    };
    return cmocka_run_group_tests_name("official", tests, set_up, tear_down);
}
