/* SPDX-License-Identifier: Apache-2.0 */
#include "scene_paint.h"

#include <stdlib.h>

static uint64_t next(uint64_t *state)
{
    /* SplitMix64 (Steele, Lea, Flood 2014). */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static float next_unit(uint64_t *state)
{
    return (float)(next(state) >> 40) * 0x1p-24f;
}

bool scene_canvas_init(struct scene_canvas *c, uint64_t seed, int width, int height, int samples)
{
    size_t columns = (size_t)width * (size_t)samples;
    size_t rows = (size_t)height * (size_t)samples;
    size_t plane = columns * rows * 3;

    /* Cleared: the first layer is blended over it, and what lay there must not leave a trace. */
    c->rgb = calloc(plane + columns * FIT_CANVAS_LINES, sizeof *c->rgb);
    if (c->rgb == NULL)
        return false;
    for (int i = 0; i < FIT_CANVAS_LINES; i++)
        c->line[i] = c->rgb + plane + columns * (size_t)i;
    c->width = (int)columns;
    c->height = (int)rows;
    c->px = 1.0f / (float)rows;
    c->aspect = (float)width / (float)height;
    c->unit = c->aspect < 1.0f ? c->aspect : 1.0f;
    c->fine = sqrtf(c->aspect);
    c->random = seed;
    for (int i = 0; i < FIT_NOISE_SIDE * FIT_NOISE_SIDE; i++)
        c->noise[i] = next_unit(&c->random);
    return true;
}

void scene_canvas_finish(struct scene_canvas *c)
{
    free(c->rgb);
    c->rgb = NULL;
}

static uint8_t quantise(float v)
{
    const float knee = 0.8f;

    if (v > knee)
        v = knee + (1.0f - knee) * tanhf((v - knee) / (1.0f - knee));
    return (uint8_t)(fit_clamp(v, 0.0f, 1.0f) * 255.0f + 0.5f);
}

void scene_canvas_resolve(const struct scene_canvas *c, int samples, uint8_t *rgb)
{
    int width = c->width / samples;
    int height = c->height / samples;
    float weight = 1.0f / (float)(samples * samples);

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            float sum[3] = {0.0f, 0.0f, 0.0f};

            for (int j = 0; j < samples; j++)
                for (int i = 0; i < samples; i++) {
                    size_t row = (size_t)(y * samples + j);
                    size_t at = row * (size_t)c->width + (size_t)(x * samples + i);

                    for (int k = 0; k < 3; k++)
                        sum[k] += c->rgb[at * 3 + (size_t)k];
                }
            for (int k = 0; k < 3; k++)
                *rgb++ = quantise(sum[k] * weight);
        }
}

float fit_rand(struct scene_canvas *c, float low, float high)
{
    return low + (high - low) * next_unit(&c->random);
}

bool fit_chance(struct scene_canvas *c, float probability)
{
    return next_unit(&c->random) < probability;
}

int fit_pick(struct scene_canvas *c, int count)
{
    return (int)(next(&c->random) >> 33) % count;
}

float fit_hash(int a, int b)
{
    uint64_t state = (uint64_t)(uint32_t)a << 32 | (uint32_t)b;

    return next_unit(&state);
}

/* Truncation and a correction instead of floorf, which is a library call on baseline x86-64. */
static inline int floor_int(float x)
{
    int i = (int)x;

    return i - (x < (float)i);
}

float fit_noise(const struct scene_canvas *c, float x, float y)
{
    const int wrap = FIT_NOISE_SIDE - 1;
    int xi = floor_int(x);
    int yi = floor_int(y);
    float fx = x - (float)xi;
    float fy = y - (float)yi;
    const float *top = c->noise + (yi & wrap) * FIT_NOISE_SIDE;
    const float *low = c->noise + ((yi + 1) & wrap) * FIT_NOISE_SIDE;
    int left = xi & wrap;
    int right = (xi + 1) & wrap;

    fx = fx * fx * (3.0f - 2.0f * fx);
    fy = fy * fy * (3.0f - 2.0f * fy);
    return fit_lerp(fit_lerp(top[left], top[right], fx), fit_lerp(low[left], low[right], fx), fy);
}

float fit_fbm(const struct scene_canvas *c, float x, float y, int octaves)
{
    float sum = 0.0f;
    float norm = 0.0f;
    float gain = 1.0f;

    /* The shift and the odd factor keep the octaves' lattices from lining up. */
    for (int i = 0; i < octaves; i++) {
        sum += gain * fit_noise(c, x + 17.3f * (float)i, y + 9.1f * (float)i);
        norm += gain;
        gain *= 0.5f;
        x *= 2.03f;
        y *= 2.03f;
    }
    return sum / norm;
}

float fit_noise_line(const struct scene_canvas *c, float x, int octaves, float seed)
{
    return fit_fbm(c, x, seed + 0.37f, octaves);
}

static float hue_channel(float hue, float saturation, float value, float shift)
{
    float k = fmodf(shift + hue * 6.0f, 6.0f);

    return value - value * saturation * fit_clamp(fminf(k, 4.0f - k), 0.0f, 1.0f);
}

struct fit_rgb fit_hsv(float hue, float saturation, float value)
{
    struct fit_rgb color;

    hue -= floorf(hue);
    color.r = hue_channel(hue, saturation, value, 5.0f);
    color.g = hue_channel(hue, saturation, value, 3.0f);
    color.b = hue_channel(hue, saturation, value, 1.0f);
    return color;
}

struct fit_rgb fit_rand_hsv(struct scene_canvas *c, float h0, float h1, float s0, float s1,
                            float v0, float v1)
{
    float hue = fit_rand(c, h0, h1);
    float saturation = fit_rand(c, s0, s1);
    float value = fit_rand(c, v0, v1);

    return fit_hsv(hue, saturation, value);
}

struct fit_rgb fit_stops_at(const struct fit_stop *stops, int count, float y)
{
    if (y <= stops[0].at)
        return stops[0].color;
    for (int i = 1; i < count; i++)
        if (y < stops[i].at) {
            float t = (y - stops[i - 1].at) / (stops[i].at - stops[i - 1].at);

            return fit_rgb_mix(stops[i - 1].color, stops[i].color, t);
        }
    return stops[count - 1].color;
}
