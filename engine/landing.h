/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landing.h - host memory that downloads arrive in while the device goes on with what is queued
 * behind them. Where the device has none of its own, each download is waited for at once.
 *
 *     fit_landing_init -> { fit_landing_take*, fit_landing_close, fit_landing_wait }* -> finish
 */
#ifndef FIT_LANDING_H
#define FIT_LANDING_H

#include "compute.h"

struct fit_landing {
    struct fk_device *device;
    unsigned char *memory; /* undefined from the first take to the end of the wait */
    struct fk_mark *mark;  /* NULL: downloads are waited for at once */
};

/* The error is about memory. */
bool fit_landing_init(struct fit_landing *landing, struct fk_device *device, size_t bytes,
                      struct fit_error *error);
/* Nothing is under way any more. One of zeros is fine. */
void fit_landing_finish(struct fit_landing *landing);

/* Queues a download to memory + at. */
bool fit_landing_take(struct fit_landing *landing, struct fit_compute *c, size_t at,
                      const void *device_memory, size_t bytes);
/* After the last of them, or instead of any. */
bool fit_landing_close(struct fit_landing *landing, struct fit_compute *c);
/* Returns when all have arrived that were taken before the close. */
bool fit_landing_wait(struct fit_landing *landing, struct fit_compute *c);

#endif
