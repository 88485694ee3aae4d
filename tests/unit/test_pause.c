/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that are paused, stopped, written to a file, killed with their process, and gone on with:
 * each ends in the bits of one that nobody disturbed. And files that are none of it.
 */
#include "tiny_folder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 180000 /* far more than any run here takes, on any machine */

enum { WIDTH = 64, HEIGHT = 48, STEPS = 12, LONG = 400 };
enum { VALUES = 8 * (WIDTH / 8) * (HEIGHT / 8) };

static struct fit_engine *engine;
static struct fit_model *model;
static char file[64], damaged[64];

static struct fit_generate_params basic(void)
{
    return (struct fit_generate_params){.class_id = 1, .width = WIDTH, .height = HEIGHT,
                                        .steps = STEPS, .seed = 5, .guidance = 3};
}

static struct fit_job *start(struct fit_generate_params params)
{
    struct fit_job *job;
    struct fit_error error = {0};
    require_ok(fit_generate(model, &params, &job, &error), error);
    return job;
}

static enum fit_job_state state_of(struct fit_job *job)
{
    struct fit_progress progress;
    fit_job_progress(job, &progress);
    return progress.state;
}

static int evaluations_of(struct fit_job *job)
{
    struct fit_progress progress;
    fit_job_progress(job, &progress);
    return progress.evaluations;
}

/* Waits for something to move. */
static void wait_a_little(void)
{
    struct fit_event event;
    if (fit_engine_wait_event(engine, 1, &event))
        fit_job_unref(&event.job);
}

#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int left = PATIENCE_MS;                                                                    \
        while (!(condition) && left--)                                                             \
            wait_a_little();                                                                       \
        assert_true(condition);                                                                    \
    } while (0)

static bool is_over(struct fit_job *job)
{
    return state_of(job) > FIT_JOB_PAUSED;
}

/* The picture and what is written into its file; the job is let go. */
struct result {
    float latent[VALUES];
    uint8_t pixels[4 * WIDTH * HEIGHT];
    char *json;
};

static struct result finish(struct fit_job *job)
{
    struct result r;
    struct fit_frame *frame = NULL, *newer;
    struct fit_error error = {0};
    WAIT_UNTIL(is_over(job));
    fit_job_error(job, &error);
    if (state_of(job) != FIT_JOB_DONE)
        fail_msg("%s", error.message);
    assert_true(fit_job_latent(job, STEPS, FIT_VIEW_STATE, r.latent));
    while ((newer = fit_job_take_frame(job))) {
        fit_frame_unref(&frame);
        frame = newer;
    }
    assert_non_null(frame);
    assert_true(fit_frame_is_final(frame));
    memcpy(r.pixels, fit_frame_pixels(frame), sizeof r.pixels);
    r.json = fit_job_describe_json(job);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    return r;
}

static void require_same(const struct result *a, struct result b)
{
    assert_memory_equal(a->latent, b.latent, sizeof b.latent);
    assert_memory_equal(a->pixels, b.pixels, sizeof b.pixels);
    assert_string_equal(a->json, b.json);
    free(b.json);
}

static void pause_now(struct fit_job *job)
{
    fit_job_pause(job);
    WAIT_UNTIL(state_of(job) == FIT_JOB_PAUSED || is_over(job));
}

static void stop_now(struct fit_job *job)
{
    fit_job_cancel(job);
    WAIT_UNTIL(is_over(job));
}

static struct fit_job *read_back(bool paused)
{
    struct fit_job *job;
    struct fit_error error = {0};
    require_ok(fit_job_read(model, file, paused, &job, &error), error);
    return job;
}

/* Wherever it comes to: pauses after it has moved, again and again. */
static struct result paint_with_pauses(struct fit_generate_params params)
{
    struct fit_job *job = start(params);
    for (;;) {
        pause_now(job);
        if (is_over(job))
            return finish(job);
        int evaluations = evaluations_of(job);
        fit_job_resume(job);
        WAIT_UNTIL(is_over(job) || evaluations_of(job) > evaluations);
    }
}

/* Every part of the way is another job: written, read, stopped, gone on with. */
static struct result paint_in_parts(struct fit_generate_params params)
{
    struct fit_job *job = start(params);
    for (int part = 0;; part++) {
        struct fit_error error = {0};
        int evaluations = evaluations_of(job);
        WAIT_UNTIL(is_over(job) || evaluations_of(job) > evaluations);
        if (part % 2)
            stop_now(job);
        else
            pause_now(job);
        if (state_of(job) == FIT_JOB_DONE)
            return finish(job);
        struct fit_job *next = NULL;
        if (part % 4 == 1) {
            require_ok(fit_job_continue(job, &next, &error), error);
        } else {
            require_ok(fit_job_write(job, file, &error), error);
            next = read_back(part % 4 == 2);
            fit_job_resume(next);
        }
        fit_job_cancel(job);
        fit_job_unref(&job);
        job = next;
    }
}

static void check_all_ways(struct fit_generate_params params)
{
    struct result whole = finish(start(params));
    require_same(&whole, paint_with_pauses(params));
    require_same(&whole, paint_in_parts(params));
    free(whole.json);
}

static void test_every_solver(void **state)
{
    (void)state;
    for (int solver = 0; solver < FIT_N_SOLVERS; solver++) {
        struct fit_generate_params params = basic();
        params.solver = (enum fit_solver)solver;
        if (fit_model_has_solver(model, params.solver))
            check_all_ways(params);
    }
}

static void test_rare_settings(void **state)
{
    (void)state;
    float noise[VALUES];
    struct fit_generate_params params = basic();
    for (int i = 0; i < VALUES; i++)
        noise[i] = (float)(i % 17) / 8 - 1;
    params.noise = noise;
    params.guidance_power = 0.7;
    params.method = FIT_METHOD_VISION_NTK_PRO2;
    check_all_ways(params);
    params = basic();
    params.solver = FIT_SOLVER_SDE_HEUN;
    params.noise_source = FIT_NOISE_TORCH;
    params.diffusion = FIT_DIFFUSION_INCREASING_DECREASING;
    check_all_ways(params);
    params = basic();
    params.solver = FIT_SOLVER_DOPRI5;
    params.error_norm = FIT_ERROR_NORM_COUPLED;
    check_all_ways(params);
}

/* One that goes on from another run's step, with that run gone from memory. */
static void test_branch(void **state)
{
    (void)state;
    struct fit_generate_params params = basic();
    struct fit_job *origin = start(params);
    WAIT_UNTIL(is_over(origin));
    params.from = origin;
    params.from_step = 4;
    params.class_id = 2;
    check_all_ways(params);
    fit_job_unref(&origin);
}

/* ... or of another engine that is closed by then, as one whose card was lost. */
static void test_branch_of_other_engine(void **state)
{
    (void)state;
    struct fit_engine *mine = engine;
    struct fit_model *my_model = model;
    struct fit_generate_params params = basic();
    struct fit_job *origin = start(params);
    WAIT_UNTIL(is_over(origin));
    params.from = origin;
    params.from_step = 4;
    params.class_id = 2;
    struct result expected = finish(start(params));
    fit_job_unref(&origin);

    engine = tiny_engine(NULL, NULL);
    model = tiny_load(engine);
    origin = start(basic());
    WAIT_UNTIL(is_over(origin));
    fit_model_unref(&model);
    fit_engine_close(&engine);
    engine = mine;
    model = my_model;
    params.from = origin;
    require_same(&expected, finish(start(params)));
    free(expected.json);
    fit_job_unref(&origin);
}

static void test_pause_holds(void **state)
{
    (void)state;
    struct fit_generate_params params = basic();
    params.steps = 1000;
    struct fit_job *job = start(params);
    pause_now(job);
    int evaluations = evaluations_of(job);
    /* Another run goes past it. */
    free(finish(start(basic())).json);
    assert_int_equal(evaluations_of(job), evaluations);
    fit_job_pause(job);
    assert_int_equal(state_of(job), FIT_JOB_PAUSED);
    fit_job_resume(job);
    fit_job_resume(job);
    WAIT_UNTIL(evaluations_of(job) > evaluations);
    pause_now(job);
    stop_now(job);
    assert_int_equal(state_of(job), FIT_JOB_CANCELLED);
    fit_job_pause(job);
    fit_job_resume(job);
    assert_int_equal(state_of(job), FIT_JOB_CANCELLED);
    fit_job_unref(&job);
}

/* What it has come to is shown whole, and so is any other step. */
static void test_paused_picture(void **state)
{
    (void)state;
    struct fit_generate_params params = basic();
    struct fit_progress progress;
    params.steps = 1000;
    struct fit_job *job = start(params);
    WAIT_UNTIL(evaluations_of(job) > 2);
    pause_now(job);
    fit_job_progress(job, &progress);
    struct fit_frame *frame = NULL, *newer;
    while ((newer = fit_job_take_frame(job))) {
        fit_frame_unref(&frame);
        frame = newer;
    }
    assert_non_null(frame);
    assert_int_equal(fit_frame_step(frame), progress.step - 1);
    fit_frame_unref(&frame);
    fit_job_show(job, 1, FIT_VIEW_STATE);
    WAIT_UNTIL(frame || (frame = fit_job_take_frame(job)));
    assert_int_equal(fit_frame_step(frame), 1);
    fit_frame_unref(&frame);
    stop_now(job);
    fit_job_unref(&job);
}

static void test_close_while_paused(void **state)
{
    (void)state;
    struct fit_engine *own = tiny_engine(NULL, NULL);
    struct fit_model *own_model = tiny_load(own);
    struct fit_generate_params params = basic();
    struct fit_error error = {0};
    struct fit_job *job, *kept;
    struct fit_event event;
    params.steps = 1000;
    require_ok(fit_generate(own_model, &params, &job, &error), error);
    while (evaluations_of(job) < 3)
        if (fit_engine_wait_event(own, 1, &event))
            fit_job_unref(&event.job);
    fit_job_pause(job);
    while (state_of(job) != FIT_JOB_PAUSED)
        if (fit_engine_wait_event(own, 1, &event))
            fit_job_unref(&event.job);
    fit_engine_close(&own);
    assert_int_equal(state_of(job), FIT_JOB_CANCELLED);
    /* Its place is there without a worker: what quitting writes. */
    require_ok(fit_job_write(job, file, &error), error);
    int evaluations = evaluations_of(job);
    fit_job_unref(&job);
    fit_model_unref(&own_model);
    kept = read_back(true);
    assert_int_equal(evaluations_of(kept), evaluations);
    stop_now(kept);
    fit_job_unref(&kept);
}

static void test_nowhere_to_go_on(void **state)
{
    (void)state;
    struct fit_error error = {0};
    struct fit_job *next, *job = start(basic());
    WAIT_UNTIL(is_over(job));
    assert_false(fit_job_write(job, file, &error));
    assert_non_null(strstr(error.message, "done"));
    error = (struct fit_error){0};
    assert_false(fit_job_continue(job, &next, &error));
    assert_null(next);
    fit_job_unref(&job);

    struct fit_generate_params params = basic();
    params.steps = 1000;
    struct fit_job *first = start(params);
    job = start(params);
    stop_now(job);
    error = (struct fit_error){0};
    assert_false(fit_job_continue(job, &next, &error));
    assert_non_null(strstr(error.message, "not begun"));
    error = (struct fit_error){0};
    assert_false(fit_job_continue(first, &next, &error));
    stop_now(first);
    fit_job_unref(&first);
    fit_job_unref(&job);
}

/* ---- the process is killed ---- */

/* Paints, and writes where it is all the time. */
static void paint_until_killed(void)
{
    struct fit_error error = {0};
    struct fit_job *job;
    engine = tiny_engine(NULL, NULL);
    model = tiny_load(engine);
    struct fit_generate_params params = basic();
    params.solver = FIT_SOLVER_DOPRI5;
    if (!fit_generate(model, &params, &job, &error))
        _exit(1);
    for (;;) {
        fit_job_resume(job);
        usleep(2000);
        fit_job_pause(job);
        if (!is_over(job))
            fit_job_write(job, file, &error);
    }
}

static void test_kill(void **state)
{
    (void)state;
    struct fit_generate_params params = basic();
    params.solver = FIT_SOLVER_DOPRI5;
    struct result whole = finish(start(params));
    for (int i = 0; i < 5; i++) {
        unlink(file);
        pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "test-pause", "--until-killed", tiny_folder_path(), file,
                  (char *)NULL);
            _exit(127);
        }
        assert_true(child > 0);
        for (int left = PATIENCE_MS; access(file, F_OK) && left--;)
            usleep(1000);
        usleep((useconds_t)(3000 * i));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        require_same(&whole, finish(read_back(false)));
    }
    free(whole.json);
}

/* ---- files that are none ---- */

static void write_some(void)
{
    struct fit_error error = {0};
    struct fit_generate_params params = basic();
    params.steps = LONG;
    struct fit_job *job = start(params);
    WAIT_UNTIL(evaluations_of(job) > 3);
    pause_now(job);
    require_ok(fit_job_write(job, file, &error), error);
    stop_now(job);
    fit_job_unref(&job);
}

static uint8_t *read_bytes(const char *path, size_t *n)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    *n = (size_t)ftell(stream);
    rewind(stream);
    uint8_t *bytes = malloc(*n);
    assert_int_equal(fread(bytes, 1, *n, stream), *n);
    fclose(stream);
    return bytes;
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t n)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, n, stream), n);
    fclose(stream);
}

/* Refused with one sentence, or a run that ends somehow. */
static bool try_damaged(void)
{
    struct fit_error error = {0};
    struct fit_settings settings;
    struct fit_progress progress;
    struct fit_job *job;
    fit_settings_read_run(damaged, &settings, &progress, NULL);
    if (!fit_job_read(model, damaged, false, &job, &error)) {
        assert_int_not_equal(error.status, FIT_OK);
        assert_true(*error.message && !strchr(error.message, '\n'));
        assert_null(job);
        return false;
    }
    int evaluations = evaluations_of(job);
    WAIT_UNTIL(is_over(job) || evaluations_of(job) > evaluations);
    stop_now(job);
    fit_job_unref(&job);
    return true;
}

static void test_damaged(void **state)
{
    (void)state;
    size_t n;
    uint32_t random = 12345;
    write_some();
    uint8_t *good = read_bytes(file, &n), *bad = malloc(n);
    for (int i = 0; i < 60; i++) {
        write_bytes(damaged, good, n * (size_t)i / 60);
        assert_false(try_damaged());
    }
    size_t header = 0;
    memcpy(&header, good, sizeof header);
    assert_in_range(header, 1, n);
    for (int i = 0; i < 150; i++) {
        memcpy(bad, good, n);
        for (int k = 0; k < 1 + i % 3; k++) {
            random = random * 1664525 + 1013904223;
            bad[8 + (random >> 8) % (i % 2 ? header : n - 8)] ^= (uint8_t)(1 << random % 8);
        }
        write_bytes(damaged, bad, n);
        try_damaged();
    }
    free(good);
    free(bad);
}

/* The same length, other words: what a person could have edited. */
static void replace(const char *old, const char *new, const char *why)
{
    size_t n;
    struct fit_error error = {0};
    struct fit_job *job;
    uint8_t *bytes = read_bytes(file, &n);
    uint8_t *at = memmem(bytes, n, old, strlen(old));
    assert_non_null(at);
    assert_int_equal(strlen(old), strlen(new));
    memcpy(at, new, strlen(new));
    write_bytes(damaged, bytes, n);
    free(bytes);
    bool read = fit_job_read(model, damaged, false, &job, &error);
    if (read) { /* what only the sampler knows is refused when the run begins */
        WAIT_UNTIL(is_over(job));
        assert_int_equal(state_of(job), FIT_JOB_FAILED);
        fit_job_error(job, &error);
        fit_job_unref(&job);
    }
    if (!strstr(error.message, why))
        fail_msg("expected a sentence with \"%s\", found: %s", why, error.message);
}

static void test_edited(void **state)
{
    (void)state;
    write_some();
    replace("limn-run-1", "limn-run-2", "limn-run-1");
    replace("\\\"steps\\\":400", "\\\"steps\\\":2  ", "progress");
    replace("\\\"width\\\":64", "\\\"width\\\":80", "state");
    replace("\\\"width\\\":64", "\\\"width\\\":65", "size");
    replace("\\\"solver\\\":\\\"euler\\\"", "\\\"solver\\\":\\\"heun3\\\"", "heun3");
    replace("\\\"solver\\\":\\\"euler\\\"", "\\\"solver\\\":\\\"other\\\"", "solver");
}

static void test_another_model(void **state)
{
    (void)state;
    size_t n;
    struct fit_error error = {0};
    struct fit_job *job;
    write_some();
    uint8_t *bytes = read_bytes(file, &n);
    const char key[] = "model_sha256\\\":\\\"";
    uint8_t *at = memmem(bytes, n, key, strlen(key));
    assert_non_null(at);
    at[strlen(key)] = at[strlen(key)] == '0' ? '1' : '0';
    write_bytes(damaged, bytes, n);
    free(bytes);
    assert_false(fit_job_read(model, damaged, false, &job, &error));
    assert_int_equal(error.status, FIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "another model"));
}

/* What a window needs before it has the model. */
static void test_settings_alone(void **state)
{
    (void)state;
    struct fit_error error = {0};
    struct fit_settings settings;
    struct fit_progress progress;
    write_some();
    require_ok(fit_settings_read_run(file, &settings, &progress, &error), error);
    assert_string_equal(settings.class_name, "Desert dunes");
    assert_int_equal(settings.params.width, WIDTH);
    assert_int_equal(progress.steps, LONG);
    assert_in_range(progress.step, 1, LONG);
    assert_true(progress.elapsed_s > 0);
    assert_false(fit_settings_read_run("/nonexistent/run", &settings, &progress, &error));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_solver),   cmocka_unit_test(test_rare_settings),
        cmocka_unit_test(test_branch),         cmocka_unit_test(test_pause_holds),
        cmocka_unit_test(test_branch_of_other_engine),
        cmocka_unit_test(test_paused_picture), cmocka_unit_test(test_close_while_paused),
        cmocka_unit_test(test_nowhere_to_go_on), cmocka_unit_test(test_kill),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_edited),
        cmocka_unit_test(test_another_model),  cmocka_unit_test(test_settings_alone),
    };
    if (argc == 4 && !strcmp(argv[1], "--until-killed")) {
        tiny_folder_use(argv[2]);
        snprintf(file, sizeof file, "%s", argv[3]);
        paint_until_killed();
    }
    tiny_folder_init(argc, argv);
    snprintf(file, sizeof file, "%s/left", tiny_folder_path());
    snprintf(damaged, sizeof damaged, "%s/damaged", tiny_folder_path());
    engine = tiny_engine(NULL, NULL);
    model = tiny_load(engine);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    tiny_folder_finish();
    return failed;
}
