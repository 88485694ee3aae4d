/* SPDX-License-Identifier: Apache-2.0 */
/* train_memory.h - what a training step will take, before anything is taken. */
#ifndef FIT_TRAIN_MEMORY_H
#define FIT_TRAIN_MEMORY_H

#include "fit/fit-train.h"
#include "fk.h"
#include "train_config.h"

/* Whether weights and activations of a run are bf16 on a device. */
bool train_uses_bf16(const struct train_config *config, const struct fk_device *device);

/* Fills in the memory of the forecast for a configuration whose classes and number of pictures are
 * known. */
void train_memory_predict(struct fit_train_forecast *forecast, const struct train_config *config,
                          struct fk_device *device);

/* Fails, with the numbers, when that is more than the device has free. */
bool train_memory_check(const struct fit_train_forecast *forecast, struct fit_error *e);

#endif
