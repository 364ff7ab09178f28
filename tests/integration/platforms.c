/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/platforms.c -- platforms on SimGrid's clock: two ways to write one network,
 * what profile files do to seconds, SimGrid's own topologies. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/make.h"
#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/training.h"

enum { TEXT = 1 << 20, MOST = 32 };

/* What the family writes; the caller frees it. */
static char *
made(const char *family, const char *settings)
{
    struct sm_arena arena = {0};
    struct sm_node *node;
    char *text = NULL;
    size_t length;
    check_ok(sm_tree_parse(&arena, "make", settings, &node));
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    check_ok(sm_platform_make(family, node, out));
    fclose(out);
    sm_arena_fini(&arena);
    return text;
}

/* ---- programs ---- */

struct ends {
    double message[MOST], reduced[MOST], devices[MOST];
};

/* Unlike messages that meet on links, an all-reduce that not all join at once, one inside. */
static enum sm_status
talk(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    struct ends *ends = out;
    float value;
    size_t rank = comm->rank, size = comm->size;
    SM_TRY(machine_pass(comm, 1e-3 * (double)rank));
    SM_TRY(machine_send(comm, (rank + 1) % size, 2 + rank, 1));
    SM_TRY(machine_send(comm, (rank + 2) % size, 3, 1));
    SM_TRY(machine_receive(comm, (rank + size - 1) % size, &value));
    SM_TRY(machine_receive(comm, (rank + size - 2) % size, &value));
    ends->message[rank] = comm->ops->now(comm);
    SM_TRY(sm_comm_average(comm, &value, 1));
    ends->reduced[rank] = comm->ops->now(comm);
    SM_TRY(comm->ops->reduce_devices(comm, 1));
    ends->devices[rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
check_same_seconds(const char *one, const char *other, const char *edits)
{
    static struct ends a, b;
    for (int exact = 0; exact < 2; exact++) {
        struct machine machine = {.platform = one,
                                  .edits = edits,
                                  .wire_scale = 1e6,
                                  .exact = exact != 0,
                                  .program = talk};
        check_ok(machine_run(&machine, &a, sizeof a, NULL));
        machine.platform = other;
        check_ok(machine_run(&machine, &b, sizeof b, NULL));
        assert_true(a.message[0] > 0 && a.reduced[0] > a.message[0]);
        for (size_t r = 0; r < MOST; r++) {
            check_near(b.message[r], a.message[r], 1e-12 * a.message[0]);
            check_near(b.reduced[r], a.reduced[r], 1e-12 * a.reduced[0]);
            check_near(b.devices[r], a.devices[r], 1e-12 * a.devices[0]);
        }
    }
}

/* ---- two ways to write one network ---- */

/* The star as hosts that each have a route to a router. */
static const char *
star_with_routes(size_t nodes)
{
    static char text[8192];
    size_t used =
        (size_t)sprintf(text, "<platform version=\"4.1\"><zone id=\"world\" routing=\"Floyd\">\n");
    for (size_t i = 0; i < nodes; i++)
        used += (size_t)sprintf(text + used, "<host id=\"node%zu\" speed=\"15.7Tf\"/>\n", i);
    used += (size_t)sprintf(text + used, "<router id=\"switch\"/>\n");
    for (size_t i = 0; i < nodes; i++)
        used += (size_t)sprintf(text + used,
                                "<link id=\"node%zu_eth\" bandwidth=\"10Gbps\" latency=\"10us\" "
                                "sharing_policy=\"SPLITDUPLEX\"><prop id=\"goodput\" "
                                "value=\"0.9564\"/></link>\n",
                                i);
    for (size_t i = 0; i < nodes; i++)
        used +=
            (size_t)sprintf(text + used,
                            "<route src=\"node%zu\" dst=\"switch\"><link_ctn id=\"node%zu_eth\" "
                            "direction=\"UP\"/></route>\n",
                            i, i);
    sprintf(text + used, "</zone></platform>\n");
    return text;
}

static void
a_star_of_host_links_is_one_of_routes_to_a_switch(void **state)
{
    (void)state;
    check_same_seconds("star_7", star_with_routes(7), NULL);
    check_same_seconds("star_7", star_with_routes(7),
                       "{bandwidth: {node3_eth: x0.1}, latency: {\"node[45]_eth\": 1ms}}");
}

/* Large ones are written with the second word; see families/write.h. */
static void
servers_keep_their_seconds_whichever_way_routes_are_found(void **state)
{
    (void)state;
    char *floyd = made("dgx1", "{nodes: 3}"), *cache = malloc(TEXT);
    char *word = strstr(floyd, "\"Floyd\"");
    assert_non_null(word);
    sprintf(cache, "%.*s\"DijkstraCache\"%s", (int)(word - floyd), floyd,
            word + strlen("\"Floyd\""));
    check_same_seconds(floyd, cache, NULL);
    free(floyd);
    free(cache);
    char *large = made("dgx1", "{nodes: 1025}");
    assert_non_null(strstr(large, "id=\"world\" routing=\"DijkstraCache\""));
    free(large);
}

/* ---- profiles ---- */

/* Two hosts of the family on 1 GB/s and 1 ms each way, with an attribute on node0_eth or node0. */
static const char *
pair(const char *family, const char *element, const char *attribute)
{
    static char text[4096];
    char *star = made(family, "{nodes: 2, nic: 8Gbps, latency: 1ms, goodput: 1, speed: 0.001Tf}");
    char *place = strstr(star, element);
    assert_non_null(place);
    size_t before = (size_t)(place - star) + strlen(element);
    snprintf(text, sizeof text, "%.*s %s=\"%s\"%s", (int)before, star, attribute,
             folder_file("profile.txt"), star + before);
    free(star);
    return text;
}

/* From rank 0 to 1 or back, two gigabytes, after `in` seconds. */
static enum sm_status
send_later(struct sm_comm *comm, const void *in, void *out)
{
    const double *pause = in;
    double *end = out;
    float value;
    SM_TRY(machine_pass(comm, *pause));
    SM_TRY(comm->rank == 0 ? machine_send(comm, 1, 2, 1) : machine_receive(comm, 0, &value));
    SM_TRY(comm->rank == 1 ? machine_send(comm, 0, 2, 1) : machine_receive(comm, 1, &value));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

/* Each to the other at once: full speed where each direction has a link of its own. */
static enum sm_status
send_both_ways(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float value;
    SM_TRY(machine_send(comm, 1 - comm->rank, 2, 1));
    SM_TRY(machine_receive(comm, 1 - comm->rank, &value));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static enum sm_status
compute_two_gigaflop(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    SM_TRY(comm->ops->compute(comm, SM_STAGE_COMPUTE, 0, 2e9, NULL));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

static void
profiles_of_a_duplex_link_hold_in_both_directions(void **state)
{
    (void)state;
    double end[2], pause = 0;
    struct machine machine = {
        .wire_scale = 2.5e8, .program = send_later, .in = &pause}; /* two floats: 2 GB */
    const double there = 2e-3 + 2;

    folder_write("profile.txt", "0 1e9\n1 0.5e9\n"); /* bandwidth halves at 1 s */
    machine.platform = pair("star", "id=\"node0_eth\"", "bandwidth_file");
    check_ok(machine_run(&machine, end, sizeof end, NULL));
    double first = 1 + (2e9 - (1 - 2e-3) * 1e9) / 0.5e9;
    check_relative(end[0], first + 2e-3 + 4, 1e-9);

    folder_write("profile.txt", "0 0.001\n1 0.5\n"); /* a latency counts for what starts later */
    machine.platform = pair("star", "id=\"node0_eth\"", "latency_file");
    check_ok(machine_run(&machine, end, sizeof end, NULL));
    check_relative(end[0], there + 0.501 + 2, 1e-9);

    folder_write("profile.txt",
                 "0 1.0\n1 0.25\n"); /* half of the work, then a quarter of the speed */
    machine.platform = pair("star", "id=\"node0\"", "speed_file");
    machine.program = compute_two_gigaflop;
    check_ok(machine_run(&machine, end, sizeof end, NULL));
    check_relative(end[0], 1 + 4, 1e-9);
    check_relative(end[1], 2, 1e-9);
}

static const char *
with_settings(const char *settings)
{
    static char text[4096];
    const char *star = pair("star", "id=\"node0_eth\"", "id_");
    const char *zone = strstr(star, "<zone");
    const char *attribute = strstr(star, " id_=");
    assert_true(zone != NULL && attribute != NULL);
    const char *rest = strchr(attribute + 6, '"') + 1;
    snprintf(text, sizeof text, "%.*s<config>%s</config>%.*s%s", (int)(zone - star), star, settings,
             (int)(attribute - zone), zone, rest);
    return text;
}

/* One message there and one back: latency and bandwidth each times their factor. */
static void
settings_of_the_network_in_the_file_count(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        double latency, bandwidth;
    } cases[] = {
        {"", 1, 1},
        {"<prop id=\"network/latency-factor\" value=\"3\"/>", 3, 1},
        {"<prop id=\"network/bandwidth-factor\" value=\"0.5\"/>", 1, 0.5},
        {"<prop id=\"network/model\" value=\"LV08\"/>", 13.01, 0.97},
        {"<prop id=\"network/model\" value=\"LV08\"/>"
         "<prop id=\"network/latency-factor\" value=\"2\"/>",
         2, 0.97},
    };
    double end[2], pause = 0;
    struct machine machine = {.wire_scale = 2.5e8, .program = send_later, .in = &pause};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        machine.platform = with_settings(cases[i].settings);
        check_ok(machine_run(&machine, end, sizeof end, NULL));
        check_relative(end[0], 2 * (2e-3 * cases[i].latency + 2 / cases[i].bandwidth), 1e-9);
    }
}

/* The star's hosts have a link each, the others routes to a switch that go both ways. */
static void
a_duplex_link_may_be_down_while_nobody_sends(void **state)
{
    (void)state;
    static const struct {
        const char *family;
        double latency;
    } cases[] = {{"star", 2e-3}, {"v100", 2e-3 + 2 * 1.2e-6}};
    for (size_t i = 0; i < 2; i++) {
        double end[2], pause = 3;
        struct machine machine = {.wire_scale = 2.5e8, .program = send_later, .in = &pause};
        folder_write("profile.txt", "0 1\n1 0\n2 1\n");
        machine.platform = pair(cases[i].family, "id=\"node0_eth\"", "state_file");
        check_ok(machine_run(&machine, end, sizeof end, NULL));
        check_relative(end[0], 3 + 2 * (cases[i].latency + 2), 1e-9);
        pause = 0; /* now it dies under the message */
        check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
                    "link 'node0_eth_UP' died at 1 s");
        folder_write("profile.txt", "0 1\n3 0\n"); /* and here under the answer, which goes DOWN */
        check_fails(machine_run(&machine, end, sizeof end, NULL), SM_ERR_STALLED,
                    "link 'node0_eth_DOWN' died at 3 s");
        machine.program = send_both_ways;
        check_ok(machine_run(&machine, end, sizeof end, NULL));
        check_relative(end[0], cases[i].latency + 2, 1e-9);
    }
}

/* ---- topologies ---- */

static const char *const topologies[][2] = {
    {"TORUS", "4,2"}, {"FAT_TREE", "2;4,2;1,2;1,1"}, {"DRAGONFLY", "2,1;2,1;2,1;1"}};

static const char *
cluster(size_t i)
{
    static char text[512];
    snprintf(text, sizeof text,
             "<platform version=\"4.1\">\n<cluster id=\"c\" prefix=\"n\" suffix=\"\" "
             "radical=\"0-7\" speed=\"1Tf\" bw=\"1GBps\" lat=\"10us\" "
             "sharing_policy=\"SPLITDUPLEX\" topology=\"%s\" topo_parameters=\"%s\"/></platform>",
             topologies[i][0], topologies[i][1]);
    return text;
}

static enum sm_status
average(struct sm_comm *comm, const void *in, void *out)
{
    (void)in;
    double *end = out;
    float value = 1;
    SM_TRY(sm_comm_average(comm, &value, 1));
    end[comm->rank] = comm->ops->now(comm);
    return SM_OK;
}

/* Where edges of the ring share cables it is played message by message, whatever was asked for. */
static void
topologies_reduce_in_the_same_seconds_exact_and_fluid(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        double ends[2][8];
        for (int exact = 0; exact < 2; exact++) {
            const struct machine machine = {
                .platform = cluster(i), .wire_scale = 1e6, .exact = exact != 0, .program = average};
            check_ok(machine_run(&machine, ends[exact], sizeof ends[exact], NULL));
        }
        double last[2] = {0}; /* a flow ends for all at once */
        for (int exact = 0; exact < 2; exact++)
            for (size_t r = 0; r < 8; r++)
                last[exact] = fmax(last[exact], ends[exact][r]);
        assert_true(last[1] >= 7e-3); /* 4 MB in 14 steps */
        check_relative(last[0], last[1], 1e-9);
    }
}

static void
topologies_train(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        folder_write("platform.xml", cluster(i));
        struct training *training =
            train("steps: 6\nplatform: {file: %s}\n" SOFTMAX "\n"
                  "algorithm: {inner: {name: sgd, lr: 0.1}, strategy: sgp}\n",
                  folder_file("platform.xml"));
        assert_true(training->seconds > 0 && training->parameters > 0);
        free(training);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_of_host_links_is_one_of_routes_to_a_switch),
        cmocka_unit_test(servers_keep_their_seconds_whichever_way_routes_are_found),
        cmocka_unit_test(profiles_of_a_duplex_link_hold_in_both_directions),
        cmocka_unit_test(settings_of_the_network_in_the_file_count),
        cmocka_unit_test(a_duplex_link_may_be_down_while_nobody_sends),
        cmocka_unit_test(topologies_reduce_in_the_same_seconds_exact_and_fluid),
        cmocka_unit_test(topologies_train),
    };
    return cmocka_run_group_tests(tests, NULL, folder_teardown);
}
