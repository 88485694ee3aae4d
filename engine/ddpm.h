/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ddpm.h - the chain that the first FiT was trained on and how fewer of its steps are walked
 * (J. Ho et al., arXiv 2006.11239; A. Nichol, P. Dhariwal, arXiv 2102.09672; DDIM: J. Song et al.,
 * arXiv 2010.02502): 1000 steps, beta linear from 1e-4 to 2e-2, calculated in double; and what the
 * training on it costs.
 */
#ifndef FIT_DDPM_H
#define FIT_DDPM_H

#include "error.h"

enum { FIT_DDPM_TRAINED_STEPS = 1000 };

/* One step of the shorter chain, x of it to x of the step before; `previous` is that one's. */
struct fit_ddpm_step {
    int index;   /* in the trained chain: what the network is told */
    double beta; /* 1 - alpha_bar(index) / alpha_bar(previous index) */
    double alpha_bar, previous_alpha_bar;
    /* Logarithms of the smallest and the largest variance that a step back may have. */
    double low, high;
};

struct fit_ddpm {
    int n;
    struct fit_ddpm_step *step; /* owned, [n]; 0 is the one next to the data */
};

/* n of the 1000 steps: from 0 to 999 with rounded distances or, with even_spacing, every k-th from
 * 0 for the smallest k that gives n. Fails where there is no such k. */
bool fit_ddpm_init(struct fit_ddpm *ddpm, int n, bool even_spacing, struct fit_error *e);
void fit_ddpm_finish(struct fit_ddpm *ddpm);

/* The indices alone; false as above. */
bool fit_ddpm_indices(int *index, int n, bool even_spacing, struct fit_error *e);

/* In a step from x with noise `epsilon` in it: what x is made of. */
float fit_ddpm_data(const struct fit_ddpm_step *step, float x, float epsilon);

/* The mean and, for nu in [-1, 1] between the bounds, the deviation of the step back. */
float fit_ddpm_mean(const struct fit_ddpm_step *step, float x, float data);
float fit_ddpm_deviation(const struct fit_ddpm_step *step, float nu);

/*
 * The hybrid loss of FiT's training for a picture at one step of the whole chain (Nichol and
 * Dhariwal, equations 15 and 16, whose 0.001 of the bound over 1000 steps is 1 of one of them; as
 * training_losses of the reference's improved_diffusion has it with LossType.MSE and
 * LEARNED_RANGE), the mean over the values of
 *
 *     (epsilon' - epsilon)^2 + B / ln 2
 *
 * with noise epsilon and the network's epsilon'. B is the term of the variational bound: the
 * divergence of the step back from the true one or, at index 0, minus the logarithm of the
 * probability of the data's interval of 2 / 255 (open beyond +-0.999; the normal distribution as
 * (1 + tanh(sqrt(2 / pi) (y + 0.044715 y^3))) / 2, probabilities not below 1e-12). B teaches the
 * variance alone: epsilon' is a constant in it.
 *
 * output [tokens][2 features] is epsilon' and nu of every token, data and noise [tokens][features].
 * gradient [tokens][2 features] (may be NULL, or output itself) becomes `weight` times that of the
 * loss.
 */
double fit_ddpm_loss(const struct fit_ddpm_step *step, const float *output, const float *data,
                     const float *noise, int tokens, int features, double weight,
                     float *gradient);

#endif
