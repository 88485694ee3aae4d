/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli loss: what training lowers, of pictures that no training saw, for every size and method
 * of stretching positions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "fit/fit-measure.h"
#include "lists.h"
#include "paint.h"
#include "subjects.h"

/* Over the pictures of one size and method. */
struct mean {
    double loss, error; /* of the mean: the standard deviation over the square root of the number */
};

struct loss {
    struct common common;
    const char *sizes_text, *methods_text;
    int pictures;
    bool uniform_times;
    uint64_t seed;

    struct session session;
    struct subjects subjects;
    struct size size[LIST_MOST_SIZES];
    enum fit_method method[FIT_N_METHODS];
    int n_sizes, n_methods;
    struct mean mean[LIST_MOST_SIZES][FIT_N_METHODS];
};

static int common_divisor(int a, int b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* Where the time of picture i is among n: each place once, and neighbours, which are of other
 * classes, far apart. */
static int place_of(int i, int n)
{
    int stride = (int)(n * 0.618) + 1; /* near the golden section */
    while (common_divisor(stride, n) > 1)
        stride++;
    return (int)((int64_t)i * stride % n);
}

/* Adds a picture's loss with every method to the sums, and its square. */
static bool measure_picture(struct loss *l, int i, struct size size, struct mean *sums,
                            struct fit_error *error)
{
    double share = (place_of(i, l->pictures) + 0.5) / l->pictures;
    struct fit_velocity_params params = {
        .width = size.width, .height = size.height, .batch = 1,
        .t = l->uniform_times ? share : fit_loss_time(share),
        .class_id = subjects_class(&l->subjects, i), .guidance = 1};
    float *latent = subjects_draw(&l->subjects, &l->session, l->seed, i, size, error);
    bool ok = latent != NULL;
    for (int m = 0; ok && m < l->n_methods; m++) {
        double loss;
        params.method = l->method[m];
        ok = stop_was_asked()
                 ? set_error(error, FIT_ERROR_CANCELLED, "stopped at picture %d of %d", i,
                             l->pictures)
                 : fit_model_loss(l->session.model, &params, latent, l->seed + (uint64_t)i, &loss,
                                  error);
        if (ok) {
            sums[m].loss += loss;
            sums[m].error += loss * loss;
        }
    }
    free(latent);
    return ok;
}

static bool measure_size(struct loss *l, struct size size, struct mean *mean,
                         struct fit_error *error)
{
    double n = l->pictures;
    for (int i = 0; i < l->pictures; i++)
        if (!measure_picture(l, i, size, mean, error))
            return false;
    for (int m = 0; m < l->n_methods; m++) {
        mean[m].loss /= n;
        double variance = mean[m].error / n - mean[m].loss * mean[m].loss;
        mean[m].error = n > 1 ? sqrt(fmax(variance, 0) / (n - 1)) : 0;
    }
    return true;
}

static bool measure(struct loss *l, struct fit_error *error)
{
    if (!list_methods(l->methods_text, l->method, &l->n_methods, error) ||
        (l->sizes_text && !list_sizes(l->sizes_text, l->size, &l->n_sizes, error)) ||
        !session_open(&l->session, &l->common, error))
        return false;
    if (!l->sizes_text)
        l->size[l->n_sizes++] = (struct size){l->session.info.default_width,
                                              l->session.info.default_height};
    if (!subjects_find(&l->subjects, &l->session, error))
        return false;
    for (int s = 0; s < l->n_sizes; s++)
        if (!subjects_check_size(&l->session, "--sizes", l->size[s], error))
            return false;
    for (int s = 0; s < l->n_sizes; s++)
        if (!measure_size(l, l->size[s], l->mean[s], error))
            return false;
    return true;
}

static int tokens_of(const struct loss *l, struct size size)
{
    int side = l->session.info.token_pixels;
    return size.width / side * (size.height / side);
}

static void print_table(const struct loss *l)
{
    printf("%-20s", "size");
    for (int s = 0; s < l->n_sizes; s++)
        printf("  %5dx%-4d", l->size[s].width, l->size[s].height);
    printf("\n%-20s", "tokens");
    for (int s = 0; s < l->n_sizes; s++)
        printf("  %10d", tokens_of(l, l->size[s]));
    for (int m = 0; m < l->n_methods; m++) {
        printf("\n%-20s", fit_method_name(l->method[m]));
        for (int s = 0; s < l->n_sizes; s++)
            printf("  %10.4f", l->mean[s][m].loss);
    }
    putchar('\n');
}

static void print_rows(const struct loss *l)
{
    json_t *rows = json_array();
    for (int s = 0; s < l->n_sizes; s++)
        for (int m = 0; m < l->n_methods; m++)
            json_array_append_new(
                rows, json_pack("{s:[i, i], s:i, s:s, s:f, s:f}", "size", l->size[s].width,
                                l->size[s].height, "tokens", tokens_of(l, l->size[s]), "method",
                                fit_method_name(l->method[m]), "loss", l->mean[s][m].loss,
                                "standard_error", l->mean[s][m].error));
    char seed[32]; /* JSON's integers end at 2^63 */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)l->seed);
    print_json(json_pack("{s:s, s:i, s:s, s:o}", "model", l->session.info.name, "pictures",
                         l->pictures, "seed", seed, "rows", rows));
}

static int run(int argc, char **argv)
{
    struct loss l = {.methods_text = "all", .pictures = 32};
    struct fit_error error = {0};
    const struct arg args[] = {
        {"sizes", "LIST", "sizes in pixels, separated by commas (default: the model's)", ARG_TEXT,
         &l.sizes_text, .low = 0},
        {"methods", "LIST", "all (default), or names of methods separated by commas", ARG_TEXT,
         &l.methods_text, .low = 0},
        {"pictures", "N", "pictures of every size, each with a noise and a time (default: 32)",
         ARG_INT, &l.pictures, .low = 1, .high = 4096},
        {"uniform-times", NULL, "times of equal distance, in place of logit-normal ones", ARG_FLAG,
         &l.uniform_times, .low = 0},
        {"seed", "S", "which pictures and which noise (default: 0)", ARG_SEED, &l.seed, .low = 0},
    };
    int status;
    if (!args_parse(&command_loss, args, sizeof args / sizeof *args, &l.common, argc, argv, NULL,
                    0, 0, NULL, &status))
        return status;
    stop_watch();
    bool ok = measure(&l, &error);
    if (ok && l.common.json)
        print_rows(&l);
    else if (ok)
        print_table(&l);
    session_close(&l.session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_loss = {
    "loss", "[OPTION...]",
    "Measure the loss of a model of scenes on new pictures, for sizes and methods.", run};
