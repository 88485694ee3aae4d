/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checkpoint to a bundle, in the order in which things are believed: the configuration, the
 * tensors' names, the sizes that they imply, every shape, every value; only then is anything
 * written.
 */
#include "fit/fit-import.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autoencoder.h"
#include "bundle.h"
#include "fit_weights.h"
#include "labels.h"
#include "safetensors.h"
#include "yaml_config.h"

struct import {
    const struct fit_import_params *params;
    struct fit_error *error;
    struct fit_bundle bundle;
    struct fit_safetensors checkpoint;
    struct fit_tensor *tensors; /* of the checkpoint, names without prefix, in the model's order */
    size_t n_tensors;
    char folder[1024]; /* the temporary one */
};

static void note(const struct import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(const struct import *import, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    if (!import->params->note)
        return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    import->params->note(import->params->note_data, sentence);
}

const char *fit_import_preset(size_t i)
{
    return fit_config_preset_name(i);
}

/* ---- configuration ---- */

static bool fail_with_presets(const struct import *import)
{
    char list[256] = "";
    const char *name;
    for (size_t i = 0; (name = fit_config_preset_name(i)); i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", name);
    return fit_fail(import->error, FIT_ERROR_ARGUMENT,
                    "configuration %.200s is neither a file nor a preset (%s)",
                    import->params->config, list);
}

static bool read_config(struct import *import)
{
    const struct fit_import_params *params = import->params;
    struct fit_config *config = &import->bundle.config;
    if (fit_config_preset(config, params->config))
        return true;
    if (access(params->config, F_OK))
        return fail_with_presets(import);
    return fit_config_read_yaml(config, params->config, params->note, params->note_data,
                                import->error);
}

/* ---- tensors ---- */

/* What wrappers of a module put before its names, as often as they wrapped it. */
static const char *bare_name(const char *name)
{
    static const char *const prefixes[] = {"module.", "model."};
    for (bool found = true; found;) {
        found = false;
        for (int i = 0; i < 2; i++) {
            size_t n = strlen(prefixes[i]);
            if (!strncmp(name, prefixes[i], n)) {
                name += n;
                found = true;
            }
        }
    }
    return name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fit_tensor *)a)->name, ((const struct fit_tensor *)b)->name);
}

static bool strip_names(struct import *import)
{
    const struct fit_safetensors *file = &import->checkpoint;
    struct fit_tensor *tensors = calloc(file->n_tensors + 1, sizeof *tensors);
    if (!tensors)
        return fit_fail(import->error, FIT_ERROR_MEMORY, "%s: no memory for its tensors",
                        file->path);
    import->tensors = tensors;
    import->n_tensors = file->n_tensors;
    for (size_t i = 0; i < file->n_tensors; i++) {
        tensors[i] = file->tensors[i];
        tensors[i].name = bare_name(tensors[i].name);
    }
    qsort(tensors, file->n_tensors, sizeof *tensors, by_name);
    for (size_t i = 1; i < file->n_tensors; i++)
        if (!by_name(&tensors[i - 1], &tensors[i]))
            return fit_fail(import->error, FIT_ERROR_MODEL,
                            "%s: tensor %.100s appears twice behind different prefixes",
                            file->path, tensors[i].name);
    return true;
}

static const struct fit_tensor *find(const struct import *import, const char *name)
{
    struct fit_tensor key = {.name = name};
    return bsearch(&key, import->tensors, import->n_tensors, sizeof key, by_name);
}

/* A size of the configuration and the tensor whose shape shows it. */
static const struct witness {
    const char *field, *tensor;
    int dim, less; /* size = dims[dim] - less */
    size_t offset; /* in fit_config */
} witnesses[] = {
    {"hidden_size", "x_embedder.proj.weight", 0, 0, offsetof(struct fit_config, hidden)},
    {"num_classes", "y_embedder.embedding_table.weight", 0, 1,
     offsetof(struct fit_config, n_classes)},
    {"adaln_lora_dim", "blocks.0.adaLN_modulation.1.weight", 0, 0,
     offsetof(struct fit_config, lora_rank)},
    {"the width of SwiGLU", "blocks.0.mlp.fc1_g.weight", 0, 0,
     offsetof(struct fit_config, mlp_hidden)},
};

static bool contradicts(const struct import *import, const char *field, long long expected,
                        const char *tensor, long long found)
{
    return fit_fail(import->error, FIT_ERROR_MODEL,
                    "%s: %s: the configuration says %lld, tensor %s shows %lld",
                    import->checkpoint.path, field, expected, tensor, found);
}

static int count_blocks(const struct import *import)
{
    char name[64];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", i);
        if (!find(import, name))
            return i;
    }
}

/* The fields by the names that the configuration has for them, before any tensor's shape. */
static bool check_fields(const struct import *import)
{
    const struct fit_config *config = &import->bundle.config;
    const char *embed = "x_embedder.proj.weight";
    const struct fit_tensor *tensor = find(import, embed);
    if (!tensor)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: has no tensor %s, so it is no FiT network", import->checkpoint.path,
                        embed);
    bool v1 = config->architecture == FIT_ARCHITECTURE_V1;
    bool shared = find(import, "global_adaLN_modulation.1.weight");
    if (shared == v1)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: has %s global_adaLN_modulation.1.weight, so it is %s; the "
                        "configuration is that of %s",
                        import->checkpoint.path, shared ? "a tensor" : "no",
                        shared ? "a FiTv2 network" : "a FiT network of the first version",
                        v1 ? "the first version" : "FiTv2");
    for (size_t i = 0; i < sizeof witnesses / sizeof *witnesses; i++) {
        const struct witness *w = &witnesses[i];
        const struct fit_tensor *shown = find(import, w->tensor);
        int expected = *(const int *)((const char *)config + w->offset);
        bool has_none = v1 && w->offset == offsetof(struct fit_config, lora_rank);
        if (shown && shown->n_dims == 2 && !has_none &&
            shown->dims[w->dim] != (uint64_t)expected + (uint64_t)w->less)
            return contradicts(import, w->field, expected, w->tensor,
                               (long long)shown->dims[w->dim] - w->less);
    }
    if (tensor->n_dims == 2 && tensor->dims[1] != (uint64_t)fit_config_features(config))
        return contradicts(import, "in_channels x patch_size x patch_size",
                           fit_config_features(config), embed, (long long)tensor->dims[1]);
    int depth = count_blocks(import);
    return depth == config->depth ||
           contradicts(import, "depth", config->depth, "blocks.N.attn.qkv.weight", depth);
}

static void print_shape(char *out, size_t bytes, int n_dims, const uint64_t *dims)
{
    size_t used = (size_t)snprintf(out, bytes, "(");
    for (int i = 0; i < n_dims && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, i ? ", %llu" : "%llu",
                                 (unsigned long long)dims[i]);
    if (used < bytes)
        snprintf(out + used, bytes - used, ")");
}

static bool check_shape(const struct import *import, const struct fit_tensor_spec *spec,
                        const struct fit_tensor *tensor)
{
    char expected[64], found[192];
    const char *path = import->checkpoint.path;
    if (!tensor)
        return fit_fail(import->error, FIT_ERROR_MODEL, "%s: tensor %s is missing", path,
                        spec->name);
    if (tensor->type >= FIT_TENSOR_I64)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: tensor %s: expected F32, BF16, F16 or F64, found %s", path,
                        spec->name, fit_tensor_type_name(tensor->type));
    if (tensor->n_dims == spec->n_dims &&
        !memcmp(tensor->dims, spec->dims, (size_t)spec->n_dims * sizeof *spec->dims))
        return true;
    print_shape(expected, sizeof expected, spec->n_dims, spec->dims);
    print_shape(found, sizeof found, tensor->n_dims, tensor->dims);
    return fit_fail(import->error, FIT_ERROR_MODEL, "%s: tensor %s: expected shape %s, found %s",
                    path, spec->name, expected, found);
}

static bool check_values(const struct import *import, const struct fit_tensor *tensor)
{
    float *values = malloc((size_t)tensor->n_values * sizeof *values + 1);
    if (!values)
        return fit_fail(import->error, FIT_ERROR_MEMORY, "no memory for tensor %s", tensor->name);
    bool ok = fit_tensor_to_f32(tensor, values);
    for (uint64_t i = 0; ok && i < tensor->n_values; i++)
        ok = isfinite(values[i]);
    free(values);
    return ok || fit_fail(import->error, FIT_ERROR_MODEL,
                          "%s: tensor %s holds a value that is no number",
                          import->checkpoint.path, tensor->name);
}

/* The first name that no tensor of the model has, or NULL. */
static const char *surplus(const struct import *import, const struct fit_tensor *ordered, size_t n)
{
    for (size_t i = 0; i < import->n_tensors; i++) {
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = ordered[k].data == import->tensors[i].data &&
                    !by_name(&ordered[k], &import->tensors[i]);
        if (!known)
            return import->tensors[i].name;
    }
    return NULL;
}

static bool order_tensors(struct import *import)
{
    const struct fit_config *config = &import->bundle.config;
    size_t n = fit_weights_count(config);
    struct fit_tensor_spec spec;
    struct fit_tensor *ordered = calloc(n, sizeof *ordered);
    bool ok = ordered || fit_fail(import->error, FIT_ERROR_MEMORY, "no memory for the tensors");
    for (size_t i = 0; ok && i < n && fit_weights_spec(config, i, &spec); i++) {
        const struct fit_tensor *tensor = find(import, spec.name);
        ok = check_shape(import, &spec, tensor) && check_values(import, tensor);
        if (ok)
            ordered[i] = *tensor;
    }
    const char *extra = ok && import->n_tensors > n ? surplus(import, ordered, n) : NULL;
    if (extra)
        ok = fit_fail(import->error, FIT_ERROR_MODEL,
                      "%s: holds %zu tensors, this network has %zu; one too many is %.100s",
                      import->checkpoint.path, import->n_tensors, n, extra);
    if (!ok) {
        free(ordered);
        return false;
    }
    free(import->tensors);
    import->tensors = ordered;
    import->n_tensors = n;
    return true;
}

static bool read_checkpoint(struct import *import)
{
    return fit_safetensors_open(&import->checkpoint, import->params->checkpoint, import->error) &&
           strip_names(import) && check_fields(import) && order_tensors(import);
}

/* ---- autoencoder ---- */

static bool recognise_autoencoder(struct import *import)
{
    struct fit_bundle *bundle = &import->bundle;
    struct fit_safetensors file;
    const char *path = import->params->autoencoder;
    if (!fit_safetensors_open(&file, path, import->error))
        return false;
    struct fit_tensor_list list = fit_safetensors_list(&file);
    const struct fit_autoencoder_type *type = fit_autoencoder_type_of(&list);
    fit_safetensors_close(&file);
    if (!type)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: is no autoencoder that this version knows (Limn's own, the SD VAE, "
                        "TAESD)",
                        path);
    if (type->channels != bundle->config.channels)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: gives latents of %d channels, the network expects %d", path,
                        type->channels, bundle->config.channels);
    snprintf(bundle->autoencoder_type, sizeof bundle->autoencoder_type, "%s", type->name);
    snprintf(bundle->autoencoder, sizeof bundle->autoencoder, "autoencoder.safetensors");
    bundle->scaling_factor = type->scaling_factor;
    for (int c = 0; type->preview && c < type->channels; c++)
        memcpy(bundle->preview_matrix[c], type->preview[c], sizeof bundle->preview_matrix[c]);
    if (!type->encode)
        note(import, "%s decodes only: the model cannot encode pictures", type->name);
    return true;
}

static bool describe_autoencoder(struct import *import)
{
    struct fit_bundle *bundle = &import->bundle;
    bundle->downsampling = FIT_AUTOENCODER_STRIDE;
    bundle->scaling_factor = 1;
    snprintf(bundle->autoencoder_type, sizeof bundle->autoencoder_type, "none");
    /* Until the autoencoder says better, the first channel as grey. */
    for (int i = 0; i < 3; i++)
        bundle->preview_matrix[0][i] = 0.3f;
    if (import->params->autoencoder)
        return recognise_autoencoder(import);
    note(import, "without --autoencoder the model gives velocities, latents and coarse previews, no "
                 "pictures");
    return true;
}

/* ---- the rest of the bundle ---- */

static void name_bundle(struct import *import)
{
    const struct fit_import_params *params = import->params;
    struct fit_bundle *bundle = &import->bundle;
    const char *slash = strrchr(params->checkpoint, '/');
    const char *file = slash ? slash + 1 : params->checkpoint;
    int length = (int)strcspn(file, ".");
    if (params->name)
        snprintf(bundle->name, sizeof bundle->name, "%s", params->name);
    else
        snprintf(bundle->name, sizeof bundle->name, "%.*s", length, file);
    snprintf(bundle->description, sizeof bundle->description, "Imported from %.200s", file);
    snprintf(bundle->licence, sizeof bundle->licence, "unknown");
    snprintf(bundle->transformer, sizeof bundle->transformer, "transformer.safetensors");
    snprintf(bundle->classes, sizeof bundle->classes, "classes.txt");
}

static void describe_defaults(struct fit_bundle *bundle)
{
    const struct fit_config *config = &bundle->config;
    int side = config->patch * bundle->downsampling;
    int axis = (int)lround(sqrt(config->context_size));
    axis = axis < 1 ? 1 : axis > FIT_MAX_AXIS ? FIT_MAX_AXIS : axis;
    bundle->default_width = bundle->default_height = axis * side;
    bool v1 = config->architecture == FIT_ARCHITECTURE_V1;
    bundle->default_steps = v1 ? 250 : 50;
    bundle->default_guidance = 1.5;
    bundle->default_solver = v1 ? FIT_SOLVER_DDPM : FIT_SOLVER_EULER;
}

static bool check_classes(struct import *import)
{
    struct fit_labels labels;
    int n = import->bundle.config.n_classes;
    if (!import->params->classes) {
        note(import, "without --classes the %d classes are called \"class 0\" and so on", n);
        return true;
    }
    if (!fit_labels_read(&labels, import->params->classes, n, import->error))
        return false;
    fit_labels_finish(&labels);
    return true;
}

/* ---- writing ---- */

static bool part(const struct import *import, const char *name, char *out, size_t bytes)
{
    return fit_path_join(out, bytes, import->folder, name) ||
           fit_fail(import->error, FIT_ERROR_FILE, "%s: the path is too long",
                    import->params->output);
}

static bool copy_file(const struct import *import, const char *from, const char *name)
{
    char path[1280];
    struct fit_mapping file;
    struct fit_writer writer;
    if (!part(import, name, path, sizeof path) || !fit_mapping_open(&file, from, import->error))
        return false;
    bool ok = fit_writer_open(&writer, path, import->error) &&
              fit_writer_write(&writer, file.data, file.bytes, import->error) &&
              fit_writer_commit(&writer, import->error);
    fit_mapping_close(&file);
    return ok;
}

static bool write_classes(const struct import *import)
{
    char path[1280], line[64];
    struct fit_writer writer;
    const struct fit_bundle *bundle = &import->bundle;
    if (import->params->classes)
        return copy_file(import, import->params->classes, bundle->classes);
    bool ok = part(import, bundle->classes, path, sizeof path) &&
              fit_writer_open(&writer, path, import->error);
    for (int i = 0; ok && i < bundle->config.n_classes; i++) {
        int n = snprintf(line, sizeof line, "%d\tclass %d\n", i, i);
        ok = fit_writer_write(&writer, line, (size_t)n, import->error);
    }
    return ok && fit_writer_commit(&writer, import->error);
}

static bool write_parts(struct import *import)
{
    char path[1280];
    struct fit_bundle *bundle = &import->bundle;
    snprintf(bundle->path, sizeof bundle->path, "%s", import->folder);
    return part(import, bundle->transformer, path, sizeof path) &&
           fit_safetensors_write(path, import->tensors, import->n_tensors, NULL, import->error) &&
           fit_file_sha256(path, bundle->transformer_sha256, import->error) &&
           (!import->params->autoencoder ||
            copy_file(import, import->params->autoencoder, bundle->autoencoder)) &&
           write_classes(import) && fit_bundle_write(bundle, import->error);
}

static void remove_folder(struct import *import)
{
    const char *names[] = {import->bundle.transformer, import->bundle.autoencoder,
                           import->bundle.classes, "model.json"};
    char path[1280];
    for (int i = 0; i < 4; i++)
        if (names[i][0] && fit_path_join(path, sizeof path, import->folder, names[i]))
            unlink(path);
    rmdir(import->folder);
}

static bool check_output(const struct import *import)
{
    struct stat status;
    const char *output = import->params->output;
    if (!*output || strlen(output) >= sizeof import->bundle.path - 16)
        return fit_fail(import->error, FIT_ERROR_ARGUMENT, "the output's path is %s",
                        *output ? "too long" : "empty");
    return lstat(output, &status) ||
           fit_fail(import->error, FIT_ERROR_ARGUMENT, "%s: exists already", output);
}

static bool write_folder(struct import *import)
{
    size_t length = strlen(import->params->output);
    while (length > 1 && import->params->output[length - 1] == '/')
        length--;
    snprintf(import->folder, sizeof import->folder, "%.*s.XXXXXX", (int)length,
             import->params->output);
    if (!mkdtemp(import->folder))
        return fit_fail(import->error, FIT_ERROR_FILE, "%s: cannot be made: %s",
                        import->params->output, strerror(errno));
    mode_t mask = umask(0);
    umask(mask);
    bool ok = write_parts(import);
    if (ok && (chmod(import->folder, 0777 & ~mask) ||
               rename(import->folder, import->params->output)))
        ok = fit_fail(import->error, FIT_ERROR_FILE, "%s: cannot be made: %s",
                      import->params->output, strerror(errno));
    if (!ok)
        remove_folder(import);
    return ok;
}

bool fit_import(const struct fit_import_params *params, struct fit_error *error)
{
    struct import *import = calloc(1, sizeof *import);
    if (!import)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory to import a model");
    /* The steps rely on the first cause, so there is always a place for it. */
    struct fit_error cause = {0};
    *import = (struct import){.params = params, .error = &cause};
    bool ok = check_output(import) && read_config(import) && read_checkpoint(import) &&
              describe_autoencoder(import) && check_classes(import);
    if (ok) {
        name_bundle(import);
        describe_defaults(&import->bundle);
        ok = write_folder(import);
    }
    free(import->tensors);
    fit_safetensors_close(&import->checkpoint);
    free(import);
    return ok || fit_fail(error, cause.status, "%s", cause.message);
}
