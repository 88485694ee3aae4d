/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>

/* Published digits of the reference model's embedding at t = 0.5 (width 256, cosine first). */
static void known_time_body(struct check *c)
{
    enum { width = 256, n = 8 };
    const int at[n] = {0, 1, 2, 127, 128, 129, 130, 255};
    const double want[n] = {0.87758, 0.89369, 0.90772, 1.0, 0.47943, 0.44868, 0.41958, 5.3730e-5};
    const double t = 0.5;
    struct fk_ptr y = check_output(c, FK_F32, width);
    check_run(c, c->ops->time_embed(c->q, check_f32(y), check_f32(check_given(c, FK_F32, &t, 1)),
                                    1, width));
    const double *got = check_values(c, y, width);
    for (int i = 0; i < n; i++) /* five digits are printed */
        assert_true(fabs(got[at[i]] - want[i]) <= 5.1e-6);
}

static void time_body(struct check *c)
{
    enum { B = 5, width = 64, half = width / 2 };
    const double t[B] = {0, 0.25, 1, 1.6, 37};
    struct fk_ptr y = check_output(c, FK_F32, B * width), in = check_given(c, FK_F32, t, B);
    double *want = check_room(c, B * width);
    const double *given = check_values(c, in, B); /* 1.6 is not an f32 number */
    for (int b = 0; b < B; b++)
        for (int k = 0; k < half; k++) {
            double angle = given[b] * exp(-log(10000.0) * k / half);
            want[b * width + k] = cos(angle);
            want[b * width + half + k] = sin(angle);
        }
    check_run(c, c->ops->time_embed(c->q, check_f32(y), check_f32(in), B, width));
    check_near(c, "time_embed", y, want, B * width, FK_TOLERANCE_F32);
}

static void rows_body(struct check *c)
{
    enum { B = 4, C = 37, ROWS = 6 };
    const int32_t row[B] = {5, 0, 3, 5};
    const int32_t *rows = check_bytes(c, row, sizeof row);
    for (int type = FK_F32; type <= FK_BF16; type++) {
        struct fk_ptr table = check_input(c, type, ROWS * C, 1), y = check_output(c, FK_F32, B * C);
        const double *T = check_values(c, table, ROWS * C);
        double *want = check_room(c, B * C);
        for (int b = 0; b < B; b++)
            for (int i = 0; i < C; i++)
                want[b * C + i] = T[row[b] * C + i];
        check_run(c, c->ops->embed_rows(c->q, check_f32(y), table, rows, B, C));
        check_near(c, "embed_rows", y, want, B * C, 0); /* copies are exact */
    }
}

/* Row 5 comes twice: both must count. */
static void rows_bwd_body(struct check *c)
{
    enum { B = 4, C = 37, ROWS = 6 };
    const int32_t row[B] = {5, 0, 3, 5};
    struct fk_ptr dtable = check_input(c, FK_F32, ROWS * C, 2);
    struct fk_ptr dy = check_input(c, FK_F32, B * C, 3);
    double *want = check_values(c, dtable, ROWS * C);
    const double *d = check_values(c, dy, B * C);
    for (int b = 0; b < B; b++)
        for (int i = 0; i < C; i++)
            want[row[b] * C + i] += d[b * C + i];
    check_run(c, c->ops->embed_rows_bwd(c->q, check_f32(dtable), check_f32(dy),
                                        check_bytes(c, row, sizeof row), B, C));
    check_near(c, "dtable", dtable, want, ROWS * C, FK_TOLERANCE_F32);
}

struct lookup {
    struct fk_ptr table;
    const int32_t *rows;
};

enum { SLOPE_B = 5, SLOPE_C = 8, SLOPE_ROWS = 4 };

static double rows_loss(struct check *c, void *data)
{
    const struct lookup *l = data;
    struct fk_ptr y = check_output(c, FK_F32, SLOPE_B * SLOPE_C);
    check_run(c, c->ops->embed_rows(c->q, check_f32(y), l->table, l->rows, SLOPE_B, SLOPE_C));
    return check_project(c, y, SLOPE_B * SLOPE_C, 9);
}

static void rows_slope_body(struct check *c)
{
    const int32_t row[SLOPE_B] = {3, 1, 1, 0, 3};
    struct lookup l = {check_input(c, FK_F32, SLOPE_ROWS * SLOPE_C, 1),
                       check_bytes(c, row, sizeof row)};
    struct fk_ptr dy = check_project_gradient(c, FK_F32, SLOPE_B * SLOPE_C, 9);
    struct fk_ptr dtable = check_zeros(c, FK_F32, SLOPE_ROWS * SLOPE_C);
    check_run(c, c->ops->embed_rows_bwd(c->q, check_f32(dtable), check_f32(dy), l.rows, SLOPE_B,
                                        SLOPE_C));
    /* The operation is linear: only rounding is left, see check_gradient. */
    check_gradient(c, "table", dtable, l.table, SLOPE_ROWS * SLOPE_C, rows_loss, &l, 1e-2, 2e-3);
}

CHECK_EACH_DEVICE(known_time)
CHECK_EACH_DEVICE(time)
CHECK_EACH_DEVICE(rows)
CHECK_EACH_DEVICE(rows_bwd)
CHECK_EACH_DEVICE(rows_slope)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_time), cmocka_unit_test(test_time),
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_rows_bwd),
        cmocka_unit_test(test_rows_slope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
