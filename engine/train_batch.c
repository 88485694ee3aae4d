/* SPDX-License-Identifier: Apache-2.0 */
#include "train_batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/fit-measure.h"
#include "latent_file.h"
#include "train_random.h"

bool train_batch_init(struct train_batch *batch, struct fit_compute *c,
                      const struct fit_config *config, int tokens)
{
    struct fk_device *d = c->device;
    size_t n = (size_t)tokens;
    size_t bytes = n * (size_t)fit_config_features(config) * sizeof(float);
    memset(batch, 0, sizeof *batch);
    if (config->architecture == FIT_ARCHITECTURE_V1 &&
        !fit_ddpm_init(&batch->chain, FIT_DDPM_TRAINED_STEPS, false, c->error))
        return false;
    batch->device = d;
    batch->room = tokens;
    batch->x = d->alloc(d, bytes);
    batch->target = d->alloc(d, bytes);
    batch->noise = d->alloc(d, bytes);
    batch->host = malloc(bytes);
    batch->t = malloc(n * sizeof *batch->t);
    batch->y = malloc(n * sizeof *batch->y);
    batch->pictures = malloc(n * sizeof *batch->pictures);
    batch->images = malloc(n * sizeof *batch->images);
    batch->segments.t = malloc(n * sizeof *batch->t);
    batch->segments.y = malloc(n * sizeof *batch->y);
    batch->segments.images = malloc(n * sizeof *batch->images);
    batch->features = fit_config_features(config);
    if (!batch->x || !batch->target || !batch->noise || !batch->host || !batch->t ||
        !batch->y || !batch->pictures || !batch->images || !batch->segments.t ||
        !batch->segments.y || !batch->segments.images)
        return fit_fail(c->error, FIT_ERROR_MEMORY, "no memory for batches of %d tokens", tokens);
    return true;
}

void train_batch_finish(struct train_batch *batch)
{
    if (batch->device) {
        batch->device->free(batch->device, batch->x);
        batch->device->free(batch->device, batch->target);
        batch->device->free(batch->device, batch->noise);
    }
    fit_ddpm_finish(&batch->chain);
    pack_finish(&batch->pack);
    free(batch->host);
    free(batch->t);
    free(batch->y);
    free(batch->pictures);
    free(batch->images);
    free(batch->segments.t);
    free(batch->segments.y);
    free(batch->segments.images);
    memset(batch, 0, sizeof *batch);
}

static int tokens_of(const struct latent_picture *picture)
{
    return picture->rows * picture->columns;
}

static void add(struct train_batch *batch, const struct latent_picture *picture, int32_t y,
                double t)
{
    int b = batch->n++;
    batch->pictures[b] = picture;
    batch->images[b] = (struct pack_image){picture->rows, picture->columns};
    batch->y[b] = y;
    batch->t[b] = (float)t;
}

static void swap(int32_t *order, int i, int j)
{
    int32_t keep = order[i];
    order[i] = order[j];
    order[j] = keep;
}

/* Looks among the next pictures for two that take `room` tokens together and moves them to the
 * front. */
static bool complete(int32_t *order, const struct dataset *data, int64_t epoch, int from, int to,
                     int room)
{
    for (int i = from; i < to; i++) {
        int rest = room - tokens_of(dataset_picture(data, epoch, order[i]));
        for (int j = i + 1; rest > 0 && j < to; j++)
            if (tokens_of(dataset_picture(data, epoch, order[j])) == rest) {
                swap(order, from, i);
                swap(order, from + 1, j);
                return true;
            }
    }
    return false;
}

void train_batch_order(int32_t *order, const struct dataset *data,
                       const struct train_config *config, const struct train_cursor *cursor)
{
    enum { WINDOW = 96 };
    int n = cursor->pictures, used = 0, largest = 0;
    for (int i = 0; i < config->n_shapes; i++) {
        int side = config->shape[i].side / 16;
        largest = side * side > largest ? side * side : largest;
    }
    dataset_shuffle(order, n, config->seed, (uint64_t)cursor->epoch);
    if (config->padded)
        return; /* the reference's batches are what comes */
    for (int i = 0; i < n; i++) {
        int own = tokens_of(dataset_picture(data, cursor->epoch, order[i]));
        int window = i + WINDOW < n ? i + WINDOW : n, room = config->tokens - used;
        if (room <= 2 * largest && complete(order, data, cursor->epoch, i, window, room)) {
            i++; /* both are placed */
            used = 0;
        } else {
            used = own > room ? own : used + own;
        }
    }
}

static void next_epoch(struct train_cursor *cursor, const struct dataset *data,
                       const struct train_config *config, int32_t *order)
{
    cursor->epoch++;
    cursor->position = 0;
    cursor->pictures = (int32_t)dataset_count(data);
    train_batch_order(order, data, config, cursor);
}

/* Finds where the next pack begins and ends in the order; true when it fills the budget, so that
 * no other picture would fit. */
static bool extent(const struct dataset *data, const struct train_config *config,
                   const struct train_cursor *cursor, const int32_t *order, int *end)
{
    int used = 0, longest = 0, n = 0;
    for (*end = cursor->position; *end < cursor->pictures; ++*end) {
        int own = tokens_of(dataset_picture(data, cursor->epoch, order[*end]));
        longest = own > longest ? own : longest;
        used = config->padded ? ++n * longest : (n++, used + own);
        if (used > config->tokens || (config->images && n > config->images))
            return true;
    }
    return used == config->tokens || (config->images && n == config->images);
}

/* From a uniform and a normal number. */
static double time_of(const struct train_batch *batch, bool uniform, double even, double normal)
{
    if (batch->chain.n)
        return floor(even * batch->chain.n);
    return uniform ? even : 1 / (1 + exp(-normal));
}

void train_batch_draw(struct train_batch *batch, const struct dataset *data,
                      const struct train_config *config, struct train_cursor *cursor,
                      int32_t *order)
{
    uint64_t number = (uint64_t)cursor->packs++;
    int end;
    if (!extent(data, config, cursor, order, &end) && (cursor->position || !cursor->pictures)) {
        next_epoch(cursor, data, config, order);
        extent(data, config, cursor, order, &end); /* a set smaller than a pack is one pack */
    }
    batch->n = 0;
    batch->padded = config->padded;
    while (cursor->position < end) {
        const struct latent_picture *picture =
            dataset_picture(data, cursor->epoch, order[cursor->position++]);
        uint32_t image = (uint32_t)batch->n;
        float normal[4];
        fk_normal4(normal, train_random_seed(config->seed, TRAIN_RANDOM_TIME), (uint32_t)number,
                   (uint32_t)(number >> 32), (int32_t)image, 0);
        struct fk_philox_counter r =
            train_random(config->seed, TRAIN_RANDOM_DROPOUT, number, image);
        bool drop = train_uniform(r.word[0]) < config->dropout;
        add(batch, picture, drop ? config->model.n_classes : picture->class_id,
            time_of(batch, config->times == TRAIN_TIMES_UNIFORM, train_uniform(r.word[1]),
                    normal[0]));
    }
}

int train_batch_validation(struct train_batch *batch, const struct dataset *data,
                           const struct train_config *config, int first)
{
    int n = dataset_validation_count(data), used = 0;
    /* Neighbours in the list get times far apart: a stride near the golden section of n. */
    int stride = (int)(n * 0.618) | 1;
    batch->n = 0;
    batch->padded = false;
    for (int i = first; i < n; i++) {
        const struct latent_picture *picture = dataset_validation_picture(data, i);
        used += tokens_of(picture);
        if (used > config->tokens)
            break;
        double place = ((int)((int64_t)i * stride % n) + 0.5) / n;
        add(batch, picture, picture->class_id,
            batch->chain.n ? floor(place * batch->chain.n) : fit_loss_time(place));
    }
    return batch->n;
}

static void add_segment(struct train_segments *s, struct pack_image image, float t, int32_t y)
{
    s->images[s->n] = image;
    s->t[s->n] = t;
    s->y[s->n++] = y;
}

static void lay_out(struct train_batch *batch)
{
    batch->segments.n = batch->length = 0;
    for (int b = 0; b < batch->n; b++) {
        int own = tokens_of(batch->pictures[b]);
        batch->length = own > batch->length ? own : batch->length;
    }
    for (int b = 0; b < batch->n; b++) {
        int rest = batch->length - tokens_of(batch->pictures[b]);
        add_segment(&batch->segments, batch->images[b], batch->t[b], batch->y[b]);
        if (batch->padded && rest)
            add_segment(&batch->segments, (struct pack_image){1, rest}, batch->t[b], batch->y[b]);
    }
}

/* Tokens that picture b takes, and the tokens before it. */
static int span_of(const struct train_batch *batch, int b, int *first)
{
    *first = batch->padded ? b * batch->length : batch->pack.offset[b];
    return batch->padded ? batch->length : tokens_of(batch->pictures[b]);
}

static bool upload_pictures(struct train_batch *batch, struct fit_compute *c, size_t values)
{
    int first;
    if (batch->padded)
        memset(batch->host, 0, values * sizeof *batch->host);
    for (int b = 0; b < batch->n; b++) {
        span_of(batch, b, &first);
        if (!latent_picture_read(batch->pictures[b], batch->features,
                                 batch->host + (size_t)first * (size_t)batch->features, c->error))
            return false;
    }
    return fit_compute_check(c, c->device->upload(c->queue, batch->target, batch->host,
                                                  values * sizeof(float)));
}

/* x of picture b out of data and noise. */
static bool mix(struct train_batch *batch, struct fit_compute *c, int b)
{
    int first, span = span_of(batch, b, &first);
    size_t at = (size_t)first * (size_t)batch->features;
    size_t n = (size_t)span * (size_t)batch->features;
    float data = batch->t[b], noise = 1.0f - batch->t[b];
    if (batch->chain.n) {
        double alpha_bar = batch->chain.step[(int)batch->t[b]].alpha_bar;
        data = (float)sqrt(alpha_bar);
        noise = (float)sqrt(1 - alpha_bar);
    }
    return fit_run(c, axpby, batch->x + at, data, batch->target + at, 0.0f, n) &&
           fit_run(c, axpby, batch->x + at, noise, batch->noise + at, 1.0f, n);
}

bool train_batch_build(struct train_batch *batch, struct fit_compute *c,
                       const struct train_config *config, uint64_t noise_seed, uint32_t stream)
{
    lay_out(batch);
    if (!pack_build(&batch->pack, c, &config->model, batch->segments.images, batch->segments.n))
        return false;
    size_t values = (size_t)batch->pack.fk.n_tokens * (size_t)batch->features;
    /* `target` holds the data until the mixture is made. */
    if (!upload_pictures(batch, c, values) ||
        !fit_run(c, randn, batch->noise, noise_seed, stream, 1, 0, 0, batch->pack.fk.n_tokens,
                 batch->features))
        return false;
    for (int b = 0; b < batch->n; b++)
        if (!mix(batch, c, b))
            return false;
    return batch->chain.n || fit_run(c, axpby, batch->target, -1.0f, batch->noise, 1.0f, values);
}

bool train_batch_mask(struct train_batch *batch, struct fit_compute *c, const float *velocity)
{
    size_t features = (size_t)batch->features;
    for (int b = 0; batch->padded && b < batch->n; b++) {
        int own = tokens_of(batch->pictures[b]), first, span = span_of(batch, b, &first);
        size_t at = (size_t)(first + own) * features, n = (size_t)(span - own) * features;
        if (n && !fit_run(c, axpby, batch->target + at, 1.0f, velocity + at, 0.0f, n))
            return false;
    }
    return true;
}

int train_batch_place(const struct train_batch *batch, int b, int *first)
{
    span_of(batch, b, first);
    return tokens_of(batch->pictures[b]);
}

struct fit_batch train_batch_view(const struct train_batch *batch)
{
    return (struct fit_batch){.x = batch->x, .pack = &batch->pack.fk,
                              .cosine = batch->pack.cosine, .sine = batch->pack.sine,
                              .t = batch->segments.t, .y = batch->segments.y};
}
