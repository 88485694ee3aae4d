/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution through oneDNN, in f32: pictures pass here once, so the width of weights is no
 * matter. Weights are brought into oneDNN's order in each call, for they may have changed. */
#include "onednn.h"

enum { SLOT_WEIGHTS, SLOT_BIAS };

static bool conv2d(struct fk_queue *q, float *y, const float *x, struct fk_ptr w,
                   struct fk_ptr bias, const struct fk_conv *conv, float beta)
{
    size_t taps = (size_t)conv->kernel * conv->kernel;
    const float *W = cpu_floats(q, SLOT_WEIGHTS, w,
                                taps * conv->in_channels * conv->out_channels);
    const float *row = bias.p ? cpu_floats(q, SLOT_BIAS, bias, conv->out_channels) : NULL;
    if (!W || (bias.p && !row))
        return false;
    return cpu_onednn_conv(q, y, x, W, row, conv, beta != 0);
}

void cpu_fast_conv_install(struct fk_ops *ops, const struct fk_caps *caps)
{
    (void)caps;
    ops->conv2d = conv2d;
}
