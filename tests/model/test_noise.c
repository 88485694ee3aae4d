/* SPDX-License-Identifier: Apache-2.0 */
/* Where the normal numbers of a run come from. Values of torch 1.13 to 2.15 on a CPU, printed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "noise.h"
#include "tiny.h"

/* torch approximates logarithm and angle in float: 1.2e-6 was seen. */
#define TORCH_TOLERANCE 3e-6

static void torch_values(void **state)
{
    (void)state;
    static const double zero[4] = {-1.1258398, -1.1523602, -0.2505786, -0.4338788};
    static const double seven[16] = {
        -0.820134521, 0.395631164,  0.898908496, -1.388403893, -0.166996017, 0.285149962,
        -0.641091526, -0.893655419, 0.926542997, -0.535512209, -1.159720302, -0.460157156,
        0.708539069,  1.012755394,  0.230396867, 1.090165138};
    /* the next 20: the last 16 of them are made a second time */
    static const double then[20] = {
        -1.582664609, -0.324566633, 1.926368117,  -0.330011725, 0.957102180,
        -0.661867559, -0.828452051, -0.605680287, -0.135436893, 0.747118235,
        0.611815751,  1.867783546,  -0.261586726, -0.250132620, 0.501121461,
        0.260036200,  -1.637021303, 0.157711908,  0.395740926,  -1.367739677};
    struct fit_torch_random r;
    float out[32];
    fit_torch_random_init(&r, 0);
    assert_true(fit_torch_random_normal(&r, out, 16));
    for (int i = 0; i < 4; i++)
        tiny_close_to("seed 0", out[i], zero[i], TORCH_TOLERANCE);

    fit_torch_random_init(&r, ((uint64_t)1 << 40) + 7); /* the lower half is 7 */
    assert_true(fit_torch_random_normal(&r, out, 16));
    for (int i = 0; i < 16; i++)
        tiny_close_to("seed 7", out[i], seven[i], TORCH_TOLERANCE);
    assert_true(fit_torch_random_normal(&r, out, 20));
    for (int i = 0; i < 20; i++)
        tiny_close_to("20 values", out[i], then[i], TORCH_TOLERANCE);
    assert_false(fit_torch_random_normal(&r, out, 15));
}

static void prepare(struct tiny *tiny, struct fit_noise *noise, enum fit_noise_source source,
                    int index)
{
    *noise = (struct fit_noise){
        .config = &tiny->config,
        .source = source,
        .index = index,
        .rows = TINY_ROWS,
        .columns = TINY_COLUMNS,
        .latent = tiny_alloc(tiny, TINY_TOKENS * TINY_FEATURES * sizeof(float)),
    };
    assert_true(fit_noise_begin(noise, &tiny->error));
}

static void release(struct tiny *tiny, struct fit_noise *noise)
{
    fit_noise_finish(noise);
    tiny_free(tiny, noise->latent);
}

/* torch.manual_seed(0); z = torch.randn(2, 240, 16): the second image, in that layout; and
 * torch.randn(2, 16, 240) for the first version. */
static void torch_layouts(void **state)
{
    (void)state;
    struct tiny tiny;
    struct fit_noise noise;
    enum { LAST = TINY_TOKENS * TINY_FEATURES - 1 };
    tiny_open(&tiny, "reference", FK_F32);
    float *x = tiny_alloc(&tiny, (LAST + 1) * sizeof *x);
    prepare(&tiny, &noise, FIT_NOISE_TORCH, 1);
    assert_true(fit_noise_start(&noise, &tiny.compute, x));
    tiny_close_to("z[1][0][0]", x[0], -0.336314052, TORCH_TOLERANCE);
    tiny_close_to("z[1][239][15]", x[LAST], -0.511826634, TORCH_TOLERANCE);
    float second = x[1];
    release(&tiny, &noise);

    tiny.config.architecture = FIT_ARCHITECTURE_V1;
    prepare(&tiny, &noise, FIT_NOISE_TORCH, 1);
    assert_true(fit_noise_start(&noise, &tiny.compute, x));
    tiny_close_to("z[1][15][239]", x[LAST], -0.511826634, TORCH_TOLERANCE);
    tiny_close_to("z[1][0][1]", x[TINY_FEATURES], second, 0);
    tiny.config.architecture = FIT_ARCHITECTURE_V2;
    release(&tiny, &noise);
    tiny_free(&tiny, x);
    tiny_close(&tiny);
}

/* A guided batch draws for twice as many images. */
static void torch_draws(void **state)
{
    (void)state;
    enum { N = TINY_TOKENS * TINY_FEATURES };
    struct tiny tiny;
    struct fit_noise noise;
    struct fit_torch_random r;
    tiny_open(&tiny, "reference", FK_F32);
    float *x = tiny_alloc(&tiny, N * sizeof *x), *all = malloc(4 * N * sizeof *all);
    prepare(&tiny, &noise, FIT_NOISE_TORCH, 0);
    noise.guided = true;
    fit_torch_random_init(&r, 0);
    assert_true(fit_torch_random_normal(&r, all, 4 * N));
    assert_true(fit_noise_start(&noise, &tiny.compute, x));
    assert_memory_equal(x, all, N * sizeof *x);
    assert_true(fit_noise_draw(&noise, &tiny.compute, x, 0));
    assert_memory_equal(x, all + N, N * sizeof *x);
    assert_true(fit_noise_draw(&noise, &tiny.compute, x, 1));
    assert_memory_equal(x, all + 3 * N, N * sizeof *x);
    release(&tiny, &noise);
    free(all);
    tiny_free(&tiny, x);
    tiny_close(&tiny);
}

static double correlation(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum / n;
}

/* Images and draws have streams of their own; the same one gives the same numbers. Of 3840 pairs of
 * independent normals the mean product is within 5 / sqrt(3840). */
static void philox_streams(void **state)
{
    (void)state;
    enum { N = TINY_TOKENS * TINY_FEATURES, FIELDS = 5 };
    struct tiny tiny;
    struct fit_noise noise[2];
    tiny_open(&tiny, "reference", FK_F32);
    float *x[FIELDS + 1];
    for (int i = 0; i <= FIELDS; i++)
        x[i] = tiny_alloc(&tiny, N * sizeof *x[i]);
    for (int i = 0; i < 2; i++) {
        prepare(&tiny, &noise[i], FIT_NOISE_PHILOX, i);
        assert_true(fit_noise_start(&noise[i], &tiny.compute, x[2 * i]));
        assert_true(fit_noise_draw(&noise[i], &tiny.compute, x[2 * i + 1], 0));
    }
    assert_true(fit_noise_draw(&noise[0], &tiny.compute, x[4], 999));
    assert_true(fit_noise_draw(&noise[0], &tiny.compute, x[5], 0));
    assert_memory_equal(x[5], x[1], N * sizeof **x);
    for (int i = 0; i < FIELDS; i++)
        for (int j = 0; j <= i; j++)
            tiny_close_to("correlation", correlation(x[i], x[j], N), i == j,
                          5 / sqrt(N) * (i == j ? sqrt(2) : 1));
    for (int i = 0; i < 2; i++)
        release(&tiny, &noise[i]);
    for (int i = 0; i <= FIELDS; i++)
        tiny_free(&tiny, x[i]);
    tiny_close(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torch_values),
        cmocka_unit_test(torch_layouts),
        cmocka_unit_test(torch_draws),
        cmocka_unit_test(philox_streams),
    };
    return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
