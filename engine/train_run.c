/* SPDX-License-Identifier: Apache-2.0 */
/* The loop around the steps: its clock, its log, what it leaves behind and when it ends. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "checkpoint.h"
#include "sheet.h"

struct run {
    struct fit_trainer *trainer;
    FILE *log;
    double started, checkpoint_at, sheet_at; /* seconds of the clock */
    int64_t first; /* step at the start */
    /* speed over a sliding minute */
    double measured;               /* when the last step was */
    double seconds, images, steps; /* of the last minute or so: what is older fades */
};

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static bool open_log(struct run *run, struct fit_error *e)
{
    char path[TRAIN_PATH_BYTES + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/log.csv", run->trainer->folder);
    bool begun = !stat(path, &st) && st.st_size > 0;
    run->log = fopen(path, "a");
    if (!run->log)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", path, strerror(errno));
    if (!begun)
        fprintf(run->log, "step,elapsed_s,loss,smooth_loss,validation_loss,gradient_norm,"
                          "learning_rate,images_per_second,pictures\n");
    return true;
}

static void write_log(struct run *run, const struct fit_train_report *r)
{
    fprintf(run->log, "%" PRId64 ",%.1f,%.6f,%.6f,", r->step, r->elapsed_s, r->loss,
            r->smooth_loss);
    if (!isnan(r->validation_loss))
        fprintf(run->log, "%.6f", r->validation_loss);
    fprintf(run->log, ",%.4f,%.3g,%.2f,%d\n", r->gradient_norm, r->learning_rate,
            r->images_per_second, r->pictures);
    fflush(run->log);
}

static double time_limit(const struct run *run)
{
    double minutes = run->trainer->config.stop_after_minutes;
    return minutes > 0 ? run->started + 60 * minutes : INFINITY;
}

static void measure(struct run *run, struct fit_train_report *r)
{
    const double window = 60;
    double time = now(), passed = time - run->measured, stays = exp(-passed / window);
    run->measured = time;
    run->seconds = run->seconds * stays + passed;
    run->images = run->images * stays + r->images;
    run->steps = run->steps * stays + 1;
    r->elapsed_s = time - run->started;
    r->images_per_second = run->images / run->seconds;
    r->remaining_s = (double)(r->steps - r->step) * run->seconds / run->steps;
    double limit = time_limit(run) - time;
    if (r->remaining_s > limit)
        r->remaining_s = limit > 0 ? limit : 0;
}

static bool write_sheet(struct fit_trainer *t, struct fit_error *e)
{
    char path[TRAIN_PATH_BYTES + 48];
    snprintf(path, sizeof path, "%s/sheets", t->folder);
    if (mkdir(path, 0777) && errno != EEXIST)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/sheets/step-%09" PRId64 ".png", t->folder, t->step);
    return sheet_write(t, path, e);
}

/* Checkpoints and sheets by the clock; both at the end. */
static bool keep(struct run *run, bool last, struct fit_error *e)
{
    const struct train_config *config = &run->trainer->config;
    double time = now();
    bool save = config->checkpoint_minutes > 0 && time >= run->checkpoint_at;
    bool sheet = config->sheet_minutes > 0 && (last || time >= run->sheet_at);
    if (save || last) {
        if (!checkpoint_save(run->trainer, e))
            return false;
        run->checkpoint_at = time + 60 * config->checkpoint_minutes;
    }
    if (sheet) {
        run->sheet_at = time + 60 * config->sheet_minutes;
        return write_sheet(run->trainer, e);
    }
    return true;
}

static bool step(struct run *run, struct fit_train_report *report, struct fit_error *e)
{
    struct fit_trainer *t = run->trainer;
    const struct train_config *config = &t->config;
    if (!fit_trainer_step(t, report, e))
        return false;
    if (t->step % config->validate_every == 0 &&
        !fit_trainer_validate(t, &report->validation_loss, e))
        return false;
    measure(run, report);
    if (t->step % config->log_every == 0 || !isnan(report->validation_loss))
        write_log(run, report);
    return true;
}

bool fit_trainer_run(struct fit_trainer *t, int64_t max_steps,
                     void (*progress)(void *user, const struct fit_train_report *report),
                     void *user, struct fit_error *e)
{
    struct run run = {.trainer = t, .started = now(), .first = t->step};
    run.measured = run.started;
    run.checkpoint_at = run.started + 60 * t->config.checkpoint_minutes;
    run.sheet_at = run.started + 60 * t->config.sheet_minutes;
    bool ok = open_log(&run, e);
    while (ok && t->step < t->config.steps && (!max_steps || t->step - run.first < max_steps) &&
           now() < time_limit(&run) && !atomic_load(&t->stop)) {
        struct fit_train_report report;
        ok = step(&run, &report, e);
        if (ok && progress)
            progress(user, &report);
        ok = ok && keep(&run, false, e);
    }
    if (ok && t->step > run.first) {
        bool stopped = atomic_load(&t->stop);
        /* A person who stops a run waits for it: no sheet then. */
        ok = stopped ? checkpoint_save(t, e) : keep(&run, true, e);
    }
    if (run.log)
        fclose(run.log);
    if (ok && atomic_load(&t->stop))
        return fit_fail(e, FIT_ERROR_CANCELLED, "stopped after step %" PRId64 "; saved", t->step);
    return ok;
}

bool fit_trainer_save(struct fit_trainer *t, struct fit_error *e)
{
    return checkpoint_save(t, e);
}

bool fit_trainer_write_sheet(struct fit_trainer *t, const char *path, struct fit_error *e)
{
    return sheet_write(t, path, e);
}
