/* SPDX-License-Identifier: Apache-2.0 */
#include "autoencoder.h"

#include <string.h>

#include "autoencoder_types.h"

static const struct fit_autoencoder_type *const types[] = {&fit_limn_f8c8, &fit_sd_vae, &fit_taesd};
enum { N_TYPES = sizeof types / sizeof *types };

const struct fit_autoencoder_type *fit_autoencoder_type_find(const char *name)
{
    for (int i = 0; i < N_TYPES; i++)
        if (!strcmp(types[i]->name, name))
            return types[i];
    return NULL;
}

static bool begins(const struct fit_tensor_list *list, const char *name, uint64_t out, uint64_t in)
{
    const struct fit_tensor *tensor = fit_tensors_find(list, name);
    return tensor && tensor->n_dims == 4 && tensor->dims[0] == out && tensor->dims[1] == in;
}

const struct fit_autoencoder_type *fit_autoencoder_type_of(const struct fit_tensor_list *list)
{
    if (begins(list, "decoder.conv_in.weight", 128, 8))
        return &fit_limn_f8c8;
    if (begins(list, "decoder.conv_in.weight", 512, 4) ||
        begins(list, "first_stage_model.decoder.conv_in.weight", 512, 4))
        return &fit_sd_vae;
    if (begins(list, "1.weight", 64, 4) || begins(list, "decoder.layers.0.weight", 64, 4))
        return &fit_taesd;
    return NULL;
}

bool fit_autoencoder_open_type(struct fit_autoencoder **out,
                               const struct fit_autoencoder_type *type, struct fk_device *device,
                               struct fk_queue *queue, struct fit_safetensors *file,
                               struct fit_error *e)
{
    *out = NULL;
    if (!type->open(out, device, queue, file, e))
        return false;
    (*out)->type = type;
    return true;
}

bool fit_autoencoder_open(struct fit_autoencoder **out, struct fk_device *device,
                          struct fk_queue *queue, const char *path, struct fit_error *e)
{
    struct fit_safetensors file;
    *out = NULL;
    if (!fit_safetensors_open(&file, path, e))
        return false;
    struct fit_tensor_list list = fit_safetensors_list(&file);
    const struct fit_autoencoder_type *type = fit_autoencoder_type_of(&list);
    return fit_autoencoder_open_type(out, type ? type : &fit_limn_f8c8, device, queue, &file, e);
}

void fit_autoencoder_close(struct fit_autoencoder **autoencoder)
{
    if (*autoencoder)
        (*autoencoder)->type->close(*autoencoder);
    *autoencoder = NULL;
}

void fit_autoencoder_trim(struct fit_autoencoder *autoencoder)
{
    if (autoencoder)
        autoencoder->type->trim(autoencoder);
}

static bool check_size(struct fit_compute *c, int batch, int height, int width)
{
    const int stride = FIT_AUTOENCODER_STRIDE;
    if (batch < 1 || height < stride || width < stride || height % stride || width % stride)
        return fit_fail(c->error, FIT_ERROR_ARGUMENT,
                        "a picture for the autoencoder has sides in multiples of %d, not %dx%d",
                        stride, width, height);
    return true;
}

bool fit_autoencoder_encode(struct fit_autoencoder *autoencoder, struct fit_compute *c,
                            float *latent, const float *rgb, int batch, int height, int width)
{
    const struct fit_autoencoder_type *type = autoencoder->type;
    if (!type->encode)
        return fit_fail(c->error, FIT_ERROR_MODEL, "the autoencoder %s can decode only",
                        type->name);
    return check_size(c, batch, height, width) &&
           type->encode(autoencoder, c, latent, rgb, batch, height, width);
}

bool fit_autoencoder_decode(struct fit_autoencoder *autoencoder, struct fit_compute *c,
                            float *rgb, const float *latent, int batch, int height, int width)
{
    return check_size(c, batch, height, width) &&
           autoencoder->type->decode(autoencoder, c, rgb, latent, batch, height, width);
}

size_t fit_autoencoder_work_bytes(const struct fit_autoencoder *autoencoder, int batch, int height,
                                  int width)
{
    return autoencoder->type->work_bytes(autoencoder, batch, height, width);
}
