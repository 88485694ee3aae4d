/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit.h - generate images with FiTv2 models.
 *
 * Five nouns: an *engine* owns one device and one worker thread; a *model* is a bundle loaded on
 * it; a *job* is one image being painted; an *event* says that a job moved; a *frame* is a
 * finished picture of one step. In the order of a program's life:
 *
 *     fit_engine_open -> fit_model_load -> fit_generate -> fit_engine_next_event ...
 *     -> fit_job_take_frame -> fit_frame_write_png -> fit_job_unref -> fit_model_unref
 *     -> fit_engine_close
 *
 * Threads. The worker owns the device. Every function here may be called from any thread unless
 * it says otherwise, and none blocks for longer than a lock except those marked *blocks*. The only
 * callback is `wake`; it runs on the worker and may do nothing but nudge an event loop.
 *
 * Errors. Functions that can fail return bool and fill a caller's `struct fit_error` (which may be
 * NULL) with a status and one sentence for a person. The library never prints, exits or aborts.
 *
 * Ownership. Parameter structures and strings are read during the call only. `get` and plain
 * accessors borrow; `take` transfers. Engine, models, jobs and frames are reference counted: an
 * unref takes the address of the pointer and leaves NULL. A job keeps its model, a model its
 * engine; closing the engine cancels every job first.
 *
 * Sizes are in pixels unless named otherwise; a latent is float [channels][height/8][width/8] in
 * model space (scaled); time runs from 0 (noise) to 1 (data).
 */
#ifndef FIT_FIT_H
#define FIT_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FIT_API __attribute__((visibility("default")))
#else
#define FIT_API
#endif

#define FIT_VERSION_STRING "0.1.0"

/* ---- errors ------------------------------------------------------------------------------ */

enum fit_status {
    FIT_OK,
    FIT_ERROR_ARGUMENT,  /* a value that cannot be: size, class, steps, name */
    FIT_ERROR_FILE,      /* cannot be read or written, truncated, not of the format */
    FIT_ERROR_MODEL,     /* a well-formed file that is not a model this version can run */
    FIT_ERROR_MEMORY,    /* forecast or allocation exceeds what is free */
    FIT_ERROR_DEVICE,    /* the device failed or was lost */
    FIT_ERROR_CANCELLED, /* somebody asked to stop */
    FIT_ERROR_DIFFERS    /* a verification found another result */
};

struct fit_error {
    enum fit_status status;
    char message[512]; /* UTF-8, one sentence, no newline */
};

/* ---- vocabulary -------------------------------------------------------------------------- */

/* How rotary positions are stretched beyond the trained range (FiTv2 section III, FiT section
 * 3.3). VISION_ variants scale each axis by its own length ("decoupled"); the others scale both
 * axes by the longer one. */
enum fit_method {
    FIT_METHOD_AUTO, /* what the model's configuration and the size call for */
    FIT_METHOD_NONE,
    FIT_METHOD_PI,
    FIT_METHOD_NTK,
    FIT_METHOD_NTK_BY_PARTS,
    FIT_METHOD_YARN,
    FIT_METHOD_NTK_PRO1, /* NTK with attention scale by the longer side */
    FIT_METHOD_NTK_PRO2, /* NTK with attention scale by the area */
    FIT_METHOD_VISION_PI,
    FIT_METHOD_VISION_NTK,
    FIT_METHOD_VISION_NTK_BY_PARTS,
    FIT_METHOD_VISION_YARN,
    FIT_METHOD_VISION_NTK_PRO1,
    FIT_METHOD_VISION_NTK_PRO2, /* the papers' "VisionNTK + attention scale" */
    FIT_N_METHODS
};

/* FiTv2 models take the first eight, models of the first version (FiT) the last two. */
enum fit_solver {
    FIT_SOLVER_EULER, /* one evaluation a step */
    FIT_SOLVER_MIDPOINT,
    FIT_SOLVER_HEUN,  /* two evaluations a step (trapezoid) */
    FIT_SOLVER_RK4,   /* four evaluations a step (3/8 rule) */
    FIT_SOLVER_HEUN3, /* three evaluations a step (Heun's third order) */
    /* Dormand & Prince 5(4) with its own step sizes; `steps` only says at how many times its path
     * is shown. The papers' numbers were made with it. */
    FIT_SOLVER_DOPRI5,
    FIT_SOLVER_SDE_EULER, /* Euler-Maruyama; one evaluation a step */
    FIT_SOLVER_SDE_HEUN,  /* two evaluations a step, one in the last */
    FIT_SOLVER_DDPM,      /* ancestral sampling with learned variance; one evaluation a step */
    FIT_SOLVER_DDIM,
    FIT_N_SOLVERS
};

/* The diffusion w(t) of the stochastic solvers, n = diffusion_norm:
 * dx = (v + w s) dt + sqrt(2 w) dW with the score s = (t v - x) / (1 - t). */
enum fit_diffusion {
    FIT_DIFFUSION_SIGMA,    /* n (1 - t) */
    FIT_DIFFUSION_LINEAR,   /* n (1 - t) */
    FIT_DIFFUSION_CONSTANT, /* n */
    FIT_DIFFUSION_SBDM,     /* n (1 - t) / t: infinite at t = 0, and so refused with this reason */
    FIT_DIFFUSION_DECREASING,            /* (n cos(pi t) + 1)^2 / 4 */
    FIT_DIFFUSION_INCREASING_DECREASING, /* n sin^2(pi t) */
    FIT_N_DIFFUSIONS
};

/* How a stochastic run ends: it stops at t = 1 - last_step_size and makes one step without noise
 * from there. */
enum fit_last_step {
    FIT_LAST_STEP_MEAN,    /* along the drift v + w s */
    FIT_LAST_STEP_EULER,   /* along v */
    FIT_LAST_STEP_TWEEDIE, /* to the mean of the data given x: for this path the same as EULER */
    FIT_LAST_STEP_NONE,    /* no such step: the noisy ones go on to t = 1 */
    FIT_N_LAST_STEPS
};

/* Over what DOPRI5 takes the root mean square of its error. */
enum fit_error_norm {
    FIT_ERROR_NORM_IMAGE,   /* the image */
    FIT_ERROR_NORM_COUPLED, /* both halves of guidance, as the reference does */
    FIT_N_ERROR_NORMS
};

enum fit_noise_source {
    FIT_NOISE_PHILOX, /* a window on one endless field: a larger picture keeps what was there */
    /* torch.manual_seed(seed), then torch.randn of index + 1 images in the reference's layout on a
     * CPU, of which this is the last; the noise of a step follows in the same stream. Of the seed
     * the lower 32 bits count, as there. */
    FIT_NOISE_TORCH,
    FIT_N_NOISE_SOURCES
};

/* What the PRO methods multiply the logits with: ln(2 now) / ln(trained) as the released code
 * does, or max(1, ln(now) / ln(trained)) as the FiTv2 paper says. */
enum fit_attention_scale {
    FIT_ATTENTION_SCALE_CODE,
    FIT_ATTENTION_SCALE_PAPER,
    FIT_N_ATTENTION_SCALES
};

enum fit_precision { FIT_PRECISION_AUTO, FIT_PRECISION_F32, FIT_PRECISION_BF16 };

/* Which picture of a step: what the run expects to end at, the state itself, or the size of the
 * velocity as grey. */
enum fit_view { FIT_VIEW_PREDICTION, FIT_VIEW_STATE, FIT_VIEW_VELOCITY };

/* Names as the command line and the PNG metadata spell them ("vision-ntk", "euler", "bf16").
 * The parsers return false for an unknown name. */
FIT_API const char *fit_method_name(enum fit_method method);
FIT_API bool fit_method_parse(const char *name, enum fit_method *out);
FIT_API const char *fit_solver_name(enum fit_solver solver);
FIT_API bool fit_solver_parse(const char *name, enum fit_solver *out);
/* Network evaluations in one step; 0 where that is not known before the run (DOPRI5). */
FIT_API int fit_solver_evaluations(enum fit_solver solver);
FIT_API const char *fit_diffusion_name(enum fit_diffusion diffusion);
FIT_API bool fit_diffusion_parse(const char *name, enum fit_diffusion *out);
FIT_API const char *fit_last_step_name(enum fit_last_step last_step);
FIT_API bool fit_last_step_parse(const char *name, enum fit_last_step *out);
FIT_API const char *fit_error_norm_name(enum fit_error_norm norm);
FIT_API bool fit_error_norm_parse(const char *name, enum fit_error_norm *out);
FIT_API const char *fit_noise_source_name(enum fit_noise_source source);
FIT_API bool fit_noise_source_parse(const char *name, enum fit_noise_source *out);
FIT_API const char *fit_attention_scale_name(enum fit_attention_scale scale);
FIT_API bool fit_attention_scale_parse(const char *name, enum fit_attention_scale *out);
FIT_API const char *fit_precision_name(enum fit_precision precision);
FIT_API bool fit_precision_parse(const char *name, enum fit_precision *out);

/* ---- engine ------------------------------------------------------------------------------ */

struct fit_engine;
struct fit_model;
struct fit_job;
struct fit_frame;

struct fit_engine_params {
    const char *backend; /* NULL or "auto", "cpu", "reference", "cuda" */
    int n_threads;       /* 0: as many as the processor offers */
    bool background;     /* the worker gives way to other threads: a window draws in time */
    /* Where to keep, in a small file, what a card's libraries are fastest with, so that the next
     * engine need not measure it again: made if its parent exists, copied. NULL: nowhere. */
    const char *cache_folder;
    /* Called on the worker when events wait, at most once until they have been drained. */
    void (*wake)(void *data);
    void *wake_data;
};

/* Opens the device and starts the worker. *blocks* (milliseconds). {0} is valid. */
FIT_API bool fit_engine_open(struct fit_engine **out, const struct fit_engine_params *params,
                             struct fit_error *error);

/* Cancels all jobs, joins the worker, frees, writes NULL. *blocks* until the current operation
 * ends. Models and jobs still referenced stay valid to unref, and fail otherwise. */
FIT_API void fit_engine_close(struct fit_engine **engine);

/* "cpu"; "AMD EPYC, 2 threads, avx512_core_bf16"; and one line worth showing or "". */
FIT_API const char *fit_engine_backend(const struct fit_engine *engine);
FIT_API const char *fit_engine_device(const struct fit_engine *engine);
FIT_API const char *fit_engine_notice(const struct fit_engine *engine);

/* Whether the device still answers. One that does not, as a card whose driver was reset, fails
 * whatever is asked of it: another engine has to be opened. Any thread. */
FIT_API bool fit_engine_answers(const struct fit_engine *engine);

/* ---- model ------------------------------------------------------------------------------- */

#define FIT_CLASS_NONE (-1) /* unconditional */

struct fit_model_params {
    const char *path;             /* as fit_model_find takes it */
    enum fit_precision precision; /* AUTO: bf16 where the device is faster with it */
};

/* Everything a user interface may want to say about a model; strings live as long as the model. */
struct fit_model_info {
    const char *name, *description, *licence, *path;
    const char *sha256;           /* of the transformer's file, in hex; "" when the bundle does not say */
    int64_t checkpoint_step;      /* of the training run that `path` lies in; -1: in none */
    const char *architecture;     /* "FiTv2", or "FiT" for the first version */
    uint64_t n_parameters;        /* of the transformer */
    enum fit_precision precision; /* in use */
    int n_classes;
    int channels;          /* of the latent */
    int token_pixels;      /* side of a token: 16; sizes are multiples of it */
    int context_tokens;    /* trained token budget */
    int axis_tokens;       /* trained tokens per axis ("ori_max_pe_len") */
    int max_axis_pixels;   /* 4096 */
    enum fit_method method; /* trained with; NONE for base models */
    int default_width, default_height, default_steps;
    double default_guidance;
    enum fit_solver default_solver;
};

/* The bundle folder that a path means: the path itself when it holds a model.json, the newest
 * checkpoint when it is the folder of a training run. False when it is neither. */
FIT_API bool fit_model_find(const char *path, char *folder, size_t folder_bytes);

/* The models that a training run has written so far, each a bundle in a folder of its own. While
 * the run goes on, newer ones come and the oldest go at any time. */
enum { FIT_MOST_CHECKPOINTS = 1 << 14 };

struct fit_checkpoints {
    int n;             /* 0: no training run, or nothing written yet */
    int64_t *steps;    /* [n] steps of the training, rising, the last the newest; owned */
    char folder[1024]; /* where they lie */
};

/* Lists those of the run that `path` is the folder of, or a checkpoint of, be it gone by now. What
 * is not called as a checkpoint, or holds no model.json, is none. *blocks* (disk). Fails
 * (FIT_ERROR_FILE) when the folder is there and cannot be read or holds more than
 * FIT_MOST_CHECKPOINTS; `out` is then empty. Any thread. */
FIT_API bool fit_checkpoints_list(const char *path, struct fit_checkpoints *out,
                                  struct fit_error *error);
FIT_API void fit_checkpoints_finish(struct fit_checkpoints *list);

/* The bundle folder of a step. False when it does not fit. */
FIT_API bool fit_checkpoints_path(const struct fit_checkpoints *list, int64_t step, char *out,
                                  size_t out_bytes);

/* Maps and checks a bundle. *blocks* (disk). The model references the engine. */
FIT_API bool fit_model_load(struct fit_engine *engine, const struct fit_model_params *params,
                            struct fit_model **out, struct fit_error *error);
FIT_API struct fit_model *fit_model_ref(struct fit_model *model);
FIT_API void fit_model_unref(struct fit_model **model);
FIT_API void fit_model_info(const struct fit_model *model, struct fit_model_info *out);

/* Gives back what is held only to be quick: the device's copies of the weights, buffers of the
 * autoencoder, and of the engine scratch memory, prepared operations and the pictures on the device
 * that nobody shows (fit-gl.h). The next call that needs them takes them again, and ends in the
 * same bits; weights in a card's memory stay there. Fails while a run of the engine is under way,
 * paused ones included. *blocks* until the present call has ended. */
FIT_API bool fit_model_trim(struct fit_model *model, struct fit_error *error);

/* Whether the model can be run with that solver. */
FIT_API bool fit_model_has_solver(const struct fit_model *model, enum fit_solver solver);

/* class_id in [0, n_classes); name: the first name, synonyms: the others, comma separated, group:
 * what it is listed under ("Birds"), code: what the data set calls it ("n01440764"); each of the
 * last three may be "". NULL when out of range. */
FIT_API const char *fit_model_class_name(const struct fit_model *model, int class_id);
FIT_API const char *fit_model_class_synonyms(const struct fit_model *model, int class_id);
FIT_API const char *fit_model_class_group(const struct fit_model *model, int class_id);
FIT_API const char *fit_model_class_code(const struct fit_model *model, int class_id);

/* A class from an id in digits, a name, a code or a synonym (case-insensitive), or "none". On
 * failure the error names the nearest classes, or those that share the name. */
FIT_API bool fit_model_find_class(const struct fit_model *model, const char *text, int *class_id,
                                  struct fit_error *error);

/* A class as searches see it: what the functions above return, each text folded. */
struct fit_class_words {
    int id;
    const char *name, *synonyms, *group, *code;
};

/* Takes case and accents from UTF-8, in place; the text never grows. Any thread. */
FIT_API void fit_class_fold(char *text);

/* How well a class answers folded text, 0 for not at all: the exact id or code, the whole name, a
 * whole synonym, the start of the name, the start of one of its words, the start of a synonym or of
 * one of its words, any part, a word of the group. Empty text is answered by all alike. Any
 * thread. */
FIT_API int fit_class_match(const struct fit_class_words *words, const char *text);

/* ---- canvas ------------------------------------------------------------------------------ */

/* What a size means to a model. Pure arithmetic: called on every movement of a handle. */
struct fit_canvas {
    int width, height;         /* pixels, after snapping */
    int columns, rows;         /* tokens per axis */
    int tokens;                /* columns * rows */
    double scale_x, scale_y;   /* max(1, axis / axis_tokens) */
    bool within_tokens;        /* tokens <= context_tokens */
    bool within_axes;          /* both axes <= axis_tokens */
    bool trained;              /* within the budget and with the positions it was trained with */
    enum fit_method method;    /* that AUTO stands for here, or the one asked for */
    double attention_scale;    /* factor on the logits that the method applies */
    uint64_t memory_bytes;     /* forecast of what a run adds */
    uint64_t flops;            /* of one evaluation without guidance */
};

/* Rounds to the nearest size that the model can paint: multiples of token_pixels within
 * [token_pixels, max_axis_pixels]. */
FIT_API void fit_canvas_snap(const struct fit_model *model, int *width, int *height);

/* The same, but never to a smaller size: what to paint for a crop to exactly width x height. */
FIT_API void fit_canvas_cover(const struct fit_model *model, int *width, int *height);

FIT_API void fit_canvas_describe(const struct fit_model *model, int width, int height,
                                 enum fit_method method, struct fit_canvas *out);

/* The size of about `tokens` tokens nearest to a ratio width / height, never above the budget. */
FIT_API void fit_canvas_for_ratio(const struct fit_model *model, double ratio, int tokens,
                                  int *width, int *height);

/* ---- generate ---------------------------------------------------------------------------- */

/* {0} means: class 0, the model's default size, steps and guidance, seed 0, Euler (for a model of
 * the first version its own solver), and the reference's settings for everything else. */
struct fit_generate_params {
    int class_id;         /* FIT_CLASS_NONE or [0, n_classes) */
    int width, height;    /* 0: the model's default; otherwise possible sizes only */
    int crop_width, crop_height; /* the middle part that frames show; 0: all of it */
    uint64_t seed;
    int index;            /* which image of that seed; 0 for the first */
    int steps;            /* 1..1000; 0: default */
    enum fit_solver solver;
    double guidance;      /* 1..30; 1 runs without guidance; 0: default */
    double guidance_power; /* 0: constant; else power-cosine, stronger near noise; not in FiT v1 */
    enum fit_method method;
    enum fit_attention_scale attention_scale;
    int ori_max_pe_len;   /* tokens per axis from which positions are stretched; 0: the model's */
    double time_shift;    /* the network is told a t / (1 + (a - 1) t); 0: a = 1; not in FiT v1 */
    double atol, rtol;    /* DOPRI5: 0: 1e-6 and 1e-3 */
    enum fit_error_norm error_norm; /* DOPRI5 */
    enum fit_diffusion diffusion;   /* SDE_ */
    double diffusion_norm;          /* SDE_: 0: 1 */
    enum fit_last_step last_step;   /* SDE_; counted in `steps` */
    double last_step_size;          /* SDE_: 0: 0.04 */
    double ddim_eta;      /* DDIM: 0: no noise; 1: as much as DDPM */
    bool even_spacing;    /* DDPM, DDIM: every k-th of the 1000 steps ("ddim50"), not 0 to 999 */
    bool v1_clamp;        /* FiT v1: the network is told min(t, 1), as the released code does */
    enum fit_noise_source noise_source;
    const float *noise;   /* NULL, or the state at t = 0 as a latent, in place of the seed's */
    /* NULL, or a run of the same model, size and number of steps: this one takes over its steps up
     * to from_step and goes on from there, with its own class, guidance, method and solver (one
     * with fixed steps). With the same settings it ends in the same bits. The run is referenced. It
     * may be one of another engine, whose model has the same weights. */
    struct fit_job *from;
    int from_step;        /* finished there and not the last */
    uint32_t group;       /* jobs of one non-zero group advance in turn, one step each */
    bool no_previews;     /* no frames before the last */
};

/* A size below that of `params` and of about its ratio, whose run the memory that is free now has
 * room for: what to offer where memory was short. False when there is none. */
FIT_API bool fit_canvas_for_memory(const struct fit_model *model,
                                   const struct fit_generate_params *params, int *width,
                                   int *height);

enum fit_job_state { FIT_JOB_WAITING, FIT_JOB_RUNNING, FIT_JOB_PAUSED, FIT_JOB_DONE,
                     FIT_JOB_FAILED, FIT_JOB_CANCELLED };

struct fit_progress {
    enum fit_job_state state;
    int step, steps;             /* finished, asked for */
    int evaluations, all_evaluations; /* all: 0 where they are not known (DOPRI5: t tells) */
    double t;                    /* of the newest state */
    double elapsed_s, remaining_s; /* remaining < 0: not known yet */
    double first_prediction_s;   /* from the call of fit_generate to the first frame; 0 before */
    size_t peak_bytes;           /* of this run's buffers */
};

enum fit_event_type {
    FIT_EVENT_STEP,  /* progress moved or paused (coalesced: at most one waits for a job) */
    FIT_EVENT_FRAME, /* fit_job_take_frame has something new (coalesced) */
    FIT_EVENT_NOT_SHOWN, /* a request of fit_job_show failed; fit_job_show_error says why */
    FIT_EVENT_DONE,
    FIT_EVENT_FAILED,
    FIT_EVENT_CANCELLED
};

struct fit_event {
    enum fit_event_type type;
    struct fit_job *job; /* a reference for the receiver: unref it */
};

/* Queues a run. Every argument is checked and the memory forecast before anything starts: on
 * failure the sentence names the field, what was found and the nearest possible value. */
FIT_API bool fit_generate(struct fit_model *model, const struct fit_generate_params *params,
                          struct fit_job **out, struct fit_error *error);

FIT_API struct fit_job *fit_job_ref(struct fit_job *job);
FIT_API void fit_job_unref(struct fit_job **job);

/* Asks the run to stop; it does so between two operations. The steps made so far stay. */
FIT_API void fit_job_cancel(struct fit_job *job);

/* Asks the run to pause; it does so before its next evaluation, shows how far it has come, and
 * keeps its memory until it is resumed or cancelled. It ends in the same bits as without. After the
 * end neither does anything. */
FIT_API void fit_job_pause(struct fit_job *job);
FIT_API void fit_job_resume(struct fit_job *job);

/* A new run that goes on where one left off that was cancelled or failed, and ends in the bits that
 * one would have ended in. False when it cannot go on: it is not over, was done, or had not
 * begun. */
FIT_API bool fit_job_continue(struct fit_job *job, struct fit_job **out, struct fit_error *error);

/* The same across the ends of programs. Writes where the run is: its settings, its steps and what
 * its solver knows, some kilobytes for a step. Atomic. Of a run that has begun and is not done.
 * *blocks* until the present evaluation has ended. */
FIT_API bool fit_job_write(struct fit_job *job, const char *path, struct fit_error *error);

/* Goes on with what fit_job_write wrote, paused if wanted: its steps can be shown at once. Refuses
 * what is damaged, and another model's. *blocks* (disk). */
FIT_API bool fit_job_read(struct fit_model *model, const char *path, bool paused,
                          struct fit_job **out, struct fit_error *error);

FIT_API void fit_job_progress(struct fit_job *job, struct fit_progress *out);
FIT_API void fit_job_error(struct fit_job *job, struct fit_error *out);

/* The effective parameters, with every default filled in (noise excepted); `from` is borrowed. */
FIT_API void fit_job_params(const struct fit_job *job, struct fit_generate_params *out);
FIT_API struct fit_model *fit_job_model(const struct fit_job *job); /* borrowed */

/* Asks for step 0..progress.step (0 is the noise) as a picture; the newest request wins and
 * answers with FIT_EVENT_FRAME or FIT_EVENT_NOT_SHOWN. Works during and after a run. */
FIT_API void fit_job_show(struct fit_job *job, int step, enum fit_view view);

/* Why the last request that failed did. */
FIT_API void fit_job_show_error(struct fit_job *job, struct fit_error *out);

/* The newest frame not yet taken, or NULL. */
FIT_API struct fit_frame *fit_job_take_frame(struct fit_job *job);

/* Copies a small preview (one pixel per latent pixel, RGBA8 [height/8][width/8][4]) of a finished
 * step: the cheap picture for thumbnails, not cropped. False when the step does not exist. */
FIT_API bool fit_job_thumbnail(struct fit_job *job, int step, uint8_t *rgba);

/* Copies the latent of a finished step (state, or prediction for FIT_VIEW_PREDICTION). */
FIT_API bool fit_job_latent(struct fit_job *job, int step, enum fit_view view, float *latent);

/* Main loop side: the next waiting event; false when there is none. Never blocks. */
FIT_API bool fit_engine_next_event(struct fit_engine *engine, struct fit_event *event);

/* For programs without a main loop: waits until an event is there or the time has passed.
 * *blocks*. False when nothing came. */
FIT_API bool fit_engine_wait_event(struct fit_engine *engine, int timeout_ms,
                                   struct fit_event *event);

/* ---- frames and files -------------------------------------------------------------------- */

FIT_API struct fit_frame *fit_frame_ref(struct fit_frame *frame);
FIT_API void fit_frame_unref(struct fit_frame **frame);
FIT_API int fit_frame_width(const struct fit_frame *frame);
FIT_API int fit_frame_height(const struct fit_frame *frame);
FIT_API int fit_frame_step(const struct fit_frame *frame);
FIT_API enum fit_view fit_frame_view(const struct fit_frame *frame);
FIT_API bool fit_frame_is_final(const struct fit_frame *frame);
/* RGBA8, sRGB, [height][width][4], opaque; lives as long as the frame. */
FIT_API const uint8_t *fit_frame_pixels(const struct fit_frame *frame);

/* Writes an sRGB PNG with the run's settings in two iTXt chunks: "parameters" (a text other
 * programs show) and "limn" (JSON, read back by fit_settings_read_png). Atomic. *blocks*. */
FIT_API bool fit_frame_write_png(const struct fit_frame *frame, const char *path,
                                 struct fit_error *error);

/* Writes any RGBA8 picture the same way, with `json` (may be NULL) as its "limn" chunk. */
FIT_API bool fit_picture_write_png(const char *path, const uint8_t *rgba, int width, int height,
                                   const char *parameters, const char *json,
                                   struct fit_error *error);

/* Settings found in a picture that this program wrote. */
struct fit_settings {
    struct fit_generate_params params; /* noise and from NULL */
    /* Of a picture that goes on from another run at params.from_step: how many runs there are
     * behind it, 0 for most pictures, and the settings of the one before it. */
    int n_origins;
    struct fit_generate_params origin;
    char class_name[128];
    char model_name[128];
    char model_hash[72];
    int64_t checkpoint_step; /* of the training that the model was a checkpoint of; -1: of none */
    char backend[32];
    char pixels_sha256[72];
};

/* Reads them back. Pictures of other programs, and damaged ones, fail with the reason. */
FIT_API bool fit_settings_read_png(const char *path, struct fit_settings *out,
                                   struct fit_error *error);

/* What a picture of another program says in its "parameters" text, as far as it means something
 * here. What was not said is 0. */
struct fit_foreign_settings {
    bool has_seed, has_solver;
    bool has_own; /* it has settings as this program writes them too, perhaps of a later version */
    int width, height, steps;
    uint64_t seed;
    double guidance;
    enum fit_solver solver;
    char ignored[256]; /* names of what was said beyond that, comma separated; cut when too long */
};

/* Reads that. Fails for pictures that say nothing of the kind. *blocks* (disk). */
FIT_API bool fit_foreign_settings_read_png(const char *path, struct fit_foreign_settings *out,
                                           struct fit_error *error);

/* What fit_job_write wrote about a run: its settings (pixels_sha256 is ""), and how far it had
 * come. *blocks* (disk). */
FIT_API bool fit_settings_read_run(const char *path, struct fit_settings *out,
                                   struct fit_progress *progress, struct fit_error *error);

/* The settings of a run as the text of the "parameters" chunk and as JSON; malloc'ed. */
FIT_API char *fit_job_describe(const struct fit_job *job);
FIT_API char *fit_job_describe_json(const struct fit_job *job);

/* ---- single operations (for programs and tests); each *blocks* ---------------------------- */

/* velocity and latent: [batch][channels][height/8][width/8]; one class for the batch. Guidance and
 * positions as in fit_generate. A model of the first version answers with the noise it sees. */
struct fit_velocity_params {
    int width, height, batch;
    double t; /* 0 (noise) to 1 (data); first version: 0 (data) to 999 (noise) */
    int class_id;
    double guidance, guidance_power; /* guidance 0 or 1: plain */
    enum fit_method method;
    enum fit_attention_scale attention_scale;
    int ori_max_pe_len;
    bool v1_clamp;
};
FIT_API bool fit_model_velocity(struct fit_model *model, const struct fit_velocity_params *params,
                                const float *latent, float *velocity, struct fit_error *error);

/* latent -> rgb [height][width][3] in [-1, 1] (unclamped), and back. Sizes in pixels. */
FIT_API bool fit_model_decode(struct fit_model *model, const float *latent, int width, int height,
                              float *rgb, struct fit_error *error);
FIT_API bool fit_model_encode(struct fit_model *model, const float *rgb, int width, int height,
                              float *latent, struct fit_error *error);

#ifdef __cplusplus
}
#endif

#endif
