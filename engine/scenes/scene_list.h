/* SPDX-License-Identifier: Apache-2.0 */
/* The painters, one for each class. Each fills the whole canvas. */
#ifndef FIT_SCENE_LIST_H
#define FIT_SCENE_LIST_H

struct scene_canvas;

void fit_scene_ocean_sunset_paint(struct scene_canvas *c);
void fit_scene_northern_lights_paint(struct scene_canvas *c);
void fit_scene_misty_mountains_paint(struct scene_canvas *c);
void fit_scene_desert_dunes_paint(struct scene_canvas *c);
void fit_scene_city_night_paint(struct scene_canvas *c);
void fit_scene_ringed_planet_paint(struct scene_canvas *c);
void fit_scene_fireworks_paint(struct scene_canvas *c);
void fit_scene_forest_light_paint(struct scene_canvas *c);
void fit_scene_balloons_paint(struct scene_canvas *c);
void fit_scene_flower_paint(struct scene_canvas *c);
void fit_scene_winter_cabin_paint(struct scene_canvas *c);
void fit_scene_palm_beach_paint(struct scene_canvas *c);
void fit_scene_lighthouse_paint(struct scene_canvas *c);
void fit_scene_waterfall_paint(struct scene_canvas *c);
void fit_scene_autumn_lake_paint(struct scene_canvas *c);
void fit_scene_cherry_blossom_paint(struct scene_canvas *c);

#endif
