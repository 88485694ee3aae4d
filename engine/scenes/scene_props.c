/* SPDX-License-Identifier: Apache-2.0 */
#include "scene_paint.h"

#include <stddef.h>

struct star {
    float x, y, radius;
    struct fit_rgb light;
};

static void star_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct star *s = context;
    float dx = (at->x - s->x) / s->radius;
    float dy = (at->y - s->y) / s->radius;

    fit_add(rgb, s->light, expf(-dx * dx - dy * dy));
}

void fit_paint_stars(struct scene_canvas *c, int count, float y_max)
{
    for (int i = 0; i < count; i++) {
        struct star star;
        float magnitude = fit_rand(c, 0.0f, 1.0f);
        float warmth = fit_rand(c, 0.0f, 1.0f);
        float brightness;

        magnitude *= magnitude;
        brightness = 0.45f + 0.55f * magnitude;
        star.x = fit_rand(c, 0.0f, c->aspect);
        star.y = fit_rand(c, 0.0f, y_max);
        star.radius = (0.0085f + 0.006f * magnitude) * c->fine;
        star.light = (struct fit_rgb){brightness, brightness * 0.97f,
                                      brightness * (0.85f + 0.15f * warmth)};
        fit_paint_area(c, fit_box_around(star.x, star.y, 2.5f * star.radius, 2.5f * star.radius),
                       star_shade, &star);
    }
}

struct clouds {
    const struct scene_canvas *canvas;
    struct fit_rgb color;
    float amount, y_end, cover;
};

static void clouds_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct clouds *s = context;
    float fade = fit_smooth(0.0f, 0.12f, s->y_end - at->y);
    float body;

    if (fade <= 0.0f)
        return;
    body = fit_fbm(s->canvas, at->x * 2.4f + 3.0f, at->y * 6.5f, 4);
    fit_blend(rgb, s->color, fit_smooth(s->cover, s->cover + 0.2f, body) * fade * s->amount);
}

void fit_paint_clouds(struct scene_canvas *c, struct fit_rgb color, float amount, float y_end)
{
    struct clouds clouds = {c, color, amount, y_end, 0.0f};

    clouds.cover = fit_rand(c, 0.46f, 0.6f);
    fit_paint_area(c, (struct fit_box){0.0f, 0.0f, c->aspect, y_end}, clouds_shade, &clouds);
}

void fit_paint_orb(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb color,
                   struct fit_rgb halo)
{
    fit_paint_glow(c, x, y, 0.05f + 1.8f * radius, halo);
    fit_paint_disc(c, x, y, radius, color);
}

struct pine {
    float x, y, size;
    struct fit_rgb color;
};

static void pine_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct pine *s = context;
    float t = (s->y - at->y) / s->size;   /* 0 at the lowest twigs, 1 at the tip */
    float across = fabsf(at->x - s->x);
    float tier = t * 4.0f + 0.1f;
    float cover = 0.0f;

    tier -= floorf(tier);
    if (t > 0.0f && t < 1.0f)
        cover = fit_cover(0.27f * s->size * (1.0f - t) * (1.0f - 0.42f * tier) - across, at->px);
    if (t > -0.1f && t < 0.1f)
        cover = fmaxf(cover, fit_cover(0.025f * s->size - across, at->px));
    fit_blend(rgb, fit_rgb_scale(s->color, 1.0f - 0.45f * (1.0f - tier) + 0.3f * t), cover);
}

void fit_paint_pine(struct scene_canvas *c, float x, float y, float size, struct fit_rgb color)
{
    struct pine pine = {x, y, size, color};

    fit_paint_area(c, (struct fit_box){x - 0.3f * size, y - size, x + 0.3f * size,
                                       y + 0.1f * size}, pine_shade, &pine);
}

void fit_paint_pines(struct scene_canvas *c, float y, float jitter, int count, float size,
                     struct fit_rgb color)
{
    for (int i = 0; i < count; i++) {
        float x = fit_rand(c, 0.0f, c->aspect);
        float scale = fit_rand(c, 0.65f, 1.25f);
        float shift = fit_rand(c, -jitter, jitter);

        fit_paint_pine(c, x, y + shift, size * scale, color);
    }
}

static void mirror_row(struct scene_canvas *c, const struct fit_mirror *m, int row)
{
    float y = ((float)row + 0.5f) * c->px;
    float depth = y - m->horizon;
    float from = (m->horizon - depth * m->squeeze) / c->px;
    const float *source = c->rgb + (size_t)fit_clamp(from, 0.0f, (float)row) * (size_t)c->width * 3;
    float *rgb = c->rgb + (size_t)row * (size_t)c->width * 3;
    float cover = fit_cover(depth, c->px);
    /* Ripples look shorter towards the horizon. */
    float phase = 4.0f / (depth + 0.35f);

    for (int i = 0; i < c->width; i++, rgb += 3) {
        float x = ((float)i + 0.5f) * c->px;
        float ripple = fit_noise(c, x * 7.0f, phase) - 0.5f;
        float shift = ripple * m->wobble * (0.25f + 2.0f * depth) / c->px;
        int column = (int)fit_clamp((float)i + shift, 0.0f, (float)(c->width - 1));
        const float *s = source + (size_t)column * 3;
        float light = 1.0f + 0.35f * ripple;
        struct fit_rgb color = {s[0] * m->tint.r * light + m->lift.r,
                                s[1] * m->tint.g * light + m->lift.g,
                                s[2] * m->tint.b * light + m->lift.b};

        fit_blend(rgb, color, cover);
    }
}

void fit_paint_mirror(struct scene_canvas *c, const struct fit_mirror *mirror)
{
    int first = (int)fit_clamp(mirror->horizon / c->px, 1.0f, (float)c->height);

    for (int row = first; row < c->height; row++)
        mirror_row(c, mirror, row);
}
