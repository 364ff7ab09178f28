/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/transport.c -- timing.transport in whole runs. */
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

/* Four workers, whose steps take no time but the messages'. */
static double
seconds(const char *transport, const char *algorithm)
{
    const struct training_how how = {.timing_only = true};
    struct training *run =
        training_finish(&how,
                        "{steps: 10, platform: {file: star_4, speed: {'*': x1e6}, latency: {'*': "
                        "1ns}}, workload: {model: mlp, hidden: [4000], batch: 1, dataset: "
                        "synthetic}, timing: {profile: own%s}, algorithm: {%s}}",
                        transport, algorithm);
    double seconds = run->seconds;
    free(run);
    return seconds;
}

static void
only_what_travels_that_way_takes_one_over_its_efficiency(void **state)
{
    (void)state;
    static const char sgp[] = "strategy: sgp, outer: none";
    static const char ring[] = "strategy: allreduce, outer: none";
    const double messages = seconds("", sgp), collectives = seconds("", ring);
    check_relative(seconds(", transport: {message_efficiency: 0.25}", sgp), 4 * messages, 1e-3);
    check_relative(seconds(", transport: {message_efficiency: 0.25}", ring), collectives, 0);
    check_relative(seconds(", transport: {collective_efficiency: 0.5}", ring), 2 * collectives,
                   1e-3);
    check_relative(seconds(", transport: {collective_efficiency: 0.5}", sgp), messages, 0);
}

static void
copies_through_host_memory_lengthen_both(void **state)
{
    (void)state;
    static const char host[] = ", transport: {staging: host, staging_bandwidth: 1.19553GB/s}";
    /* a copy is as fast as the wire, 10 Gbit/s with a goodput of 0.9564: three times as long */
    check_relative(seconds(host, "strategy: sgp, outer: none"),
                   3 * seconds("", "strategy: sgp, outer: none"), 2e-3);
    check_relative(seconds(host, "strategy: allreduce, outer: none"),
                   3 * seconds("", "strategy: allreduce, outer: none"), 2e-3);
}

static void
strategies_that_ask_who_is_there_finish_with_copies_too(void **state)
{
    (void)state;
    static const char *const algorithms[] = {
        "strategy: osgp, outer: slowmo, tau: 5", "strategy: adpsgd, outer: none",
        "strategy: {name: parameter_server, servers: 2}, outer: none"};
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        assert_true(seconds(", transport: {staging: host}", algorithms[i]) > 0);
}

static void
the_numbers_stay_and_the_key_of_the_seconds_changes(void **state)
{
    (void)state;
    static const char text[] = "{steps: 12, platform: {file: star_4}, " SOFTMAX
                               "%s, algorithm: {strategy: sgp, outer: slowmo, tau: 3}}";
    struct training *plain = train(text, "");
    struct training *slow = train(text, ", timing: {transport: {message_efficiency: 0.5, staging: "
                                        "host}}");
    check_same_numbers(plain, slow, "transport");
    assert_string_equal(plain->trajectory_key, slow->trajectory_key);
    assert_string_not_equal(plain->timing_key, slow->timing_key);
    check_near(slow->bytes, plain->bytes, 0);
    assert_true(slow->seconds > plain->seconds);
    free(plain);
    free(slow);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_travels_that_way_takes_one_over_its_efficiency),
        cmocka_unit_test(copies_through_host_memory_lengthen_both),
        cmocka_unit_test(strategies_that_ask_who_is_there_finish_with_copies_too),
        cmocka_unit_test(the_numbers_stay_and_the_key_of_the_seconds_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
