/* SPDX-License-Identifier: Apache-2.0 */
/* What the scene painters share: a floating-point canvas, random numbers, noise and brushes.
 *
 * Coordinates: the picture's height is 1, its width is `aspect`; x grows right, y grows down.
 * Colours: display-referred sRGB values, 0 .. 1 nominal; lights may add beyond 1, and the final
 * conversion rolls them off.
 * Order of random draws is part of the picture, so a painter draws one number per statement:
 * C leaves the order inside one expression open. */
#ifndef FIT_SCENE_PAINT_H
#define FIT_SCENE_PAINT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define FIT_NOISE_SIDE 64    /* period of the noise lattice, a power of two */
#define FIT_CANVAS_LINES 4
#define FIT_TAU 6.28318531f

struct fit_rgb {
    float r, g, b;
};

struct fit_stop {
    float at;             /* y of this colour */
    struct fit_rgb color;
};

struct fit_box {
    float x0, y0, x1, y1;
};

struct scene_canvas {
    int width, height;    /* in samples: 2x2 for each pixel of an ordinary picture */
    float px;             /* height of one sample */
    float aspect;         /* width / height */
    float unit;           /* min(aspect, 1): the scale of large objects */
    float fine;           /* sqrt(aspect): the scale of details that must stay a few pixels wide
                           * at a given pixel count, whatever the shape */
    float *rgb;           /* [height][width][3] */
    float *line[FIT_CANVAS_LINES]; /* [width] each: ridge heights and other per-column terms */
    uint64_t random;
    float noise[FIT_NOISE_SIDE * FIT_NOISE_SIDE];
};

/* Where a shader is being asked. */
struct fit_sample {
    float x, y, px;
    int column;
};

/* Canvas. init returns false when memory is short. */
bool scene_canvas_init(struct scene_canvas *c, uint64_t seed, int width, int height, int samples);
void scene_canvas_finish(struct scene_canvas *c);
/* Averages samples x samples blocks, rolls off highlights and rounds into rgb[h][w][3]. */
void scene_canvas_resolve(const struct scene_canvas *c, int samples, uint8_t *rgb);

/* Random numbers. */
float fit_rand(struct scene_canvas *c, float low, float high);
bool fit_chance(struct scene_canvas *c, float probability);
int fit_pick(struct scene_canvas *c, int count);
/* A repeatable number in 0 .. 1 for a pair of lattice indices. */
float fit_hash(int a, int b);

/* Value noise in 0 .. 1; fbm sums octaves at double frequency and half amplitude. */
float fit_noise(const struct scene_canvas *c, float x, float y);
float fit_fbm(const struct scene_canvas *c, float x, float y, int octaves);
/* One-dimensional cut through the noise; different seeds give unrelated lines. */
float fit_noise_line(const struct scene_canvas *c, float x, int octaves, float seed);

/* Colour. Hue wraps round 0 .. 1. */
struct fit_rgb fit_hsv(float hue, float saturation, float value);
/* Draws hue, saturation and value, in this order, from three ranges. */
struct fit_rgb fit_rand_hsv(struct scene_canvas *c, float h0, float h1, float s0, float s1,
                            float v0, float v1);
struct fit_rgb fit_stops_at(const struct fit_stop *stops, int count, float y);

/* Brushes. */
/* Calls shade for every sample in the box; shade mixes its layer into rgb[3]. */
void fit_paint_area(struct scene_canvas *c, struct fit_box box,
                    void (*shade)(const void *context, const struct fit_sample *at, float *rgb),
                    const void *context);
void fit_paint_gradient(struct scene_canvas *c, const struct fit_stop *stops, int count);
void fit_paint_glow(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb light);
void fit_paint_disc(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb color);
void fit_paint_rect(struct scene_canvas *c, struct fit_box box, struct fit_rgb color);
/* A puff with a ragged rim, lit from the upper left. */
void fit_paint_puff(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb light,
                    struct fit_rgb dark);
/* A convex polygon of up to 8 corners, clockwise on the screen, as x, y pairs. */
void fit_paint_polygon(struct scene_canvas *c, const float *corners, int count,
                       struct fit_rgb color);

/* A quadratic Bezier curve from 0 over control 1 to 2. */
struct fit_stroke {
    float x0, y0, x1, y1, x2, y2;
    float start, end;     /* half widths at both ends */
    float bulge;          /* half width added in the middle */
    struct fit_rgb left, right; /* colours of its two sides */
};
void fit_paint_stroke(struct scene_canvas *c, const struct fit_stroke *stroke);

/* Writes a noisy skyline into line[index]: base minus amplitude times centred noise. */
void fit_ridge_draw(struct scene_canvas *c, int index, float base, float amplitude,
                    float frequency, float seed, int octaves);
/* Fills below line[index], from top at the skyline to bottom `depth` below it. */
void fit_paint_below(struct scene_canvas *c, int index, struct fit_rgb top, struct fit_rgb bottom,
                     float depth);

/* Props. */
void fit_paint_stars(struct scene_canvas *c, int count, float y_max);
void fit_paint_clouds(struct scene_canvas *c, struct fit_rgb color, float amount, float y_end);
/* A sun or moon with its halo. */
void fit_paint_orb(struct scene_canvas *c, float x, float y, float radius, struct fit_rgb color,
                   struct fit_rgb halo);
void fit_paint_pine(struct scene_canvas *c, float x, float y, float size, struct fit_rgb color);
void fit_paint_pines(struct scene_canvas *c, float y, float jitter, int count, float size,
                     struct fit_rgb color);
/* Water below the horizon that mirrors what stands above it. */
struct fit_mirror {
    float horizon;
    float squeeze;        /* how many heights above are seen per height below */
    float wobble;         /* sideways displacement by the ripples */
    struct fit_rgb tint;  /* multiplies the reflection */
    struct fit_rgb lift;  /* is added to it */
};
void fit_paint_mirror(struct scene_canvas *c, const struct fit_mirror *mirror);

static inline float fit_clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

static inline float fit_lerp(float a, float b, float t)
{
    return a + (b - a) * t;
}

static inline float fit_smooth(float a, float b, float x)
{
    float t = fit_clamp((x - a) / (b - a), 0.0f, 1.0f);

    return t * t * (3.0f - 2.0f * t);
}

/* Coverage of a sample whose centre lies `inside` within an edge. */
static inline float fit_cover(float inside, float px)
{
    return fit_clamp(inside / px + 0.5f, 0.0f, 1.0f);
}

static inline struct fit_rgb fit_rgb_scale(struct fit_rgb a, float k)
{
    return (struct fit_rgb){a.r * k, a.g * k, a.b * k};
}

static inline struct fit_rgb fit_rgb_mix(struct fit_rgb a, struct fit_rgb b, float t)
{
    return (struct fit_rgb){fit_lerp(a.r, b.r, t), fit_lerp(a.g, b.g, t), fit_lerp(a.b, b.b, t)};
}

static inline void fit_blend(float *rgb, struct fit_rgb color, float t)
{
    rgb[0] += (color.r - rgb[0]) * t;
    rgb[1] += (color.g - rgb[1]) * t;
    rgb[2] += (color.b - rgb[2]) * t;
}

static inline void fit_add(float *rgb, struct fit_rgb light, float t)
{
    rgb[0] += light.r * t;
    rgb[1] += light.g * t;
    rgb[2] += light.b * t;
}

static inline struct fit_box fit_box_all(const struct scene_canvas *c)
{
    return (struct fit_box){0.0f, 0.0f, c->aspect, 1.0f};
}

static inline struct fit_box fit_box_around(float x, float y, float half_width, float half_height)
{
    return (struct fit_box){x - half_width, y - half_height, x + half_width, y + half_height};
}

#endif
