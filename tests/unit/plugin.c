/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/plugin.c -- choosing a registered object and its settings. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/plugin.h"
#include "tests/helpers/arena.h"

struct fast {
    float beta;
    size_t tau;
    char scratch[100]; /* state beside the settings */
};

static const struct sm_param fast_params[] = {
    SM_PARAM(struct fast, beta, 0.7f, 0, 1, "a factor"),
    SM_PARAM(struct fast, tau, 12, 1, 100, "a count"),
    SM_PARAM_END,
};
static const struct sm_plugin fast = {"fast", "is fast", "nobody 2020", sizeof(struct fast),
                                      fast_params};
static const struct sm_plugin none = {"none", "does nothing", "", 0, NULL};
static const struct sm_plugin *const plugins[] = {&none, &fast, NULL};
static const struct sm_axis axis = {.name = "outer",
                                    .key = "algorithm.outer",
                                    .doc = "a test",
                                    .initial = "fast",
                                    .plugins = plugins};

/* Binds what stands at `outer:`. */
static enum sm_status
bind(const char *yaml, const char *const *others, struct sm_choice *choice)
{
    struct sm_node *root;
    SM_TRY(sm_tree_parse(&arena, "test.yaml", yaml, &root));
    return sm_choice_bind(&axis, sm_tree_get(root, "outer"), others, &arena, choice);
}

static void
assert_printed(const struct sm_choice *choice, const char *expected)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    sm_choice_print(choice, out);
    fclose(out);
    assert_string_equal(text, expected);
    char *yaml = sm_arena_printf(&arena, "outer: %s", text); /* and it binds to the same choice */
    struct sm_choice again;
    check_ok(bind(yaml, NULL, &again));
    assert_ptr_equal(again.plugin, choice->plugin);
    assert_memory_equal(again.settings, choice->settings, choice->plugin->state_size);
    free(text);
}

static void
a_choice_is_a_name_a_map_or_nothing(void **state)
{
    (void)state;
    struct sm_choice choice;
    check_ok(bind("a: 1", NULL, &choice)); /* nothing: the default */
    assert_printed(&choice, "{name: fast, beta: 0.7, tau: 12}");
    check_ok(bind("outer: none", NULL, &choice));
    assert_printed(&choice, "{name: none}");
    check_ok(bind("outer: {name: fast, tau: 5}", NULL, &choice));
    assert_printed(&choice, "{name: fast, beta: 0.7, tau: 5}");
    check_ok(bind("outer: {beta: 0.1}", NULL, &choice)); /* settings of the default */
    assert_printed(&choice, "{name: fast, beta: 0.1, tau: 12}");
}

static void
a_wrong_choice_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"outer: fats", "test.yaml:1:8: outer: unknown outer 'fats', did you mean 'fast'?; known: "
                        "none, fast"},
        {"outer: {name: zzzzz}", "test.yaml:1:15: outer.name: unknown outer 'zzzzz'; known:"},
        {"outer: [fast]", "expected a name for outer"},
        {"outer: {name: [fast]}", "outer.name: expected a name"},
        {"outer: {name: fast, bta: 1}", "outer.bta: unknown key, did you mean 'beta'?"},
        {"outer: {name: none, beta: 1}", "outer.beta: unknown key; known here: name"},
        {"outer: {beta: 2}", "outer.beta: 2 is out of range, expected 0 .. 1"},
    };
    struct sm_choice choice;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_fails(bind(cases[i][0], NULL, &choice), SM_ERR_INPUT, cases[i][1]);
    const struct sm_plugin *found;
    check_fails(sm_axis_find(&axis, "Fast", &found), SM_ERR_NAME, "did you mean 'fast'?");
    check_ok(sm_axis_find(&axis, "fast", &found));
    assert_ptr_equal(found, &fast);
}

static void
keys_of_the_caller_are_left_to_it(void **state)
{
    (void)state;
    static const char *const others[] = {"topology", NULL};
    struct sm_choice choice;
    check_ok(bind("outer: {name: none, topology: ring}", others, &choice));
    check_fails(bind("outer: {name: none, topolgy: ring}", others, &choice), SM_ERR_INPUT,
                "did you mean 'topology'?");
}

static void
workers_get_states_of_their_own(void **state)
{
    (void)state;
    struct sm_choice choice;
    check_ok(bind("outer: {tau: 5}", NULL, &choice));
    struct fast *a = sm_choice_state(&choice, &arena), *b = sm_choice_state(&choice, &arena);
    a->tau = 9;
    a->scratch[99] = 1;
    assert_int_equal(b->tau, 5);
    assert_int_equal(b->scratch[99], 0);
    assert_int_equal(((const struct fast *)choice.settings)->tau, 5);
    check_ok(bind("outer: none", NULL, &choice));
    assert_non_null(sm_choice_state(&choice, &arena)); /* of no size */
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, NULL, arena_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(a_choice_is_a_name_a_map_or_nothing),
        WITH_ARENA(a_wrong_choice_is_refused_with_its_place),
        WITH_ARENA(keys_of_the_caller_are_left_to_it),
        WITH_ARENA(workers_get_states_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
