/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/transport.c -- what an experiment and a profile say about the communication library.
 */
#include "tests/helpers/arena.h"
#include "tests/helpers/check.h"

#include "sim/timing/transport.h"

static struct sm_transport_settings
settings(const char *yaml)
{
    struct sm_node *map;
    struct sm_transport_settings settings;
    check_ok(sm_tree_parse(&arena, "a.yaml", yaml, &map));
    check_ok(sm_transport_bind(map, &arena, &settings));
    return settings;
}

static struct sm_transport
resolve(const char *experiment, const char *profile)
{
    const struct sm_transport_settings a = settings(experiment), b = settings(profile);
    return sm_transport_resolve(&a, &b);
}

static void
check_transport(struct sm_transport t, double collective, double message, double staging)
{
    check_near(t.collective_efficiency, collective, 0);
    check_near(t.message_efficiency, message, 0);
    check_relative(t.staging + 1, staging + 1, 1e-15);
}

static void
without_a_word_links_give_all_their_goodput(void **state)
{
    (void)state;
    check_transport(resolve("{}", "{}"), 1, 1, 0);
    const struct sm_transport_settings nothing = {0}; /* of a profile without a file */
    check_transport(sm_transport_resolve(&nothing, &nothing), 1, 1, 0);
}

static void
an_experiment_goes_before_its_profile_setting_by_setting(void **state)
{
    (void)state;
    check_transport(resolve("{}", "{collective_efficiency: 0.6, staging: host}"), 0.6, 1, 1 / 12e9);
    check_transport(resolve("{message_efficiency: 0.3, staging: direct}",
                            "{collective_efficiency: 0.6, message_efficiency: 0.9, staging: host}"),
                    0.6, 0.3, 0);
    check_transport(resolve("{staging: host}", "{staging_bandwidth: 24GB/s}"), 1, 1, 1 / 24e9);
    check_transport(
        resolve("{staging_bandwidth: 6GB/s}", "{staging: host, staging_bandwidth: 24GB/s}"), 1, 1,
        1 / 6e9);
    check_transport(resolve("{staging_bandwidth: 6GB/s}", "{}"), 1, 1, 0);
}

static void
mistakes_are_one_line_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"0.6", "a.yaml:1:1: expected settings, as `collective_efficiency: 0.6`"},
        {"{collective_efficiency: 1.1}",
         "a.yaml:1:25: collective_efficiency: 1.1 is out of range, expected 0 .. 1"},
        {"{message_efficiency: 1e-9}", "a.yaml:1:22: message_efficiency: expected at least 1e-06"},
        {"{staging: pinned}",
         "a.yaml:1:11: staging: unknown 'pinned', expected one of unset, direct, host"},
        {"{staging_bandwidth: 12}", "a.yaml:1:21: staging_bandwidth: 12 has no unit"},
        {"{eficiency: 1}", "a.yaml:1:2: eficiency: unknown key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_node *map;
        struct sm_transport_settings settings;
        check_ok(sm_tree_parse(&arena, "a.yaml", cases[i].yaml, &map));
        check_fails(sm_transport_bind(map, &arena, &settings), SM_ERR_INPUT, cases[i].message);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_word_links_give_all_their_goodput),
        cmocka_unit_test(an_experiment_goes_before_its_profile_setting_by_setting),
        cmocka_unit_test(mistakes_are_one_line_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
