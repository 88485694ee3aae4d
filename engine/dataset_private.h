/* SPDX-License-Identifier: Apache-2.0 */
/* dataset_private.h - the inside of a data set, shared by its sources. */
#ifndef FIT_DATASET_PRIVATE_H
#define FIT_DATASET_PRIVATE_H

#include "compute.h"
#include "dataset.h"

struct dataset_source {
    const char *name; /* as data.source */
    /* Finds what there is: sets data->own, data->identity and config->pictures. */
    bool (*open)(struct dataset *data, struct train_config *config, struct fit_error *e);
    void (*close)(void *own);
    /* Appends the next group of pictures, or sets data->ended. The first group also brings the
     * validation pictures, as far as dataset_add_validation takes them. */
    bool (*grow)(struct dataset *data, struct fit_compute *c);
};

extern const struct dataset_source dataset_scenes, dataset_pictures, dataset_latents;

/* The ways of seeing one picture: views [first, first + n), n a power of two. */
struct dataset_entry {
    size_t first;
    int n;
};

struct dataset {
    const struct dataset_source *source;
    void *own; /* the source's */
    bool ended;
    struct fit_labels classes;
    char folder[TRAIN_PATH_BYTES + 16], identity[128];
    struct latent_picture *views, *validation;
    struct dataset_entry *entries;
    size_t n_views, view_room;
    int n, entry_room, n_validation, skipped;
    struct dataset_watch watch;
    /* borrowed */
    const struct train_config *config;
    struct fit_autoencoder *autoencoder;
};

/* Adds a picture that may be seen in n ways (1, 2 or 4), the whole and unmirrored one first; what
 * the views point to stays. */
bool dataset_add(struct dataset *data, const struct latent_picture *views, int n,
                 struct fit_error *e);

/* Takes a picture for validation while one is wanted; false when there are enough. */
bool dataset_add_validation(struct dataset *data, const struct latent_picture *picture);

/* The side of one of the configuration's areas, by their shares: `bits` are uniform. */
int dataset_draw_side(const struct train_config *config, uint32_t bits);

/* How many of n pictures are set aside to validate with: as many as the configuration says, at most
 * a tenth, at least one. */
int dataset_validation_share(const struct train_config *config, int n);

/* Tells `sentence` and counts a picture as left out. */
void dataset_skip(struct dataset *data, const char *sentence);

/* Tells what is not about a single picture. */
void dataset_notice(const struct dataset *data, const char *sentence);

#endif
