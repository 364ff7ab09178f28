/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/param.c -- settings: every type is read, checked, and printed to the same bits. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/param.h"
#include "sim/base/rng.h"
#include "tests/helpers/arena.h"

struct settings {
    float beta;
    double seconds, rate, any;
    size_t tau;
    bool nesterov;
    const char *file, *collective;
    struct sm_numbers milestones;
};

static const struct sm_param params[] = {
    SM_PARAM(struct settings, beta, 0.7f, 0.0f, 0.999, "a float whose bound is a double"),
    SM_PARAM_UNIT(struct settings, seconds, 20e-6, 0, 10, SM_UNIT_SECONDS, "a time"),
    SM_PARAM_UNIT(struct settings, rate, 1.25e9, 1, INFINITY, SM_UNIT_BANDWIDTH, "a bandwidth"),
    SM_PARAM(struct settings, any, 0, -INFINITY, INFINITY, "any number"),
    SM_PARAM(struct settings, tau, 12, 1, 1e6, "a count"),
    SM_PARAM_BOOL(struct settings, nesterov, true, "yes or no"),
    SM_PARAM_TEXT(struct settings, file, "a.xml", "a path"),
    SM_PARAM_CHOICE(struct settings, collective, "ring", "ring|tree|halving_doubling", "a choice"),
    SM_PARAM_NUMBERS(struct settings, milestones, "[0.5, 0.75]", 0, 1, "a list"),
    SM_PARAM_END,
};

static enum sm_status
bind(const char *yaml, struct settings *settings)
{
    struct sm_node *map;
    SM_TRY(sm_tree_parse(&arena, "test.yaml", yaml, &map));
    return sm_param_bind(params, settings, map, NULL, &arena);
}

/* The settings as YAML that binds to them again. */
static const char *
printed(const struct settings *settings)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    const char *separator = "{";
    for (const struct sm_param *p = params; p->name != NULL; p++) {
        fprintf(out, "%s%s: ", separator, p->name);
        sm_param_print(p, settings, out);
        separator = ", ";
    }
    fputs("}", out);
    fclose(out);
    const char *copy = sm_arena_strdup(&arena, text);
    free(text);
    return copy;
}

static void
assert_same_settings(const struct settings *a, const struct settings *b)
{
    assert_memory_equal(&a->beta, &b->beta, sizeof a->beta);
    assert_memory_equal(&a->seconds, &b->seconds, sizeof a->seconds);
    assert_memory_equal(&a->rate, &b->rate, sizeof a->rate);
    assert_memory_equal(&a->any, &b->any, sizeof a->any);
    assert_int_equal(a->tau, b->tau);
    assert_int_equal(a->nesterov, b->nesterov);
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->collective, b->collective);
    assert_int_equal(a->milestones.count, b->milestones.count);
    assert_memory_equal(a->milestones.values, b->milestones.values,
                        a->milestones.count * sizeof(double));
}

static void
no_map_gives_the_defaults(void **state)
{
    (void)state;
    struct settings settings;
    memset(&settings, 0xff, sizeof settings);
    check_ok(sm_param_bind(params, &settings, NULL, NULL, &arena));
    assert_string_equal(printed(&settings),
                        "{beta: 0.7, seconds: 20us, rate: 1.25GB/s, any: 0, tau: 12, "
                        "nesterov: yes, file: a.xml, collective: ring, milestones: [0.5, 0.75]}");
}

static void
every_type_is_read(void **state)
{
    (void)state;
    struct settings settings;
    check_ok(bind("{beta: 0.999, seconds: 3ms, rate: 10Gbps, any: -1e300, tau: 1e3, nesterov: off, "
                  "file: \"my file\", collective: tree, milestones: 0.25}",
                  &settings));
    assert_true(settings.beta == 0.999f); /* the bound itself */
    check_near(settings.seconds, 3e-3, 0);
    check_near(settings.rate, 1.25e9, 0);
    check_near(settings.any, -1e300, 0);
    assert_int_equal(settings.tau, 1000);
    assert_false(settings.nesterov);
    assert_string_equal(settings.file, "my file");
    assert_string_equal(settings.collective, "tree");
    assert_int_equal(settings.milestones.count, 1);
    check_near(settings.milestones.values[0], 0.25, 0);
    check_ok(bind("{milestones: [], nesterov: true}", &settings));
    assert_int_equal(settings.milestones.count, 0);
    assert_true(settings.nesterov);
}

static void
wrong_values_are_refused_with_place_and_range(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"beta: 1", "test.yaml:1:7: beta: 1 is out of range, expected 0 .. 0.999"},
        {"beta: -0.001", "out of range"},
        {"beta: nan", "'nan' is not a number"},
        {"beta: 1s", "'1s' is not a number"},
        {"beta: [1]", "beta: expected a number"},
        {"beta: {a: 1}", "beta: expected a number"},
        {"beta:", "'' is not a number"},
        {"seconds: 11s", "11s is out of range, expected 0s .. 10s"},
        {"seconds: 5", "5 has no unit, expected a time such as 20us or 0.27s"},
        {"seconds: 1Gbps", "'1Gbps' is not a time such as"},
        {"rate: 0", "0 is out of range, expected >= 1B/s"},
        {"rate: 10Gb", "'10Gb' is not a bandwidth such as 10Gbps"},
        {"any: 1e999", "is not a number"},
        {"any: inf", "is not a number"},
        {"tau: 0", "out of range, expected 1 .. 1000000"},
        {"tau: 1.5", "'1.5' is not a whole number"},
        {"tau: -1", "out of range"},
        {"nesterov: maybe", "expected yes or no"},
        {"nesterov: [yes]", "expected yes or no"},
        {"file: [a]", "file: expected text"},
        {"collective: rign",
         "unknown 'rign', did you mean 'ring'?, expected one of ring, tree, halving_doubling"},
        {"collective: 7", "unknown '7', expected one of"},
        {"collective: [ring]", "expected one of"},
        {"milestones: [0.5, 2]", "test.yaml:1:19: milestones: 2 is out of range, expected 0 .. 1"},
        {"milestones: {a: 1}", "expected a number or a list"},
        {"milestones: [[1]]", "expected a number"},
        {"bta: 0.5", "test.yaml:1:1: bta: unknown key, did you mean 'beta'?; known here: beta, "},
        {"zzzzzz: 1", "unknown key; known here: beta, seconds, rate, any, tau, nesterov, file, "},
        {"- 1", "expected settings"},
        {"word", "expected settings"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings settings;
        check_fails(bind(cases[i][0], &settings), SM_ERR_INPUT, cases[i][1]);
    }
}

static void
keys_of_others_are_left_to_them(void **state)
{
    (void)state;
    static const char *const others[] = {"name", "topology", NULL};
    struct settings settings;
    struct sm_node *map;
    check_ok(sm_tree_parse(&arena, "t", "{name: x, beta: 0.5, topology: [1]}", &map));
    check_ok(sm_param_bind(params, &settings, map, others, &arena));
    check_near((double)settings.beta, 0.5, 0);
    check_fails(sm_param_bind(params, &settings, map, NULL, &arena), SM_ERR_INPUT, "name: unknown");
    check_ok(sm_tree_parse(&arena, "t", "{topolgy: x}", &map));
    check_fails(sm_param_bind(params, &settings, map, others, &arena), SM_ERR_INPUT,
                "did you mean 'topology'?");
    check_fails(sm_param_bind(NULL, NULL, map, NULL, &arena), SM_ERR_INPUT, "known here: none");
}

static void
what_is_printed_binds_to_the_same_bits(void **state)
{
    (void)state;
    struct sm_rng *rng = sm_rng_create(&arena, 1, SM_RNG_TEST, 0);
    static const char *const choices[] = {"ring", "tree", "halving_doubling"};
    for (size_t round = 0; round < 5000; round++) {
        char file[16];
        size_t length = sm_rng_below(rng, sizeof file);
        for (size_t i = 0; i < length; i++) /* every character of ASCII, the odd ones more often */
            file[i] = sm_rng_below(rng, 2) ? "-: #[]{},\"'\\&*!|>%@`~?\n\t"[sm_rng_below(rng, 25)]
                                           : (char)(1 + sm_rng_below(rng, 127));
        file[length] = '\0';
        double values[4];
        for (size_t i = 0; i < 4; i++)
            values[i] = sm_rng_uniform(rng);
        struct settings settings = {
            .beta = (float)(0.999 * sm_rng_uniform(rng)),
            .seconds = 10 * pow(sm_rng_uniform(rng), 20),
            .rate = 1 + sm_rng_uniform(rng) * pow(10, 20 * sm_rng_uniform(rng)),
            .any = sm_rng_normal(rng, 1) * pow(10, 200 * sm_rng_uniform(rng) - 100),
            .tau = 1 + sm_rng_below(rng, 1000000),
            .nesterov = sm_rng_below(rng, 2) == 1,
            .file = file,
            .collective = choices[sm_rng_below(rng, 3)],
            .milestones = {values, sm_rng_below(rng, 5)},
        };
        struct settings again;
        const char *yaml = printed(&settings);
        if (bind(yaml, &again) != SM_OK)
            fail_msg("%s: %s", yaml, sm_error_last()->message);
        assert_same_settings(&again, &settings);
    }
}

static void
ranges_and_defaults_read_as_a_user_writes_them(void **state)
{
    (void)state;
    static const char *const expected[][3] = {
        {"beta", "0 .. 0.999", "0.7"},
        {"seconds", "0s .. 10s", "20us"},
        {"rate", ">= 1B/s", "1.25GB/s"},
        {"any", "a number", "0"},
        {"tau", "1 .. 1000000", "12"},
        {"nesterov", "yes | no", "yes"},
        {"file", "text", "a.xml"},
        {"collective", "ring | tree | halving_doubling", "ring"},
        {"milestones", "0 .. 1", "[0.5, 0.75]"},
    };
    char text[96];
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct sm_param *param = sm_param_find(params, expected[i][0]);
        assert_ptr_equal(param, &params[i]);
        assert_string_equal(sm_param_range(param, text, sizeof text), expected[i][1]);
        assert_string_equal(sm_param_default(param, text, sizeof text), expected[i][2]);
    }
    const struct sm_param nameless = SM_PARAM_TEXT(struct settings, file, "", "a path");
    assert_string_equal(sm_param_default(&nameless, text, sizeof text), "\"\"");
    assert_null(sm_param_find(params, "bet"));
    assert_null(sm_param_find(NULL, "beta"));
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, NULL, arena_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(no_map_gives_the_defaults),
        WITH_ARENA(every_type_is_read),
        WITH_ARENA(wrong_values_are_refused_with_place_and_range),
        WITH_ARENA(keys_of_others_are_left_to_them),
        WITH_ARENA(what_is_printed_binds_to_the_same_bits),
        WITH_ARENA(ranges_and_defaults_read_as_a_user_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
