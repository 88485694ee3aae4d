/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h - what a run leaves on disk, and how it continues from it.
 *
 * A checkpoint is a folder "checkpoints/step-000012000": a model bundle of the running average,
 * and training.safetensors with parameter, moment1, moment2, ema (F32 [total], the flat order of
 * fit_weights.h) and the run's position as metadata. It is written under a temporary name and
 * renamed when complete.
 */
#ifndef FIT_CHECKPOINT_H
#define FIT_CHECKPOINT_H

#include "trainer.h"

bool checkpoint_save(struct fit_trainer *t, struct fit_error *e);

/* Continues from the newest checkpoint of the run; true without a change when there is none.
 * A checkpoint of another configuration is refused. */
bool checkpoint_resume(struct fit_trainer *t, struct fit_error *e);

/* Writes the model alone, ready to generate with: a bundle folder with the average's matrices in
 * bf16 and its vectors and tables in f32. */
bool checkpoint_export_bundle(struct fit_trainer *t, const char *folder, struct fit_error *e);

#endif
