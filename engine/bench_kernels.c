/* SPDX-License-Identifier: Apache-2.0 */
/* Peaks, products and attention: single operations on made-up numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "fk_dtype.h"

enum { SAMPLES = 64 };

#define SLOW_S 5e-3
#define PEAK_S 0.25 /* for each product; only its fast runs count */

struct product {
    struct fk_ptr x, w, bias, y;
    int M, N, K;
};

static void product_finish(struct product *p, struct bench *b)
{
    if (p->w.p && b->device->weights_forget)
        b->device->weights_forget(b->device, p->w.p);
    void *const all[] = {p->x.p, p->w.p, p->bias.p, p->y.p};
    for (int i = 0; i < 4; i++)
        b->device->free(b->device, all[i]);
}

static bool product_init(struct product *p, struct bench *b, int M, int N, int K,
                         enum fk_dtype type)
{
    *p = (struct product){.M = M, .N = N, .K = K};
    p->x.type = p->w.type = p->y.type = type;
    p->x.p = bench_values(b, "x", (size_t)M * (size_t)K, 1, type);
    p->w.p = bench_values(b, "w", (size_t)N * (size_t)K, 1 / sqrt(K), type);
    p->bias.p = bench_values(b, "bias", (size_t)N, 1, FK_F32);
    p->y.p = bench_values(b, "y", (size_t)M * (size_t)N, 1, type);
    if (!p->x.p || !p->w.p || !p->bias.p || !p->y.p)
        return false;
    if (b->device->weights_keep) /* as those of a network */
        b->device->weights_keep(b->device, p->w, N, K, NULL, NULL);
    return true;
}

static bool product_run(void *user, struct bench *b)
{
    struct product *p = user;
    return fit_run(&b->compute, linear, p->y, p->x, p->w, p->bias, p->M, p->N, p->K, 0);
}

static float rounded(double value, enum fk_dtype type)
{
    return type == FK_F32 ? (float)value : fk_bf16_to_f32(fk_f32_to_bf16((float)value));
}

static float *download(struct bench *b, struct fk_ptr x, size_t n)
{
    float *out = malloc(n * sizeof *out);
    uint16_t *narrow = malloc(n * sizeof *narrow);
    bool wide = x.type == FK_F32;
    bool ok = out && narrow &&
              b->device->download(b->queue, wide ? (void *)out : (void *)narrow, x.p,
                                  n * fk_dtype_size(x.type)) &&
              b->device->queue_sync(b->queue);
    for (size_t i = 0; ok && !wide && i < n; i++)
        out[i] = fk_bf16_to_f32(narrow[i]);
    free(narrow);
    if (!ok) {
        fit_fail(b->error, FIT_ERROR_DEVICE, "%s: %s", b->device->name,
                 b->device->queue_error(b->queue));
        free(out);
        return NULL;
    }
    return out;
}

/* Some outputs of the last run against sums in double precision. */
static bool product_error(struct product *p, struct bench *b, double *error)
{
    float *y = download(b, p->y, (size_t)p->M * (size_t)p->N);
    if (!y)
        return false;
    uint64_t x_hash = bench_hash("x"), w_hash = bench_hash("w"), bias_hash = bench_hash("bias");
    double apart = 0, size = 0, deviation = 1 / sqrt(p->K);
    for (int i = 0; i < SAMPLES; i++) {
        size_t m = (size_t)i * 977 % (size_t)p->M, n = (size_t)i * 1237 % (size_t)p->N;
        double sum = (float)bench_value(bias_hash, n);
        for (size_t k = 0; k < (size_t)p->K; k++) {
            double x = bench_value(x_hash, m * (size_t)p->K + k);
            double w = bench_value(w_hash, n * (size_t)p->K + k) * deviation;
            sum += (double)rounded(x, p->x.type) * rounded(w, p->w.type);
        }
        double d = y[m * (size_t)p->N + n] - sum;
        apart += d * d;
        size += sum * sum;
    }
    *error = sqrt(apart / size);
    free(y);
    return true;
}

/* How the product that was queued last was computed, where the device tells. */
static void tell_algorithm(struct bench *b, struct fit_bench_row *row)
{
    struct fk_algorithm algorithm;
    if (!b->device->linear_told || !b->device->linear_told(b->queue, &algorithm))
        return;
    snprintf(row->algorithm, sizeof row->algorithm, "%s", algorithm.name);
    row->waves = algorithm.waves;
}

static bool measure_product(struct bench *b, struct fit_bench_row *row, const char *name, int M,
                            int N, int K, enum fk_dtype type)
{
    struct product p;
    snprintf(row->name, sizeof row->name, "%s %dx%dx%d", name, M, N, K);
    row->flops = 2.0 * M * N * K;
    row->tolerance = bench_tolerance(b, type);
    bool ok = product_init(&p, b, M, N, K, type) && bench_time(b, row, product_run, &p, type);
    if (ok)
        tell_algorithm(b, row);
    ok = ok && product_error(&p, b, &row->error);
    product_finish(&p, b);
    return ok;
}

/* The peak is what the best of some large products reaches in its fast runs. Where the smallest
 * already takes long, the larger ones would say nothing new; those of a card must be larger
 * still. */
static bool find_peaks(struct bench *b, bool emit)
{
    static const int shape[][3] = {{128, 384, 384},   {768, 1024, 1024},  {1024, 2048, 2048},
                                   {512, 3072, 1152}, {4096, 4096, 4096}, {8192, 8192, 8192}};
    const int shapes = b->device->caps.host_memory ? 4 : 6;
    for (int type = FK_F32; type <= FK_BF16; type++) {
        struct fit_bench_row best = {0};
        for (int i = 0; i < shapes && (i != 1 || best.median_s < SLOW_S); i++) {
            struct fit_bench_row row = {.part = FIT_BENCH_PEAKS};
            if (!measure_product(b, &row, "product", shape[i][0], shape[i][1], shape[i][2],
                                 (enum fk_dtype)type))
                return false;
            if (best.runs == 0 || row.flops / row.p5_s > best.flops / best.p5_s)
                best = row;
        }
        b->peak[type] = best.flops / best.p5_s;
        best.floor_s = best.p5_s;
        if (emit && !bench_emit(b, &best))
            return false;
    }
    return true;
}

bool bench_peaks(struct bench *b, bool emit)
{
    double seconds = b->params->seconds;
    if (seconds > PEAK_S)
        b->params->seconds = PEAK_S;
    bool ok = find_peaks(b, emit);
    b->params->seconds = seconds;
    return ok;
}

bool bench_gemm(struct bench *b, int tokens)
{
    const struct fit_config *k = &b->config;
    const struct {
        const char *name;
        int N, K;
    } products[] = {
        {"qkv", 3 * k->hidden, k->hidden},
        {"proj", k->hidden, k->hidden},
        {"gate", k->mlp_hidden, k->hidden},
        {"down", k->hidden, k->mlp_hidden},
    };
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        struct fit_bench_row row = {.part = FIT_BENCH_GEMM, .tokens = tokens};
        if (!measure_product(b, &row, products[i].name, 2 * tokens, products[i].N, products[i].K,
                             b->type) ||
            !bench_emit(b, &row))
            return false;
    }
    return true;
}

/* ---- colours ------------------------------------------------------------------------------ */

enum { LATENT_CHANNELS = 4, PATCH = 2 };

/* The cheap preview of one latent: every latent pixel's own colour. */
struct colours {
    struct fk_ptr latent, matrix, bias;
    uint8_t *rgba;
    int height, width;
};

static bool colours_run(void *user, struct bench *b)
{
    struct colours *c = user;
    return fit_run(&b->compute, latent_to_rgba8, c->rgba, c->latent.p, c->matrix.p, c->bias.p,
                   LATENT_CHANNELS, 1, c->height, c->width);
}

/* The largest distance in steps of a byte from the formula in doubles. */
static bool colours_error(struct colours *c, struct bench *b, double *error)
{
    size_t pixels = (size_t)c->height * (size_t)c->width;
    uint8_t *rgba = malloc(4 * pixels);
    uint64_t latent = bench_hash("latent"), matrix = bench_hash("matrix");
    uint64_t bias = bench_hash("bias");
    if (!rgba || !b->device->download(b->queue, rgba, c->rgba, 4 * pixels)) {
        free(rgba);
        return fit_fail(b->error, FIT_ERROR_DEVICE, "the colours of a latent did not come back");
    }
    *error = 0;
    for (size_t i = 0; i < 3 * pixels; i++) {
        size_t pixel = i / 3, k = i % 3;
        double sum = (float)bench_value(bias, k);
        for (size_t ch = 0; ch < LATENT_CHANNELS; ch++)
            sum += (float)bench_value(latent, ch * pixels + pixel) *
                   (double)(float)(bench_value(matrix, 3 * ch + k) / 2);
        double want = floor(fmin(fmax(127.5 * sum + 128, 0), 255));
        *error = fmax(*error, fabs(rgba[4 * pixel + k] - want));
    }
    free(rgba);
    return true;
}

bool bench_colours(struct bench *b, int tokens)
{
    int rows = bench_rows(tokens);
    struct colours c = {.height = PATCH * rows, .width = PATCH * (tokens / rows)};
    size_t pixels = (size_t)c.height * (size_t)c.width;
    struct fit_bench_row row = {.part = FIT_BENCH_PREVIEW, .tokens = tokens, .tolerance = 1};
    snprintf(row.name, sizeof row.name, "colours of a latent of %dx%d", c.width, c.height);
    row.moved_bytes = (double)pixels * (LATENT_CHANNELS * sizeof(float) + 4);
    c.latent = fk_f32(bench_values(b, "latent", LATENT_CHANNELS * pixels, 1, FK_F32));
    c.matrix = fk_f32(bench_values(b, "matrix", LATENT_CHANNELS * 3, 0.5, FK_F32));
    c.bias = fk_f32(bench_values(b, "bias", 3, 1, FK_F32));
    c.rgba = b->device->alloc(b->device, 4 * pixels);
    bool ok = c.latent.p && c.matrix.p && c.bias.p &&
              (c.rgba || fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for colours")) &&
              bench_time(b, &row, colours_run, &c, FK_F32) && colours_error(&c, b, &row.error) &&
              bench_emit(b, &row);
    void *const all[] = {c.latent.p, c.matrix.p, c.bias.p, c.rgba};
    for (int i = 0; i < 4; i++)
        b->device->free(b->device, all[i]);
    return ok;
}

/* ---- attention ---------------------------------------------------------------------------- */

struct attention {
    struct fk_ptr qkv, out;
    struct fk_pack pack;
    int H, D;
};

static bool attention_run(void *user, struct bench *b)
{
    struct attention *a = user;
    return fit_run(&b->compute, attention, a->out, NULL, a->qkv, &a->pack, a->H, a->D,
                   1 / sqrtf((float)a->D));
}

static double score(const float *qkv, const struct attention *a, int query, int key, int h)
{
    size_t width = (size_t)(a->H * a->D), at = (size_t)(h * a->D);
    const float *q = qkv + 3 * width * (size_t)query + at;
    const float *k = qkv + 3 * width * (size_t)key + width + at;
    double sum = 0;
    for (int d = 0; d < a->D; d++)
        sum += (double)q[d] * k[d];
    return sum / sqrt(a->D);
}

/* Some rows of the last image against softmax in double precision. */
static bool attention_error(struct attention *a, struct bench *b, double *error)
{
    size_t width = (size_t)(a->H * a->D), n = (size_t)a->pack.n_tokens * width;
    float *out = download(b, a->out, n), *qkv = download(b, a->qkv, 3 * n);
    double apart = 0, size = 0;
    int first = a->pack.longest;
    for (int i = 0; out && qkv && i < SAMPLES / 8; i++) {
        int query = first + i * 37 % a->pack.longest, h = i % a->H, d = i * 5 % a->D;
        double total = 0, sum = 0;
        for (int key = first; key < a->pack.n_tokens; key++) {
            double weight = exp(score(qkv, a, query, key, h));
            total += weight;
            sum += weight * qkv[3 * width * (size_t)key + 2 * width + (size_t)(h * a->D + d)];
        }
        double apart_here = out[width * (size_t)query + (size_t)(h * a->D + d)] - sum / total;
        apart += apart_here * apart_here;
        size += sum / total * (sum / total);
    }
    *error = sqrt(apart / size);
    bool ok = out && qkv;
    free(out);
    free(qkv);
    return ok;
}

bool bench_attention(struct bench *b, int tokens)
{
    const struct fit_config *k = &b->config;
    const int32_t offset[3] = {0, tokens, 2 * tokens};
    struct attention a = {.H = k->heads, .D = fit_config_head_width(k)};
    size_t n = (size_t)(2 * tokens) * (size_t)k->hidden;
    int32_t *place = b->device->alloc(b->device, sizeof offset);
    a.pack = (struct fk_pack){2, 2 * tokens, tokens, place};
    a.qkv = (struct fk_ptr){bench_values(b, "qkv", 3 * n, 1, b->type), b->type};
    a.out = (struct fk_ptr){bench_values(b, "out", n, 1, b->type), b->type};
    struct fit_bench_row row = {.part = FIT_BENCH_ATTENTION, .tokens = tokens};
    snprintf(row.name, sizeof row.name, "2 images of %d tokens, %d heads of %d", tokens, a.H, a.D);
    row.flops = 2 * 4.0 * tokens * tokens * k->hidden;
    /* of small means, so relative to less than 1; f32 is never tf32 there */
    row.tolerance = 2 * (b->type == FK_F32 ? FK_TOLERANCE_F32 : FK_TOLERANCE_BF16);
    bool ok = a.qkv.p && a.out.p && place &&
              b->device->upload(b->queue, place, offset, sizeof offset) &&
              bench_time(b, &row, attention_run, &a, b->type) &&
              attention_error(&a, b, &row.error) && bench_emit(b, &row);
    b->device->free(b->device, place);
    b->device->free(b->device, a.qkv.p);
    b->device->free(b->device, a.out.p);
    return ok;
}
