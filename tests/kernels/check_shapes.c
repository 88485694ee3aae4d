/* SPDX-License-Identifier: Apache-2.0 */
/* Every backend beside the reference on shapes that a generator drew: packs of images of any
 * length, any number of heads, products of any size. */
#include "check.h"

#include <math.h>
#include <stdlib.h>

enum { ROUNDS = 12, MOST_IMAGES = 5, MOST_TOKENS = 40 };

struct shape {
    int lengths[MOST_IMAGES], n_images, N, H, D, K;
    enum fk_dtype type;
};

static int drawn(int round, int which, int low, int high)
{
    double u = (check_uniform(900 + (uint32_t)round, (size_t)which) + 1) / 2;
    return low + (int)(u * (high - low + 1));
}

static struct shape draw(int round)
{
    static const int widths[] = {4, 8, 36, 64, 72, 96};
    struct shape s = {.n_images = drawn(round, 0, 1, MOST_IMAGES), .H = drawn(round, 1, 1, 4)};
    s.D = widths[drawn(round, 2, 0, 5)];
    s.K = 8 * drawn(round, 3, 1, 30);
    s.type = round % 2 ? FK_BF16 : FK_F32;
    for (int i = 0; i < s.n_images; i++)
        s.N += s.lengths[i] = drawn(round, 4 + i, 1, MOST_TOKENS);
    return s;
}

/* The numbers of each operation on that shape, one behind the other. */
static size_t run_all(struct check *c, const struct shape *s, double **out)
{
    size_t C = (size_t)(s->H * s->D), rows = (size_t)s->N, n = rows * C;
    struct fk_pack pack = check_pack(c, s->lengths, s->n_images);
    struct fk_ptr x = check_input(c, s->type, rows * (size_t)s->K, 1);
    struct fk_ptr w = check_input(c, s->type, C * (size_t)s->K, 2);
    struct fk_ptr product = check_output(c, FK_F32, n), mean = check_output(c, s->type, n);
    struct fk_ptr qkv = check_input(c, s->type, 3 * n, 3), glu = check_output(c, s->type, n);
    struct fk_ptr a = check_input(c, s->type, n, 4), b = check_input(c, s->type, n, 5);
    check_run(c, c->ops->linear(c->q, product, x, w, (struct fk_ptr){0}, s->N, (int)C, s->K, 0));
    check_run(c, c->ops->attention(c->q, mean, NULL, qkv, &pack, s->H, s->D,
                                   1 / sqrtf((float)s->D)));
    check_run(c, c->ops->swiglu(c->q, glu, a, b, n));
    const double *all[] = {check_values(c, product, n), check_values(c, mean, n),
                           check_values(c, glu, n)};
    *out = malloc(3 * n * sizeof **out);
    for (size_t i = 0; i < 3 * n; i++)
        (*out)[i] = all[i / n][i % n] / (i < n ? sqrt(s->K) : 1);
    return 3 * n;
}

static void drawn_shapes_body(struct check *c)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct shape s = draw(round);
        struct check *reference = check_open("reference", 1);
        double *got, *want, tolerance = check_tolerance(s.type, s.type);
        size_t n = run_all(c, &s, &got);
        run_all(reference, &s, &want);
        for (size_t i = 0; i < n; i++) /* all of unit size: 1 stands for their rms */
            if (!(fabs(got[i] - want[i]) <= tolerance * fmax(1, fabs(want[i]))))
                fail_msg("%s, round %d (%d tokens, %d heads of %d, K %d): number %zu is %g, "
                         "expected %g", c->backend, round, s.N, s.H, s.D, s.K, i, got[i], want[i]);
        free(got);
        free(want);
        check_close(&reference);
    }
}
CHECK_EACH_DEVICE(drawn_shapes)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drawn_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
