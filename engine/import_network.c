/* SPDX-License-Identifier: Apache-2.0 */
#include "import_network.h"

#include <stdlib.h>
#include <string.h>

#include "autoencoder.h"
#include "fit_weights.h"

/* A tensor that every network has and nothing else. */
#define FIRST "x_embedder.proj.weight"
#define LAST "final_layer.linear.weight"

/* Of the modulation that blocks share, where they do. */
#define SHARED "global_adaLN_modulation.1.weight"

struct choice {
    const struct fit_import_params *params;
    const struct fit_config *config;
    struct fit_error *error;
    struct fit_tensor *tensors; /* owned: the chosen ones, by their bare names */
    struct fit_tensor_list list;
};

/* ---- names ---- */

static bool strip(const char **name, const char *const *prefixes, size_t n_prefixes)
{
    for (size_t i = 0; i < n_prefixes; i++) {
        size_t n = strlen(prefixes[i]);
        if (!strncmp(*name, prefixes[i], n)) {
            *name += n;
            return true;
        }
    }
    return false;
}

/* Without what wrappers of a module put before its names, as often as they wrapped it. `average`:
 * one of them was that of a running average of the weights. */
static const char *bare_name(const char *name, bool *average)
{
    static const char *const wrappers[] = {"module.", "model.", "_orig_mod.", "state_dict."};
    static const char *const averages[] = {"ema.", "ema_model.", "model_ema."};
    *average = false;
    for (bool found = true; found;) {
        found = strip(&name, wrappers, sizeof wrappers / sizeof *wrappers);
        if (strip(&name, averages, sizeof averages / sizeof *averages))
            found = *average = true;
    }
    return name;
}

static void tell(const struct choice *c, const char *sentence)
{
    if (c->params->note)
        c->params->note(c->params->note_data, sentence);
}

/* What a file is that holds something else, by names that say so. */
static const char *likeness(const struct fit_tensor_list *file)
{
    static const struct {
        const char *in_name, *what;
    } marks[] = {
        {"lora_", "changes to another model (LoRA)"},
        {"model.diffusion_model.", "a whole Stable Diffusion checkpoint"},
        {"double_blocks.", "a Flux transformer"},
        {"transformer_blocks.", "a transformer or U-Net of diffusers"},
        {"text_model.", "a text encoder (CLIP)"},
        {"decoder.mid", "an autoencoder, which a FiT model needs beside its network"},
        {"optimizer", "the state of a training"},
    };
    if (fit_autoencoder_type_of(file))
        return "an autoencoder, which a FiT model needs beside its network";
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++)
        for (size_t i = 0; i < file->n; i++)
            if (strstr(file->tensors[i].name, marks[m].in_name))
                return marks[m].what;
    return "nothing that this version knows";
}

/* Whether the averaged weights are meant. */
static bool choose(const struct choice *c, const struct fit_tensor_list *file, bool *average)
{
    bool has[2] = {false, false}, averaged;
    for (size_t i = 0; i < file->n; i++)
        if (!strcmp(bare_name(file->tensors[i].name, &averaged), FIRST))
            has[averaged] = true;
    *average = c->params->weights == FIT_IMPORT_AVERAGED ||
               (c->params->weights == FIT_IMPORT_BEST && has[true]);
    if (!has[0] && !has[1])
        return fit_fail(c->error, FIT_ERROR_MODEL,
                        "%s: holds %zu tensors and none is " FIRST ", so it is no FiT network; it "
                        "looks like %s",
                        file->path, file->n, likeness(file));
    if (!has[*average])
        return fit_fail(c->error, FIT_ERROR_MODEL, "%s: holds %s weights only", file->path,
                        *average ? "trained (no EMA)" : "EMA");
    if (has[!*average])
        tell(c, *average ? "the checkpoint holds trained and EMA weights; the EMA ones are taken"
                         : "the checkpoint holds trained and EMA weights; the trained ones are "
                           "taken");
    return true;
}

static bool take_chosen(struct choice *c, const struct fit_tensor_list *file)
{
    bool average, averaged;
    if (!choose(c, file, &average))
        return false;
    struct fit_tensor *tensors = c->tensors = calloc(file->n, sizeof *tensors);
    if (!tensors)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "%s: no memory for its tensors", file->path);
    size_t n = 0;
    for (size_t i = 0; i < file->n; i++) {
        const char *name = bare_name(file->tensors[i].name, &averaged);
        if (averaged != average)
            continue;
        tensors[n] = file->tensors[i];
        tensors[n++].name = name;
    }
    qsort(tensors, n, sizeof *tensors, fit_tensor_compare_names);
    for (size_t i = 1; i < n; i++)
        if (!fit_tensor_compare_names(&tensors[i - 1], &tensors[i]))
            return fit_fail(c->error, FIT_ERROR_MODEL,
                            "%s: tensor %.100s appears twice behind different prefixes",
                            file->path, tensors[i].name);
    c->list = (struct fit_tensor_list){file->path, tensors, n};
    return true;
}

/* ---- what the configuration and the tensors say about each other ---- */

/* A size of the configuration and the tensor whose shape shows it. */
static const struct witness {
    const char *field, *tensor;
    int dim, less; /* size = dims[dim] - less */
    size_t offset; /* in fit_config */
} witnesses[] = {
    {"hidden_size", FIRST, 0, 0, offsetof(struct fit_config, hidden)},
    {"num_classes", "y_embedder.embedding_table.weight", 0, 1,
     offsetof(struct fit_config, n_classes)},
    {"adaln_lora_dim", "blocks.0.adaLN_modulation.1.weight", 0, 0,
     offsetof(struct fit_config, lora_rank)},
    {"the width of SwiGLU", "blocks.0.mlp.fc1_g.weight", 0, 0,
     offsetof(struct fit_config, mlp_hidden)},
};

static bool contradicts(const struct choice *c, const char *field, long long expected,
                        const char *tensor, long long found)
{
    return fit_fail(c->error, FIT_ERROR_MODEL,
                    "%s: %s: the configuration says %lld, tensor %s shows %lld", c->list.path,
                    field, expected, tensor, found);
}

static int count_blocks(const struct choice *c)
{
    char name[64];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", i);
        if (!fit_tensors_find(&c->list, name))
            return i;
    }
}

/* The first version gives two numbers for every one of a token, the noise and where its variance
 * lies (learn_sigma). */
static bool check_architecture(const struct choice *c)
{
    const struct fit_tensor *in = fit_tensors_find(&c->list, FIRST);
    const struct fit_tensor *out = fit_tensors_find(&c->list, LAST);
    if (!out || out->n_dims != 2 || in->n_dims != 2)
        return true; /* wrong in a way that the shapes' own check names */
    uint64_t features = in->dims[1], outputs = out->dims[0];
    bool v1 = c->config->architecture == FIT_ARCHITECTURE_V1;
    if (outputs != (v1 ? features : 2 * features))
        return true;
    return fit_fail(c->error, FIT_ERROR_MODEL,
                    "%s: " LAST " gives %llu numbers for the %llu of a token, so it is %s; the "
                    "configuration is that of %s",
                    c->list.path, (unsigned long long)outputs, (unsigned long long)features,
                    v1 ? "a FiTv2 network" : "a FiT network of the first version",
                    v1 ? "the first version" : "FiTv2");
}

static bool check_modulation(const struct choice *c)
{
    bool shares = fit_config_shares_modulation(c->config);
    bool shared = fit_tensors_find(&c->list, SHARED);
    return shared == shares ||
           fit_fail(c->error, FIT_ERROR_MODEL,
                    "%s: has %s " SHARED ", as adaln_type %s makes it; the configuration says %s",
                    c->list.path, shared ? "a tensor" : "no", shared ? "lora" : "normal",
                    shares ? "lora" : "normal");
}

/* The fields by the names that the configuration has for them, before any tensor's shape. */
static bool check_fields(const struct choice *c)
{
    const struct fit_config *config = c->config;
    bool shares = fit_config_shares_modulation(config);
    for (size_t i = 0; i < sizeof witnesses / sizeof *witnesses; i++) {
        const struct witness *w = &witnesses[i];
        const struct fit_tensor *shown = fit_tensors_find(&c->list, w->tensor);
        int expected = *(const int *)((const char *)config + w->offset);
        bool has_none = !shares && w->offset == offsetof(struct fit_config, lora_rank);
        if (shown && shown->n_dims == 2 && !has_none &&
            shown->dims[w->dim] != (uint64_t)expected + (uint64_t)w->less)
            return contradicts(c, w->field, expected, w->tensor,
                               (long long)shown->dims[w->dim] - w->less);
    }
    const struct fit_tensor *first = fit_tensors_find(&c->list, FIRST);
    if (first->n_dims == 2 && first->dims[1] != (uint64_t)fit_config_features(config))
        return contradicts(c, "in_channels x patch_size x patch_size",
                           fit_config_features(config), FIRST, (long long)first->dims[1]);
    int depth = count_blocks(c);
    return depth == config->depth ||
           contradicts(c, "depth", config->depth, "blocks.N.attn.qkv.weight", depth);
}

/* ---- the tensors ---- */

static enum fit_tensor_type type_in_bundle(const struct choice *c,
                                           const struct fit_tensor_spec *spec,
                                           const struct fit_tensor *tensor)
{
    bool narrow = c->params->precision == FIT_PRECISION_AUTO
                      ? tensor->type == FIT_TENSOR_BF16
                      : c->params->precision == FIT_PRECISION_BF16;
    return narrow && !spec->keep_f32 ? FIT_TENSOR_BF16 : FIT_TENSOR_F32;
}

static bool add_tensors(const struct choice *c, struct fit_weight_copy *copy, bool *taken)
{
    struct fit_tensor_spec spec;
    for (size_t i = 0; fit_weights_spec(c->config, i, &spec); i++) {
        struct fit_tensor_match match = {spec.name, spec.n_dims, spec.dims, NULL};
        if (!fit_tensors_require(&c->list, spec.name, spec.n_dims, spec.dims, &match.found,
                                 c->error))
            return false;
        taken[match.found - c->list.tensors] = true;
        if (!fit_weight_copy_add(copy, &match, type_in_bundle(c, &spec, match.found), c->error))
            return false;
    }
    for (size_t i = 0; i < c->list.n; i++)
        if (!taken[i])
            return fit_fail(c->error, FIT_ERROR_MODEL,
                            "%s: holds %zu tensors, this network has %zu; one too many is %.100s",
                            c->list.path, c->list.n, copy->n, c->list.tensors[i].name);
    return true;
}

bool fit_import_network(struct fit_weight_copy *copy, const struct fit_tensor_list *file,
                        const struct fit_config *config, const struct fit_import_params *params,
                        struct fit_error *error)
{
    struct choice c = {.params = params, .config = config, .error = error};
    bool *taken = calloc(file->n + 1, sizeof *taken);
    bool ok = taken || fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory for its tensors",
                                file->path);
    ok = ok && take_chosen(&c, file) && check_architecture(&c) && check_modulation(&c) &&
         check_fields(&c) && add_tensors(&c, copy, taken);
    free(taken);
    free(c.tensors);
    return ok;
}

/* ---- without a configuration ---- */

bool fit_import_guess(const struct fit_tensor_list *file, const struct fit_import_params *params,
                      struct fit_config *config, struct fit_error *error)
{
    const struct fit_import_params quiet = {.weights = params->weights};
    struct choice c = {.params = &quiet, .config = config, .error = error};
    const char *name;
    bool ok = take_chosen(&c, file), found = false;
    for (size_t i = 0; ok && !found && (name = fit_config_preset_name(i)); i++) {
        struct fit_error other = {0};
        c.error = &other;
        found = fit_config_preset(config, name) && check_architecture(&c) &&
                check_modulation(&c) && check_fields(&c);
    }
    free(c.tensors);
    if (!ok || found)
        return ok;
    return fit_fail(error, FIT_ERROR_MODEL,
                    "%s: is a FiT network of none of the published sizes; its configuration "
                    "(.yaml) is needed too",
                    file->path);
}
