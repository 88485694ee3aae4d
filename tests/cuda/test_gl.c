/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames in textures of OpenGL are the frames' pixels, to the byte; and whatever refuses leaves the
 * pixels. On a card where its own OpenGL answers, and with the stand-in for the runtime
 * (FIT_TEST_BACKEND=cuda), which can also be told to refuse. Skipped without either.
 */
#include "../unit/tiny_folder.h"

#include <epoxy/gl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../app/cli/gl_context.h"
#include "fit/fit-gl.h"

#define PATIENCE_MS 180000
enum { STEPS = 4, RING = 3, SIDE = 16, MOST_BYTES = 4 * 48 * 48 };

static struct fit_engine *engine;
static struct fit_model *model;
static int which_context;

/* A texture as somebody who draws makes it. */
struct canvas {
    unsigned texture;
    struct fit_gl_target *target;
};

static void open_on(const char *backend, struct fit_engine **opened, struct fit_model **loaded)
{
    struct fit_engine_params params = {.backend = backend, .n_threads = 2};
    struct fit_error error = {0};
    require_ok(fit_engine_open(opened, &params, &error), error);
    *loaded = tiny_load(*opened);
}

/* A finished run; its pictures are there to be asked for. */
static struct fit_job *paint(struct fit_model *with, struct fit_engine *on,
                             struct fit_generate_params params)
{
    struct fit_job *job;
    struct fit_error error = {0};
    struct fit_event event;
    params.steps = STEPS;
    params.no_previews = true;
    require_ok(fit_generate(with, &params, &job, &error), error);
    for (bool ended = false; !ended;) {
        assert_true(fit_engine_wait_event(on, PATIENCE_MS, &event));
        ended = event.type >= FIT_EVENT_DONE;
        if (ended)
            assert_int_equal(event.type, FIT_EVENT_DONE);
        fit_job_unref(&event.job);
    }
    struct fit_frame *last = fit_job_take_frame(job);
    fit_frame_unref(&last);
    return job;
}

static struct fit_job *paint_small(void)
{
    return paint(model, engine, (struct fit_generate_params){.width = SIDE, .height = SIDE});
}

static struct fit_frame *frame_on(struct fit_engine *on, struct fit_job *job, int step,
                                  enum fit_view view)
{
    struct fit_event event;
    fit_job_show(job, step, view);
    for (;;) {
        assert_true(fit_engine_wait_event(on, PATIENCE_MS, &event));
        assert_int_not_equal(event.type, FIT_EVENT_NOT_SHOWN);
        fit_job_unref(&event.job);
        struct fit_frame *frame = fit_job_take_frame(job);
        if (frame)
            return frame;
    }
}

static struct fit_frame *frame_of(struct fit_job *job, int step, enum fit_view view)
{
    return frame_on(engine, job, step, view);
}

static struct fit_frame *first_frame(struct fit_job *job)
{
    return frame_of(job, 0, FIT_VIEW_PREDICTION);
}

static unsigned new_texture(const struct fit_frame *frame)
{
    unsigned texture;
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, fit_frame_width(frame), fit_frame_height(frame), 0,
                 GL_RGBA, GL_UNSIGNED_BYTE, NULL);
    glBindTexture(GL_TEXTURE_2D, 0);
    return texture;
}

static bool canvas_init(struct canvas *c, const struct fit_frame *frame, struct fit_error *error)
{
    c->texture = new_texture(frame);
    return fit_gl_attach(&c->target, frame, c->texture, error);
}

static void canvas_finish(struct canvas *c)
{
    fit_gl_detach(&c->target);
    glDeleteTextures(1, &c->texture);
}

/* A canvas that must be accepted. */
static void canvas_on(struct canvas *c, const struct fit_frame *frame)
{
    struct fit_error error = {0};
    require_ok(canvas_init(c, frame, &error), error);
}

static void canvas_for(struct canvas *c, struct fit_job *job)
{
    struct fit_frame *frame = first_frame(job);
    canvas_on(c, frame);
    fit_frame_unref(&frame);
}

static void require_shown(struct canvas *c, struct fit_frame *frame)
{
    static uint8_t seen[MOST_BYTES];
    struct fit_error error = {0};
    size_t bytes = 4 * (size_t)fit_frame_width(frame) * (size_t)fit_frame_height(frame);
    assert_true(bytes <= sizeof seen);
    assert_true(fit_gl_can_show(c->target, frame));
    require_ok(fit_gl_show(c->target, frame, &error), error);
    memset(seen, 0, bytes);
    glBindTexture(GL_TEXTURE_2D, c->texture);
    glPixelStorei(GL_PACK_ALIGNMENT, 1);
    glGetTexImage(GL_TEXTURE_2D, 0, GL_RGBA, GL_UNSIGNED_BYTE, seen);
    glBindTexture(GL_TEXTURE_2D, 0);
    assert_int_equal(glGetError(), GL_NO_ERROR);
    assert_memory_equal(seen, fit_frame_pixels(frame), bytes);
    assert_false(fit_gl_can_show(c->target, frame)); /* its copy is given up */
}

static void test_equal_to_the_byte(void **state)
{
    static const struct fit_generate_params sizes[] = {
        {.width = 32, .height = 16},
        {.width = 32, .height = 16, .crop_width = 27, .crop_height = 13},
        {.width = 16, .height = 48, .crop_width = 16, .crop_height = 41},
    };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fit_job *job = paint(model, engine, sizes[i]);
        struct canvas ring[RING];
        struct fit_frame *frame = first_frame(job);
        for (int k = 0; k < RING; k++)
            canvas_on(&ring[k], frame);
        fit_frame_unref(&frame);
        for (int k = 0; k < STEPS; k++) {
            frame = frame_of(job, k, k < RING ? FIT_VIEW_PREDICTION : FIT_VIEW_STATE);
            require_shown(&ring[k % RING], frame);
            fit_frame_unref(&frame);
        }
        for (int k = 0; k < RING; k++)
            canvas_finish(&ring[k]);
        fit_job_unref(&job);
    }
}

static void test_what_is_not_kept_on_the_device(void **state)
{
    struct fit_job *job = paint_small();
    struct fit_job *wider =
        paint(model, engine, (struct fit_generate_params){.width = 2 * SIDE, .height = SIDE});
    struct fit_frame *early = first_frame(job);
    struct canvas c;
    (void)state;
    canvas_for(&c, job);
    struct fit_frame *frames[] = {
        early, /* made when nobody could show it */
        frame_of(job, STEPS, FIT_VIEW_PREDICTION), /* the last */
        frame_of(job, 1, FIT_VIEW_VELOCITY),
        frame_of(wider, 1, FIT_VIEW_PREDICTION), /* of another size */
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct fit_error error = {0};
        assert_false(fit_gl_can_show(c.target, frames[i]));
        assert_false(fit_gl_show(c.target, frames[i], &error));
        assert_int_equal(error.status, FIT_ERROR_ARGUMENT);
        fit_frame_unref(&frames[i]);
    }
    canvas_finish(&c);
    fit_job_unref(&wider);
    fit_job_unref(&job);
}

static void test_many_are_held(void **state)
{
    enum { HELD = 7 };
    struct fit_job *job = paint_small();
    struct canvas c;
    struct fit_frame *held[HELD];
    int on_device = 0;
    (void)state;
    canvas_for(&c, job);
    for (int i = 0; i < HELD; i++) {
        held[i] = frame_of(job, 1, FIT_VIEW_PREDICTION);
        on_device += fit_gl_can_show(c.target, held[i]);
        assert_memory_equal(fit_frame_pixels(held[i]), fit_frame_pixels(held[0]), 4 * SIDE * SIDE);
    }
    assert_true(on_device >= RING && on_device < HELD);
    for (int i = 0; i < HELD; i++)
        fit_frame_unref(&held[i]);
    struct fit_frame *frame = frame_of(job, 2, FIT_VIEW_PREDICTION);
    require_shown(&c, frame);
    fit_frame_unref(&frame);
    canvas_finish(&c);
    fit_job_unref(&job);
}

static void test_another_engine(void **state)
{
    struct fit_engine *processor;
    struct fit_model *its;
    struct fit_job *job = paint_small(), *other;
    struct canvas c, none = {0};
    struct fit_error error = {0};
    (void)state;
    open_on("cpu", &processor, &its);
    other = paint(its, processor, (struct fit_generate_params){.width = SIDE, .height = SIDE});
    canvas_for(&c, job);
    struct fit_frame *frame = frame_on(processor, other, 1, FIT_VIEW_PREDICTION);
    assert_false(fit_gl_fits(c.target, frame));
    assert_false(fit_gl_can_show(c.target, frame));
    assert_false(fit_gl_is_offered(frame)); /* the processor has no textures */
    assert_false(canvas_init(&none, frame, &error));
    assert_int_equal(error.status, FIT_ERROR_DEVICE);
    canvas_finish(&none);
    canvas_finish(&c);
    fit_frame_unref(&frame);
    fit_job_unref(&other);
    fit_model_unref(&its);
    fit_engine_close(&processor);
    fit_job_unref(&job);
}

/* ---- with the stand-in only: what goes wrong ---- */

static void needs_stand_in(void)
{
    if (!getenv("FIT_TEST_BACKEND"))
        skip();
}

static void expect_words(const struct fit_error *error, const char *words)
{
    assert_int_equal(error->status, FIT_ERROR_DEVICE);
    if (!strstr(error->message, words))
        fail_msg("expected words about \"%s\", found \"%s\"", words, error->message);
}

static void expect_refused(struct fit_job *job, const char *words)
{
    struct canvas c = {0};
    struct fit_error error = {0};
    struct fit_frame *frame = first_frame(job), *next;
    assert_false(canvas_init(&c, frame, &error));
    assert_null(c.target);
    expect_words(&error, words);
    next = first_frame(job); /* pictures come as they came before */
    assert_memory_equal(fit_frame_pixels(next), fit_frame_pixels(frame), 4 * SIDE * SIDE);
    fit_frame_unref(&next);
    fit_frame_unref(&frame);
    canvas_finish(&c);
}

static void test_refused(void **state)
{
    needs_stand_in();
    struct fit_job *job = paint_small();
    struct canvas c;
    (void)state;
    setenv("FK_SHIM_GL", "other", 1);
    expect_refused(job, "another card");
    setenv("FK_SHIM_GL", "refused", 1);
    expect_refused(job, "registered");
    unsetenv("FK_SHIM_GL");
    gl_context_hide();
    expect_refused(job, "invalid OpenGL context");
    gl_context_show();
    canvas_for(&c, job); /* nothing of it stays */
    canvas_finish(&c);
    fit_job_unref(&job);
}

/* The texture cannot be written in the middle of a sequence. */
static void expect_not_shown(struct fit_job *job, struct canvas *c, const char *words)
{
    struct fit_error error = {0};
    struct fit_frame *frame = frame_of(job, 2, FIT_VIEW_PREDICTION);
    struct fit_frame *again = frame_of(job, 2, FIT_VIEW_PREDICTION);
    assert_true(fit_gl_can_show(c->target, frame));
    assert_false(fit_gl_show(c->target, frame, &error));
    expect_words(&error, words);
    assert_memory_equal(fit_frame_pixels(frame), fit_frame_pixels(again), 4 * SIDE * SIDE);
    fit_frame_unref(&again);
    fit_frame_unref(&frame);
}

static void require_next_is_shown(struct fit_job *job, struct canvas *c, int step)
{
    struct fit_frame *frame = frame_of(job, step, FIT_VIEW_PREDICTION);
    require_shown(c, frame);
    fit_frame_unref(&frame);
}

static void test_map_fails(void **state)
{
    needs_stand_in();
    struct fit_job *job = paint_small();
    struct canvas c;
    (void)state;
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    setenv("FK_SHIM_GL", "unmapped", 1);
    expect_not_shown(job, &c, "mapped");
    unsetenv("FK_SHIM_GL");
    require_next_is_shown(job, &c, 3);
    canvas_finish(&c);
    fit_job_unref(&job);
}

static void test_busy(void **state)
{
    needs_stand_in();
    struct fit_job *job = paint_small();
    struct canvas c;
    (void)state;
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    struct fit_frame *frame = frame_of(job, 2, FIT_VIEW_PREDICTION);
    setenv("FK_SHIM_GL", "busy", 1);
    assert_false(fit_gl_can_show(c.target, frame));
    unsetenv("FK_SHIM_GL");
    require_shown(&c, frame);
    fit_frame_unref(&frame);
    canvas_finish(&c);
    fit_job_unref(&job);
}

static void test_context_is_lost(void **state)
{
    needs_stand_in();
    struct fit_job *job = paint_small();
    struct canvas c, later;
    bool end;
    (void)state;
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    gl_context_close();
    expect_not_shown(job, &c, "invalid OpenGL context");
    fit_gl_detach(&c.target);
    assert_true(gl_context_open(which_context, &end));
    canvas_for(&later, job);
    require_next_is_shown(job, &later, 2);
    canvas_finish(&later);
    fit_job_unref(&job);
}

/* Blocks of a picture's size are refused: frames have their pixels all the same. */
static void test_no_memory_for_pictures(void **state)
{
    needs_stand_in();
    struct fit_job *job = paint_small();
    struct canvas c;
    struct fit_error error = {0};
    (void)state;
    require_ok(fit_model_trim(model, &error), error); /* those of other tests */
    setenv("FK_SHIM_REFUSE", "1024", 1);
    canvas_for(&c, job);
    struct fit_frame *first = first_frame(job), *second = first_frame(job);
    unsetenv("FK_SHIM_REFUSE");
    assert_false(fit_gl_can_show(c.target, first));
    assert_false(fit_gl_can_show(c.target, second));
    assert_memory_equal(fit_frame_pixels(first), fit_frame_pixels(second), 4 * SIDE * SIDE);
    require_next_is_shown(job, &c, 1);
    fit_frame_unref(&first);
    fit_frame_unref(&second);
    canvas_finish(&c);
    fit_job_unref(&job);
}

/* A picture that somebody looks at stays; the others are given back and taken anew. */
static void test_trim_beside_a_target(void **state)
{
    struct fit_job *job = paint_small();
    struct canvas c;
    struct fit_error error = {0};
    (void)state;
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    struct fit_frame *held = frame_of(job, 2, FIT_VIEW_PREDICTION);
    require_ok(fit_model_trim(model, &error), error);
    require_shown(&c, held);
    require_next_is_shown(job, &c, 3);
    fit_frame_unref(&held);
    canvas_finish(&c);
    fit_job_unref(&job);
}

static void expect_no_picture(struct fit_job *job)
{
    struct fit_event event = {0};
    struct fit_error error = {0};
    fit_job_show(job, 2, FIT_VIEW_PREDICTION);
    while (event.type != FIT_EVENT_NOT_SHOWN) {
        assert_true(fit_engine_wait_event(engine, PATIENCE_MS, &event));
        fit_job_unref(&event.job);
    }
    fit_job_show_error(job, &error);
    expect_words(&error, "unspecified launch failure");
}

/* The device is lost between two pictures: in words, with the pixels of those that were made, and
 * another engine shows pictures again. */
static void test_device_is_lost(void **state)
{
    needs_stand_in();
    struct fit_job *job = paint_small();
    struct canvas c;
    struct fit_error error = {0};
    static uint8_t before[4 * SIDE * SIDE];
    (void)state;
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    struct fit_frame *held = frame_of(job, 2, FIT_VIEW_PREDICTION);
    memcpy(before, fit_frame_pixels(held), sizeof before);
    setenv("FK_SHIM_LOST", "1", 1);
    expect_no_picture(job);
    unsetenv("FK_SHIM_LOST");
    assert_false(fit_engine_answers(engine));
    assert_false(fit_gl_can_show(c.target, held) && fit_gl_show(c.target, held, &error));
    expect_words(&error, "unspecified launch failure");
    assert_memory_equal(fit_frame_pixels(held), before, sizeof before);
    canvas_finish(&c);
    fit_frame_unref(&held);
    fit_job_unref(&job);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    open_on("cuda", &engine, &model);
    job = paint_small();
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    canvas_finish(&c);
    fit_job_unref(&job);
}

/* The last: a target holds on to its engine. */
static void test_the_engine_closes_first(void **state)
{
    struct fit_job *job = paint_small();
    struct canvas c;
    (void)state;
    canvas_for(&c, job);
    require_next_is_shown(job, &c, 1);
    fit_job_unref(&job);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    canvas_finish(&c);
}

/* ---- which context ---- */

/* Whether textures of the current context are accepted. */
static bool is_accepted(struct fit_job *job)
{
    struct canvas c = {0};
    struct fit_error error = {0};
    struct fit_frame *frame = first_frame(job);
    bool accepted = canvas_init(&c, frame, &error);
    if (!accepted)
        print_message("%s: %s\n", glGetString(GL_RENDERER), error.message);
    fit_frame_unref(&frame);
    canvas_finish(&c);
    return accepted;
}

/* The first device whose OpenGL is the card's own. */
static int find_context(void **state)
{
    bool end = false, found = false;
    (void)state;
    open_on("cuda", &engine, &model);
    struct fit_job *job = paint_small();
    for (which_context = -1; !found && !end;)
        found = gl_context_open(++which_context, &end) && is_accepted(job);
    fit_job_unref(&job);
    if (found)
        print_message("OpenGL: %s\n", glGetString(GL_RENDERER));
    return !found;
}

/* A card is there, and OpenGL of some kind. */
static void skip_unless_possible(void)
{
    struct fit_engine_params params = {.backend = "cuda", .n_threads = 2};
    struct fit_engine *opened = NULL;
    struct fit_error error = {0};
    bool end = false, found = false;
    for (int i = 0; !found && !end; i++)
        found = gl_context_open(i, &end);
    gl_context_close();
    if (found && fit_engine_open(&opened, &params, &error)) {
        fit_engine_close(&opened);
        return;
    }
    fprintf(stderr, "skipped: %s\n", found ? error.message : "no OpenGL without a display here");
    exit(77);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_to_the_byte),
        cmocka_unit_test(test_what_is_not_kept_on_the_device),
        cmocka_unit_test(test_many_are_held),
        cmocka_unit_test(test_another_engine),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_map_fails),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_context_is_lost),
        cmocka_unit_test(test_no_memory_for_pictures),
        cmocka_unit_test(test_trim_beside_a_target),
        cmocka_unit_test(test_device_is_lost),
        cmocka_unit_test(test_the_engine_closes_first),
    };
    skip_unless_possible();
    tiny_folder_init(argc, argv);
    int failed = cmocka_run_group_tests(tests, find_context, NULL);
    gl_context_close();
    tiny_folder_finish();
    return failed;
}
