/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/replay.c -- runs without gradients that repeat their steady state instead of
 * simulating it take the seconds that they would have taken. */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/outer/outer.h"
#include "algorithms/strategy/strategy.h"
#include "sim/run/rules.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/program.h"
#include "tests/helpers/training.h"

/* ---- two runs ---- */

struct pair {
    char yaml[1024];
    double steps;  /* that were replayed */
    char why[128]; /* what is said of it */
};

static json_t *
sim_of(const struct training *training)
{
    json_t *root = json_loads(training->summary, 0, NULL);
    json_t *sim = json_incref(json_object_get(root, "sim"));
    json_decref(root);
    assert_non_null(sim);
    return sim;
}

static double
number(const json_t *sim, const char *key)
{
    return json_number_value(json_object_get(sim, key));
}

/* Stages are compared in shares of the whole: one that has nothing has roundings of the others. */
static void
same_summary(const json_t *replayed, const json_t *simulated, const char *yaml)
{
    static const char *const stages[] = {"seconds", "load", "compute", "exposed_communication",
                                         "idle"};
    const double seconds = number(simulated, "seconds");
    assert_true(seconds > 0);
    for (size_t i = 0; i < 5; i++) {
        const double a = number(replayed, stages[i]), b = number(simulated, stages[i]);
        if (!(fabs(a - b) <= 1e-9 * seconds))
            fail_msg("%s: %s %.15g replayed, %.15g simulated", yaml, stages[i], a, b);
    }
    check_relative(number(replayed, "seconds_per_step"), number(simulated, "seconds_per_step"),
                   1e-9);
    check_near(number(replayed, "bytes_sent_per_worker"),
               number(simulated, "bytes_sent_per_worker"), 0);
}

/* Runs it with and without replay. */
static struct pair
compare(const char *platform, size_t steps, const char *profile, const char *algorithm)
{
    struct pair pair;
    snprintf(pair.yaml, sizeof pair.yaml,
             "{steps: %zu, platform: %s, timing: {profile: %s}, algorithm: %s}", steps, platform,
             profile, algorithm);
    struct training *a =
        training_finish(&(struct training_how){.timing_only = true}, "%s", pair.yaml);
    struct training *b = training_finish(
        &(struct training_how){.timing_only = true, .no_replay = true}, "%s", pair.yaml);
    json_t *replayed = sim_of(a), *simulated = sim_of(b);
    same_summary(replayed, simulated, pair.yaml);
    check_near(number(simulated, "replayed_steps"), 0, 0);
    pair.steps = number(replayed, "replayed_steps");
    snprintf(pair.why, sizeof pair.why, "%s",
             json_string_value(json_object_get(replayed, "replay")));
    if (pair.steps == 0) /* then it is the same run */
        check_near(number(replayed, "seconds"), number(simulated, "seconds"), 0);
    json_decref(replayed);
    json_decref(simulated);
    free(a);
    free(b);
    return pair;
}

/* ---- what repeats ---- */

static const struct {
    const char *platform, *profile;
} places[] = {
    {"{file: star_10, workers: 6}", "resnet50_v100x8"},
    {"{file: dgx1_32_10gbe, workers: 6}", "resnet50_v100x8"},
    /* messages of a third of a step become ones of three */
    {"{file: star_10, workers: 6, bandwidth: {node2_eth: 1Gbps}}", "resnet50_v100x8"},
    {"{file: star_10, workers: 6, latency: {node1_eth: 31.7ms, node3_eth: 5.3ms, node4_eth: 83ms}}",
     "resnet50_v100x8"},
    {"{file: star_10, workers: 6, speed: {node2: x0.7, node4: x1.21}}", "resnet18_v100"},
};
enum { PLACES = sizeof places / sizeof *places };

static bool
allowed(const char *algorithm)
{
    struct sm_node *root;
    struct sm_experiment experiment;
    const char *warnings[8];
    char text[256];
    size_t count;
    snprintf(text, sizeof text, "algorithm: %s", algorithm);
    check_ok(sm_tree_parse(&arena, "test.yaml", text, &root));
    check_ok(sm_experiment_bind(&arena, root, &experiment));
    return sm_rules_check(&experiment, 6, warnings, 8, &count) == SM_OK;
}

/* All strategies with all outer optimizers, each pair on one of the places. Rounds of 4 steps are
 * no multiple of an exponential graph's 3. */
static void
replayed_runs_take_the_seconds_of_simulated_ones(void **unused)
{
    (void)unused;
    size_t count = 0, replayed = 0;
    for (const struct sm_plugin *const *s = sm_axis_strategy.plugins; *s != NULL; s++)
        for (const struct sm_plugin *const *o = sm_axis_outer.plugins; *o != NULL; o++) {
            char algorithm[128];
            snprintf(algorithm, sizeof algorithm, "{strategy: %s, outer: %s, tau: 4}", (*s)->name,
                     (*o)->name);
            if (!allowed(algorithm))
                continue;
#if defined(__SANITIZE_ADDRESS__)
            if ((s - sm_axis_strategy.plugins + (o - sm_axis_outer.plugins)) % 4 != 0)
                continue; /* each takes many times as long: a quarter of them, of all kinds */
#endif
            const size_t place = (count + count / PLACES) % PLACES;
            const struct pair pair =
                compare(places[place].platform, 150, places[place].profile, algorithm);
            print_message("  %-24s %-16s at %zu: %3.0f, %s\n", (*s)->name, (*o)->name, place,
                          pair.steps, pair.why);
            const bool repeats = strcmp((*s)->name, "adpsgd") != 0 &&
                                 strcmp((*s)->name, "parameter_server_async") != 0 &&
                                 strcmp((*o)->name, "noloco") != 0;
            if (!repeats)
                check_near(pair.steps, 0, 0);
            replayed += pair.steps > 0;
            count += repeats;
        }
    assert_in_range(replayed, count * 8 / 10, count);
}

/* A model's all-reduce takes a little more than a round, but fragments are waited for only a round
 * later: tens of rounds pass before anybody waits. */
static void
a_queue_that_grows_behind_computation_is_no_steady_state(void **unused)
{
    (void)unused;
    const struct pair pair =
        compare("{file: star_6, bandwidth: {\"*\": 1.3Gbps}}", 400,
                "resnet50_v100x8, transport: {collective_efficiency: 1}",
                "{strategy: local, outer: {name: streaming_diloco, fragments: 4, overlap: 100000},"
                " tau: 4}");
    assert_in_range((size_t)pair.steps, 100, 300);
}

/* The slow link and the slow worker are not heard of at once: waves go round the ring. */
static void
where_it_takes_long_to_settle_what_comes_before_is_simulated(void **unused)
{
    (void)unused;
    const struct pair pair =
        compare("{file: star_8, speed: {node3: x0.8, node5: x1.3}, bandwidth: {node2_eth: x0.1}}",
                300, "resnet50_v100x8", "{strategy: {name: sgp, topology: ring}}");
    assert_in_range((size_t)pair.steps, 150, 250);
}

/* The way that decides goes through the workers for 81 steps before it comes back. */
static void
cycles_that_are_alike_only_several_at_a_time_are_found(void **unused)
{
    (void)unused;
    const struct pair pair =
        compare("{file: star_8, speed: {node3: x0.8, node5: x1.3}, bandwidth: {node2_eth: x0.1}}",
                2000, "resnet50_v100x8", "{strategy: {name: osgp, delay: 3}}");
    assert_non_null(strstr(pair.why, "like the 81 steps before"));
    check_near(fmod(pair.steps, 81), 0, 0);
}

static void
rounds_of_a_length_that_changes_are_simulated_until_it_does_not(void **unused)
{
    (void)unused;
    const char *star = "{file: star_4}";
    struct pair pair = compare(star, 200, "resnet50_v100x8",
                               "{strategy: local, tau: {name: post_local, tau: 7, from: 0.4}}");
    assert_non_null(strstr(pair.why, "like the 7 steps before"));
    check_near(pair.steps, 91, 0);
    pair = compare(star, 200, "resnet50_v100x8",
                   "{strategy: local, tau: {name: post_local, tau: 7, from: 0.9}}");
    check_near(pair.steps, 0, 0);
    pair = compare(star, 200, "resnet50_v100x8",
                   "{strategy: local, tau: {name: adacomm, tau: 7}}"); /* no loss, no change */
    assert_true(pair.steps > 0);
}

/* ---- what does not ---- */

static void
what_depends_on_chance_or_the_clock_is_simulated(void **unused)
{
    (void)unused;
    static const char *const algorithms[] = {
        "{strategy: {name: sgp, topology: random}}",
        "{strategy: {name: adpsgd, peers: scheduled}}",
        "{strategy: parameter_server_async}",
        "{strategy: local, outer: noloco, tau: 4}",
    };
    for (size_t i = 0; i < 4; i++) {
        const struct pair pair =
            compare("{file: star_5, workers: 4}", 200, "resnet50_v100x8", algorithms[i]);
        assert_string_equal(pair.why, "no: what the algorithm exchanges does not repeat");
    }
}

/* Workers that are slow for good are not. */
static void
steps_that_vary_at_random_are_simulated(void **unused)
{
    (void)unused;
    static const char yaml[] = "{steps: 100, platform: {file: star_4}, timing: {profile:"
                               " resnet50_v100x8, straggler: %s}, algorithm: {strategy: sgp}}";
    const struct training_how how = {.timing_only = true};
    struct training *t = training_finish(&how, yaml, "{distribution: lognormal, cv: 0.05}");
    assert_non_null(strstr(t->summary, "\"replay\":\"no: steps take a random time\""));
    free(t);
    t = training_finish(&how, yaml, "{distribution: constant, slow_workers: [2], slow_factor: 2}");
    assert_null(strstr(t->summary, "\"replayed_steps\":0,"));
    free(t);
}

static void
short_runs_are_simulated(void **unused)
{
    (void)unused;
    struct pair pair = compare("{file: star_4}", 63, "resnet50_v100x8", "{strategy: allreduce}");
    check_near(pair.steps, 0, 0);
    pair = compare("{file: star_4}", 64, "resnet50_v100x8", "{strategy: allreduce}");
    check_near(pair.steps, 59, 0);
    pair = compare("{file: star_4}", 99, "resnet50_v100x8", "{strategy: local, tau: 25}");
    check_near(pair.steps, 0, 0);
    assert_string_equal(pair.why, "no: too few steps for cycles of 25");
}

static void
runs_with_gradients_replay_nothing(void **unused)
{
    (void)unused;
    struct training *t = train("{steps: 70, platform: {file: star_4}, workload: {model: quadratic},"
                               " algorithm: {strategy: allreduce}}");
    assert_non_null(strstr(t->summary, "\"replayed_steps\":null,\"replay\":null}"));
    free(t);
}

static void
settings_of_the_network_keep_no_run_from_being_replayed(void **unused)
{
    (void)unused;
    folder_write("star.xml",
                 "<platform version=\"4.1\">\n"
                 "<config><prop id=\"network/model\" value=\"LV08\"/>"
                 "<prop id=\"network/crosstraffic\" value=\"1\"/>"
                 "<prop id=\"network/TCP-gamma\" value=\"4194304\"/></config>\n"
                 "<cluster id=\"c\" prefix=\"n\" suffix=\"\" radical=\"0-4\" speed=\"1Tf\""
                 " bw=\"10Gbps\" lat=\"10us\"/></platform>\n");
    char platform[320];
    snprintf(platform, sizeof platform, "{file: %s}", folder_file("star.xml"));
    assert_true(compare(platform, 100, "resnet50_v100x8", "{strategy: allreduce}").steps > 0);
    assert_true(compare(platform, 100, "resnet50_v100x8", "{strategy: sgp}").steps > 0);
    folder_remove();
}

static void
nothing_is_replayed_under_a_trace_or_where_the_platform_changes(void **unused)
{
    (void)unused;
    folder_write("star.xml",
                 "<platform version=\"4.1\"><zone id=\"z\" routing=\"Full\">\n"
                 "<host id=\"a\" speed=\"1Tf\" speed_file=\"a.profile\"/>\n"
                 "<host id=\"b\" speed=\"1Tf\"/>\n"
                 "<link id=\"l\" bandwidth=\"1GBps\" latency=\"1us\"/>\n"
                 "<route src=\"a\" dst=\"b\"><link_ctn id=\"l\"/></route></zone></platform>\n");
    folder_write("a.profile", "0 1\n1 0.5\nLOOPAFTER 1\n");
    folder_write("one.yaml", "{steps: 70, timing: {profile: resnet50_v100x8},"
                             " algorithm: {strategy: allreduce}}\n");
    const struct program_result *result =
        program("run", "one.yaml", "--timing-only", "--json", "--set", "platform.file=star.xml");
    assert_string_equal(result->err, "");
    assert_non_null(strstr(result->out, "no: the platform changes while time passes"));
    result = program("run", "one.yaml", "--timing-only", "--json", "--set", "platform.file=star_4",
                     "--trace", "t.json");
    assert_non_null(strstr(result->out, "no: a trace shows every step"));
    result = program("run", "one.yaml", "--timing-only", "--json", "--set", "platform.file=star_4");
    assert_non_null(strstr(result->out, "\"replayed_steps\":65,"));
    result = program("run", "one.yaml", "--timing-only", "--json", "--set", "platform.file=star_4",
                     "--no-replay");
    assert_non_null(strstr(result->out, "\"replayed_steps\":0,"));
    folder_remove();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replayed_runs_take_the_seconds_of_simulated_ones),
        cmocka_unit_test(a_queue_that_grows_behind_computation_is_no_steady_state),
        cmocka_unit_test(where_it_takes_long_to_settle_what_comes_before_is_simulated),
        cmocka_unit_test(cycles_that_are_alike_only_several_at_a_time_are_found),
        cmocka_unit_test(rounds_of_a_length_that_changes_are_simulated_until_it_does_not),
        cmocka_unit_test(what_depends_on_chance_or_the_clock_is_simulated),
        cmocka_unit_test(steps_that_vary_at_random_are_simulated),
        cmocka_unit_test(short_runs_are_simulated),
        cmocka_unit_test(runs_with_gradients_replay_nothing),
        cmocka_unit_test(settings_of_the_network_keep_no_run_from_being_replayed),
        cmocka_unit_test(nothing_is_replayed_under_a_trace_or_where_the_platform_changes),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
