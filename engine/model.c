/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle on a device: files mapped, weights checked and placed, strings for people. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "bundle.h"
#include "engine_private.h"
#include "fk_dtype.h"
#include "run_folder.h"
#include "safetensors.h"

struct model_files {
    struct fit_bundle bundle;
    struct fit_safetensors transformer;
    struct fk_ptr *place; /* [n_tensors] in the flat order */
    void **owned;         /* [n_tensors] device memory of the tensors not used where they lie */
    size_t n_tensors;
};

static enum fit_precision choose(const struct fit_engine *engine, enum fit_precision asked)
{
    if (asked != FIT_PRECISION_AUTO)
        return asked;
    return engine->device->caps.native_bf16 ? FIT_PRECISION_BF16 : FIT_PRECISION_F32;
}

/* The tensor's values in that type, and whether all are numbers: a NaN in a weight makes every
 * picture black without a word. The file's pages are given back on the way. */
static bool convert(const struct fit_tensor *tensor, void *to, enum fk_dtype type)
{
    enum { PIECE = 1 << 14 }; /* values: what stays in the cache between the steps */
    float wide[PIECE];
    int found = 0;
    struct fit_tensor piece = *tensor;
    size_t size = fit_tensor_type_size(tensor->type);
    for (uint64_t at = 0; at < tensor->n_values; at += PIECE) {
        uint64_t n = tensor->n_values - at < PIECE ? tensor->n_values - at : PIECE;
        float *values = type == FK_F32 ? (float *)to + at : wide;
        piece.data = (const uint8_t *)tensor->data + at * size;
        piece.n_values = n;
        fit_tensor_to_f32(&piece, values);
        for (uint64_t i = 0; i < n; i++)
            found |= !(fabsf(values[i]) <= FLT_MAX);
        for (uint64_t i = 0; type == FK_BF16 && i < n; i++)
            ((uint16_t *)to)[at + i] = fk_f32_to_bf16(values[i]);
    }
    fit_mapping_release(tensor->data, tensor->bytes);
    return !found;
}

static bool usable_in_place(const struct fit_engine *engine, const struct fit_tensor *tensor,
                            enum fk_dtype type)
{
    enum fit_tensor_type same = type == FK_F32 ? FIT_TENSOR_F32 : FIT_TENSOR_BF16;
    return engine->device->caps.host_memory && tensor->type == same &&
           (uintptr_t)tensor->data % fk_dtype_size(type) == 0;
}

static bool place_converted(struct fit_model *model, const struct fit_tensor *tensor, size_t i,
                            enum fk_dtype type, struct fit_error *error)
{
    struct fk_device *device = model->engine->device;
    struct fk_queue *queue = model->engine->queue;
    struct model_files *files = model->files;
    size_t bytes = tensor->n_values * fk_dtype_size(type);
    if (tensor->type >= FIT_TENSOR_I64)
        return fit_fail(error, FIT_ERROR_MODEL, "%s: tensor %s: expected floats, found %s",
                        files->transformer.path, tensor->name,
                        fit_tensor_type_name(tensor->type));
    void *memory = files->owned[i] = device->alloc(device, bytes);
    void *host = memory && !device->caps.host_memory ? malloc(bytes) : memory;
    bool ok = host || fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for tensor %s of %zu bytes",
                               files->transformer.path, tensor->name, bytes);
    if (ok && !convert(tensor, host, type))
        ok = fit_fail(error, FIT_ERROR_MODEL, "%s: tensor %s holds a value that is no number",
                      files->transformer.path, tensor->name);
    if (ok && host != memory &&
        (!device->upload(queue, memory, host, bytes) || !device->queue_sync(queue)))
        ok = fit_fail(error, FIT_ERROR_DEVICE, "%s", device->queue_error(queue));
    if (host != memory)
        free(host);
    files->place[i] = (struct fk_ptr){memory, type};
    return ok;
}

static bool place_tensor(struct fit_model *model, size_t i, enum fk_dtype matrices,
                         struct fit_error *error)
{
    struct model_files *files = model->files;
    struct fit_tensor_spec spec;
    const struct fit_tensor *tensor;
    fit_weights_spec(&model->config, i, &spec);
    if (!fit_safetensors_require(&files->transformer, spec.name, spec.n_dims, spec.dims, &tensor,
                                 error))
        return false;
    enum fk_dtype type = spec.keep_f32 ? FK_F32 : matrices;
    if (!usable_in_place(model->engine, tensor, type))
        return place_converted(model, tensor, i, type, error);
    files->place[i] = (struct fk_ptr){(void *)tensor->data, type};
    return true;
}

static struct fk_ptr find_place(void *user, size_t i)
{
    return ((struct model_files *)user)->place[i];
}

/* What the device has copied need not lie in memory as the file has it too. */
static void give_pages_back(void *user, const void *w, size_t bytes)
{
    const struct fit_mapping *file = &((struct model_files *)user)->transformer.mapping;
    uintptr_t at = (uintptr_t)w - (uintptr_t)file->data;
    if (at < file->bytes)
        fit_mapping_release(w, bytes);
}

static bool load_transformer(struct fit_model *model, struct fit_error *error)
{
    struct model_files *files = model->files;
    char path[1280];
    files->n_tensors = fit_weights_count(&model->config);
    files->place = calloc(files->n_tensors, sizeof *files->place);
    files->owned = calloc(files->n_tensors, sizeof *files->owned);
    if (!files->place || !files->owned)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for the model");
    if (!fit_bundle_file(&files->bundle, files->bundle.transformer, path, sizeof path, error) ||
        !fit_safetensors_open(&files->transformer, path, error))
        return false;
    if (files->transformer.n_tensors != files->n_tensors)
        return fit_fail(error, FIT_ERROR_MODEL,
                        "%s: holds %zu tensors, a network of this configuration has %zu", path,
                        files->transformer.n_tensors, files->n_tensors);
    enum fk_dtype matrices = model->info.precision == FIT_PRECISION_BF16 ? FK_BF16 : FK_F32;
    for (size_t i = 0; i < files->n_tensors; i++)
        if (!place_tensor(model, i, matrices, error))
            return false;
    if (!fit_network_bind(&model->network, &model->config, find_place, files, error))
        return false;
    fit_network_keep(&model->network, model->engine->device, give_pages_back, files);
    return true;
}

static bool load_autoencoder(struct fit_model *model, struct fit_error *error)
{
    const struct fit_bundle *bundle = &model->files->bundle;
    const struct fit_autoencoder_type *type = fit_autoencoder_type_find(bundle->autoencoder_type);
    struct fit_safetensors file;
    char path[1280];
    model->latent_scale = (float)bundle->scaling_factor;
    if (!fit_bundle_has_autoencoder(bundle))
        return true;
    if (!type)
        return fit_fail(error, FIT_ERROR_MODEL,
                        "%s: autoencoder.type: \"%s\" is no autoencoder that this version knows",
                        bundle->path, bundle->autoencoder_type);
    if (bundle->config.channels != type->channels || bundle->downsampling != type->stride)
        return fit_fail(error, FIT_ERROR_MODEL,
                        "%s: the autoencoder gives %d channels at 1/%d of the size, the network "
                        "expects %d at 1/%d",
                        bundle->path, type->channels, type->stride, bundle->config.channels,
                        bundle->downsampling);
    return fit_bundle_file(bundle, bundle->autoencoder, path, sizeof path, error) &&
           fit_safetensors_open(&file, path, error) &&
           fit_autoencoder_open_type(&model->autoencoder, type, model->engine->device,
                                     model->engine->queue, &file, error);
}

static bool load_labels(struct fit_model *model, struct fit_error *error)
{
    const struct fit_bundle *bundle = &model->files->bundle;
    char path[1280];
    return fit_bundle_file(bundle, bundle->classes, path, sizeof path, error) &&
           fit_labels_read(&model->labels, path, model->config.n_classes, error);
}

static void fill_info(struct fit_model *model, enum fit_precision precision)
{
    const struct fit_bundle *bundle = &model->files->bundle;
    const struct fit_config *config = &model->config;
    int side = config->patch * bundle->downsampling;
    model->info = (struct fit_model_info){
        .name = bundle->name,
        .description = bundle->description,
        .licence = bundle->licence,
        .path = bundle->path,
        .sha256 = bundle->transformer_sha256,
        .checkpoint_step = run_step_of_path(bundle->path),
        .architecture = config->architecture == FIT_ARCHITECTURE_V1 ? "FiT" : "FiTv2",
        .n_parameters = fit_config_parameters(config),
        .precision = choose(model->engine, precision),
        .n_classes = config->n_classes,
        .channels = config->channels,
        .token_pixels = side,
        .context_tokens = config->context_size,
        .axis_tokens = config->ori_max_pe_len,
        .max_axis_pixels = side * FIT_MAX_AXIS,
        .method = config->method,
        .default_width = bundle->default_width,
        .default_height = bundle->default_height,
        .default_steps = bundle->default_steps,
        .default_guidance = bundle->default_guidance,
        .default_solver = bundle->default_solver,
    };
}

/* On the worker, because weights go through its queue. */
struct load {
    struct fit_model *model;
    const struct fit_model_params *params;
};

static bool load(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct load *request = data;
    struct fit_model *model = request->model;
    (void)engine;
    if (!fit_bundle_read(&model->files->bundle, request->params->path, error))
        return false;
    model->config = model->files->bundle.config;
    fill_info(model, request->params->precision);
    return load_labels(model, error) && load_transformer(model, error) &&
           load_autoencoder(model, error);
}

bool fit_model_load(struct fit_engine *engine, const struct fit_model_params *params,
                    struct fit_model **out, struct fit_error *error)
{
    *out = NULL;
    struct fit_model *model = calloc(1, sizeof *model);
    struct model_files *files = calloc(1, sizeof *files);
    if (!model || !files) {
        free(model);
        free(files);
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for the model");
    }
    atomic_init(&model->refs, 1);
    model->engine = fit_engine_ref(engine);
    model->files = files;
    struct load request = {model, params};
    if (!fit_engine_call(engine, load, &request, error)) {
        fit_model_unref(&model);
        return false;
    }
    *out = model;
    return true;
}

struct fit_model *fit_model_ref(struct fit_model *model)
{
    atomic_fetch_add(&model->refs, 1);
    return model;
}

void fit_model_unref(struct fit_model **handle)
{
    struct fit_model *model = *handle;
    *handle = NULL;
    if (!model || atomic_fetch_sub(&model->refs, 1) != 1)
        return;
    struct model_files *files = model->files;
    struct fk_device *device = model->engine->device;
    fit_autoencoder_close(&model->autoencoder);
    fit_network_finish(&model->network);
    for (size_t i = 0; files->owned && i < files->n_tensors; i++)
        device->free(device, files->owned[i]);
    free(files->owned);
    free(files->place);
    fit_safetensors_close(&files->transformer);
    fit_labels_finish(&model->labels);
    free(files);
    fit_engine_unref(model->engine);
    free(model);
}

/* The copies come anew when they are used; without room for them they stayed away, and do. */
static bool trim(struct fit_engine *engine, void *data, struct fit_error *error)
{
    struct fit_model *model = data;
    bool kept = model->network.kept_on;
    if (!fit_engine_renew_queue(engine, error))
        return false;
    fit_network_forget(&model->network);
    if (kept)
        fit_network_keep(&model->network, engine->device, give_pages_back, model->files);
    fit_autoencoder_trim(model->autoencoder);
    device_pictures_trim(engine);
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    return true;
}

bool fit_model_trim(struct fit_model *model, struct fit_error *error)
{
    return fit_engine_call(model->engine, trim, model, error);
}

void fit_model_info(const struct fit_model *model, struct fit_model_info *out)
{
    *out = model->info;
}

bool fit_model_has_solver(const struct fit_model *model, enum fit_solver solver)
{
    return (unsigned)solver < FIT_N_SOLVERS && fit_config_has_solver(&model->config, solver);
}

struct preview_map model_preview(const struct fit_model *model)
{
    const struct fit_bundle *bundle = &model->files->bundle;
    return (struct preview_map){
        .kernel = bundle->preview_kernel == 3 ? 3 : 1,
        .values = 3 * (size_t)fit_bundle_preview_rows(bundle),
        .matrix = bundle->preview_matrix[0],
        .bias = bundle->preview_bias,
    };
}

const char *fit_model_class_name(const struct fit_model *model, int class_id)
{
    return class_id >= 0 && class_id < model->labels.n ? model->labels.label[class_id].name : NULL;
}

const char *fit_model_class_synonyms(const struct fit_model *model, int class_id)
{
    return class_id >= 0 && class_id < model->labels.n ? model->labels.label[class_id].synonyms
                                                       : NULL;
}

const char *fit_model_class_group(const struct fit_model *model, int class_id)
{
    return class_id >= 0 && class_id < model->labels.n ? model->labels.label[class_id].group : NULL;
}

const char *fit_model_class_code(const struct fit_model *model, int class_id)
{
    return class_id >= 0 && class_id < model->labels.n ? model->labels.label[class_id].code : NULL;
}

bool fit_model_find_class(const struct fit_model *model, const char *text, int *class_id,
                          struct fit_error *error)
{
    return fit_labels_find(&model->labels, text, class_id, error);
}
