/* SPDX-License-Identifier: Apache-2.0 */
#include "compute.h"

#include <string.h>
#include <time.h>

void fit_compute_init(struct fit_compute *c, struct fk_device *device, struct fk_queue *queue,
                      struct fit_error *error)
{
    *c = (struct fit_compute){
        .device = device, .queue = queue, .ops = device->ops, .error = error, .op = FK_N_OPS};
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool has(const struct fk_ops *ops, enum fk_op op)
{
    switch (op) {
#define HAS(name)                                                                                  \
    case FK_OP_##name:                                                                             \
        return ops->name != NULL;
        FK_OP_LIST(HAS)
#undef HAS
    case FK_N_OPS:
        break;
    }
    return false;
}

bool fit_compute_enter(struct fit_compute *c, enum fk_op op)
{
    if (c->cancel && atomic_load_explicit(c->cancel, memory_order_relaxed))
        return fit_fail(c->error, FIT_ERROR_CANCELLED, "stopped on request");
    if (!has(c->ops, op))
        return fit_fail(c->error, FIT_ERROR_DEVICE, "the backend %s lacks the operation %s",
                        c->device->name, fk_op_name(op));
    c->op = op;
    if (c->times)
        c->times->entered = now();
    return true;
}

/* The backend's sentence may name the operation itself, and names what else failed. */
static bool refuse(struct fit_compute *c, const char *operation)
{
    const char *reason = c->device->queue_error(c->queue);
    size_t n = strlen(operation);
    bool named = n == 0 || (strncmp(reason, operation, n) == 0 && reason[n] == ':');
    return fit_fail(c->error, FIT_ERROR_DEVICE, "%s: %s%s%s", c->device->name,
                    named ? "" : operation, named ? "" : ": ", reason);
}

bool fit_compute_check(struct fit_compute *c, bool ok)
{
    enum fk_op op = c->op;
    c->op = FK_N_OPS;
    if (!ok)
        return refuse(c, op < FK_N_OPS ? fk_op_name(op) : "");
    if (c->times && op < FK_N_OPS) {
        c->times->seconds[op] += now() - c->times->entered;
        c->times->calls[op]++;
    }
    return true;
}

int fit_compute_threads(const struct fit_compute *c)
{
    return c->device->caps.n_threads > 0 ? c->device->caps.n_threads : 1;
}
