/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and keys, normalised over their head and rotated. A warp has one head of one token, a
 * lane up to PAIRS neighbouring pairs in registers: everything is read once. */
#include "launch.cuh"

enum { MAX_HEAD_WIDTH = 256, PAIRS = MAX_HEAD_WIDTH / 2 / CUDA_WARP, HEAD_WARPS = 4 };

struct head {
    float2 pair[PAIRS]; /* pair j of lane l is the head's pair j * 32 + l */
    float mean, rstd;
};

/* With epsilon < 0 the head stays as it is. */
template <typename X>
static __device__ void head_read(struct head *head, const X *x, int half, float epsilon)
{
    float sum = 0, squares = 0;
    for (int j = 0; j < PAIRS; j++) {
        int i = j * CUDA_WARP + (int)threadIdx.x;
        head->pair[j] = i < half ? load2(x, 2 * i) : make_float2(0, 0);
        sum += head->pair[j].x + head->pair[j].y;
    }
    head->mean = 0;
    head->rstd = 1;
    if (epsilon < 0)
        return;
    head->mean = warp_sum(sum) / (float)(2 * half);
    for (int j = 0; j < PAIRS; j++) {
        float a = head->pair[j].x - head->mean, b = head->pair[j].y - head->mean;
        squares += j * CUDA_WARP + (int)threadIdx.x < half ? a * a + b * b : 0;
    }
    head->rstd = 1.0f / sqrtf(warp_sum(squares) / (float)(2 * half) + epsilon);
}

/* Heads 0 .. 2H-1 of a token are queries and keys, which turn; the others are values. */
template <typename Y, typename X>
static __global__ void rope_kernel(Y *out, const X *qkv, const float *cosine, const float *sine,
                                   int N, int H, int half, float epsilon)
{
    int index = blockIdx.x * HEAD_WARPS + threadIdx.y;
    if (index >= N * 3 * H)
        return;
    size_t first = (size_t)index * 2 * half, table = (size_t)(index / (3 * H)) * half;
    bool turns = index % (3 * H) < 2 * H;
    struct head head;
    head_read(&head, qkv + first, half, turns ? epsilon : -1.0f);
    for (int j = 0; j < PAIRS; j++) {
        int i = j * CUDA_WARP + (int)threadIdx.x;
        if (i >= half)
            break;
        float a = (head.pair[j].x - head.mean) * head.rstd;
        float b = (head.pair[j].y - head.mean) * head.rstd;
        float c = turns ? cosine[table + i] : 1, s = turns ? sine[table + i] : 0;
        store2(out + first, 2 * i, a * c - b * s, b * c + a * s);
    }
}

static bool head_width_ok(struct fk_queue *q, const char *operation, int D)
{
    return (D >= 2 && D % 2 == 0 && D <= MAX_HEAD_WIDTH) ||
           cuda_fail(q, "%s: head width is %d, expected an even number up to %d", operation, D,
                     MAX_HEAD_WIDTH);
}

static bool qk_norm_rope(struct fk_queue *q, struct fk_ptr out, struct fk_ptr qkv,
                         const float *cosine, const float *sine, int N, int H, int D,
                         float epsilon)
{
    return head_width_ok(q, "qk_norm_rope", D) && cuda_typed(out, qkv, [&](auto *to, auto *from) {
               auto kernel = rope_kernel<std::remove_pointer_t<decltype(to)>,
                                         std::remove_pointer_t<decltype(from)>>;
               return cuda_launch(q, "qk_norm_rope", kernel,
                                  dim3(cuda_blocks((size_t)N * 3 * H, HEAD_WARPS)),
                                  dim3(CUDA_WARP, HEAD_WARPS), 0, to, from, cosine, sine, N, H,
                                  D / 2, epsilon);
           });
}

/* Turned back, then through the normalisation as in norm.cu. */
template <typename T, typename G, typename X>
static __global__ void rope_bwd_kernel(T *dqkv, const G *dout, const X *qkv, const float *cosine,
                                       const float *sine, int N, int H, int half, float epsilon)
{
    int index = blockIdx.x * HEAD_WARPS + threadIdx.y;
    if (index >= N * 3 * H)
        return;
    size_t first = (size_t)index * 2 * half, table = (size_t)(index / (3 * H)) * half;
    bool turns = index % (3 * H) < 2 * H;
    float2 g[PAIRS];
    float sum = 0, dot = 0;
    struct head head;
    head_read(&head, qkv + first, half, turns ? epsilon : -1.0f);
    for (int j = 0; j < PAIRS; j++) {
        int i = j * CUDA_WARP + (int)threadIdx.x;
        g[j] = make_float2(0, 0);
        if (i >= half)
            continue;
        float2 d = load2(dout + first, 2 * i);
        float c = turns ? cosine[table + i] : 1, s = turns ? sine[table + i] : 0;
        g[j] = make_float2(d.x * c + d.y * s, d.y * c - d.x * s);
        sum += g[j].x + g[j].y;
        dot += (g[j].x * (head.pair[j].x - head.mean) + g[j].y * (head.pair[j].y - head.mean)) *
               head.rstd;
    }
    bool normal = turns && epsilon >= 0;
    sum = normal ? warp_sum(sum) / (float)(2 * half) : 0;
    dot = normal ? warp_sum(dot) / (float)(2 * half) : 0;
    for (int j = 0; j < PAIRS; j++) {
        int i = j * CUDA_WARP + (int)threadIdx.x;
        if (i >= half)
            break;
        float a = (head.pair[j].x - head.mean) * head.rstd;
        float b = (head.pair[j].y - head.mean) * head.rstd;
        store2(dqkv + first, 2 * i, head.rstd * (g[j].x - sum - a * dot),
               head.rstd * (g[j].y - sum - b * dot));
    }
}

static bool qk_norm_rope_bwd(struct fk_queue *q, struct fk_ptr dqkv, struct fk_ptr dout,
                             struct fk_ptr qkv, const float *cosine, const float *sine, int N,
                             int H, int D, float epsilon)
{
    if (!head_width_ok(q, "qk_norm_rope_bwd", D))
        return false;
    return cuda_typed(dqkv, [&](auto *to) {
        return cuda_typed(dout, qkv, [&](auto *d, auto *x) {
            auto kernel = rope_bwd_kernel<std::remove_pointer_t<decltype(to)>,
                                          std::remove_pointer_t<decltype(d)>,
                                          std::remove_pointer_t<decltype(x)>>;
            return cuda_launch(q, "qk_norm_rope_bwd", kernel,
                               dim3(cuda_blocks((size_t)N * 3 * H, HEAD_WARPS)),
                               dim3(CUDA_WARP, HEAD_WARPS), 0, to, d, x, cosine, sine, N, H, D / 2,
                               epsilon);
        });
    });
}

void cuda_rope_install(struct fk_ops *ops)
{
    ops->qk_norm_rope = qk_norm_rope;
    ops->qk_norm_rope_bwd = qk_norm_rope_bwd;
}
