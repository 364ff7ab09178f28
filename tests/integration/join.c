/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/join.c -- runs of a sweep that take their numbers from another one of it are,
 * to the bit, what they are when they train. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/combinations.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"

static int
teardown(void **state)
{
    (void)state;
    folder_remove();
    return 0;
}

static void
sweeps(const char *text, const char *store, const char *option)
{
    folder_write("join.yaml", text);
    const struct program_result *result =
        program("sweep", "join.yaml", "--quiet", "--jobs", "2", "--store", store, option);
    if (result->status != 0)
        fail_msg("exit status %d: %s", result->status, result->err);
}

/* A network whose size is not that of the profile, evaluations that come unevenly, workers that are
 * never alike. */
static const char base[] =
    "steps: 13\n"
    "evaluate: {every: 5}\n"
    "workload: {model: softmax, batch: 8, dataset: {name: synthetic, classes: 4, features: 16,"
    " train: 240, test: 60}}\n"
    "platform: {file: star_6, workers: 4}\n"
    "timing: {profile: resnet50_v100x8, straggler: {distribution: lognormal, cv: 0.2}}\n"
    "sweep: {platform.bandwidth.\"*\": [1Gbps, 7.3Gbps]}\n";

/* How many runs of the store computed no gradients. */
static long long
joined(const char *store)
{
    return store_query(store, "SELECT count(*) FROM runs WHERE wall_samples_per_second IS NULL");
}

static void
every_pair_of_algorithms_joins_to_the_bit_or_trains(void **unused)
{
    (void)unused;
    struct combination *list;
    char algorithm[COMBINATION_TEXT];
    size_t count = combinations_allowed(true, &list);
    count = combinations_cover(list, count) / CHECK_STRIDE;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    fprintf(out, "%scompare:\n", base);
    for (size_t i = 0; i < count; i++) {
        combination_print(&list[i], algorithm);
        fprintf(out, "- {name: \"%zu\", algorithm: %s}\n", i, algorithm);
    }
    fclose(out);
    sweeps(text, "joined.db", "--threads=2");
    sweeps(text, "trained.db", "--no-join");
    print_message("%zu algorithms twice, %lld joined\n", count, joined("joined.db"));
    assert_int_equal(joined("trained.db"), 0);
    assert_in_range(joined("joined.db"), count / 3, count);
    stores_are_equal("joined.db", "trained.db");
    free(text);
    free(list);
}

/* Servers, devices, running statistics, a profile of counted FLOP, links that others use. */
static void
other_machines_join_to_the_bit_too(void **unused)
{
    (void)unused;
    static const char *const others[] = {
        "workload: {model: resnet8, batch: 2, dataset: {name: synthetic, features: [16, 16, 3],"
        " train: 32, test: 8}}\n"
        "platform: {file: dgx1_32_10gbe, workers: 2}\n"
        "algorithm: {strategy: local, outer: slowmo, tau: 2}\n"
        "sweep: {platform.bandwidth.\"*\": [x0.5, x1, x2]}\n",
        "workload: {model: softmax, dataset: synthetic}\n"
        "timing: {profile: own}\n"
        "platform: {file: star_6, workers: 4}\n"
        "algorithm: {strategy: parameter_server}\n"
        "sweep: {timing.transport.message_efficiency: [0.5, 0.7],"
        " timing.straggler: [{distribution: lognormal, cv: 0.1}, {slow_workers: 1}]}\n",
        "workload: {model: softmax, dataset: synthetic}\n"
        "platform: {file: star_4, traffic: [{link: node1_eth, load: 0.3}]}\n"
        "algorithm: {strategy: sgp, outer: slowmo, tau: 3}\n"
        "sweep: {timing.profile: [resnet18_v100, resnet50_v100x8],"
        " algorithm.collective: [ring, binomial_tree]}\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[1024];
        snprintf(text, sizeof text, "steps: 7\nevaluate: {every: 3}\n%s", others[i]);
        sweeps(text, "joined.db", "--threads=1");
        sweeps(text, "trained.db", "--no-join");
        assert_int_equal(joined("trained.db"), 0);
        assert_int_equal(joined("joined.db"),
                         store_query("joined.db", "SELECT count(*) - 1 FROM runs"));
        stores_are_equal("joined.db", "trained.db");
        folder_remove();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_pair_of_algorithms_joins_to_the_bit_or_trains, teardown),
        cmocka_unit_test_teardown(other_machines_join_to_the_bit_too, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
