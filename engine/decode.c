/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include "scratch.h"

/* One picture on its way between the two spaces; device memory. */
struct passage {
    struct fit_compute c;
    struct fit_scratch scratch;
    float *latent, *rgb;
    uint8_t *rgba;
    size_t values, pixels;
    int width, height;
};

static bool passage_init(struct passage *p, struct fit_model *model, int width, int height,
                         struct fit_error *error)
{
    struct fit_engine *engine = model->engine;
    int side = model->info.token_pixels / model->config.patch;
    *p = (struct passage){.width = width, .height = height};
    p->pixels = (size_t)width * (size_t)height;
    p->values = p->pixels / (size_t)(side * side) * (size_t)model->config.channels;
    fit_compute_init(&p->c, engine->device, engine->queue, error);
    struct fit_scratch_item items[] = {
        {"latent", (void **)&p->latent, p->values * sizeof(float)},
        {"rgb", (void **)&p->rgb, 3 * p->pixels * sizeof(float)},
        {"rgba", (void **)&p->rgba, 4 * p->pixels},
    };
    return fit_scratch_reserve(&p->scratch, engine->device, items, 3, error);
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

static bool decode_on_device(struct passage *p, struct fit_model *model, const float *latent)
{
    return to_device(p, p->latent, latent, p->values * sizeof(float)) &&
           fit_autoencoder_decode(model->autoencoder, &p->c, p->rgb, p->latent, 1, p->height,
                                  p->width);
}

bool decode_rgb(struct fit_model *model, const float *latent, int width, int height, float *rgb,
                struct fit_error *error)
{
    struct passage p;
    bool ok = passage_init(&p, model, width, height, error) &&
              decode_on_device(&p, model, latent) &&
              to_host(&p, rgb, p.rgb, 3 * p.pixels * sizeof(float));
    fit_scratch_finish(&p.scratch);
    return ok;
}

bool decode_rgba8(struct fit_model *model, const float *latent, int width, int height,
                  uint8_t *rgba, struct fit_error *error)
{
    struct passage p;
    bool ok = passage_init(&p, model, width, height, error) &&
              decode_on_device(&p, model, latent) &&
              fit_run(&p.c, rgb_to_rgba8, p.rgba, p.rgb, p.pixels) &&
              to_host(&p, rgba, p.rgba, 4 * p.pixels);
    fit_scratch_finish(&p.scratch);
    return ok;
}

bool encode_rgb(struct fit_model *model, const float *rgb, int width, int height, float *latent,
                struct fit_error *error)
{
    struct passage p;
    bool ok = passage_init(&p, model, width, height, error) &&
              to_device(&p, p.rgb, rgb, 3 * p.pixels * sizeof(float)) &&
              fit_autoencoder_encode(model->autoencoder, &p.c, p.latent, p.rgb, 1, height, width) &&
              to_host(&p, latent, p.latent, p.values * sizeof(float));
    fit_scratch_finish(&p.scratch);
    return ok;
}

uint64_t decode_bytes(const struct fit_model *model, int width, int height)
{
    (void)model;
    return fit_autoencoder_work_bytes(1, height, width) +
           (uint64_t)width * (uint64_t)height * (3 * sizeof(float) + 4);
}
