/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers: operands brought to one type, then products (gemm.h). */
#include "gemm.h"
#include "launch.cuh"

#include <map>
#include <mutex>
#include <new>

/* ---- biases ------------------------------------------------------------------------------- */

/* What the caller promised to leave alone: w, with the copy of its bias in bf16 that products with
 * results in bf16 add. */
struct cuda_weights {
    std::mutex lock;
    std::map<const void *, void *> bias; /* of w; NULL until it is used */
};

static bool weights_keep(struct fk_device *device, struct fk_ptr w, int N, int K,
                         void (*copied)(void *user, const void *w, size_t bytes), void *user)
{
    (void)N, (void)K, (void)copied, (void)user;
    struct cuda_weights *kept = static_cast<struct cuda_state *>(device->state)->weights;
    std::lock_guard<std::mutex> hold(kept->lock);
    try {
        kept->bias.emplace(w.p, nullptr);
    } catch (const std::bad_alloc &) { /* then the bias is converted each time */
    }
    return false; /* w itself is read where it lies */
}

static void weights_forget(struct fk_device *device, const void *w)
{
    struct cuda_weights *kept = static_cast<struct cuda_state *>(device->state)->weights;
    std::lock_guard<std::mutex> hold(kept->lock);
    auto found = kept->bias.find(w);
    if (found == kept->bias.end())
        return;
    cuda_retire(static_cast<struct cuda_state *>(device->state), found->second);
    kept->bias.erase(found);
}

bool cuda_weights_install(struct cuda_state *state)
{
    state->weights = new (std::nothrow) cuda_weights();
    state->device.weights_keep = weights_keep;
    state->device.weights_forget = weights_forget;
    return state->weights != NULL;
}

void cuda_weights_finish(struct cuda_state *state)
{
    if (state->weights)
        for (auto &kept : state->weights->bias)
            cudaFree(kept.second);
    delete state->weights;
}

/* The copy that belongs to a kept w: made when it is asked for first. NULL when w is not kept. */
static void *kept_bias(struct fk_queue *q, struct fk_ptr bias, const void *w, int N)
{
    struct cuda_weights *kept = q->state->weights;
    std::lock_guard<std::mutex> hold(kept->lock);
    auto found = kept->bias.find(w);
    if (found == kept->bias.end())
        return NULL;
    if (found->second || q->recording)
        return found->second;
    void *copy = NULL;
    if (cudaMalloc(&copy, (size_t)N * sizeof(bf16)) != cudaSuccess)
        cudaGetLastError(); /* no matter: it is converted each time */
    else if (cuda_convert(q, (struct fk_ptr){copy, FK_BF16}, bias, N))
        found->second = copy;
    else
        cudaFree(copy);
    return found->second;
}

/* The bias in the type of the result; false when memory is short. */
static bool bias_for(struct fk_queue *q, struct fk_ptr *out, struct fk_ptr bias, enum fk_dtype type,
                     const void *w, int N)
{
    *out = bias;
    if (!bias.p || bias.type == type)
        return true;
    out->type = type;
    out->p = type == FK_BF16 ? kept_bias(q, bias, w, N) : NULL;
    if (out->p)
        return true;
    out->p = cuda_scratch(q, CUDA_GEMM_SLOT, (size_t)N * fk_dtype_size(type));
    return out->p && cuda_convert(q, *out, bias, N);
}

/* ---- products ----------------------------------------------------------------------------- */

/* x in the type of w: itself, or a copy in the scratch slot. */
static bool operand(struct fk_queue *q, struct fk_ptr *out, int slot, struct fk_ptr x,
                    struct fk_ptr w, size_t n)
{
    *out = x;
    if (x.type == w.type)
        return true;
    *out = (struct fk_ptr){cuda_scratch(q, slot, n * fk_dtype_size(w.type)), w.type};
    return out->p && cuda_convert(q, *out, x, n);
}

static bool linear(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, struct fk_ptr w,
                   struct fk_ptr bias, int M, int N, int K, float beta)
{
    struct cuda_product p = {};
    p.m = M;
    p.n = N;
    p.k = K;
    p.b = w;
    p.c = y;
    p.beta = beta;
    return operand(q, &p.a, 0, x, w, (size_t)M * K) &&
           bias_for(q, &p.bias, bias, y.type, w.p, N) && cuda_multiply(q, &p);
}

enum { BIAS_COLUMNS = 32, BIAS_ROWS = 8 };

/* db[N] += column sums of dy [M][N]: interleaved rows, then the eight in order. */
static __global__ void bias_bwd_kernel(float *db, struct fk_ptr dy, int M, int N)
{
    __shared__ float room[BIAS_ROWS][BIAS_COLUMNS];
    int n = blockIdx.x * BIAS_COLUMNS + threadIdx.x;
    float sum = 0;
    for (int m = threadIdx.y; n < N && m < M; m += BIAS_ROWS)
        sum += load(dy, (size_t)m * N + n);
    room[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y || n >= N)
        return;
    for (int r = 1; r < BIAS_ROWS; r++)
        sum += room[r][threadIdx.x];
    db[n] += sum;
}

static bool linear_bwd(struct fk_queue *q, struct fk_ptr dx, float *dw, float *db,
                       struct fk_ptr dy, struct fk_ptr x, struct fk_ptr w, int M, int N, int K,
                       float beta)
{
    struct fk_ptr given, taken = {};
    if (!operand(q, &given, 0, dy, w, (size_t)M * N) ||
        (dw && !operand(q, &taken, 1, x, w, (size_t)M * K)))
        return false;
    struct cuda_product into = {}, weights = {};
    into.m = M;
    into.n = K;
    into.k = N;
    into.a = given;
    into.b = w;
    into.b_turned = true;
    into.c = dx;
    into.beta = beta;
    weights.m = N;
    weights.n = K;
    weights.k = M;
    weights.a = given;
    weights.a_turned = true;
    weights.b = taken;
    weights.b_turned = true;
    weights.c = fk_f32(dw);
    weights.beta = 1;
    return (!dx.p || cuda_multiply(q, &into)) && (!dw || cuda_multiply(q, &weights)) &&
           (!db || cuda_launch(q, "linear_bwd", bias_bwd_kernel, dim3(cuda_blocks(N, BIAS_COLUMNS)),
                               dim3(BIAS_COLUMNS, BIAS_ROWS), 0, db, dy, M, N));
}

void cuda_linear_install(struct fk_ops *ops)
{
    ops->linear = linear;
    ops->linear_bwd = linear_bwd;
}
