/* SPDX-License-Identifier: Apache-2.0 */
/* The demo model's own autoencoder against what the program that trained it gave:
 *     train_golden AUTOENCODER GOLDEN
 * GOLDEN holds image [1][3][H][W], latent [1][8][H/8][W/8] and decoded, the picture of that
 * latent. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>

#include "autoencoder.h"

static const char *autoencoder_path, *golden_path;

/* One picture with its device memory. */
struct sample {
    struct bench b;
    struct fit_autoencoder *a;
    struct fit_safetensors file;
    int height, width;
    float *image, *latent, *decoded; /* host, as in the file */
    float *rgb, *code;               /* device */
};

static float *read_values(struct sample *s, const char *name)
{
    const struct fit_tensor *tensor;
    require_ok(fit_safetensors_require(&s->file, name, 0, NULL, &tensor, &s->b.error), s->b.error);
    float *values = malloc((size_t)tensor->n_values * sizeof *values);
    assert_true(values && tensor->n_dims == 4 && fit_tensor_to_f32(tensor, values));
    s->height = (int)tensor->dims[2];
    s->width = (int)tensor->dims[3];
    return values;
}

static void sample_init(struct sample *s)
{
    *s = (struct sample){0};
    bench_init(&s->b);
    require_ok(fit_autoencoder_open(&s->a, s->b.device, s->b.compute.queue, autoencoder_path,
                                    &s->b.error), s->b.error);
    require_ok(fit_safetensors_open(&s->file, golden_path, &s->b.error), s->b.error);
    s->latent = read_values(s, "latent");
    s->decoded = read_values(s, "decoded");
    s->image = read_values(s, "image");
    size_t pixels = (size_t)s->height * (size_t)s->width;
    s->rgb = s->b.device->alloc(s->b.device, pixels * 3 * sizeof(float));
    s->code = s->b.device->alloc(s->b.device, pixels / 8 * sizeof(float));
    assert_true(s->rgb && s->code);
}

static void sample_finish(struct sample *s)
{
    s->b.device->free(s->b.device, s->rgb);
    s->b.device->free(s->b.device, s->code);
    free(s->image);
    free(s->latent);
    free(s->decoded);
    fit_safetensors_close(&s->file);
    fit_autoencoder_close(&s->a);
    bench_finish(&s->b);
}

/* Both sides sum f32 in orders of their own through about ten layers. */
static const double tolerance = 2e-4;

static void test_encode(void **state)
{
    struct sample s;
    struct fit_compute *c = &s.b.compute;
    (void)state;
    sample_init(&s);
    size_t pixels = (size_t)s.height * (size_t)s.width;
    for (size_t i = 0; i < pixels * 3; i++)
        s.rgb[i] = s.image[i % 3 * pixels + i / 3];
    require_ok(fit_autoencoder_encode(s.a, c, s.code, s.rgb, 1, s.height, s.width), s.b.error);
    c->device->queue_sync(c->queue);
    for (size_t i = 0; i < pixels / 8; i++)
        assert_true(fabs(s.code[i] - s.latent[i]) <= tolerance * fmax(1, fabs(s.latent[i])));
    sample_finish(&s);
}

static void test_decode(void **state)
{
    struct sample s;
    struct fit_compute *c = &s.b.compute;
    (void)state;
    sample_init(&s);
    size_t pixels = (size_t)s.height * (size_t)s.width;
    for (size_t i = 0; i < pixels / 8; i++)
        s.code[i] = s.latent[i];
    require_ok(fit_autoencoder_decode(s.a, c, s.rgb, s.code, 1, s.height, s.width), s.b.error);
    c->device->queue_sync(c->queue);
    for (size_t i = 0; i < pixels * 3; i++)
        assert_true(fabs(s.rgb[i] - s.decoded[i % 3 * pixels + i / 3]) <= tolerance);
    sample_finish(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_decode),
    };
    if (argc != 3)
        return 2;
    autoencoder_path = argv[1];
    golden_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
