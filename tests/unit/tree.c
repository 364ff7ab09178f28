/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/tree.c -- YAML as a tree: positions, merging, dotted keys, bad files. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/tree.h"
#include "tests/helpers/arena.h"

static struct sm_node *
parsed(const char *text)
{
    struct sm_node *root = NULL;
    check_ok(sm_tree_parse(&arena, "test.yaml", text, &root));
    return root;
}

/* The tree as one line: {a: 1, b: [2, 3]}. */
static void
write_node(const struct sm_node *node, FILE *out)
{
    if (node->kind == SM_NODE_SCALAR) {
        fputs(node->text, out);
        return;
    }
    fputc(node->kind == SM_NODE_MAP ? '{' : '[', out);
    SM_NODE_EACH (child, node) {
        assert_ptr_equal(child->parent, node);
        if (node->kind == SM_NODE_MAP)
            fprintf(out, "%s: ", child->key);
        else
            assert_null(child->key);
        write_node(child, out);
        if (child->next != NULL)
            fputs(", ", out);
    }
    fputc(node->kind == SM_NODE_MAP ? '}' : ']', out);
}

static void
assert_tree(const struct sm_node *node, const char *expected)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    write_node(node, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void
a_file_becomes_a_tree_that_knows_its_places(void **state)
{
    (void)state;
    struct sm_node *root = parsed("name: x # comment\n"
                                  "algorithm:\n"
                                  "  outer: {name: slowmo, beta: 0.7}\n"
                                  "list:\n"
                                  "- 1\n"
                                  "- \"two # three\"\n"
                                  "empty:\n"
                                  "? \"*eth*\"\n"
                                  ": 1Gbps\n");
    assert_tree(root, "{name: x, algorithm: {outer: {name: slowmo, beta: 0.7}}, "
                      "list: [1, two # three], empty: , *eth*: 1Gbps}");
    const struct sm_node *algorithm = sm_tree_get(root, "algorithm");
    const struct sm_node *beta = sm_tree_get(sm_tree_get(algorithm, "outer"), "beta");
    assert_string_equal(beta->file, "test.yaml");
    assert_int_equal(beta->line, 3);
    assert_int_equal(beta->column, 31);
    check_fails(sm_tree_fail(beta, "is %d too many", 2), SM_ERR_INPUT,
                "test.yaml:3:31: algorithm.outer.beta: is 2 too many");
    check_fails(sm_tree_fail(NULL, "no place"), SM_ERR_INPUT, "no place");
    assert_int_equal(sm_tree_count(root), 5);
    assert_int_equal(sm_tree_count(NULL), 0);
    assert_null(sm_tree_get(root, "nam"));
    assert_null(sm_tree_get(beta, "name"));
    assert_null(sm_tree_get(NULL, "name"));
}

static void
an_empty_document_has_no_root(void **state)
{
    (void)state;
    assert_null(parsed(""));
    assert_null(parsed("# only words\n"));
}

static void
what_yaml_or_we_do_not_take_is_said_with_its_place(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a: 1\nb: 2\na: 3\n", "test.yaml:3:1: key 'a' appears twice"},
        {"a: {b: 1,\n  b: 2}\n", "test.yaml:2:3: a: key 'b' appears twice"},
        {"a: [1, 2\n", "test.yaml:2:1: not valid YAML"},
        {"a: 1\n b: 2\n", "test.yaml:2:3: not valid YAML"},
        {"a: &x 1\nb: *x\n", "test.yaml:2:4: aliases"},
        {"{a: 1}: 2\n", "test.yaml:1:1: a key must be a plain word"},
        {"a: 1\n--- \nb: 2\n", "a second document"},
        {"a: \"\xff\"\n", "not valid YAML"},
        {"a: \"never closed\n", "not valid YAML"},
        {"\t\n- x\n\ta: 1", "not valid YAML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_node *root;
        check_fails(sm_tree_parse(&arena, "test.yaml", cases[i][0], &root), SM_ERR_INPUT,
                    cases[i][1]);
    }
    char deep[201];
    memset(deep, '[', 200);
    deep[200] = '\0';
    struct sm_node *root;
    check_fails(sm_tree_parse(&arena, "test.yaml", deep, &root), SM_ERR_INPUT, "nested deeper");
}

static void
files_are_loaded_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *message; /* NULL: fine */
    } cases[] = {
        {"steps: 3\n", 9, NULL},
        {"", 0, NULL},
        {"- 1\n", 4, ":1:1: expected `key: value` lines"},
        {"word\n", 5, ":1:1: expected `key: value` lines"},
        {"a: 1\n\0b: 2\n", 11, "zero byte"},
    };
    char path[] = "/tmp/slowmo-tree-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    struct sm_node *root;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, cases[i].bytes, cases[i].length, 0), cases[i].length);
        enum sm_status status = sm_tree_load(&arena, path, &root);
        if (cases[i].message == NULL)
            check_ok(status);
        else
            check_fails(status, SM_ERR_INPUT, cases[i].message);
    }
    close(file);
    unlink(path);
    check_fails(sm_tree_load(&arena, path, &root), SM_ERR_INPUT, "cannot read /tmp/slowmo-tree-");
}

static void
merging_follows_the_rules(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        /* base, over, result */
        {"a: 1\nb: 2", "b: 3\nc: 4", "{a: 1, b: 3, c: 4}"},
        {"m: {a: 1, b: 2}", "m: {b: 3}", "{m: {a: 1, b: 3}}"},
        {"l: [1, 2]", "l: [3]", "{l: [3]}"},
        {"l: [1, 2]", "l: {a: 1}", "{l: {a: 1}}"},
        {"m: {a: 1}", "m: 5", "{m: 5}"},
        /* settings of one algorithm stay with it */
        {"o: {name: slowmo, beta: 0.7}", "o: {beta: 0.5}", "{o: {name: slowmo, beta: 0.5}}"},
        {"o: {name: slowmo, beta: 0.7}", "o: {name: slowmo, alpha: 2}",
         "{o: {name: slowmo, beta: 0.7, alpha: 2}}"},
        {"o: {name: slowmo, beta: 0.7}", "o: {name: bmuf, zeta: 1}", "{o: {name: bmuf, zeta: 1}}"},
        {"o: {name: slowmo, beta: 0.7}", "o: none", "{o: none}"},
        {"o: slowmo", "o: {beta: 0.5}", "{o: {name: slowmo, beta: 0.5}}"},
        {"o: slowmo", "o: {name: slowmo, beta: 0.5}", "{o: {name: slowmo, beta: 0.5}}"},
        {"o: slowmo", "o: {name: bmuf}", "{o: {name: bmuf}}"},
        {"a: 1", "", "{a: 1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_node *base = parsed(cases[i][0]), *over = parsed(cases[i][1]);
        check_ok(sm_tree_merge(&arena, base, over));
        assert_tree(base, cases[i][2]);
        if (over != NULL) { /* a copy was laid: the layer itself is free for the next base */
            struct sm_node *again = parsed(cases[i][0]);
            check_ok(sm_tree_merge(&arena, again, over));
            assert_tree(again, cases[i][2]);
        }
    }
}

static void
a_merged_value_remembers_where_it_stood(void **state)
{
    (void)state;
    struct sm_node *base = parsed("a: {b: 1}"), *over = NULL;
    check_ok(sm_tree_parse(&arena, "over.yaml", "\n\na: {b: 2}", &over));
    check_ok(sm_tree_merge(&arena, base, over));
    check_fails(sm_tree_fail(sm_tree_get(sm_tree_get(base, "a"), "b"), "bad"), SM_ERR_INPUT,
                "over.yaml:3:8: a.b: bad");
}

static void
dotted_keys_reach_into_the_tree(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"algorithm.tau", "{}", "{algorithm: {tau: V}}"},
        {"a", "a: 1\nb: 2", "{a: V, b: 2}"},
        {"a.b.c", "a: {b: {c: 1, d: 2}}", "{a: {b: {c: V, d: 2}}}"},
        {"algorithm.outer.beta", "algorithm: {outer: slowmo}",
         "{algorithm: {outer: {name: slowmo, beta: V}}}"},
        {"platform.bandwidth.\"*eth*\"", "{}", "{platform: {bandwidth: {*eth*: V}}}"},
        {"b.\"a.b\".c", "{}", "{b: {a.b: {c: V}}}"},
        {"b.'x y'", "{}", "{b: {x y: V}}"},
    };
    struct sm_node *value = parsed("V");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_node *root = parsed(cases[i][1]);
        check_ok(sm_tree_set(&arena, root, cases[i][0], value));
        assert_tree(root, cases[i][2]);
    }
}

static void
malformed_dotted_keys_are_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {"",      ".",      "a.",     "a..b",     ".a",
                                       "a.\"b", "a.\"\"", "\"a\"b", "a.'b'c.d", "\"a\"."};
    struct sm_node *value = parsed("V");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check_fails(sm_tree_set(&arena, parsed("{}"), keys[i], value), SM_ERR_INPUT,
                    "is not a dotted key");
    check_fails(sm_tree_set(&arena, parsed("l: [1]"), "l.a", value), SM_ERR_INPUT, "l is a list");
}

static void
dotted_keys_find_what_they_name(void **state)
{
    (void)state;
    struct sm_node *root = parsed("a: {b.c: 1, '*eth*': 2, l: [3], s: 4}");
    assert_string_equal(sm_tree_find(&arena, root, "a.\"b.c\"")->text, "1");
    assert_string_equal(sm_tree_find(&arena, root, "a.'*eth*'")->text, "2");
    assert_int_equal(sm_tree_find(&arena, root, "a")->kind, SM_NODE_MAP);
    const char *const none[] = {"b", "a.b.c", "a.l.x", "a.s.x", "a.", ".a", "a.\"s"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(sm_tree_find(&arena, root, none[i]));
    assert_null(sm_tree_find(&arena, NULL, "a"));
}

static void
trees_are_equal_by_keys_and_values_not_by_places(void **state)
{
    (void)state;
    static const char text[] = "a: {b: [1, 2], c: x}\n";
    const struct sm_node *tree = parsed(text);
    assert_true(sm_tree_equal(tree, parsed("\n\na:\n  b: [1, 2]\n  c: x\n")));
    assert_true(sm_tree_equal(NULL, NULL));
    assert_false(sm_tree_equal(tree, NULL));
    static const char *const others[] = {
        "a: {b: [1, 2], d: x}\n", "a: {b: [1, 2], c: y}\n", "a: {b: [1, 2, 3], c: x}\n",
        "a: {b: [1], c: x}\n",    "a: {c: x, b: [1, 2]}\n", "a: {b: {e: 1}, c: x}\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sm_tree_equal(tree, parsed(others[i])))
            fail_msg("%s is no %s", others[i], text);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, NULL, arena_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(a_file_becomes_a_tree_that_knows_its_places),
        WITH_ARENA(an_empty_document_has_no_root),
        WITH_ARENA(what_yaml_or_we_do_not_take_is_said_with_its_place),
        WITH_ARENA(files_are_loaded_or_refused),
        WITH_ARENA(merging_follows_the_rules),
        WITH_ARENA(a_merged_value_remembers_where_it_stood),
        WITH_ARENA(dotted_keys_reach_into_the_tree),
        WITH_ARENA(malformed_dotted_keys_are_refused),
        WITH_ARENA(dotted_keys_find_what_they_name),
        WITH_ARENA(trees_are_equal_by_keys_and_values_not_by_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
