/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fk_dtype.h"
#include "tuning.h"

enum { MOST_RUNS = 10000, LEAST_RUNS = 5, LEAST_SLOW_RUNS = 3, WARM_RUNS = 2, SHARE_RUNS = 5 };

#define SLOW_S 1.0 /* a run that needs no second one to warm up */

static const char *const part_names[FIT_N_BENCH_PARTS] = {
    "peaks", "gemm", "attention", "block", "evaluation", "sampling", "train", "picture",
    "autoencoder", "preview", "interop"};

const char *fit_bench_part_name(enum fit_bench_part part)
{
    return (unsigned)part < FIT_N_BENCH_PARTS ? part_names[part] : NULL;
}

static const struct shape {
    const char *name;
    int hidden, depth, heads, n_classes, channels;
} shapes[] = {
    {"demo", 256, 8, 4, 16, 8},  {"n", 192, 6, 3, 1000, 4},     {"t", 256, 12, 4, 1000, 4},
    {"s", 384, 12, 6, 1000, 4},  {"m", 384, 16, 6, 1000, 4},    {"b", 768, 15, 12, 1000, 4},
    {"xl", 1152, 36, 16, 1000, 4},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

const char *fit_bench_shape_name(int i)
{
    return i >= 0 && i < N_SHAPES ? shapes[i].name : NULL;
}

static bool config_find(struct fit_config *config, const char *name, struct fit_error *e)
{
    for (int i = 0; i < N_SHAPES; i++) {
        const struct shape *s = &shapes[i];
        if (strcmp(s->name, name) != 0)
            continue;
        fit_config_defaults(config);
        config->hidden = s->hidden;
        config->depth = s->depth;
        config->heads = s->heads;
        config->n_classes = s->n_classes;
        config->channels = s->channels;
        config->mlp_hidden = 2 * (4 * s->hidden) / 3;
        config->lora_rank = s->hidden / 4;
        return true;
    }
    return fit_fail(e, FIT_ERROR_ARGUMENT, "the model shape \"%.40s\" is unknown", name);
}

/* ---- numbers ------------------------------------------------------------------------------ */

uint64_t bench_hash(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

double bench_value(uint64_t name_hash, uint64_t i)
{
    uint64_t z = name_hash + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return ((double)(z >> 40) / 8388608 - 1) * sqrt(3);
}

void *bench_values(struct bench *b, const char *name, size_t n, double deviation,
                   enum fk_dtype type)
{
    size_t bytes = n * fk_dtype_size(type);
    void *host = malloc(bytes), *place = b->device->alloc(b->device, bytes);
    uint64_t hash = bench_hash(name);
    for (size_t i = 0; host && i < n; i++) {
        float value = (float)(bench_value(hash, i) * deviation);
        if (type == FK_F32)
            ((float *)host)[i] = value;
        else
            ((uint16_t *)host)[i] = fk_f32_to_bf16(value);
    }
    bool ok = host && place && b->device->upload(b->queue, place, host, bytes) &&
              b->device->queue_sync(b->queue);
    free(host);
    if (ok)
        return place;
    b->device->free(b->device, place);
    fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for %zu values of %s", n, name);
    return NULL;
}

/* ---- time --------------------------------------------------------------------------------- */

static double clock_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_now(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool once(struct bench *b, bench_fn *run, void *user)
{
    return run(user, b) && fit_compute_check(&b->compute, b->device->queue_sync(b->queue));
}

/* The same, and the processor time that it took: waiting for a card may turn in circles, and says
 * nothing. */
static bool once_by_processor(struct bench *b, bench_fn *run, void *user, double *cpu_s)
{
    bool computes = b->device->caps.host_memory;
    clockid_t clock = computes ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID;
    double from = clock_s(clock);
    bool ok = run(user, b);
    *cpu_s += computes ? 0 : clock_s(clock) - from;
    ok = ok && fit_compute_check(&b->compute, b->device->queue_sync(b->queue));
    *cpu_s += computes ? clock_s(clock) - from : 0;
    return ok;
}

void bench_percentiles(struct fit_bench_row *row, double *seconds, int n)
{
    qsort(seconds, (size_t)n, sizeof *seconds, compare_seconds);
    row->runs = n;
    row->median_s = seconds[n / 2];
    row->p5_s = seconds[n / 20];
    row->p95_s = seconds[n - 1 - n / 20];
    row->p99_s = seconds[n - 1 - n / 100];
}

size_t bench_device_bytes(const struct bench *b)
{
    size_t free_bytes, total;
    bool known = !b->device->caps.host_memory && b->device->memory(b->device, &free_bytes, &total);
    return known && total - free_bytes > b->used_bytes ? total - free_bytes - b->used_bytes : 0;
}

bool bench_time(struct bench *b, struct fit_bench_row *row, bench_fn *run, void *user,
                enum fk_dtype type)
{
    double *seconds = malloc(MOST_RUNS * sizeof *seconds);
    if (!seconds)
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for the times of a row");
    bool ok = true;
    double begun = bench_now(), cpu_s = 0;
    for (int i = 0; i < WARM_RUNS && ok && bench_now() - begun < SLOW_S; i++)
        ok = once(b, run, user);
    int n = 0, least = bench_now() - begun < SLOW_S ? LEAST_RUNS : LEAST_SLOW_RUNS;
    begun = bench_now();
    while (ok && n < MOST_RUNS && (n < least || bench_now() - begun < b->params->seconds)) {
        double from = bench_now();
        ok = once_by_processor(b, run, user, &cpu_s);
        seconds[n++] = bench_now() - from;
    }
    if (ok) {
        bench_percentiles(row, seconds, n);
        row->cpu_s = cpu_s / n;
        row->device_bytes = bench_device_bytes(b);
        row->floor_s = b->peak[type] > 0 ? row->flops / b->peak[type] : 0;
        row->precision = type == FK_BF16 ? FIT_PRECISION_BF16 : FIT_PRECISION_F32;
    }
    free(seconds);
    return ok;
}

bool bench_shares(struct bench *b, struct fit_bench_row *row, bench_fn *run, void *user)
{
    if (!b->device->caps.host_memory)
        return true;
    struct fit_compute_times times = {0};
    b->compute.times = &times;
    bool ok = true;
    int runs = 0;
    double begun = bench_now();
    for (; runs < SHARE_RUNS && ok && (runs == 0 || bench_now() - begun < SLOW_S); runs++)
        ok = once(b, run, user);
    double all = bench_now() - begun;
    uint64_t calls = 0;
    for (int op = 0; op < FK_N_OPS; op++)
        calls += times.calls[op];
    row->operations = (int)(calls / (uint64_t)runs);
    b->compute.times = NULL;
    row->gemm = (times.seconds[FK_OP_linear] + times.seconds[FK_OP_linear_bwd]) / all;
    row->attention = (times.seconds[FK_OP_attention] + times.seconds[FK_OP_attention_bwd]) / all;
    row->rest = 1 - row->gemm - row->attention;
    return ok;
}

double bench_tolerance(const struct bench *b, enum fk_dtype type)
{
    if (type == FK_BF16)
        return FK_TOLERANCE_BF16;
    return b->device->caps.tf32 ? FK_TOLERANCE_TF32 : FK_TOLERANCE_F32;
}

bool bench_emit(struct bench *b, const struct fit_bench_row *row)
{
    return b->params->row(b->params->user, row) ||
           fit_fail(b->error, FIT_ERROR_CANCELLED, "stopped on request");
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool open_bench(struct bench *b)
{
    char message[256] = "";
    struct fit_bench_params *p = b->params;
    struct fk_open_params open = {p->backend, p->n_threads};
    if (!config_find(&b->config, p->shape, b->error))
        return false;
    b->device = fk_device_open(&open, message, sizeof message);
    if (!b->device)
        return fit_fail(b->error, FIT_ERROR_DEVICE, "%s", message);
    size_t free_bytes, total;
    if (b->device->memory(b->device, &free_bytes, &total))
        b->used_bytes = total - free_bytes;
    fit_tuning_load(b->device, p->cache_folder);
    b->queue = b->device->queue_new(b->device);
    if (!b->queue)
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a queue");
    fit_compute_init(&b->compute, b->device, b->queue, b->error);
    bool bf16 = p->precision == FIT_PRECISION_BF16 ||
                (p->precision == FIT_PRECISION_AUTO && b->device->caps.native_bf16);
    b->type = bf16 ? FK_BF16 : FK_F32;
    snprintf(p->device, sizeof p->device, "%s, %d threads, %s", b->device->model,
             b->device->caps.n_threads, b->device->caps.isa);
    return true;
}

static bool run_tokens(struct bench *b, struct bench_network *network, unsigned parts, int tokens)
{
    return (!(parts & 1u << FIT_BENCH_GEMM) || bench_gemm(b, tokens)) &&
           (!(parts & 1u << FIT_BENCH_ATTENTION) || bench_attention(b, tokens)) &&
           (!(parts & 1u << FIT_BENCH_BLOCK) || bench_block(b, network, tokens)) &&
           (!(parts & 1u << FIT_BENCH_EVALUATION) || bench_evaluation(b, network, tokens)) &&
           (!(parts & 1u << FIT_BENCH_SAMPLING) || bench_sampling(b, network, tokens)) &&
           (!(parts & 1u << FIT_BENCH_TRAIN) || bench_train(b, tokens)) &&
           (!(parts & 1u << FIT_BENCH_PREVIEW) || bench_colours(b, tokens)) &&
           (!(parts & 1u << FIT_BENCH_INTEROP) || !b->params->gl ||
            bench_interop(b, network, tokens));
}

bool fit_bench_run(struct fit_bench_params *params, unsigned parts, struct fit_error *error)
{
    struct bench b = {.params = params, .error = error};
    struct bench_network *network = NULL;
    const unsigned with_network =
        1u << FIT_BENCH_BLOCK | 1u << FIT_BENCH_EVALUATION | 1u << FIT_BENCH_SAMPLING |
        (params->gl ? 1u << FIT_BENCH_INTEROP : 0);
    const unsigned with_model =
        1u << FIT_BENCH_PICTURE | 1u << FIT_BENCH_AUTOENCODER | 1u << FIT_BENCH_PREVIEW;
    bool ok = open_bench(&b) && bench_peaks(&b, parts & 1u << FIT_BENCH_PEAKS) &&
              (!(parts & with_network) || bench_network_new(&network, &b));
    for (int i = 0; ok && i < params->n_tokens; i++)
        ok = run_tokens(&b, network, parts, params->tokens[i]);
    if (b.device)
        fit_tuning_save(b.device, params->cache_folder);
    if (ok && params->model && parts & with_model)
        ok = bench_pictures(&b, parts);
    bench_network_free(network, &b);
    if (b.queue)
        b.device->queue_free(b.queue);
    fk_device_close(&b.device);
    return ok;
}
