/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference in double against the published model code, executed on a small FiTv2 whose
 * weights come from a hash: depth 2, width 64, two heads, MLP 170, rank 16, 12 x 20 patches, two
 * items. The printed figures were taken in f32, to five decimals (sums: nine digits): single
 * values may differ by f32 rounding of the whole network, sums by that of 7680 terms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "double_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, COLUMNS = 20, N = ROWS * COLUMNS, F = 16, ITEM = N * F, NO_CLASS = 1000 };
static const double value_tolerance = 1e-5, sum_tolerance = 2e-3, squares_tolerance = 2e-6;

/* Number i of tensor k: uniform in [-s, s), exact in f32. */
static double fill(uint32_t k, uint32_t i, double s)
{
    uint32_t h = i * 0x9E3779B1u + (k + 1) * 0x85EBCA77u;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 12;
    h *= 0x297A2D39u;
    h ^= h >> 15;
    return ((h >> 8) * 0x1p-23 - 1) * s;
}

/* The place of a tensor in the state dict. */
static uint32_t tensor_number(const char *name)
{
    static const char *const head[] = {"x_embedder.proj", "t_embedder.mlp.0", "t_embedder.mlp.2"};
    static const char *const block[] = {
        "attn.qkv", "attn.proj",          "mlp.fc1_g",          "mlp.fc1_x",
        "mlp.fc2",  "adaLN_modulation.1", "adaLN_modulation.2",
    };
    uint32_t bias = strstr(name, ".bias") != NULL;
    int index, start = 0;
    for (uint32_t i = 0; i < 3; i++)
        if (strncmp(name, head[i], strlen(head[i])) == 0)
            return 2 * i + bias;
    if (strncmp(name, "y_embedder", 10) == 0)
        return 6;
    if (strncmp(name, "global_", 7) == 0)
        return 7 + bias;
    if (sscanf(name, "blocks.%d.%n", &index, &start) == 1)
        for (uint32_t i = 0; i < 7; i++)
            if (strncmp(name + start, block[i], strlen(block[i])) == 0)
                return 9 + 14 * (uint32_t)index + 2 * i + bias;
    if (strncmp(name, "final_layer.linear", 18) == 0)
        return 37 + bias;
    assert_int_equal(strncmp(name, "final_layer.adaLN_modulation.1", 30), 0);
    return 39 + bias;
}

static bool read_tensor(void *data, const char *name, size_t n, double *values)
{
    (void)data;
    uint32_t k = tensor_number(name);
    for (size_t i = 0; i < n; i++)
        values[i] = fill(k, (uint32_t)i, strstr(name, ".bias") ? 0.125 : 0.25);
    return true;
}

static const struct reference_model model = {64, 2, 2, 170, 16, 4, 1000, read_tensor, NULL};

static void fill_input(double *x)
{
    for (uint32_t i = 0; i < 2 * ITEM; i++)
        x[i] = fill(1000, i, 2);
}

/* One row of the published table. */
struct row {
    const char *name;
    struct reference_positions positions;
    double sum, squares, first, inner, last;
};

static void row_compare(const struct row *row, const double *v)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < 2 * ITEM; i++) {
        sum += v[i];
        squares += v[i] * v[i];
    }
    if (fabs(sum - row->sum) > sum_tolerance ||
        fabs(squares - row->squares) > squares_tolerance * row->squares ||
        fabs(v[0] - row->first) > value_tolerance ||
        fabs(v[7 * F + 5] - row->inner) > value_tolerance ||
        fabs(v[2 * ITEM - 1] - row->last) > value_tolerance)
        fail_msg("%s: sum %.5f (%.5f), squares %.4f (%.4f), values %.5f (%.5f) %.5f (%.5f) "
                 "%.5f (%.5f)",
                 row->name, sum, row->sum, squares, row->squares, v[0], row->first, v[7 * F + 5],
                 row->inner, v[2 * ITEM - 1], row->last);
}

static void test_fill(void **state)
{
    (void)state;
    assert_true(fabs(fill(0, 0, 1) + 0.45066869) < 5e-9);
    assert_true(fabs(fill(0, 3, 1) + 0.51511729) < 5e-9);
    assert_true(fabs(fill(1000, 1, 2) + 0.2912991) < 5e-9);
}

static void test_methods(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"normal", {REFERENCE_NORMAL, false, 16},
         935.86282, 15452.2518, -1.87754, 1.04672, 1.64648},
        {"linear, decoupled", {REFERENCE_LINEAR, true, 16},
         875.73809, 15473.7788, -1.86527, 1.06244, 1.47407},
        {"linear", {REFERENCE_LINEAR, false, 16},
         914.14006, 15541.5188, -1.90051, 1.05025, 1.42977},
        {"ntk, decoupled", {REFERENCE_NTK, true, 16},
         930.79926, 15455.5004, -1.87053, 1.04886, 1.65924},
        {"ntk", {REFERENCE_NTK, false, 16},
         935.00249, 15463.7670, -1.89066, 1.04711, 1.64406},
        {"ntk pro1, decoupled", {REFERENCE_NTK_PRO1, true, 16},
         982.31850, 15743.8231, -2.15782, 1.16479, 1.59461},
        {"ntk pro2, decoupled", {REFERENCE_NTK_PRO2, true, 16},
         946.01615, 15555.0299, -1.97567, 1.09407, 1.63764},
        {"ntk by parts, decoupled", {REFERENCE_NTK_BY_PARTS, true, 16},
         910.71900, 15464.0519, -1.85787, 1.05542, 1.67537},
        {"ntk by parts", {REFERENCE_NTK_BY_PARTS, false, 16},
         927.77853, 15490.2937, -1.92043, 1.04735, 1.62824},
        {"yarn, decoupled", {REFERENCE_YARN, true, 16},
         885.17467, 15504.6723, -1.92078, 1.08499, 1.67927},
        {"yarn", {REFERENCE_YARN, false, 16},
         920.28896, 15540.1028, -1.98842, 1.06701, 1.62273},
    };
    static double x[2 * ITEM], v[2 * ITEM];
    fill_input(x);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(reference_tokens(&model, &rows[i].positions, ROWS, COLUMNS, N, x, 0.3, 5, v));
        assert_true(reference_tokens(&model, &rows[i].positions, ROWS, COLUMNS, N, x + ITEM, 0.8,
                                     NO_CLASS, v + ITEM));
        row_compare(&rows[i], v);
    }
}

/* The last five tokens of item 0 are padding: its other tokens do not see them. */
static void test_padding(void **state)
{
    (void)state;
    static const struct row row = {"padding", {REFERENCE_NORMAL, false, 16},
                                   913.31331, 15343.2938, -1.90870, 1.04310, 1.64648};
    static double x[2 * ITEM], v[2 * ITEM];
    fill_input(x);
    assert_true(reference_tokens(&model, &row.positions, ROWS, COLUMNS, N - 5, x, 0.3, 5, v));
    assert_true(reference_tokens(&model, &row.positions, ROWS, COLUMNS, N, x + ITEM, 0.8, NO_CLASS,
                                 v + ITEM));
    row_compare(&row, v);
}

/* Latent element i of an item of tokens. */
static size_t token_place(size_t i)
{
    size_t column = i % (2 * COLUMNS), row = i / (2 * COLUMNS) % (2 * ROWS);
    return (row / 2 * COLUMNS + column / 2) * F + i / (4 * N) * 4 + row % 2 * 2 + column % 2;
}

/* The published output has two rows: the guided one, and one whose channel 3 is unconditional. */
static void test_guidance(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"guidance 1.5", {REFERENCE_NORMAL, false, 16},
         -809.60555, 18560.3527, -1.79020, 1.05130, 1.94862},
        {"guidance 1.5, power 2", {REFERENCE_NORMAL, false, 16},
         -480.83680, 17066.1508, -1.83524, 1.04894, 1.94862},
    };
    static double x[2 * ITEM], latent[ITEM], guided[ITEM], unguided[ITEM], v[2 * ITEM];
    fill_input(x);
    for (size_t i = 0; i < ITEM; i++)
        latent[i] = x[token_place(i)];
    for (int k = 0; k < 2; k++) {
        struct reference_guidance guidance = {1.5, 2 * k, 3};
        assert_true(reference_velocity(&model, &rows[k].positions, &guidance, ROWS, COLUMNS,
                                       latent, 0.3, 5, guided));
        assert_true(reference_velocity(&model, &rows[k].positions, NULL, ROWS, COLUMNS, latent,
                                       0.3, NO_CLASS, unguided));
        for (size_t i = 0; i < ITEM; i++) {
            v[token_place(i)] = guided[i];
            v[ITEM + token_place(i)] = i / (4 * N) == 3 ? unguided[i] : guided[i];
        }
        row_compare(&rows[k], v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_guidance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
