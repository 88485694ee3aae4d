/* SPDX-License-Identifier: Apache-2.0 */
#include "paint.h"

#include <stdio.h>
#include <stdlib.h>

bool paint_params(const struct paint *paint, const struct session *session,
                  struct fit_generate_params *out, struct fit_error *error)
{
    const struct fit_model_info *info = &session->info;
    *out = (struct fit_generate_params){
        .width = paint->size.width ? paint->size.width : info->default_width,
        .height = paint->size.height ? paint->size.height : info->default_height,
        .seed = paint->seed,
        .steps = paint->steps,
        .solver = paint->solver < 0 ? info->default_solver : (enum fit_solver)paint->solver,
        .guidance = paint->guidance,
        .guidance_power = paint->guidance_power,
        .no_previews = true,
    };
    return fit_model_find_class(session->model, paint->class_text, &out->class_id, error);
}

json_t *job_json(const struct fit_job *job)
{
    char *text = fit_job_describe_json(job);
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return object;
}

void print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}
