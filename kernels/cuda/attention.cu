/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax attention within each image of a pack: chooses between the kernels of tensor cores and
 * the plain ones. */
#include "attention_mma_bwd.cuh"
#include "attention_plain.cuh"
#include "attention_wgmma.cuh"

/* The plain kernels' block for a head width: rows, and tiles as large as shared memory allows. */
struct plain_shape {
    int warps, tile;
    size_t shared;
};

static struct plain_shape plain_shape(int D)
{
    struct plain_shape s;
    s.warps = D <= 256 ? 8 : 4;
    size_t own = (size_t)s.warps * (2 * D + CUDA_WARP) * sizeof(float);
    size_t row = 2 * (size_t)(D + 1) * sizeof(float);
    int most = (int)((PLAIN_SHARED - own) / row);
    s.tile = most < CUDA_WARP ? most : CUDA_WARP;
    s.shared = own + s.tile * row;
    return s;
}

static bool head_ok(struct fk_queue *q, const char *operation, int D)
{
    return (D >= 1 && D <= PLAIN_MAX_HEAD) ||
           cuda_fail(q, "%s: head width is %d, expected 1 to %d", operation, D, PLAIN_MAX_HEAD);
}

static struct attention_args arguments(struct fk_ptr qkv, struct fk_ptr out, const float *lse,
                                       const struct fk_pack *pack, int H, int D, float scale)
{
    struct attention_args a = {};
    a.qkv = qkv;
    a.out = out;
    a.lse = const_cast<float *>(lse);
    a.offset = pack->offset;
    a.H = H;
    a.D = D;
    a.tile = plain_shape(D).tile;
    a.scale = scale;
    return a;
}

static bool plain_launch(struct fk_queue *q, const char *name,
                         void (*kernel)(struct attention_args), const struct fk_pack *pack,
                         const struct attention_args *a)
{
    struct plain_shape s = plain_shape(a->D);
    dim3 grid(cuda_blocks(pack->longest, s.warps), (unsigned)a->H, (unsigned)pack->n_images);
    return cuda_launch(q, name, kernel, grid, dim3(CUDA_WARP, (unsigned)s.warps), s.shared, *a);
}

static bool attention(struct fk_queue *q, struct fk_ptr out, float *lse, struct fk_ptr qkv,
                      const struct fk_pack *pack, int H, int D, float scale)
{
    if (!head_ok(q, "attention", D))
        return false;
    struct attention_args a = arguments(qkv, out, lse, pack, H, D, scale);
    if (wgmma_fits(q, qkv, D))
        return wgmma_forward(q, pack, &a);
    if (mma_fits(q, qkv, D))
        return mma_forward(q, pack, &a);
    return plain_launch(q, "attention", plain_forward_kernel, pack, &a);
}

static bool attention_bwd(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                          struct fk_ptr out, const float *lse, struct fk_ptr qkv,
                          const struct fk_pack *pack, int H, int D, float scale)
{
    if (!head_ok(q, "attention_bwd", D))
        return false;
    size_t rows = (size_t)pack->n_tokens * H;
    struct attention_args a = arguments(qkv, out, lse, pack, H, D, scale);
    a.dqkv = dqkv;
    a.dout = dout;
    a.delta = static_cast<float *>(cuda_scratch(q, 0, rows * sizeof *a.delta));
    if (!a.delta || !cuda_launch(q, "attention_bwd", delta_kernel, dim3(cuda_blocks(rows, 8)),
                                 dim3(CUDA_WARP, 8), 0, a, pack->n_tokens))
        return false;
    if (mma_backward_fits(q, &a))
        return mma_backward(q, pack, &a);
    return plain_launch(q, "attention_bwd", plain_dq_kernel, pack, &a) &&
           plain_launch(q, "attention_bwd", plain_dkv_kernel, pack, &a);
}

bool cuda_attention_has_wgmma(const struct cuda_state *state)
{
    return CUDA_WGMMA_BUILT && state->capability == 90;
}

void cuda_attention_install(struct fk_ops *ops)
{
    ops->attention = attention;
    ops->attention_bwd = attention_bwd;
}
