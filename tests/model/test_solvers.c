/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every solver and option of a run from the outside: tiny models of both versions paint, say what
 * they did, and paint it again from the picture.
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

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */

enum { WIDTH = 64, HEIGHT = 48, STEPS = 4, LATENT = 8 * (WIDTH / 8) * (HEIGHT / 8) };

static char folder[] = "/tmp/limn-solvers-XXXXXX";
static const char *maker;
static struct fit_engine *engine;
static struct fit_model *v1, *v2;

static void require(bool ok, const struct fit_error *e)
{
    if (!ok)
        fail_msg("%s", e->message);
}

static struct fit_model *load(const char *version)
{
    char path[64], command[1200];
    struct fit_model *model;
    struct fit_error e = {0};
    snprintf(path, sizeof path, "%s/%s", folder, version);
    snprintf(command, sizeof command, "'%s' %s %s", maker, path,
             strcmp(version, "v1") ? "" : version);
    assert_int_equal(system(command), 0);
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
    require(fit_engine_open(&engine, &params, &e), &e);
    v2 = load("v2");
    v1 = load("v1");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    fit_model_unref(&v1);
    fit_model_unref(&v2);
    fit_engine_close(&engine);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static struct fit_generate_params basic(void)
{
    return (struct fit_generate_params){.class_id = 1,
                                        .width = WIDTH,
                                        .height = HEIGHT,
                                        .seed = 3,
                                        .steps = STEPS,
                                        .guidance = 2,
                                        .no_previews = true};
}

/* Runs to the end, which is in `latent`. */
static struct fit_job *paint(struct fit_model *model, const struct fit_generate_params *params,
                             float *latent)
{
    struct fit_job *job;
    struct fit_error e = {0};
    require(fit_generate(model, params, &job, &e), &e);
    for (bool over = false; !over;) {
        struct fit_event event;
        if (!fit_engine_wait_event(engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        over = event.type >= FIT_EVENT_DONE && event.job == job;
        if (event.type == FIT_EVENT_FAILED) {
            fit_job_error(job, &e);
            fail_msg("%s", e.message);
        }
        fit_job_unref(&event.job);
    }
    assert_true(fit_job_latent(job, params->steps, FIT_VIEW_STATE, latent));
    return job;
}

static void check_points(struct fit_job *job, const float *end)
{
    struct fit_progress progress;
    float latent[LATENT], last[LATENT] = {0};
    fit_job_progress(job, &progress);
    assert_int_equal(progress.state, FIT_JOB_DONE);
    assert_int_equal(progress.step, STEPS);
    assert_true(progress.t == 1);
    if (progress.all_evaluations)
        assert_int_equal(progress.evaluations, progress.all_evaluations);
    for (int step = 0; step <= STEPS; step++) {
        assert_true(fit_job_latent(job, step, FIT_VIEW_STATE, latent));
        assert_true(memcmp(latent, last, sizeof latent) != 0);
        for (int i = 0; i < LATENT; i++)
            assert_true(isfinite(latent[i]));
        memcpy(last, latent, sizeof last);
    }
    assert_memory_equal(last, end, sizeof last);
    assert_false(fit_job_latent(job, STEPS + 1, FIT_VIEW_STATE, latent));
}

/* The picture's settings are those of the run, and paint the same. */
static void check_settings(struct fit_model *model, struct fit_job *job, const float *latent)
{
    char path[64];
    float again[LATENT];
    struct fit_error e = {0};
    struct fit_settings settings;
    struct fit_generate_params p;
    struct fit_frame *frame = fit_job_take_frame(job);
    assert_non_null(frame);
    snprintf(path, sizeof path, "%s/picture.png", folder);
    require(fit_frame_write_png(frame, path, &e), &e);
    fit_frame_unref(&frame);
    require(fit_settings_read_png(path, &settings, &e), &e);
    fit_job_params(job, &p);
    const struct fit_generate_params *q = &settings.params;
    assert_int_equal(p.solver, q->solver);
    assert_int_equal(p.diffusion, q->diffusion);
    assert_int_equal(p.last_step, q->last_step);
    assert_int_equal(p.error_norm, q->error_norm);
    assert_int_equal(p.noise_source, q->noise_source);
    assert_int_equal(p.attention_scale, q->attention_scale);
    assert_int_equal(p.even_spacing, q->even_spacing);
    assert_int_equal(p.v1_clamp, q->v1_clamp);
    struct fit_job *second = paint(model, q, again);
    assert_memory_equal(again, latent, sizeof again);
    fit_job_unref(&second);
}

static void paint_and_check(struct fit_model *model, const struct fit_generate_params *p)
{
    float latent[LATENT];
    print_message("%s\n", fit_solver_name(p->solver));
    struct fit_job *job = paint(model, p, latent);
    check_points(job, latent);
    check_settings(model, job, latent);
    fit_job_unref(&job);
}

static void every_solver(void **state)
{
    (void)state;
    for (int solver = 0; solver < FIT_N_SOLVERS; solver++) {
        struct fit_generate_params p = basic();
        p.solver = solver;
        bool chain = solver == FIT_SOLVER_DDPM || solver == FIT_SOLVER_DDIM;
        assert_int_equal(fit_model_has_solver(v1, solver), chain);
        assert_int_equal(fit_model_has_solver(v2, solver), !chain);
        paint_and_check(chain ? v1 : v2, &p);
    }
}

/* Settings that are not the defaults, all of which a picture must remember. */
static void every_setting(void **state)
{
    (void)state;
    struct fit_generate_params p = basic();
    p.solver = FIT_SOLVER_DOPRI5;
    p.atol = 1e-5;
    p.rtol = 1e-2;
    p.error_norm = FIT_ERROR_NORM_COUPLED;
    p.time_shift = 1.5;
    p.noise_source = FIT_NOISE_TORCH;
    p.index = 2;
    paint_and_check(v2, &p);

    p = basic();
    p.solver = FIT_SOLVER_SDE_HEUN;
    p.diffusion = FIT_DIFFUSION_DECREASING;
    p.diffusion_norm = 0.5;
    p.last_step = FIT_LAST_STEP_TWEEDIE;
    p.last_step_size = 0.1;
    p.method = FIT_METHOD_VISION_NTK_PRO2;
    p.attention_scale = FIT_ATTENTION_SCALE_PAPER;
    p.ori_max_pe_len = 3;
    p.noise_source = FIT_NOISE_TORCH;
    paint_and_check(v2, &p);

    p = basic();
    p.solver = FIT_SOLVER_DDIM;
    p.ddim_eta = 0.5;
    p.even_spacing = true;
    p.v1_clamp = true;
    p.noise_source = FIT_NOISE_TORCH;
    paint_and_check(v1, &p);
}

/* Each of these changes the picture. (Not the coupled error: this model guides all channels, so
 * that both halves have the same.) */
static void settings_matter(void **state)
{
    (void)state;
    struct fit_generate_params plain = basic(), changed[7];
    plain.solver = FIT_SOLVER_DOPRI5;
    plain.method = FIT_METHOD_VISION_NTK_PRO2;
    plain.ori_max_pe_len = 3;
    plain.rtol = 0.1;
    for (int i = 0; i < 7; i++)
        changed[i] = plain;
    changed[0].solver = FIT_SOLVER_HEUN3;
    changed[1].guidance_power = 2;
    changed[2].attention_scale = FIT_ATTENTION_SCALE_PAPER;
    changed[3].ori_max_pe_len = 2;
    changed[4].time_shift = 2;
    changed[5].noise_source = FIT_NOISE_TORCH;
    changed[6].rtol = 1e-3;
    float expected[LATENT], latent[LATENT];
    struct fit_job *job = paint(v2, &plain, expected);
    fit_job_unref(&job);
    for (int i = 0; i < 7; i++) {
        job = paint(v2, &changed[i], latent);
        if (memcmp(latent, expected, sizeof latent) == 0)
            fail_msg("change %d changes nothing", i);
        fit_job_unref(&job);
    }
}

/* torch.manual_seed(0); torch.randn(1, 12, 32): its first two numbers are the first features of the
 * first token, neighbours in the first row of the first channel. */
static void noise_of_torch(void **state)
{
    (void)state;
    struct fit_generate_params p = basic();
    float latent[LATENT];
    p.seed = 0;
    p.noise_source = FIT_NOISE_TORCH;
    struct fit_job *job = paint(v2, &p, latent);
    assert_true(fit_job_latent(job, 0, FIT_VIEW_STATE, latent));
    assert_true(fabsf(latent[0] + 1.1258398f) < 3e-6f);
    assert_true(fabsf(latent[1] + 1.1523602f) < 3e-6f);
    fit_job_unref(&job);
}

static void refused(struct fit_model *model, const struct fit_generate_params *p, const char *why)
{
    struct fit_job *job;
    struct fit_error e = {0};
    assert_false(fit_generate(model, p, &job, &e));
    assert_int_equal(e.status, FIT_ERROR_ARGUMENT);
    if (!strstr(e.message, why))
        fail_msg("expected \"%s\" in: %s", why, e.message);
}

static void refusals(void **state)
{
    (void)state;
#define REFUSES(model, why, ...)                                                                   \
    do {                                                                                           \
        struct fit_generate_params p = basic();                                                    \
        __VA_ARGS__;                                                                               \
        refused(model, &p, why);                                                                   \
    } while (0)
    REFUSES(v2, "ddpm is not for a FiTv2 model", p.solver = FIT_SOLVER_DDPM);
    REFUSES(v1, "dopri5 is not for a FiT model; expected ddpm or ddim",
            p.solver = FIT_SOLVER_DOPRI5);
    REFUSES(v1, "has none", p.guidance_power = 1);
    REFUSES(v1, "has none", p.time_shift = 2);
    REFUSES(v1, "exactly 999 of the 1000", p.even_spacing = true, p.steps = 999);
    REFUSES(v2, "sbdm is infinite at t = 0", p.solver = FIT_SOLVER_SDE_EULER,
            p.diffusion = FIT_DIFFUSION_SBDM);
    REFUSES(v2, "sde-heun needs one", p.solver = FIT_SOLVER_SDE_HEUN,
            p.last_step = FIT_LAST_STEP_NONE);
    REFUSES(v2, "tolerances", p.solver = FIT_SOLVER_DOPRI5, p.rtol = -1);
    REFUSES(v2, "time shift: expected", p.time_shift = -1);
    REFUSES(v2, "index: expected 0 to 1023", p.noise_source = FIT_NOISE_TORCH, p.index = 1024);
    REFUSES(v2, "index: expected 0 to 1048576", p.index = 1048577);
    REFUSES(v2, "reference length", p.ori_max_pe_len = 257);
    REFUSES(v2, "error norm", p.error_norm = FIT_N_ERROR_NORMS);
#undef REFUSES
}

/* Saying nothing means the first version's own solver; its operation answers with the noise. */
static void first_version(void **state)
{
    (void)state;
    struct fit_model_info info;
    struct fit_generate_params p = basic(), effective;
    struct fit_velocity_params q = {.width = WIDTH, .height = HEIGHT, .batch = 1, .t = 999};
    struct fit_error e = {0};
    float latent[LATENT], noise[LATENT], clamped[LATENT];
    fit_model_info(v1, &info);
    assert_string_equal(info.architecture, "FiT");
    struct fit_job *job = paint(v1, &p, latent);
    fit_job_params(job, &effective);
    assert_int_equal(effective.solver, FIT_SOLVER_DDPM);
    /* At the first step, index 999: x = sqrt(alpha_bar) data + sqrt(1 - alpha_bar) noise. */
    float start[LATENT], data[LATENT];
    assert_true(fit_job_latent(job, 0, FIT_VIEW_STATE, start));
    assert_true(fit_job_latent(job, 0, FIT_VIEW_PREDICTION, data));
    fit_job_unref(&job);
    q.class_id = p.class_id;
    q.guidance = p.guidance;
    require(fit_model_velocity(v1, &q, start, noise, &e), &e);
    double bar = 1;
    for (int i = 0; i < 1000; i++)
        bar *= 1 - (1e-4 + (2e-2 - 1e-4) * i / 999);
    for (int i = 0; i < LATENT; i++) {
        double expected = (start[i] - sqrt(bar) * data[i]) / sqrt(1 - bar);
        assert_true(fabs(noise[i] - expected) < 1e-4);
    }
    q.v1_clamp = true;
    require(fit_model_velocity(v1, &q, start, clamped, &e), &e);
    assert_memory_not_equal(noise, clamped, sizeof noise);
    q.t = 1000;
    assert_false(fit_model_velocity(v1, &q, start, noise, &e));
}

/* From every step of a run, with its own settings: the same bits, and the same picture again from
 * what the picture remembers. With others: another picture that shares the steps before. */
static void going_on(void **state)
{
    (void)state;
    static const enum fit_solver solvers[] = {FIT_SOLVER_EULER, FIT_SOLVER_HEUN, FIT_SOLVER_RK4};
    for (size_t k = 0; k < sizeof solvers / sizeof *solvers; k++) {
        float whole[LATENT], again[LATENT], before[LATENT], after[LATENT];
        struct fit_generate_params p = basic();
        p.solver = solvers[k];
        struct fit_job *first = paint(v2, &p, whole);
        for (int step = 0; step < STEPS; step++) {
            struct fit_generate_params q = p;
            q.from = first;
            q.from_step = step;
            struct fit_job *second = paint(v2, &q, again);
            assert_memory_equal(whole, again, sizeof whole);
            check_points(second, again);
            fit_job_unref(&second);

            q.class_id = 2;
            q.guidance = 4;
            q.solver = FIT_SOLVER_MIDPOINT;
            second = paint(v2, &q, again);
            assert_memory_not_equal(whole, again, sizeof whole);
            for (int i = 0; i <= step; i++) {
                assert_true(fit_job_latent(first, i, FIT_VIEW_STATE, before));
                assert_true(fit_job_latent(second, i, FIT_VIEW_STATE, after));
                assert_memory_equal(before, after, sizeof before);
            }
            fit_job_unref(&second);
        }
        fit_job_unref(&first);
    }
}

static void going_on_is_refused(void **state)
{
    (void)state;
    float latent[LATENT];
    struct fit_generate_params p = basic();
    struct fit_job *first = paint(v2, &p, latent), *job;
    static const struct {
        struct fit_generate_params change;
        const char *reason;
    } cases[] = {
        {{.from_step = STEPS}, "expected 0 to 3, found 4"},
        {{.from_step = -1}, "expected 0 to 3, found -1"},
        {{.steps = STEPS + 1}, "only with its own number"},
        {{.width = WIDTH + 16}, "only with its own size"},
        {{.solver = FIT_SOLVER_SDE_EULER, .from_step = 1}, "sde-euler cannot go on"},
        {{.solver = FIT_SOLVER_DOPRI5, .from_step = 1}, "dopri5 cannot go on"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_error e = {0};
        struct fit_generate_params q = p;
        q.from = first;
        q.from_step = cases[i].change.from_step;
        q.solver = cases[i].change.solver;
        q.steps = cases[i].change.steps ? cases[i].change.steps : q.steps;
        q.width = cases[i].change.width ? cases[i].change.width : q.width;
        assert_false(fit_generate(v2, &q, &job, &e));
        if (!strstr(e.message, cases[i].reason))
            fail_msg("\"%s\" lacks \"%s\"", e.message, cases[i].reason);
    }
    fit_job_unref(&first);
}

/* What the picture of such a run remembers paints it again. */
static void going_on_is_remembered(void **state)
{
    (void)state;
    float latent[LATENT], again[LATENT], origin[LATENT];
    char path[64];
    struct fit_error e = {0};
    struct fit_settings s;
    struct fit_generate_params p = basic(), q = basic();
    struct fit_job *first = paint(v2, &p, origin);
    q.from = first;
    q.from_step = 2;
    q.class_id = 3;
    struct fit_job *second = paint(v2, &q, latent);
    struct fit_frame *frame = fit_job_take_frame(second);
    snprintf(path, sizeof path, "%s/branch.png", folder);
    require(fit_frame_write_png(frame, path, &e), &e);
    fit_frame_unref(&frame);
    fit_job_unref(&second);
    fit_job_unref(&first);

    require(fit_settings_read_png(path, &s, &e), &e);
    assert_int_equal(s.n_origins, 1);
    assert_int_equal(s.params.from_step, 2);
    assert_int_equal(s.params.class_id, 3);
    assert_int_equal(s.origin.class_id, 1);
    assert_null(s.params.from);
    first = paint(v2, &s.origin, again);
    assert_memory_equal(again, origin, sizeof origin);
    s.params.from = first;
    second = paint(v2, &s.params, again);
    assert_memory_equal(again, latent, sizeof latent);
    fit_job_unref(&second);
    fit_job_unref(&first);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 1;
    maker = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(going_on),
        cmocka_unit_test(going_on_is_refused),
        cmocka_unit_test(going_on_is_remembered),
        cmocka_unit_test(every_solver),  cmocka_unit_test(every_setting),
        cmocka_unit_test(settings_matter), cmocka_unit_test(noise_of_torch),
        cmocka_unit_test(refusals),      cmocka_unit_test(first_version),
    };
    return cmocka_run_group_tests_name("solvers", tests, set_up, tear_down);
}
