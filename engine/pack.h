/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.h - pictures of any shape laid end to end for one pass of the network.
 *
 * A pack holds the token counts as `struct fk_pack` (offsets on the device) and the rotary tables
 * of its pictures. Positions of every picture start at its own top-left corner. The buffers grow
 * to the largest pack seen and are then reused.
 */
#ifndef FIT_PACK_H
#define FIT_PACK_H

#include "compute.h"
#include "fit_config.h"

struct pack_image {
    int rows, columns; /* tokens */
};

struct pack {
    struct fk_pack fk;
    float *cosine, *sine; /* [N][D/2], device */
    /* owned */
    struct fk_device *device;
    int32_t *device_offset, *offset; /* [B+1], device and host */
    float *host;                     /* [2][N][D/2] staging */
    int image_room, token_room;
};

/* Lays out `n` pictures; the method of positions is the configuration's. */
bool pack_build(struct pack *pack, struct fit_compute *c, const struct fit_config *config,
                const struct pack_image *images, int n);
void pack_finish(struct pack *pack);

#endif
