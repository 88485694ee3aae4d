/* SPDX-License-Identifier: Apache-2.0 */
#include <cublasLt.h>

#include <stdlib.h>

#include "fk_dtype.h"

enum { N_ALGORITHMS = 4, SPLITS = 1, OTHER_BITS = 2 };
static const float milliseconds[N_ALGORITHMS] = {4, 1, 2, 3};
double cuda_shim_clock_ms;

struct cublas_shim {
    bool proposes;
};

struct cublas_shim_product {
    int a_turned, b_turned, epilogue;
    bool tf32;
    const void *bias;
};

struct cublas_shim_layout {
    cudaDataType type;
    size_t rows, columns, step;
};

struct cublas_shim_preference {
    char nothing;
};

size_t cublasLtGetVersion()
{
    return 1;
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_SUCCESS ? "no error" : "an argument is wrong";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    *handle = new cublas_shim{getenv("FK_SHIM_LT") != NULL};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType)
{
    *desc = new cublas_shim_product();
    (*desc)->tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes)
{
    void *to = attribute == CUBLASLT_MATMUL_DESC_TRANSA     ? static_cast<void *>(&desc->a_turned)
               : attribute == CUBLASLT_MATMUL_DESC_TRANSB   ? static_cast<void *>(&desc->b_turned)
               : attribute == CUBLASLT_MATMUL_DESC_EPILOGUE ? static_cast<void *>(&desc->epilogue)
                                                            : static_cast<void *>(&desc->bias);
    memcpy(to, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc)
{
    delete desc;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t step)
{
    *layout = new cublas_shim_layout{type, rows, columns, (size_t)step};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    delete layout;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    *preference = new cublas_shim_preference();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t,
                                                    const void *, size_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    delete preference;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algorithm,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute,
                                                    void *value, size_t bytes, size_t *written)
{
    int which = (int)algorithm->data[0], splits = which == SPLITS;
    int answer = attribute == CUBLASLT_ALGO_CONFIG_ID           ? 10 + which
                 : attribute == CUBLASLT_ALGO_CONFIG_TILE_ID    ? 20 + which
                 : attribute == CUBLASLT_ALGO_CONFIG_STAGES_ID  ? 30 + which
                 : attribute == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? 1 + splits
                                                                : splits;
    memcpy(value, &answer, bytes);
    *written = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int wanted,
                                              cublasLtMatmulHeuristicResult_t *found, int *n_found)
{
    *n_found = handle->proposes ? (wanted < N_ALGORITHMS ? wanted : N_ALGORITHMS) : 0;
    for (int i = 0; i < *n_found; i++) {
        found[i] = cublasLtMatmulHeuristicResult_t();
        found[i].algo.data[0] = (uint64_t)i;
        found[i].wavesCount = (float)i + 0.5f;
    }
    return CUBLAS_STATUS_SUCCESS;
}

static float number(const void *p, cudaDataType type, size_t i)
{
    return type == CUDA_R_32F ? static_cast<const float *>(p)[i]
                              : fk_bf16_to_f32(static_cast<const uint16_t *>(p)[i]);
}

/* A number as it is multiplied: of tf32 ten bits behind the leading one are left. */
static float factor(const void *p, cudaDataType type, size_t i, bool tf32)
{
    float value = number(p, type, i);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (tf32)
        bits = (bits + 0x1000) & ~0x1fffu;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static void put(void *p, cudaDataType type, size_t i, float value)
{
    if (type == CUDA_R_32F)
        static_cast<float *>(p)[i] = value;
    else
        static_cast<uint16_t *>(p)[i] = fk_f32_to_bf16(value);
}

/* Of a matrix that lies column by column, or of its transpose. */
static size_t place(const cublas_shim_layout &l, bool turned, size_t row, size_t column)
{
    return turned ? column + row * l.step : row + column * l.step;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t a_layout, const void *b,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *algorithm, void *, size_t,
                              cudaStream_t stream)
{
    cublas_shim_product p = *desc;
    cublas_shim_layout la = *a_layout, lb = *b_layout, lc = *c_layout, ld = *d_layout;
    size_t inner = p.a_turned ? la.rows : la.columns;
    float times = *static_cast<const float *>(alpha), keep = *static_cast<const float *>(beta);
    uint64_t which = algorithm->data[0];
    if (which >= N_ALGORITHMS || inner != (p.b_turned ? lb.columns : lb.rows) ||
        ld.rows != (p.a_turned ? la.columns : la.rows) ||
        ld.columns != (p.b_turned ? lb.rows : lb.columns))
        return CUBLAS_STATUS_INVALID_VALUE;
    cuda_shim_launch(stream, dim3(1), dim3(1), 0, false, [=] {
        cuda_shim_clock_ms += milliseconds[which];
        for (size_t j = 0; j < ld.columns; j++)
            for (size_t i = 0; i < ld.rows; i++) {
                float sum = which == OTHER_BITS ? 0.25f : 0;
                for (size_t k = 0; k < inner; k++)
                    sum += factor(a, la.type, place(la, p.a_turned, i, k), p.tf32) *
                           factor(b, lb.type, place(lb, p.b_turned, k, j), p.tf32);
                sum *= times;
                if (p.epilogue == CUBLASLT_EPILOGUE_BIAS)
                    sum += number(p.bias, ld.type, i);
                if (keep != 0)
                    sum += keep * number(c, lc.type, place(lc, false, i, j));
                put(d, ld.type, place(ld, false, i, j), sum);
            }
    });
    return CUBLAS_STATUS_SUCCESS;
}
