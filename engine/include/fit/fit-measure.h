/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-measure.h - how well a model knows pictures.
 *
 * The functions of a model *block*.
 */
#ifndef FIT_FIT_MEASURE_H
#define FIT_FIT_MEASURE_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The time below which training draws the share `p`, in (0, 1), of its times: 1 / (1 + e^-u) with u
 * the normal distribution's p-quantile. Times (i + 1/2) / n of the way through measure n pictures
 * as training would. */
FIT_API double fit_loss_time(double p);

/* The flow-matching loss that training lowers, of every latent of the batch: with data x1 =
 * latent[b] [channels][height/8][width/8] and noise x0 = that of picture b of `seed`, the mean of
 * (v - (x1 - x0))^2 over the values, where v is the velocity at t x1 + (1 - t) x0. loss [batch].
 * The same seed and time give the same state, whatever the method of positions, so that methods and
 * models can be compared on few pictures. Models of the first version have no velocity and are
 * refused. */
FIT_API bool fit_model_loss(struct fit_model *model, const struct fit_velocity_params *params,
                            const float *latent, uint64_t seed, double *loss,
                            struct fit_error *error);

/* How a likelihood is computed; zeros are the defaults. */
struct fit_likelihood_params {
    int width, height; /* pixels */
    int class_id;      /* or FIT_CLASS_NONE: of pictures of any class */
    enum fit_method method;
    enum fit_attention_scale attention_scale;
    int ori_max_pe_len;
    enum fit_solver solver; /* of a differential equation */
    int steps;              /* 20 */
    double atol, rtol;      /* of dopri5: 1e-6 and 1e-3 */
    int probes;             /* 1 to 256: 1 */
    bool gaussian;          /* the probes are normal numbers, in place of signs */
    uint64_t seed;          /* of the probes */
};

struct fit_likelihood {
    double log_density;    /* ln p(latent | class) in nats: the mean over the probes */
    double standard_error; /* of it, from the probes alone; 0 with one probe */
    double bits_per_dimension; /* -log2 p / dimensions; of a density, so it may be negative */
    int dimensions;            /* values of the latent */
    int evaluations;           /* of the network; each with a backward pass for every probe */
};

/* The density that the model, without guidance, gives to latent [channels][height/8][width/8]: the
 * flow is followed from the data to the noise, and the divergence of the velocity, estimated by
 * random probes with one pass backwards through the network each, is added up on the way. It is one
 * of the latent, not of the picture; models with the same autoencoder can be compared. */
FIT_API bool fit_model_likelihood(struct fit_model *model,
                                  const struct fit_likelihood_params *params, const float *latent,
                                  struct fit_likelihood *out, struct fit_error *error);

/* Of a channel: mean and standard deviation in each quarter of the picture. */
#define FIT_LATENT_FEATURES 8

/* What a latent [channels][rows][columns] of any shape, of 2 or more each way, looks like from
 * afar: features [channels][FIT_LATENT_FEATURES]. */
FIT_API void fit_latent_features(const float *latent, int channels, int rows, int columns,
                                 float *features);

/* The squared Frechet distance between the normal distributions that fit features a [n_a][width]
 * and b [n_b][width] (M. Heusel et al., arXiv 1706.08500): |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a
 * C_b)^(1/2)) with means m and the unbiased covariances C; 0 for the same features. Fewer pictures
 * make it larger, so only equal numbers compare. width is 1 to 512, the numbers 2 or more; a
 * feature that is not finite is refused. */
FIT_API bool fit_frechet_distance(const float *a, int n_a, const float *b, int n_b, int width,
                                  double *distance, struct fit_error *error);

#ifdef __cplusplus
}
#endif

#endif
