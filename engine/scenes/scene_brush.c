/* SPDX-License-Identifier: Apache-2.0 */
#include "scene_paint.h"

#include <stddef.h>

#define STROKE_POINTS 10

static int sample_index(float at, float px, int count)
{
    return (int)fit_clamp(at / px, 0.0f, (float)count);
}

void fit_paint_area(struct scene_canvas *c, struct fit_box box,
                    void (*shade)(const void *context, const struct fit_sample *at, float *rgb),
                    const void *context)
{
    int x0 = sample_index(box.x0 - c->px, c->px, c->width);
    int x1 = sample_index(box.x1 + 2.0f * c->px, c->px, c->width);
    int y0 = sample_index(box.y0 - c->px, c->px, c->height);
    int y1 = sample_index(box.y1 + 2.0f * c->px, c->px, c->height);
    struct fit_sample at = {.px = c->px};

    for (int y = y0; y < y1; y++) {
        float *rgb = c->rgb + ((size_t)y * (size_t)c->width + (size_t)x0) * 3;

        at.y = ((float)y + 0.5f) * c->px;
        for (int x = x0; x < x1; x++, rgb += 3) {
            at.x = ((float)x + 0.5f) * c->px;
            at.column = x;
            shade(context, &at, rgb);
        }
    }
}

void fit_paint_gradient(struct scene_canvas *c, const struct fit_stop *stops, int count)
{
    float *rgb = c->rgb;

    for (int y = 0; y < c->height; y++) {
        struct fit_rgb color = fit_stops_at(stops, count, ((float)y + 0.5f) * c->px);

        for (int x = 0; x < c->width; x++, rgb += 3)
            fit_blend(rgb, color, 1.0f);
    }
}

struct round_spot {
    const struct scene_canvas *canvas;
    float x, y, radius;
    struct fit_rgb color, dark;
};

static void glow_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct round_spot *s = context;
    float dx = at->x - s->x;
    float dy = at->y - s->y;

    fit_add(rgb, s->color, expf(-sqrtf(dx * dx + dy * dy) / s->radius));
}

void fit_paint_glow(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb light)
{
    struct round_spot spot = {.x = x, .y = y, .radius = radius, .color = light};

    /* Beyond six radii less than 1/400 of the light is left. */
    fit_paint_area(c, fit_box_around(x, y, 6.0f * radius, 6.0f * radius), glow_shade, &spot);
}

static void disc_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct round_spot *s = context;
    float dx = at->x - s->x;
    float dy = at->y - s->y;

    fit_blend(rgb, s->color, fit_cover(s->radius - sqrtf(dx * dx + dy * dy), at->px));
}

void fit_paint_disc(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb color)
{
    struct round_spot spot = {.x = x, .y = y, .radius = radius, .color = color};

    fit_paint_area(c, fit_box_around(x, y, radius, radius), disc_shade, &spot);
}

static void puff_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct round_spot *s = context;
    float dx = (at->x - s->x) / s->radius;
    float dy = (at->y - s->y) / s->radius;
    float d = sqrtf(dx * dx + dy * dy);
    float rough, lit;

    if (d > 1.1f)
        return;
    rough = fit_noise(s->canvas, at->x / s->radius * 3.2f, at->y / s->radius * 3.2f) - 0.5f;
    lit = 0.5f - 0.38f * dx - 0.55f * dy + 0.5f * rough;
    fit_blend(rgb, fit_rgb_mix(s->dark, s->color, fit_clamp(lit, 0.0f, 1.0f)),
              fit_cover((0.88f + 0.4f * rough - d) * s->radius, at->px));
}

void fit_paint_puff(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb light,
                    struct fit_rgb dark)
{
    struct round_spot spot = {c, x, y, radius, light, dark};

    fit_paint_area(c, fit_box_around(x, y, 1.1f * radius, 1.1f * radius), puff_shade, &spot);
}

struct flat_shape {
    const float *corners;
    int count;
    float normal[16];     /* outward unit normals of the edges */
    struct fit_box box;
    struct fit_rgb color;
};

static void rect_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct flat_shape *s = context;
    float across = fminf(at->x - s->box.x0, s->box.x1 - at->x);
    float along = fminf(at->y - s->box.y0, s->box.y1 - at->y);

    fit_blend(rgb, s->color, fit_cover(across, at->px) * fit_cover(along, at->px));
}

void fit_paint_rect(struct scene_canvas *c, struct fit_box box, struct fit_rgb color)
{
    struct flat_shape shape = {.box = box, .color = color};

    fit_paint_area(c, box, rect_shade, &shape);
}

static void polygon_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct flat_shape *s = context;
    float inside = 1e9f;

    for (int i = 0; i < s->count; i++) {
        float dx = at->x - s->corners[2 * i];
        float dy = at->y - s->corners[2 * i + 1];

        inside = fminf(inside, -(dx * s->normal[2 * i] + dy * s->normal[2 * i + 1]));
    }
    fit_blend(rgb, s->color, fit_cover(inside, at->px));
}

void fit_paint_polygon(struct scene_canvas *c, const float *corners, int count,
                       struct fit_rgb color)
{
    struct flat_shape shape = {.corners = corners, .count = count, .color = color};
    struct fit_box box = {corners[0], corners[1], corners[0], corners[1]};

    for (int i = 0; i < count; i++) {
        const float *a = corners + 2 * i;
        const float *b = corners + 2 * ((i + 1) % count);
        float dx = b[0] - a[0];
        float dy = b[1] - a[1];
        float length = fmaxf(sqrtf(dx * dx + dy * dy), 1e-6f);

        shape.normal[2 * i] = dy / length;
        shape.normal[2 * i + 1] = -dx / length;
        box.x0 = fminf(box.x0, a[0]);
        box.x1 = fmaxf(box.x1, a[0]);
        box.y0 = fminf(box.y0, a[1]);
        box.y1 = fmaxf(box.y1, a[1]);
    }
    fit_paint_area(c, box, polygon_shade, &shape);
}

struct flat_stroke {
    float x[STROKE_POINTS], y[STROKE_POINTS], width[STROKE_POINTS];
    struct fit_rgb left, right;
};

static void stroke_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct flat_stroke *s = context;
    float best = -1e9f;
    float side = 0.0f;

    for (int i = 0; i + 1 < STROKE_POINTS; i++) {
        float ex = s->x[i + 1] - s->x[i];
        float ey = s->y[i + 1] - s->y[i];
        float dx = at->x - s->x[i];
        float dy = at->y - s->y[i];
        float t = fit_clamp((dx * ex + dy * ey) / (ex * ex + ey * ey + 1e-9f), 0.0f, 1.0f);
        float ox = dx - t * ex;
        float oy = dy - t * ey;
        float width = fit_lerp(s->width[i], s->width[i + 1], t);
        float inside = width - sqrtf(ox * ox + oy * oy);

        if (inside > best) {
            best = inside;
            side = (ex * oy - ey * ox) / (sqrtf(ex * ex + ey * ey) * width + 1e-9f);
        }
    }
    if (best > -at->px)
        fit_blend(rgb, fit_rgb_mix(s->left, s->right, fit_smooth(-0.9f, 0.9f, side)),
                  fit_cover(best, at->px));
}

void fit_paint_stroke(struct scene_canvas *c, const struct fit_stroke *stroke)
{
    struct flat_stroke flat = {.left = stroke->left, .right = stroke->right};
    struct fit_box box = {1e9f, 1e9f, -1e9f, -1e9f};

    for (int i = 0; i < STROKE_POINTS; i++) {
        float t = (float)i / (STROKE_POINTS - 1);
        float a = (1.0f - t) * (1.0f - t);
        float b = 2.0f * t * (1.0f - t);
        float d = t * t;
        float x = a * stroke->x0 + b * stroke->x1 + d * stroke->x2;
        float y = a * stroke->y0 + b * stroke->y1 + d * stroke->y2;
        float w = fit_lerp(stroke->start, stroke->end, t) + 2.0f * b * stroke->bulge;

        flat.x[i] = x;
        flat.y[i] = y;
        flat.width[i] = w;
        box.x0 = fminf(box.x0, x - w);
        box.x1 = fmaxf(box.x1, x + w);
        box.y0 = fminf(box.y0, y - w);
        box.y1 = fmaxf(box.y1, y + w);
    }
    fit_paint_area(c, box, stroke_shade, &flat);
}

void fit_ridge_draw(struct scene_canvas *c, int index, float base, float amplitude,
                    float frequency, float seed, int octaves)
{
    for (int i = 0; i < c->width; i++) {
        float x = ((float)i + 0.5f) * c->px;
        float noise = fit_noise_line(c, x * frequency, octaves, seed);

        c->line[index][i] = base - amplitude * (noise - 0.35f);
    }
}

struct ground {
    const float *skyline;
    struct fit_rgb top, bottom;
    float depth;
};

static void below_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct ground *g = context;
    float under = at->y - g->skyline[at->column];

    if (under > -at->px)
        fit_blend(rgb, fit_rgb_mix(g->top, g->bottom, fit_smooth(0.0f, g->depth, under)),
                  fit_cover(under, at->px));
}

void fit_paint_below(struct scene_canvas *c, int index, struct fit_rgb top, struct fit_rgb bottom,
                     float depth)
{
    struct ground ground = {c->line[index], top, bottom, depth};

    fit_paint_area(c, fit_box_all(c), below_shade, &ground);
}
