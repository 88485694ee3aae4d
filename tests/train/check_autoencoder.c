/* SPDX-License-Identifier: Apache-2.0 */
/* The autoencoder against plain loops in double over channel planes. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autoencoder.h"

struct planes {
    int channels, height, width;
    double *v; /* [channels][height][width] */
};

static struct planes planes_new(int channels, int height, int width)
{
    struct planes p = {channels, height, width,
                       calloc((size_t)(channels * height * width), sizeof(double))};
    assert_non_null(p.v);
    return p;
}

static double at(const struct planes *p, int c, int y, int x)
{
    return y < 0 || x < 0 || y >= p->height || x >= p->width
               ? 0
               : p->v[(c * p->height + y) * p->width + x];
}

static int find(const char *name)
{
    for (int i = 0; i < n_convolutions; i++)
        if (!strcmp(convolutions[i].name, name))
            return i;
    fail_msg("no convolution %s", name);
    return 0;
}

static struct planes conv(const struct planes *x, const char *name, int stride)
{
    int i = find(name), k = convolutions[i].kernel, in = convolutions[i].in;
    float *w = convolution_values(i, 0), *b = convolution_values(i, 1);
    struct planes y = planes_new(convolutions[i].out, x->height / stride, x->width / stride);
    assert_int_equal(in, x->channels);
    for (int o = 0; o < y.channels; o++)
        for (int r = 0; r < y.height; r++)
            for (int q = 0; q < y.width; q++) {
                double sum = b[o];
                for (int c = 0; c < in; c++)
                    for (int t = 0; t < k * k; t++)
                        sum += w[(o * in + c) * k * k + t] *
                               at(x, c, r * stride + t / k - k / 2, q * stride + t % k - k / 2);
                y.v[(o * y.height + r) * y.width + q] = sum;
            }
    free(w);
    free(b);
    return y;
}

static struct planes silu(const struct planes *x)
{
    struct planes y = planes_new(x->channels, x->height, x->width);
    for (int i = 0; i < x->channels * x->height * x->width; i++)
        y.v[i] = x->v[i] / (1 + exp(-x->v[i]));
    return y;
}

/* Replaces *x, so that a graph reads as a list. */
static void then(struct planes *x, struct planes y)
{
    free(x->v);
    *x = y;
}

static void residual(struct planes *x, const char *first, const char *second)
{
    struct planes y = silu(x);
    then(&y, conv(&y, first, 1));
    then(&y, silu(&y));
    then(&y, conv(&y, second, 1));
    for (int i = 0; i < x->channels * x->height * x->width; i++)
        x->v[i] += y.v[i];
    free(y.v);
}

/* Channel 4 c + 2 i + j of the coarse picture is pixel (i, j) of channel c of the fine one. */
static struct planes unshuffle(const struct planes *x)
{
    struct planes y = planes_new(x->channels * 4, x->height / 2, x->width / 2);
    for (int c = 0; c < y.channels; c++)
        for (int i = 0; i < y.height * y.width; i++)
            y.v[c * y.height * y.width + i] =
                at(x, c / 4, i / y.width * 2 + c % 4 / 2, i % y.width * 2 + c % 2);
    return y;
}

static struct planes shuffle(const struct planes *x)
{
    struct planes y = planes_new(x->channels / 4, x->height * 2, x->width * 2);
    for (int c = 0; c < y.channels; c++)
        for (int i = 0; i < y.height * y.width; i++) {
            int r = i / y.width, q = i % y.width;
            y.v[c * y.height * y.width + i] = at(x, 4 * c + r % 2 * 2 + q % 2, r / 2, q / 2);
        }
    return y;
}

static struct planes encode(const struct planes *rgb)
{
    struct planes x = unshuffle(rgb);
    then(&x, conv(&x, "encoder.conv_in", 1));
    then(&x, silu(&x));
    then(&x, conv(&x, "encoder.down1", 2));
    residual(&x, "encoder.res1.conv1", "encoder.res1.conv2");
    then(&x, silu(&x));
    then(&x, conv(&x, "encoder.down2", 2));
    residual(&x, "encoder.res2.conv1", "encoder.res2.conv2");
    then(&x, silu(&x));
    then(&x, conv(&x, "encoder.conv_out", 1));
    return x;
}

static struct planes decode(const struct planes *latent)
{
    struct planes x = conv(latent, "decoder.conv_in", 1);
    residual(&x, "decoder.res1.conv1", "decoder.res1.conv2");
    residual(&x, "decoder.res2.conv1", "decoder.res2.conv2");
    then(&x, conv(&x, "decoder.up1", 1));
    then(&x, shuffle(&x));
    residual(&x, "decoder.res3.conv1", "decoder.res3.conv2");
    residual(&x, "decoder.res4.conv1", "decoder.res4.conv2");
    then(&x, conv(&x, "decoder.up2", 1));
    then(&x, shuffle(&x));
    residual(&x, "decoder.res5.conv1", "decoder.res5.conv2");
    then(&x, silu(&x));
    then(&x, conv(&x, "decoder.conv_out", 1));
    then(&x, shuffle(&x));
    return x;
}

/* About twenty f32 sums of up to 1152 terms in a row, each of 2^-24 relative error times the
 * square root of its length, and residual layers that add up: 1e-4 is several times that. */
static const double tolerance = 1e-4;

static void compare(const float *got, const double *want, size_t n)
{
    double square = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        square += want[i] * want[i];
        worst = fmax(worst, fabs(got[i] - want[i]));
    }
    double rms = sqrt(square / (double)n);
    assert_true(rms > 0.05); /* a graph that lost its input would pass on zeros */
    if (!(worst <= tolerance * fmax(1, rms)))
        fail_msg("worst difference %g at an rms of %g", worst, rms);
}

enum { HEIGHT = 16, WIDTH = 24, BATCH = 2, PIXELS = HEIGHT * WIDTH,
       LATENTS = 8 * HEIGHT / 8 * WIDTH / 8 };

static void test_encode(void **state)
{
    struct fixture f;
    struct bench b;
    struct fit_autoencoder *a;
    (void)state;
    fixture_init(&f, "");
    bench_init(&b);
    require_ok(fit_autoencoder_open(&a, b.device, b.compute.queue, f.autoencoder, &b.error),
               b.error);
    float *rgb = b.device->alloc(b.device, BATCH * PIXELS * 3 * sizeof(float));
    float *latent = b.device->alloc(b.device, BATCH * LATENTS * sizeof(float));
    fill(rgb, BATCH * PIXELS * 3, 1000, 1);
    require_ok(fit_autoencoder_encode(a, &b.compute, latent, rgb, BATCH, HEIGHT, WIDTH), b.error);
    b.device->queue_sync(b.compute.queue);
    for (int k = 0; k < BATCH; k++) {
        struct planes x = planes_new(3, HEIGHT, WIDTH);
        for (int i = 0; i < PIXELS * 3; i++)
            x.v[i % 3 * PIXELS + i / 3] = rgb[k * PIXELS * 3 + i];
        then(&x, encode(&x));
        compare(latent + k * LATENTS, x.v, LATENTS);
        free(x.v);
    }
    b.device->free(b.device, rgb);
    b.device->free(b.device, latent);
    fit_autoencoder_close(&a);
    bench_finish(&b);
    fixture_finish(&f);
}

static void test_decode(void **state)
{
    struct fixture f;
    struct bench b;
    struct fit_autoencoder *a;
    (void)state;
    fixture_init(&f, "");
    bench_init(&b);
    require_ok(fit_autoencoder_open(&a, b.device, b.compute.queue, f.autoencoder, &b.error),
               b.error);
    float *rgb = b.device->alloc(b.device, PIXELS * 3 * sizeof(float));
    float *latent = b.device->alloc(b.device, LATENTS * sizeof(float));
    fill(latent, LATENTS, 1001, 2);
    require_ok(fit_autoencoder_decode(a, &b.compute, rgb, latent, 1, HEIGHT, WIDTH), b.error);
    b.device->queue_sync(b.compute.queue);
    struct planes x = planes_new(8, HEIGHT / 8, WIDTH / 8);
    for (int i = 0; i < LATENTS; i++)
        x.v[i] = latent[i];
    then(&x, decode(&x));
    double *want = calloc(PIXELS * 3, sizeof *want);
    for (int i = 0; i < PIXELS * 3; i++)
        want[i] = x.v[i % 3 * PIXELS + i / 3];
    compare(rgb, want, PIXELS * 3);
    free(want);
    free(x.v);
    b.device->free(b.device, rgb);
    b.device->free(b.device, latent);
    fit_autoencoder_close(&a);
    bench_finish(&b);
    fixture_finish(&f);
}

static void test_refusals(void **state)
{
    struct fixture f;
    struct bench b;
    struct fit_autoencoder *a = NULL;
    (void)state;
    fixture_init(&f, "");
    bench_init(&b);
    assert_false(fit_autoencoder_open(&a, b.device, b.compute.queue, f.config, &b.error));
    assert_null(a);
    assert_non_null(strstr(b.error.message, "tiny.yaml"));
    b.error = (struct fit_error){0};
    require_ok(fit_autoencoder_open(&a, b.device, b.compute.queue, f.autoencoder, &b.error),
               b.error);
    assert_false(fit_autoencoder_encode(a, &b.compute, NULL, NULL, 1, 16, 20));
    assert_int_equal(b.error.status, FIT_ERROR_ARGUMENT);
    fit_autoencoder_close(&a);
    bench_finish(&b);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
