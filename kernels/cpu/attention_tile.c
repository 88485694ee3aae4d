/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled for each instruction set with ATTENTION_TABLE, the name of the table that results, and
 * ATTENTION_WIDTH, the floats of a vector. */
#include "attention_tile.h"
#include "fk_dtype.h"

#include <math.h>
#include <string.h>

enum {
    T = ATTENTION_TILE,
    WIDTH = ATTENTION_WIDTH,
    ROWS = WIDTH == 16 ? 8 : 4, /* two vectors of each row: the sums that registers can hold */
};

typedef float vec __attribute__((vector_size(4 * ATTENTION_WIDTH)));
typedef int32_t veci __attribute__((vector_size(4 * ATTENTION_WIDTH)));

/* A matrix read with any steps: element (i, k) lies at p[i * row + k * column]. */
struct steps {
    const float *p;
    int row, column;
};

static inline vec load(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(float *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

/* c[ROWS][vectors * WIDTH] += a . b over n. */
static inline __attribute__((always_inline)) void block_add(float *c, int c_row, struct steps a,
                                                            const float *b, int b_row, int n,
                                                            const int vectors)
{
    vec sum[ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[r][v] = load(c + r * c_row + v * WIDTH);
    for (int k = 0; k < n; k++) {
        const float *b_k = b + (size_t)k * b_row, *a_k = a.p + (size_t)k * a.column;
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sum[r][v] += a_k[r * a.row] * load(b_k + v * WIDTH);
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(c + r * c_row + v * WIDTH, sum[r][v]);
}

/* c[T][columns] += a[T][n] . b[n][columns]; rows of c and b are `columns` wide. */
static void product_add(float *c, struct steps a, const float *b, int columns, int n)
{
    for (int column = 0; column < columns; column += 2 * WIDTH)
        for (int row = 0; row < T; row += ROWS) {
            float *to = c + (size_t)row * columns + column;
            struct steps from = {a.p + (size_t)row * a.row, a.row, a.column};
            if (columns - column >= 2 * WIDTH)
                block_add(to, columns, from, b + column, columns, n, 2);
            else
                block_add(to, columns, from, b + column, columns, n, 1);
        }
}

static void product(float *c, struct steps a, const float *b, int columns, int n)
{
    memset(c, 0, (size_t)T * columns * sizeof *c);
    product_add(c, a, b, columns, n);
}

static inline vec select(veci mask, vec a, vec b)
{
    return (vec)(((veci)a & mask) | ((veci)b & ~mask));
}

/* e^x for x up to a little above 0; below -87 the result stays at e^-87, which is as good as
 * nothing. 2^k e^r with |r| <= ln(2)/2 and Cephes' expf polynomial. */
static inline vec exponential(vec x)
{
    const vec zero = {0}, low = zero - 87.0f;
    x = select(x < low, low, x);
    veci k = __builtin_convertvector(x * 1.44269504088896341f - 0.5f, veci);
    vec n = __builtin_convertvector(k, vec);
    vec r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * (vec)((k + 127) << 23);
}

/* Where part 0, 1, 2 (q, k, v) of the image's token i begins; `part` 0 of 1 is out's layout. */
static size_t token_at(const struct attention_head *a, int i, int part, int parts)
{
    return (((size_t)(a->first + i) * parts + part) * a->H + a->h) * a->D;
}

/* Row i of x, times factor, as floats. */
static void row_read(float *to, struct fk_ptr x, size_t first, int n, float factor)
{
    if (x.type == FK_F32) {
        const float *from = (const float *)x.p + first;
        for (int d = 0; d < n; d++)
            to[d] = from[d] * factor;
    } else {
        const uint16_t *from = (const uint16_t *)x.p + first;
        for (int d = 0; d < n; d++)
            to[d] = fk_bf16_to_f32(from[d]) * factor;
    }
}

static void row_write(struct fk_ptr x, size_t first, int n, const float *from, float factor)
{
    if (x.type == FK_F32) {
        float *to = (float *)x.p + first;
        for (int d = 0; d < n; d++)
            to[d] = from[d] * factor;
    } else {
        uint16_t *to = (uint16_t *)x.p + first;
        for (int d = 0; d < n; d++)
            to[d] = fk_f32_to_bf16(from[d] * factor);
    }
}

/* to[T][width]: tokens row .. of the image, zero beyond its end and beyond D. */
static void tile_read(float *to, const struct attention_head *a, struct fk_ptr x, int part,
                      int parts, int row, int width, float factor)
{
    for (int i = 0; i < T; i++, to += width) {
        int n = row + i < a->n ? a->D : 0;
        if (n)
            row_read(to, x, token_at(a, row + i, part, parts), n, factor);
        for (int d = n; d < width; d++)
            to[d] = 0;
    }
}

static void tile_write(const float *from, const struct attention_head *a, int part, int row,
                       int width, float factor)
{
    for (int i = 0; i < T && row + i < a->n; i++)
        row_write(a->dqkv, token_at(a, row + i, part, 3), a->D, from + (size_t)i * width, factor);
}

/* to[D][T] = from[T][width] turned. */
static void tile_turn(float *to, const float *from, int D, int width)
{
    for (int d = 0; d < D; d++)
        for (int i = 0; i < T; i++)
            to[(size_t)d * T + i] = from[(size_t)i * width + d];
}

static float vec_most(vec v)
{
    float most = v[0];
    for (int l = 1; l < WIDTH; l++)
        most = v[l] > most ? v[l] : most;
    return most;
}

static float vec_sum(vec v)
{
    float sum = 0;
    for (int l = 0; l < WIDTH; l++)
        sum += v[l];
    return sum;
}

/* Turns a row of T scores into weights e^(score - most); returns what the sums so far must be
 * multiplied with, as `most` may have risen. */
static float softmax_row(float *s, float *most, float *sum)
{
    vec high = load(s), total = {0};
    for (int j = WIDTH; j < T; j += WIDTH) {
        vec v = load(s + j);
        high = select(v > high, v, high);
    }
    float here = vec_most(high), risen = here > *most ? here : *most;
    for (int j = 0; j < T; j += WIDTH) {
        vec weight = exponential(load(s + j) - risen);
        store(s + j, weight);
        total += weight;
    }
    float scale = exponential((vec){0} + (*most - risen))[0];
    *sum = *sum * scale + vec_sum(total);
    *most = risen;
    return scale;
}

/* Keys beyond the image's end get a score that no softmax sees. */
static void scores_mask(float *s, int n_keys)
{
    for (int i = 0; n_keys < T && i < T; i++)
        for (int j = n_keys; j < T; j++)
            s[i * T + j] = -1e30f;
}

/* A tile of queries on its way over the keys. */
struct queries {
    float *Q, *O, *S, *most, *sum;
};

static struct queries queries_begin(const struct attention_head *a, int row, int width, float *room)
{
    struct queries q = {.Q = room};
    q.O = q.Q + T * width;
    q.S = q.O + T * width;
    q.most = q.S + T * T;
    q.sum = q.most + T;
    tile_read(q.Q, a, a->qkv, 0, 3, row, width, a->scale);
    memset(q.O, 0, (size_t)T * width * sizeof *q.O);
    for (int i = 0; i < T; i++) {
        q.most[i] = -1e30f;
        q.sum[i] = 0;
    }
    return q;
}

/* Takes in a tile of keys, turned, and their values. */
static void queries_add(const struct queries *q, const float *K_turned, const float *V, int D,
                        int width, int n_keys)
{
    product(q->S, (struct steps){q->Q, width, 1}, K_turned, T, D);
    scores_mask(q->S, n_keys);
    for (int i = 0; i < T; i++) {
        float scale = softmax_row(q->S + i * T, &q->most[i], &q->sum[i]);
        float *sums = q->O + (size_t)i * width;
        for (int d = 0; d < width; d += WIDTH)
            store(sums + d, load(sums + d) * scale);
    }
    product_add(q->O, (struct steps){q->S, T, 1}, V, width, T);
}

static void queries_end(const struct queries *q, const struct attention_head *a, int row,
                        int width)
{
    for (int i = 0; i < T && row + i < a->n; i++) {
        const float *sums = q->O + (size_t)i * width;
        row_write(a->out, token_at(a, row + i, 0, 1), a->D, sums, 1 / q->sum[i]);
        if (a->lse)
            a->lse[(size_t)(a->first + row + i) * a->H + a->h] = q->most[i] + logf(q->sum[i]);
    }
}

static void forward(const struct attention_head *a, int row, int n_tiles, float *room)
{
    int width = (int)attention_padded(a->D, ATTENTION_PAD);
    size_t part = (size_t)T * width;
    float *V = room, *K_turned = V + part, *rest = K_turned + part;
    struct queries q[ATTENTION_MOST_TILES];
    for (int t = 0; t < n_tiles; t++)
        q[t] = queries_begin(a, row + t * T, width, rest + t * (2 * part + T * T + 2 * T));
    for (int key = 0; key < a->n; key += T) {
        tile_read(V, a, a->qkv, 1, 3, key, width, 1);
        tile_turn(K_turned, V, a->D, width);
        tile_read(V, a, a->qkv, 2, 3, key, width, 1);
        for (int t = 0; t < n_tiles; t++)
            queries_add(&q[t], K_turned, V, a->D, width, a->n - key);
    }
    for (int t = 0; t < n_tiles; t++)
        queries_end(&q[t], a, row + t * T, width);
}

/* The room of the backward pass: all queries of the image, and one tile of keys. */
struct past {
    int width;
    float *Q, *dO, *dQ, *lse, *delta;                /* rows of the whole image */
    float *K, *K_turned, *V_turned, *dK, *dV, *P, *dP; /* of one tile */
};

static void past_read(struct past *s, const struct attention_head *a, float *room)
{
    int width = (int)attention_padded(a->D, ATTENTION_PAD);
    size_t rows = attention_padded(a->n, T), tile = (size_t)T * width;
    *s = (struct past){.width = width, .Q = room};
    s->dO = s->Q + rows * width;
    s->dQ = s->dO + rows * width;
    s->lse = s->dQ + rows * width;
    s->delta = s->lse + rows;
    s->K = s->delta + rows;
    s->K_turned = s->K + tile;
    s->V_turned = s->K_turned + tile;
    s->dK = s->V_turned + tile;
    s->dV = s->dK + tile;
    s->P = s->dV + tile;
    s->dP = s->P + T * T;
    memset(s->dQ, 0, rows * width * sizeof *s->dQ);
    for (int row = 0; row < a->n; row += T) {
        tile_read(s->Q + (size_t)row * width, a, a->qkv, 0, 3, row, width, a->scale);
        tile_read(s->dO + (size_t)row * width, a, a->dout, 0, 1, row, width, 1);
        tile_read(s->K, a, a->out, 0, 1, row, width, 1);
        for (int i = 0; i < T; i++) {
            const float *dout = s->dO + (size_t)(row + i) * width, *out = s->K + i * width;
            vec sum = {0};
            for (int d = 0; d < width; d += WIDTH)
                sum += load(dout + d) * load(out + d);
            s->delta[row + i] = vec_sum(sum);
            size_t token = (size_t)(a->first + row + i) * a->H + a->h;
            s->lse[row + i] = row + i < a->n ? a->lse[token] : 0;
        }
    }
}

/* Adds what one tile of queries gives to dQ, and to dK and dV of the present keys: with
 * P = e^(S - lse), dV = P^T dO, dS = P (dO V^T - delta), dQ = dS K, dK = dS^T Q. */
static void past_add(struct past *s, int D, int row, int n_keys)
{
    const float *Q = s->Q + (size_t)row * s->width, *dO = s->dO + (size_t)row * s->width;
    float *dQ = s->dQ + (size_t)row * s->width;
    product(s->P, (struct steps){Q, s->width, 1}, s->K_turned, T, D);
    product(s->dP, (struct steps){dO, s->width, 1}, s->V_turned, T, D);
    scores_mask(s->P, n_keys);
    for (int i = 0; i < T; i++) {
        float *p = s->P + i * T, *dp = s->dP + i * T;
        float lse = s->lse[row + i], delta = s->delta[row + i];
        for (int j = 0; j < T; j += WIDTH) {
            vec weight = exponential(load(p + j) - lse);
            store(p + j, weight);
            store(dp + j, weight * (load(dp + j) - delta));
        }
    }
    product_add(s->dV, (struct steps){s->P, 1, T}, dO, s->width, T);
    product_add(s->dK, (struct steps){s->dP, 1, T}, Q, s->width, T);
    product_add(dQ, (struct steps){s->dP, T, 1}, s->K, s->width, T);
}

static void backward(const struct attention_head *a, float *room)
{
    struct past s;
    past_read(&s, a, room);
    size_t tile = (size_t)T * s.width * sizeof(float);
    for (int key = 0; key < a->n; key += T) {
        tile_read(s.K, a, a->qkv, 2, 3, key, s.width, 1);
        tile_turn(s.V_turned, s.K, a->D, s.width);
        tile_read(s.K, a, a->qkv, 1, 3, key, s.width, 1);
        tile_turn(s.K_turned, s.K, a->D, s.width);
        memset(s.dK, 0, tile);
        memset(s.dV, 0, tile);
        for (int row = 0; row < a->n; row += T)
            past_add(&s, a->D, row, a->n - key);
        tile_write(s.dK, a, 1, key, s.width, 1);
        tile_write(s.dV, a, 2, key, s.width, 1);
    }
    for (int row = 0; row < a->n; row += T)
        tile_write(s.dQ + (size_t)row * s.width, a, 0, row, s.width, a->scale);
}

const struct attention_tiles ATTENTION_TABLE = {forward, backward};
