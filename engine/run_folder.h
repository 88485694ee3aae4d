/* SPDX-License-Identifier: Apache-2.0 */
/* run_folder.h - where a training run keeps its checkpoints: "checkpoints/step-000012000". What
 * programs see of it is struct fit_checkpoints in fit.h; the trainer's side goes by the names
 * alone, so that it also clears away what is no whole bundle any more. */
#ifndef FIT_RUN_FOLDER_H
#define FIT_RUN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The folder of all checkpoints, and that of one. False when the path does not fit. */
bool run_checkpoints(const char *run, char *out, size_t out_bytes);
bool run_checkpoint(const char *run, int64_t step, char *out, size_t out_bytes);

/* The step that the last component of a path says; -1 when it is not the name of a checkpoint. */
int64_t run_step_of_path(const char *path);

/* The path of the newest complete checkpoint; false when there is none. */
bool run_newest_checkpoint(const char *run, char *out, size_t out_bytes);

/* Calls visit with the path of each complete checkpoint but the newest `keep`. */
void run_older_checkpoints(const char *run, int keep, void (*visit)(const char *path));

#endif
