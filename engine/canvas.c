/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes: what can be painted, and what a size means to a model. */
#include <math.h>

#include "engine_private.h"
#include "rope.h"

static int snap(int pixels, int side, int most)
{
    int snapped = (pixels + side / 2) / side * side;
    return snapped < side ? side : snapped > most ? most : snapped;
}

void fit_canvas_snap(const struct fit_model *model, int *width, int *height)
{
    const struct fit_model_info *info = &model->info;
    *width = snap(*width, info->token_pixels, info->max_axis_pixels);
    *height = snap(*height, info->token_pixels, info->max_axis_pixels);
}

void fit_canvas_cover(const struct fit_model *model, int *width, int *height)
{
    int side = model->info.token_pixels, most = model->info.max_axis_pixels;
    /* Before the sum, which could pass the range of int. */
    *width = *width > most ? most : *width + (side - 1) / 2;
    *height = *height > most ? most : *height + (side - 1) / 2;
    fit_canvas_snap(model, width, height);
}

void fit_canvas_describe(const struct fit_model *model, int width, int height,
                         enum fit_method method, struct fit_canvas *out)
{
    const struct fit_config *config = &model->config;
    const struct fit_model_info *info = &model->info;
    fit_canvas_snap(model, &width, &height);
    int columns = width / info->token_pixels, rows = height / info->token_pixels;
    enum fit_method used = fit_rope_method(config, method, rows, columns);
    double multiplier = fit_rope_multiplier(config, used, rows, columns);
    bool own_positions = used == config->method;
    struct fit_generate_params params = {
        .width = width,
        .height = height,
        .steps = info->default_steps,
        .solver = info->default_solver,
        .guidance = info->default_guidance,
    };
    *out = (struct fit_canvas){
        .width = width,
        .height = height,
        .columns = columns,
        .rows = rows,
        .tokens = columns * rows,
        .scale_x = fmax(1, (double)columns / info->axis_tokens),
        .scale_y = fmax(1, (double)rows / info->axis_tokens),
        .within_tokens = columns * rows <= info->context_tokens,
        .within_axes = columns <= info->axis_tokens && rows <= info->axis_tokens,
        .method = used,
        .attention_scale = multiplier * multiplier,
        .memory_bytes = fit_run_bytes(model, &params),
        .flops = 2 * fit_config_macs(config, columns * rows, true),
    };
    /* A model trained with stretched positions knows axes beyond the base length. */
    bool knows_axes = out->within_axes || config->method != FIT_METHOD_NONE;
    out->trained = out->within_tokens && knows_axes && own_positions;
}

void fit_canvas_for_ratio(const struct fit_model *model, double ratio, int tokens, int *width,
                          int *height)
{
    const struct fit_model_info *info = &model->info;
    int best_columns = 1, best_rows = 1;
    double best = INFINITY;
    for (int columns = 1; columns <= FIT_MAX_AXIS && columns <= tokens; columns++) {
        int rows = (int)lround(columns / ratio);
        if (rows < 1 || rows > FIT_MAX_AXIS || columns * rows > tokens)
            continue;
        /* A token lost is a smaller picture, a ratio missed another shape: 1 % of one weighs as
         * much as 4 % of the other. */
        double off = fabs(log((double)columns / rows / ratio));
        double small = log((double)tokens / (columns * rows));
        if (4 * off + small < best) {
            best = 4 * off + small;
            best_columns = columns;
            best_rows = rows;
        }
    }
    *width = best_columns * info->token_pixels;
    *height = best_rows * info->token_pixels;
}
