/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine_private.h"
#include "tuning.h"

#define BACKGROUND_NICENESS 5

double fit_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the worker -------------------------------------------------------------------------- */

static void run_task(struct fit_engine *engine, struct task *task)
{
    pthread_mutex_unlock(&engine->lock);
    bool ok = task->work(engine, task->data, task->error);
    pthread_mutex_lock(&engine->lock);
    task->ok = ok;
    task->done = true;
    pthread_cond_broadcast(&engine->task_done);
}

static void answer_show(struct fit_engine *engine, struct fit_job *job)
{
    pthread_mutex_unlock(&engine->lock);
    run_show(job);
    fit_job_unref(&job);
    pthread_mutex_lock(&engine->lock);
}

/* Jobs of one group take turns; the others run to their end in the order they came. */
static void requeue(struct fit_engine *engine, struct fit_job *job)
{
    struct fit_job **place = &engine->runs;
    if (job->params.group)
        while (*place && (*place)->params.group == job->params.group)
            place = &(*place)->next_run;
    job->next_run = *place;
    *place = job;
}

static void advance_run(struct fit_engine *engine, struct fit_job *job)
{
    pthread_mutex_unlock(&engine->lock);
    bool goes_on = run_advance(job);
    pthread_mutex_lock(&engine->lock);
    if (goes_on) {
        requeue(engine, job);
        return;
    }
    pthread_mutex_unlock(&engine->lock);
    fit_job_unref(&job);
    pthread_mutex_lock(&engine->lock);
}

/* A run that is to pause shows how far it has come and leaves the queue. */
static void park(struct fit_engine *engine, struct fit_job *job)
{
    pthread_mutex_unlock(&engine->lock);
    bool settled = run_settle(job);
    if (settled)
        run_show_newest(job);
    pthread_mutex_lock(&engine->lock);
    if (!settled) {
        advance_run(engine, job);
        return;
    }
    if (!job->pause_wanted || engine->closing || atomic_load(&job->cancel)) {
        job->next_run = engine->runs;
        engine->runs = job;
        return;
    }
    job->progress.state = FIT_JOB_PAUSED;
    job->paused_s = fit_now_s();
    job->next_run = engine->paused;
    engine->paused = job;
    pthread_mutex_unlock(&engine->lock);
    fit_engine_post(engine, job, FIT_EVENT_STEP);
    pthread_mutex_lock(&engine->lock);
}

bool fit_engine_unpark(struct fit_engine *engine, struct fit_job *job)
{
    struct fit_job **place = &engine->paused;
    while (*place && *place != job)
        place = &(*place)->next_run;
    if (!*place)
        return false;
    *place = job->next_run;
    job->started_s += fit_now_s() - job->paused_s;
    job->progress.state = job->run ? FIT_JOB_RUNNING : FIT_JOB_WAITING;
    requeue(engine, job);
    pthread_cond_signal(&engine->work_came);
    return true;
}

/* What somebody waits for comes first, then what somebody looks at, then the runs. */
static void *work(void *data)
{
    struct fit_engine *engine = data;
    /* Of this thread alone on Linux, and of those that the device starts from it. */
    if (engine->background)
        setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICENESS);
    pthread_mutex_lock(&engine->lock);
    while (!engine->closing) {
        struct task *task = engine->tasks;
        struct fit_job *show = engine->shows, *run = engine->runs;
        if (task) {
            engine->tasks = task->next;
            run_task(engine, task);
        } else if (show) {
            engine->shows = show->next_show;
            answer_show(engine, show);
        } else if (run) {
            engine->runs = run->next_run;
            if (run->pause_wanted && !atomic_load(&run->cancel))
                park(engine, run);
            else
                advance_run(engine, run);
        } else {
            pthread_cond_wait(&engine->work_came, &engine->lock);
        }
    }
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

/* After the worker has ended: nobody waits for ever, no job stays "running". */
static void end_everything(struct fit_engine *engine)
{
    struct fit_error closed = {FIT_ERROR_CANCELLED, "the engine was closed"};
    while (engine->tasks) {
        struct task *task = engine->tasks;
        engine->tasks = task->next;
        fit_fail(task->error, closed.status, "%s", closed.message);
        task->done = true;
    }
    pthread_cond_broadcast(&engine->task_done);
    while (engine->shows) {
        struct fit_job *job = engine->shows;
        engine->shows = job->next_show;
        pthread_mutex_unlock(&engine->lock);
        fit_job_unref(&job);
        pthread_mutex_lock(&engine->lock);
    }
    while (engine->runs) {
        struct fit_job *job = engine->runs;
        engine->runs = job->next_run;
        pthread_mutex_unlock(&engine->lock);
        run_end(job, FIT_JOB_CANCELLED, &closed);
        fit_job_unref(&job);
        pthread_mutex_lock(&engine->lock);
    }
}

static void drop_events(struct fit_engine *engine)
{
    struct fit_event event;
    while (fit_engine_next_event(engine, &event))
        fit_job_unref(&event.job);
}

/* ---- life -------------------------------------------------------------------------------- */

static bool start(struct fit_engine *engine, const struct fit_engine_params *params,
                  struct fit_error *error)
{
    struct fk_open_params open = {params->backend, params->n_threads};
    engine->device = fk_device_open(&open, engine->notice, sizeof engine->notice);
    if (!engine->device)
        return fit_fail(error, FIT_ERROR_DEVICE, "%s", engine->notice);
    const struct fk_caps *caps = &engine->device->caps;
    if (caps->n_threads)
        snprintf(engine->device_text, sizeof engine->device_text, "%s, %d thread%s, %s",
                 engine->device->model, caps->n_threads, caps->n_threads == 1 ? "" : "s",
                 caps->isa);
    else
        snprintf(engine->device_text, sizeof engine->device_text, "%s, %s", engine->device->model,
                 caps->isa);
    fit_tuning_load(engine->device, engine->cache_folder);
    engine->queue = engine->device->queue_new(engine->device);
    if (!engine->queue)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for the device's queue");
    int cause = pthread_create(&engine->worker, NULL, work, engine);
    if (cause)
        return fit_fail(error, FIT_ERROR_MEMORY, "the worker thread cannot start: %s",
                        strerror(cause));
    return true;
}

bool fit_engine_open(struct fit_engine **out, const struct fit_engine_params *params,
                     struct fit_error *error)
{
    *out = NULL;
    if (params->n_threads < 0 || params->n_threads > 1024)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "threads: expected 1 to 1024 (or 0 for all), found %d",
                        params->n_threads);
    struct fit_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for the engine");
    atomic_init(&engine->refs, 1);
    engine->wake = params->wake;
    engine->wake_data = params->wake_data;
    engine->background = params->background;
    engine->cache_folder = params->cache_folder ? strdup(params->cache_folder) : NULL;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->work_came, NULL);
    pthread_cond_init(&engine->task_done, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->event_came, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!start(engine, params, error)) {
        fit_engine_unref(engine);
        return false;
    }
    *out = engine;
    return true;
}

void fit_engine_close(struct fit_engine **handle)
{
    struct fit_engine *engine = *handle;
    if (!engine)
        return;
    *handle = NULL;
    pthread_mutex_lock(&engine->lock);
    engine->closing = true;
    while (engine->paused)
        fit_engine_unpark(engine, engine->paused);
    for (struct fit_job *job = engine->runs; job; job = job->next_run)
        atomic_store(&job->cancel, true);
    pthread_cond_broadcast(&engine->work_came);
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->worker, NULL);
    fit_tuning_save(engine->device, engine->cache_folder);
    pthread_mutex_lock(&engine->lock);
    end_everything(engine);
    pthread_mutex_unlock(&engine->lock);
    drop_events(engine);
    fit_engine_unref(engine);
}

struct fit_engine *fit_engine_ref(struct fit_engine *engine)
{
    atomic_fetch_add(&engine->refs, 1);
    return engine;
}

void fit_engine_unref(struct fit_engine *engine)
{
    if (atomic_fetch_sub(&engine->refs, 1) != 1)
        return;
    if (engine->queue)
        engine->device->queue_free(engine->queue);
    if (engine->device)
        device_pictures_finish(&engine->pictures, engine->device);
    fk_device_close(&engine->device);
    pthread_cond_destroy(&engine->work_came);
    pthread_cond_destroy(&engine->task_done);
    pthread_cond_destroy(&engine->event_came);
    pthread_mutex_destroy(&engine->lock);
    free(engine->cache_folder);
    free(engine);
}

const char *fit_engine_backend(const struct fit_engine *engine)
{
    return engine->device->name;
}

const char *fit_engine_device(const struct fit_engine *engine)
{
    return engine->device_text;
}

const char *fit_engine_notice(const struct fit_engine *engine)
{
    return engine->notice;
}

bool fit_engine_answers(const struct fit_engine *engine)
{
    size_t free_bytes, total;
    return engine->device->caps.host_memory ||
           engine->device->memory(engine->device, &free_bytes, &total);
}

/* ---- work and events --------------------------------------------------------------------- */

void fit_engine_add_job(struct fit_engine *engine, struct fit_job *job)
{
    fit_job_ref(job);
    pthread_mutex_lock(&engine->lock);
    struct fit_job **place = &engine->runs;
    while (*place)
        place = &(*place)->next_run;
    *place = job;
    pthread_cond_signal(&engine->work_came);
    pthread_mutex_unlock(&engine->lock);
}

void fit_engine_add_show(struct fit_engine *engine, struct fit_job *job)
{
    fit_job_ref(job);
    struct fit_job **place = &engine->shows;
    while (*place)
        place = &(*place)->next_show;
    job->next_show = NULL;
    *place = job;
    pthread_cond_signal(&engine->work_came);
}

bool fit_engine_call(struct fit_engine *engine,
                     bool (*function)(struct fit_engine *, void *, struct fit_error *), void *data,
                     struct fit_error *error)
{
    struct task task = {.work = function, .data = data, .error = error};
    pthread_mutex_lock(&engine->lock);
    if (engine->closing) {
        pthread_mutex_unlock(&engine->lock);
        return fit_fail(error, FIT_ERROR_CANCELLED, "the engine was closed");
    }
    struct task **place = &engine->tasks;
    while (*place)
        place = &(*place)->next;
    *place = &task;
    pthread_cond_signal(&engine->work_came);
    while (!task.done)
        pthread_cond_wait(&engine->task_done, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
    return task.ok;
}

static bool has_begun(const struct fit_job *jobs)
{
    while (jobs && !jobs->run)
        jobs = jobs->next_run;
    return jobs;
}

bool fit_engine_renew_queue(struct fit_engine *engine, struct fit_error *error)
{
    struct fk_device *device = engine->device;
    pthread_mutex_lock(&engine->lock);
    bool in_use = has_begun(engine->runs) || has_begun(engine->paused);
    pthread_mutex_unlock(&engine->lock);
    if (in_use)
        return fit_fail(error, FIT_ERROR_ARGUMENT, "memory is not given back during a run");
    struct fk_queue *fresh = device->queue_new(device);
    if (!fresh)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for the device's queue");
    device->queue_free(engine->queue);
    engine->queue = fresh;
    return true;
}

void fit_engine_post(struct fit_engine *engine, struct fit_job *job, enum fit_event_type type)
{
    pthread_mutex_lock(&engine->lock);
    struct event_node *node = &job->events[type];
    if (!node->queued) {
        *node = (struct event_node){true, type, fit_job_ref(job), NULL};
        if (engine->last_event)
            engine->last_event->next = node;
        else
            engine->first_event = node;
        engine->last_event = node;
    }
    bool wake = engine->wake && !engine->woken;
    engine->woken = true;
    pthread_cond_broadcast(&engine->event_came);
    pthread_mutex_unlock(&engine->lock);
    if (wake)
        engine->wake(engine->wake_data);
}

static bool take_event(struct fit_engine *engine, struct fit_event *event)
{
    struct event_node *node = engine->first_event;
    if (!node) {
        engine->woken = false;
        return false;
    }
    engine->first_event = node->next;
    if (!engine->first_event)
        engine->last_event = NULL;
    node->queued = false;
    *event = (struct fit_event){node->type, node->job};
    return true;
}

bool fit_engine_next_event(struct fit_engine *engine, struct fit_event *event)
{
    pthread_mutex_lock(&engine->lock);
    bool found = take_event(engine, event);
    pthread_mutex_unlock(&engine->lock);
    return found;
}

bool fit_engine_wait_event(struct fit_engine *engine, int timeout_ms, struct fit_event *event)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&engine->lock);
    bool found = take_event(engine, event);
    int status = 0;
    while (!found && status != ETIMEDOUT) {
        status = pthread_cond_timedwait(&engine->event_came, &engine->lock, &until);
        found = take_event(engine, event);
    }
    pthread_mutex_unlock(&engine->lock);
    return found;
}
