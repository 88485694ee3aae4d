/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes made of layered land: misty mountains, dunes, forest. */
#include "scene_list.h"
#include "scene_paint.h"

/* Stands a row of pointed trees on the skyline in line 0. */
static void paint_treetops(struct scene_canvas *c, float size, int seed, struct fit_rgb color)
{
    for (int i = 0; i < c->width; i++) {
        float x = ((float)i + 0.5f) * c->px / (0.55f * size);
        int tree = (int)x;
        float peak = 1.0f - 2.0f * fabsf(x - (float)tree - 0.5f);

        c->line[1][i] = c->line[0][i] - size * (0.4f + 0.8f * fit_hash(tree, seed)) * peak;
    }
    fit_paint_below(c, 1, color, color, 1.0f);
}

void fit_scene_misty_mountains_paint(struct scene_canvas *c)
{
    bool cold = fit_chance(c, 0.5f);
    float hue = cold ? fit_rand(c, 0.48f, 0.62f) : fit_rand(c, 0.62f, 0.84f);
    float glow = fit_rand(c, -0.06f, 0.14f);
    float shift = fit_rand(c, -0.05f, 0.05f);
    struct fit_rgb top = fit_rand_hsv(c, hue, hue, 0.35f, 0.65f, 0.6f, 0.92f);
    struct fit_rgb low = fit_rand_hsv(c, glow, glow, 0.18f, 0.48f, 0.95f, 1.0f);
    struct fit_rgb near = fit_rand_hsv(c, hue + shift, hue + shift, 0.5f, 0.75f, 0.12f, 0.2f);
    struct fit_rgb far = fit_rgb_mix(low, top, 0.5f);
    struct fit_rgb mist = fit_rgb_mix(low, top, 0.2f);
    struct fit_stop sky[] = {{0.0f, top}, {0.55f, low}};
    float x = c->aspect * fit_rand(c, 0.2f, 0.8f);
    float y = fit_rand(c, 0.14f, 0.3f);
    float first = fit_rand(c, 0.36f, 0.48f);
    int layers = 5;

    fit_paint_gradient(c, sky, 2);
    fit_paint_orb(c, x, y, fit_rand(c, 0.05f, 0.085f) * c->fine,
                  (struct fit_rgb){1.0f, 0.97f, 0.9f}, (struct fit_rgb){0.34f, 0.3f, 0.22f});
    for (int i = 0; i < layers; i++) {
        float t = (float)i / (float)(layers - 1);
        struct fit_rgb color = fit_rgb_mix(far, near, powf(t, 0.85f));

        fit_ridge_draw(c, 0, fit_lerp(first, 0.97f, powf(t, 1.1f)), 0.34f * (1.0f - 0.45f * t),
                       1.3f + 1.3f * t, (float)i * 11.0f + 3.0f, 4);
        if (i >= layers - 2)
            paint_treetops(c, (i == layers - 1 ? 0.12f : 0.06f) * c->fine, i, color);
        fit_paint_below(c, 0, color, fit_rgb_mix(color, mist, 0.62f * (1.0f - t) + 0.12f), 0.22f);
    }
}

struct dune {
    const struct scene_canvas *canvas;
    const float *crest;
    float frequency, phase, slant;
    struct fit_rgb lit, shadow, haze;
    float fog;
};

/* The crest line of one dune and the light's edge on it sway together. */
static float sway(const struct dune *s, float x)
{
    return x * s->frequency * 3.1f + s->phase + 0.8f * sinf(x * 1.3f + s->phase * 2.0f);
}

static void dune_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct dune *s = context;
    float under = at->y - s->crest[at->column];
    float sun;
    struct fit_rgb color;

    if (under < -at->px)
        return;
    sun = fit_smooth(-0.22f, 0.22f, sinf(sway(s, at->x - under * s->slant) + 1.2f));
    color = fit_rgb_mix(s->shadow, s->lit, sun);
    color = fit_rgb_scale(color, 1.0f - 0.35f * fminf(under, 0.6f));
    fit_blend(rgb, fit_rgb_mix(color, s->haze, s->fog), fit_cover(under, at->px));
}

static void paint_dune(struct scene_canvas *c, struct dune *s, float t, float base)
{
    s->frequency = (1.5f - 0.65f * t) * fit_rand(c, 0.75f, 1.2f) / (0.4f + 0.6f * c->fine);
    s->phase = fit_rand(c, 0.0f, FIT_TAU);
    for (int i = 0; i < c->width; i++) {
        float x = ((float)i + 0.5f) * c->px;
        float bump = fit_noise_line(c, x * 1.2f, 2, 10.0f + 5.0f * t) - 0.5f;

        c->line[0][i] = base + (0.1f + 0.07f * t) * (0.5f * sinf(sway(s, x)) + 0.6f * bump);
    }
    fit_paint_area(c, (struct fit_box){0.0f, base - 0.2f, c->aspect, 1.0f}, dune_shade, s);
}

void fit_scene_desert_dunes_paint(struct scene_canvas *c)
{
    bool night = fit_chance(c, 0.12f);
    float horizon = fit_rand(c, 0.34f, 0.5f);
    struct fit_rgb top = night ? fit_hsv(0.64f, 0.7f, 0.2f)
                               : fit_rand_hsv(c, 0.53f, 0.62f, 0.45f, 0.75f, 0.65f, 0.95f);
    struct fit_rgb low = night ? fit_hsv(0.7f, 0.5f, 0.5f)
                               : fit_rand_hsv(c, 0.0f, 0.13f, 0.18f, 0.5f, 1.0f, 1.0f);
    struct fit_rgb sand = night ? fit_hsv(0.07f, 0.35f, 0.6f)
                                : fit_rand_hsv(c, 0.05f, 0.105f, 0.48f, 0.7f, 0.92f, 1.0f);
    struct fit_stop sky[] = {{0.0f, top}, {horizon + 0.05f, low}};
    struct dune dune = {.canvas = c, .crest = c->line[0], .haze = low};
    float x = c->aspect * fit_rand(c, 0.15f, 0.85f);
    float y = horizon * fit_rand(c, 0.35f, 0.7f);
    int layers = 4 + fit_pick(c, 2);

    fit_paint_gradient(c, sky, 2);
    if (night)
        fit_paint_stars(c, 24, 0.45f);
    fit_paint_orb(c, x, y, fit_rand(c, 0.055f, 0.09f) * c->fine,
                  (struct fit_rgb){1.0f, 0.97f, 0.86f}, (struct fit_rgb){0.28f, 0.26f, 0.2f});
    for (int i = 0; i < layers; i++) {
        float t = (float)i / (float)(layers - 1);
        float bright = 0.68f + 0.3f * t;

        dune.slant = (1.2f + 1.2f * t) * (x < c->aspect / 2.0f ? 1.0f : -1.0f);
        dune.lit = fit_rgb_scale(sand, bright * 1.08f);
        dune.shadow = fit_rgb_mix(fit_rgb_scale(sand, bright * 0.5f), fit_rgb_scale(top, 0.45f),
                                  0.28f);
        dune.fog = 0.45f * powf(1.0f - t, 1.5f);
        paint_dune(c, &dune, t, fit_lerp(horizon, 0.86f, powf(t, 1.2f)));
    }
}

struct wood {
    const struct scene_canvas *canvas;
    const float *ground;
    float depth;               /* 0 far .. 1 near */
    float offset;              /* of this layer's noise */
    float sun_x, sun_y;
    struct fit_rgb light, bark, leaf, floor;
};

struct trunk {
    const struct wood *wood;
    float x, width, bend;
};

static void trunk_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct trunk *s = context;
    const struct wood *w = s->wood;
    float axis = s->x + s->bend * (1.0f - at->y) * (1.0f - at->y);
    float half = s->width * (0.6f + 0.5f * at->y);
    float off = (at->x - axis) / half;
    float facing = w->sun_x > s->x ? off : -off;
    float cover = fit_cover(half - fabsf(at->x - axis), at->px);
    struct fit_rgb bright;

    if (cover <= 0.0f || at->y > w->ground[at->column] + 0.01f)
        return;
    bright = fit_rgb_mix(w->bark, w->light, 0.18f + 0.22f * (1.0f - w->depth));
    fit_blend(rgb, fit_rgb_mix(fit_rgb_scale(w->bark, 0.75f), bright,
                               fit_smooth(-1.0f, 1.0f, facing)), cover);
}

static void wood_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct wood *s = context;
    float under = at->y - s->ground[at->column];
    float crown_end = 0.46f + 0.1f * s->depth;
    float haze;

    if (at->y < crown_end) {
        float scale = 4.2f / s->canvas->fine;
        float mass = fit_fbm(s->canvas, at->x * scale + s->offset, at->y * scale + s->offset, 3);
        float high = (0.36f + 0.1f * s->depth - at->y) / 0.36f;
        float cover = fit_smooth(0.52f, 0.6f, mass + 0.3f * high - 0.06f);
        float tone = 0.7f + 0.6f * fit_smooth(0.7f, 0.4f, mass);

        fit_blend(rgb, fit_rgb_scale(s->leaf, tone), 0.92f * cover);
    }
    if (under > -at->px) {
        float grain = fit_fbm(s->canvas, at->x * 6.0f + s->offset, at->y * 14.0f, 2);

        fit_blend(rgb, fit_rgb_scale(s->floor, 0.75f + 0.5f * grain), fit_cover(under, at->px));
    }
    haze = 0.13f * (1.0f - s->depth) * fit_smooth(0.2f, 0.8f, at->y);
    fit_blend(rgb, s->light, haze);
}

static void rays_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct wood *s = context;
    float dx = at->x - s->sun_x;
    float dy = at->y - s->sun_y;
    float angle = atan2f(dx, dy + 0.25f);
    float fan = fit_noise_line(s->canvas, (angle + 4.0f) * 4.2f, 2, 8.0f);
    float fade = expf(-1.1f * sqrtf(dx * dx + dy * dy) / s->canvas->fine);

    fit_add(rgb, s->light, 0.55f * fit_smooth(0.48f, 0.8f, fan) * fade);
}

static void paint_wood_layer(struct scene_canvas *c, struct wood *w, struct fit_rgb dark, float hue,
                             int index)
{
    float t = w->depth;
    struct fit_rgb leafy;
    struct trunk trunk = {.wood = w};
    int count = (int)((6.0f - 3.0f * t) * fmaxf(sqrtf(c->aspect), 0.6f));

    w->bark = fit_rgb_mix(fit_rgb_mix(w->light, fit_hsv(hue, 0.4f, 0.7f), 0.55f), dark,
                          powf(t, 0.8f));
    leafy = fit_hsv(hue + fit_rand(c, -0.03f, 0.03f), 0.72f, 0.8f - 0.42f * t);
    w->leaf = fit_rgb_mix(w->bark, leafy, 0.68f);
    w->floor = fit_rgb_mix(fit_rgb_mix(w->light, fit_hsv(hue, 0.5f, 0.65f), 0.6f),
                           fit_hsv(hue, 0.72f, 0.22f), t);
    w->offset = 7.0f * (float)index;
    fit_ridge_draw(c, 0, 0.62f + 0.32f * t, 0.1f, 2.2f, (float)index * 3.0f + 50.0f, 3);
    for (int i = 0; i < count; i++) {
        trunk.x = c->aspect * ((float)i + fit_rand(c, 0.1f, 0.9f)) / (float)count;
        trunk.width = (0.016f + 0.04f * t) * fit_rand(c, 0.8f, 1.3f) * c->fine;
        trunk.bend = fit_rand(c, -0.05f, 0.05f);
        fit_paint_area(c, fit_box_around(trunk.x, 0.5f, 1.1f * trunk.width + 0.06f, 0.5f),
                       trunk_shade, &trunk);
    }
    fit_paint_area(c, fit_box_all(c), wood_shade, w);
}

void fit_scene_forest_light_paint(struct scene_canvas *c)
{
    bool summer = fit_chance(c, 0.65f);
    float hue = summer ? fit_rand(c, 0.24f, 0.4f) : fit_rand(c, 0.05f, 0.12f);
    struct wood wood = {.canvas = c, .ground = c->line[0]};
    struct fit_rgb dark = fit_hsv(hue + 0.05f, 0.6f, 0.12f);
    int layers = 4;

    wood.light = fit_rand_hsv(c, 0.11f, 0.17f, 0.15f, 0.35f, 1.0f, 1.0f);
    wood.sun_x = c->aspect * fit_rand(c, 0.2f, 0.8f);
    wood.sun_y = fit_rand(c, 0.08f, 0.25f);
    struct fit_stop sky[] = {{0.0f, fit_rgb_mix(wood.light, fit_hsv(hue, 0.4f, 0.85f), 0.5f)},
                             {0.6f, wood.light},
                             {1.0f, fit_rgb_mix(wood.light, fit_hsv(hue, 0.5f, 0.4f), 0.7f)}};
    fit_paint_gradient(c, sky, 3);
    fit_paint_glow(c, wood.sun_x, wood.sun_y, 0.3f, (struct fit_rgb){0.28f, 0.28f, 0.24f});
    for (int i = 0; i < layers; i++) {
        wood.depth = (float)i / (float)(layers - 1);
        paint_wood_layer(c, &wood, dark, hue, i);
    }
    fit_paint_area(c, fit_box_all(c), rays_shade, &wood);
}
