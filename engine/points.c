/* SPDX-License-Identifier: Apache-2.0 */
#include "points.h"

#include <string.h>

enum { N_ITEMS = 3 };

static void list_items(struct fit_scratch_item *items, struct points *p,
                       const struct fit_model *model, size_t values, size_t pixels)
{
    const struct fit_scratch_item list[N_ITEMS] = {
        {"latent", (void **)&p->latent, values * sizeof(float)},
        {"preview matrix", (void **)&p->matrix,
         (model_preview(model).values + 3) * sizeof(float)},
        {"thumbnail", (void **)&p->thumbnail, 4 * pixels},
    };
    memcpy(items, list, sizeof list);
}

static size_t landing_bytes(size_t values, size_t pixels)
{
    return 2 * values * sizeof(float) + 4 * pixels;
}

size_t points_bytes(const struct fit_model *model, size_t values, size_t pixels)
{
    struct points none;
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, &none, model, values, pixels);
    return fit_scratch_bytes(items, N_ITEMS) + POINTS_UNDER_WAY * landing_bytes(values, pixels);
}

static bool place_preview(struct points *p, struct fit_compute *c, const struct fit_model *model)
{
    struct preview_map map = model_preview(model);
    struct fk_device *d = c->device;
    p->bias = p->matrix + map.values;
    p->preview_kernel = map.kernel;
    return fit_compute_check(c, d->upload(c->queue, p->matrix, map.matrix,
                                          map.values * sizeof(float))) &&
           fit_compute_check(c, d->upload(c->queue, p->bias, map.bias, 3 * sizeof(float)));
}

bool points_init(struct points *p, struct fit_compute *c, const struct fit_model *model, int rows,
                 int columns)
{
    const struct fit_config *k = &model->config;
    *p = (struct points){.channels = k->channels, .patch = k->patch};
    p->height = rows * k->patch;
    p->width = columns * k->patch;
    size_t pixels = (size_t)p->height * (size_t)p->width;
    p->values = pixels * (size_t)k->channels;
    struct fit_scratch_item items[N_ITEMS];
    list_items(items, p, model, p->values, pixels);
    if (!fit_scratch_reserve(&p->scratch, c->device, items, N_ITEMS, c->error) ||
        !place_preview(p, c, model))
        return false;
    for (int i = 0; i < POINTS_UNDER_WAY; i++)
        if (!fit_landing_init(&p->arrival[i].landing, c->device, landing_bytes(p->values, pixels),
                              c->error))
            return false;
    return true;
}

void points_finish(struct points *p)
{
    for (int i = 0; i < POINTS_UNDER_WAY; i++)
        fit_landing_finish(&p->arrival[i].landing);
    fit_scratch_finish(&p->scratch);
}

bool points_come_late(const struct points *p)
{
    for (int i = 0; i < POINTS_UNDER_WAY; i++)
        if (!p->arrival[i].landing.mark)
            return false;
    return true;
}

static bool take_latent(struct points *p, struct fit_compute *c, struct fit_landing *landing,
                        size_t at, const float *tokens)
{
    return fit_run(c, unpatchify, p->latent, tokens, 1, p->channels, p->height, p->width,
                   p->patch) &&
           fit_landing_take(landing, c, at, p->latent, p->values * sizeof(float));
}

/* The latent and the small picture that lie on the device are used again for the next: the copies
 * come before that in the queue. */
static bool take_point(struct points *p, struct fit_compute *c, struct fit_landing *landing,
                       const float *state, const float *prediction)
{
    size_t bytes = p->values * sizeof(float), pixels = (size_t)p->height * (size_t)p->width;
    return take_latent(p, c, landing, 0, state) &&
           take_latent(p, c, landing, bytes, prediction) &&
           fit_run(c, latent_to_rgba8, p->thumbnail, p->latent, p->matrix, p->bias, p->channels,
                   p->preview_kernel, p->height, p->width) &&
           fit_landing_take(landing, c, 2 * bytes, p->thumbnail, 4 * pixels);
}

bool points_queue(struct points *p, struct fit_compute *c, const float *state,
                  const float *prediction, const struct fit_sampler *after)
{
    struct arrival *arrival = &p->arrival[(p->first + p->n) % POINTS_UNDER_WAY];
    arrival->is_point = state;
    arrival->ends_evaluation = after;
    arrival->step = after ? after->step : 0;
    arrival->time = after ? after->time : 0;
    if ((state && !take_point(p, c, &arrival->landing, state, prediction)) ||
        !fit_landing_close(&arrival->landing, c))
        return false;
    p->n++;
    return true;
}

bool points_wait(struct points *p, struct fit_compute *c, struct fit_job *job,
                 const struct arrival **out)
{
    struct arrival *arrival = &p->arrival[p->first];
    const unsigned char *memory = arrival->landing.memory;
    size_t bytes = p->values * sizeof(float);
    p->first = (p->first + 1) % POINTS_UNDER_WAY;
    p->n--;
    if (!fit_landing_wait(&arrival->landing, c))
        return false;
    if (arrival->is_point) {
        pthread_mutex_lock(&job->model->engine->lock);
        trajectory_add(&job->trajectory, (const float *)memory, (const float *)(memory + bytes),
                       memory + 2 * bytes);
        pthread_mutex_unlock(&job->model->engine->lock);
    }
    *out = arrival;
    return true;
}
