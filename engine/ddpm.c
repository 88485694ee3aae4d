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
