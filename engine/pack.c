/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include "rope.h"

static bool reserve(struct pack *pack, struct fit_compute *c, int images, int tokens, int half)
{
    if (images <= pack->image_room && tokens <= pack->token_room)
        return true;
    pack_finish(pack);
    struct fk_device *d = c->device;
    size_t table = (size_t)tokens * (size_t)half * sizeof(float);
    size_t offsets = (size_t)(images + 1) * sizeof(int32_t);
    pack->device = d;
    pack->device_offset = d->alloc(d, offsets);
    pack->offset = malloc(offsets);
    pack->cosine = d->alloc(d, table);
    pack->sine = d->alloc(d, table);
    pack->host = malloc(2 * table);
    if (!pack->device_offset || !pack->offset || !pack->cosine || !pack->sine || !pack->host)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for a pack of %d tokens", tokens);
    pack->image_room = images;
    pack->token_room = tokens;
    return true;
}

void pack_finish(struct pack *pack)
{
    if (pack->device) {
        pack->device->free(pack->device, pack->device_offset);
        pack->device->free(pack->device, pack->cosine);
        pack->device->free(pack->device, pack->sine);
    }
    free(pack->offset);
    free(pack->host);
    memset(pack, 0, sizeof *pack);
}

bool pack_build(struct pack *pack, struct fit_compute *c, const struct fit_config *config,
                const struct pack_image *images, int n)
{
    int tokens = 0, longest = 0, half = config->hidden / config->heads / 2;
    for (int b = 0; b < n; b++) {
        int own = images[b].rows * images[b].columns;
        tokens += own;
        longest = own > longest ? own : longest;
    }
    if (!reserve(pack, c, n, tokens, half))
        return false;

    size_t table = (size_t)tokens * (size_t)half;
    float *cosine = pack->host, *sine = pack->host + table;
    int at = 0;
    for (int b = 0; b < n; b++) {
        pack->offset[b] = at;
        size_t first = (size_t)at * (size_t)half;
        if (!fit_rope_table(cosine + first, sine + first, config, config->method, images[b].rows,
                            images[b].columns))
            return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for rotary positions");
        at += images[b].rows * images[b].columns;
    }
    pack->offset[n] = at;
    pack->fk = (struct fk_pack){n, tokens, longest, pack->device_offset};
    struct fk_device *d = c->device;
    return fit_compute_check(c, d->upload(c->queue, pack->device_offset, pack->offset,
                                          (size_t)(n + 1) * sizeof(int32_t))) &&
           fit_compute_check(c, d->upload(c->queue, pack->cosine, cosine, table * sizeof(float))) &&
           fit_compute_check(c, d->upload(c->queue, pack->sine, sine, table * sizeof(float)));
}
