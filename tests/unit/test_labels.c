/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h needs these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "labels.h"

#define CLASSES                                                                                    \
    "1\tDesert dunes\tsand, Sahara\n"                                                              \
    "0\tOcean sunset\tsea, sun, sailboat\n"                                                        \
    "3\tgreat white shark\twhite shark, man-eater\r\n"                                             \
    "\n"                                                                                           \
    "2\tsea lion\n"

static const char *imagenet_path;
static char path[] = "/tmp/limn-labels-XXXXXX";

static void write_classes(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct fit_labels read_classes(const char *text, int n)
{
    struct fit_labels labels;
    struct fit_error error = {0};
    write_classes(text);
    if (!fit_labels_read(&labels, path, n, &error))
        fail_msg("%s", error.message);
    return labels;
}

static void test_read(void **state)
{
    (void)state;
    struct fit_labels labels = read_classes(CLASSES, 4);
    assert_int_equal(labels.n, 4);
    assert_string_equal(labels.label[0].name, "Ocean sunset");
    assert_string_equal(labels.label[1].synonyms, "sand, Sahara");
    assert_string_equal(labels.label[2].synonyms, "");
    assert_string_equal(labels.label[3].synonyms, "white shark, man-eater");
    fit_labels_finish(&labels);
    assert_null(labels.label);
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int id;
    } cases[] = {
        {"0", 0}, {"3", 3}, {"none", FIT_CLASS_NONE}, {"NONE", FIT_CLASS_NONE},
        {"Ocean sunset", 0}, {"ocean SUNSET", 0}, {"SEA", 0}, {"sahara", 1},
        {"man-eater", 3}, {"white shark", 3}, {"sea lion", 2},
    };
    struct fit_labels labels = read_classes(CLASSES, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_error error = {0};
        int id = -7;
        if (!fit_labels_find(&labels, cases[i].text, &id, &error))
            fail_msg("%s", error.message);
        assert_int_equal(id, cases[i].id);
    }
    fit_labels_finish(&labels);
}

static void test_find_names_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *text, *nearest;
    } cases[] = {
        {"oceann", "are Ocean sunset (0)"}, {"shrak", "are great white shark (3)"},
        {"dune", "are Desert dunes (1)"},   {"", "the nearest are"},
        {"4", "0 to 3, or none"},           {"-1", "0 to 3, or none"},
        {"99999999999999999999", "0 to 3, or none"},
    };
    struct fit_labels labels = read_classes(CLASSES, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_error error = {0};
        int id = -7;
        assert_false(fit_labels_find(&labels, cases[i].text, &id, &error));
        assert_int_equal(error.status, FIT_ERROR_ARGUMENT);
        assert_int_equal(id, -7);
        if (!strstr(error.message, cases[i].nearest))
            fail_msg("\"%s\" lacks \"%s\"", error.message, cases[i].nearest);
    }
    fit_labels_finish(&labels);
}

static void test_columns(void **state)
{
    (void)state;
    struct fit_labels labels = read_classes("0\tcrane (bird)\tcrane\tBirds\tn02012849\n"
                                            "1\tcrane (machine)\t\tMachines\tn03126707\n"
                                            "2\tcorgi (dog)\tpet, shared\tDogs\n"
                                            "3\tcat\tshared, mouser\n", 4);
    static const struct {
        const char *text;
        int id; /* -7: refused */
    } cases[] = {
        {"N02012849", 0}, {"crane (machine)", 1}, {"crane", -7}, {"corgi", 2}, {"shared", -7},
        {"mouser", 3}, {"birds", -7}, {"", -7},
    };
    assert_string_equal(labels.label[0].group, "Birds");
    assert_string_equal(labels.label[1].synonyms, "");
    assert_string_equal(labels.label[1].code, "n03126707");
    assert_string_equal(labels.label[2].code, "");
    assert_string_equal(labels.label[3].group, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_error error = {0};
        int id = -7;
        fit_labels_find(&labels, cases[i].text, &id, &error);
        if (id != cases[i].id)
            fail_msg("\"%s\": class %d, expected %d", cases[i].text, id, cases[i].id);
        if (!strcmp(cases[i].text, "crane"))
            assert_non_null(strstr(error.message, "crane (bird) (0) or crane (machine) (1)"));
        if (!strcmp(cases[i].text, "shared"))
            assert_non_null(strstr(error.message, "corgi (dog) (2) or cat (3)"));
    }
    fit_labels_finish(&labels);
}

/* The file that imports use: complete, in the data set's order, every class told apart. */
static void test_imagenet(void **state)
{
    (void)state;
    static const struct {
        int id;
        const char *name, *group, *code;
    } known[] = {
        {0, "tench", "Fish", "n01440764"},
        {88, "macaw", "Birds", "n01818515"},
        {207, "golden retriever", "Dogs", "n02099601"},
        {387, "lesser panda", "Other mammals", "n02509815"},
        {417, "balloon", "Boats and aircraft", "n02782093"},
        {933, "cheeseburger", "Dishes and drinks", "n07697313"},
        {974, "geyser", "Landscapes", "n09288635"},
        {980, "volcano", "Landscapes", "n09472597"},
        {985, "daisy", "Plants and fungi", "n11939491"},
        {999, "toilet tissue", "Kitchen and household", "n15075141"},
    };
    struct fit_labels labels;
    struct fit_error error = {0};
    if (!fit_labels_read(&labels, imagenet_path, 1000, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct fit_label *label = &labels.label[known[i].id];
        assert_string_equal(label->name, known[i].name);
        assert_string_equal(label->group, known[i].group);
        assert_string_equal(label->code, known[i].code);
    }
    for (int id = 0; id < 1000; id++) {
        int by_name = -7, by_code = -7;
        assert_true(fit_labels_find(&labels, labels.label[id].name, &by_name, &error));
        assert_true(fit_labels_find(&labels, labels.label[id].code, &by_code, &error));
        assert_int_equal(by_name, id); /* and so no earlier class has this name or code */
        assert_int_equal(by_code, id);
        assert_true(*labels.label[id].group);
    }
    int id;
    assert_false(fit_labels_find(&labels, "crane", &id, &error));
    error = (struct fit_error){0};
    assert_false(fit_labels_find(&labels, "panda", &id, &error));
    assert_non_null(strstr(error.message, "lesser panda (387) or giant panda (388)"));
    error = (struct fit_error){0};
    assert_true(fit_labels_find(&labels, "red panda", &id, &error) && id == 387);
    fit_labels_finish(&labels);
}

/* A name of any length is compared without running out of the table. */
static void test_find_long_text(void **state)
{
    (void)state;
    char text[5000];
    int id;
    struct fit_labels labels = read_classes(CLASSES, 4);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct fit_error error = {0};
    assert_false(fit_labels_find(&labels, text, &id, &error));
    assert_true(strlen(error.message) < sizeof error.message);
    fit_labels_finish(&labels);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"0\ta\n", "class 1 is missing"},
        {"0\ta\n0\tb\n", "line 2: id 0 appears twice"},
        {"0\ta\n2\tb\n", "line 2: id 2, expected 0 to 1"},
        {"0\ta\n-1\tb\n", "id -1"},
        {"0\ta\n99999999999999999999\tb\n", "expected 0 to 1"},
        {"0 a\n", "line 1: expected"},
        {"name\n", "line 1: expected"},
        {"0\n1\n", "line 1: expected"},
        {"", "class 0 is missing"},
        {"0\ta\n1\t\xff\n", "line 2: expected UTF-8"},
        {"0\tcaf\xc3\n1\tb\n", "line 1: expected UTF-8"},
        {"0\t\xed\xa0\x80\n1\tb\n", "line 1: expected UTF-8"},
        {"0\t\033[2J\n1\tb\n", "line 1: expected UTF-8"},
        {"0\ta\t\t\t\tmore\n1\tb\n", "line 1: expected at most 5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fit_labels labels;
        struct fit_error error = {0};
        write_classes(cases[i].text);
        assert_false(fit_labels_read(&labels, path, 2, &error));
        assert_int_equal(error.status, FIT_ERROR_FILE);
        assert_null(labels.label);
        if (!strstr(error.message, cases[i].why) || !strstr(error.message, path))
            fail_msg("\"%s\" lacks \"%s\"", error.message, cases[i].why);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    imagenet_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_names_the_nearest),
        cmocka_unit_test(test_find_long_text),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_imagenet),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
