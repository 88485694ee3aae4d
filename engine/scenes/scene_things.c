/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes round one large object: balloons, flower, winter cabin. */
#include "scene_list.h"
#include "scene_paint.h"

struct balloon {
    float x, y, radius, gores;
    bool zigzag;
    struct fit_rgb first, second;
};

static void balloon_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct balloon *s = context;
    float x = (at->x - s->x) / s->radius;
    float y = (at->y - s->y) / s->radius;
    float edge = at->px / s->radius;
    float profile, cover, gore, stripe, light;

    if (y < -1.1f || y > 1.45f)
        return;
    profile = y < 0.0f ? sqrtf(fmaxf(1.0f - y * y, 0.0f)) : cosf(fminf(y / 1.42f, 1.0f) * 1.32f);
    cover = fit_cover(profile - fabsf(x), 1.3f * edge) * fit_cover(1.4f - y, edge);
    if (cover <= 0.0f)
        return;
    gore = asinf(fit_clamp(x / fmaxf(profile, 0.02f), -1.0f, 1.0f)) / 3.14159f * s->gores;
    stripe = s->zigzag ? 2.2f * y + 1.2f * fabsf(gore - floorf(gore) - 0.5f) + 8.0f
                       : gore + 8.5f;
    light = 0.66f - 0.3f * x - 0.22f * y +
            0.3f * sqrtf(fmaxf(1.0f - x * x - 0.6f * y * y, 0.0f));
    fit_blend(rgb, fit_rgb_scale((int)stripe % 2 ? s->first : s->second,
                                 fit_clamp(light, 0.38f, 1.2f)), cover);
}

static void paint_balloon(struct scene_canvas *c, float x, float y, float radius)
{
    struct balloon b = {.x = x, .y = y, .radius = radius};
    struct fit_rgb wicker = fit_hsv(0.08f, 0.6f, 0.38f);
    float hue = fit_rand(c, 0.0f, 1.0f);

    b.gores = fit_chance(c, 0.5f) ? 5.0f : 7.0f;
    b.zigzag = fit_chance(c, 0.25f);
    b.first = fit_hsv(hue, 0.78f, 0.98f);
    if (fit_chance(c, 0.5f))
        b.second = fit_hsv(0.13f, 0.12f, 1.0f);
    else
        b.second = fit_hsv(hue + fit_rand(c, 0.12f, 0.6f), 0.65f, 1.0f);
    for (int i = -1; i <= 1; i += 2) {
        float k = (float)i * radius;
        struct fit_stroke rope = {x + 0.24f * k, y + 1.3f * radius, x + 0.21f * k,
                                  y + 1.5f * radius, x + 0.18f * k, y + 1.75f * radius,
                                  0.022f * radius, 0.022f * radius, 0.0f, wicker, wicker};

        fit_paint_stroke(c, &rope);
    }
    fit_paint_area(c, fit_box_around(x, y + 0.2f * radius, 1.05f * radius, 1.3f * radius),
                   balloon_shade, &b);
    fit_paint_rect(c, fit_box_around(x, y + 1.85f * radius, 0.22f * radius, 0.16f * radius),
                   wicker);
    fit_paint_rect(c, fit_box_around(x, y + 1.72f * radius, 0.24f * radius, 0.04f * radius),
                   fit_rgb_scale(wicker, 1.6f));
}

/* Balloons stand side by side, or one over the other in a tall picture. */
static void place_balloon(struct scene_canvas *c, int index, int count)
{
    bool tall = c->aspect < 0.75f;
    float slot = fit_rand(c, 0.4f, 0.6f);
    float other = fit_rand(c, 0.0f, 1.0f);
    float scale = fit_rand(c, 0.8f, 1.05f);
    float radius = tall ? 0.36f * c->aspect : 0.24f;
    float x, y, y_low, y_high;

    if (count > 1)
        radius = fminf(radius, (tall ? 0.24f : 0.36f * fmaxf(c->aspect, 1.0f)) / (float)count);
    radius *= count > 1 ? scale : 0.9f + 0.6f * (scale - 0.8f);
    y_low = 1.1f * radius + 0.04f;
    y_high = 0.86f - 2.05f * radius;
    slot = ((float)index + slot) / (float)count;
    x = c->aspect * (tall ? fit_lerp(0.42f, 0.58f, other) : slot);
    if (tall && count > 1)
        other = (float)index / (float)(count - 1);
    y = fit_lerp(y_low, y_high, other);
    paint_balloon(c, x, y, radius);
}

void fit_scene_balloons_paint(struct scene_canvas *c)
{
    struct fit_rgb top = fit_rand_hsv(c, 0.54f, 0.62f, 0.45f, 0.7f, 0.8f, 1.0f);
    bool dawn = fit_chance(c, 0.5f);
    float warm = dawn ? fit_rand(c, 0.0f, 0.13f) : 0.55f;
    struct fit_stop sky[] = {{0.0f, top}, {0.75f, fit_hsv(warm, dawn ? 0.32f : 0.2f, 1.0f)}};
    int count = 1 + fit_pick(c, 2) + (c->aspect > 1.6f || c->aspect < 0.4f);
    float hue = fit_rand(c, 0.2f, 0.36f);

    fit_paint_gradient(c, sky, 2);
    fit_paint_clouds(c, (struct fit_rgb){1.0f, 1.0f, 1.0f}, 0.8f, 0.75f);
    for (int i = 0; i < 3; i++) {
        float t = (float)i / 2.0f;
        struct fit_rgb hill = fit_rgb_mix(fit_hsv(0.57f, 0.25f, 0.82f), fit_hsv(hue, 0.6f, 0.52f),
                                          0.3f + 0.7f * t);

        fit_ridge_draw(c, 0, 0.8f + 0.09f * t, 0.13f, (1.6f + t) / c->fine, (float)i * 9.0f, 3);
        fit_paint_below(c, 0, hill, fit_rgb_scale(hill, 0.72f), 0.25f);
    }
    for (int i = 0; i < count; i++)
        place_balloon(c, i, count);
}

struct bloom {
    const struct scene_canvas *canvas;
    float x, y, radius, squash, turn;
    float scale;               /* of this ring of petals, 1 the outer one */
    float heart;               /* radius of the disc florets */
    int petals;
    struct fit_rgb inner, outer, center;
};

static void petals_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct bloom *s = context;
    float x = (at->x - s->x) / s->radius;
    float y = (at->y - s->y) / (s->radius * s->squash);
    float d = sqrtf(x * x + y * y);
    float phase, off, rim, cover;
    struct fit_rgb color;

    if (d > 1.1f)
        return;
    phase = (atan2f(y, x) + s->turn) * (float)s->petals / FIT_TAU + (float)s->petals;
    off = 2.0f * fabsf(phase - floorf(phase) - 0.5f);     /* 0 on the petal's axis, 1 between */
    rim = s->scale * (1.0f - 0.5f * off * off * sqrtf(off));
    cover = fit_cover((rim - d) * s->radius, at->px);
    fit_blend(rgb, fit_rgb_scale(s->inner, 0.4f),
              0.6f * fit_smooth(0.09f, 0.0f, d - rim) * (1.0f - cover));
    color = fit_rgb_mix(s->inner, s->outer, fit_smooth(0.1f, 0.85f, d / s->scale));
    color = fit_rgb_scale(color, (1.0f - 0.45f * off * off) * (s->scale < 1.0f ? 1.08f : 0.9f));
    fit_blend(rgb, color, cover);
}

static void heart_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct bloom *s = context;
    float x = (at->x - s->x) / s->radius;
    float y = (at->y - s->y) / (s->radius * s->squash);
    float d = sqrtf(x * x + y * y) / s->heart;
    float grain = fit_noise(s->canvas, x * 12.0f + 20.0f, y * 12.0f + 20.0f);

    fit_blend(rgb, fit_rgb_scale(s->inner, 0.35f), 0.55f * fit_smooth(1.35f, 0.95f, d));
    fit_blend(rgb, fit_rgb_scale(s->center, (0.72f + 0.4f * grain) * (1.15f - 0.5f * d * d * d)),
              fit_cover((1.0f - d) * s->heart * s->radius, at->px));
}

static void paint_bloom(struct scene_canvas *c, struct bloom *b, struct fit_rgb green)
{
    static const int petal_counts[] = {6, 8, 12};
    float sway = fit_rand(c, -0.12f, 0.12f) * c->unit;
    float girth = 0.05f * b->radius;
    struct fit_stroke stem = {b->x, b->y, b->x + sway, b->y + 0.3f, b->x + sway, 1.1f,
                              girth, 1.3f * girth, 0.0f, green, fit_rgb_scale(green, 0.65f)};
    struct fit_stroke leaf = {b->x + 0.8f * sway, b->y + 1.75f * b->radius,
                              b->x + 0.3f * b->radius, b->y + 1.2f * b->radius,
                              b->x + 0.75f * b->radius, b->y + 1.15f * b->radius,
                              0.02f * b->radius, 0.01f * b->radius, 0.14f * b->radius,
                              green, fit_rgb_scale(green, 0.65f)};
    struct fit_box box = fit_box_around(b->x, b->y, 1.1f * b->radius, 1.1f * b->radius);

    if (fit_chance(c, 0.5f)) {
        leaf.x1 = 2.0f * b->x - leaf.x1;
        leaf.x2 = 2.0f * b->x - leaf.x2;
    }
    b->petals = petal_counts[fit_pick(c, 3)];
    b->turn = fit_rand(c, 0.0f, FIT_TAU);
    b->squash = fit_rand(c, 0.88f, 1.0f);
    b->heart = fit_rand(c, 0.22f, 0.28f);
    fit_paint_stroke(c, &stem);
    fit_paint_stroke(c, &leaf);
    b->scale = 1.0f;
    fit_paint_area(c, box, petals_shade, b);
    b->scale = 0.7f;
    b->turn += 3.14159f / (float)b->petals;
    fit_paint_area(c, box, petals_shade, b);
    fit_paint_area(c, box, heart_shade, b);
}

static void meadow_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct bloom *s = context;
    float soft = fit_fbm(s->canvas, at->x * 2.0f / s->canvas->fine,
                         at->y * 2.0f / s->canvas->fine, 2);

    fit_blend(rgb, fit_rgb_mix(s->inner, s->outer, fit_smooth(0.25f, 0.75f, soft)), 1.0f);
}

void fit_scene_flower_paint(struct scene_canvas *c)
{
    static const float hues[6][3] = {{0.88f, 0.6f, 1.0f}, {0.13f, 0.8f, 1.0f}, {0.76f, 0.6f, 0.95f},
                                     {0.62f, 0.62f, 1.0f}, {0.0f, 0.75f, 0.95f},
                                     {0.1f, 0.1f, 1.0f}};
    const float *tint = hues[fit_pick(c, 6)];
    float hue = tint[0] + fit_rand(c, -0.03f, 0.03f);
    float green = fit_rand(c, 0.24f, 0.38f);
    struct bloom meadow = {.canvas = c, .inner = fit_hsv(green, 0.6f, 0.28f),
                           .outer = fit_hsv(green - 0.05f, 0.5f, 0.68f)};
    struct bloom bloom = {.canvas = c, .inner = fit_hsv(hue - 0.03f, tint[1], 0.72f * tint[2]),
                          .outer = fit_hsv(hue, 0.8f * tint[1], tint[2]),
                          .center = fit_hsv(0.12f, 0.8f, 1.0f)};
    float stretch = fmaxf(c->aspect, 1.0f / c->aspect);
    int count = (int)fit_clamp(stretch + 0.3f, 1.0f, 3.0f);
    bool tall = c->aspect < 1.0f;

    if (tint[0] == 0.13f)
        bloom.center = fit_hsv(0.07f, 0.75f, 0.5f);
    fit_paint_area(c, fit_box_all(c), meadow_shade, &meadow);
    for (int i = 0; i < 7; i++) {
        float x = c->aspect * fit_rand(c, 0.0f, 1.0f);
        float y = fit_rand(c, 0.0f, 1.0f);

        fit_paint_glow(c, x, y, 0.05f * c->fine, fit_hsv(green - 0.06f, 0.4f, 0.22f));
    }
    for (int i = 0; i < count; i++) {
        float slot = ((float)i + 0.5f) / (float)count;

        bloom.radius = c->unit * fit_rand(c, 0.33f, 0.38f);
        bloom.x = c->aspect * (tall || count == 1 ? fit_rand(c, 0.46f, 0.54f) : slot);
        bloom.y = tall && count > 1 ? slot - 0.02f : fit_rand(c, 0.4f, 0.47f);
        paint_bloom(c, &bloom, fit_hsv(green, 0.7f, 0.5f));
    }
}

struct hut {
    float x, y, size;          /* middle of the wall's foot, and the scale */
    struct fit_rgb wood;
};

static struct fit_box hut_box(const struct hut *h, float x, float y, float half_w, float half_h)
{
    return fit_box_around(h->x + x * h->size, h->y + y * h->size, half_w * h->size,
                          half_h * h->size);
}

static void logs_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct hut *s = context;
    float x = fabsf(at->x - s->x) / s->size;
    float y = (at->y - s->y) / s->size;
    float log = -y * 6.0f;
    float edge = at->px / s->size;

    log -= floorf(log);
    fit_blend(rgb, fit_rgb_scale(s->wood, 0.7f + 0.6f * sinf(log * 3.14159f)),
              fit_cover(0.78f - x, edge) * fit_cover(-y, edge) * fit_cover(y + 0.85f, edge));
}

static void paint_hut(struct scene_canvas *c, const struct hut *h)
{
    struct fit_rgb snow = {0.95f, 0.96f, 1.0f};
    struct fit_rgb lamp = {1.0f, 0.86f, 0.45f};
    struct fit_rgb dark = fit_rgb_scale(h->wood, 0.45f);
    float x = h->x;
    float s = h->size;
    const float gable[] = {x, h->y - 1.3f * s, x + 0.72f * s, h->y - 0.7f * s,
                           x - 0.72f * s, h->y - 0.7f * s};
    const float left[] = {x, h->y - 1.52f * s, x, h->y - 1.24f * s,
                          x - 1.02f * s, h->y - 0.52f * s, x - 1.02f * s, h->y - 0.72f * s};
    const float right[] = {x, h->y - 1.52f * s, x + 1.02f * s, h->y - 0.72f * s,
                           x + 1.02f * s, h->y - 0.52f * s, x, h->y - 1.24f * s};

    fit_paint_rect(c, hut_box(h, 0.5f, -1.35f, 0.12f, 0.32f), fit_hsv(0.02f, 0.4f, 0.36f));
    fit_paint_rect(c, hut_box(h, 0.5f, -1.66f, 0.15f, 0.06f), snow);
    fit_paint_area(c, hut_box(h, 0.0f, -0.4f, 0.8f, 0.5f), logs_shade, h);
    fit_paint_polygon(c, gable, 3, fit_rgb_scale(h->wood, 1.05f));
    fit_paint_disc(c, x, h->y - 0.95f * s, 0.12f * s, lamp);
    for (int i = -1; i <= 1; i += 2) {
        float at = 0.47f * (float)i;

        fit_paint_rect(c, hut_box(h, at, -0.42f, 0.2f, 0.21f), dark);
        fit_paint_rect(c, hut_box(h, at, -0.42f, 0.165f, 0.175f), lamp);
        fit_paint_rect(c, hut_box(h, at, -0.42f, 0.022f, 0.175f), dark);
    }
    fit_paint_rect(c, hut_box(h, 0.0f, -0.29f, 0.13f, 0.29f), dark);
    fit_paint_polygon(c, left, 4, snow);
    fit_paint_polygon(c, right, 4, fit_rgb_scale(snow, 0.84f));
}

static void paint_smoke(struct scene_canvas *c, float x, float y, float size)
{
    for (int i = 1; i <= 4; i++) {
        float t = (float)i / 4.0f;

        fit_paint_glow(c, x + size * 0.35f * t * t, y - size * 0.75f * t,
                       size * (0.05f + 0.07f * t), (struct fit_rgb){0.2f, 0.2f, 0.22f});
    }
}

void fit_scene_winter_cabin_paint(struct scene_canvas *c)
{
    float hue = fit_rand(c, 0.57f, 0.74f);
    struct fit_rgb top = fit_rand_hsv(c, hue, hue, 0.6f, 0.7f, 0.18f, 0.36f);
    float rim = hue + fit_rand(c, -0.05f, 0.22f);
    struct fit_rgb low = fit_rand_hsv(c, rim, rim, 0.38f, 0.42f, 0.62f, 0.88f);
    struct fit_stop sky[] = {{0.0f, top}, {0.7f, low}};
    struct fit_rgb snow = fit_rgb_mix((struct fit_rgb){0.92f, 0.95f, 1.0f}, low, 0.25f);
    struct fit_rgb pine = fit_rgb_mix(fit_hsv(0.45f, 0.5f, 0.2f), top, 0.35f);
    struct hut hut = {.size = fit_rand(c, 0.23f, 0.28f) * (0.3f + 0.7f * c->unit)};
    float ground = fit_rand(c, 0.7f, 0.75f);

    hut.x = c->aspect * fit_rand(c, 0.4f, 0.6f);
    hut.y = ground + 0.26f * hut.size;
    hut.wood = fit_hsv(0.065f, 0.6f, 0.42f);
    fit_paint_gradient(c, sky, 2);
    fit_paint_stars(c, 10, 0.42f);
    if (fit_chance(c, 0.55f)) {
        float side = fit_chance(c, 0.5f) ? 0.2f : 0.8f;
        float y = fit_rand(c, 0.12f, 0.2f);

        fit_paint_orb(c, c->aspect * side, y, 0.065f * c->fine,
                      (struct fit_rgb){1.0f, 0.97f, 0.9f}, (struct fit_rgb){0.22f, 0.22f, 0.24f});
    }
    fit_ridge_draw(c, 0, 0.66f, 0.26f, 1.9f / c->fine, 4.0f, 4);
    fit_paint_below(c, 0, fit_rgb_mix(low, snow, 0.55f), fit_rgb_mix(low, top, 0.5f), 0.2f);
    fit_paint_pines(c, ground + 0.02f, 0.02f, 9, 0.3f * c->fine, pine);
    fit_ridge_draw(c, 1, ground, 0.05f, 1.4f, 9.0f, 2);
    fit_paint_below(c, 1, snow, fit_rgb_mix(snow, top, 0.42f), 0.35f);
    fit_paint_glow(c, hut.x, hut.y - 0.3f * hut.size, 0.6f * hut.size,
                   (struct fit_rgb){0.42f, 0.28f, 0.1f});
    paint_smoke(c, hut.x + 0.5f * hut.size, hut.y - 1.75f * hut.size, hut.size);
    paint_hut(c, &hut);
    for (int i = -1; i <= 1; i += 2) {
        float away = fit_rand(c, 1.35f, 1.75f) * hut.size * (float)i;
        float size = fit_rand(c, 0.3f, 0.42f) * c->fine;

        fit_paint_pine(c, hut.x + away, 0.94f, size, fit_rgb_scale(pine, 0.75f));
    }
    for (int i = 0; i < 22; i++) {
        float x = c->aspect * fit_rand(c, 0.0f, 1.0f);
        float y = fit_rand(c, 0.0f, 1.0f);

        fit_paint_disc(c, x, y, 0.0085f * c->fine, (struct fit_rgb){0.94f, 0.95f, 1.0f});
    }
}
