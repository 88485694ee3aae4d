/* SPDX-License-Identifier: Apache-2.0 */
/* A picture of the device in a texture of OpenGL, and the same by way of the host, while
 * evaluations go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { TOKEN_SIDE = 16, MOST_PICTURES = 5000, LEAST_PICTURES = 20 };

struct easel {
    const struct fit_bench_gl *gl;
    struct bench *bench;
    struct fk_queue *queue; /* its own: the benchmark's is busy with evaluations */
    int width, height;
    size_t bytes;
    uint8_t *picture;        /* device memory [height][width][4] */
    uint8_t *pixels, *seen;  /* [height][width][4]: the same, and what a texture holds */
    unsigned shown, uploaded; /* textures; 0: none yet */
    struct fk_gl_texture *target; /* of `shown` */
};

static void easel_leave_context(struct easel *e)
{
    if (e->target)
        e->bench->device->gl_unregister(e->target);
    if (e->shown)
        e->gl->texture_free(e->gl->user, e->shown);
    if (e->uploaded)
        e->gl->texture_free(e->gl->user, e->uploaded);
    e->target = NULL;
    e->shown = e->uploaded = 0;
}

static void easel_finish(struct easel *e)
{
    struct fk_device *d = e->bench->device;
    easel_leave_context(e);
    if (e->queue)
        d->queue_free(e->queue);
    d->free(d, e->picture);
    free(e->pixels);
    free(e->seen);
}

/* The first context whose textures the device takes. */
static bool find_context(struct easel *e)
{
    char message[256] = "no OpenGL without a display here";
    struct fk_device *d = e->bench->device;
    while (e->gl->next(e->gl->user)) {
        e->shown = e->gl->texture_new(e->gl->user, e->width, e->height);
        e->uploaded = e->gl->texture_new(e->gl->user, e->width, e->height);
        e->target = d->gl_register(d, e->shown, e->width, e->height, message, sizeof message);
        if (e->target)
            return true;
        easel_leave_context(e);
    }
    return fit_fail(e->bench->error, FIT_ERROR_DEVICE, "%s", message);
}

static bool easel_init(struct easel *e, struct bench *b, int tokens)
{
    struct fk_device *d = b->device;
    int rows = bench_rows(tokens);
    *e = (struct easel){.gl = b->params->gl, .bench = b};
    e->width = TOKEN_SIDE * (tokens / rows);
    e->height = TOKEN_SIDE * rows;
    e->bytes = 4 * (size_t)e->width * (size_t)e->height;
    e->queue = d->queue_new(d);
    e->picture = d->alloc(d, e->bytes);
    e->pixels = malloc(e->bytes);
    e->seen = malloc(e->bytes);
    if (!e->queue || !e->picture || !e->pixels || !e->seen)
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a picture of %dx%d", e->width,
                        e->height);
    uint64_t hash = bench_hash("picture");
    for (size_t i = 0; i < e->bytes; i++)
        e->pixels[i] = (uint8_t)(128 + 73 * bench_value(hash, i));
    return (d->upload(e->queue, e->picture, e->pixels, e->bytes) && d->queue_sync(e->queue)) ||
           fit_fail(b->error, FIT_ERROR_DEVICE, "%s", d->queue_error(e->queue));
}

/* One of the two ways of a picture into its texture. */
typedef bool way_fn(struct easel *e);

static bool by_mapping(struct easel *e)
{
    char message[256] = "";
    return e->bench->device->gl_show(e->target, e->picture, 4 * (size_t)e->width, message,
                                     sizeof message) ||
           fit_fail(e->bench->error, FIT_ERROR_DEVICE, "%s", message);
}

static bool by_the_host(struct easel *e)
{
    struct fk_device *d = e->bench->device;
    if (!d->download(e->queue, e->seen, e->picture, e->bytes))
        return fit_fail(e->bench->error, FIT_ERROR_DEVICE, "%s", d->queue_error(e->queue));
    e->gl->upload(e->gl->user, e->uploaded, e->width, e->height, e->seen);
    return true;
}

/* Pictures one after another, each waited for; `whole` and `calls` receive their times. */
static bool run_pictures(struct easel *e, way_fn *way, double *whole, double *calls, int *n)
{
    bool ok = true;
    double begun = bench_now(), seconds = e->bench->params->seconds;
    *n = 0;
    while (ok && *n < MOST_PICTURES && (*n < LEAST_PICTURES || bench_now() - begun < seconds)) {
        double from = bench_now();
        ok = way(e);
        calls[*n] = bench_now() - from;
        e->gl->finish(e->gl->user);
        whole[(*n)++] = bench_now() - from;
    }
    return ok;
}

static bool emit(struct easel *e, const char *what, const char *when, int tokens, unsigned texture,
                 double *seconds, int n)
{
    struct fit_bench_row row = {.part = FIT_BENCH_INTEROP, .tokens = tokens};
    snprintf(row.name, sizeof row.name, "%dx%d %s, %s", e->width, e->height, what, when);
    bench_percentiles(&row, seconds, n);
    row.moved_bytes = (double)e->bytes;
    memset(e->seen, 0, e->bytes);
    e->gl->download(e->gl->user, texture, e->seen);
    row.error = memcmp(e->seen, e->pixels, e->bytes) ? 1 : 0; /* to the byte */
    return bench_emit(e->bench, &row);
}

static bool measure_both(struct easel *e, const char *when, int tokens)
{
    double *whole = malloc(2 * MOST_PICTURES * sizeof *whole);
    if (!whole)
        return fit_fail(e->bench->error, FIT_ERROR_MEMORY, "no memory for times");
    double *calls = whole + MOST_PICTURES;
    int n = 0;
    bool ok = run_pictures(e, by_mapping, whole, calls, &n) &&
              emit(e, "mapped, copied, unmapped", when, tokens, e->shown, calls, n) &&
              emit(e, "the same, until it is there", when, tokens, e->shown, whole, n) &&
              run_pictures(e, by_the_host, whole, calls, &n) &&
              emit(e, "downloaded, uploaded", when, tokens, e->uploaded, calls, n) &&
              emit(e, "the same, until it is there", when, tokens, e->uploaded, whole, n);
    free(whole);
    return ok;
}

bool bench_interop(struct bench *b, struct bench_network *network, int tokens)
{
    struct fk_device *d = b->device;
    struct easel e;
    struct bench_sampling *sampling = NULL;
    if (!d->gl_register || !d->gl_show || !d->gl_unregister)
        return fit_fail(b->error, FIT_ERROR_DEVICE, "%s writes no textures of OpenGL", d->model);
    bool ok = easel_init(&e, b, tokens) && find_context(&e) &&
              measure_both(&e, "at rest", tokens) &&
              bench_sampling_begin(&sampling, b, network, tokens) &&
              measure_both(&e, "beside a run", tokens);
    ok = bench_sampling_end(&sampling, b->error) && ok;
    easel_finish(&e);
    return ok;
}
