/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_config.c - the YAML file of a training run.
 *
 *     section:            model, data, batch, optimizer, schedule, run; or none
 *       key: scalar
 *     data:
 *       shapes: {SIDE: SHARE, ...}
 *     model:
 *       trained: [PART, ...]
 */
#include "train_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MOST_PICTURES = 100000000 };

enum kind { INT, LONG, SEED, REAL, FLAG, TEXT, PATH, PRECISION, METHOD, OBJECTIVE, TIMES };

/* Of model.objective: each has its own outputs of the network. */
static const char *const objectives[] = {
    [FIT_ARCHITECTURE_V2] = "rectified-flow",
    [FIT_ARCHITECTURE_V1] = "ddpm",
};

enum { NO_RANK_SAID = -1 };

struct key {
    const char *section, *name; /* section "" is the top level */
    enum kind kind;
    size_t offset, bytes;
    double low, high;
};

#define AT(member) \
    offsetof(struct train_config, member), sizeof(((struct train_config *)NULL)->member)

static const struct key keys[] = {
    {"", "name", TEXT, AT(name), 0, 0},
    {"", "description", TEXT, AT(description), 0, 0},
    {"", "licence", TEXT, AT(licence), 0, 0},
    {"", "seed", SEED, AT(seed), 0, 0},
    {"", "autoencoder", PATH, AT(autoencoder), 0, 0},
    {"model", "start", PATH, AT(start), 0, 0},
    {"model", "restart_trained", FLAG, AT(restart_trained), 0, 0},
    {"model", "objective", OBJECTIVE, AT(model.architecture), 0, 0},
    {"model", "hidden", INT, AT(model.hidden), 8, 16384},
    {"model", "depth", INT, AT(model.depth), 1, 256},
    {"model", "heads", INT, AT(model.heads), 1, 256},
    {"model", "mlp_hidden", INT, AT(model.mlp_hidden), 1, 65536},
    {"model", "lora_rank", INT, AT(model.lora_rank), 0, 16384},
    {"model", "n_classes", INT, AT(model.n_classes), 1, TRAIN_MAX_CLASSES},
    {"model", "channels", INT, AT(model.channels), 1, 64},
    {"model", "patch", INT, AT(model.patch), 1, 8},
    {"model", "qk_norm", FLAG, AT(model.qk_norm), 0, 0},
    {"model", "theta", REAL, AT(model.theta), 1, 1e9},
    {"model", "context_size", INT, AT(model.context_size), 1, 65536},
    {"model", "ori_max_pe_len", INT, AT(model.ori_max_pe_len), 1, 256},
    {"model", "method", METHOD, AT(model.method), 0, 0},
    {"data", "source", TEXT, AT(source), 0, 0},
    {"data", "folder", PATH, AT(folder), 0, 0},
    {"data", "crops", FLAG, AT(crops), 0, 0},
    {"data", "mirrored", FLAG, AT(mirrored), 0, 0},
    {"data", "pictures", INT, AT(pictures), 1, MOST_PICTURES},
    {"data", "first", INT, AT(first), 1, 100000000},
    {"data", "chunk", INT, AT(chunk), 1, 65536},
    {"data", "grow_every", INT, AT(grow_every), 1, 1000000},
    {"data", "cache", PATH, AT(cache), 0, 0},
    {"data", "squares", REAL, AT(squares), 0, 1},
    {"data", "aspect", REAL, AT(aspect), 1, 16},
    {"data", "validation", INT, AT(validation), 1, 4096},
    {"batch", "tokens", INT, AT(tokens), 1, 1 << 20},
    {"batch", "images", INT, AT(images), 0, 1 << 20},
    {"batch", "padded", FLAG, AT(padded), 0, 0},
    {"batch", "recompute", FLAG, AT(recompute), 0, 0},
    {"batch", "accumulate", INT, AT(accumulate), 1, 1024},
    {"optimizer", "learning_rate", REAL, AT(learning_rate), 0, 1},
    {"optimizer", "beta1", REAL, AT(beta1), 0, 0.9999999},
    {"optimizer", "beta2", REAL, AT(beta2), 0, 0.9999999},
    {"optimizer", "epsilon", REAL, AT(epsilon), 1e-30, 1},
    {"optimizer", "weight_decay", REAL, AT(weight_decay), 0, 1},
    {"optimizer", "clip", REAL, AT(clip), 1e-9, 1e9},
    {"optimizer", "ema_decay", REAL, AT(ema_decay), 0, 0.9999999},
    {"optimizer", "ema_ramp", FLAG, AT(ema_ramp), 0, 0},
    {"optimizer", "dropout", REAL, AT(dropout), 0, 1},
    {"optimizer", "uniform_times", TIMES, AT(times), 0, 0},
    {"optimizer", "precision", PRECISION, AT(precision), 0, 0},
    {"schedule", "steps", LONG, AT(steps), 1, 1e9},
    {"schedule", "warmup", LONG, AT(warmup), 0, 1e9},
    {"schedule", "cosine_from", REAL, AT(cosine_from), 0, 1},
    {"run", "checkpoint_minutes", REAL, AT(checkpoint_minutes), 0, 1e6},
    {"run", "sheet_minutes", REAL, AT(sheet_minutes), 0, 1e6},
    {"run", "stop_after_minutes", REAL, AT(stop_after_minutes), 0, 1e7},
    {"run", "keep", INT, AT(keep), 1, 1000},
    {"run", "validate_every", LONG, AT(validate_every), 1, 1e9},
    {"run", "log_every", LONG, AT(log_every), 1, 1e9},
    {"run", "sheet_steps", INT, AT(sheet_steps), 1, 1000},
    {"run", "sheet_guidance", REAL, AT(sheet_guidance), 1, 30},
};

void train_config_defaults(struct train_config *config)
{
    *config = (struct train_config){
        .name = "model",
        .licence = "Apache-2.0",
        .seed = 1,
        .model = {.hidden = 256, .depth = 8, .heads = 4, .mlp_hidden = 682, .lora_rank = 64,
                  .n_classes = 16, .channels = 8, .patch = 2, .qk_norm = true,
                  .context_size = 144, .ori_max_pe_len = 16, .theta = 10000.0,
                  .method = FIT_METHOD_NONE},
        .source = "scenes", .crops = true, .mirrored = true,
        .pictures = 65536, .first = 4096, .chunk = 256, .grow_every = 32, .aspect = 3.0,
        .squares = 0.3,
        .shape = {{0.75, 128}, {0.25, 192}}, .n_shapes = 2, .validation = 64,
        .tokens = 2048, .accumulate = 1,
        .learning_rate = 2e-3, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8,
        .weight_decay = 0.0, .clip = 1.0,
        .steps = 20000, .warmup = 200, .cosine_from = 0.5,
        .ema_decay = 0.999, .ema_ramp = true, .dropout = 0.1,
        .precision = FIT_PRECISION_AUTO,
        .checkpoint_minutes = 5, .sheet_minutes = 10, .keep = 2,
        .validate_every = 250, .log_every = 20, .sheet_steps = 20, .sheet_guidance = 2.5,
    };
}

static const struct key *find(const char *section, const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

static bool number(const char *text, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end != text && !*end && !errno;
}

static bool flag(const char *text, bool *out)
{
    *out = !strcmp(text, "true") || !strcmp(text, "yes");
    return *out || !strcmp(text, "false") || !strcmp(text, "no");
}

static bool parse_objective(const char *text, enum fit_architecture *out)
{
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++)
        if (!strcmp(text, objectives[i])) {
            *out = (enum fit_architecture)i;
            return true;
        }
    return false;
}

static bool parse_times(const char *text, enum train_times *out)
{
    bool uniform;
    if (!flag(text, &uniform))
        return false;
    *out = uniform ? TRAIN_TIMES_UNIFORM : TRAIN_TIMES_LOGIT_NORMAL;
    return true;
}

/* A relative path starts at the folder of the configuration file. */
static bool path_join(char *out, size_t bytes, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    int folder = *path == '/' || !slash ? 0 : (int)(slash - file + 1);
    int n = snprintf(out, bytes, "%.*s%s", folder, file, path);
    return n >= 0 && (size_t)n < bytes;
}

static bool store_number(void *at, const struct key *key, double v)
{
    if (v < key->low || v > key->high || (key->kind != REAL && v != (double)(int64_t)v))
        return false;
    if (key->kind == INT)
        *(int *)at = (int)v;
    else if (key->kind == LONG)
        *(int64_t *)at = (int64_t)v;
    else
        *(double *)at = v;
    return true;
}

static bool store(struct train_config *config, const struct key *key, const char *file,
                  const char *text)
{
    void *at = (char *)config + key->offset;
    char *end;
    double v;
    int n;
    switch (key->kind) {
    case TEXT:
        n = snprintf(at, key->bytes, "%s", text);
        return n >= 0 && (size_t)n < key->bytes;
    case PATH: return path_join(at, key->bytes, file, text);
    case FLAG: return flag(text, at);
    case PRECISION: return fit_precision_parse(text, at);
    case OBJECTIVE: return parse_objective(text, at);
    case TIMES: return parse_times(text, at);
    case METHOD:
        return fit_method_parse(text, at) && *(enum fit_method *)at != FIT_METHOD_AUTO;
    case SEED:
        errno = 0;
        *(uint64_t *)at = strtoull(text, &end, 10);
        return *text >= '0' && *text <= '9' && !*end && !errno;
    default: return number(text, &v) && store_number(at, key, v);
    }
}

static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static bool read_shapes(struct train_config *config, yaml_document_t *doc,
                        const yaml_node_t *node, const char *file, struct fit_error *e)
{
    if (!node || node->type != YAML_MAPPING_NODE)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: data.shapes is not a mapping SIDE: SHARE",
                        file);
    config->n_shapes = 0;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const char *side = scalar(yaml_document_get_node(doc, p->key));
        const char *share = scalar(yaml_document_get_node(doc, p->value));
        double s, f;
        if (config->n_shapes == TRAIN_MAX_SHAPES || !side || !share || !number(side, &s) ||
            !number(share, &f) || s < 16 || s > 4096 || f <= 0)
            return fit_fail(e, FIT_ERROR_ARGUMENT,
                            "%s: data.shapes holds up to %d entries of a side of 16 to 4096 "
                            "pixels and a share above 0, found %s: %s",
                            file, TRAIN_MAX_SHAPES, side ? side : "?", share ? share : "?");
        config->shape[config->n_shapes++] = (struct train_shape){f, (int)s};
    }
    if (!config->n_shapes)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: data.shapes is empty", file);
    return true;
}

static bool read_trained(struct train_config *config, yaml_document_t *doc,
                         const yaml_node_t *node, const char *file, struct fit_error *e)
{
    struct fit_name_parts *parts = &config->trained;
    if (!node || node->type != YAML_SEQUENCE_NODE)
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: model.trained is not a list of parts of names",
                        file);
    parts->n = 0;
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        const char *text = scalar(yaml_document_get_node(doc, *item));
        if (parts->n == FIT_NAME_PARTS || !text || !*text || strlen(text) >= FIT_NAME_PART_BYTES)
            return fit_fail(e, FIT_ERROR_ARGUMENT,
                            "%s: model.trained holds up to %d parts of names of 1 to %d bytes, "
                            "found %s",
                            file, FIT_NAME_PARTS, FIT_NAME_PART_BYTES - 1, text ? text : "a list");
        strcpy(parts->part[parts->n++], text);
    }
    return true;
}

/* The keys whose values are not scalars; *ours tells whether `name` is one of them. */
static bool read_collection(struct train_config *config, yaml_document_t *doc,
                            const yaml_node_t *value, const char *section, const char *name,
                            const char *file, bool *ours, struct fit_error *e)
{
    bool shapes = !strcmp(section, "data") && !strcmp(name, "shapes");
    bool trained = !strcmp(section, "model") && !strcmp(name, "trained");
    *ours = shapes || trained;
    return !*ours || (shapes ? read_shapes(config, doc, value, file, e)
                             : read_trained(config, doc, value, file, e));
}

static bool read_mapping(struct train_config *config, yaml_document_t *doc,
                         const yaml_node_t *node, const char *section, const char *file,
                         struct fit_error *e)
{
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const char *name = scalar(yaml_document_get_node(doc, p->key));
        const yaml_node_t *value = yaml_document_get_node(doc, p->value);
        if (name && value && value->type == YAML_MAPPING_NODE && !*section) {
            if (!read_mapping(config, doc, value, name, file, e))
                return false;
            continue;
        }
        bool done = false;
        if (name && !read_collection(config, doc, value, section, name, file, &done, e))
            return false;
        if (done)
            continue;
        const struct key *key = name ? find(section, name) : NULL;
        const char *text = scalar(value);
        if (!key)
            return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: unknown key %s%s%s", file, section,
                            *section ? "." : "", name ? name : "(not a name)");
        if (!text || !store(config, key, file, text))
            return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: %s%s%s cannot be %s", file, section,
                            *section ? "." : "", name, text ? text : "a list or a mapping");
    }
    return true;
}

static int largest_tokens(const struct train_config *config)
{
    int largest = 0;
    for (int i = 0; i < config->n_shapes; i++) {
        int side = config->shape[i].side / 16;
        largest = side * side > largest ? side * side : largest;
    }
    return largest;
}

/* What a file does not say follows from the rest of it; what one about other data than scenes does
 * not say, the data will. */
static void complete(struct train_config *config)
{
    struct train_config defaults;
    bool scenes = !strcmp(config->source, "scenes");
    train_config_defaults(&defaults);
    if (!config->model.context_size)
        config->model.context_size = largest_tokens(config);
    if (!config->pictures)
        config->pictures = scenes ? defaults.pictures : MOST_PICTURES;
    if (!config->model.n_classes && scenes)
        config->model.n_classes = defaults.model.n_classes;
    if (config->model.lora_rank == NO_RANK_SAID)
        config->model.lora_rank =
            config->model.architecture == FIT_ARCHITECTURE_V1 ? 0 : defaults.model.lora_rank;
}

/* What the objective leaves no choice about. */
static bool check_objective(const struct train_config *c, const char *file, struct fit_error *e)
{
    if (c->model.architecture != FIT_ARCHITECTURE_V1)
        return true;
    if (c->times == TRAIN_TIMES_LOGIT_NORMAL)
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "%s: optimizer.uniform_times is false; with model.objective ddpm the times "
                        "are the steps of its chain, each as likely",
                        file);
    return !c->model.lora_rank ||
           fit_fail(e, FIT_ERROR_ARGUMENT,
                    "%s: model.lora_rank is %d; with model.objective ddpm it is 0, every block "
                    "having a whole modulation",
                    file, c->model.lora_rank);
}

/* What no single key can show. */
static bool consistent(const struct train_config *c, const char *file, struct fit_error *e)
{
    if (strcmp(c->source, "scenes") && !c->folder[0])
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: data.source %s needs a data.folder", file,
                        c->source);
    for (int i = 0; i < c->n_shapes; i++) {
        int across = c->shape[i].side / 16;
        if (across * across > c->tokens)
            return fit_fail(e, FIT_ERROR_ARGUMENT,
                            "%s: batch.tokens %d does not hold a picture of %dx%d pixels (%d)",
                            file, c->tokens, c->shape[i].side, c->shape[i].side, across * across);
    }
    if (!c->autoencoder[0])
        return fit_fail(e, FIT_ERROR_ARGUMENT, "%s: autoencoder is missing", file);
    if (c->restart_trained && !(c->start[0] && c->trained.n))
        return fit_fail(e, FIT_ERROR_ARGUMENT,
                        "%s: model.restart_trained goes with model.start and model.trained", file);
    if (!check_objective(c, file, e))
        return false;
    struct fit_config model = c->model;
    model.n_classes = model.n_classes ? model.n_classes : 1;
    return fit_config_check(&model, e);
}

bool train_config_load(struct train_config *config, const char *path, struct fit_error *e)
{
    train_config_defaults(config);
    config->pictures = config->model.n_classes = config->model.context_size = 0;
    config->model.lora_rank = NO_RANK_SAID;
    FILE *file = fopen(path, "rb");
    if (!file)
        return fit_fail(e, FIT_ERROR_FILE, "%s: %s", path, strerror(errno));
    yaml_parser_t parser;
    yaml_document_t doc;
    bool ok = false;
    if (!yaml_parser_initialize(&parser)) {
        fclose(file);
        return fit_fail(e, FIT_ERROR_MEMORY, "%s: out of memory", path);
    }
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &doc)) {
        fit_fail(e, FIT_ERROR_FILE, "%s: line %zu: %s", path, parser.problem_mark.line + 1,
                 parser.problem ? parser.problem : "not YAML");
    } else {
        const yaml_node_t *root = yaml_document_get_root_node(&doc);
        if (!root || root->type != YAML_MAPPING_NODE)
            fit_fail(e, FIT_ERROR_FILE, "%s: not a mapping of keys", path);
        else
            ok = read_mapping(config, &doc, root, "", path, e);
        complete(config);
        ok = ok && consistent(config, path, e);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return ok;
}

/* The folder that a path starts from may move between two runs. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void train_config_identity(const struct train_config *c, char *text, size_t bytes)
{
    const struct fit_config *m = &c->model;
    int n = snprintf(
        text, bytes,
        "seed %llu; start %s; model %d %d %d %d %d %d %d %d %d %g; data %s %d %d %d %d %g %g;"
        " batch %d %d; adamw %g %g %g %g clip %g; ema %g %d; dropout %g; shapes",
        (unsigned long long)c->seed, base_name(c->start), m->hidden, m->depth, m->heads,
        m->mlp_hidden, m->lora_rank, m->n_classes, m->channels, m->patch, (int)m->qk_norm, m->theta,
        c->source, c->pictures, c->first, c->chunk, c->grow_every, c->aspect, c->squares, c->tokens,
        c->accumulate, c->beta1, c->beta2, c->epsilon, c->weight_decay, c->clip, c->ema_decay,
        (int)c->ema_ramp, c->dropout);
    for (int i = 0; i < c->n_shapes && n > 0 && (size_t)n < bytes; i++)
        n += snprintf(text + n, bytes - (size_t)n, " %d:%g", c->shape[i].side, c->shape[i].share);
    if (strcmp(c->source, "scenes") && n > 0 && (size_t)n < bytes)
        n += snprintf(text + n, bytes - (size_t)n, "; crops %d mirrored %d", (int)c->crops,
                      (int)c->mirrored);
    if ((c->images || c->padded) && n > 0 && (size_t)n < bytes)
        n += snprintf(text + n, bytes - (size_t)n, "; images %d padded %d", c->images,
                      (int)c->padded);
    /* What a plain run does not have is left out: its checkpoints are older than these keys. */
    if (m->method != FIT_METHOD_NONE && n > 0 && (size_t)n < bytes)
        n += snprintf(text + n, bytes - (size_t)n, "; method %s %d", fit_method_name(m->method),
                      m->ori_max_pe_len);
    for (int i = 0; i < c->trained.n && n > 0 && (size_t)n < bytes; i++)
        n += snprintf(text + n, bytes - (size_t)n, "%s %s%s", i ? "" : "; trained",
                      c->trained.part[i], c->restart_trained ? " anew" : "");
    bool ddpm = m->architecture == FIT_ARCHITECTURE_V1;
    if ((ddpm || c->times == TRAIN_TIMES_UNIFORM) && n > 0 && (size_t)n < bytes)
        snprintf(text + n, bytes - (size_t)n, ddpm ? "; ddpm" : "; uniform times");
}
