/* SPDX-License-Identifier: Apache-2.0 */
/* sheet.h - a contact sheet of what the running average paints: a row for every class (of many, for
 * sixteen), a column for every shape, always from the same noise, so that two sheets can be
 * compared by eye. */
#ifndef FIT_SHEET_H
#define FIT_SHEET_H

#include "trainer.h"

bool sheet_write(struct fit_trainer *t, const char *path, struct fit_error *e);

#endif
