/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/platform.c -- platform files: what is read, what is refused, what SimGrid is given. */
#include "tests/helpers/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void
committed_platforms_are_what_the_families_write(void **state)
{
    static const char *const files[][2] = {
        {"star", "star_8_10gbe"}, {"v100", "v100_32_10gbe"}, {"dgx1", "dgx1_32_10gbe"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *made = NULL, path[512];
        size_t size;
        FILE *out = open_memstream(&made, &size);
        check_ok(sm_platform_make(files[i][0], NULL, out));
        fclose(out);
        snprintf(path, sizeof path, SM_TEST_SOURCE "/platforms/%s.xml", files[i][1]);
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        char *committed = sm_arena_zalloc(&f->arena, size + 2, 1);
        assert_int_equal(fread(committed, 1, size + 1, in), size);
        fclose(in);
        assert_string_equal(committed, made);
        assert_true(size < 1000000);
        free(made);
    }
}

static void
every_family_writes_what_its_settings_say(void **state)
{
    struct fixture *f = *state;
    for (const struct sm_platform_family *family = sm_platform_families; family->name != NULL;
         family++) {
        struct sm_node *settings;
        struct sm_platform p;
        check_ok(sm_tree_parse(&f->arena, "make",
                               "{nodes: 3, nic: 25Gbps, latency: 7us, goodput: 1, speed: 2Tf}",
                               &settings));
        FILE *out = fopen(f->file, "w");
        check_ok(sm_platform_make(family->name, settings, out));
        fclose(out);
        check_ok(load(f, f->file, 0, NULL, &p));
        assert_int_equal(p.worker_count, 3);
        check_near(p.workers[2].speeds[0], 2e12, 0);
        const struct sm_platform_link *eth =
            link_of(&p, strcmp(family->name, "dgx1") == 0 ? "server2_eth" : "node2_eth");
        check_near(eth->bandwidth, 25e9 / 8, 0);
        check_relative(eth->latency, 7e-6, 1e-15);
        check_near(eth->goodput, 1, 0);
    }
    check_fails(sm_platform_make("dgx2", NULL, stdout), SM_ERR_NAME, "did you mean 'dgx1'?");
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
    check_fails(load(*state, "star_0", 0, NULL, &p), SM_ERR_INPUT, "no platform 'star_0'");
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
    static const char trace[] = "<trace id=\"t\" periodicity=\"1\">0 1\n</trace>"
                                "<trace_connect trace=\"t\" element=\"%s\"/>\n<route";
    check_mistake(f, "<route", sm_arena_printf(&f->arena, trace, "duo"), 9, "its _UP or _DOWN");
    check_ok(load_text(f, replaced(f, small, "<route", sm_arena_printf(&f->arena, trace, "duo_UP")),
                       NULL, &p));
    assert_true(p.varies);
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
    check_ok(load_text(
        f,
        replaced(f, small, "<route",
                 "<trace id=\"t\" periodicity=\"0\">0 1\n2 0\n</trace>"
                 "<trace_connect kind=\"LINK_AVAIL\" trace=\"t\" element=\"duo_UP\"/>\n<route"),
        NULL, &p));
    assert_true(sm_platform_is_down(&p, "duo_UP", 2.5, &since));
    check_relative(since, 2, 1e-12);
    check_ok(load_text(f, small, NULL, &p));
    assert_null(p.states);
}

/* SimGrid 3.32 would abort. */
static void
a_duplex_link_that_goes_down_becomes_two_links(void **state)
{
    struct fixture *f = *state;
    struct sm_platform p;
    char path[96];
    double since;
    const char *xml = replaced(f, small, "\"SPLITDUPLEX\"",
                               "\"SPLITDUPLEX\" state_file=\"slow.txt\" "
                               "bandwidth_file=\"slow.txt\"");
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

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(dgx1_has_32_workers_of_8_devices_and_four_rings),
        TEST(rings_of_a_dgx1_give_every_nvlink_direction_one_ring_a_link),
        TEST(shipped_platforms_all_load_and_are_listed),
        TEST(committed_platforms_are_what_the_families_write),
        TEST(every_family_writes_what_its_settings_say),
        TEST(star_n_is_made_for_any_n),
        TEST(every_host_is_a_worker_when_none_says_so),
        TEST(what_simgrid_gets_is_in_base_units_with_goodput_and_no_comments),
        TEST(speed_lists_of_pstates_pass_and_count_by_their_first),
        TEST(clusters_give_their_hosts_and_links),
        TEST(mistakes_of_grammar_name_the_line),
        TEST(mistakes_in_quantities_name_the_line),
        TEST(mistakes_in_names_and_routes_name_the_line),
        TEST(zone_routes_need_gates_inside_their_zones),
        TEST(properties_say_how_hosts_become_workers),
        TEST(wrong_properties_name_the_line),
        TEST(fewer_hosts_than_workers_says_both_numbers),
        TEST(edits_apply_in_order_under_goodput),
        TEST(wrong_edits_name_the_experiments_line),
        TEST(links_and_hosts_that_go_down_are_known_with_their_times),
        TEST(a_duplex_link_that_goes_down_becomes_two_links),
        TEST(profile_files_are_found_from_any_folder_and_vary_the_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
