/* SPDX-License-Identifier: Apache-2.0 */
/* Strips: a picture made in thin ones is the picture made in one. A small network with every kind
 * of passage: a shortcut that grows and one that shrinks (both in place), a doubling, a halving. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convnet.h"
#include "tiny.h"

enum { HEIGHT = 40, WIDTH = 6, PIXELS = HEIGHT * WIDTH, OUT = 8 };

static const char *device_name;

static const struct fit_layer layers[] = {
    {.kind = FIT_LAYER_RESNET, .name = "grow", .in = 32, .out = 64},
    {.kind = FIT_LAYER_UP, .name = "up", .in = 64, .out = 64, .kernel = 3},
    {.kind = FIT_LAYER_RESNET, .name = "shrink", .in = 64, .out = 32},
    {.kind = FIT_LAYER_DOWN, .name = "down", .in = 32, .out = 32, .kernel = 3},
    {.kind = FIT_LAYER_NORM_CONV, .name = "out", .norm = "norm", .in = 32, .out = OUT, .kernel = 3},
};
enum { N_LAYERS = sizeof layers / sizeof *layers };

static const struct {
    const char *name;
    int out, in, kernel;
} parts[] = {
    {"grow.norm1", 32, 0, 0},    {"grow.conv1", 64, 32, 3},    {"grow.norm2", 64, 0, 0},
    {"grow.conv2", 64, 64, 3},   {"grow.conv_shortcut", 64, 32, 1}, {"up", 64, 64, 3},
    {"shrink.norm1", 64, 0, 0},  {"shrink.conv1", 32, 64, 3},  {"shrink.norm2", 32, 0, 0},
    {"shrink.conv2", 32, 32, 3}, {"shrink.conv_shortcut", 32, 64, 1}, {"down", 32, 32, 3},
    {"norm", 32, 0, 0},          {"out", OUT, 32, 3},
};
enum { N_PARTS = sizeof parts / sizeof *parts };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fit_tensor *)a)->name, ((const struct fit_tensor *)b)->name);
}

static void tensor_make(struct fit_tensor *t, char *name, int i, bool bias)
{
    uint64_t side = (uint64_t)parts[i].kernel;
    snprintf(name, 64, "%s.%s", parts[i].name, bias ? "bias" : "weight");
    *t = (struct fit_tensor){.name = name, .type = FIT_TENSOR_F32,
                             .n_dims = bias || !side ? 1 : 4,
                             .dims = {(uint64_t)parts[i].out, (uint64_t)parts[i].in, side, side}};
    t->n_values = t->n_dims == 1 ? t->dims[0] : t->dims[0] * t->dims[1] * side * side;
    t->bytes = t->n_values * sizeof(float);
    float *x = malloc(t->bytes);
    assert_non_null(x);
    for (uint32_t j = 0; j < t->n_values; j++)
        x[j] = tiny_fill((uint32_t)(2 * i + bias), j, 0.125f) + (side || bias ? 0 : 1);
    t->data = x;
}

static void spell(int spelling, const char *name, char *out, size_t bytes)
{
    (void)spelling;
    snprintf(out, bytes, "%s", name);
}

static void strips_are_the_whole(void **state)
{
    (void)state;
    char message[256], names[2 * N_PARTS][64];
    struct fit_error error = {0};
    struct fit_compute c;
    struct fit_convnet net;
    struct fit_convnet_plan plan;
    struct fit_tensor tensors[2 * N_PARTS];
    const struct fk_open_params params = {.backend = device_name, .n_threads = 2};
    struct fk_device *device = fk_device_open(&params, message, sizeof message);
    assert_non_null(device);
    fit_compute_init(&c, device, device->queue_new(device), &error);
    for (int i = 0; i < 2 * N_PARTS; i++)
        tensor_make(&tensors[i], names[i], i / 2, i % 2);
    qsort(tensors, 2 * N_PARTS, sizeof *tensors, by_name);
    struct fit_safetensors file = {.path = "rule", .tensors = tensors, .n_tensors = 2 * N_PARTS};
    const struct fit_convnet_source source = {device, c.queue, fit_safetensors_list(&file), spell,
                                              0};
    if (!fit_convnet_open(&net, layers, N_LAYERS, &source, &error))
        fail_msg("%s", error.message);

    float x[32 * PIXELS], whole[OUT * PIXELS], strips[OUT * PIXELS];
    for (int i = 0; i < 32 * PIXELS; i++)
        x[i] = tiny_fill(1000, (uint32_t)i, 1);
    fit_convnet_plan_make(&net, HEIGHT, WIDTH, SIZE_MAX, &plan);
    assert_int_equal(plan.split, N_LAYERS);
    assert_true(fit_convnet_run(&net, &c, &plan, whole, x, HEIGHT, WIDTH));
    net.strip_values = 1; /* as thin as strips become */
    size_t bytes = plan.bytes;
    fit_convnet_plan_make(&net, HEIGHT, WIDTH, SIZE_MAX, &plan);
    assert_true(plan.bytes < bytes);
    assert_true(fit_convnet_run(&net, &c, &plan, strips, x, HEIGHT, WIDTH));

    double worst = 0, squares = 0;
    for (int i = 0; i < OUT * PIXELS; i++) {
        worst = fmax(worst, fabs(strips[i] - whole[i]));
        squares += (double)whole[i] * whole[i];
    }
    double rms = sqrt(squares / (OUT * PIXELS));
    print_message("%.2g apart at an rms of %.2g\n", worst, rms);
    assert_true(rms > 0.1);
    assert_true(worst < 1e-5 * fmax(1, rms)); /* the same sums, in another order now and then */
    fit_convnet_close(&net);
    for (int i = 0; i < 2 * N_PARTS; i++)
        free((void *)tensors[i].data);
    device->queue_free(c.queue);
    fk_device_close(&device);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strips_are_the_whole)};
    device_name = tiny_device_name(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
