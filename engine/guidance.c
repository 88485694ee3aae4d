/* SPDX-License-Identifier: Apache-2.0 */
#include "guidance.h"

#include <math.h>
#include <stdlib.h>

bool fit_guided_is_plain(double scale)
{
    return scale <= 1;
}

float fit_guidance_weight(double scale, double power, float t)
{
    if (power == 0)
        return (float)scale;
    double left = 1 - fmin(t, 1);
    return (float)(1 + (scale - 1) * 0.5 * (1 - cos(M_PI * pow(left, power))));
}

static bool compute_rows(struct fit_guided *g, struct fit_compute *c, float t, int evaluation)
{
    struct fit_guided_rows *r = &g->rows;
    const struct fit_config *k = &g->network->config;
    int images = fit_guided_is_plain(g->scale) ? g->pack->n_images : g->pack->n_images / 2;
    int left = r->times ? r->n_times - evaluation : 1, n = left < r->at_once ? left : r->at_once;
    float *told = malloc((size_t)n * sizeof *told);
    if (!told)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d times", n);
    for (int i = 0; i < n; i++)
        told[i] = fit_config_told_time(k, r->times ? r->times[evaluation + i] : t, r->time_shift,
                                       r->clamp);
    bool ok = fit_guided_conditioning(c, g->network, r->modulation, told, n, r->y, images,
                                      g->scale);
    free(told);
    r->first = g->first_evaluation = evaluation;
    r->n = ok ? n : 0;
    return ok;
}

static bool evaluate(struct fit_guided *g, struct fit_compute *c, float *velocity, const float *x,
                     float t, int evaluation)
{
    const struct fit_guided_rows *r = &g->rows;
    bool there = evaluation >= r->first && evaluation < r->first + r->n;
    if (r->modulation && !there && !compute_rows(g, c, t, evaluation))
        return false;
    int row = (evaluation - g->first_evaluation) * g->pack->n_images;
    if (g->recorded)
        return fit_recorded_forward(g->recorded, c, g->network, g->activations, velocity, x,
                                    g->pack, g->cosine, g->sine, g->modulation, row);
    return fit_forward(c, g->network, g->activations, velocity, x, g->pack, g->cosine, g->sine,
                       g->modulation, row);
}

bool fit_guided_velocity(void *user, struct fit_compute *c, float *velocity, const float *x,
                         float t, int evaluation)
{
    struct fit_guided *g = user;
    if (fit_guided_is_plain(g->scale))
        return evaluate(g, c, velocity, x, t, evaluation);

    const struct fit_config *k = &g->network->config;
    int tokens = g->pack->n_tokens / 2, features = fit_config_features(k);
    int outputs = fit_config_outputs(k), guided = fit_config_guided_features(k);
    size_t n = (size_t)tokens * (size_t)features, bytes = n * sizeof *x;
    struct fk_device *d = c->device;
    float weight = fit_guidance_weight(g->scale, g->power, t);
    const float *with = g->v, *without = g->v + (size_t)tokens * (size_t)outputs;
    return fit_compute_check(c, d->copy(c->queue, g->x, x, bytes)) &&
           fit_compute_check(c, d->copy(c->queue, g->x + n, x, bytes)) &&
           evaluate(g, c, g->v, g->x, t, evaluation) &&
           fit_run(c, cfg_combine, velocity, with, without, weight, guided, tokens, outputs) &&
           /* seen from the other side: with + (1 - weight) (without - with) is the same */
           (!g->coupled || fit_run(c, cfg_combine, velocity + n, without, with, 1 - weight, guided,
                                   tokens, outputs));
}

bool fit_guided_conditioning(struct fit_compute *c, const struct fit_network *network,
                             struct fit_modulation *modulation, const float *times, int n,
                             const int32_t *y, int images, double scale)
{
    int packed = fit_guided_is_plain(scale) ? images : 2 * images, rows = n * packed;
    float *t = malloc((size_t)rows * sizeof *t);
    int32_t *class = malloc((size_t)rows * sizeof *class);
    bool ok = t && class;
    if (!ok)
        fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %d rows of conditioning", rows);
    for (int i = 0; i < rows && ok; i++) {
        int image = i % packed;
        t[i] = times[i / packed];
        class[i] = image < images ? y[image] : network->config.n_classes;
    }
    ok = ok && fit_conditioning(c, network, modulation, t, class, rows);
    free(t);
    free(class);
    return ok;
}
