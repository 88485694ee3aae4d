/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - a model as a folder: model.json says what it is and names the other files.
 *
 *   model.json                 everything below
 *   transformer.safetensors    the network, official tensor names
 *   autoencoder.safetensors    latents to pictures and back
 *   classes.txt                see labels.h
 */
#ifndef FIT_BUNDLE_H
#define FIT_BUNDLE_H

#include "fit_config.h"

enum { FIT_BUNDLE_VERSION = 1, FIT_BUNDLE_MAX_CHANNELS = 16 };

struct fit_bundle {
    char path[1024]; /* the folder */
    char name[128], description[512], licence[64];
    struct fit_config config;
    char transformer[128], autoencoder[128], classes[128]; /* file names within the folder */
    char autoencoder_type[32]; /* of autoencoder.h, or "none": velocities and latents only */
    int downsampling;          /* pixels per latent pixel: 8 */
    double scaling_factor;     /* model-space latent = factor * autoencoder's latent */
    char transformer_sha256[65], autoencoder_sha256[65]; /* "" when the writer did not record it */
    /* Cheap preview, as fk.h's latent_to_rgba8: a linear map of the latent pixels around, in
     * [-1, 1]. preview_kernel is 1 (or 0, which stands for 1) or 3; the matrix is
     * [channels][kernel][kernel][3]. */
    int preview_kernel;
    float preview_matrix[9 * FIT_BUNDLE_MAX_CHANNELS][3], preview_bias[3];
    int default_width, default_height, default_steps;
    double default_guidance;
    enum fit_solver default_solver;
};

/* Rows of the matrix in use: channels * kernel^2. */
int fit_bundle_preview_rows(const struct fit_bundle *bundle);

/* Whether the folder holds a model.json, of whatever worth. */
bool fit_bundle_is_in(const char *folder);

/* Reads and checks model.json of the folder that fit_model_find finds for `path`; failures name the
 * field, the expected and the found. The other files are only named. */
bool fit_bundle_read(struct fit_bundle *bundle, const char *path, struct fit_error *error);

/* Writes model.json into the existing folder bundle->path, atomically. */
bool fit_bundle_write(const struct fit_bundle *bundle, struct fit_error *error);

bool fit_bundle_has_autoencoder(const struct fit_bundle *bundle);

/* The full path of one of the bundle's files. */
bool fit_bundle_file(const struct fit_bundle *bundle, const char *name, char *out,
                     size_t out_bytes, struct fit_error *error);

#endif
