/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers run whole and which in tiles, and the passes over the tiles. */
#include "convnet.h"

#include <string.h>

struct size {
    int height, width;
};

/* Of the picture that enters layer `to`. */
static struct size size_at(const struct fit_convnet *net, int to, int height, int width)
{
    struct size s = {height, width};
    for (int i = 0; i < to; i++) {
        if (net->layers[i].kind == FIT_LAYER_UP)
            s = (struct size){2 * s.height, 2 * s.width};
        else if (net->layers[i].kind == FIT_LAYER_DOWN)
            s = (struct size){s.height / 2, s.width / 2};
    }
    return s;
}

/* Rows beyond a tile's own, at the input of layer `from`, that its result depends on. */
static int reach(const struct fit_convnet *net, int from)
{
    int rows = 0;
    for (int i = net->n_layers - 1; i >= from; i--) {
        switch (net->layers[i].kind) {
        case FIT_LAYER_CONV:
            rows += net->layers[i].kernel / 2;
            break;
        case FIT_LAYER_NORM_CONV:
            rows += 1;
            break;
        case FIT_LAYER_RESNET:
            rows += 2;
            break;
        case FIT_LAYER_BLOCK:
            rows += 3;
            break;
        case FIT_LAYER_UP:
            rows = (rows + 2) / 2;
            break;
        case FIT_LAYER_DOWN:
        case FIT_LAYER_ATTENTION:
        case FIT_LAYER_RELU:
        case FIT_LAYER_SOFT_CLAMP:
            break;
        }
    }
    return rows;
}

static size_t kept_bytes(const struct fit_convnet *net, int split, struct size s)
{
    return (size_t)s.height * (size_t)s.width * (size_t)net->layers[split].in * sizeof(float);
}

/* Of tiles with that many rows of their own behind the layers before `split`. */
static size_t tiled_bytes(const struct fit_convnet *net, int split, int rows, int height,
                          int width)
{
    struct size s = size_at(net, split, height, width);
    int tile = rows + 2 * reach(net, split);
    size_t before = fit_convnet_work_bytes(net, 0, split, height, width);
    size_t after = fit_convnet_work_bytes(net, split, net->n_layers,
                                          tile < s.height ? tile : s.height, s.width);
    return kept_bytes(net, split, s) + (before > after ? before : after);
}

/* The fewest tiles that fit, none thinner than its margins: those rows are computed for each
 * tile anew. */
static bool tiles_fit(const struct fit_convnet *net, int split, int height, int width,
                      size_t budget, struct fit_convnet_plan *plan)
{
    struct size s = size_at(net, split, height, width);
    int least = reach(net, split);
    for (int n = 2; n <= s.height; n++) {
        int rows = (s.height + n - 1) / n;
        if (rows < least)
            break;
        size_t bytes = tiled_bytes(net, split, rows, height, width);
        *plan = (struct fit_convnet_plan){split, rows, bytes};
        if (bytes <= budget)
            return true;
    }
    return false;
}

/* With the rest left to others, and to what forecasts do not see. */
static size_t usable_bytes(const struct fit_convnet *net)
{
    size_t free_bytes = 0, all = 0;
    if (!net->device->memory(net->device, &free_bytes, &all))
        return SIZE_MAX;
    return free_bytes / 5 * 4;
}

/* A tile may begin where the picture doubles, behind the layer that looks at all of it. */
void fit_convnet_plan_make(const struct fit_convnet *net, int height, int width, size_t limit,
                           struct fit_convnet_plan *plan)
{
    size_t budget = limit ? limit : usable_bytes(net);
    struct fit_convnet_plan least = {net->n_layers, height, 0};
    least.bytes = fit_convnet_work_bytes(net, 0, net->n_layers, height, width);
    *plan = least;
    if (plan->bytes <= budget)
        return;
    for (int i = net->n_layers - 1; i > 0; i--) {
        if (net->layers[i].kind == FIT_LAYER_ATTENTION || net->layers[i].kind == FIT_LAYER_DOWN)
            break;
        if (net->layers[i].kind != FIT_LAYER_UP)
            continue;
        struct fit_convnet_plan tiles = least;
        if (tiles_fit(net, i, height, width, budget, &tiles)) {
            *plan = tiles;
            return;
        }
        if (tiles.bytes < least.bytes)
            least = tiles;
    }
    *plan = least;
}

/* ---- running ------------------------------------------------------------------------------ */

struct tiled {
    struct fit_convnet *net;
    struct fit_compute *c;
    const struct fit_convnet_plan *plan;
    struct size source; /* the picture at the split */
    float *kept;        /* that picture */
    float *y;
};

static bool copy(struct fit_compute *c, float *to, const float *from, size_t values)
{
    return fit_compute_check(c, c->device->copy(c->queue, to, from, values * sizeof(float)));
}

static bool wait(struct fit_compute *c)
{
    return fit_compute_check(c, c->device->queue_sync(c->queue));
}

static bool run_whole(struct fit_convnet *net, struct fit_compute *c, int to, const float *x,
                      int height, int width, float **result)
{
    const struct fit_convnet_tile tile = {.height = height, .width = width, .own_end = height,
                                          .picture_height = height, .gather = FIT_GATHER_ALL};
    return fit_convnet_work_reserve(net, 0, to, height, width, c->error) &&
           copy(c, net->work.whole[0], x,
                (size_t)height * (size_t)width * (size_t)net->layers[0].in) &&
           fit_convnet_run_tile(net, c, &tile, result);
}

/* The tile that owns rows first .. first + plan->rows - 1 of the picture at the split. */
static bool run_one(struct tiled *t, int first, int gather)
{
    struct fit_convnet *net = t->net;
    const struct fit_layer *last = &net->layers[net->n_layers - 1];
    int margin = reach(net, t->plan->split);
    int end = first + t->plan->rows < t->source.height ? first + t->plan->rows : t->source.height;
    int low = first > margin ? first - margin : 0;
    int high = end + margin < t->source.height ? end + margin : t->source.height;
    const struct fit_convnet_tile tile = {
        .height = high - low, .width = t->source.width, .own_first = first - low,
        .own_end = end - low, .picture_height = t->source.height, .gather = gather};
    size_t line = (size_t)t->source.width * (size_t)net->layers[t->plan->split].in;
    float *result;
    if (!copy(t->c, net->work.whole[0], t->kept + (size_t)low * line,
              (size_t)(high - low) * line) ||
        !fit_convnet_run_tile(net, t->c, &tile, &result))
        return false;
    if (gather != FIT_GATHER_NONE)
        return true;
    struct size one = {1, t->source.width};
    for (int i = t->plan->split; i < net->n_layers; i++)
        if (net->layers[i].kind == FIT_LAYER_UP)
            one = (struct size){2 * one.height, 2 * one.width};
    size_t row = (size_t)one.height * (size_t)one.width * (size_t)last->out;
    return copy(t->c, t->y + (size_t)first * row, result + (size_t)(first - low) * row,
                (size_t)(end - first) * row);
}

static bool run_passes(struct tiled *t)
{
    struct fit_convnet *net = t->net;
    for (int k = fit_convnet_norms_before(net, t->plan->split); k <= net->n_norms; k++)
        for (int first = 0; first < t->source.height; first += t->plan->rows)
            if (!run_one(t, first, k < net->n_norms ? k : FIT_GATHER_NONE))
                return false;
    return true;
}

static bool run_tiled(struct fit_convnet *net, struct fit_compute *c,
                      const struct fit_convnet_plan *plan, float *y, const float *x, int height,
                      int width)
{
    struct tiled t = {.net = net, .c = c, .plan = plan, .y = y,
                      .source = size_at(net, plan->split, height, width)};
    size_t bytes = kept_bytes(net, plan->split, t.source);
    int rows = plan->rows + 2 * reach(net, plan->split);
    struct fit_scratch scratch = {0};
    const struct fit_scratch_item item = {"a picture in the autoencoder", (void **)&t.kept, bytes};
    float *result;
    bool ok = fit_scratch_reserve(&scratch, net->device, &item, 1, c->error) &&
              run_whole(net, c, plan->split, x, height, width, &result) &&
              copy(c, t.kept, result, bytes / sizeof(float)) &&
              fit_convnet_work_reserve(net, plan->split, net->n_layers,
                                       rows < t.source.height ? rows : t.source.height,
                                       t.source.width, c->error) &&
              run_passes(&t);
    ok = wait(c) && ok;
    fit_scratch_finish(&scratch);
    return ok;
}

bool fit_convnet_run(struct fit_convnet *net, struct fit_compute *c,
                     const struct fit_convnet_plan *plan, float *y, const float *x, int height,
                     int width)
{
    struct fk_device *d = c->device;
    struct size out = size_at(net, net->n_layers, height, width);
    size_t sums = (size_t)net->n_norms * FIT_CONVNET_GROUPS * 2 * sizeof(double);
    float *result;
    if (sums && !fit_compute_check(c, d->zero(c->queue, net->sums, sums)))
        return false;
    bool ok = plan->split < net->n_layers
                  ? run_tiled(net, c, plan, y, x, height, width)
                  : run_whole(net, c, net->n_layers, x, height, width, &result) &&
                        copy(c, y, result,
                             (size_t)out.height * (size_t)out.width *
                                 (size_t)net->layers[net->n_layers - 1].out);
    ok = wait(c) && ok;
    fit_convnet_work_finish(net);
    return ok;
}
