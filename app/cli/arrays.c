/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli velocity, decode, encode: single operations on arrays. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "fit/fit-files.h"
#include "paint.h"

/* A latent or a batch of them, (C, H/8, W/8) or (B, C, H/8, W/8). */
struct latents {
    struct fit_array array;
    int batch, width, height; /* pixels */
    size_t values;            /* of one latent */
};

static bool read_latents(const char *path, const struct session *session, struct latents *out,
                         struct fit_error *error)
{
    if (!fit_npy_read(path, &out->array, error))
        return false;
    const int *dims = out->array.dims + (out->array.n_dims == 4);
    int channels = session->info.channels;
    if (out->array.n_dims < 3 || out->array.n_dims > 4 || dims[0] != channels ||
        dims[1] > 1 << 16 || dims[2] > 1 << 16)
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "%.200s: expected a latent of the shape (%d, H/8, W/8) or a batch "
                         "(B, %d, H/8, W/8), found %d sizes",
                         path, channels, channels, out->array.n_dims);
    out->batch = out->array.n_dims == 4 ? out->array.dims[0] : 1;
    out->height = dims[1] * 8;
    out->width = dims[2] * 8;
    out->values = (size_t)channels * (size_t)dims[1] * (size_t)dims[2];
    return true;
}

/* What has been written, on stdout. */
static void report(const struct common *common, const char *path, int n_dims, const int *dims)
{
    if (!common->json) {
        printf("%s\n", path);
        return;
    }
    json_t *shape = json_array();
    for (int i = 0; i < n_dims; i++)
        json_array_append_new(shape, json_integer(dims[i]));
    print_json(json_pack("{s:s, s:o}", "path", path, "shape", shape));
}

static bool check_ending(const char *path, const char *ending, struct fit_error *error)
{
    return has_ending(path, ending) ||
           set_error(error, FIT_ERROR_ARGUMENT, "--output: expected a name that ends in %s, found "
                     "%.200s", ending, path);
}

/* ---- velocity ---- */

struct velocity {
    struct common common;
    const char *latent, *class_text, *output;
    struct fit_velocity_params params; /* but for the shape and the class */
};

static bool compute_velocity(const struct velocity *v, struct session *session,
                             struct latents *latents, struct fit_error *error)
{
    if (!check_ending(v->output, ".npy", error) || !check_output(v->output, error) ||
        !session_open(session, &v->common, error) ||
        !read_latents(v->latent, session, latents, error))
        return false;
    struct fit_velocity_params params = v->params;
    params.width = latents->width;
    params.height = latents->height;
    params.batch = latents->batch;
    if (!fit_model_find_class(session->model, v->class_text, &params.class_id, error))
        return false;
    float *out = malloc((size_t)latents->batch * latents->values * sizeof *out + 1);
    bool ok = out ? fit_model_velocity(session->model, &params, latents->array.values, out, error)
                  : set_error(error, FIT_ERROR_MEMORY, "no memory for the velocity");
    ok = ok && fit_npy_write(v->output, latents->array.n_dims, latents->array.dims, out, error);
    free(out);
    return ok;
}

static int run_velocity(int argc, char **argv)
{
    struct velocity v = {.class_text = "0", .params.guidance = 1};
    struct fit_velocity_params *p = &v.params;
    struct session session = {0};
    struct latents latents = {0};
    struct fit_error error = {0};
    const struct arg args[] = {
        {"latent", "X.npy", "the state", ARG_TEXT, &v.latent, .required = true},
        {"time", "T", "from 0 (noise) to 1 (data); FiT v1: 999 (noise) to 0", ARG_REAL, &p->t,
         .low = 0, .high = 999, .required = true},
        {"class", "CLASS", "a class by name, synonym or number, or none (default: 0)", ARG_TEXT,
         &v.class_text, .low = 0},
        {"guidance", "S", "classifier-free guidance scale (default: 1, none)", ARG_REAL,
         &p->guidance, .low = 1, .high = 30},
        {"guidance-power", "Q", "power-cosine guidance, strongest near the noise", ARG_REAL,
         &p->guidance_power, .low = 0, .high = 100},
        {"extrapolation", "M", "how positions stretch (default: auto)", ARG_NAME, &p->method,
         .name_of = method_name},
        {"attention-scale", "NAME", "of the pro methods: as in the code, or as in the paper",
         ARG_NAME, &p->attention_scale, .name_of = attention_scale_name},
        {"ori-max-pe-len", "N", "tokens a side from which positions stretch (default: the model's)",
         ARG_INT, &p->ori_max_pe_len, .low = 1, .high = 4096},
        {"v1-clamp", NULL, "FiT v1: tell the network min(t, 1), as the released code does",
         ARG_FLAG, &p->v1_clamp, .low = 0},
        {"output", "V.npy", "the velocity, of the state's shape", ARG_TEXT, &v.output,
         .required = true, .letter = 'o'},
    };
    int status;
    if (!args_parse(&command_velocity, args, sizeof args / sizeof *args, &v.common, argc, argv,
                    NULL, 0, 0, NULL, &status))
        return status;
    bool ok = compute_velocity(&v, &session, &latents, &error);
    if (ok)
        report(&v.common, v.output, latents.array.n_dims, latents.array.dims);
    fit_array_finish(&latents.array);
    session_close(&session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_velocity = {
    "velocity", "--latent X.npy --time T --output V.npy [OPTION...]",
    "Evaluate the network once: the velocity at a state and a time.", run_velocity};

/* ---- decode ---- */

struct decode {
    struct common common;
    const char *latent, *output;
};

/* trunc(clamp(127.5 x + 128, 0, 255)), as every picture of a run. */
static bool write_rgb(const char *path, const float *rgb, int width, int height,
                      struct fit_error *error)
{
    size_t pixels = (size_t)width * (size_t)height;
    uint8_t *rgba = malloc(4 * pixels);
    if (!rgba)
        return set_error(error, FIT_ERROR_MEMORY, "no memory for %dx%d pixels", width, height);
    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < 3; c++)
            rgba[4 * i + c] =
                (uint8_t)fminf(fmaxf(127.5f * rgb[3 * i + c] + 128.0f, 0.0f), 255.0f);
        rgba[4 * i + 3] = 255;
    }
    bool ok = fit_picture_write_png(path, rgba, width, height, NULL, NULL, error);
    free(rgba);
    return ok;
}

static bool decode_all(const struct decode *d, struct session *session, struct latents *latents,
                       int dims[4], struct fit_error *error)
{
    bool png = has_ending(d->output, ".png");
    if ((!png && !has_ending(d->output, ".npy")))
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "--output: expected a name that ends in .png or .npy, found %.200s",
                         d->output);
    if (!check_output(d->output, error) || !session_open(session, &d->common, error) ||
        !read_latents(d->latent, session, latents, error))
        return false;
    if (png && latents->batch > 1)
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "%.200s holds %d latents; a .png holds one picture, name a .npy",
                         d->latent, latents->batch);
    int shape[] = {latents->batch, latents->height, latents->width, 3};
    memcpy(dims, shape, sizeof shape);
    size_t values = 3 * (size_t)latents->width * (size_t)latents->height;
    float *rgb = malloc((size_t)latents->batch * values * sizeof *rgb + 1);
    bool ok = rgb || set_error(error, FIT_ERROR_MEMORY, "no memory for the pictures");
    for (int i = 0; ok && i < latents->batch; i++)
        ok = fit_model_decode(session->model, latents->array.values + (size_t)i * latents->values,
                              latents->width, latents->height, rgb + (size_t)i * values, error);
    bool batch = latents->array.n_dims == 4;
    if (ok)
        ok = png ? write_rgb(d->output, rgb, latents->width, latents->height, error)
                 : fit_npy_write(d->output, batch ? 4 : 3, dims + !batch, rgb, error);
    free(rgb);
    return ok;
}

static int run_decode(int argc, char **argv)
{
    struct decode d = {0};
    struct session session = {0};
    struct latents latents = {0};
    struct fit_error error = {0};
    int status, dims[4];
    const struct arg args[] = {
        {"latent", "Z.npy", "a latent, or a batch of them", ARG_TEXT, &d.latent,
         .required = true},
        {"output", "X.png|X.npy", "the picture; as .npy (H, W, 3) in [-1, 1]", ARG_TEXT,
         &d.output, .required = true, .letter = 'o'},
    };
    if (!args_parse(&command_decode, args, sizeof args / sizeof *args, &d.common, argc, argv, NULL,
                    0, 0, NULL, &status))
        return status;
    bool ok = decode_all(&d, &session, &latents, dims, &error);
    bool batch = latents.array.n_dims == 4;
    if (ok)
        report(&d.common, d.output, batch ? 4 : 3, dims + !batch);
    fit_array_finish(&latents.array);
    session_close(&session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_decode = {"decode", "--latent Z.npy --output X.png|X.npy [OPTION...]",
                                       "Turn a latent into a picture.", run_decode};

/* ---- encode ---- */

struct encode {
    struct common common;
    const char *image, *output;
};

static bool encode_image(const struct encode *e, struct session *session, int dims[3],
                         struct fit_error *error)
{
    int width, height;
    if (!check_ending(e->output, ".npy", error) || !check_output(e->output, error) ||
        !session_open(session, &e->common, error))
        return false;
    uint8_t *bytes = fit_png_read_rgb(e->image, &width, &height, error);
    if (!bytes)
        return false;
    const int shape[] = {session->info.channels, height / 8, width / 8};
    float *latent = session_encode(session, bytes, width, height, error);
    bool ok = latent && fit_npy_write(e->output, 3, shape, latent, error);
    memcpy(dims, shape, sizeof shape);
    free(latent);
    free(bytes);
    return ok;
}

static int run_encode(int argc, char **argv)
{
    struct encode e = {0};
    struct session session = {0};
    struct fit_error error = {0};
    int status, dims[3];
    const struct arg args[] = {
        {"image", "X.png", "the picture; its sides are multiples of a token's", ARG_TEXT, &e.image,
         .required = true},
        {"output", "Z.npy", "its latent", ARG_TEXT, &e.output, .required = true, .letter = 'o'},
    };
    if (!args_parse(&command_encode, args, sizeof args / sizeof *args, &e.common, argc, argv, NULL,
                    0, 0, NULL, &status))
        return status;
    bool ok = encode_image(&e, &session, dims, &error);
    if (ok)
        report(&e.common, e.output, 3, dims);
    session_close(&session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_encode = {"encode", "--image X.png --output Z.npy [OPTION...]",
                                       "Turn a picture into a latent.", run_encode};
