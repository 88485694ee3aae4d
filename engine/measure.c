/* SPDX-License-Identifier: Apache-2.0 */
#include "fit/fit-measure.h"

#include <math.h>
#include <stdlib.h>

#include "engine_private.h"
#include "fk_philox.h"

/* The normal quantile by bisection: a measurement needs it a few dozen times. */
static double normal_quantile(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / sqrt(2.0)) < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

double fit_loss_time(double p)
{
    return 1 / (1 + exp(-normal_quantile(p)));
}

/* The noise of one picture, [channels][rows][columns] latent pixels, as randn of fk.h. */
static void fill_noise(float *noise, uint64_t seed, uint32_t stream, int channels, int rows,
                       int columns)
{
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < rows; y++, noise += columns)
            for (int x = 0; x < columns; x += 4) {
                float four[4];
                fk_normal4(four, seed, stream, (uint32_t)c, y, fk_normal_column4(x));
                for (int i = 0; i < 4 && x + i < columns; i++)
                    noise[x + i] = four[i];
            }
}

static double squared_distance(const float *v, const float *data, const float *noise, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = v[i] - ((double)data[i] - noise[i]);
        sum += d * d;
    }
    return sum;
}

bool fit_model_loss(struct fit_model *model, const struct fit_velocity_params *p,
                    const float *latent, uint64_t seed, double *loss, struct fit_error *error)
{
    const struct fit_config *config = &model->config;
    if (config->architecture == FIT_ARCHITECTURE_V1)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "a model of the first version predicts noise, no velocity");
    if (p->batch < 1 || p->width < 1 || p->height < 1)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "%d pictures of %dx%d have no loss", p->batch,
                        p->width, p->height);
    int side = model->info.token_pixels / config->patch; /* of a latent pixel */
    int rows = p->height / side, columns = p->width / side;
    size_t n = (size_t)config->channels * (size_t)rows * (size_t)columns;
    size_t all = n * (size_t)p->batch;
    float *noise = malloc(3 * all * sizeof *noise);
    if (!noise)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for states of %zu values", all);
    float *state = noise + all, *velocity = state + all;
    for (int b = 0; b < p->batch; b++)
        fill_noise(noise + (size_t)b * n, seed, (uint32_t)b, config->channels, rows, columns);
    for (size_t i = 0; i < all; i++)
        state[i] = (float)(p->t * latent[i] + (1 - p->t) * noise[i]);
    bool ok = fit_model_velocity(model, p, state, velocity, error);
    for (size_t b = 0; ok && b < (size_t)p->batch; b++)
        loss[b] = squared_distance(velocity + b * n, latent + b * n, noise + b * n, n) / (double)n;
    free(noise);
    return ok;
}
