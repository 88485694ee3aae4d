/* SPDX-License-Identifier: Apache-2.0 */
#include "sheet.h"

#include <stdlib.h>
#include <string.h>

#include "fit_png.h"
#include "guidance.h"
#include "sampler.h"
#include "train_random.h"

enum { TOKEN = 16, GAP = 4 }; /* pixels */
enum { SHAPES = 5, MOST_ROWS = 16 };

/* In tokens: two squares of the first area, wide, tall, a square of the largest area. */
static void list_shapes(struct pack_image shapes[SHAPES], const struct train_config *config)
{
    int side = config->shape[0].side / TOKEN, largest = side;
    for (int i = 1; i < config->n_shapes; i++)
        largest = config->shape[i].side / TOKEN > largest ? config->shape[i].side / TOKEN : largest;
    int flat = side * 2 / 3 > 0 ? side * 2 / 3 : 1, wide = side * 11 / 8;
    shapes[0] = shapes[1] = (struct pack_image){side, side};
    shapes[2] = (struct pack_image){flat, wide};
    shapes[3] = (struct pack_image){wide, flat};
    shapes[4] = (struct pack_image){largest, largest};
}

/* What one row of the sheet needs; device memory, freed together. */
struct workshop {
    struct pack_image shapes[SHAPES];
    struct pack pack;
    struct fit_activations activations;
    struct fit_modulation modulation;
    float *noise, *x, *v;  /* [N][F], twice N for x and v, and v of outputs */
    float *latent, *rgb;   /* of the largest picture */
    uint8_t *device_rgba, *rgba;
    float *times;          /* host */
    int tokens;            /* N of the unguided pack */
};

static void workshop_finish(struct workshop *w, struct fk_device *d)
{
    void *memory[] = {w->noise, w->x, w->v, w->latent, w->rgb, w->device_rgba};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        d->free(d, memory[i]);
    free(w->rgba);
    free(w->times);
    pack_finish(&w->pack);
    fit_activations_finish(&w->activations);
    fit_modulation_finish(&w->modulation);
}

static bool workshop_init(struct workshop *w, struct fit_trainer *t)
{
    struct fk_device *d = t->device;
    const struct fit_config *config = &t->config.model;
    size_t feature_bytes = (size_t)fit_config_features(config) * sizeof(float);
    size_t output_bytes = (size_t)fit_config_outputs(config) * sizeof(float);
    struct pack_image twice[2 * SHAPES];
    memset(w, 0, sizeof *w);
    list_shapes(w->shapes, &t->config);
    for (int i = 0; i < SHAPES; i++) {
        twice[i] = twice[SHAPES + i] = w->shapes[i];
        w->tokens += w->shapes[i].rows * w->shapes[i].columns;
    }
    size_t largest = (size_t)(w->shapes[SHAPES - 1].rows * w->shapes[SHAPES - 1].columns);
    size_t pixels = largest * TOKEN * TOKEN;
    w->noise = d->alloc(d, (size_t)w->tokens * feature_bytes);
    w->x = d->alloc(d, 2 * (size_t)w->tokens * feature_bytes);
    w->v = d->alloc(d, 2 * (size_t)w->tokens * output_bytes);
    w->latent = d->alloc(d, largest * feature_bytes);
    w->rgb = d->alloc(d, pixels * 3 * sizeof(float));
    w->device_rgba = d->alloc(d, pixels * 4);
    w->rgba = malloc(pixels * 4);
    w->times = malloc((size_t)t->config.sheet_steps * sizeof *w->times);
    if (!w->noise || !w->x || !w->v || !w->latent || !w->rgb || !w->device_rgba || !w->rgba ||
        !w->times)
        return fit_fail(t->compute.error, FIT_ERROR_MEMORY, "no memory for a sample sheet");
    bool guided = !fit_guided_is_plain(t->config.sheet_guidance);
    return pack_build(&w->pack, &t->compute, config, twice, guided ? 2 * SHAPES : SHAPES) &&
           fit_activations_reserve(&w->activations, d, &t->state.ema_network,
                                   w->pack.fk.n_tokens, t->compute.error);
}

/* Paints all shapes of one class; the sampler's state then holds their tokens. */
static bool paint(struct fit_trainer *t, struct workshop *w, struct fit_sampler *sampler,
                  int class_id)
{
    struct fit_compute *c = &t->compute;
    int features = fit_config_features(&t->config.model);
    double scale = t->config.sheet_guidance;
    const struct fit_sampler_params quick = {
        .solver = fit_config_quick_solver(&t->config.model),
        .steps = t->config.sheet_steps,
        .features = features,
    };
    int steps = fit_sampler_times(&quick, w->times);
    int32_t y[SHAPES];
    struct fit_guided guided = {
        .network = &t->state.ema_network,
        .activations = &w->activations,
        .modulation = &w->modulation,
        .pack = &w->pack.fk,
        .cosine = w->pack.cosine,
        .sine = w->pack.sine,
        .scale = scale,
        .x = w->x,
        .v = w->v,
    };
    for (int i = 0; i < SHAPES; i++)
        y[i] = class_id;
    if (!fit_run(c, randn, w->noise, train_random_seed(t->config.seed, TRAIN_RANDOM_SHEET),
                 (uint32_t)class_id, 1, 0, 0, w->tokens, features) ||
        !fit_guided_conditioning(c, &t->state.ema_network, &w->modulation, w->times, steps, y,
                                 SHAPES, scale) ||
        !fit_sampler_begin(sampler, c, &quick, w->noise,
                           (size_t)w->tokens * (size_t)features))
        return false;
    while (!fit_sampler_is_finished(sampler))
        if (!fit_sampler_next(sampler, c, fit_guided_velocity, &guided))
            return false;
    return true;
}

/* Decodes one picture of the pack and puts it at (left, top) of the sheet. */
static bool place(struct fit_trainer *t, struct workshop *w, const float *tokens,
                  struct pack_image shape, uint8_t *sheet, int sheet_width, int left, int top)
{
    struct fit_compute *c = &t->compute;
    const struct fit_config *config = &t->config.model;
    int height = shape.rows * TOKEN, width = shape.columns * TOKEN;
    size_t pixels = (size_t)height * (size_t)width;
    size_t values = (size_t)(shape.rows * shape.columns) * (size_t)fit_config_features(config);
    float scale = (float)t->autoencoder->type->scaling_factor;
    if (!fit_run(c, unpatchify, w->latent, tokens, 1, config->channels,
                 shape.rows * config->patch, shape.columns * config->patch, config->patch) ||
        (scale != 1 &&
         !fit_run(c, axpby, w->latent, 0.0f, w->latent, 1 / scale, values)) ||
        !fit_autoencoder_decode(t->autoencoder, c, w->rgb, w->latent, 1, height, width) ||
        !fit_run(c, rgb_to_rgba8, w->device_rgba, w->rgb, pixels) ||
        !fit_compute_check(c, t->device->download(t->queue, w->rgba, w->device_rgba,
                                                  pixels * 4)) ||
        !fit_compute_check(c, t->device->queue_sync(t->queue)))
        return false;
    for (int row = 0; row < height; row++)
        memcpy(sheet + ((size_t)(top + row) * (size_t)sheet_width + (size_t)left) * 4,
               w->rgba + (size_t)row * (size_t)width * 4, (size_t)width * 4);
    return true;
}

static bool paint_row(struct fit_trainer *t, struct workshop *w, int class_id, uint8_t *sheet,
                      int sheet_width, int top)
{
    struct fit_sampler sampler = {0};
    int features = fit_config_features(&t->config.model), left = GAP;
    bool ok = paint(t, w, &sampler, class_id);
    const float *tokens = sampler.x;
    for (int i = 0; ok && i < SHAPES; i++) {
        ok = place(t, w, tokens, w->shapes[i], sheet, sheet_width, left, top);
        left += w->shapes[i].columns * TOKEN + GAP;
        tokens += (size_t)(w->shapes[i].rows * w->shapes[i].columns) * (size_t)features;
    }
    fit_sampler_finish(&sampler);
    return ok;
}

bool sheet_write(struct fit_trainer *t, const char *path, struct fit_error *e)
{
    struct pack_image shapes[SHAPES];
    int width = GAP, tallest = 0, classes = t->config.model.n_classes;
    int rows = classes < MOST_ROWS ? classes : MOST_ROWS;
    list_shapes(shapes, &t->config);
    for (int i = 0; i < SHAPES; i++) {
        width += shapes[i].columns * TOKEN + GAP;
        tallest = shapes[i].rows * TOKEN > tallest ? shapes[i].rows * TOKEN : tallest;
    }
    int height = GAP + rows * (tallest + GAP);
    struct workshop w;
    uint8_t *sheet = malloc((size_t)width * (size_t)height * 4);
    t->compute.error = e;
    if (!sheet)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for a sheet of %dx%d", width, height);
    memset(sheet, 255, (size_t)width * (size_t)height * 4);
    bool ok = workshop_init(&w, t) && train_state_refresh_ema(&t->state, &t->compute);
    for (int i = 0; ok && i < rows; i++)
        ok = paint_row(t, &w, i * classes / rows, sheet, width, GAP + i * (tallest + GAP));
    ok = ok && fit_png_write(path, sheet, width, height, NULL, 0, e);
    workshop_finish(&w, t->device);
    free(sheet);
    return ok;
}
