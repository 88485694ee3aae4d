/* SPDX-License-Identifier: Apache-2.0 */
#include "landing.h"

#include <stdlib.h>

static bool has_own(const struct fk_device *d)
{
    return d->landing_new && d->landing_free && d->download_later && d->mark_new && d->mark_free &&
           d->mark_place && d->mark_wait;
}

/* Page-locked memory may be short where other memory is not. */
bool fit_landing_init(struct fit_landing *landing, struct fk_device *device, size_t bytes,
                      struct fit_error *error)
{
    *landing = (struct fit_landing){.device = device};
    if (has_own(device) && (landing->mark = device->mark_new(device))) {
        landing->memory = device->landing_new(device, bytes);
        if (landing->memory)
            return true;
        device->mark_free(landing->mark);
        landing->mark = NULL;
    }
    landing->memory = malloc(bytes);
    return landing->memory || fit_fail(error, FIT_ERROR_MEMORY, "no memory for the run");
}

void fit_landing_finish(struct fit_landing *landing)
{
    if (landing->mark) {
        landing->device->landing_free(landing->device, landing->memory);
        landing->device->mark_free(landing->mark);
    } else {
        free(landing->memory);
    }
    *landing = (struct fit_landing){0};
}

bool fit_landing_take(struct fit_landing *landing, struct fit_compute *c, size_t at,
                      const void *device_memory, size_t bytes)
{
    bool (*download)(struct fk_queue *, void *, const void *, size_t) =
        landing->mark ? c->device->download_later : c->device->download;
    return fit_compute_check(c, download(c->queue, landing->memory + at, device_memory, bytes));
}

bool fit_landing_close(struct fit_landing *landing, struct fit_compute *c)
{
    return !landing->mark ||
           fit_compute_check(c, c->device->mark_place(c->queue, landing->mark));
}

bool fit_landing_wait(struct fit_landing *landing, struct fit_compute *c)
{
    return !landing->mark || fit_compute_check(c, c->device->mark_wait(c->queue, landing->mark));
}
