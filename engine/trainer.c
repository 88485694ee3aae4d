/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "checkpoint.h"
#include "train_classes.h"
#include "train_memory.h"
#include "train_random.h"
#include "tuning.h"

static bool make_folder(const char *path, struct fit_error *e)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", path, strerror(errno));
    return true;
}

static bool open_device(struct fit_trainer *t, const struct fit_train_params *params,
                        struct fit_error *e)
{
    char message[256] = "";
    struct fk_open_params open = {params->backend, params->n_threads};
    t->device = fk_device_open(&open, message, sizeof message);
    if (!t->device)
        return fit_fail(e, FIT_ERROR_DEVICE, "%s", message);
    t->cache_folder = params->cache_folder ? strdup(params->cache_folder) : NULL;
    fit_tuning_load(t->device, t->cache_folder);
    t->queue = t->device->queue_new(t->device);
    if (!t->queue)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a queue");
    fit_compute_init(&t->compute, t->device, t->queue, e);
    return true;
}

static bool open_buffers(struct fit_trainer *t, struct fit_error *e)
{
    const struct train_config *config = &t->config;
    struct fk_device *d = t->device;
    size_t values = (size_t)config->tokens * (size_t)fit_config_outputs(&config->model);
    t->output = d->alloc(d, values * sizeof(float));
    t->doutput = d->alloc(d, values * sizeof(float));
    t->store.recompute = config->recompute;
    t->order = malloc((size_t)config->pictures * sizeof *t->order);
    if (!t->output || !t->doutput || !t->order)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for packs of %d tokens", config->tokens);
    return train_loss_init(&t->loss, &t->compute, &config->model, config->tokens) &&
           train_batch_init(&t->batch, &t->compute, &config->model, config->tokens) &&
           train_state_init(&t->state, &t->compute, config);
}

static bool open_data(struct fit_trainer *t, const struct fit_train_params *params,
                      struct fit_error *e)
{
    const struct dataset_watch watch = {params->user, params->notice, params->preparing};
    char folder[TRAIN_PATH_BYTES + 16];
    if (t->config.cache[0])
        snprintf(folder, sizeof folder, "%s", t->config.cache);
    else
        snprintf(folder, sizeof folder, "%s/latents", t->folder);
    return fit_autoencoder_open(&t->autoencoder, t->device, t->queue, t->config.autoencoder, e) &&
           dataset_open(&t->data, &t->config, t->autoencoder, folder, &watch, e) &&
           train_classes_check_start(&t->config, e);
}

static void describe(struct fit_trainer *t)
{
    const struct fit_trained *trained = &t->state.trained;
    char share[64] = "";
    if (trained->values < trained->all)
        snprintf(share, sizeof share, ", %.2f %% of them trained",
                 100.0 * (double)trained->values / (double)trained->all);
    snprintf(t->summary, sizeof t->summary, "%.2f M parameters%s, %s, %d threads, %s",
             (double)trained->all * 1e-6, share, t->state.bf16 ? "bf16" : "f32",
             t->device->caps.n_threads, t->device->model);
}

/* What is known before memory is taken. */
static bool open_plan(struct fit_trainer *t, const struct fit_train_params *params,
                      struct fit_train_forecast *forecast, struct fit_error *e)
{
    int n = snprintf(t->folder, sizeof t->folder, "%s", params->folder);
    if (n < 0 || (size_t)n >= sizeof t->folder)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "the path of the run folder is too long");
    if (!train_config_load(&t->config, params->config, e) || !open_device(t, params, e) ||
        !open_data(t, params, e))
        return false;
    *forecast = (struct fit_train_forecast){
        .parameters = (uint64_t)fit_config_parameters(&t->config.model),
        .classes = t->config.model.n_classes,
        .pictures = t->config.pictures,
    };
    train_memory_predict(forecast, &t->config, t->device);
    return true;
}

bool fit_train_forecast(struct fit_train_forecast *out, const struct fit_train_params *params,
                        struct fit_error *e)
{
    struct fit_trainer *t = calloc(1, sizeof *t);
    if (!t)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a trainer");
    bool ok = open_plan(t, params, out, e);
    fit_trainer_close(&t);
    return ok;
}

bool fit_trainer_open(struct fit_trainer **out, const struct fit_train_params *params,
                      struct fit_error *e)
{
    *out = NULL;
    struct fit_trainer *t = calloc(1, sizeof *t);
    if (!t)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a trainer");
    t->smooth_loss = NAN;
    struct fit_train_forecast forecast;
    bool ok = open_plan(t, params, &forecast, e) && train_memory_check(&forecast, e) &&
              make_folder(t->folder, e) && open_buffers(t, e);
    if (ok && params->resume)
        ok = checkpoint_resume(t, e);
    ok = ok && dataset_grow(t->data, &t->compute, trainer_pictures_due(&t->config, t->step + 1));
    if (!ok) {
        fit_trainer_close(&t);
        return false;
    }
    /* The order of the epoch is not saved: it follows from the cursor. */
    if (t->cursor.pictures)
        train_batch_order(t->order, t->data, &t->config, &t->cursor);
    describe(t);
    *out = t;
    return true;
}

void fit_trainer_close(struct fit_trainer **out)
{
    struct fit_trainer *t = *out;
    if (!t)
        return;
    dataset_close(&t->data);
    fit_autoencoder_close(&t->autoencoder);
    fit_train_store_finish(&t->store);
    train_batch_finish(&t->batch);
    train_loss_finish(&t->loss);
    train_state_finish(&t->state);
    if (t->device) {
        fit_tuning_save(t->device, t->cache_folder);
        t->device->free(t->device, t->output);
        t->device->free(t->device, t->doutput);
        if (t->queue)
            t->device->queue_free(t->queue);
    }
    free(t->order);
    free(t->cache_folder);
    fk_device_close(&t->device);
    free(t);
    *out = NULL;
}

int trainer_pictures_due(const struct train_config *config, int64_t step)
{
    int64_t due = config->first + (step - 1) / config->grow_every * config->chunk;
    return due < config->pictures ? (int)due : config->pictures;
}

/* The number of images varies from pack to pack: room for some more spares the next ones. */
static bool reserve_store(struct fit_trainer *t, int images)
{
    const int spare = 16;
    return (t->store.block && images <= t->store.images) ||
           fit_train_store_reserve(&t->store, t->device, &t->state.network, t->config.tokens,
                                   images + spare, t->compute.error);
}

bool trainer_learn(struct fit_trainer *t, struct train_batch *batch, double weight,
                   double *loss_sum)
{
    struct fit_compute *c = &t->compute;
    struct fit_batch view = train_batch_view(batch);
    return reserve_store(t, batch->segments.n) &&
           fit_train_forward(c, &t->state.network, &t->store, t->output, &view) &&
           train_loss_run(&t->loss, c, batch, t->output, weight, t->doutput) &&
           fit_backward(c, &t->state.network, &t->store, t->state.gradient, NULL, t->doutput,
                        &view) &&
           train_loss_sum(&t->loss, c, batch, loss_sum);
}

/* Accumulates the packs of one step. Images of all packs weigh the same: with one pack its mean is
 * the gradient; with several every image weighs 1 here and the sum is divided at the end. */
static bool accumulate(struct fit_trainer *t, struct fit_train_report *report)
{
    double loss = 0;
    report->images = report->tokens = 0;
    for (int k = 0; k < t->config.accumulate; k++) {
        int64_t pack = t->cursor.packs;
        train_batch_draw(&t->batch, t->data, &t->config, &t->cursor, t->order);
        double weight = t->config.accumulate == 1 ? 1.0 / t->batch.n : 1.0;
        if (!train_batch_build(&t->batch, &t->compute, &t->config,
                               train_random_seed(t->config.seed, TRAIN_RANDOM_NOISE),
                               (uint32_t)pack) ||
            !trainer_learn(t, &t->batch, weight, &loss))
            return false;
        report->images += t->batch.n;
        report->tokens += t->batch.pack.fk.n_tokens;
    }
    report->loss = loss / report->images;
    return true;
}

bool fit_trainer_step(struct fit_trainer *t, struct fit_train_report *report, struct fit_error *e)
{
    struct fit_compute *c = &t->compute;
    int64_t step = t->step + 1;
    c->error = e;
    *report = (struct fit_train_report){.step = step, .steps = t->config.steps,
                                        .validation_loss = NAN, .remaining_s = -1};
    report->learning_rate = train_learning_rate(&t->config, step);
    if (!dataset_grow(t->data, c, trainer_pictures_due(&t->config, step)) ||
        !train_state_clear_gradient(&t->state, c) || !accumulate(t, report) ||
        !train_state_update(&t->state, c, &t->config, step, report->learning_rate,
                            t->config.accumulate == 1 ? 1.0 : 1.0 / report->images,
                            &report->gradient_norm))
        return false;
    t->step = step;
    t->smooth_loss = isnan(t->smooth_loss) ? report->loss
                                           : 0.99 * t->smooth_loss + 0.01 * report->loss;
    report->smooth_loss = t->smooth_loss;
    report->pictures = dataset_count(t->data);
    return true;
}

bool fit_trainer_validate(struct fit_trainer *t, double *loss, struct fit_error *e)
{
    struct fit_compute *c = &t->compute;
    int first = 0, n = dataset_validation_count(t->data);
    uint64_t seed = train_random_seed(t->config.seed, TRAIN_RANDOM_VALIDATE);
    double sum = 0;
    c->error = e;
    if (!train_state_refresh_ema(&t->state, c))
        return false;
    while (first < n) {
        int taken = train_batch_validation(&t->batch, t->data, &t->config, first);
        struct fit_batch view;
        if (!train_batch_build(&t->batch, c, &t->config, seed, (uint32_t)first))
            return false;
        view = train_batch_view(&t->batch);
        if (!reserve_store(t, taken) ||
            !fit_train_forward(c, &t->state.ema_network, &t->store, t->output, &view) ||
            !train_loss_run(&t->loss, c, &t->batch, t->output, 1, NULL) ||
            !train_loss_sum(&t->loss, c, &t->batch, &sum))
            return false;
        first += taken;
    }
    *loss = sum / n;
    return true;
}

int fit_trainer_skipped(const struct fit_trainer *t)
{
    return dataset_skipped(t->data);
}

int64_t fit_trainer_position(const struct fit_trainer *t)
{
    return t->step;
}

const char *fit_trainer_summary(const struct fit_trainer *t)
{
    return t->summary;
}

void fit_trainer_stop(struct fit_trainer *t)
{
    atomic_store(&t->stop, true);
}
