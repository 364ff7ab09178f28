/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/repeatable.c -- the same seconds whenever, whatever keeps the actors' stacks,
 * and however many ranks there are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

static const char *const algorithms[] = {
    "strategy: allreduce, outer: none",
    "strategy: sgp, outer: slowmo, tau: 4",
    "strategy: osgp, outer: slowmo, tau: 4",
    "strategy: dpsgd, outer: none",
    "strategy: adpsgd, outer: none",
    "strategy: parameter_server_async, outer: none",
    "strategy: local, outer: streaming_diloco, tau: 8",
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

/* The object `sim` of the summary; servers of eight devices on links of many speeds. */
static char *
sim_values(const char *algorithm)
{
    const struct training_how how = {.timing_only = true};
    struct training *run = training_finish(
        &how,
        "{steps: 10, platform: {file: dgx1_32_10gbe, workers: 4, bandwidth: {'server1_eth': x0.3, "
        "'server2_eth': x2}, speed: {'server3_*': x0.7}}, workload: {model: softmax, dataset: "
        "synthetic}, timing: {profile: resnet50_v100x8}, algorithm: {%s}}",
        algorithm);
    const char *begin = strstr(run->summary, "\"sim\"");
    assert_non_null(begin);
    char *values = strndup(begin, strcspn(begin, "}"));
    assert_non_null(values);
    free(run);
    return values;
}

static void
two_runs_and_every_kind_of_stacks_have_the_same_seconds(void **state)
{
    (void)state;
    static const char *const factories[] = {"raw", "raw", "thread", "ucontext"};
    for (size_t i = 0; i < ALGORITHMS; i += CHECK_STRIDE) {
        char *first = NULL;
        for (size_t f = 0; f < sizeof factories / sizeof *factories; f++) {
#if defined(__SANITIZE_ADDRESS__)
            setenv("SLOWMO_CONTEXTS", "thread", 1);
#else
            setenv("SLOWMO_CONTEXTS", factories[f], 1);
#endif
            char *values = sim_values(algorithms[i]);
            if (first == NULL) {
                first = values;
                continue;
            }
            assert_string_equal(values, first);
            free(values);
        }
        free(first);
    }
    unsetenv("SLOWMO_CONTEXTS");
}

static void
an_unknown_kind_of_stacks_is_one_clear_line(void **state)
{
    (void)state;
    setenv("SLOWMO_CONTEXTS", "green", 1);
    training_refused("SLOWMO_CONTEXTS=green: expected one of raw, ucontext, boost, thread",
                     "{steps: 1, platform: {file: star_2}, " SOFTMAX "}");
    unsetenv("SLOWMO_CONTEXTS");
}

/* Gossip in which each sends one message a step, and averages of so many bytes that latency does
 * not count. */
static double
seconds(size_t ranks, const char *algorithm)
{
    const struct training_how how = {.timing_only = true};
    struct training *run =
        training_finish(&how,
                        "{steps: 12, platform: {file: star_%zu, latency: {'*': 1ns}}, workload: "
                        "{model: softmax, dataset: synthetic}, timing: {profile: resnet50_v100x8}, "
                        "algorithm: {%s}}",
                        ranks, algorithm);
    double seconds = run->seconds;
    free(run);
    return seconds;
}

static void
a_crowd_takes_the_seconds_of_a_few(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* a thread for each actor */
#endif
    static const char gossip[] = "strategy: sgp, outer: none",
                      late[] = "strategy: osgp, outer: none";
    check_relative(seconds(300, gossip), seconds(200, gossip), 1e-12);
    check_relative(seconds(300, late), seconds(200, late), 1e-12);
    /* a ring carries (m - 1) / m of the bytes twice */
    static const char ring[] = "strategy: local, outer: average, tau: 4";
    const double alone = seconds(1, ring);
    check_relative((seconds(300, ring) - alone) / (seconds(200, ring) - alone),
                   (299.0 / 300) / (199.0 / 200), 1e-4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_runs_and_every_kind_of_stacks_have_the_same_seconds),
        cmocka_unit_test(an_unknown_kind_of_stacks_is_one_clear_line),
        cmocka_unit_test(a_crowd_takes_the_seconds_of_a_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
