/* SPDX-License-Identifier: Apache-2.0 */
/* How many threads a device starts when nobody says: what control groups allow. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "processors.h"

static char folder[] = "/tmp/limn-processors-XXXXXX";

static const char *place(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void file_write(const char *name, const char *text)
{
    FILE *file = fopen(place(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int quota(const char *membership)
{
    char list[256];
    file_write("membership", membership);
    snprintf(list, sizeof list, "%s", place("membership"));
    return cpu_quota(list, folder);
}

static void test_quota(void **state)
{
    (void)state;
    assert_int_equal(cpu_quota("/nowhere", folder), 0);
    assert_int_equal(quota("0::/one/two\n"), 0);
    file_write("one/two/cpu.max", "max 100000\n");
    assert_int_equal(quota("0::/one/two\n"), 0);
    file_write("one/cpu.max", "250000 100000\n");
    assert_int_equal(quota("1:name=systemd:/x\n0::/one/two\n"), 3);
    file_write("one/two/cpu.max", "50000 100000\n");
    assert_int_equal(quota("0::/one/two\n"), 1);
    assert_int_equal(quota("0::/one\n"), 3);
    file_write("cpu.max", "200000 100000\n");
    assert_int_equal(quota("0::/one\n"), 2);
    assert_int_equal(quota("0::/\n"), 2);
    for (int i = 0; i < 4; i++) {
        static const char *const damaged[] = {"", "-1 100000\n", "100000 0\n", "many\n"};
        file_write("cpu.max", damaged[i]);
        assert_int_equal(quota("0::/\n"), 0);
    }
}

static void test_device(void **state)
{
    (void)state;
    int n = cpu_processors();
    assert_in_range(n, 1, 1 << 20);
    struct check *c = check_open("cpu", 0);
    assert_int_equal(c->device->caps.n_threads, n);
    check_close(&c);
}

static int folder_make(void **state)
{
    (void)state;
    return !mkdtemp(folder) || mkdir(place("one"), 0700) || mkdir(place("one/two"), 0700);
}

static int folder_remove(void **state)
{
    static const char *const all[] = {"one/two/cpu.max", "one/two", "one/cpu.max", "one", "cpu.max",
                                      "membership", ""};
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        failed |= remove(place(all[i]));
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quota), cmocka_unit_test(test_device)};
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
