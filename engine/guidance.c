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

static bool evaluate(const struct fit_guided *g, struct fit_compute *c, float *velocity,
                     const float *x, int evaluation)
{
    int row = (evaluation - g->first_evaluation) * g->pack->n_images;
    return fit_forward(c, g->network, g->activations, velocity, x, g->pack, g->cosine, g->sine,
                       g->modulation, row);
}

bool fit_guided_velocity(void *user, struct fit_compute *c, float *velocity, const float *x,
                         float t, int evaluation)
{
    const struct fit_guided *g = user;
    if (fit_guided_is_plain(g->scale))
        return evaluate(g, c, velocity, x, evaluation);

    const struct fit_config *k = &g->network->config;
    int tokens = g->pack->n_tokens / 2, features = fit_config_features(k);
    size_t n = (size_t)tokens * (size_t)features, bytes = n * sizeof *x;
    struct fk_device *d = c->device;
    return fit_compute_check(c, d->copy(c->queue, g->x, x, bytes)) &&
           fit_compute_check(c, d->copy(c->queue, g->x + n, x, bytes)) &&
           evaluate(g, c, g->v, g->x, evaluation) &&
           fit_run(c, cfg_combine, velocity, g->v, g->v + n,
                   fit_guidance_weight(g->scale, g->power, t), fit_config_guided_features(k),
                   tokens, features);
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
