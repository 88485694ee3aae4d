/* SPDX-License-Identifier: Apache-2.0 */
#include "rope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a method does to the frequencies and to the attention, and whether each axis is stretched
 * by its own length. */
enum stretching { NONE, PI, NTK, NTK_BY_PARTS, YARN };
enum scaling { UNSCALED, BY_YARN, BY_SIDE, BY_AREA };

static const struct method {
    const char *name;
    enum stretching stretching;
    enum scaling scaling;
    bool decoupled;
} methods[FIT_N_METHODS] = {
    [FIT_METHOD_AUTO] = {"auto", NONE, UNSCALED, false},
    [FIT_METHOD_NONE] = {"none", NONE, UNSCALED, false},
    [FIT_METHOD_PI] = {"pi", PI, UNSCALED, false},
    [FIT_METHOD_NTK] = {"ntk", NTK, UNSCALED, false},
    [FIT_METHOD_NTK_BY_PARTS] = {"ntk-by-parts", NTK_BY_PARTS, UNSCALED, false},
    [FIT_METHOD_YARN] = {"yarn", YARN, BY_YARN, false},
    [FIT_METHOD_NTK_PRO1] = {"ntk-pro1", NTK, BY_SIDE, false},
    [FIT_METHOD_NTK_PRO2] = {"ntk-pro2", NTK, BY_AREA, false},
    [FIT_METHOD_VISION_PI] = {"vision-pi", PI, UNSCALED, true},
    [FIT_METHOD_VISION_NTK] = {"vision-ntk", NTK, UNSCALED, true},
    [FIT_METHOD_VISION_NTK_BY_PARTS] = {"vision-ntk-by-parts", NTK_BY_PARTS, UNSCALED, true},
    [FIT_METHOD_VISION_YARN] = {"vision-yarn", YARN, BY_YARN, true},
    [FIT_METHOD_VISION_NTK_PRO1] = {"vision-ntk-pro1", NTK, BY_SIDE, true},
    [FIT_METHOD_VISION_NTK_PRO2] = {"vision-ntk-pro2", NTK, BY_AREA, true},
};

const char *fit_method_name(enum fit_method method)
{
    return (unsigned)method < FIT_N_METHODS ? methods[method].name : "unknown";
}

bool fit_method_parse(const char *name, enum fit_method *out)
{
    for (int i = 0; i < FIT_N_METHODS; i++)
        if (strcmp(name, methods[i].name) == 0) {
            *out = (enum fit_method)i;
            return true;
        }
    return false;
}

enum fit_method fit_rope_method(const struct fit_config *config, enum fit_method method, int rows,
                                int columns)
{
    if (method != FIT_METHOD_AUTO)
        return method;
    if (config->method != FIT_METHOD_NONE && config->method != FIT_METHOD_AUTO)
        return config->method;
    if (rows <= config->ori_max_pe_len && columns <= config->ori_max_pe_len)
        return FIT_METHOD_NONE;
    return rows * columns > config->context_size ? FIT_METHOD_VISION_NTK_PRO2
                                                 : FIT_METHOD_VISION_NTK;
}

void fit_rope_stretch(const struct fit_config *config, enum fit_method method, int rows,
                      int columns, double *row_stretch, double *column_stretch)
{
    const struct method *m = &methods[fit_rope_method(config, method, rows, columns)];
    double trained = config->ori_max_pe_len;
    double longer = rows > columns ? rows : columns;
    *row_stretch = fmax((m->decoupled ? rows : longer) / trained, 1);
    *column_stretch = fmax((m->decoupled ? columns : longer) / trained, 1);
}

/* The square root of the factor on the logits: ln(2 now) / ln(trained) in the released code, whose
 * 2 keeps it above 1 even at the trained size; ln(now) / ln(trained) in the paper. */
static double log_ratio(const struct fit_config *config, double now, double trained)
{
    if (config->attention_scale == FIT_ATTENTION_SCALE_CODE)
        now *= 2;
    return now > trained && trained > 1 ? sqrt(log(now) / log(trained)) : 1;
}

double fit_rope_multiplier(const struct fit_config *config, enum fit_method method, int rows,
                           int columns)
{
    double trained = config->ori_max_pe_len;
    double longer = rows > columns ? rows : columns;
    switch (methods[fit_rope_method(config, method, rows, columns)].scaling) {
    case BY_YARN:
        return 0.1 * log(fmax(longer / trained, 1)) + 1;
    case BY_SIDE:
        return log_ratio(config, longer, trained);
    case BY_AREA:
        return log_ratio(config, (double)rows * columns, trained * trained);
    case UNSCALED:
        break;
    }
    return 1;
}

/* The index j whose frequency turns `turns` times over the trained length (YaRN, arXiv
 * 2309.00071, section 3.2, on the axis's own mD dimensions). */
static double turning_index(const struct fit_config *config, int width, double turns)
{
    return width * log(config->ori_max_pe_len / (2 * M_PI * turns)) / (2 * log(config->theta));
}

/* 1 where the frequency is kept as it is, falling to 0 between the two indices. */
static double keep(const struct fit_config *config, int width, double fast, double slow, int j)
{
    double low = fmax(floor(turning_index(config, width, fast)), 0);
    double high = fmin(ceil(turning_index(config, width, slow)), width - 1);
    if (low == high)
        high += 0.001;
    return 1 - fmin(fmax((j - low) / (high - low), 0), 1);
}

static double mix(double a, double b, double of_b)
{
    return a * (1 - of_b) + b * of_b;
}

void fit_rope_frequencies(double *frequency, const struct fit_config *config,
                          enum fit_method method, double stretch)
{
    int width = fit_config_head_width(config) / 2;
    double theta = config->theta;
    double ntk_theta = width > 2 ? theta * pow(stretch, width / (width - 2.0)) : theta;
    for (int j = 0; j < width / 2; j++) {
        double exponent = -2.0 * j / width;
        double plain = pow(theta, exponent), ntk = pow(ntk_theta, exponent);
        double squeezed = plain / stretch;
        switch (methods[method].stretching) {
        case NONE:
            frequency[j] = plain;
            break;
        case PI:
            frequency[j] = squeezed;
            break;
        case NTK:
            frequency[j] = ntk;
            break;
        case NTK_BY_PARTS:
            frequency[j] = mix(mix(squeezed, ntk, keep(config, width, 1.25, 0.75, j)), plain,
                               keep(config, width, 16, 2, j));
            break;
        case YARN:
            frequency[j] = mix(squeezed, plain, keep(config, width, 32, 1, j));
            break;
        }
    }
}

/* cosine and sine [length][J] of one axis, times the multiplier. */
static void fill_axis(float *cosine, float *sine, const double *frequency, int pairs, int length,
                      double multiplier)
{
    for (int i = 0; i < length; i++)
        for (int j = 0; j < pairs; j++) {
            double angle = i * frequency[j];
            cosine[i * pairs + j] = (float)(multiplier * cos(angle));
            sine[i * pairs + j] = (float)(multiplier * sin(angle));
        }
}

static void spread(float *table, const float *row, const float *column, int rows, int columns,
                   int pairs)
{
    size_t bytes = (size_t)pairs * sizeof *table;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            memcpy(table, row + i * pairs, bytes);
            memcpy(table + pairs, column + j * pairs, bytes);
            table += 2 * pairs;
        }
}

bool fit_rope_table(float *cosine, float *sine, const struct fit_config *config,
                    enum fit_method method, int rows, int columns)
{
    if (rows < 1 || columns < 1 || rows > FIT_MAX_AXIS || columns > FIT_MAX_AXIS)
        return false;
    method = fit_rope_method(config, method, rows, columns);
    int pairs = fit_config_head_width(config) / 4;
    double stretch[2], multiplier = fit_rope_multiplier(config, method, rows, columns);
    fit_rope_stretch(config, method, rows, columns, &stretch[0], &stretch[1]);

    size_t values = (size_t)(rows + columns) * (size_t)pairs;
    double *frequency = malloc((size_t)pairs * sizeof *frequency);
    float *axis = malloc(2 * values * sizeof *axis);
    bool ok = frequency && axis;
    if (ok) {
        float *c[2] = {axis, axis + rows * pairs}, *s[2] = {axis + values, NULL};
        s[1] = s[0] + rows * pairs;
        for (int i = 0; i < 2; i++) {
            fit_rope_frequencies(frequency, config, method, stretch[i]);
            fill_axis(c[i], s[i], frequency, pairs, i == 0 ? rows : columns, multiplier);
        }
        spread(cosine, c[0], c[1], rows, columns, pairs);
        spread(sine, s[0], s[1], rows, columns, pairs);
    }
    free(frequency);
    free(axis);
    return ok;
}
