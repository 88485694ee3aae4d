/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <string.h>

static void sum_body(struct check *c)
{
    const size_t sizes[] = {0, 1, 4095, 4097, 100003};
    for (int k = 0; k < 5; k++) {
        struct fk_ptr x = check_input(c, FK_F32, sizes[k], 1);
        const double start = 2.5, *X = check_values(c, x, sizes[k]);
        double want = start;
        for (size_t i = 0; i < sizes[k]; i++)
            want += X[i] * X[i];
        double *sum = check_bytes(c, &start, sizeof start);
        check_run(c, c->ops->sum_sq(c->q, sum, check_f32(x), sizes[k]));
        const double *got = check_download(c, sum, sizeof *got);
        assert_true(fabs(*got - want) <= FK_TOLERANCE_F32 * want);
    }
}

static void *sum_threads_body(struct check *c, size_t *bytes)
{
    enum { n = 100003 };
    const double zero = 0;
    double *sum = check_bytes(c, &zero, sizeof zero);
    check_run(c, c->ops->sum_sq(c->q, sum, check_f32(check_input(c, FK_F32, n, 1)), n));
    *bytes = sizeof *sum;
    return check_download(c, sum, sizeof *sum);
}

/* One optimiser's state, on the device and as the plain formula has it. */
struct state {
    size_t n;
    struct fk_ptr parameter, moment1, moment2, ema, working;
    double *p, *m, *v, *e;
};

static struct state state_make(struct check *c, size_t n)
{
    struct state s = {.n = n, .parameter = check_input(c, FK_F32, n, 1)};
    s.moment1 = check_zeros(c, FK_F32, n);
    s.moment2 = check_zeros(c, FK_F32, n);
    s.ema = check_copy(c, s.parameter, n);
    s.working = check_output(c, FK_BF16, n);
    s.p = check_values(c, s.parameter, n);
    s.e = check_values(c, s.parameter, n);
    s.m = check_room(c, n);
    s.v = check_room(c, n);
    return s;
}

/* torch.optim.AdamW, one line after the other. */
static void state_step(struct state *s, const double *gradient, const struct fk_adamw *a)
{
    double correction1 = 1 - pow(a->beta1, a->step), correction2 = 1 - pow(a->beta2, a->step);
    for (size_t i = 0; i < s->n; i++) {
        double g = gradient[i] * a->grad_scale;
        s->p[i] *= 1 - (double)a->learning_rate * a->weight_decay;
        s->m[i] += (g - s->m[i]) * (1 - (double)a->beta1);
        s->v[i] = a->beta2 * s->v[i] + (1 - (double)a->beta2) * g * g;
        double denominator = sqrt(s->v[i]) / sqrt(correction2) + a->epsilon;
        s->p[i] -= a->learning_rate / correction1 * s->m[i] / denominator;
        s->e[i] = a->ema_decay * s->e[i] + (1 - (double)a->ema_decay) * s->p[i];
    }
}

/* Ten steps, with clipping, decay, average and working copy. */
static void adamw_case(struct check *c, size_t n)
{
    struct state s = state_make(c, n);
    struct fk_adamw a = {.learning_rate = 1e-2f, .beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f,
                         .weight_decay = 0.1f, .grad_scale = 0.25f, .ema_decay = 0.999f};
    for (a.step = 1; a.step <= 10; a.step++) {
        struct fk_ptr gradient = check_input(c, FK_F32, n, 100 + (uint32_t)a.step);
        check_run(c, c->ops->adamw(c->q, check_f32(s.parameter), check_f32(s.moment1),
                                   check_f32(s.moment2), check_f32(s.ema), s.working.p,
                                   check_f32(gradient), n, &a));
        state_step(&s, check_values(c, gradient, n), &a);
    }
    check_near(c, "parameter", s.parameter, s.p, n, FK_TOLERANCE_F32);
    check_near(c, "moment1", s.moment1, s.m, n, FK_TOLERANCE_F32);
    check_near(c, "moment2", s.moment2, s.v, n, FK_TOLERANCE_F32);
    check_near(c, "ema", s.ema, s.e, n, FK_TOLERANCE_F32);
    struct fk_ptr rounded = check_given(c, FK_BF16, check_values(c, s.parameter, n), n);
    check_same(c, "working", s.working, rounded, n);
}

static void adamw_body(struct check *c)
{
    adamw_case(c, 1);
    adamw_case(c, 43);
    adamw_case(c, 20001);
}

/* Without average and working copy the parameter takes the same bits. A gradient of zero leaves
 * nothing but weight decay: epsilon keeps 0/0 away. */
static void adamw_options_body(struct check *c)
{
    enum { n = 500 };
    struct state with = state_make(c, n), without = state_make(c, n);
    struct fk_adamw a = {.learning_rate = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f,
                         .weight_decay = 0.5f, .grad_scale = 1, .ema_decay = 0.9f, .step = 1};
    struct fk_ptr gradient = check_input(c, FK_F32, n, 2), zero = check_zeros(c, FK_F32, n);
    check_run(c, c->ops->adamw(c->q, check_f32(with.parameter), check_f32(with.moment1),
                               check_f32(with.moment2), check_f32(with.ema), with.working.p,
                               check_f32(gradient), n, &a));
    check_run(c, c->ops->adamw(c->q, check_f32(without.parameter), check_f32(without.moment1),
                               check_f32(without.moment2), NULL, NULL, check_f32(gradient), n,
                               &a));
    check_same(c, "parameter", without.parameter, with.parameter, n);

    struct state still = state_make(c, n);
    check_run(c, c->ops->adamw(c->q, check_f32(still.parameter), check_f32(still.moment1),
                               check_f32(still.moment2), NULL, NULL, check_f32(zero), n, &a));
    for (int i = 0; i < n; i++)
        still.p[i] *= 1 - (double)a.learning_rate * a.weight_decay;
    check_near(c, "decayed", still.parameter, still.p, n, FK_TOLERANCE_F32);
}

CHECK_EACH_DEVICE(sum)
CHECK_EACH_DEVICE(adamw)
CHECK_EACH_DEVICE(adamw_options)

static void test_sum_threads(void **state)
{
    (void)state;
    check_each_thread_count(sum_threads_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_sum_threads),
        cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_adamw_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
