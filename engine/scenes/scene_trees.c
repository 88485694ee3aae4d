/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes of trees and water: waterfall, autumn lake, cherry blossom. */
#include "scene_list.h"
#include "scene_paint.h"

/* A round crown of several puffs on a short trunk; y is the foot. */
static void paint_tree(struct scene_canvas *c, float x, float y, float size, struct fit_rgb leaf)
{
    struct fit_rgb bark = fit_hsv(0.06f, 0.5f, 0.24f);
    struct fit_rgb light = fit_rgb_scale(leaf, 1.12f);
    struct fit_rgb dark = fit_rgb_scale(leaf, 0.45f);
    struct fit_stroke trunk = {x, y, x, y - 0.3f * size, x, y - 0.6f * size, 0.05f * size,
                               0.04f * size, 0.0f, bark, fit_rgb_scale(bark, 0.7f)};
    float lean = fit_rand(c, -0.06f, 0.06f) * size;

    fit_paint_stroke(c, &trunk);
    fit_paint_puff(c, x - 0.2f * size, y - 0.42f * size, 0.26f * size, light, dark);
    fit_paint_puff(c, x + 0.2f * size, y - 0.42f * size, 0.26f * size, light, dark);
    fit_paint_puff(c, x + lean, y - 0.58f * size, 0.34f * size, light, dark);
    fit_paint_puff(c, x + 0.5f * lean, y - 0.8f * size, 0.24f * size, light, dark);
}

struct gorge {
    const struct scene_canvas *canvas;
    const float *rim;          /* per column: the cliff's upper edge */
    float x, half, lip, pool;  /* the fall's axis, half width, start and end */
    struct fit_rgb rock, dark, moss, water;
};

static void cliff_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct gorge *s = context;
    float under = at->y - s->rim[at->column];
    float block, crack, away, green;
    struct fit_rgb color;

    if (under < -at->px || at->y > s->pool + 0.02f)
        return;
    block = fit_fbm(s->canvas, at->x * 9.0f / s->canvas->fine, at->y * 4.0f, 3);
    crack = fit_noise(s->canvas, at->x * 5.0f / s->canvas->fine + 9.0f, at->y * 13.0f);
    away = fabsf(at->x - s->x) / (0.5f * s->canvas->aspect);
    color = fit_rgb_mix(s->dark, s->rock, fit_smooth(0.25f, 0.75f, 0.7f * block + 0.3f * crack));
    color = fit_rgb_scale(color, 0.7f + 0.4f * fit_smooth(0.0f, 0.6f, away));
    green = fit_smooth(0.5f, 0.62f, block + 0.28f * fit_smooth(0.22f, 0.0f, under) - 0.1f +
                       0.12f * away);
    fit_blend(rgb, fit_rgb_mix(color, s->moss, 0.85f * green), fit_cover(under, at->px));
}

static void pool_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct gorge *s = context;
    float down = at->y - s->pool;
    float ripple, ring;
    struct fit_rgb color;

    if (down < -at->px)
        return;
    ripple = fit_fbm(s->canvas, at->x * 5.0f / s->canvas->fine, 3.0f / (down + 0.16f), 2) - 0.5f;
    ring = expf(-fabsf(at->x - s->x) / (2.6f * s->half)) * expf(-down / 0.12f);
    color = fit_rgb_scale(s->water, 0.95f + 0.7f * ripple - 0.55f * down);
    color = fit_rgb_mix(color, (struct fit_rgb){0.95f, 0.99f, 1.0f},
                        fit_clamp(ring * (0.9f + ripple), 0.0f, 1.0f));
    fit_blend(rgb, color, fit_cover(down, at->px));
}

static void fall_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct gorge *s = context;
    float t = (at->y - s->lip) / (s->pool - s->lip);
    float half, off, strand;
    struct fit_rgb color;

    if (t < 0.0f || t > 1.05f)
        return;
    off = at->x - s->x;
    strand = fit_fbm(s->canvas, off / s->half * 3.2f + 30.0f, at->y * 2.2f, 2);
    half = s->half * (0.8f + 0.35f * t + 0.3f * (strand - 0.5f));
    color = fit_rgb_mix((struct fit_rgb){0.68f, 0.84f, 0.93f}, (struct fit_rgb){1.0f, 1.0f, 1.0f},
                        fit_smooth(0.3f, 0.6f, strand));
    fit_blend(rgb, color, fit_smooth(-0.012f, 0.012f, half - fabsf(off)) *
                          fit_smooth(0.0f, 0.02f, t));
}

static void paint_banks(struct scene_canvas *c, const struct gorge *g, struct fit_rgb leaf)
{
    struct fit_rgb stone = fit_rgb_scale(g->rock, 1.05f);

    for (int i = 0; i < 6; i++) {
        float side = i % 2 ? 1.0f : -1.0f;
        float x = g->x + side * (1.9f + 0.8f * (float)(i / 2)) * g->half;
        float y = g->pool + fit_rand(c, 0.0f, 0.05f);
        float size = fit_rand(c, 0.35f, 0.55f) * g->half;

        fit_paint_puff(c, x, y, size, stone, fit_rgb_scale(g->dark, 0.7f));
    }
    for (int i = 0; i < 8; i++) {
        float side = i % 2 ? 1.0f : 0.0f;
        float x = c->aspect * side + (1.0f - 2.0f * side) * fit_rand(c, 0.0f, 0.16f) * c->aspect;
        float y = fit_lerp(g->pool - 0.04f, 1.02f, (float)i / 7.0f);
        float size = fit_rand(c, 0.09f, 0.14f) * c->fine;

        fit_paint_puff(c, x, y, size, leaf, fit_rgb_scale(leaf, 0.35f));
    }
}

void fit_scene_waterfall_paint(struct scene_canvas *c)
{
    struct fit_rgb top = fit_rand_hsv(c, 0.53f, 0.6f, 0.4f, 0.6f, 0.85f, 1.0f);
    struct fit_stop sky[] = {{0.0f, top}, {0.4f, fit_hsv(0.14f, 0.12f, 1.0f)}};
    float hue = fit_rand(c, 0.2f, 0.36f);
    struct gorge g = {.canvas = c, .rim = c->line[0]};
    struct fit_rgb leaf = fit_hsv(hue, 0.66f, 0.55f);
    float rim = fit_rand(c, 0.27f, 0.34f);
    float stone = fit_rand(c, 0.03f, 0.12f);

    g.half = fit_rand(c, 0.085f, 0.125f) * c->fine;
    g.x = c->aspect * fit_rand(c, 0.42f, 0.58f);
    g.pool = fit_rand(c, 0.73f, 0.78f);
    g.rock = fit_hsv(stone, 0.22f, 0.58f);
    g.dark = fit_hsv(stone + 0.02f, 0.35f, 0.2f);
    g.moss = fit_hsv(hue, 0.6f, 0.4f);
    g.water = fit_rand_hsv(c, 0.46f, 0.55f, 0.5f, 0.65f, 0.6f, 0.75f);
    fit_paint_gradient(c, sky, 2);
    fit_ridge_draw(c, 1, rim - 0.02f, 0.2f, 2.0f / c->fine, 40.0f, 3);
    fit_paint_below(c, 1, fit_hsv(0.56f, 0.3f, 0.75f), fit_hsv(0.5f, 0.2f, 0.85f), 0.2f);
    fit_ridge_draw(c, 0, rim, 0.08f, 3.0f / c->fine, 12.0f, 3);
    for (int i = 0; i < c->width; i++) {
        float off = (((float)i + 0.5f) * c->px - g.x) / (1.5f * g.half);

        c->line[0][i] += 0.07f * expf(-off * off);
    }
    g.lip = c->line[0][(int)fit_clamp(g.x / c->px, 0.0f, (float)(c->width - 1))] - 0.01f;
    for (int i = 0; i < 9; i++) {
        float x = c->aspect * ((float)i + fit_rand(c, 0.2f, 0.8f)) / 9.0f;
        float size = fit_rand(c, 0.17f, 0.26f) * c->fine;
        float shade = fit_rand(c, 0.65f, 0.95f);

        if (fabsf(x - g.x) > 1.25f * g.half)
            fit_paint_pine(c, x, rim + 0.05f, size,
                           fit_rgb_scale(fit_hsv(hue + 0.06f, 0.65f, 0.42f), shade));
    }
    fit_paint_area(c, fit_box_all(c), cliff_shade, &g);
    fit_paint_area(c, fit_box_all(c), pool_shade, &g);
    fit_paint_area(c, fit_box_around(g.x, 0.5f, 1.5f * g.half, 0.5f), fall_shade, &g);
    paint_banks(c, &g, leaf);
    fit_paint_glow(c, g.x, g.pool, 0.09f * c->fine, (struct fit_rgb){0.5f, 0.53f, 0.55f});
}

struct peaks {
    const struct scene_canvas *canvas;
    const float *skyline;
    int step;                  /* columns over which the slope is taken */
    struct fit_rgb rock;
};

static void peaks_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct peaks *s = context;
    int last = s->canvas->width - 1;
    int left = at->column > s->step ? at->column - s->step : 0;
    int right = at->column < last - s->step ? at->column + s->step : last;
    float under = at->y - s->skyline[at->column];
    float slope, rough, light;
    struct fit_rgb snow = {0.97f, 0.98f, 1.0f};
    struct fit_rgb color;

    if (under < -at->px)
        return;
    slope = (s->skyline[left] - s->skyline[right]) / ((float)(right - left) * at->px);
    rough = fit_noise(s->canvas, at->x * 14.0f / s->canvas->fine, at->y * 9.0f);
    light = 0.84f + 0.16f * fit_clamp(2.5f * slope, -1.0f, 1.0f);
    color = fit_rgb_mix(snow, s->rock, fit_smooth(-0.02f, 0.02f, under - 0.05f - 0.07f * rough));
    fit_blend(rgb, fit_rgb_scale(color, light), fit_cover(under, at->px));
}

/* A jittered zigzag makes sharp summits where value noise makes hills. */
static void paint_peaks(struct scene_canvas *c, float base, struct fit_rgb rock)
{
    float seed = fit_rand(c, 0.0f, 40.0f);
    struct peaks peaks = {c, c->line[0], c->width / 64 + 1, rock};

    for (int i = 0; i < c->width; i++) {
        float x = ((float)i + 0.5f) * c->px / c->fine;
        float t = 1.9f * x + 0.9f * fit_noise_line(c, x * 2.2f, 1, seed) + seed;
        int peak = (int)(t + 0.5f);
        float rise = 1.0f - 2.0f * fabsf(t - (float)peak);
        float rough = fit_noise_line(c, x * 7.0f, 2, seed + 5.0f) - 0.5f;

        c->line[0][i] = base - (0.2f + 0.14f * fit_hash(peak, 7)) * rise - 0.08f * rough;
    }
    fit_paint_area(c, fit_box_all(c), peaks_shade, &peaks);
}

static void paint_autumn_trees(struct scene_canvas *c, float shore)
{
    static const float leaves[5][3] = {{0.0f, 0.8f, 0.78f}, {0.045f, 0.85f, 0.95f},
                                       {0.085f, 0.85f, 1.0f}, {0.125f, 0.8f, 1.0f},
                                       {0.2f, 0.6f, 0.55f}};

    for (int row = 0; row < 2; row++) {
        int count = 9 - row;

        for (int i = 0; i < count; i++) {
            const float *tint = leaves[fit_pick(c, row == 0 ? 5 : 4)];
            float x = c->aspect * ((float)i + fit_rand(c, 0.2f, 0.8f)) / (float)count;
            float size = (row == 0 ? 0.23f : 0.19f) * fit_rand(c, 0.8f, 1.25f) * c->fine;
            float value = row == 0 ? 0.78f : 1.0f;

            if (row == 0 && fit_chance(c, 0.25f))
                fit_paint_pine(c, x, shore, 1.25f * size, fit_hsv(0.4f, 0.5f, 0.3f));
            else
                paint_tree(c, x, shore, size, fit_hsv(tint[0], tint[1], value * tint[2]));
        }
    }
}

void fit_scene_autumn_lake_paint(struct scene_canvas *c)
{
    struct fit_rgb top = fit_rand_hsv(c, 0.54f, 0.62f, 0.45f, 0.65f, 0.75f, 0.95f);
    float warm = fit_rand(c, 0.03f, 0.14f);
    struct fit_stop sky[] = {{0.0f, top}, {0.5f, fit_hsv(warm, 0.22f, 1.0f)}};
    float shore = fit_rand(c, 0.57f, 0.62f);
    struct fit_mirror lake = {shore, 1.05f, 0.09f, {0.74f, 0.78f, 0.86f}, {0.0f, 0.015f, 0.04f}};
    struct fit_rgb rock = fit_rand_hsv(c, 0.58f, 0.72f, 0.28f, 0.42f, 0.5f, 0.64f);

    fit_paint_gradient(c, sky, 2);
    fit_paint_clouds(c, (struct fit_rgb){1.0f, 0.98f, 0.95f}, 0.8f, 0.45f);
    paint_peaks(c, shore - 0.12f, rock);
    fit_ridge_draw(c, 1, shore - 0.1f, 0.16f, 2.4f / c->fine, 9.0f, 3);
    fit_paint_below(c, 1, fit_hsv(0.08f, 0.45f, 0.62f), fit_hsv(0.08f, 0.5f, 0.42f), 0.12f);
    paint_autumn_trees(c, shore);
    fit_paint_rect(c, (struct fit_box){-0.1f, shore - 0.022f, c->aspect + 0.1f, shore},
                   fit_hsv(0.11f, 0.55f, 0.42f));
    fit_paint_mirror(c, &lake);
}

struct cherry {
    float x, y, size;          /* foot of the trunk, and the tree's height */
    struct fit_rgb light, dark, bark;
};

static void paint_branches(struct scene_canvas *c, const struct cherry *t)
{
    static const float tips[5][2] = {{-0.46f, 0.6f}, {-0.24f, 0.82f}, {0.03f, 0.92f},
                                     {0.28f, 0.8f}, {0.48f, 0.58f}};
    float s = t->size;
    float fork_x = t->x + 0.02f * s;
    float fork_y = t->y - 0.4f * s;
    struct fit_rgb shade = fit_rgb_scale(t->bark, 0.6f);
    struct fit_stroke trunk = {t->x, t->y, t->x - 0.07f * s, t->y - 0.2f * s, fork_x, fork_y,
                               0.075f * s, 0.045f * s, 0.0f, t->bark, shade};

    fit_paint_stroke(c, &trunk);
    for (int i = 0; i < 5; i++) {
        float x = t->x + tips[i][0] * s;
        float y = t->y - tips[i][1] * s;
        struct fit_stroke branch = {fork_x, fork_y + 0.04f * s, fit_lerp(fork_x, x, 0.4f),
                                    fit_lerp(fork_y, y, 0.75f), x, y,
                                    0.038f * s, 0.014f * s, 0.0f, t->bark, shade};

        fit_paint_stroke(c, &branch);
    }
}

static void paint_blossom(struct scene_canvas *c, const struct cherry *t, int count, float spread,
                          float value)
{
    for (int i = 0; i < count; i++) {
        /* Golden-angle steps cover the crown evenly. */
        float r = sqrtf(((float)i + 0.5f) / (float)count) * spread;
        float angle = 2.39996f * (float)i + fit_rand(c, -0.4f, 0.4f);
        float x = t->x + 0.02f * t->size + 0.46f * t->size * r * cosf(angle);
        float y = t->y - 0.7f * t->size + 0.26f * t->size * r * sinf(angle);
        float size = t->size * fit_rand(c, 0.12f, 0.17f);

        fit_paint_puff(c, x, y, size, fit_rgb_scale(t->light, value),
                       fit_rgb_scale(t->dark, value));
    }
}

static void paint_cherry(struct scene_canvas *c, const struct cherry *t)
{
    paint_blossom(c, t, 16, 1.0f, 0.85f);
    paint_branches(c, t);
    paint_blossom(c, t, 17, 1.05f, 1.0f);
}

static void paint_petals(struct scene_canvas *c, float ground, struct fit_rgb color)
{
    for (int i = 0; i < 26; i++) {
        float x = c->aspect * fit_rand(c, 0.0f, 1.0f);
        float y = i % 2 ? fit_rand(c, ground + 0.05f, 1.0f) : fit_rand(c, 0.35f, ground);
        float turn = fit_rand(c, -0.6f, 0.6f);
        float size = 0.011f * c->fine;
        struct fit_stroke petal = {x - size * cosf(turn), y - size * sinf(turn), x, y,
                                   x + size * cosf(turn), y + size * sinf(turn),
                                   0.4f * size, 0.4f * size, 0.5f * size, color, color};

        fit_paint_stroke(c, &petal);
    }
}

void fit_scene_cherry_blossom_paint(struct scene_canvas *c)
{
    struct fit_rgb top = fit_rand_hsv(c, 0.53f, 0.64f, 0.3f, 0.5f, 0.88f, 1.0f);
    float rim = fit_rand(c, 0.9f, 1.12f);
    struct fit_stop sky[] = {{0.0f, top}, {0.75f, fit_hsv(rim, 0.14f, 1.0f)}};
    float ground = fit_rand(c, 0.76f, 0.82f);
    float hue = fit_rand(c, 0.91f, 0.955f);
    struct fit_rgb grass = fit_rand_hsv(c, 0.23f, 0.31f, 0.5f, 0.62f, 0.66f, 0.78f);
    struct cherry tree = {.light = fit_hsv(hue, 0.2f, 1.0f),
                          .dark = fit_hsv(hue - 0.02f, 0.52f, 0.85f),
                          .bark = fit_hsv(0.03f, 0.45f, 0.3f)};
    int count = c->aspect > 1.5f ? 2 : 1;
    float side = fit_chance(c, 0.5f) ? 1.0f : -1.0f;

    fit_paint_gradient(c, sky, 2);
    fit_paint_clouds(c, (struct fit_rgb){1.0f, 1.0f, 1.0f}, 0.7f, 0.6f);
    if (fit_chance(c, 0.6f)) {
        float x = c->aspect * (0.5f - 0.36f * side);
        float y = ground - 0.27f;
        float w = 0.4f * c->fine;
        const float slope[] = {x - 0.07f, y, x + 0.07f, y, x + w, 0.85f, x - w, 0.85f};
        const float cap[] = {x - 0.07f, y, x + 0.07f, y, x + 0.07f + 0.2f * w, y + 0.09f,
                             x - 0.07f - 0.2f * w, y + 0.09f};

        fit_paint_polygon(c, slope, 4, fit_rgb_mix(top, fit_hsv(0.64f, 0.4f, 0.6f), 0.6f));
        fit_paint_polygon(c, cap, 4, (struct fit_rgb){0.98f, 0.98f, 1.0f});
    }
    fit_ridge_draw(c, 0, ground, 0.1f, 1.1f / c->fine, 21.0f, 2);
    fit_paint_below(c, 0, grass, fit_rgb_scale(grass, 0.6f), 0.28f);
    for (int i = 0; i < count; i++) {
        float slot = ((float)i + 0.5f) / (float)count;

        tree.x = c->aspect * (slot + side * fit_rand(c, 0.0f, 0.1f / (float)count));
        tree.y = ground + fit_rand(c, 0.06f, 0.11f);
        tree.size = fit_rand(c, 0.74f, 0.8f) * (0.3f + 0.7f * c->unit);
        paint_cherry(c, &tree);
    }
    paint_petals(c, ground, fit_hsv(hue, 0.3f, 1.0f));
}
