/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation of fk.h, forward and backward, on every backend beside the reference, on shapes
 * that a generator drew: ragged packs, any number of heads, widths that no vector divides, pictures
 * with any sides. Each buffer lies between guard bytes (check.h).
 *
 * The seed is fixed and printed; FIT_TEST_SEED=N draws other shapes and other numbers.
 */
#include "shapes.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 12, SEED = 1, MOST_TOKENS = 40, MOST_NUMBERS = 6000 };

static uint32_t seed(void)
{
    const char *text = getenv("FIT_TEST_SEED");
    return text ? (uint32_t)strtoul(text, NULL, 10) : SEED;
}

/* ---- drawing ---- */

struct dice {
    uint32_t stream;
    size_t thrown;
};

static int throw_in(struct dice *dice, int low, int high)
{
    double u = (check_uniform(dice->stream, dice->thrown++) + 1) / 2;
    return low + (int)(u * ((double)high - low + 1));
}

/* Any geometry that leaves a pixel; some rows and columns may be left over. One throw a statement
 * here and below: initialisers have no order. */
static void draw_conv(struct fk_conv *v, struct dice *dice)
{
    v->batch = throw_in(dice, 1, 3);
    v->height = throw_in(dice, 1, 11);
    v->width = throw_in(dice, 1, 11);
    v->in_channels = throw_in(dice, 1, 20);
    v->out_channels = throw_in(dice, 1, 20);
    v->kernel = throw_in(dice, 1, 5);
    v->stride = throw_in(dice, 1, 2);
    v->pad_begin = throw_in(dice, 0, v->kernel / 2);
    int behind = throw_in(dice, 0, v->kernel / 2);
    int least = v->kernel - v->pad_begin - behind; /* of a side on which the kernel stands once */
    v->height = v->height < least ? least : v->height;
    v->width = v->width < least ? least : v->width;
    v->out_height = (v->height - least) / v->stride + 1;
    v->out_width = (v->width - least) / v->stride + 1;
}

static void draw_tokens(struct shape *s, struct dice *dice)
{
    /* those that have kernels of their own, and some that have none */
    static const int widths[] = {16, 36, 64, 72, 96, 100};
    s->n_images = throw_in(dice, 1, MOST_IMAGES);
    for (int i = 0; i < s->n_images; i++) { /* short ones more often */
        int most = throw_in(dice, 1, MOST_TOKENS);
        s->lengths[i] = throw_in(dice, 1, most);
        s->N += s->lengths[i];
    }
    s->H = throw_in(dice, 1, 4);
    s->D = widths[throw_in(dice, 0, 5)];
    s->C = throw_in(dice, 16, 300);
    s->K = throw_in(dice, 1, 150);
    s->stride = s->C * throw_in(dice, 1, 6);
    s->stride += throw_in(dice, 0, 3);
    s->table_rows = throw_in(dice, 1, 8);
}

static void draw_picture(struct shape *s, struct dice *dice)
{
    s->batch = throw_in(dice, 1, 3);
    s->height = throw_in(dice, 1, 20);
    s->width = throw_in(dice, 1, 20);
    s->channels = throw_in(dice, 1, 17);
    s->groups = throw_in(dice, 1, 9);
    s->group_channels = throw_in(dice, 1, 9);
    s->side = throw_in(dice, 1, 4);
}

static struct shape draw(int round)
{
    struct dice dice = {0x20000u + 1000 * seed() + (uint32_t)round, 0};
    struct shape s = {.stream = dice.stream + 500};
    draw_tokens(&s, &dice);
    draw_picture(&s, &dice);
    draw_conv(&s.conv, &dice);
    s.n = (size_t)throw_in(&dice, 1, MOST_NUMBERS);
    s.type = round % 2 ? FK_BF16 : FK_F32; /* all four pairs in four rounds */
    s.other = round / 2 % 2 ? FK_BF16 : FK_F32;
    return s;
}

/* ---- trials ---- */

struct fk_ptr trial_input(struct trial *t, enum fk_dtype type, size_t n)
{
    return check_input(t->c, type, n, t->s->stream + 0x400000u * ++t->inputs);
}

float *trial_floats(struct trial *t, size_t n)
{
    return check_f32(trial_input(t, FK_F32, n));
}

struct fk_ptr trial_output(struct trial *t, enum fk_dtype type, size_t n)
{
    return check_output(t->c, t->is_reference ? FK_F32 : type, n);
}

int trial_drawn(struct trial *t, int low, int high)
{
    struct dice dice = {t->s->stream + 0x400000u * ++t->inputs, 0};
    return throw_in(&dice, low, high);
}

void trial_keep(struct trial *t, const char *what, struct fk_ptr values, size_t n,
                double tolerance)
{
    assert_true(t->n_results < MOST_RESULTS);
    t->results[t->n_results++] = (struct result){what, values, n, tolerance};
}

void trial_keep_floats(struct trial *t, const char *what, const float *values, size_t n)
{
    trial_keep(t, what, fk_f32(values), n, FK_TOLERANCE_F32);
}

void trial_keep_doubles(struct trial *t, const char *what, const double *values, size_t n)
{
    const double *host = check_download(t->c, values, n * sizeof *host);
    trial_keep(t, what, check_given(t->c, FK_F32, host, n), n, FK_TOLERANCE_F32);
}

/* check_near allows a share of the size of the values, which is made 1 by dividing. */
void trial_keep_bytes(struct trial *t, const char *what, const uint8_t *values, size_t n,
                      int steps)
{
    const uint8_t *host = check_download(t->c, values, n);
    double *numbers = check_room(t->c, n);
    for (size_t i = 0; i < n; i++)
        numbers[i] = host[i] / 256.0;
    trial_keep(t, what, check_given(t->c, FK_F32, numbers, n), n, steps / 256.0);
}

static trial_fn *trial_of(int op)
{
    return token_trials[op] ? token_trials[op] : picture_trials[op];
}

static void compare(struct trial *got, struct trial *want, int op, int round)
{
    assert_int_equal(got->n_results, want->n_results);
    for (int i = 0; i < got->n_results; i++) {
        const struct result *g = &got->results[i], *w = &want->results[i];
        char what[96];
        snprintf(what, sizeof what, "seed %u, round %d: %s of %s", (unsigned)seed(), round,
                 g->what, fk_op_name((enum fk_op)op));
        check_near(got->c, what, g->values, check_values(want->c, w->values, w->n), g->n,
                   g->tolerance);
    }
}

/* Devices of a round's own, so that memory is given back and its guards are looked at. */
static void drawn_shapes_body(struct check *c)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct shape s = draw(round);
        struct check *device = check_open(c->backend, 2), *reference = check_open("reference", 1);
        for (int op = 0; op < FK_N_OPS; op++) {
            struct trial got = {device, &s, .is_reference = false};
            struct trial want = {reference, &s, .is_reference = true};
            trial_of(op)(&got);
            trial_of(op)(&want);
            compare(&got, &want, op, round);
        }
        check_close(&device);
        check_close(&reference);
    }
}
CHECK_EACH_DEVICE(drawn_shapes)

/* An operation that is new in fk.h has its trial here too. */
static void test_none_is_left_out(void **state)
{
    (void)state;
    for (int op = 0; op < FK_N_OPS; op++)
        if (!token_trials[op] == !picture_trials[op])
            fail_msg("%s has no trial, or two", fk_op_name((enum fk_op)op));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none_is_left_out),
                                       cmocka_unit_test(test_drawn_shapes)};
    printf("seed %u; FIT_TEST_SEED=N draws others\n", (unsigned)seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
