/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-train.h - train FiTv2 models.
 *
 * A trainer is one run in one folder: it makes or reads its pictures, learns, and leaves
 * checkpoints that are model bundles with the optimiser's state beside them. All numbers of a run
 * follow from its configuration: a run that was stopped and resumed gives the same bits as one that
 * was not.
 *
 *     fit_trainer_open -> fit_trainer_run (or fit_trainer_step ...) -> fit_trainer_close
 *
 * What a run folder holds:
 *     latents/                encoded pictures (may be shared, see data.cache)
 *     log.csv                 one line every run.log_every steps (limn-cli draws it: loss.png)
 *     sheets/step-N.png       samples of every class
 *     checkpoints/step-N/     model.json, transformer.safetensors (the running average),
 *                             autoencoder.safetensors, classes.txt, training.safetensors
 *
 * Threads: a trainer belongs to one thread, except fit_trainer_stop.
 */
#ifndef FIT_FIT_TRAIN_H
#define FIT_FIT_TRAIN_H

#include "fit/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fit_trainer;

struct fit_train_params {
    const char *config;  /* YAML file, see models/recipe/demo.yaml */
    const char *folder;  /* of the run; made when missing */
    const char *backend; /* NULL or "auto", "cpu", "reference", "cuda" */
    int n_threads;       /* 0: as many as the processor offers */
    const char *cache_folder; /* as in fit_engine_params */
    bool resume;         /* continue from the newest checkpoint in the folder, if there is one */

    /* May be NULL; called by the thread that the trainer belongs to, while it is opened and
     * later. */
    void *user;
    void (*notice)(void *user, const char *sentence); /* a picture or class was left out, and why */
    void (*preparing)(void *user, int ready, int wanted); /* pictures being read and encoded */
};

/* What a step did. */
struct fit_train_report {
    int64_t step, steps;       /* finished, planned */
    double loss;               /* mean over the step's images of the flow-matching loss */
    double smooth_loss;        /* exponential mean over about 100 steps */
    double validation_loss;    /* of the running average on fixed pictures, noise and times; NaN
                                  when this step did not measure it */
    double gradient_norm;      /* before clipping */
    double learning_rate;
    int images, tokens;        /* in this step */
    int pictures;              /* of the set that are ready */
    double images_per_second;  /* over the last minute or so */
    double elapsed_s, remaining_s; /* of this call of run; remaining < 0: not known yet */
};

/* What a run would be and take. */
struct fit_train_forecast {
    uint64_t parameters;
    int classes, pictures;     /* that names promise: some may turn out not to be readable */
    bool bf16;                 /* weights and activations; else f32 */
    uint64_t state_bytes;      /* parameters, optimiser, average, gradient */
    uint64_t activation_bytes; /* what a pass keeps for its backward */
    uint64_t batch_bytes;
    uint64_t program_bytes;    /* program, libraries, autoencoder, buffers of the kernels */
    uint64_t step_bytes;       /* the four together: what the process takes in a step */
    uint64_t checkpoint_bytes; /* more while a checkpoint is written */
    uint64_t free_bytes;       /* now; 0: the system does not tell */
    bool fits;                 /* step and checkpoint into what is free */
};

/* Reads the configuration and the names of the pictures, and writes nothing. fit_trainer_open
 * refuses a run that does not fit (FIT_ERROR_MEMORY). */
FIT_API bool fit_train_forecast(struct fit_train_forecast *out,
                                const struct fit_train_params *params, struct fit_error *error);

/* Reads the configuration, opens the device, makes or finds the first pictures. *blocks* for as
 * long as rendering them takes. */
FIT_API bool fit_trainer_open(struct fit_trainer **out, const struct fit_train_params *params,
                              struct fit_error *error);
FIT_API void fit_trainer_close(struct fit_trainer **trainer);

/* One optimiser step. */
FIT_API bool fit_trainer_step(struct fit_trainer *trainer, struct fit_train_report *report,
                              struct fit_error *error);

/* Steps until the planned end, `max_steps` steps of this call (0: no limit), the configured time,
 * or fit_trainer_stop; keeps log, checkpoints and sheets; saves at the end. `progress` (may be
 * NULL) is called after every step. When stopped: saves, then fails with FIT_ERROR_CANCELLED. */
FIT_API bool fit_trainer_run(struct fit_trainer *trainer, int64_t max_steps,
                             void (*progress)(void *user, const struct fit_train_report *report),
                             void *user, struct fit_error *error);

/* Asks a running fit_trainer_run to finish its step, save and return. Any thread; safe in a signal
 * handler. */
FIT_API void fit_trainer_stop(struct fit_trainer *trainer);

/* The loss of the running average on the validation pictures. */
FIT_API bool fit_trainer_validate(struct fit_trainer *trainer, double *loss,
                                  struct fit_error *error);

/* Writes a checkpoint of the present step and removes those beyond run.keep. */
FIT_API bool fit_trainer_save(struct fit_trainer *trainer, struct fit_error *error);

/* Writes the sample sheet: a row for every class (of more than 16, for 16), a column for every
 * shape. */
FIT_API bool fit_trainer_write_sheet(struct fit_trainer *trainer, const char *path,
                                     struct fit_error *error);

FIT_API int fit_trainer_skipped(const struct fit_trainer *trainer); /* pictures left out so far */

FIT_API int64_t fit_trainer_position(const struct fit_trainer *trainer); /* steps finished */

/* One line: precision, threads, device, parameters. Lives as long as the trainer. */
FIT_API const char *fit_trainer_summary(const struct fit_trainer *trainer);

#ifdef __cplusplus
}
#endif

#endif
