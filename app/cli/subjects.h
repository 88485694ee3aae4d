/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures for measuring a model of scenes: of its classes, and seen by no training. */
#ifndef LIMN_CLI_SUBJECTS_H
#define LIMN_CLI_SUBJECTS_H

#include "fit/fit-scenes.h"
#include "session.h"

/* The classes of a model that are scenes. */
struct subjects {
    struct {
        int class_id, scene;
    } of[FIT_SCENE_CLASSES];
    int n;
};

/* Refuses a model without any. */
bool subjects_find(struct subjects *subjects, const struct session *session,
                   struct fit_error *error);

/* Of picture i: the classes take turns. */
int subjects_class(const struct subjects *subjects, int i);

/* The latent of picture i of a seed at a size, malloc'ed; NULL on failure. */
float *subjects_draw(const struct subjects *subjects, struct session *session, uint64_t seed,
                     int i, struct size size, struct fit_error *error);

/* Refuses a size that the model cannot paint; `option` is where it was given. */
bool subjects_check_size(const struct session *session, const char *option, struct size size,
                         struct fit_error *error);

#endif
