/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/failures.c -- links and hosts that go down during a run: strategies that need
 * everybody stall and say why, those that do not go on without. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/folder.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

enum { WORKERS = 4, SERVERS = 1 };

static int
setup(void **state)
{
    (void)state;
    folder_write("for_good", "0 1\n1.25 0\n");
    folder_write("a_while", "0 1\n1.25 0\n2.25 1\n");
    folder_write("never", "0 1\n");
    return 0;
}

/* Four workers and a server, hosts of 1 GFLOP/s at a switch, links of 1 GB/s and 1 ms; worker 3, or
 * its link, follows a profile. */
static const char *
star(const char *host_profile, const char *link_profile)
{
    char attribute[2][96] = {"", ""};
    static char text[4096];
    int used = snprintf(text, sizeof text,
                        "<?xml version='1.0'?>\n<platform version=\"4.1\">"
                        "<zone id=\"w\" routing=\"Floyd\">\n");
    if (host_profile != NULL)
        snprintf(attribute[0], sizeof attribute[0], " state_file=\"%s\"",
                 folder_file(host_profile));
    if (link_profile != NULL)
        snprintf(attribute[1], sizeof attribute[1], " state_file=\"%s\"",
                 folder_file(link_profile));
    for (int i = 0; i < WORKERS + SERVERS; i++)
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "<host id=\"node%d\" speed=\"1Gf\"%s/>\n", i, i == 3 ? attribute[0] : "");
    used += snprintf(text + used, sizeof text - (size_t)used, "<router id=\"switch\"/>\n");
    for (int i = 0; i < WORKERS + SERVERS; i++)
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "<link id=\"nic%d\" bandwidth=\"1GBps\" latency=\"1ms\" "
                         "sharing_policy=\"SPLITDUPLEX\"%s/>\n",
                         i, i == 3 ? attribute[1] : "");
    for (int i = 0; i < WORKERS + SERVERS; i++)
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "<route src=\"node%d\" dst=\"switch\"><link_ctn id=\"nic%d\" "
                         "direction=\"UP\"/></route>\n",
                         i, i);
    snprintf(text + used, sizeof text - (size_t)used, "</zone></platform>\n");
    return text;
}

/* 20 steps of 0.2 s and a model of 50 MB on that platform. */
static struct training *
run(const char *platform, const char *strategy, const char *more)
{
    folder_write("p.xml", platform);
    folder_write("profile.yaml",
                 "name: p\nsource: none\ndevice_speed: 1Gf\ndevices: 1\nsamples: 8\n"
                 "model_bytes: 50MB\n"
                 "stages: {load: 1ms, forward: 0.1s, backward: 0.1s, update: 1ms}\n");
    return training_run(&(struct training_how){0},
                        "{steps: 20, platform: {file: %s, workers: 4}, " SOFTMAX
                        ", timing: {profile: %s}, algorithm: {strategy: %s, inner: {name: sgd, lr: "
                        "0.1}%s}, evaluate: {every: 2}}",
                        folder_file("p.xml"), folder_file("profile.yaml"), strategy, more);
}

static const char *const in_step[] = {"allreduce", "parameter_server", "sgp", "osgp", "dpsgd",
                                      "local"};

/* ---- strategies that need everybody ---- */

static void
a_link_that_dies_stalls_who_needs_everybody_and_keeps_what_was_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof in_step / sizeof *in_step; i++) {
        struct training *t = run(star(NULL, "for_good"), in_step[i], ", tau: 3");
        assert_int_equal(t->status, SM_ERR_STALLED);
        assert_string_equal(t->state, "stalled");
        assert_non_null(strstr(t->error.message, "link 'nic3_"));
        assert_non_null(strstr(t->error.message, "died at 1.25 s"));
        assert_non_null(strstr(t->error.message, "waits"));
        assert_in_range(t->evaluation_count, 1, 9);
        assert_true(t->evaluations[t->evaluation_count - 1].sim_seconds < 2);
        free(t);
    }
}

static void
a_host_that_dies_stalls_who_needs_everybody(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof in_step / sizeof *in_step; i++) {
        struct training *t = run(star("for_good", NULL), in_step[i], ", tau: 3");
        assert_int_equal(t->status, SM_ERR_STALLED);
        assert_string_equal(t->state, "stalled");
        assert_non_null(strstr(t->error.message, "rank 3 is gone with its host since 1.25 s"));
        assert_in_range(t->evaluation_count, 1, 9);
        free(t);
    }
}

static void
links_that_could_die_but_do_not_cost_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof in_step / sizeof *in_step; i++) {
        const char *more = ", collective: {name: ring, play: exact}";
        struct training *with = run(star("never", "never"), in_step[i], more);
        struct training *without = run(star(NULL, NULL), in_step[i], more);
        check_ok(with->status);
        check_same_numbers(with, without, in_step[i]);
        check_same_cost(with, without, in_step[i]);
        free(with);
        free(without);
    }
}

/* ---- strategies that go on ---- */

static void
check_went_on(struct training *t, const char *warning)
{
    check_ok(t->status);
    assert_string_equal(t->state, "finished");
    if (strstr(t->summary, warning) == NULL)
        fail_msg("no \"%s\" in %s", warning, t->summary);
    assert_int_equal(t->evaluation_count, 11);
    assert_int_equal(training_last(t)->step, 20);
    assert_true(isfinite(training_last(t)->consensus_distance));
    assert_true(training_last(t)->test_accuracy > 0.7);
}

static void
asynchronous_strategies_go_on_without_a_worker_that_died(void **state)
{
    (void)state;
    const char *const strategies[] = {"parameter_server_async", "adpsgd"};
    for (size_t i = 0; i < 2; i++) {
        struct training *t = run(star("for_good", NULL), strategies[i], "");
        check_went_on(t, "the others went on: rank 3 was lost (host 'node3' died at 1.25 s)");
        struct training *again = run(star("for_good", NULL), strategies[i], "");
        check_same_numbers(t, again, "the same losses");
        struct training *whole = run(star(NULL, NULL), strategies[i], "");
        assert_string_not_equal(t->hash, whole->hash);
        if (i == 0) /* whoever is left shares the way into the server among fewer */
            assert_true(t->seconds < whole->seconds);
        free(t);
        free(again);
        free(whole);
    }
}

static void
asynchronous_strategies_lose_what_travels_while_a_link_is_down_and_go_on(void **state)
{
    (void)state;
    const char *const strategies[] = {"parameter_server_async", "adpsgd"};
    for (size_t i = 0; i < 2; i++) {
        struct training *t = run(star(NULL, "a_while"), strategies[i], "");
        check_went_on(t, "messages were lost on their way");
        assert_null(strstr(t->summary, "was lost"));
        free(t);
    }
}

/* Its peers lose its messages; at the end it cannot fetch the model. */
static void
a_worker_that_is_cut_off_for_good_leaves_the_run_at_its_end(void **state)
{
    (void)state;
    struct training *t = run(star(NULL, "for_good"), "parameter_server_async", "");
    check_went_on(t, "rank 3 was lost (link 'nic3_");
    free(t);
    t = run(star(NULL, "for_good"), "adpsgd", "");
    check_went_on(t, "messages were lost on their way");
    free(t);
}

static void
nobody_goes_on_without_the_server(void **state)
{
    (void)state;
    const char *xml = star(NULL, NULL), *node = strstr(xml, "node4\" speed=\"1Gf\"");
    const size_t head = (size_t)(node - xml) + strlen("node4\" speed=\"1Gf\"");
    static char text[8192]; /* node4 instead of node3 */
    snprintf(text, sizeof text, "%.*s state_file=\"%s\"%s", (int)head, xml, folder_file("for_good"),
             xml + head);
    struct training *t = run(text, "parameter_server_async", "");
    assert_int_equal(t->status, SM_ERR_STALLED);
    assert_non_null(strstr(t->error.message, "host 'node4' died at 1.25 s"));
    assert_non_null(strstr(t->error.message, "waited for a message from rank 4 since"));
    free(t);
}

/* The outer optimizer needs everybody, whatever the strategy does. */
static void
an_all_reduce_waits_for_the_dead_even_where_the_strategy_does_not(void **state)
{
    (void)state;
    struct training *t = run(star("for_good", NULL), "adpsgd", ", outer: average, tau: 4");
    assert_int_equal(t->status, SM_ERR_STALLED);
    if (strstr(t->error.message, "in all-reduce") == NULL)
        fail_msg("%s", t->error.message);
    free(t);
}

/* ---- devices ---- */

static enum sm_status
reduce_for_ever(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    for (;;) {
        SM_TRY(machine_pass(comm, 0.1));
        SM_TRY(comm->ops->reduce_devices(comm, 1000));
    }
}

static void
an_nvlink_or_a_device_that_dies_stalls_its_worker(void **state)
{
    (void)state;
    static const char two[] =
        "<?xml version='1.0'?>\n<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">\n"
        "<host id=\"g0\" speed=\"1Gf\"><prop id=\"worker\" value=\"0\"/></host>\n"
        "<host id=\"g1\" speed=\"1Gf\"%s%s%s><prop id=\"worker\" value=\"0\"/>"
        "<prop id=\"device\" value=\"1\"/></host>\n"
        "<link id=\"nvlink\" bandwidth=\"1GBps\" latency=\"1us\"%s%s%s/>\n"
        "<route src=\"g0\" dst=\"g1\"><link_ctn id=\"nvlink\"/></route>\n</zone></platform>\n";
    static const char key[] = " state_file=\"";
    char text[2048];
    snprintf(text, sizeof text, two, "", "", "", key, folder_file("for_good"), "\"");
    const struct machine machine = {
        .platform = text, .wire_scale = 1000, .program = reduce_for_ever};
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                "link 'nvlink' died at 1.25 s");
    snprintf(text, sizeof text, two, key, folder_file("for_good"), "\"", "", "", "");
    check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED, "host 'g1' died at 1.25 s");
}

/* ---- traffic of others ---- */

static void
a_dead_link_with_traffic_on_it_ends_as_one_without(void **state)
{
    (void)state;
    static const char *const traffic[] = {"{link: nic3, load: 0.5}", "{link: nic3, flows: 2}",
                                          "{from: 3, to: 0, flows: 1}"};
    for (size_t i = 0; i < 3; i++)
        for (size_t host = 0; host < 2; host++) {
            folder_write("p.xml", star(host ? "for_good" : NULL, host ? NULL : "for_good"));
            struct training *t =
                training_run(&(struct training_how){0},
                             "{steps: 20, platform: {file: %s, workers: 4, traffic: [%s]}, " SOFTMAX
                             ", timing: {profile: %s}, algorithm: {strategy: sgp}}",
                             folder_file("p.xml"), traffic[i], folder_file("profile.yaml"));
            assert_int_equal(t->status, SM_ERR_STALLED);
            assert_non_null(
                strstr(t->error.message, host ? "host 'node3' died at 1.25 s" : "link 'nic3_"));
            free(t);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_dies_stalls_who_needs_everybody_and_keeps_what_was_recorded),
        cmocka_unit_test(a_host_that_dies_stalls_who_needs_everybody),
        cmocka_unit_test(links_that_could_die_but_do_not_cost_nothing),
        cmocka_unit_test(asynchronous_strategies_go_on_without_a_worker_that_died),
        cmocka_unit_test(asynchronous_strategies_lose_what_travels_while_a_link_is_down_and_go_on),
        cmocka_unit_test(a_worker_that_is_cut_off_for_good_leaves_the_run_at_its_end),
        cmocka_unit_test(nobody_goes_on_without_the_server),
        cmocka_unit_test(an_all_reduce_waits_for_the_dead_even_where_the_strategy_does_not),
        cmocka_unit_test(a_dead_link_with_traffic_on_it_ends_as_one_without),
        cmocka_unit_test(an_nvlink_or_a_device_that_dies_stalls_its_worker),
    };
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
