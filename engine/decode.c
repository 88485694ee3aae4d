/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <string.h>

#include "scratch.h"

/* One picture on its way between the two spaces; device memory. */
struct passage {
    struct fit_compute c;
    struct fit_scratch scratch;
    float *latent, *scaled, *rgb, *matrix;
    uint8_t *rgba;
    size_t values, pixels;
    int width, height;
};

static int latent_stride(const struct fit_model *model)
{
    return model->info.token_pixels / model->config.patch;
}

static bool passage_init(struct passage *p, struct fit_model *model, int width, int height,
                         struct fit_error *error)
{
    struct fit_engine *engine = model->engine;
    int side = latent_stride(model), channels = model->config.channels;
    *p = (struct passage){.width = width, .height = height};
    p->pixels = (size_t)width * (size_t)height;
    p->values = p->pixels / (size_t)(side * side) * (size_t)channels;
    fit_compute_init(&p->c, engine->device, engine->queue, error);
    struct fit_scratch_item items[] = {
        {"latent", (void **)&p->latent, p->values * sizeof(float)},
        {"latent", (void **)&p->scaled, p->values * sizeof(float)},
        {"rgb", (void **)&p->rgb, 3 * p->pixels * sizeof(float)},
        {"rgba", (void **)&p->rgba, 4 * p->pixels},
        {"preview", (void **)&p->matrix, (model_preview(model).values + 3) * sizeof(float)},
    };
    return fit_scratch_reserve(&p->scratch, engine->device, items, 5, error);
}

static bool to_device(struct passage *p, void *device_memory, const void *host, size_t bytes)
{
    return fit_compute_check(&p->c,
                             p->c.device->upload(p->c.queue, device_memory, host, bytes));
}

static bool to_host(struct passage *p, void *host, const void *device_memory, size_t bytes)
{
    return fit_compute_check(&p->c,
                             p->c.device->download(p->c.queue, host, device_memory, bytes));
}

static bool require_autoencoder(const struct fit_model *model, struct fit_error *error)
{
    return model->autoencoder || fit_fail(error, FIT_ERROR_MODEL,
                                          "%s: this model has no autoencoder; import one with "
                                          "--autoencoder",
                                          model->info.name);
}

static bool decode_on_device(struct passage *p, struct fit_model *model, const float *latent)
{
    return to_device(p, p->latent, latent, p->values * sizeof(float)) &&
           fit_run(&p->c, axpby, p->scaled, 1 / model->latent_scale, p->latent, 0, p->values) &&
           fit_autoencoder_decode(model->autoencoder, &p->c, p->rgb, p->scaled, 1, p->height,
                                  p->width);
}

bool decode_rgb(struct fit_model *model, const float *latent, int width, int height, float *rgb,
                struct fit_error *error)
{
    struct passage p;
    if (!require_autoencoder(model, error))
        return false;
    bool ok = passage_init(&p, model, width, height, error) &&
              decode_on_device(&p, model, latent) &&
              to_host(&p, rgb, p.rgb, 3 * p.pixels * sizeof(float));
    fit_scratch_finish(&p.scratch);
    return ok;
}

/* Each pixel of the first 1/side rows and columns becomes a square; from the last to the first, as
 * squares cover pixels that come after their own. */
static void enlarge(uint8_t *rgba, int width, int height, int side)
{
    for (int row = height - 1; row >= 0; row--)
        for (int column = width - 1; column >= 0; column--) {
            size_t from = (size_t)(row / side) * (size_t)(width / side) + (size_t)(column / side);
            size_t to = (size_t)row * (size_t)width + (size_t)column;
            memmove(rgba + 4 * to, rgba + 4 * from, 4);
        }
}

static bool preview_rgba8(struct passage *p, struct fit_model *model, const float *latent,
                          uint8_t *rgba)
{
    struct preview_map map = model_preview(model);
    int channels = model->config.channels, side = latent_stride(model);
    bool ok = to_device(p, p->latent, latent, p->values * sizeof(float)) &&
              to_device(p, p->matrix, map.matrix, map.values * sizeof(float)) &&
              to_device(p, p->matrix + map.values, map.bias, 3 * sizeof(float)) &&
              fit_run(&p->c, latent_to_rgba8, p->rgba, p->latent, p->matrix,
                      p->matrix + map.values, channels, map.kernel, p->height / side,
                      p->width / side) &&
              to_host(p, rgba, p->rgba, 4 * p->values / (size_t)channels);
    if (ok)
        enlarge(rgba, p->width, p->height, side);
    return ok;
}

bool decode_rgba8(struct fit_model *model, const float *latent, int width, int height,
                  uint8_t *rgba, uint8_t *device_rgba, struct fit_error *error)
{
    struct passage p;
    bool ok = passage_init(&p, model, width, height, error);
    uint8_t *made = device_rgba ? device_rgba : p.rgba;
    if (ok && !model->autoencoder)
        ok = preview_rgba8(&p, model, latent, rgba);
    else if (ok)
        ok = decode_on_device(&p, model, latent) &&
             fit_run(&p.c, rgb_to_rgba8, made, p.rgb, p.pixels) &&
             to_host(&p, rgba, made, 4 * p.pixels);
    fit_scratch_finish(&p.scratch);
    return ok;
}

bool encode_rgb(struct fit_model *model, const float *rgb, int width, int height, float *latent,
                struct fit_error *error)
{
    struct passage p;
    if (!require_autoencoder(model, error))
        return false;
    bool ok = passage_init(&p, model, width, height, error) &&
              to_device(&p, p.rgb, rgb, 3 * p.pixels * sizeof(float)) &&
              fit_autoencoder_encode(model->autoencoder, &p.c, p.latent, p.rgb, 1, height,
                                     width) &&
              fit_run(&p.c, axpby, p.scaled, model->latent_scale, p.latent, 0, p.values) &&
              to_host(&p, latent, p.scaled, p.values * sizeof(float));
    fit_scratch_finish(&p.scratch);
    return ok;
}

uint64_t decode_bytes(const struct fit_model *model, int width, int height)
{
    uint64_t pixels = (uint64_t)width * (uint64_t)height * (3 * sizeof(float) + 4);
    return model->autoencoder
               ? pixels + fit_autoencoder_work_bytes(model->autoencoder, 1, height, width)
               : pixels;
}
