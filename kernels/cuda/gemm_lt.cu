/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products by cuBLASLt. Matrices are row-major here and column-major there: c is computed as its
 * transpose, of b's and a's memory.
 *
 * The algorithm of a shape is chosen when it is met first: of those that the library proposes, the
 * fastest whose result equals the first proposal's in every bit. Those that split k among blocks
 * are left out: their sums depend on the shape, and a picture would depend on what else is in its
 * pack. What was measured is kept in tuning.h. FIT_CUDA_TUNE=0 takes the first proposal;
 * Products of f32 use tf32 where the device says so (fk_caps).
 */
#include <cublasLt.h>

#include <map>
#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "tuning.h"

enum { RUNS = 4 };
#define WORKSPACE ((size_t)32 << 20)

struct choice {
    bool there;
    cublasLtMatmulAlgo_t algorithm;
    float waves;
};

struct cuda_gemm {
    cublasLtHandle_t handle;
    void *workspace;
    bool tune, tf32;
    std::map<tuning_product, struct choice> choices;
    const struct choice *last; /* that of the last product; NULL when it was none of these */
};

/* The library's descriptions of one product. */
struct description {
    cublasLtMatmulDesc_t operation = NULL;
    cublasLtMatrixLayout_t a = NULL, b = NULL, c = NULL; /* their a is our b */
    ~description()
    {
        cublasLtMatmulDescDestroy(operation);
        cublasLtMatrixLayoutDestroy(a);
        cublasLtMatrixLayoutDestroy(b);
        cublasLtMatrixLayoutDestroy(c);
    }
};

struct cuda_gemm *cuda_gemm_new(struct cuda_state *state)
{
    struct cuda_gemm *g = new (std::nothrow) cuda_gemm();
    if (!g)
        return NULL;
    const char *tune = getenv("FIT_CUDA_TUNE");
    g->tune = !tune || strcmp(tune, "0");
    g->tf32 = state->device.caps.tf32;
    if (cublasLtCreate(&g->handle) != CUBLAS_STATUS_SUCCESS ||
        cudaMalloc(&g->workspace, WORKSPACE) != cudaSuccess) {
        cuda_gemm_free(g);
        return NULL;
    }
    return g;
}

void cuda_gemm_free(struct cuda_gemm *g)
{
    if (!g)
        return;
    if (g->handle)
        cublasLtDestroy(g->handle);
    cudaFree(g->workspace);
    delete g;
}

size_t cuda_gemm_version(void)
{
    return cublasLtGetVersion();
}

static cudaDataType type_of(struct fk_ptr x)
{
    return x.type == FK_F32 ? CUDA_R_32F : CUDA_R_16BF;
}

template <typename T>
static bool set(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attribute, T value)
{
    return cublasLtMatmulDescSetAttribute(d, attribute, &value, sizeof value) ==
           CUBLAS_STATUS_SUCCESS;
}

static bool layout(cublasLtMatrixLayout_t *out, cudaDataType type, int rows, int columns)
{
    return cublasLtMatrixLayoutCreate(out, type, (uint64_t)rows, (uint64_t)columns, rows) ==
           CUBLAS_STATUS_SUCCESS;
}

static bool describe(struct description *d, const struct cuda_gemm *g,
                     const struct cuda_product *p)
{
    bool f32 = p->a.type == FK_F32;
    cublasComputeType_t compute =
        f32 && g->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    if (cublasLtMatmulDescCreate(&d->operation, compute, CUDA_R_32F) != CUBLAS_STATUS_SUCCESS ||
        !set(d->operation, CUBLASLT_MATMUL_DESC_TRANSA, p->b_turned ? CUBLAS_OP_N : CUBLAS_OP_T) ||
        !set(d->operation, CUBLASLT_MATMUL_DESC_TRANSB, p->a_turned ? CUBLAS_OP_T : CUBLAS_OP_N))
        return false;
    if (p->bias.p && (!set(d->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS) ||
                      !set(d->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                           static_cast<const void *>(p->bias.p))))
        return false;
    return (p->b_turned ? layout(&d->a, type_of(p->b), p->n, p->k)
                        : layout(&d->a, type_of(p->b), p->k, p->n)) &&
           (p->a_turned ? layout(&d->b, type_of(p->a), p->m, p->k)
                        : layout(&d->b, type_of(p->a), p->k, p->m)) &&
           layout(&d->c, type_of(p->c), p->n, p->m);
}

static cublasStatus_t run(struct fk_queue *q, const struct description *d,
                          const struct cuda_product *p, void *c, float beta,
                          const cublasLtMatmulAlgo_t *algorithm)
{
    const float one = 1;
    return cublasLtMatmul(q->gemm->handle, d->operation, &one, p->b.p, d->a, p->a.p, d->b, &beta, c,
                          d->c, c, d->c, algorithm, q->gemm->workspace, WORKSPACE, q->stream);
}

/* A number of an algorithm; -1 when the library does not know it. */
static int number_of(const cublasLtMatmulAlgo_t *algorithm,
                     cublasLtMatmulAlgoConfigAttributes_t attribute)
{
    int number = -1;
    size_t written;
    cublasStatus_t status = cublasLtMatmulAlgoConfigGetAttribute(algorithm, attribute, &number,
                                                                 sizeof number, &written);
    return status == CUBLAS_STATUS_SUCCESS ? number : -1;
}

bool cuda_gemm_told(const struct cuda_gemm *g, struct fk_algorithm *out)
{
    if (!g->last)
        return false;
    const cublasLtMatmulAlgo_t *algorithm = &g->last->algorithm;
    snprintf(out->name, sizeof out->name, "cuBLASLt %d, tile %d, stages %d",
             number_of(algorithm, CUBLASLT_ALGO_CONFIG_ID),
             number_of(algorithm, CUBLASLT_ALGO_CONFIG_TILE_ID),
             number_of(algorithm, CUBLASLT_ALGO_CONFIG_STAGES_ID));
    out->waves = g->last->waves;
    return true;
}

/* Whether an algorithm sums each number in one piece. */
static bool in_one_piece(const cublasLtMatmulAlgo_t *algorithm)
{
    int splits = 1;
    uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
    size_t written;
    cublasLtMatmulAlgoConfigGetAttribute(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &splits,
                                         sizeof splits, &written);
    cublasLtMatmulAlgoConfigGetAttribute(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME,
                                         &reduction, sizeof reduction, &written);
    return splits <= 1 && reduction == CUBLASLT_REDUCTION_SCHEME_NONE;
}

static int propose(const struct fk_queue *q, const struct description *d,
                   cublasLtMatmulHeuristicResult_t *found)
{
    cublasLtMatmulPreference_t preference;
    size_t workspace = WORKSPACE;
    int n = 0, kept = 0;
    if (cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS)
        return 0;
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                         &workspace, sizeof workspace);
    if (cublasLtMatmulAlgoGetHeuristic(q->gemm->handle, d->operation, d->a, d->b, d->c, d->c,
                                       preference, TUNING_PROPOSALS, found, &n) != CUBLAS_STATUS_SUCCESS)
        n = 0;
    cublasLtMatmulPreferenceDestroy(preference);
    for (int i = 0; i < n; i++)
        if (found[i].state == CUBLAS_STATUS_SUCCESS && in_one_piece(&found[i].algo))
            found[kept++] = found[i];
    return kept;
}

/* Milliseconds of RUNS runs after one to warm up; negative when it fails. */
static float timed(struct fk_queue *q, const struct description *d, const struct cuda_product *p,
                   void *c, const cublasLtMatmulAlgo_t *algorithm, cudaEvent_t begin,
                   cudaEvent_t end)
{
    float ms = -1;
    bool ok = run(q, d, p, c, 0, algorithm) == CUBLAS_STATUS_SUCCESS &&
              cudaEventRecord(begin, q->stream) == cudaSuccess;
    for (int i = 0; ok && i < RUNS; i++)
        ok = run(q, d, p, c, 0, algorithm) == CUBLAS_STATUS_SUCCESS;
    ok = ok && cudaEventRecord(end, q->stream) == cudaSuccess &&
         cudaEventSynchronize(end) == cudaSuccess &&
         cudaEventElapsedTime(&ms, begin, end) == cudaSuccess;
    return ok ? ms : -1;
}

/* The place of the fastest of the proposals that equal the first; -1 when nothing was measured. */
static int compete(struct fk_queue *q, const struct description *d, const struct cuda_product *p,
                   const cublasLtMatmulHeuristicResult_t *found, int n)
{
    size_t bytes = (size_t)p->m * p->n * fk_dtype_size(p->c.type);
    void *c = NULL, *first = malloc(bytes), *other = malloc(bytes);
    cudaEvent_t begin = NULL, end = NULL;
    bool ok = first && other && cudaMalloc(&c, bytes) == cudaSuccess &&
              cudaEventCreate(&begin) == cudaSuccess && cudaEventCreate(&end) == cudaSuccess;
    float best = ok ? timed(q, d, p, c, &found[0].algo, begin, end) : -1;
    ok = best > 0 && cudaMemcpy(first, c, bytes, cudaMemcpyDeviceToHost) == cudaSuccess;
    int place = ok ? 0 : -1;
    for (int i = 1; ok && i < n; i++) {
        float ms = timed(q, d, p, c, &found[i].algo, begin, end);
        if (ms > 0 && ms < best &&
            cudaMemcpy(other, c, bytes, cudaMemcpyDeviceToHost) == cudaSuccess &&
            !memcmp(first, other, bytes)) {
            best = ms;
            place = i;
        }
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    cudaFree(c);
    free(first);
    free(other);
    return place;
}

/* FNV-1a of what the library lets one keep of an algorithm. */
static uint32_t print_of(const cublasLtMatmulAlgo_t *algorithm)
{
    const unsigned char *at = reinterpret_cast<const unsigned char *>(algorithm);
    uint32_t print = 2166136261u;
    for (size_t i = 0; i < sizeof *algorithm; i++)
        print = (print ^ at[i]) * 16777619u;
    return print;
}

/* The place of the proposal to take: the one that won before, here or in another process, if it
 * still stands there; else that of a competition. */
static int settle(struct fk_queue *q, const struct description *d, const struct cuda_product *p,
                  const tuning_product &product, const cublasLtMatmulHeuristicResult_t *found, int n)
{
    struct tuning_choice known;
    if (cuda_tuning_find(q->state, product, &known) && known.place < (uint32_t)n &&
        known.print == print_of(&found[known.place].algo))
        return (int)known.place;
    int place = compete(q, d, p, found, n);
    if (place < 0)
        return 0;
    cuda_tuning_learn(q->state, product, {(uint32_t)place, print_of(&found[place].algo)});
    return place;
}

static tuning_product product_of(const struct cuda_gemm *g, const struct cuda_product *p)
{
    int kind = (p->a.type == FK_BF16) | (p->c.type == FK_BF16) << 1 | p->a_turned << 2 |
               p->b_turned << 3 | (p->bias.p != NULL) << 4 | (p->beta != 0) << 5 | g->tf32 << 6;
    return {p->m, p->n, p->k, kind};
}

static const struct choice *choose(struct fk_queue *q, const struct description *d,
                                   const struct cuda_product *p)
{
    struct cuda_gemm *g = q->gemm;
    tuning_product product = product_of(g, p);
    auto known = g->choices.find(product);
    if (known != g->choices.end())
        return &known->second;
    cublasLtMatmulHeuristicResult_t found[TUNING_PROPOSALS];
    int n = propose(q, d, found);
    int place = n > 1 && g->tune && !q->recording ? settle(q, d, p, product, found, n) : 0;
    struct choice choice = {n > 0, {}, 0};
    if (n > 0) {
        choice.algorithm = found[place].algo;
        choice.waves = found[place].wavesCount;
    }
    return &(g->choices[product] = choice);
}

bool cuda_gemm_lt(struct fk_queue *q, const struct cuda_product *p, bool *failed)
{
    struct description d;
    q->gemm->last = NULL;
    if (!describe(&d, q->gemm, p))
        return false;
    const struct choice *choice = choose(q, &d, p);
    if (!choice->there)
        return false;
    cublasStatus_t status = run(q, &d, p, p->c.p, p->beta, &choice->algorithm);
    if (status == CUBLAS_STATUS_SUCCESS) {
        q->gemm->last = choice;
        return true;
    }
    *failed = true;
    return cuda_fail(q, "product of %d x %d x %d: %s", p->m, p->n, p->k,
                     cublasLtGetStatusString(status));
}
