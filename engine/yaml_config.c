/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit_yaml.h"

/* The keys as the reference spells them. */
static const struct number_key {
    const char *name;
    size_t offset;
    bool required; /* adaln_lora_dim with a shared modulation only */
} numbers[] = {
    {"hidden_size", offsetof(struct fit_config, hidden), true},
    {"depth", offsetof(struct fit_config, depth), true},
    {"num_heads", offsetof(struct fit_config, heads), true},
    {"num_classes", offsetof(struct fit_config, n_classes), true},
    {"in_channels", offsetof(struct fit_config, channels), true},
    {"patch_size", offsetof(struct fit_config, patch), true},
    {"context_size", offsetof(struct fit_config, context_size), false},
    {"adaln_lora_dim", offsetof(struct fit_config, lora_rank), true},
    {"ori_max_pe_len", offsetof(struct fit_config, ori_max_pe_len), false},
};

/* What a network computes in one way only; "null" also stands for a missing key. */
static const struct fixed_key {
    const char *name, *v2, *v1, *otherwise; /* the value that a missing key stands for */
} fixed[] = {
    {"learn_sigma", "false", "true", "true"},
    {"use_swiglu", "true", "true", "false"},
    {"qk_norm_weight", "false", "false", "false"},
    {"rel_pos_embed", "rope", "rope", "rope"},
    {"abs_pos_embed", "null", "null", "null"},
    {"add_rel_pe_to_v", "false", "false", "false"},
};

static const char *const read_apart[] = {
    "use_sit",          "adaln_type",   "q_norm",   "k_norm",     "mlp_ratio",
    "use_swiglu_large", "custom_freqs", "decouple", "rope_theta", "time_shifting",
};

/* Of the training, or of how the reference stores what is computed here anew. */
static const char *const of_training[] = {
    "class_dropout_prob", "use_checkpoint", "pretrain_ckpt", "ignore_keys", "finetune",
    "online_rope", "max_pe_len_h", "max_pe_len_w", "max_cached_len",
};

static const struct {
    const char *name;
    enum fit_method coupled, decoupled;
} frequencies[] = {
    {"normal", FIT_METHOD_NONE, FIT_METHOD_NONE},
    {"linear", FIT_METHOD_PI, FIT_METHOD_VISION_PI},
    {"ntk-aware", FIT_METHOD_NTK, FIT_METHOD_VISION_NTK},
    {"ntk-aware-pro1", FIT_METHOD_NTK_PRO1, FIT_METHOD_VISION_NTK_PRO1},
    {"ntk-aware-pro2", FIT_METHOD_NTK_PRO2, FIT_METHOD_VISION_NTK_PRO2},
    {"ntk-by-parts", FIT_METHOD_NTK_BY_PARTS, FIT_METHOD_VISION_NTK_BY_PARTS},
    {"yarn", FIT_METHOD_YARN, FIT_METHOD_VISION_YARN},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct reading {
    struct fit_yaml yaml;
    const yaml_node_t *params;
    struct fit_error *error;
    bool shares_modulation; /* adaln_type lora */
    bool ok;
};

static const yaml_node_t *look_up(struct reading *r, const char *key)
{
    return fit_yaml_get(&r->yaml, r->params, key);
}

static void refuse(struct reading *r, const char *key, const char *expected)
{
    const yaml_node_t *node = look_up(r, key);
    const char *text = fit_yaml_text(node);
    r->ok = fit_fail(r->error, FIT_ERROR_MODEL, "%s: %s: expected %s, found %.80s", r->yaml.path,
                     key, expected, !node ? "nothing" : text ? text : "a list or a mapping");
}

/* The key's number, or `otherwise` when it is missing or null. */
static double read_number(struct reading *r, const char *key, double otherwise)
{
    const yaml_node_t *node = look_up(r, key);
    const char *text = fit_yaml_text(node);
    if (fit_yaml_is_null(node))
        return otherwise;
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !isfinite(value))
        refuse(r, key, "a number");
    return value;
}

static bool read_flag(struct reading *r, const char *key, bool otherwise)
{
    const yaml_node_t *node = look_up(r, key);
    const char *text = fit_yaml_text(node);
    if (fit_yaml_is_null(node))
        return otherwise;
    bool yes = text && !strcasecmp(text, "true"), no = text && !strcasecmp(text, "false");
    if (!yes && !no)
        refuse(r, key, "true or false");
    return yes;
}

/* A key of the table that stands for one value where it is missing, and null where it is null. */
static const char *read_word(struct reading *r, const char *key, const char *otherwise)
{
    const yaml_node_t *node = look_up(r, key);
    const char *text = fit_yaml_text(node);
    if (!fit_yaml_is_null(node))
        return text ? text : "";
    return node ? "null" : otherwise;
}

static const char *use_sit(const struct fit_config *config)
{
    return config->architecture == FIT_ARCHITECTURE_V1 ? "use_sit is false" : "use_sit is true";
}

/* Blocks with a modulation of their own only, adaln_type normal, go with either version; what they
 * have in common, lora, with the second alone. */
static void read_modulation(struct reading *r, const struct fit_config *config)
{
    const char *type = read_word(r, "adaln_type", "normal");
    bool v1 = config->architecture == FIT_ARCHITECTURE_V1;
    char expected[96];
    snprintf(expected, sizeof expected, "%s (%s)", v1 ? "normal" : "lora or normal",
             use_sit(config));
    r->shares_modulation = !v1 && !strcasecmp(type, "lora");
    if (!r->shares_modulation && strcasecmp(type, "normal"))
        refuse(r, "adaln_type", expected);
}

static void read_sizes(struct reading *r, struct fit_config *config)
{
    for (size_t i = 0; r->ok && i < COUNT(numbers); i++) {
        const struct number_key *key = &numbers[i];
        if (key->offset == offsetof(struct fit_config, lora_rank) && !r->shares_modulation)
            continue;
        if (fit_yaml_is_null(look_up(r, key->name))) {
            if (key->required)
                refuse(r, key->name, "a whole number");
            continue;
        }
        double value = read_number(r, key->name, 0);
        if (r->ok && !(value >= 1 && value <= 1 << 20 && value == floor(value)))
            refuse(r, key->name, "a whole number from 1 to 1048576");
        if (r->ok)
            *(int *)((char *)config + key->offset) = (int)value;
    }
}

static void check_fixed(struct reading *r, const struct fit_config *config)
{
    bool v1 = config->architecture == FIT_ARCHITECTURE_V1;
    for (size_t i = 0; r->ok && i < COUNT(fixed); i++) {
        const char *wanted = v1 ? fixed[i].v1 : fixed[i].v2;
        char expected[96];
        snprintf(expected, sizeof expected, "%s (%s)", wanted, use_sit(config));
        if (strcasecmp(read_word(r, fixed[i].name, fixed[i].otherwise), wanted))
            refuse(r, fixed[i].name, expected);
    }
}

static void read_norm(struct reading *r, struct fit_config *config)
{
    static const char *const keys[] = {"q_norm", "k_norm"};
    bool norm[2];
    for (int i = 0; i < 2; i++) {
        const yaml_node_t *node = look_up(r, keys[i]);
        const char *text = fit_yaml_text(node);
        norm[i] = !fit_yaml_is_null(node);
        if (r->ok && norm[i] && (!text || strcmp(text, "layernorm")))
            refuse(r, keys[i], "layernorm or null");
    }
    if (r->ok && norm[0] != norm[1])
        refuse(r, "k_norm", norm[0] ? "layernorm, as q_norm" : "null, as q_norm");
    config->qk_norm = norm[0];
}

/* SwiGLU's width: floor(2/3 of the plain network's), or all of it. */
static void read_mlp(struct reading *r, struct fit_config *config)
{
    double ratio = read_number(r, "mlp_ratio", 4);
    bool large = read_flag(r, "use_swiglu_large", false);
    if (r->ok && !(ratio > 0 && ratio <= 64))
        refuse(r, "mlp_ratio", "a number from 0 to 64");
    if (r->ok) {
        int plain = (int)(config->hidden * ratio);
        config->mlp_hidden = large ? plain : 2 * plain / 3;
    }
}

static void read_positions(struct reading *r, struct fit_config *config)
{
    const yaml_node_t *node = look_up(r, "custom_freqs");
    const char *name = fit_yaml_is_null(node) ? "normal" : fit_yaml_text(node);
    bool decoupled = read_flag(r, "decouple", false), found = false;
    for (size_t i = 0; name && i < COUNT(frequencies); i++) {
        if (strcmp(frequencies[i].name, name))
            continue;
        found = true;
        config->method = decoupled ? frequencies[i].decoupled : frequencies[i].coupled;
    }
    if (r->ok && !found)
        refuse(r, "custom_freqs",
               "normal, linear, ntk-aware, ntk-aware-pro1, ntk-aware-pro2, ntk-by-parts or yarn");
    double theta = read_number(r, "rope_theta", config->theta);
    if (r->ok)
        config->theta = theta;
    if (read_number(r, "time_shifting", 1) != 1 && r->ok)
        refuse(r, "time_shifting", "1");
}

static bool is_listed(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (!strcmp(numbers[i].name, name))
            return true;
    for (size_t i = 0; i < COUNT(fixed); i++)
        if (!strcmp(fixed[i].name, name))
            return true;
    return is_listed(read_apart, COUNT(read_apart), name) ||
           is_listed(of_training, COUNT(of_training), name);
}

static void note_unknown(struct reading *r, void (*note)(void *, const char *), void *data)
{
    const yaml_node_t *params = r->params;
    char sentence[1024 + 128];
    for (const yaml_node_pair_t *pair = params->data.mapping.pairs.start;
         pair < params->data.mapping.pairs.top; pair++) {
        const char *name =
            fit_yaml_text(yaml_document_get_node(&r->yaml.document, pair->key));
        if (name && is_known(name))
            continue;
        snprintf(sentence, sizeof sentence, "%s: the key %.80s is unknown and was ignored",
                 r->yaml.path, name ? name : "that is no text");
        note(data, sentence);
    }
}

static bool find_params(struct reading *r)
{
    const yaml_node_t *root = fit_yaml_root(&r->yaml);
    const yaml_node_t *network =
        fit_yaml_get(&r->yaml, fit_yaml_get(&r->yaml, root, "diffusion"), "network_config");
    if (!network)
        network = fit_yaml_get(&r->yaml, root, "network_config");
    r->params = fit_yaml_get(&r->yaml, network ? network : root, "params");
    if (r->params && r->params->type == YAML_MAPPING_NODE)
        return true;
    return fit_fail(r->error, FIT_ERROR_MODEL,
                    "%s: diffusion.network_config.params: expected a mapping, found %s",
                    r->yaml.path, r->params ? "something else" : "nothing");
}

bool fit_config_read_yaml(struct fit_config *config, const char *path,
                          void (*note)(void *data, const char *sentence), void *note_data,
                          struct fit_error *error)
{
    struct reading r = {.error = error, .ok = true};
    if (!fit_yaml_open(&r.yaml, path, error))
        return false;
    fit_config_defaults(config);
    r.ok = find_params(&r);
    if (r.ok && !read_flag(&r, "use_sit", false))
        config->architecture = FIT_ARCHITECTURE_V1;
    if (r.ok)
        check_fixed(&r, config);
    if (r.ok)
        read_modulation(&r, config);
    if (r.ok)
        read_sizes(&r, config);
    if (r.ok)
        read_norm(&r, config);
    if (r.ok)
        read_mlp(&r, config);
    if (r.ok)
        read_positions(&r, config);
    if (r.ok && note)
        note_unknown(&r, note, note_data);
    bool ok = r.ok;
    fit_yaml_close(&r.yaml);
    struct fit_error cause = {0};
    if (ok && !fit_config_check(config, &cause))
        ok = fit_fail(error, FIT_ERROR_MODEL, "%s: %s", path, cause.message);
    return ok;
}
