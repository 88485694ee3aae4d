/* SPDX-License-Identifier: Apache-2.0 */
/* The curves of a training run as a picture. */
#ifndef LIMN_CLI_CURVES_H
#define LIMN_CLI_CURVES_H

#include "fit/fit.h"

/* Draws FOLDER/log.csv (fit-train.h) as FOLDER/loss.png: the loss of each logged step, its smooth
 * mean and the validation loss over the steps. Nothing is written while the log has fewer than two
 * lines. Where a resumed run went over steps again, the later line counts. */
bool curves_write(const char *folder, struct fit_error *error);

#endif
