/* SPDX-License-Identifier: Apache-2.0 */
#include "subjects.h"

#include <stdlib.h>
#include <strings.h>

/* Seeds from here on belong to no training run: those begin at the run's seed times 2^40. */
#define HELD_OUT (UINT64_C(1) << 63)

bool subjects_find(struct subjects *subjects, const struct session *session,
                   struct fit_error *error)
{
    subjects->n = 0;
    for (int scene = 0; scene < FIT_SCENE_CLASSES; scene++)
        for (int i = 0; i < session->info.n_classes; i++)
            if (!strcasecmp(fit_model_class_name(session->model, i), fit_scene_name(scene))) {
                subjects->of[subjects->n].class_id = i;
                subjects->of[subjects->n++].scene = scene;
                break;
            }
    return subjects->n ||
           set_error(error, FIT_ERROR_ARGUMENT,
                     "%.100s has no class of a scene, as \"%s\", so that there are no pictures",
                     session->info.name, fit_scene_name(0));
}

int subjects_class(const struct subjects *subjects, int i)
{
    return subjects->of[i % subjects->n].class_id;
}

float *subjects_draw(const struct subjects *subjects, struct session *session, uint64_t seed,
                     int i, struct size size, struct fit_error *error)
{
    uint64_t number = HELD_OUT + (seed << 32) + (uint64_t)(i / subjects->n);
    uint8_t *rgb = malloc(3 * (size_t)size.width * (size_t)size.height);
    float *latent = NULL;
    if (rgb && fit_scene_render(subjects->of[i % subjects->n].scene, number, size.width,
                                size.height, rgb))
        latent = session_encode(session, rgb, size.width, size.height, error);
    else
        set_error(error, FIT_ERROR_MEMORY, "no memory for a scene of %dx%d", size.width,
                  size.height);
    free(rgb);
    return latent;
}

bool subjects_check_size(const struct session *session, const char *option, struct size size,
                         struct fit_error *error)
{
    int width = size.width, height = size.height;
    fit_canvas_snap(session->model, &width, &height);
    return (width == size.width && height == size.height) ||
           set_error(error, FIT_ERROR_ARGUMENT,
                     "%s: %dx%d is not possible; the nearest is %dx%d", option, size.width,
                     size.height, width, height);
}
