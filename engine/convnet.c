/* SPDX-License-Identifier: Apache-2.0 */
/* Runs layers. The same walk without operations measures the buffers they need. */
#include "convnet.h"

#include <math.h>
#include <string.h>

enum {
    GROUPS = FIT_CONVNET_GROUPS,
    STRIP_ROWS = 16 /* at least, so that the rows computed twice stay few */
};

/* The three that hold whole pictures, then those of strips. */
enum { PREPARED = 3, RESULT, N_BUFFERS };

static const float epsilon = 1e-6f, clamp_limit = 3;

struct walk {
    const struct fit_convnet *net;
    struct fit_compute *c; /* NULL: only measure */
    const struct fit_convnet_tile *tile;
    int height, width; /* now */
    int norm;          /* the next one's number */
    bool stopped;
    int place[3]; /* place[0]: which buffer holds the picture; the others are free */
    size_t need[N_BUFFERS]; /* values */
};

/* What happens between two pictures that are whole: dst (+)= conv(prepared src). */
struct passage {
    const struct fit_weight_pair *norm, *conv; /* norm: NULL or followed by SiLU */
    const double *sum;                         /* of the norm */
    int in, out, kernel, stride, up;           /* up: 1, or 2 to double the picture first */
    bool add;
};

#define op(w, name, ...) (!(w)->c || fit_run((w)->c, name, __VA_ARGS__))

static int at_least(int a, int b)
{
    return a > b ? a : b;
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

static void want(size_t *need, size_t values)
{
    *need = values > *need ? values : *need;
}

static size_t pixels(const struct walk *w)
{
    return (size_t)w->height * (size_t)w->width;
}

/* Buffer i of the walk with room for so many values; NULL when measuring. */
static float *room(struct walk *w, int i, size_t values)
{
    want(&w->need[w->place[i]], values);
    return w->net->work.whole[w->place[i]];
}

static void swap_rooms(struct walk *w)
{
    int keep = w->place[0];
    w->place[0] = w->place[1];
    w->place[1] = keep;
}

/* ---- normalisation ------------------------------------------------------------------------ */

/* Sums for the next normalisation, gathered now or in an earlier pass. Sets w->stopped when this
 * pass was for them. */
static bool norm_reach(struct walk *w, const float *x, int channels, const double **sum)
{
    const struct fit_convnet_tile *t = w->tile;
    int k = w->norm++;
    double *own = w->net->sums + (size_t)k * GROUPS * 2;
    *sum = own;
    if (!w->c || (t->gather != FIT_GATHER_ALL && t->gather != k))
        return true;
    w->stopped = t->gather == k;
    int first = t->own_first * w->height / t->height, end = t->own_end * w->height / t->height;
    return fit_run(w->c, group_sums, own,
                   x + (size_t)first * (size_t)w->width * (size_t)channels, 1, end - first,
                   w->width, channels, GROUPS);
}

static bool norm_apply(struct walk *w, float *y, const float *x, const struct fit_weight_pair *p,
                       const double *sum, int rows, int channels, bool silu)
{
    int whole_height = w->tile->picture_height * w->height / w->tile->height;
    struct fk_group_norm norm = {
        .batch = 1, .channels = channels, .groups = GROUPS, .epsilon = epsilon, .silu = silu,
        .pixels = (size_t)rows * (size_t)w->width,
        .count = (double)whole_height * w->width * (channels / GROUPS),
    };
    return op(w, group_norm, y, x, sum, p->weight, p->bias, &norm);
}

/* ---- convolutions in strips --------------------------------------------------------------- */

static int rows_of_strip(const struct walk *w, int values_of_row, int height)
{
    return at_most(at_least(w->net->strip_values / values_of_row, STRIP_ROWS), height);
}

static int strip_rows(const struct walk *w, const struct passage *p)
{
    int out_height = w->height * p->up / p->stride;
    if (!p->norm && p->up == 1)
        return out_height; /* nothing is prepared, so nothing is saved; also all of stride 2 */
    return rows_of_strip(w, w->width * p->up * at_least(p->in, p->out), out_height);
}

/* Result rows a .. b-1. The strip is prepared with the rows its convolution reaches for; its own
 * zero padding spoils the rows at its cut edges, which are left behind. */
static bool strip_run(struct walk *w, float *dst, const float *src, const struct passage *p, int a,
                      int b)
{
    size_t in_line = (size_t)w->width * (size_t)p->in;
    int out_width = w->width * p->up / p->stride, out_height = w->height * p->up / p->stride;
    int reach = p->stride == 1 ? p->kernel / 2 : 0;
    int low = at_least(a * p->stride - reach, 0) / p->up;
    int high = at_most((b * p->stride + reach + p->up - 1) / p->up, w->height);
    const float *x = src + (size_t)low * in_line;
    float *prepared = w->net->work.strip[0], *result = w->net->work.strip[1];
    if (p->norm) {
        if (!norm_apply(w, prepared, x, p->norm, p->sum, high - low, p->in, true))
            return false;
        x = prepared;
    }
    if (p->up == 2) {
        if (!op(w, upsample_nearest, prepared, x, 1, high - low, w->width, p->in))
            return false;
        x = prepared;
    }
    int rows = (high - low) * p->up;
    struct fk_conv conv = {.batch = 1, .height = rows, .width = w->width * p->up,
                           .in_channels = p->in, .out_channels = p->out, .kernel = p->kernel,
                           .stride = p->stride, .pad_begin = reach,
                           .out_height = rows / p->stride, .out_width = out_width};
    struct fk_ptr weight = fk_f32(p->conv->weight), bias = fk_f32(p->conv->bias);
    if (a == 0 && b == out_height)
        return op(w, conv2d, dst, x, weight, bias, &conv, p->add ? 1.0f : 0.0f);
    size_t line = (size_t)out_width * (size_t)p->out, n = (size_t)(b - a) * line;
    float *to = dst + (size_t)a * line;
    const float *from = result + (size_t)(a - low * p->up) * line;
    return op(w, conv2d, result, x, weight, bias, &conv, 0) &&
           (p->add ? op(w, axpby, to, 1, from, 1, n)
                   : fit_compute_check(w->c, w->c->device->copy(w->c->queue, to, from,
                                                                n * sizeof(float))));
}

static bool passage_run(struct walk *w, float *dst, const float *src, const struct passage *p)
{
    int rows = strip_rows(w, p), out_height = w->height * p->up / p->stride;
    if (!w->c) {
        size_t line = (size_t)w->width * (size_t)p->up, deep = (size_t)rows + 4; /* both edges */
        bool prepares = p->norm || p->up == 2;
        want(&w->need[PREPARED], prepares ? deep * line * (size_t)p->in : 0);
        want(&w->need[RESULT], rows < out_height ? deep * line * (size_t)p->out : 0);
        return true;
    }
    for (int a = 0; a < out_height; a += rows)
        if (!strip_run(w, dst, src, p, a, at_most(a + rows, out_height)))
            return false;
    return true;
}

/* x = conv(x), 1 x 1, in place: from the first strip when pixels shrink, from the last when they
 * grow, so that no strip is overwritten before it is read. */
static bool shortcut_run(struct walk *w, float *x, const struct fit_layer *l,
                         const struct fit_weight_pair *weights)
{
    int rows = rows_of_strip(w, w->width * at_least(l->in, l->out), w->height);
    size_t width = (size_t)w->width;
    want(&w->need[RESULT], (size_t)rows * width * (size_t)l->out);
    if (!w->c)
        return true;
    int n_strips = (w->height + rows - 1) / rows;
    for (int i = 0; i < n_strips; i++) {
        int a = (l->out > l->in ? n_strips - 1 - i : i) * rows, b = at_most(a + rows, w->height);
        struct fk_conv conv = {.batch = 1, .height = b - a, .width = w->width,
                               .in_channels = l->in, .out_channels = l->out, .kernel = 1,
                               .stride = 1, .out_height = b - a, .out_width = w->width};
        float *strip = w->net->work.strip[1];
        size_t bytes = (size_t)(b - a) * width * (size_t)l->out * sizeof(float);
        if (!fit_run(w->c, conv2d, strip, x + (size_t)a * width * (size_t)l->in,
                     fk_f32(weights->weight), fk_f32(weights->bias), &conv, 0) ||
            !fit_compute_check(w->c,
                               w->c->device->copy(w->c->queue,
                                                  x + (size_t)a * width * (size_t)l->out, strip,
                                                  bytes)))
            return false;
    }
    return true;
}

/* ---- layers ------------------------------------------------------------------------------- */

static bool conv_run(struct walk *w, const struct fit_layer *l, const struct fit_weight_pair *part)
{
    int up = l->kind == FIT_LAYER_UP ? 2 : 1, stride = l->kind == FIT_LAYER_DOWN ? 2 : 1;
    struct passage p = {.in = l->in, .out = l->out, .kernel = l->kernel, .stride = stride,
                        .up = up, .conv = part};
    size_t n = pixels(w) * (size_t)(up * up) / (size_t)(stride * stride);
    float *x = room(w, 0, pixels(w) * (size_t)l->in), *y = room(w, 1, n * (size_t)l->out);
    if (l->kind == FIT_LAYER_NORM_CONV) {
        p.norm = &part[0];
        p.conv = &part[1];
        bool reached = norm_reach(w, x, l->in, &p.sum);
        if (!reached || w->stopped)
            return reached;
    }
    bool ok = passage_run(w, y, x, &p);
    swap_rooms(w);
    w->height = w->height * up / stride;
    w->width = w->width * up / stride;
    return ok;
}

static bool resnet_run(struct walk *w, const struct fit_layer *l,
                       const struct fit_weight_pair *part)
{
    struct passage first = {.norm = &part[0], .conv = &part[1], .in = l->in, .out = l->out,
                            .kernel = 3, .stride = 1, .up = 1};
    struct passage second = {.norm = &part[2], .conv = &part[3], .in = l->out, .out = l->out,
                             .kernel = 3, .stride = 1, .up = 1, .add = true};
    float *x = room(w, 0, pixels(w) * (size_t)at_least(l->in, l->out));
    float *h = room(w, 1, pixels(w) * (size_t)l->out);
    bool ok = norm_reach(w, x, l->in, &first.sum);
    if (!ok || w->stopped)
        return ok;
    ok = passage_run(w, h, x, &first) && norm_reach(w, h, l->out, &second.sum);
    if (!ok || w->stopped)
        return ok;
    return (l->in == l->out || shortcut_run(w, x, l, &part[4])) && passage_run(w, x, h, &second);
}

static bool attention_run(struct walk *w, const struct fit_layer *l,
                          const struct fit_weight_pair *part)
{
    size_t n = pixels(w) * (size_t)l->in;
    float *x = room(w, 0, n), *h = room(w, 1, 4 * n);
    const double *sum;
    bool ok = norm_reach(w, x, l->in, &sum);
    if (!w->c || !ok || w->stopped)
        return ok;
    struct fk_ptr qkv = fk_f32(h + n), out = fk_f32(h), none = {0};
    int N = (int)pixels(w), C = l->in;
    const int32_t ends[2] = {0, N};
    struct fk_pack pack = {1, N, N, w->net->offset};
    return fit_compute_check(w->c, w->c->device->upload(w->c->queue, w->net->offset, ends,
                                                        sizeof ends)) &&
           norm_apply(w, h, x, &part[0], sum, w->height, C, false) &&
           fit_run(w->c, linear, qkv, out, fk_f32(part[1].weight),
                   part[1].bias ? fk_f32(part[1].bias) : none, N, 3 * C, C, 0) &&
           fit_run(w->c, attention, out, NULL, qkv, &pack, 1, C, 1 / sqrtf((float)C)) &&
           fit_run(w->c, linear, fk_f32(x), out, fk_f32(part[2].weight), fk_f32(part[2].bias), N,
                   C, C, 1);
}

static bool block_run(struct walk *w, const struct fit_layer *l, const struct fit_weight_pair *part)
{
    size_t n = pixels(w) * (size_t)l->in;
    float *x = room(w, 0, n), *y = room(w, 1, n), *z = room(w, 2, n);
    struct passage p[3];
    for (int i = 0; i < 3; i++)
        p[i] = (struct passage){.conv = &part[i], .in = l->in, .out = l->in, .kernel = 3,
                                .stride = 1, .up = 1, .add = i == 2};
    return passage_run(w, y, x, &p[0]) && op(w, relu, y, y, n) && passage_run(w, z, y, &p[1]) &&
           op(w, relu, z, z, n) && passage_run(w, x, z, &p[2]) && op(w, relu, x, x, n);
}

static bool layer_run(struct walk *w, int i)
{
    const struct fit_layer *l = &w->net->layers[i];
    const struct fit_weight_pair *part = w->net->weights[i].part;
    size_t n = pixels(w) * (size_t)l->in;
    float *x = room(w, 0, n);
    switch (l->kind) {
    case FIT_LAYER_RESNET:
        return resnet_run(w, l, part);
    case FIT_LAYER_ATTENTION:
        return attention_run(w, l, part);
    case FIT_LAYER_BLOCK:
        return block_run(w, l, part);
    case FIT_LAYER_RELU:
        return op(w, relu, x, x, n);
    case FIT_LAYER_SOFT_CLAMP:
        return op(w, soft_clamp, x, x, clamp_limit, n);
    case FIT_LAYER_CONV:
    case FIT_LAYER_DOWN:
    case FIT_LAYER_UP:
    case FIT_LAYER_NORM_CONV:
        break;
    }
    return conv_run(w, l, part);
}

int fit_convnet_norms_before(const struct fit_convnet *net, int layer)
{
    int n = 0;
    for (int i = 0; i < layer; i++)
        n += net->layers[i].kind == FIT_LAYER_RESNET ? 2
             : net->layers[i].kind == FIT_LAYER_ATTENTION ||
                     net->layers[i].kind == FIT_LAYER_NORM_CONV ? 1
                                                                : 0;
    return n;
}

bool fit_convnet_run_tile(struct fit_convnet *net, struct fit_compute *c,
                          const struct fit_convnet_tile *tile, float **result)
{
    struct walk w = {.net = net, .c = c, .tile = tile, .height = tile->height,
                     .width = tile->width, .place = {0, 1, 2},
                     .norm = fit_convnet_norms_before(net, net->work.from)};
    *result = NULL;
    for (int i = net->work.from; i < net->work.to && !w.stopped; i++)
        if (!layer_run(&w, i))
            return false;
    if (!w.stopped)
        *result = net->work.whole[w.place[0]];
    return true;
}

/* ---- buffers ------------------------------------------------------------------------------ */

/* The walk that only measures. */
static void measure(const struct fit_convnet *net, int from, int to, int height, int width,
                    size_t bytes[N_BUFFERS])
{
    struct fit_convnet_tile tile = {.height = height, .width = width, .own_end = height,
                                    .picture_height = height, .gather = FIT_GATHER_ALL};
    struct walk w = {.net = net, .tile = &tile, .height = height, .width = width,
                     .place = {0, 1, 2}};
    for (int i = from; i < to; i++)
        layer_run(&w, i);
    room(&w, 0, pixels(&w) * (size_t)net->layers[to - 1].out);
    for (int i = 0; i < N_BUFFERS; i++)
        bytes[i] = w.need[i] * sizeof(float);
}

size_t fit_convnet_work_bytes(const struct fit_convnet *net, int from, int to, int height,
                              int width)
{
    size_t bytes[N_BUFFERS], sum = 0;
    measure(net, from, to, height, width, bytes);
    for (int i = 0; i < N_BUFFERS; i++)
        sum += bytes[i] + 64; /* aligned */
    return sum;
}

bool fit_convnet_work_reserve(struct fit_convnet *net, int from, int to, int height, int width,
                              struct fit_error *e)
{
    struct fit_convnet_work *work = &net->work;
    size_t bytes[N_BUFFERS];
    measure(net, from, to, height, width, bytes);
    const struct fit_scratch_item items[N_BUFFERS] = {
        {"a picture in the autoencoder", (void **)&work->whole[0], bytes[0]},
        {"a picture in the autoencoder", (void **)&work->whole[1], bytes[1]},
        {"a picture in the autoencoder", (void **)&work->whole[2], bytes[2]},
        {"a strip in the autoencoder", (void **)&work->strip[0], bytes[PREPARED]},
        {"a strip in the autoencoder", (void **)&work->strip[1], bytes[RESULT]},
    };
    if (!fit_scratch_reserve(&work->scratch, net->device, items, N_BUFFERS, e))
        return false;
    work->from = from;
    work->to = to;
    return true;
}

void fit_convnet_work_finish(struct fit_convnet *net)
{
    fit_scratch_finish(&net->work.scratch);
    memset(&net->work, 0, sizeof net->work);
}
