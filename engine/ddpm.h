/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ddpm.h - the chain that the first FiT was trained on and how fewer of its steps are walked
 * (J. Ho et al., arXiv 2006.11239; A. Nichol, P. Dhariwal, arXiv 2102.09672; DDIM: J. Song et al.,
 * arXiv 2010.02502): 1000 steps, beta linear from 1e-4 to 2e-2, calculated in double.
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

#endif
