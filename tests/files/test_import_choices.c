/* SPDX-License-Identifier: Apache-2.0 */
/* What an import makes: types, weights, autoencoders, and nothing when it is stopped. */
#include "hostile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "checkpoints.h"
#include "fit/fit-import.h"
#include "fit_weights.h"
#include "import_network.h"
#include "sha256.h"

static struct checkpoint checkpoint, decoder;
static char notes[2048];

static void note(void *data, const char *sentence)
{
    (void)data;
    size_t used = strlen(notes);
    snprintf(notes + used, sizeof notes - used, "%s\n", sentence);
}

static struct fit_import_params params;

static int set_up(void **state)
{
    (void)state;
    checkpoint_add(&checkpoint, "", 1);
    notes[0] = '\0';
    params = (struct fit_import_params){.note = note};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    checkpoint_free(&checkpoint);
    checkpoint_free(&decoder);
    return 0;
}

/* ---- importing ---------------------------------------------------------------------------- */

static bool import_from(const char *path, const char *output, struct fit_error *error)
{
    params.checkpoint = path;
    params.config = hostile_path("config.yaml");
    params.output = output;
    hostile_write(params.config, CHECKPOINT_CONFIG, strlen(CHECKPOINT_CONFIG));
    return fit_import(&params, error);
}

static void remove_bundle(const char *output)
{
    static const char *const names[] = {"transformer.safetensors", "autoencoder.safetensors",
                                        "classes.txt", "model.json"};
    char file[256];
    for (int i = 0; i < 4; i++) {
        snprintf(file, sizeof file, "%s/%s", output, names[i]);
        unlink(file);
    }
    assert_int_equal(rmdir(output), 0);
}

/* One of the files of a bundle of the checkpoint, opened; the bundle itself is taken away. */
static void import_open(bool as_torch, const char *name, struct fit_safetensors *out)
{
    const char *path = hostile_path("checkpoint"), *output = hostile_path("bundle");
    struct fit_error error = {0};
    struct fit_bundle bundle;
    char file[256], hash[65];
    if (as_torch)
        checkpoint_write_torch(&checkpoint, path);
    else
        checkpoint_write_safetensors(&checkpoint, path);
    snprintf(file, sizeof file, "%s/%s", output, name);
    if (!import_from(path, output, &error) || !fit_bundle_read(&bundle, output, &error) ||
        !fit_safetensors_open(out, file, &error) || !fit_file_sha256(file, hash, &error))
        fail_msg("%s", error.message);
    bool of_network = !strcmp(name, bundle.transformer);
    assert_string_equal(hash, of_network ? bundle.transformer_sha256 : bundle.autoencoder_sha256);
    remove_bundle(output);
}

static void refused(const char *why)
{
    struct fit_error error = {0};
    struct stat status;
    const char *path = hostile_path("checkpoint"), *output = hostile_path("bundle");
    checkpoint_write_safetensors(&checkpoint, path);
    if (import_from(path, output, &error))
        fail_msg("accepted, though \"%s\" was expected", why);
    if (!strstr(error.message, why))
        fail_msg("\"%s\" lacks \"%s\"", error.message, why);
    assert_int_not_equal(lstat(output, &status), 0);
}

static void assert_same(const struct fit_safetensors *a, const struct fit_safetensors *b)
{
    assert_int_equal(a->mapping.bytes, b->mapping.bytes);
    assert_memory_equal(a->mapping.data, b->mapping.data, a->mapping.bytes);
}

static float first_value(const struct fit_safetensors *file, const char *name)
{
    const struct fit_tensor *tensor = fit_safetensors_find(file, name);
    assert_non_null(tensor);
    struct fit_tensor one = *tensor;
    float value;
    one.n_values = 1;
    assert_true(fit_tensor_to_f32(&one, &value));
    return value;
}

/* ---- types -------------------------------------------------------------------------------- */

static void test_both_formats_give_the_same(void **state)
{
    (void)state;
    struct fit_safetensors a, b;
    import_open(false, "transformer.safetensors", &a);
    import_open(true, "transformer.safetensors", &b);
    assert_same(&a, &b);
    assert_int_equal(a.n_tensors, checkpoint.n);
    for (size_t i = 0; i < checkpoint.n; i++) {
        const struct fit_tensor *t = fit_safetensors_find(&a, checkpoint.tensor[i].name);
        assert_non_null(t);
        assert_int_equal(t->bytes, checkpoint.tensor[i].bytes);
        assert_memory_equal(t->data, checkpoint.tensor[i].data, t->bytes);
    }
    fit_safetensors_close(&a);
    fit_safetensors_close(&b);
}

/* Of all tensors; the values become zeros. */
static void set_type(enum fit_tensor_type type)
{
    for (size_t i = 0; i < checkpoint.n; i++) {
        struct fit_tensor *t = &checkpoint.tensor[i];
        t->type = type;
        t->bytes = t->n_values * fit_tensor_type_size(type);
        free((void *)t->data);
        t->data = calloc(1, (size_t)t->bytes);
        assert_non_null(t->data);
    }
}

static void test_types_in_the_bundle(void **state)
{
    (void)state;
#define F32 FIT_TENSOR_F32
#define BF16 FIT_TENSOR_BF16
    static const struct {
        enum fit_tensor_type from;
        enum fit_precision precision;
        enum fit_tensor_type matrix;
    } cases[] = {
        {FIT_TENSOR_F32, FIT_PRECISION_AUTO, F32}, {FIT_TENSOR_F16, FIT_PRECISION_AUTO, F32},
        {FIT_TENSOR_F64, FIT_PRECISION_AUTO, F32}, {FIT_TENSOR_BF16, FIT_PRECISION_AUTO, BF16},
        {FIT_TENSOR_F32, FIT_PRECISION_BF16, BF16}, {FIT_TENSOR_F16, FIT_PRECISION_BF16, BF16},
        {FIT_TENSOR_BF16, FIT_PRECISION_F32, F32}, {FIT_TENSOR_F32, FIT_PRECISION_F32, F32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_safetensors file;
        set_type(cases[i].from);
        params.precision = cases[i].precision;
        import_open(false, "transformer.safetensors", &file);
        const char *matrix = "blocks.1.mlp.fc2.weight", *bias = "blocks.1.mlp.fc2.bias",
                   *table = "y_embedder.embedding_table.weight";
        assert_int_equal(fit_safetensors_find(&file, matrix)->type, cases[i].matrix);
        assert_int_equal(fit_safetensors_find(&file, bias)->type, F32);
        assert_int_equal(fit_safetensors_find(&file, table)->type, F32);
        fit_safetensors_close(&file);
    }
#undef F32
#undef BF16
}

static struct fit_tensor *find(const char *name)
{
    for (size_t i = 0; i < checkpoint.n; i++)
        if (!strcmp(checkpoint.tensor[i].name, name))
            return &checkpoint.tensor[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

/* What is a number in one type may be none in another. */
static void test_values_too_large(void **state)
{
    (void)state;
    const char *name = "blocks.0.attn.qkv.weight";
    float *values = (float *)find(name)->data;
    values[5] = 3.4e38f;
    struct fit_safetensors file;
    import_open(false, "transformer.safetensors", &file);
    fit_safetensors_close(&file);
    params.precision = FIT_PRECISION_BF16;
    refused("tensor blocks.0.attn.qkv.weight holds a value that is no number");
    values[5] = 1;
    params.precision = FIT_PRECISION_AUTO;
    set_type(FIT_TENSOR_F64);
    ((double *)find(name)->data)[7] = 1e300;
    refused("tensor blocks.0.attn.qkv.weight holds a value that is no number");
}

/* ---- which weights ------------------------------------------------------------------------ */

static void test_averaged_weights(void **state)
{
    (void)state;
    static const struct {
        enum fit_import_weights weights;
        float first;
        const char *note;
    } cases[] = {{FIT_IMPORT_BEST, 2, "the EMA ones are taken"},
                 {FIT_IMPORT_AVERAGED, 2, "the EMA ones are taken"},
                 {FIT_IMPORT_TRAINED, 1, "the trained ones are taken"}};
    const char *first = "x_embedder.proj.weight";
    checkpoint_add(&checkpoint, "ema.module.", 2);
    checkpoint_add_tensor(&checkpoint, "ema.module.shadow", FIT_TENSOR_F32, 1, (uint64_t[]){1});
    refused("one too many is shadow");
    checkpoint.n--;
    free((void *)checkpoint.tensor[checkpoint.n].data);
    for (int i = 0; i < 3; i++) {
        struct fit_safetensors file;
        notes[0] = '\0';
        params.weights = cases[i].weights;
        import_open(i % 2, "transformer.safetensors", &file);
        assert_true(first_value(&file, first) == cases[i].first);
        assert_non_null(strstr(notes, cases[i].note));
        fit_safetensors_close(&file);
    }
    checkpoint_free(&checkpoint);
    checkpoint_add(&checkpoint, "model.", 1);
    params.weights = FIT_IMPORT_AVERAGED;
    refused("holds trained (no EMA) weights only");
    checkpoint_free(&checkpoint);
    checkpoint_add(&checkpoint, "model_ema.", 1);
    params.weights = FIT_IMPORT_TRAINED;
    refused("holds EMA weights only");
}

/* ---- being stopped ------------------------------------------------------------------------ */

struct watch {
    int calls, stop_at;
    uint64_t done, total;
};

static bool progress(void *data, uint64_t done, uint64_t total)
{
    struct watch *watch = data;
    assert_true(done > watch->done && done <= total);
    watch->done = done;
    watch->total = total;
    return ++watch->calls != watch->stop_at;
}

static void test_stopping(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct fit_safetensors file;
    params.progress = progress;
    params.progress_data = &watch;
    import_open(false, "transformer.safetensors", &file);
    fit_safetensors_close(&file);
    assert_int_equal(watch.done, watch.total);
    int calls = watch.calls;
    assert_true(calls >= 2);
    for (int i = 1; i <= calls; i += calls / 2) {
        struct fit_error error = {0};
        struct stat status;
        char pattern[256];
        watch = (struct watch){.stop_at = i};
        assert_false(import_from(hostile_path("checkpoint"), hostile_path("bundle"), &error));
        assert_int_equal(error.status, FIT_ERROR_CANCELLED);
        assert_int_equal(watch.calls, i);
        assert_int_not_equal(lstat(hostile_path("bundle"), &status), 0);
        snprintf(pattern, sizeof pattern, "ls -d %s.* >/dev/null 2>&1", hostile_path("bundle"));
        assert_int_not_equal(system(pattern), 0); /* no temporary folder either */
    }
}

/* ---- autoencoders ------------------------------------------------------------------------- */

/* TAESD's decoder: convolutions by their number. `diffusers`: in its spelling, with a part of the
 * encoder. */
static void make_taesd(bool diffusers, enum fit_tensor_type type)
{
    static const int blocks[] = {3, 4, 5, 8, 9, 10, 13, 14, 15, 18};
    const char *format = diffusers ? "decoder.layers.%d.%s" : "%d.%s";
    char name[96], part[32];
    checkpoint_free(&decoder);
#define ADD(number, part, n_dims, ...)                                                             \
    (snprintf(name, sizeof name, format, (number) - diffusers, part),                              \
     checkpoint_add_tensor(&decoder, name, type, n_dims, (uint64_t[]){__VA_ARGS__}))
    ADD(1, "weight", 4, 64, 4, 3, 3);
    ADD(1, "bias", 1, 64);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        for (int k = 0; k < 3; k++) {
            snprintf(part, sizeof part, "conv.%d.weight", 2 * k);
            ADD(blocks[i], part, 4, 64, 64, 3, 3);
            snprintf(part, sizeof part, "conv.%d.bias", 2 * k);
            ADD(blocks[i], part, 1, 64);
        }
    ADD(7, "weight", 4, 64, 64, 3, 3);
    ADD(12, "weight", 4, 64, 64, 3, 3);
    ADD(17, "weight", 4, 64, 64, 3, 3);
    ADD(19, "weight", 4, 3, 64, 3, 3);
    ADD(19, "bias", 1, 3);
#undef ADD
    if (diffusers)
        checkpoint_add_tensor(&decoder, "encoder.layers.0.bias", type, 1, (uint64_t[]){64});
    ((uint8_t *)decoder.tensor[0].data)[fit_tensor_type_size(type) - 1] = 0x3f;
}

static void write_decoder(bool as_torch)
{
    params.autoencoder = hostile_path("decoder");
    if (as_torch)
        checkpoint_write_torch(&decoder, params.autoencoder);
    else
        checkpoint_write_safetensors(&decoder, params.autoencoder);
}

/* Either spelling in either format, and half precision, give one and the same file. */
static void test_autoencoders(void **state)
{
    (void)state;
    struct fit_safetensors first, file;
    make_taesd(false, FIT_TENSOR_F32);
    write_decoder(false);
    import_open(false, "autoencoder.safetensors", &first);
    assert_int_equal(first.n_tensors, 67);
    assert_null(strstr(notes, "left out"));
    assert_true(first_value(&first, "1.weight") == 0.5f);
    assert_int_equal(fit_safetensors_find(&first, "18.conv.4.bias")->type, FIT_TENSOR_F32);
    for (int i = 1; i < 6; i++) {
        make_taesd(i % 2, i < 4 ? FIT_TENSOR_F32 : FIT_TENSOR_BF16);
        write_decoder(i / 2 % 2);
        notes[0] = '\0';
        import_open(false, "autoencoder.safetensors", &file);
        if (i < 4)
            assert_same(&first, &file);
        assert_int_equal(file.mapping.bytes, first.mapping.bytes);
        assert_true(!strstr(notes, "1 tensors that taesd does not have are left out") == !(i % 2));
        assert_non_null(strstr(notes, "decodes only"));
        fit_safetensors_close(&file);
    }
    fit_safetensors_close(&first);
}

static void test_a_folder_of_diffusers(void **state)
{
    (void)state;
    struct fit_safetensors out;
    assert_int_equal(mkdir(hostile_path("vae"), 0777), 0);
    params.autoencoder = hostile_path("vae");
    refused("holds neither diffusion_pytorch_model.safetensors nor diffusion_pytorch_model.bin");
    make_taesd(true, FIT_TENSOR_F32);
    checkpoint_write_torch(&decoder, hostile_path("vae/diffusion_pytorch_model.bin"));
    params.autoencoder = hostile_path("vae");
    import_open(false, "autoencoder.safetensors", &out);
    fit_safetensors_close(&out);
}

static void refused_decoder(const char *why)
{
    write_decoder(false);
    refused(why);
    write_decoder(true);
    refused(why);
}

static void test_bad_autoencoders(void **state)
{
    (void)state;
    struct fit_tensor *last = &decoder.tensor[66];
    make_taesd(false, FIT_TENSOR_F32);
    assert_string_equal(last->name, "19.bias");
    ((float *)last->data)[2] = NAN;
    refused_decoder("tensor 19.bias holds a value that is no number");
    make_taesd(false, FIT_TENSOR_F32);
    last->type = FIT_TENSOR_I64;
    last->bytes = 24;
    free((void *)last->data);
    last->data = calloc(3, 8);
    refused_decoder("tensor 19.bias: expected F32, BF16, F16 or F64, found I64");
    make_taesd(false, FIT_TENSOR_F32);
    last->dims[0] = last->n_values = 2;
    last->bytes = 8;
    refused_decoder("tensor 19.bias: expected shape (3), found (2)");
    snprintf(decoder.name[66], sizeof decoder.name[66], "20.bias");
    refused_decoder("tensor 19.bias is missing");
    snprintf(decoder.name[0], sizeof decoder.name[0], "0.weight");
    refused_decoder("is no autoencoder that this version knows");
    make_taesd(true, FIT_TENSOR_F32);
    snprintf(decoder.name[2], sizeof decoder.name[2], "decoder.layers.2.conv.0.gain");
    refused_decoder("tensor decoder.layers.2.conv.0.weight is missing");
    params.autoencoder = hostile_path("page");
    hostile_write(params.autoencoder, "<!doctype html>", 15);
    refused("is a web page");
    params.autoencoder = hostile_path("nothing");
    refused("cannot be opened");
}

/* Without a configuration the tensors' shapes tell which of the published networks it is. */
static void test_guess(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"fitv2-b", "fitv2-b"}, {"fitv2-xl", "fitv2-xl"},
                                           {"fitv2-hr-xl", "fitv2-xl"}, {"fit-xl", "fit-xl"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        static struct fit_tensor tensors[2048];
        static char names[2048][128];
        struct fit_config config, expected, found;
        struct fit_tensor_spec spec;
        struct fit_error error = {0};
        size_t n = 0;
        assert_true(fit_config_preset(&config, cases[k][0]));
        assert_true(fit_config_preset(&expected, cases[k][1]));
        for (; fit_weights_spec(&config, n, &spec); n++) {
            assert_true(n < 2048);
            snprintf(names[n], sizeof names[n], "module.%s", spec.name);
            tensors[n] = (struct fit_tensor){.name = names[n], .n_dims = spec.n_dims};
            memcpy(tensors[n].dims, spec.dims, sizeof spec.dims);
        }
        struct fit_tensor_list list = {"file", tensors, n};
        assert_true(fit_import_guess(&list, &params, &found, &error));
        assert_int_equal(found.hidden, expected.hidden);
        assert_int_equal(found.depth, expected.depth);
        assert_int_equal(found.context_size, expected.context_size);
        assert_int_equal(found.method, expected.method);
        /* A block less, and it is nobody's. */
        list.n = 0;
        for (size_t i = 0; i < n; i++)
            if (!strstr(names[i], "blocks.2."))
                tensors[list.n++] = tensors[i];
        assert_false(fit_import_guess(&list, &params, &found, &error));
        assert_non_null(strstr(error.message, "none of the published sizes"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_both_formats_give_the_same), TEST(test_types_in_the_bundle),
        TEST(test_values_too_large), TEST(test_averaged_weights), TEST(test_stopping),
        TEST(test_autoencoders), TEST(test_a_folder_of_diffusers), TEST(test_bad_autoencoders),
        TEST(test_guess),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
