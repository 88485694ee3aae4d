/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of bf16 with weights that were kept, for processors with AVX512_BF16, which multiplies
 * pairs. The copy of the weights has panels of COLUMNS columns, [K/2][COLUMNS] pairs; rows of x are
 * read where they lie. While a panel is used, the next is fetched: a network's weights pass through
 * the caches once for every evaluation, and waiting for them cost some percent of a small one.
 * Every element is summed by the same instructions in the same order wherever it lies. What this
 * file does not do itself, the device's other products do.
 */
#include "matmul.h"
#include "wide.h"

#include <string.h>

enum {
    ROWS = 8,
    COLUMNS = 2 * WIDTH,
    DEPTH = 256,  /* pairs of a panel that stay in the first cache, at most */
    CHUNK = 256,  /* rows that meet a panel before the next one does */
    GROUP = 2,    /* panels that one thread takes at a time */
    LINE = 64,    /* bytes of the caches */
    STRIDE = 8,   /* steps from one line fetched to the next */
    SLOT_TAIL = CPU_SCRATCH_SLOTS - 2,
};

/* Part of a panel's sums: rows x COLUMNS, from `first` of its pairs on. */
struct part {
    const pair *x; /* the first row's */
    size_t stride; /* pairs of a row */
    const pair *panel;
    int n;         /* pairs */
    const char *next; /* to be fetched */
};

/* Where sums end: `rows` of ROWS and the columns of the masks. */
struct result {
    struct fk_ptr y;
    size_t at, stride;
    __m512 bias[2];
    __mmask16 mask[2];
    bool add;
    int rows;
};

INLINE void sums_write(__m512 sum[ROWS][2], const struct result *to)
{
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            size_t at = to->at + (size_t)r * to->stride + (size_t)(v * WIDTH);
            if (r >= to->rows)
                continue;
            __m512 y = _mm512_add_ps(sum[r][v], to->bias[v]);
            if (to->add)
                y = _mm512_add_ps(y, wide_load(to->y, at, to->mask[v]));
            wide_store(to->y, at, to->mask[v], y);
        }
}

/* Sums begin at zero or with `sums` [ROWS][COLUMNS], and end there or, the last ones, in `to`. */
INLINE void block(float *sums, const struct part *p, const struct result *to, bool first)
{
    __m512 sum[ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++)
            sum[r][v] = first ? _mm512_setzero_ps()
                              : _mm512_load_ps(sums + r * COLUMNS + v * WIDTH);
    for (int k = 0; k < p->n; k++) {
        __m512i left = _mm512_load_si512(p->panel + (size_t)k * COLUMNS);
        __m512i right = _mm512_load_si512(p->panel + (size_t)k * COLUMNS + WIDTH);
        if (k % STRIDE == 0)
            _mm_prefetch(p->next + k / STRIDE * LINE, _MM_HINT_T0);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            __m512i both = _mm512_set1_epi32((int)p->x[(size_t)r * p->stride + (size_t)k]);
            sum[r][0] = _mm512_dpbf16_ps(sum[r][0], (__m512bh)both, (__m512bh)left);
            sum[r][1] = _mm512_dpbf16_ps(sum[r][1], (__m512bh)both, (__m512bh)right);
        }
    }
    if (to) {
        sums_write(sum, to);
        return;
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++)
            _mm512_store_ps(sums + r * COLUMNS + v * WIDTH, sum[r][v]);
}

struct job {
    struct fk_ptr y, bias;
    const pair *x, *tail, *w; /* tail: the rows after the last whole ROWS, zero beyond M */
    int M, N, pairs;
    bool add;
    int n_threads;
};

static int panels_of(const struct job *j)
{
    return (j->N + COLUMNS - 1) / COLUMNS;
}

static __mmask16 columns_left(int left)
{
    return left >= WIDTH ? 0xffff : left > 0 ? (__mmask16)((1u << left) - 1) : 0;
}

static struct result result_of(const struct job *j, int panel)
{
    struct result to = {.y = j->y, .stride = (size_t)j->N, .add = j->add};
    for (int v = 0; v < 2; v++) {
        int column = panel * COLUMNS + v * WIDTH;
        to.mask[v] = columns_left(j->N - column);
        to.bias[v] = j->bias.p && to.mask[v] ? _mm512_maskz_loadu_ps(
                                                   to.mask[v], (const float *)j->bias.p + column)
                                             : _mm512_setzero_ps();
    }
    return to;
}

/* Rows first .. end-1 of a panel; `next` is the panel that this thread will want afterwards. */
static void panel_run(const struct job *j, int panel, int next, int first, int end)
{
    float sums[CHUNK * COLUMNS] __attribute__((aligned(LINE)));
    const pair *w = j->w + (size_t)panel * (size_t)j->pairs * COLUMNS;
    const pair *after = j->w + (size_t)next * (size_t)j->pairs * COLUMNS;
    int parts = (j->pairs + DEPTH - 1) / DEPTH, depth = (j->pairs + parts - 1) / parts;
    struct result to = result_of(j, panel);
    for (int k = 0; k < j->pairs; k += depth) {
        bool last = k + depth >= j->pairs;
        struct part p = {.stride = (size_t)j->pairs, .panel = w + (size_t)k * COLUMNS,
                         .n = last ? j->pairs - k : depth};
        const char *ahead = (const char *)(last ? after : p.panel + (size_t)depth * COLUMNS);
        for (int row = first; row < end; row += ROWS) {
            bool whole = row + ROWS <= j->M;
            size_t done = (size_t)(row - first) * (size_t)p.n * COLUMNS * sizeof(pair);
            p.x = (whole ? j->x + (size_t)row * p.stride : j->tail) + k;
            p.next = ahead + done / (size_t)(end - first) / LINE * LINE;
            to.at = (size_t)row * to.stride + (size_t)panel * COLUMNS;
            to.rows = whole ? ROWS : j->M - row;
            block(sums + (row - first) * COLUMNS, &p, last ? &to : NULL, k == 0);
        }
    }
}

static void group_run(const struct job *j, int group, int chunk)
{
    int begin = group * GROUP, n = panels_of(j), first = chunk * CHUNK;
    int end = first + CHUNK < j->M ? first + CHUNK : j->M;
    for (int panel = begin; panel < begin + GROUP && panel < n; panel++) {
        int next = panel + 1 < begin + GROUP ? panel + 1 : begin + GROUP * j->n_threads;
        panel_run(j, panel, next < n ? next : panel, first, end);
    }
}

/* The last rows with zeros to ROWS of them; NULL when memory is short. */
static const pair *tail_make(struct fk_queue *q, const pair *x, int M, size_t pairs)
{
    size_t whole = (size_t)(M / ROWS * ROWS), rows = (size_t)M - whole;
    pair *tail = cpu_scratch(q, SLOT_TAIL, ROWS * pairs * sizeof *tail);
    if (!tail)
        return NULL;
    memcpy(tail, x + whole * pairs, rows * pairs * sizeof *tail);
    memset(tail + rows * pairs, 0, (ROWS - rows) * pairs * sizeof *tail);
    return tail;
}

static const struct cpu_products *others; /* the same for all devices of a process */

static bool is_ours(const struct cpu_kept *kept)
{
    return kept && kept->type == FK_BF16 && kept->K % 2 == 0;
}

static bool multiply(struct fk_queue *q, struct fk_ptr c, struct fk_ptr a, struct fk_ptr b,
                     struct fk_ptr bias, const struct cpu_matmul *m)
{
    if (!is_ours(m->kept) || a.type != FK_BF16 || m->a_turned)
        return others->multiply(q, c, a, b, bias, m);
    struct job j = {.y = c, .bias = bias, .x = a.p, .w = m->kept->copy, .M = m->M, .N = m->N};
    j.pairs = m->K / 2;
    j.add = m->add;
    j.n_threads = cpu_threads(q, (size_t)m->M * (size_t)m->N * (size_t)m->K);
    j.tail = m->M % ROWS ? tail_make(q, j.x, m->M, (size_t)j.pairs) : j.x;
    if (!j.tail)
        return false;
    int chunks = (m->M + CHUNK - 1) / CHUNK, groups = (panels_of(&j) + GROUP - 1) / GROUP;
#pragma omp parallel for num_threads(j.n_threads) schedule(dynamic)
    for (int i = 0; i < chunks * groups; i++)
        group_run(&j, i / chunks, i % chunks);
    return true;
}

static size_t copy_bytes(const struct cpu_kept *kept)
{
    if (!is_ours(kept))
        return others->copy_bytes(kept);
    return (size_t)((kept->N + COLUMNS - 1) / COLUMNS) * COLUMNS * (size_t)kept->K * 2;
}

static bool copy(const struct cpu_kept *kept, void *copy_to)
{
    if (!is_ours(kept))
        return others->copy(kept, copy_to);
    const pair *w = kept->w;
    size_t pairs = (size_t)kept->K / 2;
    pair *to = copy_to;
    for (int panel = 0; panel < kept->N; panel += COLUMNS)
        for (size_t k = 0; k < pairs; k++)
            for (int i = panel; i < panel + COLUMNS; i++)
                *to++ = i < kept->N ? w[(size_t)i * pairs + k] : 0;
    return true;
}

const struct cpu_products *cpu_products_bf16(const struct cpu_products *rest)
{
    static struct cpu_products products;
    others = rest;
    products = (struct cpu_products){rest->any_type, multiply, copy_bytes, copy};
    return &products;
}
