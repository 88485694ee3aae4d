/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run was left, and another that goes on from there. */
#include <stdlib.h>
#include <string.h>

#include "engine_private.h"

static bool copy_place(const struct run_place *from, struct run_place *to, struct fit_error *error)
{
    *to = *from;
    size_t bytes = from->sampler.n_values * sizeof(float);
    to->sampler.states = malloc(bytes);
    if (!to->sampler.states)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory to keep where the run is");
    memcpy(to->sampler.states, from->sampler.states, bytes);
    return true;
}

struct keeping {
    struct fit_job *job;
    struct run_place *place;
    int *n;
};

static bool refuse(const struct fit_job *job, struct fit_error *error)
{
    return fit_fail(error, FIT_ERROR_ARGUMENT,
                    job->progress.state == FIT_JOB_DONE
                        ? "a run that is done has nowhere to go on to"
                        : "a run that has not begun has nowhere to go on from");
}

/* On the worker, between two evaluations, or when the run is over. One that has not begun may have
 * come with a place. */
static bool keep(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct keeping *k = data;
    struct fit_job *job = k->job;
    if (job->run) {
        if (!run_keep(job, k->place, error))
            return false;
    } else if (job->place.sampler.states) {
        if (!copy_place(&job->place, k->place, error))
            return false;
    } else {
        return refuse(job, error);
    }
    pthread_mutex_lock(&engine->lock);
    *k->n = job->trajectory.n;
    pthread_mutex_unlock(&engine->lock);
    return true;
}

static bool is_over(struct fit_job *job)
{
    struct fit_progress progress;
    fit_job_progress(job, &progress);
    return progress.state > FIT_JOB_PAUSED;
}

bool job_keep(struct fit_job *job, struct run_place *place, int *n, struct fit_error *error)
{
    struct fit_engine *engine = job->model->engine;
    struct keeping k = {job, place, n};
    return is_over(job) ? keep(engine, &k, error) : fit_engine_call(engine, keep, &k, error);
}

static bool copy_steps(struct fit_job *job, const struct fit_job *from, int n,
                       struct fit_error *error)
{
    const struct trajectory *steps = &from->trajectory;
    if (!trajectory_init(&job->trajectory, job->params.steps + 1, steps->values, steps->pixels,
                         error))
        return false;
    trajectory_take_over(&job->trajectory, steps, n);
    return true;
}

bool fit_job_continue(struct fit_job *old, struct fit_job **out, struct fit_error *error)
{
    struct fit_generate_params params = old->params;
    struct run_place place;
    int n;
    *out = NULL;
    if (!is_over(old))
        return fit_fail(error, FIT_ERROR_ARGUMENT, "a run that is not over goes on by itself");
    if (!job_keep(old, &place, &n, error))
        return false;
    params.noise = old->noise;
    struct fit_job *job = job_new(old->model, &params, error);
    if (!job || !copy_steps(job, old, n, error)) {
        fit_sampler_place_finish(&place.sampler);
        fit_job_unref(&job);
        return false;
    }
    job_go_on(job, &place, &old->progress);
    *out = job;
    return true;
}

void job_go_on(struct fit_job *job, const struct run_place *place,
               const struct fit_progress *progress)
{
    job->place = *place;
    job->started_s -= progress->elapsed_s;
    job->progress.step = progress->step;
    job->progress.t = progress->t;
    job->progress.evaluations = progress->evaluations;
    job->progress.elapsed_s = progress->elapsed_s;
    fit_engine_add_job(job->model->engine, job);
}
