/* SPDX-License-Identifier: Apache-2.0 */
/* The network as a whole, with made-up weights: a block, an evaluation, a run of the sampler. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "guidance.h"
#include "layers.h"
#include "rope.h"
#include "sampler.h"

enum { STEPS = 20, CLASS = 3, CHECK_TOKENS = 4 };

#define SCALE 1.5
#define TIME 0.5f

struct bench_network {
    struct fit_network network;
    size_t n;
    struct fk_ptr *tensor; /* [n] */
};

/* ---- weights ------------------------------------------------------------------------------ */

static double deviation_of(const struct fit_tensor_spec *spec)
{
    if (spec->n_dims == 1)
        return 0.02;
    if (strstr(spec->name, "embedding_table"))
        return 1;
    return (strstr(spec->name, "adaLN_modulation") ? 0.3 : 1) / sqrt((double)spec->dims[1]);
}

static struct fk_ptr tensor_of(void *user, size_t i)
{
    return ((struct bench_network *)user)->tensor[i];
}

bool bench_network_new(struct bench_network **out, struct bench *b)
{
    struct bench_network *w = *out = calloc(1, sizeof *w);
    if (!w || !(w->tensor = calloc(fit_weights_count(&b->config), sizeof *w->tensor)))
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a network");
    w->n = fit_weights_count(&b->config);
    for (size_t i = 0; i < w->n; i++) {
        struct fit_tensor_spec spec;
        fit_weights_spec(&b->config, i, &spec);
        enum fk_dtype type = spec.keep_f32 ? FK_F32 : b->type;
        w->tensor[i].type = type;
        w->tensor[i].p = bench_values(b, spec.name, spec.n_values, deviation_of(&spec), type);
        if (!w->tensor[i].p)
            return false;
    }
    if (!fit_network_bind(&w->network, &b->config, tensor_of, w, b->error))
        return false;
    fit_network_keep(&w->network, b->device, NULL, NULL);
    return true;
}

void bench_network_free(struct bench_network *w, struct bench *b)
{
    if (!w)
        return;
    fit_network_finish(&w->network);
    for (size_t i = 0; i < w->n; i++)
        b->device->free(b->device, w->tensor[i].p);
    free(w->tensor);
    free(w);
}

/* ---- an evaluation ------------------------------------------------------------------------ */

/* What evaluations of one size need. */
struct scene {
    struct fit_compute *c;
    const struct fit_network *network;
    struct fit_activations activations;
    struct fit_modulation modulation;
    struct fit_guided guided;
    struct fit_recorded recorded; /* where the device records, as in a run */
    struct fk_pack pack;
    struct fit_scratch scratch;
    int32_t *offset;
    float *cosine, *sine, *x, *v, *guided_x, *guided_v;
    size_t values;
    int tokens;
};

int bench_rows(int tokens)
{
    int rows = (int)sqrt(tokens);
    while (tokens % rows)
        rows--;
    return rows;
}

static bool scene_reserve(struct scene *s, struct bench *b)
{
    const struct fit_config *k = &b->config;
    size_t bytes = s->values * sizeof(float);
    size_t table = (size_t)s->tokens * (size_t)fit_config_head_width(k) * sizeof(float);
    struct fit_scratch_item items[] = {
        {"offsets", &s->offset, 3 * sizeof *s->offset}, {"cosine", &s->cosine, table},
        {"sine", &s->sine, table},                      {"state", &s->x, bytes},
        {"velocity", &s->v, bytes},                     {"guided state", &s->guided_x, 2 * bytes},
        {"guided velocity", &s->guided_v, 2 * bytes},
    };
    return fit_scratch_reserve(&s->scratch, s->c->device, items, sizeof items / sizeof *items,
                               b->error);
}

static bool scene_place(struct scene *s, struct bench *b)
{
    const int32_t offset[3] = {0, s->tokens, 2 * s->tokens};
    struct fk_device *d = s->c->device;
    size_t n = (size_t)s->tokens * (size_t)fit_config_head_width(&b->config) / 2;
    int rows = bench_rows(s->tokens);
    float *host = malloc((2 * n + s->values) * sizeof *host);
    bool ok = host && fit_rope_table(host, host + n, &b->config, FIT_METHOD_NONE, rows,
                                     s->tokens / rows);
    uint64_t hash = bench_hash("state");
    for (size_t i = 0; ok && i < s->values; i++)
        host[2 * n + i] = (float)bench_value(hash, i);
    for (size_t i = 0; ok && i < 2; i++)
        ok = d->upload(s->c->queue, s->cosine + i * n, host, n * sizeof *host) &&
             d->upload(s->c->queue, s->sine + i * n, host + n, n * sizeof *host);
    ok = ok && d->upload(s->c->queue, s->offset, offset, sizeof offset) &&
         d->upload(s->c->queue, s->x, host + 2 * n, s->values * sizeof *host) &&
         d->queue_sync(s->c->queue);
    free(host);
    return ok || fit_fail(b->error, FIT_ERROR_DEVICE, "no benchmark of %d tokens", s->tokens);
}

static void scene_finish(struct scene *s)
{
    fit_recorded_finish(&s->recorded);
    fit_modulation_finish(&s->modulation);
    fit_activations_finish(&s->activations);
    fit_scratch_finish(&s->scratch);
}

static bool scene_init(struct scene *s, struct bench *b, struct fit_compute *c,
                       const struct fit_network *network, int tokens)
{
    *s = (struct scene){.c = c, .network = network, .tokens = tokens};
    s->values = (size_t)tokens * (size_t)fit_config_features(&b->config);
    bool records = fit_recorded_is_possible(c->device);
    if (!scene_reserve(s, b) || !scene_place(s, b) ||
        (records &&
         !fit_recorded_init(&s->recorded, c->device, &b->config, 2, 2 * tokens, 2 * STEPS,
                            b->error)) ||
        !fit_activations_reserve(&s->activations, c->device, network, 2 * tokens, b->error))
        return false;
    s->pack = (struct fk_pack){2, 2 * tokens, tokens, s->offset};
    s->guided = (struct fit_guided){
        .network = network,
        .activations = &s->activations,
        .modulation = &s->modulation,
        .pack = &s->pack,
        .cosine = s->cosine,
        .sine = s->sine,
        .scale = SCALE,
        .x = s->guided_x,
        .v = s->guided_v,
        .recorded = records ? &s->recorded : NULL,
    };
    return true;
}

static size_t scene_bytes(const struct scene *s)
{
    return s->scratch.bytes + s->activations.scratch.bytes + s->modulation.scratch.bytes +
           s->recorded.scratch.bytes;
}

static bool condition(struct scene *s, const float *times, int n)
{
    const int32_t y = CLASS;
    return fit_guided_conditioning(s->c, s->network, &s->modulation, times, n, &y, 1, SCALE);
}

static const struct fit_sampler_params euler = {.solver = FIT_SOLVER_EULER, .steps = STEPS};

static bool condition_run(void *user, struct bench *b)
{
    float times[STEPS];
    (void)b;
    fit_sampler_times(&euler, times);
    return condition(user, times, STEPS);
}

static bool evaluate_run(void *user, struct bench *b)
{
    struct scene *s = user;
    (void)b;
    return fit_guided_velocity(&s->guided, s->c, s->v, s->x, TIME, 0);
}

static bool velocity(struct scene *s, struct bench *b, float *out)
{
    const float time = TIME;
    struct fk_device *d = s->c->device;
    return condition(s, &time, 1) && evaluate_run(s, b) &&
           fit_compute_check(s->c, d->download(s->c->queue, out, s->v,
                                               s->values * sizeof *out)) &&
           fit_compute_check(s->c, d->queue_sync(s->c->queue));
}

static double distance(const float *a, const float *b, size_t n)
{
    double apart = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - b[i];
        apart += d * d;
        size += (double)b[i] * b[i];
    }
    return sqrt(apart / size);
}

/* The distance between the velocities of a few tokens, on the device and on a plain one. */
static bool compare_velocities(struct bench *b, const struct fit_network *network,
                               struct bench *plain, const struct fit_network *plain_network,
                               double *error)
{
    struct scene fast = {0}, slow = {0};
    size_t n = CHECK_TOKENS * (size_t)fit_config_features(&b->config);
    float *velocities = malloc(2 * n * sizeof *velocities);
    bool ok = (velocities || fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a velocity")) &&
              scene_init(&fast, b, &b->compute, network, CHECK_TOKENS) &&
              scene_init(&slow, plain, &plain->compute, plain_network, CHECK_TOKENS) &&
              velocity(&fast, b, velocities) && velocity(&slow, plain, velocities + n);
    if (ok)
        *error = distance(velocities, velocities + n, n);
    free(velocities);
    scene_finish(&fast);
    scene_finish(&slow);
    return ok;
}

/* The velocity beside that of the plain reference, which reads the same weights where they are host
 * memory and has its own elsewhere. */
static bool evaluation_error(struct bench *b, const struct fit_network *network, double *error)
{
    char message[256];
    const struct fk_open_params open = {"reference", b->params->n_threads};
    struct bench plain = *b;
    struct bench_network *copy = NULL;
    *error = -1;
    plain.device = fk_device_open(&open, message, sizeof message);
    if (!plain.device)
        return true;
    plain.queue = plain.device->queue_new(plain.device);
    fit_compute_init(&plain.compute, plain.device, plain.queue, b->error);
    bool ok = plain.queue || fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a queue");
    ok = ok && (b->device->caps.host_memory || bench_network_new(&copy, &plain));
    ok = ok && compare_velocities(b, network, &plain, copy ? &copy->network : network, error);
    bench_network_free(copy, &plain);
    plain.device->queue_free(plain.queue);
    fk_device_close(&plain.device);
    return ok;
}

/* Operations of both images. */
static double evaluation_flops(const struct bench *b, int tokens)
{
    return 2 * 2.0 * (double)fit_config_macs(&b->config, tokens, true);
}

static bool measure_conditioning(struct bench *b, struct scene *s)
{
    struct fit_bench_row row = {.part = FIT_BENCH_EVALUATION, .error = -1};
    snprintf(row.name, sizeof row.name, "conditioning of %d evaluations", STEPS);
    return bench_time(b, &row, condition_run, s, b->type) && bench_emit(b, &row);
}

/* ---- shares on a device that computes later: what is left without products, without attention */

static bool no_linear(struct fk_queue *q, struct fk_ptr y, struct fk_ptr x, struct fk_ptr w,
                      struct fk_ptr bias, int M, int N, int K, float beta)
{
    (void)q, (void)y, (void)x, (void)w, (void)bias, (void)M, (void)N, (void)K, (void)beta;
    return true;
}

static bool no_attention(struct fk_queue *q, struct fk_ptr out, float *lse, struct fk_ptr qkv,
                         const struct fk_pack *pack, int H, int D, float scale)
{
    (void)q, (void)out, (void)lse, (void)qkv, (void)pack, (void)H, (void)D, (void)scale;
    return true;
}

/* The share of the row's time that goes when the operations become those given. */
static bool share_without(struct bench *b, const struct scene *s, const struct fit_bench_row *row,
                          bench_fn *run, const struct fk_ops *ops, double *share)
{
    const float time = TIME;
    struct bench other = *b;
    struct scene rest;
    struct fit_bench_row spent = {0};
    other.compute.ops = ops;
    bool ok = scene_init(&rest, &other, &other.compute, s->network, s->tokens) &&
              condition(&rest, &time, 1) &&
              fit_compute_check(rest.c, rest.c->device->zero(rest.c->queue, rest.guided_x,
                                                             2 * rest.values * sizeof(float))) &&
              bench_time(&other, &spent, run, &rest, b->type);
    scene_finish(&rest);
    *share = ok && spent.median_s < row->median_s ? 1 - spent.median_s / row->median_s : 0;
    return ok;
}

/* Of a run of the scene, whose time the row has. */
static bool scene_shares(struct bench *b, struct scene *s, struct fit_bench_row *row, bench_fn *run)
{
    struct fk_ops without_linear = *b->device->ops, without_attention = *b->device->ops;
    if (b->device->caps.host_memory)
        return bench_shares(b, row, run, s);
    without_linear.linear = no_linear;
    without_attention.attention = no_attention;
    if (s->recorded.graph)
        row->operations = b->device->graph_size(s->recorded.graph);
    if (!share_without(b, s, row, run, &without_linear, &row->gemm) ||
        !share_without(b, s, row, run, &without_attention, &row->attention))
        return false;
    row->rest = fmax(0, 1 - row->gemm - row->attention);
    return true;
}

static bool measure_evaluation(struct bench *b, struct scene *s, float *velocity_out)
{
    struct fit_bench_row row = {.part = FIT_BENCH_EVALUATION, .tokens = s->tokens};
    snprintf(row.name, sizeof row.name, "evaluation of %d tokens, guided", s->tokens);
    row.flops = evaluation_flops(b, s->tokens);
    row.values = velocity_out;
    row.n_features = fit_config_features(&b->config);
    /* errors of the layers add up */
    double of_product = bench_tolerance(b, b->type);
    row.tolerance = of_product == FK_TOLERANCE_F32 ? 10 * of_product : 2 * of_product;
    row.bytes = scene_bytes(s);
    return velocity(s, b, velocity_out) && bench_time(b, &row, evaluate_run, s, b->type) &&
           scene_shares(b, s, &row, evaluate_run) &&
           evaluation_error(b, s->network, &row.error) && bench_emit(b, &row);
}

bool bench_evaluation(struct bench *b, struct bench_network *w, int tokens)
{
    struct scene s;
    size_t n = (size_t)tokens * (size_t)fit_config_features(&b->config);
    float *out = malloc(n * sizeof *out);
    bool ok = scene_init(&s, b, &b->compute, &w->network, tokens) &&
              (out || fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a velocity")) &&
              measure_conditioning(b, &s) && measure_evaluation(b, &s, out);
    free(out);
    scene_finish(&s);
    return ok;
}

/* ---- a block ------------------------------------------------------------------------------ */

static bool block_run(void *user, struct bench *b)
{
    struct scene *s = user;
    struct fit_network one = *s->network; /* its first block alone */
    one.config.depth = 1;
    (void)b;
    return fit_forward(s->c, &one, &s->activations, s->guided_v, s->guided_x, &s->pack, s->cosine,
                       s->sine, &s->modulation, 0);
}

bool bench_block(struct bench *b, struct bench_network *w, int tokens)
{
    const float time = TIME;
    struct scene s;
    struct fit_bench_row row = {.part = FIT_BENCH_BLOCK, .tokens = tokens, .error = -1};
    struct fit_config one = b->config;
    one.depth = 1;
    snprintf(row.name, sizeof row.name, "first block, embedding, last layer, %d tokens", tokens);
    row.flops = 2 * 2.0 * (double)fit_config_macs(&one, tokens, true);
    bool ok = scene_init(&s, b, &b->compute, &w->network, tokens) && condition(&s, &time, 1) &&
              fit_compute_check(s.c, s.c->device->zero(s.c->queue, s.guided_x,
                                                       2 * s.values * sizeof(float))) &&
              bench_time(b, &row, block_run, &s, b->type) &&
              scene_shares(b, &s, &row, block_run) && bench_emit(b, &row);
    scene_finish(&s);
    return ok;
}

/* ---- a run -------------------------------------------------------------------------------- */

static bool sample_run(void *user, struct bench *b)
{
    struct scene *s = user;
    struct fit_sampler sampler;
    if (!condition_run(s, b) ||
        !fit_sampler_begin(&sampler, s->c, &euler, s->x, s->values))
        return false;
    bool ok = true;
    while (ok && !fit_sampler_is_finished(&sampler))
        ok = fit_sampler_next(&sampler, s->c, fit_guided_velocity, &s->guided);
    fit_sampler_finish(&sampler);
    return ok;
}

bool bench_sampling(struct bench *b, struct bench_network *w, int tokens)
{
    struct scene s;
    struct fit_bench_row row = {.part = FIT_BENCH_SAMPLING, .tokens = tokens, .error = -1};
    snprintf(row.name, sizeof row.name, "%d Euler steps of %d tokens, guided", STEPS, tokens);
    row.flops = STEPS * evaluation_flops(b, tokens);
    bool ok = scene_init(&s, b, &b->compute, &w->network, tokens) &&
              bench_time(b, &row, sample_run, &s, b->type);
    row.bytes = scene_bytes(&s) + fit_sampler_bytes(FIT_SOLVER_EULER, s.values);
    ok = ok && bench_emit(b, &row);
    scene_finish(&s);
    return ok;
}

/* ---- a run beside something else ---------------------------------------------------------- */

struct bench_sampling {
    pthread_t thread;
    struct bench bench; /* its own compute and error */
    struct fit_error error;
    struct scene scene;
    atomic_bool stop;
    bool ok;
};

static void *sample_until_stopped(void *user)
{
    struct bench_sampling *s = user;
    do
        s->ok = evaluate_run(&s->scene, &s->bench) &&
                fit_compute_check(&s->bench.compute,
                                  s->bench.device->queue_sync(s->bench.queue));
    while (s->ok && !atomic_load(&s->stop));
    return NULL;
}

bool bench_sampling_begin(struct bench_sampling **out, struct bench *b, struct bench_network *w,
                          int tokens)
{
    const float time = TIME;
    struct bench_sampling *s = *out = calloc(1, sizeof *s);
    if (!s)
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a run");
    s->bench = *b;
    s->bench.compute.error = s->bench.error = &s->error;
    s->ok = scene_init(&s->scene, &s->bench, &s->bench.compute, &w->network, tokens) &&
            condition(&s->scene, &time, 1) && evaluate_run(&s->scene, &s->bench);
    if (s->ok && !pthread_create(&s->thread, NULL, sample_until_stopped, s))
        return true;
    fit_fail(b->error, s->ok ? FIT_ERROR_MEMORY : s->error.status, "%s",
             s->ok ? "no thread for a run" : s->error.message);
    scene_finish(&s->scene);
    free(s);
    *out = NULL;
    return false;
}

bool bench_sampling_end(struct bench_sampling **handle, struct fit_error *error)
{
    struct bench_sampling *s = *handle;
    *handle = NULL;
    if (!s)
        return true;
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    bool ok = s->ok || fit_fail(error, s->error.status, "%s", s->error.message);
    scene_finish(&s->scene);
    free(s);
    return ok;
}
