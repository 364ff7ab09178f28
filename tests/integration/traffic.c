/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/traffic.c -- flows of others that share links with the run's messages. */
#include "tests/helpers/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

/* star_N: links of 10 Gbit/s, goodput 0.9564, 10 us each side. */
static const double goodput = 0.9564 * 10e9 / 8, latency = 20e-6;

/* Rank 0 sends 1 GB to rank 1, rank 2 to rank 3. */
static enum sm_status
send_a_gigabyte(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float value;
    SM_TRY(comm->rank % 2 == 0 ? machine_send(comm, comm->rank + 1, 1, 1)
                               : machine_receive(comm, comm->rank - 1, &value));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
gigabytes(const char *edits, double *end)
{
    const struct machine machine = {
        .platform = "star_4", .edits = edits, .wire_scale = 2.5e8, .program = send_a_gigabyte};
    check_ok(machine_run(&machine, end, 4 * sizeof *end, NULL));
}

static void
a_flow_that_always_sends_halves_the_bandwidth_of_a_message(void **state)
{
    (void)state;
    double end[4];
    gigabytes("{traffic: []}", end);
    check_relative(end[1], latency + 1e9 / goodput, 1e-6);
    gigabytes("{traffic: [{link: node0_eth, flows: 1}]}", end);
    check_relative(end[1], latency + 2e9 / goodput, 1e-4);
    check_relative(end[3], latency + 1e9 / goodput, 1e-6);                     /* another way */
    gigabytes("{traffic: [{link: node0_eth, flows: 1, latency: 40us}]}", end); /* twice its own */
    check_relative(end[1], latency + 1.5e9 / goodput, 1e-4);
    gigabytes("{traffic: [{link: node1_eth_DOWN, flows: 3}]}", end);
    check_relative(end[1], latency + 4e9 / goodput, 1e-4);
    gigabytes("{traffic: [{link: node1_eth_UP, flows: 3}]}", end); /* the other direction */
    check_relative(end[1], latency + 1e9 / goodput, 1e-6);
    gigabytes("{traffic: [{from: 0, to: 3, flows: 1}]}",
              end); /* the link out of 0 and that into 3 */
    check_relative(end[1], latency + 2e9 / goodput, 1e-4);
    check_relative(end[3], latency + 2e9 / goodput, 1e-4);
}

/* Even flows of 1 MB whose rate is r leave goodput - r to a long message. */
static void
flows_at_a_rate_leave_the_rest_to_a_message(void **state)
{
    (void)state;
    double end[4];
    gigabytes("{traffic: [{link: node0_eth_UP, load: 0.25, bytes: 1MB, arrivals: constant}]}", end);
    check_relative(end[1], 1e9 / (0.75 * goodput), 5e-3);
    gigabytes("{traffic: [{link: node0_eth_UP, rate: 2Gbps, bytes: 1MB, arrivals: constant}]}",
              end);
    check_relative(end[1], 1e9 / (goodput - 0.25e9), 5e-3);
}

/* Messages of 100 MB, one after another. Of 20 000 flows at random the sum has a standard deviation
 * of 1 % (gaps and sizes: sqrt(2 / 20 000)). */
#if defined(__SANITIZE_ADDRESS__)
enum { MESSAGES = 20 };
#else
enum { MESSAGES = 200 };
#endif

static enum sm_status
send_for_long(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float value;
    for (size_t i = 0; i < MESSAGES; i++)
        SM_TRY(comm->rank == 0 ? machine_send(comm, 1, 1, 1) : machine_receive(comm, 0, &value));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
the_offered_load_of_flows_at_random_is_as_stated(void **state)
{
    (void)state;
    double end[3][2];
    struct machine machine = {
        .platform = "star_2",
        .edits = "{traffic: [{link: node0_eth_UP, load: 0.4, bytes: 0.65MB}]}",
        .wire_scale = 2.5e7,
        .program = send_for_long,
    };
    for (size_t i = 0; i < 3; i++) {
        machine.seed = i / 2; /* 0 0 1 */
        check_ok(machine_run(&machine, end[i], sizeof end[i], NULL));
        check_relative(end[i][1], MESSAGES * 1e8 / (0.6 * goodput), 0.03 * sqrt(200.0 / MESSAGES));
    }
    assert_true(end[0][1] == end[1][1]);
    assert_true(end[0][1] != end[2][1]);
}

/* ---- all-reduces ---- */

static enum sm_status
average_often(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float x[4] = {0};
    for (size_t i = 0; i < 5; i++)
        SM_TRY(sm_comm_average(comm, x, 4));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
an_all_reduce_over_links_with_traffic_is_played_message_by_message(void **state)
{
    (void)state;
    double end[2][4], alone[4];
    struct machine machine = {.platform = "star_4", .wire_scale = 1e7, .program = average_often};
    check_ok(machine_run(&machine, alone, sizeof alone, NULL));
    machine.edits = "{traffic: [{link: node2_eth_UP, flows: 1}]}";
    for (int exact = 0; exact < 2; exact++) {
        machine.exact = exact != 0;
        check_ok(machine_run(&machine, end[exact], sizeof alone, NULL));
    }
    assert_memory_equal(end[0], end[1], sizeof alone);
    assert_true(end[0][0] > 1.9 * alone[0]); /* the slowest edge decides, but for the last steps */
    assert_true(end[0][0] < 2 * alone[0]);
}

static enum sm_status
reduce_twice(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *seconds = out;
    for (size_t i = 0; i < 2; i++) {
        double begin = comm->ops->now(comm);
        SM_TRY(comm->ops->reduce_devices(comm, 1000000));
        if (comm->rank == 0)
            seconds[i] = comm->ops->now(comm) - begin;
    }
    return SM_OK;
}

/* A flow of 22.5 MB that begins with the second reduction slows it; it is not remembered. */
static void
devices_on_links_with_traffic_are_simulated_each_time(void **state)
{
    (void)state;
    double alone[2], busy[2];
    struct machine machine = {
        .platform = "dgx1_32_10gbe", .workers = 1, .wire_scale = 100, .program = reduce_twice};
    check_ok(machine_run(&machine, alone, sizeof alone, NULL));
    assert_true(alone[0] == alone[1]);
    machine.edits =
        "{traffic: [{link: server0_nv*, rate: 1GBps, bytes: 20MB, arrivals: constant}]}";
    check_ok(machine_run(&machine, busy, sizeof busy, NULL));
    assert_true(busy[0] > 1.05 * alone[0]);
    assert_true(busy[0] != busy[1]);
}

/* ---- stalls, and runs ---- */

static enum sm_status
wait_for_ever(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    (void)out;
    float x = 0;
    SM_TRY(machine_pass(comm, 0.5));
    return comm->rank == 0 ? machine_receive(comm, 1, &x) : SM_OK;
}

static void
a_run_stalls_even_if_traffic_never_ends(void **state)
{
    (void)state;
    const char *const edits[] = {"{traffic: [{link: '*', load: 0.5, bytes: 100MB}]}",
                                 "{traffic: [{link: '*', flows: 2}]}"};
    for (size_t i = 0; i < 2; i++) {
        const struct machine machine = {
            .platform = "star_3", .edits = edits[i], .program = wait_for_ever};
        check_fails(machine_run(&machine, NULL, 0, NULL), SM_ERR_STALLED,
                    "rank 0 waits for a message from rank 1 since 0.5 s");
    }
}

static void
records_tell_traffic_apart_and_its_seed(void **state)
{
    (void)state;
    struct training *t[5];
    const char *const traffic[] = {"[]", "[{link: '*', load: 0.5}]", "[{link: '*', load: 0.6}]"};
    for (size_t i = 0; i < 5; i++)
        t[i] = train("{steps: 10, seed: %d, platform: {file: star_4, traffic: %s}, " SOFTMAX
                     ", timing: {profile: resnet50_v100x8}, algorithm: {strategy: sgp}}",
                     i == 4 ? 2 : 1, traffic[i < 3 ? i : 1]);
    assert_string_not_equal(t[0]->timing_key, t[1]->timing_key);
    assert_string_not_equal(t[1]->timing_key, t[2]->timing_key);
    assert_string_not_equal(t[1]->timing_key, t[4]->timing_key);
    assert_string_equal(t[1]->timing_key, t[3]->timing_key);
    assert_true(t[1]->seconds > t[0]->seconds);
    check_same_cost(t[1], t[3], "the same seed");
    assert_string_equal(t[0]->hash, t[1]->hash);
    for (size_t i = 0; i < 5; i++)
        free(t[i]);
}

static void
wrong_traffic_names_its_place(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{link: x}", "expected a list"},
        {"[half]", "expected settings"},
        {"[{link: '*eth*'}]", "expected one of load, rate and flows"},
        {"[{link: '*eth*', load: 0.2, rate: 1Gbps}]", "expected one of load, rate and flows"},
        {"[{load: 0.2}]", "expected link, or from and to"},
        {"[{link: '*eth*', from: 0, to: 1, load: 0.2}]", "expected link, or from and to"},
        {"[{from: 0, load: 0.2}]", "expected link, or from and to"},
        {"[{from: 0, to: 4, load: 0.2}]", "expected another worker of 0..3"},
        {"[{from: 5, to: 1, load: 0.2}]", "there is no worker 5"},
        {"[{from: 1, to: 1, load: 0.2}]", "expected another worker"},
        {"[{link: wlan, load: 0.2}]", "no link of star_4 matches 'wlan'"},
        {"[{link: '*eth*', load: 1.2}]", "load"},
        {"[{link: '*eth*', load: 0.2, latency: 1us}]", "at least the latency of link"},
        {"[{link: '*eth*', lod: 0.2}]", "load"},
        {"[{link: '*eth*', load: 0.2, arrivals: even}]", "constant"},
        {"[{from: 0, to: 1, rate: 30Gbps}]", "30 Gbit/s of others over link 'node0_eth_UP'"},
        {"[{link: node2_eth, load: 0.6}, {from: 2, to: 0, rate: 5Gbps}]",
         "over link 'node2_eth_UP'; expected at most 99 % of the 9.564 Gbit/s"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        training_refused(wrong[i][1],
                         "{steps: 1, platform: {file: star_4, traffic: %s}, " SOFTMAX "}",
                         wrong[i][0]);
    training_refused(":1:",
                     "{steps: 1, platform: {file: star_4, traffic: [{load: 1}]}, " SOFTMAX "}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_that_always_sends_halves_the_bandwidth_of_a_message),
        cmocka_unit_test(flows_at_a_rate_leave_the_rest_to_a_message),
        cmocka_unit_test(the_offered_load_of_flows_at_random_is_as_stated),
        cmocka_unit_test(an_all_reduce_over_links_with_traffic_is_played_message_by_message),
        cmocka_unit_test(devices_on_links_with_traffic_are_simulated_each_time),
        cmocka_unit_test(a_run_stalls_even_if_traffic_never_ends),
        cmocka_unit_test(records_tell_traffic_apart_and_its_seed),
        cmocka_unit_test(wrong_traffic_names_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
