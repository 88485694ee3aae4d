/* SPDX-License-Identifier: Apache-2.0 */
/* All that touches oneDNN's C interface, which changed between its second and third version. */
#include "isa.h"
#include "onednn.h"

#include <stdio.h>
#include <stdlib.h>

#if DNNL_VERSION_MAJOR != 2
#error "this file speaks to oneDNN 2.x; configure with -Donednn=disabled for another version"
#endif

enum {
    KEY_WORDS = 14,
    N_BUCKETS = 512,  /* a power of two, twice the entries: probing stays short */
    MOST_ENTRIES = 256,
    MOST_ARGS = 5,    /* three operands, result, scratchpad */
};

struct key {
    int32_t word[KEY_WORDS]; /* word[0] != 0: what is computed; then sizes and types */
};

/* A compiled primitive with its arguments; only their addresses change between calls. */
struct compiled {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[MOST_ARGS];
    int n_args;
    size_t scratchpad_bytes;
};

struct entry {
    struct key key;
    struct compiled main, reorder; /* reorder: a convolution's weights, if they must be */
    size_t reordered_bytes;
};

struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int n_entries;
    struct entry *entry[N_BUCKETS];
};

/* What a primitive is made from, freed together whatever happened on the way. */
struct recipe {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_attr_t attr;
};

static void compiled_finish(struct compiled *c)
{
    for (int i = 0; i < c->n_args; i++)
        dnnl_memory_destroy(c->arg[i].memory);
    if (c->primitive)
        dnnl_primitive_destroy(c->primitive);
}

static void entry_free(struct entry *e)
{
    if (!e)
        return;
    compiled_finish(&e->main);
    compiled_finish(&e->reorder);
    free(e);
}

static void entries_clear(struct onednn *o)
{
    for (int i = 0; i < N_BUCKETS; i++) {
        entry_free(o->entry[i]);
        o->entry[i] = NULL;
    }
    o->n_entries = 0;
}

void cpu_onednn_finish(struct fk_queue *q)
{
    struct onednn *o = q->primitives;
    if (!o)
        return;
    entries_clear(o);
    if (o->stream)
        dnnl_stream_destroy(o->stream);
    if (o->engine)
        dnnl_engine_destroy(o->engine);
    free(o);
    q->primitives = NULL;
}

/* The queue's oneDNN, made at first use. The team's size is the calling thread's setting. */
static struct onednn *onednn_of(struct fk_queue *q)
{
#ifdef _OPENMP
    omp_set_num_threads(q->device->caps.n_threads);
#endif
    if (q->primitives)
        return q->primitives;
    struct onednn *o = q->primitives = calloc(1, sizeof *o);
    if (o && dnnl_engine_create(&o->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags) == dnnl_success)
        return o;
    cpu_onednn_finish(q);
    cpu_fail(q, "oneDNN: no engine for this processor");
    return NULL;
}

/* The bucket that holds the key, or the empty one where it belongs. */
static struct entry **bucket_of(struct onednn *o, const struct key *key)
{
    uint32_t hash = 2166136261u; /* FNV-1a, a word at a time */
    for (int i = 0; i < KEY_WORDS; i++)
        hash = (hash ^ (uint32_t)key->word[i]) * 16777619u;
    hash ^= hash >> 15;
    for (;; hash++) {
        struct entry **e = &o->entry[hash % N_BUCKETS];
        if (!*e || memcmp(&(*e)->key, key, sizeof *key) == 0)
            return e;
    }
}

/* Puts a new entry into the cache, or frees it when it did not come to be. */
static struct entry *entry_keep(struct onednn *o, struct entry *e, bool made)
{
    if (!made) {
        entry_free(e);
        return NULL;
    }
    if (o->n_entries == MOST_ENTRIES)
        entries_clear(o);
    *bucket_of(o, &e->key) = e;
    o->n_entries++;
    return e;
}

static dnnl_data_type_t type_of(enum fk_dtype type)
{
    return type == FK_F32 ? dnnl_f32 : dnnl_bf16;
}

/* Adds an argument without an address yet. */
static bool arg_add(struct onednn *o, struct compiled *c, int name, const dnnl_memory_desc_t *md)
{
    dnnl_exec_arg_t *arg = &c->arg[c->n_args];
    arg->arg = name;
    if (dnnl_memory_create(&arg->memory, md, o->engine, DNNL_MEMORY_NONE) != dnnl_success)
        return false;
    c->n_args++;
    return true;
}

/* Scratch memory is ours to give: then it is bounded, and shared between all entries. */
static bool attr_make(struct recipe *r, bool add)
{
    dnnl_post_ops_t post = NULL;
    bool ok = dnnl_primitive_attr_create(&r->attr) == dnnl_success &&
              dnnl_primitive_attr_set_scratchpad_mode(r->attr, dnnl_scratchpad_mode_user) ==
                  dnnl_success;
    if (ok && add)
        ok = dnnl_post_ops_create(&post) == dnnl_success &&
             dnnl_post_ops_append_sum(post, 1) == dnnl_success &&
             dnnl_primitive_attr_set_post_ops(r->attr, post) == dnnl_success;
    if (post)
        dnnl_post_ops_destroy(post);
    return ok;
}

static void recipe_finish(struct recipe *r)
{
    if (r->desc)
        dnnl_primitive_desc_destroy(r->desc);
    if (r->attr)
        dnnl_primitive_attr_destroy(r->attr);
}

/* The scratchpad is the last argument. */
static bool compiled_make(struct onednn *o, struct compiled *c, const struct recipe *r)
{
    const dnnl_memory_desc_t *pad =
        dnnl_primitive_desc_query_md(r->desc, dnnl_query_scratchpad_md, 0);
    c->scratchpad_bytes = dnnl_memory_desc_get_size(pad);
    return arg_add(o, c, DNNL_ARG_SCRATCHPAD, pad) &&
           dnnl_primitive_create(&c->primitive, r->desc) == dnnl_success;
}

/* Runs with the addresses in the order in which the arguments were added. */
static bool compiled_run(struct fk_queue *q, struct compiled *c, const void *const *address)
{
    struct onednn *o = q->primitives;
    void *pad = cpu_scratch(q, ONEDNN_SLOT_OWN, c->scratchpad_bytes);
    if (!pad)
        return false;
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < c->n_args && status == dnnl_success; i++) {
        void *p = i == c->n_args - 1 ? pad : (void *)address[i];
        status = dnnl_memory_set_data_handle(c->arg[i].memory, p);
    }
    if (status == dnnl_success)
        status = dnnl_primitive_execute(c->primitive, o->stream, c->n_args, c->arg);
    if (status == dnnl_success)
        status = dnnl_stream_wait(o->stream);
    return status == dnnl_success || cpu_fail(q, "oneDNN: a primitive failed (%d)", (int)status);
}

/* A dense matrix, or with `turned` the one that lies transposed. */
static bool matrix_desc(dnnl_memory_desc_t *md, int rows, int columns, enum fk_dtype type,
                        bool turned)
{
    const dnnl_dims_t dims = {rows, columns};
    const dnnl_dims_t strides = {turned ? 1 : columns, turned ? rows : 1};
    return dnnl_memory_desc_init_by_strides(md, 2, dims, type_of(type), strides) == dnnl_success;
}

static bool matmul_make(struct onednn *o, struct entry *e, const struct cpu_matmul *m,
                        enum fk_dtype factor, enum fk_dtype result, const struct fk_ptr *bias)
{
    dnnl_memory_desc_t a, b, c, row;
    dnnl_matmul_desc_t desc;
    struct recipe r = {0};
    bool ok = matrix_desc(&a, m->M, m->K, factor, m->a_turned) &&
              (m->kept ? cpu_onednn_layout(&b, o->engine, factor, m->N, m->K)
                       : matrix_desc(&b, m->K, m->N, factor, m->b_turned)) &&
              matrix_desc(&c, m->M, m->N, result, false) &&
              matrix_desc(&row, 1, m->N, bias->type, false) &&
              dnnl_matmul_desc_init(&desc, &a, &b, bias->p ? &row : NULL, &c) == dnnl_success &&
              attr_make(&r, m->add) &&
              dnnl_primitive_desc_create(&r.desc, &desc, r.attr, o->engine, NULL) ==
                  dnnl_success &&
              arg_add(o, &e->main, DNNL_ARG_DST, &c) && arg_add(o, &e->main, DNNL_ARG_SRC, &a) &&
              arg_add(o, &e->main, DNNL_ARG_WEIGHTS, &b) &&
              (!bias->p || arg_add(o, &e->main, DNNL_ARG_BIAS, &row)) &&
              compiled_make(o, &e->main, &r);
    recipe_finish(&r);
    return ok;
}

static bool multiply(struct fk_queue *q, struct fk_ptr c, struct fk_ptr a, struct fk_ptr b,
                     struct fk_ptr bias, const struct cpu_matmul *m)
{
    struct onednn *o = onednn_of(q);
    if (!o)
        return false;
    struct key key = {{'m', m->M, m->N, m->K, m->a_turned, m->b_turned, m->add, a.type, c.type,
                       bias.p ? 1 + (int)bias.type : 0, m->kept != NULL}};
    struct entry *e = *bucket_of(o, &key);
    if (!e && (e = calloc(1, sizeof *e))) {
        e->key = key;
        e = entry_keep(o, e, matmul_make(o, e, m, a.type, c.type, &bias));
    }
    if (!e)
        return cpu_fail(q, "oneDNN: no product of %d x %d by %d x %d", m->M, m->K, m->K, m->N);
    const void *factor = m->kept ? m->kept->copy : b.p;
    return compiled_run(q, &e->main, (const void *const[]){c.p, a.p, factor, bias.p});
}

static bool reorder_make(struct onednn *o, struct entry *e, const dnnl_memory_desc_t *plain,
                         const dnnl_memory_desc_t *wanted)
{
    struct recipe r = {0};
    bool ok = attr_make(&r, false) &&
              dnnl_reorder_primitive_desc_create(&r.desc, plain, o->engine, wanted, o->engine,
                                                 r.attr) == dnnl_success &&
              arg_add(o, &e->reorder, DNNL_ARG_TO, wanted) &&
              arg_add(o, &e->reorder, DNNL_ARG_FROM, plain) && compiled_make(o, &e->reorder, &r);
    e->reordered_bytes = dnnl_memory_desc_get_size(wanted);
    recipe_finish(&r);
    return ok;
}

struct conv_descs {
    dnnl_memory_desc_t x, w, plain, bias, y;
};

static bool conv_descs_make(struct conv_descs *d, const struct fk_conv *v)
{
    const dnnl_dims_t x = {v->batch, v->in_channels, v->height, v->width};
    const dnnl_dims_t w = {v->out_channels, v->in_channels, v->kernel, v->kernel};
    const dnnl_dims_t y = {v->batch, v->out_channels, v->out_height, v->out_width};
    const dnnl_dims_t bias = {v->out_channels};
    return dnnl_memory_desc_init_by_tag(&d->x, 4, x, dnnl_f32, dnnl_nhwc) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&d->w, 4, w, dnnl_f32, dnnl_format_tag_any) ==
               dnnl_success &&
           dnnl_memory_desc_init_by_tag(&d->plain, 4, w, dnnl_f32, dnnl_oihw) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&d->bias, 1, bias, dnnl_f32, dnnl_x) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&d->y, 4, y, dnnl_f32, dnnl_nhwc) == dnnl_success;
}

/* Rows below (columns right) that the output size asks for; rows left over need none. */
static int pad_end(int in, int out, const struct fk_conv *v)
{
    int pad = (out - 1) * v->stride + v->kernel - in - v->pad_begin;
    return pad > 0 ? pad : 0;
}

static bool conv_desc_make(struct onednn *o, struct recipe *r, struct conv_descs *d,
                           const struct fk_conv *v, bool bias)
{
    const dnnl_dims_t strides = {v->stride, v->stride}, begin = {v->pad_begin, v->pad_begin};
    const dnnl_dims_t end = {pad_end(v->height, v->out_height, v),
                             pad_end(v->width, v->out_width, v)};
    dnnl_convolution_desc_t desc;
    return dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference,
                                              dnnl_convolution_direct, &d->x, &d->w,
                                              bias ? &d->bias : NULL, &d->y, strides, begin,
                                              end) == dnnl_success &&
           dnnl_primitive_desc_create(&r->desc, &desc, r->attr, o->engine, NULL) == dnnl_success;
}

static bool conv_make(struct onednn *o, struct entry *e, const struct fk_conv *v, bool bias,
                      bool add)
{
    struct conv_descs d;
    struct recipe r = {0};
    bool ok = conv_descs_make(&d, v) && attr_make(&r, add) && conv_desc_make(o, &r, &d, v, bias);
    if (ok) {
        const dnnl_memory_desc_t *w =
            dnnl_primitive_desc_query_md(r.desc, dnnl_query_weights_md, 0);
        ok = arg_add(o, &e->main, DNNL_ARG_DST, &d.y) &&
             arg_add(o, &e->main, DNNL_ARG_SRC, &d.x) &&
             arg_add(o, &e->main, DNNL_ARG_WEIGHTS, w) &&
             (!bias || arg_add(o, &e->main, DNNL_ARG_BIAS, &d.bias)) &&
             compiled_make(o, &e->main, &r) &&
             (dnnl_memory_desc_equal(w, &d.plain) || reorder_make(o, e, &d.plain, w));
    }
    recipe_finish(&r);
    return ok;
}

bool cpu_onednn_conv(struct fk_queue *q, float *y, const float *x, const float *w,
                     const float *bias, const struct fk_conv *v, bool add)
{
    struct onednn *o = onednn_of(q);
    if (!o)
        return false;
    struct key key = {{'c', v->batch, v->height, v->width, v->in_channels, v->out_channels,
                       v->kernel, v->stride, v->pad_begin, v->out_height, v->out_width,
                       bias != NULL, add}};
    struct entry *e = *bucket_of(o, &key);
    if (!e && (e = calloc(1, sizeof *e))) {
        e->key = key;
        e = entry_keep(o, e, conv_make(o, e, v, bias != NULL, add));
    }
    if (!e)
        return cpu_fail(q, "oneDNN: no convolution of %d x %d x %d, kernel %d, to %d channels",
                        v->height, v->width, v->in_channels, v->kernel, v->out_channels);
    if (e->reorder.primitive) {
        float *reordered = cpu_scratch(q, ONEDNN_SLOT_WEIGHTS, e->reordered_bytes);
        if (!reordered || !compiled_run(q, &e->reorder, (const void *const[]){reordered, w}))
            return false;
        w = reordered;
    }
    return compiled_run(q, &e->main, (const void *const[]){y, x, w, bias});
}

const struct cpu_products *cpu_onednn_begin(bool *native_bf16)
{
    static const struct cpu_products products = {false, multiply, cpu_onednn_copy_bytes,
                                                 cpu_onednn_copy};
    static const dnnl_cpu_isa_t most[CPU_N_ISAS] = {
        [CPU_ISA_BASE] = dnnl_cpu_isa_sse41,
        [CPU_ISA_AVX2] = dnnl_cpu_isa_avx2,
        [CPU_ISA_AVX512] = dnnl_cpu_isa_avx512_core_vnni,
        [CPU_ISA_AVX512_BF16] = dnnl_cpu_isa_all,
    };
    /* Refused once oneDNN has looked at the processor; then it was set before. */
    (void)dnnl_set_max_cpu_isa(most[cpu_isa()]);
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    *native_bf16 = isa == dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl_cpu_isa_avx512_core_amx;
    return &products;
}
