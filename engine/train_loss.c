/* SPDX-License-Identifier: Apache-2.0 */
#include "train_loss.h"

#include <stdlib.h>
#include <string.h>

static bool is_chain(const struct fit_config *config)
{
    return config->architecture == FIT_ARCHITECTURE_V1;
}

size_t train_loss_bytes(const struct fit_config *config, int tokens)
{
    size_t values = (size_t)(fit_config_outputs(config) + fit_config_features(config));
    return is_chain(config) ? (size_t)tokens * values * sizeof(float) : 0;
}

bool train_loss_init(struct train_loss *loss, struct fit_compute *c,
                     const struct fit_config *config, int tokens)
{
    size_t n = (size_t)tokens;
    memset(loss, 0, sizeof *loss);
    loss->device = c->device;
    loss->outputs = fit_config_outputs(config);
    if (is_chain(config)) {
        loss->output = malloc(n * (size_t)loss->outputs * sizeof *loss->output);
        loss->noise = malloc(n * (size_t)fit_config_features(config) * sizeof *loss->noise);
    } else {
        loss->segment = c->device->alloc(c->device, n * sizeof *loss->segment);
    }
    return loss->segment || (loss->output && loss->noise) ||
           fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for the loss of %d tokens", tokens);
}

void train_loss_finish(struct train_loss *loss)
{
    if (loss->device)
        loss->device->free(loss->device, loss->segment);
    free(loss->output);
    free(loss->noise);
    memset(loss, 0, sizeof *loss);
}

static bool run_flow(struct train_loss *loss, struct fit_compute *c, struct train_batch *batch,
                     const float *velocity, double weight, float *dvelocity)
{
    const struct fk_pack *pack = &batch->pack.fk;
    size_t values = (size_t)pack->n_tokens * (size_t)batch->features;
    /* The kernel gives the gradient of the mean over the segments. */
    float scale = (float)(weight * batch->segments.n);
    return train_batch_mask(batch, c, velocity) &&
           fit_run(c, flow_loss, loss->segment, dvelocity, velocity, batch->target, pack,
                   batch->features) &&
           (!dvelocity || scale == 1.0f ||
            fit_run(c, axpby, dvelocity, 0.0f, batch->target, scale, values));
}

static bool download(struct train_loss *loss, struct fit_compute *c,
                     const struct train_batch *batch, const float *output)
{
    size_t n = (size_t)batch->pack.fk.n_tokens;
    return fit_compute_check(c, c->device->download(c->queue, loss->output, output,
                                                    n * (size_t)loss->outputs * sizeof(float))) &&
           fit_compute_check(c, c->device->download(c->queue, loss->noise, batch->noise,
                                                    n * (size_t)batch->features *
                                                        sizeof(float))) &&
           fit_compute_check(c, c->device->queue_sync(c->queue));
}

/* The output on the host becomes the gradient, of padding 0. */
static void run_pictures(struct train_loss *loss, const struct train_batch *batch, double weight)
{
    size_t features = (size_t)batch->features, outputs = (size_t)loss->outputs, done = 0;
    loss->sum = 0;
    for (int b = 0; b < batch->n; b++) {
        int first, n = train_batch_place(batch, b, &first);
        float *output = loss->output + (size_t)first * outputs;
        memset(loss->output + done * outputs, 0, ((size_t)first - done) * outputs * sizeof *output);
        done = (size_t)(first + n);
        loss->sum += fit_ddpm_loss(&batch->chain.step[(int)batch->t[b]], output,
                                   batch->host + (size_t)first * features,
                                   loss->noise + (size_t)first * features, n, batch->features,
                                   weight, output);
    }
    memset(loss->output + done * outputs, 0,
           ((size_t)batch->pack.fk.n_tokens - done) * outputs * sizeof *loss->output);
}

static bool run_chain(struct train_loss *loss, struct fit_compute *c, struct train_batch *batch,
                      const float *output, double weight, float *doutput)
{
    size_t values = (size_t)batch->pack.fk.n_tokens * (size_t)loss->outputs;
    if (!download(loss, c, batch, output))
        return false;
    run_pictures(loss, batch, weight);
    return !doutput || (fit_compute_check(c, c->device->upload(c->queue, doutput, loss->output,
                                                               values * sizeof(float))) &&
                        fit_compute_check(c, c->device->queue_sync(c->queue)));
}

bool train_loss_run(struct train_loss *loss, struct fit_compute *c, struct train_batch *batch,
                    const float *output, double weight, float *doutput)
{
    return batch->chain.n ? run_chain(loss, c, batch, output, weight, doutput)
                          : run_flow(loss, c, batch, output, weight, doutput);
}

bool train_loss_sum(struct train_loss *loss, struct fit_compute *c,
                    const struct train_batch *batch, double *sum)
{
    size_t n = (size_t)batch->segments.n;
    if (batch->chain.n) {
        *sum += loss->sum;
        return true;
    }
    float *segment = malloc(n * sizeof *segment);
    if (!segment)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %zu losses", n);
    bool ok = fit_compute_check(c, c->device->download(c->queue, segment, loss->segment,
                                                       n * sizeof *segment)) &&
              fit_compute_check(c, c->device->queue_sync(c->queue));
    for (size_t b = 0; ok && b < n; b++)
        *sum += segment[b];
    free(segment);
    return ok;
}
