/* SPDX-License-Identifier: Apache-2.0 */
/* open.h - the backend's front door, for the file that has the plug-in's symbol. */
#ifndef FK_CUDA_OPEN_H
#define FK_CUDA_OPEN_H

#include "fk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the first card that the backend can use; NULL with one sentence. */
struct fk_device *cuda_device_open(const struct fk_open_params *params, char *message,
                                   size_t message_bytes);

#ifdef __cplusplus
}
#endif

#endif
