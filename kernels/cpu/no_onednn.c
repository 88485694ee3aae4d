/* SPDX-License-Identifier: Apache-2.0 */
/* Built instead of onednn.c, onednn_weights.c and fast_conv.c where oneDNN is missing. */
#include "cpu.h"

void cpu_fast_conv_install(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)ops;
    (void)caps;
}

const struct cpu_products *cpu_onednn_begin(bool *native_bf16)
{
    *native_bf16 = false;
    return NULL;
}

void cpu_onednn_finish(struct fk_queue *q)
{
    (void)q;
}
