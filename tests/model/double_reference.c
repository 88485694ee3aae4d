/* SPDX-License-Identifier: Apache-2.0 */
#include "double_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846, base = 10000, epsilon = 1e-6;
enum { TIME_WIDTH = 256, PATCH = 2 };

static double *room(size_t n)
{
    double *p = calloc(n ? n : 1, sizeof *p);
    if (!p)
        abort();
    return p;
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

/* y[M][N] = x[M][K] . W^T + b, of the tensors NAME.weight [N][K] and NAME.bias [N]. */
static bool linear(const struct reference_model *model, const char *name, double *y,
                   const double *x, int M, int N, int K)
{
    char weight_name[128], bias_name[128];
    snprintf(weight_name, sizeof weight_name, "%s.weight", name);
    snprintf(bias_name, sizeof bias_name, "%s.bias", name);
    double *weight = room((size_t)N * K), *bias = room(N);
    bool ok = model->read(model->data, weight_name, (size_t)N * K, weight) &&
              model->read(model->data, bias_name, N, bias);
    for (int m = 0; ok && m < M; m++)
        for (int n = 0; n < N; n++) {
            double sum = bias[n];
            for (int k = 0; k < K; k++)
                sum += x[(size_t)m * K + k] * weight[(size_t)n * K + k];
            y[(size_t)m * N + n] = sum;
        }
    free(weight);
    free(bias);
    return ok;
}

static void normalise(double *y, const double *x, int n)
{
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++)
        mean += x[i] / n;
    for (int i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / n;
    for (int i = 0; i < n; i++)
        y[i] = (x[i] - mean) / sqrt(variance + epsilon);
}

/* y[n] = LN(x[n]) (1 + scale) + shift. */
static void modulate(double *y, const double *x, const double *shift, const double *scale, int N,
                     int width)
{
    for (int n = 0; n < N; n++) {
        double *row = y + (size_t)n * width;
        normalise(row, x + (size_t)n * width, width);
        for (int i = 0; i < width; i++)
            row[i] = row[i] * (1 + scale[i]) + shift[i];
    }
}

/* ---- positions ---- */

/* The index of the frequency that makes `turns` full turns over the trained length; D is the
 * number of dimensions of one axis. */
static double correction(double turns, double length, int D)
{
    return D * log(length / (2 * pi * turns)) / (2 * log(base));
}

/* 1 below the range of indices, 0 above, falling linearly between. */
static double kept(int j, double many_turns, double few_turns, double length, int D)
{
    double low = fmax(floor(correction(many_turns, length, D)), 0);
    double high = fmin(ceil(correction(few_turns, length, D)), D - 1);
    if (low == high)
        high += 0.001;
    return 1 - fmin(fmax((j - low) / (high - low), 0), 1);
}

static double frequency(enum reference_method method, int j, int D, double stretch, double length)
{
    double plain = pow(base, -2.0 * j / D), stretched = plain / stretch;
    double ntk = pow(base * pow(stretch, (double)D / (D - 2)), -2.0 * j / D);
    double keep;
    switch (method) {
    case REFERENCE_LINEAR:
        return stretched;
    case REFERENCE_NTK:
    case REFERENCE_NTK_PRO1:
    case REFERENCE_NTK_PRO2:
        return ntk;
    case REFERENCE_YARN:
        keep = kept(j, 32, 1, length, D);
        return stretched * (1 - keep) + plain * keep;
    case REFERENCE_NTK_BY_PARTS:
        keep = kept(j, 1.25, 0.75, length, D);
        ntk = stretched * (1 - keep) + ntk * keep;
        keep = kept(j, 16, 2, length, D);
        return ntk * (1 - keep) + plain * keep;
    case REFERENCE_NORMAL:
        break;
    }
    return plain;
}

/* What cosine and sine are multiplied by, for q and for k. */
static double amplitude(enum reference_method method, int rows, int columns, double length)
{
    double longest = rows > columns ? rows : columns, area = (double)rows * columns;
    switch (method) {
    case REFERENCE_YARN:
        return 0.1 * log(fmax(longest / length, 1)) + 1;
    case REFERENCE_NTK_PRO1:
        return 2 * longest / length <= 1 ? 1 : sqrt(log(2 * longest) / log(length));
    case REFERENCE_NTK_PRO2:
        return 2 * area / (length * length) <= 1 ? 1
                                                 : sqrt(log(2 * area) / log(length * length));
    default:
        return 1;
    }
}

/* Rotates one head of width 2 D at (row, column): the first half by the row, the second by the
 * column, pairs interleaved. */
static void rotate(double *head, int D, int row, int column, int rows, int columns,
                   const struct reference_positions *p)
{
    double longest = rows > columns ? rows : columns;
    double scale = amplitude(p->method, rows, columns, p->trained_length);
    for (int axis = 0; axis < 2; axis++) {
        double extent = p->decouple ? (axis == 0 ? rows : columns) : longest;
        double stretch = fmax(extent / p->trained_length, 1);
        for (int j = 0; j < D / 2; j++) {
            double angle = (axis == 0 ? row : column) *
                           frequency(p->method, j, D, stretch, p->trained_length);
            double *pair = head + axis * D + 2 * j, a = pair[0], b = pair[1];
            pair[0] = scale * (a * cos(angle) - b * sin(angle));
            pair[1] = scale * (b * cos(angle) + a * sin(angle));
        }
    }
}

/* ---- the network ---- */

/* One evaluation: its sizes and what all blocks share. */
struct pass {
    const struct reference_model *model;
    const struct reference_positions *positions;
    int rows, columns, N, width, head_width;
    double *x;      /* [N][width], the residual stream */
    double *active; /* [width], SiLU of the conditioning */
    double *global; /* [6 width], the modulation that all blocks add to theirs */
};

static bool condition(struct pass *p, double t, int class)
{
    const struct reference_model *model = p->model;
    double sinusoid[TIME_WIDTH], time = fmin(t, 1);
    double *hidden = room(p->width), *c = room(p->width);
    double *table = room((size_t)(model->classes + 1) * p->width);
    for (int k = 0; k < TIME_WIDTH / 2; k++) {
        double angle = time * exp(-log(base) * k / (TIME_WIDTH / 2));
        sinusoid[k] = cos(angle);
        sinusoid[TIME_WIDTH / 2 + k] = sin(angle);
    }
    bool ok = linear(model, "t_embedder.mlp.0", hidden, sinusoid, 1, p->width, TIME_WIDTH);
    for (int i = 0; i < p->width; i++)
        hidden[i] = silu(hidden[i]);
    ok = ok && linear(model, "t_embedder.mlp.2", c, hidden, 1, p->width, p->width) &&
         model->read(model->data, "y_embedder.embedding_table.weight",
                     (size_t)(model->classes + 1) * p->width, table);
    for (int i = 0; i < p->width; i++)
        p->active[i] = silu(c[i] + table[(size_t)class * p->width + i]);
    ok = ok && linear(model, "global_adaLN_modulation.1", p->global, p->active, 1, 6 * p->width,
                      p->width);
    free(hidden);
    free(c);
    free(table);
    return ok;
}

/* out[N][width] = attention of qkv [N][3 width], heads side by side. */
static void attend(const struct pass *p, double *out, const double *qkv)
{
    double *score = room(p->N);
    for (int h = 0; h < p->model->heads; h++)
        for (int i = 0; i < p->N; i++) {
            const double *q = qkv + (size_t)i * 3 * p->width + h * p->head_width;
            double top = -INFINITY, sum = 0;
            for (int j = 0; j < p->N; j++) {
                const double *k = qkv + ((size_t)j * 3 + 1) * p->width + h * p->head_width;
                score[j] = 0;
                for (int d = 0; d < p->head_width; d++)
                    score[j] += q[d] * k[d] / sqrt(p->head_width);
                top = fmax(top, score[j]);
            }
            for (int j = 0; j < p->N; j++)
                sum += score[j] = exp(score[j] - top);
            double *to = out + (size_t)i * p->width + h * p->head_width;
            memset(to, 0, p->head_width * sizeof *to);
            for (int j = 0; j < p->N; j++) {
                const double *v = qkv + ((size_t)j * 3 + 2) * p->width + h * p->head_width;
                for (int d = 0; d < p->head_width; d++)
                    to[d] += score[j] / sum * v[d];
            }
        }
    free(score);
}

/* y[N][width] from the modulated x. */
static bool attention(const struct pass *p, const char *block, double *y, const double *x)
{
    char name[128];
    double *qkv = room((size_t)p->N * 3 * p->width), *out = room((size_t)p->N * p->width);
    snprintf(name, sizeof name, "%s.attn.qkv", block);
    bool ok = linear(p->model, name, qkv, x, p->N, 3 * p->width, p->width);
    for (int n = 0; n < p->N; n++)
        for (int head = 0; head < 2 * p->model->heads; head++) { /* those of q, then those of k */
            double *at = qkv + (size_t)n * 3 * p->width + head * p->head_width;
            normalise(at, at, p->head_width);
            rotate(at, p->head_width / 2, n / p->columns, n % p->columns, p->rows, p->columns,
                   p->positions);
        }
    attend(p, out, qkv);
    snprintf(name, sizeof name, "%s.attn.proj", block);
    ok = ok && linear(p->model, name, y, out, p->N, p->width, p->width);
    free(qkv);
    free(out);
    return ok;
}

static bool swiglu(const struct pass *p, const char *block, double *y, const double *x)
{
    char name[128];
    int hidden = p->model->hidden;
    double *gate = room((size_t)p->N * hidden), *value = room((size_t)p->N * hidden);
    snprintf(name, sizeof name, "%s.mlp.fc1_g", block);
    bool ok = linear(p->model, name, gate, x, p->N, hidden, p->width);
    snprintf(name, sizeof name, "%s.mlp.fc1_x", block);
    ok = ok && linear(p->model, name, value, x, p->N, hidden, p->width);
    for (size_t i = 0; i < (size_t)p->N * hidden; i++)
        value[i] *= silu(gate[i]);
    snprintf(name, sizeof name, "%s.mlp.fc2", block);
    ok = ok && linear(p->model, name, y, value, p->N, p->width, hidden);
    free(gate);
    free(value);
    return ok;
}

static void add_gated(const struct pass *p, const double *gate, const double *y)
{
    for (int n = 0; n < p->N; n++)
        for (int i = 0; i < p->width; i++)
            p->x[(size_t)n * p->width + i] += gate[i] * y[(size_t)n * p->width + i];
}

static bool block_forward(const struct pass *p, int index)
{
    char block[64], name[128];
    int d = p->width;
    double *low = room(p->model->rank), *m = room(6 * (size_t)d);
    double *in = room((size_t)p->N * d), *y = room((size_t)p->N * d);
    snprintf(block, sizeof block, "blocks.%d", index);
    snprintf(name, sizeof name, "%s.adaLN_modulation.1", block);
    bool ok = linear(p->model, name, low, p->active, 1, p->model->rank, d);
    snprintf(name, sizeof name, "%s.adaLN_modulation.2", block);
    ok = ok && linear(p->model, name, m, low, 1, 6 * d, p->model->rank);
    for (int i = 0; i < 6 * d; i++)
        m[i] += p->global[i];
    /* m: shift, scale, gate of attention, then of the MLP */
    modulate(in, p->x, m, m + d, p->N, d);
    ok = ok && attention(p, block, y, in);
    add_gated(p, m + 2 * d, y);
    modulate(in, p->x, m + 3 * d, m + 4 * d, p->N, d);
    ok = ok && swiglu(p, block, y, in);
    add_gated(p, m + 5 * d, y);
    free(low);
    free(m);
    free(in);
    free(y);
    return ok;
}

bool reference_tokens(const struct reference_model *model,
                      const struct reference_positions *positions, int rows, int columns, int N,
                      const double *x, double t, int class, double *v)
{
    int d = model->width, features = model->channels * PATCH * PATCH;
    struct pass p = {model, positions, rows, columns, N, d, d / model->heads,
                     room((size_t)N * d), room(d), room(6 * (size_t)d)};
    double *m = room(2 * (size_t)d), *in = room((size_t)N * d);
    bool ok = linear(model, "x_embedder.proj", p.x, x, N, d, features) && condition(&p, t, class);
    for (int i = 0; ok && i < model->depth; i++)
        ok = block_forward(&p, i);
    ok = ok && linear(model, "final_layer.adaLN_modulation.1", m, p.active, 1, 2 * d, d);
    modulate(in, p.x, m, m + d, N, d);
    ok = ok && linear(model, "final_layer.linear", v, in, N, features, d);
    free(p.x);
    free(p.active);
    free(p.global);
    free(m);
    free(in);
    return ok;
}

/* The index among the tokens of element i of the latent. */
static size_t token_element(size_t i, int channels, int rows, int columns)
{
    size_t width = PATCH * (size_t)columns, height = PATCH * (size_t)rows;
    size_t column = i % width, row = i / width % height, channel = i / (width * height);
    size_t token = row / PATCH * columns + column / PATCH;
    return token * channels * PATCH * PATCH + channel * PATCH * PATCH + row % PATCH * PATCH +
           column % PATCH;
}

/* The guidance at time t: from scale at noise down to 1 at data, when power is not 0. */
static double weight_at(const struct reference_guidance *g, double t)
{
    if (g->power == 0)
        return g->scale;
    return 1 + (g->scale - 1) * (1 - cos(pi * pow(1 - fmin(t, 1), g->power))) / 2;
}

bool reference_velocity(const struct reference_model *model,
                        const struct reference_positions *positions,
                        const struct reference_guidance *guidance, int rows, int columns,
                        const double *latent, double t, int class, double *velocity)
{
    int N = rows * columns;
    size_t n = (size_t)N * model->channels * PATCH * PATCH;
    double *x = room(n), *v = room(n), *free_v = room(n);
    for (size_t i = 0; i < n; i++)
        x[token_element(i, model->channels, rows, columns)] = latent[i];
    bool ok = reference_tokens(model, positions, rows, columns, N, x, t, class, v);
    if (ok && guidance && guidance->scale > 1) {
        double weight = weight_at(guidance, t);
        ok = reference_tokens(model, positions, rows, columns, N, x, t, model->classes, free_v);
        for (size_t i = 0; i < n; i++) /* the feature's channel is its index / 4 */
            if ((int)(i / (PATCH * PATCH) % model->channels) < guidance->channels)
                v[i] = free_v[i] + weight * (v[i] - free_v[i]);
    }
    for (size_t i = 0; i < n; i++)
        velocity[i] = v[token_element(i, model->channels, rows, columns)];
    free(x);
    free(v);
    free(free_v);
    return ok;
}
