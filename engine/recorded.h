/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorded.h - evaluations of the network as one launch, on devices that can record (fk.h,
 * graph_begin): at 256 tokens an evaluation of the large model is some five hundred short
 * operations, whose launches would take as long as their work.
 *
 * What is recorded reads and writes the same memory every time, so the state is copied to a place
 * of its own, the velocity from one, and the evaluation's rows of modulation are gathered by a list
 * of their numbers. The lists of all evaluations lie on the device: none of them waits for the host.
 * The first evaluation runs as it is (devices
 * make their preparations then), the second is recorded, the others are launched. Bits do not
 * differ.
 */
#ifndef FIT_RECORDED_H
#define FIT_RECORDED_H

#include "fit_forward.h"

struct fit_recorded {
    struct fit_scratch scratch;
    float *x, *velocity;   /* [N of the pack][F], [N][outputs] */
    float *block, *final;  /* [depth][images][6 hidden], [images][2 hidden] */
    int32_t *row;  /* [(depth + 1) images]: rows of the blocks, then of the final layer */
    int32_t *lists; /* [most_rows / images]: what `row` is for the first rows, for the next, ... */
    int most_rows;  /* of modulation */
    int listed_rows; /* the lists are for so many */
    struct fk_graph *graph;
    /* what the graph was recorded with */
    const float *source;
    int source_rows;
    int evaluations; /* since something changed */
    bool refused;    /* the device could not record: everything runs as it is */
};

/* Whether the device records at all. */
bool fit_recorded_is_possible(const struct fk_device *device);

/* With at most `rows` rows of modulation, a multiple of the images. */
size_t fit_recorded_bytes(const struct fit_config *config, int images, int tokens, int rows);

/* Memory for packs of `images` images and `tokens` tokens in all. */
bool fit_recorded_init(struct fit_recorded *recorded, struct fk_device *device,
                       const struct fit_config *config, int images, int tokens, int rows,
                       struct fit_error *error);
void fit_recorded_finish(struct fit_recorded *recorded);

/* As fit_forward; first_row is a multiple of the images. velocity may be x unless it is wider. */
bool fit_recorded_forward(struct fit_recorded *recorded, struct fit_compute *c,
                          const struct fit_network *network, struct fit_activations *activations,
                          float *velocity, const float *x, const struct fk_pack *pack,
                          const float *cosine, const float *sine,
                          const struct fit_modulation *modulation, int first_row);

#endif
