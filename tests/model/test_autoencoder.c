/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SD VAE and TAESD, filled by a rule, against numbers from independent implementations run on
 * the same rule: TAESD's own code, and for the VAE a second one that knew only the architecture.
 * The weights never become a file: half a minute of writing would test nothing more.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autoencoder_types.h"
#include "autoencoder_weights.h"
#include "tiny.h"

enum { ROWS = 2, COLUMNS = 3 };

static const char *device_name;

/* ---- running ------------------------------------------------------------------------------ */

struct bench {
    struct fit_error error;
    struct fit_compute compute;
    struct fk_device *device;
    struct fit_autoencoder *autoencoder;
};

static void require(const struct bench *b, bool ok)
{
    if (!ok)
        fail_msg("%s", b->error.message);
}

static void bench_open(struct bench *b, const char *type, const struct weights *w)
{
    char message[256];
    const struct fk_open_params params = {.backend = device_name, .n_threads = 2};
    memset(b, 0, sizeof *b);
    b->device = fk_device_open(&params, message, sizeof message);
    if (!b->device)
        fail_msg("%s", message);
    fit_compute_init(&b->compute, b->device, b->device->queue_new(b->device), &b->error);
    struct fit_safetensors file = weights_file(w);
    struct fit_tensor_list list = fit_safetensors_list(&file);
    assert_ptr_equal(fit_autoencoder_type_of(&list), fit_autoencoder_type_find(type));
    require(b, fit_autoencoder_open_type(&b->autoencoder, fit_autoencoder_type_find(type),
                                         b->device, b->compute.queue, &file, &b->error));
}

static void bench_close(struct bench *b)
{
    fit_autoencoder_close(&b->autoencoder);
    b->device->queue_free(b->compute.queue);
    fk_device_close(&b->device);
}

static float *filled(size_t n, uint32_t k, float scale)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = tiny_fill(k, (uint32_t)i, scale);
    return x;
}

/* The picture of a latent of rows x columns; host and device memory are the same here. */
static float *decoded(struct bench *b, int rows, int columns, float scale)
{
    size_t n = (size_t)(rows * columns);
    float *latent = filled(4 * n, 1000, scale), *rgb = malloc(64 * 3 * n * sizeof *rgb);
    assert_non_null(rgb);
    require(b, fit_autoencoder_decode(b->autoencoder, &b->compute, rgb, latent, 1, 8 * rows,
                                      8 * columns));
    free(latent);
    return rgb;
}

struct golden {
    double sum, squares;
    struct {
        int channel, row, column;
        double value;
    } at[3];
};

/* planes [channels][height][width]. Both sides sum thousands of terms in f32 and round what they
 * print: the last printed digit may differ by one and a half. */
static void compare(const float *planes, int channels, int height, int width,
                    const struct golden *g, double digit)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < channels * height * width; i++) {
        sum += planes[i];
        squares += (double)planes[i] * planes[i];
    }
    print_message("%.5f %.5f", sum, squares);
    for (int i = 0; i < 3; i++) {
        double value = planes[(g->at[i].channel * height + g->at[i].row) * width + g->at[i].column];
        print_message(" %.6f", value);
        if (fabs(value - g->at[i].value) > 1.5e-5)
            fail_msg("value %d is %.7f, expected %.5f", i, value, g->at[i].value);
    }
    print_message("\n");
    if (fabs(sum - g->sum) > digit || fabs(squares - g->squares) > digit)
        fail_msg("sums are %.6f and %.6f, expected %.5f and %.5f", sum, squares, g->sum,
                 g->squares);
}

static float *planes_of(const float *rgb, size_t pixels)
{
    float *planes = malloc(3 * pixels * sizeof *planes);
    assert_non_null(planes);
    for (size_t i = 0; i < 3 * pixels; i++)
        planes[i % 3 * pixels + i / 3] = rgb[i];
    return planes;
}

/* ---- against the numbers ------------------------------------------------------------------ */

static void vae_decodes(void **state)
{
    struct bench b;
    bench_open(&b, "sd-vae", *state);
    float *rgb = decoded(&b, ROWS, COLUMNS, 4);
    float *planes = planes_of(rgb, 64 * ROWS * COLUMNS);
    const struct golden g = {98.5346, 200.6257,
                             {{0, 0, 0, -0.00397}, {1, 7, 9, -0.06404}, {2, 15, 23, -0.01467}}};
    compare(planes, 3, 8 * ROWS, 8 * COLUMNS, &g, 1.5e-4);
    free(planes);
    free(rgb);
    bench_close(&b);
}

static void vae_encodes(void **state)
{
    struct bench b;
    enum { pixels = 64 * ROWS * COLUMNS, n = ROWS * COLUMNS };
    float *planes = filled(3 * pixels, 1001, 1), rgb[3 * pixels], moments[8 * n], latent[4 * n];
    bench_open(&b, "sd-vae", *state);
    for (int i = 0; i < 3 * pixels; i++)
        rgb[i] = planes[i % 3 * pixels + i / 3];
    require(&b, fit_sd_vae_moments(b.autoencoder, &b.compute, moments, rgb, 8 * ROWS,
                                   8 * COLUMNS));
    const struct golden g = {-2.3348, 0.4506,
                             {{0, 0, 0, -0.10567}, {5, 1, 2, -0.10995}, {7, 1, 2, 0.04386}}};
    compare(moments, 8, ROWS, COLUMNS, &g, 1.5e-4);
    require(&b, fit_autoencoder_encode(b.autoencoder, &b.compute, latent, rgb, 1, 8 * ROWS,
                                       8 * COLUMNS));
    assert_memory_equal(latent, moments, sizeof latent);
    free(planes);
    bench_close(&b);
}

static void taesd_decodes(void **state)
{
    struct bench b;
    (void)state;
    struct weights *w = weights_of_taesd();
    bench_open(&b, "taesd", w);
    float *rgb = decoded(&b, ROWS, COLUMNS, 2);
    float *planes = planes_of(rgb, 64 * ROWS * COLUMNS);
    for (int i = 0; i < 3 * 64 * ROWS * COLUMNS; i++)
        planes[i] = (planes[i] + 1) / 2; /* the numbers are of its own range */
    const struct golden g = {17.02991, 26.63789,
                             {{0, 0, 0, 0.006024}, {2, 15, 23, 0.113897}, {2, 15, 23, 0.113897}}};
    compare(planes, 3, 8 * ROWS, 8 * COLUMNS, &g, 1e-4); /* rgb is 1 + 1e-7 where y is near 0 */
    assert_false(fit_autoencoder_encode(b.autoencoder, &b.compute, NULL, rgb, 1, 8, 8));
    assert_non_null(strstr(b.error.message, "taesd"));
    free(planes);
    free(rgb);
    bench_close(&b);
    weights_free(w);
}

/* ---- other spellings ---------------------------------------------------------------------- */

static void replace(char *name, const char *from, const char *to)
{
    char tail[WEIGHTS_NAME_BYTES];
    char *at = strstr(name, from);
    if (!at)
        return;
    snprintf(tail, sizeof tail, "%s", at + strlen(from));
    snprintf(at, WEIGHTS_NAME_BYTES - (size_t)(at - name), "%s%s", to, tail);
}

static void old_name(char *name)
{
    replace(name, "to_q", "query");
    replace(name, "to_k", "key");
    replace(name, "to_v", "value");
    replace(name, "to_out.0", "proj_attn");
}

/* Levels of the decoder count from the finest one; the middle has fields, not lists. */
static void compvis_name(char *name)
{
    int level, block;
    char side[8], rest[WEIGHTS_NAME_BYTES], out[WEIGHTS_NAME_BYTES];
    out[0] = 0;
    if (sscanf(name, "%7[a-z].down_blocks.%d.resnets.%d.%95s", side, &level, &block, rest) == 4)
        snprintf(out, sizeof out, "%s.down.%d.block.%d.%.60s", side, level, block, rest);
    else if (sscanf(name, "%7[a-z].up_blocks.%d.resnets.%d.%95s", side, &level, &block, rest) == 4)
        snprintf(out, sizeof out, "%s.up.%d.block.%d.%.60s", side, 3 - level, block, rest);
    else if (sscanf(name, "%7[a-z].down_blocks.%d.downsamplers.0.%95s", side, &level, rest) == 3)
        snprintf(out, sizeof out, "%s.down.%d.downsample.%.60s", side, level, rest);
    else if (sscanf(name, "%7[a-z].up_blocks.%d.upsamplers.0.%95s", side, &level, rest) == 3)
        snprintf(out, sizeof out, "%s.up.%d.upsample.%.60s", side, 3 - level, rest);
    else if (sscanf(name, "%7[a-z].mid_block.resnets.%d.%95s", side, &block, rest) == 3)
        snprintf(out, sizeof out, "%s.mid.block_%d.%.60s", side, block + 1, rest);
    else if (sscanf(name, "%7[a-z].mid_block.attentions.0.%95s", side, rest) == 2)
        snprintf(out, sizeof out, "%s.mid.attn_1.%.60s", side, rest);
    if (out[0])
        snprintf(name, WEIGHTS_NAME_BYTES, "%s", out);
    replace(name, "conv_shortcut", "nin_shortcut");
    replace(name, "group_norm", "norm");
    replace(name, "conv_norm_out", "norm_out");
    replace(name, "to_q", "q");
    replace(name, "to_k", "k");
    replace(name, "to_v", "v");
    replace(name, "to_out.0", "proj_out");
}

static void whole_model_name(char *name)
{
    char plain[WEIGHTS_NAME_BYTES];
    compvis_name(name);
    snprintf(plain, sizeof plain, "%s", name);
    snprintf(name, WEIGHTS_NAME_BYTES, "first_stage_model.%.70s", plain);
}

/* The same numbers under other names; matrices become 1 x 1 convolutions when `square`. */
static struct weights *renamed(const struct weights *w, void (*rename)(char *), bool square)
{
    struct weights *other = malloc(sizeof *other);
    assert_non_null(other);
    *other = *w;
    for (int i = 0; i < w->n; i++) {
        struct fit_tensor *t = &other->tensor[i];
        snprintf(other->name[i], WEIGHTS_NAME_BYTES, "%s", w->tensor[i].name);
        rename(other->name[i]);
        t->name = other->name[i];
        if (square && t->n_dims == 2) {
            t->n_dims = 4;
            t->dims[2] = t->dims[3] = 1;
        }
    }
    return other;
}

static void same_picture(const char *type, const struct weights *w, const struct weights *other,
                         int rows, int columns)
{
    struct bench a, b;
    size_t bytes = 64 * 3 * (size_t)(rows * columns) * sizeof(float);
    bench_open(&a, type, w);
    bench_open(&b, type, other);
    float *first = decoded(&a, rows, columns, 2), *second = decoded(&b, rows, columns, 2);
    assert_memory_equal(first, second, bytes);
    free(first);
    free(second);
    bench_close(&a);
    bench_close(&b);
}

/* An import gives the tensors these names and shapes, whatever the file called them. */
struct found {
    const struct weights *expected;
    int n;
};

static bool is_expected(void *user, const struct fit_tensor_match *match)
{
    struct found *found = user;
    const struct weights *w = found->expected;
    for (int i = 0; i < w->n; i++) {
        const struct fit_tensor *t = &w->tensor[i];
        if (strcmp(t->name, match->name))
            continue;
        found->n++;
        assert_ptr_equal(match->found->data, t->data);
        assert_int_equal(match->n_dims, t->n_dims);
        assert_memory_equal(match->dims, t->dims, (size_t)t->n_dims * sizeof *t->dims);
        return true;
    }
    fail_msg("%s is not a tensor of it", match->name);
    return false;
}

static void same_names(const char *type, const struct weights *w, const struct weights *other)
{
    struct fit_error error = {0};
    struct found found = {w, 0};
    struct fit_safetensors file = weights_file(other);
    struct fit_tensor_list list = fit_safetensors_list(&file);
    const struct fit_tensor_visitor visitor = {is_expected, &found};
    if (!fit_autoencoder_type_find(type)->find(&list, &visitor, &error))
        fail_msg("%s", error.message);
    assert_int_equal(found.n, w->n);
    free(file.tensors);
}

static void every_spelling(void **state)
{
    static void (*const rename[])(char *) = {old_name, compvis_name, whole_model_name};
    if (strcmp(device_name, "cpu"))
        skip(); /* names are the same on every device */
    for (int i = 0; i < 3; i++) {
        struct weights *other = renamed(*state, rename[i], i > 0);
        same_names("sd-vae", *state, other);
        same_picture("sd-vae", *state, other, 1, 1);
        free(other);
    }
}

static void diffusers_name(char *name)
{
    char *rest, plain[WEIGHTS_NAME_BYTES];
    snprintf(plain, sizeof plain, "%s", name);
    long number = strtol(plain, &rest, 10);
    snprintf(name, WEIGHTS_NAME_BYTES, "decoder.layers.%ld%.60s", number - 1, rest);
}

static void taesd_spelling(void **state)
{
    (void)state;
    struct weights *w = weights_of_taesd(), *other = renamed(w, diffusers_name, false);
    same_names("taesd", w, other);
    same_picture("taesd", w, other, 1, 1);
    free(other);
    weights_free(w);
}

static void refusals(void **state)
{
    struct weights *w = malloc(sizeof *w);
    struct bench b = {0};
    char message[256];
    const struct fk_open_params params = {.backend = device_name, .n_threads = 2};
    assert_non_null(w);
    *w = *(const struct weights *)*state;
    b.device = fk_device_open(&params, message, sizeof message);
    fit_compute_init(&b.compute, b.device, b.device->queue_new(b.device), &b.error);
    for (int i = 0; i < 2; i++) {
        struct fit_safetensors file = weights_file(w);
        struct fit_tensor *t = (struct fit_tensor *)fit_safetensors_find(
            &file, "decoder.up_blocks.2.resnets.0.conv_shortcut.weight");
        if (i == 0)
            t->dims[1] = 256;
        else
            t->name = "decoder.up_blocks.2.resnets.0.conv_shortcut.weighs";
        b.error = (struct fit_error){0};
        assert_false(fit_autoencoder_open_type(&b.autoencoder, &fit_sd_vae, b.device,
                                               b.compute.queue, &file, &b.error));
        assert_null(b.autoencoder);
        assert_int_equal(b.error.status, FIT_ERROR_MODEL);
        assert_non_null(strstr(b.error.message, "rule.safetensors"));
        assert_non_null(strstr(b.error.message, i ? "is missing" : "(256, 512, 1, 1)"));
    }
    b.device->queue_free(b.compute.queue);
    fk_device_close(&b.device);
    free(w);
}

/* ---- tiles -------------------------------------------------------------------------------- */

/* Every limit gives the picture of the whole, up to the order in which f32 sums are taken. */
static void tiles_are_the_whole(struct bench *b, int rows, int columns, const size_t *limits,
                                int n_limits)
{
    size_t n = 64 * 3 * (size_t)(rows * columns), before = SIZE_MAX;
    b->autoencoder->memory_limit = SIZE_MAX;
    float *whole = decoded(b, rows, columns, 2);
    for (int k = 0; k < n_limits; k++) {
        double worst = 0;
        b->autoencoder->memory_limit = limits[k];
        size_t bytes = fit_autoencoder_work_bytes(b->autoencoder, 1, 8 * rows, 8 * columns);
        assert_true(bytes < before && (bytes <= limits[k] || limits[k] == 1));
        before = bytes;
        float *tiled = decoded(b, rows, columns, 2);
        for (size_t i = 0; i < n; i++)
            worst = fmax(worst, fabs(tiled[i] - whole[i]));
        print_message("%zu bytes: %.2g from the whole\n", bytes, worst);
        assert_true(worst < 2e-5);
        free(tiled);
    }
    free(whole);
}

static void vae_tiles(void **state)
{
    struct bench b;
    if (strcmp(device_name, "cpu"))
        skip(); /* slow in the reference, and a question of the walk, not of operations */
    bench_open(&b, "sd-vae", *state);
    b.autoencoder->memory_limit = SIZE_MAX;
    size_t whole = fit_autoencoder_work_bytes(b.autoencoder, 1, 192, 8);
    tiles_are_the_whole(&b, 24, 1, (const size_t[]){whole, whole * 3 / 5, 1}, 3);
    bench_close(&b);
}

static void taesd_tiles(void **state)
{
    struct bench b;
    (void)state;
    struct weights *w = weights_of_taesd();
    bench_open(&b, "taesd", w);
    b.autoencoder->memory_limit = SIZE_MAX;
    size_t whole = fit_autoencoder_work_bytes(b.autoencoder, 1, 256, 8);
    tiles_are_the_whole(&b, 32, 1, (const size_t[]){whole, whole * 3 / 5, 1}, 3);
    bench_close(&b);
    weights_free(w);
}

static int make_weights(void **state)
{
    *state = weights_of_vae();
    return 0;
}

static int free_weights(void **state)
{
    weights_free(*state);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vae_decodes),    cmocka_unit_test(vae_encodes),
        cmocka_unit_test(taesd_decodes),  cmocka_unit_test(every_spelling),
        cmocka_unit_test(taesd_spelling), cmocka_unit_test(refusals),
        cmocka_unit_test(vae_tiles),      cmocka_unit_test(taesd_tiles),
    };
    device_name = tiny_device_name(argc, argv);
    return cmocka_run_group_tests(tests, make_weights, free_weights);
}
