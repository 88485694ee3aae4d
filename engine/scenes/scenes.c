/* SPDX-License-Identifier: Apache-2.0 */
#include "fit/fit-scenes.h"

#include "scene_list.h"
#include "scene_paint.h"

#include <stddef.h>

/* From here on edges are fine enough without supersampling, and memory matters. */
#define SUPERSAMPLED_PIXELS_MAX (1024L * 1024L)

struct scene_class {
    const char *name;
    const char *synonyms;
    void (*paint)(struct scene_canvas *c);
};

static const struct scene_class classes[FIT_SCENE_CLASSES] = {
    {"Ocean sunset", "sea, sun, sailboat, evening, water, waves", fit_scene_ocean_sunset_paint},
    {"Northern lights", "aurora, night, polar, sky, stars", fit_scene_northern_lights_paint},
    {"Misty mountains", "fog, hills, morning, haze, ridges", fit_scene_misty_mountains_paint},
    {"Desert dunes", "sand, sahara, dry, hot", fit_scene_desert_dunes_paint},
    {"City at night", "skyline, town, buildings, windows, moon", fit_scene_city_night_paint},
    {"Ringed planet", "space, saturn, stars, astronomy", fit_scene_ringed_planet_paint},
    {"Fireworks", "new year, celebration, night, rockets", fit_scene_fireworks_paint},
    {"Forest light", "woods, trees, sunbeams, rays", fit_scene_forest_light_paint},
    {"Hot-air balloons", "balloon, sky, flight, festival", fit_scene_balloons_paint},
    {"Flower", "blossom, petals, garden, plant", fit_scene_flower_paint},
    {"Winter cabin", "snow, hut, house, lodge, cold, pines", fit_scene_winter_cabin_paint},
    {"Palm beach", "tropical, island, sea, sand, holiday", fit_scene_palm_beach_paint},
    {"Lighthouse", "coast, tower, beacon, sea, rock", fit_scene_lighthouse_paint},
    {"Waterfall", "cliff, cascade, river, pool", fit_scene_waterfall_paint},
    {"Autumn lake", "fall, leaves, foliage, reflection, mountains",
     fit_scene_autumn_lake_paint},
    {"Cherry blossom", "sakura, spring, pink tree, petals", fit_scene_cherry_blossom_paint},
};

static bool in_range(int class_id)
{
    return class_id >= 0 && class_id < FIT_SCENE_CLASSES;
}

const char *fit_scene_name(int class_id)
{
    return in_range(class_id) ? classes[class_id].name : NULL;
}

const char *fit_scene_synonyms(int class_id)
{
    return in_range(class_id) ? classes[class_id].synonyms : NULL;
}

bool fit_scene_render(int class_id, uint64_t seed, int width, int height, uint8_t *rgb)
{
    struct scene_canvas canvas;
    int samples;

    if (!in_range(class_id) || width < FIT_SCENE_SIDE_MIN || height < FIT_SCENE_SIDE_MIN ||
        width > FIT_SCENE_SIDE_MAX || height > FIT_SCENE_SIDE_MAX)
        return false;
    samples = (long)width * height <= SUPERSAMPLED_PIXELS_MAX ? 2 : 1;
    /* The golden-ratio step separates the classes' streams for one seed. */
    seed = (seed ^ ((uint64_t)class_id + 1u) << 56) * 0xd1342543de82ef95u + 0x9e3779b97f4a7c15u;
    if (!scene_canvas_init(&canvas, seed, width, height, samples))
        return false;
    classes[class_id].paint(&canvas);
    scene_canvas_resolve(&canvas, samples, rgb);
    scene_canvas_finish(&canvas);
    return true;
}
