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
    int hidden, depth, heads, context_size;
    enum fit_method method;
} presets[] = {
    {"fitv2-b", 768, 15, 12, 256, FIT_METHOD_NONE},
    {"fitv2-xl", 1152, 36, 16, 256, FIT_METHOD_NONE},
    {"fitv2-3b", 2304, 40, 24, 256, FIT_METHOD_NONE},
    {"fitv2-hr-xl", 1152, 36, 16, 1024, FIT_METHOD_VISION_NTK},
    {"fitv2-hr-3b", 2304, 40, 24, 1024, FIT_METHOD_VISION_NTK},
};
enum { N_PRESETS = sizeof presets / sizeof *presets };

bool fit_config_preset(struct fit_config *config, const char *name)
{
    for (int i = 0; i < N_PRESETS; i++) {
        const struct preset *p = &presets[i];
        if (strcmp(p->name, name) != 0)
            continue;
        fit_config_defaults(config);
        config->hidden = p->hidden;
        config->depth = p->depth;
        config->heads = p->heads;
        config->mlp_hidden = 2 * (4 * p->hidden) / 3;
        config->lora_rank = p->hidden / 4;
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

/* The bounds keep every product of two sizes within 31 bits and that of all within 63. */
bool fit_config_check(const struct fit_config *k, struct fit_error *e)
{
    const struct {
        const char *name;
        int value, most;
    } bounds[] = {
        {"hidden", k->hidden, 16384},
        {"depth", k->depth, 256},
        {"heads", k->heads, 256},
        {"mlp_hidden", k->mlp_hidden, 65536},
        {"lora_rank", k->lora_rank, 16384},
        {"n_classes", k->n_classes, 100000},
        {"channels", k->channels, 64},
        {"patch", k->patch, 8},
        {"context_size", k->context_size, FIT_MAX_AXIS * FIT_MAX_AXIS},
        {"ori_max_pe_len", k->ori_max_pe_len, FIT_MAX_AXIS},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (bounds[i].value < 1 || bounds[i].value > bounds[i].most)
            return fit_fail(e, FIT_ERROR_MODEL, "%s is %d; it must lie in 1..%d", bounds[i].name,
                            bounds[i].value, bounds[i].most);
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
    return true;
}

int fit_config_features(const struct fit_config *config)
{
    return config->channels * config->patch * config->patch;
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
    uint64_t ends = 2 * d * (uint64_t)fit_config_features(config);
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
