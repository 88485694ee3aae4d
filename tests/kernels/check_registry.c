/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

/* Every operation of FK_OP_LIST has an implementation on every device. */
static void complete_body(struct check *c)
{
    assert_int_equal(c->device->abi, FK_ABI);
    const char *missing = fk_ops_missing(c->ops);
    if (missing)
        fail_msg("%s: no %s", c->backend, missing);
}

static void test_missing_is_named(void **state)
{
    (void)state;
    struct check *c = check_open("reference", 1);
    struct fk_ops holed = *c->ops;
    holed.silu_bwd = NULL;
    assert_string_equal(fk_ops_missing(&holed), "silu_bwd");
    check_close(&c);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(fk_op_name(FK_OP_linear), "linear");
    assert_string_equal(fk_op_name(FK_OP_adamw), "adamw");
    assert_int_equal(sizeof(struct fk_ops), FK_N_OPS * sizeof(void (*)(void)));
}

CHECK_EACH_DEVICE(complete)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_missing_is_named),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
