/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paints one picture with libfit:
 *
 *     cc paint.c $(pkg-config --cflags --libs fit) -o paint
 *     ./paint /usr/share/limn/models/limn-demo "Northern lights" 192 96 aurora.png
 */
#include <fit/fit.h>
#include <stdio.h>
#include <stdlib.h>

static int stop(const struct fit_error *error)
{
    fprintf(stderr, "paint: %s\n", error->message);
    return 1;
}

int main(int argc, char **argv)
{
    struct fit_error error = {0};
    struct fit_engine *engine = NULL;
    struct fit_model *model = NULL;
    struct fit_job *job = NULL;
    struct fit_event event = {0};
    if (argc != 6)
        return fprintf(stderr, "usage: paint MODEL CLASS WIDTH HEIGHT FILE.png\n"), 1;

    struct fit_generate_params params = {.width = atoi(argv[3]), .height = atoi(argv[4]), .seed = 7};
    if (!fit_engine_open(&engine, &(struct fit_engine_params){0}, &error) ||
        !fit_model_load(engine, &(struct fit_model_params){.path = argv[1]}, &model, &error) ||
        !fit_model_find_class(model, argv[2], &params.class_id, &error) ||
        !fit_generate(model, &params, &job, &error))
        return stop(&error);

    do { /* an event carries a reference to its job */
        if (event.job)
            fit_job_unref(&event.job);
        fit_engine_wait_event(engine, 1000, &event);
    } while (!event.job || event.type < FIT_EVENT_DONE);
    fit_job_unref(&event.job);

    struct fit_frame *frame = fit_job_take_frame(job);
    fit_job_error(job, &error);
    if (!frame || !fit_frame_write_png(frame, argv[5], &error))
        return stop(&error);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    fit_model_unref(&model);
    fit_engine_close(&engine);
    return 0;
}
