/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold to the bit, whatever the numbers: an image alone, in a pack, among other rows of
 * conditioning, and in training gives the same velocity; and how a pass ends early. */
#include <string.h>

#include "fit_backward.h"
#include "tiny.h"

enum { IMAGES = 3, ROWS = 5, COLUMNS = 7 };

static const char *device_name;
static const int tokens[IMAGES] = {35, 1, 18};
static const float times[IMAGES] = {0.1f, 0.55f, 1.7f};
static const int32_t classes[IMAGES] = {999, 1000, 0};

struct pass {
    struct tiny tiny;
    struct tiny_pack pack;
    struct fit_activations activations;
    struct fit_modulation modulation;
    float *x, *v;
};

static void open_pass(struct pass *p, enum fk_dtype type)
{
    memset(p, 0, sizeof *p);
    tiny_open(&p->tiny, device_name, type);
    tiny_pack_build(&p->tiny, &p->pack, tokens, IMAGES, ROWS, COLUMNS, FIT_METHOD_NONE);
    size_t n = (size_t)p->pack.fk.n_tokens * TINY_FEATURES;
    p->x = tiny_alloc(&p->tiny, n * sizeof *p->x);
    p->v = tiny_alloc(&p->tiny, n * sizeof *p->v);
    for (size_t i = 0; i < n; i++)
        p->x[i] = tiny_fill(1000, (uint32_t)i, 2);
}

static void close_pass(struct pass *p)
{
    tiny_free(&p->tiny, p->x);
    tiny_free(&p->tiny, p->v);
    fit_activations_finish(&p->activations);
    fit_modulation_finish(&p->modulation);
    tiny_pack_finish(&p->tiny, &p->pack);
    tiny_close(&p->tiny);
}

static bool forward(struct pass *p, const struct tiny_pack *pack, float *v, const float *x,
                    int first_row)
{
    return fit_forward(&p->tiny.compute, &p->tiny.network, &p->activations, v, x, &pack->fk,
                       pack->cosine, pack->sine, &p->modulation, first_row);
}

static bool condition(struct pass *p)
{
    return fit_conditioning(&p->tiny.compute, &p->tiny.network, &p->modulation, times, classes,
                            IMAGES);
}

static void compare_alone(enum fk_dtype type)
{
    struct pass p;
    open_pass(&p, type);
    tiny_require(&p.tiny, condition(&p) && forward(&p, &p.pack, p.v, p.x, 0));
    float *alone = tiny_alloc(&p.tiny, ROWS * COLUMNS * TINY_FEATURES * sizeof *alone);
    for (int b = 0; b < IMAGES; b++) {
        struct tiny_pack own;
        size_t first = (size_t)p.pack.offset[b] * TINY_FEATURES;
        size_t bytes = (size_t)tokens[b] * TINY_FEATURES * sizeof *alone;
        tiny_pack_build(&p.tiny, &own, &tokens[b], 1, ROWS, COLUMNS, FIT_METHOD_NONE);
        tiny_require(&p.tiny, condition(&p) && forward(&p, &own, alone, p.x + first, b));
        assert_memory_equal(alone, p.v + first, bytes);
        tiny_require(&p.tiny, fit_conditioning(&p.tiny.compute, &p.tiny.network, &p.modulation,
                                               &times[b], &classes[b], 1) &&
                                  forward(&p, &own, alone, p.x + first, 0));
        assert_memory_equal(alone, p.v + first, bytes);
        tiny_pack_finish(&p.tiny, &own);
    }
    tiny_free(&p.tiny, alone);
    close_pass(&p);
}

static void packed_is_alone(void **state)
{
    (void)state;
    compare_alone(FK_F32);
    compare_alone(FK_BF16);
}

static void training_is_the_same(void **state)
{
    (void)state;
    struct pass p;
    struct fit_train_store store = {0};
    open_pass(&p, FK_F32);
    int n = p.pack.fk.n_tokens;
    size_t bytes = (size_t)n * TINY_FEATURES * sizeof(float);
    float *v = tiny_alloc(&p.tiny, bytes);
    struct fit_batch batch = {p.x, &p.pack.fk, p.pack.cosine, p.pack.sine, times, classes};
    tiny_require(&p.tiny, condition(&p) && forward(&p, &p.pack, p.v, p.x, 0));
    tiny_require(&p.tiny,
                 fit_train_store_reserve(&store, p.tiny.compute.device, &p.tiny.network, n, IMAGES,
                                         &p.tiny.error) &&
                     fit_train_forward(&p.tiny.compute, &p.tiny.network, &store, v, &batch));
    assert_memory_equal(v, p.v, bytes);
    assert_true(store.scratch.bytes + store.modulation.scratch.bytes ==
                fit_train_store_bytes(&p.tiny.config, FK_F32, n, IMAGES, false));
    fit_train_store_finish(&store);
    tiny_free(&p.tiny, v);
    close_pass(&p);
}

/* The reference tells the network min(t, 1). */
static void late_time_is_one(void **state)
{
    (void)state;
    struct pass p;
    open_pass(&p, FK_F32);
    const float t[2] = {1, 1.5f};
    const int32_t y[2] = {3, 3};
    tiny_require(&p.tiny, fit_conditioning(&p.tiny.compute, &p.tiny.network, &p.modulation, t, y,
                                           2));
    size_t d = 6 * (size_t)p.tiny.config.hidden;
    assert_memory_equal(p.modulation.block, p.modulation.block + d, d * sizeof(float));
    close_pass(&p);
}

/* Time embedding at t = 0.5 as the reference gives it: cosines first. */
static void time_wave(void **state)
{
    (void)state;
    static const struct {
        int at;
        double value;
    } expected[] = {{0, 0.87758},   {1, 0.89369},   {2, 0.90772},   {127, 1.0},
                    {128, 0.47943}, {129, 0.44868}, {130, 0.41958}, {255, 5.3730e-5}};
    struct pass p;
    open_pass(&p, FK_F32);
    const float t = 0.5f;
    const int32_t y = 0;
    tiny_require(&p.tiny, fit_conditioning(&p.tiny.compute, &p.tiny.network, &p.modulation, &t, &y,
                                           1));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) /* five printed digits */
        tiny_close_to("wave", p.modulation.wave[expected[i].at], expected[i].value, 6e-6);
    close_pass(&p);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct pass p;
    open_pass(&p, FK_F32);
    struct fit_error *e = &p.tiny.error;
    const int32_t beyond = 1001;
    assert_false(fit_conditioning(&p.tiny.compute, &p.tiny.network, &p.modulation, times, &beyond,
                                  1));
    assert_int_equal(e->status, FIT_ERROR_ARGUMENT);
    assert_non_null(strstr(e->message, "1001"));

    *e = (struct fit_error){0};
    tiny_require(&p.tiny, condition(&p));
    assert_false(forward(&p, &p.pack, p.v, p.x, 1));
    assert_int_equal(e->status, FIT_ERROR_ARGUMENT);
    close_pass(&p);
}

static void cancelling_stops(void **state)
{
    (void)state;
    struct pass p;
    atomic_bool cancel = false;
    open_pass(&p, FK_F32);
    p.tiny.compute.cancel = &cancel;
    tiny_require(&p.tiny, condition(&p));
    atomic_store(&cancel, true);
    assert_false(forward(&p, &p.pack, p.v, p.x, 0));
    assert_int_equal(p.tiny.error.status, FIT_ERROR_CANCELLED);
    close_pass(&p);
}

static void lacking_operation_is_named(void **state)
{
    (void)state;
    struct pass p;
    struct fit_compute_times spent = {0};
    open_pass(&p, FK_F32);
    struct fk_ops poor = *p.tiny.compute.ops;
    poor.attention = NULL;
    p.tiny.compute.ops = &poor;
    p.tiny.compute.times = &spent;
    tiny_require(&p.tiny, condition(&p));
    assert_false(forward(&p, &p.pack, p.v, p.x, 0));
    assert_int_equal(p.tiny.error.status, FIT_ERROR_DEVICE);
    assert_non_null(strstr(p.tiny.error.message, "attention"));
    assert_int_equal(spent.calls[FK_OP_time_embed], 1);
    assert_int_equal(spent.calls[FK_OP_attention], 0);
    close_pass(&p);
}

static void missing_tensor_is_named(void **state)
{
    (void)state;
    struct tiny tiny;
    struct fit_network network;
    struct fit_error e = {0};
    tiny_open(&tiny, device_name, FK_F32);
    assert_false(fit_network_bind_flat(&network, &tiny.config, NULL, NULL, &e));
    assert_int_equal(e.status, FIT_ERROR_MODEL);
    assert_non_null(strstr(e.message, "x_embedder.proj.weight"));
    tiny_close(&tiny);
}

int main(int argc, char **argv)
{
    device_name = tiny_device_name(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_is_alone),
        cmocka_unit_test(training_is_the_same),
        cmocka_unit_test(late_time_is_one),
        cmocka_unit_test(time_wave),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(cancelling_stops),
        cmocka_unit_test(lacking_operation_is_named),
        cmocka_unit_test(missing_tensor_is_named),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
