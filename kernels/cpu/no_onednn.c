/* SPDX-License-Identifier: Apache-2.0 */
/* Built instead of onednn.c, fast_linear.c and fast_conv.c where oneDNN is missing. */
#include "cpu.h"

void cpu_fast_linear_install_base(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)ops;
    (void)caps;
}

void cpu_fast_linear_install_v3(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)ops;
    (void)caps;
}

void cpu_fast_conv_install(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)ops;
    (void)caps;
}

bool cpu_onednn_begin(bool *native_bf16)
{
    *native_bf16 = false;
    return false;
}

void cpu_onednn_finish(struct fk_queue *q)
{
    (void)q;
}

bool cpu_weights_install(struct fk_device *device)
{
    (void)device;
    return true;
}

void cpu_weights_finish(struct fk_device *device)
{
    (void)device;
}
