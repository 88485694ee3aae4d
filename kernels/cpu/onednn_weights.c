/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which oneDNN's products want weights: it depends on their sizes and type, not on how
 * many rows they meet. */
#include "onednn.h"

enum { USUAL_ROWS = 128 };

/* What the product with the usual number of rows wants. */
bool cpu_onednn_layout(dnnl_memory_desc_t *layout, dnnl_engine_t engine, enum fk_dtype type, int N,
                       int K)
{
    const dnnl_dims_t x = {USUAL_ROWS, K}, w = {K, N}, y = {USUAL_ROWS, N}, row = {1, N};
    dnnl_data_type_t t = type == FK_F32 ? dnnl_f32 : dnnl_bf16;
    dnnl_memory_desc_t from, any, bias, to;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t product = NULL;
    bool ok = dnnl_memory_desc_init_by_tag(&from, 2, x, t, dnnl_ab) == dnnl_success &&
              dnnl_memory_desc_init_by_tag(&any, 2, w, t, dnnl_format_tag_any) == dnnl_success &&
              dnnl_memory_desc_init_by_tag(&bias, 2, row, dnnl_f32, dnnl_ab) == dnnl_success &&
              dnnl_memory_desc_init_by_tag(&to, 2, y, t, dnnl_ab) == dnnl_success &&
              dnnl_matmul_desc_init(&desc, &from, &any, &bias, &to) == dnnl_success &&
              dnnl_primitive_desc_create(&product, &desc, NULL, engine, NULL) == dnnl_success;
    if (ok)
        *layout = *dnnl_primitive_desc_query_md(product, dnnl_query_weights_md, 0);
    if (product)
        dnnl_primitive_desc_destroy(product);
    return ok;
}

static bool reorder(dnnl_engine_t engine, const dnnl_memory_desc_t *from, const void *x,
                    const dnnl_memory_desc_t *to, void *y)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t source = NULL, target = NULL;
    dnnl_stream_t stream = NULL;
    bool ok = dnnl_reorder_primitive_desc_create(&desc, from, engine, to, engine, NULL) ==
                  dnnl_success &&
              dnnl_primitive_create(&primitive, desc) == dnnl_success &&
              dnnl_memory_create(&source, from, engine, (void *)x) == dnnl_success &&
              dnnl_memory_create(&target, to, engine, y) == dnnl_success &&
              dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
    ok = ok && dnnl_primitive_execute(primitive, stream, 2, args) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
    if (stream)
        dnnl_stream_destroy(stream);
    dnnl_memory_destroy(source);
    dnnl_memory_destroy(target);
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    return ok;
}

/* The order that w has. */
static bool plain_layout(dnnl_memory_desc_t *plain, const struct cpu_kept *kept)
{
    const dnnl_dims_t dims = {kept->K, kept->N};
    dnnl_data_type_t t = kept->type == FK_F32 ? dnnl_f32 : dnnl_bf16;
    return dnnl_memory_desc_init_by_tag(plain, 2, dims, t, dnnl_ba) == dnnl_success;
}

size_t cpu_onednn_copy_bytes(const struct cpu_kept *kept)
{
    dnnl_engine_t engine = NULL;
    dnnl_memory_desc_t plain, layout;
    bool ok = dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
              plain_layout(&plain, kept) &&
              cpu_onednn_layout(&layout, engine, kept->type, kept->N, kept->K);
    if (engine)
        dnnl_engine_destroy(engine);
    return ok && !dnnl_memory_desc_equal(&plain, &layout) ? dnnl_memory_desc_get_size(&layout) : 0;
}

bool cpu_onednn_copy(const struct cpu_kept *kept, void *to)
{
    dnnl_engine_t engine = NULL;
    dnnl_memory_desc_t plain, layout;
    bool ok = dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
              plain_layout(&plain, kept) &&
              cpu_onednn_layout(&layout, engine, kept->type, kept->N, kept->K) &&
              reorder(engine, &plain, kept->w, &layout, to);
    if (engine)
        dnnl_engine_destroy(engine);
    return ok;
}
