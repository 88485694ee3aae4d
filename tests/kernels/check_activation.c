/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>

static const double step = 1e-2, slope_tolerance = 2e-3; /* see check_gradient */

static double silu_of(double x)
{
    return x / (1 + exp(-x));
}

static double slope_of(double x)
{
    double s = 1 / (1 + exp(-x));
    return s * (1 + x * (1 - s));
}

static void swiglu_case(struct check *c, size_t n, enum fk_dtype in, enum fk_dtype out)
{
    struct fk_ptr gate = check_input(c, in, n, 1), value = check_input(c, in, n, 2);
    struct fk_ptr dy = check_input(c, out, n, 3), y = check_output(c, out, n);
    struct fk_ptr dgate = check_output(c, in, n), dvalue = check_output(c, in, n);
    const double *g = check_values(c, gate, n), *v = check_values(c, value, n);
    const double *d = check_values(c, dy, n);
    double *want_y = check_room(c, n), *want_g = check_room(c, n), *want_v = check_room(c, n);
    for (size_t i = 0; i < n; i++) {
        want_y[i] = silu_of(g[i]) * v[i];
        want_g[i] = d[i] * v[i] * slope_of(g[i]);
        want_v[i] = d[i] * silu_of(g[i]);
    }
    check_run(c, c->ops->swiglu(c->q, y, gate, value, n));
    check_run(c, c->ops->swiglu_bwd(c->q, dgate, dvalue, dy, gate, value, n));
    check_near(c, "y", y, want_y, n, check_tolerance(in, out));
    check_near(c, "dgate", dgate, want_g, n, check_tolerance(in, out));
    check_near(c, "dvalue", dvalue, want_v, n, check_tolerance(in, out));

    struct fk_ptr in_gate = check_copy(c, gate, n), in_value = check_copy(c, value, n);
    check_run(c, c->ops->swiglu_bwd(c->q, in_gate, in_value, dy, in_gate, in_value, n));
    check_same(c, "dgate in place", in_gate, dgate, n);
    check_same(c, "dvalue in place", in_value, dvalue, n);
    if (in != out)
        return;
    in_gate = check_copy(c, gate, n);
    in_value = check_copy(c, value, n);
    check_run(c, c->ops->swiglu(c->q, in_gate, in_gate, value, n));
    check_run(c, c->ops->swiglu(c->q, in_value, gate, in_value, n));
    check_same(c, "y in gate", in_gate, y, n);
    check_same(c, "y in value", in_value, y, n);
}

static void swiglu_body(struct check *c)
{
    const size_t sizes[] = {1, 37, 20001}; /* the last wakes a team and has a tail */
    for (int i = 0; i < 3; i++) {
        swiglu_case(c, sizes[i], FK_F32, FK_F32);
        swiglu_case(c, sizes[i], FK_BF16, FK_BF16);
        swiglu_case(c, sizes[i], FK_BF16, FK_F32);
        swiglu_case(c, sizes[i], FK_F32, FK_BF16);
    }
}

static void silu_case(struct check *c, size_t n, enum fk_dtype in, enum fk_dtype out)
{
    struct fk_ptr x = check_input(c, in, n, 1), dy = check_input(c, out, n, 2);
    struct fk_ptr y = check_output(c, out, n), dx = check_output(c, in, n);
    const double *X = check_values(c, x, n), *d = check_values(c, dy, n);
    double *want_y = check_room(c, n), *want_dx = check_room(c, n);
    for (size_t i = 0; i < n; i++) {
        want_y[i] = silu_of(X[i]);
        want_dx[i] = d[i] * slope_of(X[i]);
    }
    check_run(c, c->ops->silu(c->q, y, x, n));
    check_run(c, c->ops->silu_bwd(c->q, dx, dy, x, n));
    check_near(c, "y", y, want_y, n, check_tolerance(in, out));
    check_near(c, "dx", dx, want_dx, n, check_tolerance(in, out));
    if (in != out)
        return;
    struct fk_ptr place = check_copy(c, dy, n);
    check_run(c, c->ops->silu_bwd(c->q, place, place, x, n));
    check_same(c, "dx in place", place, dx, n);
    check_run(c, c->ops->silu(c->q, x, x, n));
    check_same(c, "y in place", x, y, n);
}

static void silu_body(struct check *c)
{
    silu_case(c, 101, FK_F32, FK_F32);
    silu_case(c, 20001, FK_BF16, FK_BF16);
    silu_case(c, 33, FK_BF16, FK_F32);
    silu_case(c, 33, FK_F32, FK_BF16);
}

/* Far from zero the sigmoid must saturate, not overflow: silu is x or 0, its slope 1 or 0. */
static void saturation_body(struct check *c)
{
    const double values[] = {-1e30, -200, -90, -88, 0, 88, 90, 200, 1e30};
    const double want[] = {0, 0, 0, 0, 0, 88, 90, 200, 1e30}, ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const double slopes[] = {0, 0, 0, 0, 0.5, 1, 1, 1, 1};
    enum { n = 9 };
    struct fk_ptr x = check_given(c, FK_F32, values, n), one = check_given(c, FK_F32, ones, n);
    struct fk_ptr y = check_output(c, FK_F32, n), dx = check_output(c, FK_F32, n);
    check_run(c, c->ops->silu(c->q, y, x, n));
    check_run(c, c->ops->silu_bwd(c->q, dx, one, x, n));
    const double *got = check_values(c, y, n);
    for (int i = 0; i < n; i++) /* relative: the values span 38 orders of magnitude */
        assert_true(fabs(got[i] - want[i]) <= 1e-6 * (1 + fabs(want[i])));
    check_near(c, "slope", dx, slopes, n, FK_TOLERANCE_F32);
}

struct gated {
    struct fk_ptr gate, value;
    size_t n;
};

static double swiglu_loss(struct check *c, void *data)
{
    const struct gated *g = data;
    struct fk_ptr y = check_output(c, FK_F32, g->n);
    check_run(c, c->ops->swiglu(c->q, y, g->gate, g->value, g->n));
    return check_project(c, y, g->n, 9);
}

static double silu_loss(struct check *c, void *data)
{
    const struct gated *g = data;
    struct fk_ptr y = check_output(c, FK_F32, g->n);
    check_run(c, c->ops->silu(c->q, y, g->gate, g->n));
    return check_project(c, y, g->n, 9);
}

static void slope_body(struct check *c)
{
    enum { n = 333 };
    struct gated g = {check_input(c, FK_F32, n, 1), check_input(c, FK_F32, n, 2), n};
    struct fk_ptr dy = check_project_gradient(c, FK_F32, n, 9);
    struct fk_ptr dgate = check_output(c, FK_F32, n), dvalue = check_output(c, FK_F32, n);
    struct fk_ptr dx = check_output(c, FK_F32, n);
    check_run(c, c->ops->swiglu_bwd(c->q, dgate, dvalue, dy, g.gate, g.value, n));
    check_run(c, c->ops->silu_bwd(c->q, dx, dy, g.gate, n));
    check_gradient(c, "gate", dgate, g.gate, n, swiglu_loss, &g, step, slope_tolerance);
    check_gradient(c, "value", dvalue, g.value, n, swiglu_loss, &g, step, slope_tolerance);
    check_gradient(c, "x", dx, g.gate, n, silu_loss, &g, step, slope_tolerance);
}

/* What is nothing but a bound: exact for relu, a double hyperbolic tangent for the soft one. */
static void bounds_body(struct check *c)
{
    const size_t sizes[] = {7, 20001};
    for (int k = 0; k < 2; k++) {
        size_t n = sizes[k];
        struct fk_ptr x = check_input(c, FK_F32, n, 1), y = check_output(c, FK_F32, n);
        const double *X = check_values(c, x, n);
        double *positive = check_room(c, n), *soft = check_room(c, n);
        for (size_t i = 0; i < n; i++) {
            positive[i] = fmax(X[i], 0);
            soft[i] = 0.75 * tanh(X[i] / 0.75);
        }
        check_run(c, c->ops->relu(c->q, check_f32(y), check_f32(x), n));
        check_near(c, "relu", y, positive, n, 0);
        check_run(c, c->ops->soft_clamp(c->q, check_f32(y), check_f32(x), 0.75f, n));
        check_near(c, "soft_clamp", y, soft, n, FK_TOLERANCE_F32);
        struct fk_ptr place = check_copy(c, x, n);
        check_run(c, c->ops->soft_clamp(c->q, check_f32(place), check_f32(place), 0.75f, n));
        check_same(c, "soft_clamp in place", place, y, n);
        check_run(c, c->ops->relu(c->q, check_f32(x), check_f32(x), n));
        check_near(c, "relu in place", x, positive, n, 0);
    }
}

CHECK_EACH_DEVICE(swiglu)
CHECK_EACH_DEVICE(silu)
CHECK_EACH_DEVICE(saturation)
CHECK_EACH_DEVICE(slope)
CHECK_EACH_DEVICE(bounds)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_swiglu),
        cmocka_unit_test(test_silu),
        cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_slope),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
