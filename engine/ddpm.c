/* SPDX-License-Identifier: Apache-2.0 */
#include "ddpm.h"

#include <math.h>
#include <stdlib.h>

enum { TRAINED = FIT_DDPM_TRAINED_STEPS };

static bool space_evenly(int *index, int n, struct fit_error *e)
{
    for (int stride = 1; stride < TRAINED; stride++) {
        if ((TRAINED + stride - 1) / stride != n)
            continue;
        for (int i = 0; i < n; i++)
            index[i] = i * stride;
        return true;
    }
    return fit_fail(e, FIT_ERROR_ARGUMENT,
                    "steps: no distance gives exactly %d of the %d steps of the training", n,
                    TRAINED);
}

/* Adds up the distance as the reference does: its roundings decide where a gap is longer. */
static void space_rounded(int *index, int n)
{
    double distance = n > 1 ? (TRAINED - 1.0) / (n - 1) : 1, at = 0;
    for (int i = 0; i < n; i++, at += distance)
        index[i] = (int)rint(at);
}

bool fit_ddpm_indices(int *index, int n, bool even_spacing, struct fit_error *e)
{
    if (n < 1 || n > TRAINED)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "steps: expected 1 to %d, found %d", TRAINED, n);
    if (even_spacing)
        return space_evenly(index, n, e);
    space_rounded(index, n);
    return true;
}

static void fill_trained(double *alpha_bar)
{
    double product = 1, first = 1e-4, last = 2e-2;
    for (int i = 0; i < TRAINED; i++) {
        product *= 1 - (first + (last - first) / (TRAINED - 1) * i);
        alpha_bar[i] = product;
    }
}

bool fit_ddpm_init(struct fit_ddpm *ddpm, int n, bool even_spacing, struct fit_error *e)
{
    double trained[TRAINED], before = 1, product = 1;
    int index[TRAINED];
    *ddpm = (struct fit_ddpm){0};
    if (!fit_ddpm_indices(index, n, even_spacing, e))
        return false;
    ddpm->step = calloc((size_t)n, sizeof *ddpm->step);
    if (!ddpm->step)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for %d steps", n);
    ddpm->n = n;
    fill_trained(trained);
    for (int i = 0; i < n; i++) {
        struct fit_ddpm_step *s = &ddpm->step[i];
        s->index = index[i];
        s->beta = 1 - trained[index[i]] / before;
        before = trained[index[i]];
        s->previous_alpha_bar = product;
        product *= 1 - s->beta;
        s->alpha_bar = product;
        s->high = log(s->beta);
        s->low = log(s->beta * (1 - s->previous_alpha_bar) / (1 - s->alpha_bar));
    }
    /* The last step back has no variance; its logarithm borrows the neighbour's. */
    ddpm->step[0].low = n > 1 ? ddpm->step[1].low : ddpm->step[0].high;
    return true;
}

void fit_ddpm_finish(struct fit_ddpm *ddpm)
{
    free(ddpm->step);
    *ddpm = (struct fit_ddpm){0};
}

float fit_ddpm_data(const struct fit_ddpm_step *s, float x, float epsilon)
{
    return (float)sqrt(1 / s->alpha_bar) * x - (float)sqrt(1 / s->alpha_bar - 1) * epsilon;
}

float fit_ddpm_mean(const struct fit_ddpm_step *s, float x, float data)
{
    double of_data = s->beta * sqrt(s->previous_alpha_bar) / (1 - s->alpha_bar);
    double of_x = (1 - s->previous_alpha_bar) * sqrt(1 - s->beta) / (1 - s->alpha_bar);
    return (float)of_data * data + (float)of_x * x;
}

float fit_ddpm_deviation(const struct fit_ddpm_step *s, float nu)
{
    float share = (nu + 1) / 2;
    return expf(0.5f * (share * (float)s->high + (1 - share) * (float)s->low));
}

/* ---- the loss ----------------------------------------------------------------------------- */

/* A value of the bound in nats and its derivative by the logarithm of the variance. */
struct bound {
    double value, slope;
};

/* Between normal distributions whose means differ by `error`. */
static struct bound divergence(const struct fit_ddpm_step *s, double error, double log_variance)
{
    double ratio = exp(s->low - log_variance), square = error * error * exp(-log_variance);
    return (struct bound){0.5 * (log_variance - s->low - 1 + ratio + square),
                          0.5 * (1 - ratio - square)};
}

static double distribution(double y, double *density)
{
    double root = sqrt(2 / M_PI), height = tanh(root * (y + 0.044715 * y * y * y));
    *density = 0.5 * (1 - height * height) * root * (1 + 3 * 0.044715 * y * y);
    return 0.5 * (1 + height);
}

/* Of the data's interval, which lies `error` beyond the mean. */
static struct bound interval(double data, double error, double log_variance)
{
    const double half = 1.0 / 255, least = 1e-12;
    double inverse = exp(-0.5 * log_variance), above, below;
    double to = inverse * (error + half), from = inverse * (error - half);
    double until_to = distribution(to, &above), until_from = distribution(from, &below);
    double probability = until_to - until_from, slope = above * to - below * from;
    if (data < -0.999) {
        probability = until_to;
        slope = above * to;
    } else if (data > 0.999) {
        probability = 1 - until_from;
        slope = -below * from;
    }
    if (probability < least)
        return (struct bound){-log(least), 0};
    return (struct bound){-log(probability), 0.5 * slope / probability};
}

double fit_ddpm_loss(const struct fit_ddpm_step *s, const float *output, const float *data,
                     const float *noise, int tokens, int features, double weight, float *gradient)
{
    size_t f = (size_t)features, n = (size_t)tokens * f;
    double to_mean = s->beta * sqrt(s->previous_alpha_bar) / (1 - s->alpha_bar) *
                     sqrt(1 / s->alpha_bar - 1);
    double width = s->high - s->low, scale = weight / (double)n, sum = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = i / f * 2 * f + i % f;
        double error = (double)output[at] - noise[i];
        double log_variance = s->low + 0.5 * ((double)output[at + f] + 1) * width;
        struct bound bound = s->index ? divergence(s, to_mean * error, log_variance)
                                      : interval(data[i], to_mean * error, log_variance);
        sum += error * error + bound.value / M_LN2;
        if (gradient) {
            gradient[at] = (float)(2 * error * scale);
            gradient[at + f] = (float)(bound.slope * 0.5 * width / M_LN2 * scale);
        }
    }
    return sum / (double)n;
}
