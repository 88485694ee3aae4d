/* SPDX-License-Identifier: Apache-2.0 */
/* Programs for the machine of pickles: what describes tensors is understood, nothing else is. */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle.h"
#include "torch_maker.h"

/* As a reader of a path, of the bytes in it. */
static bool read_all(const char *path, struct fit_error *error)
{
    size_t n;
    struct fit_pickle pickle;
    uint8_t *bytes = hostile_read(path, &n);
    bool ok = fit_pickle_read(&pickle, path, bytes, n, error);
    for (size_t i = 0; ok && i < pickle.n_tensors; i++) {
        const struct fit_pickle_tensor *t = &pickle.tensors[i];
        hostile_touch(t->name, (size_t)t->name_length);
        hostile_touch(t->group, (size_t)t->group_length);
        hostile_touch(t->storage, (size_t)t->storage_length);
        assert_in_range(t->n_dims, 0, FIT_TENSOR_MAX_DIMS);
    }
    if (ok)
        fit_pickle_finish(&pickle);
    free(bytes);
    return ok;
}

/* Writes the program and frees it. */
static const char *finish(struct made *pickle)
{
    const char *path = hostile_path("data.pkl");
    hostile_write(path, pickle->data, pickle->n);
    made_clear(pickle);
    return path;
}

static void refused_pickle(struct made *pickle, const char *why)
{
    hostile_refused(read_all, finish(pickle), why);
}

static void accepted(struct made *pickle)
{
    struct fit_error error = {0};
    if (!read_all(finish(pickle), &error))
        fail_msg("%s", error.message);
}

/* Instructions as text, in place of the value of an entry "w". */
static void refused_value(const char *program, const char *why)
{
    struct made pickle = {0};
    code_begin(&pickle);
    code_text(&pickle, "w");
    made_add_text(&pickle, program);
    code_end(&pickle);
    refused_pickle(&pickle, why);
}

static void refused_program(const char *program, const char *why)
{
    struct made pickle = {0};
    made_add_text(&pickle, program);
    refused_pickle(&pickle, why);
}

/* ---- instructions and calls --------------------------------------------------------------- */

static void test_every_instruction(void **state)
{
    (void)state;
    static const uint8_t known[] = {0x80, '(', 'N', 0x88, 0x89, 'K', 'M', 'J', 0x8a, 'X', 'c', ')',
                                    0x85, 0x86, 0x87, 't', '}', 's', 'u', 'q', 'r', 'h', 'j', 'Q',
                                    'R', 'b', '.'};
    for (int code = 0; code < 256; code++) {
        if (memchr(known, code, sizeof known))
            continue;
        char why[64];
        struct made pickle = {0};
        snprintf(why, sizeof why, "(0x%02x) is not one that describes tensors", code);
        code_begin(&pickle);
        code_text(&pickle, "w");
        made_add_number(&pickle, (uint64_t)code, 1);
        /* operands and what a reader that knew it would want */
        made_add_text(&pickle, "posix\nsystem\n");
        code_end(&pickle);
        refused_pickle(&pickle, why);
    }
}

static void test_names_that_run(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"os", "system"}, {"posix", "system"}, {"builtins", "eval"}, {"__builtin__", "exec"},
        {"subprocess", "Popen"}, {"torch", "load"}, {"torch.hub", "load"}, {"runpy", "_run_code"},
        {"collections", "OrderedDict.__class__"}, {"torch._utils", "_rebuild_tensor"},
        {"collections.OrderedDict", ""}, {"", ""}, {"torch.storage", "_load_from_bytes"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char why[96];
        struct made pickle = {0};
        snprintf(why, sizeof why, "names %s.%s: a checkpoint may hold tensors only", names[i][0],
                 names[i][1]);
        code_begin(&pickle);
        code_text(&pickle, "w");
        code_global(&pickle, names[i][0], names[i][1]);
        made_add_text(&pickle, "(");
        code_text(&pickle, "touch /tmp/this-must-not-be");
        made_add_text(&pickle, "tR");
        code_end(&pickle);
        refused_pickle(&pickle, why);
    }
    refused_value("cos", "a name that does not end");
    refused_value("c\x1b[31m\nsystem\n", "a name that does not end, or not within");
    struct made pickle = {0};
    code_begin(&pickle);
    made_add_text(&pickle, "c");
    for (int i = 0; i < 300; i++)
        made_add_text(&pickle, "a");
    made_add_text(&pickle, "\nb\n");
    refused_pickle(&pickle, "not within 255 printable characters");
}

#define DICT "ccollections\nOrderedDict\n"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define FROM_TYPE "ctorch._tensor\n_rebuild_from_type_v2\n"

static void test_calls(void **state)
{
    (void)state;
    refused_value("NNR", "calls None with None");
    refused_value(DICT "NR", "calls a class with None");
    refused_value(DICT "N\x85R", "OrderedDict with 1 arguments");
    refused_value("ctorch\nTensor\n)R", "calls torch.Tensor, which is no function");
    refused_value("ctorch\nFloatStorage\n)R", "which is no function");
    refused_value(REBUILD ")R", "expected (storage, offset, shape");
    refused_value(REBUILD "(NNNNNNtR", "expected (storage, offset, shape");
    refused_value(REBUILD "(NNNNNNNNtR", "expected (storage, offset, shape");
    refused_value("ctorch._utils\n_rebuild_parameter\n(NNNtR", "expected (tensor, requires_grad");
    refused_value(FROM_TYPE ")R", "expected (function, torch.Tensor");
    refused_value(FROM_TYPE "(" DICT "ctorch\nTensor\n)NtR", "calls OrderedDict, expected a");
    refused_value(FROM_TYPE "(" FROM_TYPE "ctorch\nTensor\n)NtR", "expected a function that makes");
    refused_value(FROM_TYPE "(" REBUILD DICT ")NtR", "expected (function, torch.Tensor");
    refused_value("NQ", "a persistent id that is not");
    refused_value("(NNNNNtQ", "a persistent id that is not");
    refused_value("(NNNNtQ", "a persistent id that is not");
}

static void test_stack(void **state)
{
    (void)state;
    refused_value("(\x85", "a tuple across a mark");
    refused_program("\x80\x02NN\x87", "a tuple of 3 values, the stack has 2");
    refused_value("uu", "stores");
    refused_value("Ntt", "ends a group without its mark");
    refused_value("h\x07", "memo 7 was never set");
    refused_value("j\xff\xff\xff\xff", "memo 4294967295 was never set");
    refused_value("r\xff\xff\xff\xff", "memo 4294967295, expected below");
    refused_value("(q\x01th\x01", "memo 1 was never set"); /* a mark is no value */
    refused_value("Nb", "gives a state to what is no dictionary");
    refused_value("(b", "takes a value from an empty stack");
    refused_value("(R", "takes a value from an empty stack");
    refused_value("(Q", "takes a value from an empty stack");
    refused_value("((s", "stores");
    refused_value("N}(Nu", "stores 1 values, expected pairs");
    refused_value("\x80\x03", "pickle protocol 3, expected 2");
    refused_value("\x8a\x09" "aaaaaaaaa", "an integer of 9 bytes");
    refused_value("\x8a\xff", "an integer of 255 bytes");
    refused_value("X\xff\xff\xff\xff", "an operand of 4294967295 bytes");
    refused_value("X\xff\xff\xff\x7f", "an operand of 2147483647 bytes");
    refused_program("", "expected PROTO first");
    refused_program("}.", "expected PROTO first");
    refused_program("\x80\x02.", "ends with 0 values");
    refused_program("\x80\x02N.", "ends with 1 values, the last None");
    refused_program("\x80\x02}}.", "ends with 2 values");
    refused_program("\x80\x02}(.", "ends with 2 values, the last a mark");
    refused_program("\x80\x02}..", "1 bytes follow the end");
    refused_program("\x80\x02}", "an operand of 1 bytes, the file ends after 0");
    refused_program("\x80\x02}Nq", "an operand of 1 bytes");
    refused_program("\x80\x02}NJ123", "an operand of 4 bytes, the file ends after 3");
    refused_program("\x80\x02q\x01", "keeps a value of an empty stack");
    refused_program("\x80\x02s", "stores a pair, the stack has 0 values");
    refused_program("\x80\x02NNNs", "expected pairs above a dictionary");
}

/* ---- what a dictionary may hold ----------------------------------------------------------- */

static const struct coded good_tensor = {
    .storage = {"FloatStorage", "0", 12}, .n_dims = 2, .n_strides = 2, .dims = {3, 4},
    .strides = {4, 1}};

static void add_tensor(struct made *pickle, const char *name)
{
    code_text(pickle, name);
    code_tensor(pickle, &good_tensor);
}

static void test_entries(void **state)
{
    (void)state;
    struct made pickle = {0};
    code_begin(&pickle);
    add_tensor(&pickle, "a");
    code_end(&pickle);
    accepted(&pickle);
    refused_value("N", "entry w: expected a tensor, found None");
    refused_value("K\x07", "entry w: expected a tensor, found an integer");
    refused_value(")", "entry w: expected a tensor, found a tuple");
    refused_value(DICT, "entry w: expected a tensor, found a class");
    refused_program("\x80\x02}NNs.", "an entry has no name");
    refused_program("\x80\x02}K\x01Ns.", "an entry has no name");
    static const char *const names[] = {"", "two\nlines", "\x1b[2J", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        code_begin(&pickle);
        add_tensor(&pickle, names[i]);
        code_end(&pickle);
        refused_pickle(&pickle, "an entry has no name of 1 to 255 printable characters");
    }
    char name[257];
    memset(name, 'n', 256);
    for (int length = 255; length <= 256; length++) {
        name[255] = length == 256 ? 'n' : '\0';
        name[256] = '\0';
        code_begin(&pickle);
        add_tensor(&pickle, name);
        code_end(&pickle);
        if (length == 255)
            accepted(&pickle);
        else
            refused_pickle(&pickle, "an entry has no name");
    }
}

/* n dictionaries of one tensor each, and a number beside them. */
static struct made make_groups(int n)
{
    struct made pickle = {0};
    char name[16];
    code_begin(&pickle);
    code_text(&pickle, "step");
    code_number(&pickle, INT64_C(1) << 40);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "group%d", i);
        code_text(&pickle, name);
        made_add_text(&pickle, "}(");
        add_tensor(&pickle, "w");
        made_add_text(&pickle, "u");
    }
    code_end(&pickle);
    return pickle;
}

static void test_groups(void **state)
{
    (void)state;
    struct made pickle = make_groups(16);
    accepted(&pickle);
    pickle = make_groups(17);
    refused_pickle(&pickle, "entry group16: expected a tensor, found a dictionary");
    pickle = make_groups(0);
    refused_pickle(&pickle, "entry step: expected a tensor, found an integer");
    refused_value("}(X\1\1\1\1", "an operand of");
    /* A dictionary in one in one; and one that holds itself. */
    static const char *const nests[] = {"}(K\x01}u", "}q\x01(K\x01h\x01u"};
    for (int i = 0; i < 2; i++) {
        code_begin(&pickle);
        code_text(&pickle, "outer");
        made_add_text(&pickle, i ? "}q\x01(" : "}(");
        code_text(&pickle, "inner");
        made_add_text(&pickle, i ? "h\x01u" : "}u");
        code_end(&pickle);
        refused_pickle(&pickle, "entry inner: expected a tensor, found a dictionary");
        refused_value(nests[i], "an entry has no name");
    }
}

/* ---- programs that want much -------------------------------------------------------------- */

/* The same instructions `times` times, as the value of an entry. */
static void refused_bomb(const char *program, int times, const char *why)
{
    struct made pickle = {0};
    code_begin(&pickle);
    code_text(&pickle, "w");
    for (int i = 0; i < times; i++)
        made_add_text(&pickle, program);
    code_end(&pickle);
    refused_pickle(&pickle, why);
}

static void test_bombs(void **state)
{
    (void)state;
    refused_bomb("(", 1 << 20, "more than 65536 values on the stack");
    refused_bomb("N", 1 << 20, "more than 65536 values on the stack");
    refused_bomb("}", 1 << 20, "more than 65536 values on the stack");
    refused_bomb("N\x85", 1 << 20, "more than 65536 values on the stack");
    /* tuples of two of the last one: 2^100000 values, were they copied */
    refused_bomb("\x85q\x01h\x01\x86", 1 << 18, "more than 262144 items of tuples");
    refused_bomb("\x85", 1 << 20, "more than 262144 items of tuples");
}

static void test_many_tensors(void **state)
{
    (void)state;
    struct made pickle = {0};
    made_add_text(&pickle, "\x80\x02}");
    code_text(&pickle, "w");
    code_tensor(&pickle, &good_tensor);
    made_add_text(&pickle, "q\x01s");
    for (int i = 0; i < 70000; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        code_text(&pickle, name);
        made_add_text(&pickle, "h\x01s");
    }
    made_add_text(&pickle, ".");
    refused_pickle(&pickle, "more than 65536 entries");

    made_add_text(&pickle, "\x80\x02(");
    code_text(&pickle, "storage");
    code_global(&pickle, "torch", "FloatStorage");
    code_text(&pickle, "0");
    made_add_text(&pickle, "NK\x0ctq\x01");
    for (int i = 0; i < 40000; i++)
        made_add_text(&pickle, "h\x01Q");
    refused_pickle(&pickle, "more than 32768 storages");
}

static void test_damage(void **state)
{
    (void)state;
    size_t n;
    struct made pickle = make_groups(3);
    const char *path = finish(&pickle);
    uint8_t *good = hostile_read(path, &n);
    assert_true(hostile_try(read_all, path));
    assert_int_equal(hostile_truncate(read_all, path, good, n, n), 0);
    hostile_flip(read_all, path, good, n, 0, n, 20000, NULL);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_instruction), cmocka_unit_test(test_names_that_run),
        cmocka_unit_test(test_calls),             cmocka_unit_test(test_stack),
        cmocka_unit_test(test_entries),           cmocka_unit_test(test_groups),
        cmocka_unit_test(test_bombs),             cmocka_unit_test(test_many_tensors),
        cmocka_unit_test(test_damage),
    };
    hostile_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hostile_finish();
    return failed;
}
