/* SPDX-License-Identifier: Apache-2.0 */
/* The one symbol of fit-cuda.so. */
#include "fk_plugin.h"
#include "open.h"

const struct fk_plugin fk_plugin = {.abi = FK_ABI, .open = cuda_device_open};
