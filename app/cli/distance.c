/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli distance: how far what a model paints lies from pictures that no training saw, whatever
 * the model was trained to predict. */
#include <stdlib.h>

#include "commands.h"
#include "fit/fit-measure.h"
#include "paint.h"
#include "subjects.h"

/* A set of pictures by the features of their latents. */
enum set { PAINTED, NEW, OTHERS, N_SETS };

struct distance {
    struct common common;
    struct paint paint;
    int pictures;

    struct session session;
    struct subjects subjects;
    struct fit_generate_params params, used; /* as asked for, and with the engine's defaults */
    struct size size;
    int width;              /* features of a picture */
    float *features[N_SETS]; /* [pictures][width] */
    double painted, real;   /* from the new ones: what is painted, and other new ones */
};

static bool reserve(struct distance *d, struct fit_error *error)
{
    d->width = d->session.info.channels * FIT_LATENT_FEATURES;
    for (int set = 0; set < N_SETS; set++) {
        d->features[set] = malloc((size_t)d->pictures * (size_t)d->width * sizeof(float));
        if (!d->features[set])
            return set_error(error, FIT_ERROR_MEMORY, "no memory for %d pictures", d->pictures);
    }
    return true;
}

static void describe(const struct distance *d, enum set set, int i, const float *latent)
{
    fit_latent_features(latent, d->session.info.channels, d->size.height / 8, d->size.width / 8,
                        d->features[set] + (size_t)i * (size_t)d->width);
}

static bool stopped(const struct distance *d, int i, struct fit_error *error)
{
    return set_error(error, FIT_ERROR_CANCELLED, "stopped at picture %d of %d", i, d->pictures);
}

/* Picture i of both real sets: the second goes on where the first ends. */
static bool take_real(struct distance *d, enum set set, int i, struct fit_error *error)
{
    int number = i + (set == OTHERS ? d->pictures : 0);
    float *latent = subjects_draw(&d->subjects, &d->session, d->params.seed, number, d->size,
                                  error);
    if (latent)
        describe(d, set, i, latent);
    free(latent);
    return latent != NULL;
}

static bool keep(struct distance *d, struct fit_job *job, int i, struct fit_error *error)
{
    fit_job_params(job, &d->used);
    size_t values = (size_t)d->session.info.channels * (size_t)(d->size.height / 8) *
                    (size_t)(d->size.width / 8);
    float *latent = malloc(values * sizeof *latent);
    bool ok = latent && fit_job_latent(job, d->used.steps, FIT_VIEW_STATE, latent);
    if (ok)
        describe(d, PAINTED, i, latent);
    else
        set_error(error, FIT_ERROR_MEMORY, "the latent of picture %d is not there", i);
    free(latent);
    return ok;
}

static bool paint(struct distance *d, int i, struct fit_error *error)
{
    struct fit_generate_params p = d->params;
    struct fit_job *job = NULL;
    struct fit_frame *frame = NULL;
    char label[32];
    p.class_id = subjects_class(&d->subjects, i);
    p.index = i;
    snprintf(label, sizeof label, "%d/%d ", i + 1, d->pictures);
    if (!fit_generate(d->session.model, &p, &job, error))
        return false;
    if (!i)
        session_announce(&d->session, job);
    bool ok = session_wait(&d->session, job, label, &frame, error) && keep(d, job, i, error);
    fit_frame_unref(&frame);
    fit_job_unref(&job);
    return ok || (error->status == FIT_ERROR_CANCELLED && stopped(d, i, error));
}

static bool measure(struct distance *d, struct fit_error *error)
{
    if (!session_open(&d->session, &d->common, error) ||
        !paint_params(&d->paint, &d->session, &d->params, error) ||
        !subjects_find(&d->subjects, &d->session, error))
        return false;
    d->size = (struct size){d->params.width, d->params.height};
    if (!subjects_check_size(&d->session, "--size", d->size, error) || !reserve(d, error))
        return false;
    for (int i = 0; i < d->pictures; i++)
        if (stop_was_asked())
            return stopped(d, i, error);
        else if (!paint(d, i, error) || !take_real(d, NEW, i, error) ||
                 !take_real(d, OTHERS, i, error))
            return false;
    return fit_frechet_distance(d->features[PAINTED], d->pictures, d->features[NEW], d->pictures,
                                d->width, &d->painted, error) &&
           fit_frechet_distance(d->features[OTHERS], d->pictures, d->features[NEW], d->pictures,
                                d->width, &d->real, error);
}

static void report(const struct distance *d)
{
    if (d->common.json)
        print_json(json_pack("{s:s, s:i, s:[i, i], s:s, s:i, s:f, s:i, s:f, s:f}", "model",
                             d->session.info.name, "pictures", d->pictures, "size", d->size.width,
                             d->size.height, "solver", fit_solver_name(d->used.solver), "steps",
                             d->used.steps, "guidance", d->used.guidance, "features", d->width,
                             "distance", d->painted, "real_distance", d->real));
    else
        printf("%.4f; of as many other new pictures %.4f\n", d->painted, d->real);
}

static int run(int argc, char **argv)
{
    struct distance d = {.paint = PAINT_DEFAULTS, .pictures = 256};
    struct fit_error error = {0};
    struct arg args[PAINT_ARGS_MAX];
    const struct arg own[] = {
        {"pictures", "N", "pictures to paint, of the classes in turns (default: 256)", ARG_INT,
         &d.pictures, .low = 2, .high = 65536},
        {"extrapolation", "M", "how positions stretch (default: auto)", ARG_NAME,
         &d.paint.params.method, .name_of = method_name},
    };
    int status;
    size_t n_args = paint_args(&d.paint, own, sizeof own / sizeof *own, args);
    if (!args_parse(&command_distance, args, n_args, &d.common, argc, argv, NULL, 0, 0, NULL,
                    &status))
        return status;
    stop_watch();
    bool ok = measure(&d, &error);
    if (ok)
        report(&d);
    for (int set = 0; set < N_SETS; set++)
        free(d.features[set]);
    session_close(&d.session);
    return ok ? EXIT_DONE : fail(&error);
}

const struct command command_distance = {
    "distance", "[OPTION...]",
    "Measure how far the pictures of a model of scenes lie from new ones.", run};
