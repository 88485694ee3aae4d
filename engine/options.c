/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a run's options, as the command line and the pictures spell them. */
#include <string.h>

#include "fit/fit.h"

static const char *const diffusions[FIT_N_DIFFUSIONS] = {
    "sigma", "linear", "constant", "sbdm", "decreasing", "increasing-decreasing",
};
static const char *const last_steps[FIT_N_LAST_STEPS] = {"mean", "euler", "tweedie", "none"};
static const char *const error_norms[FIT_N_ERROR_NORMS] = {"image", "coupled"};
static const char *const noise_sources[FIT_N_NOISE_SOURCES] = {"philox", "torch"};
static const char *const attention_scales[FIT_N_ATTENTION_SCALES] = {"code", "paper"};

static const char *name_of(const char *const *names, int n, unsigned value)
{
    return value < (unsigned)n ? names[value] : "unknown";
}

/* The place of the name in the list, or n. */
static int place_of(const char *const *names, int n, const char *name)
{
    int i = 0;
    while (i < n && strcmp(name, names[i]))
        i++;
    return i;
}

const char *fit_diffusion_name(enum fit_diffusion diffusion)
{
    return name_of(diffusions, FIT_N_DIFFUSIONS, diffusion);
}

bool fit_diffusion_parse(const char *name, enum fit_diffusion *out)
{
    int place = place_of(diffusions, FIT_N_DIFFUSIONS, name);
    if (place < FIT_N_DIFFUSIONS)
        *out = (enum fit_diffusion)place;
    return place < FIT_N_DIFFUSIONS;
}

const char *fit_last_step_name(enum fit_last_step last_step)
{
    return name_of(last_steps, FIT_N_LAST_STEPS, last_step);
}

bool fit_last_step_parse(const char *name, enum fit_last_step *out)
{
    int place = place_of(last_steps, FIT_N_LAST_STEPS, name);
    if (place < FIT_N_LAST_STEPS)
        *out = (enum fit_last_step)place;
    return place < FIT_N_LAST_STEPS;
}

const char *fit_error_norm_name(enum fit_error_norm norm)
{
    return name_of(error_norms, FIT_N_ERROR_NORMS, norm);
}

bool fit_error_norm_parse(const char *name, enum fit_error_norm *out)
{
    int place = place_of(error_norms, FIT_N_ERROR_NORMS, name);
    if (place < FIT_N_ERROR_NORMS)
        *out = (enum fit_error_norm)place;
    return place < FIT_N_ERROR_NORMS;
}

const char *fit_noise_source_name(enum fit_noise_source source)
{
    return name_of(noise_sources, FIT_N_NOISE_SOURCES, source);
}

bool fit_noise_source_parse(const char *name, enum fit_noise_source *out)
{
    int place = place_of(noise_sources, FIT_N_NOISE_SOURCES, name);
    if (place < FIT_N_NOISE_SOURCES)
        *out = (enum fit_noise_source)place;
    return place < FIT_N_NOISE_SOURCES;
}

const char *fit_attention_scale_name(enum fit_attention_scale scale)
{
    return name_of(attention_scales, FIT_N_ATTENTION_SCALES, scale);
}

bool fit_attention_scale_parse(const char *name, enum fit_attention_scale *out)
{
    int place = place_of(attention_scales, FIT_N_ATTENTION_SCALES, name);
    if (place < FIT_N_ATTENTION_SCALES)
        *out = (enum fit_attention_scale)place;
    return place < FIT_N_ATTENTION_SCALES;
}
