/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tensors of the SD VAE and of TAESD's decoder, named and shaped as the published files have
 * them, with values that follow a rule (tiny_fill): no file of megabytes is needed.
 */
#ifndef AUTOENCODER_WEIGHTS_H
#define AUTOENCODER_WEIGHTS_H

#include "safetensors.h"

enum { WEIGHTS_MOST = 256, WEIGHTS_NAME_BYTES = 96 };

struct weights {
    struct fit_tensor tensor[WEIGHTS_MOST];
    char name[WEIGHTS_MOST][WEIGHTS_NAME_BYTES];
    int n;
};

/* Fail the test when memory is short; freed by weights_free. */
struct weights *weights_of_vae(void);
struct weights *weights_of_taesd(void); /* layers 0 to 19 of its own decoder */
void weights_free(struct weights *w);

/* A file that was never one, over the same numbers; .tensors is the caller's to free. */
struct fit_safetensors weights_file(const struct weights *w);

#endif
