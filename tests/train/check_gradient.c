/* SPDX-License-Identifier: Apache-2.0 */
/* A pack is nothing but its pictures: its gradient is the mean of theirs alone. And the gradient
 * leads somewhere: one batch can be learned by heart. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fk_dtype.h"
#include "train_batch.h"
#include "train_state.h"

enum { IMAGES = 3, FEATURES = 32, TOKENS = 2 * 3 + 4 * 4 + 1 * 5, ROOM = IMAGES * 16 };

static const struct pack_image shapes[IMAGES] = {{2, 3}, {4, 4}, {1, 5}};

struct world {
    struct bench bench;
    struct train_config config;
    struct train_state state;
    struct train_batch batch;
    struct fit_train_store store;
    struct latent_picture pictures[IMAGES];
    uint16_t *tokens;
    float *velocity, *dvelocity, *loss;
};

static void world_init(struct world *w, bool padded)
{
    int at = 0;
    memset(w, 0, sizeof *w);
    bench_init(&w->bench);
    train_config_defaults(&w->config);
    w->config.model.hidden = 64;
    w->config.model.depth = 2;
    w->config.model.heads = 2;
    w->config.model.mlp_hidden = 170;
    w->config.model.lora_rank = 16;
    w->config.tokens = ROOM;
    w->config.precision = FIT_PRECISION_F32;
    struct fk_device *d = w->bench.device;
    struct fit_compute *c = &w->bench.compute;
    require_ok(train_state_init(&w->state, c, &w->config), w->bench.error);
    require_ok(train_batch_init(&w->batch, c, &w->config.model, ROOM), w->bench.error);
    w->velocity = d->alloc(d, ROOM * FEATURES * sizeof(float));
    w->dvelocity = d->alloc(d, ROOM * FEATURES * sizeof(float));
    w->loss = d->alloc(d, 2 * IMAGES * sizeof(float));

    float values[TOKENS * FEATURES];
    fill(values, TOKENS * FEATURES, 1, 1.7f);
    w->tokens = malloc(sizeof values / 2);
    for (int i = 0; i < TOKENS * FEATURES; i++)
        w->tokens[i] = fk_f32_to_bf16(values[i]);
    for (int b = 0; b < IMAGES; b++) {
        w->pictures[b] = (struct latent_picture){
            .class_id = b, .rows = shapes[b].rows, .columns = shapes[b].columns,
            .tokens = (uint8_t *)(w->tokens + at * FEATURES)};
        at += shapes[b].rows * shapes[b].columns;
        w->batch.pictures[b] = &w->pictures[b];
        w->batch.images[b] = shapes[b];
        w->batch.t[b] = 0.2f + 0.3f * (float)b;
        w->batch.y[b] = b == 2 ? w->config.model.n_classes : 5 * b;
    }
    w->batch.n = IMAGES;
    w->batch.padded = padded;
    require_ok(train_batch_build(&w->batch, c, &w->config, 11, 0), w->bench.error);
}

static void world_finish(struct world *w)
{
    struct fk_device *d = w->bench.device;
    d->free(d, w->velocity);
    d->free(d, w->dvelocity);
    d->free(d, w->loss);
    free(w->tokens);
    fit_train_store_finish(&w->store);
    train_batch_finish(&w->batch);
    train_state_finish(&w->state);
    bench_finish(&w->bench);
}

/* Adds the gradient of the pack in `view` and returns the mean loss of its segments. */
static double learn(struct world *w, const struct fit_batch *view, const float *target)
{
    struct fit_compute *c = &w->bench.compute;
    bool ok = fit_train_store_reserve(&w->store, c->device, &w->state.network, ROOM, 2 * IMAGES,
                                      c->error) &&
              fit_train_forward(c, &w->state.network, &w->store, w->velocity, view) &&
              (view->pack != &w->batch.pack.fk || train_batch_mask(&w->batch, c, w->velocity)) &&
              fit_run(c, flow_loss, w->loss, w->dvelocity, w->velocity, target, view->pack,
                      FEATURES) &&
              fit_backward(c, &w->state.network, &w->store, w->state.gradient, NULL, w->dvelocity,
                           view) &&
              fit_compute_check(c, c->device->queue_sync(c->queue));
    require_ok(ok, w->bench.error);
    double sum = 0;
    for (int b = 0; b < view->pack->n_images; b++)
        sum += w->loss[b];
    return sum / view->pack->n_images;
}

static double learn_alone(struct world *w, int b)
{
    struct pack pack = {0};
    /* Of a padded batch every picture begins a row of as many tokens as the longest has. */
    int token = w->batch.padded ? 16 * b : w->batch.pack.offset[b];
    size_t first = (size_t)token * FEATURES;
    require_ok(pack_build(&pack, &w->bench.compute, &w->config.model, &shapes[b], 1),
               w->bench.error);
    struct fit_batch view = {w->batch.x + first, &pack.fk, pack.cosine, pack.sine,
                             w->batch.t + b, w->batch.y + b};
    double loss = learn(w, &view, w->batch.target + first);
    pack_finish(&pack);
    return loss;
}

static void compare_with_images(bool padded)
{
    struct world w;
    world_init(&w, padded);
    size_t n = w.state.total;
    /* The first step's zeros would hide most of the network. */
    fill(w.state.parameter, n, 2, 0.15f);
    struct fit_batch view = train_batch_view(&w.batch);
    int segments = view.pack->n_images;
    assert_int_equal(segments, padded ? IMAGES + 2 : IMAGES);
    double share = (double)segments / IMAGES, alone_loss = 0;
    double packed_loss = learn(&w, &view, w.batch.target) * share;
    float *packed = malloc(n * sizeof *packed);
    memcpy(packed, w.state.gradient, n * sizeof *packed);
    require_ok(train_state_clear_gradient(&w.state, &w.bench.compute), w.bench.error);
    for (int b = 0; b < IMAGES; b++)
        alone_loss += learn_alone(&w, b) / IMAGES;
    assert_true(fabs(packed_loss - alone_loss) < 1e-6 * alone_loss);

    double square = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        double value = packed[i] * share;
        square += value * value;
        worst = fmax(worst, fabs(value - w.state.gradient[i] / IMAGES));
    }
    double rms = sqrt(square / (double)n);
    assert_true(rms > 1e-6);
    /* The same f32 products summed over other groups of rows: a few hundred roundings. The largest
     * entries lie some hundred times above the rms. */
    if (!(worst < 2e-3 * rms))
        fail_msg("worst difference %g at an rms of %g", worst, rms);
    free(packed);
    world_finish(&w);
}

static void test_pack_is_its_images(void **state)
{
    (void)state;
    compare_with_images(false);
}

/* Noise lies under the padding too, and nothing of it reaches a gradient. */
static void test_padded_batch_is_its_images(void **state)
{
    (void)state;
    compare_with_images(true);
}

/* Kept or computed again: the same bits, in less memory. */
static void test_recomputed(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, false);
    size_t bytes = w.state.total * sizeof(float);
    fill(w.state.parameter, w.state.total, 2, 0.15f);
    struct fit_batch view = train_batch_view(&w.batch);
    double kept_loss = learn(&w, &view, w.batch.target);
    size_t kept_bytes = w.store.scratch.bytes;
    float *kept = malloc(bytes);
    assert_non_null(kept);
    memcpy(kept, w.state.gradient, bytes);
    require_ok(train_state_clear_gradient(&w.state, &w.bench.compute), w.bench.error);
    w.store.recompute = true;
    assert_true(learn(&w, &view, w.batch.target) == kept_loss);
    assert_memory_equal(kept, w.state.gradient, bytes);
    assert_true(w.store.scratch.bytes < kept_bytes);
    assert_int_equal(w.store.scratch.bytes + w.store.modulation.scratch.bytes,
                     fit_train_store_bytes(&w.config.model, w.state.network.type, ROOM,
                                           2 * IMAGES, true));
    free(kept);
    world_finish(&w);
}

static void test_overfit(void **state)
{
    struct world w;
    double first = 0, last = 0, norm;
    (void)state;
    world_init(&w, false);
    struct fit_batch view = train_batch_view(&w.batch);
    for (int step = 1; step <= 150; step++) {
        require_ok(train_state_clear_gradient(&w.state, &w.bench.compute), w.bench.error);
        last = learn(&w, &view, w.batch.target);
        first = step == 1 ? last : first;
        require_ok(train_state_update(&w.state, &w.bench.compute, &w.config, step, 5e-3, 1, &norm),
                   w.bench.error);
    }
    /* 864 numbers, 170 000 parameters. */
    if (!(last < 0.02 * first))
        fail_msg("the loss went from %g to %g only", first, last);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_is_its_images),
        cmocka_unit_test(test_padded_batch_is_its_images),
        cmocka_unit_test(test_recomputed),
        cmocka_unit_test(test_overfit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
