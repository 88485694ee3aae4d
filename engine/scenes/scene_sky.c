/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes that live from their sky: northern lights, ringed planet, fireworks. */
#include "scene_list.h"
#include "scene_paint.h"

struct curtain {
    const float *foot, *ray;   /* per column: where the curtain ends, how bright it is */
    float height;
    struct fit_stop stops[4];
};

static void curtain_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct curtain *s = context;
    float t = (s->foot[at->column] - at->y) / s->height;
    float light;

    if (t <= 0.0f || t > 1.8f)
        return;
    light = expf(-t * 2.4f) * fit_smooth(0.0f, 0.16f, t) * s->ray[at->column] * 1.35f;
    fit_add(rgb, fit_stops_at(s->stops, 4, t), light);
}

static void paint_curtain(struct scene_canvas *c, float horizon, float hue, int index)
{
    struct curtain curtain = {.foot = c->line[0], .ray = c->line[1]};
    float foot = horizon * fit_rand(c, 0.6f, 0.95f);
    float bend = fit_rand(c, 0.8f, 1.6f) / fmaxf(c->unit, 0.5f);
    float rays = fit_rand(c, 7.0f, 11.0f) / c->fine;
    float tip = fit_rand(c, 0.76f, 0.9f);
    float seed = (float)index * 5.0f;

    curtain.height = fit_rand(c, 0.4f, 0.62f);
    for (int i = 0; i < c->width; i++) {
        float x = ((float)i + 0.5f) * c->px;
        float wave = fit_noise_line(c, x * bend + seed, 2, seed + 1.0f) - 0.5f;
        float ray = 0.5f + 0.7f * fit_noise_line(c, x * rays, 2, seed + 2.0f);

        c->line[0][i] = foot + 0.42f * wave;
        c->line[1][i] = ray * (0.4f + 0.85f * fit_noise_line(c, x * 1.7f, 2, seed + 20.0f));
    }
    curtain.stops[0] = (struct fit_stop){0.0f, fit_hsv(hue, 0.72f, 1.0f)};
    curtain.stops[1] = (struct fit_stop){0.35f, fit_hsv(hue + 0.04f, 0.7f, 0.95f)};
    curtain.stops[2] = (struct fit_stop){0.8f, fit_hsv(tip, 0.6f, 0.9f)};
    curtain.stops[3] = (struct fit_stop){1.3f, fit_hsv(tip, 0.65f, 0.7f)};
    fit_paint_area(c, fit_box_all(c), curtain_shade, &curtain);
}

void fit_scene_northern_lights_paint(struct scene_canvas *c)
{
    struct fit_rgb high = fit_rand_hsv(c, 0.6f, 0.72f, 0.65f, 0.85f, 0.12f, 0.2f);
    struct fit_rgb low = fit_rand_hsv(c, 0.47f, 0.6f, 0.6f, 0.7f, 0.22f, 0.34f);
    struct fit_stop sky[] = {{0.0f, high}, {0.75f, low}};
    float hue = fit_rand(c, 0.34f, 0.46f);
    float horizon = fit_rand(c, 0.7f, 0.78f);
    bool lake = fit_chance(c, 0.6f);
    float relief = fit_rand(c, 0.2f, 0.32f);
    float peaks = fit_rand(c, 1.5f, 2.4f);
    struct fit_rgb rock = fit_hsv(0.62f, 0.5f, 0.1f);

    fit_paint_gradient(c, sky, 2);
    fit_paint_stars(c, 20, 0.6f);
    for (int i = 0; i < 2; i++)
        paint_curtain(c, horizon, hue, i);
    fit_ridge_draw(c, 2, horizon - 0.01f, relief, peaks, 31.0f, 4);
    for (int i = 0; i < c->width; i++)
        c->line[2][i] = fminf(c->line[2][i], horizon);
    fit_paint_below(c, 2, fit_hsv(0.56f, 0.42f, 0.24f), rock, 0.1f);
    if (lake) {
        struct fit_mirror water = {horizon, 1.0f, 0.1f, {0.62f, 0.7f, 0.76f}, {0.0f, 0.01f, 0.03f}};

        fit_paint_mirror(c, &water);
    } else {
        fit_ridge_draw(c, 3, horizon + 0.07f, 0.1f, 2.0f / c->fine, 77.0f, 2);
        fit_paint_below(c, 3, fit_hsv(0.5f, 0.3f, 0.5f), fit_hsv(0.58f, 0.45f, 0.2f), 0.25f);
        fit_paint_pines(c, horizon + 0.14f, 0.03f, 6, 0.3f * c->fine, fit_hsv(0.52f, 0.5f, 0.09f));
    }
}

struct planet {
    const struct scene_canvas *canvas;
    float x, y, radius;
    float cosine, sine;        /* of the ring's tilt */
    float flatness;            /* ring's height over its width */
    float light_x, light_y, light_z;
    float bands, seed;
    struct fit_rgb pale, deep, ring;
    bool front;                /* which half of the ring is being drawn */
};

static void nebula_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct planet *s = context;
    float cloud = fit_fbm(s->canvas, at->x * 1.5f + 2.0f, at->y * 1.5f, 3);

    fit_add(rgb, s->deep, fit_smooth(0.4f, 0.85f, cloud) * 0.6f);
    cloud = fit_fbm(s->canvas, at->x * 1.2f + 31.0f, at->y * 1.2f + 7.0f, 2);
    fit_add(rgb, s->pale, fit_smooth(0.45f, 0.9f, cloud) * 0.3f);
}

static void ball_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct planet *s = context;
    float x = (at->x - s->x) / s->radius;
    float y = (at->y - s->y) / s->radius;
    float square = x * x + y * y;
    float cover = fit_cover((1.0f - sqrtf(square)) * s->radius, at->px);
    float z, light, latitude, band;
    struct fit_rgb color;

    if (cover <= 0.0f)
        return;
    z = sqrtf(fmaxf(1.0f - square, 0.0f));
    light = fmaxf(x * s->light_x + y * s->light_y + z * s->light_z, 0.0f);
    /* Bands follow circles of latitude, seen from a little above the equator. */
    latitude = -x * s->sine + y * s->cosine + 0.35f * (1.0f - z);
    band = fit_noise_line(s->canvas, (latitude + 2.0f) * s->bands, 2, s->seed);
    color = fit_rgb_mix(s->deep, s->pale, fit_smooth(0.3f, 0.7f, band));
    fit_blend(rgb, fit_rgb_scale(color, 0.1f + 1.05f * light), cover);
}

static void ring_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct planet *s = context;
    float x = (at->x - s->x) / s->radius;
    float y = (at->y - s->y) / s->radius;
    float along = x * s->cosine + y * s->sine;
    float across = (-x * s->sine + y * s->cosine) / s->flatness;
    float q, edge, cover;

    if ((across >= 0.0f) != s->front)
        return;
    q = sqrtf(along * along + across * across);
    edge = at->px / (s->radius * s->flatness);
    cover = fit_cover(q - 1.32f, edge) * fit_cover(2.0f - q, edge);
    cover *= 0.95f - 0.75f * fit_smooth(0.07f, 0.02f, fabsf(q - 1.72f));
    fit_blend(rgb, fit_rgb_scale(s->ring, 0.82f + 0.18f * cosf(q * 16.0f)), cover);
}

static void paint_planet(struct scene_canvas *c, struct planet *p)
{
    struct fit_box box = fit_box_around(p->x, p->y, 2.1f * p->radius, 2.1f * p->radius);

    p->front = false;
    fit_paint_area(c, box, ring_shade, p);
    fit_paint_area(c, fit_box_around(p->x, p->y, p->radius, p->radius), ball_shade, p);
    p->front = true;
    fit_paint_area(c, box, ring_shade, p);
}

void fit_scene_ringed_planet_paint(struct scene_canvas *c)
{
    struct fit_stop sky[] = {{0.0f, {0.02f, 0.02f, 0.06f}}, {1.0f, {0.03f, 0.02f, 0.07f}}};
    struct planet p = {.canvas = c};
    struct planet nebula = {.canvas = c};
    float hue = fit_rand(c, 0.0f, 1.0f);
    float tilt = fit_rand(c, 0.12f, 0.5f);
    float side = fit_chance(c, 0.5f) ? 1.0f : -1.0f;

    nebula.deep = fit_rand_hsv(c, 0.55f, 0.95f, 0.65f, 0.8f, 0.3f, 0.5f);
    nebula.pale = fit_rand_hsv(c, 0.5f, 0.9f, 0.6f, 0.75f, 0.3f, 0.45f);
    p.radius = fit_rand(c, 0.205f, 0.24f) * c->unit * (1.0f + 0.35f * (c->fine - c->unit));
    p.x = c->aspect * fit_rand(c, 0.46f, 0.54f);
    p.y = fit_rand(c, 0.45f, 0.55f);
    p.cosine = cosf(tilt);
    p.sine = sinf(tilt) * side;
    p.flatness = fit_rand(c, 0.22f, 0.36f);
    p.light_x = 0.6f * (fit_chance(c, 0.5f) ? 1.0f : -1.0f);
    p.light_y = -0.4f;
    p.light_z = 0.69f;
    p.bands = fit_rand(c, 2.5f, 4.0f);
    p.seed = 5.0f;
    p.pale = fit_hsv(hue, 0.28f, 1.0f);
    p.deep = fit_hsv(hue + fit_rand(c, -0.07f, 0.07f), 0.75f, 0.68f);
    p.ring = fit_hsv(hue + fit_rand(c, -0.04f, 0.1f), 0.22f, 0.98f);

    fit_paint_gradient(c, sky, 2);
    fit_paint_area(c, fit_box_all(c), nebula_shade, &nebula);
    fit_paint_stars(c, 34, 1.0f);
    if (fit_chance(c, 0.45f)) {
        float x = c->aspect * (fit_chance(c, 0.5f) ? 0.12f : 0.88f);
        float y = fit_chance(c, 0.5f) ? 0.14f : 0.86f;
        struct planet moon = p;

        moon.x = x;
        moon.y = y;
        moon.radius = 0.05f * c->fine;
        moon.pale = fit_rand_hsv(c, 0.0f, 1.0f, 0.15f, 0.4f, 0.8f, 0.95f);
        moon.deep = fit_rgb_scale(moon.pale, 0.7f);
        fit_paint_area(c, fit_box_around(x, y, moon.radius, moon.radius), ball_shade, &moon);
    }
    paint_planet(c, &p);
}

struct burst {
    float x, y, radius;
    int streaks;
    int id;
    float turn;
    struct fit_rgb color, tip;
};

static void burst_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct burst *s = context;
    float x = (at->x - s->x) / s->radius;
    float y = (at->y - s->y) / s->radius;
    float d = sqrtf(x * x + y * y);
    float phase, off, reach, thick, streak, head;
    int index;

    if (d > 1.15f)
        return;
    y -= 0.12f * d * d;         /* sparks fall as they fly */
    d = sqrtf(x * x + y * y);
    phase = (atan2f(y, x) + s->turn) * (float)s->streaks / FIT_TAU + (float)s->streaks;
    index = (int)phase;
    off = (phase - (float)index - 0.5f) * FIT_TAU / (float)s->streaks * d;
    reach = 0.82f + 0.16f * fit_hash(s->id, index % s->streaks);
    thick = 0.018f + 0.032f * d;
    streak = expf(-off * off / (thick * thick)) * fit_smooth(0.1f, 0.3f, d) *
             fit_smooth(reach + 0.03f, reach - 0.03f, d);
    fit_add(rgb, s->color, streak * (0.35f + 0.65f * d));
    off = (off * off + (d - reach) * (d - reach)) / (0.05f * 0.05f);
    head = expf(-off);
    fit_add(rgb, s->tip, head);
}

static void paint_burst(struct scene_canvas *c, int id, float x, float y, float radius)
{
    struct burst burst = {.x = x, .y = y, .radius = radius, .id = id};
    float hue = fit_rand(c, 0.0f, 1.0f);
    struct fit_box box = fit_box_around(x, y, 1.15f * radius, 1.15f * radius);

    burst.streaks = 12 + 2 * fit_pick(c, 3);
    burst.turn = fit_rand(c, 0.0f, FIT_TAU);
    burst.color = fit_hsv(hue, 0.72f, 1.0f);
    burst.tip = fit_hsv(hue, 0.3f, 0.9f);
    fit_paint_glow(c, x, y, 0.55f * radius, fit_rgb_scale(burst.color, 0.28f));
    fit_paint_area(c, box, burst_shade, &burst);
    if (fit_chance(c, 0.5f)) {
        burst.color = fit_hsv(hue + fit_rand(c, 0.1f, 0.5f), 0.65f, 1.0f);
        burst.tip = fit_rgb_scale(burst.color, 0.6f);
        burst.streaks = 8;
        burst.radius = 0.5f * radius;
        fit_paint_area(c, box, burst_shade, &burst);
    }
}

void fit_scene_fireworks_paint(struct scene_canvas *c)
{
    float hue = fit_rand(c, 0.62f, 0.76f);
    float horizon = fit_rand(c, 0.79f, 0.85f);
    struct fit_stop sky[] = {{0.0f, fit_hsv(hue, 0.8f, 0.09f)},
                             {horizon, fit_hsv(hue + 0.05f, 0.6f, 0.3f)}};
    struct fit_mirror water = {horizon, 2.4f, 0.12f, {0.6f, 0.6f, 0.68f}, {0.0f, 0.01f, 0.05f}};
    bool tall = c->aspect < 0.75f;
    int count = 2 + fit_chance(c, 0.35f) + (c->aspect > 1.5f) + (c->aspect > 2.4f);

    fit_paint_gradient(c, sky, 2);
    for (int i = 0; i < count; i++) {
        float slot = ((float)i + fit_rand(c, 0.35f, 0.65f)) / (float)count;
        float other = fit_rand(c, 0.0f, 1.0f);
        float radius = fminf(fit_rand(c, 0.24f, 0.34f) * (0.25f + 0.75f * c->unit),
                             0.64f * fmaxf(c->aspect, 1.0f) / (float)count);
        float x = c->aspect * (tall ? fit_lerp(0.35f, 0.65f, other) : slot);
        float y = tall ? fit_lerp(0.08f, 0.68f, slot) : fit_lerp(0.24f, 0.46f, other);

        paint_burst(c, i, x, y, radius);
    }
    fit_ridge_draw(c, 0, horizon, 0.09f, 2.5f, 7.0f, 2);
    for (int i = 0; i < c->width; i++)
        c->line[0][i] = fminf(c->line[0][i], horizon - 0.012f);
    fit_paint_below(c, 0, (struct fit_rgb){0.02f, 0.02f, 0.06f},
                    (struct fit_rgb){0.01f, 0.01f, 0.03f}, 0.1f);
    fit_paint_mirror(c, &water);
}
