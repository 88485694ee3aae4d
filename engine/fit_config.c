/* SPDX-License-Identifier: Apache-2.0 */
#include "fit_config.h"

#include <math.h>
#include <string.h>

#include "fit_weights.h"

void fit_config_defaults(struct fit_config *config)
{
    *config = (struct fit_config){
        .n_classes = 1000,
        .channels = 4,
        .patch = 2,
        .qk_norm = true,
        .context_size = 256,
        .ori_max_pe_len = 16,
        .theta = 10000,
        .method = FIT_METHOD_NONE,
    };
}

static const struct preset {
    const char *name;
    enum fit_architecture architecture;
    int hidden, depth, heads, context_size;
    enum fit_method method;
} presets[] = {
    {"fitv2-b", FIT_ARCHITECTURE_V2, 768, 15, 12, 256, FIT_METHOD_NONE},
    {"fitv2-xl", FIT_ARCHITECTURE_V2, 1152, 36, 16, 256, FIT_METHOD_NONE},
    {"fitv2-3b", FIT_ARCHITECTURE_V2, 2304, 40, 24, 256, FIT_METHOD_NONE},
    {"fitv2-hr-xl", FIT_ARCHITECTURE_V2, 1152, 36, 16, 1024, FIT_METHOD_VISION_NTK},
    {"fitv2-hr-3b", FIT_ARCHITECTURE_V2, 2304, 40, 24, 1024, FIT_METHOD_VISION_NTK},
    {"fit-b", FIT_ARCHITECTURE_V1, 768, 12, 12, 256, FIT_METHOD_NONE},
    {"fit-xl", FIT_ARCHITECTURE_V1, 1152, 28, 16, 256, FIT_METHOD_NONE},
};
enum { N_PRESETS = sizeof presets / sizeof *presets };

bool fit_config_preset(struct fit_config *config, const char *name)
{
    for (int i = 0; i < N_PRESETS; i++) {
        const struct preset *p = &presets[i];
        if (strcmp(p->name, name) != 0)
            continue;
        bool v1 = p->architecture == FIT_ARCHITECTURE_V1;
        fit_config_defaults(config);
        config->architecture = p->architecture;
        config->qk_norm = !v1;
        config->hidden = p->hidden;
        config->depth = p->depth;
        config->heads = p->heads;
        config->mlp_hidden = v1 ? 4 * p->hidden : 2 * (4 * p->hidden) / 3;
        config->lora_rank = v1 ? 0 : p->hidden / 4;
        config->context_size = p->context_size;
        config->method = p->method;
        return true;
    }
    return false;
}

const char *fit_config_preset_name(size_t i)
{
    return i < N_PRESETS ? presets[i].name : NULL;
}

static const char *const architectures[] = {"fitv2", "fitv1"};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures };

const char *fit_architecture_name(enum fit_architecture architecture)
{
    return (unsigned)architecture < N_ARCHITECTURES ? architectures[architecture] : "unknown";
}

bool fit_architecture_parse(const char *name, enum fit_architecture *out)
{
    for (int i = 0; i < N_ARCHITECTURES; i++)
        if (strcmp(name, architectures[i]) == 0) {
            *out = (enum fit_architecture)i;
            return true;
        }
    return false;
}

struct fit_config fit_config_with_positions(const struct fit_config *config,
                                            enum fit_attention_scale scale, int ori_max_pe_len)
{
    struct fit_config own = *config;
    own.attention_scale = scale;
    if (ori_max_pe_len)
        own.ori_max_pe_len = ori_max_pe_len;
    return own;
}

bool fit_config_has_solver(const struct fit_config *config, enum fit_solver solver)
{
    bool chain = solver == FIT_SOLVER_DDPM || solver == FIT_SOLVER_DDIM;
    return chain == (config->architecture == FIT_ARCHITECTURE_V1);
}

enum fit_solver fit_config_quick_solver(const struct fit_config *config)
{
    return config->architecture == FIT_ARCHITECTURE_V1 ? FIT_SOLVER_DDIM : FIT_SOLVER_EULER;
}

/* t is bounded before it is shifted: beyond 1 a shift below 1 runs into a pole. */
float fit_config_told_time(const struct fit_config *config, float t, double shift, bool clamp)
{
    if (config->architecture == FIT_ARCHITECTURE_V1)
        return clamp ? fminf(t, 1) : t;
    double bounded = fminf(t, 1);
    return shift == 1 ? (float)bounded : (float)(shift * bounded / (1 + (shift - 1) * bounded));
}

/* The bounds keep every product of two sizes within 31 bits and that of all within 63. */
static bool check_sizes(const struct fit_config *k, struct fit_error *e)
{
    bool v1 = k->architecture == FIT_ARCHITECTURE_V1;
    const struct {
        const char *name;
        int value, least, most;
    } bounds[] = {
        {"hidden", k->hidden, 1, 16384},
        {"depth", k->depth, 1, 256},
        {"heads", k->heads, 1, 256},
        {"mlp_hidden", k->mlp_hidden, 1, 65536},
        {"lora_rank", k->lora_rank, 0, v1 ? 0 : 16384},
        {"n_classes", k->n_classes, 1, 100000},
        {"channels", k->channels, 1, 64},
        {"patch", k->patch, 1, 8},
        {"context_size", k->context_size, 1, FIT_MAX_AXIS * FIT_MAX_AXIS},
        {"ori_max_pe_len", k->ori_max_pe_len, 1, FIT_MAX_AXIS},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (bounds[i].value < bounds[i].least || bounds[i].value > bounds[i].most)
            return fit_fail(e, FIT_ERROR_MODEL, "%s is %d; it must lie in %d..%d", bounds[i].name,
                            bounds[i].value, bounds[i].least, bounds[i].most);
    return true;
}

bool fit_config_check(const struct fit_config *k, struct fit_error *e)
{
    if ((unsigned)k->architecture >= N_ARCHITECTURES)
        return fit_fail(e, FIT_ERROR_MODEL, "architecture %d does not exist",
                        (int)k->architecture);
    if (!check_sizes(k, e))
        return false;
    if (k->hidden % k->heads != 0 || k->hidden / k->heads % 4 != 0)
        return fit_fail(e, FIT_ERROR_MODEL,
                        "hidden is %d with %d heads; a head must be a multiple of 4 wide",
                        k->hidden, k->heads);
    if (k->guided_channels < 0 || k->guided_channels > k->channels)
        return fit_fail(e, FIT_ERROR_MODEL, "guided_channels is %d; it must lie in 0..%d",
                        k->guided_channels, k->channels);
    if (!(k->theta > 1) || !isfinite(k->theta))
        return fit_fail(e, FIT_ERROR_MODEL, "theta is %g; it must be above 1", k->theta);
    if (k->method <= FIT_METHOD_AUTO || k->method >= FIT_N_METHODS)
        return fit_fail(e, FIT_ERROR_MODEL, "method is %d; it must be that of the training",
                        (int)k->method);
    if ((unsigned)k->attention_scale >= FIT_N_ATTENTION_SCALES)
        return fit_fail(e, FIT_ERROR_MODEL, "attention_scale %d does not exist",
                        (int)k->attention_scale);
    return true;
}

int fit_config_features(const struct fit_config *config)
{
    return config->channels * config->patch * config->patch;
}

int fit_config_outputs(const struct fit_config *config)
{
    return fit_config_features(config) * (config->architecture == FIT_ARCHITECTURE_V1 ? 2 : 1);
}

int fit_config_guided_features(const struct fit_config *config)
{
    int channels = config->guided_channels;
    if (channels == 0)
        channels = config->channels == 4 ? 3 : config->channels;
    return channels * config->patch * config->patch;
}

int fit_config_head_width(const struct fit_config *config)
{
    return config->hidden / config->heads;
}

bool fit_config_shares_modulation(const struct fit_config *config)
{
    return config->lora_rank > 0;
}

uint64_t fit_config_parameters(const struct fit_config *config)
{
    uint64_t total = 0;
    struct fit_tensor_spec spec;
    for (size_t i = 0; fit_weights_spec(config, i, &spec); i++)
        total += spec.n_values;
    return total;
}

uint64_t fit_config_macs(const struct fit_config *config, int tokens, bool with_attention)
{
    uint64_t d = (uint64_t)config->hidden, m = (uint64_t)config->mlp_hidden;
    uint64_t n = (uint64_t)tokens, depth = (uint64_t)config->depth;
    uint64_t ends =
        d * (uint64_t)(fit_config_features(config) + fit_config_outputs(config));
    uint64_t attention = with_attention ? 2 * n * d : 0;
    return n * (ends + depth * (4 * d * d + 3 * d * m + attention));
}

static const char *const precision_names[] = {"auto", "f32", "bf16"};
enum { N_PRECISIONS = sizeof precision_names / sizeof *precision_names };

const char *fit_precision_name(enum fit_precision precision)
{
    return (unsigned)precision < N_PRECISIONS ? precision_names[precision] : "unknown";
}

bool fit_precision_parse(const char *name, enum fit_precision *out)
{
    for (int i = 0; i < N_PRECISIONS; i++)
        if (strcmp(name, precision_names[i]) == 0) {
            *out = (enum fit_precision)i;
            return true;
        }
    return false;
}
