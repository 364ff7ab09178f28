/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/describe.c -- platforms as they are described to be drawn, held against what is
 * written in their files. */
#include "sim/platform/describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"
#include "tests/helpers/json.h"
#include "tests/helpers/machine.h"
#include "tests/helpers/program.h"
#include "tests/helpers/stores.h"

enum { LONGEST = 1 << 16, MOST = 64 };

/* ---- describing ---- */

static enum sm_status
describe(const struct sm_platform *platform, const struct sm_routes *routes, void *out)
{
    struct sm_arena arena = {0};
    const char *text;
    enum sm_status status = sm_platform_describe(platform, routes, &arena, &text);
    if (status == SM_OK && strlen(text) >= LONGEST)
        status = SM_FAIL(SM_ERR_INPUT, "a description of %zu bytes", strlen(text));
    if (status == SM_OK)
        strcpy(out, text);
    sm_arena_fini(&arena);
    return status;
}

/* platform: as in struct machine; workers: 0, all. */
static const char *
description_text(const char *platform, const char *edits, size_t workers)
{
    static char text[LONGEST];
    struct machine machine = {
        .platform = platform, .edits = edits, .workers = workers, .survey = describe};
    check_ok(machine_run(&machine, text, sizeof text, NULL));
    return text;
}

static json_t *
description(const char *platform, const char *edits)
{
    return json_of(description_text(platform, edits, 0));
}

static size_t
count_of(const json_t *object, const char *key)
{
    return (size_t)number_of(object, key);
}

static size_t
size_of(const json_t *object, const char *key)
{
    return json_array_size(json_object_get(object, key));
}

static const json_t *
item(const json_t *object, const char *key, size_t index)
{
    const json_t *found = json_array_get(json_object_get(object, key), index);
    assert_non_null(found);
    return found;
}

static bool
flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static size_t
at(const json_t *list, size_t index)
{
    return (size_t)json_integer_value(json_array_get(list, index));
}

/* The link of an edge of the network, or of an edge inside. */
static const json_t *
link_of(const json_t *platform, const json_t *edge)
{
    const size_t index = json_is_array(edge) ? at(edge, 2) : count_of(edge, "link");
    return item(platform, "links", index);
}

/* Edge `index` of the network joins a and b, each of a by each[0] links with these values. */
static void
check_edge(const json_t *platform, size_t index, const size_t nodes[2], const size_t each[2],
           double bandwidth, double latency)
{
    const json_t *edge = item(platform, "edges", index), *link = link_of(platform, edge);
    assert_int_equal(count_of(edge, "a"), nodes[0]);
    assert_int_equal(count_of(edge, "b"), nodes[1]);
    assert_int_equal(at(json_object_get(edge, "each"), 0), each[0]);
    assert_int_equal(at(json_object_get(edge, "each"), 1), each[1]);
    check_relative(number_of(link, "bandwidth"), bandwidth, 1e-12);
    check_relative(number_of(link, "latency"), latency, 1e-12);
}
#define EDGE(platform, index, a, b, each_a, each_b, bandwidth, latency)                            \
    check_edge(platform, index, (const size_t[]){a, b}, (const size_t[]){each_a, each_b},          \
               bandwidth, latency)

/* ---- shipped ones ---- */

/* Every kind of links is one of the file, as many as there are. */
static void
check_links(const json_t *described, const struct sm_platform *platform)
{
    size_t index, listed = 0;
    json_t *link;
    json_array_foreach(json_object_get(described, "links"), index, link)
    {
        size_t alike = 0;
        bool stands = false;
        for (size_t i = 0; i < platform->link_count; i++) {
            const struct sm_platform_link *other = &platform->links[i];
            char name[128];
            sm_text_class(other->name, name, sizeof name);
            const bool same = strcmp(name, text_of(link, "name")) == 0 &&
                              other->bandwidth == number_of(link, "bandwidth") &&
                              other->latency == number_of(link, "latency") &&
                              other->goodput == number_of(link, "goodput") &&
                              other->duplex == flag(link, "duplex");
            alike += same;
            stands = stands || (same && other->stands);
        }
        if (!stands)
            assert_int_equal(count_of(link, "count"), alike);
        assert_true(alike > 0);
        listed += alike;
    }
    assert_int_equal(listed, platform->link_count);
}

static void
check_workers(const json_t *described, const struct sm_platform *platform)
{
    size_t index, workers = 0, devices = 0;
    json_t *kind;
    json_array_foreach(json_object_get(described, "kinds"), index, kind)
    {
        workers += count_of(kind, "count");
        devices += count_of(kind, "count") * count_of(kind, "devices");
    }
    assert_int_equal(workers, platform->worker_count);
    assert_int_equal(count_of(described, "workers"), platform->worker_count);
    assert_int_equal(count_of(described, "devices"), devices);
    size_t nodes = 0;
    json_array_foreach(json_object_get(described, "nodes"), index, kind)
    {
        nodes += json_object_get(kind, "kind") != NULL ? count_of(kind, "count") : 0;
    }
    assert_int_equal(nodes, platform->worker_count);
    check_near(json_number_value(
                   json_array_get(json_object_get(item(described, "kinds", 0), "speeds"), 0)),
               platform->workers[0].speeds[0], 0);
}

static void
every_shipped_platform_is_described_as_its_file_says(void **state)
{
    (void)state;
    struct sm_arena arena = {0};
    const char *const *names = sm_platform_names(&arena, SM_TEST_SOURCE);
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        if (count % CHECK_STRIDE != 0)
            continue;
        struct sm_platform platform;
        check_ok(sm_platform_load(
            &arena, &(struct sm_platform_request){.file = names[count], .home = SM_TEST_SOURCE},
            &platform));
        json_t *described = description(names[count], NULL);
        assert_int_equal(count_of(described, "version"), 1);
        assert_string_equal(text_of(described, "file"), names[count]);
        assert_int_equal(size_of(described, "kinds"), 1);
        assert_true(strlen(description_text(names[count], NULL, 0)) < 2048);
        check_workers(described, &platform);
        check_links(described, &platform);
        json_decref(described);
    }
    assert_true(count >= 10);
    sm_arena_fini(&arena);
}

static void
a_star_is_workers_round_a_switch(void **state)
{
    (void)state;
    json_t *star = description("star_8", NULL);
    assert_int_equal(size_of(star, "nodes"), 2);
    assert_string_equal(text_of(item(star, "nodes", 0), "ranks"), "0-7");
    assert_int_equal(count_of(item(star, "nodes", 1), "count"), 1);
    assert_int_equal(size_of(star, "edges"), 1);
    EDGE(star, 0, 0, 1, 1, 8, 1.25e9, 10e-6);
    assert_true(flag(item(star, "links", 0), "duplex"));
    assert_false(flag(item(star, "links", 0), "unshared"));
    assert_null(json_object_get(star, "sites"));
    json_decref(star);
}

/* Links between two devices inside, in multiples of 25 GB/s; 0: none. */
static size_t
nvlinks(const json_t *platform, size_t a, size_t b)
{
    const json_t *kind = item(platform, "kinds", 0);
    for (size_t e = 0; e < size_of(kind, "edges"); e++) {
        const json_t *edge = item(kind, "edges", e);
        if (at(edge, 0) == a && at(edge, 1) == b)
            return (size_t)(number_of(link_of(platform, edge), "bandwidth") / 25e9);
    }
    return 0;
}

static void
a_dgx1_has_its_mesh_of_nvlinks_and_a_tree_of_pcie_with_the_nic_on_a_switch(void **state)
{
    (void)state;
    static const char *const matrix[] = {"02112000", "20120100", "11020020", "12200001",
                                         "20000211", "01002012", "00201102", "00011220"};
    static const char *const names[] = {"dgx1_8_10gbe", "dgx1_32_100gib"};
    for (size_t n = 0; n < 2; n++) {
        json_t *dgx1 = description(names[n], NULL);
        const json_t *kind = item(dgx1, "kinds", 0);
        for (size_t i = 0; i < 8; i++)
            for (size_t j = i + 1; j < 8; j++)
                assert_int_equal(nvlinks(dgx1, i, j), matrix[i][j] - '0');
        assert_int_equal(count_of(kind, "points"), 6); /* four switches, two CPUs */
        assert_int_equal(size_of(kind, "edges"), 16 + 8 + 4 + 1);
        assert_int_equal(count_of(kind, "rings"), 4);
        size_t points[8]; /* GPUs 2k and 2k + 1 are on one PCIe switch */
        for (size_t e = 0; e < size_of(kind, "edges"); e++) {
            const json_t *edge = item(kind, "edges", e);
            if (at(edge, 0) < 8 && at(edge, 1) >= 8)
                points[at(edge, 0)] = at(edge, 1);
        }
        for (size_t i = 0; i < 8; i += 2)
            assert_int_equal(points[i], points[i + 1]);
        assert_int_equal(size_of(dgx1, "edges"), n == 0 ? 1 : 4);
        for (size_t r = 0; r < size_of(dgx1, "edges"); r++) {
            const json_t *ports = json_object_get(item(dgx1, "edges", r), "ports");
            assert_int_equal(at(ports, 0), n == 0 ? points[0] : 2 * r);
        }
        json_decref(dgx1);
    }
}

static void
rails_of_a_dgx_a100_meet_on_one_switch_and_its_devices_on_another(void **state)
{
    (void)state;
    json_t *a100 = description("dgx_a100_16", NULL);
    const json_t *kind = item(a100, "kinds", 0);
    assert_int_equal(size_of(kind, "edges"), 8);
    assert_int_equal(count_of(kind, "points"), 1);
    assert_true(flag(kind, "trees"));
    for (size_t i = 0; i < 8; i++) {
        const json_t *edge = item(kind, "edges", i);
        assert_int_equal(at(edge, 0), i);
        assert_int_equal(at(edge, 1), 8);
        check_near(number_of(link_of(a100, edge), "bandwidth"), 300e9, 0);
        EDGE(a100, i, 0, 1, 1, 16, 25e9, 7e-6);
    }
    assert_int_equal(size_of(a100, "nodes"), 2);
    json_decref(a100);
}

static void
a_fat_tree_has_its_leaves_and_spines(void **state)
{
    (void)state;
    json_t *tree = description("fattree_64", NULL);
    assert_int_equal(size_of(tree, "nodes"), 3);
    assert_int_equal(count_of(item(tree, "nodes", 1), "count"), 8);
    assert_int_equal(count_of(item(tree, "nodes", 2), "count"), 4);
    EDGE(tree, 0, 0, 1, 1, 8, 1.25e9, 10e-6);
    EDGE(tree, 1, 1, 2, 4, 8, 1.25e9, 10e-6);
    assert_int_equal(size_of(tree, "links"), 1);
    assert_int_equal(count_of(item(tree, "links", 0), "count"), 64 + 8 * 4);
    json_decref(tree);
}

static void
sites_hold_their_workers_and_switch_and_the_wan_joins_them(void **state)
{
    (void)state;
    json_t *wan = description("wan_4x8", NULL);
    EDGE(wan, 0, 0, 1, 1, 8, 1.25e9, 10e-6);
    EDGE(wan, 1, 1, 2, 1, 4, 1.25e8, 15e-3);
    assert_int_equal(size_of(wan, "sites"), 4);
    for (size_t s = 0; s < 4; s++) {
        const json_t *site = item(wan, "sites", s);
        assert_int_equal(count_of(site, "group"), s);
        assert_int_equal(count_of(site, "workers"), 8);
        assert_int_equal(size_of(site, "nodes"), 2); /* not what joins the sites */
        assert_int_equal(at(item(site, "nodes", 0), 1), 8);
        assert_int_equal(at(item(site, "nodes", 1), 0), 1);
        assert_int_equal(at(item(site, "nodes", 1), 1), 1);
    }
    json_decref(wan);
}

/* ---- what an experiment makes of them ---- */

static void
what_edits_slow_down_stands_apart(void **state)
{
    (void)state;
    json_t *star = description("star_8", "{bandwidth: {node3_eth: x0.1}, speed: {node5: x0.5}}");
    assert_int_equal(size_of(star, "kinds"), 2);
    assert_string_equal(text_of(item(star, "kinds", 0), "ranks"), "0-4,6-7");
    assert_string_equal(text_of(item(star, "kinds", 1), "ranks"), "5");
    assert_int_equal(size_of(star, "nodes"),
                     4); /* six, the slow NIC's, the slow host's, the switch */
    assert_string_equal(text_of(item(star, "nodes", 0), "ranks"), "0-2,4,6-7");
    assert_string_equal(text_of(item(star, "nodes", 1), "ranks"), "3");
    assert_string_equal(text_of(item(star, "nodes", 2), "ranks"), "5");
    EDGE(star, 0, 0, 3, 1, 6, 1.25e9, 10e-6);
    EDGE(star, 1, 1, 3, 1, 1, 1.25e8, 10e-6);
    EDGE(star, 2, 2, 3, 1, 1, 1.25e9, 10e-6);
    assert_int_equal(count_of(item(star, "links", 0), "count"), 7);
    json_decref(star);
    json_t *dgx1 = description("dgx1_8_10gbe", "{bandwidth: {server5_nvlink_0_1: 25GBps}}");
    assert_int_equal(size_of(dgx1, "kinds"), 2);
    assert_string_equal(text_of(item(dgx1, "kinds", 1), "ranks"), "5");
    assert_int_equal(nvlinks(dgx1, 0, 1), 2);
    json_decref(dgx1);
}

static void
traffic_of_others_is_marked_where_it_goes(void **state)
{
    (void)state;
    json_t *star = description("star_8", "{traffic: [{link: node1_eth, load: 0.3, bytes: 5MB}]}");
    const json_t *traffic = item(star, "traffic", 0);
    assert_int_equal(count_of(traffic, "ways"), 2);
    check_near(number_of(traffic, "load"), 0.3, 0);
    check_near(number_of(traffic, "bytes"), 5e6, 0);
    assert_true(flag(traffic, "random"));
    size_t busy = 0;
    for (size_t i = 0; i < size_of(star, "links"); i++)
        busy +=
            flag(item(star, "links", i), "busy") ? count_of(item(star, "links", i), "count") : 0;
    assert_int_equal(busy, 1);
    json_decref(star);
    star = description("star_8", "{traffic: [{from: 0, to: 5, rate: 2Gbps, arrivals: constant}]}");
    assert_int_equal(count_of(item(star, "traffic", 0), "routes"), 1);
    assert_false(flag(item(star, "traffic", 0), "random"));
    assert_true(flag(item(star, "links", 0), "busy"));
    assert_int_equal(count_of(item(star, "links", 0), "count"), 2);
    json_decref(star);
}

#define PLATFORM(inside)                                                                           \
    "<?xml version='1.0'?><!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">"          \
    "<platform version=\"4.1\">" inside "</platform>"
#define HOST(name) "<host id=\"" name "\" speed=\"1Tf\"/>"
#define DUPLEX(name)                                                                               \
    "<link id=\"" name "\" bandwidth=\"1Gbps\" latency=\"5us\" "                                   \
    "sharing_policy=\"SPLITDUPLEX\"/>"
#define PLAIN(name)          "<link id=\"" name "\" bandwidth=\"1Gbps\" latency=\"5us\"/>"
#define OVER(src, dst, ways) "<route src=\"" src "\" dst=\"" dst "\">" ways "</route>"
#define BY(name)             "<link_ctn id=\"" name "\"/>"
#define UP(name)             "<link_ctn id=\"" name "\" direction=\"UP\"/>"

static void
what_profiles_change_or_turn_off_is_marked(void **state)
{
    (void)state;
    folder_write("slow.txt", "0 1e8\n5 1e6\n");
    folder_write("down.txt", "0 1\n100 0\n");
    folder_write("factor.txt", "0 1\n50 0.5\n");
    folder_write(
        "profiles.xml",
        PLATFORM("<zone id=\"w\" routing=\"Cluster\">"
                 "<host id=\"a\" speed=\"1Tf\" speed_file=\"factor.txt\"/>" HOST(
                     "b") "<host id=\"c\" speed=\"1Tf\" state_file=\"down.txt\"/>"
                          "<link id=\"na\" bandwidth=\"1Gbps\" latency=\"5us\" "
                          "sharing_policy=\"SPLITDUPLEX\" bandwidth_file=\"slow.txt\"/>"
                          "<link id=\"nb\" bandwidth=\"1Gbps\" latency=\"5us\" "
                          "sharing_policy=\"SPLITDUPLEX\" state_file=\"down.txt\"/>" DUPLEX(
                              "nc") "<host_link id=\"a\" up=\"na_UP\" down=\"na_DOWN\"/>"
                                    "<host_link id=\"b\" up=\"nb_UP\" down=\"nb_DOWN\"/>"
                                    "<host_link id=\"c\" up=\"nc_UP\" down=\"nc_DOWN\"/></zone>"));
    json_t *platform = description(folder_file("profiles.xml"), NULL);
    static const struct {
        const char *name;
        bool varies, dies;
    } links[] = {{"na", true, false}, {"nb", false, true}, {"nc", false, false}};
    assert_int_equal(size_of(platform, "links"), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *link = item(platform, "links", i);
        assert_string_equal(text_of(link, "name"), links[i].name);
        assert_true(flag(link, "varies") == links[i].varies);
        assert_true(flag(link, "dies") == links[i].dies);
        assert_true(flag(item(platform, "kinds", i), "varies") == (i == 0));
        assert_true(flag(item(platform, "kinds", i), "dies") == (i == 2));
    }
    assert_true(flag(platform, "varies"));
    json_decref(platform);
}

/* ---- written by hand ---- */

/* Each but the first with a way like `way` to those before it. */
#define FIVE(routing, more)                                                                        \
    PLATFORM("<zone id=\"w\" routing=\"" routing "\">" HOST("h0") HOST("h1") HOST("h2") HOST("h3") \
                 HOST("h4") more "</zone>")

static void
links_without_directions_are_a_nic_a_cable_a_trunk_or_a_bus(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        size_t nodes, edges, a, b, each[2];
        bool hub, none; /* the last node is one; no link leads to it */
    } cases[] = {
        {"one host",
         PLATFORM("<zone id=\"w\" routing=\"Full\">" HOST("h0") "</zone>"),
         1,
         0,
         0,
         0,
         {0, 0},
         false,
         false},
        {"a cable",
         PLATFORM("<zone id=\"w\" routing=\"Full\">" HOST("h0") HOST("h1") PLAIN("l")
                      OVER("h0", "h1", BY("l")) "</zone>"),
         1,
         1,
         0,
         0,
         {1, 1},
         false,
         false},
        {"a bus",
         PLATFORM("<zone id=\"w\" routing=\"Full\">" HOST("h0") HOST("h1") HOST("h2") PLAIN("l")
                      OVER("h0", "h1", BY("l")) OVER("h0", "h2", BY("l"))
                          OVER("h1", "h2", BY("l")) "</zone>"),
         2,
         1,
         0,
         1,
         {1, 3},
         true,
         true},
        {"NICs on a switch",
         FIVE("Floyd",
              "<router id=\"s\"/>" PLAIN("l0") PLAIN("l1") PLAIN("l2") PLAIN("l3") PLAIN("l4")
                  OVER("h0", "s", BY("l0")) OVER("h1", "s", BY("l1")) OVER("h2", "s", BY("l2"))
                      OVER("h3", "s", BY("l3")) OVER("h4", "s", BY("l4"))),
         2,
         1,
         0,
         1,
         {1, 5},
         false,
         false},
        {"a trunk between switches",
         PLATFORM("<zone id=\"w\" routing=\"Floyd\">" HOST("h0") HOST("h1") HOST("h2")
                      HOST("h3") "<router id=\"s\"/><router id=\"t\"/>" DUPLEX("l0") DUPLEX("l1")
                          DUPLEX("l2") DUPLEX("l3") PLAIN("k") OVER("h0", "s", UP("l0"))
                              OVER("h1", "s", UP("l1")) OVER("h2", "t", UP("l2"))
                                  OVER("h3", "t", UP("l3")) OVER("s", "t", BY("k")) "</zone>"),
         2,
         2,
         0,
         1,
         {1, 2},
         false,
         false},
        {"one way there and one back",
         FIVE("Cluster", PLAIN("u0") PLAIN("u1") PLAIN("u2") PLAIN("u3") PLAIN("u4") PLAIN("d0")
                             PLAIN("d1") PLAIN("d2") PLAIN("d3")
                                 PLAIN("d4") "<host_link id=\"h0\" up=\"u0\" down=\"d0\"/>"
                                             "<host_link id=\"h1\" up=\"u1\" down=\"d1\"/>"
                                             "<host_link id=\"h2\" up=\"u2\" down=\"d2\"/>"
                                             "<host_link id=\"h3\" up=\"u3\" down=\"d3\"/>"
                                             "<host_link id=\"h4\" up=\"u4\" down=\"d4\"/>"),
         2,
         1,
         0,
         1,
         {1, 5},
         false,
         false},
        {"a backbone",
         PLATFORM("<cluster id=\"c\" prefix=\"n\" suffix=\"\" radical=\"0-15\" speed=\"1Tf\" "
                  "bw=\"1Gbps\" lat=\"5us\" bb_bw=\"20Gbps\" bb_lat=\"5us\"/>"),
         2,
         1,
         0,
         1,
         {1, 16},
         true,
         false},
        {"a torus",
         PLATFORM("<cluster id=\"t\" prefix=\"n\" suffix=\"\" radical=\"0-15\" speed=\"1Tf\" "
                  "bw=\"1Gbps\" lat=\"5us\" topology=\"TORUS\" topo_parameters=\"4,4\"/>"),
         1,
         1,
         0,
         0,
         {4, 4},
         false,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].what);
        json_t *platform = description(cases[i].text, NULL);
        assert_int_equal(size_of(platform, "kinds"), 1);
        assert_int_equal(size_of(platform, "nodes"), cases[i].nodes);
        assert_int_equal(size_of(platform, "edges"), cases[i].edges);
        if (cases[i].edges > 0 && !cases[i].none)
            EDGE(platform, 0, cases[i].a, cases[i].b, cases[i].each[0], cases[i].each[1], 1.25e8,
                 5e-6);
        const json_t *last = item(platform, "nodes", cases[i].nodes - 1);
        assert_true((json_object_get(last, "hub") != NULL) == cases[i].hub);
        json_decref(platform);
    }
}

static void
a_link_that_two_devices_share_begins_beside_both(void **state)
{
    (void)state;
#define DEVICE(name, worker, device)                                                               \
    "<host id=\"" name "\" speed=\"1Tf\"><prop id=\"worker\" value=\"" worker                      \
    "\"/><prop id=\"device\" value=\"" device "\"/></host>"
    json_t *platform = description(
        PLATFORM("<zone id=\"w\" routing=\"Cluster\">" DEVICE("a0", "0", "0") DEVICE("a1", "0", "1")
                     DEVICE("b0", "1", "0") DEVICE("b1", "1", "1") DUPLEX("na") DUPLEX(
                         "nb") "<host_link id=\"a0\" up=\"na_UP\" down=\"na_DOWN\"/>"
                               "<host_link id=\"a1\" up=\"na_UP\" down=\"na_DOWN\"/>"
                               "<host_link id=\"b0\" up=\"nb_UP\" down=\"nb_DOWN\"/>"
                               "<host_link id=\"b1\" up=\"nb_UP\" down=\"nb_DOWN\"/></zone>"),
        NULL);
    const json_t *kind = item(platform, "kinds", 0);
    assert_int_equal(count_of(kind, "count"), 2);
    assert_int_equal(count_of(kind, "points"), 1);
    assert_int_equal(size_of(kind, "edges"), 2);
    for (size_t e = 0; e < 2; e++) {
        assert_int_equal(at(item(kind, "edges", e), 1), 2);
        assert_int_equal(json_integer_value(json_array_get(item(kind, "edges", e), 2)), -1);
    }
    assert_int_equal(at(json_object_get(item(platform, "edges", 0), "ports"), 0), 2);
    EDGE(platform, 0, 0, 1, 1, 2, 1.25e8, 5e-6);
    json_decref(platform);
}

static void
zones_without_a_route_to_each_other_are_not_asked_for_one(void **state)
{
    (void)state;
#define SITE(name, host)                                                                           \
    "<zone id=\"" name                                                                             \
    "\" routing=\"Full\">" HOST(host) "<router id=\"g" host "\"/>" DUPLEX("l" host)                \
        OVER(host, "g" host, UP("l" host)) "</zone>"
#define BRIDGE(a, b, link)                                                                         \
    "<zoneRoute src=\"" a "\" dst=\"" b "\" gw_src=\"g" a "h\" gw_dst=\"g" b                       \
    "h\">" UP(link) "</zoneRoute>"
    static char text[LONGEST];
    struct machine machine = {
        .platform = PLATFORM("<zone id=\"w\" routing=\"Full\">" SITE("x", "xh") SITE("y", "yh")
                                 SITE("z", "zh") DUPLEX("xy") DUPLEX("yz") BRIDGE("x", "y", "xy")
                                     BRIDGE("y", "z", "yz") "</zone>"),
        .exact = true, /* which asks for no way before somebody sends */
        .survey = describe};
    check_ok(machine_run(&machine, text, sizeof text, NULL));
    json_t *platform = json_of(text);
    assert_true(flag(platform, "gaps"));
    assert_null(json_object_get(platform, "nodes"));
    assert_int_equal(count_of(item(platform, "kinds", 0), "count"), 3);
    assert_int_equal(size_of(platform, "links"), 5);
    json_decref(platform);
}

static void
a_peer_has_another_bandwidth_up_than_down(void **state)
{
    (void)state;
#define PEER(name)                                                                                 \
    "<peer id=\"" name "\" speed=\"1Tf\" bw_in=\"100Mbps\" bw_out=\"20Mbps\" "                     \
    "coordinates=\"1 1 1\"/>"
    json_t *platform = description(
        PLATFORM("<zone id=\"w\" routing=\"Vivaldi\">" PEER("p0") PEER("p1") PEER("p2") "</zone>"),
        NULL);
    const json_t *link = item(platform, "links", 0);
    assert_int_equal(size_of(platform, "links"), 1);
    assert_int_equal(count_of(link, "count"), 3);
    check_relative(number_of(link, "bandwidth"), 20e6 / 8, 1e-12);
    check_relative(number_of(link, "down"), 100e6 / 8, 1e-12);
    json_decref(platform);
}

/* A dragonfly of SimGrid 3.32 takes a message from one router to another over no link. */
static void
ways_that_contradict_each_other_are_not_drawn(void **state)
{
    (void)state;
    json_t *platform = description(
        PLATFORM("<cluster id=\"d\" prefix=\"n\" suffix=\"\" radical=\"0-31\" speed=\"1Tf\" "
                 "bw=\"1Gbps\" lat=\"5us\" topology=\"DRAGONFLY\" "
                 "topo_parameters=\"2,1;2,1;2,1;4\"/>"),
        NULL);
    assert_true(flag(platform, "contradicts"));
    assert_null(json_object_get(platform, "nodes"));
    assert_int_equal(count_of(item(platform, "kinds", 0), "count"), 32);
    json_decref(platform);
}

/* `count` hosts in a Cluster zone, no two with the same speeds; or in a row of routers. */
static char *
unlike_hosts(size_t count, bool row)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    fprintf(out, "<?xml version='1.0'?><platform version=\"4.1\"><zone id=\"w\" routing=\"%s\">",
            row ? "Floyd" : "Cluster");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "<host id=\"h%zu\" speed=\"%zuGf\"/>", i, row ? 1 : 1000 + 7 * i);
    for (size_t i = 0; row && i < count; i++)
        fprintf(out, "<router id=\"r%zu\"/>", i);
    for (size_t i = 0; i < count; i++)
        fprintf(out,
                "<link id=\"l%zu\" bandwidth=\"%zuMbps\" latency=\"5us\" "
                "sharing_policy=\"SPLITDUPLEX\"/>",
                i, row ? 100 : 100 + i);
    for (size_t i = 0; row && i + 1 < count; i++)
        fprintf(out,
                "<link id=\"k%zu\" bandwidth=\"1Gbps\" latency=\"5us\" "
                "sharing_policy=\"SPLITDUPLEX\"/>",
                i);
    for (size_t i = 0; i < count; i++)
        if (row)
            fprintf(out,
                    "<route src=\"h%zu\" dst=\"r%zu\"><link_ctn id=\"l%zu\" direction=\"UP\"/>"
                    "</route>",
                    i, i, i);
        else
            fprintf(out, "<host_link id=\"h%zu\" up=\"l%zu_UP\" down=\"l%zu_DOWN\"/>", i, i, i);
    for (size_t i = 0; row && i + 1 < count; i++)
        fprintf(out,
                "<route src=\"r%zu\" dst=\"r%zu\"><link_ctn id=\"k%zu\" direction=\"UP\"/></route>",
                i, i + 1, i);
    fputs("</zone></platform>", out);
    fclose(out);
    return text;
}

static void
what_differs_in_its_speed_only_is_drawn_alike_with_the_range(void **state)
{
    (void)state;
    char *text = unlike_hosts(40, false);
    json_t *platform = description(text, NULL);
    assert_true(flag(platform, "coarse"));
    assert_int_equal(size_of(platform, "kinds"), 1);
    assert_int_equal(size_of(platform, "nodes"), 2);
    const json_t *range = json_object_get(item(platform, "edges", 0), "bandwidth");
    check_relative(json_number_value(json_array_get(range, 0)), 100e6 / 8, 1e-12);
    check_relative(json_number_value(json_array_get(range, 1)), 139e6 / 8, 1e-12);
    assert_int_equal(size_of(platform, "links"), 40);
    json_decref(platform);
    free(text);
}

static void
what_has_too_many_unlike_parts_is_not_drawn(void **state)
{
    (void)state;
    char *text = unlike_hosts(60, true);
    json_t *platform = description(text, NULL);
    assert_true(flag(platform, "irregular"));
    assert_null(json_object_get(platform, "nodes"));
    assert_int_equal(count_of(platform, "workers"), 60);
    assert_int_equal(size_of(platform, "kinds"), 2); /* at the ends a router is one host's alone */
    assert_int_equal(count_of(item(platform, "kinds", 1), "count"), 58);
    json_decref(platform);
    free(text);
}

/* ---- whichever way it is asked ---- */

static void
the_whole_file_is_described_however_many_workers_a_run_has(void **state)
{
    (void)state;
    static char all[LONGEST];
    strcpy(all, description_text("dgx1_8_10gbe", NULL, 0));
    assert_string_equal(description_text("dgx1_8_10gbe", NULL, 2), all);
    assert_string_equal(description_text("dgx1_8_10gbe", NULL, 8), all);
}

static void
thousands_of_workers_take_no_more_bytes_than_eight(void **state)
{
    (void)state;
    const char *text = description_text("star_4096", NULL, 2);
    assert_true(strlen(text) < 600);
    json_t *star = json_of(text);
    assert_int_equal(count_of(star, "workers"), 4096);
    assert_int_equal(count_of(star, "sampled"), 1024); /* a run of 2 makes no more of them */
    EDGE(star, 0, 0, 1, 1, 1024, 1.25e9, 10e-6);
    assert_int_equal(count_of(item(star, "links", 0), "count"), 4096);
    json_decref(star);
}

static void
a_store_has_one_description_of_each_platform_of_its_runs(void **state)
{
    (void)state;
    folder_write("sweep.yaml", "steps: 2\n"
                               "platform: {file: star_4}\n"
                               "timing: {profile: resnet50_v100x8}\n"
                               "sweep: {platform.workers: [2, 4], "
                               "platform.bandwidth.\"*\": [1Gbps, 10Gbps]}\n");
    const char *const arguments[] = {"run",
                                     folder_file("sweep.yaml"),
                                     "--timing-only",
                                     "--quiet",
                                     "--store",
                                     folder_file("sweep.db"),
                                     NULL};
    assert_int_equal(program_call(arguments)->status, 0);
    struct sm_arena arena = {0};
    struct sm_stored_run *runs;
    assert_int_equal(store_runs_with_spans(&arena, "sweep.db", &runs), 4);
    for (size_t i = 0; i < 4; i++) {
        json_t *platform = json_of(runs[i].platform);
        const double bandwidth = number_of(item(platform, "links", 0), "bandwidth");
        assert_true(bandwidth == 1.25e8 || bandwidth == 1.25e9);
        for (size_t k = 0; k < i; k++) /* the same file, the same description */
            assert_true(
                (strcmp(runs[i].platform, runs[k].platform) == 0) ==
                (strcmp(runs[i].summary.hashes.platform, runs[k].summary.hashes.platform) == 0));
        assert_int_equal(count_of(platform, "workers"), 4);
        json_decref(platform);
    }
    assert_int_equal(store_query("sweep.db", "SELECT count(*) FROM platforms"), 2);
    sm_arena_fini(&arena);
}

static void
the_program_prints_what_a_store_would_hold(void **state)
{
    (void)state;
    const char *const arguments[] = {"platform", "check", "wan_4x8", "--json", NULL};
    const struct program_result *result = program_call(arguments);
    assert_int_equal(result->status, 0);
    const char *text = description_text("wan_4x8", NULL, 0);
    assert_memory_equal(result->out, text, strlen(text));
    assert_string_equal(result->out + strlen(text), "\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_platform_is_described_as_its_file_says),
        cmocka_unit_test(a_star_is_workers_round_a_switch),
        cmocka_unit_test(
            a_dgx1_has_its_mesh_of_nvlinks_and_a_tree_of_pcie_with_the_nic_on_a_switch),
        cmocka_unit_test(rails_of_a_dgx_a100_meet_on_one_switch_and_its_devices_on_another),
        cmocka_unit_test(a_fat_tree_has_its_leaves_and_spines),
        cmocka_unit_test(sites_hold_their_workers_and_switch_and_the_wan_joins_them),
        cmocka_unit_test(what_edits_slow_down_stands_apart),
        cmocka_unit_test(traffic_of_others_is_marked_where_it_goes),
        cmocka_unit_test(what_profiles_change_or_turn_off_is_marked),
        cmocka_unit_test(links_without_directions_are_a_nic_a_cable_a_trunk_or_a_bus),
        cmocka_unit_test(a_link_that_two_devices_share_begins_beside_both),
        cmocka_unit_test(zones_without_a_route_to_each_other_are_not_asked_for_one),
        cmocka_unit_test(a_peer_has_another_bandwidth_up_than_down),
        cmocka_unit_test(ways_that_contradict_each_other_are_not_drawn),
        cmocka_unit_test(what_differs_in_its_speed_only_is_drawn_alike_with_the_range),
        cmocka_unit_test(what_has_too_many_unlike_parts_is_not_drawn),
        cmocka_unit_test(the_whole_file_is_described_however_many_workers_a_run_has),
        cmocka_unit_test(thousands_of_workers_take_no_more_bytes_than_eight),
        cmocka_unit_test(a_store_has_one_description_of_each_platform_of_its_runs),
        cmocka_unit_test(the_program_prints_what_a_store_would_hold),
    };
    return cmocka_run_group_tests(tests, NULL, folder_teardown);
}
