/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of one generation: buffers, and one evaluation at a time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "engine_private.h"
#include "guidance.h"
#include "noise.h"
#include "points.h"
#include "rope.h"
#include "sampler.h"

/* Previews may take at most this share of a run's time: a new one begins when the run has worked
 * for (1 / share - 1) times as long as the last one took. */
#define PREVIEW_SHARE 0.3

/* Modulation of so many bytes is computed at once. */
#define MODULATION_BYTES ((size_t)256 << 20)

struct run {
    struct fit_compute c;
    struct fit_error error;
    struct fit_activations activations;
    struct fit_modulation modulation;
    struct fit_sampler sampler;
    struct fit_guided guided;
    struct fit_recorded recorded; /* where the device records */
    struct fit_noise fresh;
    struct points points;
    struct fk_pack pack;
    int32_t y;
    float *times; /* owned, [evaluations]; NULL when they are not known */

    struct fit_scratch scratch; /* of the pointers below; device memory */
    int32_t *offset;
    float *cosine, *sine;
    float *noise;               /* [copies N][F] */
    float *guided_x, *guided_v; /* [2N][F], [2N][outputs] */
    float *state, *prediction;  /* [copies N][F] of a point */

    int rows, columns, tokens, features;
    int images;      /* of the pack: 2 when guided */
    int first_evaluation; /* those before it were another run's */
    int copies;      /* of the image in the sampler's state: 2 when its error is coupled */
    int evaluations; /* 0: not known */
    bool whole;      /* begun, and every point of the sampler is in the trajectory or under way */
    double counted_s; /* until when time was counted as work */
    double work_s, preview_s, worked_since_preview_s;
};

static size_t run_values(const struct run *run)
{
    return (size_t)run->tokens * (size_t)run->features;
}

static int images_of(const struct fit_generate_params *p)
{
    return fit_guided_is_plain(p->guidance) ? 1 : 2;
}

static int copies_of(const struct fit_generate_params *p)
{
    bool coupled = p->solver == FIT_SOLVER_DOPRI5 && p->error_norm == FIT_ERROR_NORM_COUPLED;
    return coupled ? images_of(p) : 1;
}

static void measure(struct run *run, const struct fit_job *job)
{
    const struct fit_config *config = &job->model->config;
    int side = job->model->info.token_pixels;
    run->images = images_of(&job->params);
    run->copies = copies_of(&job->params);
    run->rows = job->params.height / side;
    run->columns = job->params.width / side;
    run->tokens = run->rows * run->columns;
    run->features = fit_config_features(config);
}

static bool reserve(struct run *run, const struct fit_job *job)
{
    const struct fit_model *model = job->model;
    size_t values = run_values(run), tokens = (size_t)(run->tokens * run->images);
    size_t outputs = (size_t)run->tokens * (size_t)fit_config_outputs(&model->config);
    size_t state = (size_t)run->copies * values * sizeof(float);
    size_t table = tokens * (size_t)fit_config_head_width(&model->config) / 2;
    struct fit_scratch_item items[] = {
        {"offsets", (void **)&run->offset, (size_t)(run->images + 1) * sizeof(int32_t)},
        {"cosine", (void **)&run->cosine, table * sizeof(float)},
        {"sine", (void **)&run->sine, table * sizeof(float)},
        {"noise", (void **)&run->noise, state},
        {"guided state", (void **)&run->guided_x, 2 * values * sizeof(float)},
        {"guided velocity", (void **)&run->guided_v, 2 * outputs * sizeof(float)},
        {"state of a point", (void **)&run->state, state},
        {"prediction", (void **)&run->prediction, state},
    };
    return fit_scratch_reserve(&run->scratch, run->c.device, items,
                               sizeof items / sizeof items[0], &run->error) &&
           points_init(&run->points, &run->c, model, run->rows, run->columns) &&
           fit_activations_reserve(&run->activations, run->c.device, &model->network,
                                   run->tokens * run->images, &run->error);
}

static bool upload(struct run *run, void *device_memory, const void *host, size_t bytes)
{
    return fit_compute_check(&run->c,
                             run->c.device->upload(run->c.queue, device_memory, host, bytes));
}

/* Every image of the pack has the same shape, so the table of one serves all of them. */
static bool place_positions(struct run *run, const struct fit_job *job)
{
    struct fit_config config = fit_config_with_positions(
        &job->model->config, job->params.attention_scale, job->params.ori_max_pe_len);
    int images = run->images;
    size_t n = (size_t)run->tokens * (size_t)fit_config_head_width(&config) / 2;
    size_t bytes = n * sizeof(float);
    int32_t offset[3] = {0, run->tokens, 2 * run->tokens};
    float *table = malloc(2 * bytes);
    bool ok = table && fit_rope_table(table, table + n, &config, job->params.method, run->rows,
                                      run->columns);
    if (!ok)
        fit_fail(&run->error, FIT_ERROR_ARGUMENT, "no positions for %d x %d tokens",
                 run->columns, run->rows);
    for (int i = 0; ok && i < images; i++)
        ok = upload(run, run->cosine + (size_t)i * n, table, bytes) &&
             upload(run, run->sine + (size_t)i * n, table + n, bytes);
    ok = ok && upload(run, run->offset, offset, (size_t)(images + 1) * sizeof *offset) &&
         fit_compute_check(&run->c, run->c.device->queue_sync(run->c.queue));
    free(table);
    run->pack = (struct fk_pack){images, run->tokens * images, run->tokens, run->offset};
    return ok;
}

/* Points that are there never change. */
static const float *state_to_go_on_from(const struct run *run, const struct fit_job *job)
{
    return job->from->trajectory.state + (size_t)job->params.from_step * run_values(run);
}

/* Noise from a file takes the place of the drawn one, which is drawn all the same: what the steps
 * add follows it. */
static bool place_noise(struct run *run, const struct fit_job *job)
{
    const struct fit_config *config = &job->model->config;
    size_t values = run_values(run), bytes = values * sizeof(float);
    run->fresh = (struct fit_noise){
        .config = config,
        .source = job->params.noise_source,
        .seed = job->params.seed,
        .index = job->params.index,
        .guided = run->images > 1,
        .rows = run->rows,
        .columns = run->columns,
        .latent = run->points.latent,
    };
    if (!fit_noise_begin(&run->fresh, &run->error) ||
        !fit_noise_start(&run->fresh, &run->c, run->noise))
        return false;
    if (job->place.sampler.states)
        return true; /* what the run was left with takes the noise's place */
    const float *start = job->from ? state_to_go_on_from(run, job) : job->noise;
    const struct points *points = &run->points;
    if (start && (!upload(run, points->latent, start, bytes) ||
                  !fit_run(&run->c, patchify, run->noise, points->latent, 1, config->channels,
                           points->height, points->width, config->patch)))
        return false;
    return run->copies == 1 ||
           fit_compute_check(&run->c, run->c.device->copy(run->c.queue, run->noise + values,
                                                          run->noise, bytes));
}

/* How many evaluations' modulation is computed together. */
static int evaluations_at_once(const struct fit_config *config, int images, int evaluations)
{
    size_t most = MODULATION_BYTES / fit_modulation_bytes(config, images);
    if (evaluations < 1 || most < 1)
        return 1;
    return (size_t)evaluations < most ? evaluations : (int)most;
}

static bool place_conditioning(struct run *run, const struct fit_job *job)
{
    const struct fit_config *config = &job->model->config;
    const struct fit_generate_params *p = &job->params;
    struct fit_sampler_params sampler = job_sampler_params(config, p);
    run->y = p->class_id == FIT_CLASS_NONE ? config->n_classes : p->class_id;
    run->evaluations = fit_sampler_times(&sampler, NULL);
    if (run->evaluations) {
        run->times = malloc((size_t)run->evaluations * sizeof *run->times);
        if (!run->times)
            return fit_fail(&run->error, FIT_ERROR_MEMORY, "no memory for the times of the run");
        fit_sampler_times(&sampler, run->times);
    }
    int at_once = evaluations_at_once(config, run->images, run->evaluations);
    run->guided.rows = (struct fit_guided_rows){
        .modulation = &run->modulation,
        .times = run->times,
        .n_times = run->evaluations,
        .at_once = at_once,
        .y = &run->y,
        .time_shift = p->time_shift,
        .clamp = p->v1_clamp,
    };
    int rows = run->images * at_once;
    return fit_modulation_reserve(&run->modulation, run->c.device, config, rows, &run->error) &&
           (!fit_recorded_is_possible(run->c.device) ||
            fit_recorded_init(&run->recorded, run->c.device, config, run->images,
                              run->tokens * run->images, rows, &run->error));
}

static void prepare_guidance(struct run *run, const struct fit_job *job)
{
    struct fit_guided_rows rows = run->guided.rows;
    run->guided = (struct fit_guided){
        .network = &job->model->network,
        .activations = &run->activations,
        .modulation = &run->modulation,
        .pack = &run->pack,
        .cosine = run->cosine,
        .sine = run->sine,
        .scale = job->params.guidance,
        .power = job->params.guidance_power,
        .x = run->guided_x,
        .v = run->guided_v,
        .coupled = run->copies > 1,
        .rows = rows,
        .recorded = fit_recorded_is_possible(run->c.device) ? &run->recorded : NULL,
    };
}

static bool begin_sampler(struct run *run, const struct fit_job *job)
{
    struct fit_sampler_params params = job_sampler_params(&job->model->config, &job->params);
    params.noise = fit_noise_draw;
    params.noise_user = &run->fresh;
    if (!fit_sampler_begin(&run->sampler, &run->c, &params, run->noise,
                           (size_t)run->copies * run_values(run)))
        return false;
    if (job->place.sampler.states) {
        if (!fit_sampler_restore(&run->sampler, &run->c, &job->place.sampler))
            return false;
        run->fresh.torch = job->place.random;
    }
    run->first_evaluation = run->sampler.evaluations;
    return true;
}

/* The device may copy the network's matrices to be faster, which takes their memory once more.
 * Where the run would then not fit, they are read where they lie instead. */
static void make_room(struct fit_job *job)
{
    struct fit_network *network = &job->model->network;
    struct fk_device *device = job->model->engine->device;
    size_t free_bytes, total;
    uint64_t needed =
        fit_run_bytes(job->model, &job->params) + atomic_load(&network->to_copy_bytes);
    if (device->memory(device, &free_bytes, &total) && needed > free_bytes)
        fit_network_forget(network);
}

static bool begin_trajectory(struct run *run, struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    size_t pixels = (size_t)run->points.height * (size_t)run->points.width;
    struct trajectory trajectory;
    if (!trajectory_init(&trajectory, job->params.steps + 1, run_values(run), pixels,
                         &run->error))
        return false;
    if (job->from) {
        pthread_mutex_lock(&job->from->model->engine->lock);
        trajectory_take_over(&trajectory, &job->from->trajectory, job->params.from_step);
        pthread_mutex_unlock(&job->from->model->engine->lock);
    }
    pthread_mutex_lock(&engine->lock);
    job->trajectory = trajectory;
    pthread_mutex_unlock(&engine->lock);
    return true;
}

/* The points that came with a run that goes on must be those that its solver has passed. */
static bool check_trajectory(struct run *run, const struct fit_job *job)
{
    const struct fit_sampler *sampler = &run->sampler;
    int n = job->trajectory.n, known = sampler->n_known;
    return n == known || (sampler->finished && n == known + 1) ||
           fit_fail(&run->error, FIT_ERROR_FILE,
                    "steps that were kept: expected %d at this place of the run, found %d", known,
                    n);
}

static bool begin(struct run *run, struct fit_job *job)
{
    struct fit_engine *engine = job->model->engine;
    fit_compute_init(&run->c, engine->device, engine->queue, &run->error);
    run->c.cancel = &job->cancel;
    measure(run, job);
    make_room(job);
    if (!reserve(run, job) || !place_positions(run, job) || !place_noise(run, job) ||
        !place_conditioning(run, job) || !begin_sampler(run, job))
        return false;
    prepare_guidance(run, job);
    if (!(job->place.sampler.states ? check_trajectory(run, job) : begin_trajectory(run, job)))
        return false;
    fit_sampler_place_finish(&job->place.sampler);
    run->c.cancel = NULL;
    run->whole = true;
    pthread_mutex_lock(&engine->lock);
    job->progress.step = run->sampler.step;
    job->progress.t = run->sampler.time;
    job->progress.evaluations = run->sampler.evaluations;
    job->progress.state = FIT_JOB_RUNNING;
    job->progress.all_evaluations = run->evaluations;
    job->progress.peak_bytes = (size_t)fit_run_bytes(job->model, &job->params);
    pthread_mutex_unlock(&engine->lock);
    return true;
}

/* The picture of the newest point. */
static bool show_live(struct run *run, struct fit_job *job)
{
    const struct trajectory *t = &job->trajectory;
    int step = t->n - 1;
    struct fit_frame *frame = fit_frame_new(job, step, FIT_VIEW_PREDICTION);
    if (!frame)
        return fit_fail(&run->error, FIT_ERROR_MEMORY, "no memory for a picture of %d x %d",
                        job->params.width, job->params.height);
    if (!decode_rgba8(job->model, t->prediction + (size_t)step * t->values, frame->width,
                      frame->height, frame->pixels, fit_frame_device_pixels(frame), &run->error)) {
        fit_frame_unref(&frame);
        return false;
    }
    job->live_step = step;
    run_put_frame(job, &job->live, frame);
    return true;
}

/* Time since it was counted last, which the run has worked. */
static double count_work(struct run *run)
{
    double now = fit_now_s(), spent = now - run->counted_s;
    run->counted_s = now;
    run->work_s += spent;
    return spent;
}

static bool can_afford_preview(const struct run *run, const struct fit_job *job)
{
    double worked = run->worked_since_preview_s + fit_now_s() - run->counted_s;
    return !job->params.no_previews &&
           worked * PREVIEW_SHARE >= run->preview_s * (1 - PREVIEW_SHARE);
}

/* Where the number of evaluations is not known, by how far t has come. */
static double remaining(const struct run *run, const struct fit_progress *progress)
{
    if (progress->all_evaluations)
        return run->work_s / (progress->evaluations - run->first_evaluation) *
               (progress->all_evaluations - progress->evaluations);
    return progress->t > 0 ? run->work_s * (1 - progress->t) / progress->t : -1;
}

static void report(const struct run *run, struct fit_job *job, const struct arrival *arrival)
{
    struct fit_engine *engine = job->model->engine;
    struct fit_progress *progress = &job->progress;
    pthread_mutex_lock(&engine->lock);
    progress->evaluations++;
    progress->step = arrival->step;
    progress->t = arrival->time;
    progress->elapsed_s = fit_now_s() - job->started_s;
    progress->remaining_s = remaining(run, progress);
    pthread_mutex_unlock(&engine->lock);
    fit_engine_post(engine, job, FIT_EVENT_STEP);
}

/* Takes in what was queued until no more than `left` points are under way. */
static bool collect(struct run *run, struct fit_job *job, int left)
{
    const struct arrival *arrival;
    while (run->points.n > left) {
        if (!points_wait(&run->points, &run->c, job, &arrival)) {
            run->whole = false;
            return false;
        }
        run->worked_since_preview_s += count_work(run);
        if (arrival->ends_evaluation)
            report(run, job, arrival);
    }
    return true;
}

/* Only the network can be interrupted: what follows an evaluation moves the state in place, and an
 * interrupted run goes on later with what it was left with. */
static bool velocity(void *user, struct fit_compute *c, float *out, const float *x, float t,
                     int evaluation)
{
    struct fit_job *job = user;
    c->cancel = &job->cancel;
    bool ok = fit_guided_velocity(&job->run->guided, c, out, x, t, evaluation);
    c->cancel = NULL;
    return ok;
}

/* Queues the points that the newest evaluation brought, the last of them with its end. */
static bool queue_points(struct run *run, struct fit_job *job)
{
    const struct fit_sampler *sampler = &run->sampler;
    int end = sampler->point + sampler->n_points;
    if (!sampler->n_points)
        return collect(run, job, POINTS_UNDER_WAY - 1) &&
               points_queue(&run->points, &run->c, NULL, NULL, sampler);
    for (int i = sampler->point; i < end; i++)
        if (!collect(run, job, POINTS_UNDER_WAY - 1) ||
            !fit_sampler_point(sampler, &run->c, i, run->state, run->prediction) ||
            !points_queue(&run->points, &run->c, run->state, run->prediction,
                          i + 1 == end ? sampler : NULL))
            return false;
    return true;
}

/* Queues an evaluation and takes in the one before: the device finds its next work when it has done
 * this. A picture that is due, and a solver that reads what it computes, wait for all of it; and a
 * device that computes at once has done all of it. */
static bool evaluate(struct run *run, struct fit_job *job)
{
    const struct fit_sampler *sampler = &run->sampler;
    int before = sampler->evaluations;
    run->counted_s = fit_now_s();
    if (!fit_sampler_next(&run->sampler, &run->c, velocity, job)) {
        run->whole = sampler->evaluations == before;
        return false;
    }
    run->whole = false;
    if (!queue_points(run, job))
        return false;
    run->whole = true;
    bool shows = sampler->n_points && can_afford_preview(run, job);
    bool ahead = points_come_late(&run->points) && !shows && !fit_sampler_waits(sampler);
    if (!collect(run, job, ahead ? POINTS_UNDER_WAY - 1 : 0))
        return false;
    if (!shows)
        return true;
    if (!show_live(run, job))
        return false;
    run->preview_s = count_work(run);
    run->worked_since_preview_s = 0;
    return true;
}

/* The last point may be there already: where only its picture could not be made. */
static bool finish(struct run *run, struct fit_job *job)
{
    const float *x = run->sampler.x;
    return collect(run, job, 0) &&
           (job->trajectory.n > run->sampler.n_known ||
            (points_queue(&run->points, &run->c, x, x, NULL) && collect(run, job, 0))) &&
           show_live(run, job);
}

bool run_settle(struct fit_job *job)
{
    struct run *run = job->run;
    if (!run)
        return true;
    run->counted_s = fit_now_s();
    return collect(run, job, 0);
}

bool run_advance(struct fit_job *job)
{
    struct run *run = job->run;
    bool ok = true;
    if (!run) {
        run = job->run = calloc(1, sizeof *run);
        if (!run) {
            struct fit_error none = {FIT_ERROR_MEMORY, "no memory for the run"};
            run_end(job, FIT_JOB_FAILED, &none);
            return false;
        }
        ok = begin(run, job);
    }
    ok = ok && run->error.status == FIT_OK; /* of what was settled since */
    ok = ok && (fit_sampler_is_finished(&run->sampler) || evaluate(run, job));
    if (ok && !fit_sampler_is_finished(&run->sampler))
        return true;
    ok = ok && finish(run, job);
    run_end(job,
            ok                                            ? FIT_JOB_DONE
            : run->error.status == FIT_ERROR_CANCELLED    ? FIT_JOB_CANCELLED
                                                          : FIT_JOB_FAILED,
            &run->error);
    return false;
}

static void run_free(struct run *run)
{
    if (run->points.n) /* nobody waits for them, but they come */
        run->c.device->queue_sync(run->c.queue);
    points_finish(&run->points);
    fit_sampler_finish(&run->sampler);
    fit_noise_finish(&run->fresh);
    free(run->times);
    fit_recorded_finish(&run->recorded);
    fit_modulation_finish(&run->modulation);
    fit_activations_finish(&run->activations);
    fit_scratch_finish(&run->scratch);
    free(run);
}

bool run_keep(struct fit_job *job, struct run_place *place, struct fit_error *error)
{
    const struct run *run = job->run;
    if (!run_settle(job))
        return fit_fail(error, run->error.status, "%s", run->error.message);
    struct fit_compute c = run->c;
    struct run_place kept = {.random = run->fresh.torch};
    c.error = error;
    c.cancel = NULL;
    if (!run->whole)
        return fit_fail(error, FIT_ERROR_DEVICE, "what the run was left with is not whole");
    if (!fit_sampler_keep(&run->sampler, &c, &kept.sampler))
        return false;
    *place = kept;
    return true;
}

void run_end(struct fit_job *job, enum fit_job_state state, const struct fit_error *error)
{
    static const enum fit_event_type events[] = {
        [FIT_JOB_DONE] = FIT_EVENT_DONE,
        [FIT_JOB_FAILED] = FIT_EVENT_FAILED,
        [FIT_JOB_CANCELLED] = FIT_EVENT_CANCELLED,
    };
    struct fit_engine *engine = job->model->engine;
    struct run_place place = {0};
    struct run *run = job->run;
    bool kept = state != FIT_JOB_DONE && run && run_keep(job, &place, NULL);
    pthread_mutex_lock(&engine->lock);
    /* A run that was to go on and never did keeps what it came with. */
    if (kept)
        job->place = place;
    job->run = NULL; /* whoever sees the end sees that */
    job->error = *error;
    job->progress.state = state;
    job->progress.remaining_s = 0;
    job->progress.elapsed_s = fit_now_s() - job->started_s;
    pthread_mutex_unlock(&engine->lock);
    if (run)
        run_free(run);
    fit_engine_post(engine, job, events[state]);
}

/* ---- forecast ---- */

uint64_t fit_run_bytes(const struct fit_model *model, const struct fit_generate_params *params)
{
    const struct fit_config *config = &model->config;
    int side = model->info.token_pixels;
    int images = images_of(params), copies = copies_of(params);
    int tokens = params->width / side * (params->height / side);
    size_t values = (size_t)tokens * (size_t)fit_config_features(config);
    size_t pixels = (size_t)(tokens * config->patch * config->patch);
    size_t table = (size_t)(tokens * images) * (size_t)fit_config_head_width(config);
    size_t outputs = (size_t)tokens * (size_t)fit_config_outputs(config);
    struct fit_sampler_params sampler = job_sampler_params(config, params);
    int at_once = evaluations_at_once(config, images, fit_sampler_times(&sampler, NULL));
    /* the three states of the sampler's size, then what `reserve` has beside them and the points */
    bool records = fit_recorded_is_possible(model->engine->device);
    size_t state = 3 * (size_t)copies * values + 2 * values + 2 * outputs + table;
    return fit_activations_bytes(config, model->network.type, tokens * images) +
           fit_modulation_bytes(config, images * at_once) +
           fit_sampler_bytes(params->solver, (size_t)copies * values) + state * sizeof(float) +
           (records ? fit_recorded_bytes(config, images, tokens * images, images * at_once) : 0) +
           points_bytes(model, values, pixels) +
           trajectory_bytes(params->steps + 1, values, pixels) +
           decode_bytes(model, params->width, params->height);
}
