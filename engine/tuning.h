/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuning.h - what the device learned by measuring (kernels/fk.h), kept in a file of the device's
 * name between processes. A file that is missing, too large or of no use costs nothing but
 * measuring again, and so does one that cannot be written: neither is an error.
 */
#ifndef FIT_TUNING_H
#define FIT_TUNING_H

#include "fk.h"

/* Both do nothing without a folder, or for a device that learns nothing. The folder is made. */
void fit_tuning_load(struct fk_device *device, const char *folder);
void fit_tuning_save(struct fk_device *device, const char *folder);

#endif
