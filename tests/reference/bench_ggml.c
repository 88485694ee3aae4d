/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products and the attention of a block of FiTv2 in ggml (github.com/ggml-org/ggml), on the
 * numbers that engine/include/fit/fit-bench.h describes. bench_vs_ggml.py builds and runs it:
 *
 *     bench_ggml THREADS SECONDS TOKENS WIDTH HEADS HIDDEN
 *
 * One line of JSON for each shape and way: the median of the runs that fit into SECONDS, and the
 * distance of some outputs from sums in double precision. Weights have the type named; the other
 * operand is f32, as ggml wants it. Layouts are those that suit ggml best.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml.h"

enum { IMAGES = 2, SAMPLES = 64, MOST_RUNS = 4096, LEAST_RUNS = 3 };

static ggml_backend_t backend;
static double seconds;

static double value_of(const char *name, uint64_t i)
{
    uint64_t z = 0xcbf29ce484222325u;
    for (; *name; name++)
        z = (z ^ (unsigned char)*name) * 0x100000001b3u;
    z += (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return ((double)(z >> 40) / 8388608 - 1) * sqrt(3);
}

static void *room(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p) {
        fprintf(stderr, "bench_ggml: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return p;
}

static struct ggml_context *context_new(void)
{
    struct ggml_init_params params = {.mem_size = 1 << 20, .no_alloc = true};
    return ggml_init(params);
}

/* Rows of n floats in the tensor's type. */
static void tensor_fill(struct ggml_tensor *t, const float *x)
{
    int64_t n = t->ne[0], rows = ggml_nrows(t);
    void *converted = room(ggml_nbytes(t));
    if (t->type == GGML_TYPE_F32)
        memcpy(converted, x, ggml_nbytes(t));
    else
        ggml_quantize_chunk(t->type, x, converted, 0, rows, n, NULL);
    ggml_backend_tensor_set(t, converted, 0, ggml_nbytes(t));
    free(converted);
}

static float *tensor_values(const struct ggml_tensor *t)
{
    float *x = room(ggml_nbytes(t));
    ggml_backend_tensor_get(t, x, 0, ggml_nbytes(t));
    return x;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_time(struct ggml_cgraph *graph)
{
    static double times[MOST_RUNS];
    int n = 0;
    ggml_backend_graph_compute(backend, graph);
    double begun = now();
    while (n < MOST_RUNS && (n < LEAST_RUNS || now() - begun < seconds)) {
        double from = now();
        if (ggml_backend_graph_compute(backend, graph) != GGML_STATUS_SUCCESS) {
            fprintf(stderr, "bench_ggml: the graph failed\n");
            exit(1);
        }
        times[n++] = now() - from;
    }
    qsort(times, (size_t)n, sizeof *times, ascending);
    return times[n / 2];
}

static void report(const char *what, const char *way, double time, double error)
{
    printf("{\"what\": \"%s\", \"way\": \"%s\", \"median_s\": %.9f, \"error\": %.3e}\n", what, way,
           time, error);
    fflush(stdout);
}

/* ---- products ----------------------------------------------------------------------------- */

struct product {
    const char *name;
    int M, N, K;
    float *x, *w; /* [M][K], [N][K] */
};

static double product_error(const struct product *p, const float *y)
{
    double apart = 0, size = 0;
    for (int i = 0; i < SAMPLES; i++) {
        size_t m = (size_t)i * 977 % (size_t)p->M, n = (size_t)i * 1237 % (size_t)p->N;
        double sum = 0;
        for (size_t k = 0; k < (size_t)p->K; k++)
            sum += (double)p->x[m * (size_t)p->K + k] * p->w[n * (size_t)p->K + k];
        double d = y[m * (size_t)p->N + n] - sum;
        apart += d * d;
        size += sum * sum;
    }
    return sqrt(apart / size);
}

static void measure_product(const struct product *p, enum ggml_type type)
{
    struct ggml_context *c = context_new();
    struct ggml_tensor *w = ggml_new_tensor_2d(c, type, p->K, p->N);
    struct ggml_tensor *x = ggml_new_tensor_2d(c, GGML_TYPE_F32, p->K, p->M);
    struct ggml_tensor *y = ggml_mul_mat(c, w, x);
    struct ggml_cgraph *graph = ggml_new_graph(c);
    ggml_build_forward_expand(graph, y);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(c, backend);
    tensor_fill(w, p->w);
    tensor_fill(x, p->x);
    double time = median_time(graph);
    float *got = tensor_values(y);
    report(p->name, ggml_type_name(type), time, product_error(p, got));
    free(got);
    ggml_backend_buffer_free(buffer);
    ggml_free(c);
}

static void measure_products(int tokens, int width, int hidden)
{
    struct product all[] = {{"qkv", IMAGES * tokens, 3 * width, width, NULL, NULL},
                            {"proj", IMAGES * tokens, width, width, NULL, NULL},
                            {"gate", IMAGES * tokens, hidden, width, NULL, NULL},
                            {"down", IMAGES * tokens, width, hidden, NULL, NULL}};
    const enum ggml_type types[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0};
    for (int i = 0; i < 4; i++) {
        struct product *p = &all[i];
        size_t n_x = (size_t)p->M * (size_t)p->K, n_w = (size_t)p->N * (size_t)p->K;
        p->x = room(n_x * sizeof(float));
        p->w = room(n_w * sizeof(float));
        for (size_t k = 0; k < n_x; k++)
            p->x[k] = (float)value_of("x", k);
        for (size_t k = 0; k < n_w; k++)
            p->w[k] = (float)(value_of("w", k) / sqrt(p->K));
        for (int t = 0; t < 4; t++)
            measure_product(p, types[t]);
        free(p->x);
        free(p->w);
    }
}

/* ---- attention ---------------------------------------------------------------------------- */

struct attention {
    int tokens, heads, D;
    float *part[3]; /* q, k, v: [image][head][token][D] */
    float *turned;  /* v: [image][head][D][token] */
};

static size_t attention_size(const struct attention *a)
{
    return (size_t)IMAGES * (size_t)a->heads * (size_t)a->tokens * (size_t)a->D;
}

static void attention_make(struct attention *a)
{
    size_t n = attention_size(a), each = (size_t)a->tokens * (size_t)a->D;
    const char *const names[] = {"q", "k", "v"};
    for (int part = 0; part < 3; part++) {
        a->part[part] = room(n * sizeof(float));
        for (size_t i = 0; i < n; i++)
            a->part[part][i] = (float)value_of(names[part], i);
    }
    a->turned = room(n * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        size_t head = i / each, token = i % each / (size_t)a->D, d = i % (size_t)a->D;
        a->turned[head * each + d * (size_t)a->tokens + token] = a->part[2][i];
    }
}

/* Of out [image][head][token][D], or with `flash` [image][token][head][D]. */
static double attention_error(const struct attention *a, const float *out, bool flash)
{
    double apart = 0, size = 0;
    size_t T = (size_t)a->tokens, D = (size_t)a->D, H = (size_t)a->heads;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t head = i * 7 % (IMAGES * H), query = i * 977 % T, d = i * 31 % D;
        const float *q = a->part[0] + (head * T + query) * D;
        double total = 0, sum = 0;
        for (size_t key = 0; key < T; key++) {
            double score = 0;
            for (size_t k = 0; k < D; k++)
                score += (double)q[k] * a->part[1][(head * T + key) * D + k];
            double weight = exp(score / sqrt(a->D));
            total += weight;
            sum += weight * a->part[2][(head * T + key) * D + d];
        }
        size_t at = flash ? ((head / H * T + query) * H + head % H) * D + d
                          : (head * T + query) * D + d;
        apart += (out[at] - sum / total) * (out[at] - sum / total);
        size += sum / total * (sum / total);
    }
    return sqrt(apart / size);
}

static struct ggml_tensor *tensor_new(struct ggml_context *c, enum ggml_type type, int columns,
                                      int rows, int heads)
{
    return ggml_new_tensor_4d(c, type, columns, rows, heads, IMAGES);
}

static void measure_attention(const struct attention *a, enum ggml_type type, bool flash)
{
    struct ggml_context *c = context_new();
    float scale = 1 / sqrtf((float)a->D);
    struct ggml_tensor *q = tensor_new(c, GGML_TYPE_F32, a->D, a->tokens, a->heads);
    struct ggml_tensor *k = tensor_new(c, type, a->D, a->tokens, a->heads), *v, *out;
    if (flash) {
        v = tensor_new(c, type, a->D, a->tokens, a->heads);
        out = ggml_flash_attn_ext(c, q, k, v, NULL, scale, 0, 0);
    } else {
        v = tensor_new(c, type, a->tokens, a->D, a->heads);
        struct ggml_tensor *weights = ggml_soft_max_ext(c, ggml_mul_mat(c, k, q), NULL, scale, 0);
        out = ggml_mul_mat(c, v, weights);
    }
    struct ggml_cgraph *graph = ggml_new_graph(c);
    ggml_build_forward_expand(graph, out);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(c, backend);
    tensor_fill(q, a->part[0]);
    tensor_fill(k, a->part[1]);
    tensor_fill(v, flash ? a->part[2] : a->turned);
    double time = median_time(graph);
    float *got = tensor_values(out);
    char way[64];
    snprintf(way, sizeof way, "%s %s", flash ? "flash" : "plain", ggml_type_name(type));
    report("attention", way, time, attention_error(a, got, flash));
    free(got);
    ggml_backend_buffer_free(buffer);
    ggml_free(c);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_ggml THREADS SECONDS TOKENS WIDTH HEADS HIDDEN\n");
        return 1;
    }
    int tokens = atoi(argv[3]), width = atoi(argv[4]), heads = atoi(argv[5]);
    seconds = atof(argv[2]);
    backend = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(backend, atoi(argv[1]));
    measure_products(tokens, width, atoi(argv[6]));
    struct attention a = {.tokens = tokens, .heads = heads, .D = width / heads};
    attention_make(&a);
    for (int flash = 0; flash <= 1; flash++) {
        measure_attention(&a, flash ? GGML_TYPE_F16 : GGML_TYPE_F32, flash);
        measure_attention(&a, flash ? GGML_TYPE_F32 : GGML_TYPE_F16, flash);
    }
    for (int i = 0; i < 3; i++)
        free(a.part[i]);
    free(a.turned);
    ggml_backend_free(backend);
    return 0;
}
