/* SPDX-License-Identifier: Apache-2.0 */
/* Without cuBLASLt every product is the plain kernel's. */
#include "gemm.h"

struct cuda_gemm {
    char nothing;
};

struct cuda_gemm *cuda_gemm_new(struct cuda_state *state)
{
    (void)state;
    return new cuda_gemm();
}

void cuda_gemm_free(struct cuda_gemm *gemm)
{
    delete gemm;
}

bool cuda_gemm_lt(struct fk_queue *q, const struct cuda_product *product, bool *failed)
{
    (void)q, (void)product, (void)failed;
    return false;
}
