/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes by the sea: ocean sunset, palm beach, lighthouse. */
#include "scene_list.h"
#include "scene_paint.h"

#define SKY_STOPS 4
#define TOWER_BANDS 7
#define TOWER_SHAFT 0.78f    /* of the tower's height */

struct sea {
    const struct scene_canvas *canvas;
    struct fit_stop sky[SKY_STOPS];   /* what the water mirrors */
    float horizon;
    float sun_x, sun_radius;
    struct fit_rgb glitter;           /* the sun's road; black for none */
    struct fit_rgb water;             /* the water's own colour */
    float body;                       /* how much of it shows */
};

static void sea_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct sea *s = context;
    float down = at->y - s->horizon;
    float depth = down / (1.0f - s->horizon);
    float wave, road, width;
    struct fit_rgb color;

    if (down < -at->px)
        return;
    depth = fit_clamp(depth, 0.0f, 1.0f);
    wave = fit_fbm(s->canvas, (at->x - s->sun_x) * (10.0f - 6.0f * depth) + 40.0f,
                   6.5f / (depth + 0.13f), 2) - 0.5f;
    color = fit_stops_at(s->sky, SKY_STOPS, s->horizon - 0.9f * down);
    color = fit_rgb_mix(fit_rgb_scale(color, 0.78f), s->water, s->body);
    color = fit_rgb_scale(color, (1.0f + 0.75f * wave) * (1.0f - 0.25f * depth));
    width = s->sun_radius * (0.75f + 1.6f * depth) + 0.02f;
    road = (at->x - s->sun_x + 0.14f * wave) / width;
    road = expf(-road * road) * fit_smooth(-0.1f, 0.1f, wave + 0.02f) * (1.1f - 0.4f * depth);
    color.r += s->glitter.r * road;
    color.g += s->glitter.g * road;
    color.b += s->glitter.b * road;
    fit_blend(rgb, color, fit_cover(down, at->px));
}

static void paint_sailboat(struct scene_canvas *c, float x, float y, float size, float side)
{
    const float k = size * side;
    const float hull[] = {x - 0.62f * size, y - 0.14f * size, x + 0.62f * size, y - 0.14f * size,
                          x + 0.4f * size, y + 0.14f * size, x - 0.4f * size, y + 0.14f * size};
    float main_sail[] = {x + 0.04f * k, y - 1.4f * size, x + 0.62f * k, y - 0.22f * size,
                         x + 0.04f * k, y - 0.22f * size};
    float jib[] = {x - 0.04f * k, y - 1.15f * size, x - 0.04f * k, y - 0.22f * size,
                   x - 0.5f * k, y - 0.22f * size};

    if (side < 0.0f)
        for (int i = 0; i < 2; i++) {
            /* Mirroring reversed the corners' sense. */
            float *sail = i == 0 ? main_sail : jib;
            float swap_x = sail[2];
            float swap_y = sail[3];

            sail[2] = sail[4];
            sail[3] = sail[5];
            sail[4] = swap_x;
            sail[5] = swap_y;
        }
    fit_paint_polygon(c, main_sail, 3, (struct fit_rgb){0.97f, 0.92f, 0.85f});
    fit_paint_polygon(c, jib, 3, (struct fit_rgb){0.85f, 0.7f, 0.64f});
    fit_paint_polygon(c, hull, 4, (struct fit_rgb){0.17f, 0.12f, 0.2f});
}

/* Hue ranges of the sky's top, middle and rim, in one mood. */
struct mood {
    float top[2], middle[2], rim[2];
    float top_value[2];
};

static const struct mood moods[] = {
    {{0.58f, 0.68f}, {0.94f, 1.02f}, {1.05f, 1.11f}, {0.35f, 0.6f}},   /* classic */
    {{0.7f, 0.8f}, {0.86f, 0.95f}, {0.98f, 1.08f}, {0.35f, 0.65f}},    /* violet */
    {{0.02f, 0.07f}, {0.05f, 0.09f}, {0.11f, 0.15f}, {0.5f, 0.75f}},   /* golden */
    {{0.5f, 0.57f}, {0.04f, 0.1f}, {0.08f, 0.13f}, {0.45f, 0.7f}},     /* teal */
};

void fit_scene_ocean_sunset_paint(struct scene_canvas *c)
{
    const struct mood *m = moods + fit_pick(c, 4);
    float horizon = fit_rand(c, 0.48f, 0.6f);
    struct fit_rgb top = fit_rand_hsv(c, m->top[0], m->top[1], 0.45f, 0.7f, m->top_value[0],
                                      m->top_value[1]);
    struct fit_rgb middle = fit_rand_hsv(c, m->middle[0], m->middle[1], 0.4f, 0.65f, 0.82f, 0.98f);
    struct fit_rgb rim = fit_rand_hsv(c, m->rim[0], m->rim[1], 0.5f, 0.75f, 1.0f, 1.0f);
    struct sea sea = {.canvas = c, .horizon = horizon};
    float sun_y = horizon - fit_rand(c, -0.02f, 0.2f);
    float lit = fit_rand(c, 0.92f, 1.05f);

    sea.sky[0] = (struct fit_stop){0.0f, top};
    sea.sky[1] = (struct fit_stop){horizon * 0.5f, fit_rgb_mix(top, middle, 0.6f)};
    sea.sky[2] = (struct fit_stop){horizon * 0.82f, middle};
    sea.sky[3] = (struct fit_stop){horizon, rim};
    sea.sun_x = c->aspect * fit_rand(c, 0.25f, 0.75f);
    sea.sun_radius = c->fine * fit_rand(c, 0.08f, 0.12f);
    sea.glitter = fit_hsv(0.09f, 0.45f, 0.95f);
    fit_paint_gradient(c, sea.sky, SKY_STOPS);
    fit_paint_clouds(c, fit_rgb_mix(fit_hsv(lit, 0.4f, 0.95f), top, 0.35f), 0.7f, horizon);
    fit_paint_orb(c, sea.sun_x, sun_y, sea.sun_radius, fit_hsv(0.12f, 0.22f, 1.0f),
                  fit_hsv(0.08f, 0.6f, 0.42f));
    fit_paint_area(c, fit_box_all(c), sea_shade, &sea);
    if (fit_chance(c, 0.45f)) {
        float side = fit_chance(c, 0.5f) ? 1.0f : -1.0f;
        float size = c->fine * fit_rand(c, 0.1f, 0.16f);
        float offset = c->aspect * fit_rand(c, 0.18f, 0.32f);
        float x = sea.sun_x + (sea.sun_x < c->aspect / 2.0f ? offset : -offset);

        paint_sailboat(c, x, horizon + 0.3f * size, size, side);
    }
}

struct shore {
    const struct scene_canvas *canvas;
    const float *edge;         /* per column: where water meets sand */
    struct fit_rgb sand, foam;
};

static void shore_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct shore *s = context;
    float inland = at->y - s->edge[at->column];
    float rim = (inland + 0.012f) / 0.018f;
    float grain;

    if (inland < -0.08f)
        return;
    fit_blend(rgb, s->foam, 0.92f * expf(-rim * rim));
    grain = fit_noise(s->canvas, at->x * 9.0f, at->y * 16.0f);
    fit_blend(rgb, fit_rgb_scale(s->sand, (0.94f + 0.12f * grain) *
                                 (0.74f + 0.26f * fit_smooth(0.0f, 0.05f, inland))),
              fit_cover(inland, at->px));
}

static void paint_fronds(struct scene_canvas *c, float x, float y, float reach, struct fit_rgb leaf)
{
    int count = 8;

    for (int i = 0; i < count; i++) {
        float t = ((float)i + 0.5f + fit_rand(c, -0.25f, 0.25f)) / (float)count;
        float angle = fit_lerp(-0.17f, 1.17f, t) * 3.14159f;   /* left, up and over, right */
        float length = reach * fit_rand(c, 0.9f, 1.15f);
        float dx = -cosf(angle) * length;
        float dy = -sinf(angle) * length;
        struct fit_stroke frond = {x, y, x + 0.62f * dx, y + 0.8f * dy - 0.16f * length,
                                   x + dx, y + 0.6f * dy + 0.34f * length,
                                   0.026f * reach, 0.006f * reach, 0.07f * reach, leaf, leaf};

        frond.left = fit_rgb_scale(leaf, fit_rand(c, 1.05f, 1.35f));
        frond.right = fit_rgb_scale(leaf, 0.72f);
        fit_paint_stroke(c, &frond);
    }
}

static void paint_palm(struct scene_canvas *c, float x, float y, float height, float lean,
                       struct fit_rgb bark, struct fit_rgb leaf)
{
    float top_x = x + lean;
    float top_y = y - height;
    float girth = 0.038f * height + 0.006f * c->fine;
    struct fit_stroke trunk = {x, y, x + 0.1f * lean, y - 0.6f * height, top_x, top_y,
                               1.25f * girth, 0.7f * girth, 0.0f, bark, bark};

    trunk.right = fit_rgb_scale(bark, 0.7f);
    fit_paint_stroke(c, &trunk);
    paint_fronds(c, top_x, top_y, 0.6f * height, leaf);
    for (int i = -1; i <= 1; i += 2)
        fit_paint_disc(c, top_x + 0.04f * height * (float)i, top_y + 0.045f * height,
                       0.042f * height, fit_rgb_scale(bark, 0.75f));
}

static void paint_palms(struct scene_canvas *c, float side, bool sunset)
{
    int count = 1 + fit_pick(c, 2) + (c->aspect > 1.8f);
    struct fit_rgb bark = sunset ? fit_hsv(0.05f, 0.5f, 0.2f) : fit_hsv(0.08f, 0.45f, 0.55f);

    if (c->aspect < 0.7f)
        count = 1;
    for (int i = 0; i < count; i++) {
        float place = 0.16f + 0.25f * ((float)i + fit_rand(c, 0.2f, 0.6f)) / (float)count;
        float x = c->aspect * (0.5f + side * place);
        float y = fit_rand(c, 0.9f, 0.95f);
        float height = fit_rand(c, 0.52f, 0.64f) * (0.45f + 0.55f * c->unit);
        float lean = -side * height * fit_rand(c, 0.1f, 0.35f);
        struct fit_rgb leaf = sunset ? fit_hsv(0.1f, 0.5f, 0.15f)
                                     : fit_rand_hsv(c, 0.27f, 0.36f, 0.7f, 0.8f, 0.42f, 0.58f);

        paint_palm(c, x, y, height, lean, bark, leaf);
    }
}

void fit_scene_palm_beach_paint(struct scene_canvas *c)
{
    bool sunset = fit_chance(c, 0.4f);
    float horizon = fit_rand(c, 0.46f, 0.56f);
    struct fit_rgb white = {1.0f, 1.0f, 1.0f};
    struct fit_rgb top = sunset ? fit_rand_hsv(c, 0.62f, 0.82f, 0.45f, 0.6f, 0.45f, 0.65f)
                                : fit_rand_hsv(c, 0.54f, 0.6f, 0.55f, 0.7f, 0.88f, 0.97f);
    struct fit_rgb low = sunset ? fit_rand_hsv(c, 0.0f, 0.1f, 0.45f, 0.65f, 1.0f, 1.0f)
                                : fit_hsv(0.53f, 0.2f, 1.0f);
    struct sea sea = {.canvas = c, .horizon = horizon, .sun_radius = 0.06f * c->fine};
    struct shore shore = {.canvas = c, .edge = c->line[0]};
    float side = fit_chance(c, 0.5f) ? 1.0f : -1.0f;
    float sway = fit_rand(c, 0.0f, FIT_TAU);

    for (int i = 0; i < SKY_STOPS; i++)
        sea.sky[i] = (struct fit_stop){horizon * (float)i / (SKY_STOPS - 1),
                                       fit_rgb_mix(top, low, (float)i / (SKY_STOPS - 1))};
    sea.body = sunset ? 0.3f : 0.85f;
    sea.water = sunset ? fit_hsv(0.65f, 0.4f, 0.5f)
                       : fit_rand_hsv(c, 0.47f, 0.54f, 0.65f, 0.8f, 0.85f, 0.95f);
    sea.sun_x = c->aspect * (0.5f - side * fit_rand(c, 0.12f, 0.32f));
    fit_paint_gradient(c, sea.sky, SKY_STOPS);
    fit_paint_clouds(c, fit_rgb_mix(low, white, 0.75f), 0.8f, horizon);
    if (sunset) {
        sea.glitter = fit_hsv(0.09f, 0.4f, 0.8f);
        fit_paint_orb(c, sea.sun_x, horizon - fit_rand(c, 0.02f, 0.14f), sea.sun_radius,
                      fit_hsv(0.12f, 0.25f, 1.0f), fit_hsv(0.09f, 0.55f, 0.38f));
    }
    fit_paint_area(c, fit_box_all(c), sea_shade, &sea);
    for (int i = 0; i < c->width; i++) {
        float x = ((float)i + 0.5f) * c->px;
        float across = (x / c->aspect - 0.5f) * side;

        c->line[0][i] = 0.85f - 0.2f * across + 0.025f * sinf(x * 5.0f / c->fine + sway);
    }
    shore.sand = sunset ? fit_hsv(0.06f, 0.42f, 0.62f) : fit_rand_hsv(c, 0.1f, 0.12f, 0.22f, 0.36f,
                                                                       0.94f, 1.0f);
    shore.foam = fit_rgb_scale(white, sunset ? 0.88f : 1.0f);
    fit_paint_area(c, fit_box_all(c), shore_shade, &shore);
    paint_palms(c, side, sunset);
}

struct beam {
    float x, y, angle, spread, reach;
    struct fit_rgb light;
};

static void beam_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct beam *s = context;
    float dx = at->x - s->x;
    float dy = at->y - s->y;
    float along = dx * cosf(s->angle) + dy * sinf(s->angle);
    float off = fabsf(-dx * sinf(s->angle) + dy * cosf(s->angle));
    float half;

    if (along <= 0.0f)
        return;
    half = 0.012f + s->spread * along;
    fit_add(rgb, s->light, fit_smooth(half, 0.35f * half, off) * expf(-along / s->reach));
}

/* One ring of the tapering shaft, counted from the foot; its right side lies in shade. */
static void paint_band(struct scene_canvas *c, float x, float foot, float height, int index,
                       struct fit_rgb color)
{
    float a = (float)index / TOWER_BANDS;
    float b = (float)(index + 1) / TOWER_BANDS;
    float low = height * fit_lerp(0.135f, 0.085f, a);
    float high = height * fit_lerp(0.135f, 0.085f, b);
    float y_low = foot - a * TOWER_SHAFT * height;
    float y_high = foot - b * TOWER_SHAFT * height;
    const float ring[] = {x - high, y_high, x + high, y_high, x + low, y_low, x - low, y_low};
    const float shade[] = {x + 0.25f * high, y_high, x + high, y_high,
                           x + low, y_low, x + 0.25f * low, y_low};

    fit_paint_polygon(c, ring, 4, color);
    fit_paint_polygon(c, shade, 4, fit_rgb_scale(color, 0.74f));
}

static void paint_tower(struct scene_canvas *c, float x, float foot, float height, bool lit)
{
    float neck = foot - TOWER_SHAFT * height;
    struct fit_rgb iron = fit_hsv(0.62f, 0.3f, 0.16f);
    struct fit_rgb red = lit ? fit_hsv(0.99f, 0.75f, 0.68f) : fit_hsv(0.0f, 0.78f, 0.85f);
    struct fit_rgb white = lit ? (struct fit_rgb){0.84f, 0.83f, 0.88f}
                               : (struct fit_rgb){0.98f, 0.97f, 0.95f};
    struct fit_rgb glass = lit ? (struct fit_rgb){1.0f, 0.95f, 0.6f}
                               : (struct fit_rgb){0.72f, 0.86f, 0.92f};
    float room = 0.065f * height;
    const float roof[] = {x, neck - 0.22f * height, x + 0.095f * height, neck - 0.125f * height,
                          x - 0.095f * height, neck - 0.125f * height};

    for (int i = 0; i < TOWER_BANDS; i++)
        paint_band(c, x, foot, height, i, i % 2 ? white : red);
    fit_paint_rect(c, fit_box_around(x, neck - 0.065f * height, room, 0.065f * height), glass);
    fit_paint_rect(c, fit_box_around(x, neck - 0.065f * height, 0.012f * height, 0.065f * height),
                   iron);
    fit_paint_rect(c, fit_box_around(x, neck, 0.115f * height, 0.018f * height), iron);
    fit_paint_polygon(c, roof, 3, fit_rgb_scale(red, 0.9f));
    fit_paint_rect(c, fit_box_around(x, foot - 0.05f * height, 0.032f * height, 0.06f * height),
                   iron);
}

struct islet {
    const struct scene_canvas *canvas;
    const float *rim;          /* per column: its upper edge */
    float x, size, water;      /* its middle, half width, and the waterline */
    struct fit_rgb light;
};

static void islet_shade(const void *context, const struct fit_sample *at, float *rgb)
{
    const struct islet *s = context;
    float under = at->y - s->rim[at->column];
    float x = (at->x - s->x) / s->size;
    float y = (at->y - s->water) / s->size;
    float swell = 0.07f * (fit_noise(s->canvas, x * 4.0f + 30.0f, 3.3f) - 0.5f);
    float facet, tone, foam;

    facet = fit_fbm(s->canvas, x * 4.5f + 1.2f * y + 9.0f, y * 5.0f - 1.5f * x + 9.0f, 2);
    tone = 0.35f + 0.85f * fit_smooth(0.3f, 0.7f, facet) - 0.28f * x +
           0.3f * fit_smooth(0.05f, 0.0f, under);
    if (y < swell + 0.1f)
        fit_blend(rgb, fit_rgb_scale(s->light, fit_clamp(tone, 0.25f, 1.3f)),
                  fit_cover(under, at->px) * fit_cover((swell - y) * s->size, at->px));
    foam = (y - swell - 0.01f) / 0.055f;
    fit_blend(rgb, (struct fit_rgb){0.93f, 0.95f, 0.98f},
              0.85f * expf(-foam * foam) * fit_smooth(1.18f, 0.95f, fabsf(x)));
}

static void paint_islet(struct scene_canvas *c, float x, float y, float size, struct fit_rgb light)
{
    struct islet islet = {c, c->line[0], x, size, y + 0.4f * size, light};

    for (int i = 0; i < c->width; i++) {
        float off = fabsf(((float)i + 0.5f) * c->px - x) / size;
        float rough = fit_noise_line(c, ((float)i + 0.5f) * c->px / size * 4.0f, 2, 15.0f) - 0.5f;
        float bumps = 0.22f * rough * fminf(off * 3.0f, 1.0f);

        c->line[0][i] = y + size * (0.5f * off * off * off + bumps);
    }
    fit_paint_area(c, fit_box_around(x, y + 0.2f * size, 1.2f * size, 0.45f * size), islet_shade,
                   &islet);
}

void fit_scene_lighthouse_paint(struct scene_canvas *c)
{
    bool dusk = fit_chance(c, 0.55f);
    float horizon = fit_rand(c, 0.64f, 0.7f);
    struct fit_rgb top = dusk ? fit_rand_hsv(c, 0.62f, 0.74f, 0.55f, 0.7f, 0.3f, 0.45f)
                              : fit_rand_hsv(c, 0.55f, 0.61f, 0.5f, 0.65f, 0.82f, 0.95f);
    struct fit_rgb low = dusk ? fit_rand_hsv(c, 0.92f, 1.08f, 0.4f, 0.6f, 0.85f, 1.0f)
                              : fit_hsv(0.52f, 0.16f, 1.0f);
    struct sea sea = {.canvas = c, .horizon = horizon, .body = dusk ? 0.4f : 0.65f};
    float height = fit_rand(c, 0.56f, 0.64f) * (0.4f + 0.6f * c->unit);
    float x = c->aspect * fit_rand(c, 0.32f, 0.68f);
    float foot = horizon + fit_rand(c, 0.02f, 0.06f);
    float lamp = foot - 0.845f * height;

    for (int i = 0; i < SKY_STOPS; i++)
        sea.sky[i] = (struct fit_stop){horizon * (float)i / (SKY_STOPS - 1),
                                       fit_rgb_mix(top, low, (float)i / (SKY_STOPS - 1))};
    sea.water = dusk ? fit_hsv(0.63f, 0.5f, 0.42f) : fit_hsv(0.56f, 0.7f, 0.72f);
    sea.sun_x = x;
    sea.sun_radius = 0.1f;
    fit_paint_gradient(c, sea.sky, SKY_STOPS);
    fit_paint_clouds(c, fit_rgb_mix(low, (struct fit_rgb){1.0f, 1.0f, 1.0f}, dusk ? 0.1f : 0.8f),
                     dusk ? 0.5f : 0.85f, horizon);
    fit_paint_area(c, fit_box_all(c), sea_shade, &sea);
    if (dusk) {
        struct beam beam = {x, lamp, fit_rand(c, -0.12f, 0.08f), 0.13f, 0.75f * c->fine,
                            {0.62f, 0.57f, 0.36f}};

        fit_paint_area(c, fit_box_all(c), beam_shade, &beam);
        beam.angle = 3.14159f - beam.angle;
        fit_paint_area(c, fit_box_all(c), beam_shade, &beam);
    }
    paint_tower(c, x, foot, height, dusk);
    paint_islet(c, x, foot - 0.03f, 0.54f * height,
                dusk ? fit_hsv(0.7f, 0.16f, 0.46f) : fit_hsv(0.09f, 0.22f, 0.66f));
    if (dusk)
        fit_paint_glow(c, x, lamp, 0.055f * c->fine, (struct fit_rgb){0.7f, 0.62f, 0.35f});
}
