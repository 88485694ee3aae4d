/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checkpoint to a bundle, in the order in which things are believed: the configuration, the
 * tensors' names, the sizes that they imply, every shape and type; then the values are looked at
 * while they are copied into a folder that nobody sees before it is complete.
 */
#include "fit/fit-import.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autoencoder.h"
#include "bundle.h"
#include "import_network.h"
#include "labels.h"
#include "weight_file.h"
#include "yaml_config.h"

#define IMAGENET_CLASSES 1000

struct import {
    const struct fit_import_params *params;
    struct fit_error *error;
    struct fit_bundle bundle;
    struct fit_weight_file checkpoint, decoder;
    struct fit_weight_copy network, autoencoder; /* of these two */
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
    if (!params->config)
        return fit_import_guess(&import->checkpoint.list, params, config, import->error);
    if (fit_config_preset(config, params->config))
        return true;
    if (access(params->config, F_OK))
        return fail_with_presets(import);
    return fit_config_read_yaml(config, params->config, params->note, params->note_data,
                                import->error);
}

/* ---- autoencoder ---- */

/* A folder of diffusers holds the weights under one of two names. */
static bool open_autoencoder(struct import *import)
{
    static const char *const names[] = {"diffusion_pytorch_model.safetensors",
                                        "diffusion_pytorch_model.bin"};
    struct stat status;
    char path[1024];
    const char *given = import->params->autoencoder;
    if (stat(given, &status) || !S_ISDIR(status.st_mode))
        return fit_weight_file_open(&import->decoder, given, import->error);
    for (int i = 0; i < 2; i++)
        if (fit_path_join(path, sizeof path, given, names[i]) && !access(path, F_OK))
            return fit_weight_file_open(&import->decoder, path, import->error);
    return fit_fail(import->error, FIT_ERROR_FILE, "%s: holds neither %s nor %s", given, names[0],
                    names[1]);
}

static bool add_to_autoencoder(void *user, const struct fit_tensor_match *match)
{
    struct import *import = user;
    return fit_weight_copy_add(&import->autoencoder, match, FIT_TENSOR_F32, import->error);
}

static bool read_autoencoder(struct import *import)
{
    struct fit_bundle *bundle = &import->bundle;
    const struct fit_tensor_list *list = &import->decoder.list;
    if (!open_autoencoder(import))
        return false;
    const struct fit_autoencoder_type *type = fit_autoencoder_type_of(list);
    if (!type)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: is no autoencoder that this version knows (Limn's own, the SD VAE, "
                        "TAESD)",
                        list->path);
    if (type->channels != bundle->config.channels)
        return fit_fail(import->error, FIT_ERROR_MODEL,
                        "%s: gives latents of %d channels, the network expects %d", list->path,
                        type->channels, bundle->config.channels);
    const struct fit_tensor_visitor visitor = {add_to_autoencoder, import};
    fit_weight_copy_init(&import->autoencoder, list->path);
    if (!type->find(list, &visitor, import->error))
        return false;
    if (list->n > import->autoencoder.n)
        note(import, "%s: %zu tensors that %s does not have are left out", list->path,
             list->n - import->autoencoder.n, type->name);
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
        return read_autoencoder(import);
    note(import, "without --autoencoder the model gives velocities, latents and coarse previews, "
                 "no pictures");
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

/* NULL where nobody knows their names. */
static const char *classes_file(const struct import *import)
{
    const struct fit_import_params *params = import->params;
    bool imagenet = import->bundle.config.n_classes == IMAGENET_CLASSES;
    return params->classes ? params->classes : imagenet ? params->imagenet : NULL;
}

static bool check_classes(struct import *import)
{
    struct fit_labels labels;
    int n = import->bundle.config.n_classes;
    const char *path = classes_file(import);
    if (!path) {
        note(import, "without --classes the %d classes are called \"class 0\" and so on", n);
        return true;
    }
    if (!import->params->classes)
        note(import, "the %d classes are taken for ImageNet's", n);
    if (!fit_labels_read(&labels, path, n, import->error))
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

static bool write_classes(const struct import *import)
{
    char path[1280], line[64];
    struct fit_writer writer;
    const struct fit_bundle *bundle = &import->bundle;
    if (!part(import, bundle->classes, path, sizeof path))
        return false;
    if (classes_file(import))
        return fit_file_copy(classes_file(import), path, import->error);
    bool ok = fit_writer_open(&writer, path, import->error);
    for (int i = 0; ok && i < bundle->config.n_classes; i++) {
        int n = snprintf(line, sizeof line, "%d\tclass %d\n", i, i);
        ok = fit_writer_write(&writer, line, (size_t)n, import->error);
    }
    return ok && fit_writer_commit(&writer, import->error);
}

static bool write_weights(struct import *import, const struct fit_weight_copy *copy,
                          const char *name, struct fit_copy_watch *watch, char sha256[65])
{
    char path[1280];
    return part(import, name, path, sizeof path) &&
           fit_weight_copy_write(copy, path, watch, sha256, import->error);
}

static bool write_parts(struct import *import)
{
    struct fit_bundle *bundle = &import->bundle;
    struct fit_copy_watch watch = {.progress = import->params->progress,
                                   .data = import->params->progress_data,
                                   .total = import->network.bytes + import->autoencoder.bytes};
    snprintf(bundle->path, sizeof bundle->path, "%s", import->folder);
    return write_weights(import, &import->network, bundle->transformer, &watch,
                         bundle->transformer_sha256) &&
           (!fit_bundle_has_autoencoder(bundle) ||
            write_weights(import, &import->autoencoder, bundle->autoencoder, &watch,
                          bundle->autoencoder_sha256)) &&
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

static bool open_checkpoint(struct import *import)
{
    return fit_weight_file_open(&import->checkpoint, import->params->checkpoint, import->error);
}

static bool read_checkpoint(struct import *import)
{
    fit_weight_copy_init(&import->network, import->checkpoint.list.path);
    return fit_import_network(&import->network, &import->checkpoint.list, &import->bundle.config,
                              import->params, import->error);
}

bool fit_import(const struct fit_import_params *params, struct fit_error *error)
{
    struct import *import = calloc(1, sizeof *import);
    if (!import)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory to import a model");
    /* The steps rely on the first cause, so there is always a place for it. */
    struct fit_error cause = {0};
    *import = (struct import){.params = params, .error = &cause};
    /* A configuration that is given is read first: it is quicker to mistake. */
    bool ok = check_output(import);
    if (params->config)
        ok = ok && read_config(import) && open_checkpoint(import);
    else
        ok = ok && open_checkpoint(import) && read_config(import);
    ok = ok && read_checkpoint(import) && describe_autoencoder(import) && check_classes(import);
    if (ok) {
        name_bundle(import);
        describe_defaults(&import->bundle);
        ok = write_folder(import);
    }
    fit_weight_copy_finish(&import->network);
    fit_weight_copy_finish(&import->autoencoder);
    fit_weight_file_close(&import->checkpoint);
    fit_weight_file_close(&import->decoder);
    free(import);
    return ok || fit_fail(error, cause.status, "%s", cause.message);
}
