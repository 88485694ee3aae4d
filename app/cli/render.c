/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli render: the scenes on which the bundled model was trained. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"
#include "fit/fit-scenes.h"
#include "paint.h"

struct render {
    struct common common;
    const char *class_text, *output;
    struct size size;
    uint64_t seed;
};

static const char *scene_name(int i)
{
    return fit_scene_name(i);
}

static bool find_scene(const char *text, int *class_id, struct fit_error *error)
{
    char *end;
    long number = strtol(text, &end, 10);
    for (int i = 0; i < FIT_SCENE_CLASSES; i++) {
        if ((end != text && !*end && number == i) || !strcasecmp(text, fit_scene_name(i))) {
            *class_id = i;
            return true;
        }
    }
    const char *nearest = nearest_name(text, scene_name);
    return set_error(error, FIT_ERROR_ARGUMENT,
                     "scene \"%.60s\" is unknown; %s%s0 to %d, or a name as in \"%s\"", text,
                     nearest ? nearest : "", nearest ? " is the nearest; there are " : "there are ",
                     FIT_SCENE_CLASSES - 1, fit_scene_name(0));
}

static bool render(const struct render *r, struct fit_error *error)
{
    int class_id = 0, width = r->size.width, height = r->size.height;
    if (!find_scene(r->class_text, &class_id, error))
        return false;
    if (width < FIT_SCENE_SIDE_MIN || height < FIT_SCENE_SIDE_MIN || width > FIT_SCENE_SIDE_MAX ||
        height > FIT_SCENE_SIDE_MAX)
        return set_error(error, FIT_ERROR_ARGUMENT,
                         "size %dx%d is not possible: sides are %d to %d pixels", width, height,
                         FIT_SCENE_SIDE_MIN, FIT_SCENE_SIDE_MAX);
    if (!check_output(r->output, error))
        return false;
    size_t pixels = (size_t)width * (size_t)height;
    uint8_t *rgba = malloc(4 * pixels), *rgb = malloc(3 * pixels);
    bool ok = rgba && rgb && fit_scene_render(class_id, r->seed, width, height, rgb);
    for (size_t i = 0; ok && i < pixels; i++) {
        memcpy(rgba + 4 * i, rgb + 3 * i, 3);
        rgba[4 * i + 3] = 255;
    }
    ok = ok ? fit_picture_write_png(r->output, rgba, width, height, NULL, NULL, error)
            : set_error(error, FIT_ERROR_MEMORY, "no memory for %dx%d pixels", width, height);
    free(rgb);
    free(rgba);
    return ok;
}

static int run(int argc, char **argv)
{
    struct render r = {.class_text = "0", .size = {256, 256}};
    struct fit_error error = {0};
    const struct arg args[] = {
        {"class", "CLASS", "a scene by name or number (default: 0)", ARG_TEXT, &r.class_text,
         .low = 0},
        {"size", "WxH", "size in pixels (default: 256x256)", ARG_SIZE, &r.size, .low = 0},
        {"seed", "S", "which picture of the scene (default: 0)", ARG_SEED, &r.seed, .low = 0},
        {"output", "X.png", "the picture", ARG_TEXT, &r.output, .required = true, .letter = 'o'},
    };
    int status;
    if (!args_parse(&command_render, args, sizeof args / sizeof *args, &r.common, argc, argv, NULL,
                    0, 0, NULL, &status))
        return status;
    if (!render(&r, &error))
        return fail(&error);
    if (r.common.json)
        print_json(json_pack("{s:s, s:[i, i]}", "path", r.output, "size", r.size.width,
                             r.size.height));
    else
        printf("%s\n", r.output);
    return EXIT_DONE;
}

const struct command command_render = {"render", "--output X.png [OPTION...]",
                                       "Draw one of the scenes that the bundled model learnt from.",
                                       run};
