/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of matrices in f32, without a library. Both operands are copied into panels - ROWS rows
 * of a, COLUMNS columns of b, the inner index outermost - and tiles of the result are dealt out to
 * threads. Every element is summed by the same instructions in the same order wherever it lies:
 * what is missing in the last panel is zero.
 */
#include "lanes.h"
#include "matmul.h"

#if defined(__AVX2__)
enum { WIDTH = 8 }; /* floats of a vector */
#else
enum { WIDTH = 4 };
#endif

enum {
    ROWS = 6, /* with COLUMNS: twelve sums, which with their operands fill sixteen registers */
    COLUMNS = 2 * WIDTH,
    DEPTH = 256, /* of a panel's part that stays in the first cache */
    TILE_ROWS = 16 * ROWS,
    TILE_COLUMNS = 4 * COLUMNS,
    SLOT_A = CPU_SCRATCH_SLOTS - 2,
    SLOT_B = CPU_SCRATCH_SLOTS - 1,
};

typedef float vector __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

/* n lines of K elements; element k of line i lies at i * K + k, or turned at k * n + i. */
struct lines {
    struct fk_ptr x;
    bool turned;
    int n, K;
};

static int panels_of(int n, int width)
{
    return (n + width - 1) / width;
}

/* Eight vectors become their eight columns. */
LANES_INLINE void turn(lanes r[LANES])
{
    const lanes_i32 low = {0, 8, 1, 9, 4, 12, 5, 13}, high = {2, 10, 3, 11, 6, 14, 7, 15};
    const lanes_i32 even = {0, 1, 8, 9, 4, 5, 12, 13}, odd = {2, 3, 10, 11, 6, 7, 14, 15};
    const lanes_i32 left = {0, 1, 2, 3, 8, 9, 10, 11}, right = {4, 5, 6, 7, 12, 13, 14, 15};
    lanes s[LANES], t[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 2) {
        s[i] = __builtin_shuffle(r[i], r[i + 1], low);
        s[i + 1] = __builtin_shuffle(r[i], r[i + 1], high);
    }
#pragma GCC unroll 2
    for (int i = 0; i < LANES; i += 4) {
        t[i] = __builtin_shuffle(s[i], s[i + 2], even);
        t[i + 1] = __builtin_shuffle(s[i], s[i + 2], odd);
        t[i + 2] = __builtin_shuffle(s[i + 1], s[i + 3], even);
        t[i + 3] = __builtin_shuffle(s[i + 1], s[i + 3], odd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < LANES / 2; i++) {
        r[i] = __builtin_shuffle(t[i], t[i + 4], left);
        r[i + 4] = __builtin_shuffle(t[i], t[i + 4], right);
    }
}

/* Lines first, first + 1, ..., up to LANES of them, into places 0, 1, ... of a panel. */
LANES_INLINE void lines_fill(float *to, const struct lines *l, int first, const int width,
                             const enum fk_dtype type)
{
    const struct fk_ptr x = {l->x.p, type};
    const int taken = width < LANES ? width : LANES;
    int some = l->n - first < taken ? l->n - first : taken;
    LANES_EACH(k, left, 0, (size_t)l->K, {
        lanes r[LANES] = {0};
#pragma GCC unroll 8
        for (int i = 0; i < taken; i++)
            if (i < some)
                r[i] = lanes_load(x, (size_t)(first + i) * (size_t)l->K + k, left);
        turn(r);
        for (int i = 0; i < left; i++)
            memcpy(to + (k + (size_t)i) * (size_t)width, &r[i], (size_t)taken * sizeof(float));
    });
}

/* The elements of a panel's lines lie side by side already: no vector has to be turned. */
LANES_INLINE void turned_fill(float *to, const struct lines *l, int first, const int width,
                              const int some, const enum fk_dtype type)
{
    const struct fk_ptr x = {l->x.p, type};
    for (size_t k = 0; k < (size_t)l->K; k++)
        LANES_EACH(i, left, 0, (size_t)width, {
            lanes v = {0};
            int there = some - (int)i < left ? some - (int)i : left;
            if (there > 0)
                v = lanes_load(x, k * (size_t)l->n + (size_t)first + i, there);
            memcpy(to + k * (size_t)width + i, &v, (size_t)left * sizeof(float));
        });
}

LANES_INLINE void panel_fill(float *to, const struct lines *l, int first, const int width,
                             const enum fk_dtype type)
{
    if (!l->turned)
        for (int i = 0; i < width; i += LANES)
            lines_fill(to + i, l, first + i, width, type);
    else if (l->n - first >= width)
        turned_fill(to, l, first, width, width, type);
    else
        turned_fill(to, l, first, width, l->n - first, type);
}

/* Panel `index` of the lines, [K][width]. */
LANES_INLINE void panel_make(float *panels, const struct lines *l, int index, const int width)
{
    float *to = panels + (size_t)index * (size_t)l->K * (size_t)width;
    if (l->x.type == FK_F32)
        panel_fill(to, l, index * width, width, FK_F32);
    else
        panel_fill(to, l, index * width, width, FK_BF16);
}

/* c[ROWS][COLUMNS], rows TILE_COLUMNS apart, += a[n][ROWS] . b[n][COLUMNS]. */
static void block(float *c, const float *a, const float *b, int n)
{
    vector sum[ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++)
            sum[r][v] = *(const vector *)(c + r * TILE_COLUMNS + v * WIDTH);
    for (int k = 0; k < n; k++) {
        vector left = *(const vector *)b, right = *(const vector *)(b + WIDTH);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            sum[r][0] += a[r] * left;
            sum[r][1] += a[r] * right;
        }
        a += ROWS;
        b += COLUMNS;
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++)
            *(vector *)(c + r * TILE_COLUMNS + v * WIDTH) = sum[r][v];
}

struct job {
    struct fk_ptr c;
    const float *a, *b, *bias; /* panels; bias may be NULL */
    int M, N, K;
    bool add;
};

static void tile_write(const struct job *j, const float *sum, int row, int column)
{
    int end = j->M - row < TILE_ROWS ? j->M - row : TILE_ROWS;
    int columns = j->N - column < TILE_COLUMNS ? j->N - column : TILE_COLUMNS;
    for (int r = 0; r < end; r++) {
        size_t at = (size_t)(row + r) * (size_t)j->N + (size_t)column;
        LANES_EACH(i, left, 0, (size_t)columns, {
            lanes v = lanes_load_f32(sum, (size_t)r * TILE_COLUMNS + i, left);
            if (j->bias)
                v += lanes_load_f32(j->bias, (size_t)column + i, left);
            if (j->add)
                v += lanes_load(j->c, at + i, left);
            lanes_store(j->c, at + i, left, v);
        });
    }
}

static void tile(const struct job *j, int row, int column)
{
    float sum[TILE_ROWS * TILE_COLUMNS];
    int row_end = row + TILE_ROWS < j->M ? row + TILE_ROWS : j->M;
    int column_end = column + TILE_COLUMNS < j->N ? column + TILE_COLUMNS : j->N;
    memset(sum, 0, sizeof sum);
    for (int k = 0; k < j->K; k += DEPTH) {
        int n = j->K - k < DEPTH ? j->K - k : DEPTH;
        for (int y = column; y < column_end; y += COLUMNS)
            for (int x = row; x < row_end; x += ROWS)
                block(sum + (x - row) * TILE_COLUMNS + (y - column),
                      j->a + (size_t)x * (size_t)j->K + (size_t)k * ROWS,
                      j->b + (size_t)y * (size_t)j->K + (size_t)k * COLUMNS, n);
    }
    tile_write(j, sum, row, column);
}

static float *panels_make(struct fk_queue *q, int slot, const struct lines *l, bool rows)
{
    const int width = rows ? ROWS : COLUMNS;
    int n = panels_of(l->n, width);
    size_t values = (size_t)n * (size_t)width * (size_t)l->K;
    float *panels = cpu_scratch(q, slot, values * sizeof *panels);
    if (!panels)
        return NULL;
#pragma omp parallel for num_threads(cpu_threads(q, values))
    for (int i = 0; i < n; i++)
        if (rows)
            panel_make(panels, l, i, ROWS);
        else
            panel_make(panels, l, i, COLUMNS);
    return panels;
}

static bool multiply(struct fk_queue *q, struct fk_ptr c, struct fk_ptr a, struct fk_ptr b,
                     struct fk_ptr bias, const struct cpu_matmul *m)
{
    const struct lines rows = {a, m->a_turned, m->M, m->K};
    const struct lines columns = {b, !m->b_turned, m->N, m->K};
    struct job j = {.c = c, .bias = bias.p, .M = m->M, .N = m->N, .K = m->K, .add = m->add};
    j.a = panels_make(q, SLOT_A, &rows, true);
    j.b = m->kept ? m->kept->copy : panels_make(q, SLOT_B, &columns, false);
    if (!j.a || !j.b)
        return false;
    int across = panels_of(m->N, TILE_COLUMNS), n = panels_of(m->M, TILE_ROWS) * across;
    size_t work = (size_t)m->M * (size_t)m->N * (size_t)m->K;
#pragma omp parallel for num_threads(cpu_threads(q, work)) schedule(dynamic)
    for (int i = 0; i < n; i++)
        tile(&j, i / across * TILE_ROWS, i % across * TILE_COLUMNS);
    return true;
}

static size_t copy_bytes(const struct cpu_kept *kept)
{
    return (size_t)panels_of(kept->N, COLUMNS) * COLUMNS * (size_t)kept->K * sizeof(float);
}

static bool copy(const struct cpu_kept *kept, void *to)
{
    const struct lines l = {{(void *)kept->w, kept->type}, false, kept->N, kept->K};
    for (int i = 0; i < panels_of(kept->N, COLUMNS); i++)
        panel_make(to, &l, i, COLUMNS);
    return true;
}

const struct cpu_products LANES_VARIANT(cpu_products) = {true, multiply, copy_bytes, copy};
