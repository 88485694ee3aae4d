/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "fk_dtype.h"
#include "preview.h"
#include "run_folder.h"
#include "sha256.h"

enum { N_FLAT = 4, PATH_BYTES = 2048 };

static const char *const flat_name[N_FLAT] = {"parameter", "moment1", "moment2", "ema"};

static void flat_buffers(const struct train_state *s, float *flat[N_FLAT])
{
    flat[0] = s->parameter;
    flat[1] = s->moment1;
    flat[2] = s->moment2;
    flat[3] = s->ema;
}

/* ---- the bundle -------------------------------------------------------------------------- */

static bool copy_file(const char *from, const char *folder, const char *name, struct fit_error *e)
{
    char path[PATH_BYTES];
    if (!fit_path_join(path, sizeof path, folder, name))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", folder);
    return fit_file_copy(from, path, e);
}

static bool write_class(struct fit_writer *writer, int id, const struct fit_label *label,
                        struct fit_error *e)
{
    char number[16];
    snprintf(number, sizeof number, "%d", id);
    const char *columns[] = {number, "\t", label->name, "\t", label->synonyms, "\t",
                             label->group, "\t", label->code, "\n"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (!fit_writer_write(writer, columns[i], strlen(columns[i]), e))
            return false;
    return true;
}

static bool write_classes(const char *folder, const struct fit_labels *classes,
                          struct fit_error *e)
{
    char path[PATH_BYTES];
    struct fit_writer writer;
    if (!fit_path_join(path, sizeof path, folder, "classes.txt"))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", folder);
    if (!fit_writer_open(&writer, path, e))
        return false;
    for (int i = 0; i < classes->n; i++)
        if (!write_class(&writer, i, &classes->label[i], e))
            return false;
    return fit_writer_commit(&writer, e);
}

/* limn-f8c8 has no matrix of its own: it is measured. */
static bool describe_preview(struct fit_bundle *bundle, struct fit_trainer *t)
{
    const struct fit_autoencoder_type *type = t->autoencoder->type;
    struct preview preview;
    if (type->preview) {
        bundle->preview_kernel = 1;
        memcpy(bundle->preview_matrix, type->preview,
               (size_t)type->channels * sizeof *type->preview);
        return true;
    }
    bundle->preview_kernel = PREVIEW_KERNEL;
    if (!preview_measure(&preview, t->autoencoder, &t->compute))
        return false;
    memcpy(bundle->preview_matrix, preview.matrix, sizeof preview.matrix);
    memcpy(bundle->preview_bias, preview.bias, sizeof preview.bias);
    return true;
}

static bool write_model_json(struct fit_trainer *t, const char *folder, struct fit_error *e)
{
    const struct train_config *c = &t->config;
    const struct fit_autoencoder_type *type = t->autoencoder->type;
    int side = c->shape[0].side;
    struct fit_bundle bundle = {
        .config = c->model, .transformer = "transformer.safetensors",
        .autoencoder = "autoencoder.safetensors", .classes = "classes.txt",
        .downsampling = type->stride, .scaling_factor = type->scaling_factor,
        .default_width = side, .default_height = side,
        .default_steps = c->sheet_steps, .default_guidance = c->sheet_guidance,
        .default_solver = fit_config_quick_solver(&c->model)};
    char path[PATH_BYTES];
    snprintf(bundle.path, sizeof bundle.path, "%s", folder);
    snprintf(bundle.name, sizeof bundle.name, "%s", c->name);
    snprintf(bundle.description, sizeof bundle.description, "%s", c->description);
    snprintf(bundle.licence, sizeof bundle.licence, "%s", c->licence);
    snprintf(bundle.autoencoder_type, sizeof bundle.autoencoder_type, "%s", type->name);
    if (!describe_preview(&bundle, t) ||
        !fit_path_join(path, sizeof path, folder, bundle.transformer) ||
        !fit_file_sha256(path, bundle.transformer_sha256, e))
        return false;
    return fit_bundle_write(&bundle, e);
}

/* Narrows or copies one tensor out of the flat average. */
static void *tensor_data(const struct fit_tensor_spec *spec, const float *flat)
{
    size_t n = (size_t)spec->n_values;
    void *data = malloc(n * (spec->keep_f32 ? sizeof(float) : sizeof(uint16_t)));
    if (data && spec->keep_f32)
        memcpy(data, flat + spec->offset, n * sizeof(float));
    for (size_t k = 0; data && !spec->keep_f32 && k < n; k++)
        ((uint16_t *)data)[k] = fk_f32_to_bf16(flat[spec->offset + k]);
    return data;
}

static bool write_tensors(const char *path, const struct fit_config *config, const float *flat,
                          struct fit_error *e)
{
    size_t n = fit_weights_count(config);
    struct fit_tensor *tensors = calloc(n, sizeof *tensors);
    struct fit_tensor_spec *specs = calloc(n, sizeof *specs);
    void **data = calloc(n, sizeof *data);
    bool ok = tensors && specs && data;
    for (size_t i = 0; ok && i < n; i++) {
        ok = fit_weights_spec(config, i, &specs[i]) && (data[i] = tensor_data(&specs[i], flat));
        size_t size = specs[i].keep_f32 ? sizeof(float) : sizeof(uint16_t);
        tensors[i] = (struct fit_tensor){
            .name = specs[i].name, .type = specs[i].keep_f32 ? FIT_TENSOR_F32 : FIT_TENSOR_BF16,
            .n_dims = specs[i].n_dims, .dims = {specs[i].dims[0], specs[i].dims[1]},
            .n_values = specs[i].n_values, .data = data[i], .bytes = specs[i].n_values * size};
    }
    const char *metadata[] = {"format", "pt", NULL};
    ok = ok ? fit_safetensors_write(path, tensors, n, metadata, e)
            : fit_fail(e, FIT_ERROR_MEMORY, "no memory for %zu tensors", n);
    for (size_t i = 0; data && i < n; i++)
        free(data[i]);
    free(data);
    free(specs);
    free(tensors);
    return ok;
}

static float *download(struct fit_trainer *t, const float *from)
{
    struct fit_compute *c = &t->compute;
    size_t bytes = t->state.total * sizeof(float);
    float *host = malloc(bytes);
    if (!host) {
        fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for %zu parameters", t->state.total);
        return NULL;
    }
    if (fit_compute_check(c, t->device->download(t->queue, host, from, bytes)) &&
        fit_compute_check(c, t->device->queue_sync(t->queue)))
        return host;
    free(host);
    return NULL;
}

bool checkpoint_export_bundle(struct fit_trainer *t, const char *folder, struct fit_error *e)
{
    char path[PATH_BYTES];
    t->compute.error = e;
    if (mkdir(folder, 0777) && errno != EEXIST)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", folder, strerror(errno));
    if (!fit_path_join(path, sizeof path, folder, "transformer.safetensors"))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", folder);
    float *ema = download(t, t->state.ema);
    if (!ema)
        return false;
    bool ok = write_tensors(path, &t->config.model, ema, e);
    free(ema);
    return ok && copy_file(t->config.autoencoder, folder, "autoencoder.safetensors", e) &&
           write_classes(folder, dataset_classes(t->data), e) && write_model_json(t, folder, e);
}

/* ---- the optimiser's state --------------------------------------------------------------- */

/* One buffer at a time: the file is four times the size of the parameters. */
static bool write_flat(struct fit_trainer *t, struct fit_writer *writer, struct fit_error *e)
{
    float *flat[N_FLAT];
    flat_buffers(&t->state, flat);
    for (int i = 0; i < N_FLAT; i++) {
        float *host = download(t, flat[i]);
        if (!host) {
            fit_writer_abort(writer);
            return false;
        }
        bool ok = fit_writer_write(writer, host, t->state.total * sizeof *host, e);
        free(host);
        if (!ok)
            return false;
    }
    return fit_writer_commit(writer, e);
}

static bool write_state(struct fit_trainer *t, const char *folder, struct fit_error *e)
{
    char path[PATH_BYTES], identity[1024], position[256];
    struct fit_tensor tensors[N_FLAT];
    struct fit_writer writer;
    for (int i = 0; i < N_FLAT; i++)
        tensors[i] = (struct fit_tensor){
            .name = flat_name[i], .type = FIT_TENSOR_F32, .n_dims = 1, .dims = {t->state.total},
            .n_values = t->state.total, .bytes = t->state.total * sizeof(float)};
    train_config_identity(&t->config, identity, sizeof identity);
    snprintf(position, sizeof position, "%" PRId64 " %" PRId64 " %" PRId64 " %d %d %a", t->step,
             t->cursor.packs, t->cursor.epoch, t->cursor.pictures, t->cursor.position,
             t->smooth_loss);
    const char *metadata[] = {"identity", identity, "position", position,
                              "data", dataset_identity(t->data), NULL};
    if (!fit_path_join(path, sizeof path, folder, "training.safetensors"))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", folder);
    return fit_safetensors_begin(&writer, path, tensors, N_FLAT, metadata, NULL, NULL, e) &&
           write_flat(t, &writer, e);
}

static bool read_position(struct fit_trainer *t, const char *text)
{
    struct train_cursor *at = &t->cursor;
    return text &&
           sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %d %d %la", &t->step, &at->packs,
                  &at->epoch, &at->pictures, &at->position, &t->smooth_loss) == 6 &&
           t->step > 0 && at->packs >= 0 && at->epoch >= 0 && at->pictures >= 0 &&
           at->pictures <= t->config.pictures && at->position >= 0 &&
           at->position <= at->pictures;
}

/* A run goes on with the pictures it began with, or it is another one. */
static bool check_data(const struct fit_trainer *t, const struct fit_safetensors *file,
                       struct fit_error *e)
{
    const char *found = fit_safetensors_metadata(file, "data");
    return !strcmp(found ? found : "", dataset_identity(t->data)) ||
           fit_fail(e, FIT_ERROR_ARGUMENT,
                    "%s: the pictures in %s are other ones than those it was trained on; a new run "
                    "with model.start takes its weights over", file->path, t->config.folder);
}

/* Before anything else is compared, so that the two numbers are what is said. */
static bool check_classes(const struct fit_trainer *t, const char *folder, struct fit_error *e)
{
    struct fit_bundle bundle;
    if (!fit_bundle_read(&bundle, folder, e))
        return false;
    return bundle.config.n_classes == t->config.model.n_classes ||
           fit_fail(e, FIT_ERROR_ARGUMENT, "%s: was trained on %d classes, %s has %d", folder,
                    bundle.config.n_classes,
                    t->config.folder[0] ? t->config.folder : "this configuration",
                    t->config.model.n_classes);
}

static bool read_state(struct fit_trainer *t, const char *path, struct fit_error *e)
{
    struct fit_compute *c = &t->compute;
    struct fit_safetensors file;
    char identity[1024];
    float *flat[N_FLAT], *host = malloc(t->state.total * sizeof *host);
    uint64_t dims[] = {t->state.total};
    if (!host)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for %zu parameters", t->state.total);
    if (!fit_safetensors_open(&file, path, e)) {
        free(host);
        return false;
    }
    flat_buffers(&t->state, flat);
    train_config_identity(&t->config, identity, sizeof identity);
    const char *found = fit_safetensors_metadata(&file, "identity");
    bool ok = check_data(t, &file, e);
    if (ok && !(ok = found && !strcmp(found, identity)))
        fit_fail(e, FIT_ERROR_ARGUMENT, "%s: saved by another configuration (%s), this one is %s",
                 path, found ? found : "unknown", identity);
    else if (ok && !(ok = read_position(t, fit_safetensors_metadata(&file, "position"))))
        fit_fail(e, FIT_ERROR_FILE, "%s: the position of the run is missing or impossible", path);
    for (int i = 0; ok && i < N_FLAT; i++) {
        const struct fit_tensor *tensor;
        ok = fit_safetensors_require(&file, flat_name[i], 1, dims, &tensor, e) &&
             (fit_tensor_to_f32(tensor, host) ||
              fit_fail(e, FIT_ERROR_FILE, "%s: %s is not of a real type", path, flat_name[i])) &&
             fit_compute_check(c, t->device->upload(t->queue, flat[i], host,
                                                    t->state.total * sizeof *host)) &&
             fit_compute_check(c, t->device->queue_sync(t->queue));
    }
    fit_safetensors_close(&file);
    free(host);
    return ok && train_state_refresh(&t->state, c);
}

/* ---- folders ----------------------------------------------------------------------------- */

static bool remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT;
    char path[PATH_BYTES];
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            fit_path_join(path, sizeof path, folder, entry->d_name))
            unlink(path);
    closedir(dir);
    return !rmdir(folder);
}

static void remove_checkpoint(const char *path)
{
    remove_folder(path);
}

bool checkpoint_save(struct fit_trainer *t, struct fit_error *e)
{
    char parent[PATH_BYTES], folder[PATH_BYTES + 32], partial[PATH_BYTES + 48];
    t->compute.error = e;
    if (!run_checkpoints(t->folder, parent, sizeof parent) ||
        !run_checkpoint(t->folder, t->step, folder, sizeof folder))
        return fit_fail(e, FIT_ERROR_FILE, "%s: the path is too long", t->folder);
    if (mkdir(parent, 0777) && errno != EEXIST)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", parent, strerror(errno));
    snprintf(partial, sizeof partial, "%s.partial", folder);
    if (!remove_folder(partial))
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", partial, strerror(errno));
    if (!checkpoint_export_bundle(t, partial, e) || !write_state(t, partial, e)) {
        remove_folder(partial);
        return false;
    }
    /* A checkpoint of this very step holds the same numbers. */
    if (!remove_folder(folder) || rename(partial, folder))
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", folder, strerror(errno));
    run_older_checkpoints(t->folder, t->config.keep, remove_checkpoint);
    return true;
}

bool checkpoint_resume(struct fit_trainer *t, struct fit_error *e)
{
    char folder[PATH_BYTES + 32], path[PATH_BYTES + 64];
    t->compute.error = e;
    if (!run_newest_checkpoint(t->folder, folder, sizeof folder))
        return true;
    snprintf(path, sizeof path, "%s/training.safetensors", folder);
    return check_classes(t, folder, e) && read_state(t, path, e);
}
