/* SPDX-License-Identifier: Apache-2.0 */
#include "curves.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lettering.h"

enum { WIDTH = 960, HEIGHT = 540, LEFT = 72, RIGHT = 24, TOP = 48, BOTTOM = 48 };
enum { LOSS, SMOOTH, VALIDATION, CURVES };

/* A curve's points are those of its values that are numbers. */
struct log {
    double *step, *value[CURVES]; /* [n] */
    size_t n, room;
};

struct range {
    double low, high;
};

static const struct {
    const char *name;
    uint8_t colour[3];
    double radius; /* pixels */
    bool dots;
} looks[CURVES] = {
    [LOSS] = {"loss", {178, 205, 236}, 0.6, false},
    [SMOOTH] = {"smooth mean", {28, 92, 172}, 1.1, false},
    [VALIDATION] = {"validation", {214, 98, 16}, 1.1, true},
};

/* ---- the log ---- */

static void log_finish(struct log *log)
{
    free(log->step);
    for (int i = 0; i < CURVES; i++)
        free(log->value[i]);
}

static bool grow(double **values, size_t room)
{
    double *grown = realloc(*values, room * sizeof *grown);
    if (grown)
        *values = grown;
    return grown != NULL;
}

static bool add(struct log *log, double step, const double value[CURVES])
{
    while (log->n && log->step[log->n - 1] >= step)
        log->n--; /* gone over again */
    if (log->n == log->room) {
        size_t room = 2 * log->room + 256;
        bool ok = grow(&log->step, room);
        for (int i = 0; ok && i < CURVES; i++)
            ok = grow(&log->value[i], room);
        if (!ok)
            return false;
        log->room = room;
    }
    log->step[log->n] = step;
    for (int i = 0; i < CURVES; i++)
        log->value[i][log->n] = value[i];
    log->n++;
    return true;
}

/* The field after `*rest`, NaN when it is empty or no number. */
static double field(char **rest)
{
    char *text = *rest ? strsep(rest, ",") : NULL, *end;
    double value = text && *text ? strtod(text, &end) : NAN;
    return text && *text && !*end ? value : NAN;
}

/* step, elapsed_s, loss, smooth_loss, validation_loss, ...; the first line begins with no number,
 * and a last one that is cut off does not count. */
static bool read_lines(struct log *log, FILE *file)
{
    char line[512];
    while (fgets(line, sizeof line, file) && strchr(line, '\n')) {
        char *rest = line;
        double step = field(&rest), value[CURVES];
        field(&rest);
        for (int i = 0; i < CURVES; i++)
            value[i] = field(&rest);
        if (isfinite(step) && isfinite(value[LOSS]) && !add(log, step, value))
            return false;
    }
    return true;
}

/* ---- drawing ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All but the twentieth part of the single losses at either end, which jump; the other curves
 * whole. */
static struct range find_range(const struct log *log)
{
    struct range r = {INFINITY, -INFINITY};
    double *sorted = malloc(log->n * sizeof *sorted);
    if (sorted) {
        memcpy(sorted, log->value[LOSS], log->n * sizeof *sorted);
        qsort(sorted, log->n, sizeof *sorted, compare);
        r = (struct range){sorted[log->n / 20], sorted[log->n - 1 - log->n / 20]};
        free(sorted);
    }
    for (int i = SMOOTH; i < CURVES; i++)
        for (size_t k = 0; k < log->n; k++)
            if (isfinite(log->value[i][k])) {
                r.low = fmin(r.low, log->value[i][k]);
                r.high = fmax(r.high, log->value[i][k]);
            }
    if (!(r.low <= r.high))
        return (struct range){0, 1};
    double margin = r.high > r.low ? 0.08 * (r.high - r.low) : 0.5;
    return (struct range){r.low - margin, r.high + margin};
}

static double place(double v, struct range r, double from, double to)
{
    return from + (v - r.low) / (r.high - r.low) * (to - from);
}

/* 1, 2 or 5 times a power of ten, for about `n` lines. */
static double tick(struct range r, int n)
{
    double rough = (r.high - r.low) / n, power = pow(10, floor(log10(rough)));
    double digit = rough / power;
    return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

static void fill(struct picture *p, int left, int top, int width, int height, uint8_t grey)
{
    for (int y = top; y < top + height; y++)
        memset(p->rgba + 4 * ((size_t)y * WIDTH + (size_t)left), grey, 4 * (size_t)width);
}

static void draw_axes(struct picture *p, struct range steps, struct range losses)
{
    char text[32];
    double every = tick(losses, 6);
    for (double v = ceil(losses.low / every) * every; v <= losses.high; v += every) {
        int y = (int)place(v, losses, HEIGHT - BOTTOM, TOP);
        fill(p, LEFT, y, WIDTH - LEFT - RIGHT, 1, 228);
        snprintf(text, sizeof text, "%.4g", fabs(v) < every / 2 ? 0 : v);
        letters_draw(p, LEFT - 8 - LETTER_WIDTH * (int)strlen(text), y - 3, 1, 90, text);
    }
    every = fmax(tick(steps, 8), 1);
    for (double v = ceil(steps.low / every) * every; v <= steps.high; v += every) {
        int x = (int)place(v, steps, LEFT, WIDTH - RIGHT - 1);
        fill(p, x, TOP, 1, HEIGHT - TOP - BOTTOM, 240);
        snprintf(text, sizeof text, "%.0f", v);
        letters_draw(p, x - LETTER_WIDTH * (int)strlen(text) / 2, HEIGHT - BOTTOM + 10, 1, 90,
                     text);
    }
    fill(p, LEFT, HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT, 1, 90);
    letters_draw(p, WIDTH - RIGHT - 4 * LETTER_WIDTH, HEIGHT - 20, 1, 90, "step");
}

/* Raises how much of each pixel a disc at (x, y) covers. */
static void stamp(float *cover, double x, double y, double radius)
{
    int reach = (int)radius + 2;
    for (int v = (int)y - reach; v <= (int)y + reach; v++)
        for (int u = (int)x - reach; u <= (int)x + reach; u++) {
            if (u < LEFT || v < TOP || u >= WIDTH - RIGHT || v >= HEIGHT - BOTTOM)
                continue;
            double inside = radius + 0.5 - hypot(u - x, v - y);
            float share = (float)(inside < 0 ? 0 : inside > 1 ? 1 : inside);
            float *at = &cover[v * WIDTH + u];
            *at = share > *at ? share : *at;
        }
}

static void paint(struct picture *p, const float *cover, const uint8_t colour[3])
{
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
        for (int c = 0; c < 3; c++) {
            float old = p->rgba[4 * i + (size_t)c];
            p->rgba[4 * i + (size_t)c] =
                (uint8_t)(old + cover[i] * ((float)colour[c] - old) + 0.5f);
        }
}

static void draw_line(float *cover, double x0, double y0, double x1, double y1, double radius)
{
    int n = (int)(2 * hypot(x1 - x0, y1 - y0)) + 1;
    for (int i = 0; i <= n; i++)
        stamp(cover, x0 + (x1 - x0) * i / n, y0 + (y1 - y0) * i / n, radius);
}

/* A value far outside would take a step for each of its pixels. */
static double clamped(double y)
{
    return fmin(fmax(y, -HEIGHT), 2 * HEIGHT);
}

static void draw_curve(struct picture *p, float *cover, const struct log *log, int curve,
                       struct range steps, struct range losses)
{
    double last_x = NAN, last_y = NAN;
    memset(cover, 0, sizeof *cover * WIDTH * HEIGHT);
    for (size_t i = 0; i < log->n; i++) {
        if (!isfinite(log->value[curve][i]))
            continue;
        double x = place(log->step[i], steps, LEFT, WIDTH - RIGHT - 1);
        double y = clamped(place(log->value[curve][i], losses, HEIGHT - BOTTOM, TOP));
        if (isfinite(last_x))
            draw_line(cover, last_x, last_y, x, y, looks[curve].radius);
        if (looks[curve].dots)
            stamp(cover, x, y, 3);
        last_x = x;
        last_y = y;
    }
    paint(p, cover, looks[curve].colour);
}

/* The names, each behind a piece of its line, with the last value. */
static void draw_legend(struct picture *p, float *cover, const struct log *log)
{
    int x = LEFT;
    for (int curve = 0; curve < CURVES; curve++) {
        char text[64];
        size_t last = log->n;
        while (last && !isfinite(log->value[curve][last - 1]))
            last--;
        if (!last)
            continue;
        snprintf(text, sizeof text, "%s %.4f", looks[curve].name, log->value[curve][last - 1]);
        memset(cover, 0, sizeof *cover * WIDTH * HEIGHT);
        for (int v = 0; v < 3; v++)
            for (int u = 0; u < 24; u++)
                cover[(22 + v) * WIDTH + x + u] = 1;
        paint(p, cover, looks[curve].colour);
        letters_draw(p, x + 32, 20, 1, 60, text);
        x += 64 + LETTER_WIDTH * (int)strlen(text);
    }
}

static bool draw(const struct log *log, const char *path, struct fit_error *error)
{
    struct picture p = {malloc(4 * (size_t)WIDTH * HEIGHT), WIDTH, HEIGHT};
    float *cover = malloc(sizeof *cover * WIDTH * HEIGHT);
    struct range steps = {log->step[0], log->step[log->n - 1]}, losses = find_range(log);
    bool ok = p.rgba && cover;
    if (ok) {
        memset(p.rgba, 255, 4 * (size_t)WIDTH * HEIGHT);
        draw_axes(&p, steps, losses);
        for (int curve = 0; curve < CURVES; curve++)
            draw_curve(&p, cover, log, curve, steps, losses);
        draw_legend(&p, cover, log);
        ok = fit_picture_write_png(path, p.rgba, WIDTH, HEIGHT, NULL, NULL, error);
    } else {
        error->status = FIT_ERROR_MEMORY;
        snprintf(error->message, sizeof error->message, "no memory for %.400s", path);
    }
    free(p.rgba);
    free(cover);
    return ok;
}

bool curves_write(const char *folder, struct fit_error *error)
{
    char path[4096];
    struct log log = {0};
    snprintf(path, sizeof path, "%s/log.csv", folder);
    FILE *file = fopen(path, "r");
    bool ok = file && read_lines(&log, file);
    if (!ok) {
        error->status = file ? FIT_ERROR_MEMORY : FIT_ERROR_FILE;
        snprintf(error->message, sizeof error->message, "%.400s: %s", path,
                 file ? "no memory to read it" : strerror(errno));
    }
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "%s/loss.png", folder);
    ok = ok && (log.n < 2 || draw(&log, path, error));
    log_finish(&log);
    return ok;
}
