/* SPDX-License-Identifier: Apache-2.0 */
/* One step of training: forward, loss, backward and optimiser on a pack of equal images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "fit_backward.h"
#include "pack.h"
#include "train_state.h"

enum { PACK_TOKENS = 2048, MOST_IMAGES = 256, SIDE = 8 };

struct lesson {
    struct train_config config;
    struct train_state state;
    struct fit_train_store store;
    struct pack pack;
    float *x, *target, *velocity, *dvelocity, *loss;
    struct fit_scratch scratch;
    float t[MOST_IMAGES];
    int32_t y[MOST_IMAGES];
    int step;
};

static bool lesson_init(struct lesson *l, struct bench *b, int tokens)
{
    int images = PACK_TOKENS / tokens < 1 ? 1 : PACK_TOKENS / tokens;
    images = images < MOST_IMAGES ? images : MOST_IMAGES;
    struct pack_image image[MOST_IMAGES];
    int rows = tokens % SIDE ? 1 : SIDE;
    for (int i = 0; i < images; i++) {
        image[i] = (struct pack_image){rows, tokens / rows};
        l->t[i] = ((float)i + 0.5f) / (float)images;
        l->y[i] = i % b->config.n_classes;
    }
    size_t bytes = (size_t)(images * tokens) * (size_t)fit_config_features(&b->config) * 4;
    struct fit_scratch_item items[] = {
        {"state", &l->x, bytes},           {"target", &l->target, bytes},
        {"velocity", &l->velocity, bytes}, {"gradient of the velocity", &l->dvelocity, bytes},
        {"loss", &l->loss, (size_t)images * sizeof(float)},
    };
    l->config = (struct train_config){.seed = 1, .model = b->config, .learning_rate = 1e-4,
                                      .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .clip = 1,
                                      .ema_decay = 0.999};
    l->config.precision = b->type == FK_BF16 ? FIT_PRECISION_BF16 : FIT_PRECISION_F32;
    struct fk_device *d = b->device;
    return train_state_init(&l->state, &b->compute, &l->config) &&
           pack_build(&l->pack, &b->compute, &b->config, image, images) &&
           fit_scratch_reserve(&l->scratch, d, items, sizeof items / sizeof *items, b->error) &&
           fit_train_store_reserve(&l->store, d, &l->state.network, images * tokens, images,
                                   b->error) &&
           fit_run(&b->compute, randn, l->x, 1, 0, 1, 0, 0, 1, (int)(bytes / 4)) &&
           fit_run(&b->compute, randn, l->target, 2, 0, 1, 0, 0, 1, (int)(bytes / 4));
}

static void lesson_finish(struct lesson *l)
{
    train_state_finish(&l->state);
    fit_train_store_finish(&l->store);
    pack_finish(&l->pack);
    fit_scratch_finish(&l->scratch);
}

static bool lesson_run(void *user, struct bench *b)
{
    struct lesson *l = user;
    double norm;
    const struct fit_batch batch = {l->x, &l->pack.fk, l->pack.cosine, l->pack.sine, l->t, l->y};
    return train_state_clear_gradient(&l->state, &b->compute) &&
           fit_train_forward(&b->compute, &l->state.network, &l->store, l->velocity, &batch) &&
           fit_run(&b->compute, flow_loss, l->loss, l->dvelocity, l->velocity, l->target,
                   &l->pack.fk, fit_config_features(&b->config)) &&
           fit_backward(&b->compute, &l->state.network, &l->store, l->state.gradient, NULL,
                        l->dvelocity, &batch) &&
           train_state_update(&l->state, &b->compute, &l->config, ++l->step,
                              l->config.learning_rate, 1, &norm);
}

bool bench_train(struct bench *b, int tokens)
{
    struct fit_bench_row row = {.part = FIT_BENCH_TRAIN, .tokens = tokens, .error = -1};
    struct lesson *l = calloc(1, sizeof *l);
    if (!l)
        return fit_fail(b->error, FIT_ERROR_MEMORY, "no memory for a step of training");
    bool ok = lesson_init(l, b, tokens);
    int images = l->pack.fk.n_images;
    snprintf(row.name, sizeof row.name, "training step of %d images of %d tokens", images, tokens);
    /* the backward pass has two products for each of the forward's */
    row.flops = 3 * 2.0 * images * (double)fit_config_macs(&b->config, tokens, true);
    ok = ok && bench_time(b, &row, lesson_run, l, b->type) &&
         bench_shares(b, &row, lesson_run, l);
    row.bytes = l->store.scratch.bytes + l->scratch.bytes;
    ok = ok && bench_emit(b, &row);
    lesson_finish(l);
    free(l);
    return ok;
}
