/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

void cpu_fast_attention_install(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)ops;
    (void)caps;
}
