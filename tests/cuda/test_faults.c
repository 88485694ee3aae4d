/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a card does to a run when it fails: at launch after launch, and with every amount of memory.
 * The run fails in words, what was painted stays, and a new engine paints. With the stand-in only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tiny_folder.h"

#define PATIENCE_MS 180000
enum { STEPS = 3, SIDE = 16, VALUES = 8 * (SIDE / 8) * (SIDE / 8) };

struct outcome {
    bool opened, loaded, accepted, done;
    int steps; /* that stayed */
    char message[512];
};

static void take_message(struct outcome *o, const struct fit_error *error)
{
    snprintf(o->message, sizeof o->message, "%s", error->message);
}

static void paint(struct outcome *o, struct fit_engine *engine, struct fit_model *model)
{
    struct fit_generate_params params = {.width = SIDE, .height = SIDE, .steps = STEPS, .guidance = 2};
    struct fit_job *job;
    struct fit_error error = {0};
    o->accepted = fit_generate(model, &params, &job, &error);
    take_message(o, &error);
    if (!o->accepted)
        return;
    for (bool ended = false; !ended;) {
        struct fit_event event;
        if (!fit_engine_wait_event(engine, PATIENCE_MS, &event))
            fail_msg("no event within %d ms", PATIENCE_MS);
        ended = event.type >= FIT_EVENT_DONE && event.type <= FIT_EVENT_CANCELLED;
        o->done = event.type == FIT_EVENT_DONE;
        fit_job_unref(&event.job);
    }
    struct fit_progress progress;
    static float latent[VALUES];
    fit_job_progress(job, &progress);
    for (o->steps = 0; fit_job_latent(job, o->steps, FIT_VIEW_STATE, latent);)
        o->steps++;
    fit_job_error(job, &error);
    take_message(o, &error);
    fit_job_unref(&job);
}

static struct outcome attempt(const char *variable, const char *value)
{
    struct outcome o = {0};
    struct fit_engine_params params = {.backend = "cuda", .n_threads = 2};
    struct fit_model_params bundle = {.path = tiny_folder_path(),
                                      .precision = FIT_PRECISION_BF16};
    struct fit_engine *engine = NULL;
    struct fit_model *model = NULL;
    struct fit_error error = {0};
    if (variable)
        setenv(variable, value, 1);
    o.opened = fit_engine_open(&engine, &params, &error);
    o.loaded = o.opened && fit_model_load(engine, &bundle, &model, &error);
    take_message(&o, &error);
    if (o.loaded)
        paint(&o, engine, model);
    fit_model_unref(&model);
    if (engine)
        fit_engine_close(&engine);
    if (variable)
        unsetenv(variable);
    return o;
}

static void expect_words(const struct outcome *o, const char *words, long at)
{
    if (!strstr(o->message, words))
        fail_msg("%ld: expected words about \"%s\", found \"%s\"", at, words, o->message);
}

static void test_launches(void **state)
{
    int failures = 0, most = 0;
    (void)state;
    for (long n = 1;; n += n < 60 ? 1 : 4) { /* all of two evaluations, of the rest a part */
        char text[32];
        snprintf(text, sizeof text, "%ld", n);
        struct outcome o = attempt("FK_SHIM_FAIL_LAUNCH", text);
        if (o.done)
            break;
        assert_true(o.opened);
        expect_words(&o, "unspecified launch failure", n);
        failures++;
        if (o.steps > most)
            most = o.steps;
    }
    print_message("%d launches failed in turn; up to %d steps stayed\n", failures, most);
    assert_true(failures > 50);
    assert_true(most >= STEPS); /* all but the last one's picture */
}

static void test_every_amount_of_memory(void **state)
{
    int refused = 0;
    bool done = false;
    (void)state;
    for (long mib = 1; mib <= 256 && !done; mib++) {
        char text[32];
        snprintf(text, sizeof text, "%ld", mib << 20);
        struct outcome o = attempt("FK_SHIM_MEMORY", text);
        done = o.done;
        refused += !done;
        if (!done)
            expect_words(&o, "memory", mib);
    }
    assert_true(done && refused > 0);
}

static void test_afterwards(void **state)
{
    (void)state;
    struct outcome o = attempt(NULL, NULL);
    assert_true(o.done);
    assert_int_equal(o.steps, STEPS + 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launches),
        cmocka_unit_test(test_every_amount_of_memory),
        cmocka_unit_test(test_afterwards),
    };
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_folder_finish();
    return failed;
}
