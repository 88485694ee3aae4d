/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guidance.h - classifier-free guidance (Ho & Salimans, arXiv 2207.12598) as FiT uses it: images
 * with their class and the same images without one run as one pack of twice the images, and only
 * the first channels are guided.
 */
#ifndef FIT_GUIDANCE_H
#define FIT_GUIDANCE_H

#include "fit_forward.h"

/* The weight at time t: scale for power 0, else 1 + (scale-1) (1-cos(pi (1-min(t,1))^power)) / 2,
 * strongest at noise and 1 at data. */
float fit_guidance_weight(double scale, double power, float t);

/* Everything a velocity callback of the sampler needs. All borrowed. */
struct fit_guided {
    const struct fit_network *network;
    struct fit_activations *activations;
    const struct fit_modulation *modulation; /* `images` rows for every evaluation */
    int first_evaluation;                    /* that the modulation begins with */
    /* The pack the network sees. Plain: B images. Guided: the same B images twice, first with
     * their class, then without. */
    const struct fk_pack *pack;
    const float *cosine, *sine; /* of that pack */
    double scale, power;        /* scale 1: plain */
    float *x, *v;               /* [N of the pack][F] each; only when guided */
};

bool fit_guided_is_plain(double scale);

/* A fit_velocity_fn; `user` is a struct fit_guided, x and velocity hold the B images. */
bool fit_guided_velocity(void *user, struct fit_compute *c, float *velocity, const float *x,
                         float t, int evaluation);

/* Fills the modulation for evaluations at times[n] of images of class y[images] (host arrays), in
 * the row order that fit_guided_velocity expects. */
bool fit_guided_conditioning(struct fit_compute *c, const struct fit_network *network,
                             struct fit_modulation *modulation, const float *times, int n,
                             const int32_t *y, int images, double scale);

#endif
