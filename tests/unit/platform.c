/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/platform.c -- platform files: what is read, what is refused, what SimGrid is given. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "sim/platform/make.h"
#include "sim/platform/platform.h"

enum { GPUS = 8 };

static const char *const nvlinks[GPUS] = {"02112000", "20120100", "11020020", "12200001",
                                          "20000211", "01002012", "00201102", "00011220"};

/* Two hosts, a way between them; %s stands where tests put their mistakes, one a line:
 * line 4 host a, 5 host b, 6 and 7 links, 8 the route. */
static const char small[] = "<?xml version='1.0'?>\n"
                            "<platform version=\"4.1\">\n"
                            "<zone id=\"w\" routing=\"Full\">\n"
                            "<host id=\"a\" speed=\"1Gf\"/>\n"
                            "<host id=\"b\" speed=\"2Gf\"/>\n"
                            "<link id=\"eth\" bandwidth=\"10Gbps\" latency=\"10us\"/>\n"
                            "<link id=\"duo\" bandwidth=\"1GBps\" latency=\"1us\" "
                            "sharing_policy=\"SPLITDUPLEX\"/>\n"
                            "<route src=\"a\" dst=\"b\"><link_ctn id=\"eth\"/>"
                            "<link_ctn id=\"duo\" direction=\"UP\"/></route>\n"
                            "</zone></platform>\n";

struct fixture {
    struct sm_arena arena;
    char folder[64], file[96];
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    strcpy(f->folder, "/tmp/sm_platform_XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return -1;
    snprintf(f->file, sizeof f->file, "%s/p.xml", f->folder);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    char extra[96];
    snprintf(extra, sizeof extra, "%s/slow.txt", f->folder);
    unlink(extra);
    unlink(f->file);
    rmdir(f->folder);
    sm_arena_fini(&f->arena);
    free(f);
    return 0;
}

static void
write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

/* `text` with its first `from` replaced by `to`; owned by the arena. */
static const char *
replaced(struct fixture *f, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    return sm_arena_printf(&f->arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static enum sm_status
load(struct fixture *f, const char *file, size_t workers, const char *edits,
     struct sm_platform *platform)
{
    struct sm_node *map = NULL;
    if (edits != NULL)
        check_ok(sm_tree_parse(&f->arena, "e.yaml", edits, &map));
    return sm_platform_load(
        &f->arena, &(struct sm_platform_request){file, SM_TEST_SOURCE, workers, 0, map}, platform);
}

static enum sm_status
load_text(struct fixture *f, const char *xml, const char *edits, struct sm_platform *platform)
{
    write_text(f->file, xml);
    return load(f, f->file, 0, edits, platform);
}

/* The small platform with `from` replaced fails on `line` with `part` in its message. */
static void
check_mistake(struct fixture *f, const char *from, const char *to, int line, const char *part)
{
    struct sm_platform platform;
    char where[128];
    check_fails(load_text(f, replaced(f, small, from, to), NULL, &platform), SM_ERR_INPUT, part);
    snprintf(where, sizeof where, "%s:%d: ", f->file, line);
    if (strncmp(sm_error_last()->message, where, strlen(where)) != 0)
        fail_msg("'%s' does not begin with '%s'", sm_error_last()->message, where);
}

static const struct sm_platform_link *
link_of(const struct sm_platform *platform, const char *name)
{
    for (size_t i = 0; i < platform->link_count; i++)
        if (strcmp(platform->links[i].name, name) == 0)
            return &platform->links[i];
    fail_msg("no link %s", name);
    return NULL;
}

static void
dgx1_has_32_workers_of_8_devices_and_four_rings(void **state)
{
    struct sm_platform p;
    check_ok(load(*state, "dgx1_32_10gbe", 0, NULL, &p));
    assert_int_equal(p.worker_count, 32);
    for (size_t w = 0; w < 32; w++) {
        assert_int_equal(p.workers[w].devices, GPUS);
        for (size_t d = 0; d < GPUS; d++) {
            char name[32];
            snprintf(name, sizeof name, "server%zu_gpu%zu", w, d);
            assert_string_equal(p.workers[w].hosts[d], name);
            check_near(p.workers[w].speeds[d], 15.7e12, 0);
        }
        assert_int_equal(p.workers[w].ring_count, 4);
        check_near(p.workers[w].rings[0].share, 1 / 3., 1e-15);
        check_near(p.workers[w].rings[3].share, 1 / 6., 1e-15);
    }
    assert_int_equal(p.link_count, 32 * (16 + 8 + 4 + 1 + 1));
    assert_false(p.varies);
    const struct sm_platform_link *eth = link_of(&p, "server31_eth");
    check_near(eth->bandwidth, 1.25e9, 0);
    check_near(eth->goodput, 0.9564, 1e-15);
    check_near(eth->latency, 10e-6, 1e-18);
    assert_true(eth->duplex);
}

/* What the closed form of the all-reduce in a server rests on. */
static void
rings_of_a_dgx1_give_every_nvlink_direction_one_ring_a_link(void **state)
{
    struct sm_platform p;
    double load_of[GPUS][GPUS] = {{0}};
    check_ok(load(*state, "dgx1_32_10gbe", 1, NULL, &p));
    const struct sm_platform_worker *w = &p.workers[0];
    for (size_t r = 0; r < w->ring_count; r++)
        for (size_t i = 0; i < GPUS; i++)
            load_of[w->rings[r].order[i]][w->rings[r].order[(i + 1) % GPUS]] +=
                6 * w->rings[r].share;
    for (size_t i = 0; i < GPUS; i++)
        for (size_t j = 0; j < GPUS; j++)
            check_near(load_of[i][j], nvlinks[i][j] - '0', 1e-12);
    for (size_t i = 0; i < GPUS; i++)
        for (size_t j = i + 1; j < GPUS; j++)
            if (nvlinks[i][j] != '0') {
                char name[40];
                snprintf(name, sizeof name, "server0_nvlink_%zu_%zu", i, j);
                const struct sm_platform_link *link = link_of(&p, name);
                check_near(link->bandwidth, 25e9 * (nvlinks[i][j] - '0'), 0);
                check_near(link->goodput, 0.9, 1e-15);
            }
}

static void
shipped_platforms_all_load_and_are_listed(void **state)
{
    struct fixture *f = *state;
    const char *const *names = sm_platform_names(&f->arena, SM_TEST_SOURCE);
    size_t count = 0;
    assert_non_null(names);
    for (; names[count] != NULL; count++) {
        struct sm_platform p;
        check_ok(load(f, names[count], 0, NULL, &p));
        assert_true(p.worker_count > 0);
        assert_int_equal(strlen(p.xml), p.xml_length);
    }
    assert_true(count >= 3);
    struct sm_platform v100, star;
    check_ok(load(f, "v100_32_10gbe", 0, NULL, &v100));
    assert_int_equal(v100.worker_count, 32);
    assert_int_equal(v100.workers[31].devices, 1);
    assert_int_equal(v100.workers[31].ring_count, 0);
    check_ok(load(f, "star_8_10gbe", 0, NULL, &star));
    assert_int_equal(star.worker_count, 8);
}

/* How each committed file was made; platforms/README.md says the same. */
static const char *const committed[][3] = {
    {"star_8_10gbe", "star", NULL},
    {"v100_32_10gbe", "v100", NULL},
    {"dgx1_8_10gbe", "dgx1", "{nodes: 8}"},
    {"dgx1_32_10gbe", "dgx1", NULL},
    {"dgx1_32_100gib", "dgx1", "{rails: 4, nic: 100Gbps, latency: 4.8us, goodput: 0.96}"},
    {"dgx_a100_16", "dgx_a100", NULL},
    {"hgx_h100_16", "hgx_h100", NULL},
    {"p3_16xlarge_8", "p3_16xlarge", NULL},
    {"fattree_64", "fattree", NULL},
    {"wan_4x8", "wan", NULL},
};
enum { COMMITTED = sizeof committed / sizeof committed[0] };

/* What the family writes with the settings (YAML, or NULL); owned by the arena. */
static const char *
made(struct fixture *f, const char *family, const char *settings)
{
    char *text = NULL;
    size_t size;
    struct sm_node *map = NULL;
    if (settings != NULL)
        check_ok(sm_tree_parse(&f->arena, "make", settings, &map));
    FILE *out = open_memstream(&text, &size);
    check_ok(sm_platform_make(family, map, out));
    fclose(out);
    const char *copy = sm_arena_strdup(&f->arena, text);
    free(text);
    return copy;
}

static void
committed_platforms_are_what_the_families_write(void **state)
{
    struct fixture *f = *state;
    const char *const *names = sm_platform_names(&f->arena, SM_TEST_SOURCE);
    size_t files = 0;
    while (names[files] != NULL)
        files++;
    assert_int_equal(files, COMMITTED);
    for (size_t i = 0; i < COMMITTED; i++) {
        char path[512], *text;
        size_t length;
        snprintf(path, sizeof path, SM_TEST_SOURCE "/platforms/%s.xml", committed[i][0]);
        check_ok(sm_text_read_file(&f->arena, path, &text, &length));
        assert_string_equal(text, made(f, committed[i][1], committed[i][2]));
        assert_true(length < 1000000);
    }
}

static void
every_family_writes_what_its_settings_say(void **state)
{
    static const struct {
        const char *family, *more, *nic;
        size_t workers;
    } cases[] = {
        {"star", "", "node2_eth", 3},
        {"v100", "", "node2_eth", 3},
        {"dgx1", "", "server2_eth", 3},
        {"dgx1", ", rails: 2", "server2_ib1", 3},
        {"dgx_a100", "", "server2_ib7", 3},
        {"hgx_h100", ", rails: 1", "server2_ib0", 3},
        {"p3_16xlarge", "", "server2_eth", 3},
        {"fattree", ", leaf: 1, oversubscription: 1", "fattree_link", 3},
        {"wan", ", sites: 2", "node5_eth", 6},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sm_platform p;
        const char *settings = sm_arena_printf(
            &f->arena, "{nodes: 3, nic: 25Gbps, latency: 7us, goodput: 1, speed: 2Tf%s}",
            cases[i].more);
        check_ok(load_text(f, made(f, cases[i].family, settings), NULL, &p));
        assert_int_equal(p.worker_count, cases[i].workers);
        check_near(p.workers[2].speeds[0], 2e12, 0);
        const struct sm_platform_link *nic = link_of(&p, cases[i].nic);
        check_near(nic->bandwidth, 25e9 / 8, 0);
        check_relative(nic->latency, 7e-6, 1e-15);
        check_near(nic->goodput, 1, 0);
    }
    check_fails(sm_platform_make("dgx2", NULL, stdout), SM_ERR_NAME, "did you mean 'dgx1'?");
}

static void
settings_that_do_not_go_together_are_refused(void **state)
{
    static const char *const cases[][3] = {
        {"dgx1", "{rails: 8}", "rails: a DGX-1 has a NIC on each of its 4 PCIe switches at most"},
        {"dgx1", "{rails: 3}", "rails: expected 1, 2, 4 or 8 NICs for 8 GPUs, got 3"},
        {"hgx_h100", "{rails: 9}", "rails"},
        {"fattree", "{nodes: 63}", "nodes: 63 hosts do not fill leaf switches of 8"},
        {"fattree", "{oversubscription: 3}", "oversubscription: 3 leaves 2.66667 spines"},
        {"fattree", "{oversubscription: 16}", "expected a whole number from 1 on"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sm_node *map;
        char *text = NULL;
        size_t size;
        check_ok(sm_tree_parse(&f->arena, "make", cases[i][1], &map));
        FILE *out = open_memstream(&text, &size);
        check_fails(sm_platform_make(cases[i][0], map, out), SM_ERR_INPUT, cases[i][2]);
        fclose(out);
        assert_int_equal(size, 0);
        free(text);
    }
}

static void
servers_have_the_rails_and_rings_of_their_family(void **state)
{
    struct sm_platform p;
    check_ok(load(*state, "dgx1_32_100gib", 0, NULL, &p));
    assert_int_equal(p.workers[31].rail_count, 4);
    assert_int_equal(p.workers[31].rails[3], 6);
    assert_int_equal(p.workers[31].ring_count, 4);
    check_ok(load(*state, "dgx_a100_16", 0, NULL, &p));
    assert_int_equal(p.workers[15].rail_count, 8);
    assert_int_equal(p.workers[15].rails[7], 7);
    assert_int_equal(p.workers[15].ring_count, 1);
    check_ok(load(*state, "wan_4x8", 0, NULL, &p));
    for (size_t r = 0; r < 32; r++)
        assert_int_equal(p.workers[r].group, r / 8);
}

static void
star_n_is_made_for_any_n(void **state)
{
    struct sm_platform p;
    check_ok(load(*state, "star_5", 0, NULL, &p));
    assert_int_equal(p.worker_count, 5);
    assert_int_equal(p.link_count, 5);
    assert_string_equal(p.file, "star_5");
    check_ok(load(*state, "star_100", 64, NULL, &p));
    assert_int_equal(p.worker_count, 64);
    assert_string_equal(p.workers[63].hosts[0], "node63");
    check_ok(load(*state, "star_5000", 0, NULL, &p));
    assert_int_equal(p.worker_count, 5000);
    check_fails(load(*state, "star_0", 0, NULL, &p), SM_ERR_INPUT, "no platform 'star_0'");
    check_fails(load(*state, "star_65537", 0, NULL, &p), SM_ERR_INPUT, "star_N (N <= 65536)");
    check_fails(load(*state, "dgx1_32_10gb", 0, NULL, &p), SM_ERR_INPUT,
                "did you mean 'dgx1_32_10gbe'?");
    check_fails(load(*state, "/nowhere/p.xml", 0, NULL, &p), SM_ERR_INPUT, "/nowhere/p.xml");
}

static void
every_host_is_a_worker_when_none_says_so(void **state)
{
    struct sm_platform p;
    check_ok(load_text(*state, small, NULL, &p));
    assert_int_equal(p.worker_count, 2);
    assert_string_equal(p.workers[1].hosts[0], "b");
    check_near(p.workers[1].speeds[0], 2e9, 0);
    assert_int_equal(p.workers[0].devices, 1);
    assert_false(link_of(&p, "eth")->duplex);
    assert_true(link_of(&p, "duo")->duplex);
}

static void
what_simgrid_gets_is_in_base_units_with_goodput_and_no_comments(void **state)
{
    struct sm_platform p, q;
    struct fixture *f = *state;
    const char *xml = replaced(f, small, "latency=\"10us\"/>",
                               "latency=\"10us\"><prop id=\"goodput\" value=\"0.5\"/></link>");
    check_ok(load_text(f, xml, NULL, &p));
    assert_non_null(strstr(p.xml, "id=\"eth\" bandwidth=\"625000000Bps\""));
    check_near(link_of(&p, "eth")->bandwidth, 1.25e9, 0);
    check_near(link_of(&p, "eth")->goodput, 0.5, 0);
    check_ok(load_text(f, replaced(f, xml, "<zone", "<!-- a remark --><zone"), NULL, &q));
    assert_string_equal(p.xml, q.xml);
    assert_true(p.hash == q.hash);
    check_ok(load_text(f, replaced(f, xml, "0.5", "0.25"), NULL, &q));
    assert_true(p.hash != q.hash);
}

static void
speed_lists_of_pstates_pass_and_count_by_their_first(void **state)
{
    struct sm_platform p;
    check_ok(load_text(*state, replaced(*state, small, "1Gf", "100Mf, 50Mf"), "{speed: {a: 400Mf}}",
                       &p));
    check_near(p.workers[0].speeds[0], 4e8, 0);
    assert_non_null(strstr(p.xml, "speed=\"400000000f,200000000f\""));
}

static void
clusters_give_their_hosts_and_links(void **state)
{
    static const char xml[] =
        "<platform version=\"4\"><config id=\"General\"><prop id=\"network/model\" "
        "value=\"CM02\"/></config><zone id=\"w\" routing=\"Floyd\">"
        "<cluster id=\"c\" prefix=\"n-\" suffix=\".lab\" radical=\"0-2,7\" speed=\"3Gf\" "
        "bw=\"125MBps\" lat=\"50us\" bb_bw=\"2GBps\"/>"
        "<cluster id=\"d\" prefix=\"m-\" suffix=\".lab\" radical=\"1\" speed=\"1Gf\" "
        "bw=\"125MBps\" lat=\"50us\"/>"
        "<link id=\"l\" bandwidth=\"1GBps\" latency=\"1us\"/>"
        "<zoneRoute src=\"c\" dst=\"d\" gw_src=\"n-c_router.lab\" gw_dst=\"m-d_router.lab\">"
        "<link_ctn id=\"l\"/></zoneRoute></zone></platform>";
    struct sm_platform p;
    check_ok(load_text(*state, xml, "{bandwidth: {c_link: x2}, speed: {\"n-*\": 5Gf}}", &p));
    assert_int_equal(p.worker_count, 5);
    assert_string_equal(p.workers[3].hosts[0], "n-7.lab");
    check_near(p.workers[3].speeds[0], 5e9, 0);
    check_near(p.workers[4].speeds[0], 1e9, 0);
    check_near(link_of(&p, "c_link")->bandwidth, 250e6, 0);
    check_near(link_of(&p, "c_backbone")->bandwidth, 2e9, 0);
    check_fails(load_text(*state, xml, "{speed: {\"n-1*\": 5Gf}}", &p), SM_ERR_INPUT,
                "expected all or none");
    check_fails(load_text(*state, replaced(*state, xml, "0-2,7", "0-2,x"), NULL, &p), SM_ERR_INPUT,
                "radical=\"0-2,x\"");
}

static void
mistakes_of_grammar_name_the_line(void **state)
{
    struct fixture *f = *state;
    check_mistake(f, "</route>", "</rout>", 8, "not well-formed XML");
    check_mistake(f, "</zone></platform>", "", 10, "not well-formed XML");
    check_mistake(f, "\"4.1\"", "\"3\"", 2, "version=\"3\"");
    check_mistake(f, "<host id=\"a\"", "<hots id=\"a\"", 4, "did you mean <host>?");
    check_mistake(f, "speed=\"1Gf\"", "sped=\"1Gf\"", 4, "did you mean 'speed'?");
    check_mistake(f, " speed=\"1Gf\"", "", 4, "lacks the attribute 'speed'");
    check_mistake(f, "SPLITDUPLEX", "DUPLEX", 7, "SHARED, SPLITDUPLEX");
    check_mistake(f, "\"Full\"", "\"Ful\"", 3, "routing=\"Ful\" is not one of Full");
    check_mistake(f, "<host id=\"a\" speed=\"1Gf\"/>", "<zone id=\"z\" routing=\"Full\"/>", 3,
                  "wrong place");
    check_mistake(f, "</zone>", "</zone><zone id=\"v\" routing=\"Full\"/>", 9,
                  "a second outermost zone");
    struct sm_platform p;
    check_fails(load_text(f, "<house/>", NULL, &p), SM_ERR_INPUT, "expected <platform>");
    check_fails(load_text(f, "", NULL, &p), SM_ERR_INPUT, "not well-formed XML");
    check_fails(load_text(f, "<platform version=\"4.1\"/>", NULL, &p), SM_ERR_INPUT,
                "holds no zone");
}

static void
mistakes_in_quantities_name_the_line(void **state)
{
    struct fixture *f = *state;
    check_mistake(f, "1Gf", "-1Gf", 4, "must be greater than 0");
    check_mistake(f, "1Gf", "nan", 4, "is not a speed");
    check_mistake(f, "1Gf", "inf", 4, "is not a speed");
    check_mistake(f, "1Gf", "1Gf,0f", 4, "must be greater than 0");
    check_mistake(f, "1Gf", "1Gbps", 4, "is not a speed");
    check_mistake(f, "10Gbps", "10Gbit", 6, "is not a bandwidth");
    check_mistake(f, "10Gbps", "0", 6, "must be greater than 0");
    check_mistake(f, "10us", "0", 6, "must be greater than 0");
    check_mistake(f, " latency=\"10us\"", "", 6, "has no latency");
    for (size_t i = 0; i < 4; i++) {
        static const char *const wrong[] = {"0", "1.1", "-0.5", "half"};
        check_mistake(f, "latency=\"10us\"/>",
                      sm_arena_printf(&f->arena,
                                      "latency=\"10us\">\n<prop id=\"goodput\" value=\"%s\"/>"
                                      "</link>",
                                      wrong[i]),
                      7, "in (0, 1]");
    }
}

static void
mistakes_in_names_and_routes_name_the_line(void **state)
{
    struct fixture *f = *state;
    check_mistake(f, "id=\"b\"", "id=\"a\"", 5, "'a' is defined twice; it stands on line 4");
    check_mistake(f, "id=\"a\"", "id=\"w\"", 4, "'w' is defined twice");
    check_mistake(f, "link id=\"duo\"", "link id=\"eth\"", 7, "'eth' is defined twice");
    check_mistake(f, "link_ctn id=\"eth\"", "link_ctn id=\"ethh\"", 8, "did you mean 'eth'?");
    check_mistake(f, "link_ctn id=\"eth\"", "link_ctn id=\"eth\" direction=\"UP\"", 8,
                  "has no directions");
    check_mistake(f, " direction=\"UP\"", "", 8, "expected direction=\"UP\" or \"DOWN\"");
    check_mistake(f, "dst=\"b\"", "dst=\"c\"", 8, "dst=\"c\" of <route>");
    check_mistake(f, "</route>",
                  "</route>\n<route src=\"b\" dst=\"a\"><link_ctn id=\"eth\"/></route>", 9,
                  "stands on line 8 already");
    check_mistake(f, "<link_ctn id=\"eth\"/><link_ctn id=\"duo\" direction=\"UP\"/>", "", 8,
                  "has no <link_ctn>");
    check_mistake(f, "<host id=\"b\" speed=\"2Gf\"/>",
                  "<host id=\"b\" speed=\"2Gf\"/><host id=\"c\" speed=\"1Gf\"/>", 4,
                  "no route leads from 'a' to 'c'");
    struct sm_platform p;
    check_ok(load_text(f, replaced(f, small, "id=\"duo\" direction=\"UP\"", "id=\"duo_DOWN\""),
                       NULL, &p));
}

static void
zone_routes_need_gates_inside_their_zones(void **state)
{
    static const char xml[] =
        "<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">\n"
        "<zone id=\"x\" routing=\"Full\"><host id=\"a\" speed=\"1f\"/></zone>\n"
        "<zone id=\"y\" routing=\"Full\"><host id=\"b\" speed=\"1f\"/></zone>\n"
        "<link id=\"l\" bandwidth=\"1Bps\" latency=\"1s\"/>\n"
        "<zoneRoute src=\"x\" dst=\"y\" gw_src=\"a\" gw_dst=\"b\">"
        "<link_ctn id=\"l\"/></zoneRoute>\n"
        "</zone></platform>";
    struct sm_platform p;
    check_ok(load_text(*state, xml, NULL, &p));
    assert_int_equal(p.worker_count, 2);
    check_fails(load_text(*state, replaced(*state, xml, "gw_src=\"a\"", "gw_src=\"b\""), NULL, &p),
                SM_ERR_INPUT, ":5: gw_src=\"b\" of <zoneRoute> is not in zone 'x'");
    check_fails(load_text(*state, replaced(*state, xml, "dst=\"y\"", "dst=\"z\""), NULL, &p),
                SM_ERR_INPUT, ":5: dst=\"z\"");
}

static void
hosts_of_a_cluster_zone_need_one_link_each(void **state)
{
    static const char xml[] =
        "<platform version=\"4.1\"><zone id=\"w\" routing=\"Cluster\">\n"
        "<host id=\"a\" speed=\"1f\"/>\n"
        "<host id=\"b\" speed=\"1f\"/>\n"
        "<link id=\"l\" bandwidth=\"1Bps\" latency=\"1s\" sharing_policy=\"SPLITDUPLEX\"/>\n"
        "<host_link id=\"a\" up=\"l_UP\" down=\"l_DOWN\"/>\n"
        "<host_link id=\"b\" up=\"l_DOWN\" down=\"l_UP\"/>\n"
        "</zone></platform>";
    static const char *const cases[][3] = {
        {"<host_link id=\"b\"", "<host_link id=\"c\"", ":6: id=\"c\" of <host_link>: no host"},
        {"<host_link id=\"b\"", "<host_link id=\"a\"", ":6: host 'a' has a second <host_link>"},
        {"<host_link id=\"b\" up=\"l_DOWN\" down=\"l_UP\"/>", "",
         ":3: host 'b' has no <host_link>"},
        {"up=\"l_UP\"", "up=\"k_UP\"", ":5: up=\"k_UP\" of <host_link>: no link has that name"},
        {"down=\"l_UP\"", "down=\"l\"", ":6: down=\"l\" of <host_link>: the link is SPLITDUPLEX"},
        {"\"Cluster\"", "\"Floyd\"", ":5: <host_link> in zone 'w'; expected routing=\"Cluster\""},
        {"</zone>", "<route src=\"a\" dst=\"b\"><link_ctn id=\"l_UP\"/></route></zone>",
         ":7: <route> in zone 'w' with routing=\"Cluster\"; expected <host_link>"},
    };
    static const char nested[] =
        "<platform version=\"4.1\"><zone id=\"w\" routing=\"Cluster\">\n"
        "<zone id=\"v\" routing=\"Full\"><host id=\"a\" speed=\"1f\"/></zone></zone></platform>";
    struct sm_platform p;
    check_ok(load_text(*state, xml, NULL, &p));
    assert_int_equal(p.worker_count, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_fails(load_text(*state, replaced(*state, xml, cases[i][0], cases[i][1]), NULL, &p),
                    SM_ERR_INPUT, cases[i][2]);
    check_fails(load_text(*state, nested, NULL, &p), SM_ERR_INPUT,
                ":2: zone 'v' in zone 'w': one with routing=\"Cluster\" holds hosts only");
}

static const char *
with_properties(struct fixture *f, const char *of_a, const char *of_b)
{
    const char *xml = replaced(f, small, "speed=\"1Gf\"/>",
                               sm_arena_printf(&f->arena, "speed=\"1Gf\">%s</host>", of_a));
    return replaced(f, xml, "speed=\"2Gf\"/>",
                    sm_arena_printf(&f->arena, "speed=\"2Gf\">%s</host>", of_b));
}

#define WORKER(n) "<prop id=\"worker\" value=\"" n "\"/>"
#define DEVICE(n) "<prop id=\"device\" value=\"" n "\"/>"
#define RINGS(t)  "<prop id=\"rings\" value=\"" t "\"/>"
#define TREES(t)  "<prop id=\"collective\" value=\"" t "\"/>"
#define RAILS(t)  "<prop id=\"rails\" value=\"" t "\"/>"
#define GROUP(n)  "<prop id=\"group\" value=\"" n "\"/>"

static void
properties_say_how_hosts_become_workers(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    check_ok(load_text(f, with_properties(f, WORKER("0") DEVICE("1"), WORKER("0") DEVICE("0")),
                       NULL, &p));
    assert_int_equal(p.worker_count, 1);
    assert_int_equal(p.workers[0].devices, 2);
    assert_string_equal(p.workers[0].hosts[0], "b");
    assert_int_equal(p.workers[0].ring_count, 1);
    check_near(p.workers[0].rings[0].share, 1, 0);
    assert_int_equal(p.workers[0].rings[0].order[1], 1);
    check_ok(load_text(f, with_properties(f, "", WORKER("0")), NULL, &p));
    assert_int_equal(p.worker_count, 1);
    assert_string_equal(p.workers[0].hosts[0], "b");
    check_ok(load_text(
        f, with_properties(f, WORKER("0") RINGS(" 3:0-1  1:1-0 "), WORKER("0") DEVICE("1")), NULL,
        &p));
    assert_int_equal(p.workers[0].ring_count, 2);
    check_near(p.workers[0].rings[0].share, 0.75, 0);
    assert_int_equal(p.workers[0].rings[1].order[0], 1);
}

static void
rails_and_groups_are_read_from_device_0(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    check_ok(load_text(f, small, NULL, &p));
    assert_int_equal(p.workers[1].rail_count, 1);
    assert_int_equal(p.workers[1].rails[0], 0);
    assert_int_equal(p.workers[1].group, 0);
    check_ok(load_text(
        f, with_properties(f, WORKER("0") RAILS("1-0") GROUP("3"), WORKER("0") DEVICE("1")), NULL,
        &p));
    assert_int_equal(p.workers[0].rail_count, 2);
    assert_int_equal(p.workers[0].rails[0], 1);
    assert_int_equal(p.workers[0].rails[1], 0);
    assert_int_equal(p.workers[0].group, 3);
    /* where every host is a worker, it may have a site without further words */
    check_ok(load_text(f, with_properties(f, "", GROUP("1")), NULL, &p));
    assert_int_equal(p.worker_count, 2);
    assert_int_equal(p.workers[1].group, 1);
}

static void
rails_are_as_many_on_every_worker_and_reach_each_other(void **state)
{
#define DEVICE_OF(name, worker, device, more)                                                      \
    "<host id=\"" name "\" speed=\"1f\">" WORKER(worker) DEVICE(device) more "</host>\n"
#define WAY(from, to) "<route src=\"" from "\" dst=\"" to "\"><link_ctn id=\"l\"/></route>\n"
    static const char xml[] =
        "<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">\n" DEVICE_OF("a0", "0", "0",
                                                                                 RAILS("0-1"))
            DEVICE_OF("a1", "0", "1", "") DEVICE_OF("b0", "1", "0", RAILS("1-0"))
                DEVICE_OF("b1", "1", "1",
                          "") "<link id=\"l\" bandwidth=\"1Bps\" latency=\"1s\"/>\n" WAY("a0", "a1")
                    WAY("b0", "b1") WAY("a0", "b1") WAY("a1", "b0") "</zone></platform>";
    struct sm_platform p;
    check_ok(load_text(*state, xml, NULL, &p));
    assert_int_equal(p.workers[1].rails[0], 1);
    check_fails(load_text(*state, replaced(*state, xml, "1-0", "0-1"), NULL, &p), SM_ERR_INPUT,
                ":2: no route leads from 'a0' to 'b0'");
    check_fails(load_text(*state, replaced(*state, xml, "1-0", "1"), NULL, &p), SM_ERR_INPUT,
                ":4: worker 1 has 1 rails, worker 0 has 2; expected the same");
}

static void
wrong_properties_name_the_line(void **state)
{
    static const struct {
        const char *of_a, *of_b, *part;
    } cases[] = {
        {WORKER("0"), WORKER("2"), ":5: no host is worker 1"},
        {WORKER("1"), WORKER("2"), ":4: no host is worker 0"},
        {WORKER("0"), WORKER("0"), ":5: host 'b' is device 0 of worker 0, and so is 'a'"},
        {WORKER("0"), WORKER("0") DEVICE("2"), ":5: worker 0 has no device 1"},
        {WORKER("-1"), WORKER("0"), ":4: worker=\"-1\""},
        {WORKER("1.5"), WORKER("0"), ":4: worker=\"1.5\""},
        {WORKER("0"), DEVICE("1"), ":5: host 'b' has the property device but not worker"},
        {WORKER("0"), WORKER("0") DEVICE("1") RINGS("1:0-1"), ":5: host 'b' is device 1"},
        {WORKER("0") RINGS("1:0-0"), WORKER("0") DEVICE("1"), ":4: rings=\"1:0-0\""},
        {WORKER("0") RINGS("1:0"), WORKER("0") DEVICE("1"), "permutation of the devices 0..1"},
        {WORKER("0") RINGS("1:0-2"), WORKER("0") DEVICE("1"), "rings=\"1:0-2\""},
        {WORKER("0") RINGS("1:0-1-0"), WORKER("0") DEVICE("1"), "rings=\"1:0-1-0\""},
        {WORKER("0") RINGS("0:0-1"), WORKER("0") DEVICE("1"), "rings=\"0:0-1\""},
        {WORKER("0") RINGS("0-1"), WORKER("0") DEVICE("1"), "rings=\"0-1\""},
        {WORKER("0") RINGS(""), WORKER("0") DEVICE("1"), "rings=\"\""},
        {WORKER("0") RAILS("0-2"), WORKER("0") DEVICE("1"), ":4: rails=\"0-2\" of host 'a'"},
        {WORKER("0") RAILS("0-0"), WORKER("0") DEVICE("1"), "devices of 0..1 joined by -"},
        {WORKER("0") RAILS("0-"), WORKER("0") DEVICE("1"), "rails=\"0-\""},
        {WORKER("0") RAILS("0,1"), WORKER("0") DEVICE("1"), "rails=\"0,1\""},
        {WORKER("0") RAILS(""), WORKER("0") DEVICE("1"), "rails=\"\""},
        {WORKER("0") RAILS("99999999999999999999"), WORKER("0") DEVICE("1"), "rails=\"9999"},
        {WORKER("0"), WORKER("0") DEVICE("1") RAILS("1"), "the property rails belongs on"},
        {WORKER("0"), WORKER("0") DEVICE("1") GROUP("1"), "the property group belongs on"},
        {"", RAILS("0"), ":5: host 'b' has the property rails but not worker"},
        {WORKER("0"), GROUP("0"), ":5: host 'b' has the property group but not worker"},
        {WORKER("0") TREES("tree"), WORKER("0") DEVICE("1"), "expected ring or auto"},
        {WORKER("0") TREES("auto") RINGS("1:0-1 1:1-0"), WORKER("0") DEVICE("1"),
         ":4: collective=\"auto\" of host 'a': expected one ring"},
        {WORKER("0"), WORKER("0") DEVICE("1") TREES("auto"), "the property collective belongs on"},
        {"", TREES("auto"), ":5: host 'b' has the property collective but not worker"},
        {WORKER("0") GROUP("-1"), WORKER("1"), ":4: group=\"-1\" of host 'a'"},
    };
    struct fixture *f = *state;
    struct sm_platform p;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_fails(load_text(f, with_properties(f, cases[i].of_a, cases[i].of_b), NULL, &p),
                    SM_ERR_INPUT, cases[i].part);
}

static void
fewer_hosts_than_workers_says_both_numbers(void **state)
{
    struct sm_platform p;
    check_fails(load(*state, "v100_32_10gbe", 33, "\nworkers: 33", &p), SM_ERR_INPUT,
                "e.yaml:2:10: workers: 33 workers asked for, but " SM_TEST_SOURCE
                "/platforms/v100_32_10gbe.xml has 32");
    check_fails(load(*state, "star_4", 5, NULL, &p), SM_ERR_INPUT, "5 workers asked for");
}

static void
edits_apply_in_order_under_goodput(void **state)
{
    struct sm_platform p;
    check_ok(load(*state, "star_8_10gbe", 0,
                  "{bandwidth: {\"*eth*\": 20Gbps, node3_eth: x0.5},\n"
                  " latency: {\"node[01]_eth\": 1ms}, speed: {node7: x2}}",
                  &p));
    check_near(link_of(&p, "node2_eth")->bandwidth, 2.5e9, 0);
    check_near(link_of(&p, "node3_eth")->bandwidth, 1.25e9, 0);
    check_near(link_of(&p, "node1_eth")->latency, 1e-3, 0);
    check_relative(link_of(&p, "node2_eth")->latency, 1e-5, 1e-15);
    check_near(p.workers[7].speeds[0], 31.4e12, 0);
    check_near(p.workers[6].speeds[0], 15.7e12, 0);
    assert_non_null(strstr(p.xml, "id=\"node2_eth\" bandwidth=\"2391000000Bps\""));
    assert_non_null(strstr(p.xml, "id=\"node7\" speed=\"31400000000000f\""));
    assert_non_null(strstr(p.xml, "latency=\"0.001s\""));
}

static void
wrong_edits_name_the_experiments_line(void **state)
{
    static const char *const cases[][2] = {
        {"{bandwidth: {\"*et*\": nan}}", "e.yaml:1:22: bandwidth.*et*: 'nan' is not a bandwidth"},
        {"{bandwidth: {\"*et*\": inf}}", "'inf' is not a bandwidth"},
        {"{bandwidth: {\"*et*\": 10us}}", "'10us' is not a bandwidth"},
        {"{bandwidth: {\"*et*\": 10}}", "'10' is not a bandwidth"},
        {"{bandwidth: {\"*et*\": -1Gbps}}", "must be greater than 0"},
        {"{bandwidth: {\"*et*\": x0}}", "must be greater than 0"},
        {"{bandwidth: {\"*et*\": xnan}}", "'xnan' is not a bandwidth"},
        {"{bandwidth: {\"*et*\": [1Gbps]}}", "expected a bandwidth"},
        {"{bandwidth: 1Gbps}", "e.yaml:1:13: bandwidth: expected patterns of link names"},
        {"{latency: {\"*eht\": 1us}}", "no link of"},
        {"{latency: {node3_ethh: 1us}}", "the nearest is 'node3_eth'"},
        {"{speed: {nod3: x2}}", "the nearest is 'node0'"},
    };
    struct sm_platform p;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_fails(load(*state, "star_8_10gbe", 0, cases[i][0], &p), SM_ERR_INPUT, cases[i][1]);
}

static void
profile_files_are_found_from_any_folder_and_vary_the_platform(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    char path[96], expected[160];
    const char *xml =
        replaced(f, small, "latency=\"10us\"/>", "latency=\"10us\" bandwidth_file=\"slow.txt\"/>");
    check_fails(load_text(f, xml, NULL, &p), SM_ERR_INPUT, "bandwidth_file=\"slow.txt\"");
    snprintf(path, sizeof path, "%s/slow.txt", f->folder);
    write_text(path, "1.0 0.5\n");
    check_ok(load_text(f, xml, NULL, &p));
    assert_true(p.varies);
    check_mistake(f, "<route", "<trace_connect trace=\"t\" element=\"a\"/>\n<route", 8,
                  "no <trace> is called 't'");
    check_ok(load_text(f, xml, NULL, &p));
    /* SimGrid 3.32 opens no absolute name */
    snprintf(expected, sizeof expected, "/%s\"", path + 1);
    assert_non_null(strstr(p.xml, expected));
    assert_non_null(strstr(p.xml, "bandwidth_file=\"../../"));
    uint64_t hash = p.hash;
    write_text(path, "1.0 0.25\n");
    check_ok(load_text(f, xml, NULL, &p));
    assert_true(p.hash != hash);
}

static void
how_much_traffic_there_is_counts_in_the_hash(void **state)
{
    struct fixture *f = *state;
    static const char *const traffic[] = {
        "{traffic: [{link: node1_eth, load: 0.3}]}",  "{traffic: [{link: node1_eth, load: 0.5}]}",
        "{traffic: [{from: 0, to: 5, rate: 1Gbps}]}", "{traffic: [{from: 0, to: 5, flows: 2}]}",
        "{traffic: [{from: 5, to: 0, flows: 2}]}",    NULL};
    uint64_t hashes[6];
    for (size_t i = 0; i < 6; i++) {
        struct sm_platform p;
        check_ok(load(f, "star_8", 0, traffic[i], &p));
        hashes[i] = p.hash;
        for (size_t k = 0; k < i; k++)
            assert_true(hashes[k] != hashes[i]);
    }
}

/* Workers beyond those of a run are there to be described, and a mistake in them harms nobody. */
static void
the_workers_that_a_run_leaves_out_are_read_as_well(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    check_ok(load(f, "dgx1_8_10gbe", 2, NULL, &p));
    assert_int_equal(p.worker_count, 2);
    assert_int_equal(p.described, 8);
    assert_int_equal(p.file_workers, 8);
    assert_string_equal(p.workers[7].hosts[3], "server7_gpu3");
    check_ok(load(f, "star_5000", 4, NULL, &p));
    assert_int_equal(p.described, 1024);
    assert_int_equal(p.file_workers, 5000);
    const char *lonely = "<?xml version='1.0'?><platform version=\"4.1\">"
                         "<zone id=\"z\" routing=\"Full\"><host id=\"a\" speed=\"1Gf\"/>"
                         "<host id=\"b\" speed=\"1Gf\"/><host id=\"c\" speed=\"1Gf\"/>"
                         "<link id=\"l\" bandwidth=\"1Gbps\" latency=\"1us\"/>"
                         "<route src=\"a\" dst=\"b\"><link_ctn id=\"l\"/></route>"
                         "</zone></platform>";
    char path[96];
    snprintf(path, sizeof path, "%s/lonely.xml", f->folder);
    write_text(path, lonely);
    check_fails(load(f, path, 0, NULL, &p), SM_ERR_INPUT, "no route leads from 'a' to 'c'");
    check_ok(load(f, path, 2, NULL, &p));
    assert_int_equal(p.described, 2);
    assert_int_equal(p.file_workers, 3);
}

/* SimGrid dies of some, forgets the last without a word. */
static void
traces_are_connected_to_one_host_each(void **state)
{
    static const char *const cases[][3] = {
        {"", "duo_UP", "kind=\"HOST_AVAIL\": no host is called 'duo_UP'"},
        {"kind=\"SPEED\"", "c", "kind=\"SPEED\": no host is called 'c'"},
        {"kind=\"LINK_AVAIL\"", "eth", "connects no trace to a link; expected bandwidth_file"},
    };
    static const char trace[] = "<trace id=\"t\" periodicity=\"1\">0 1\n</trace>"
                                "<trace_connect %s trace=\"t\" element=\"%s\"/>\n<route";
    struct fixture *f = *state;
    struct sm_platform p;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_mistake(f, "<route", sm_arena_printf(&f->arena, trace, cases[i][0], cases[i][1]), 9,
                      cases[i][2]);
    const char *good = sm_arena_printf(&f->arena, trace, "kind=\"SPEED\"", "a");
    const char *xml = replaced(f, small, "<route", good);
    check_ok(load_text(f, xml, NULL, &p));
    assert_true(p.varies);
    const char *twice = replaced(f, xml, "<route",
                                 "<trace_connect kind=\"SPEED\" trace=\"t\" element=\"b\"/><route");
    check_fails(load_text(f, twice, NULL, &p), SM_ERR_INPUT,
                "trace 't' is connected on line 9 already; expected a <trace> for each");
}

static void
a_duplex_link_that_goes_down_becomes_two(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    char path[96];
    snprintf(path, sizeof path, "%s/slow.txt", f->folder);
    write_text(path, "1.0 0\n");
    check_ok(load_text(
        f, replaced(f, small, "\"SPLITDUPLEX\"", "\"SPLITDUPLEX\" state_file=\"slow.txt\""),
        "{bandwidth: {duo: 2GBps}}", &p));
    assert_true(p.varies);
    check_near(link_of(&p, "duo")->bandwidth, 2e9, 0);
    assert_true(link_of(&p, "duo")->duplex);
    assert_null(strstr(p.xml, "SPLITDUPLEX"));
    assert_non_null(strstr(p.xml, "<link id=\"duo_UP\" bandwidth=\"2000000000Bps\""));
    assert_non_null(strstr(p.xml, "<link id=\"duo_DOWN\" bandwidth=\"2000000000Bps\""));
    assert_non_null(strstr(p.xml, "<route src=\"a\" dst=\"b\" symmetrical=\"NO\"><link_ctn "
                                  "id=\"eth\"/><link_ctn id=\"duo_UP\"/></route>"));
    assert_non_null(strstr(p.xml, "<route src=\"b\" dst=\"a\" symmetrical=\"NO\"><link_ctn "
                                  "id=\"duo_DOWN\"/><link_ctn id=\"eth\"/></route>"));
    check_fails(
        load_text(f,
                  replaced(f, small, "\"SPLITDUPLEX\"", "\"SPLITDUPLEX\" state_file=\"none.txt\""),
                  NULL, &p),
        SM_ERR_INPUT, ":7: state_file=\"none.txt\" of <link>: no such readable file");
}

static void
a_wrong_profile_says_which_line(void **state)
{
    static const struct {
        const char *key, *text, *expected;
    } cases[] = {
        {"state_file", "0 1\n3 0.5\n", "slow.txt:2: '3 0.5' in the state_file of "},
        {"state_file", "1 1 a 1\n", "slow.txt:1: '1 1 a 1' in the state_file of "},
        {"state_file", "0 1\n5\n", ":2: '5' in the state_file of "},
        {"state_file", "5 1\n3 0\n", "expected seconds that are not negative and do not decrease"},
        {"state_file", "-1 1\n", "expected seconds that are not negative and do not decrease"},
        {"state_file", "0 up\n", "expected SECONDS VALUE, PERIODICITY SECONDS or LOOPAFTER"},
        {"state_file", "# none\n", "expected lines SECONDS VALUE"},
        {"bandwidth_file", "0 -5\n", "expected bytes/s, greater than 0"},
        {"bandwidth_file", "0 1e9 2e9\n", "expected SECONDS VALUE"},
        {"bandwidth_file", "0 nan\n", "expected SECONDS VALUE"},
        {"latency_file", "0 0\n", "expected seconds, greater than 0"},
        {"bandwidth_file", "0 1e9\nPERIODICITY 0\n", ":2: 'PERIODICITY 0' in the bandwidth_file"},
        {"bandwidth_file", "0 1e9\n9 2e9\nPERIODICITY 5\n", "no less than the last line's"},
        {"bandwidth_file", "PERIODICITY 5\n0 1e9\n9 2e9\n", "no less than the last line's"},
        {"bandwidth_file", "0 1e9\nPERIOD 5\n", "expected SECONDS VALUE"},
    };
    struct fixture *f = *state;
    struct sm_platform p;
    char path[96];
    snprintf(path, sizeof path, "%s/slow.txt", f->folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text(path, cases[i].text);
        const char *with =
            sm_arena_printf(&f->arena, "\"SPLITDUPLEX\" %s=\"slow.txt\"", cases[i].key);
        check_fails(load_text(f, replaced(f, small, "\"SPLITDUPLEX\"", with), NULL, &p),
                    SM_ERR_INPUT, cases[i].expected);
    }
    write_text(path, "% one\n\n 0 1e9 \r\n4\t2e9\nLOOPAFTER 1.5\n");
    check_ok(load_text(
        f, replaced(f, small, "\"SPLITDUPLEX\"", "\"SPLITDUPLEX\" bandwidth_file=\"slow.txt\""),
        NULL, &p));
}

/* What SimGrid's own parser makes of the order of a zone's elements. */
static void
links_stand_before_hosts_but_not_before_zones(void **state)
{
    static const char inner[] =
        "<zone id=\"v\" routing=\"Full\"><host id=\"a\" speed=\"1f\"/></zone>";
    static const char link[] = "<link id=\"k\" bandwidth=\"1Bps\" latency=\"1s\"/>";
    static const char trace[] = "<trace id=\"t\" periodicity=\"1\">0 1\n</trace>";
    static const char zone[] =
        "<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">%s%s</zone></platform>";
    struct fixture *f = *state;
    struct sm_platform p;
    check_ok(load_text(f, sm_arena_printf(&f->arena, zone, link, "<host id=\"a\" speed=\"1f\"/>"),
                       NULL, &p));
    check_ok(load_text(f, sm_arena_printf(&f->arena, zone, inner, link), NULL, &p));
    check_fails(load_text(f, sm_arena_printf(&f->arena, zone, link, inner), NULL, &p), SM_ERR_INPUT,
                "zones (one first) and links");
    check_fails(load_text(f, sm_arena_printf(&f->arena, zone, trace, inner), NULL, &p),
                SM_ERR_INPUT, "wrong place");
}

static void
settings_of_the_network_are_taken_from_the_file(void **state)
{
    static const char config[] = "<config id=\"General\"><prop id=\"%s\" value=\"%s\"/></config>"
                                 "<zone id=\"w\"";
    struct fixture *f = *state;
    struct sm_platform p;
    const char *ours = sm_arena_printf(&f->arena, config, "network/model", "CM02");
    check_ok(load_text(f, replaced(f, small, "<zone id=\"w\"", ours), NULL, &p));
    assert_null(p.settings); /* they are ours already */
    const char *other = sm_arena_printf(&f->arena, config, "network/model", "LV08");
    check_ok(load_text(f, replaced(f, small, "<zone id=\"w\"", other), NULL, &p));
    assert_string_equal(p.settings[0], "network/model:LV08");
    assert_null(p.settings[1]);
    static const char *const wrong[][3] = {
        {"network/model", "lv", "sets network/model to 'lv', expected one of CM02, LV08"},
        {"network/latency-factor", "0", "sets network/latency-factor to '0', expected a number"},
        {"network/bandwidth-factor", "2", "expected a number 1e-09 .. 1"},
        {"network/latency-facter", "2", "did you mean 'network/latency-factor'?"},
        {"contexts/factory", "raw", "sets 'contexts/factory'; expected one of network/model, "},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_mistake(f, "<zone id=\"w\"",
                      sm_arena_printf(&f->arena, config, wrong[i][0], wrong[i][1]), 3, wrong[i][2]);
}

static void
topologies_have_as_many_hosts_as_their_parameters_say(void **state)
{
    static const char *const good[][2] = {{"TORUS", "2,3,1"},
                                          {"FAT_TREE", "2;3,2;1,1;1,1"},
                                          {"FAT_TREE", "1;6;1;1"},
                                          {"DRAGONFLY", "3,1;1,4;2,1;1"}};
    static const char *const bad[][3] = {
        {"TORUS", "2,3,2", "topo_parameters=\"2,3,2\" make 12 hosts, radical makes 6"},
        {"TORUS", "2,x", "of a TORUS cluster: expected its sizes, as 4,4,2"},
        {"TORUS", "2,3,", "expected its sizes"},
        {"TORUS", "", "expected its sizes"},
        {"FAT_TREE", "2;4,2;1,1;1,1", "make 8 hosts"},
        {"FAT_TREE", "6", "of a FAT_TREE cluster: expected levels, hosts, uplinks and cables"},
        {"DRAGONFLY", "3,1;1,4;2,1;2", "make 12 hosts"},
        {"DRAGONFLY", "3,1;1,4;2,1", "of a DRAGONFLY cluster: expected groups, chassis, routers"},
    };
    static const char xml[] = "<platform version=\"4.1\">\n<cluster id=\"c\" prefix=\"n\" "
                              "suffix=\"\" radical=\"0-5\" speed=\"1Gf\" bw=\"1GBps\" lat=\"1us\" "
                              "topology=\"%s\" topo_parameters=\"%s\"/></platform>";
    struct fixture *f = *state;
    struct sm_platform p;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        check_ok(load_text(f, sm_arena_printf(&f->arena, xml, good[i][0], good[i][1]), NULL, &p));
        assert_int_equal(p.worker_count, 6);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_fails(load_text(f, sm_arena_printf(&f->arena, xml, bad[i][0], bad[i][1]), NULL, &p),
                    SM_ERR_INPUT, bad[i][2]);
}

static void
sites_are_groups_where_they_are_of_one_size_and_one_after_the_other(void **state)
{
    (void)state;
    static const struct {
        size_t sites[8], workers, group;
    } cases[] = {
        {{0, 0, 0, 0}, 4, 0},       {{0, 0, 1, 1}, 4, 2}, {{7, 7, 7, 2, 2, 2}, 6, 3},
        {{0, 0, 1, 1, 1, 1}, 6, 0}, {{0, 1, 0, 1}, 4, 0}, {{0, 0, 1, 1, 0, 0}, 6, 2},
        {{0, 0, 1, 1}, 3, 0},       {{0, 1, 2}, 3, 0},    {{0, 0, 0, 1}, 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sm_platform_worker workers[8] = {0};
        for (size_t r = 0; r < 8; r++)
            workers[r].group = cases[i].sites[r];
        const struct sm_platform platform = {.workers = workers, .worker_count = 8};
        assert_int_equal(sm_platform_group(&platform, cases[i].workers), cases[i].group);
    }
}

/* Periods: 1 off at 3, on at 4, every 10 s from the start; 2 the same, 6 s after its last line. */
static void
links_and_hosts_that_go_down_are_known_with_their_times(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    char path[96];
    double since = -1;
    const char *host = replaced(f, small, "1Gf\"/>", "1Gf\" state_file=\"slow.txt\"/>");
    const char *const endings[] = {"", "PERIODICITY 10\n", "LOOPAFTER 6\n"};
    snprintf(path, sizeof path, "%s/slow.txt", f->folder);
    for (size_t i = 0; i < 3; i++) {
        write_text(path, sm_arena_printf(&f->arena, "# of a\n0 1\n3 0\n4 1\n%s", endings[i]));
        check_ok(load_text(f, host, NULL, &p));
        assert_true(p.varies && p.states != NULL && p.states->host && p.states->next == NULL);
        assert_false(sm_platform_is_down(&p, "a", 2.9, &since));
        assert_true(sm_platform_is_down(&p, "a", 3, &since));
        check_relative(since, 3, 1e-12);
        assert_false(sm_platform_is_down(&p, "a", 4.5, &since));
        assert_int_equal(sm_platform_is_down(&p, "a", 23.5, &since), i > 0);
        check_relative(since, i > 0 ? 23 : 3, 1e-12);
        assert_false(sm_platform_is_down(&p, "b", 3.5, &since));
    }
    write_text(path, "5 0\nPERIODICITY 8\n"); /* down for good, from 5 on */
    check_ok(load_text(f, host, NULL, &p));
    assert_false(sm_platform_is_down(&p, "a", 4.5, &since));
    assert_true(sm_platform_is_down(&p, "a", 9, &since));
    write_text(path, "STOCHASTIC\nEXP 1 DET 0\n"); /* SimGrid draws */
    check_ok(load_text(f, host, NULL, &p));
    assert_false(sm_platform_is_down(&p, "a", 9, &since));
    check_ok(load_text(f,
                       replaced(f, small, "<route",
                                "<trace id=\"t\" periodicity=\"0\">0 1\n2 0\n</trace>"
                                "<trace_connect trace=\"t\" element=\"b\"/>\n<route"),
                       NULL, &p));
    assert_true(sm_platform_is_down(&p, "b", 2.5, &since));
    check_relative(since, 2, 1e-12);
    check_ok(load_text(f, small, NULL, &p));
    assert_null(p.states);
}

/* SimGrid 3.32 reads no name twice. */
static void
profiles_of_a_duplex_link_that_goes_down_have_a_name_for_each_half(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    char path[96];
    double since;
    const char *xml = replaced(f, small, "\"SPLITDUPLEX\"",
                               "\"SPLITDUPLEX\" state_file=\"slow.txt\" "
                               "bandwidth_file=\"rates.txt\"");
    snprintf(path, sizeof path, "%s/rates.txt", f->folder);
    write_text(path, "0 1e9\n");
    snprintf(path, sizeof path, "%s/slow.txt", f->folder);
    write_text(path, "0 1\n3 0\n");
    check_ok(load_text(f, xml, "{bandwidth: {duo: x3}}", &p));
    assert_null(strstr(p.xml, "SPLITDUPLEX"));
    assert_null(strstr(p.xml, "direction"));
    assert_non_null(strstr(p.xml, "<link_ctn id=\"duo_UP\"/>"));
    const char *up = strstr(p.xml, "<link id=\"duo_UP\" bandwidth=\"3000000000Bps\"");
    const char *down = strstr(p.xml, "<link id=\"duo_DOWN\" bandwidth=\"3000000000Bps\"");
    assert_true(up != NULL && down != NULL);
    char names[4][1024]; /* each profile is read under a name of its own */
    size_t count = 0;
    for (const char *at = p.xml; count < 4 && (at = strstr(at, "_file=\"")) != NULL; count++) {
        at += strlen("_file=\"");
        snprintf(names[count], sizeof names[count], "%.*s", (int)strcspn(at, "\""), at);
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(names[i], names[count]);
        assert_int_equal(access(names[count], R_OK), 0);
    }
    assert_int_equal(count, 4);
    assert_true(sm_platform_is_down(&p, "duo_UP", 3.5, &since));
    assert_true(sm_platform_is_down(&p, "duo_DOWN", 3.5, &since));
    assert_int_equal(p.link_count, 2); /* as the user wrote it */
}

/* ---- written with edits ---- */

/* The platform of `file` with `edits` in its text, as f->file; then loaded. */
static struct sm_platform
written(struct fixture *f, const char *file, const char *edits)
{
    struct sm_node *map;
    struct sm_platform platform;
    check_ok(sm_tree_parse(&f->arena, "edits", edits, &map));
    const struct sm_platform_request request = {.file = file, .home = SM_TEST_SOURCE, .edits = map};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    check_ok(sm_platform_write(&request, out));
    fclose(out);
    write_text(f->file, text);
    free(text);
    const struct sm_platform_request plain = {.file = f->file, .home = SM_TEST_SOURCE};
    check_ok(sm_platform_load(&f->arena, &plain, &platform));
    return platform;
}

static void
a_written_platform_is_the_edited_one_to_the_bit(void **state)
{
    struct fixture *f = *state;
    static const char edits[] =
        "{bandwidth: {'*': x0.3}, latency: {'*': 7.3us}, speed: {'*': x1.1}}";
    const char *const *names = sm_platform_names(&f->arena, SM_TEST_SOURCE);
    for (; *names != NULL; names++) {
        struct sm_node *map;
        struct sm_platform edited;
        check_ok(sm_tree_parse(&f->arena, "edits", edits, &map));
        const struct sm_platform_request request = {
            .file = *names, .home = SM_TEST_SOURCE, .edits = map};
        check_ok(sm_platform_load(&f->arena, &request, &edited));
        const struct sm_platform loaded = written(f, *names, edits);
        assert_string_equal(loaded.xml, edited.xml); /* goodput is in there, once */
    }
}

static void
what_is_not_edited_stays_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    const char *noted = replaced(f, small, "<host id=\"a\"", "<!-- mine --><host id=\"a\"");
    char from[96], *text;
    size_t length;
    snprintf(from, sizeof from, "%s/slow.txt", f->folder);
    snprintf(strrchr(from, '/'), sizeof from - strlen(f->folder), "/q.xml");
    write_text(from, noted);
    const struct sm_platform loaded = written(f, from, "{bandwidth: {eth: 2.5Gbps}}");
    check_near(loaded.links[0].bandwidth, 2.5e9 / 8, 0);
    check_ok(sm_text_read_file(&f->arena, f->file, &text, &length));
    const char *body = strstr(replaced(f, noted, "10Gbps", "2.5Gbps"), "<platform");
    assert_string_equal(strstr(text, "<platform"), body);
    unlink(from);
}

static void
a_written_platform_takes_only_what_files_hold(void **state)
{
    struct fixture *f = *state;
    struct sm_node *map;
    check_ok(sm_tree_parse(&f->arena, "edits", "{bandwith: {'*': 1Gbps}}", &map));
    const struct sm_platform_request request = {.file = "star_4", .home = "", .edits = map};
    check_fails(sm_platform_write(&request, stdout), SM_ERR_INPUT, "did you mean 'bandwidth'?");
    check_ok(sm_tree_parse(&f->arena, "edits", "{bandwidth: {nobody: 1Gbps}}", &map));
    const struct sm_platform_request nobody = {.file = "star_4", .home = "", .edits = map};
    check_fails(sm_platform_write(&nobody, stdout), SM_ERR_INPUT, "matches 'nobody'");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(dgx1_has_32_workers_of_8_devices_and_four_rings),
        TEST(how_much_traffic_there_is_counts_in_the_hash),
        TEST(the_workers_that_a_run_leaves_out_are_read_as_well),
        TEST(rings_of_a_dgx1_give_every_nvlink_direction_one_ring_a_link),
        TEST(shipped_platforms_all_load_and_are_listed),
        TEST(committed_platforms_are_what_the_families_write),
        TEST(every_family_writes_what_its_settings_say),
        TEST(settings_that_do_not_go_together_are_refused),
        TEST(servers_have_the_rails_and_rings_of_their_family),
        TEST(star_n_is_made_for_any_n),
        TEST(every_host_is_a_worker_when_none_says_so),
        TEST(what_simgrid_gets_is_in_base_units_with_goodput_and_no_comments),
        TEST(speed_lists_of_pstates_pass_and_count_by_their_first),
        TEST(clusters_give_their_hosts_and_links),
        TEST(mistakes_of_grammar_name_the_line),
        TEST(mistakes_in_quantities_name_the_line),
        TEST(mistakes_in_names_and_routes_name_the_line),
        TEST(zone_routes_need_gates_inside_their_zones),
        TEST(hosts_of_a_cluster_zone_need_one_link_each),
        TEST(properties_say_how_hosts_become_workers),
        TEST(rails_and_groups_are_read_from_device_0),
        TEST(sites_are_groups_where_they_are_of_one_size_and_one_after_the_other),
        TEST(rails_are_as_many_on_every_worker_and_reach_each_other),
        TEST(wrong_properties_name_the_line),
        TEST(fewer_hosts_than_workers_says_both_numbers),
        TEST(edits_apply_in_order_under_goodput),
        TEST(wrong_edits_name_the_experiments_line),
        TEST(links_and_hosts_that_go_down_are_known_with_their_times),
        TEST(profiles_of_a_duplex_link_that_goes_down_have_a_name_for_each_half),
        TEST(profile_files_are_found_from_any_folder_and_vary_the_platform),
        TEST(traces_are_connected_to_one_host_each),
        TEST(a_duplex_link_that_goes_down_becomes_two),
        TEST(a_wrong_profile_says_which_line),
        TEST(links_stand_before_hosts_but_not_before_zones),
        TEST(settings_of_the_network_are_taken_from_the_file),
        TEST(topologies_have_as_many_hosts_as_their_parameters_say),
        TEST(a_written_platform_is_the_edited_one_to_the_bit),
        TEST(what_is_not_edited_stays_as_it_was_written),
        TEST(a_written_platform_takes_only_what_files_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
