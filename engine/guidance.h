/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guidance.h - classifier-free guidance (Ho & Salimans, arXiv 2207.12598) as FiT uses it: images
 * with their class and the same images without one run as one pack of twice the images, and only
 * the first channels are guided.
 */
#ifndef FIT_GUIDANCE_H
#define FIT_GUIDANCE_H

#include "fit_forward.h"
#include "recorded.h"

/* The weight at time t: scale for power 0, else 1 + (scale-1) (1-cos(pi (1-min(t,1))^power)) / 2,
 * strongest at noise and 1 at data. */
float fit_guidance_weight(double scale, double power, float t);

/* Rows of modulation that are computed during a run, because all at once would take too much memory
 * or because their times are not known before. */
struct fit_guided_rows {
    struct fit_modulation *modulation; /* NULL: all rows are there */
    const float *times;                /* [n_times] of the run's evaluations; NULL: not known */
    int n_times;
    int at_once;                       /* evaluations to compute together; 1 without times */
    const int32_t *y;                  /* host, class of every image */
    double time_shift;                 /* as fit_config_told_time */
    bool clamp;
    int first, n;                      /* evaluations whose rows are there */
};

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
    float *x, *v;               /* [N of the pack][F], [N][outputs]; only when guided */
    /* The state and the velocity hold both halves, as in the reference: the second half's velocity
     * has the guided features of the first and its own others. Its state is not looked at. */
    bool coupled;
    struct fit_guided_rows rows;
    struct fit_recorded *recorded; /* for packs of this size; NULL: every operation for itself */
};

bool fit_guided_is_plain(double scale);

/* A fit_velocity_fn; `user` is a struct fit_guided, x and velocity hold the B images (coupled: 2
 * B). Of the first version it gives noise and variance, fit_config_outputs values a token. */
bool fit_guided_velocity(void *user, struct fit_compute *c, float *velocity, const float *x,
                         float t, int evaluation);

/* Fills the modulation for evaluations at times[n] of images of class y[images] (host arrays), in
 * the row order that fit_guided_velocity expects. */
bool fit_guided_conditioning(struct fit_compute *c, const struct fit_network *network,
                             struct fit_modulation *modulation, const float *times, int n,
                             const int32_t *y, int images, double scale);

#endif
