/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of the whole network against finite differences of the loss.
 *
 * For every parameter tensor a direction u of values in [-1, 1) is taken; the difference of fourth
 * order, (8 (loss(p + e u) - loss(p - e u)) - (loss(p + 2 e u) - loss(p - 2 e u))) / 12 e, must
 * equal gradient . u. With e = 2^-7 the rounding of an f32 forward leaves some 2e-5 and the fifth
 * derivative 1.5e-4 of derivatives up to 8; an error of formula is of the size of the derivative
 * itself, 0.03 for the smallest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit_backward.h"
#include "tiny.h"

enum { IMAGES = 2, ROWS = 3, COLUMNS = 5 };

static const char *device_name;
static const int tokens[IMAGES] = {15, 11};
static const float times[IMAGES] = {0.3f, 0.8f};
static const int32_t classes[IMAGES] = {5, 1000};

struct setting {
    struct tiny tiny;
    struct tiny_pack pack;
    struct fit_train_store store;
    struct fit_batch batch;
    float *x, *target, *velocity, *dvelocity, *gradient, *loss;
    size_t total;
    double epsilon; /* of the differences */
};

/* Around the network that is open. */
static void fill_setting(struct setting *s)
{
    tiny_pack_build(&s->tiny, &s->pack, tokens, IMAGES, ROWS, COLUMNS, FIT_METHOD_NONE);
    size_t n = (size_t)s->pack.fk.n_tokens * TINY_FEATURES, bytes = n * sizeof(float);
    s->total = fit_weights_total(&s->tiny.config);
    s->epsilon = 1.0 / 128;
    s->x = tiny_alloc(&s->tiny, bytes);
    s->target = tiny_alloc(&s->tiny, bytes);
    s->velocity = tiny_alloc(&s->tiny, bytes);
    s->dvelocity = tiny_alloc(&s->tiny, bytes);
    s->gradient = tiny_alloc(&s->tiny, s->total * sizeof(float));
    s->loss = tiny_alloc(&s->tiny, IMAGES * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        s->x[i] = tiny_fill(1000, (uint32_t)i, 2);
        s->target[i] = tiny_fill(1001, (uint32_t)i, 2);
    }
    memset(s->gradient, 0, s->total * sizeof(float));
    s->batch = (struct fit_batch){s->x, &s->pack.fk, s->pack.cosine, s->pack.sine, times, classes};
    tiny_require(&s->tiny, fit_train_store_reserve(&s->store, s->tiny.compute.device,
                                                   &s->tiny.network, s->pack.fk.n_tokens, IMAGES,
                                                   &s->tiny.error));
}

static void open_setting(struct setting *s, enum fk_dtype type)
{
    memset(s, 0, sizeof *s);
    tiny_open(&s->tiny, device_name, type);
    fill_setting(s);
}

static void close_setting(struct setting *s)
{
    fit_train_store_finish(&s->store);
    tiny_pack_finish(&s->tiny, &s->pack);
    float *owned[] = {s->x, s->target, s->velocity, s->dvelocity, s->gradient, s->loss};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        tiny_free(&s->tiny, owned[i]);
    tiny_close(&s->tiny);
}

/* The loss in double from the f32 velocity, so that summing it adds no rounding. */
static double loss_of(struct setting *s)
{
    tiny_require(&s->tiny, fit_train_forward(&s->tiny.compute, &s->tiny.network, &s->store,
                                             s->velocity, &s->batch));
    double loss = 0;
    for (int b = 0; b < IMAGES; b++) {
        double sum = 0;
        int first = s->pack.offset[b] * TINY_FEATURES, end = s->pack.offset[b + 1] * TINY_FEATURES;
        for (int i = first; i < end; i++)
            sum += pow((double)s->velocity[i] - s->target[i], 2);
        loss += sum / (end - first) / IMAGES;
    }
    return loss;
}

static void run_backward(struct setting *s)
{
    struct fit_compute *c = &s->tiny.compute;
    tiny_require(&s->tiny,
                 fit_train_forward(c, &s->tiny.network, &s->store, s->velocity, &s->batch) &&
                     fit_run(c, flow_loss, s->loss, s->dvelocity, s->velocity, s->target,
                             &s->pack.fk, TINY_FEATURES) &&
                     fit_backward(c, &s->tiny.network, &s->store, s->gradient, NULL, s->dvelocity,
                                  &s->batch));
}

/* The directional derivatives of one tensor: analytic, and by differences. */
static void compare_tensor(struct setting *s, const struct fit_tensor_spec *spec, uint32_t k,
                           double *analytic, double *numeric)
{
    float *p = s->tiny.flat + spec->offset;
    const float *g = s->gradient + spec->offset;
    float *saved = malloc(spec->n_values * sizeof *saved);
    memcpy(saved, p, spec->n_values * sizeof *saved);
    static const int place[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
    const double epsilon = s->epsilon;
    *analytic = *numeric = 0;
    for (int side = 0; side < 4; side++) {
        for (size_t i = 0; i < spec->n_values; i++)
            p[i] = saved[i] + (float)(place[side] * epsilon) *
                                  tiny_fill(2000 + k, (uint32_t)i, 1);
        *numeric += weight[side] * loss_of(s) / (12 * epsilon);
    }
    for (size_t i = 0; i < spec->n_values; i++)
        *analytic += (double)g[i] * tiny_fill(2000 + k, (uint32_t)i, 1);
    memcpy(p, saved, spec->n_values * sizeof *saved);
    free(saved);
}

static void compare_tensors(struct setting *s)
{
    run_backward(s);
    struct fit_tensor_spec spec;
    for (size_t k = 0; fit_weights_spec(&s->tiny.config, k, &spec); k++) {
        double analytic, numeric;
        compare_tensor(s, &spec, (uint32_t)k, &analytic, &numeric);
        tiny_close_to(spec.name, analytic, numeric, 3e-4);
    }
}

static void every_parameter(void **state)
{
    (void)state;
    struct setting s;
    open_setting(&s, FK_F32);
    compare_tensors(&s);
    close_setting(&s);
}

/* Every block with a modulation of its own, as before the papers' last step. Through its whole
 * matrices the time bends the loss more: 7e-4 of the fifth derivative at twice the distance. */
static void every_parameter_unshared(void **state)
{
    (void)state;
    struct setting s;
    memset(&s, 0, sizeof s);
    tiny_open_whole(&s.tiny, device_name);
    fill_setting(&s);
    s.epsilon = 1.0 / 256;
    compare_tensors(&s);
    close_setting(&s);
}

/* A second backward of the same batch doubles the gradient: it is added to. */
static void gradient_accumulates(void **state)
{
    (void)state;
    struct setting s;
    open_setting(&s, FK_F32);
    run_backward(&s);
    float *once = malloc(s.total * sizeof *once);
    memcpy(once, s.gradient, s.total * sizeof *once);
    run_backward(&s);
    double norm = 0, difference = 0;
    for (size_t i = 0; i < s.total; i++) {
        norm += (double)once[i] * once[i];
        difference += (s.gradient[i] - 2.0 * once[i]) * (s.gradient[i] - 2.0 * once[i]);
    }
    assert_true(norm > 0);
    /* f32 sums in another order: 2^-24 times the square root of some thousand terms */
    tiny_close_to("difference", sqrt(difference / norm), 0, 1e-5);
    free(once);
    close_setting(&s);
}

/* Matrices in bf16: the direction of the gradient stays that of f32. Rounding to 8 bits changes
 * each product by 2^-9 at random; through ten layers that is about a hundredth of the norm. */
static void bf16_agrees(void **state)
{
    (void)state;
    struct setting wide, narrow;
    open_setting(&wide, FK_F32);
    open_setting(&narrow, FK_BF16);
    run_backward(&wide);
    run_backward(&narrow);
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < wide.total; i++) {
        ab += (double)wide.gradient[i] * narrow.gradient[i];
        aa += (double)wide.gradient[i] * wide.gradient[i];
        bb += (double)narrow.gradient[i] * narrow.gradient[i];
    }
    print_message("bf16: cosine %.6f, length %.6f\n", ab / sqrt(aa * bb), sqrt(bb / aa));
    tiny_close_to("cosine", ab / sqrt(aa * bb), 1, 2e-3);
    tiny_close_to("length", sqrt(bb / aa), 1, 2e-2);
    close_setting(&narrow);
    close_setting(&wide);
}

static void small_store_is_refused(void **state)
{
    (void)state;
    struct setting s;
    open_setting(&s, FK_F32);
    s.store.tokens = s.pack.fk.n_tokens - 1;
    assert_false(fit_train_forward(&s.tiny.compute, &s.tiny.network, &s.store, s.velocity,
                                   &s.batch));
    assert_int_equal(s.tiny.error.status, FIT_ERROR_ARGUMENT);
    close_setting(&s);
}

int main(int argc, char **argv)
{
    device_name = tiny_device_name(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter),
        cmocka_unit_test(every_parameter_unshared),
        cmocka_unit_test(gradient_accumulates),
        cmocka_unit_test(bf16_agrees),
        cmocka_unit_test(small_store_is_refused),
    };
    return cmocka_run_group_tests_name("gradient", tests, NULL, NULL);
}
