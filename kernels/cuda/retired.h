/* SPDX-License-Identifier: Apache-2.0 */
/* retired.h - scratch memory that was outgrown: a graph recorded before may still use it. */
#ifndef FK_CUDA_RETIRED_H
#define FK_CUDA_RETIRED_H

#include "cuda.h"

/* Frees `memory` (may be NULL) now, or with the queue when graphs of the queue exist. */
void cuda_retire(struct fk_queue *q, void *memory);
void cuda_retired_free(struct fk_queue *q);

#endif
