/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_private.h - the objects behind fit.h, as the files that implement it see them.
 *
 * Who may touch what: "worker" fields belong to the worker thread; "lock" fields are read and
 * written under engine->lock; the others never change after construction.
 */
#ifndef FIT_ENGINE_PRIVATE_H
#define FIT_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "autoencoder.h"
#include "compute.h"
#include "error.h"
#include "fit_config.h"
#include "fit_forward.h"
#include "labels.h"
#include "present_gl.h"
#include "sampler.h"
#include "torch_random.h"
#include "trajectory.h"

struct run; /* run.c: the device side of one generation */

/* Where a run is between two evaluations, in host memory. */
struct run_place {
    struct fit_sampler_place sampler; /* states NULL: nowhere */
    struct fit_torch_random random;   /* of its noise, where that comes from torch's generator */
};

struct fit_frame {
    atomic_int refs;
    int width, height, step;
    enum fit_view view;
    bool final;
    struct fit_engine *engine; /* borrowed: lives as long as the job */
    struct fit_job *job; /* a reference once taken: the settings for the file */
    uint8_t *pixels;
    struct device_picture *picture; /* the same on the device until it is shown, or NULL */
    size_t picture_stride, picture_offset; /* in bytes: from row to row, of the first pixel */
};

/* A place in the event queue, one per job and type: posting never allocates, and a second post of
 * the same kind before the first was read is the same event. */
struct event_node {
    bool queued;
    enum fit_event_type type;
    struct fit_job *job;
    struct event_node *next;
};

#define N_EVENT_TYPES (FIT_EVENT_CANCELLED + 1)

struct fit_job {
    atomic_int refs;
    struct fit_model *model; /* a reference */
    struct fit_generate_params params; /* effective; noise is NULL */
    float *noise;                      /* owned copy of params.noise, or NULL */
    struct fit_job *from;              /* a reference: the same as params.from */
    atomic_bool cancel;

    /* worker */
    struct run *run;
    int live_step; /* of the newest live frame, -1 before */

    /* lock */
    double started_s; /* as if it had never waited for people */
    double paused_s;
    bool pause_wanted;
    struct run_place place; /* where the run was left, or is to go on from */
    struct fit_progress progress;
    struct fit_error error, show_error;
    struct trajectory trajectory; /* of the points, those that are there never change */
    struct fit_frame *live, *shown; /* not yet taken: of the run itself, of a request */
    bool show_wanted;
    int show_step;
    enum fit_view show_view;
    struct event_node events[N_EVENT_TYPES];
    struct fit_job *next_run, *next_show; /* places in the engine's lists */
};

struct fit_model {
    atomic_int refs;
    struct fit_engine *engine; /* a reference */
    struct model_files *files; /* model.c: mapped bundle, weights, strings */
    struct fit_config config;
    struct fit_network network;
    struct fit_model_info info;
    struct fit_labels labels;

    /* worker: its buffers serve one call at a time */
    struct fit_autoencoder *autoencoder; /* NULL: the model came without one */
    float latent_scale; /* latent in model space = scale * the autoencoder's */
};

/* Work that another thread waits for. */
struct task {
    bool (*work)(struct fit_engine *engine, void *data, struct fit_error *error);
    void *data;
    struct fit_error *error;
    bool ok, done;
    struct task *next;
};

struct fit_engine {
    atomic_int refs;
    struct fk_device *device;
    char device_text[256], notice[256];
    char *cache_folder; /* or NULL */
    void (*wake)(void *data);
    void *wake_data;
    bool background;
    pthread_t worker;

    /* worker */
    struct fk_queue *queue;

    pthread_mutex_t lock;
    pthread_cond_t work_came, task_done, event_came;
    /* lock */
    bool closing, woken;
    struct task *tasks;
    struct fit_job *runs, *shows, *paused;
    struct event_node *first_event, *last_event;
    struct device_pictures pictures;
};

/* engine.c */
struct fit_engine *fit_engine_ref(struct fit_engine *engine);
void fit_engine_unref(struct fit_engine *engine);
void fit_engine_add_job(struct fit_engine *engine, struct fit_job *job);
void fit_engine_add_show(struct fit_engine *engine, struct fit_job *job); /* lock held */
/* Puts a job back into the queue if it is paused; lock held. */
bool fit_engine_unpark(struct fit_engine *engine, struct fit_job *job);
void fit_engine_post(struct fit_engine *engine, struct fit_job *job, enum fit_event_type type);
/* Runs `work` on the worker and waits for its answer. */
bool fit_engine_call(struct fit_engine *engine,
                     bool (*work)(struct fit_engine *, void *, struct fit_error *), void *data,
                     struct fit_error *error);
double fit_now_s(void); /* monotonic */
/* On the worker: another queue in place of the present one, whose scratch memory goes with it.
 * Fails while a run uses that. */
bool fit_engine_renew_queue(struct fit_engine *engine, struct fit_error *error);

/* run.c, show.c: called by the worker, without the lock */
bool run_advance(struct fit_job *job); /* one evaluation; false when the job has ended */
void run_show(struct fit_job *job);    /* answers the newest request */
void run_show_newest(struct fit_job *job); /* the newest point live, unless it is already */
void run_put_frame(struct fit_job *job, struct fit_frame **place, struct fit_frame *frame);
/* Waits for every evaluation that is queued, so that its points are in the trajectory. When that
 * fails, the next run_advance ends the job. */
bool run_settle(struct fit_job *job);
/* Where a run is that has begun; settles it. */
bool run_keep(struct fit_job *job, struct run_place *place, struct fit_error *error);
void run_end(struct fit_job *job, enum fit_job_state state, const struct fit_error *error);

/* model.c: the cheap preview as latent_to_rgba8 takes it, borrowed. */
struct preview_map {
    int kernel;
    size_t values; /* of the matrix */
    const float *matrix, *bias;
};
struct preview_map model_preview(const struct fit_model *model);

/* job.c: a checked request as a job that nobody has queued; `from` is referenced and not looked
 * into. */
struct fit_job *job_new(struct fit_model *model, const struct fit_generate_params *params,
                        struct fit_error *error);

/* job_place.c: the points made so far and where the run is; `n` receives how many points. The place
 * is the caller's. *blocks* while the worker makes an evaluation. */
bool job_keep(struct fit_job *job, struct run_place *place, int *n, struct fit_error *error);
/* Queues a new job that has its steps; takes the place over. Of the progress, what was done and how
 * long it took. */
void job_go_on(struct fit_job *job, const struct run_place *place,
               const struct fit_progress *progress);

/* job.c: what the sampler needs to know of a run; without its noise. */
struct fit_sampler_params job_sampler_params(const struct fit_config *config,
                                             const struct fit_generate_params *params);

/* frame.c: called by the worker. With memory for the picture on the device where somebody shows it
 * from there. */
struct fit_frame *fit_frame_new(struct fit_job *job, int step, enum fit_view view);
uint8_t *fit_frame_device_pixels(const struct fit_frame *frame); /* or NULL */
/* Keeps the middle part of a frame that nobody else has yet. */
void fit_frame_crop(struct fit_frame *frame, int width, int height);

/* run.c: the device memory and host memory that a run adds, in bytes; of the parameters, size,
 * steps, solver and guidance count. */
uint64_t fit_run_bytes(const struct fit_model *model, const struct fit_generate_params *params);

#endif
