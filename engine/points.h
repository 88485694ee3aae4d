/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h - the points of a run on their way from the device to its trajectory. What an evaluation
 * brought is laid out, drawn small and downloaded behind it, in a ring, so that the next evaluation
 * can be queued before the point has come.
 *
 * On the worker. An arrival is what came of one point, or of an evaluation that brought none; they
 * come in the order in which they were queued.
 */
#ifndef FIT_POINTS_H
#define FIT_POINTS_H

#include "engine_private.h"
#include "landing.h"

/* One that is waited for while the device works at the next. */
enum { POINTS_UNDER_WAY = 2 };

struct arrival {
    struct fit_landing landing; /* state, prediction [C][h][w], thumbnail [h][w][4] */
    bool is_point;
    bool ends_evaluation; /* after which the sampler is at: */
    int step;
    double time;
};

struct points {
    int channels, patch, height, width; /* of a latent */
    int preview_kernel;
    size_t values; /* of a latent */

    struct fit_scratch scratch; /* of the pointers below; device memory */
    float *latent;              /* [C][h][w]; whoever queues something may use it until the next */
    float *matrix, *bias;       /* of the cheap preview, model_preview */
    uint8_t *thumbnail;         /* [h][w][4] */

    struct arrival arrival[POINTS_UNDER_WAY];
    int first, n; /* under way: so many from the first on, in turn */
};

/* Of latents of `rows` x `columns` tokens of the model. */
bool points_init(struct points *points, struct fit_compute *c, const struct fit_model *model,
                 int rows, int columns);
/* Nothing is under way any more. One of zeros is fine. */
void points_finish(struct points *points);

/* Memory that points_init takes, of the device and of the host. */
size_t points_bytes(const struct fit_model *model, size_t values, size_t pixels);

/* Whether a point comes later than it is queued; else there is nothing to queue ahead of. */
bool points_come_late(const struct points *points);

/* Queues a point, tokens [N][F] in device memory; both NULL for an evaluation without one. With
 * `after`, what was queued last of an evaluation: where the sampler now is. Fewer than
 * POINTS_UNDER_WAY are under way. */
bool points_queue(struct points *points, struct fit_compute *c, const float *state,
                  const float *prediction, const struct fit_sampler *after);

/* Waits for the first that is under way; it is in the trajectory of the job when the call returns
 * true, and lost when it returns false. `out` holds until the next call. */
bool points_wait(struct points *points, struct fit_compute *c, struct fit_job *job,
                 const struct arrival **out);

#endif
