/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compute.h - the engine's one door to the kernels.
 *
 * `fit_run(c, op, ...)` queues one operation of fk.h: it looks at the cancel flag first, refuses
 * an operation that the backend lacks by its name, and turns a failure of the queue into the
 * caller's error. Whatever fails first is what the error says.
 */
#ifndef FIT_COMPUTE_H
#define FIT_COMPUTE_H

#include <stdatomic.h>

#include "error.h"
#include "fk.h"

/* Seconds and calls per operation; true times only where operations run when they are queued. */
struct fit_compute_times {
    double seconds[FK_N_OPS];
    uint64_t calls[FK_N_OPS];
    double entered; /* of the operation that runs */
};

struct fit_compute {
    struct fk_device *device;
    struct fk_queue *queue;
    const struct fk_ops *ops;
    atomic_bool *cancel;             /* may be NULL; looked at before every operation */
    struct fit_error *error;         /* may be NULL; filled once, nearest the cause */
    struct fit_compute_times *times; /* may be NULL */
    enum fk_op op;                   /* between enter and check; FK_N_OPS otherwise */
};

/* Borrows the device and the queue. */
void fit_compute_init(struct fit_compute *c, struct fk_device *device, struct fk_queue *queue,
                      struct fit_error *error);

/* False when cancelled (FIT_ERROR_CANCELLED) or when the backend has no such operation. */
bool fit_compute_enter(struct fit_compute *c, enum fk_op op);

/* Passes `ok` on; when it is false the queue's sentence becomes the error (FIT_ERROR_DEVICE).
 * Also for the device's own calls: fit_compute_check(c, c->device->copy(c->queue, ...)). */
bool fit_compute_check(struct fit_compute *c, bool ok);

/* How many threads of the host the device is meant to use; at least 1. */
int fit_compute_threads(const struct fit_compute *c);

#define fit_run(c, op_, ...)                                                                       \
    (fit_compute_enter((c), FK_OP_##op_) &&                                                        \
     fit_compute_check((c), (c)->ops->op_((c)->queue, __VA_ARGS__)))

#endif
