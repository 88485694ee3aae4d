/* SPDX-License-Identifier: Apache-2.0 */
/* picture.h - settings as JSON, for the other files that carry them. */
#ifndef FIT_PICTURE_H
#define FIT_PICTURE_H

#include <jansson.h>

#include "engine_private.h"

/* Settings as fit_job_describe_json writes them; pixels_sha256 is left empty. The path is for the
 * error. */
bool picture_settings_read(const json_t *object, const char *path, struct fit_settings *out,
                           struct fit_error *error);

/* The parameters of one level alone, and how many evaluations there were. */
bool picture_params_read(const json_t *object, const char *path, struct fit_generate_params *out,
                         int *evaluations, struct fit_error *error);

#endif
