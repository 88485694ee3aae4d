/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit_config.h - the hyper-parameters of a FiTv2 transformer (arXiv 2410.13925), its presets and
 * what follows from them by arithmetic alone.
 */
#ifndef FIT_CONFIG_H
#define FIT_CONFIG_H

#include "error.h"

enum {
    FIT_MAX_AXIS = 256,  /* tokens per side: positions 0..255, as the reference's table */
    FIT_TIME_WIDTH = 256 /* of the sinusoid of the time */
};

struct fit_config {
    int hidden;          /* d: width of a token inside the network */
    int depth;           /* blocks */
    int heads;           /* width of one head: hidden / heads, a multiple of 4 */
    int mlp_hidden;      /* SwiGLU; the papers' models: floor(8 d / 3) */
    int lora_rank;       /* of a block's own modulation; the papers' models: d / 4 */
    int n_classes;       /* row n_classes of the class table is "no class" */
    int channels;        /* of the latent */
    int patch;           /* side of a token in latent pixels */
    int guided_channels; /* the first so many are guided; 0: 3 of 4 as the reference, else all */
    bool qk_norm;        /* q and k are normalised per head, without weights */
    int context_size;    /* tokens of the largest image in training */
    int ori_max_pe_len;  /* tokens per axis in training: where stretching begins */
    double theta;        /* base of the rotary frequencies */
    enum fit_method method; /* of positions in training; NONE for base models */
};

/* The fields that every published model shares; the sizes are zero. */
void fit_config_defaults(struct fit_config *config);

/* "fitv2-b", "fitv2-xl", "fitv2-3b", "fitv2-hr-xl", "fitv2-hr-3b"; false for another name. */
bool fit_config_preset(struct fit_config *config, const char *name);

/* The names of the presets in order; NULL after the last. */
const char *fit_config_preset_name(size_t i);

/* Refuses what no network can be, naming the field: every size positive and small enough that no
 * product overflows, heads that divide, a trained method. */
bool fit_config_check(const struct fit_config *config, struct fit_error *e);

int fit_config_features(const struct fit_config *config);        /* F = channels * patch^2 */
int fit_config_guided_features(const struct fit_config *config); /* the first so many of F */
int fit_config_head_width(const struct fit_config *config);      /* hidden / heads */

/* Values in all tensors. */
uint64_t fit_config_parameters(const struct fit_config *config);

/* Multiply-accumulates of one evaluation for one image of so many tokens. The conditioning, once
 * per image, is left out, as in the papers' figures; these leave out the two products of the
 * attention as well. */
uint64_t fit_config_macs(const struct fit_config *config, int tokens, bool with_attention);

#endif
