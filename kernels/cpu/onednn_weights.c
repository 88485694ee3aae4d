/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that stay as they are, copied into the order in which oneDNN's products read fastest:
 * it depends on the sizes of the weights and their type, not on how many rows they meet. The copy
 * is made by the first product, so that opening a model takes no time, and one matrix at a time may
 * give its own memory back. */
#include "onednn.h"
#include "slabs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = 256, USUAL_ROWS = 128 };

struct cpu_weights {
    pthread_mutex_t lock; /* models come and go on other threads than the queue's */
    struct slabs copies;
    struct onednn_kept *bucket[N_BUCKETS];
};

static struct onednn_kept **bucket_of(struct cpu_weights *weights, const void *w)
{
    return &weights->bucket[((uintptr_t)w >> 6) % N_BUCKETS];
}

static struct cpu_weights *weights_of(struct fk_device *device)
{
    return ((struct cpu_state *)device->state)->weights;
}

/* What the product with the usual number of rows wants. */
static bool layout_find(dnnl_memory_desc_t *layout, dnnl_engine_t engine, enum fk_dtype type,
                        int N, int K)
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

/* Under the lock. */
static void kept_free(struct cpu_weights *weights, struct onednn_kept *kept)
{
    if (kept)
        slabs_give(&weights->copies, kept->copy);
    free(kept);
}

/* Sets kept->copy where there is memory for it, and another order than w has. Under the lock. */
static void make_copy(struct cpu_weights *weights, struct onednn_kept *kept)
{
    const dnnl_dims_t dims = {kept->K, kept->N};
    dnnl_data_type_t t = kept->type == FK_F32 ? dnnl_f32 : dnnl_bf16;
    dnnl_memory_desc_t plain;
    dnnl_engine_t engine = NULL;
    bool ok = dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
              dnnl_memory_desc_init_by_tag(&plain, 2, dims, t, dnnl_ba) == dnnl_success &&
              layout_find(&kept->layout, engine, kept->type, kept->N, kept->K);
    ok = ok && !dnnl_memory_desc_equal(&plain, &kept->layout);
    if (ok)
        kept->copy = slabs_take(&weights->copies, dnnl_memory_desc_get_size(&kept->layout));
    if (kept->copy && !reorder(engine, &plain, kept->w, &kept->layout, kept->copy)) {
        slabs_give(&weights->copies, kept->copy);
        kept->copy = NULL;
    }
    if (engine)
        dnnl_engine_destroy(engine);
    kept->tried = true;
}

static void forget(struct fk_device *device, const void *w)
{
    struct cpu_weights *weights = weights_of(device);
    pthread_mutex_lock(&weights->lock);
    struct onednn_kept **at = bucket_of(weights, w);
    while (*at && (*at)->w != w)
        at = &(*at)->next;
    struct onednn_kept *gone = *at;
    if (gone)
        *at = gone->next;
    kept_free(weights, gone);
    pthread_mutex_unlock(&weights->lock);
}

static bool keep(struct fk_device *device, struct fk_ptr w, int N, int K,
                 void (*copied)(void *user, const void *w, size_t bytes), void *user)
{
    struct cpu_weights *weights = weights_of(device);
    if (w.type == FK_BF16 && !device->caps.native_bf16)
        return false; /* products widen these, copy after copy */
    forget(device, w.p);
    struct onednn_kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return false;
    *kept = (struct onednn_kept){
        .w = w.p, .type = w.type, .N = N, .K = K, .copied = copied, .user = user};
    pthread_mutex_lock(&weights->lock);
    struct onednn_kept **at = bucket_of(weights, w.p);
    kept->next = *at;
    *at = kept;
    pthread_mutex_unlock(&weights->lock);
    return true;
}

const struct onednn_kept *cpu_onednn_kept(struct fk_device *device, struct fk_ptr w, int N, int K)
{
    struct cpu_weights *weights = weights_of(device);
    bool made = false;
    if (!weights)
        return NULL;
    pthread_mutex_lock(&weights->lock);
    struct onednn_kept *kept = *bucket_of(weights, w.p);
    while (kept && (kept->w != w.p || kept->type != w.type || kept->N != N || kept->K != K))
        kept = kept->next;
    if (kept && !kept->tried) {
        make_copy(weights, kept);
        made = kept->copy;
    }
    pthread_mutex_unlock(&weights->lock);
    if (made && kept->copied)
        kept->copied(kept->user, w.p, (size_t)N * (size_t)K * fk_dtype_size(w.type));
    return kept && kept->copy ? kept : NULL;
}

bool cpu_weights_install(struct fk_device *device)
{
    struct cpu_weights *weights = calloc(1, sizeof *weights);
    if (!weights)
        return false;
    pthread_mutex_init(&weights->lock, NULL);
    ((struct cpu_state *)device->state)->weights = weights;
    device->weights_keep = keep;
    device->weights_forget = forget;
    return true;
}

void cpu_weights_finish(struct fk_device *device)
{
    struct cpu_weights *weights = weights_of(device);
    for (int i = 0; weights && i < N_BUCKETS; i++)
        for (struct onednn_kept *next, *kept = weights->bucket[i]; kept; kept = next) {
            next = kept->next;
            kept_free(weights, kept);
        }
    if (weights)
        pthread_mutex_destroy(&weights->lock);
    free(weights);
}
