/* SPDX-License-Identifier: Apache-2.0 */
#include "train_memory.h"

#include <math.h>

#include "fit_backward.h"
#include "fit_weights.h"
#include "train_loss.h"

/* Measured: 15 to 30 MiB in runs of 8 to 25 M parameters. */
enum { PROGRAM_BYTES = 20 << 20 };

bool train_uses_bf16(const struct train_config *config, const struct fk_device *device)
{
    return config->precision == FIT_PRECISION_BF16 ||
           (config->precision == FIT_PRECISION_AUTO && device->caps.native_bf16);
}

/* Pictures in a full pack if they have the areas of the mix; the store is reserved with some to
 * spare. */
static int images_of(const struct train_config *config)
{
    const int spare = 16;
    double total = 0, tokens = 0;
    for (int i = 0; i < config->n_shapes; i++) {
        double side = config->shape[i].side / 16;
        total += config->shape[i].share;
        tokens += config->shape[i].share * side * side;
    }
    double images = ceil(config->tokens * total / tokens);
    if (config->images && images > config->images)
        images = config->images;
    return (int)images * (config->padded ? 2 : 1) + spare;
}

void train_memory_predict(struct fit_train_forecast *f, const struct train_config *config,
                          struct fk_device *device)
{
    const struct fit_config *k = &config->model;
    bool bf16 = train_uses_bf16(config, device);
    uint64_t total = fit_weights_total(k), tokens = (uint64_t)config->tokens;
    uint64_t values = tokens * (uint64_t)(4 * fit_config_features(k) + 2 * fit_config_outputs(k));
    uint64_t half_head = (uint64_t)(k->hidden / k->heads / 2);
    size_t free_bytes = 0, all = 0;
    /* parameters, two moments, the average, the gradient; the copies to compute with */
    f->state_bytes = total * (5 * sizeof(float) + (bf16 ? 2 * sizeof(uint16_t) : 0));
    f->activation_bytes = fit_train_store_bytes(k, bf16 ? FK_BF16 : FK_F32, config->tokens,
                                                images_of(config), config->recompute);
    /* state, target, noise, the data on the host, the output and its gradient; what the loss takes;
     * cosines and sines on both sides; the order of the pictures */
    f->batch_bytes = values * sizeof(float) + train_loss_bytes(k, config->tokens) +
                     4 * tokens * half_head * sizeof(float) +
                     (uint64_t)config->pictures * sizeof(int32_t);
    /* the average on the host and as the bundle has it, or one buffer of the optimiser's */
    f->checkpoint_bytes = total * (sizeof(float) + sizeof(uint16_t));
    device->memory(device, &free_bytes, &all);
    f->free_bytes = free_bytes;
    f->bf16 = bf16;
    f->program_bytes = PROGRAM_BYTES;
    f->step_bytes = f->state_bytes + f->activation_bytes + f->batch_bytes + f->program_bytes;
    /* Where the system does not tell, the allocations will. */
    f->fits = !free_bytes || f->step_bytes + f->checkpoint_bytes <= free_bytes;
}

bool train_memory_check(const struct fit_train_forecast *f, struct fit_error *e)
{
    const double mib = 1048576;
    if (f->fits)
        return true;
    return fit_fail(e, FIT_ERROR_MEMORY,
                    "training needs %.0f MiB (%.0f for %.1f M parameters, %.0f for the activations "
                    "of a batch, %.0f for batches, %.0f to save) and %.0f MiB are free; fewer "
                    "batch.tokens with a larger batch.accumulate, or batch.recompute, need less",
                    (double)(f->step_bytes + f->checkpoint_bytes) / mib,
                    (double)f->state_bytes / mib, (double)f->parameters * 1e-6,
                    (double)f->activation_bytes / mib, (double)f->batch_bytes / mib,
                    (double)f->checkpoint_bytes / mib, (double)f->free_bytes / mib);
}
