/* SPDX-License-Identifier: Apache-2.0 */
/* City at night. */
#include "scene_list.h"
#include "scene_paint.h"

struct tower {
    float x, top, cell;        /* left edge, roof, and the pitch of the windows */
    int columns;
    float horizon, lit;
    int id;
    struct fit_rgb glass, blind;
};

static void windows_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct tower *s = context;
    float x = (at->x - s->x) / s->cell - 0.5f;
    float y = (at->y - s->top) / (1.2f * s->cell) - 0.4f;
    float edge = at->px / s->cell;
    int column = (int)floorf(x);
    int row = (int)floorf(y);
    bool lit;

    if (column < 0 || column >= s->columns || row < 0)
        return;
    if (s->top + (1.2f * (float)row + 1.7f) * s->cell > s->horizon)
        return;
    x = 0.32f - fabsf(x - (float)column - 0.5f);
    y = 0.33f - fabsf(y - (float)row - 0.5f);
    lit = fit_hash(s->id, column * 64 + row) < s->lit;
    fit_blend(rgb, lit ? s->glass : s->blind, fit_cover(x, edge) * fit_cover(y, edge));
}

static void paint_roof(struct scene_canvas *c, float x, float width, float y, struct fit_rgb color)
{
    int kind = fit_pick(c, 4);
    const float spire[] = {x, y - 0.7f * width, x + 0.5f * width, y + 2.0f * c->px,
                           x - 0.5f * width, y + 2.0f * c->px};
    float mast = 0.009f * c->fine;

    if (kind == 0) {
        fit_paint_rect(c, fit_box_around(x, y, 0.3f * width, 0.035f * c->fine), color);
        fit_paint_rect(c, fit_box_around(x, y - 0.06f * c->fine, mast, 0.06f * c->fine), color);
    } else if (kind == 1) {
        fit_paint_polygon(c, spire, 3, color);
    } else if (kind == 2) {
        fit_paint_rect(c, fit_box_around(x, y, mast, 0.09f * c->fine), color);
    }
}

static void paint_row(struct scene_canvas *c, float horizon, struct fit_rgb body, bool windows)
{
    float cell = 0.046f * c->fine;
    float x = -fit_rand(c, 0.0f, 2.0f) * cell;
    int id = 0;

    while (x < c->aspect) {
        struct tower tower = {.x = x, .cell = cell, .horizon = horizon, .id = id};
        float width, height;

        tower.columns = 2 + fit_pick(c, 3);
        width = ((float)tower.columns + 1.0f) * cell;
        height = windows ? fit_rand(c, 0.16f, 0.46f) : fit_rand(c, 0.3f, 0.6f);
        tower.top = horizon - height;
        paint_roof(c, x + 0.5f * width, width, tower.top, body);
        fit_paint_rect(c, (struct fit_box){x, tower.top, x + width, horizon + 0.01f}, body);
        tower.lit = fit_rand(c, 0.45f, 0.7f);
        tower.glass = fit_rand_hsv(c, 0.09f, 0.15f, 0.3f, 0.6f, 1.0f, 1.0f);
        tower.blind = fit_rgb_mix(body, tower.glass, 0.1f);
        if (windows)
            fit_paint_area(c, (struct fit_box){x, tower.top, x + width, horizon}, windows_shade,
                           &tower);
        x += width + (fit_chance(c, 0.4f) ? fit_rand(c, 0.2f, 0.9f) * cell : 0.0f);
        id++;
    }
}

void fit_scene_city_night_paint(struct scene_canvas *c)
{
    float hue = fit_rand(c, 0.58f, 0.84f);
    float horizon = fit_rand(c, 0.76f, 0.82f);
    struct fit_rgb top = fit_rand_hsv(c, hue, hue, 0.7f, 0.78f, 0.14f, 0.26f);
    float rim = hue + fit_rand(c, 0.05f, 0.25f);
    struct fit_rgb low = fit_rand_hsv(c, rim, rim, 0.45f, 0.65f, 0.6f, 0.9f);
    struct fit_stop sky[] = {{0.0f, top}, {horizon, low}};
    struct fit_mirror water = {horizon, 1.2f, 0.1f, {0.62f, 0.62f, 0.68f}, {0.0f, 0.0f, 0.0f}};
    struct fit_rgb far = fit_rgb_mix(fit_rgb_mix(low, top, 0.35f), fit_hsv(hue, 0.6f, 0.1f), 0.35f);
    float x = c->aspect * fit_rand(c, 0.18f, 0.82f);
    float y = fit_rand(c, 0.13f, 0.22f);

    water.lift = fit_hsv(hue, 0.6f, 0.05f);
    fit_paint_gradient(c, sky, 2);
    fit_paint_stars(c, 16, 0.4f);
    fit_paint_orb(c, x, y, fit_rand(c, 0.075f, 0.11f) * c->fine,
                  (struct fit_rgb){1.0f, 0.95f, 0.82f}, (struct fit_rgb){0.2f, 0.19f, 0.17f});
    paint_row(c, horizon, far, false);
    paint_row(c, horizon, fit_hsv(hue, 0.55f, 0.12f), true);
    fit_paint_mirror(c, &water);
}
