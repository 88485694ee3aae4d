/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit_config.h - the hyper-parameters of a FiTv2 transformer (arXiv 2410.13925) or of one of the
 * first version (FiT, arXiv 2402.12376), their presets and what follows from them by arithmetic
 * alone.
 */
#ifndef FIT_CONFIG_H
#define FIT_CONFIG_H

#include "error.h"

enum {
    FIT_MAX_AXIS = 256,  /* tokens per side: positions 0..255, as the reference's table */
    FIT_TIME_WIDTH = 256 /* of the sinusoid of the time */
};

/* The first version says what noise is in a state and how its variance lies between its bounds (2F
 * outputs a token) for a time of 0..999; the second gives the velocity of a rectified flow. */
enum fit_architecture { FIT_ARCHITECTURE_V2, FIT_ARCHITECTURE_V1 };

struct fit_config {
    enum fit_architecture architecture;
    int hidden;          /* d: width of a token inside the network */
    int depth;           /* blocks */
    int heads;           /* width of one head: hidden / heads, a multiple of 4 */
    int mlp_hidden;      /* SwiGLU; the papers' models: floor(8 d / 3), FiT: 4 d */
    int lora_rank;       /* of a block's own modulation, beside the one that all share; the papers'
                            models: d / 4. 0, as FiT has it and as FiTv2's ablations begin: a whole
                            matrix for every block, and none is shared */
    int n_classes;       /* row n_classes of the class table is "no class" */
    int channels;        /* of the latent */
    int patch;           /* side of a token in latent pixels */
    int guided_channels; /* the first so many are guided; 0: 3 of 4 as the reference, else all */
    bool qk_norm;        /* q and k are normalised per head, without weights */
    int context_size;    /* tokens of the largest image in training */
    int ori_max_pe_len;  /* tokens per axis in training: where stretching begins */
    double theta;        /* base of the rotary frequencies */
    enum fit_method method; /* of positions in training; NONE for base models */
    enum fit_attention_scale attention_scale; /* of the PRO methods */
};

/* The fields that every published model shares; the sizes are zero. */
void fit_config_defaults(struct fit_config *config);

/* "fitv2-b", "fitv2-xl", "fitv2-3b", "fitv2-hr-xl", "fitv2-hr-3b", "fit-b", "fit-xl"; false for
 * another name. */
bool fit_config_preset(struct fit_config *config, const char *name);

/* The names of the presets in order; NULL after the last. */
const char *fit_config_preset_name(size_t i);

/* "fitv1" and "fitv2", as bundles spell them; the parser returns false for another name. */
const char *fit_architecture_name(enum fit_architecture architecture);
bool fit_architecture_parse(const char *name, enum fit_architecture *out);

/* The configuration with the positions of a run; ori_max_pe_len 0 keeps the model's. */
struct fit_config fit_config_with_positions(const struct fit_config *config,
                                            enum fit_attention_scale scale, int ori_max_pe_len);

/* DDPM and DDIM walk the chain of the first version, all others follow a velocity. */
bool fit_config_has_solver(const struct fit_config *config, enum fit_solver solver);

/* The one that does with few steps and no noise of its own: Euler's, or DDIM. */
enum fit_solver fit_config_quick_solver(const struct fit_config *config);

/* The time that the network is told at the solver's time t: the shifted one for FiTv2,
 * a t / (1 + (a - 1) t) with t at most 1; for the first version t, or with `clamp` at most 1. */
float fit_config_told_time(const struct fit_config *config, float t, double shift, bool clamp);

/* Refuses what no network can be, naming the field: every size positive and small enough that no
 * product overflows, heads that divide, a trained method. */
bool fit_config_check(const struct fit_config *config, struct fit_error *e);

int fit_config_features(const struct fit_config *config);        /* F = channels * patch^2 */
int fit_config_outputs(const struct fit_config *config);         /* of a token: F, FiT: 2F */
int fit_config_guided_features(const struct fit_config *config); /* the first so many of F */
int fit_config_head_width(const struct fit_config *config);      /* hidden / heads */

/* Whether the blocks share a modulation, to which each adds one of low rank. */
bool fit_config_shares_modulation(const struct fit_config *config);

/* Values in all tensors. */
uint64_t fit_config_parameters(const struct fit_config *config);

/* Multiply-accumulates of one evaluation for one image of so many tokens. The conditioning, once
 * per image, is left out, as in the papers' figures; these leave out the two products of the
 * attention as well. */
uint64_t fit_config_macs(const struct fit_config *config, int tokens, bool with_attention);

#endif
