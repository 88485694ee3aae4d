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
#include "tiny.h"

enum { MOST_TENSORS = 256, NAME_BYTES = 96, ROWS = 2, COLUMNS = 3 };

static const char *device_name;

/* ---- weights in memory -------------------------------------------------------------------- */

struct weights {
    struct fit_tensor tensor[MOST_TENSORS];
    char name[MOST_TENSORS][NAME_BYTES];
    int n;
};

static void add(struct weights *w, const char *name, const char *tail, int out, int in, int kernel)
{
    struct fit_tensor *t = &w->tensor[w->n];
    assert_true(w->n < MOST_TENSORS);
    assert_true(snprintf(w->name[w->n], NAME_BYTES, "%s.%s", name, tail) < NAME_BYTES);
    *t = (struct fit_tensor){.name = w->name[w->n++], .type = FIT_TENSOR_F32, .n_dims = 1,
                             .dims = {(uint64_t)out, (uint64_t)in, (uint64_t)kernel,
                                      (uint64_t)kernel}};
    t->n_dims = kernel ? 4 : in ? 2 : 1;
    t->n_values = 1;
    for (int i = 0; i < t->n_dims; i++)
        t->n_values *= t->dims[i];
    t->bytes = t->n_values * sizeof(float);
}

static void add_conv(struct weights *w, const char *name, int out, int in, int kernel)
{
    add(w, name, "weight", out, in, kernel);
    add(w, name, "bias", out, 0, 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fit_tensor *)a)->name, ((const struct fit_tensor *)b)->name);
}

static void fill_tensor(struct fit_tensor *t, uint32_t k, float matrix_scale)
{
    float *x = malloc(t->bytes);
    assert_non_null(x);
    float scale = t->n_dims > 1 ? matrix_scale : 0.125f;
    float one = strstr(t->name, "norm") && strstr(t->name, ".weight") ? 1 : 0;
    for (uint32_t i = 0; i < t->n_values; i++)
        x[i] = tiny_fill(k, i, scale) + one;
    t->data = x;
}

static void weights_free(struct weights *w)
{
    for (int i = 0; i < w->n; i++)
        free((void *)w->tensor[i].data);
    free(w);
}

/* A file that was never one, over the same numbers. */
static struct fit_safetensors file_of(const struct weights *w)
{
    struct fit_safetensors file = {.path = "rule.safetensors", .n_tensors = (size_t)w->n};
    file.tensors = malloc(file.n_tensors * sizeof *file.tensors);
    assert_non_null(file.tensors);
    memcpy(file.tensors, w->tensor, file.n_tensors * sizeof *file.tensors);
    qsort(file.tensors, file.n_tensors, sizeof *file.tensors, by_name);
    return file;
}

/* ---- the two graphs, as lists of tensors ---------------------------------------------------- */

static void add_resnet(struct weights *w, const char *level, int j, int in, int out)
{
    char name[NAME_BYTES], part[NAME_BYTES + 16];
    snprintf(name, sizeof name, "%s.resnets.%d", level, j);
    for (int i = 1; i <= 2; i++) {
        snprintf(part, sizeof part, "%s.norm%d", name, i);
        add(w, part, "weight", i == 1 ? in : out, 0, 0);
        add(w, part, "bias", i == 1 ? in : out, 0, 0);
        snprintf(part, sizeof part, "%s.conv%d", name, i);
        add_conv(w, part, out, i == 1 ? in : out, 3);
    }
    snprintf(part, sizeof part, "%s.conv_shortcut", name);
    if (in != out)
        add_conv(w, part, out, in, 1);
}

static void add_ends(struct weights *w, const char *side, int in, int first, int last, int out)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.conv_in", side);
    add_conv(w, name, first, in, 3);
    snprintf(name, sizeof name, "%s.conv_norm_out", side);
    add(w, name, "weight", last, 0, 0);
    add(w, name, "bias", last, 0, 0);
    snprintf(name, sizeof name, "%s.conv_out", side);
    add_conv(w, name, out, last, 3);
}

static void add_middle(struct weights *w, const char *side)
{
    static const char *const part[] = {"to_q", "to_k", "to_v", "to_out.0"};
    char name[NAME_BYTES], full[NAME_BYTES + 16];
    snprintf(name, sizeof name, "%s.mid_block", side);
    add_resnet(w, name, 0, 512, 512);
    add_resnet(w, name, 1, 512, 512);
    snprintf(name, sizeof name, "%s.mid_block.attentions.0", side);
    for (int i = 0; i < 4; i++) {
        snprintf(full, sizeof full, "%s.%s", name, part[i]);
        add(w, full, "weight", 512, 512, 0);
        add(w, full, "bias", 512, 0, 0);
    }
    snprintf(full, sizeof full, "%s.group_norm", name);
    add(w, full, "weight", 512, 0, 0);
    add(w, full, "bias", 512, 0, 0);
}

static struct weights *vae_weights(void)
{
    static const int width[] = {128, 256, 512, 512};
    struct weights *w = calloc(1, sizeof *w);
    char name[NAME_BYTES];
    assert_non_null(w);
    add_ends(w, "encoder", 3, 128, 512, 8);
    add_ends(w, "decoder", 4, 512, 128, 3);
    add_middle(w, "encoder");
    add_middle(w, "decoder");
    for (int i = 0; i < 4; i++) {
        int out = width[i], in = i ? width[i - 1] : 128;
        snprintf(name, sizeof name, "encoder.down_blocks.%d", i);
        for (int j = 0; j < 2; j++)
            add_resnet(w, name, j, j ? out : in, out);
        snprintf(name, sizeof name, "encoder.down_blocks.%d.downsamplers.0.conv", i);
        if (i < 3)
            add_conv(w, name, out, out, 3);
        out = width[3 - i];
        in = i ? width[4 - i] : 512;
        snprintf(name, sizeof name, "decoder.up_blocks.%d", i);
        for (int j = 0; j < 3; j++)
            add_resnet(w, name, j, j ? out : in, out);
        snprintf(name, sizeof name, "decoder.up_blocks.%d.upsamplers.0.conv", i);
        if (i < 3)
            add_conv(w, name, out, out, 3);
    }
    add_conv(w, "quant_conv", 8, 8, 1);
    add_conv(w, "post_quant_conv", 4, 4, 1);
    assert_int_equal(w->n, 248);
    qsort(w->tensor, (size_t)w->n, sizeof *w->tensor, by_name);
    uint64_t values = 0;
    for (int k = 0; k < w->n; k++) {
        fill_tensor(&w->tensor[k], (uint32_t)k, 0.03125f);
        values += w->tensor[k].n_values;
    }
    assert_int_equal(values, 83653863);
    return w;
}

/* Layers 0 to 19 of TAESD's own decoder. */
static struct weights *taesd_weights(void)
{
    static const int blocks[] = {3, 4, 5, 8, 9, 10, 13, 14, 15, 18};
    struct weights *w = calloc(1, sizeof *w);
    char name[NAME_BYTES];
    assert_non_null(w);
    add_conv(w, "1", 64, 4, 3);
    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "%d.conv.%d", blocks[i], 2 * j);
            add_conv(w, name, 64, 64, 3);
        }
        snprintf(name, sizeof name, "%d", blocks[i] + 2);
        if (i == 2 || i == 5 || i == 8)
            add(w, name, "weight", 64, 64, 3);
    }
    add_conv(w, "19", 3, 64, 3);
    assert_int_equal(w->n, 67);
    for (int k = 0; k < w->n; k++)
        fill_tensor(&w->tensor[k], (uint32_t)k, 0.0625f);
    return w;
}

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
    struct fit_safetensors file = file_of(w);
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
    struct weights *w = taesd_weights();
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
    char tail[NAME_BYTES];
    char *at = strstr(name, from);
    if (!at)
        return;
    snprintf(tail, sizeof tail, "%s", at + strlen(from));
    snprintf(at, NAME_BYTES - (size_t)(at - name), "%s%s", to, tail);
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
    char side[8], rest[NAME_BYTES], out[NAME_BYTES];
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
        snprintf(name, NAME_BYTES, "%s", out);
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
    char plain[NAME_BYTES];
    compvis_name(name);
    snprintf(plain, sizeof plain, "%s", name);
    snprintf(name, NAME_BYTES, "first_stage_model.%.70s", plain);
}

/* The same numbers under other names; matrices become 1 x 1 convolutions when `square`. */
static struct weights *renamed(const struct weights *w, void (*rename)(char *), bool square)
{
    struct weights *other = malloc(sizeof *other);
    assert_non_null(other);
    *other = *w;
    for (int i = 0; i < w->n; i++) {
        struct fit_tensor *t = &other->tensor[i];
        snprintf(other->name[i], NAME_BYTES, "%s", w->tensor[i].name);
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
    struct fit_safetensors file = file_of(other);
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
    char *rest, plain[NAME_BYTES];
    snprintf(plain, sizeof plain, "%s", name);
    long number = strtol(plain, &rest, 10);
    snprintf(name, NAME_BYTES, "decoder.layers.%ld%.60s", number - 1, rest);
}

static void taesd_spelling(void **state)
{
    (void)state;
    struct weights *w = taesd_weights(), *other = renamed(w, diffusers_name, false);
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
        struct fit_safetensors file = file_of(w);
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
    struct weights *w = taesd_weights();
    bench_open(&b, "taesd", w);
    b.autoencoder->memory_limit = SIZE_MAX;
    size_t whole = fit_autoencoder_work_bytes(b.autoencoder, 1, 256, 8);
    tiles_are_the_whole(&b, 32, 1, (const size_t[]){whole, whole * 3 / 5, 1}, 3);
    bench_close(&b);
    weights_free(w);
}

static int make_weights(void **state)
{
    *state = vae_weights();
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
    device_name = argc > 1 ? argv[1] : "reference";
    return cmocka_run_group_tests(tests, make_weights, free_weights);
}
