/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of the whole network against PyTorch's of the authors' code, on shared weights:
 * tests/golden/gradient.safetensors (tests/reference/make_golden.py). Theirs is of a padded batch
 * with a mask, Limn's of a pack without padding; the loss counts every picture alike in both.
 * ddpm.safetensors beside it is the same of the first version and its own loss.
 *
 *     train_official TINY_MODEL GOLDEN GOLDEN_OF_DDPM
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ddpm.h"
#include "fit_backward.h"
#include "fixture.h"
#include "pack.h"
#include "safetensors.h"
#include "train_state.h"

/* f32 on both sides, which agree to 1e-6; a gradient left out or doubled is off by 1. */
#define LIMIT 1e-4

enum { IMAGES = 3, TOKENS = 3 * 4 + 2 * 5 + 1 * 3, FEATURES = 32, FIFTH = 5, CLASSES = 4 };

static const struct pack_image shapes[IMAGES] = {{3, 4}, {2, 5}, {1, 3}};
static const int32_t labels[IMAGES] = {1, CLASSES, 3};
static const char *maker, *golden_path, *ddpm_path;

struct lesson {
    struct bench bench;
    struct train_config config;
    struct train_state state;
    struct fit_train_store store;
    struct pack pack;
    struct fit_safetensors golden;
    const char *path; /* of the golden file */
    bool chain;       /* the first version and DDPM */
    float x[TOKENS * FEATURES], target[TOKENS * FEATURES];
    float data[TOKENS * FEATURES], noise[TOKENS * FEATURES]; /* of DDPM */
    float output[TOKENS * 2 * FEATURES], doutput[TOKENS * 2 * FEATURES];
    float t[IMAGES], loss[IMAGES], expected_loss[IMAGES];
};

static void read_golden(struct lesson *l, const char *name, float *out, size_t n)
{
    const struct fit_tensor *tensor = fit_safetensors_find(&l->golden, name);
    if (!tensor || tensor->n_values != n || !fit_tensor_to_f32(tensor, out))
        fail_msg("%s: no tensor \"%s\" of %zu values", l->path, name, n);
}

/* The shape of tests/tiny_model.c. */
static void configure(struct lesson *l, const char *folder)
{
    struct fit_config *model = &l->config.model;
    train_config_defaults(&l->config);
    model->hidden = 64;
    model->depth = model->heads = 2;
    model->mlp_hidden = 170;
    model->lora_rank = 16;
    if (l->chain) {
        model->architecture = FIT_ARCHITECTURE_V1;
        model->qk_norm = false;
        model->mlp_hidden = 256;
        model->lora_rank = 0;
    }
    model->n_classes = CLASSES;
    model->channels = FEATURES / 4;
    l->config.tokens = TOKENS;
    l->config.precision = FIT_PRECISION_F32;
    snprintf(l->config.start, sizeof l->config.start, "%s/transformer.safetensors", folder);
}

static void lesson_init(struct lesson *l, bool chain)
{
    char folder[] = "/tmp/limn-gradient-XXXXXX", command[1200];
    memset(l, 0, sizeof *l);
    l->chain = chain;
    l->path = chain ? ddpm_path : golden_path;
    bench_init(&l->bench);
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "'%s' %s %s", maker, folder, chain ? "v1" : "");
    assert_int_equal(system(command), 0);
    configure(l, folder);
    require_ok(train_state_init(&l->state, &l->bench.compute, &l->config), l->bench.error);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    require_ok(fit_safetensors_open(&l->golden, l->path, &l->bench.error), l->bench.error);
    require_ok(pack_build(&l->pack, &l->bench.compute, &l->config.model, shapes, IMAGES),
               l->bench.error);
    read_golden(l, "x", l->x, TOKENS * FEATURES);
    if (chain) {
        read_golden(l, "data", l->data, TOKENS * FEATURES);
        read_golden(l, "noise", l->noise, TOKENS * FEATURES);
    } else {
        read_golden(l, "target", l->target, TOKENS * FEATURES);
    }
    read_golden(l, "t", l->t, IMAGES);
    read_golden(l, "loss", l->expected_loss, IMAGES);
}

static void lesson_finish(struct lesson *l)
{
    fit_train_store_finish(&l->store);
    pack_finish(&l->pack);
    train_state_finish(&l->state);
    fit_safetensors_close(&l->golden);
    bench_finish(&l->bench);
}

static bool chain_loss(struct lesson *l)
{
    struct fit_ddpm chain;
    if (!fit_ddpm_init(&chain, FIT_DDPM_TRAINED_STEPS, false, &l->bench.error))
        return false;
    for (int b = 0; b < IMAGES; b++) {
        int first = l->pack.offset[b], n = l->pack.offset[b + 1] - first;
        l->loss[b] = (float)fit_ddpm_loss(
            &chain.step[(int)l->t[b]], l->output + first * 2 * FEATURES,
            l->data + first * FEATURES, l->noise + first * FEATURES, n, FEATURES, 1.0 / IMAGES,
            l->doutput + first * 2 * FEATURES);
    }
    fit_ddpm_finish(&chain);
    return true;
}

static bool take_loss(struct lesson *l)
{
    return l->chain ? chain_loss(l)
                    : fit_run(&l->bench.compute, flow_loss, l->loss, l->doutput, l->output,
                              l->target, &l->pack.fk, FEATURES);
}

static void learn(struct lesson *l)
{
    struct fit_compute *c = &l->bench.compute;
    const struct fit_batch batch = {l->x, &l->pack.fk, l->pack.cosine, l->pack.sine, l->t, labels};
    bool ok = fit_train_store_reserve(&l->store, c->device, &l->state.network, TOKENS, IMAGES,
                                      c->error) &&
              train_state_clear_gradient(&l->state, c) &&
              fit_train_forward(c, &l->state.network, &l->store, l->output, &batch) &&
              fit_compute_check(c, c->device->queue_sync(c->queue)) && take_loss(l) &&
              fit_backward(c, &l->state.network, &l->store, l->state.gradient, NULL, l->doutput,
                           &batch) &&
              fit_compute_check(c, c->device->queue_sync(c->queue));
    require_ok(ok, l->bench.error);
}

static void check_tensor(struct lesson *l, const struct fit_tensor_spec *spec, double all_squares)
{
    char name[80];
    size_t n = (spec->n_values + FIFTH - 1) / FIFTH;
    const float *found = l->state.gradient + spec->offset;
    float *expected = malloc(n * sizeof *expected);
    double difference = 0, squares = 0;
    snprintf(name, sizeof name, "d %s", spec->name);
    read_golden(l, name, expected, n);
    for (size_t i = 0; i < n; i++) {
        double d = (double)found[FIFTH * i] - expected[i];
        difference += d * d;
        squares += (double)expected[i] * expected[i];
    }
    free(expected);
    double error = sqrt(difference / squares);
    print_message("%-48s %.1e\n", spec->name, error);
    /* Nothing is hidden by being small: every tensor has its own scale, and a share of the
     * whole. */
    assert_true(squares > 1e-12 * all_squares);
    if (!(error <= LIMIT))
        fail_msg("%s: relative distance %g, at most %g", spec->name, error, LIMIT);
}

static void compare(bool chain)
{
    static struct lesson l;
    struct fit_tensor_spec spec;
    double squares = 0;
    lesson_init(&l, chain);
    learn(&l);
    for (int b = 0; b < IMAGES; b++)
        if (!(fabs(l.loss[b] - l.expected_loss[b]) <= 1e-5 * l.expected_loss[b]))
            fail_msg("loss of picture %d: %.7g, expected %.7g", b, l.loss[b], l.expected_loss[b]);
    for (size_t i = 0; i < l.state.total; i++)
        squares += (double)l.state.gradient[i] * l.state.gradient[i];
    for (size_t i = 0; i < fit_weights_count(&l.config.model); i++) {
        assert_true(fit_weights_spec(&l.config.model, i, &spec));
        check_tensor(&l, &spec, squares);
    }
    lesson_finish(&l);
}

static void test_gradient(void **state)
{
    (void)state;
    compare(false);
}

static void test_gradient_ddpm(void **state)
{
    (void)state;
    compare(true);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: train_official TINY_MODEL GOLDEN GOLDEN_OF_DDPM\n");
        return 1;
    }
    maker = argv[1];
    golden_path = argv[2];
    ddpm_path = argv[3];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_gradient_ddpm),
    };
    return cmocka_run_group_tests_name("official", tests, NULL, NULL);
}
